"""A key must come back as it went out, and must not be taken for one that it is not."""

from __future__ import annotations

import base64
import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from hypothesis import given
from hypothesis import strategies as st
from jwcrypto.jwk import JWK

import trustkeys
from tests import support
from trustkeys import InvalidInputError, TrustFrameworkKey, TrustKeysError, generate_key, testing
from trustkeys.errors import MissingUseError

PRIVATE = ("d", "p", "q", "dp", "dq", "qi")
INT64_MAX = 2**63 - 1


def refused(jwk: Any, **changes: Any) -> TrustKeysError:
    with pytest.raises(InvalidInputError) as caught:
        TrustFrameworkKey.from_jwk(jwk, **changes)
    assert caught.value.__cause__ is caught.value.__context__ is None
    return caught.value


def number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


# --- Graph's answer


def test_the_answer_has_the_pages_members_in_the_pages_order() -> None:
    request = trustkeys.GenerateKeyRequest.from_graph(
        {"use": "sig", "kty": "RSA", "nbf": 1508969811, "exp": 1508969811}
    )
    answer = trustkeys.generate(request).to_graph()
    assert list(answer.items())[:7] == [
        (
            "@odata.context",
            "https://graph.microsoft.com/beta/$metadata#microsoft.graph.trustFrameworkKey",
        ),
        ("k", None),
        ("x5c", []),
        ("kty", "RSA"),
        ("use", "sig"),
        ("exp", 1508969811),
        ("nbf", 1508969811),
    ]
    assert list(answer)[7:] == ["kid", "e", "n"]
    assert answer["e"] == "AQAB"
    assert number(answer["n"]).bit_length() == 2048


def test_the_answer_names_the_cloud_that_it_is_for(rsa_key: TrustFrameworkKey) -> None:
    china = rsa_key.to_graph(base_url="https://microsoftgraph.chinacloudapi.cn/beta/")
    assert china["@odata.context"] == (
        "https://microsoftgraph.chinacloudapi.cn/beta/$metadata#microsoft.graph.trustFrameworkKey"
    )
    bare = rsa_key.to_graph(base_url=None)
    assert "@odata.context" not in bare
    assert {**rsa_key.to_graph(), **bare} == rsa_key.to_graph()


def test_an_answer_can_be_changed_without_changing_the_key(rsa_key: TrustFrameworkKey) -> None:
    rsa_key.to_graph()["x5c"].append("changed")
    rsa_key.to_jwk(private=True)["n"] = "changed"
    assert rsa_key.to_graph()["x5c"] == []
    assert rsa_key.to_jwk(private=True)["n"] != "changed"


@pytest.mark.parametrize(
    ("kty", "size"),
    [
        ("RSA", 2048),
        pytest.param("RSA", 3072, marks=pytest.mark.deep),
        ("oct", 256),
        ("oct", 4096),
    ],
)
def test_the_size_is_the_one_asked_for(kty: str, size: int) -> None:
    key = generate_key("sig", kty, size=size)
    assert key.size == size
    material = key.to_jwk(private=True)["n" if kty == "RSA" else "k"]
    assert len(base64.urlsafe_b64decode(material + "==")) * 8 == size


def test_dates_and_status_have_the_types_of_the_resource(rsa_key: TrustFrameworkKey) -> None:
    assert (rsa_key.nbf, rsa_key.exp, rsa_key.status) == (None, None, "enabled")
    assert (rsa_key.x5c, rsa_key.x5t) == ((), None)


# --- JWK out and in


@given(
    st.builds(
        testing.oct_key,
        st.integers(0, 65_535),
        size=st.sampled_from(range(256, 4097, 8)),
        use=st.sampled_from(["sig", "enc"]),
        nbf=st.none() | st.integers(0, 2**62),
        exp=st.none() | st.integers(2**62, INT64_MAX),
    )
)
def test_an_oct_key_comes_back_from_its_jwk(key: TrustFrameworkKey) -> None:
    jwk = key.to_jwk(private=True)
    assert TrustFrameworkKey.from_jwk(jwk) == key
    assert TrustFrameworkKey.from_jwk(json.dumps(jwk)) == key
    assert TrustFrameworkKey.from_jwk(json.dumps(jwk).encode()) == key


