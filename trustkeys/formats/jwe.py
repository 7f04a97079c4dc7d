"""JSON Web Encryption (RFC 7516): to a passphrase, or sealed to a recipient's public key.

The content is encrypted with A256GCM. Its key is wrapped with PBES2-HS512+A256KW for a
passphrase, RSA-OAEP-256 for an RSA key, or ECDH-ES+A256KW for an elliptic-curve key (RFC 7518
section 4). Only the holder of the passphrase or of the private key can decrypt it. Sealing does
not prove who sealed: everyone can have the public key.

jwcrypto refuses PBES2 with this many rounds unless a global of its module is changed. So this
module builds the JWE for passphrases itself, with the ciphers of `cryptography`.
"""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, keywrap
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from trustkeys.core.base64url import base64url_decode, base64url_encode
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.strict_json import MAX_SET_BYTES, is_text, parse_object
from trustkeys.errors import (
    InvalidInputError,
    MissingPassphraseError,
    NotEncryptedError,
    PassphraseError,
    WrongPassphraseError,
)
from trustkeys.testkeys.guard import refuse_test_jwks, refuse_test_keys
from trustkeys.wording import shape

if TYPE_CHECKING:
    from trustkeys.formats.recipient import Recipient

__all__ = ["decrypt", "decrypt_key", "encrypt", "encrypt_key"]

__tracebackhide__ = True

ALG = "PBES2-HS512+A256KW"
ENC = "A256GCM"

ROUNDS = 220_000
"""Rounds of PBKDF2 with HMAC-SHA-512 (OWASP's figure); joserfc accepts up to 300,000."""

MAX_ROUNDS = 600_000
"""The most rounds accepted when decrypting: half a second of CPU."""

MAX_TEXT = MAX_SET_BYTES * 4 // 3 + 4096
"""The largest JWE that is read, in characters: the largest key set, in base64url."""

_RECIPIENT_ALGS = ("RSA-OAEP-256", "ECDH-ES+A256KW")

Protection = Literal["passphrase", "recipient", "unknown"]


def encrypt(
    plaintext: bytes, *, cty: str, password: str | None = None, to: Recipient | None = None
) -> str:
    """Encrypt bytes to a passphrase, or seal them to a recipient.

    Args:
        plaintext: The bytes: JSON of a JWK or a JWK Set.
        cty: The content type (RFC 7517 section 7): ``"jwk+json"`` or ``"jwk-set+json"``.
        password: The passphrase: any text but the empty one. It is normalised to NFC.
        to: The recipient's key: an RSA key of at least 2048 bits, or an EC key on P-256, P-384
            or P-521. Only its public part is used. Give either `password` or `to`.

    Returns:
        A compact JWE of five parts (RFC 7516 section 7.1), in ASCII. For a recipient, its
        header has the recipient's `kid`.

    Raises:
        InvalidInputError: Code ``BadRequest``: an empty passphrase; `to` is for ``sig``, of
            another `kty`, or a test key; the plaintext holds a test key (`trustkeys.testing`) in
            the open; not exactly one of `password` and `to`. For `to` also ``AADB2C95034``, and
            as `TrustFrameworkKey.from_jwk`.
    """
    if not isinstance(plaintext, bytes):
        raise InvalidInputError(f"the plaintext must be bytes, not {shape(plaintext)}")
    refuse_test_jwks(plaintext)
    return encrypt_unguarded(plaintext, cty=cty, password=password, to=to)


def encrypt_key(
    key: TrustFrameworkKey, *, password: str | None = None, to: Recipient | None = None
) -> str:
    """Encrypt a private key to a passphrase, or seal it to a recipient.

    Args:
        key: The key.
        password: As `encrypt`.
        to: As `encrypt`.

    Returns:
        A compact JWE of a private JWK, with `cty` ``jwk+json``.

    Raises:
        InvalidInputError: As `encrypt`; `key` has no private part, or is a test key. Code
            ``BadRequest``.
    """
    refuse_test_keys([key])
    plaintext = json.dumps(key.to_jwk(private=True)).encode()
    return encrypt_unguarded(plaintext, cty="jwk+json", password=password, to=to)


