"""JSON Web Encryption to a passphrase (RFC 7516, RFC 7518 section 4.8).

One algorithm: PBES2-HS512+A256KW with A256GCM, compact serialization. jwcrypto refuses the
number of rounds unless a global of its module is changed, so the envelope is put together
here; every cipher in it is cryptography's.
"""

from __future__ import annotations

import json
import os
import unicodedata
from contextlib import suppress

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, keywrap
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from trustkeys.core.base64url import base64url_decode, base64url_encode
from trustkeys.core.strict_json import MAX_SET_BYTES, is_text, parse_object
from trustkeys.errors import InvalidInputError
from trustkeys.testkeys.guard import refuse_test_jwks
from trustkeys.wording import shape

__tracebackhide__ = True

ALG = "PBES2-HS512+A256KW"
ENC = "A256GCM"

ROUNDS = 220_000
"""Rounds of PBKDF2 with HMAC-SHA-512 (OWASP's figure); joserfc opens up to 300,000."""

MAX_ROUNDS = 600_000
"""The most rounds that are worked through to read a file: half a second."""

MAX_TEXT = MAX_SET_BYTES * 4 // 3 + 4096
"""The largest JWE that is read, in characters: the largest key set, in base64url."""

_FORM = "must be a compact JWE of PBES2-HS512+A256KW and A256GCM"


def encrypt(plaintext: bytes, password: str, *, cty: str) -> str:
    """Encrypt to a passphrase.

    Args:
        plaintext: What to keep secret.
        password: Any text but the empty one; NFC normalises it first.
        cty: What the plaintext is (RFC 7517 section 7): ``jwk+json`` or ``jwk-set+json``.

    Returns:
        A compact JWE of five parts (RFC 7516 section 7.1), ASCII.

    Raises:
        InvalidInputError: An empty passphrase, or no text; the plaintext holds a test key
            (`trustkeys.testing`), or is nested too deep to say. Code ``BadRequest``.
    """
    octets = _password(password)
    if not isinstance(plaintext, bytes):
        raise InvalidInputError(f"the plaintext must be bytes, not {shape(plaintext)}")
    refuse_test_jwks(plaintext)
    salt = os.urandom(16)
    header = {
        "alg": ALG,
        "enc": ENC,
        "cty": cty,
        "p2s": base64url_encode(salt),
        "p2c": ROUNDS,
    }
    protected = base64url_encode(json.dumps(header, separators=(",", ":")).encode())
    cek = AESGCM.generate_key(256)
    iv = os.urandom(12)
    sealed = AESGCM(cek).encrypt(iv, plaintext, protected.encode())
    wrapped = keywrap.aes_key_wrap(_derive(octets, salt, ROUNDS), cek)
    parts = (wrapped, iv, sealed[:-16], sealed[-16:])
    return ".".join([protected, *map(base64url_encode, parts)])


def decrypt(text: str | bytes, password: str) -> bytes:
    """Decrypt what `encrypt` made, or another tool with the same algorithms.

    Raises:
        InvalidInputError: Another form or algorithm, compression, over 600,000 rounds, a
            wrong passphrase, or changed text. Code ``BadRequest``.
    """
    octets = _password(password)
    if isinstance(text, bytes):
        text = text.decode("latin-1")  # what is not ASCII is not base64url either
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise InvalidInputError(f"what is encrypted {_FORM}, not {shape(text)}")
    protected, *parts = text.strip().split(".", 5)
    try:
        header, wrapped, iv, ciphertext, tag = map(base64url_decode, (protected, *parts))
        well_formed = (len(wrapped), len(iv), len(tag)) == (40, 12, 16)
    except ValueError:
        well_formed = False
    if not well_formed:
        raise InvalidInputError(f"what is encrypted {_FORM}: this is something else, or cut off")
    salt, rounds = _key_derivation(parse_object(header, what="the header of the JWE"))
    plaintext = None
    try:
        cek = keywrap.aes_key_unwrap(_derive(octets, salt, rounds), wrapped)
        plaintext = AESGCM(cek).decrypt(iv, ciphertext + tag, protected.encode())
    except (keywrap.InvalidUnwrap, InvalidTag):
        pass
    if plaintext is None:
        raise InvalidInputError(
            "the passphrase is wrong, or the text was changed", target="password"
        )
    return plaintext


def _key_derivation(header: dict[str, object]) -> tuple[bytes, int]:
    """Check a header before any work is done for it, and give its salt and rounds."""
    if header.get("alg") != ALG or header.get("enc") != ENC:
        raise InvalidInputError(f"what is encrypted {_FORM}, and its header says otherwise")
    for name in ("zip", "crit"):
        if name in header:
            raise InvalidInputError(f"what is encrypted {_FORM}, without {name}", target=name)
    rounds = header.get("p2c")
    # A boolean is an int to Python, and True is one round.
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


def _password(password: str) -> bytes:
    if not isinstance(password, str) or not password or not is_text(password):
        raise InvalidInputError(
            f"the passphrase must be text, and not empty, not {shape(password)}",
            target="password",
        )
    return unicodedata.normalize("NFC", password).encode()


def _derive(password: bytes, salt: bytes, rounds: int) -> bytes:
    # RFC 7518 section 4.8.1.1: the algorithm's name is part of the salt.
    kdf = PBKDF2HMAC(hashes.SHA512(), 32, ALG.encode() + b"\0" + salt, rounds)
    return kdf.derive(password)
