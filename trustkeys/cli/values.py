"""What is read from the command line and from standard input."""

from __future__ import annotations

import errno
import json
import os
import re
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import click
from attrs import evolve

from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.numericdate import numeric_date
from trustkeys.core.request import GenerateKeyRequest
from trustkeys.core.strict_json import MAX_JSON_BYTES
from trustkeys.errors import InvalidInputError
from trustkeys.testkeys.guard import refuse_test_keys

__tracebackhide__ = True

UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}
"""The units of a relative time, in seconds; a year is 365 days.

A lone m would be minutes to one and months to another.
"""


def point_in_time(text: str, target: str, start: int, now: int) -> int:
    """Read a point in time as a person types it, as whole seconds since 1970.

    Args:
        text: Seconds, an ISO 8601 date or time (UTC where no zone is given), ``now``, or a
            relative time such as ``+90d``.
        target: The option's name, for the error.
        start: What a relative time counts from.
        now: What ``now`` is.

    Raises:
        InvalidInputError: None of these. Code ``BadRequest``.
    """
    if text == "now":
        return now
    if re.fullmatch(r"(19|20)[0-9]{6}", text):
        raise InvalidInputError(
            f"{target} of eight digits would be a time in 1970: write a date as "
            f"{text[:4]}-{text[4:6]}-{text[6:]}",
            target=target,
        )
    if re.fullmatch(r"-?[0-9]{1,20}", text):
        return int(text)
    if match := re.fullmatch(r"\+([0-9]{1,20})(s|min|h|d|w|y)", text):
        return start + int(match[1]) * UNITS[match[2]]
    when = None
    with suppress(ValueError):
        when = datetime.fromisoformat(text)
    if when is None:
        raise InvalidInputError(
            f"{target} must be seconds since 1970, a date or time such as 2027-01-31 or "
            "2027-01-31T12:00:00Z, now, or a time from now such as +90d (s, min, h, d, w, y)",
            target=target,
        )
    if when.utcoffset() is None:
        when = when.replace(tzinfo=UTC)
    return (when - datetime.fromtimestamp(0, UTC)) // timedelta(seconds=1)


def now(at: str | None) -> int:
    """Give what counts as now: what ``--at`` says, else what the clock does."""
    clock = int(time.time())
    return clock if at is None else numeric_date(point_in_time(at, "at", clock, clock), "at")


def dates(nbf: str | None, exp: str | None, at: int | None = None) -> tuple[int | None, int | None]:
    """Read a validity; a relative ``--exp`` counts from ``--nbf``. `at` is now."""
    clock = now(None) if at is None else at
    start = None if nbf is None else point_in_time(nbf, "nbf", clock, clock)
    since = clock if start is None else start
    end = None if exp is None else point_in_time(exp, "exp", since, clock)
    return start, end


def request(
    use: str | None,
    kty: str | None,
    nbf: str | None,
    exp: str | None,
    size: int | None,
    at: int | None = None,
) -> GenerateKeyRequest:
    """Make the request that options say. `at` is now."""
    start, end = dates(nbf, exp, at)
    body = {"use": use, "kty": kty, "nbf": start, "exp": end}
    wanted = GenerateKeyRequest.from_graph(
        {name: value for name, value in body.items() if value is not None}
    )
    return wanted if size is None else evolve(wanted, size=size)


def duration(text: str, target: str) -> int:
    """Read a duration as a person types it, as whole seconds: ``90d``.

    Raises:
        InvalidInputError: None of these. Code ``BadRequest``.
    """
    if match := re.fullmatch(r"([0-9]{1,20})(s|min|h|d|w|y)", text):
        return int(match[1]) * UNITS[match[2]]
    raise InvalidInputError(
        f"{target} must be a number and a unit such as 90d (s, min, h, d, w, y)", target=target
    )


def escaped(text: str) -> str:
    """Show control characters, of a file's name for instance, in place of obeying them."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def read_input(path: str, limit: int = MAX_JSON_BYTES) -> bytes:
    """Read a file, a pipe, or ``-`` for standard input: one byte more than is ever accepted.

    More than that byte is not read, so that an endless input comes to an end.
    """
    if path == "-" and sys.stdin is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), "standard input")
    try:
        with click.open_file(path, "rb") as file:
            data: bytes = file.read(limit + 1)
    except OSError as error:
        error.filename = path  # which an error in reading lacks
        raise
    return data


def read_password(path: str, what: str = "passphrase") -> str:
    """Read a passphrase as `read_input` does; one line end at its end is cut off.

    Args:
        path: The file, the pipe, or ``-``.
        what: What it is, for errors.

    Raises:
        InvalidInputError: It is no UTF-8, or longer than 64 KiB. Code ``BadRequest``.
    """
    if path == "-" and sys.stdin is not None and sys.stdin.isatty():
        raise click.UsageError(f"a {what} that is typed would be seen: leave --password-file out")
    data = read_input(path)
    password = None
    with suppress(UnicodeDecodeError):
        # Windows PowerShell writes a byte order mark.
        password = data.decode("utf-8-sig")
    if password is None or len(data) > MAX_JSON_BYTES:
        raise InvalidInputError(
            f"the {what} must be UTF-8 text of at most {MAX_JSON_BYTES} bytes",
            target="password",
        )
    return password.removesuffix("\n").removesuffix("\r")


def write_out(content: str | bytes) -> None:
    """Write to standard output, or raise OSError: nobody must take silence for success."""
    if sys.stdout is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), "standard output")
    try:
        click.echo(content, nl=False)
    except OSError as error:
        error.filename = "standard output"
        raise


def json_text(value: object) -> str:
    """Write JSON for people and for machines."""
    return json.dumps(value, indent=2) + "\n"


def write_json(value: object) -> None:
    """Write JSON to standard output."""
    write_out(json_text(value))


def private_text(key: TrustFrameworkKey, password: str | None) -> str:
    """Write a key whole as a JWK, or encrypted to a passphrase as a JWE."""
    if key.has_private:
        refuse_test_keys([key])
    text = json_text(key.to_jwk(private=key.has_private))
    if password is None:
        return text
    from trustkeys.formats.jwe import encrypt

    return encrypt(text.encode(), password=password, cty="jwk+json") + "\n"


def warn(message: str) -> None:
    """Tell the person something that the exit status does not."""
    say(f"warning: {message}")


def say(message: str) -> None:
    """Tell the person something, on standard error."""
    with suppress(OSError):
        click.echo(f"trustkeys: {escaped(message)}", err=True)


def has_colors() -> bool:
    """Whether standard output is a terminal, and nobody asked it to be plain."""
    return sys.stdout is not None and sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def can_write(characters: Iterable[str]) -> bool:
    """Whether standard output has these characters."""
    try:
        "".join(characters).encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        return False
    return True
