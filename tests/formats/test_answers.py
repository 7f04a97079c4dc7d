"""An answer that is not recognised is checked as something else, or not at all."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import support
from tests.keyset.answers import FILES, FORMS, GRAPH, KEYS, OTHER
from tests.keyset.sets import refused
from trustkeys import TrustFrameworkKey, TrustFrameworkKeySet, testing
from trustkeys.formats.answers import MAX_KEYS, is_key_set, parse_document, read_key_sets

RSA = {"kty": "RSA", "use": "sig", "kid": "a", "n": "AQAB", "e": "AQAB"}
ANSWERED = {**RSA, "k": None}


@settings(max_examples=settings().max_examples // 2)
@given(keys=support.DATED_KEYS, form=st.sampled_from([*FORMS]), data=st.data())
def test_every_form_of_an_answer_gives_the_same_keys(
    keys: list[TrustFrameworkKey], form: str, data: st.DataObject
) -> None:
    keyset = TrustFrameworkKeySet("test", keys)
    change = data.draw(st.sampled_from([*KEYS]))
    kept = data.draw(st.sampled_from([*FILES]))
    found = read_key_sets(FILES[kept](FORMS[form](keyset, KEYS[change])))
    assert found.is_answer
    assert found.is_complete == ("first page" not in form)
    kinds = {"keys_v2": "keys", "keySets/{id}": "set"}
    assert found.kind == kinds.get(form.split(maxsplit=1)[0], "sets")
    (only,) = [each for each in found.sets if each.id in (None, keyset.id)]
    expected = keyset.to_graph()["keys"]
    for jwk, entry in zip(only.keys, expected, strict=True):
        shown = {name: jwk.get(name) for name in entry}
        assert str(shown["kty"]).lower() == entry["kty"].lower()
        assert shown["use"].lower() == entry["use"]
        assert {**shown, "kty": "", "use": ""} == {**entry, "kty": "", "use": ""}
        assert [type(shown[name]) for name in ("nbf", "exp")] == [
            type(entry[name]) for name in ("nbf", "exp")
        ]


@pytest.mark.parametrize(
    ("document", "kind", "description"),
    [
        ({"keys": []}, "jwks", "a JWK Set (RFC 7517) of public keys"),
        ({"id": "a", "keys": [RSA]}, "jwks", "a JWK Set (RFC 7517) of public keys"),
        ({"keys": [{**RSA, "d": "x"}]}, "jwks", "a JWK Set (RFC 7517) with private keys"),
        ({"keys": [RSA, {"kty": "oct", "k": "x"}]}, "jwks", "… with private keys"),
        # An oct key has no public form.
        ({"keys": [{"kty": "oct"}]}, "jwks", "… of public keys"),
        ({"keys": [RSA, 5]}, "jwks", "… of public keys"),
        ({"keys": [RSA]}, "published", "a JWK Set (RFC 7517) of public keys"),
        ({"keys": [RSA, {"kty": "EC"}, {**ANSWERED}], "id": None}, "published", "… public keys"),
        ({"keys": [ANSWERED]}, "set", "an answer of Graph: a key set"),
        ({"id": "a", "keys": [ANSWERED, ANSWERED]}, "set", "an answer of Graph: a key set"),
        ({"keys": [{**ANSWERED, "d": "x"}]}, "jwks", "… with private keys"),
        ({"@odata.context": "", "keys": None}, "set", "an answer of Graph: a key set"),
        ({"value": [OTHER, OTHER]}, "sets", "an answer of Graph: 2 key sets"),
        ({"value": OTHER}, "sets", "an answer of Graph: 1 key set"),
        ({"@odata.context": GRAPH, "value": []}, "sets", "an answer of Graph: 0 key sets"),
        ({"@odata.context": f"{GRAPH}(id,keys)", "value": []}, "sets", "… 0 key sets"),
        ({"@odata.context": f"{GRAPH}('a')/keys_v2", "value": []}, "keys", "… of a key set"),
        ({"value": []}, "keys", "an answer of Graph: the keys of a key set"),
        ({"value": [RSA]}, "keys", "an answer of Graph: the keys of a key set"),
        ({"value": RSA}, "key", "an answer of Graph: one key of a key set"),
        ({"@odata.context": "", **RSA}, "key", "an answer of Graph: one key of a key set"),
        ([RSA], "keys", "an answer of Graph: the keys of a key set"),
        (
            [{**RSA, "d": "AQAB"}],
            "keys",
            "the keys of a key set, as in an answer of Graph, and private keys, which none has",
        ),
    ],
)
def test_a_document_is_recognised_by_its_content(
    document: Any, kind: str, description: str
) -> None:
    for text in (document, json.dumps(document)):
        found = read_key_sets(text)
        assert found.kind == kind
        assert found.description.endswith(description.removeprefix("…"))
        assert found.is_complete
        assert len(found.sets) == 1 or kind == "sets"
        assert found.is_answer == (kind not in ("jwks", "published"))


def test_a_key_of_a_jwk_set_stays_as_it_is() -> None:
    """Only answers are forgiven: a set to upload must have the right names and dates."""
    jwk = {"Kty": "RSA", "nbf": "5", "status": "Enabled", "exp": "1970-01-01", "x5c": ""}
    (found,) = read_key_sets({"keys": [jwk]}).sets
    assert [*found.keys] == [jwk]
    (found,) = read_key_sets({"value": [jwk]}).sets
    expected = {"kty": "RSA", "nbf": 5, "status": "enabled", "exp": 0, "x5c": []}
    assert [*found.keys] == [expected]


@pytest.mark.parametrize(
    "value", ["soon", "", "5 ", "+5", "5.0", "²", "1e9", "1970", True, [], "x" * 9999]
)
def test_a_date_that_cannot_be_read_stays_for_the_check_to_find(value: Any) -> None:
    (found,) = read_key_sets({"value": [{**RSA, "nbf": value}]}).sets
    assert found.keys[0]["nbf"] == (1970 if value == "1970" else value)


@support.needs_tzset
def test_a_date_without_a_zone_is_utc_wherever_the_computer_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else a key would seem to expire hours off."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "XXX-5")
        time.tzset()
        (found,) = read_key_sets({"value": [{**RSA, "nbf": "1970-01-02T00:00:00"}]}).sets
    time.tzset()
    assert found.keys[0]["nbf"] == 86_400


@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
def test_any_private_member_makes_a_set_private(member: str) -> None:
    """Such a set is no harmless one that a policy publishes."""
    found = read_key_sets({"keys": [RSA, {**RSA, member: "x"}]})
    assert (found.kind, found.description) == ("jwks", "a JWK Set (RFC 7517) with private keys")


def test_the_rfcs_spelling_of_a_name_comes_first() -> None:
    (found,) = read_key_sets({"value": [{"Kid": "a", "kid": "b", "Use": "sig"}]}).sets
    assert (found.keys[0]["kid"], found.keys[0]["use"]) == ("b", "sig")
    assert is_key_set({"Keys": []})
    assert is_key_set({"Value": []})
    assert not is_key_set({"KEYS": [], "kty": "RSA"})


@pytest.mark.parametrize(
    ("document", "message", "target"),
    [
        ("{", "the key set is not JSON", None),
        ("[]", "the key set must be a JSON object, not a list", None),
        (5, "the key set must be JSON text or a mapping, not 5", None),
        ({}, "keys must be a list of keys, not null", "keys"),
        ({"kty": "RSA"}, "keys must be a list of keys, not null; this is a single key", "keys"),
        ({"keys": {}}, "keys must be a list of keys, not a JSON object", "keys"),
        ({"keys": "x"}, "keys must be a list of keys, not a string of 1 character", "keys"),
        ({"value": 5}, "value must be a list of keys, not 5", "value"),
        ({"value": [OTHER, RSA]}, "value must be a list of key sets, and has other items", "value"),
        (
            {"value": [OTHER, None]},
            "value must be a list of key sets, and has other items",
            "value",
        ),
        (
            {"value": [{"id": "a"}, OTHER]},
            "the key sets in this answer have no keys: ask without $select",
            "value",
        ),
        ({"keys": [0] * 5001}, "keys must be a list of at most 5000 keys, not of 5001", "keys"),
        ({"value": [0] * 5001}, "value must be a list of at most 5000 keys, not of 5001", "value"),
        ([OTHER] * 5001, "value must be a list of at most 5000 keys, not of 5001", "value"),
        (
            [{"keys": [0] * 2501}] * 2,
            "the answer has 5002 keys, and the limit is 5000: save the answers to GET keySets/{id}",
            "value",
        ),
        (
            {"error": {"code": "AADB2C90073", "message": "x"}},
            "the key set is an error of Graph (AADB2C90073), not an answer with keys",
            None,
        ),
        (
            {"error": {"code": "x" * 25}},
            "the key set is an error of Graph, not an answer with keys",
            None,
        ),
        ({"error": 5}, "keys must be a list of keys, not null", "keys"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_anything_else_is_refused_with_what_to_do(
    document: Any, message: str, target: str | None
) -> None:
    error = refused(read_key_sets, document)
    assert error.message.startswith(message)
    assert (error.code, error.target) == ("AADB2C95026", target)


@pytest.mark.parametrize(
    "document",
    [
        {"value": [{"id": "a", "keys": "System.Collections.Hashtable"}]},
        {"value": [{"id": "a", "keys": ["System.Collections.Hashtable"]}]},
        [
            {
                "Id": "a",
                "Keys": "Microsoft.Graph.Beta.PowerShell.Models.MicrosoftGraphTrustFrameworkKey",
            }
        ],
        {"value": ["@{kid=a; use=sig}"]},
        {"value": "System.Object[]"},
    ],
)
def test_what_powershell_cut_off_is_told_with_the_way_out(document: Any) -> None:
    """ConvertTo-Json stops at the second level, and writes the name of a type for the rest."""
    assert refused(read_key_sets, document).message.endswith(
        "; PowerShell cuts off what is nested deeply: save it with ConvertTo-Json -Depth 10"
    )


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"error": {"code": "Forbidden"}}, "the file is an error of Graph (Forbidden)"),
        ({"cer": "MIIB", "kid": "https://a/keys/b/1"}, "save its cer in a file of its own"),
    ],
)
def test_json_without_keys_is_named(document: Any, words: str) -> None:
    """They were called a public key without kty."""
    error = refused(parse_document, json.dumps(document), what="the file")
    assert words in error.message


def test_the_most_keys_are_read() -> None:
    assert len(read_key_sets({"keys": [0] * MAX_KEYS}).sets[0].keys) == MAX_KEYS
    assert len(read_key_sets([{"keys": [0] * 2500}] * 2).sets) == 2


def test_what_was_read_shows_no_secret(rsa_jwk: dict[str, Any]) -> None:
    found = read_key_sets({"id": "a", "keys": [rsa_jwk]})
    assert support.leaks(repr(found), rsa_jwk) == []
    assert testing.rsa_key(0).kid not in repr(found)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "keys", "value", "Keys", "Id", "kty", "k", "nbf", "error", "x5c"]
            )
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=settings().max_examples // 2)
@given(JSON)
def test_any_json_is_read_or_refused(document: Any) -> None:
    try:
        found = read_key_sets(document)
    except ValueError as error:
        assert error.__context__ is None
        assert getattr(error, "code", None) == "AADB2C95026"
    else:
        assert found.description
        for each in found.sets:
            assert isinstance(each.keys, (list, tuple))
