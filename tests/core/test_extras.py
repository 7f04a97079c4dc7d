"""Members of a JWK that no attribute holds are kept, and shown only to the key's owner."""

from __future__ import annotations

import json
import pickle
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import trustkeys
from tests import support
from tests.support import fewer
from trustkeys import InvalidInputError, TrustFrameworkKey, TrustFrameworkKeySet, testing
from trustkeys.core.key import sent_jwk, stored_jwk, with_use
from trustkeys.formats import certificates, jwe
from trustkeys.formats.opened import OpenedKey
from trustkeys.graph import provision

REGISTERED = {"alg": "RS256", "key_ops": ["sign", "verify"], "x5u": "https://a.example/x"}
UNKNOWN = {"ext": True, "vendor": {"deep": [1, None, "x"]}, "passphrase": "s3cret text"}
KNOWN = {"kty", "kid", "use", "nbf", "exp", "status", "x5c", "x5t", "n", "e", "oth"}

json_values = st.recursive(
    st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")) | st.floats(-9, 9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


def refused(jwk: Any, **changes: Any) -> InvalidInputError:
    with pytest.raises(InvalidInputError) as caught:
        TrustFrameworkKey.from_jwk(jwk, **changes)
    assert caught.value.__cause__ is caught.value.__context__ is None
    return caught.value


@pytest.fixture
def key(rsa_jwk: dict[str, Any]) -> TrustFrameworkKey:
    return TrustFrameworkKey.from_jwk({**rsa_jwk, **REGISTERED, **UNKNOWN})


def test_they_come_back_in_the_private_jwk(key: TrustFrameworkKey) -> None:
    jwk = key.to_jwk(private=True)
    assert jwk == jwk | REGISTERED | UNKNOWN
    assert TrustFrameworkKey.from_jwk(jwk) == key
    assert TrustFrameworkKey.from_jwk(json.dumps(jwk)) == key
    jwk["vendor"]["deep"].append("changed")
    assert key.to_jwk(private=True)["vendor"] == UNKNOWN["vendor"]


@fewer(3)
@given(extras=st.dictionaries(st.text(min_size=1, max_size=8), json_values, max_size=4))
def test_any_json_survives_the_round_trip(extras: dict[str, Any]) -> None:
    jwk = testing.oct_key(0).to_jwk(private=True)
    extras = {name: value for name, value in extras.items() if name not in {*jwk, *KNOWN, "k"}}
    extras = {name: extras[name] for name in extras if name not in REGISTERED}
    key = TrustFrameworkKey.from_jwk({**jwk, **extras})
    text = json.dumps(key.to_jwk(private=True))
    assert json.loads(text) == {**jwk, **{n: v for n, v in extras.items() if "@odata." not in n}}
    assert TrustFrameworkKey.from_jwk(text) == key


def test_the_public_forms_have_no_unknown_member(key: TrustFrameworkKey) -> None:
    public = key.to_jwk()
    assert public == public | {**REGISTERED, "key_ops": ["verify"]}
    assert not public.keys() & UNKNOWN.keys()
    assert not key.public()._unknown
    assert key.public().to_jwk() == public
    assert key.to_graph() == attrs.evolve(key, registered="", unknown=None).to_graph()
    text = repr(key) + str(attrs.asdict(key)) + json.dumps(key.to_graph())
    assert "s3cret" not in text
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(attrs.evolve(key, private=None))
    assert pickle.loads(pickle.dumps(key.public())) == key.public()


@pytest.mark.parametrize(
    ("use", "given_ops", "shown"),
    [
        ("sig", ["sign"], ["verify"]),
        ("enc", ["decrypt", "unwrapKey"], ["encrypt", "wrapKey"]),
        ("enc", ["deriveKey"], None),
        ("sig", ["futureOp"], None),
        ("sig", [], None),
    ],
)
def test_the_public_operations_are_those_of_the_public_half(
    rsa_jwk: dict[str, Any], use: str, given_ops: list[str], shown: list[str] | None
) -> None:
    key = TrustFrameworkKey.from_jwk({**rsa_jwk, "use": use, "key_ops": given_ops})
    assert key.to_jwk().get("key_ops") == shown
    assert key.to_jwk(private=True)["key_ops"] == given_ops


def test_equality_compares_them_and_hashes_do_not(
    key: TrustFrameworkKey, rsa_jwk: dict[str, Any]
) -> None:
    plain = TrustFrameworkKey.from_jwk(rsa_jwk)
    assert key != plain
    assert hash(key) == hash(plain)


@pytest.mark.usefixtures("test_keys_allowed")
def test_they_survive_sets_files_and_changes(key: TrustFrameworkKey) -> None:
    public = TrustFrameworkKey.from_jwk({**stored_jwk(key.public()), **UNKNOWN, "kid": "p"})
    keys = TrustFrameworkKeySet("a", [key, public])
    keys.disable("p")
    again = TrustFrameworkKeySet.from_jwks(keys.to_jwks(private=True))
    assert again == keys
    assert again.get("p").status == "disabled"
    assert again.get("p").to_jwk()["alg"] == "RS256"
    assert not {**keys.to_jwks()["keys"][0]}.keys() & UNKNOWN.keys()
    assert jwe.decrypt_key(jwe.encrypt_key(key, password="word"), password="word") == key
    opened = OpenedKey.from_jwk(key.to_jwk(private=True)).key(nbf=5)
    assert opened == attrs.evolve(key, nbf=5)


@pytest.mark.usefixtures("test_keys_allowed")
def test_graph_gets_none_of_them(key: TrustFrameworkKey) -> None:
    assert not sent_jwk(key).keys() & {*REGISTERED, *UNKNOWN}
    (request,) = provision(TrustFrameworkKeySet("a", [key]), at=5).requests
    (sent,) = request.private_body()["keys"]
    assert not sent.keys() & {*REGISTERED, *UNKNOWN}


def test_other_certificates_drop_what_points_to_the_old_ones(key: TrustFrameworkKey) -> None:
    own = certificates.self_signed(attrs.evolve(key, nbf=0, exp=2**33), "CN=a")
    assert "x5u" not in own.to_jwk()
    assert own.to_jwk()["alg"] == "RS256"
    only = TrustFrameworkKey.from_jwk({**testing.rsa_key(0).to_jwk(), "x5u": "https://a"})
    assert only.to_jwk()["x5u"] == "https://a"
    assert (
        "x5u"
        not in certificates.with_certificates(only, certificates.certificates_of(own)).to_jwk()
    )


def test_x5t_s256_must_fit_the_certificate(certified: TrustFrameworkKey) -> None:
    from trustkeys.core.x5c import x5t_s256_of

    right = x5t_s256_of(certificates.certificates_of(certified)[0])
    key = TrustFrameworkKey.from_jwk({**certified.to_jwk(private=True), "x5t#S256": right})
    assert key.to_jwk()["x5t#S256"] == right
    wrong = refused({**certified.to_jwk(private=True), "x5t#S256": right[::-1]})
    assert (wrong.code, wrong.target) == ("AADB2C95034", "x5t#S256")
    # Without certificates there is nothing to compare it with.
    bare = {**testing.rsa_key(0).to_jwk(), "x5t#S256": right}
    assert TrustFrameworkKey.from_jwk(bare).to_jwk()["x5t#S256"] == right


@pytest.mark.parametrize(
    ("use", "key_ops"),
    [
        ("enc", ["sign"]),
        ("sig", ["encrypt", "sign"]),
        ("sig", ["sign", "sign"]),
        ("sig", "sign"),
        ("sig", [5]),
        ("sig", {"sign": 1}),
    ],
)
def test_operations_that_do_not_fit_are_refused_as_the_check_says(
    rsa_jwk: dict[str, Any], use: str, key_ops: Any
) -> None:
    jwk = {**rsa_jwk, "use": use, "key_ops": key_ops}
    error = refused(jwk)
    assert (error.code, error.target) == ("AADB2C95034", "key_ops")
    found = trustkeys.check_key_set({"id": "a", "keys": [jwk]}, at=5)
    (finding,) = [each for each in found if each.code == "InvalidKeyOps"]
    assert error.message.removeprefix("the key ").split(" (RFC")[0] in finding.message
    with pytest.raises(InvalidInputError, match="key_ops"):
        OpenedKey.from_jwk(jwk).key()


def test_another_use_must_fit_the_operations(rsa_jwk: dict[str, Any]) -> None:
    jwk = {**rsa_jwk, "use": None, "key_ops": ["decrypt"]}
    assert OpenedKey.from_jwk(jwk).key(use="enc").use == "enc"
    opened, key = OpenedKey.from_jwk(jwk), TrustFrameworkKey.from_jwk(jwk, use="enc")
    message = "has use sig, but key_ops with decrypt"
    with pytest.raises(InvalidInputError, match=message):
        opened.key(use="sig")
    with pytest.raises(InvalidInputError, match=message):
        with_use(key, "sig")
    assert message in refused(jwk, use="sig").message


@pytest.mark.parametrize(
    "value", [b"bytes", object(), float("nan"), {1, 2}, "\ud800", 10**1500, "x" * 70_000, {5: 6}]
)
def test_what_is_no_json_is_one_clear_error(rsa_jwk: dict[str, Any], value: Any) -> None:
    if value == {5: 6}:
        assert TrustFrameworkKey.from_jwk({**rsa_jwk, "x": value}).to_jwk(private=True)["x"] == {
            "5": 6
        }
        return
    assert refused({**rsa_jwk, "x": value}).code == "AADB2C95034"


def test_what_is_large_or_deep_is_refused_without_much_work(rsa_jwk: dict[str, Any]) -> None:
    deep: Any = []
    shallow: Any = []
    for _ in range(100_000):
        deep = [deep]
    wide: Any = [1] * 10
    for _ in range(30):
        wide = [wide] * 10
    for value in (deep, wide):
        assert refused({**rsa_jwk, "x": value}).code == "AADB2C95034"
    # Small enough to be written, but for its depth.
    for _ in range(5_000):
        shallow = [shallow]
    assert "are nested too deep" in refused({**rsa_jwk, "x": shallow}).message
    assert refused({**rsa_jwk, 5: 6}).code == "AADB2C95034"
    for changes in ({"n": "A" * 10**7}, {"x5c": ["A" * 70_000]}, {"x5c": [""] * 10**6}):
        assert refused({**rsa_jwk, **changes}).code == "AADB2C95026"


def test_a_secret_is_at_most_32_kib() -> None:
    jwk = {"kty": "oct", "use": "sig", "k": support.b64(b"\xff" * 32_768)}
    assert TrustFrameworkKey.from_jwk(jwk).size == 8 * 32_768
    error = refused({**jwk, "k": support.b64(b"\xff" * 32_770)})
    assert (error.code, error.target) == ("AADB2C95034", "k")
    with pytest.raises(InvalidInputError, match="at most 32768 octets"):
        TrustFrameworkKeySet("a").upload_secret("x" * 40_000, "sig")
    with pytest.raises(InvalidInputError, match="larger than 65536 bytes"):
        TrustFrameworkKeySet("a").upload_secret("x" * 10**6, "sig")


def test_a_type_is_named_if_it_looks_like_one(rsa_jwk: dict[str, Any]) -> None:
    assert "not EC" in refused({**rsa_jwk, "kty": "EC"}).message
    assert "13 characters" in refused({**rsa_jwk, "kty": "hunter2 is it"}).message
