"""The dates of the next keys of a set, so that sign-in always has an active key."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import takewhile

from attrs import frozen

from trustkeys.core.numericdate import (
    MAX_NUMERIC_DATE,
    NumericDateInput,
    date_text,
    numeric_date,
    whole_seconds,
)
from trustkeys.errors import InvalidInputError
from trustkeys.keyset.schedule import Dated, moment, start_of, stretches
from trustkeys.wording import quantity

__tracebackhide__ = True

NOTICE = 86_400
"""How long before its start a key is published if there is time, in seconds: a day.

The service can take 3 hours to notice a key (IEFPolicies issue 63). Programs that verify tokens
cache its keys for up to a day.
"""

OVERLAP = {"sig": 7 * 86_400, "enc": 90 * 86_400}
"""How long a key stays valid after its successor has started, in seconds, by `use`.

A refresh token is encrypted with the `enc` key, and lives for up to 90 days.
"""

MAX_COUNT = 1000
"""The most keys that one rotation adds."""


@frozen
class Validity:
    """The dates of a key that is not generated yet, in seconds since 1970."""

    nbf: int
    exp: int | None
    status: str = "enabled"


def plan_rotation(
    keys: Sequence[Dated],
    *,
    every: int | timedelta,
    overlap: int | timedelta,
    count: int,
    start: NumericDateInput,
    at: NumericDateInput,
) -> list[Validity]:
    """Plan the next keys of a set; the arguments are those of `TrustFrameworkKeySet.rotate`.

    Each key takes over `every` seconds after the one before it, which stays valid for another
    `overlap` seconds. The first takes over when the latest key of the unbroken line from now on
    is due, or early enough for that key to stay valid for `overlap`, but at least `NOTICE`
    seconds from now. It always takes over before there would be no active key: now, if none is
    active.

    Raises:
        InvalidInputError: `start` leaves a gap, or is so early that the key would not take over
            or would have expired; dates beyond Int64; wrong types. Code ``BadRequest``.
    """
    now = moment(at)
    period = whole_seconds(every, "every", least=1)
    tail = whole_seconds(overlap, "overlap")
    first = None if start is None else numeric_date(start, "start")
    planned: list[Validity] = []
    for number in range(_checked_count(count)):
        if number > 0:
            takeover = _due([*keys, *planned], period, tail, planned[-1].nbf, 0)
        elif first is None:
            takeover = _due(keys, period, tail, now, now + NOTICE)
        else:
            takeover = _checked_start(keys, first, now, period + tail)
        end = takeover + period + tail
        if end > MAX_NUMERIC_DATE:
            raise InvalidInputError(
                "every, overlap and count lead to dates that Graph cannot carry: use smaller ones",
                target="every",
            )
        planned.append(Validity(takeover, end))
    return planned


def plan_rollover(at: NumericDateInput, exp: NumericDateInput, *, disable: bool) -> Validity:
    """Plan the key that replaces the active one.

    The arguments are those of `TrustFrameworkKeySet.rollover`.

    Raises:
        InvalidInputError: `exp` is not after `at`; or the others are to be disabled, and the new
            key is not active now. Code ``BadRequest``.
    """
    start = moment(at)
    end = None if exp is None else numeric_date(exp, "exp")
    if end is not None and end <= start:
        raise InvalidInputError(
            f"exp must lie after the start of the key, {date_text(start)}", target="exp"
        )
    now = moment(None) if disable else start
    if now < start or (end is not None and end <= now):
        raise InvalidInputError(
            f"the new key is not active now, at {date_text(now)}: the other keys can only be "
            "disabled while it is",
            target="disable",
        )
    return Validity(start, end)


def _checked_count(count: int) -> int:
    if isinstance(count, int) and not isinstance(count, bool) and 1 <= count <= MAX_COUNT:
        return count
    raise InvalidInputError(
        f"count must be 1 to {MAX_COUNT} keys, not {quantity(count)}", target="count"
    )


def _line(keys: Sequence[Dated], since: int) -> tuple[list[Dated], int]:
    """Return the keys that are active one after the other from a time on, and their end."""
    rest = [stretch for stretch in stretches(keys) if stretch.end > since]
    line = [*takewhile(lambda stretch: stretch.key is not None, rest)]
    return [keys[stretch.key or 0] for stretch in line], line[-1].end if line else since


def _due(keys: Sequence[Dated], every: int, overlap: int, since: int, earliest: int) -> int:
    line, end = _line(keys, since)
    # The latest start: an earlier key that expires later is active again at the end.
    last = max((key for key in line if key.nbf is not None), key=start_of, default=None)
    # The age of a key without nbf is unknown: it is due.
    due = earliest
    if last is not None:
        due = start_of(last) + every
        if last.exp is not None:
            due = min(due, max(start_of(last), last.exp - overlap))
    return min(end, max(due, earliest))


def _checked_start(keys: Sequence[Dated], start: int, at: int, life: int) -> int:
    line, end = _line(keys, at)
    if at < end < start:
        problem = (
            f"would leave no active key from {date_text(end)} to {date_text(start)}: choose an "
            "earlier start"
        )
    elif line and start < start_of(line[0]):
        problem = (
            "is before the start of the active key, which the new key would not replace: start "
            f"after {date_text(start_of(line[0]))}"
        )
    elif start + life <= at:
        problem = "is so early that the key would have expired: choose a later start"
    else:
        return start
    raise InvalidInputError(f"start {problem}", target="start")