def decrypt(
    text: str | bytes, *, password: str | None = None, with_key: Recipient | None = None
) -> bytes:
    """Decrypt a JWE that `encrypt`, or another program with the same algorithms, made.

    Args:
        text: The compact JWE.
        password: The passphrase that it is encrypted to.
        with_key: The private key that it is sealed to.

    Raises:
        MissingPassphraseError: It is encrypted to a passphrase, and `password` is None.
        WrongPassphraseError: The passphrase is wrong, or the encrypted content was changed.
        NotEncryptedError: It is sealed to a recipient, and `password` is not needed.
        InvalidInputError: Code ``BadRequest``: no compact JWE; another algorithm; compression;
            more than 600,000 rounds; `with_key` is missing, not needed, wrong, or has no private
            part. For `with_key` also as for `to` in `encrypt`.
    """
    return parse(text).decrypt(password=password, with_key=with_key)


def decrypt_key(
    text: str | bytes, *, password: str | None = None, with_key: Recipient | None = None
) -> TrustFrameworkKey:
    """Decrypt the JWE of a key, and check the key as `TrustFrameworkKey.from_jwk` does.

    Args:
        text: As `decrypt`.
        password: As `decrypt`.
        with_key: As `decrypt`.

    Raises:
        InvalidInputError: As `decrypt`, and as `TrustFrameworkKey.from_jwk`.
    """
    plaintext = decrypt(text, password=password, with_key=with_key)
    return TrustFrameworkKey.from_jwk(parse_object(plaintext, what="the JWK", code="AADB2C95026"))


@frozen
class Jwe:
    """A compact JWE, parsed and not decrypted.

    Attributes:
        header: The protected header.
    """

    header: Mapping[str, Any]
    _text: str = field(repr=False)
    _parts: tuple[bytes, ...] = field(repr=False)

    @property
    def protection(self) -> Protection:
        """What opens it, as its `alg` says; unknown for an algorithm that is not supported."""
        alg = self.header.get("alg")
        if alg in _RECIPIENT_ALGS:
            return "recipient"
        return "passphrase" if alg == ALG else "unknown"

    def decrypt(self, *, password: str | None, with_key: Recipient | None) -> bytes:
        """Decrypt the content, as the function `decrypt` does."""
        if self.protection == "unknown" or self.header.get("enc") != ENC:
            algs = " or ".join([ALG, *_RECIPIENT_ALGS])
            raise InvalidInputError(
                f"the JWE must use {algs}, with {ENC}, and its header names another algorithm"
            )
        for name in ("zip", "crit"):
            if name in self.header:
                raise InvalidInputError(f"the JWE must not have {name} in its header", target=name)
        if self.protection == "passphrase":
            if with_key is not None:
                raise not_sealed()
            if password is None:
                raise MissingPassphraseError("it is encrypted, and the passphrase is missing")
            return self._decrypt_with_passphrase(password)
        if password is not None:
            raise NotEncryptedError(
                "it is not encrypted to a passphrase, though one was given: it is sealed to the "
                "key of a recipient"
            )
        if with_key is None:
            raise InvalidInputError(
                "it is sealed to the key of a recipient, and the private key is missing",
                target="with_key",
            )
        from trustkeys.formats.recipient import unseal

        return unseal(self._text, self.header, with_key)

    def _decrypt_with_passphrase(self, password: str) -> bytes:
        secret = _octets(password)
        wrapped, iv, ciphertext, tag = self._parts
        if (len(wrapped), len(iv), len(tag)) != (40, 12, 16):
            raise _no_jwe()
        salt, rounds = _key_derivation(self.header)
        plaintext = None
        try:
            cek = keywrap.aes_key_unwrap(_derive(secret, salt, rounds), wrapped)
            protected = self._text.partition(".")[0].encode()
            plaintext = AESGCM(cek).decrypt(iv, ciphertext + tag, protected)
        except (keywrap.InvalidUnwrap, InvalidTag):
            pass
        if plaintext is None:
            raise WrongPassphraseError(
                "the passphrase is wrong, or the encrypted content was changed"
            )
        return plaintext


