"""Times and durations mean what people type."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import WINDOWS
from trustkeys.cli.times import UNITS, Time, doubt, now_or, parse_duration, parse_time, validity
from trustkeys.core.numericdate import date_text
from trustkeys.errors import InvalidInputError


@pytest.fixture
def far_from_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run on a machine whose own zone is not UTC."""
    with monkeypatch.context() as elsewhere:
        if WINDOWS:  # Python has no function for it there
            yield
            return
        elsewhere.setenv("TZ", "EAST-14")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("far_from_utc")
@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("9223372036854775807", 2**63 - 1),
        ("-5", -5),
        ("now", 1000),
        ("+0s", 500),
        ("+2s", 502),
        ("+2min", 620),
        ("+2h", 7700),
        ("+90d", 500 + 90 * 86400),
        ("+1w", 500 + 7 * 86400),
        ("+1y", 500 + 365 * 86400),
        ("2027-01-01", 1798761600),
        ("2027-01-01T00:00", 1798761600),
        ("2027-01-01 00:00:00.9", 1798761600),
        ("2027-01-01T00:00:00Z", 1798761600),
        ("2027-01-01T01:00+01:00", 1798761600),
        ("1969-12-31T23:59:59Z", -1),
        ("9999-12-31T23:59:59-23:59", 253402300799 + 86340),
    ],
)
def test_a_time_is_read_as_typed_and_as_utc(text: str, seconds: int) -> None:
    when = parse_time(text)
    assert when is not None
    assert when.resolve(now=1000, start=500) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "+", "+d", "+1", "+1x", "+6m", "+-1d", "-1d", "1.5", "+1.5d", "１２", "tomorrow", "NOW"],
)
def test_other_text_is_not_a_time(text: str) -> None:
    assert parse_time(text) is None


@pytest.mark.parametrize("text", ["", "5", "d", "-1d", "1.5d", "+5d", "5m", "5 d"])
def test_other_text_is_not_a_duration(text: str) -> None:
    assert parse_duration(text) is None


@given(st.integers(0, 10**19), st.sampled_from(sorted(UNITS)))
def test_a_duration_is_the_number_times_its_unit(number: int, unit: str) -> None:
    assert parse_duration(f"{number}{unit}") == number * UNITS[unit]
    assert parse_time(f"+{number}{unit}") == Time(number * UNITS[unit], "start")


@given(st.integers(0, 253_402_300_799))
def test_a_time_that_is_printed_can_be_typed(seconds: int) -> None:
    assert parse_time(date_text(seconds)) == Time(seconds)


def test_a_relative_exp_counts_from_nbf_and_else_from_now() -> None:
    day = Time(86400, "start")
    assert validity(day, day, now=1000) == (87400, 173800)
    assert validity(None, day, now=1000) == (None, 87400)
    assert validity(Time(5), Time(0, "now"), now=1000) == (5, 1000)
    assert validity(Time(5), None, now=1000) == (5, None)


def test_now_is_the_clock_unless_another_time_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1000.9)
    assert now_or(None) == 1000
    assert now_or(Time(2, "start")) == 1002
    assert now_or(Time(5)) == 5
    assert validity(None, Time(1, "start")) == (None, 1001)
    with pytest.raises(InvalidInputError, match=r"^at must be from 0"):
        now_or(Time(-1))
    # The second of exp is the first one in which the key has expired.
    assert doubt(None, 1001) is None
    assert doubt(None, 1000) == "the key has already expired, at 1970-01-01T00:16:40Z"
