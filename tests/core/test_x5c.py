"""`x5c` of a JWK: certificates of another key are never accepted."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
)

import trustkeys
from tests import support
from tests.formats.helpers import (
    Authority,
    refused,
)
from trustkeys import TrustFrameworkKey, testing
from trustkeys.formats import certificates

pytestmark = pytest.mark.usefixtures("test_keys_allowed")


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


def test_a_jwk_with_the_certificates_of_another_key_is_refused(
    rsa_key: TrustFrameworkKey,
    authority: Authority,
) -> None:
    key = certificates.with_certificates(rsa_key, [authority.issue_for(rsa_key), authority.middle])
    jwk = key.to_jwk(private=True)

    for changed, message in (
        ({**testing.rsa_key(1).to_jwk(), "x5c": jwk["x5c"]}, "but it has another key"),
        ({**jwk, "x5c": jwk["x5c"][::-1]}, "but it has another key"),
        ({**jwk, "x5c": [jwk["x5c"][0], jwk["x5c"][0]]}, "certificate 1 is not issued by the next"),
        ({**jwk, "x5t": "abc"}, "x5t must be the SHA-1 thumbprint"),
        ({**jwk, "x5c": jwk["x5c"] * 6}, "at most 10 certificates"),
        ({**jwk, "x5c": ["AAAA"]}, "x5c must be a list of at most 10 certificates"),
        (
            {**testing.oct_key(0).to_jwk(private=True), "x5c": jwk["x5c"]},
            "an oct key has no certificate",
        ),
    ):
        error = refused(TrustFrameworkKey.from_jwk, changed)
        assert (error.code, error.target, message in error.message) == ("AADB2C95034", "x5c", True)


@pytest.mark.usefixtures("clean_registry")
def test_a_key_of_another_type_keeps_its_certificates(certified: TrustFrameworkKey) -> None:
    namespace: dict[str, Any] = {}
    exec(support.documented_p256(), namespace)
    trustkeys.register_strategy(namespace["p256"])
    jwk = trustkeys.generate_key("sig", "EC").to_jwk()
    assert TrustFrameworkKey.from_jwk({**jwk, "x5c": certified.x5c}).x5c == certified.x5c


def test_a_certificate_with_an_unreadable_key_matches_no_key(
    rsa_key: TrustFrameworkKey, authority: Authority
) -> None:
    curve = ec.generate_private_key(ec.SECP256R1())
    other = authority.issue("CN=leaf", curve.public_key(), "CN=middle", authority.key)
    jwk = {**rsa_key.to_jwk(), "x5c": [_base64(other)]}
    assert "another key" in refused(TrustFrameworkKey.from_jwk, jwk).message
    # A key of an unknown algorithm.
    rsa_encryption = bytes.fromhex("06092a864886f70d010101")
    der = authority.issue_for(rsa_key).public_bytes(Encoding.DER)
    unknown = der.replace(rsa_encryption, rsa_encryption[:-1] + b"\x63")
    jwk["x5c"] = [base64.b64encode(unknown).decode()]
    assert "another key" in refused(TrustFrameworkKey.from_jwk, jwk).message
    for data in (other.public_bytes(Encoding.DER), unknown):
        error = refused(certificates.from_certificate, data, use="sig")
        assert "must be for an RSA key" in error.message


def _base64(certificate: x509.Certificate) -> str:
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
