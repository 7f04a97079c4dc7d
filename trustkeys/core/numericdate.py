"""NumericDate (RFC 7519 section 2): whole seconds since 1970-01-01T00:00:00Z, as Int64."""

from __future__ import annotations

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


def numeric_dates(nbf: object, exp: object) -> tuple[int | None, int | None]:
    """Return both dates of a key as whole seconds since the epoch.

    `exp` may equal `nbf`, as in the operation's own example, but must not be earlier.

    Args:
        nbf: Whole seconds, an aware `datetime.datetime` (microseconds are dropped), or None
            for no date.
        exp: The same.

    Raises:
        InvalidInputError: Another type, a naive datetime, a time before the epoch or beyond
            Int64, or `exp` before `nbf`. Code ``BadRequest``, since the service documents none.
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
        if value.utcoffset() is None:
            raise InvalidInputError(
                f"{target} must have a time zone, for example datetime(…, tzinfo=timezone.utc), "
                "and is a naive datetime",
                target=target,
            )
        # timestamp() rounds, and a conversion to UTC can overflow.
        seconds = (value - _EPOCH) // _SECOND
    else:
        raise InvalidInputError(
            f"{target} must be whole seconds since 1970 (or, in Python, a datetime with a time "
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
    """Format a point in time for people: ISO 8601 in UTC, or seconds after the year 9999."""
    try:
        return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"
    except OverflowError:
        return f"{seconds} seconds since 1970"


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
        f"not {quantity(value)}",
        target=target,
    )
