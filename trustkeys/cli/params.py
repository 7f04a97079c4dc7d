"""The types of the command's options and arguments."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import click

from trustkeys.cli.times import UNITS, Time, parse_duration, parse_time, refuse_mistake
from trustkeys.core.numericdate import MAX_NUMERIC_DATE, likely_meaning
from trustkeys.errors import InvalidInputError
from trustkeys.wording import either, shape

# Imported lazily, to keep `trustkeys --help` fast.
if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__tracebackhide__ = True

_STDIN = f"{__name__}.stdin"


def option_name(param: click.Parameter | None) -> str:
    """Return the name of an option or argument as it is typed: ``--use``, or ``FILE``."""
    if isinstance(param, click.Option):
        return max(param.opts, key=len)
    return param.human_readable_name if param else "FILE"


def typed(value: str) -> str:
    """Quote the value of an option, unless it is long or not printable."""
    return repr(value) if len(value) <= 64 and value.isprintable() else shape(value)


def refusal(
    param: click.Parameter | None, allowed: str, value: str, *, code: str = "BadRequest"
) -> InvalidInputError:
    """Return the error for a value that an option does not allow."""
    return InvalidInputError(
        f"{option_name(param)} must be {allowed}, not {typed(value)}",
        code=code,
        target=param.name if param else None,
    )


def refuse_existing(path: str) -> None:
    """Raise FileExistsError if there is a file, or anything else, of this name."""
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)


class _Name(click.ParamType[str]):
    """A name out of a few, in any ASCII case, which completes in shells."""

    def __init__(self, name: str, names: Callable[[], Iterable[str]], code: str) -> None:
        self.name = name
        self._names = names
        self._code = code

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        for name in self._names():
            if name.lower() == value.lower():
                return name
        raise refusal(param, either([*self._names()]), value, code=self._code)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        start = incomplete.lower()
        return [CompletionItem(name) for name in self._names() if name.lower().startswith(start)]


class _Time(click.ParamType[Time]):
    name = "time"

    def convert(
        self, value: str | Time, param: click.Parameter | None, ctx: click.Context | None
    ) -> Time:
        if isinstance(value, Time):  # a default
            return value
        when = parse_time(value)
        if when is None:
            allowed = (
                "seconds since 1970, a date or time such as 2027-01-31 or 2027-01-31T12:00:00Z, "
                f"now, or a time from now such as +90d ({', '.join(UNITS)})"
            )
            raise refusal(param, allowed, value)
        if not 0 <= when.seconds <= MAX_NUMERIC_DATE:
            raise refusal(param, f"from 0 to {MAX_NUMERIC_DATE} seconds since 1970", value)
        if value.isdecimal() and (meaning := likely_meaning(when.seconds)):
            refuse_mistake(f"{option_name(param)} {value} {meaning}", param.name if param else None)
        return when


class _Duration(click.ParamType[int]):
    name = "duration"

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        if isinstance(value, int):  # a default
            return value
        if (seconds := parse_duration(value)) is not None:
            return seconds
        raise refusal(param, f"a number and a unit such as 90d ({', '.join(UNITS)})", value)


class _File(click.ParamType[str]):
    """A file, whose name completes in shells."""

    name = "file"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type="file")]


class _Input(_File):
    """A file to read, or ``-`` for standard input, which only one parameter can be."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value == "-" and ctx is not None and param is not None:
            if first := ctx.meta.get(_STDIN):
                names = f"{option_name(first)} and {option_name(param)} are both -"
                if first is param:
                    names = f"{option_name(param)} is - twice"
                raise click.UsageError(f"standard input can be read only once: {names}", ctx)
            ctx.meta[_STDIN] = param
        return value


class _Changed(_File):
    """A file to change, which standard input cannot be."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value == "-":
            raise click.UsageError(f"{option_name(param)} is changed in place: name a file", ctx)
        return value


class NewFile(_File):
    """A file, without secrets, that must not exist yet."""

    def __init__(self, *, allow_dash: bool = False) -> None:
        self._allow_dash = allow_dash

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse an existing file before the command asks for anything."""
        if value == "-" and not self._allow_dash:
            raise click.UsageError(f"{option_name(param)} must be a file, not -", ctx)
        if value != "-":
            refuse_existing(value)
        return value


class _NewOwnFile(NewFile):
    """A file that must not exist yet, in a directory where no other user can replace it."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from trustkeys.files import check_directory_of

        if super().convert(value, param, ctx) != "-":
            check_directory_of(value)
        return value


def _key_types() -> Iterator[str]:
    from trustkeys.core.registry import known_types

    return known_types()


USE = _Name("use", lambda: ["sig", "enc"], "AADB2C95033")
KTY = _Name("kty", _key_types, "AADB2C95031")
TIME = _Time()
DURATION = _Duration()
INPUT = _Input()
CHANGED = _Changed()
NEW_FILE = _NewOwnFile()
NEW_FILE_OR_STDOUT = _NewOwnFile(allow_dash=True)
