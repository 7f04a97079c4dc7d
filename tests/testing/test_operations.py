"""Each operation answers as its page in Graph's reference says, and does what it answers."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

import trustkeys
from tests import support
from tests.formats.helpers import Authority
from tests.support import combinations
from tests.testing.tenant import (
    BETA,
    EMPTY,
    ENTITY,
    FIRST,
    KEY,
    SECOND,
    SECRET,
    SECRETS,
    SETS,
    SIGNING,
    Send,
    alone,
    certificate_body,
    direct,
    in_set,
    key_of,
    missing,
    refused,
    shown,
    state,
    tenant,
    upload,
)
from trustkeys import TrustFrameworkKey, TrustFrameworkKeySet, testing
from trustkeys.graph import CLOUDS
from trustkeys.testing import GraphTransport

READING: dict[str, tuple[str, str, Callable[[GraphTransport], dict[str, Any]]]] = {
    "list": (
        SETS,
        "trustFramework/keySets",
        lambda tenant: {"value": [shown(keys) for keys in tenant.key_sets.values()]},
    ),
    "get": (SIGNING, ENTITY, lambda tenant: shown(tenant.key_sets["B2C_1A_signing"])),
    "get-oct": (SECRETS, ENTITY, lambda tenant: shown(tenant.key_sets["B2C_1A_secrets"])),
    "get-empty": (EMPTY, ENTITY, lambda tenant: {"id": "B2C_1A_empty", "keys": []}),
    "active": (f"{SIGNING}/getActiveKey", KEY, lambda tenant: alone(FIRST)),
    "active-as-a-function": (f"{SIGNING}/getActiveKey()", KEY, lambda tenant: alone(FIRST)),
    "active-oct": (f"{SECRETS}/getActiveKey", KEY, lambda tenant: alone(SECRET)),
    "keys": (
        f"{SIGNING}/keys_v2",
        "trustFramework/keySets('B2C_1A_signing')/keys_v2",
        lambda tenant: {"value": shown(tenant.key_sets["B2C_1A_signing"])["keys"]},
    ),
    "keys-empty": (
        f"{EMPTY}/keys_v2",
        "trustFramework/keySets('B2C_1A_empty')/keys_v2",
        lambda tenant: {"value": []},
    ),
    "key": (
        f"{SIGNING}/keys_v2/{FIRST.kid}",
        "trustFramework/keySets('B2C_1A_signing')/keys_v2/$entity",
        lambda tenant: in_set(FIRST),
    ),
}


@pytest.mark.parametrize(("name", "cloud"), combinations(READING, CLOUDS))
def test_reads_answer_as_documented(send: Send, name: str, cloud: str) -> None:
    path, context, content = READING[name]
    base_url = CLOUDS[cloud]
    transport = tenant()
    before = state(transport)
    answer = send(transport, "GET", base_url + path)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    expected = {"@odata.context": f"{base_url}/$metadata#{context}", **content(transport)}
    assert answer.json() == expected
    assert list(answer.json()) == list(expected)
    assert state(transport) == before


@pytest.mark.parametrize(
    ("keys", "given_id", "cloud"),
    combinations([..., None, []], ["new", "B2C_1A_new", "b2c_1a_new"], CLOUDS),
)
def test_a_created_set_is_found_at_its_location(
    send: Send, keys: Any, given_id: str, cloud: str
) -> None:
    transport = tenant()
    base_url = CLOUDS[cloud]
    body = {"id": given_id, **({} if keys is ... else {"keys": keys})}
    answer = send(transport, "POST", base_url + SETS, json=body)
    location = f"{base_url}/trustFramework/keySets('B2C_1A_new')"
    assert (answer.status_code, answer.headers["Location"]) == (201, location)
    content = {
        "@odata.context": f"{base_url}/$metadata#{ENTITY}",
        "id": "B2C_1A_new",
        "keys": [],
    }
    assert answer.json() == content
    assert transport.key_sets["B2C_1A_new"] == TrustFrameworkKeySet("new")
    assert list(transport.key_sets)[-1] == "B2C_1A_new"
    assert send(transport, "GET", location).json() == content
    assert send(transport, "GET", f"{base_url}{SETS}/B2C_1A_new").json() == content


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
@pytest.mark.parametrize("kty", ["RSA", "oct"])
def test_uploaded_keys_are_kept_whole_and_in_order_and_shown_without_private_parts(
    send: Send, method: str, kty: str
) -> None:
    """The operation's page documents PUT; Microsoft's SDKs send PATCH."""
    make = testing.rsa_key if kty == "RSA" else testing.oct_key
    keys = [make(seed, nbf=seed, exp=2**63 - 1) for seed in (5, 3, 4)]
    transport = tenant()
    body = {"keys": [upload(key) for key in keys]}
    if method == "POST":
        answer = send(transport, method, SETS, json={**body, "id": "uploaded"})
        name = "B2C_1A_uploaded"
    else:
        answer = send(transport, method, SIGNING, json=body)
        name = "B2C_1A_signing"
    assert answer.status_code == (201 if method == "POST" else 200)
    there = transport.key_sets[name]
    assert answer.json() == {"@odata.context": f"{BETA}/$metadata#{ENTITY}", **shown(there)}
    assert [upload(key) for key in there] == body["keys"]
    if kty == "RSA":
        assert [*there] == keys
    else:
        # The thumbprint of an oct key is a hash of its secret.
        assert {key.kid for key in there}.isdisjoint(key.kid for key in keys)


GENERATED: list[tuple[dict[str, Any], str]] = [
    ({"use": "sig", "kty": "RSA", "nbf": 1508969811, "exp": 1508969811}, SIGNING),
    ({"use": "SIG", "kty": "rsa"}, SIGNING),
    ({"use": "enc", "kty": "OCT", "nbf": None, "exp": 2**63 - 1}, SECRETS),
    ({"use": "enc", "kty": "oct"}, EMPTY),
    ({"use": "sig", "kty": "RSA", "@odata.type": "#microsoft.graph.any"}, EMPTY),
]


@pytest.mark.parametrize(("generated", "cloud"), combinations(GENERATED, CLOUDS))
def test_generate_key_answers_as_documented(
    send: Send, generated: tuple[dict[str, Any], str], cloud: str
) -> None:
    body, path = generated
    transport = tenant()
    base_url = CLOUDS[cloud]
    before = state(transport)
    name = path.rpartition("_")[2]
    answer = send(transport, "POST", f"{base_url}{path}/generateKey", json=body)
    key = key_of(transport, name)
    assert answer.status_code == 200
    expected = {"@odata.context": f"{base_url}/$metadata#{KEY}", **alone(key)}
    assert answer.json() == expected
    # The order of the example answer.
    assert list(answer.json()) == list(expected)
    assert (key.use, key.kty.lower()) == (body["use"].lower(), body["kty"].lower())
    assert (key.nbf, key.exp) == (body.get("nbf"), body.get("exp"))
    assert key.has_private
    assert [*transport.key_sets[f"B2C_1A_{name}"]][:-1] == [*before[f"B2C_1A_{name}"]]


@pytest.mark.parametrize("dates", [{}, {"nbf": 5, "exp": None}, {"nbf": 0, "exp": 0}])
def test_a_secret_is_uploaded_as_text(send: Send, dates: dict[str, Any]) -> None:
    transport = tenant()
    text = "a client secret, 'ü'"
    body = {"use": "ENC", "k": text, **dates, "@odata.type": "#any"}
    answer = send(transport, "POST", f"{SECRETS}/uploadSecret", json=body)
    key = key_of(transport, "secrets")
    assert answer.status_code == 200
    assert answer.json() == {
        "@odata.context": f"{BETA}/$metadata#{KEY}",
        "kid": key.kid,
        "use": "enc",
        "kty": "oct",
        "nbf": dates.get("nbf"),
        "exp": dates.get("exp"),
    }
    assert key.to_jwk(private=True)["k"] == support.b64(text.encode())
    assert key.kid != trustkeys.jwk_thumbprint(key.to_jwk(private=True))


@pytest.mark.parametrize("path", [SIGNING, EMPTY])
@pytest.mark.parametrize("action", ["uploadCertificate", "uploadPkcs12"])
def test_a_certificate_is_uploaded_with_or_without_its_key(
    send: Send, certified: TrustFrameworkKey, action: str, path: str
) -> None:
    transport = tenant()
    answer = send(transport, "POST", f"{path}/{action}", json=certificate_body(certified, action))
    key = key_of(transport, path.rpartition("_")[2])
    assert answer.status_code == 200
    assert answer.json() == {"@odata.context": f"{BETA}/$metadata#{KEY}", **alone(certified)}
    assert key == (certified if action == "uploadPkcs12" else certified.public())


BOTH = {"digital_signature": True, "key_encipherment": True}
NEITHER = {"key_cert_sign": True}
SIGNS = {"digital_signature": True}
ENCRYPTS = {"data_encipherment": True}


def usage(allowed: dict[str, bool]) -> x509.KeyUsage:
    names = [
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
        *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    ]
    return x509.KeyUsage(**{**dict.fromkeys(names, False), **allowed})


CHOSEN: list[tuple[x509.KeyUsage | None, str | None, str | None]] = [
    # The key usage, the use of the set's keys, and the use of the new key (None: refused).
    *[
        (each, of_set, of_set or "sig")
        for each in (None, usage(BOTH), usage(NEITHER))
        for of_set in (None, "sig", "enc")
    ],
    (usage(SIGNS), None, "sig"),
    (usage(SIGNS), "sig", "sig"),
    (usage(SIGNS), "enc", None),
    (usage(ENCRYPTS), None, "enc"),
    (usage(ENCRYPTS), "enc", "enc"),
    (usage(ENCRYPTS), "sig", None),
]


@pytest.mark.parametrize(("key_usage", "of_set", "expected"), CHOSEN)
@pytest.mark.parametrize(
    "action", ["uploadCertificate", pytest.param("uploadPkcs12", marks=pytest.mark.deep)]
)
def test_a_certificate_for_both_uses_or_neither_is_taken(
    action: str, key_usage: x509.KeyUsage | None, of_set: str | None, expected: str | None
) -> None:
    """The service takes it and chooses. Refusing it would fail programs that work."""
    private = testing.rsa_key(5).private_key()
    certificate = Authority().issue("CN=a", private.public_key(), "CN=a", private, key_usage)
    data = certificate.public_bytes(Encoding.DER)
    password = {}
    if action == "uploadPkcs12":
        encryption = BestAvailableEncryption(b"a")
        data = serialize_key_and_certificates(None, private, certificate, None, encryption)
        password = {"password": "a"}
    keys = TrustFrameworkKeySet("any", [] if of_set is None else [testing.rsa_key(6, use=of_set)])
    transport = GraphTransport([keys])
    body = {"key": base64.b64encode(data).decode(), **password}
    answer = direct(transport, "POST", f"{SETS}/B2C_1A_any/{action}", json=body)
    if expected is None:
        refused(answer, 400, "AADB2C95034", "use")
        assert len(keys) == 1
    else:
        assert answer.json()["use"] == expected
        key = key_of(transport, "any")
        assert (key.use, key.nbf) == (expected, answer.json()["nbf"])
        assert key.has_private == (action == "uploadPkcs12")


def test_what_an_upload_leaves_out_is_a_warning_and_not_in_the_answer() -> None:
    authority, key = Authority(), testing.rsa_key(5)
    password = BestAvailableEncryption(b"a")
    leaf, others = authority.issue_for(key), [authority.middle, authority.issue_for(FIRST)]
    pfx = serialize_key_and_certificates(None, key.private_key(), leaf, others, password)
    transport = tenant()
    body = {"key": base64.b64encode(pfx).decode(), "password": "a"}
    with pytest.warns(UserWarning, match="left out 1 certificate outside the chain"):
        answer = direct(transport, "POST", f"{SIGNING}/uploadPkcs12", json=body)
    added = key_of(transport, "signing")
    assert len(added.x5c) == 2
    assert answer.json() == {"@odata.context": f"{BETA}/$metadata#{KEY}", **alone(added)}


@pytest.mark.parametrize("of_set", [None, "enc"])
def test_a_pfx_without_a_certificate_needs_a_set_with_a_use(of_set: str | None) -> None:
    private = testing.rsa_key(5).private_key()
    data = serialize_key_and_certificates(None, private, None, None, BestAvailableEncryption(b"a"))
    body = {"key": base64.b64encode(data).decode(), "password": "a"}
    keys = TrustFrameworkKeySet("any", [] if of_set is None else [testing.rsa_key(6, use=of_set)])
    transport = GraphTransport([keys])
    answer = direct(transport, "POST", f"{SETS}/B2C_1A_any/uploadPkcs12", json=body)
    if of_set is None:
        refused(answer, 400, "AADB2C90253", "use")
    else:
        assert answer.json()["use"] == of_set


def test_set_status_changes_only_the_status(send: Send) -> None:
    transport = tenant()
    before = [*transport.key_sets["B2C_1A_signing"]]
    for status in ("disabled", "disabled", "enabled"):
        body = {"status": status, "@odata.type": "#microsoft.graph.trustFrameworkKey_v2"}
        answer = send(transport, "PATCH", f"{SIGNING}/keys_v2/{FIRST.kid}", json=body)
        assert (answer.status_code, answer.content) == (204, b"")
        assert send(transport, "GET", f"{SIGNING}/keys_v2/{FIRST.kid}").json()["status"] == status
        active = send(transport, "GET", f"{SIGNING}/getActiveKey")
        assert active.status_code == (404 if status == "disabled" else 200)
    assert [*transport.key_sets["B2C_1A_signing"]] == before


def test_an_uploaded_key_is_enabled_even_if_its_status_is_disabled(send: Send) -> None:
    """Otherwise a test would see a key as disabled that the service uses."""
    transport = tenant()
    body = {"id": "new", "keys": [upload(testing.oct_key(1), status="disabled")]}
    assert send(transport, "POST", SETS, json=body).json()["keys"][0]["status"] == "enabled"
    assert key_of(transport, "new").status == "enabled"


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("given_id", [..., None, "signing", "B2C_1A_signing"])
def test_replacing_a_set_removes_its_keys(send: Send, method: str, given_id: Any) -> None:
    transport = tenant()
    body = {} if given_id is ... else {"id": given_id}
    assert send(transport, method, SIGNING, json={**body, "keys": []}).status_code == 200
    assert transport.key_sets["B2C_1A_signing"] == TrustFrameworkKeySet("signing")
    # Now the set accepts keys of another type.
    body = {**body, "keys": [upload(testing.oct_key(1))]}
    assert send(transport, method, SIGNING, json=body).json()["keys"][0]["kty"] == "oct"
    assert list(transport.key_sets) == ["B2C_1A_signing", "B2C_1A_secrets", "B2C_1A_empty"]


@pytest.mark.parametrize("given", ["", "signing", "B2C_1A_signing", None])
@pytest.mark.parametrize("context", [{}, {"@odata.context": "a"}, {"keys_v2": None}])
def test_a_patch_that_does_not_name_the_keys_leaves_them(
    context: dict[str, Any], given: str | None
) -> None:
    """OData 4.01 section 11.4.3. The Java SDK writes only members that have changed."""
    transport = tenant()
    before = state(transport)
    body = {**context, **({} if given == "" else {"id": given})}
    answer = direct(transport, "PATCH", SIGNING, json=body)
    assert (answer.status_code, answer.json()) == (200, direct(transport, "GET", SIGNING).json())
    assert state(transport) == before
    refused(direct(transport, "PUT", SIGNING, json=body), 400, "AADB2C90253", "keys")
    null = {**body, "keys": None}
    refused(direct(transport, "PATCH", SIGNING, json=null), 400, "AADB2C90253", "keys")
    assert state(transport) == before


def test_a_deleted_set_is_kept_as_bak_until_that_is_deleted(send: Send) -> None:
    transport = tenant()
    old = transport.key_sets["B2C_1A_signing"]
    backup = f"{SIGNING}.bak"
    answer = send(transport, "DELETE", SIGNING)
    assert (answer.status_code, answer.content) == (204, b"")
    refused(send(transport, "GET", SIGNING), *missing("GET"))
    assert transport.key_sets["B2C_1A_signing.bak"] is old
    expected = shown(old, "B2C_1A_signing.bak")
    assert send(transport, "GET", backup).json() == {
        "@odata.context": f"{BETA}/$metadata#{ENTITY}",
        **expected,
    }
    assert expected in send(transport, "GET", SETS).json()["value"]
    # The name is free again, and a second deletion replaces the .bak set.
    assert send(transport, "POST", SETS, json={"id": "signing"}).status_code == 201
    assert send(transport, "DELETE", SIGNING).status_code == 204
    assert send(transport, "GET", backup).json()["keys"] == []
    assert send(transport, "DELETE", backup).status_code == 204
    refused(send(transport, "GET", backup), *missing("GET"))
    assert list(transport.key_sets) == ["B2C_1A_secrets", "B2C_1A_empty"]


def test_a_bak_set_works_as_any_set(send: Send) -> None:
    transport = tenant()
    send(transport, "DELETE", SIGNING)
    path = f"{SIGNING}.bak"
    context = f"{BETA}/$metadata#trustFramework/keySets('B2C_1A_signing.bak')/keys_v2"
    assert send(transport, "GET", f"{path}/keys_v2").json()["@odata.context"] == context
    assert send(transport, "GET", f"{path}/getActiveKey").json()["kid"] == FIRST.kid
    for given_id in ({}, {"id": "B2C_1A_signing.bak"}):
        body = {**given_id, "keys": [upload(SECOND)]}
        answer = send(transport, "PUT", path, json=body)
        assert (answer.status_code, answer.json()["id"]) == (200, "B2C_1A_signing.bak")
    assert [*transport.key_sets["B2C_1A_signing.bak"]] == [SECOND]
