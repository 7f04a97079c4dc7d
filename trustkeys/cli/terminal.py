"""Standard input, standard output, and what the command says on standard error."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import IO, TextIO

import click

from trustkeys.errors import TrustKeysError
from trustkeys.system import UNUSED_COLUMNS, has_lost_reader, obeys_escape_codes

__tracebackhide__ = True

_JSON: ContextVar[bool] = ContextVar("json", default=False)


def escaped(text: str) -> str:
    """Escape control characters, of a file's name for example, so that no terminal obeys them."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


@contextmanager
def open_input(path: str) -> Iterator[IO[bytes]]:
    """Open a file, a pipe, or ``-`` for standard input; errors in the block name it."""
    if path == "-" and sys.stdin is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), "standard input")
    try:
        with click.open_file(path, "rb") as file:
            yield file
    except OSError as error:
        error.filename = path  # an error while reading has none
        raise


def read_input(path: str, limit: int | None = None) -> bytes:
    """Read a file, a pipe, or ``-`` for standard input.

    Reads at most `limit` + 1 bytes, so that an endless input ends and a parser can refuse it.
    Default: the size of the largest key or request.
    """
    from trustkeys.core.strict_json import MAX_JSON_BYTES

    with open_input(path) as file:
        return file.read((MAX_JSON_BYTES if limit is None else limit) + 1)


def write_out(content: str | bytes) -> None:
    """Write to standard output: text for people, or bytes for programs.

    Windows changes line ends and characters of text, for its programs. Bytes stay as they are.

    Raises:
        OSError: It cannot be written. Silence must never look like success.
        Exit: Nobody reads it any more. As elsewhere, a program ends then and says nothing.
    """
    stream = sys.stdout
    if stream is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), "standard output")
    try:
        if isinstance(content, bytes):
            stream.flush()
            stream.buffer.write(content)
        else:
            stream.write(content)
        stream.flush()
    except OSError as error:
        if has_lost_reader(stream, error):
            raise click.exceptions.Exit(1) from None
        error.filename = "standard output"
        raise


def write_result(content: str | bytes, *files: str) -> None:
    """Write the answer of a command that wrote `files`; on failure, say that they are there."""
    try:
        write_out(content)
    except OSError:
        were = "was" if len(files) == 1 else "were"
        warn(f"{' and '.join(files)} {were} written: do not repeat the command")
        raise


def json_bytes(value: object) -> bytes:
    """Return a value as indented JSON with a line end."""
    import json

    return json.dumps(value, indent=2).encode() + b"\n"


def write_json(value: object) -> None:
    """Write JSON to standard output."""
    write_out(json_bytes(value))


@contextmanager
def json_messages(*, wanted: bool) -> Iterator[None]:
    """Print what goes to standard error as JSON in the block, one line for each message."""
    before = _JSON.set(wanted)
    try:
        yield
    finally:
        _JSON.reset(before)


def wants_json() -> bool:
    """Return whether ``--json`` was given."""
    return _JSON.get()


def warn(message: str) -> None:
    """Print a warning on standard error."""
    _say(f"warning: {message}", {"warning": {"message": message}})


def note(message: str, **members: object) -> None:
    """Print what a person must know on standard error, with its parts for programs."""
    _say(message, {"note": {"message": message, **members}})


@contextmanager
def waits_noted() -> Iterator[None]:
    """Print in the block that the command waits for a lock, as `trustkeys.locks` logs it."""
    import logging  # imported late: it takes 5 ms

    def print_it(record: logging.LogRecord) -> bool:
        note(record.getMessage())
        return False

    logger = logging.getLogger("trustkeys")
    before = logger.level
    logger.setLevel(logging.INFO)
    logger.addFilter(print_it)
    try:
        yield
    finally:
        logger.removeFilter(print_it)
        logger.setLevel(before)


def report(error: TrustKeysError) -> None:
    """Print an error on standard error."""
    _say(str(error), error.to_graph())


def _say(message: str, value: object) -> None:
    if wants_json():
        import json

        write_error(json.dumps(value))
    else:
        write_error(f"trustkeys: {escaped(message)}")


def write_error(line: str) -> None:
    """Write a line to standard error. If that fails, the exit code still tells."""
    if sys.stderr is not None:
        try:
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()
        except OSError:
            _discard(sys.stderr)


def _discard(stream: TextIO) -> None:
    """Drop what could not be written, and what follows: trying again can end the process."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, stream.fileno())
    os.close(devnull)


def drop_unwritten() -> None:
    """Drop what could not be written, so that the interpreter does not try again at exit."""
    # Not sys.stdout: click wraps that after a broken pipe.
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            try:
                stream.flush()
            except OSError:
                _discard(stream)


def is_dumb() -> bool:
    """Return whether the terminal shows escape codes as text, as some editors do."""
    return os.environ.get("TERM") in ("dumb", "unknown")


def has_colors() -> bool:
    """Return whether to write colours: to a terminal, or anywhere if FORCE_COLOR is set.

    NO_COLOR has priority. A variable that is empty is not set (no-color.org, force-color.org).
    A dumb terminal has no colours.
    """
    if os.environ.get("NO_COLOR") or is_dumb():
        return False
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    return (is_terminal and obeys_escape_codes(sys.stdout)) or bool(os.environ.get("FORCE_COLOR"))


def width() -> int:
    """Return the number of columns for text on standard output."""
    import shutil  # imported lazily: it takes 3 ms

    found = shutil.get_terminal_size().columns
    return found - UNUSED_COLUMNS if sys.stdout is not None and sys.stdout.isatty() else found


def cells(text: str) -> int:
    """Return the number of columns that escaped text takes on a terminal.

    East Asian wide characters take two (Unicode Standard Annex 11), combining marks none.
    """
    if text.isascii():
        return len(text)
    from unicodedata import category, east_asian_width

    return sum(
        0 if category(char) in ("Mn", "Me") else 2 if east_asian_width(char) in ("W", "F") else 1
        for char in text
    )


def can_write(characters: Iterable[str], stream: TextIO | None) -> bool:
    """Return whether the encoding of a stream has these characters."""
    try:
        "".join(characters).encode(getattr(stream, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        return False
    return True
