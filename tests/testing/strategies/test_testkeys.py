"""Keys and key sets are valid, of every kind, and shrink to the simplest."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests.testing.strategies.examples import EC, MAX, assert_drawn, drawn, few, printed, smallest
from trustkeys import (
    GenerateKeyRequest,
    InvalidInputError,
    TrustFrameworkKey,
    TrustFrameworkKeySet,
    is_test_key,
    jwk_thumbprint,
    register_strategy,
)
from trustkeys.core.numericdate import numeric_dates
from trustkeys.keyset.stored import read_key_set
from trustkeys.testing import oct_key, rsa_key
from trustkeys.testing.strategies import key_sets, keys

LAST_RSA_KIDS = {rsa_key(seed).kid for seed in range(8000, 8128)}
LAST_OCT_KIDS = {oct_key(seed).kid for seed in range(65000, 65536)}


@few
@given(key=keys())
def test_a_key_is_a_complete_enabled_test_key_with_valid_dates(key: TrustFrameworkKey) -> None:
    # trustkeys refuses to save it only if it is a test key.
    assert is_test_key(key)
    assert key.status == "enabled"
    assert key.kid == jwk_thumbprint(key.to_jwk(private=True))
    assert numeric_dates(key.nbf, key.exp) == (key.nbf, key.exp)
    request = GenerateKeyRequest(key.use, key.kty, nbf=key.nbf, exp=key.exp, size=key.size)
    assert (request.use, request.kty) == (key.use, key.kty)


@pytest.mark.parametrize("private", [False, True])
@given(data=st.data())
def test_a_key_is_read_back_within_the_deadline_of_hypothesis(
    data: st.DataObject, private: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proof of the primes of a large key takes longer than the deadline of 200 ms."""
    monkeypatch.setattr("trustkeys.core.rsa._private_numbers", None)
    key = data.draw(st.from_type(TrustFrameworkKey))
    if private or key.kty == "RSA":
        same = TrustFrameworkKey.from_jwk(key.to_jwk(private=private))
        assert same == (key if private else key.public())


@few
@given(keyset=key_sets())
def test_a_key_set_is_valid_and_survives_json(
    keyset: TrustFrameworkKeySet,
) -> None:
    document = json.loads(json.dumps(keyset.to_jwks(private=True)))
    assert read_key_set(document) == keyset
    assert len(keyset) <= 6
    assert all(map(is_test_key, keyset))


@pytest.mark.parametrize(
    "wanted",
    [
        lambda key: key.kid in LAST_RSA_KIDS,
        lambda key: key.kid in LAST_OCT_KIDS,
        lambda key: key.kty == "RSA" and key.size == 4096 and key.use == "enc",
        lambda key: key.kty == "oct" and key.size > 3000,
        lambda key: key.size not in (256, 2048) and None not in (key.nbf, key.exp),
        lambda key: key.nbf is None and key.exp is None and key.size == 2048,
        lambda key: key.nbf is not None and key.exp is None,
        lambda key: key.nbf is None and key.exp is not None,
        lambda key: key.nbf is not None and key.nbf == key.exp,
        lambda key: key.nbf is not None and key.exp == key.nbf + 1,
        lambda key: key.exp == MAX,
    ],
)
def test_every_kind_of_key_is_drawn(wanted: Callable[[TrustFrameworkKey], bool]) -> None:
    assert_drawn(keys(), wanted)


def test_most_keys_have_the_default_size() -> None:
    usual = [key.size in (256, 2048) for key in drawn(keys(), 0)]
    assert 0.5 < sum(usual) / len(usual) < 1


@pytest.mark.deep
@pytest.mark.parametrize(
    "wanted",
    [
        lambda keyset: len(keyset) == 0,
        lambda keyset: len(keyset) == 6,
        lambda keyset: keyset.kty == "oct" and keyset.use == "enc" and len(keyset) > 1,
        lambda keyset: keyset.kty == "RSA" and keyset.use == "enc",
        lambda keyset: len({key.status for key in keyset}) == 2,
        lambda keyset: len(keyset) > 1 and all(key.status == "disabled" for key in keyset),
        lambda keyset: has_pair([*{key.nbf for key in keyset}, *{key.exp for key in keyset}]),
        lambda keyset: len(keyset.id) > 12,
        lambda keyset: len({key.size for key in keyset}) > 1,
    ],
)
def test_every_kind_of_key_set_is_drawn(wanted: Callable[[TrustFrameworkKeySet], bool]) -> None:
    assert_drawn(key_sets(), wanted)


def has_pair(dates: Iterable[int | None]) -> bool:
    there = [at for at in dates if at is not None]
    return len({*there}) < len(there)


@pytest.mark.deep
def test_keys_often_share_dates_at_either_end_of_time() -> None:
    """Random numbers would never be equal, nor come near the ends."""
    dated = [key for key in drawn(keys(), 0) if key.nbf is not None and key.exp is not None]
    assert sum(key.exp < 10 for key in dated) / len(dated) > 0.15
    assert sum(key.nbf > MAX - 10 for key in dated) / len(dated) > 0.15
    drawn_sets = [*drawn(key_sets(), 0), *drawn(key_sets(), 1)]
    assert sum(has_pair(key.nbf for key in keyset) for keyset in drawn_sets) > 1


