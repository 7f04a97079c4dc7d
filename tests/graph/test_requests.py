"""A request that the service refuses half-way, or that brings the wrong key, stops sign-in."""

from __future__ import annotations

import copy
import pickle
from base64 import b64decode
from collections.abc import Sequence
from typing import Any

import attrs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests import support
from tests.graph.plans import DAY, key_set, only, refused, text_key
from tests.standins.tenant import NOW
from trustkeys import TrustFrameworkKey, TrustFrameworkKeySet, testing
from trustkeys.formats.pkcs12 import from_pkcs12
from trustkeys.graph import Provisioning, provision

pytestmark = pytest.mark.usefixtures("test_keys_allowed")


# --- all keys in one request


def test_an_rsa_set_is_one_request_with_complete_private_keys(rsa_key: TrustFrameworkKey) -> None:
    second = testing.rsa_key(1, nbf=NOW + DAY, exp=NOW + 9 * DAY)
    provisioning = provision(key_set(rsa_key, second), at=NOW)
    request = only(provisioning)
    assert (request.method, request.path) == ("POST", "/trustFramework/keySets")
    assert request.headers == (("Content-Type", "application/json"),)
    body = request.private_body()
    # The service itself adds the prefix.
    assert list(body) == ["id", "keys"]
    assert body["id"] == "test"
    numbers = {"e", "n", "d", "p", "q", "dp", "dq", "qi"}
    assert [jwk.keys() for jwk in body["keys"]] == [
        {"kty", "use", *numbers},
        {"kty", "use", "nbf", "exp", *numbers},
    ]
    read = [
        TrustFrameworkKey.from_jwk(jwk, kid=key.kid)
        for jwk, key in zip(body["keys"], [rsa_key, second], strict=True)
    ]
    assert read == [rsa_key, second]
    assert request.brings == tuple(
        f'["sig",{dates},"{jwk["n"]}"]'
        for dates, jwk in zip(
            ("null,null", f"{NOW + DAY},{NOW + 9 * DAY}"), body["keys"], strict=True
        )
    )
    assert provisioning.keyset_id == "B2C_1A_test"
    assert provisioning.base_url == "https://graph.microsoft.com/beta"
    assert (provisioning.kty, provisioning.replaces) == ("RSA", False)


@given(support.DATED_KEYS, st.integers(0, 14))
def test_all_keys_are_in_the_request_and_no_kid(keys: list[TrustFrameworkKey], at: int) -> None:
    keys = [attrs.evolve(key, status="enabled") for key in keys]
    assume(support.model_of_the_overview(keys, at))
    body = only(provision(key_set(*keys), at=at)).private_body()
    assert body["keys"] == [
        {
            "kty": "oct",
            "use": "sig",
            **({} if key.nbf is None else {"nbf": key.nbf}),
            **({} if key.exp is None else {"exp": key.exp}),
            "k": key.to_jwk(private=True)["k"],
        }
        for key in keys
    ]


def test_certificates_are_uploaded_with_their_key(certified: TrustFrameworkKey) -> None:
    (jwk,) = only(provision(key_set(certified), at=NOW)).private_body()["keys"]
    assert jwk["x5c"] == list(certified.x5c)
    assert jwk["x5t"] == certified.x5t


def test_replacing_is_a_put_with_a_warning(rsa_key: TrustFrameworkKey) -> None:
    provisioning = provision(key_set(rsa_key), replace=True, at=NOW)
    request = only(provisioning)
    assert (request.method, request.path) == ("PUT", "/trustFramework/keySets/B2C_1A_test")
    assert list(request.private_body()) == ["keys"]
    assert provisioning.replaces
    assert "replaces all keys of B2C_1A_test in the tenant" in provisioning.notes[0]
    assert "cannot be read back" in provisioning.notes[0]


@pytest.mark.parametrize("by", ["create", "action"])
def test_a_certificate_for_another_use_is_refused(certified: TrustFrameworkKey, by: Any) -> None:
    error = refused(key_set(attrs.evolve(certified, use="enc")), by=by, at=NOW)
    assert (error.code, error.target) == ("AADB2C95034", "use")
    assert error.message.startswith(f"key {certified.kid}: ")


