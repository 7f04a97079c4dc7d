"""Keys from files: those of trustkeys itself, and those of other programs."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import click

from trustkeys import store
from trustkeys.cli import passphrases
from trustkeys.cli.signals import immediate
from trustkeys.cli.terminal import read_input, warn
from trustkeys.cli.times import now_or
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.numericdate import date_text
from trustkeys.errors import InvalidInputError, MissingPassphraseError, prefix_errors
from trustkeys.formats.jwe import MAX_TEXT
from trustkeys.formats.opened import OpenedKey
from trustkeys.formats.reading import ForeignFile, OpenedSet, one_key, recognise
from trustkeys.keyset.keyset import TrustFrameworkKeySet, read_key_set

if TYPE_CHECKING:
    from trustkeys.formats.recipient import Recipient

__tracebackhide__ = True


def stored(file: str) -> store.StoredFile:
    """Read a file that trustkeys wrote: a key set, or a single key.

    Raises:
        OSError: As `store.read_file`.
        InvalidInputError: It has a form that needs ``trustkeys import``. Code ``AADB2C95026``.
    """
    stored_file = store.read_file(file)
    data = stored_file.data.reveal()
    if data.lstrip().startswith((b"{", b"\xef\xbb\xbf{")):
        return stored_file  # store parses it
    found = None
    with suppress(InvalidInputError), immediate():  # store's own error says more
        found = recognise(data)
    if found is not None and (found.form != "jwe" or found.protection == "recipient"):
        raise InvalidInputError(
            f'{file}: this is {found.description}; convert it with "trustkeys import"',
            code="AADB2C95026",
        )
    return stored_file


def key_set(file: str, password_file: str | None) -> TrustFrameworkKeySet:
    """Read the key set in a file that trustkeys wrote.

    Args:
        file: The file.
        password_file: The file with its passphrase. Default: ask, if it is encrypted.
    """
    found = stored(file)
    return found.key_set(
        password=passphrases.existing(file, password_file, is_encrypted=found.is_encrypted)
    )


def stored_keys(
    file: str, password_file: str | None, *, option: str
) -> tuple[TrustFrameworkKeySet | TrustFrameworkKey, str | None]:
    """Read the key set, or the single key, in a file that trustkeys wrote.

    Args:
        file: The file.
        password_file: The file with its passphrase. Default: ask, if it is encrypted.
        option: The option that `password_file` comes from, for errors.

    Returns:
        The keys, and the file's passphrase if it has one.
    """
    found = stored(file)
    password = passphrases.existing(
        file, password_file, is_encrypted=found.is_encrypted, option=option
    )
    document = found.document(password=password)
    with prefix_errors(file):
        if "keys" in document:
            return read_key_set(document, prove=False), password
        return TrustFrameworkKey.from_jwk(document), password


def foreign_file(file: str) -> ForeignFile:
    """Read a file, or ``-``, and recognise its form."""
    data = read_input(file, MAX_TEXT)
    with prefix_errors(file), immediate():
        return recognise(data)


def open_foreign(
    found: ForeignFile,
    file: str,
    password_file: str | None,
    *,
    with_key: Recipient | None = None,
    option: str = "--password-file",
) -> OpenedKey | OpenedSet:
    """Open a file, and ask for its passphrase if it needs one.

    Args:
        found: The file.
        file: Its name, for the prompt and for errors.
        password_file: The file with its passphrase. Default: ask.
        with_key: The private key that it is sealed to.
        option: What to name if there is no terminal.
    """
    password = None if password_file is None else passphrases.read_password(password_file)
    with prefix_errors(file), suppress(MissingPassphraseError), immediate():
        return found.open(password=password, with_key=with_key)
    password = passphrases.ask(f"Passphrase of {file}", option=option)
    with prefix_errors(file), immediate():
        return found.open(password=password, with_key=with_key)


def recipient(file: str) -> Recipient:
    """Read a recipient's key, in any form; an EC key only as a JWK."""
    found = foreign_file(file)
    if found.form == "jwk":
        return found.document()
    opened = open_foreign(found, file, None, option="a key that is not encrypted")
    with prefix_errors(file):
        key = one_key(opened).key(use="enc")
    if key.exp is not None and key.exp <= now_or(None):
        warn(f"{file}: the recipient's key has expired at {date_text(key.exp)}")
    return key


def one_of(found: TrustFrameworkKeySet | TrustFrameworkKey, kid: str | None) -> TrustFrameworkKey:
    """Return the key with a `kid`, which only a set of one key does without."""
    if isinstance(found, TrustFrameworkKey):
        if kid is not None and not found.kid.startswith(kid):
            raise InvalidInputError("the key has another kid", target="kid")
        return found
    if kid is not None:
        return found.get(whole_kid(found, kid))
    if len(found) != 1:
        raise click.UsageError(f"{found.id} has {len(found)} keys: choose one with --kid")
    return next(iter(found))


# The timeline shows 8 characters.
_SHORTEST_KID = 6


def whole_kid(keys: TrustFrameworkKeySet, kid: str) -> str:
    """Complete a `kid` that was shortened, as the timeline shortens it."""
    found = [key.kid for key in keys if key.kid.startswith(kid)]
    if kid in found:
        return kid
    if not found and kid.startswith("--"):
        raise click.UsageError(f"no such option, and no such kid: {kid}")
    if len(found) > 1:
        raise InvalidInputError(f"{len(found)} keys have a kid that starts with this", target="kid")
    if found and len(kid) < _SHORTEST_KID:
        raise InvalidInputError(
            f"kid must be complete, or at least {_SHORTEST_KID} characters long", target="kid"
        )
    return found[0] if found else kid
