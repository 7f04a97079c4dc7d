"""Without the right active key, sign-in fails for every user."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests import support
from tests.keyset.sets import INT64_MAX, key_set, refused
from trustkeys import KeyNotFoundError, TrustFrameworkKey
from trustkeys.keyset import schedule

key = support.oct_key


@given(support.DATED_KEYS, st.integers(0, 14))
def test_the_active_key_is_the_one_of_the_policy_keys_overview(
    keys: list[TrustFrameworkKey], at: int
) -> None:
    expected = support.model_of_the_overview(keys, at)
    if expected is None:
        with pytest.raises(KeyNotFoundError) as caught:
            key_set(keys).get_active_key(at)
        assert (caught.value.code, caught.value.target) == ("NotFound", "at")
    else:
        assert key_set(keys).get_active_key(at) is expected


@given(support.DATED_KEYS)
def test_stretches_cover_all_of_time_with_the_active_key(keys: list[TrustFrameworkKey]) -> None:
    line = schedule.stretches(keys)
    assert line[0].start == 0
    assert line[-1].end == schedule.FOREVER
    for stretch, following in pairwise(line):
        assert stretch.start < stretch.end == following.start
        assert stretch.key != following.key
    for at in [*range(14), INT64_MAX]:
        (now,) = (stretch for stretch in line if stretch.start <= at < stretch.end)
        expected = support.model_of_the_overview(keys, at)
        assert (None if now.key is None else keys[now.key]) is expected


def test_the_first_and_the_last_second_are_like_any_other() -> None:
    first, last = key(0, 1), key(INT64_MAX, None)
    keys = key_set([first, last])
    assert keys.get_active_key(0) is first
    assert keys.get_active_key(INT64_MAX) is last
    with pytest.raises(KeyNotFoundError):
        keys.get_active_key(INT64_MAX - 1)


def test_the_default_time_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = key_set([key(10, 20)])
    monkeypatch.setattr("time.time", lambda: 19.9)
    assert keys.get_active_key() is next(iter(keys))
    monkeypatch.setattr("time.time", lambda: 20.0)
    with pytest.raises(KeyNotFoundError):
        keys.get_active_key()
    assert keys.get_active_key(datetime(1970, 1, 1, 0, 0, 15, tzinfo=UTC)) is next(iter(keys))


def test_without_an_active_key_the_nearest_keys_are_named() -> None:
    early, late, later = key(0, 10), key(100, 110), key(200)
    disabled = key(40, 60, "disabled")
    keys = key_set([later, late, early, disabled])
    with pytest.raises(LookupError) as caught:
        keys.get_active_key(50)
    assert str(caught.value) == (
        f"B2C_1A_test has no active key at 1970-01-01T00:00:50Z: {late.kid} starts at "
        f"1970-01-01T00:01:40Z, {early.kid} ended at 1970-01-01T00:00:10Z"
    )
    # Only the last one that ended is named. A key has ended in the second of its exp.
    gone = key(0, 30), key(0, 50), key(0, 20)
    with pytest.raises(LookupError, match=f"{gone[1].kid} ended at 1970-01-01T00:00:50Z") as caught:
        key_set(gone).get_active_key(50)
    assert not any(each.kid in str(caught.value) for each in (gone[0], gone[2]))
    with pytest.raises(LookupError, match="all its keys are disabled"):
        key_set([disabled]).get_active_key(50)
    with pytest.raises(LookupError, match="it is empty"):
        key_set().get_active_key(50)
    with pytest.raises(LookupError, match=f"{INT64_MAX} seconds since 1970"):
        key_set([early]).get_active_key(INT64_MAX)


@pytest.mark.parametrize("at", [-1, "now", 1.5, datetime(2027, 1, 1)])  # noqa: DTZ001
def test_a_bad_time_is_refused(at: Any) -> None:
    assert refused(key_set([key()]).get_active_key, at).target == "at"


@given(support.DATED_KEYS, support.DATED_KEYS)
def test_a_new_key_never_changes_the_time_before_its_start(
    keys: list[TrustFrameworkKey], more: list[TrustFrameworkKey]
) -> None:
    assume(all(each.nbf is not None for each in more))
    start = min((each.nbf or 0 for each in more), default=0)
    for time in range(start):
        assert schedule.active_key(keys, time) == schedule.active_key([*keys, *more], time)
