"""Files that trustkeys wrote. `foreign` reads the files of other programs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress

import click

from trustkeys import store
from trustkeys.cli import changes, passphrases
from trustkeys.cli.signals import immediate
from trustkeys.cli.terminal import read_input, waits_noted, warn
from trustkeys.core.private import Private
from trustkeys.core.utf8 import as_utf8
from trustkeys.errors import InvalidInputError, KeyNotFoundError, prefix_errors
from trustkeys.formats import jwe
from trustkeys.formats.envelope import MAX_TEXT
from trustkeys.keyset.keyset import TrustFrameworkKeySet
from trustkeys.wording import quoted

__tracebackhide__ = True

PATIENCE = 60
"""The longest wait for the lock, in seconds: another process may be generating its keys."""


def passphrase(file: str, password_file: str | None) -> str | None:
    """Return the passphrase of a key set that is to be changed, or None if it is plain."""
    found = stored(file)
    password = passphrases.existing(file, password_file, is_encrypted=found.is_encrypted)
    # A person who expects a question for the passphrase learns why there is none.
    if password is None and sys.stderr is not None and sys.stderr.isatty():
        warn(f"{file} is not encrypted: anyone who can read it has the private keys")
    return password


def edit(
    file: str, password_file: str | None, *, at: int | None = None
) -> AbstractContextManager[TrustFrameworkKeySet]:
    """Change a key set as `edit_with` does, with a passphrase that is asked for if need be."""
    return edit_with(file, passphrase(file, password_file), at=at)


@contextmanager
def edit_with(
    file: str, password: str | None, *, at: int | None = None
) -> Iterator[TrustFrameworkKeySet]:
    """Change a key set in the block, then write it, and print which key is active if it changed.

    Warn if no key is active afterwards, at `at` (seconds since 1970) or by default now.
    """
    with waits_noted(), store.edit(file, password=password, timeout=PATIENCE) as keys:
        before = [*keys]
        yield keys
    changes.report(before, [*keys], at)
    try:
        keys.get_active_key(at)
    except KeyNotFoundError as error:
        warn(error.message)
    changes.report_disabled(file, before, [*keys])
    if before and not any(key.has_private for key in before):
        changes.warn_private(file, [*keys])


def read(file: str) -> store.StoredFile:
    """Read a file of JSON or a JWE, or ``-`` for standard input."""
    if file == "-":
        # Others cannot read or change it.
        found = store.StoredFile(file, Private(read_input(file, MAX_TEXT)), 0o600)
    else:
        found = store.read_file(file)
    refuse_other_forms(file, found.data.reveal())
    return found


def stored(file: str) -> store.StoredFile:
    """Read a file, and refuse a JWE that needs ``trustkeys import`` (``AADB2C95026``)."""
    found = read(file)
    if found.is_encrypted:
        data = found.data.reveal()
        with prefix_errors(file):
            protection = jwe.parse(data).protection
            if protection == "unknown":  # what cannot be opened needs no passphrase
                jwe.decrypt(data)
        if protection == "recipient":
            _refuse(file, data)
    return found


def refuse_other_forms(file: str, data: bytes) -> None:
    """Refuse data that is neither JSON nor a JWE, by its name (``AADB2C95026``)."""
    text = as_utf8(data)
    if text.strip() and not text.lstrip().startswith((b"{", b"[", b"eyJ")):
        _refuse(file, text)


def _refuse(file: str, data: bytes) -> None:
    from trustkeys.formats.other_forms import other_form
    from trustkeys.formats.reading import recognise  # X.509 is slow to import

    problem = None
    with immediate():
        with suppress(InvalidInputError):
            problem = f'this is {recognise(data).description}; convert it with "trustkeys import"'
        if problem is None:
            problem = other_form(data)
    if problem is not None:  # else the error of JSON says more
        raise InvalidInputError(f"{file}: {problem}", code="AADB2C95026")


def key_set(file: str, password_file: str | None) -> TrustFrameworkKeySet:
    """Read the key set in a file that trustkeys wrote, and ask for its passphrase if need be."""
    found = stored(file)
    password = passphrases.existing(file, password_file, is_encrypted=found.is_encrypted)
    with immediate():
        return found.key_set(password=password)


def passwords(found: Sequence[store.StoredFile], password_file: str | None) -> Iterator[str | None]:
    """Yield the passphrase of each file: the same for all, or ask when it is needed.

    Args:
        found: The files.
        password_file: The file with the passphrase of all encrypted files. Default: ask for each.
    """
    if password_file is None:
        for each in found:
            is_encrypted = each.is_encrypted
            yield passphrases.existing(each.path, None, is_encrypted=is_encrypted)
        return
    # A pipe can be read only once.
    password = passphrases.read_password(password_file)
    some_are_encrypted = any(each.is_encrypted for each in found)
    for each in found:
        # If no file is encrypted, the first refuses the passphrase.
        yield password if each.is_encrypted or not some_are_encrypted else None


# The timeline shows 8 characters.
_SHORTEST_KID = 6

_LISTED = 5


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
    if not found:
        shown = ", ".join(quoted(key.kid[:8]) for key in [*keys][:_LISTED])
        others = f" and {len(keys) - _LISTED} more" if len(keys) > _LISTED else ""
        has = f"its keys are {shown}{others}" if shown else "it is empty"
        raise KeyNotFoundError(
            f"{keys.id} has no key with that kid: {has}", code="NotFound", target="kid"
        )
    return found[0]
