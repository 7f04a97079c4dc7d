"""PEM and DER: PKCS#8 (RFC 5958) and SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7).

`cryptography` encrypts PKCS#8 with 2,048 rounds of hashing and has no option for more. So
`to_encrypted_pem` generates a random passphrase, which needs none. `trustkeys.formats.jwe` is
the better form for backups.
"""

from __future__ import annotations

import re
from contextlib import suppress

from attrs import field, frozen
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
from trustkeys.core.private import Private
from trustkeys.core.rsa import rsa_members, rsa_public_members
from trustkeys.errors import (
    InvalidInputError,
    MissingPassphraseError,
    NotEncryptedError,
    WrongPassphraseError,
)
from trustkeys.formats.exported import Exported, octets, passphrase
from trustkeys.formats.opened import OpenedKey
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
    members = KeyFile.parse(data).members(password)
    return OpenedKey.from_jwk(members, kid=kid).key(use=use, nbf=nbf, exp=exp)


@frozen(eq=False)
class KeyFile:
    """The only key in a PEM or DER file, loaded unless that needs a passphrase.

    Attributes:
        is_private: Whether the file says that the key is private.
        is_encrypted: Whether loading it needs a passphrase.
        key: The key of `cryptography`; None if it is encrypted or broken.
    """

    is_private: bool
    is_encrypted: bool
    key: object = field(repr=False)
    _data: Private[bytes] = field(repr=False)

    @classmethod
    def parse(cls, data: bytes) -> KeyFile:
        """Parse PEM or DER.

        Raises:
            InvalidInputError: PEM with no key, or with several. Code ``AADB2C95034``.
        """
        if not isinstance(data, bytes):
            raise InvalidInputError(f"the file of a key must be bytes, not {shape(data)}")
        # Programs such as openssl write text before the PEM block.
        if b"-----BEGIN" in data:
            data, is_private = _key_block(data)
            public = None if is_private else _load_public(data)
        else:
            public = _load_public(data)
            is_private = public is None
        if not is_private:
            return cls(is_private=False, is_encrypted=False, key=public, data=Private(data))
        try:
            private = _load_private(data, None)
        except TypeError:  # raised by cryptography for an encrypted key
            return cls(is_private=True, is_encrypted=True, key=None, data=Private(data))
        return cls(is_private=True, is_encrypted=False, key=private, data=Private(data))

    def members(self, password: str | None) -> dict[str, str]:
        """Return the JWK members of the RSA key. Raises as `from_pem`."""
        secret = None if password is None else octets(password)
        key = self.key
        if self.is_encrypted:
            if secret is None:
                raise MissingPassphraseError("it is encrypted, and the passphrase is missing")
            key = _load_private(self._data.reveal(), secret)
            if key is None:
                raise WrongPassphraseError("the passphrase is wrong, or the file was changed")
        elif secret is not None and key is not None:
            raise NotEncryptedError("it is not encrypted, though a passphrase was given")
        if isinstance(key, RSAPrivateKey):
            return {"kty": "RSA", **rsa_members(key)}
        if isinstance(key, RSAPublicKey):
            return {"kty": "RSA", **rsa_public_members(key)}
        raise InvalidInputError(
            "this must be an RSA key as PKCS#8, PKCS#1 or SubjectPublicKeyInfo", code="AADB2C95034"
        )


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


def _key_block(data: bytes) -> tuple[bytes, bool]:
    """Cut the only key out of PEM, which may also hold certificates."""
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


def _load_public(data: bytes) -> object:
    load = load_pem_public_key if _is_pem(data) else load_der_public_key
    with suppress(ValueError, UnsupportedAlgorithm):
        return load(data)
    return None


def _load_private(data: bytes, password: bytes | None) -> object:
    load = load_pem_private_key if _is_pem(data) else load_der_private_key
    with suppress(ValueError, UnsupportedAlgorithm):
        # TrustFrameworkKey.from_jwk checks the numbers, as it does for all other forms.
        return load(data, password, unsafe_skip_rsa_key_validation=True)
    return None
