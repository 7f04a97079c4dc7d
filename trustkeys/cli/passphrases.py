"""Passphrases: from a file or pipe, or from the person at the terminal; never from an argument."""

from __future__ import annotations

import getpass
import os
import sys
from contextlib import suppress

import click

from trustkeys import store
from trustkeys.cli import values
from trustkeys.errors import InvalidInputError


def known(path: str, password_file: str | None) -> str | None:
    """Give the passphrase of a file that is there, or None where it has none.

    Args:
        path: The file of a key set.
        password_file: The file that the passphrase is in. Default: ask, where there is one.
    """
    if password_file is not None:
        return values.read_password(password_file)
    return ask(f"Passphrase of {path}: ") if store.is_encrypted(path) else None


def new(path: str, password_file: str | None, *, plain: bool, option: str) -> str | None:
    """Give the passphrase that a file shall be encrypted to, or None where it shall be plain.

    Args:
        path: The file of a key set.
        password_file: The file that the passphrase is in. Default: ask, twice.
        plain: Whether none is wanted.
        option: The option that `password_file` comes from, for errors.
    """
    if plain and password_file is not None:
        raise click.UsageError(f"{option} and --plain exclude each other")
    if plain:
        return None
    if password_file is not None:
        return values.read_password(password_file)
    password = ask(f"New passphrase for {path}: ", otherwise=f"{option} or --plain")
    if ask("Once more: ") != password:
        raise InvalidInputError("the two passphrases differ", target="password")
    return password


def secret(prompt: str) -> str:
    """Give a secret: of the person at the terminal, asked twice, or all of standard input."""
    if sys.stdin is None or not sys.stdin.isatty():
        return values.read_password("-", what="secret")
    text = ask(prompt)
    if ask("Once more: ") != text:
        raise InvalidInputError("the two secrets differ", target="k")
    return text


def ask(prompt: str, otherwise: str = "--password-file") -> str:
    """Ask the person at the terminal for a passphrase, and do not show it.

    Args:
        prompt: What to ask.
        otherwise: The option to name where there is no terminal.
    """
    # Without a terminal getpass would read from standard input, and show it.
    if not _has_terminal():
        raise click.UsageError(f"there is no terminal to ask for a passphrase: give {otherwise}")
    problem = "no passphrase was given"
    with suppress(EOFError):
        try:
            return getpass.getpass(values.escaped(prompt))
        except UnicodeError:  # which quotes what was typed
            problem = "the passphrase must be text in the terminal's own encoding"
    raise InvalidInputError(problem, target="password")


def _has_terminal() -> bool:
    with suppress(OSError):
        os.close(os.open("/dev/tty", os.O_RDWR | getattr(os, "O_NOCTTY", 0)))
        return True
    # Windows has no such file.
    return sys.stdin is not None and sys.stdin.isatty()
