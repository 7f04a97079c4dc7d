"""Hypothesis strategies: requests, keys, key sets, and the times at which to look at them.

All shrink to what says least: RSA, ``sig``, no dates, the first seed, the earliest time. RSA comes
before oct since an oct key has no public form. Where that is why a test fails, the example that is
left has an oct key; where it has an RSA key, that was not the reason.

A failing example prints keys as calls of `trustkeys.testing.rsa_key` and `oct_key`, and of
`attrs.evolve` where they are disabled: to be pasted into a test. Times that fit a drawn key set are
drawn in the test::

    @given(key_sets(min_size=1), st.data())
    def test_a_key_set_is_shown(keys, data):
        show(keys, at=data.draw(instants(keys)))
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, lru_cache, wraps
from math import nan
from operator import attrgetter
from string import ascii_letters, digits
from typing import Any

from attrs import evolve
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.numericdate import MAX_NUMERIC_DATE
from trustkeys.core.oct import OctStrategy
from trustkeys.core.registry import KeyType, key_type_for
from trustkeys.core.request import GenerateKeyRequest, checked_use
from trustkeys.core.rsa import RSAStrategy
from trustkeys.errors import InvalidInputError
from trustkeys.keyset.document import PREFIX
from trustkeys.keyset.keyset import TrustFrameworkKeySet
from trustkeys.testing.keys import oct_key, rsa_key
from trustkeys.testkeys.pool import OCT_SEEDS, RSA_SEEDS
from trustkeys.wording import shape

__all__ = [
    "bad_request_bodies",
    "instants",
    "key_sets",
    "keys",
    "request_bodies",
    "requests",
]

__tracebackhide__ = True


def requests(
    *, use: str | None = None, kty: str | None = None
) -> SearchStrategy[GenerateKeyRequest]:
    """Draw requests for keys: of every size, with and without dates.

    Args:
        use: ``"sig"`` or ``"enc"``, in any ASCII case. Default: both.
        kty: ``"RSA"``, ``"oct"`` or another registered key type, likewise. Default: RSA and oct.

    Raises:
        InvalidInputError: ``AADB2C95033`` `use`, ``AADB2C95031`` `kty`.
    """
    return _requests(_uses(use), tuple(key_type_for(name) for name in _ktys(kty)))


def request_bodies(
    *, use: str | None = None, kty: str | None = None
) -> SearchStrategy[dict[str, Any]]:
    """Draw bodies of generateKey as clients send them: `GenerateKeyRequest.from_graph` takes each.

    In any order and case, with dates that are left out or null, and now and then with members
    that begin with ``@odata.``. Each can be written as JSON.

    Args:
        use: As `requests`.
        kty: As `requests`.

    Raises:
        InvalidInputError: As `requests`.
    """
    return _bodies(_uses(use), _ktys(kty))


def bad_request_bodies() -> SearchStrategy[tuple[dict[str, Any] | str, str]]:
    """Draw bodies of generateKey with one fault, each with the code that its refusal must carry.

    What key types are registered makes no difference to them.

    Returns:
        Pairs: a mapping that can be written as JSON, or a text that is no JSON object or has a
        member twice; and the code, the service's where it documents one, else ``"BadRequest"``.
    """
    return _BAD_BODIES


def keys(
    *, use: str | None = None, kty: str | None = None, size: int | None = None
) -> SearchStrategy[TrustFrameworkKey]:
    """Draw private test keys, all of them enabled: mostly of 2048 bits (RSA) and of 256 (oct).

    Args:
        use: ``"sig"`` or ``"enc"``, in any ASCII case. Default: both.
        kty: ``"RSA"`` or ``"oct"``, likewise. Default: both.
        size: In bits, as `trustkeys.testing.rsa_key` and `oct_key` take it. Needs `kty`.

    Raises:
        InvalidInputError: ``AADB2C95033`` `use`, ``AADB2C95031`` `kty`, ``BadRequest`` `size`.
    """
    if size is not None:
        if kty is None:
            raise InvalidInputError("size needs kty: RSA or oct", target="kty")
        size = key_type_for(kty).checked_size(size)
    return _keys(_uses(use), _test_ktys(kty), size)


def key_sets(
    *, use: str | None = None, kty: str | None = None, min_size: int = 0, max_size: int = 6
) -> SearchStrategy[TrustFrameworkKeySet]:
    """Draw sets of test keys: of one `kty` and one `use`, with any dates, and some disabled.

    Args:
        use: As `keys`.
        kty: As `keys`.
        min_size: The fewest keys in a set.
        max_size: The most; a set takes 5,000.

    Raises:
        InvalidInputError: As `keys`.
    """
    return _key_sets(_uses(use), _test_ktys(kty), min_size, max_size)


def instants(*of: TrustFrameworkKey | TrustFrameworkKeySet) -> SearchStrategy[int]:
    """Draw times at which to look at keys: around the ends of their validity, and any others.

    Args:
        of: The keys and key sets. Without any: all times.

    Returns:
        Whole seconds since 1970, from 0 to 2^63-1: these two, the second before, at and after
        each `nbf` and `exp`, those between the first and the last of them, and all others.

    Raises:
        InvalidInputError: One is neither a key nor a key set. Code ``BadRequest``.
    """
    ends = [at for each in of for key in _keys_in(each) for at in (key.nbf, key.exp)]
    # Who puts a key together by hand can give it any date.
    dates = {min(max(at, 0), MAX_NUMERIC_DATE) for at in ends if at is not None}
    return _instants_around(sorted(dates)) if dates else _INSTANTS


# All other whole numbers below are of these, and come after them: so whatever the others gave can
# shrink as these do.
_TIMES = st.integers(0, MAX_NUMERIC_DATE)
_LATE = st.integers(MAX_NUMERIC_DATE - 4, MAX_NUMERIC_DATE)
_EARLY = st.integers(0, 4)
_INSTANTS = _TIMES | _EARLY | _LATE

# Where nbf comes from, if it is there, and the seconds from there to exp. With the last two, keys
# start and end together.
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


def _validity(draw: st.DrawFn) -> tuple[int | None, int | None]:
    starts, ends = draw(_VALIDITIES)
    nbf = None if starts is None else draw(starts)
    exp = None if ends is None else draw(ends)
    return nbf, (exp if nbf is None or exp is None else _end(nbf, exp))


def _end(nbf: int, seconds: int) -> int:
    return min(nbf + seconds, MAX_NUMERIC_DATE)


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


def _uses(use: str | None) -> tuple[str, ...]:
    return ("sig", "enc") if use is None else (checked_use(use),)


def _ktys(kty: str | None) -> tuple[str, ...]:
    return ("RSA", "oct") if kty is None else (key_type_for(kty).kty,)


def _test_ktys(kty: str | None) -> tuple[str, ...]:
    for name in (ktys := _ktys(kty)):
        if name not in _TEST_KEYS:
            raise InvalidInputError(
                f"there are test keys of {' and '.join(_TEST_KEYS)}, and none of {name}",
                code="AADB2C95031",
                target="kty",
            )
    return ktys


def _one_of_these(sizes: Sequence[int]) -> SearchStrategy[int]:
    # Unlike sampled_from, this gives the ends of a long sequence their due.
    return st.integers(0, len(sizes) - 1).map(sizes.__getitem__)


# Not without limit: a key type that is registered anew is another one.
@lru_cache
def _requests(
    uses: tuple[str, ...], key_types: tuple[KeyType, ...]
) -> SearchStrategy[GenerateKeyRequest]:
    kinds = [
        (each.kty, st.just(each.strategy.default_size) | _one_of_these(each.strategy.sizes))
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
    nbf, exp = _validity(draw)
    return GenerateKeyRequest(draw(uses), kty, nbf=nbf, exp=exp, size=draw(sizes))


_FLOATS = st.floats(allow_nan=False, allow_infinity=False)
_SCALARS = st.none() | st.booleans() | st.integers() | _FLOATS | st.text()
_LISTS = st.lists(_SCALARS, max_size=3)
_OBJECTS = st.dictionaries(st.text(), _SCALARS, max_size=3)
_JSON = _SCALARS | _LISTS | _OBJECTS

# By what follows "@odata.".
_ANNOTATIONS: SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {}, {"type": "#microsoft.graph.trustFrameworkKey"}]
) | st.dictionaries(
    st.sampled_from(["type", "context", "id"]) | st.text(), _JSON, min_size=1, max_size=2
)


@cache
def _bodies(uses: tuple[str, ...], ktys: tuple[str, ...]) -> SearchStrategy[dict[str, Any]]:
    return _body(_spellings(uses), _spellings(ktys))


def _spellings(names: tuple[str, ...]) -> SearchStrategy[str]:
    changes = (str, str.upper, str.lower, str.title)
    return st.sampled_from(list(dict.fromkeys(each(name) for each in changes for name in names)))


@st.composite
def _body(draw: st.DrawFn, uses: SearchStrategy[str], ktys: SearchStrategy[str]) -> dict[str, Any]:
    members: dict[str, Any] = {"use": draw(uses), "kty": draw(ktys)}
    nbf, exp = _validity(draw)
    dates = {"nbf": nbf, "exp": exp}
    members |= {name: at for name, at in dates.items() if at is not None or draw(st.booleans())}
    members |= {f"@odata.{name}": value for name, value in draw(_ANNOTATIONS).items()}
    return {name: members[name] for name in draw(st.permutations(list(members)))}


def _is_use(value: object) -> bool:
    return isinstance(value, str) and value.lower() in ("sig", "enc")


def _can_be_kty(value: object) -> bool:
    # Nobody can register a key type of any other name.
    return isinstance(value, str) and value.isascii() and value.isidentifier()


def _is_member(name: str) -> bool:
    return name in ("use", "kty", "nbf", "exp") or name.startswith("@odata.")


_NO_USES = _JSON.filter(lambda value: not _is_use(value))
_NEARLY_USES = st.sampled_from([None, "", "sign", "encryption", " sig", "ſig"])
_NO_KTYS = _JSON.filter(lambda value: not _can_be_kty(value))
_NEARLY_KTYS = st.sampled_from([None, "", "RSA-2048", "RSA ", "RſA", "oct\n"])
_NO_DATES = (
    st.integers(max_value=-1)
    | st.integers(MAX_NUMERIC_DATE + 1)
    | st.booleans()
    | _FLOATS
    | st.sampled_from(["1893456000", "2030-01-01T00:00:00Z"])
    | st.text()
    | _LISTS
    | _OBJECTS
)
_NO_MEMBERS = st.sampled_from(
    ["kyt", "Use", "not_before", "alg", "size", "odata.type", "@odata"]
) | st.text().filter(lambda name: not _is_member(name))


def _fault(code: str, **members: SearchStrategy[Any]) -> SearchStrategy[tuple[str, dict[str, Any]]]:
    return st.tuples(st.just(code), st.fixed_dictionaries(members))


# What to change in a good body; ... takes a member out of it.
_FAULTS_WITH_A_CODE = st.one_of(
    _fault("AADB2C90253", use=st.just(...)),
    _fault("AADB2C95030", kty=st.just(...)),
    _fault("AADB2C95033", use=_NO_USES),
    _fault("AADB2C95033", use=_NEARLY_USES),
    _fault("AADB2C95031", kty=_NO_KTYS),
    _fault("AADB2C95031", kty=_NEARLY_KTYS),
)
_OTHER_FAULTS = st.one_of(
    _fault("BadRequest", nbf=_NO_DATES),
    _fault("BadRequest", exp=_NO_DATES),
    st.builds(
        lambda exp, seconds: ("BadRequest", {"nbf": _end(exp, seconds), "exp": exp}),
        st.integers(0, MAX_NUMERIC_DATE - 1),
        st.integers(1, MAX_NUMERIC_DATE) | st.integers(1, 9),
    ),
    st.builds(lambda name, value: ("BadRequest", {name: value}), _NO_MEMBERS, _JSON),
)


@st.composite
def _bad_body(
    draw: st.DrawFn, faults: SearchStrategy[tuple[str, dict[str, Any]]]
) -> tuple[dict[str, Any], str]:
    code, changes = draw(faults)
    members = draw(_BODIES) | changes
    return {name: value for name, value in members.items() if value is not ...}, code


@st.composite
def _bad_text(draw: st.DrawFn) -> tuple[str, str]:
    body = draw(_BODIES)
    text = json.dumps(body)
    broken = draw(
        st.sampled_from(
            [
                None,
                "null",
                json.dumps([body]),
                repr(body),
                text + "}",
                '{"use": "sig", ' + text[1:],
                json.dumps(body | {"exp": nan}),
            ]
        )
    )
    if broken is None:
        broken = text[: draw(st.integers(0, len(text) - 1))]
    return broken, "BadRequest"


_BODIES = _bodies(_uses(None), _ktys(None))
_BAD_BODIES = st.one_of(_bad_body(_FAULTS_WITH_A_CODE), _bad_body(_OTHER_FAULTS), _bad_text())


class _Arguments:
    """What a maker of test keys is called with, printed as it stands in the call.

    They are drawn as one, since the dates depend on one another.
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
    nbf, exp = _validity(draw)
    dates = {"nbf": nbf, "exp": exp}
    return _Arguments(given | {name: at for name, at in dates.items() if at is not None})