def parse(text: str | bytes) -> Jwe:
    """Parse a compact JWE.

    Raises:
        InvalidInputError: It is none, or larger than `MAX_TEXT`. Code ``BadRequest``.
    """
    if isinstance(text, bytes):
        text = text.decode("latin-1")  # any byte beyond ASCII is no base64url either
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise InvalidInputError(f"this must be a compact JWE, not {shape(text)}")
    text = text.strip()
    parts: list[bytes] = []
    with suppress(ValueError):
        parts = [base64url_decode(part) for part in text.split(".", 5)]
    if len(parts) != 5 or not parts[0]:
        raise _no_jwe()
    header, *rest = parts
    return Jwe(parse_object(header, what="the header of the JWE"), text, tuple(rest))


def not_sealed() -> InvalidInputError:
    """Return the error for a recipient's key that is not needed."""
    return InvalidInputError(
        "it is not sealed to a recipient, though a key for it was given", target="with_key"
    )


def _no_jwe() -> InvalidInputError:
    return InvalidInputError("this is not a compact JWE (RFC 7516 section 7.1), or it is cut off")


def encrypt_unguarded(
    plaintext: bytes, *, cty: str, password: str | None = None, to: Recipient | None = None
) -> str:
    """Encrypt as `encrypt` does, for a caller that has refused test keys itself."""
    if password is not None and to is not None:
        raise InvalidInputError("give either password or to, not both", target="to")
    if to is not None:
        from trustkeys.formats.recipient import seal

        return seal(plaintext, to, cty=cty)
    secret = _octets(password)
    salt = os.urandom(16)
    header = {"alg": ALG, "enc": ENC, "cty": cty, "p2s": base64url_encode(salt), "p2c": ROUNDS}
    protected = base64url_encode(json.dumps(header, separators=(",", ":")).encode())
    cek = AESGCM.generate_key(256)
    iv = os.urandom(12)
    sealed = AESGCM(cek).encrypt(iv, plaintext, protected.encode())
    wrapped = keywrap.aes_key_wrap(_derive(secret, salt, ROUNDS), cek)
    parts = (wrapped, iv, sealed[:-16], sealed[-16:])
    return ".".join([protected, *map(base64url_encode, parts)])


def _key_derivation(header: Mapping[str, Any]) -> tuple[bytes, int]:
    """Return the salt and the rounds, checked before any work is done for them."""
    rounds = header.get("p2c")
    # A boolean is an int in Python, and True would be one round.
    if type(rounds) is not int or not 1000 <= rounds <= MAX_ROUNDS:
        raise InvalidInputError(
            f"p2c must be an integer from 1000 to {MAX_ROUNDS} rounds, not {shape(rounds)}",
            target="p2c",
        )
    salt = b""
    with suppress(ValueError):
        salt = base64url_decode(str(header.get("p2s")))
    if len(salt) < 8:
        raise InvalidInputError("p2s must be at least 8 octets in base64url", target="p2s")
    return salt, rounds


def _octets(password: object) -> bytes:
    if not isinstance(password, str) or not password or not is_text(password):
        what = "empty" if password == "" else shape(password)
        raise PassphraseError(
            f"the passphrase must be text of at least one character, but is {what}"
        )
    return unicodedata.normalize("NFC", password).encode()


def _derive(password: bytes, salt: bytes, rounds: int) -> bytes:
    # RFC 7518 section 4.8.1.1: the algorithm's name is part of the salt.
    kdf = PBKDF2HMAC(hashes.SHA512(), 32, ALG.encode() + b"\0" + salt, rounds)
    return kdf.derive(password)
