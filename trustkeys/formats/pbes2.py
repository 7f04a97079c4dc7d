"""The key of a JWE, encrypted to a passphrase with PBES2 (RFC 7518 section 4.8).

jwcrypto refuses more than 16,384 rounds unless a global of its module is changed. So this module
uses the ciphers of `cryptography`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from contextlib import suppress

from cryptography.hazmat.primitives import hashes, keywrap
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from trustkeys.core.base64url import base64url_decode
from trustkeys.core.guarded import attempt
from trustkeys.core.strict_json import is_text
from trustkeys.errors import InvalidInputError, PassphraseError
from trustkeys.formats.envelope import SIZES, Share
from trustkeys.wording import quantity, shape

__tracebackhide__ = True

MAX_ROUNDS = 1_000_000
"""The most rounds for all recipients of a JWE together: 0.8 seconds of CPU with SHA-512."""

# The hash, and the octets of the key that is derived.
_HASHES = {
    "PBES2-HS256+A128KW": (hashes.SHA256(), 16),
    "PBES2-HS384+A192KW": (hashes.SHA384(), 24),
    "PBES2-HS512+A256KW": (hashes.SHA512(), 32),
}


def spellings(password: object) -> tuple[bytes, ...]:
    """Return the octets of a passphrase: in the normal form NFC, and as typed if that differs.

    Raises:
        PassphraseError: It is no text, or empty.
    """
    if not isinstance(password, str) or not password or not is_text(password):
        what = "empty" if password == "" else shape(password)
        raise PassphraseError(
            f"the passphrase must be text of at least one character, but is {what}"
        )
    normal = unicodedata.normalize("NFC", password)
    return (normal.encode(),) if normal == password else (normal.encode(), password.encode())


def check_rounds(shares: Sequence[Share]) -> None:
    """Check the salts and the rounds before any work is done for them.

    Raises:
        InvalidInputError: Code ``BadRequest``.
    """
    total = 0
    for share in shares:
        rounds = share.header.get("p2c")
        # A boolean is an int in Python, and True would be one round.
        if type(rounds) is not int or not 1000 <= rounds <= MAX_ROUNDS:
            raise InvalidInputError(
                f"p2c must be an integer from 1000 to {MAX_ROUNDS} rounds, not {quantity(rounds)}",
                target="p2c",
            )
        if len(_salt(share)) < 8:
            raise InvalidInputError("p2s must be at least 8 octets in base64url", target="p2s")
        total += rounds
    if total > MAX_ROUNDS:
        raise InvalidInputError(
            f"p2c must be at most {MAX_ROUNDS} rounds for all recipients together, not {total}",
            target="p2c",
        )


def unwrap(share: Share, secret: bytes) -> bytes | None:
    """Decrypt the key of a share that `check_rounds` has checked; None if the secret is wrong."""
    derived = derive(share.alg, secret, _salt(share), share.header["p2c"])
    key = attempt(keywrap.aes_key_unwrap, derived, share.encrypted_key)
    return key if key is not None and len(key) == SIZES[share.enc][0] else None


def derive(alg: str, secret: bytes, salt: bytes, rounds: int) -> bytes:
    """Derive the key that encrypts the key of the content."""
    algorithm, length = _HASHES[alg]
    # RFC 7518 section 4.8.1.1: the algorithm's name is part of the salt.
    return PBKDF2HMAC(algorithm, length, alg.encode() + b"\0" + salt, rounds).derive(secret)


def _salt(share: Share) -> bytes:
    with suppress(ValueError):
        return base64url_decode(str(share.header.get("p2s")))
    return b""
