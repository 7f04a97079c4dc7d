"""Dates of keys, and times at which to look at keys."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.numericdate import MAX_NUMERIC_DATE
from trustkeys.errors import InvalidInputError
from trustkeys.keyset.keyset import TrustFrameworkKeySet
from trustkeys.wording import shape

__tracebackhide__ = True

# First in every choice, so that a time from a narrower strategy can shrink to any other time.
_TIMES = st.integers(0, MAX_NUMERIC_DATE)
_LATE = st.integers(MAX_NUMERIC_DATE - 4, MAX_NUMERIC_DATE)
_EARLY = st.integers(0, 4)
_INSTANTS = _TIMES | _EARLY | _LATE

# Strategies for nbf and for the seconds from nbf to exp. With the last two, several keys of a set
# start or end together.
_VALIDITIES = st.sampled_from(
    [
        (None, None),
        (_TIMES, None),
        (None, _TIMES),
        (_TIMES, _TIMES),
        (_LATE, _EARLY),
        (_EARLY, _EARLY),
    ]
)


def instants(*of: TrustFrameworkKey | TrustFrameworkKeySet) -> SearchStrategy[int]:
    """Draw times at which to look at keys: around their `nbf` and `exp`, and any others.

    Args:
        of: The keys and key sets. Without any: all times.

    Returns:
        Whole seconds since 1970, from 0 to 2^63-1. These two, and the second before, at and after
        each `nbf` and `exp`, are drawn often.

    Raises:
        InvalidInputError: `of` contains something other than a key or a key set. Code
            ``BadRequest``.
    """
    ends = [at for each in of for key in _keys_in(each) for at in (key.nbf, key.exp)]
    # A key that was built by hand can have any date.
    dates = {min(max(at, 0), MAX_NUMERIC_DATE) for at in ends if at is not None}
    return _instants_around(sorted(dates)) if dates else _INSTANTS


def validity(draw: st.DrawFn) -> tuple[int | None, int | None]:
    """Draw `nbf` and `exp` of one key."""
    starts, ends = draw(_VALIDITIES)
    nbf = None if starts is None else draw(starts)
    exp = None if ends is None else draw(ends)
    return nbf, (exp if nbf is None or exp is None else later(nbf, exp))


def later(at: int, seconds: int) -> int:
    """Return a time that is `seconds` after another one, or the last possible time."""
    return min(at + seconds, MAX_NUMERIC_DATE)


def _instants_around(dates: list[int]) -> SearchStrategy[int]:
    ends = [st.integers(max(at - 1, 0), min(at + 1, MAX_NUMERIC_DATE)) for at in dates]
    return st.one_of([_INSTANTS, st.integers(dates[0], dates[-1]), *ends])


def _keys_in(each: object) -> Iterable[TrustFrameworkKey]:
    if isinstance(each, TrustFrameworkKeySet):
        return each
    if isinstance(each, TrustFrameworkKey):
        return (each,)
    raise InvalidInputError(
        f"instants are those of keys and key sets, not of {shape(each)}", target="of"
    )
