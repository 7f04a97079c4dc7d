"""Passphrases: from a file or pipe, or typed at the terminal; never from an argument."""

from __future__ import annotations

import sys
from contextlib import suppress

import click

from trustkeys.cli.terminal import escaped, read_input, wants_json, write_error
from trustkeys.core.strict_json import MAX_JSON_BYTES
from trustkeys.core.utf8 import SAVE_AS_UTF8, without_mark
from trustkeys.errors import InvalidInputError, PassphraseError
from trustkeys.system import has_terminal, prompting

__tracebackhide__ = True


def read_password(path: str, what: str = "passphrase") -> str:
    """Read a passphrase from a file or pipe, or from standard input for ``-``.

    One line end at the end is removed, and a byte order mark, which also tells UTF-16.

    Args:
        path: The file, the pipe, or ``-``.
        what: What it is, for errors.

    Raises:
        PassphraseError: It is longer than 64 KiB, or neither UTF-8 nor UTF-16 with a mark.
    """
    if path == "-" and sys.stdin is not None and sys.stdin.isatty():
        raise click.UsageError(f"the {what} would be visible while you type: leave the option out")
    data = read_input(path)
    if len(data) > MAX_JSON_BYTES:
        raise PassphraseError(f"{path}: the {what} must be at most {MAX_JSON_BYTES} bytes long")
    password = None
    with suppress(UnicodeDecodeError):
        password = without_mark(data).decode()
    # UTF-16 without a mark has zeros, and could be UTF-8.
    if password is None or "\0" in password:
        raise PassphraseError(f"{path}: the {what} must be UTF-8 text: {SAVE_AS_UTF8}")
    return password.removesuffix("\n").removesuffix("\r")


def existing(
    file: str,
    password_file: str | None,
    *,
    is_encrypted: bool,
    option: str = "--password-file",
) -> str | None:
    """Return the passphrase of a file, or None if it is not encrypted.

    Args:
        file: The name of the encrypted file, for the prompt.
        password_file: The file with the passphrase. Default: ask, if `is_encrypted`.
        is_encrypted: Whether the file needs a passphrase.
        option: The option to name if there is no terminal.
    """
    if password_file is not None:
        return read_password(password_file)
    if not is_encrypted:
        return None
    return ask(f"Passphrase of {'standard input' if file == '-' else file}", option=option)


def new(
    file: str, password_file: str | None, *, plain: bool, option: str = "--password-file"
) -> str | None:
    """Return the passphrase to encrypt a new file to, or None for a plain one.

    Args:
        file: The name of the new file, for the prompt.
        password_file: The file with the passphrase. Default: ask, twice.
        plain: Whether the file is to be plain.
        option: The option that `password_file` comes from, for errors.
    """
    if plain and password_file is not None:
        raise click.UsageError(f"{option} and --plain exclude each other")
    if plain:
        return None
    if password_file is not None:
        return read_password(password_file)
    return ask(f"New passphrase for {file}", option=f"{option} or --plain", repeat=True)


def secret(prompt: str) -> str:
    """Return a secret that is typed twice at the terminal, or all of standard input."""
    if sys.stdin is None or not sys.stdin.isatty():
        return read_password("-", what="secret")
    return ask(prompt, repeat=True)


def ask(prompt: str, *, option: str = "--password-file", repeat: bool = False) -> str:
    """Ask for a passphrase at the terminal, without showing it.

    Args:
        prompt: What to ask for.
        option: The option to name if there is no terminal.
        repeat: Whether to ask twice, until both answers are equal.
    """
    # Without a terminal getpass would read from standard input, and show it.
    if not has_terminal():
        raise click.UsageError(f"there is no terminal to ask for a passphrase: use {option}")
    problem = "no passphrase was typed"
    question = escaped(prompt)
    try:
        while True:
            answer = _typed(question)
            if not repeat or answer == _typed("Repeat for confirmation"):
                return answer
            question = f"The two do not match. {escaped(prompt)}"
    except EOFError:
        pass
    except UnicodeError:  # which holds what was typed
        problem = "the passphrase must be text in the terminal's own encoding"
    if not wants_json():
        write_error("")  # ends the line of the question
    raise InvalidInputError(problem, target="password")


def _typed(question: str) -> str:
    """Ask at the terminal itself, not on standard error, until there is an answer."""
    from getpass import getpass

    with prompting():
        while not (answer := getpass(f"{question}: ")):
            pass
    return answer
