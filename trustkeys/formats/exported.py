"""An encrypted file and its passphrase, and the passphrases that OpenSSL's forms accept."""

from __future__ import annotations

import secrets
import warnings
from base64 import b32encode
from typing import NoReturn, final

from trustkeys.core.strict_json import is_text
from trustkeys.errors import PassphraseError
from trustkeys.wording import shape

__tracebackhide__ = True


MAX_LENGTH = 1023
"""The longest passphrase, in bytes, that OpenSSL accepts for PKCS#8 and PKCS#12."""


@final
class Exported:
    """A file with a private key, and the passphrase that opens it. Its repr shows neither.

    Attributes:
        data: The file's content.
        password: The passphrase, ASCII.
    """

    __slots__ = ("data", "password")

    def __init__(self, data: bytes, password: str) -> None:
        self.data = data
        self.password = password

    def __repr__(self) -> str:
        return f"<Exported, {len(self.data)} bytes>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("an Exported holds a passphrase and is not pickled: pass its attributes on")


def octets(password: str) -> bytes:
    """Return the octets of a passphrase that opens a PKCS#8 or PKCS#12 file.

    Raises:
        PassphraseError: It is no text, empty, longer than OpenSSL accepts, or holds a NUL, at
            which OpenSSL would cut it off. Code ``BadRequest``.
    """
    is_sound = isinstance(password, str) and is_text(password) and "\0" not in password
    data = password.encode() if is_sound else b""
    if not 0 < len(data) <= MAX_LENGTH:
        raise PassphraseError(
            f"the passphrase must be text of 1 to {MAX_LENGTH} bytes without NUL, not "
            f"{shape(password)}"
        )
    return data


def passphrase(own: str | None) -> str:
    """Return the passphrase for a form that protects passphrases only weakly.

    PKCS#8 and PKCS#12 as `cryptography` writes them use 2,048 rounds of hashing. An attacker
    finds such a passphrase by trial unless it is long and random.

    Args:
        own: The caller's passphrase. Default: a new one of 128 random bits in base32, 26 letters
            and digits: gpgsm 2.2 opens no PFX with 32.

    Raises:
        PassphraseError: `own` is not 1 to 1023 printable ASCII characters. Code ``BadRequest``.
    """
    if own is None:
        return b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()
    # Programs encode other characters in different ways.
    is_ascii = isinstance(own, str) and own.isascii() and own.isprintable()
    if not is_ascii or not 0 < len(own) <= MAX_LENGTH:
        raise PassphraseError(
            f"the passphrase must be 1 to {MAX_LENGTH} printable ASCII characters, not {shape(own)}"
        )
    warnings.warn(
        "this form protects a passphrase only weakly: leave the passphrase out to get a random "
        "one, or use jwe",
        stacklevel=3,
    )
    return own
