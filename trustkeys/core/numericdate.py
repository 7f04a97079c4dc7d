"""NumericDate (RFC 7519 section 2): whole seconds since 1970-01-01T00:00:00Z, as Int64."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from trustkeys.errors import InvalidInputError
from trustkeys.wording import quantity, shape

MAX_NUMERIC_DATE = 2**63 - 1
"""The largest NumericDate: Graph's type is Int64."""

__tracebackhide__ = True

NumericDateInput = int | datetime | None
"""A date argument: whole seconds since 1970, an aware datetime, or None for no date."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)

CENTURY = 36_525 * 86_400
"""100 years, in seconds: the longest validity that is not taken for a mistake."""

# What a date can be mistaken for: its name, its units in a second, and its zero before 1970.
_CLOCKS = (
    ("milliseconds", 10**3, 0),
    ("microseconds", 10**6, 0),
    ("nanoseconds", 10**9, 0),
    (".NET ticks", 10**7, 62_135_596_800),
    ("a Windows file time", 10**7, 11_644_473_600),
)

# Years 2000 to 2199: a number of another clock that lies there was not meant as seconds.
_PLAUSIBLE = range(946_684_800, 7_258_118_400)

# Calendar dates without separators, by their number of digits.
_DATES = range(19_000_000, 21_000_000)
_WRITTEN = {4: "a year", 6: "a month", 8: "a date", 12: "a date and time", 14: "a date and time"}


def numeric_dates(nbf: object, exp: object) -> tuple[int | None, int | None]:
    """Return both dates of a key as whole seconds since the epoch.

    `exp` may equal `nbf`, as in the operation's own example, but must not be earlier.

    Args:
        nbf: Whole seconds, an aware `datetime.datetime` (microseconds are dropped), or None
            for no date.
        exp: The same.

    Raises:
        InvalidInputError: Another type, a naive datetime, one that its time zone cannot convert,
            a time before the epoch or beyond Int64, or `exp` before `nbf`. Code ``BadRequest``,
            since the service documents none.
    """
    start = None if nbf is None else numeric_date(nbf, "nbf")
    end = None if exp is None else numeric_date(exp, "exp")
    if start is not None and end is not None and end < start:
        raise InvalidInputError("exp must not be before nbf", target="exp")
    return start, end


def numeric_date(value: object, target: str) -> int:
    """Return a point in time as whole seconds since the epoch.

    Args:
        value: Whole seconds, or an aware `datetime.datetime` (microseconds are dropped).
        target: The parameter's name, for the error.

    Raises:
        InvalidInputError: See `numeric_dates`.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        seconds = int(value)
    elif isinstance(value, datetime):
        seconds = _since_epoch(value, target)
    else:
        raise InvalidInputError(
            f"{target} must be whole seconds since 1970 (or, in Python, a datetime with a time "
            f"zone), not {shape(value)}",
            target=target,
        )
    if not 0 <= seconds <= MAX_NUMERIC_DATE:
        raise InvalidInputError(
            f"{target} must be from 0 to {MAX_NUMERIC_DATE} seconds since 1970, not "
            f"{value if isinstance(value, datetime) else quantity(seconds)}",
            target=target,
        )
    return seconds


def _since_epoch(when: datetime, target: str) -> int:
    try:
        if when.utcoffset() is not None:
            # timestamp() rounds, and a conversion to UTC can overflow.
            return (when - _EPOCH) // _SECOND
    except OverflowError:  # of a time zone, near the first and the last datetime
        raise InvalidInputError(
            f"{target} is a time that its time zone cannot convert: use UTC", target=target
        ) from None
    raise InvalidInputError(
        f"{target} must have a time zone, for example datetime(…, tzinfo=timezone.utc), and is a "
        "naive datetime",
        target=target,
    )


def utc(seconds: int) -> datetime:
    """Return seconds since the epoch as a datetime in UTC, up to the year 9999 on any system.

    Raises:
        OverflowError: After the year 9999.
    """
    # Windows' fromtimestamp ends at the year 3000.
    return _EPOCH + timedelta(seconds=seconds)


def date_text(seconds: int) -> str:
    """Format a point in time for people: ISO 8601 in UTC, or seconds after the year 9999."""
    try:
        return f"{utc(seconds):%Y-%m-%dT%H:%M:%SZ}"
    except OverflowError:
        return f"{seconds} seconds since 1970"


def likely_meaning(seconds: int) -> str | None:
    """Say what a number was meant as if it was surely not meant as seconds since 1970.

    Returns:
        The rest of a sentence that starts with the number, such as "looks like milliseconds, not
        seconds since 1970: write 2027-01-01T00:00:00Z, or 1798761600"; or None.
    """
    if 10**8 <= seconds < 10**11:  # fast path: years 1973 to 5138, and no other form
        return None
    for what, units, zero in _CLOCKS:
        if (meant := seconds // units - zero) in _PLAUSIBLE:
            return _looks_like(what, meant)
    text = str(seconds)
    if len(text) in _WRITTEN:
        basic = f"{text}0101"[:8] if len(text) < 8 else f"{text[:8]}T{text[8:] or '00'}"
        with suppress(ValueError):
            when = datetime.fromisoformat(basic).replace(tzinfo=UTC)
            if when >= _EPOCH:
                return _looks_like(_WRITTEN[len(text)], (when - _EPOCH) // _SECOND)
    # Such as 30 February.
    return "looks like a date, not seconds since 1970" if seconds in _DATES else None


def _looks_like(what: str, meant: int) -> str:
    return f"looks like {what}, not seconds since 1970: write {date_text(meant)}, or {meant}"


def likely_mistake(nbf: int | None, exp: int | None, now: int) -> str | None:
    """Say which date of a key is surely a mistake, and what was meant; None if neither is.

    A date is taken for a mistake if it was not meant as seconds since 1970 (`likely_meaning`), if
    the key starts more than 100 years from now, or if it is valid for more than 100 years.

    Args:
        nbf: In seconds since 1970, or None.
        exp: The same.
        now: The same. The validity of a key without `nbf` counts from it.

    Returns:
        A sentence that starts with ``nbf`` or ``exp``, without a full stop.
    """
    for name, date in (("nbf", nbf), ("exp", exp)):
        if date is not None and (meaning := likely_meaning(date)):
            return f"{name} {date} {meaning}"
    if nbf is not None and nbf - now > CENTURY:
        return f"nbf, {date_text(nbf)}, is over {_years(nbf - now)} years from now"
    start, since = (now, "from now") if nbf is None else (nbf, "after nbf")
    if exp is not None and exp - start > CENTURY:
        return (
            f"exp, {date_text(exp)}, is over {_years(exp - start)} years {since}: leave it out "
            "for a key that does not expire"
        )
    return None


def _years(seconds: int) -> int:
    """Return a duration in whole years of the calendar, which can lack a day of the mean."""
    return (seconds + 86_400) // 31_556_952


def whole_seconds(value: object, target: str, *, least: int = 0) -> int:
    """Return a duration as whole seconds.

    Args:
        value: Whole seconds, or a `datetime.timedelta` (microseconds are dropped).
        target: The parameter's name, for the error.
        least: The shortest allowed duration, in seconds.

    Raises:
        InvalidInputError: Another type, or too short. Code ``BadRequest``.
    """
    seconds = value // _SECOND if isinstance(value, timedelta) else value
    if isinstance(seconds, int) and not isinstance(seconds, bool) and seconds >= least:
        return int(seconds)
    raise InvalidInputError(
        f"{target} must be {least} or more whole seconds (or, in Python, a timedelta), "
        f"not {quantity(seconds)}",
        target=target,
    )
