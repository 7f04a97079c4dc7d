"""NumericDate (RFC 7519 section 2): whole seconds since 1970-01-01T00:00:00Z, as Int64."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from trustkeys.errors import InvalidInputError
from trustkeys.wording import quantity, shape

MAX_NUMERIC_DATE = 2**63 - 1
"""The last second that Graph's Int64 can say."""

__tracebackhide__ = True

NumericDateInput = int | datetime | None
"""What can be given for a date: whole seconds, an aware datetime, or None for no date."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


def numeric_dates(nbf: object, exp: object) -> tuple[int | None, int | None]:
    """Give the ends of a validity as whole seconds since the epoch.

    `exp` may equal `nbf`, as in the operation's own example, but not lie before it.

    Args:
        nbf: Whole seconds, an aware `datetime.datetime` (microseconds are dropped), or None
            for no date.
        exp: Likewise.

    Raises:
        InvalidInputError: Another type, a naive datetime, a time before the epoch or beyond
            Int64, `exp` before `nbf`. Code ``BadRequest``: the service documents none.
    """
    start = None if nbf is None else numeric_date(nbf, "nbf")
    end = None if exp is None else numeric_date(exp, "exp")
    if start is not None and end is not None and end < start:
        raise InvalidInputError("exp must not lie before nbf", target="exp")
    return start, end


def numeric_date(value: object, target: str) -> int:
    """Give a point in time as whole seconds since the epoch.

    Args:
        value: Whole seconds, or an aware `datetime.datetime` (microseconds are dropped).
        target: The parameter's name, for the error.

    Raises:
        InvalidInputError: As `numeric_dates`.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        seconds = int(value)
    elif isinstance(value, datetime):
        if value.utcoffset() is None:
            raise InvalidInputError(
                f"{target} must be a datetime with a time zone, "
                "for example datetime(…, tzinfo=timezone.utc), not a naive one",
                target=target,
            )
        # Exact where timestamp() rounds, and whole where conversion to UTC would overflow.
        seconds = (value - _EPOCH) // _SECOND
    else:
        raise InvalidInputError(
            f"{target} must be whole seconds since 1970 (in Python also a datetime with a time "
            f"zone), not {shape(value)}",
            target=target,
        )
    if not 0 <= seconds <= MAX_NUMERIC_DATE:
        raise InvalidInputError(
            f"{target} must be from 0 to {MAX_NUMERIC_DATE} seconds since 1970, "
            f"not {shape(seconds)}",
            target=target,
        )
    return seconds


def date_text(seconds: int) -> str:
    """Write a point in time for people: ISO 8601 in UTC, or seconds where calendars end."""
    try:
        return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"
    except OverflowError:
        return f"{seconds} seconds since 1970"


def whole_seconds(value: object, target: str, *, least: int = 0) -> int:
    """Give a duration as whole seconds.

    Args:
        value: Whole seconds, or a `datetime.timedelta` (microseconds are dropped).
        target: The parameter's name, for the error.
        least: The shortest that is allowed, in seconds.

    Raises:
        InvalidInputError: Another type, or shorter. Code ``BadRequest``.
    """
    seconds = value // _SECOND if isinstance(value, timedelta) else value
    if isinstance(seconds, int) and not isinstance(seconds, bool) and seconds >= least:
        return int(seconds)
    raise InvalidInputError(
        f"{target} must be {least} or more whole seconds (in Python also a timedelta), "
        f"not {quantity(value)}",
        target=target,
    )