@given(
    nbf=st.none() | st.integers(0, 2**62),
    exp=st.none() | st.integers(2**62, INT64_MAX),
    is_certified=st.booleans(),
    x5t=st.none() | st.text(alphabet="ab_-", min_size=1),
    kid=st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=9),
)
def test_all_that_a_public_rsa_key_carries_comes_back(
    certified: TrustFrameworkKey, is_certified: bool, **carried: Any
) -> None:
    carried["x5c"] = [*certified.x5c] if is_certified else []
    if is_certified and carried["x5t"] is not None:
        carried["x5t"] = certified.x5t
    jwk = {**certified.to_jwk(), **carried}
    key = TrustFrameworkKey.from_jwk(jwk)
    assert {name: getattr(key, name) for name in carried} == {
        **carried,
        "x5c": tuple(carried["x5c"]),
    }
    assert key.to_graph()["x5c"] == carried["x5c"]
    assert TrustFrameworkKey.from_jwk(key.to_jwk()) == key
    assert hash(TrustFrameworkKey.from_jwk(key.to_jwk())) == hash(key)


def test_a_new_rsa_key_has_its_members_in_the_order_of_the_rfc() -> None:
    jwk = generate_key("enc", "RSA", nbf=1, exp=2).to_jwk(private=True)
    assert list(jwk) == ["kty", "kid", "use", "nbf", "exp", "e", "n", *PRIVATE]


@pytest.mark.deep
@pytest.mark.parametrize("size", [2048, 3072, 4096])
def test_a_private_rsa_key_comes_back_from_its_jwk(size: int) -> None:
    key = testing.rsa_key(0, size=size, use="enc", nbf=1, exp=2)
    jwk = key.to_jwk(private=True)
    assert list(jwk) == ["kty", "kid", "use", "nbf", "exp", "e", "n", *PRIVATE]
    assert TrustFrameworkKey.from_jwk(jwk) == key
    assert TrustFrameworkKey.from_jwk(key.to_jwk()) == key.public()
    assert TrustFrameworkKey.from_jwk(JWK(**jwk)) == key


def test_jwcrypto_gets_the_private_part_only_when_told(rsa_key: TrustFrameworkKey) -> None:
    public, private = rsa_key.to_jwcrypto(), rsa_key.to_jwcrypto(private=True)
    assert not public.has_private
    assert private.has_private
    assert TrustFrameworkKey.from_jwk(public) == rsa_key.public()
    assert TrustFrameworkKey.from_jwk(private) == rsa_key


def test_the_own_answer_can_be_read_as_a_public_key(rsa_key: TrustFrameworkKey) -> None:
    assert TrustFrameworkKey.from_jwk(rsa_key.to_graph()) == rsa_key.public()


def test_arguments_take_the_place_of_members(rsa_jwk: dict[str, Any]) -> None:
    jwk = {**rsa_jwk, "use": "enc", "nbf": 1, "exp": 2, "kid": "old"}
    key = TrustFrameworkKey.from_jwk(jwk, use="SIG", nbf=3, exp=4, kid="new")
    assert (key.use, key.nbf, key.exp, key.kid) == ("sig", 3, 4, "new")


def test_members_that_are_null_are_ignored(rsa_jwk: dict[str, Any]) -> None:
    extra = {"alg": None, "x": None, "nbf": None, "x5c": None, "k": None, "@odata.etag": "x"}
    assert TrustFrameworkKey.from_jwk({**rsa_jwk, **extra}) == TrustFrameworkKey.from_jwk(rsa_jwk)


def test_an_oct_key_from_outside_never_gets_its_thumbprint_as_kid() -> None:
    # RFC 7638 section 7: published, it would let a weak secret be guessed.
    jwk = {"kty": "oct", "use": "sig", "k": support.b64(b"hunter2")}
    first, second = (TrustFrameworkKey.from_jwk(jwk) for _ in range(2))
    assert trustkeys.jwk_thumbprint(jwk) not in (first.kid, second.kid)
    assert first.kid != second.kid
    assert len(first.kid) == 43
    assert first.size == 56


