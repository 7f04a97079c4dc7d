"""The service refuses a set that breaks its rules."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import KeySet
from jwcrypto.jwk import JWKSet

import trustkeys
from tests import support
from tests.keyset.sets import key_set, refused
from trustkeys import KeyNotFoundError, TrustFrameworkKey, TrustFrameworkKeySet, testing

key = support.oct_key

# --- the rules


@pytest.mark.parametrize(
    ("given_id", "expected"),
    [
        ("name", "B2C_1A_name"),
        ("B2C_1A_name", "B2C_1A_name"),
        ("b2c_1a_name", "B2C_1A_name"),
        ("B2C_1A_B2C_1A_x", "B2C_1A_B2C_1A_x"),
        ("B2C_1A", "B2C_1A_B2C_1A"),
        ("-9_", "B2C_1A_-9_"),
    ],
)
def test_the_id_gets_its_prefix_once(given_id: str, expected: str) -> None:
    assert TrustFrameworkKeySet(given_id).id == expected
    assert TrustFrameworkKeySet(expected).id == expected


@pytest.mark.parametrize("bad", ["", "B2C_1A_", "a b", "a/b", "ä", "a\n", "a.b", None, 5, b"a"])
def test_a_bad_id_is_refused(bad: Any) -> None:
    error = refused(TrustFrameworkKeySet, bad)
    assert error.target == "id"
    assert "letters, digits, - and _" in error.message


def test_the_id_cannot_be_changed() -> None:
    with pytest.raises(attrs.exceptions.FrozenAttributeError):
        key_set().id = "B2C_1A_other"


def ways_in(jwks: list[dict[str, Any]]) -> list[Any]:
    """All ways to add keys to a set."""
    keys = [TrustFrameworkKey.from_jwk(jwk) for jwk in jwks]

    def one_by_one() -> None:
        keyset = key_set()
        for each in keys:
            keyset.add(each)

    return [
        lambda: key_set(keys),
        one_by_one,
        lambda: TrustFrameworkKeySet.from_jwks({"keys": jwks}, id="test"),
        lambda: TrustFrameworkKeySet.from_jwks(json.dumps({"id": "test", "keys": jwks})),
    ]


def test_the_rules_apply_however_keys_are_added(rsa_jwk: dict[str, Any]) -> None:
    secret = key().to_jwk(private=True)
    for jwks, code, target in [
        ([rsa_jwk, secret], "AADB2C95032", "kty"),
        ([secret, rsa_jwk], "AADB2C95032", "kty"),
        ([secret, {**secret, "kid": "b", "use": "enc"}], "AADB2C95042", "use"),
        ([secret, {**key().to_jwk(private=True), "kid": secret["kid"]}], "BadRequest", "kid"),
    ]:
        for way in ways_in(jwks):
            error = refused(way)
            assert (error.code, error.target) == (code, target)


def test_the_rules_are_checked_before_a_key_is_generated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = key_set([key()])
    monkeypatch.setattr("trustkeys.core.engine.generate", None)
    assert refused(keys.generate_key, "sig", "RSA").code == "AADB2C95032"
    assert refused(keys.generate_key, "enc", "OCT").code == "AADB2C95042"
    assert refused(keys.generate_key, "bad", "oct").code == "AADB2C95033"
    assert refused(keys.rotate, 5, use="enc").code == "AADB2C95042"
    assert refused(keys.rollover, kty="RSA").code == "AADB2C95032"
    assert len(keys) == 1


@pytest.mark.usefixtures("clean_registry")
def test_only_the_key_types_of_the_service_can_be_added() -> None:
    namespace: dict[str, Any] = {}
    exec(support.documented_p256(), namespace)
    trustkeys.register_strategy(namespace["p256"])
    ec = trustkeys.generate_key("sig", "EC")
    assert refused(key_set().add, ec).code == "AADB2C95031"
    assert refused(key_set().generate_key, "sig", "EC").code == "AADB2C95031"
    assert refused(TrustFrameworkKeySet.from_jwks, {"id": "a", "keys": [ec.to_jwk()]}).code == (
        "AADB2C95031"
    )


@pytest.mark.parametrize("thing", [None, {}, "key", 5])
def test_only_keys_can_be_added(thing: Any) -> None:
    assert refused(key_set().add, thing).target == "key"


def test_keys_keep_the_order_in_which_they_were_added() -> None:
    keys = key_set()
    made = [keys.generate_key("SIG", "OCT", nbf=number, exp=9) for number in (3, 1, 2)]
    assert [*keys] == made
    assert len(keys) == 3
    assert (keys.kty, keys.use) == ("oct", "sig")
    assert (key_set().kty, key_set().use) == (None, None)
    for each in made:
        assert keys.get(each.kid) is each
    unknown: list[Any] = ["other", "", None, 5, []]
    for kid in unknown:
        with pytest.raises(LookupError, match="no key with that kid"):
            keys.get(kid)


def test_set_status_changes_nothing_but_the_status() -> None:
    first, second = key(5), key(5)
    keys = key_set([first, second])
    assert keys.get_active_key(5) is second
    changed = keys.set_status(second.kid, "disabled")
    assert changed.status == "disabled"
    assert [*keys] == [first, changed]
    assert keys.get_active_key(5) is first
    assert keys.set_status(second.kid, "enabled") == second
    # It keeps its place, and so is still the later one.
    assert keys.get_active_key(5) == second
    assert refused(keys.set_status, first.kid, "gone").target == "status"
    with pytest.raises(KeyNotFoundError):
        keys.set_status("other", "enabled")


# --- a set as a Python object


def test_sets_are_equal_if_their_ids_and_keys_are_in_order() -> None:
    a, b = key(1), key(2)
    assert key_set([a, b]) == key_set([a, b])
    assert key_set([a, b]) != key_set([b, a])
    assert key_set([a]) != key_set([a, b])
    assert TrustFrameworkKeySet("other", [a]) != key_set([a])
    unlike: list[Any] = [[a], None, "B2C_1A_test"]
    assert key_set([a]) not in unlike


def test_no_secret_is_printed_or_pickled(rsa_key: TrustFrameworkKey) -> None:
    keys = key_set([rsa_key])
    jwk = rsa_key.to_jwk(private=True)
    for text in (repr(keys), f"{keys}", repr(attrs.asdict(keys)), json.dumps(keys.to_graph())):
        assert support.leaks(text, jwk) == []
    assert repr(keys) == "<TrustFrameworkKeySet 'B2C_1A_test', keys: 1>"
    with pytest.raises(TypeError, match="to_jwk"):
        pickle.dumps(keys)


def test_a_deep_copy_is_independent() -> None:
    keys = key_set([key()])
    other = copy.deepcopy(keys)
    assert other == keys
    other.generate_key("sig", "oct")
    assert len(keys) == 1


def test_a_shallow_copy_is_independent() -> None:
    keys = key_set([key()])
    other = copy.copy(keys)
    assert other == keys
    other.generate_key("sig", "oct")
    assert len(keys) == 1


def test_a_set_takes_no_more_keys_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trustkeys.keyset.keyset.MAX_KEYS", 3)
    keys = key_set([key(), key()])
    error = refused(keys.rotate, 10, count=2)
    assert error.message == "B2C_1A_test has 2 keys, and the limit is 3: use another key set"
    assert len(keys) == 2
    keys.rollover()
    for call in (keys.rollover, lambda: keys.add(key()), lambda: keys.rollover(disable=True)):
        assert "the limit is 3" in refused(call).message
    assert [each.status for each in keys] == ["enabled"] * 3


def test_errors_can_be_pickled() -> None:
    with pytest.raises(KeyNotFoundError) as caught:
        key_set().get_active_key()
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.code, again.target) == (
        str(caught.value),
        "NotFound",
        "at",
    )


# --- JSON


@given(support.DATED_KEYS)
def test_a_jwk_set_is_read_back_unchanged(keys: list[TrustFrameworkKey]) -> None:
    keys = [each for each in keys if each.nbf is None or each.exp is None or each.nbf <= each.exp]
    keyset = key_set(keys)
    jwks = keyset.to_jwks(private=True)
    for form in (jwks, json.dumps(jwks), json.dumps(jwks).encode()):
        assert TrustFrameworkKeySet.from_jwks(form) == keyset


def test_a_public_jwk_set_is_read_back_here_and_by_others(rsa_key: TrustFrameworkKey) -> None:
    keyset = key_set([rsa_key])
    jwks = keyset.to_jwks()
    assert support.leaks(json.dumps(jwks), rsa_key.to_jwk(private=True)) == []
    public = TrustFrameworkKeySet.from_jwks(jwks)
    assert [*public] == [rsa_key.public()]
    # A public key is included without a private part.
    assert public.to_jwks(private=True) == jwks
    theirs = JWKSet.from_json(json.dumps(jwks)).get_key(rsa_key.kid)
    assert theirs is not None
    assert theirs.thumbprint() == rsa_key.kid
    assert KeySet.import_key_set(jwks).get_by_kid(rsa_key.kid).thumbprint() == rsa_key.kid  # type: ignore[arg-type]


@given(support.DATED_KEYS, st.integers(0, 13))
def test_the_published_keys_are_those_that_can_still_be_active(
    drawn: list[TrustFrameworkKey], at: int
) -> None:
    rsa = testing.rsa_key(0).public()
    keyset = key_set(
        [
            attrs.evolve(rsa, kid=each.kid, nbf=each.nbf, exp=each.exp, status=each.status)
            for each in drawn
            if each.nbf is None or each.exp is None or each.nbf < each.exp
        ]
    )
    times = range(at, 14)
    active = {
        key.kid for key in keyset for time in times if support.model_of_the_overview([key], time)
    }
    assert {jwk["kid"] for jwk in keyset.to_jwks(at=at)["keys"]} == active
    assert keyset.to_jwks(include="published", private=True, at=at) == keyset.to_jwks(at=at)
    everything = keyset.to_jwks(include="all")["keys"]
    assert [jwk["kid"] for jwk in everything] == [key.kid for key in keyset]
    assert not any("status" in jwk for jwk in everything)
    # A file of the set, on the other hand, loses nothing.
    assert TrustFrameworkKeySet.from_jwks(keyset.to_jwks(private=True)) == keyset


def test_another_choice_of_keys_is_refused() -> None:
    error = refused(key_set().to_jwks, include="ALL")
    assert error.target == "include"
    assert error.message == "include must be 'all' or 'published', not a string of 3 characters"


def test_an_oct_set_has_no_public_form() -> None:
    assert "no public form" in refused(key_set([key()]).to_jwks).message


def test_a_graph_answer_has_graphs_shape_and_is_read_back(rsa_key: TrustFrameworkKey) -> None:
    keyset = key_set([rsa_key])
    keyset.set_status(rsa_key.kid, "disabled")
    answer = keyset.to_graph()
    assert list(answer) == ["@odata.context", "id", "keys"]
    assert answer["@odata.context"] == (
        "https://graph.microsoft.com/beta/$metadata#trustFramework/keySets/$entity"
    )
    assert answer["id"] == "B2C_1A_test"
    (entry,) = answer["keys"]
    assert entry == {**rsa_key.to_graph(base_url=None), "x5t": None, "status": "disabled"}
    assert "@odata.context" not in keyset.to_graph(base_url=None)
    assert keyset.to_graph(base_url="https://graph.microsoft.us/beta/")["@odata.context"] == (
        "https://graph.microsoft.us/beta/$metadata#trustFramework/keySets/$entity"
    )
    back = TrustFrameworkKeySet.from_jwks(json.dumps(answer))
    assert [*back] == [attrs.evolve(rsa_key.public(), status="disabled")]


def test_a_missing_id_or_use_can_be_passed(rsa_key: TrustFrameworkKey) -> None:
    jwk = {name: value for name, value in rsa_key.to_jwk().items() if name not in ("use", "kid")}
    keyset = TrustFrameworkKeySet.from_jwks({"keys": [jwk]}, id="given", use="enc")
    assert keyset.id == "B2C_1A_given"
    assert (keyset.use, next(iter(keyset)).kid) == ("enc", rsa_key.kid)
    error = refused(TrustFrameworkKeySet.from_jwks, {"id": "a", "keys": [rsa_key.to_jwk(), jwk]})
    assert error.code == "AADB2C90253"
    assert error.message.startswith("key 2: use is missing")


@pytest.mark.parametrize(
    ("jwks", "message"),
    [
        ("", "the key set is not JSON"),
        ("[]", "the key set must be a JSON object"),
        (5, "the key set must be JSON text or a mapping, not an integer"),
        ({}, "keys must be a list of keys"),
        ({"keys": None}, "not null"),
        ({"keys": {1, 2}}, "keys must be a list of keys, not a value of type set"),
        ({"kty": "RSA"}, "this is a single key"),
        ({"keys": [5]}, "key 1: the JWK must be JSON text or a mapping"),
        (" " * 2**24 + "{}", "larger than 16777216 bytes"),
    ],
)
def test_anything_but_a_jwk_set_is_refused(jwks: Any, message: str) -> None:
    error = refused(TrustFrameworkKeySet.from_jwks, jwks, id="test")
    assert message in error.message
    assert error.code == "AADB2C95026"
    assert refused(TrustFrameworkKeySet.from_jwks, {"keys": []}).target == "id"


def test_foreign_keys_are_proved_and_errors_show_no_secret(
    rsa_jwk: dict[str, Any],
) -> None:
    composite = support.composite_rsa(2048)
    assert refused(TrustFrameworkKeySet.from_jwks, {"id": "a", "keys": [composite]}).code == (
        "AADB2C95034"
    )
    spoiled = {"id": "a", "keys": [{**rsa_jwk, "q": rsa_jwk["p"], "nbf": rsa_jwk["d"]}]}
    error = refused(TrustFrameworkKeySet.from_jwks, spoiled)
    assert support.leaks(support.all_text_of(error), rsa_jwk) == []


def test_keys_are_found_by_kid_and_counted() -> None:
    first, second, other = key(), key(), key()
    keys = key_set([first, second])
    assert len(keys) == 2
    assert keys[second.kid] == keys.get(second.kid) == second
    assert first in keys
    assert first.kid in keys
    assert other not in keys
    assert other.kid not in keys
    assert 0 not in keys
    # The same kid is not the same key.
    assert attrs.evolve(first, status="disabled") not in keys
    with pytest.raises(KeyNotFoundError, match="no key with that kid"):
        keys[other.kid]


def test_a_key_is_disabled_and_enabled_in_its_place() -> None:
    first, second = key(), key()
    keys = key_set([first, second])
    assert keys.disable(first.kid) == attrs.evolve(first, status="disabled")
    assert [each.status for each in keys] == ["disabled", "enabled"]
    assert keys.enable(first.kid) == first
    assert [*keys] == [first, second]
    for call in (keys.enable, keys.disable):
        with pytest.raises(KeyNotFoundError):
            call("none")


@pytest.mark.parametrize(
    "call",
    [lambda keys, **o: keys.rotate(10, **o), key_set().rollover, key_set().generate_key],
)
def test_an_empty_set_needs_a_use_and_a_kty(call: Any) -> None:
    args = (key_set(),) if call.__name__ == "<lambda>" else ()
    assert refused(call, *args).code == "AADB2C90253"
    assert refused(call, *args, use="sig").code == "AADB2C95030"
    assert refused(call, *args, use="", kty="oct").code == "AADB2C95033"


def test_the_next_key_has_the_size_of_the_newest() -> None:
    keys = key_set([key(size=512)])
    assert keys.generate_key().size == 512
    assert keys.rotate(10)[0].size == 512
    assert keys.rollover(size=1024).size == 1024
    assert keys.rollover().size == 1024
    # An imported key can have a size that cannot be generated.
    odd = TrustFrameworkKey.from_jwk({"kty": "oct", "k": "c2VjcmV0", "use": "sig"})
    keys = key_set([odd])
    assert odd.size == 48
    assert keys.rollover(generate=True).size == 256
