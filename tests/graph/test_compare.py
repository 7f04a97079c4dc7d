"""Drift between a key set and its tenant, such as a disabled or missing key, breaks sign-in."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import support
from tests.keyset.answers import FILES, FORMS, KEYS
from trustkeys import InvalidInputError, TrustFrameworkKey, TrustFrameworkKeySet, testing
from trustkeys.core.base64url import base64url_decode
from trustkeys.graph import Comparison, compare


def key_set(*keys: TrustFrameworkKey) -> TrustFrameworkKeySet:
    return TrustFrameworkKeySet("test", keys)


def differences(keys: TrustFrameworkKeySet, answer: dict[str, Any]) -> list[tuple[str, ...]]:
    return [row.differences for row in compare(keys, answer)]


@pytest.fixture(scope="module")
def rsa_keys() -> list[TrustFrameworkKey]:
    return [testing.rsa_key(seed, nbf=1, exp=9) for seed in range(2)]


@pytest.fixture
def keys(rsa_keys: list[TrustFrameworkKey]) -> TrustFrameworkKeySet:
    return key_set(*rsa_keys)


@given(support.DATED_KEYS)
def test_a_set_has_no_drift_from_its_own_answer(dated: list[TrustFrameworkKey]) -> None:
    keys = key_set(*dated)
    for answer in (keys.to_graph(), json.dumps(keys.to_graph())):
        rows = compare(keys, answer)
        assert rows == tuple(Comparison(key.kid, key.kid, is_there=True) for key in dated)
        assert not any(row.is_drift for row in rows)


@settings(max_examples=settings().max_examples // 2)
@given(dated=support.DATED_KEYS, form=st.sampled_from([*FORMS]), data=st.data())
def test_every_form_of_an_answer_gives_the_same_comparison(
    dated: list[TrustFrameworkKey], form: str, data: st.DataObject
) -> None:
    keys, other = key_set(*dated), key_set(*dated[1:])
    for status in ("disabled", "enabled"):
        if dated:
            other.add(attrs.evolve(testing.oct_key(99), kid=status, status=status, nbf=7))
    change, kept = data.draw(st.sampled_from([*KEYS])), data.draw(st.sampled_from([*FILES]))
    for tenant in (keys, other):
        answer = FILES[kept](FORMS[form](tenant, KEYS[change]))
        assert compare(keys, answer) == compare(keys, tenant.to_graph())


def test_of_several_key_sets_the_one_with_the_same_id_counts(keys: TrustFrameworkKeySet) -> None:
    def refused(answer: Any) -> str:
        with pytest.raises(InvalidInputError) as caught:
            compare(keys, answer)
        assert (caught.value.code, caught.value.target) == ("BadRequest", "id")
        return caught.value.message

    ours = keys.to_graph(base_url=None)
    other = {**ours, "id": "B2C_1A_test2", "keys": []}
    assert not any(row.is_drift for row in compare(keys, {"value": [other, ours]}))
    # The copy of a deleted set is another one.
    deleted = {**ours, "id": "B2C_1A_test.bak"}
    assert not any(row.is_drift for row in compare(keys, [deleted, {**ours, "id": "test"}]))
    missing = "the answer has no key set with the id B2C_1A_test"
    assert refused({"value": [other, deleted]}) == missing
    assert refused({"value": [{"keys": ours["keys"]}]}) == missing
    assert refused({"value": [other], "@odata.nextLink": "x"}) == (
        f"{missing}, and goes on: save the page at its @odata.nextLink, too"
    )
    assert refused([ours, ours]) == "the answer has 2 key sets with the id B2C_1A_test"


def test_a_part_of_the_keys_is_not_compared(keys: TrustFrameworkKeySet) -> None:
    """The keys on the other pages would count as missing in the tenant."""
    entries = keys.to_graph()["keys"]
    part = {"value": entries[:1], "@odata.nextLink": "https://graph.microsoft.com/x"}
    with pytest.raises(InvalidInputError, match="only a part of the keys") as caught:
        compare(keys, part)
    assert caught.value.code == "AADB2C95026"
    assert not any(
        row.is_drift for row in compare(keys, {"value": entries, "@odata.nextLink": None})
    )


def test_one_key_says_nothing_of_the_others(
    keys: TrustFrameworkKeySet, rsa_keys: list[TrustFrameworkKey]
) -> None:
    """As the page of GET keys_v2/{kid} shows it, and as OData has it."""
    second = keys.to_graph()["keys"][1]
    for answer in ({"value": second}, {"@odata.context": "x", **second}):
        (row,) = compare(keys, answer)
        assert row == Comparison(rsa_keys[1].kid, rsa_keys[1].kid, is_there=True)
    stranger = key_set(testing.rsa_key(2)).to_graph()["keys"][0]
    assert compare(keys, {"value": stranger}) == (Comparison(None, stranger["kid"], is_there=True),)


def test_a_date_that_cannot_be_read_differs_from_no_date(rsa_keys: list[TrustFrameworkKey]) -> None:
    keys = key_set(attrs.evolve(rsa_keys[0], nbf=None))
    entry = {**keys.to_graph()["keys"][0], "nbf": "soon"}
    assert differences(keys, {"keys": [entry]}) == [("nbf",)]


@given(support.DATED_KEYS, st.data())
def test_every_key_and_every_entry_is_in_exactly_one_row(
    dated: list[TrustFrameworkKey], data: st.DataObject
) -> None:
    keys = key_set(*dated)
    entries: list[Any] = data.draw(st.permutations(keys.to_graph()["keys"]))
    entries = data.draw(st.permutations([*entries[1:], None, {}, {"kty": "oct", "nbf": "x"}]))
    rows = compare(keys, {"value": entries})
    assert [row.here for row in rows if row.here is not None] == [key.kid for key in dated]
    assert sum(row.is_there for row in rows) == len(entries)
    # No row is empty on both sides.
    assert all(row.here is not None or row.is_there for row in rows)


def test_rsa_keys_match_by_modulus_and_a_different_kid_is_no_drift(
    keys: TrustFrameworkKeySet, rsa_keys: list[TrustFrameworkKey]
) -> None:
    answer = keys.to_graph()
    for entry in answer["keys"]:
        entry["kid"] = f"their {entry['n'][:4]}"
        # Padded base64 with a leading zero, not base64url.
        number = base64url_decode(entry["n"])
        entry["n"] = b64encode(b"\0" + number).decode()
        entry["kty"] = "rsa"
    answer["keys"].reverse()
    # With the same nbf, the key that was added later is active, so the order matters.
    first, second = compare(keys, answer)
    assert (first.here, second.here) == tuple(key.kid for key in rsa_keys)
    assert [row.there for row in (second, first)] == [each["kid"] for each in answer["keys"]]
    assert (first.differences, second.differences) == ((), ("order",))
    answer["keys"].reverse()
    assert not any(row.is_drift for row in compare(keys, answer))


def test_the_order_of_keys_with_different_nbf_is_no_drift(
    rsa_keys: list[TrustFrameworkKey],
) -> None:
    keys = key_set(rsa_keys[0], attrs.evolve(rsa_keys[1], nbf=2))
    answer = keys.to_graph()
    answer["keys"].reverse()
    assert differences(keys, answer) == [(), ()]


def test_a_key_that_is_missing_on_either_side_is_drift(
    keys: TrustFrameworkKeySet, rsa_keys: list[TrustFrameworkKey]
) -> None:
    answer = keys.to_graph()
    other = testing.rsa_key(2)
    answer["keys"][0] = key_set(other).to_graph()["keys"][0]
    rows = compare(keys, answer)
    assert rows == (
        Comparison(rsa_keys[0].kid, None, is_there=False),
        Comparison(rsa_keys[1].kid, rsa_keys[1].kid, is_there=True),
        Comparison(None, other.kid, is_there=True),
    )
    assert [row.is_drift for row in rows] == [True, False, True]
    # A key without a kid in the tenant is found, too.
    del answer["keys"][1]["kid"]
    assert compare(keys, answer)[1] == Comparison(rsa_keys[1].kid, None, is_there=True)
    assert not compare(keys, answer)[1].is_drift


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"use": "enc"}, ("use",)),
        ({"use": "SIG"}, ()),
        ({"use": 5}, ("use",)),
        ({"status": "disabled"}, ("status",)),
        ({"status": "Enabled"}, ()),
        ({"nbf": 2}, ("nbf",)),
        ({"nbf": None, "exp": True}, ("nbf", "exp")),
        ({"nbf": True}, ("nbf",)),
        ({"exp": "9"}, ()),
        ({"exp": 9.0}, ()),
        ({"exp": 9.5}, ("exp",)),
        ({"exp": "soon"}, ("exp",)),
        ({"status": "unknownFutureValue"}, ("status",)),
        ({"use": None, "status": None}, ()),
    ],
)
def test_each_difference_is_named(
    keys: TrustFrameworkKeySet, changes: dict[str, Any], expected: tuple[str, ...]
) -> None:
    answer = keys.to_graph()
    answer["keys"][1] |= changes
    assert differences(keys, answer) == [(), expected]
    assert compare(keys, answer)[1].is_drift == bool(expected)


def test_members_that_the_answer_lacks_are_not_compared(keys: TrustFrameworkKeySet) -> None:
    disabled = keys.to_graph()
    for entry in disabled["keys"]:
        for name in ("status", "nbf", "exp", "use"):
            del entry[name]
    assert differences(keys, disabled) == [(), ()]


def test_a_key_that_is_disabled_only_in_the_key_set_is_drift(keys: TrustFrameworkKeySet) -> None:
    answer = keys.to_graph()
    keys.set_status(next(iter(keys)).kid, "disabled")
    assert differences(keys, answer) == [("status",), ()]


# --- oct keys, which no answer identifies


def test_oct_keys_match_by_kid_and_then_by_dates() -> None:
    one, two, three = (support.oct_key(5, 9) for _ in range(3))
    keys = key_set(one, two, attrs.evolve(three, nbf=7))
    answer = keys.to_graph()
    # As after an upload: the service has its own kids, but one is the same.
    answer["keys"] = [
        {**answer["keys"][2], "kid": "x", "kty": "OCT"},
        {**answer["keys"][0], "kid": "y"},
        answer["keys"][0],
    ]
    rows = compare(keys, answer)
    assert [row.there for row in rows] == [one.kid, "y", "x"]
    # The first key matches by kid, although an earlier entry has the same dates.
    assert [row.differences for row in rows] == [(), ("order",), ()]
    answer["keys"][0]["exp"] = 10
    assert [row.there for row in compare(keys, answer)] == [one.kid, "y", None, "x"]


def test_an_rsa_key_never_matches_an_oct_key(rsa_keys: list[TrustFrameworkKey]) -> None:
    answer = key_set(rsa_keys[0]).to_graph()
    keys = key_set(attrs.evolve(support.oct_key(1, 9), kid=rsa_keys[0].kid))
    assert [row.is_drift for row in compare(keys, answer)] == [True, True]


# --- answers that cannot be read


@pytest.mark.parametrize(
    "entry",
    [None, 5, "x", [], {}, {"n": 5, "kid": 5}, {"n": "!", "kid": "a\x1b"}, {"kty": 1, "n": "="}],
)
def test_an_entry_that_is_no_key_is_only_in_the_tenant(
    keys: TrustFrameworkKeySet, entry: Any
) -> None:
    answer = keys.to_graph()
    answer["keys"].append(entry)
    last = compare(keys, answer)[-1]
    kid = entry.get("kid") if isinstance(entry, dict) else None
    assert last == Comparison(None, kid if isinstance(kid, str) else None, is_there=True)
    assert last.is_drift


@pytest.mark.parametrize("id_", ["B2C_1A_other", "other", 5, "", "a b"])
def test_the_answer_about_another_set_is_refused(keys: TrustFrameworkKeySet, id_: Any) -> None:
    answer = {**keys.to_graph(), "id": id_}
    with pytest.raises(InvalidInputError) as caught:
        compare(keys, answer)
    assert (caught.value.code, caught.value.target) == ("BadRequest", "id")
    assert "save the answer to GET keySets/B2C_1A_test" in caught.value.message
    assert not any(row.is_drift for row in compare(keys, {**answer, "id": "test"}))
    assert not any(row.is_drift for row in compare(keys, {**answer, "id": None}))


def test_anything_but_an_answer_is_refused(keys: TrustFrameworkKeySet) -> None:
    answers: list[Any] = ["{", b"[]", {"value": [{"id": "test"}]}, {}]
    for answer in answers:
        with pytest.raises(InvalidInputError) as caught:
            compare(keys, answer)
        assert caught.value.code == "AADB2C95026"
    not_a_set: Any = {"keys": []}
    with pytest.raises(InvalidInputError, match="must be a TrustFrameworkKeySet"):
        compare(not_a_set, {"keys": []})


def test_a_comparison_shows_no_secret(rsa_keys: list[TrustFrameworkKey]) -> None:
    keys = key_set(*rsa_keys)
    rows = repr(compare(keys, keys.to_jwks(private=True)))
    assert not any(support.leaks(rows, key.to_jwk(private=True)) for key in rsa_keys)
