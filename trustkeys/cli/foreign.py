"""Key files of other programs, and recipients' keys."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from trustkeys.cli import passphrases
from trustkeys.cli.signals import immediate
from trustkeys.cli.terminal import read_input, warn
from trustkeys.cli.times import now_or
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.numericdate import date_text
from trustkeys.errors import MissingPassphraseError, prefix_errors
from trustkeys.formats.envelope import MAX_TEXT
from trustkeys.formats.opened import OpenedKey
from trustkeys.formats.reading import ForeignFile, OpenedSet, one_key, recognise
from trustkeys.formats.recipient_files import read_recipient

if TYPE_CHECKING:
    from trustkeys.formats.recipient import Recipient

__tracebackhide__ = True


def read(file: str) -> ForeignFile:
    """Read a file, or ``-``, and recognise its form."""
    data = read_input(file, MAX_TEXT)
    with prefix_errors(file), immediate():
        return recognise(data)


def opened(
    found: ForeignFile,
    file: str,
    password_file: str | None,
    *,
    with_key: Recipient | None = None,
    option: str = "--password-file",
    alias: str | None = None,
) -> OpenedKey | OpenedSet:
    """Open a file, and ask for its passphrase if it needs one.

    `option` is what to use instead if there is no terminal.
    """
    password = None if password_file is None else passphrases.read_password(password_file)
    with prefix_errors(file), suppress(MissingPassphraseError), immediate():
        return found.open(password=password, with_key=with_key, alias=alias)
    password = passphrases.existing(file, None, is_encrypted=True, option=option)
    with prefix_errors(file), immediate():
        return found.open(password=password, with_key=with_key, alias=alias)


def recipient(file: str) -> Recipient:
    """Read a recipient's key, in any form, and ask for its passphrase if it has one."""
    data = read_input(file, MAX_TEXT)
    with prefix_errors(file), immediate():
        found = recognise(data)
        if found.form == "jwk":
            return found.document()
    with prefix_errors(file), suppress(MissingPassphraseError), immediate():
        return _recipient(found, data, file, None)
    option = "a key that is not encrypted"
    password = passphrases.existing(file, None, is_encrypted=True, option=option)
    with prefix_errors(file), immediate():
        return _recipient(found, data, file, password)


def _recipient(found: ForeignFile, data: bytes, file: str, password: str | None) -> Recipient:
    key: TrustFrameworkKey | Mapping[str, Any]
    if found.form in ("pem", "der", "certificate"):
        key = read_recipient(data, password)
    elif found.form == "jwe" and (jwk := found.document(password=password)).get("kty") == "EC":
        return jwk
    else:
        key = one_key(found.open(password=password)).key(use="enc")
    exp = key.exp if isinstance(key, TrustFrameworkKey) else key.get("exp")
    if exp is not None and exp <= now_or(None):
        warn(f"{file}: the recipient's key has expired at {date_text(exp)}")
    return key
