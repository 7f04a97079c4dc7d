"""A key set's file, opened for a command: its passphrase, its lock and its warnings."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from trustkeys import store
from trustkeys.cli import passphrases
from trustkeys.cli.terminal import warn
from trustkeys.errors import KeyNotFoundError
from trustkeys.keyset.keyset import TrustFrameworkKeySet

__tracebackhide__ = True

PATIENCE = 60
"""The longest wait for the lock, in seconds: another process may be generating its keys."""

KID_SETTINGS = {"ignore_unknown_options": True, "help_option_names": ["--help"]}
"""Settings of commands with a KID, which can start with a hyphen and is no option then."""


@contextmanager
def edit(
    file: str, password_file: str | None, *, at: int | None = None
) -> Iterator[TrustFrameworkKeySet]:
    """Change a key set in the block, then write it.

    Warn if it has no active key afterwards, at `at` (seconds since 1970) or by default now.
    """
    is_encrypted = password_file is None and store.is_encrypted(file)
    password = passphrases.existing(file, password_file, is_encrypted=is_encrypted)
    # A person who expects a question for the passphrase learns why there is none.
    if password is None and sys.stderr is not None and sys.stderr.isatty():
        warn(f"{file} is not encrypted: anyone who can read it has the private keys")
    with store.edit(file, password=password, timeout=PATIENCE) as keys:
        yield keys
    try:
        keys.get_active_key(at)
    except KeyNotFoundError as error:
        warn(error.message)
