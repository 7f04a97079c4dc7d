"""uploadSecret, uploadCertificate and uploadPkcs12 add the same keys as the service."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
)

import trustkeys
from tests.formats.helpers import (
    NOW,
    refused,
)
from trustkeys import TrustFrameworkKey, TrustFrameworkKeySet, testing
from trustkeys.formats import certificates, pkcs12

pytestmark = pytest.mark.usefixtures("test_keys_allowed")


def test_upload_secret_gives_a_random_kid() -> None:
    keys = TrustFrameworkKeySet("a")
    first = keys.upload_secret("s3cret", "sig", nbf=1, exp=2)
    second = keys.upload_secret("s3cret")
    assert first.kid != second.kid
    assert len(first.kid) == 43
    assert first.to_jwk(private=True)["k"] == "czNjcmV0"
    assert (first.kty, first.use, first.nbf, first.exp) == ("oct", "sig", 1, 2)
    assert [*keys] == [first, second]
    assert first.kid != trustkeys.jwk_thumbprint(first.to_jwk(private=True))
    wrong: list[tuple[Any, str]] = [
        ("", "AADB2C90253"),
        (None, "AADB2C90253"),
        (b"bytes", "BadRequest"),
        ("\ud800", "BadRequest"),
    ]
    for text, code in wrong:
        error = refused(keys.upload_secret, text)
        assert (error.code, error.target) == (code, "k")
    assert refused(keys.upload_secret, "x", "enc").code == "AADB2C95042"
    assert refused(TrustFrameworkKeySet("b").upload_secret, "x").code == "AADB2C90253"
    assert len(keys) == 2


def test_upload_certificate_adds_a_public_key(certified: TrustFrameworkKey) -> None:
    for form in (
        certificates.to_certificate_pem(certified),
        certificates.certificates_of(certified)[0].public_bytes(Encoding.DER),
        certified.x5c[0],
    ):
        keys = TrustFrameworkKeySet("a")
        assert keys.upload_certificate(form) == certified.public()
        assert [*keys] == [certified.public()]
        assert keys.check(NOW)[0].code == "AADB2C90085"
    enc = TrustFrameworkKeySet("a", [testing.rsa_key(0, use="enc")])
    assert refused(enc.upload_certificate, certified.x5c[0]).target == "use"
    wrong: list[Any] = ["no base64", 5, "AAAA"]
    for form in wrong:
        assert refused(keys.upload_certificate, form).code == "AADB2C95034"


def test_upload_pkcs12_adds_the_private_key(certified: TrustFrameworkKey) -> None:
    exported = pkcs12.to_pkcs12_b2c(certified)
    for form in (exported.data, base64.b64encode(exported.data).decode()):
        keys = TrustFrameworkKeySet("a")
        assert keys.upload_pkcs12(form, exported.password) == certified
        assert [*keys] == [certified]
    empty: list[Any] = ["", None]
    for password in empty:
        error = refused(keys.upload_pkcs12, exported.data, password)
        assert (error.target, "not empty" in error.message) == ("password", True)
    assert refused(keys.upload_pkcs12, exported.data, "wrong").code == "AADB2C95025"
    assert "already" in refused(keys.upload_pkcs12, exported.data, exported.password).message
    secrets = TrustFrameworkKeySet("a", [testing.oct_key(0)])
    assert refused(secrets.upload_pkcs12, exported.data, exported.password).code == "AADB2C95032"
