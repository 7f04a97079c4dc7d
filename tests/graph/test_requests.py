"""A request that the service refuses half-way, or that brings the wrong key, stops sign-in."""

from __future__ import annotations

import copy
import json
import pickle
from base64 import b64decode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import assume, given
from hypothesis import strategies as st

from tests import support
from trustkeys import InvalidInputError, TrustFrameworkKey, TrustFrameworkKeySet, testing
from trustkeys.formats.certificates import self_signed, with_certificates
from trustkeys.formats.pkcs12 import from_pkcs12
from trustkeys.graph import CLOUDS, GraphRequest, Provisioning, provision

pytestmark = pytest.mark.usefixtures("test_keys_allowed")

NOW = 1_800_000_000
DAY = 86_400


def key_set(*keys: TrustFrameworkKey) -> TrustFrameworkKeySet:
    return TrustFrameworkKeySet("test", keys)


def text_key(text: str, nbf: int | None = None, exp: int | None = None) -> TrustFrameworkKey:
    jwk = {"kty": "oct", "use": "sig", "k": support.b64(text.encode())}
    return attrs.evolve(TrustFrameworkKey.from_jwk(jwk), nbf=nbf, exp=exp)


def only(provisioning: Provisioning) -> GraphRequest:
    (request,) = provisioning.requests
    return request


def refused(*args: Any, **kwargs: Any) -> InvalidInputError:
    with pytest.raises(InvalidInputError) as caught:
        provision(*args, **kwargs)
    assert caught.value.__cause__ is caught.value.__context__ is None
    return caught.value


@pytest.fixture
def certified(rsa_key: TrustFrameworkKey) -> TrustFrameworkKey:
    return self_signed(attrs.evolve(rsa_key, nbf=NOW - DAY, exp=NOW + 90 * DAY), "CN=test")


# --- by create


def test_an_rsa_set_is_one_request_with_its_keys_whole(rsa_key: TrustFrameworkKey) -> None:
    second = testing.rsa_key(1, nbf=NOW + DAY, exp=NOW + 9 * DAY)
    provisioning = provision(key_set(rsa_key, second), at=NOW)
    request = only(provisioning)
    assert (request.method, request.path) == ("POST", "/trustFramework/keySets")
    assert request.headers == (("Content-Type", "application/json"),)
    body = request.private_body()
    # The service puts the prefix before the name itself.
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
    assert request.brings == tuple(jwk["n"] for jwk in body["keys"])
    assert provisioning.keyset_id == "B2C_1A_test"
    assert provisioning.base_url == "https://graph.microsoft.com/beta"
    assert (provisioning.kty, provisioning.replaces) == ("RSA", False)


@given(support.DATED_KEYS, st.integers(0, 14))
def test_whatever_the_dates_all_keys_are_in_it_and_no_kid(
    keys: list[TrustFrameworkKey], at: int
) -> None:
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


def test_certificates_come_along(certified: TrustFrameworkKey) -> None:
    (jwk,) = only(provision(key_set(certified), at=NOW)).private_body()["keys"]
    assert jwk["x5c"] == list(certified.x5c)
    assert jwk["x5t"] == certified.x5t


def test_replacing_is_a_put_that_says_what_is_lost(rsa_key: TrustFrameworkKey) -> None:
    provisioning = provision(key_set(rsa_key), replace=True, at=NOW)
    request = only(provisioning)
    assert (request.method, request.path) == ("PUT", "/trustFramework/keySets/B2C_1A_test")
    assert list(request.private_body()) == ["keys"]
    assert provisioning.replaces
    assert "replaces all keys" in provisioning.notes[0]
    assert "cannot be read back" in provisioning.notes[0]


# --- by action