def _called_with(
    make: Callable[..., TrustFrameworkKey],
) -> Callable[[_Arguments], TrustFrameworkKey]:
    @wraps(make)
    def made(arguments: _Arguments) -> TrustFrameworkKey:
        return make(**arguments.given)

    return made


_TEST_KEYS: Mapping[str, tuple[Callable[..., TrustFrameworkKey], int, Sequence[int]]] = {
    "RSA": (rsa_key, RSA_SEEDS, RSAStrategy.sizes),
    "oct": (oct_key, OCT_SEEDS, OctStrategy.sizes),
}


@cache
def _keys(
    uses: tuple[str, ...], ktys: tuple[str, ...], size: int | None
) -> SearchStrategy[TrustFrameworkKey]:
    return st.one_of([_keys_of(use, kty, size) for kty in ktys for use in uses])


def _keys_of(use: str, kty: str, size: int | None) -> SearchStrategy[TrustFrameworkKey]:
    make, seeds, (default, *others) = _TEST_KEYS[kty]
    fixed: dict[str, Any] = {}
    if use != "sig":
        fixed["use"] = use
    if size not in (None, default):
        fixed["size"] = size
    sizes = _one_of_these(others) if size is None else None
    return st.builds(_called_with(make), _arguments(fixed, st.integers(0, seeds - 1), sizes))


_NAMES = st.text(ascii_letters + digits + "-_", min_size=1).filter(
    lambda name: name.upper() != PREFIX
)


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
