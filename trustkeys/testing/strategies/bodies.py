"""Requests for keys, and the bodies of generateKey."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from trustkeys.core.registry import KeyType, key_type_for
from trustkeys.core.request import GenerateKeyRequest, checked_use
from trustkeys.testing.strategies.times import validity

__tracebackhide__ = True

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
_SCALARS = st.none() | st.booleans() | st.integers() | FLOATS | st.text()
LISTS = st.lists(_SCALARS, max_size=3)
OBJECTS = st.dictionaries(st.text(), _SCALARS, max_size=3)
JSON = _SCALARS | LISTS | OBJECTS
"""Any JSON value."""


def requests(
    *, use: str | None = None, kty: str | None = None
) -> SearchStrategy[GenerateKeyRequest]:
    """Draw requests for keys of every size, with and without dates.

    Args:
        use: ``"sig"`` or ``"enc"``, in any ASCII case. Default: both.
        kty: ``"RSA"``, ``"oct"`` or another registered key type, in any ASCII case. Default: RSA
            and oct.

    Raises:
        InvalidInputError: ``AADB2C95033`` for `use`, ``AADB2C95031`` for `kty`.
    """
    return _requests(uses_of(use), tuple(key_type_for(name) for name in ktys_of(kty)))


def request_bodies(
    *, use: str | None = None, kty: str | None = None
) -> SearchStrategy[dict[str, Any]]:
    """Draw bodies of generateKey as clients send them; `GenerateKeyRequest.from_graph` reads each.

    The members come in any order, and `use` and `kty` in any case. A date can be missing or null.
    Some bodies have members that begin with ``@odata.``. Every body can be written as JSON.

    Args:
        use: As `requests`.
        kty: As `requests`.

    Raises:
        InvalidInputError: As `requests`.
    """
    return bodies(uses_of(use), ktys_of(kty))


# Bounded, because every registration makes a new KeyType.
@lru_cache
def _requests(
    uses: tuple[str, ...], key_types: tuple[KeyType, ...]
) -> SearchStrategy[GenerateKeyRequest]:
    kinds = [
        (
            each.kty,
            st.just(each.strategy.default_size) | sizes_of(each.strategy.sizes),
        )
        for each in key_types
    ]
    return _request(st.sampled_from(uses), st.sampled_from(kinds))


@st.composite
def _request(
    draw: st.DrawFn,
    uses: SearchStrategy[str],
    kinds: SearchStrategy[tuple[str, SearchStrategy[int]]],
) -> GenerateKeyRequest:
    kty, sizes = draw(kinds)
    nbf, exp = validity(draw)
    return GenerateKeyRequest(draw(uses), kty, nbf=nbf, exp=exp, size=draw(sizes))


# Without the prefix "@odata.".
_ANNOTATIONS: SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {}, {"type": "#microsoft.graph.trustFrameworkKey"}]
) | st.dictionaries(
    st.sampled_from(["type", "context", "id"]) | st.text(), JSON, min_size=1, max_size=2
)


@cache
def bodies(uses: tuple[str, ...], ktys: tuple[str, ...]) -> SearchStrategy[dict[str, Any]]:
    """Draw bodies for these uses and key types, spelt in different cases."""
    return _body(_spellings(uses), _spellings(ktys))


def _spellings(names: tuple[str, ...]) -> SearchStrategy[str]:
    changes = (str, str.upper, str.lower, str.title)
    return st.sampled_from(list(dict.fromkeys(each(name) for each in changes for name in names)))


@st.composite
def _body(draw: st.DrawFn, uses: SearchStrategy[str], ktys: SearchStrategy[str]) -> dict[str, Any]:
    members: dict[str, Any] = {"use": draw(uses), "kty": draw(ktys)}
    nbf, exp = validity(draw)
    dates = {"nbf": nbf, "exp": exp}
    members |= {name: at for name, at in dates.items() if at is not None or draw(st.booleans())}
    members |= {f"@odata.{name}": value for name, value in draw(_ANNOTATIONS).items()}
    return {name: members[name] for name in draw(st.permutations(list(members)))}


def uses_of(use: str | None) -> tuple[str, ...]:
    """Return the uses to draw from: the one that is asked for, or both.

    Raises:
        InvalidInputError: `use` is another one. Code ``AADB2C95033``.
    """
    return ("sig", "enc") if use is None else (checked_use(use),)


def ktys_of(kty: str | None) -> tuple[str, ...]:
    """Return the key types to draw from: the one that is asked for, or RSA and oct.

    Raises:
        InvalidInputError: `kty` is not registered. Code ``AADB2C95031``.
    """
    return ("RSA", "oct") if kty is None else (key_type_for(kty).kty,)


def sizes_of(sizes: Sequence[int]) -> SearchStrategy[int]:
    """Draw a size. Unlike ``sampled_from``, this often draws the ends of a long sequence."""
    return st.integers(0, len(sizes) - 1).map(sizes.__getitem__)
