"""Instants are valid times, and often at the dates of the keys."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests.testing.strategies.examples import MAX, few, printed, smallest
from trustkeys import InvalidInputError, TrustFrameworkKeySet
from trustkeys.testing import oct_key, rsa_key
from trustkeys.testing.strategies import instants, key_sets, keys

START, END = 1893456000, 1924992000
KEY = rsa_key(0, nbf=START, exp=END)
OTHERS = TrustFrameworkKeySet("OTHERS", [oct_key(0, nbf=5), oct_key(1), oct_key(2, exp=MAX)])
EDGES = {at + step for at in (5, START, END) for step in (-1, 0, 1)} | {0, MAX - 1, MAX}


@few
@given(st.data())
def test_an_instant_is_a_valid_time(data: st.DataObject) -> None:
    keyset, key = data.draw(key_sets()), data.draw(keys())
    for strategy in (instants(), instants(key), instants(keyset), instants(key, keyset)):
        at = data.draw(strategy)
        assert type(at) is int
        assert 0 <= at <= MAX


@pytest.mark.parametrize("edge", sorted(EDGES))
def test_each_second_around_a_date_is_drawn(edge: int) -> None:
    assert smallest(instants(KEY, OTHERS), lambda at: at == edge) == edge


def test_an_instant_can_be_between_the_dates_and_after_them() -> None:
    start, end = 10**15, 10**15 + 10**6
    strategy = instants(rsa_key(0, nbf=start, exp=end))
    assert smallest(strategy, lambda at: start + 1 < at < end - 1) == start + 2
    assert smallest(strategy, lambda at: at > end + 1) == end + 2


def test_an_instant_of_a_key_with_invalid_dates_is_valid() -> None:
    at = smallest(instants(evolve(KEY, nbf=-5, exp=2**70)), lambda at: at > MAX - 2)
    assert at == MAX - 1


@pytest.mark.deep
@pytest.mark.parametrize("edge", [0, START, MAX - 1, MAX])
def test_without_dates_an_instant_can_be_any_time(edge: int) -> None:
    assert smallest(instants(), lambda at: at >= edge) == edge
    dateless = instants(rsa_key(0), TrustFrameworkKeySet("EMPTY"))
    assert smallest(dateless, lambda at: at >= edge) == edge


@pytest.mark.parametrize(
    ("ask", "code", "target"),
    [
        (lambda: instants(5), "BadRequest", "of"),  # type: ignore[arg-type]
        (lambda: instants(KEY, [KEY]), "BadRequest", "of"),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_argument_raises_before_drawing(
    ask: Callable[[], object], code: str, target: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        ask()
    assert (caught.value.code, caught.value.target) == (code, target)


def test_an_instant_shrinks_to_the_first_second_that_fails() -> None:
    assert smallest(instants(KEY), lambda at: at >= 1000) == 1000
    assert smallest(instants(KEY), lambda at: START <= at < END) == START
    assert smallest(instants(KEY), lambda at: at > MAX - 1) == MAX


def test_the_printed_example_is_the_example() -> None:
    text, example = printed(instants(KEY), lambda at: at > 5)
    assert eval(text, {"check": lambda example: example}) == example == 6
