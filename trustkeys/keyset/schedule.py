"""Which key of a set is active when (Azure AD B2C: "Overview of policy keys").

Of the keys that are enabled and valid, the one with the latest `nbf` is active. The overview does
not say more. This module assumes that a key without `nbf` has always been valid and comes after
all others; a key without `exp` never expires; `nbf` is the first second of a validity, and `exp`
the first second after it; of keys with the same `nbf`, the one that was added last is active.
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
"""The end of an unlimited time, in seconds since 1970: after every NumericDate."""


class Dated(Protocol):
    """What the schedule needs of a key. Keys are in the order in which they were added."""

    @property
    def nbf(self) -> int | None:
        """The first second of its validity, in seconds since 1970, or None."""

    @property
    def exp(self) -> int | None:
        """The first second after its validity, in seconds since 1970, or None."""

    @property
    def status(self) -> str:
        """``"enabled"`` or ``"disabled"``."""


@frozen
class Stretch:
    """A stretch of time with one active key, or with none.

    Attributes:
        start: Its first second, in seconds since 1970.
        end: The first second after it, in seconds since 1970, or `FOREVER`.
        key: The index of the active key, or None in a gap.
    """

    start: int
    end: int
    key: int | None


def moment(at: NumericDateInput, target: str = "at") -> int:
    """Return a point in time as whole seconds since 1970; None is now, by the system's clock.

    Raises:
        InvalidInputError: As `numeric_date`.
    """
    return int(time.time()) if at is None else numeric_date(at, target)


def active_key(keys: Sequence[Dated], at: int) -> int | None:
    """Return the index of the active key at a time in seconds since 1970, or None."""
    candidates = [
        (rank(key), index)
        for index, key in enumerate(keys)
        if key.status == "enabled" and start_of(key) <= at < end_of(key)
    ]
    return max(candidates)[1] if candidates else None


def stretches(keys: Sequence[Dated]) -> list[Stretch]:
    """Divide the time from 0 to `FOREVER` by the active key, in O(n log n) for n keys."""
    changes = [*_changes(keys)]
    ends = [start for start, _ in changes[1:]] + [FOREVER]
    return [Stretch(start, end, key) for (start, key), end in zip(changes, ends, strict=True)]


def takeovers(keys: Sequence[Dated], since: int) -> dict[int, int | None]:
    """Return the index of the active key, or None, at a time and at each later takeover.

    The first time is `since`, in seconds since 1970.
    """
    ahead = [stretch for stretch in stretches(keys) if stretch.end > since]
    return {max(stretch.start, since): stretch.key for stretch in ahead}


def is_published(key: Dated, at: int) -> bool:
    """Whether verifiers must know a key at a time in seconds since 1970: now, or in time.

    It is enabled and has not expired, and may start later.
    """
    return key.status == "enabled" and at < end_of(key)


def start_of(key: Dated) -> int:
    """Return the first second of a key's validity."""
    return 0 if key.nbf is None else key.nbf


def end_of(key: Dated) -> int:
    """Return the first second after a key's validity."""
    return FOREVER if key.exp is None else key.exp


def rank(key: Dated) -> int:
    """Return what orders keys: of those that are valid, the last one of the greatest is active."""
    return -1 if key.nbf is None else key.nbf


def _changes(keys: Sequence[Dated]) -> Iterator[tuple[int, int | None]]:
    """Yield each time at which the active key changes, with its index or None."""
    waiting = [(start_of(key), index) for index, key in enumerate(keys) if key.status == "enabled"]
    heapq.heapify(waiting)
    # The active key is on top. An expired key is removed when it gets there.
    begun: list[tuple[int, int, int]] = []
    active: int | None = None
    for now in sorted({0, *map(start_of, keys), *map(end_of, keys)} - {FOREVER}):
        while waiting and waiting[0][0] <= now:
            _, index = heapq.heappop(waiting)
            heapq.heappush(begun, (-rank(keys[index]), -index, index))
        while begun and end_of(keys[begun[0][2]]) <= now:
            heapq.heappop(begun)
        top = begun[0][2] if begun else None
        if now == 0 or top != active:
            active = top
            yield now, active