# --- one by one


def test_a_text_secret_is_uploaded_unchanged() -> None:
    keys = key_set(text_key("geheim wóórd", nbf=NOW - 1, exp=NOW + DAY), text_key("x"))
    provisioning = provision(keys, by="action", at=NOW)
    assert [(each.path, each.private_body(), each.brings) for each in provisioning.requests] == [
        ("/trustFramework/keySets", {"id": "test"}, ()),
        (
            "/trustFramework/keySets/B2C_1A_test/uploadSecret",
            {"use": "sig", "k": "geheim wóórd", "nbf": NOW - 1, "exp": NOW + DAY},
            (f'["sig",{NOW - 1},{NOW + DAY},null]',),
        ),
        (
            "/trustFramework/keySets/B2C_1A_test/uploadSecret",
            {"use": "sig", "k": "x"},
            ('["sig",null,null,null]',),
        ),
    ]
    assert {each.method for each in provisioning.requests} == {"POST"}


@pytest.mark.deep
def test_a_certified_key_is_uploaded_as_a_pfx_that_opens(certified: TrustFrameworkKey) -> None:
    provisioning = provision(key_set(certified), by="action", at=NOW)
    made, upload = provisioning.requests
    assert made.private_body() == {"id": "test"}
    assert upload.path == "/trustFramework/keySets/B2C_1A_test/uploadPkcs12"
    body = upload.private_body()
    assert list(body) == ["key", "password"]
    # 128 random bits in base32; gpgsm 2.2 opens no longer one.
    assert 26 <= len(body["password"]) <= 31
    read = from_pkcs12(b64decode(body["key"], validate=True), body["password"])
    assert read == certified
    dates = f"{certified.nbf},{certified.exp}"
    assert upload.brings == (f'["sig",{dates},"{certified.to_jwk()["n"]}"]',)
    # Each provisioning has a new passphrase.
    again = provision(key_set(certified), by="action", at=NOW).requests[1].private_body()
    assert again["password"] != body["password"]


@given(
    st.lists(st.tuples(support.DATES, support.DATES), min_size=1, max_size=6), st.integers(0, 14)
)
def test_the_right_key_is_active_after_every_upload(
    dates: list[tuple[int | None, int | None]], at: int
) -> None:
    keys = [text_key(f"{n}", nbf=nbf, exp=exp) for n, (nbf, exp) in enumerate(dates)]
    active = support.model_of_the_overview(keys, at)
    assume(active)
    assert active is not None
    _, *uploads = provision(key_set(*keys), by="action", at=at).requests
    order = [int(upload.private_body()["k"]) for upload in uploads]
    assert sorted(order) == list(range(len(keys)))
    there = [keys[number] for number in order]
    for length in range(1, len(there) + 1):
        now_there = there[:length]
        now_active = support.model_of_the_overview(now_there, at)
        if active in now_there:
            assert now_active is active
        else:
            # Keys with the same nbf that were added before it come first.
            assert all(key.nbf == active.nbf for key in now_there)
            assert now_active is None or now_active.nbf == active.nbf
    if [key.nbf for key in keys].count(active.nbf) == 1:
        assert there[0] is active
    for time in range(14):
        assert support.model_of_the_overview(there, time) is support.model_of_the_overview(
            keys, time
        )


@pytest.mark.parametrize("secret", [b"\xff" * 32, b"line\n", b"\0", "\ufefftext".encode()])
def test_a_binary_secret_is_refused_by_action_and_not_shown(secret: bytes) -> None:
    jwk = {"kty": "oct", "use": "sig", "k": support.b64(b"x" + secret), "kid": "one"}
    keys = key_set(text_key("fine"), TrustFrameworkKey.from_jwk(jwk))
    error = refused(keys, by="action", at=NOW)
    assert error.message.startswith("key one: ")
    assert error.message.endswith("create or replace the whole key set")
    assert support.leaks(support.all_text_of(error), jwk) == []
    assert provision(keys, at=NOW).requests


