"""What a timeline shows. The text and the picture show the same."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.timeline.sets import DAY, INT64_MAX, NOW, SPREAD, key, shown
from trustkeys.cli.timeline.content import Scale, Timeline, kid_text, ticks
from trustkeys.keyset.schedule import active_key

YEAR = 365 * DAY


def kids(timeline: Timeline) -> list[str]:
    return [row.key.kid for row in timeline.rows]


def test_rows_are_in_order_of_nbf_and_a_safety_net_is_below_them() -> None:
    keys = [
        key("net"),
        key("late", NOW + DAY),
        key("expires", None, NOW),
        key("early", 0, NOW, "disabled"),
        key("late too", NOW + DAY),
    ]
    timeline = shown(*keys)
    assert kids(timeline) == ["early", "late", "late too", "net", "expires"]
    assert [row.number for row in timeline.rows] == [4, 2, 5, 1, 3]


@given(SPREAD)
def test_every_key_has_a_row_and_now_is_in_the_picture(case: tuple[list[Any], int]) -> None:
    keys, at = case
    timeline = shown(*keys, at=at)
    assert sorted(kids(timeline)) == sorted(each.kid for each in keys)
    dated = [row.key.nbf for row in timeline.rows if row.key.nbf is not None]
    assert dated == sorted(dated)
    assert all(row.key.nbf is None for row in timeline.rows[len(dated) :])
    assert timeline.start < at < timeline.end
    active = active_key(keys, at)
    assert timeline.active == (None if active is None else keys[active])
    assert timeline.now.start <= at < timeline.now.end
    for row in timeline.rows:
        for stretch in row.active:
            assert row.validity.start <= stretch.start < stretch.end <= row.validity.end


def test_dates_within_nine_years_are_in_the_picture() -> None:
    timeline = shown(key("a", NOW - 300 * DAY, NOW + 8 * YEAR))
    assert timeline.start < NOW - 300 * DAY
    assert timeline.end > NOW + 8 * YEAR


@pytest.mark.parametrize("far", [30 * YEAR, INT64_MAX])
def test_dates_far_away_do_not_squeeze_the_near_ones(far: int) -> None:
    at = 20 * YEAR
    timeline = shown(key("a", at, at + 90 * DAY), key("b", 0, far), key("c", far), at=at)
    assert timeline.end - timeline.start < YEAR


def test_dates_in_a_steady_row_are_all_in_the_picture() -> None:
    keys = [key(f"{year}", NOW + year * YEAR, NOW + (year + 1) * YEAR) for year in range(60)]
    assert shown(*keys).end > NOW + 60 * YEAR


def test_if_all_dates_are_far_away_the_picture_goes_to_the_nearest() -> None:
    at = 50 * YEAR
    assert shown(key("a", 10 * YEAR, 20 * YEAR), at=at).start < 20 * YEAR
    assert shown(key("a", at + 101 * YEAR), at=at).end < at + YEAR


def test_the_past_before_the_first_key_is_no_gap() -> None:
    assert shown(key("a", NOW - DAY)).gaps == []
    (gap,) = shown(key("a", NOW + DAY)).gaps
    assert (gap.start, gap.end) == (NOW, NOW + DAY)


def test_the_scale_maps_times_to_columns() -> None:
    scale = Scale(100, 200, 50)
    assert [scale.column(time) for time in (100, 101, 102, 199, 200)] == [0, 0, 1, 49, 50]
    assert [*scale.columns(110, 120)] == [5, 6, 7, 8, 9]
    assert [*scale.columns(110, 110)] == [5]
    assert [*scale.columns(110, 112, 3)] == [5, 6, 7]
    assert [*scale.columns(0, 104)] == [0, 1]
    assert [*scale.columns(198, 999)] == [49]
    assert [*scale.columns(300, 999)] == []
    assert [*scale.columns(0, 50)] == []


# --- round dates


def date_of(label: str) -> datetime:
    return datetime.fromisoformat(f"{label}-01-01"[:10].ljust(10, "0")).replace(tzinfo=UTC)


def is_round(dates: list[datetime]) -> bool:
    """Whether the dates are as people write a calendar, and evenly spaced in it."""
    steps = {after - before for before, after in itertools.pairwise(dates)}
    if any(date.day > 1 for date in dates):
        is_monday = {date.weekday() for date in dates} == {0}
        return steps <= {timedelta(1)} or (is_monday and len(steps) < 2)
    months = [date.year * 12 + date.month - 1 for date in dates]
    between = {after - before for before, after in itertools.pairwise(months)}
    if not between:
        return True
    (step,) = between
    years, rest = divmod(step, 12)
    is_known = step in {1, 3, 6} or (rest == 0 and str(years).strip("0") in {"1", "2", "5"})
    return is_known and all(month % step == 0 for month in months)


@given(
    st.integers(-(10**11), 2**63),
    st.integers(42 * DAY, 10**12) | st.integers(42 * DAY, 40 * YEAR),
    st.integers(24, 300),
)
def test_ticks_are_round_dates_whose_labels_do_not_overlap(
    start: int, seconds: int, width: int
) -> None:
    scale = Scale(start, start + seconds, width)
    found = ticks(scale, 1)
    for (column, label), (following, _) in itertools.pairwise(found):
        assert column + len(label) < following
    dates = [date_of(label) for _, label in found]
    assert [scale.column(int(date.timestamp())) for date in dates] == [x for x, _ in found]
    assert all(0 <= column < width for column, _ in found)
    assert is_round(dates)


@pytest.mark.parametrize(
    ("days", "labels"),
    [
        (9, ["2027-01-01", "2027-01-02", "2027-01-03", "2027-01-04", "2027-01-05"]),
        (42, ["2027-01-04", "2027-01-11", "2027-01-18", "2027-01-25", "2027-02-01"]),
        (90, ["2027-01-04", "2027-01-18", "2027-02-01", "2027-02-15", "2027-03-01"]),
        (300, ["2027-01", "2027-02", "2027-03", "2027-04", "2027-05"]),
        (800, ["2027-01", "2027-04", "2027-07", "2027-10", "2028-01"]),
        (1800, ["2027-01", "2027-07", "2028-01", "2028-07", "2029-01"]),
        (5000, ["2027", "2028", "2029", "2030", "2031"]),
        (9000, ["2028", "2030", "2032", "2034", "2036"]),
        (20_000, ["2030", "2035", "2040", "2045", "2050"]),
        (400_000, ["2100", "2200", "2300", "2400", "2500"]),
    ],
)
def test_the_step_fits_the_time_shown(days: int, labels: list[str]) -> None:
    start = int(datetime(2027, 1, 1, tzinfo=UTC).timestamp())
    found = ticks(Scale(start, start + days * DAY, 110), 1)
    assert [label for _, label in found][:5] == labels


def test_a_time_that_no_calendar_has_has_no_ticks() -> None:
    assert ticks(Scale(INT64_MAX, INT64_MAX + YEAR, 80), 1) == []
    assert ticks(Scale(-(10**12), -(10**12) + YEAR, 80), 1) == []


@given(st.text(st.characters()))
def test_a_kid_controls_nothing(kid: str) -> None:
    assert kid_text(kid).isprintable()
    assert len(kid_text(kid)) <= 8