@few
@given(st.data())
def test_use_kty_and_size_can_be_fixed_in_any_case(data: st.DataObject) -> None:
    use = data.draw(st.sampled_from(["SIG", "Enc"]))
    kty = data.draw(st.sampled_from(["rsa", "OCT"]))
    fixed = (use.lower(), {"rsa": "RSA", "OCT": "oct"}[kty])
    for size in (2048, 3072):
        key = data.draw(keys(use=use, kty=kty, size=size))
        assert (key.use, key.kty, key.size) == (*fixed, size)
    keyset = data.draw(key_sets(use=use, kty=kty, min_size=2, max_size=3))
    assert (keyset.use, keyset.kty) == fixed
    assert 2 <= len(keyset) <= 3


@pytest.mark.usefixtures("clean_registry")
@pytest.mark.parametrize(
    ("ask", "code", "target"),
    [
        (lambda: keys(use="sign"), "AADB2C95033", "use"),
        (lambda: keys(kty="OKP"), "AADB2C95031", "kty"),
        (lambda: keys(kty="EC"), "AADB2C95031", "kty"),
        (lambda: keys(size=2048), "BadRequest", "kty"),
        (lambda: keys(kty="RSA", size=1024), "BadRequest", "size"),
        (lambda: key_sets(use="sign"), "AADB2C95033", "use"),
        (lambda: key_sets(kty="EC"), "AADB2C95031", "kty"),
    ],
)
def test_a_wrong_argument_raises_before_drawing(
    ask: Callable[[], object], code: str, target: str
) -> None:
    register_strategy(EC())
    with pytest.raises(InvalidInputError) as caught:
        ask()
    assert (caught.value.code, caught.value.target) == (code, target)


def test_the_same_arguments_return_the_same_strategy() -> None:
    """Tests call these functions in every example."""
    assert keys() is keys(use=None)
    assert keys(use="SIG", kty="rsa", size=3072) is keys(use="sig", kty="RSA", size=3072)
    assert key_sets(max_size=2) is key_sets(max_size=2)


@pytest.mark.deep
@pytest.mark.parametrize(
    ("fails", "left"),
    [
        (lambda key: True, rsa_key(0)),
        (lambda key: key.use == "enc", rsa_key(0, use="enc")),
        (lambda key: key.kty == "oct", oct_key(0)),
        (lambda key: key.kty == "oct" and key.use == "enc", oct_key(0, use="enc")),
        (lambda key: key.size > 2048, rsa_key(0, size=3072)),
        (lambda key: key.nbf is not None, rsa_key(0, nbf=0)),
        (lambda key: (key.exp or 0) >= 1000, rsa_key(0, exp=1000)),
        (lambda key: key.nbf is not None and key.exp is not None, rsa_key(0, nbf=0, exp=0)),
        (
            lambda key: None not in (key.nbf, key.exp) and key.nbf >= 700 <= key.exp - key.nbf,
            rsa_key(0, nbf=700, exp=1400),
        ),
        (lambda key: key.exp == MAX, rsa_key(0, exp=MAX)),
    ],
)
def test_a_key_shrinks_to_the_simplest_and_is_printed_as_a_call(
    fails: Callable[[TrustFrameworkKey], bool], left: TrustFrameworkKey
) -> None:
    text, example = printed(keys(), fails)
    assert example == left
    assert evaluated(text) == left


@pytest.mark.deep
def test_a_key_set_shrinks_to_few_simple_keys() -> None:
    assert smallest(key_sets(), lambda _: True) == TrustFrameworkKeySet("0")
    keyset = smallest(key_sets(max_size=3), lambda keyset: len(keyset) > 1)
    assert keyset == TrustFrameworkKeySet("0", [rsa_key(0), rsa_key(1)])
    disabled = smallest(key_sets(), lambda keyset: any(key.status == "disabled" for key in keyset))
    assert disabled == TrustFrameworkKeySet("0", [evolve(rsa_key(0), status="disabled")])


@pytest.mark.parametrize(
    ("strategy", "fails"),
    [
        (st.lists(keys()), lambda some: any(key.exp for key in some)),
        pytest.param(key_sets(), lambda keyset: len(keyset) > 1, marks=pytest.mark.deep),
        pytest.param(
            key_sets(),
            lambda keyset: any(key.status == "disabled" and key.exp for key in keyset),
            marks=pytest.mark.deep,
        ),
    ],
)
def test_the_printed_example_is_the_example(
    strategy: st.SearchStrategy[Any], fails: Callable[[Any], object]
) -> None:
    text, example = printed(strategy, fails)
    assert evaluated(text) == example
    assert fails(example)


def evaluated(text: str) -> Any:
    """Return the example of a printed call."""
    known = {
        "TrustFrameworkKeySet": TrustFrameworkKeySet,
        "evolve": evolve,
        "oct_key": oct_key,
        "rsa_key": rsa_key,
    }
    return eval(text, {"check": lambda example: example, **known})


@pytest.mark.deep
def test_keys_are_printed_as_a_person_would_write_them() -> None:
    disabled = "evolve(rsa_key(seed=0, nbf=0, exp=0), status='disabled')"
    text, _ = printed(key_sets(), lambda keyset: any(has_expired(key) for key in keyset))
    assert disabled in re.sub(r"\(\s+", "(", re.sub(r",\s+\)", ")", text))


def has_expired(key: TrustFrameworkKey) -> bool:
    return key.status == "disabled" and key.nbf is not None and key.exp is not None
