"""What is encrypted to a passphrase that was made for it."""

from __future__ import annotations

import secrets
import warnings
from typing import NoReturn, final

from trustkeys.core.strict_json import is_text
from trustkeys.errors import InvalidInputError
from trustkeys.wording import shape

__tracebackhide__ = True


MAX_LENGTH = 1023
"""The longest passphrase, in bytes, that OpenSSL takes for these forms."""


@final
class Exported:
    """A file that holds a private key, and the passphrase that opens it. Shows neither.

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
        raise TypeError("what holds a passphrase is not pickled: pass data and password on")


def octets(password: str) -> bytes:
    """Give the octets of a passphrase that opens a file of others.

    Raises:
        InvalidInputError: It is no text, empty, longer than OpenSSL takes, or holds a NUL,
            which would end it. Code ``BadRequest``.
    """
    is_sound = isinstance(password, str) and is_text(password) and "\0" not in password
    data = password.encode() if is_sound else b""
    if not 0 < len(data) <= MAX_LENGTH:
        raise InvalidInputError(
            f"the passphrase must be text of 1 to {MAX_LENGTH} bytes without NUL, not "
            f"{shape(password)}",
            target="password",
        )
    return data


def passphrase(own: str | None) -> str:
    """Give the passphrase for a form whose own protection of passphrases is weak.

    PKCS#8 and PKCS#12 as `cryptography` writes them stretch a passphrase by 2,048 rounds of
    hashing: it is found by trying unless it is long and random.

    Args:
        own: One that the caller brings, in place of one of 128 random bits.

    Raises:
        InvalidInputError: It is not 1 to 1023 printable ASCII characters. Code ``BadRequest``.
    """
    if own is None:
        return secrets.token_hex(16)
    # Programs differ in how they turn other characters into octets.
    is_ascii = isinstance(own, str) and own.isascii() and own.isprintable()
    if not is_ascii or not 0 < len(own) <= MAX_LENGTH:
        raise InvalidInputError(
            f"the passphrase must be printable ASCII, 1 to {MAX_LENGTH} characters, "
            f"not {shape(own)}",
            target="password",
        )
    warnings.warn(
        "this form protects a passphrase badly: let one be made, or use jwe", stacklevel=3
    )
    return own
