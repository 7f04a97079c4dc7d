"""Times and durations as people type them."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

import click

from trustkeys.cli.terminal import warn
from trustkeys.core.numericdate import date_text, likely_mistake, numeric_date, numeric_dates
from trustkeys.errors import InvalidInputError

__tracebackhide__ = True

UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}
"""The units of a duration, in seconds. A year has 365 days; ``m`` would be ambiguous."""

_DURATION = rf"([0-9]{{1,20}})({'|'.join(UNITS)})"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ANY_DATE = f"{__name__}.any_date"


class Time(NamedTuple):
    """A point in time as it was typed.

    Attributes:
        seconds: Whole seconds after `since`.
        since: What they count from: ``"epoch"`` (1970), ``"now"``, or ``"start"``: the start of
            the validity if there is one, else now.
    """

    seconds: int
    since: Literal["epoch", "now", "start"] = "epoch"

    def resolve(self, now: int, start: int | None = None) -> int:
        """Return the time in seconds since 1970."""
        starts = {"epoch": 0, "now": now, "start": now if start is None else start}
        return starts[self.since] + self.seconds


NOW = Time(0, "now")


def parse_time(text: str) -> Time | None:
    """Read seconds since 1970, an ISO 8601 date or time, ``now``, or ``+90d``.

    A date or time without a zone is UTC. Returns None if the text is none of these.
    """
    if text == "now":
        return NOW
    if re.fullmatch(r"-?[0-9]{1,20}", text):
        return Time(int(text))
    if match := re.fullmatch(rf"\+{_DURATION}", text):
        return Time(int(match[1]) * UNITS[match[2]], "start")
    with suppress(ValueError, OverflowError):
        when = datetime.fromisoformat(text)
        if when.utcoffset() is None:
            when = when.replace(tzinfo=UTC)
        return Time((when - _EPOCH) // timedelta(seconds=1))
    return None


def parse_duration(text: str) -> int | None:
    """Read a number with a unit, such as ``90d``, as whole seconds; None if it is not one."""
    match = re.fullmatch(_DURATION, text)
    return int(match[1]) * UNITS[match[2]] if match else None


def now_or(at: Time | None) -> int:
    """Return `at` in seconds since 1970; by default the time of the system's clock."""
    clock = int(time.time())
    return clock if at is None else numeric_date(at.resolve(clock), "at")


def validity(
    nbf: Time | None, exp: Time | None, now: int | None = None, *, prefix: str = "--"
) -> tuple[int | None, int | None]:
    """Return `nbf` and `exp` in seconds since 1970. A relative `exp` counts from `nbf`.

    Args:
        nbf: The start, or None.
        exp: The end, or None.
        now: What relative times count from, in seconds since 1970. Default: the clock's time.
        prefix: What stands before their names in errors.

    Raises:
        InvalidInputError: They are no dates for a key, or look like mistakes. Code ``BadRequest``.
    """
    clock = int(time.time()) if now is None else now
    start = None if nbf is None else nbf.resolve(clock)
    end = None if exp is None else exp.resolve(clock, start)
    start, end = numeric_dates(start, end)
    refuse_mistakes(start, end, clock, prefix=prefix)
    return start, end


def allow_any_date(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    """Store that ``--any-date`` was given."""
    context.meta[_ANY_DATE] = value


def refuse_mistake(mistake: str, target: str | None) -> None:
    """Raise `InvalidInputError` for a date that looks like a mistake, unless all are allowed."""
    if not _is_allowed():
        context = click.get_current_context(silent=True)
        can_allow = context is not None and _ANY_DATE in context.meta
        hint = "; or allow it with --any-date" if can_allow else ""
        raise InvalidInputError(f"{mistake}{hint}", target=target)


def refuse_mistakes(
    nbf: int | None, exp: int | None, now: int, *, start: str = "nbf", prefix: str = "--"
) -> None:
    """Refuse dates of a key that look like mistakes, in seconds since 1970.

    Args:
        nbf: Its start.
        exp: Its end.
        now: What they are judged by.
        start: The option that gives the start, without its hyphens.
        prefix: What stands before the names in errors.
    """
    if mistake := likely_mistake(nbf, exp, now):
        name = start if mistake.startswith("nbf") else "exp"
        refuse_mistake(f"{prefix}{name}{mistake[3:]}", name)


def doubt(nbf: int | None, exp: int | None) -> str | None:
    """Say which date of a new key looks like a mistake, or that the key has already expired."""
    if nbf is exp is None:
        return None
    now = int(time.time())
    if (mistake := likely_mistake(nbf, exp, now)) and not _is_allowed():
        return mistake
    if exp is not None and exp <= now:
        return f"the key has already expired, at {date_text(exp)}"
    return None


def warn_of_dates(nbf: int | None, exp: int | None, file: str | None = None) -> None:
    """Warn if the dates of a new key are doubtful.

    Args:
        nbf: Its start, in seconds since 1970.
        exp: Its end.
        file: The file that they are from.
    """
    if problem := doubt(nbf, exp):
        warn(problem if file is None else f"{file}: {problem}")


def _is_allowed() -> bool:
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(_ANY_DATE))
