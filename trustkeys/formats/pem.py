"""PEM and DER: PKCS#8 (RFC 5958) and SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7).

The passphrase of an encrypted PKCS#8 file is stretched by 2,048 rounds, which cannot be changed
here: so one is made that needs none. For a backup that has to last, `trustkeys.formats.jwe` is
the better form.
"""

from __future__ import annotations

import re
from contextlib import suppress

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)

from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.numericdate import NumericDateInput
from trustkeys.core.rsa import rsa_members, rsa_public_members
from trustkeys.errors import InvalidInputError
from trustkeys.formats.exported import Exported, octets, passphrase
from trustkeys.testkeys.guard import refuse_test_keys
from trustkeys.wording import shape

__all__ = [
    "from_pem",
    "to_der",
    "to_encrypted_der",
    "to_encrypted_pem",
    "to_pem",
]

__tracebackhide__ = True


def to_pem(key: TrustFrameworkKey, *, private: bool = False) -> bytes:
    """Write an RSA key as PEM: SubjectPublicKeyInfo, or PKCS#8 in the open.

    Args:
        key: The key.
        private: Whether to write its private part.

    Raises:
        InvalidInputError: It is no RSA key, or has no private part, or is to be written with it
            and is a test key (`trustkeys.testing`). Code ``BadRequest``.
    """
    return _in_the_open(key, Encoding.PEM, private=private)


def to_der(key: TrustFrameworkKey, *, private: bool = False) -> bytes:
    """Write an RSA key as DER; else as `to_pem`."""
    return _in_the_open(key, Encoding.DER, private=private)


def to_encrypted_pem(key: TrustFrameworkKey, *, password: str | None = None) -> Exported:
    """Write a private RSA key as PEM: PKCS#8, encrypted with AES-256.

    Args:
        key: The key.
        password: A passphrase of your own, with a warning. Default: one of 128 random bits.

    Raises:
        InvalidInputError: As `to_pem`; the passphrase is empty or no printable ASCII.
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

    It is checked as `TrustFrameworkKey.from_jwk` does.

    Args:
        data: The file's content.
        use: ``"sig"`` or ``"enc"``.
        nbf: Not before, which the form does not carry.
        exp: Expires, likewise.
        kid: Default: the thumbprint (RFC 7638).
        password: Of an encrypted file.

    Raises:
        InvalidInputError: ``AADB2C95034`` it holds no RSA key, ``BadRequest`` the passphrase is
            missing, wrong or not needed; else as `TrustFrameworkKey.from_jwk`.
    """
    members = {"kty": "RSA", **_members(data, password)}
    return TrustFrameworkKey.from_jwk(members, use=use, nbf=nbf, exp=exp, kid=kid)


def _in_the_open(key: TrustFrameworkKey, encoding: Encoding, *, private: bool) -> bytes:
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


def _members(data: bytes, password: str | None) -> dict[str, str]:
    if not isinstance(data, bytes):
        raise InvalidInputError(f"the file of a key must be bytes, not {shape(data)}")
    secret = None if password is None else octets(password)
    key: object
    # Programs such as openssl write words before PEM.
    if b"-----BEGIN" in data:
        block, is_private = _key_block(data)
        key = _private(block, secret) if is_private else _public(block)
    else:
        key = _public(data)
        if key is None:
            key = _private(data, secret)
    if isinstance(key, RSAPrivateKey):
        return rsa_members(key)
    if not isinstance(key, RSAPublicKey):
        raise InvalidInputError(
            "this must be an RSA key as PKCS#8, PKCS#1 or SubjectPublicKeyInfo", code="AADB2C95034"
        )
    if secret is not None:
        raise _not_encrypted()
    return rsa_public_members(key)


def _key_block(data: bytes) -> tuple[bytes, bool]:
    """Cut the one key out of PEM, which may hold certificates too; say whether it is private."""
    labels = _KEY_LABEL.findall(data)
    if len(labels) != 1:
        raise InvalidInputError(
            f"the file must hold one key, not {len(labels)}", code="AADB2C95034"
        )
    start = data.index(b"-----BEGIN " + labels[0])
    footer = b"-----END " + labels[0] + b"-----"
    end = max(data.find(footer, start), 0)
    return data[start : end + len(footer)] + b"\n", labels[0].endswith(b"PRIVATE KEY")


_KEY_LABEL = re.compile(rb"-----BEGIN ([A-Z0-9 ]{0,40}(?:PRIVATE|PUBLIC) KEY)-----")


def _is_pem(data: bytes) -> bool:
    return data.startswith(b"-----BEGIN")


def _public(data: bytes) -> object:
    load = load_pem_public_key if _is_pem(data) else load_der_public_key
    with suppress(ValueError, UnsupportedAlgorithm):
        return load(data)
    return None


def _private(data: bytes, password: bytes | None) -> object:
    problem: InvalidInputError | None = None
    try:
        key = _load_private(data, None)
        if key is None or password is None:
            return key
        problem = _not_encrypted()
    except TypeError:  # so it is encrypted
        if password is None:
            problem = InvalidInputError(
                "it is encrypted, and the passphrase is missing", target="password"
            )
        elif key := _load_private(data, password):
            return key
    raise problem or InvalidInputError(
        "the passphrase is wrong, or the file was changed", target="password"
    )


def _load_private(data: bytes, password: bytes | None) -> object:
    load = load_pem_private_key if _is_pem(data) else load_der_private_key
    with suppress(ValueError, UnsupportedAlgorithm):
        # The numbers are tested with those of all other forms.
        return load(data, password, unsafe_skip_rsa_key_validation=True)
    return None


def _not_encrypted() -> InvalidInputError:
    return InvalidInputError(
        "it is not encrypted, though a passphrase was given", target="password"
    )