@pytest.mark.parametrize(
    ("changes", "code", "target"),
    [
        ({"kty": None}, "AADB2C95037", "kty"),
        ({"kty": "EC"}, "AADB2C95031", "kty"),
        ({"use": None}, "AADB2C90253", "use"),
        ({"use": "tls"}, "AADB2C95033", "use"),
        ({"nbf": "1"}, "BadRequest", "nbf"),
        ({"nbf": 5, "exp": 4}, "BadRequest", "exp"),
        ({"status": "on"}, "BadRequest", "status"),
        ({"status": 1}, "AADB2C95034", "status"),
        ({"kid": 1}, "AADB2C95034", "kid"),
        ({"kid": ""}, "AADB2C95034", "kid"),
        ({"kid": "\ud800"}, "AADB2C95034", "kid"),
        ({"x5c": "MII"}, "AADB2C95034", "x5c"),
        ({"x5c": [1]}, "AADB2C95034", "x5c"),
        ({"x5c": [""]}, "AADB2C95034", "x5c"),
        ({"x5c": ["MII=="]}, "AADB2C95034", "x5c"),
        ({"x5c": ["TUlJ\ud800"]}, "AADB2C95034", "x5c"),
        ({"x5c": ["TUlJ", "-_-_"]}, "AADB2C95034", "x5c"),
        ({"x5t": b"a"}, "AADB2C95034", "x5t"),
        ({"n": None}, "AADB2C95039", "n"),
        ({"e": None}, "AADB2C95039", "e"),
        ({"n": 65537}, "AADB2C95034", "n"),
        ({"d": None}, "AADB2C95034", "d"),
        ({"qi": None}, "AADB2C95034", "qi"),
        ({"qi": ["x"]}, "AADB2C95034", "qi"),
        ({"oth": [{"r": "AQ", "d": "AQ", "t": "AQ"}]}, "AADB2C95034", "oth"),
        ({"oth": []}, "AADB2C95034", "oth"),
        ({"kty": "oct"}, "AADB2C95034", "k"),
        ({"kty": "oct", "k": ""}, "AADB2C95034", "k"),
        ({"kty": "oct", "k": "a"}, "AADB2C95029", "k"),
        ({"kty": "oct", "k": "plain text"}, "AADB2C95029", "k"),
    ],
)
def test_what_is_missing_or_of_the_wrong_kind_is_named(
    rsa_jwk: dict[str, Any], changes: dict[str, Any], code: str, target: str
) -> None:
    error = refused({**rsa_jwk, **changes})
    assert (error.code, error.target) == (code, target)


def test_a_missing_use_is_an_error_of_its_own(rsa_jwk: dict[str, Any]) -> None:
    assert isinstance(refused({**rsa_jwk, "use": None}), MissingUseError)


@pytest.mark.parametrize("text", ["", "[]", "{", b"\xff", '{"kty":"RSA","kty":"RSA"}', 5, None])
def test_what_is_no_jwk_at_all_is_refused(text: Any) -> None:
    assert refused(text).code == "AADB2C95026"


SPOIL = [
    lambda text: text + "=",
    lambda text: text + "==",
    lambda text: " " + text,
    lambda text: text + "\n",
    lambda text: text.replace(text[1], "+", 1),
    lambda text: text.replace(text[1], "/", 1),
    lambda text: "AA" + text if len(text) % 4 == 2 else "AAAA" + text,
    lambda text: text + "A" if len(text) % 4 == 0 else text[:-1] + "é",
    lambda _: "",
    lambda _: "A",
    lambda _: "AA",
]


@pytest.mark.parametrize(("name", "spoil"), support.combinations(["n", "e", *PRIVATE], SPOIL))
def test_base64url_is_read_to_the_letter(rsa_jwk: dict[str, Any], name: str, spoil: Any) -> None:
    # Two texts for one number would be two thumbprints for one key.
    error = refused({**rsa_jwk, name: spoil(rsa_jwk[name])})
    assert (error.code, error.target) == ("AADB2C95034", name)


def test_left_over_bits_are_refused() -> None:
    assert TrustFrameworkKey.from_jwk({"kty": "oct", "use": "sig", "k": "AQ"}).size == 8
    assert refused({"kty": "oct", "use": "sig", "k": "AR"}).code == "AADB2C95029"


# --- what the key object promises


def test_equal_means_all_is_equal_and_the_private_part_counts(rsa_key: TrustFrameworkKey) -> None:
    public = rsa_key.public()
    assert public != rsa_key
    assert hash(public) == hash(rsa_key)
    assert public == rsa_key.public()
    assert public.public() is not None
    assert not public.has_private
    assert rsa_key != attrs.evolve(rsa_key, status="disabled")
    assert rsa_key != object()
    assert (rsa_key._private == "members") is False
    assert len({rsa_key, public, TrustFrameworkKey.from_jwk(rsa_key.to_jwk())}) == 2