def test_text_goes_by_upload_secret_as_it_is() -> None:
    keys = key_set(text_key("geheim wóórd", nbf=NOW - 1, exp=NOW + DAY), text_key("x"))
    provisioning = provision(keys, by="action", at=NOW)
    assert [(each.path, each.private_body(), each.brings) for each in provisioning.requests] == [
        ("/trustFramework/keySets", {"id": "test"}, ()),
        (
            "/trustFramework/keySets/B2C_1A_test/uploadSecret",
            {"use": "sig", "k": "geheim wóórd", "nbf": NOW - 1, "exp": NOW + DAY},
            ("sig",),
        ),
        (
            "/trustFramework/keySets/B2C_1A_test/uploadSecret",
            {"use": "sig", "k": "x"},
            ("sig",),
        ),
    ]
    assert {each.method for each in provisioning.requests} == {"POST"}


def test_a_certified_key_goes_as_a_pfx_that_opens(certified: TrustFrameworkKey) -> None:
    provisioning = provision(key_set(certified), by="action", at=NOW)
    made, upload = provisioning.requests
    assert made.private_body() == {"id": "test"}
    assert upload.path == "/trustFramework/keySets/B2C_1A_test/uploadPkcs12"
    body = upload.private_body()
    assert list(body) == ["key", "password"]
    assert len(body["password"]) >= 32
    read = from_pkcs12(b64decode(body["key"], validate=True), body["password"])
    assert read == certified
    assert upload.brings == (certified.to_jwk()["n"],)
    # A passphrase of its own each time.
    again = provision(key_set(certified), by="action", at=NOW).requests[1].private_body()
    assert again["password"] != body["password"]


