"""A long test must not run out of keys, get a key twice, or slow down with each key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.support import fewer
from tests.testing.tenant import SETS, batch, direct, tenant
from trustkeys import GenerateKeyRequest, TrustFrameworkKey, TrustFrameworkKeySet, testing
from trustkeys.testing import GraphTransport, unused
from trustkeys.testkeys.pool import SEEDS

MAKERS: dict[str, Callable[..., TrustFrameworkKey]] = {
    "RSA": testing.rsa_key,
    "oct": testing.oct_key,
}

KTYS = pytest.mark.parametrize("kty", [*MAKERS])


def generate(transport: GraphTransport, name: str, kty: str) -> httpx.Response:
    path = f"{SETS}/B2C_1A_{name}/generateKey"
    return direct(transport, "POST", path, json={"use": "sig", "kty": kty})


def kids(transport: GraphTransport) -> list[str]:
    return [key.kid for keys in transport.key_sets.values() for key in keys]


@KTYS
def test_keys_of_deleted_sets_come_back_and_then_the_test_is_told(
    kty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SEEDS, kty, 5)
    names = ("one", "two")
    transport = GraphTransport(map(TrustFrameworkKeySet, names))
    for name in ("one", "two", "one", "two", "one"):
        assert generate(transport, name, kty).status_code == 200
    assert {*kids(transport)} == {MAKERS[kty](seed).kid for seed in range(5)}
    message = f"have all 5 {kty} test keys of (2048|256) bits: let the test delete some"
    with pytest.raises(RuntimeError, match=message):
        generate(transport, "two", kty)
    part = batch("POST", f"{SETS}/B2C_1A_two/generateKey", {"use": "sig", "kty": kty})
    with pytest.raises(RuntimeError, match=message):
        direct(transport, "POST", "/$batch", json={"requests": [{"id": "1", **part}]})
    # The service keeps a deleted set under its id and .bak.
    direct(transport, "DELETE", f"{SETS}/B2C_1A_one")
    with pytest.raises(RuntimeError, match=message):
        generate(transport, "two", kty)
    direct(transport, "DELETE", f"{SETS}/B2C_1A_one.bak")
    for _ in range(3):
        assert generate(transport, "two", kty).status_code == 200
    assert len({*kids(transport)}) == len(kids(transport)) == 5


@KTYS
def test_a_request_that_is_refused_uses_up_no_key(
    kty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SEEDS, kty, 3)
    transport = GraphTransport([TrustFrameworkKeySet("enc", [MAKERS[kty](0, use="enc")])])
    for _ in range(10):
        assert generate(transport, "enc", kty).status_code == 400
    path = f"{SETS}/B2C_1A_enc/generateKey"
    for _ in range(2):
        answer = direct(transport, "POST", path, json={"use": "enc", "kty": kty})
        assert answer.status_code == 200
    assert len({*kids(transport)}) == 3


@KTYS
def test_each_key_of_a_tenant_is_looked_at_once(kty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise each request takes longer than the one before."""
    looked: list[TrustFrameworkKey] = []
    seed_of = unused._seed_of

    def counted(key: TrustFrameworkKey) -> Any:
        looked.append(key)
        return seed_of(key)

    monkeypatch.setattr(unused, "_seed_of", counted)
    before = TrustFrameworkKeySet("before", map(MAKERS[kty], range(50)))
    transport = GraphTransport([before, TrustFrameworkKeySet("made")])
    for _ in range(30):
        generate(transport, "made", kty)
    before.add(MAKERS[kty](60))
    before.disable(MAKERS[kty](60).kid)
    generate(transport, "made", kty)
    assert sorted(key.kid for key in looked) == sorted(kids(transport)[:-1])


def test_real_keys_and_keys_of_other_sizes_do_not_count(
    real_key: TrustFrameworkKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SEEDS, "RSA", 1)
    large = testing.rsa_key(0, size=4096).public()
    made = TrustFrameworkKeySet("made", [real_key, large])
    assert generate(GraphTransport([made]), "made", "RSA").status_code == 200
    assert [*made][-1].public_key() == testing.rsa_key(0).public_key()


def test_a_set_under_two_names_hides_no_free_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SEEDS, "RSA", 2)
    transport = GraphTransport([TrustFrameworkKeySet("one"), TrustFrameworkKeySet("two")])
    for name in ("one", "two"):
        generate(transport, name, "RSA")
    transport.key_sets["B2C_1A_one"] = transport.key_sets["B2C_1A_two"]
    assert generate(transport, "two", "RSA").status_code == 200


class Tenant(RuleBasedStateMachine):
    """Key sets come and go in any order, by requests and by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = unused.UnusedKeys()
        self.key_sets: dict[int, TrustFrameworkKeySet] = {}

    names = st.integers(0, 3)

    @rule(name=names, seeds=st.lists(st.integers(8117, 8127), max_size=3, unique=True))
    def put(self, name: int, seeds: list[int]) -> None:
        self.key_sets[name] = TrustFrameworkKeySet("a", map(testing.rsa_key, seeds))

    @rule(name=names)
    def delete(self, name: int) -> None:
        self.key_sets.pop(name, None)

    @rule(name=names, other=names)
    def move(self, name: int, other: int) -> None:
        if name in self.key_sets:
            self.key_sets[other] = self.key_sets.pop(name)

    @rule(name=names, seed=st.integers(8117, 8127))
    def add(self, name: int, seed: int) -> None:
        key = testing.rsa_key(seed)
        if name in self.key_sets and key not in self.key_sets[name]:
            self.key_sets[name].add(key)

    @precondition(lambda self: self.key_sets)
    @rule(data=st.data())
    def generate(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.key_sets)))
        request = GenerateKeyRequest("sig", "RSA")
        key = self.unused.make(request, self.key_sets.values())
        assert all(key.kid not in keys for keys in self.key_sets.values())
        self.key_sets[name].add(key)

    @invariant()
    def the_seeds_in_use_are_known(self) -> None:
        self.unused._look_at(self.key_sets.values())
        self.unused._forget_all_but(self.key_sets.values())
        in_use = {seed for (_, _, seed), uses in self.unused._uses.items() if uses}
        there = {key.kid for keys in self.key_sets.values() for key in keys}
        assert {testing.rsa_key(seed).kid for seed in in_use} == there


TestTenant = Tenant.TestCase
TestTenant.settings = settings(fewer(4), stateful_step_count=25)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (f"{SETS}/B2C_1A_many/keys_v2/{testing.oct_key(7).kid}", 1),
        (f"{SETS}/B2C_1A_many/keys_v2?$top=3&$count=true", 3),
        (f"{SETS}/B2C_1A_many/keys_v2/$count", 0),
        (f"{SETS}?$top=1", 2),
    ],
)
def test_only_what_is_answered_is_prepared(
    path: str, shown: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    transport = tenant()
    many = TrustFrameworkKeySet("many", map(testing.oct_key, range(20)))
    transport.key_sets[many.id] = many
    prepared: list[Any] = []
    to_graph = TrustFrameworkKey.to_graph

    def counted(key: TrustFrameworkKey, **options: Any) -> dict[str, Any]:
        prepared.append(key)
        return to_graph(key, **options)

    monkeypatch.setattr(TrustFrameworkKey, "to_graph", counted)
    answer = direct(transport, "GET", path)
    assert answer.status_code == 200
    assert len(prepared) == shown
    if "$top=3" in path:
        assert answer.json()["@odata.count"] == 20
