"""Times and durations as people type them."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Literal

from attrs import frozen

from trustkeys.core.numericdate import numeric_date

__tracebackhide__ = True

UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}
"""The units of a duration, in seconds. A year has 365 days; ``m`` would be ambiguous."""

_DURATION = rf"([0-9]{{1,20}})({'|'.join(UNITS)})"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@frozen
class Time:
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
    with suppress(ValueError):
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
    nbf: Time | None, exp: Time | None, now: int | None = None
) -> tuple[int | None, int | None]:
    """Return `nbf` and `exp` in seconds since 1970. A relative `exp` counts from `nbf`."""
    clock = int(time.time()) if now is None else now
    start = None if nbf is None else nbf.resolve(clock)
    end = None if exp is None else exp.resolve(clock, start)
    return start, end
