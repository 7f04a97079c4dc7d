"""PEM and DER: PKCS#8 (RFC 5958) and SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7).

`cryptography` encrypts PKCS#8 with 2,048 rounds of hashing and has no option for more. So
`to_encrypted_pem` generates a random passphrase, which needs none. `trustkeys.formats.jwe` is
the better form for backups.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.numericdate import NumericDateInput
from trustkeys.formats.exported import Exported, passphrase
from trustkeys.formats.key_files import KeyFile
from trustkeys.formats.opened import OpenedKey
from trustkeys.testkeys.guard import refuse_test_keys

__all__ = [
    "from_pem",
    "to_der",
    "to_encrypted_der",
    "to_encrypted_pem",
    "to_pem",
]

__tracebackhide__ = True


def to_pem(key: TrustFrameworkKey, *, private: bool = False) -> bytes:
    """Write an RSA key as PEM: SubjectPublicKeyInfo, or unencrypted PKCS#8.

    Args:
        key: The key.
        private: True to write the private key.

    Raises:
        InvalidInputError: Code ``BadRequest``: no RSA key; `private`, and the key has no private
            part or is a test key (`trustkeys.testing`).
    """
    return _unencrypted(key, Encoding.PEM, private=private)


def to_der(key: TrustFrameworkKey, *, private: bool = False) -> bytes:
    """Write an RSA key as DER; else as `to_pem`."""
    return _unencrypted(key, Encoding.DER, private=private)


def to_encrypted_pem(key: TrustFrameworkKey, *, password: str | None = None) -> Exported:
    """Write a private RSA key as PEM: PKCS#8, encrypted with AES-256.

    Args:
        key: The key.
        password: Your own passphrase; trustkeys warns about it. Default: a new one of 128 random
            bits.

    Raises:
        InvalidInputError: As `to_pem`; the passphrase is empty or not printable ASCII.
    """
    return _encrypted(key, Encoding.PEM, passphrase(password))


def to_encrypted_der(key: TrustFrameworkKey, *, password: str | None = None) -> Exported:
    """Write a private RSA key as encrypted DER; else as `to_encrypted_pem`."""
    return _encrypted(key, Encoding.DER, passphrase(password))


def from_pem(
    data: bytes,
    *,
    use: str,
    nbf: NumericDateInput = None,
    exp: NumericDateInput = None,
    kid: str | None = None,
    password: str | None = None,
) -> TrustFrameworkKey:
    """Read an RSA key from PEM or DER: PKCS#8, PKCS#1 or SubjectPublicKeyInfo.

    It is checked as `TrustFrameworkKey.from_jwk` does. Certificates in the file are ignored;
    `trustkeys.formats.reading.read_key` attaches them.

    Args:
        data: The file's content.
        use: ``"sig"`` or ``"enc"``.
        nbf: Not before: whole seconds since 1970, or an aware datetime.
        exp: Expires: likewise.
        kid: Default: the thumbprint (RFC 7638).
        password: The passphrase of an encrypted file.

    Raises:
        PassphraseError: The passphrase is missing, wrong or not needed. Code ``BadRequest``.
        InvalidInputError: ``AADB2C95034`` no RSA key, or several; else as
            `TrustFrameworkKey.from_jwk`.
    """
    file = KeyFile.read(data)
    key = file.rsa_key(password)
    opened = key.restricted(OpenedKey.from_jwk(key.members(), kid=kid))
    return file.remarked(opened).key(use=use, nbf=nbf, exp=exp)


def _unencrypted(key: TrustFrameworkKey, encoding: Encoding, *, private: bool) -> bytes:
    if not private:
        return key.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
    return _pkcs8(key, encoding, NoEncryption())


def _encrypted(key: TrustFrameworkKey, encoding: Encoding, password: str) -> Exported:
    return Exported(_pkcs8(key, encoding, BestAvailableEncryption(password.encode())), password)


def _pkcs8(
    key: TrustFrameworkKey, encoding: Encoding, encryption: KeySerializationEncryption
) -> bytes:
    refuse_test_keys([key])
    return key.private_key().private_bytes(encoding, PrivateFormat.PKCS8, encryption)
