"""Key files of other programs, and recipients' keys."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from trustkeys.cli import passphrases
from trustkeys.cli.signals import immediate
from trustkeys.cli.terminal import read_input, warn
from trustkeys.cli.times import now_or
from trustkeys.core.numericdate import date_text
from trustkeys.errors import MissingPassphraseError, prefix_errors
from trustkeys.formats.envelope import MAX_TEXT
from trustkeys.formats.opened import OpenedKey
from trustkeys.formats.reading import ForeignFile, OpenedSet, recognise

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
    found = read(file)
    with prefix_errors(file), suppress(MissingPassphraseError), immediate():
        return _unexpired(found.recipient(), file)
    option = "a key that is not encrypted"
    password = passphrases.existing(file, None, is_encrypted=True, option=option)
    with prefix_errors(file), immediate():
        return _unexpired(found.recipient(password), file)


def _unexpired(key: Recipient, file: str) -> Recipient:
    """Return a key, and warn if it has expired."""
    exp = key.get("exp") if isinstance(key, Mapping) else getattr(key, "exp", None)
    if isinstance(exp, int) and 0 <= exp <= now_or(None):
        warn(f"{file}: the recipient's key has expired at {date_text(exp)}")
    return key
