"""PKCS#12 (RFC 7292), also known as PFX: a private RSA key with its certificates.

Two flavours. `to_pkcs12` encrypts as one would today: AES-256 and SHA-256. `to_pkcs12_b2c`
encrypts with PBE-SHA1-3DES, which is old: it is what the service is known to have accepted,
where a PFX of today was answered with "wrong password" (azure-docs issue 36773, 2019;
graph-docs-contrib issue 8994, 2024). Nobody at the service has confirmed or denied it.

In both, 2,048 rounds of hashing protect the passphrase, which cannot be changed here: so one is
made that needs none.
"""

from __future__ import annotations

from contextlib import suppress

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.hazmat.primitives.serialization import PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import (
    PBES,
    PKCS12KeyAndCertificates,
    load_pkcs12,
    serialize_key_and_certificates,
)

from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.numericdate import NumericDateInput
from trustkeys.core.rsa import rsa_members
from trustkeys.errors import InvalidInputError
from trustkeys.formats.certificates import certificates_of, dates_of, use_of, with_certificates
from trustkeys.formats.exported import Exported, octets, passphrase
from trustkeys.testkeys.guard import refuse_test_keys
from trustkeys.wording import shape

__all__ = ["from_pkcs12", "to_pkcs12", "to_pkcs12_b2c"]

__tracebackhide__ = True

ROUNDS = 100_000
"""Rounds for the key and the certificates; those for the checksum are 2,048 all the same."""


def to_pkcs12(key: TrustFrameworkKey, *, password: str | None = None) -> Exported:
    """Write a private RSA key with its certificates: AES-256, HMAC with SHA-256.

    Args:
        key: A private key that carries a certificate (`trustkeys.formats.certificates`).
        password: A passphrase of your own, with a warning. Default: one of 128 random bits.

    Raises:
        InvalidInputError: The key is no private RSA key, carries no certificate, or is a test
            key (`trustkeys.testing`); the passphrase is empty or no printable ASCII. Code
            ``BadRequest``.
    """
    return _pkcs12(key, PBES.PBESv2SHA256AndAES256CBC, SHA256(), passphrase(password))


def to_pkcs12_b2c(key: TrustFrameworkKey, *, password: str | None = None) -> Exported:
    """Write a private RSA key for uploadPkcs12: PBE-SHA1-3DES, HMAC with SHA-1.

    Else as `to_pkcs12`. The module's docstring says why.
    """
    return _pkcs12(key, PBES.PBESv1SHA1And3KeyTripleDESCBC, SHA1(), passphrase(password))  # noqa: S303


def from_pkcs12(
    data: bytes,
    password: str | None = None,
    *,
    use: str | None = None,
    nbf: NumericDateInput = None,
    exp: NumericDateInput = None,
) -> TrustFrameworkKey:
    """Read a private RSA key with its certificates, and check it as `from_jwk` does.

    Args:
        data: The file's content.
        password: Its passphrase; None where it has none.
        use: Default: what the certificate's key usage says, where it says one.
        nbf: In place of the certificate's own.
        exp: In place of the certificate's own.

    Raises:
        InvalidInputError: ``AADB2C95025`` the passphrase is wrong, or this is no PKCS#12 file;
            ``AADB2C95034`` it holds no private RSA key, or certificates of another;
            ``AADB2C90253`` `use` is not given and no key usage names one; else as
            `TrustFrameworkKey.from_jwk`.
    """
    bag = _bag(data, password)
    if not isinstance(bag.key, RSAPrivateKey):
        raise InvalidInputError(
            "the PKCS#12 file must hold a private RSA key", code="AADB2C95034", target="key"
        )
    members = {"kty": "RSA", **rsa_members(bag.key)}
    certificates = [each.certificate for each in (bag.cert, *bag.additional_certs) if each]
    if bag.cert is not None:
        start, end = dates_of(bag.cert.certificate)
        use = use_of(bag.cert.certificate) if use is None else use
        nbf = start if nbf is None else nbf
        exp = end if exp is None else exp
    if use is None:
        raise InvalidInputError(
            "use is missing: no key usage of a certificate says whether sig or enc",
            code="AADB2C90253",
            target="use",
        )
    key = TrustFrameworkKey.from_jwk(members, use=use, nbf=nbf, exp=exp)
    return with_certificates(key, certificates) if certificates else key


def _pkcs12(key: TrustFrameworkKey, pbes: PBES, checksum: HashAlgorithm, password: str) -> Exported:
    first, *issuers = certificates_of(key)
    refuse_test_keys([key])
    encryption = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(ROUNDS)
        .key_cert_algorithm(pbes)
        .hmac_hash(checksum)
        .build(password.encode())
    )
    data = serialize_key_and_certificates(
        key.kid.encode(), key.private_key(), first, issuers, encryption
    )
    return Exported(data, password)


def _bag(data: bytes, password: str | None) -> PKCS12KeyAndCertificates:
    if not isinstance(data, bytes):
        raise InvalidInputError(f"a PKCS#12 file must be bytes, not {shape(data)}")
    in_the_open = _load(data, None)
    if password is None:
        if in_the_open is not None:
            return in_the_open
    elif in_the_open is not None:
        raise InvalidInputError(
            "it is not encrypted, though a passphrase was given", target="password"
        )
    elif (bag := _load(data, octets(password))) is not None:
        return bag
    raise InvalidInputError(
        f"the passphrase is {'missing' if password is None else 'wrong'}, or this is no whole "
        "PKCS#12 file",
        code="AADB2C95025",
        target="password",
    )


def _load(data: bytes, password: bytes | None) -> PKCS12KeyAndCertificates | None:
    with suppress(ValueError, UnsupportedAlgorithm):
        return load_pkcs12(data, password)
    return None
