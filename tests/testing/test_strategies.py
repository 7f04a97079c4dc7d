"""Who draws examples needs every kind of them, valid as said, and a failing one to paste."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Hashable, Iterable, Sized
from functools import cache
from typing import Any

import pytest
from attrs import evolve
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from trustkeys import (
    GenerateKeyRequest,
    InvalidInputError,
    TrustFrameworkKey,
    TrustFrameworkKeySet,
    jwk_thumbprint,
    register_strategy,
)
from trustkeys.core.numericdate import numeric_dates
from trustkeys.core.oct import OctStrategy
from trustkeys.keyset.keyset import read_key_set
from trustkeys.testing import is_test_key, oct_key, rsa_key, strategies
from trustkeys.testing.strategies import (
    bad_request_bodies,
    instants,
    key_sets,
    keys,
    request_bodies,
    requests,
)

MAX = 2**63 - 1


class EC(OctStrategy):
    """What a package could register under a name that people do ask for."""

    kty = "EC"
    sizes = range(384, 520 + 1, 136)
    default_size = 384


# Drawing is most of what these do, and each draw takes as long as in a test of anybody's.
few = settings(max_examples=settings().max_examples // 3)


def smallest(strategy: st.SearchStrategy[Any], fails: Callable[[Any], bool]) -> Any:
    """What Hypothesis is left with when a test fails so."""
    return find(strategy, fails, settings=settings(max_examples=2000, database=None))


def refusal_of(body: Any) -> str:
    with pytest.raises(InvalidInputError) as caught:
        GenerateKeyRequest.from_graph(body)
    return caught.value.code


def in_a_new_process(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    return done.stdout


# What is drawn is what the docstrings say, or a test of somebody else fails for no fault of theirs.


@few
@given(request=requests())
def test_a_request_is_one_that_can_be_made(request: GenerateKeyRequest) -> None:
    again = GenerateKeyRequest(
        request.use, request.kty, nbf=request.nbf, exp=request.exp, size=request.size
    )
    assert again == request
    assert request.kty in ("RSA", "oct")


@few
@given(body=request_bodies())
def test_a_body_is_taken_as_a_mapping_and_as_json(body: dict[str, Any]) -> None:
    request = GenerateKeyRequest.from_graph(body)
    assert GenerateKeyRequest.from_graph(json.dumps(body)) == request
    assert request.use == body["use"].lower()
    assert request.kty == {"rsa": "RSA", "oct": "oct"}[body["kty"].lower()]
    assert (request.nbf, request.exp) == (body.get("nbf"), body.get("exp"))


@few
@given(pair=bad_request_bodies())
def test_a_bad_body_is_refused_with_its_code_as_a_mapping_and_as_json(
    pair: tuple[dict[str, Any] | str, str],
) -> None:
    body, code = pair
    assert refusal_of(body) == code
    text = body if isinstance(body, str) else json.dumps(body)
    assert refusal_of(text) == refusal_of(text.encode()) == code


@pytest.mark.usefixtures("clean_registry")
def test_a_bad_kty_stays_bad_whatever_others_register() -> None:
    # Of one part alone, since few bodies have a text there.
    ktys = [kty for kty in drawn(strategies._NO_KTYS) if isinstance(kty, str)]
    assert len(ktys) > 100
    for kty in ktys:
        with pytest.raises(InvalidInputError):
            register_strategy(type("Registered", (EC,), {"kty": kty})())


@few
@given(key=keys())
def test_a_key_is_a_whole_enabled_test_key_with_valid_dates(key: TrustFrameworkKey) -> None:
    # Were it none, nothing would keep it from being saved.
    assert is_test_key(key)
    assert key.status == "enabled"
    assert key.kid == jwk_thumbprint(key.to_jwk(private=True))
    assert numeric_dates(key.nbf, key.exp) == (key.nbf, key.exp)
    request = GenerateKeyRequest(key.use, key.kty, nbf=key.nbf, exp=key.exp, size=key.size)
    assert (request.use, request.kty) == (key.use, key.kty)


# Each RSA key takes 40 ms and more.
@settings(max_examples=20)
@given(key=keys())
def test_a_key_is_taken_by_whoever_tests_its_primes(key: TrustFrameworkKey) -> None:
    assert TrustFrameworkKey.from_jwk(key.to_jwk(private=True)) == key


@few
@given(keyset=key_sets())
def test_a_key_set_keeps_the_rules_of_the_service_and_comes_back_from_json(
    keyset: TrustFrameworkKeySet,
) -> None:
    document = json.loads(json.dumps(keyset.to_jwks(private=True)))
    assert read_key_set(document, prove=False) == keyset
    assert len(keyset) <= 6
    assert all(map(is_test_key, keyset))


@few
@given(st.data())
def test_an_instant_is_a_time_that_graph_can_carry(data: st.DataObject) -> None:
    keyset, key = data.draw(key_sets()), data.draw(keys())
    for strategy in (instants(), instants(key), instants(keyset), instants(key, keyset)):
        at = data.draw(strategy)
        assert type(at) is int
        assert 0 <= at <= MAX


# What is never drawn is never tested.


@cache
def drawn(strategy: st.SearchStrategy[Any]) -> list[Any]:
    """What some thousand examples get to see."""
    seen = []

    @settings(max_examples=2000, derandomize=True, database=None, phases=[Phase.generate])
    @given(example=strategy)
    def look(example: Any) -> None:
        seen.append(example)

    look()
    return seen


@pytest.mark.parametrize(
    "wanted",
    [
        lambda request: request.use == "enc" and request.kty == "oct",
        lambda request: request.kty == "RSA" and request.size == 4096,
        lambda request: request.kty == "oct" and request.size > 3000,
        lambda request: request.kty == "oct" and request.size % 64 and request.exp is not None,
        lambda request: request.nbf is None and request.exp is not None,
        lambda request: request.nbf is not None and request.exp is None,
        lambda request: request.nbf == request.exp == 0,
        lambda request: request.nbf is not None and 0 < request.nbf == request.exp,
        lambda request: request.nbf is not None and request.exp == MAX,
        lambda request: request.nbf == MAX,
        lambda request: request.nbf is not None and request.exp == request.nbf + 1,
    ],
)
def test_every_kind_of_request_is_drawn(wanted: Callable[[GenerateKeyRequest], bool]) -> None:
    assert any(map(wanted, drawn(requests())))


@pytest.mark.parametrize(
    "wanted",
    [
        lambda body: body["use"] == "ENC",
        lambda body: body["use"] == "Sig" and body["kty"] == "rsa",
        lambda body: body["kty"] == "OCT",
        lambda body: "nbf" not in body and "exp" not in body,
        lambda body: body.get("nbf", 0) is None and body.get("exp") is not None,
        lambda body: body.get("exp", 0) is None,
        lambda body: "nbf" in body and body["nbf"] == body.get("exp"),
        lambda body: next(iter(body)) == "kty",
        lambda body: next(iter(body)) == "exp" and "nbf" in body,
        lambda body: body.get("@odata.type") == "#microsoft.graph.trustFrameworkKey",
        lambda body: next(iter(body)).startswith("@odata."),
        lambda body: any(isinstance(value, dict) for value in body.values()),
        lambda body: not any(name.startswith("@odata.") for name in body) and len(body) == 4,
    ],
)
def test_every_kind_of_body_is_drawn(wanted: Callable[[dict[str, Any]], bool]) -> None:
    assert any(map(wanted, drawn(request_bodies())))


def dates_of(body: dict[str, Any] | str) -> list[Any]:
    return [body.get(name) for name in ("nbf", "exp")] if isinstance(body, dict) else []


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("AADB2C90253", lambda body: "use" not in body and len(body) > 2),
        ("AADB2C95030", lambda body: "kty" not in body and len(body) > 2),
        ("AADB2C95033", lambda body: body["use"] is None),
        ("AADB2C95033", lambda body: body["use"] == "sign"),
        ("AADB2C95033", lambda body: body["use"] == "ſig"),
        ("AADB2C95033", lambda body: isinstance(body["use"], list)),
        ("AADB2C95031", lambda body: body["kty"] is None),
        ("AADB2C95031", lambda body: body["kty"] == "RSA "),
        ("AADB2C95031", lambda body: body["kty"] == ""),
        ("AADB2C95031", lambda body: isinstance(body["kty"], dict)),
        ("BadRequest", lambda body: "kyt" in body),
        ("BadRequest", lambda body: "size" in body),
        ("BadRequest", lambda body: dates_of(body)[:1] == [-1]),
        ("BadRequest", lambda body: dates_of(body)[1:] == [MAX + 1]),
        ("BadRequest", lambda body: any(date is True for date in dates_of(body))),
        ("BadRequest", lambda body: any(isinstance(date, float) for date in dates_of(body))),
        ("BadRequest", lambda body: any(isinstance(date, list) for date in dates_of(body))),
        ("BadRequest", lambda body: "1893456000" in dates_of(body)),
        ("BadRequest", lambda body: is_backward(body, by=1)),
        ("BadRequest", lambda body: body == ""),
        ("BadRequest", lambda body: body == "null"),
        ("BadRequest", lambda body: isinstance(body, str) and body.startswith('[{"')),
        ("BadRequest", lambda body: isinstance(body, str) and body.startswith("{'")),
        ("BadRequest", lambda body: isinstance(body, str) and body.count('"use"') == 2),
        ("BadRequest", lambda body: isinstance(body, str) and body.endswith('": NaN}')),
        ("BadRequest", lambda body: isinstance(body, str) and body.endswith("}}")),
        ("BadRequest", lambda body: isinstance(body, str) and body.endswith('": ')),
    ],
)
def test_every_kind_of_fault_is_drawn(code: str, wanted: Callable[[Any], bool]) -> None:
    bodies = [body for body, its_code in drawn(bad_request_bodies()) if its_code == code]
    assert any(map(wanted, bodies))


def is_backward(body: Any, by: int) -> bool:
    nbf, exp = dates_of(body) or (None, None)
    return isinstance(nbf, int) and isinstance(exp, int) and 0 <= exp == nbf - by <= nbf <= MAX


LAST_RSA_KIDS = {rsa_key(seed).kid for seed in range(8000, 8128)}
LAST_OCT_KIDS = {oct_key(seed).kid for seed in range(65000, 65536)}


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
    assert any(map(wanted, drawn(keys())))


def test_the_longest_secrets_are_drawn() -> None:
    assert any(request.size == 4096 for request in drawn(requests(kty="oct")))


def test_most_keys_are_of_the_size_that_most_people_use() -> None:
    usual = [key.size in (256, 2048) for key in drawn(keys())]
    assert 0.5 < sum(usual) / len(usual) < 1


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
    assert any(map(wanted, drawn(key_sets())))


def has_pair(dates: Iterable[int | None]) -> bool:
    there = [at for at in dates if at is not None]
    return len({*there}) < len(there)


def test_keys_often_start_and_end_together_at_either_end_of_time() -> None:
    # That is where mistakes are made, and where no random number comes.
    dated = [key for key in drawn(keys()) if key.nbf is not None and key.exp is not None]
    assert sum(key.exp < 10 for key in dated) / len(dated) > 0.15
    assert sum(key.nbf > MAX - 10 for key in dated) / len(dated) > 0.15
    pairs = [has_pair(key.nbf for key in keyset) for keyset in drawn(key_sets())]
    assert sum(pairs) / len(pairs) > 0.02


START, END = 1893456000, 1924992000
KEY = rsa_key(0, nbf=START, exp=END)
OTHERS = TrustFrameworkKeySet("OTHERS", [oct_key(0, nbf=5), oct_key(1), oct_key(2, exp=MAX)])
EDGES = {at + step for at in (5, START, END) for step in (-1, 0, 1)} | {0, MAX - 1, MAX}


@pytest.mark.parametrize("edge", sorted(EDGES))
def test_an_instant_can_be_each_second_at_which_a_key_may_change(edge: int) -> None:
    # One number out of 2^63 is not met by chance.
    assert smallest(instants(KEY, OTHERS), lambda at: at == edge) == edge


def test_an_instant_can_lie_between_and_beyond() -> None:
    start, end = 10**15, 10**15 + 10**6
    strategy = instants(rsa_key(0, nbf=start, exp=end))
    assert smallest(strategy, lambda at: start + 1 < at < end - 1) == start + 2
    assert smallest(strategy, lambda at: at > end + 1) == end + 2


def test_an_instant_of_a_key_with_impossible_dates_is_a_possible_time() -> None:
    at = smallest(instants(evolve(KEY, nbf=-5, exp=2**70)), lambda at: at > MAX - 2)
    assert at == MAX - 1


@pytest.mark.parametrize("edge", [0, START, MAX - 1, MAX])
def test_an_instant_of_nothing_or_of_a_key_without_dates_can_be_any_time(edge: int) -> None:
    assert smallest(instants(), lambda at: at >= edge) == edge
    dateless = instants(rsa_key(0), TrustFrameworkKeySet("EMPTY"))
    assert smallest(dateless, lambda at: at >= edge) == edge


# What is asked for is what comes.


@few
@given(st.data())
def test_use_kty_and_size_can_be_fixed_in_any_case(data: st.DataObject) -> None:
    use, kty = (
        data.draw(st.sampled_from(["SIG", "Enc"])),
        data.draw(st.sampled_from(["rsa", "OCT"])),
    )
    fixed = (use.lower(), {"rsa": "RSA", "OCT": "oct"}[kty])
    request = data.draw(requests(use=use, kty=kty))
    assert (request.use, request.kty) == fixed
    body = GenerateKeyRequest.from_graph(data.draw(request_bodies(use=use, kty=kty)))
    assert (body.use, body.kty) == fixed
    for size in (2048, 3072):
        key = data.draw(keys(use=use, kty=kty, size=size))
        assert (key.use, key.kty, key.size) == (*fixed, size)
    keyset = data.draw(key_sets(use=use, kty=kty, min_size=2, max_size=3))
    assert (keyset.use, keyset.kty) == fixed
    assert 2 <= len(keyset) <= 3


@pytest.mark.usefixtures("clean_registry")
@few
@given(st.data())
def test_requests_can_be_for_a_key_type_that_somebody_registered(data: st.DataObject) -> None:
    register_strategy(EC(), replace=True)
    request = data.draw(requests(kty="ec"))
    assert request.kty == "EC"
    assert request.size in (384, 520)
    assert GenerateKeyRequest.from_graph(data.draw(request_bodies(kty="ec"))).kty == "EC"


@pytest.mark.usefixtures("clean_registry")
@pytest.mark.parametrize(
    ("ask", "code", "target"),
    [
        (lambda: requests(use="sign"), "AADB2C95033", "use"),
        (lambda: requests(kty="OKP"), "AADB2C95031", "kty"),
        (lambda: request_bodies(use=""), "AADB2C95033", "use"),
        (lambda: request_bodies(kty="RSA "), "AADB2C95031", "kty"),
        (lambda: keys(use="sign"), "AADB2C95033", "use"),
        (lambda: keys(kty="OKP"), "AADB2C95031", "kty"),
        (lambda: keys(kty="EC"), "AADB2C95031", "kty"),
        (lambda: keys(size=2048), "BadRequest", "kty"),
        (lambda: keys(kty="RSA", size=1024), "BadRequest", "size"),
        (lambda: key_sets(use="sign"), "AADB2C95033", "use"),
        (lambda: key_sets(kty="EC"), "AADB2C95031", "kty"),
        (lambda: instants(5), "BadRequest", "of"),  # type: ignore[arg-type]
        (lambda: instants(KEY, [KEY]), "BadRequest", "of"),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_argument_is_refused_at_once_and_not_when_drawn(
    ask: Callable[[], object], code: str, target: str
) -> None:
    register_strategy(EC())
    with pytest.raises(InvalidInputError) as caught:
        ask()
    assert (caught.value.code, caught.value.target) == (code, target)


def test_asking_again_costs_nothing() -> None:
    # Many ask in each example.
    assert keys() is keys(use=None)
    assert keys(use="SIG", kty="rsa", size=3072) is keys(use="sig", kty="RSA", size=3072)
    assert key_sets(max_size=2) is key_sets(max_size=2)
    assert requests() is requests()
    assert request_bodies() is request_bodies()


# A failing example is the smallest of its kind.


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
def test_a_key_shrinks_to_the_first_with_the_least(
    fails: Callable[[TrustFrameworkKey], bool], left: TrustFrameworkKey
) -> None:
    assert smallest(keys(), fails) == left


def test_a_request_shrinks_to_the_shortest() -> None:
    assert smallest(requests(), lambda _: True) == GenerateKeyRequest("sig", "RSA")
    later = smallest(requests(), lambda request: (request.exp or 0) >= 1000)
    assert later == GenerateKeyRequest("sig", "RSA", exp=1000)
    longer = smallest(requests(), lambda request: request.kty == "oct" and request.size >= 500)
    assert longer == GenerateKeyRequest("sig", "oct", size=504)


def test_a_body_shrinks_to_the_two_members_that_it_must_have() -> None:
    body = smallest(request_bodies(), lambda _: True)
    assert json.dumps(body) == '{"use": "sig", "kty": "RSA"}'
    assert smallest(bad_request_bodies(), lambda _: True) == ({"kty": "RSA"}, "AADB2C90253")
    text, code = smallest(bad_request_bodies(), lambda pair: isinstance(pair[0], str))
    assert (text, code) == ("", "BadRequest")


def test_a_key_set_shrinks_to_few_keys_with_the_least() -> None:
    assert smallest(key_sets(), lambda _: True) == TrustFrameworkKeySet("0")
    keyset = smallest(key_sets(max_size=3), lambda keyset: len(keyset) > 1)
    assert keyset == TrustFrameworkKeySet("0", [rsa_key(0), rsa_key(1)])
    disabled = smallest(key_sets(), lambda keyset: any(key.status == "disabled" for key in keyset))
    assert disabled == TrustFrameworkKeySet("0", [evolve(rsa_key(0), status="disabled")])


def test_an_instant_shrinks_to_the_first_second_at_which_it_fails() -> None:
    assert smallest(instants(KEY), lambda at: at >= 1000) == 1000
    assert smallest(instants(KEY), lambda at: START <= at < END) == START
    assert smallest(instants(KEY), lambda at: at > MAX - 1) == MAX


# A failing example can be pasted into a test.


def printed(strategy: st.SearchStrategy[Any], fails: Callable[[Any], object]) -> tuple[str, Any]:
    """What Hypothesis prints of the example that it is left with, and the example."""
    seen = []

    @settings(database=None)
    @given(example=strategy)
    def check(example: Any) -> None:
        seen.append(example)
        assert not fails(example)

    with pytest.raises(AssertionError) as caught:
        check()
    (note,) = [note for note in caught.value.__notes__ if "check(" in note]
    return note[note.index("check(") :], seen[-1]


@pytest.mark.parametrize(
    ("strategy", "fails"),
    [
        (keys(), lambda key: True),
        (keys(), lambda key: key.kty == "oct" and key.use == "enc"),
        (keys(), lambda key: key.size > 2048),
        (keys(), lambda key: key.nbf is not None and key.exp is not None),
        (keys(), lambda key: None not in (key.nbf, key.exp) and 0 < key.nbf < key.exp),
        (st.lists(keys()), lambda some: any(key.exp for key in some)),
        (key_sets(), lambda keyset: len(keyset) > 1),
        (key_sets(), lambda keyset: any(key.status == "disabled" and key.exp for key in keyset)),
        (requests(), lambda request: request.exp),
        (request_bodies(), lambda body: len(body) > 3),
        (bad_request_bodies(), lambda pair: pair[1] == "BadRequest"),
        (instants(KEY), lambda at: at > 5),
    ],
)
def test_what_is_printed_makes_the_example_again(
    strategy: st.SearchStrategy[Any], fails: Callable[[Any], object]
) -> None:
    text, example = printed(strategy, fails)
    known = {
        each.__name__: each
        for each in (GenerateKeyRequest, TrustFrameworkKeySet, evolve, oct_key, rsa_key)
    }
    again = eval(text, {"check": lambda example: example, **known})
    assert again == example
    assert fails(again)


def test_what_is_printed_of_keys_is_how_a_person_would_write_them() -> None:
    disabled = "evolve(rsa_key(seed=0, nbf=0, exp=0), status='disabled')"
    text, _ = printed(key_sets(), lambda keyset: any(is_over(key) for key in keyset))
    assert disabled in re.sub(r"\(\s+", "(", re.sub(r",\s+\)", ")", re.sub(r" *#.*", "", text)))


def is_over(key: TrustFrameworkKey) -> bool:
    return key.status == "disabled" and key.nbf is not None and key.exp is not None


# The types are known to Hypothesis, whoever is imported first.


@few
@given(
    key=st.from_type(TrustFrameworkKey),
    keyset=st.from_type(TrustFrameworkKeySet),
    request=st.from_type(GenerateKeyRequest),
)
def test_from_type_gives_keys_key_sets_and_requests(
    key: TrustFrameworkKey, keyset: TrustFrameworkKeySet, request: GenerateKeyRequest
) -> None:
    # Hypothesis would have filled the fields of a key with any text.
    assert is_test_key(key)
    assert all(map(is_test_key, keyset))
    assert GenerateKeyRequest(request.use, request.kty, size=request.size).size == request.size


@pytest.mark.parametrize("kind", [Hashable, Iterable, Sized])
def test_who_tests_with_other_types_is_given_no_keys(kind: Any) -> None:
    @given(thing=st.from_type(kind))
    def look(thing: object) -> None:
        assert not isinstance(thing, TrustFrameworkKey | TrustFrameworkKeySet | GenerateKeyRequest)

    look()


@pytest.mark.parametrize(
    "first",
    [
        "hypothesis",
        "trustkeys",
        "trustkeys.testing",
        "trustkeys.testing.strategies",
        "trustkeys.testing.registration",
        "sys; sys.modules['httpx'] = None",
    ],
)
def test_from_type_works_in_whatever_order_things_are_imported(first: str) -> None:
    said = in_a_new_process(
        f"import {first}\n"
        "from hypothesis import find, strategies as st\n"
        "from trustkeys import GenerateKeyRequest, TrustFrameworkKey, TrustFrameworkKeySet\n"
        "for kind in (GenerateKeyRequest, TrustFrameworkKey, TrustFrameworkKeySet):\n"
        "    print(find(st.from_type(kind), lambda _: True))\n"
    )
    found = [GenerateKeyRequest("sig", "RSA"), rsa_key(0), TrustFrameworkKeySet("0")]
    assert said.splitlines() == [repr(each) for each in found]


def test_importing_hypothesis_does_not_wait_for_what_nobody_asked_for() -> None:
    loaded = in_a_new_process("import sys, hypothesis; print(*sys.modules)").split()
    assert "trustkeys.testing.registration" in loaded
    strategies = {"trustkeys.testing.strategies", "trustkeys.testkeys.primes"}
    assert not {*strategies, "httpx", "jwcrypto", "cryptography.x509"} & {*loaded}


def test_who_only_wants_keys_need_not_have_hypothesis() -> None:
    program = "import sys, trustkeys.testing; trustkeys.testing.rsa_key(0); print(*sys.modules)"
    assert "hypothesis" not in in_a_new_process(program).split()
