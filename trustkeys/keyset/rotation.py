"""When the next keys of a set have to start and end, so that sign-in never lacks one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from attrs import frozen

from trustkeys.core.numericdate import MAX_NUMERIC_DATE, date_text
from trustkeys.errors import InvalidInputError
from trustkeys.keyset.schedule import Dated, start_of, stretches

__tracebackhide__ = True

NOTICE = 86_400
"""How long before its start, in seconds, a key is published where there is time: a day.

The service wants about 3 hours (IEFPolicies issue 63); those who check tokens keep what they
were told of its keys for up to a day.
"""


@frozen
class Validity:
    """The dates of a key that is still to be made, in seconds since 1970."""

    nbf: int
    exp: int
    status: str = "enabled"


def plan(
    keys: Sequence[Dated], *, every: int, overlap: int, count: int, at: int, start: int | None
) -> list[Validity]:
    """Plan the next keys of a set.

    Each takes over `every` seconds after the one before it, and stays valid for `overlap`
    seconds after the next is due. The first does so when the latest key of the line that is
    unbroken from now on is due, or early enough for that one to stay valid for `overlap` as
    well, but with a day's `NOTICE`; and in any case before there would be no active key: where
    there is none, now.

    Args:
        keys: Those that are there, in their order.
        every: Seconds from one takeover to the next, 1 or more.
        overlap: Seconds that a key stays valid after its successor has started.
        count: How many keys to plan.
        at: Now, in seconds since 1970.
        start: When the first takes over, in place of all that is said above.

    Raises:
        InvalidInputError: `start` leaves a gap, or lies so far back that the key would not take
            over or would have expired; dates beyond Int64. Code ``BadRequest``.
    """
    planned: list[Validity] = []
    for number in range(count):
        if number > 0:
            takeover = _due([*keys, *planned], every, overlap, planned[-1].nbf, 0)
        elif start is None:
            takeover = _due(keys, every, overlap, at, at + NOTICE)
        else:
            takeover = _checked_start(keys, start, at, every + overlap)
        end = takeover + every + overlap
        if end > MAX_NUMERIC_DATE:
            raise InvalidInputError(
                "every, overlap and count make keys whose dates Graph cannot carry", target="every"
            )
        planned.append(Validity(takeover, end))
    return planned


def _line(keys: Sequence[Dated], since: int) -> tuple[list[Dated], int]:
    """Give the keys that are active one after the other from a time on, and when that ends."""
    rest = [stretch for stretch in stretches(keys) if stretch.end > since]
    line = [*takewhile(lambda stretch: stretch.key is not None, rest)]
    return [keys[stretch.key or 0] for stretch in line], line[-1].end if line else since


def _due(keys: Sequence[Dated], every: int, overlap: int, since: int, earliest: int) -> int:
    line, end = _line(keys, since)
    # The latest: an earlier one that outlives it is active again in the end.
    last = max((key for key in line if key.nbf is not None), key=start_of, default=None)
    # Of a key without nbf nobody knows the age: it is due.
    due = earliest
    if last is not None:
        due = start_of(last) + every
        if last.exp is not None:
            due = min(due, max(start_of(last), last.exp - overlap))
    return min(end, max(due, earliest))


def _checked_start(keys: Sequence[Dated], start: int, at: int, life: int) -> int:
    line, end = _line(keys, at)
    if at < end < start:
        raise InvalidInputError(
            f"start would leave no active key from {date_text(end)} to {date_text(start)}: "
            "start by then",
            target="start",
        )
    if line and start < start_of(line[0]):
        raise InvalidInputError(
            "start lies before that of the key which is active now, so the new one would not "
            f"take over: start after {date_text(start_of(line[0]))}",
            target="start",
        )
    if start + life <= at:
        raise InvalidInputError(
            "start lies so far back that the key would have expired", target="start"
        )
    return start
