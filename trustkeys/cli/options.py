"""Options and arguments that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from trustkeys.cli.kids import KID
from trustkeys.cli.params import CHANGED, INPUT, KTY, TIME, USE
from trustkeys.cli.times import allow_any_date
from trustkeys.core.clouds import CLOUDS

__tracebackhide__ = True

Command = Callable[..., Any]

_AS_THE_OTHERS = "Default: as the set's other keys."

TIMES_HELP = """\b
T is one of
  1798761600             whole seconds since 1970 (NumericDate)
  2027-01-01             an ISO 8601 date or time, UTC unless a zone is given
  2027-01-01T09:00+01:00
  now
  +90d                   from now; --exp counts from --nbf if that is given.
                         Units: s, min, h, d, w, y (365 days)
"""
"""How to write a time, for the epilog of a command."""

_JSON_HELP = "Print results, warnings and errors as JSON."

json_results = click.option("--json", "as_json", is_flag=True, help=_JSON_HELP)

json_errors = click.option("--json", is_flag=True, expose_value=False, help=_JSON_HELP)
"""``--json`` for a command whose results are JSON anyway."""

cloud = click.option(
    "--cloud",
    "base_url",
    type=click.Choice([*CLOUDS]),
    default="global",
    callback=lambda _context, _parameter, name: CLOUDS[name],
    help="The cloud of the tenant. Default: global.",
)

until = click.option(
    "--until",
    type=TIME,
    metavar="T",
    help="There must be no gap before this time; +1y counts from --at. Default: the end of the "
    "last key.",
)

any_date = click.option(
    "--any-date",
    is_flag=True,
    is_eager=True,  # before the dates
    expose_value=False,
    callback=allow_any_date,
    help="Allow dates that look like mistakes, such as a validity of over 100 years.",
)

random_keys = click.option(
    "--generate",
    is_flag=True,
    help="Add random keys even to a set of secrets or public keys that somebody else issued.",
)

at = click.option("--at", type=TIME, metavar="T", help="Use this time instead of now.")


def fail_on(severity: str) -> Callable[[Command], Command]:
    """Add ``--fail-on``, with its default."""
    return click.option(
        "--fail-on",
        type=click.Choice(["error", "warning"]),
        default=severity,
        help=f"Exit with status 3 for errors, or also for warnings. Default: {severity}.",
    )


def use(text: str = "sig or enc.") -> Callable[[Command], Command]:
    """Add ``--use``."""
    return click.option("--use", type=USE, metavar="USE", help=text)


def kty(text: str = "RSA or oct.") -> Callable[[Command], Command]:
    """Add ``--kty``."""
    return click.option("--kty", type=KTY, metavar="KTY", help=text)


def size(
    text: str = "RSA: 2048 (default), 3072 or 4096; oct: 256 (default) to 4096.",
) -> Callable[[Command], Command]:
    """Add ``--size``."""
    return click.option("--size", type=int, metavar="BITS", help=text)


def nbf(
    text: str = "Not valid before this time. Default: no date.",
) -> Callable[[Command], Command]:
    """Add ``--nbf``."""
    return click.option("--nbf", type=TIME, metavar="T", help=text)


def exp(text: str = "Expires at this time. Default: no date.") -> Callable[[Command], Command]:
    """Add ``--exp``, and ``--any-date`` for both dates."""
    return lambda command: click.option("--exp", type=TIME, metavar="T", help=text)(
        any_date(command)
    )


def password_file(
    text: str = "Read the passphrase from this file or pipe. Default: ask.",
    name: str = "--password-file",
) -> Callable[[Command], Command]:
    """Add ``--password-file``, or another option that names a file with a passphrase."""
    return click.option(name, type=INPUT, metavar="FILE", help=text)


def alias(command: Command) -> Command:
    """Add ``--alias``."""
    return click.option(
        "--alias",
        metavar="NAME",
        help="Which of several keys in PKCS#12: its name, or its certificate's SHA-1 or SHA-256.",
    )(command)


def key_set_file(command: Command) -> Command:
    """Add the argument FILE, a key set's file to change, and ``--password-file``."""
    return click.argument("file", type=CHANGED)(password_file()(command))


def key_set_input(command: Command) -> Command:
    """Add the argument FILE, a key set's file to read, and ``--password-file``."""
    return click.argument("file", type=INPUT)(password_file()(command))


kid = click.argument("kid", type=KID)


def key_kind(command: Command) -> Command:
    """Add ``--use``, ``--kty`` and ``--size`` for a key that joins a key set."""
    command = size("Size in bits. Default: as the set's newest key.")(command)
    command = kty(f"RSA or oct. {_AS_THE_OTHERS}")(command)
    return use(f"sig or enc. {_AS_THE_OTHERS}")(command)
