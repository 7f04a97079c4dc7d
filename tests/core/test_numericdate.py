"""Dates that are surely mistakes, and what was meant by them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trustkeys.core.numericdate import (
    CENTURY,
    date_text,
    likely_meaning,
    likely_mistake,
    numeric_date,
    utc,
    whole_seconds,
)
from trustkeys.errors import InvalidInputError

NOW = 1_795_000_000  # 2026-11-18
_1601 = int(datetime(1601, 1, 1, tzinfo=UTC).timestamp())
_0001 = int(datetime(1, 1, 1, tzinfo=UTC).timestamp())

usual = st.integers(int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()), NOW + CENTURY)


@given(usual)
def test_a_date_of_our_time_is_taken_as_it_is(seconds: int) -> None:
    assert likely_meaning(seconds) is None
    assert likely_mistake(seconds, None, NOW) is None
    assert likely_mistake(None, seconds, NOW) is None
    assert likely_mistake(seconds, min(seconds + CENTURY, NOW + CENTURY), NOW) is None


@given(
    usual,
    st.sampled_from(
        [
            ("milliseconds", 1000, 0),
            ("microseconds", 10**6, 0),
            ("nanoseconds", 10**9, 0),
            (".NET ticks", 10**7, _0001),
            ("a Windows file time", 10**7, _1601),
        ]
    ),
    st.integers(0, 999),
)
def test_a_number_of_another_clock_is_recognised_with_the_seconds_that_it_stands_for(
    seconds: int, clock: tuple[str, int, int], rest: int
) -> None:
    name, units, zero = clock
    meaning = str(likely_meaning((seconds - zero) * units + rest))
    assert meaning.startswith(f"looks like {name}, not seconds since 1970: ")
    assert meaning.endswith(f"Z, or {seconds}")


@pytest.mark.parametrize(
    ("written", "pattern"),
    [
        ("a year", "%Y"),
        ("a month", "%Y%m"),
        ("a date", "%Y%m%d"),
        ("a date and time", "%Y%m%d%H%M"),
        ("a date and time", "%Y%m%d%H%M%S"),
    ],
)
@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)))  # noqa: DTZ001
def test_a_date_written_as_a_number_is_recognised(
    written: str, pattern: str, when: datetime
) -> None:
    number = when.strftime(pattern)
    meant = datetime.strptime(number, pattern).replace(tzinfo=UTC)
    assert likely_meaning(int(number)) == (
        f"looks like {written}, not seconds since 1970: write {meant:%Y-%m-%dT%H:%M:%SZ}, or "
        f"{int(meant.timestamp())}"
    )


def test_a_date_that_the_calendar_lacks_is_recognised_too() -> None:
    assert likely_meaning(20270230) == "looks like a date, not seconds since 1970"


@given(st.integers(0, NOW + CENTURY), st.integers(1, 2**62))
def test_a_validity_of_over_a_century_is_a_mistake_whatever_the_digits(
    nbf: int, beyond: int
) -> None:
    assert likely_mistake(nbf, nbf + CENTURY + beyond, NOW)
    assert likely_mistake(None, NOW + CENTURY + beyond, NOW)
    assert likely_mistake(NOW + CENTURY + beyond, None, NOW)


def test_the_longest_validity_is_a_hundred_years_to_the_second() -> None:
    for nbf, start in ((None, NOW), (NOW - 5000, NOW - 5000)):
        assert likely_mistake(nbf, start + CENTURY, NOW) is None
    assert likely_mistake(None, NOW + CENTURY + 1, NOW) == (
        "exp, 2126-11-19T11:06:41Z, is over 100 years from now: leave it out for a key that does "
        "not expire"
    )
    assert likely_mistake(NOW, 2**63 - 1, NOW) == (
        "exp, 9223372036854775807 seconds since 1970, is over 292277024570 years after nbf: leave "
        "it out for a key that does not expire"
    )
    assert likely_mistake(NOW + CENTURY + 1, None, NOW) == (
        "nbf, 2126-11-19T11:06:41Z, is over 100 years from now"
    )


def test_the_sentence_names_the_date_that_is_wrong() -> None:
    assert str(likely_mistake(2027, 2028, NOW)).startswith("nbf 2027 looks like a year")
    assert str(likely_mistake(None, 2028, NOW)).startswith("exp 2028 looks like a year")


class _Narrow(tzinfo):
    """A time zone that cannot convert the first and the last datetimes, as some cannot."""

    def utcoffset(self, when: datetime | None) -> timedelta:
        assert when is not None
        when.replace(tzinfo=UTC).astimezone(timezone(timedelta(hours=14)))
        when.replace(tzinfo=UTC).astimezone(timezone(timedelta(hours=-14)))
        return timedelta(hours=1)

    def dst(self, when: datetime | None) -> None:
        """Know no summer time."""

    def tzname(self, when: datetime | None) -> None:
        """Have no name."""


offsets = st.timedeltas(timedelta(hours=-23, minutes=-59), timedelta(hours=23, minutes=59))


@given(st.datetimes(timezones=st.timezones() | offsets.map(timezone) | st.just(_Narrow())))
@example(datetime.max.replace(tzinfo=timezone(timedelta(hours=-14))))
@example(datetime.min.replace(tzinfo=timezone(timedelta(hours=14))))
@example(datetime.max.replace(tzinfo=_Narrow()))
def test_any_datetime_is_a_number_of_seconds_or_a_clear_error(when: datetime) -> None:
    problem = ""
    try:
        seconds = numeric_date(when, "exp")
    except InvalidInputError as error:
        problem = error.message
    if problem.endswith("cannot convert: use UTC"):
        assert isinstance(when.tzinfo, _Narrow)
    elif problem:
        assert problem == (f"exp must be from 0 to {2**63 - 1} seconds since 1970, not {when}")
        assert when.replace(tzinfo=UTC) < datetime(1970, 1, 2, tzinfo=UTC)
    else:
        offset = when.utcoffset()
        assert offset is not None
        since = when.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC) - offset
        assert seconds == since // timedelta(seconds=1)


@given(st.integers() | st.sampled_from([10**5000, -(10**5000), 2**63, -1]))
def test_any_integer_is_a_date_or_a_clear_error(number: int) -> None:
    if 0 <= number < 2**63:
        assert numeric_date(number, "nbf") == number
        assert date_text(number)
    else:
        with pytest.raises(
            InvalidInputError, match=r"^nbf must be from 0 to \d+ seconds"
        ) as caught:
            numeric_date(number, "nbf")
        if abs(number) < 2**31:  # a small number is shown, and tells more than its size
            assert caught.value.message.endswith(f" not {number}")


@given(st.timedeltas() | st.integers())
def test_any_duration_is_a_number_of_seconds_or_a_clear_error(duration: timedelta | int) -> None:
    second = timedelta(seconds=1)
    seconds = duration // second if isinstance(duration, timedelta) else duration
    if seconds >= 1:
        assert whole_seconds(duration, "every", least=1) == seconds
    else:
        with pytest.raises(InvalidInputError, match=r"^every must be 1 or more") as caught:
            whole_seconds(duration, "every", least=1)
        if abs(seconds) < 2**31:
            assert caught.value.message.endswith(f" not {seconds}")


def test_a_datetime_goes_to_the_year_9999_on_every_system() -> None:
    assert utc(253_402_300_799) == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert date_text(253_402_300_800) == "253402300800 seconds since 1970"