def test_an_rsa_key_without_a_certificate_is_refused_by_action(rsa_key: TrustFrameworkKey) -> None:
    error = refused(key_set(rsa_key), by="action", at=NOW)
    assert error.target == "by"
    assert "has no certificate" in error.message
    assert "create or replace the whole key set" in error.message


@pytest.mark.parametrize("dates", [{"nbf": NOW}, {"exp": NOW + DAY}, {"nbf": None}, {"exp": None}])
def test_dates_that_a_pfx_would_lose_are_refused(
    certified: TrustFrameworkKey, dates: dict[str, Any]
) -> None:
    keys = key_set(attrs.evolve(certified, **dates))
    error = refused(keys, by="action", at=NOW)
    assert "dates differ from its certificate's (2027-01-14T08:00:00Z to" in error.message
    assert "create or replace the whole key set" in error.message
    assert provision(keys, at=NOW).requests


# --- certificates without a private key


@pytest.mark.parametrize("by", ["create", "action"])
def test_the_certificate_of_a_partner_is_uploaded_as_one(
    certified: TrustFrameworkKey, by: Any
) -> None:
    partner = certified.public()
    provisioning = provision(key_set(partner), by=by, at=NOW)
    made, upload = provisioning.requests
    assert made.private_body() == {"id": "test"}
    assert (upload.method, upload.path) == (
        "POST",
        "/trustFramework/keySets/B2C_1A_test/uploadCertificate",
    )
    assert upload.private_body() == {"key": partner.x5c[0]}
    assert [key.request for key in provisioning.keys] == [2]
    assert any("without a private part (1)" in note for note in provisioning.notes)
    assert not any("breaks sign-in" in note for note in provisioning.notes)


def test_private_keys_and_certificates_of_partners_come_in_one_plan(
    certified: TrustFrameworkKey,
) -> None:
    own = testing.rsa_key(1)
    provisioning = provision(key_set(certified.public(), own), at=NOW)
    made, upload = provisioning.requests
    assert [jwk["n"] for jwk in made.private_body()["keys"]] == [own.to_jwk()["n"]]
    assert upload.path.endswith("/uploadCertificate")
    assert [key.request for key in provisioning.keys] == [2, 1]
    replacing = provision(key_set(certified.public(), own), replace=True, at=NOW).requests
    assert [request.method for request in replacing] == ["PUT", "POST"]


def test_a_replacement_needs_a_private_key(certified: TrustFrameworkKey) -> None:
    error = refused(key_set(certified.public()), replace=True, at=NOW)
    assert (error.code, error.target) == ("BadRequest", "replace")


def test_dates_that_a_certificate_would_lose_are_refused(certified: TrustFrameworkKey) -> None:
    partner = attrs.evolve(certified.public(), exp=NOW + DAY)
    assert "uploadCertificate takes the latter" in refused(key_set(partner), at=NOW).message


# --- adding to a key set that is there


def test_keys_are_added_one_by_one_without_creating_the_set(certified: TrustFrameworkKey) -> None:
    later = text_key("later", nbf=NOW + DAY)
    active = text_key("active", nbf=NOW)
    provisioning = provision(key_set(later, active, text_key("old")), append=True, at=NOW)
    assert [each.private_body()["k"] for each in provisioning.requests] == [
        "active",
        "later",
        "old",
    ]
    assert {each.path.rpartition("/")[2] for each in provisioning.requests} == {"uploadSecret"}
    assert [key.request for key in provisioning.keys] == [2, 1, 3]
    assert (provisioning.appends, provisioning.replaces) == (True, False)
    (pfx,) = provision(key_set(certified), append=True, at=NOW).requests
    assert pfx.path.endswith("/uploadPkcs12")
    (certificate,) = provision(key_set(certified.public()), append=True, at=NOW).requests
    assert certificate.path.endswith("/uploadCertificate")


