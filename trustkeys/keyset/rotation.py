"""The dates of the next keys of a set, so that sign-in always has an active key."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from attrs import define, frozen

from trustkeys.core.numericdate import (
    MAX_NUMERIC_DATE,
    NumericDateInput,
    date_text,
    numeric_date,
    whole_seconds,
)
from trustkeys.errors import InvalidInputError
from trustkeys.keyset.schedule import Dated, active_key, end_of, moment, rank, start_of
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
    count = _checked_count(count)
    if first is None:
        line = _Line.of(keys, now)
        planned = [_validity(_due(line, period, tail, now + NOTICE), period + tail)]
        line.add(planned[0])
    else:
        planned = [_validity(_checked_start(keys, first, now, period + tail), period + tail)]
        line = _Line.of([*keys, *planned], planned[0].nbf)
    while len(planned) < count:
        key = _validity(_due(line, period, tail, 0), period + tail)
        planned.append(key)
        line.add(key)
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


def _validity(start: int, life: int) -> Validity:
    if start + life > MAX_NUMERIC_DATE:
        raise InvalidInputError(
            "every, overlap and count lead to dates that Graph cannot carry: use smaller ones",
            target="every",
        )
    return Validity(start, start + life)


@define
class _Line:
    """The keys that are active one after the other from a time on, until none is.

    It is extended as keys are planned, so that a rotation looks at each key of the set once.

    Attributes:
        end: When no key is active any more, in seconds since 1970.
        last: The one of its keys that starts last, or None if it has none. An earlier key that
            expires later is active again at the end.
    """

    end: int
    last: Dated | None
    _waiting: list[Dated]

    @classmethod
    def of(cls, keys: Sequence[Dated], since: int) -> _Line:
        """Return the line from a time on, in seconds since 1970."""
        usable = [
            key
            for key in sorted(keys, key=rank)
            if key.status == "enabled" and end_of(key) > max(start_of(key), since)
        ]
        line = cls(since, None, usable[::-1])
        line._extend()
        return line

    def add(self, key: Dated) -> None:
        """Add a key that takes over after all keys of the line, and before its end."""
        self._waiting.append(key)
        self._extend()

    def _extend(self) -> None:
        while self._waiting and start_of(self._waiting[-1]) <= self.end:
            self.last = self._waiting.pop()
            self.end = max(self.end, end_of(self.last))


def _due(line: _Line, every: int, overlap: int, earliest: int) -> int:
    last = line.last
    due = earliest
    # The age of a key without nbf is unknown: it is due.
    if last is not None and last.nbf is not None:
        due = last.nbf + every
        if last.exp is not None:
            due = min(due, max(last.nbf, last.exp - overlap))
    return min(line.end, max(due, earliest))


def _checked_start(keys: Sequence[Dated], start: int, at: int, life: int) -> int:
    active, end = active_key(keys, at), _Line.of(keys, at).end
    since = 0 if active is None else start_of(keys[active])
    if at < end < start:
        problem = (
            f"would leave no active key from {date_text(end)} to {date_text(start)}: choose an "
            "earlier start"
        )
    elif start < since:
        problem = (
            "is before the start of the active key, which the new key would not replace: start "
            f"after {date_text(since)}"
        )
    elif start + life <= at:
        problem = "is so early that the key would have expired: choose a later start"
    else:
        return start
    raise InvalidInputError(f"start {problem}", target="start")
