"""A set that the service refuses, or a takeover that fails, stops sign-in for everybody."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import attrs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from joserfc.jwk import KeySet
from jwcrypto.jwk import JWKSet

import trustkeys
from tests import support
from trustkeys import InvalidInputError, KeyNotFoundError, TrustFrameworkKey, TrustFrameworkKeySet
from trustkeys.keyset import schedule
from trustkeys.keyset.keyset import OVERLAP
from trustkeys.keyset.rotation import NOTICE

DAY = 86_400
INT64_MAX = 2**63 - 1

key = support.oct_key


def key_set(keys: Sequence[TrustFrameworkKey] = ()) -> TrustFrameworkKeySet:
    return TrustFrameworkKeySet("test", keys)


def refused(call: Any, *args: Any, **kwargs: Any) -> InvalidInputError:
    with pytest.raises(InvalidInputError) as caught:
        call(*args, **kwargs)
    assert caught.value.__cause__ is caught.value.__context__ is None
    return caught.value


# --- the active key


@given(support.DATED_KEYS, st.integers(0, 14))
def test_the_active_key_is_the_one_that_the_overview_says(
    keys: list[TrustFrameworkKey], at: int
) -> None:
    expected = support.model_of_the_overview(keys, at)
    if expected is None:
        with pytest.raises(KeyNotFoundError) as caught:
            key_set(keys).get_active_key(at)
        assert (caught.value.code, caught.value.target) == ("NotFound", "at")
    else:
        assert key_set(keys).get_active_key(at) is expected


@given(support.DATED_KEYS)
def test_all_of_time_is_divided_by_the_active_key(keys: list[TrustFrameworkKey]) -> None:
    line = schedule.stretches(keys)
    assert line[0].start == 0
    assert line[-1].end == schedule.FOREVER
    for stretch, following in pairwise(line):
        assert stretch.start < stretch.end == following.start
        assert stretch.key != following.key
    for at in [*range(14), INT64_MAX]:
        (now,) = (stretch for stretch in line if stretch.start <= at < stretch.end)
        expected = support.model_of_the_overview(keys, at)
        assert (None if now.key is None else keys[now.key]) is expected


def test_the_edges_of_time_count_like_any_other() -> None:
    first, last = key(0, 1), key(INT64_MAX, None)
    keys = key_set([first, last])
    assert keys.get_active_key(0) is first
    assert keys.get_active_key(INT64_MAX) is last
    with pytest.raises(KeyNotFoundError):
        keys.get_active_key(INT64_MAX - 1)


def test_without_a_time_it_is_the_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = key_set([key(10, 20)])
    monkeypatch.setattr("time.time", lambda: 19.9)
    assert keys.get_active_key() is next(iter(keys))
    monkeypatch.setattr("time.time", lambda: 20.0)
    with pytest.raises(KeyNotFoundError):
        keys.get_active_key()
    assert keys.get_active_key(datetime(1970, 1, 1, 0, 0, 15, tzinfo=UTC)) is next(iter(keys))


def test_where_none_is_active_the_nearest_are_named() -> None:
    early, late, later = key(0, 10), key(100, 110), key(200)
    disabled = key(40, 60, "disabled")
    keys = key_set([later, late, early, disabled])
    with pytest.raises(LookupError) as caught:
        keys.get_active_key(50)
    assert str(caught.value) == (
        f"B2C_1A_test has no active key at 1970-01-01T00:00:50Z: {late.kid} starts at "
        f"1970-01-01T00:01:40Z, {early.kid} ended at 1970-01-01T00:00:10Z (NotFound)"
    )
    # Of those that ended the last, and one that ends at the very second has ended.
    gone = key(0, 30), key(0, 50), key(0, 20)
    with pytest.raises(LookupError, match=f"{gone[1].kid} ended at 1970-01-01T00:00:50Z") as caught:
        key_set(gone).get_active_key(50)
    assert not any(each.kid in str(caught.value) for each in (gone[0], gone[2]))
    with pytest.raises(LookupError, match="are all disabled"):
        key_set([disabled]).get_active_key(50)
    with pytest.raises(LookupError, match="it is empty"):
        key_set().get_active_key(50)
    with pytest.raises(LookupError, match=f"{INT64_MAX} seconds since 1970"):
        key_set([early]).get_active_key(INT64_MAX)


@pytest.mark.parametrize("at", [-1, "now", 1.5, datetime(2027, 1, 1)])  # noqa: DTZ001
def test_a_time_that_is_none_is_refused(at: Any) -> None:
    assert refused(key_set([key()]).get_active_key, at).target == "at"


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
def test_an_id_that_is_none_is_refused(bad: Any) -> None:
    error = refused(TrustFrameworkKeySet, bad)
    assert error.target == "id"
    assert "letters, digits, - and _" in error.message


def test_the_id_stays() -> None:
    with pytest.raises(attrs.exceptions.FrozenAttributeError):
        key_set().id = "B2C_1A_other"


def ways_in(jwks: list[dict[str, Any]]) -> list[Any]:
    """All ways in which keys get into a set."""
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


def test_the_rules_hold_on_every_way_in(rsa_jwk: dict[str, Any]) -> None:
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


def test_a_generated_key_is_held_to_the_rules_before_it_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = key_set([key()])
    monkeypatch.setattr("trustkeys.keyset.keyset.generate", None)
    assert refused(keys.generate_key, "sig", "RSA").code == "AADB2C95032"
    assert refused(keys.generate_key, "enc", "OCT").code == "AADB2C95042"
    assert refused(keys.generate_key, "bad", "oct").code == "AADB2C95033"
    assert refused(keys.rotate, 5, use="enc").code == "AADB2C95042"
    assert refused(keys.rollover, kty="RSA").code == "AADB2C95032"
    assert len(keys) == 1


@pytest.mark.usefixtures("clean_registry")
def test_only_the_key_types_of_the_service_get_in() -> None:
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
def test_only_keys_get_in(thing: Any) -> None:
    assert refused(key_set().add, thing).target == "key"


def test_keys_stay_in_the_order_in_which_they_came() -> None:
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
        with pytest.raises(LookupError, match="no key of that kid"):
            keys.get(kid)


def test_a_status_changes_and_nothing_else_does() -> None:
    first, second = key(5), key(5)
    keys = key_set([first, second])
    assert keys.get_active_key(5) is second
    changed = keys.set_status(second.kid, "disabled")
    assert changed.status == "disabled"
    assert [*keys] == [first, changed]
    assert keys.get_active_key(5) is first
    assert keys.set_status(second.kid, "enabled") == second
    # It is back in its old place, and still the later one.
    assert keys.get_active_key(5) == second
    assert refused(keys.set_status, first.kid, "gone").target == "status"
    with pytest.raises(KeyNotFoundError):
        keys.set_status("other", "enabled")


# --- what it is to Python


def test_equal_is_what_is_equal_in_all_and_in_order() -> None:
    a, b = key(1), key(2)
    assert key_set([a, b]) == key_set([a, b])
    assert key_set([a, b]) != key_set([b, a])
    assert key_set([a]) != key_set([a, b])
    assert TrustFrameworkKeySet("other", [a]) != key_set([a])
    unlike: list[Any] = [[a], None, "B2C_1A_test"]
    assert key_set([a]) not in unlike


def test_it_shows_and_gives_away_nothing_secret(rsa_key: TrustFrameworkKey) -> None:
    keys = key_set([rsa_key])
    jwk = rsa_key.to_jwk(private=True)
    for text in (repr(keys), f"{keys}", repr(attrs.asdict(keys)), json.dumps(keys.to_graph())):
        assert support.leaks(text, jwk) == []
    assert repr(keys) == "<TrustFrameworkKeySet 'B2C_1A_test', keys: 1>"
    with pytest.raises(TypeError, match="to_jwk"):
        pickle.dumps(keys)


def test_a_copy_goes_its_own_way() -> None:
    keys = key_set([key()])
    other = copy.deepcopy(keys)
    assert other == keys
    other.generate_key("sig", "oct")
    assert len(keys) == 1


def test_a_shallow_copy_does_too() -> None:
    keys = key_set([key()])
    other = copy.copy(keys)
    assert other == keys
    other.generate_key("sig", "oct")
    assert len(keys) == 1


def test_a_rotation_can_be_long() -> None:
    assert len(key_set([key()]).rotate(DAY, count=1000, at=0)) == 1000


def test_a_set_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trustkeys.keyset.keyset.MAX_KEYS", 3)
    keys = key_set([key(), key()])
    error = refused(keys.rotate, 10, count=2)
    assert error.message == "B2C_1A_test has 2 keys, and a key set takes at most 3"
    assert len(keys) == 2
    keys.rollover()
    for call in (keys.rollover, lambda: keys.add(key()), lambda: keys.rollover(disable=True)):
        assert "at most 3" in refused(call).message
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
def test_a_set_comes_back_from_its_jwk_set(keys: list[TrustFrameworkKey]) -> None:
    keys = [each for each in keys if each.nbf is None or each.exp is None or each.nbf <= each.exp]
    keyset = key_set(keys)
    jwks = keyset.to_jwks(private=True)
    for form in (jwks, json.dumps(jwks), json.dumps(jwks).encode()):
        assert TrustFrameworkKeySet.from_jwks(form) == keyset


def test_a_public_set_comes_back_and_is_what_others_read(rsa_key: TrustFrameworkKey) -> None:
    keyset = key_set([rsa_key])
    jwks = keyset.to_jwks()
    assert support.leaks(json.dumps(jwks), rsa_key.to_jwk(private=True)) == []
    public = TrustFrameworkKeySet.from_jwks(jwks)
    assert [*public] == [rsa_key.public()]
    # A public key has no private part to give, and is given without.
    assert public.to_jwks(private=True) == jwks
    theirs = JWKSet.from_json(json.dumps(jwks)).get_key(rsa_key.kid)
    assert theirs is not None
    assert theirs.thumbprint() == rsa_key.kid
    assert KeySet.import_key_set(jwks).get_by_kid(rsa_key.kid).thumbprint() == rsa_key.kid  # type: ignore[arg-type]


def test_an_oct_set_has_no_public_form() -> None:
    assert "no public form" in refused(key_set([key()]).to_jwks).message


def test_the_answer_is_graphs_and_can_be_read_back(rsa_key: TrustFrameworkKey) -> None:
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


def test_what_a_jwk_set_lacks_can_be_given(rsa_key: TrustFrameworkKey) -> None:
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
        (5, "a key set must be JSON text or a mapping, not an integer"),
        ({}, "keys must be a list of keys"),
        ({"keys": None}, "not null"),
        ({"keys": {1, 2}}, "in the order in which they were added"),
        ({"kty": "RSA"}, "a single key is no key set"),
        ({"keys": [5]}, "key 1: a JWK must be JSON text or a mapping"),
        ({"value": [{"id": "a", "keys": []}]}, "several key sets"),
        (" " * 2**24 + "{}", "larger than 16777216 bytes"),
    ],
)
def test_what_is_no_jwk_set_is_refused(jwks: Any, message: str) -> None:
    error = refused(TrustFrameworkKeySet.from_jwks, jwks, id="test")
    assert message in error.message
    assert error.code == "AADB2C95026"
    assert refused(TrustFrameworkKeySet.from_jwks, {"keys": []}).target == "id"


def test_what_comes_from_outside_is_proved_and_what_is_refused_shows_nothing(
    rsa_jwk: dict[str, Any],
) -> None:
    composite = support.composite_rsa(2048)
    assert refused(TrustFrameworkKeySet.from_jwks, {"id": "a", "keys": [composite]}).code == (
        "AADB2C95034"
    )
    spoiled = {"id": "a", "keys": [{**rsa_jwk, "q": rsa_jwk["p"], "nbf": rsa_jwk["d"]}]}
    error = refused(TrustFrameworkKeySet.from_jwks, spoiled)
    assert support.leaks(support.all_text_of(error), rsa_jwk) == []


# --- rotation


durations = st.integers(1, 40)


@given(
    keys=support.DATED_KEYS,
    every=durations,
    overlap=st.integers(0, 40),
    count=st.integers(1, 5),
    at=st.integers(0, 14),
)
def test_rotation_leaves_no_gap_and_each_takes_over_from_the_one_before(
    keys: list[TrustFrameworkKey], every: int, overlap: int, count: int, at: int
) -> None:
    keyset = key_set(keys)
    added = keyset.rotate(every, overlap=overlap, count=count, at=at, use="sig", kty="oct")
    assert [*keyset] == [*keys, *added]
    assert len(added) == count
    # From now to the end of the last of them there is always an active key.
    changes = {at, *(t for k in keyset for t in (k.nbf, k.exp) if t is not None)}
    end = max(each.exp or 0 for each in added)
    for time in changes:
        if at <= time < end:
            assert support.model_of_the_overview([*keyset], time) is not None
    for each in added:
        assert each.nbf is not None
        assert each.nbf >= at
        assert each.exp == each.nbf + every + overlap
        # At its time it takes over, whatever was there.
        assert keyset.get_active_key(each.nbf) is each
    for before, after in pairwise(added):
        assert (before.nbf or 0) < (after.nbf or 0)
        # Where no key from elsewhere came between, to the second.
        start = before.nbf or 0
        others = [each.nbf for each in keys if each.status == "enabled"]
        if not any(nbf is not None and start < nbf for nbf in others):
            assert after.nbf == start + every
            assert (before.exp or 0) - (after.nbf or 0) == overlap


def test_the_first_keys_of_an_empty_set_start_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1000.0)
    keys = key_set().rotate(timedelta(days=90), count=3, use="sig", kty="oct")
    assert [each.nbf for each in keys] == [1000, 1000 + 90 * DAY, 1000 + 180 * DAY]
    assert {(each.exp or 0) - (each.nbf or 0) for each in keys} == {97 * DAY}
    assert [each.use for each in keys] == ["sig"] * 3


@pytest.mark.parametrize(("use", "days"), [("sig", 7), ("enc", 90)])
def test_a_key_outlives_what_was_made_with_it(use: str, days: int) -> None:
    (first,) = key_set().rotate(30 * DAY, use=use, kty="oct", at=0)
    assert first.exp == (30 + days) * DAY
    assert OVERLAP[use] == days * DAY


def test_the_next_key_is_published_a_day_ahead_where_there_is_time() -> None:
    def first(*keys: TrustFrameworkKey, at: int = 10 * DAY) -> int | None:
        return key_set(keys).rotate(90 * DAY, overlap=7 * DAY, at=at)[0].nbf

    assert NOTICE == DAY
    # On schedule: 90 days after the last takeover, though the key is good for longer.
    assert first(key(5 * DAY, None)) == 95 * DAY
    assert first(key(5 * DAY, 500 * DAY)) == 95 * DAY
    # Earlier, so that the key before it stays valid for the overlap.
    assert first(key(5 * DAY, 50 * DAY)) == 43 * DAY
    # Overdue, and still not without notice.
    assert first(key(0, None), at=100 * DAY) == 101 * DAY
    # A key without dates has been there for nobody knows how long.
    assert first(key()) == 11 * DAY
    # But rather at short notice than too late.
    assert first(key(0, 10 * DAY + 60)) == 10 * DAY + 60
    assert first(key(None, 10 * DAY + 60)) == 10 * DAY + 60
    # Where sign-in fails already, now.
    assert first(key(0, 9 * DAY)) == 10 * DAY
    assert first(key(0, None, "disabled")) == 10 * DAY
    # In front of a gap, and not after it.
    assert first(key(0, 20 * DAY), key(100 * DAY, 200 * DAY)) == 13 * DAY
    # After keys that are planned, and past the safety net.
    assert first(key(), key(0, 50 * DAY), key(40 * DAY, 137 * DAY)) == 130 * DAY


def test_a_start_that_is_given_is_kept() -> None:
    keys = key_set([key(0, 50)])
    added = keys.rotate(10, overlap=3, count=3, start=50, at=20)
    assert [(each.nbf, each.exp) for each in added] == [(50, 63), (60, 73), (70, 83)]
    # An empty set may start when it likes, in the past as well.
    late = key_set().rotate(10, overlap=0, count=2, start=500, at=20, use="sig", kty="oct")
    assert [each.nbf for each in late] == [500, 510]
    early = key_set().rotate(
        10, start=datetime(1970, 1, 1, tzinfo=UTC), at=20, use="sig", kty="oct"
    )
    assert early[0].nbf == 0


def test_a_start_that_breaks_sign_in_is_refused() -> None:
    keys = key_set([key(0, 50)])
    error = refused(keys.rotate, 10, start=51, at=20)
    assert error.target == "start"
    assert "from 1970-01-01T00:00:50Z to 1970-01-01T00:00:51Z" in error.message
    assert "would have expired" in refused(keys.rotate, 10, overlap=0, start=10, at=20).message
    assert refused(keys.rotate, 10, start="now").target == "start"
    assert len(keys) == 1
    # Before the one that is active now it would not take over from it.
    keys = key_set([key(15, None)])
    error = refused(keys.rotate, 100, start=14, at=20)
    assert "start after 1970-01-01T00:00:15Z" in error.message
    (new,) = keys.rotate(100, start=15, at=20)
    assert keys.get_active_key(20) is new


@pytest.mark.parametrize(
    ("changes", "target"),
    [
        ({"every": 0}, "every"),
        ({"every": -1}, "every"),
        ({"every": timedelta(seconds=0.9)}, "every"),
        ({"every": "90d"}, "every"),
        ({"every": True}, "every"),
        ({"every": 1.5}, "every"),
        ({"every": None}, "every"),
        ({"overlap": -1}, "overlap"),
        ({"overlap": "7d"}, "overlap"),
        ({"count": 0}, "count"),
        ({"count": 1001}, "count"),
        ({"count": True}, "count"),
        ({"count": 1.0}, "count"),
        ({"count": "2"}, "count"),
        ({"at": -1}, "at"),
        ({"size": 7}, "size"),
        ({"every": INT64_MAX}, "every"),
        ({"every": INT64_MAX // 2, "count": 5}, "every"),
    ],
)
def test_a_rotation_that_cannot_be_adds_nothing(changes: dict[str, Any], target: str) -> None:
    keys = key_set([key()])
    assert refused(keys.rotate, **{"every": 10, "at": 5, **changes}).target == target
    assert len(keys) == 1


@pytest.mark.parametrize(
    "call",
    [lambda keys, **o: keys.rotate(10, **o), key_set().rollover, key_set().generate_key],
)
def test_an_empty_set_has_to_be_told_what_keys_are_wanted(call: Any) -> None:
    args = (key_set(),) if call.__name__ == "<lambda>" else ()
    assert refused(call, *args).code == "AADB2C90253"
    assert refused(call, *args, use="sig").code == "AADB2C95030"
    assert refused(call, *args, use="", kty="oct").code == "AADB2C95033"


def test_the_next_key_is_as_large_as_the_newest() -> None:
    keys = key_set([key(size=512)])
    assert keys.generate_key().size == 512
    assert keys.rotate(10)[0].size == 512
    assert keys.rollover(size=1024).size == 1024
    assert keys.rollover().size == 1024
    # One from outside can have a size that is not made here.
    odd = TrustFrameworkKey.from_jwk({"kty": "oct", "k": "c2VjcmV0", "use": "sig"})
    keys = key_set([odd])
    assert odd.size == 48
    assert keys.rollover().size == 256


# --- rollover


@given(keys=support.DATED_KEYS, at=st.integers(0, 14), disable=st.booleans())
def test_a_rollover_key_is_active_from_then_on(
    keys: list[TrustFrameworkKey], at: int, disable: bool
) -> None:
    keyset = key_set(keys)
    new = keyset.rollover(at, disable=disable, use="sig", kty="oct")
    assert (new.nbf, new.exp) == (at, None)
    assert keyset.get_active_key(at) is new
    later = [each.nbf for each in keys if each.status == "enabled" and (each.nbf or 0) > at]
    for time in range(at, 14):
        if disable or not any(nbf is not None and nbf <= time for nbf in later):
            assert keyset.get_active_key(time) is new
    if disable:
        assert {each.status for each in [*keyset][:-1]} <= {"disabled"}
    else:
        assert [*keyset][:-1] == keys
    assert len(keyset) == len(keys) + 1


def test_the_old_keys_stay_until_the_new_one_is_active(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 100.0)
    keys = key_set([key()])
    error = refused(keys.rollover, 101, disable=True)
    assert error.target == "disable"
    assert len(keys) == 1
    assert "at 1970-01-01T00:01:40Z" in error.message
    assert refused(keys.rollover, 50, exp=100, disable=True).target == "disable"
    assert len(keys) == 1
    assert keys.rollover(101).nbf == 101
    assert keys.rollover(disable=True, exp=101).nbf == 100
    assert [each.status for each in keys] == ["disabled", "disabled", "enabled"]


def test_a_rollover_key_may_expire_but_not_at_once() -> None:
    keys = key_set([key()])
    assert keys.rollover(10, exp=11).exp == 11
    error = refused(keys.rollover, 10, exp=10)
    assert error.target == "exp"
    assert "after the start of the key, 1970-01-01T00:00:10Z" in error.message
    assert refused(keys.rollover, 10, exp="+1d").target == "exp"
    assert refused(keys.rollover, 10, exp=9).target == "exp"
    assert len(keys) == 2


@given(support.DATED_KEYS, support.DATED_KEYS)
def test_a_later_key_never_changes_what_was_before_it(
    keys: list[TrustFrameworkKey], more: list[TrustFrameworkKey]
) -> None:
    assume(all(each.nbf is not None for each in more))
    start = min((each.nbf or 0 for each in more), default=0)
    for time in range(start):
        assert schedule.active_key(keys, time) == schedule.active_key([*keys, *more], time)