def test_two_secrets_under_one_kid_are_two_keys() -> None:
    first, second = (
        TrustFrameworkKey.from_jwk({"kty": "oct", "use": "sig", "k": k}, kid="x")
        for k in ("AQ", "Ag")
    )
    assert first != second
    assert hash(first) == hash(second)


@pytest.mark.parametrize("make", [testing.rsa_key, testing.oct_key])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_private_key_is_not_pickled_and_says_what_to_do(
    make: Callable[[int], TrustFrameworkKey], protocol: int
) -> None:
    with pytest.raises(TypeError, match=r"to_jwk\(private=True\)"):
        pickle.dumps(make(0), protocol)


def test_a_public_key_and_a_request_can_be_pickled(rsa_key: TrustFrameworkKey) -> None:
    public = rsa_key.public()
    assert pickle.loads(pickle.dumps(public)) == public
    request = trustkeys.GenerateKeyRequest("sig", "RSA", nbf=1)
    assert pickle.loads(pickle.dumps(request)) == request


def test_copies_are_the_key_itself(rsa_key: TrustFrameworkKey) -> None:
    assert copy.copy(rsa_key) is rsa_key
    assert copy.deepcopy([rsa_key])[0] is rsa_key
    holder = attrs.asdict(rsa_key)["_private"]
    assert copy.copy(holder) is holder
    assert copy.deepcopy(holder) is holder
    with pytest.raises(TypeError):
        holder.__getstate__()


def test_a_key_cannot_be_changed(rsa_key: TrustFrameworkKey) -> None:
    with pytest.raises(AttributeError):
        rsa_key.kid = "other"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        rsa_key.extra = 1  # type: ignore[attr-defined]


def test_cryptographys_own_objects_do_the_work(rsa_key: TrustFrameworkKey) -> None:
    signature = rsa_key.private_key().sign(b"data", padding.PKCS1v15(), hashes.SHA256())
    rsa_key.public_key().verify(signature, b"data", padding.PKCS1v15(), hashes.SHA256())
    assert rsa_key.public().public_key() == rsa_key.public_key()


@pytest.mark.parametrize(
    ("ask", "target"),
    [
        (lambda _, oct_key: oct_key.to_jwk(), "private"),
        (lambda _, oct_key: oct_key.to_jwcrypto(), "private"),
        (lambda _, oct_key: oct_key.public(), "private"),
        (lambda _, oct_key: oct_key.private_key(), "kty"),
        (lambda _, oct_key: oct_key.public_key(), "kty"),
        (lambda public, _: public.to_jwk(private=True), "private"),
        (lambda public, _: public.to_jwcrypto(private=True), "private"),
        (lambda public, _: public.private_key(), "private"),
    ],
)
def test_asking_for_a_part_that_the_key_does_not_have_is_an_error(
    rsa_key: TrustFrameworkKey, ask: Any, target: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        ask(rsa_key.public(), testing.oct_key(0))
    assert (caught.value.code, caught.value.target) == ("BadRequest", target)


def test_errors_survive_a_pickle_with_all_they_carry() -> None:
    error = refused({"kty": "EC"})
    copied = pickle.loads(pickle.dumps(error))
    assert type(copied) is InvalidInputError is type(error)
    assert isinstance(copied, (TrustKeysError, ValueError))
    assert (copied.code, copied.target, str(copied)) == (error.code, error.target, str(error))


# --- fuzz


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
names = st.sampled_from(["kty", "use", "kid", "nbf", "exp", "e", "n", "k", "x5c", "x5t", *PRIVATE])


@given(changes=st.dictionaries(names, values, min_size=1, max_size=3), as_json=st.booleans())
def test_no_jwk_makes_anything_but_a_key_or_our_error(
    rsa_jwk: dict[str, Any], changes: dict[str, Any], as_json: bool
) -> None:
    jwk: Any = {**rsa_jwk, **changes}
    try:
        key = TrustFrameworkKey.from_jwk(json.dumps(jwk) if as_json else jwk)
    except TrustKeysError as error:
        assert error.__cause__ is error.__context__ is None
    else:
        assert TrustFrameworkKey.from_jwk(key.to_jwk(private=key.has_private)) == key