def test_a_set_that_began_as_a_saved_answer_brings_only_its_new_keys(
    certified: TrustFrameworkKey,
) -> None:
    answer = key_set(testing.rsa_key(1), testing.rsa_key(2)).to_graph()
    keys = TrustFrameworkKeySet.from_jwks(answer)
    keys.add(certified)
    provisioning = provision(keys, append=True, at=NOW)
    assert only(provisioning).brings == (provisioning.keys[2].shows,)
    assert [key.request for key in provisioning.keys] == [None, None, 1]
    assert [key.problem is None for key in provisioning.keys] == [False, False, True]
    assert "has no certificate" in str(provisioning.keys[0].problem)


def test_a_future_key_can_be_added_since_the_tenant_has_an_active_one() -> None:
    assert only(provision(key_set(text_key("x", nbf=NOW + 1)), append=True, at=NOW))


def test_each_of_two_secrets_that_look_the_same_has_its_own_request() -> None:
    """A script removes the body of a key that it finds in the tenant."""
    keys = key_set(*(text_key(text) for text in ("one", "two", "three")))
    provisioning = provision(keys, append=True, at=NOW)
    numbers = [key.request for key in provisioning.keys]
    sent = [request.private_body()["k"] for request in provisioning.requests]
    assert [sent[(number or 0) - 1] for number in numbers] == ["one", "two", "three"]


def test_disabled_keys_are_not_added() -> None:
    keys = key_set(text_key("kept"), attrs.evolve(text_key("left"), status="disabled"))
    provisioning = provision(keys, append=True, at=NOW)
    assert only(provisioning).private_body()["k"] == "kept"
    left_out = "1 of 2 keys are left out because they are disabled"
    # A stolen key that is disabled here must not be thought disabled there.
    assert f"{left_out}, but if the tenant has them, they stay enabled there" in provisioning.notes


def test_nothing_to_add_is_refused_with_the_reason(rsa_key: TrustFrameworkKey) -> None:
    error = refused(key_set(rsa_key), append=True, at=NOW)
    assert error.target == "append"
    assert f"key {rsa_key.kid}: it has no certificate" in error.message


@pytest.mark.parametrize("more", [{"replace": True}, {"by": "create"}])
def test_what_contradicts_adding_is_refused(more: dict[str, Any]) -> None:
    error = refused(key_set(text_key("x")), append=True, at=NOW, **more)
    assert (error.code, error.target) == ("BadRequest", "append")


# --- secrets stay put


def test_a_body_is_in_no_repr_and_no_pickle(
    rsa_key: TrustFrameworkKey, certified: TrustFrameworkKey
) -> None:
    made: Sequence[Provisioning] = (
        provision(key_set(rsa_key), at=NOW),
        provision(key_set(certified), by="action", at=NOW),
        provision(key_set(text_key("a secret of some length")), by="action", at=NOW),
    )
    jwk = rsa_key.to_jwk(private=True)
    for provisioning in made:
        seen = "".join(
            [
                repr(provisioning),
                str(provisioning),
                repr(attrs.asdict(provisioning)),
                repr(attrs.astuple(provisioning)),
            ]
        )
        assert support.leaks(seen, jwk) == []
        assert "a secret of some length" not in seen
        for request in provisioning.requests:
            for name in ("password", "key"):
                assert str(request.private_body().get(name, "no such")) not in seen
            with pytest.raises(TypeError, match="cannot be pickled"):
                pickle.dumps(request)
            assert copy.deepcopy(request) == request


def test_requests_are_values(rsa_key: TrustFrameworkKey) -> None:
    one, same = (only(provision(key_set(rsa_key), at=NOW)) for _ in range(2))
    assert one == same
    assert hash(one) == hash(same)
    other = testing.rsa_key(1)
    assert one != attrs.evolve(only(provision(key_set(other), at=NOW)), brings=one.brings)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        one.method = "PUT"  # type: ignore[misc]
    # A change to the returned body does not change the request.
    one.private_body()["keys"].clear()
    assert one == same
