"""JSON Web Encryption (RFC 7516): to a passphrase, or sealed to a recipient's public key.

What this module writes is compact. The content is encrypted with A256GCM. Its key is wrapped with
PBES2-HS512+A256KW for a passphrase, RSA-OAEP-256 for an RSA key, or ECDH-ES+A256KW for an
elliptic-curve key (RFC 7518 section 4). Only the holder of the passphrase or of the private key can
decrypt it. Sealing does not prove who sealed: everyone can have the public key.

It reads compact and JSON serialisation, PBES2, RSA-OAEP and ECDH-ES in all their forms, with every
`enc` of RFC 7518.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from attrs import field, frozen
from cryptography.hazmat.primitives import keywrap
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from trustkeys.core.base64url import base64url_encode
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.strict_json import MAX_SET_BYTES, parse_object
from trustkeys.core.utf8 import as_utf8
from trustkeys.errors import (
    InvalidInputError,
    MissingPassphraseError,
    NotEncryptedError,
    WrongPassphraseError,
)
from trustkeys.formats.algorithms import (
    Protection,
    check_content,
    described,
    protection,
    unsupported,
)
from trustkeys.formats.envelope import (
    Envelope,
    Share,
    no_jwe,
    parse_members,
    parse_text,
)
from trustkeys.formats.pbes2 import check_rounds, derive, spellings, unwrap
from trustkeys.formats.unwrapping import unwrapped
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


def encrypt(
    plaintext: bytes, *, cty: str, password: str | None = None, to: Recipient | None = None
) -> str:
    """Encrypt bytes to a passphrase, or seal them to a recipient.

    Args:
        plaintext: The bytes: JSON of a JWK or a JWK Set.
        cty: The content type (RFC 7517 section 7): ``"jwk+json"`` or ``"jwk-set+json"``.
        password: The passphrase: any text but the empty one. It is normalised to NFC.
        to: The recipient's key: an RSA key of at least 2048 bits, or an EC key on P-256, P-384
            or P-521, as a JWK or as the bytes of PEM, DER, PKCS#12 or a certificate. Only its
            public part is used. Give either `password` or `to`.

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
    # A key in base64 of text is read, too.
    for content in {plaintext, unwrapped(plaintext)}:
        refuse_test_jwks(content)
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
    """Decrypt a JWE of this or another program.

    Args:
        text: The JWE: compact, or JSON of at most 16 MiB and 32 recipients (RFC 7516 section 7.2).
        password: The passphrase that it is encrypted to. It is tried in the normal form NFC, then
            as it is if that differs.
        with_key: The private key that it is sealed to, as for `to` in `encrypt`; PEM, DER
            or PKCS#12 must not be encrypted. The `kid` of the JWE need not be its own.

    Raises:
        MissingPassphraseError: It is encrypted to a passphrase, and `password` is None.
        WrongPassphraseError: The passphrase is wrong, or the encrypted content was changed.
        NotEncryptedError: It is sealed to a recipient, and `password` is not needed.
        InvalidInputError: Code ``BadRequest``: no JWE; another algorithm; compression; more than
            1,000,000 rounds for all recipients together; `with_key` is missing, not needed, wrong,
            or has no private part. For `with_key` also as for `to` in `encrypt`.
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
    """A JWE, parsed and not decrypted. Make one with `parse` or `parse_document`."""

    _envelope: Envelope = field(repr=False)

    @property
    def header(self) -> Mapping[str, Any]:
        """The JOSE header of the recipient that `protection` speaks of."""
        return self._shown.header

    @property
    def protection(self) -> Protection:
        """What opens it: a passphrase if one does; unknown if no `alg` of it is read."""
        return protection(self._shown)

    @property
    def description(self) -> str:
        """What it is, in words for a person."""
        return f"a JWE (RFC 7516), {described(self._shown)}"

    def check(self) -> None:
        """Refuse what no passphrase and no key opens here."""
        if self.protection == "unknown":
            raise unsupported(self._shown)
        shares = self._checked(self._shares(self.protection))
        if self.protection == "passphrase":
            check_rounds(shares)

    def decrypt(self, *, password: str | None, with_key: Recipient | None) -> bytes:
        """Decrypt the content, as the function `decrypt` does."""
        if self.protection == "unknown":
            raise unsupported(self._shown)
        if password is not None and self.protection != "passphrase":
            raise NotEncryptedError(
                "it is not encrypted to a passphrase, though one was given: it is sealed to the "
                "key of a recipient"
            )
        if with_key is not None:
            return self._decrypt_with_key(with_key)
        if password is not None:
            return self._decrypt_with_passphrase(password)
        self.check()
        if self.protection == "passphrase":
            raise MissingPassphraseError("it is encrypted, and the passphrase is missing")
        raise InvalidInputError(
            "it is sealed to the key of a recipient, and the private key is missing",
            target="with_key",
        )

    @property
    def _shown(self) -> Share:
        found = [*self._shares("passphrase"), *self._shares("recipient"), *self._envelope.shares]
        return found[0]

    def _shares(self, opened_by: Protection) -> list[Share]:
        return [each for each in self._envelope.shares if protection(each) == opened_by]

    def _checked(self, shares: list[Share]) -> list[Share]:
        """Check shares that are to be opened, before any work is done for them."""
        for share in shares:
            check_content(share)
            if not self._envelope.is_whole(share):
                raise no_jwe()
        return shares

    def _decrypt_with_passphrase(self, password: str) -> bytes:
        shares = self._checked(self._shares("passphrase"))
        secrets = spellings(password)
        check_rounds(shares)
        for secret in secrets:
            for share in shares:
                plaintext = self._envelope.content(share, unwrap(share, secret))
                if plaintext is not None:
                    return plaintext
        raise WrongPassphraseError("the passphrase is wrong, or the encrypted content was changed")

    def _decrypt_with_key(self, with_key: Recipient) -> bytes:
        shares = self._checked(self._shares("recipient"))
        if not shares:
            raise not_sealed()
        from trustkeys.formats.recipient import unsealer

        key = unsealer(with_key, shares)
        for share in key.shares:
            plaintext = self._envelope.content(share, key.unwrap(share))
            if plaintext is not None:
                return plaintext
        raise InvalidInputError("it is sealed to another key, or was changed", target="with_key")


def parse(text: str | bytes) -> Jwe:
    """Parse a JWE, compact or JSON.

    Raises:
        InvalidInputError: It is none, or too large. Code ``BadRequest``.
    """
    return Jwe(parse_text(text))


def parse_document(document: Mapping[str, Any]) -> Jwe:
    """Parse a JWE whose JSON has been read. Raises as `parse`."""
    return Jwe(parse_members(document))


def is_jwe(document: Mapping[str, Any]) -> bool:
    """Whether a JSON object is a JWE (RFC 7516 section 9)."""
    return "ciphertext" in document


def is_jwe_text(data: bytes) -> bool:
    """Whether a file holds a JWE, judged by its beginning, or by its members if it is JSON."""
    data = as_utf8(data).lstrip()
    # The base64url of {", with which the header of a JWE starts.
    if data.startswith(b"eyJ"):
        return True
    if not data.startswith(b"{") or b'"ciphertext"' not in data:
        return False
    with suppress(InvalidInputError):
        return is_jwe(parse_object(data, what="the JWE", max_bytes=MAX_SET_BYTES))
    return False


def not_sealed() -> InvalidInputError:
    """Return the error for a recipient's key that is not needed."""
    return InvalidInputError(
        "it is not sealed to a recipient, though a key for it was given", target="with_key"
    )


def encrypt_unguarded(
    plaintext: bytes, *, cty: str, password: str | None = None, to: Recipient | None = None
) -> str:
    """Encrypt as `encrypt` does, for a caller that has refused test keys itself."""
    if password is not None and to is not None:
        raise InvalidInputError("give either password or to, not both", target="to")
    if to is not None:
        from trustkeys.formats.recipient import seal

        return seal(plaintext, to, cty=cty)
    secret = spellings(password)[0]
    salt = os.urandom(16)
    header = {"alg": ALG, "enc": ENC, "cty": cty, "p2s": base64url_encode(salt), "p2c": ROUNDS}
    protected = base64url_encode(json.dumps(header, separators=(",", ":")).encode())
    cek = AESGCM.generate_key(256)
    iv = os.urandom(12)
    sealed = AESGCM(cek).encrypt(iv, plaintext, protected.encode())
    wrapped = keywrap.aes_key_wrap(derive(ALG, secret, salt, ROUNDS), cek)
    parts = (wrapped, iv, sealed[:-16], sealed[-16:])
    return ".".join([protected, *map(base64url_encode, parts)])
