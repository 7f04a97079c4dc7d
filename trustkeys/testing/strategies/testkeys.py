"""Test keys, and key sets of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache, wraps
from operator import attrgetter
from string import ascii_letters, digits
from typing import Any

from attrs import evolve
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.oct import OctStrategy
from trustkeys.core.registry import key_type_for
from trustkeys.core.rsa import RSAStrategy
from trustkeys.errors import InvalidInputError
from trustkeys.keyset.document import PREFIX
from trustkeys.keyset.keyset import TrustFrameworkKeySet
from trustkeys.testing.keys import oct_key, rsa_key
from trustkeys.testing.strategies.bodies import ktys_of, sizes_of, uses_of
from trustkeys.testing.strategies.times import validity
from trustkeys.testkeys.pool import SEEDS

__tracebackhide__ = True


def keys(
    *, use: str | None = None, kty: str | None = None, size: int | None = None
) -> SearchStrategy[TrustFrameworkKey]:
    """Draw private test keys. All are enabled; most have 2048 bits (RSA) or 256 (oct).

    Args:
        use: ``"sig"`` or ``"enc"``, in any ASCII case. Default: both.
        kty: ``"RSA"`` or ``"oct"``, in any ASCII case. Default: both.
        size: In bits, as for `trustkeys.testing.rsa_key` and `oct_key`. Needs `kty`.

    Raises:
        InvalidInputError: ``AADB2C95033`` for `use`, ``AADB2C95031`` for `kty`, ``BadRequest`` for
            `size`.
    """
    if size is not None:
        if kty is None:
            raise InvalidInputError("size needs kty: RSA or oct", target="kty")
        size = key_type_for(kty).checked_size(size)
    return _keys(uses_of(use), _test_ktys(kty), size)


def key_sets(
    *, use: str | None = None, kty: str | None = None, min_size: int = 0, max_size: int = 6
) -> SearchStrategy[TrustFrameworkKeySet]:
    """Draw sets of test keys of one `kty` and one `use`, with any dates. Some keys are disabled.

    Args:
        use: As `keys`.
        kty: As `keys`.
        min_size: The smallest number of keys in a set.
        max_size: The largest number of keys in a set, at most 5,000.

    Raises:
        InvalidInputError: As `keys`.
    """
    return _key_sets(uses_of(use), _test_ktys(kty), min_size, max_size)


def _test_ktys(kty: str | None) -> tuple[str, ...]:
    for name in (names := ktys_of(kty)):
        if name not in _TEST_KEYS:
            raise InvalidInputError(
                f"kty must be {' or '.join(_TEST_KEYS)}: there are no test keys of {name}",
                code="AADB2C95031",
                target="kty",
            )
    return names


class _Arguments:
    """The arguments of `rsa_key` or `oct_key`, printed as in a call.

    They are drawn together because `exp` depends on `nbf`.
    """

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given = given

    def _repr_pretty_(self, printer: Any, _cycle: object) -> None:
        printer.text(", ".join(f"{name}={value!r}" for name, value in self.given.items()))


_SELDOM = st.sampled_from([False, False, False, True])


@st.composite
def _arguments(
    draw: st.DrawFn,
    fixed: Mapping[str, Any],
    seeds: SearchStrategy[int],
    sizes: SearchStrategy[int] | None,
) -> _Arguments:
    given = {"seed": draw(seeds), **fixed}
    if sizes is not None and draw(_SELDOM):
        given["size"] = draw(sizes)
    nbf, exp = validity(draw)
    dates = {"nbf": nbf, "exp": exp}
    return _Arguments(given | {name: at for name, at in dates.items() if at is not None})


def _called_with(
    make: Callable[..., TrustFrameworkKey],
) -> Callable[[_Arguments], TrustFrameworkKey]:
    @wraps(make)
    def made(arguments: _Arguments) -> TrustFrameworkKey:
        return make(**arguments.given)

    return made


_TEST_KEYS: Mapping[str, tuple[Callable[..., TrustFrameworkKey], Sequence[int]]] = {
    "RSA": (rsa_key, RSAStrategy.sizes),
    "oct": (oct_key, OctStrategy.sizes),
}


@cache
def _keys(
    uses: tuple[str, ...], ktys: tuple[str, ...], size: int | None
) -> SearchStrategy[TrustFrameworkKey]:
    return st.one_of([_keys_of(use, kty, size) for kty in ktys for use in uses])


def _keys_of(use: str, kty: str, size: int | None) -> SearchStrategy[TrustFrameworkKey]:
    make, (default, *others) = _TEST_KEYS[kty]
    fixed: dict[str, Any] = {}
    if use != "sig":
        fixed["use"] = use
    if size not in (None, default):
        fixed["size"] = size
    sizes = sizes_of(others) if size is None else None
    return st.builds(_called_with(make), _arguments(fixed, st.integers(0, SEEDS[kty] - 1), sizes))


_NAMES = st.text(ascii_letters + digits + "-_", min_size=1).filter(
    lambda name: name.upper() != PREFIX
)


# Bounded, because the sizes can be any number.
@lru_cache
def _key_sets(
    uses: tuple[str, ...], ktys: tuple[str, ...], min_size: int, max_size: int
) -> SearchStrategy[TrustFrameworkKeySet]:
    def sets_of(keys: SearchStrategy[TrustFrameworkKey]) -> SearchStrategy[TrustFrameworkKeySet]:
        distinct = st.lists(keys, min_size=min_size, max_size=max_size, unique_by=attrgetter("kid"))
        return st.builds(TrustFrameworkKeySet, id=_NAMES, keys=distinct)

    enabled = [_keys((use,), (kty,), None) for kty in ktys for use in uses]
    some_disabled = [each | st.builds(evolve, each, status=st.just("disabled")) for each in enabled]
    return st.one_of([sets_of(each) for each in [*enabled, *some_disabled]])