@given(
    st.lists(st.tuples(support.DATES, support.DATES), min_size=1, max_size=6), st.integers(0, 14)
)
def test_the_right_key_is_active_from_the_first_moment_to_the_last(
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
            # What comes before it has the same nbf, and was there before it.
            assert all(key.nbf == active.nbf for key in now_there)
            assert now_active is None or now_active.nbf == active.nbf
    if [key.nbf for key in keys].count(active.nbf) == 1:
        assert there[0] is active
    for time in range(14):
        assert support.model_of_the_overview(there, time) is support.model_of_the_overview(
            keys, time
        )


# --- what getActiveKey has to answer


@given(support.DATED_KEYS, st.integers(0, 14))
def test_the_schedule_says_at_any_time_which_key_is_active(
    keys: list[TrustFrameworkKey], at: int
) -> None:
    enabled = [key for key in keys if key.status == "enabled"]
    assume(support.model_of_the_overview(enabled, at))
    schedule = provision(key_set(*keys), skip_disabled=True, at=at).schedule
    assert (schedule[0].start, schedule[-1].end) == (0, None)
    for time in range(15):
        (stretch,) = (
            each
            for each in schedule
            if each.start <= time and (each.end is None or time < each.end)
        )
        key = support.model_of_the_overview(enabled, time)
        if key is None:
            assert (stretch.kid, stretch.shows) == (None, None)
        else:
            assert stretch.kid == key.kid
            shows = json.dumps(["sig", key.nbf, key.exp], separators=(",", ":"))
            assert stretch.shows == shows


def test_an_rsa_key_is_recognised_by_its_modulus(rsa_key: TrustFrameworkKey) -> None:
    (stretch,) = provision(key_set(rsa_key), at=NOW).schedule
    assert (stretch.kid, stretch.shows) == (rsa_key.kid, rsa_key.to_jwk()["n"])


# --- the clouds


@pytest.mark.parametrize("base_url", CLOUDS.values())
def test_the_four_clouds_are_known_with_a_slash_or_without(base_url: str) -> None:
    keys = key_set(support.oct_key())
    assert provision(keys, base_url=base_url, at=NOW).base_url == base_url
    assert provision(keys, base_url=f"{base_url}/", at=NOW).base_url == base_url


@pytest.mark.parametrize(
    "base_url",
    [
        "https://graph.microsoft.com",
        "https://graph.microsoft.com/v1.0",
        "http://graph.microsoft.com/beta",
        "https://graph.microsoft.com/beta//",
        "https://graph.microsoft.com.example/beta",
        "https://graph.microsoft.com@example/beta",
        "",
        None,
        5,
    ],
)
def test_private_keys_are_meant_for_nobody_else(base_url: Any) -> None:
    error = refused(key_set(support.oct_key()), base_url=base_url)
    assert (error.code, error.target) == ("BadRequest", "base_url")
    assert all(each in error.message for each in CLOUDS.values())


# --- what the service would refuse, and what would break sign-in


def test_a_key_without_its_private_part_is_refused(rsa_key: TrustFrameworkKey) -> None:
    error = refused(key_set(rsa_key.public()), at=NOW)
    assert error.code == "AADB2C90085"
    assert "keys without a private part (1)" in error.message
    assert "bring a set that has the private parts" in error.message
    # One of two as well, by whichever way.
    other = testing.rsa_key(1).public()
    assert refused(key_set(rsa_key, other), by="action", at=NOW).code == "AADB2C90085"


def test_a_set_without_keys_is_refused() -> None:
    error = refused(key_set(), at=NOW)
    assert (error.code, error.target) == ("BadRequest", "keyset")
    assert "add one first" in error.message
    disabled = key_set(support.oct_key(status="disabled"))
    assert "enable one" in refused(disabled, skip_disabled=True, at=NOW).message


@pytest.mark.parametrize("keys", [None, [], {"keys": []}, "B2C_1A_test"])
def test_what_is_no_key_set_is_refused(keys: Any) -> None:
    assert "must be a TrustFrameworkKeySet" in refused(keys).message


def test_a_set_that_has_no_active_key_now_is_refused() -> None:
    for dates in ((NOW + 1, None), (None, NOW)):
        error = refused(key_set(support.oct_key(*dates)), at=NOW)
        assert (error.code, error.target) == ("BadRequest", "keyset")
        assert "has no active key at 2027-01-15T08:00:00Z" in error.message
        assert "add a key that is valid now" in error.message


def test_without_a_time_it_is_the_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = key_set(support.oct_key(NOW, NOW + 10))
    monkeypatch.setattr("time.time", lambda: float(NOW + 9))
    assert provision(keys).requests
    monkeypatch.setattr("time.time", lambda: float(NOW + 10))
    assert "has no active key" in refused(keys).message
    assert provision(keys, at=datetime(2027, 1, 15, 8, tzinfo=UTC)).requests


def test_disabled_keys_would_come_enabled_and_so_are_refused_or_left_out() -> None:
    kept = support.oct_key()
    keys = key_set(kept, support.oct_key(status="disabled"), support.oct_key(status="disabled"))
    error = refused(keys, at=NOW)
    assert (error.code, error.target) == ("BadRequest", "keyset")
    assert "disabled keys (2)" in error.message
    assert "skip_disabled" in error.message
    provisioning = provision(keys, skip_disabled=True, at=NOW)
    (jwk,) = only(provisioning).private_body()["keys"]
    assert jwk["k"] == kept.to_jwk(private=True)["k"]
    assert "2 of 3 keys are left out, since disabled" in provisioning.notes
    # The set itself keeps them.
    assert len(keys) == 3


@pytest.mark.parametrize("by", ["post", "", None, "CREATE"])
def test_another_way_than_the_two_is_refused(by: Any) -> None:
    error = refused(key_set(support.oct_key()), by=by, at=NOW)
    assert error.target == "by"
    assert '"create" or "action"' in error.message


def test_an_action_replaces_nothing() -> None:
    error = refused(key_set(text_key("x")), by="action", replace=True, at=NOW)
    assert error.target == "replace"
    assert "replace by create" in error.message


@pytest.mark.parametrize("secret", [b"\xff" * 32, b"line\n", b"\0", "\ufefftext".encode()])
def test_a_secret_that_is_no_text_is_refused_by_action_and_not_shown(secret: bytes) -> None:
    jwk = {"kty": "oct", "use": "sig", "k": support.b64(b"x" + secret), "kid": "one"}
    keys = key_set(text_key("fine"), TrustFrameworkKey.from_jwk(jwk))
    error = refused(keys, by="action", at=NOW)
    assert error.message.startswith("key one: ")
    assert error.message.endswith("provision by create")
    assert support.leaks(support.all_text_of(error), jwk) == []
    assert provision(keys, at=NOW).requests


def test_an_rsa_key_without_a_certificate_is_refused_by_action(rsa_key: TrustFrameworkKey) -> None:
    error = refused(key_set(rsa_key), by="action", at=NOW)
    assert error.target == "by"
    assert "has no certificate" in error.message
    assert "provision by create" in error.message


@pytest.mark.parametrize("dates", [{"nbf": NOW}, {"exp": NOW + DAY}, {"nbf": None}, {"exp": None}])
def test_dates_that_a_pfx_would_lose_are_refused(
    certified: TrustFrameworkKey, dates: dict[str, Any]
) -> None:
    keys = key_set(attrs.evolve(certified, **dates))
    error = refused(keys, by="action", at=NOW)
    assert "other dates than its certificate (2027-01-14T08:00:00Z to" in error.message
    assert "provision by create" in error.message
    assert provision(keys, at=NOW).requests


@pytest.mark.parametrize("by", ["create", "action"])
def test_a_certificate_for_another_use_is_refused(certified: TrustFrameworkKey, by: Any) -> None:
    error = refused(key_set(attrs.evolve(certified, use="enc")), by=by, at=NOW)
    assert (error.code, error.target) == ("AADB2C95034", "use")
    assert error.message.startswith(f"key {certified.kid}: ")


def test_what_cannot_be_mixed_does_not_come_this_far() -> None:
    """`AADB2C95032` and `AADB2C95042` are refused where a key is added to a set."""
    with pytest.raises(InvalidInputError) as caught:
        key_set(testing.oct_key(0), testing.rsa_key(0))
    assert caught.value.code == "AADB2C95032"
    with pytest.raises(InvalidInputError) as caught:
        key_set(support.oct_key(), support.oct_key(use="enc"))
    assert caught.value.code == "AADB2C95042"


# --- what a person should know


def test_what_may_go_wrong_later_is_said() -> None:
    soon, later = support.oct_key(NOW - DAY, NOW + DAY), support.oct_key(NOW + 2 * DAY)
    notes = provision(key_set(soon, later, support.oct_key(NOW + 60)), at=NOW).notes
    assert any("starts at 2027-01-15T08:01:00Z" in note for note in notes)
    notes = provision(key_set(soon, later), at=NOW).notes
    assert any("no key is active from 2027-01-16T08:00:00Z to" in note for note in notes)
    assert any("is active until it expires" in note for note in notes)
    assert provision(key_set(support.oct_key()), at=NOW).notes == ()


def test_a_certificate_that_leaves_the_use_open_is_said_by_action(
    certified: TrustFrameworkKey,
) -> None:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    start = datetime(2027, 1, 1, tzinfo=UTC)
    open_certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(certified.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=90))
        .sign(certified.private_key(), SHA256())
    )
    bare = attrs.evolve(
        certified, nbf=int(start.timestamp()), exp=int(start.timestamp()) + 90 * DAY, x5c=()
    )
    keys = key_set(with_certificates(bare, [open_certificate]))
    said = "look at the use that the service gives it"
    assert any(said in note for note in provision(keys, by="action", at=NOW).notes)
    assert not any(said in note for note in provision(keys, at=NOW).notes)
    named = provision(key_set(certified), by="action", at=NOW).notes
    assert not any(said in note for note in named)


# --- secrets stay put


def test_no_body_shows_itself(rsa_key: TrustFrameworkKey, certified: TrustFrameworkKey) -> None:
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
    # Who changes what was given changes nothing in the request.
    one.private_body()["keys"].clear()
    assert one == same
