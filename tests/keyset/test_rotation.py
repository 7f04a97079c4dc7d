"""A new key that takes over too late, too early or not at all stops sign-in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise, takewhile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import support
from tests.keyset.sets import DAY, INT64_MAX, key_set, refused
from trustkeys import InvalidInputError, TrustFrameworkKey
from trustkeys.keyset.rotation import NOTICE, OVERLAP, Validity, plan_rotation
from trustkeys.keyset.schedule import Dated, start_of, stretches

key = support.oct_key

# --- rotate

durations = st.integers(1, 40)


@given(
    keys=support.DATED_KEYS,
    every=durations,
    overlap=st.integers(0, 40),
    count=st.integers(1, 5),
    at=st.integers(0, 14),
)
def test_rotated_keys_take_over_from_one_another_without_a_gap(
    keys: list[TrustFrameworkKey], every: int, overlap: int, count: int, at: int
) -> None:
    keyset = key_set(keys)
    added = keyset.rotate(every, overlap=overlap, count=count, at=at, use="sig", kty="oct")
    assert [*keyset] == [*keys, *added]
    assert len(added) == count
    # There is always an active key from now to the end of the last new one.
    changes = {at, *(t for k in keyset for t in (k.nbf, k.exp) if t is not None)}
    end = max(each.exp or 0 for each in added)
    for time in changes:
        if at <= time < end:
            assert support.model_of_the_overview([*keyset], time) is not None
    for each in added:
        assert each.nbf is not None
        assert each.nbf >= at
        assert each.exp == each.nbf + every + overlap
        # It takes over at its start, whatever the other keys are.
        assert keyset.get_active_key(each.nbf) is each
    for before, after in pairwise(added):
        assert (before.nbf or 0) < (after.nbf or 0)
        # The period is exact unless an older key starts in between.
        start = before.nbf or 0
        others = [each.nbf for each in keys if each.status == "enabled"]
        if not any(nbf is not None and start < nbf for nbf in others):
            assert after.nbf == start + every
            assert (before.exp or 0) - (after.nbf or 0) == overlap


def test_the_first_keys_of_an_empty_set_start_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1000.0)
    keys = key_set().rotate(timedelta(days=90), count=3, use="sig", kty="oct")
    assert [each.nbf for each in keys] == [1000, 1000 + 90 * DAY, 1000 + 180 * DAY]
    assert {(each.exp or 0) - (each.nbf or 0) for each in keys} == {97 * DAY}
    assert [each.use for each in keys] == ["sig"] * 3


@pytest.mark.parametrize(("use", "days"), [("sig", 7), ("enc", 90)])
def test_the_default_overlap_depends_on_the_use(use: str, days: int) -> None:
    (first,) = key_set().rotate(30 * DAY, use=use, kty="oct", at=0)
    assert first.exp == (30 + days) * DAY
    assert OVERLAP[use] == days * DAY


def test_the_next_key_is_published_a_day_ahead_if_there_is_time() -> None:
    def first(*keys: TrustFrameworkKey, at: int = 10 * DAY) -> int | None:
        return key_set(keys).rotate(90 * DAY, overlap=7 * DAY, at=at)[0].nbf

    assert NOTICE == DAY
    # On schedule: 90 days after the last takeover, though the key is valid for longer.
    assert first(key(5 * DAY, None)) == 95 * DAY
    assert first(key(5 * DAY, 500 * DAY)) == 95 * DAY
    # Earlier, so that the key before it stays valid for the overlap.
    assert first(key(5 * DAY, 50 * DAY)) == 43 * DAY
    # Overdue, but still with notice.
    assert first(key(0, None), at=100 * DAY) == 101 * DAY
    # The age of a key without dates is unknown.
    assert first(key()) == 11 * DAY
    # Short notice is better than a gap.
    assert first(key(0, 10 * DAY + 60)) == 10 * DAY + 60
    assert first(key(None, 10 * DAY + 60)) == 10 * DAY + 60
    # If sign-in already fails, now.
    assert first(key(0, 9 * DAY)) == 10 * DAY
    assert first(key(0, None, "disabled")) == 10 * DAY
    # Before a gap, not after it.
    assert first(key(0, 20 * DAY), key(100 * DAY, 200 * DAY)) == 13 * DAY
    # After planned keys. The safety net does not count.
    assert first(key(), key(0, 50 * DAY), key(40 * DAY, 137 * DAY)) == 130 * DAY
    # Not before a planned key that is valid for less than the overlap.
    assert first(key(), key(20 * DAY, 24 * DAY)) == 20 * DAY


def test_an_explicit_start_is_kept() -> None:
    keys = key_set([key(0, 50)])
    added = keys.rotate(10, overlap=3, count=3, start=50, at=20)
    assert [(each.nbf, each.exp) for each in added] == [(50, 63), (60, 73), (70, 83)]
    # An empty set can start at any time, even in the past.
    late = key_set().rotate(10, overlap=0, count=2, start=500, at=20, use="sig", kty="oct")
    assert [each.nbf for each in late] == [500, 510]
    early = key_set().rotate(
        10, start=datetime(1970, 1, 1, tzinfo=UTC), at=20, use="sig", kty="oct"
    )
    assert early[0].nbf == 0


def test_a_start_that_would_break_sign_in_is_refused() -> None:
    keys = key_set([key(0, 50)])
    error = refused(keys.rotate, 10, start=51, at=20)
    assert error.target == "start"
    assert "from 1970-01-01T00:00:50Z to 1970-01-01T00:00:51Z" in error.message
    error = refused(keys.rotate, 10, overlap=0, start=10, at=20)
    assert error.target == "start"
    assert "would have expired" in error.message
    assert refused(keys.rotate, 10, start="now").target == "start"
    assert len(keys) == 1
    # A start before that of the active key would not replace it.
    keys = key_set([key(15, None)])
    error = refused(keys.rotate, 100, start=14, at=20)
    assert error.target == "start"
    assert "start after 1970-01-01T00:00:15Z" in error.message
    (new,) = keys.rotate(100, start=15, at=20)
    assert keys.get_active_key(20) is new


@pytest.mark.parametrize(
    ("changes", "target"),
    [
        ({"every": 0}, "every"),
        ({"every": -1}, "every"),
        ({"every": timedelta(seconds=0.9)}, "every"),
        ({"every": "90d"}, "every"),
        ({"every": True}, "every"),
        ({"every": 1.5}, "every"),
        ({"every": None}, "every"),
        ({"overlap": -1}, "overlap"),
        ({"overlap": "7d"}, "overlap"),
        ({"count": 0}, "count"),
        ({"count": 1001}, "count"),
        ({"count": True}, "count"),
        ({"count": 1.0}, "count"),
        ({"count": "2"}, "count"),
        ({"at": -1}, "at"),
        ({"size": 7}, "size"),
        ({"every": INT64_MAX}, "every"),
        ({"every": INT64_MAX // 2, "count": 5}, "every"),
    ],
)
def test_a_refused_rotation_adds_nothing(changes: dict[str, Any], target: str) -> None:
    keys = key_set([key()])
    assert refused(keys.rotate, **{"every": 10, "at": 5, **changes}).target == target
    assert len(keys) == 1


def _by_the_timeline(
    keys: list[Any], *, every: int, overlap: int, count: int, start: int | None, at: int
) -> list[Validity]:
    """Plan each key by the whole timeline of all keys before it, or return none if that fails."""
    planned: list[Validity] = []
    for _ in range(count):
        since = planned[-1].nbf if planned else at
        known = [*keys, *planned]
        rest = [stretch for stretch in stretches(known) if stretch.end > since]
        stretch_line = [*takewhile(lambda stretch: stretch.key is not None, rest)]
        line = [known[stretch.key or 0] for stretch in stretch_line]
        end = stretch_line[-1].end if line else since
        earliest = 0 if planned else at + NOTICE
        if start is not None and not planned:
            if (line and (end < start or start < start_of(line[0]))) or (
                start + every + overlap <= at
            ):
                return []
            takeover = start
        else:
            last = max((key for key in line if key.nbf is not None), key=start_of, default=None)
            due = earliest
            if last is not None:
                due = start_of(last) + every
                if last.exp is not None:
                    due = min(due, max(start_of(last), last.exp - overlap))
            takeover = min(end, max(due, earliest))
        planned.append(Validity(takeover, takeover + every + overlap))
    return planned


@given(
    keys=support.DATED_KEYS,
    every=durations,
    overlap=st.integers(0, 40),
    count=st.integers(1, 6),
    start=st.none() | st.integers(0, 14),
    at=st.integers(0, 14),
    unit=st.sampled_from([1, DAY]),
)
def test_each_new_key_is_planned_as_if_the_whole_timeline_was_drawn_anew(
    keys: list[TrustFrameworkKey],
    every: int,
    overlap: int,
    count: int,
    start: int | None,
    at: int,
    unit: int,
) -> None:
    dated = [
        Validity(nbf, exp, each.status)  # type: ignore[arg-type]  # a planned key has an nbf
        for each in keys
        for nbf, exp in [[None if t is None else t * unit for t in (each.nbf, each.exp)]]
    ]
    arguments: dict[str, Any] = {
        "every": every * unit,
        "overlap": overlap * unit,
        "count": count,
        "start": None if start is None else start * unit,
        "at": at * unit,
    }
    planned: list[Validity] = []
    with suppress(InvalidInputError):
        planned = plan_rotation(dated, **arguments)
    assert planned == _by_the_timeline(dated, **arguments)


class _Counted:
    """A key that counts how often its dates are read."""

    reads = 0

    def __init__(self, nbf: int | None, exp: int | None) -> None:
        self._dates = nbf, exp

    @property
    def nbf(self) -> int | None:
        _Counted.reads += 1
        return self._dates[0]

    @property
    def exp(self) -> int | None:
        _Counted.reads += 1
        return self._dates[1]

    @property
    def status(self) -> str:
        return "enabled"


@pytest.mark.parametrize(
    "dates",
    [
        lambda i: (10 * i, 10 * i + 20),  # a chain
        lambda i: (i, 10_000_000 - i),  # each ends before the one that began before
        lambda i: (i, None),
        lambda i: (None, 1000 * i),
        lambda i: (3000 * i, 3000 * i + 1000),  # with gaps that the new keys fill
    ],
)
@pytest.mark.parametrize("start", [None, 5])
def test_a_long_rotation_reads_the_keys_of_a_large_set_hardly_more_often_than_a_short_one(
    monkeypatch: pytest.MonkeyPatch,
    dates: Callable[[int], tuple[int | None, int | None]],
    start: int | None,
) -> None:
    def reads(keys: int, count: int) -> int:
        monkeypatch.setattr(_Counted, "reads", 0)
        known: Sequence[Dated] = [_Counted(*dates(i)) for i in range(keys)]
        plan_rotation(known, every=900, overlap=50, count=count, start=start, at=3)
        return _Counted.reads

    assert reads(400, 200) < 2 * reads(400, 1)
    assert reads(800, 200) < 2.1 * reads(400, 200)


@pytest.mark.deep
def test_a_rotation_can_add_a_thousand_keys() -> None:
    assert len(key_set([key()]).rotate(DAY, count=1000, at=0)) == 1000


# --- rollover


@given(keys=support.DATED_KEYS, at=st.integers(0, 14), disable=st.booleans())
def test_a_rollover_key_is_active_from_its_start(
    keys: list[TrustFrameworkKey], at: int, disable: bool
) -> None:
    keyset = key_set(keys)
    new = keyset.rollover(at, disable=disable, use="sig", kty="oct")
    assert (new.nbf, new.exp) == (at, None)
    assert keyset.get_active_key(at) is new
    later = [each.nbf for each in keys if each.status == "enabled" and (each.nbf or 0) > at]
    for time in range(at, 14):
        if disable or not any(nbf is not None and nbf <= time for nbf in later):
            assert keyset.get_active_key(time) is new
    if disable:
        assert {each.status for each in [*keyset][:-1]} <= {"disabled"}
    else:
        assert [*keyset][:-1] == keys
    assert len(keyset) == len(keys) + 1


def test_the_old_keys_stay_enabled_until_the_new_one_is_active(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("time.time", lambda: 100.0)
    keys = key_set([key()])
    error = refused(keys.rollover, 101, disable=True)
    assert error.target == "disable"
    assert len(keys) == 1
    assert "at 1970-01-01T00:01:40Z" in error.message
    assert refused(keys.rollover, 50, exp=100, disable=True).target == "disable"
    assert len(keys) == 1
    assert keys.rollover(101).nbf == 101
    assert keys.rollover(disable=True, exp=101).nbf == 100
    assert [each.status for each in keys] == ["disabled", "disabled", "enabled"]


def test_a_rollover_key_can_expire_but_not_at_once() -> None:
    keys = key_set([key()])
    assert keys.rollover(10, exp=11).exp == 11
    error = refused(keys.rollover, 10, exp=10)
    assert error.target == "exp"
    assert "after the start of the key, 1970-01-01T00:00:10Z" in error.message
    assert refused(keys.rollover, 10, exp="+1d").target == "exp"
    assert refused(keys.rollover, 10, exp=9).target == "exp"
    assert len(keys) == 2
