"""Which key of a set is active when (Azure AD B2C: "Overview of policy keys").

A key counts while it is enabled and its validity has begun and not ended. Of those that count,
the one with the latest `nbf` is active. What the overview leaves open is read like this: a key
without `nbf` has been valid since ever and comes last in line; one without `exp` never ends;
`nbf` is the first second of a validity, and `exp` the first after it; of keys with the same
`nbf`, the one that was added later wins.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator, Sequence
from typing import Protocol

from attrs import frozen

from trustkeys.core.numericdate import MAX_NUMERIC_DATE, NumericDateInput, numeric_date

__tracebackhide__ = True

FOREVER = MAX_NUMERIC_DATE + 1
"""The end of what does not end, in seconds since 1970: after every NumericDate."""


class Dated(Protocol):
    """What the schedule has to know of a key; the order of the keys says which came later."""

    @property
    def nbf(self) -> int | None:
        """The first second of its validity, since 1970, or None."""

    @property
    def exp(self) -> int | None:
        """The first second after its validity, since 1970, or None."""

    @property
    def status(self) -> str:
        """``"enabled"`` or ``"disabled"``."""


@frozen
class Stretch:
    """A stretch of time in which one key is active, or none is.

    Attributes:
        start: Its first second, since 1970.
        end: The first second after it; `FOREVER` where there is none.
        key: The index of the active key, or None in a gap.
    """

    start: int
    end: int
    key: int | None


def moment(at: NumericDateInput, target: str = "at") -> int:
    """Give a point in time as whole seconds since 1970; None is now, by the system's clock.

    Raises:
        InvalidInputError: As `numeric_date`.
    """
    return int(time.time()) if at is None else numeric_date(at, target)


def active_key(keys: Sequence[Dated], at: int) -> int | None:
    """Find the index of the key that is active at a time in seconds since 1970."""
    counting = [
        (_rank(key, index), index)
        for index, key in enumerate(keys)
        if key.status == "enabled" and start_of(key) <= at < end_of(key)
    ]
    return max(counting)[1] if counting else None


def stretches(keys: Sequence[Dated]) -> list[Stretch]:
    """Divide all of time, 0 to `FOREVER`, by which key is active. Takes n log n for n keys."""
    changes = [*_changes(keys)]
    ends = [start for start, _ in changes[1:]] + [FOREVER]
    return [Stretch(start, end, key) for (start, key), end in zip(changes, ends, strict=True)]


def start_of(key: Dated) -> int:
    """Give the first second of a key's validity."""
    return 0 if key.nbf is None else key.nbf


def end_of(key: Dated) -> int:
    """Give the first second after a key's validity."""
    return FOREVER if key.exp is None else key.exp


def _rank(key: Dated, index: int) -> tuple[int, int]:
    return (-1 if key.nbf is None else key.nbf, index)


def _changes(keys: Sequence[Dated]) -> Iterator[tuple[int, int | None]]:
    """Walk over the times at which another key becomes active, or none."""
    waiting = [(start_of(key), index) for index, key in enumerate(keys) if key.status == "enabled"]
    heapq.heapify(waiting)
    # The one that would be active is on top. One whose time is over leaves when it gets there.
    begun: list[tuple[int, int, int]] = []
    active: int | None = None
    for now in sorted({0, *map(start_of, keys), *map(end_of, keys)} - {FOREVER}):
        while waiting and waiting[0][0] <= now:
            _, index = heapq.heappop(waiting)
            nbf, _ = _rank(keys[index], index)
            heapq.heappush(begun, (-nbf, -index, index))
        while begun and end_of(keys[begun[0][2]]) <= now:
            heapq.heappop(begun)
        top = begun[0][2] if begun else None
        if now == 0 or top != active:
            active = top
            yield now, active
