"""Keys that trustkeys does not read are named by what they are, in every form of a file."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.formats.bags import octets, oid, sequence
from tests.formats.helpers import Authority, refused
from tests.formats.test_pem_blocks import block
from tests.support import der
from trustkeys import TrustFrameworkKey
from trustkeys.formats import reading
from trustkeys.formats.plain_keys import is_for, read_plain_key

ALGORITHMS = {
    "a Diffie-Hellman key": ("1.2.840.113549.1.3.1", "1.2.840.10046.2.1"),
    "a DSA key": ("1.2.840.10040.4.1",),
    "an X25519 key": ("1.3.101.110",),
    "an X448 key": ("1.3.101.111",),
    "an Ed25519 key": ("1.3.101.112",),
    "an Ed448 key": ("1.3.101.113",),
    "a GOST R 34.10-2012 key": ("1.2.643.7.1.1.1.1", "1.2.643.7.1.1.1.2"),
    "an ML-DSA-44 key": ("2.16.840.1.101.3.4.3.17",),
    "an ML-DSA-65 key": ("2.16.840.1.101.3.4.3.18",),
    "an ML-DSA-87 key": ("2.16.840.1.101.3.4.3.19",),
    "an ML-KEM-512 key": ("2.16.840.1.101.3.4.4.1",),
    "an ML-KEM-768 key": ("2.16.840.1.101.3.4.4.2",),
    "an ML-KEM-1024 key": ("2.16.840.1.101.3.4.4.3",),
    "a key of the algorithm 1.2.3.4": ("1.2.3.4",),
    "a key of the algorithm an overlong object identifier": ("1.2" + ".3" * 100,),
}

CURVES = {
    "P-256": "1.2.840.10045.3.1.7",
    "P-384": "1.3.132.0.34",
    "P-521": "1.3.132.0.35",
    "SM2": "1.2.156.10197.1.301",
    "secp256k1": "1.3.132.0.10",
    "1.2.3": "1.2.3",
}


def files_of(algorithm: bytes, content: bytes = bytes(32)) -> list[bytes]:
    """A private and a public key, as DER and as PEM, whose content is nothing."""
    private = sequence(der(2, b"\0"), sequence(algorithm), octets(content))
    public = sequence(sequence(algorithm), der(3, b"\0" + content))
    text = block("PRIVATE KEY", private), block("PUBLIC KEY", public)
    return [private, public, *(each.encode() for each in text)]


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_key_of_any_algorithm_is_named(name: str) -> None:
    for dotted in ALGORITHMS[name]:
        for data in files_of(oid(dotted)):
            error = refused(reading.read_key, data, use="sig")
            assert error.message == f"this must be an RSA key, and it is {name}"


@pytest.mark.parametrize("name", CURVES)
def test_the_curve_of_a_key_is_named(name: str) -> None:
    curve = oid(CURVES[name])
    sec1 = sequence(der(2, b"\1"), octets(bytes(32)), der(0xA0, curve))
    files = [*files_of(oid("1.2.840.10045.2.1") + curve), sec1]
    for data in [*files, block("EC PRIVATE KEY", sec1).encode()]:
        error = refused(reading.read_key, data, use="sig")
        assert error.message == f"this must be an RSA key, and it is an EC key on {name}"


def test_a_curve_without_a_name_is_said_to_be_one() -> None:
    field = sequence(oid("1.2.840.10045.1.1"), der(2, b"\7"))
    curve = sequence(octets(b"\1"), octets(b"\1"))
    explicit = sequence(der(2, b"\1"), field, curve, octets(b"\4\1\1"), der(2, b"\5"))
    sec1 = sequence(der(2, b"\1"), octets(bytes(32)), der(0xA0, explicit))
    for data in (*files_of(oid("1.2.840.10045.2.1") + explicit), sec1):
        message = refused(reading.read_key, data, use="sig").message
        assert message.endswith("and it is an EC key with a curve of its own")
    for data in files_of(oid("1.2.840.10045.2.1") + octets(b"no curve")):
        assert refused(reading.read_key, data, use="sig").message.endswith("and it is an EC key")


def test_a_dsa_key_in_its_old_form_is_named() -> None:
    key = dsa.generate_private_key(1024)
    for encoding in (Encoding.DER, Encoding.PEM):
        data = key.private_bytes(encoding, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        assert refused(reading.read_key, data, use="sig").message.endswith("and it is a DSA key")


def test_an_rsa_key_without_its_numbers_is_broken() -> None:
    for data in files_of(oid("1.2.840.113549.1.1.1") + der(5)):
        message = refused(reading.read_key, data, use="sig").message
        assert message.endswith("and it is an RSA key whose numbers are broken")


def test_a_certificate_is_for_the_key_that_it_holds(
    rsa_key: TrustFrameworkKey, authority: Authority
) -> None:
    leaf = authority.issue_for(rsa_key)
    der_of = leaf.public_bytes(Encoding.DER)
    spki = leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    key, other = read_plain_key(spki), read_plain_key(files_of(oid("1.3.101.112"))[1])
    assert is_for(leaf, key)
    assert not is_for(leaf, other)
    assert not is_for(leaf, None)
    unknown = der_of.replace(oid("1.2.840.113549.1.1.1"), oid("1.2.840.113549.1.1.99"))
    assert not is_for(x509.load_der_x509_certificate(unknown), key)
