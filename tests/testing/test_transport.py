"""Who tests against this tenant finds out here what would else fail in the real one."""

from __future__ import annotations

import asyncio
import base64
import copy
import functools
import json
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import trustkeys
from tests import support
from trustkeys import GenerateKeyRequest, TrustFrameworkKey, TrustFrameworkKeySet, testing
from trustkeys.formats.exported import Exported
from trustkeys.formats.pkcs12 import to_pkcs12_b2c
from trustkeys.graph import CLOUDS
from trustkeys.testing import GraphTransport

BETA = "https://graph.microsoft.com/beta"
SETS = "/trustFramework/keySets"
SIGNING = f"{SETS}/B2C_1A_signing"
SECRETS = f"{SETS}/B2C_1A_secrets"
EMPTY = f"{SETS}/B2C_1A_empty"
NOW = 15

FIRST = testing.rsa_key(0, nbf=10, exp=20)
SECOND = testing.rsa_key(1)
SECRET = testing.oct_key(0, use="enc", exp=2**63 - 1)

Send = Callable[..., httpx.Response]


def tenant(**options: Any) -> GraphTransport:
    """A tenant with RSA keys, the second one disabled, with a secret, and with an empty set."""
    signing = TrustFrameworkKeySet("signing", [FIRST, SECOND])
    signing.set_status(SECOND.kid, "disabled")
    secrets = TrustFrameworkKeySet("secrets", [SECRET])
    key_sets = [signing, secrets, TrustFrameworkKeySet("empty")]
    return GraphTransport(key_sets, **{"now": NOW, **options})


def state(transport: GraphTransport) -> dict[str, TrustFrameworkKeySet]:
    return {name: copy.copy(keys) for name, keys in transport.key_sets.items()}


def upload(key: TrustFrameworkKey, **changes: Any) -> dict[str, Any]:
    """A private key as it is uploaded: without `kid`, and otherwise as told."""
    jwk = {**key.to_jwk(private=True), "kid": ..., **changes}
    return {name: value for name, value in jwk.items() if value is not ...}


def sync_client(transport: GraphTransport, method: str, url: str, **options: Any) -> httpx.Response:
    with httpx.Client(transport=transport, base_url=BETA) as client:
        return client.request(method, url, **options)


def async_client(
    transport: GraphTransport, method: str, url: str, **options: Any
) -> httpx.Response:
    async def request() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url=BETA) as client:
            return await client.request(method, url, **options)

    return asyncio.run(request())


def without_leaks(client: Send) -> Send:
    """Look at each answer whether it shows private parts of what the tenant has or had."""

    def send(transport: GraphTransport, *args: Any, **options: Any) -> httpx.Response:
        jwks = private_jwks(transport)
        answer = client(transport, *args, **options)
        for jwk in [*jwks, *private_jwks(transport)]:
            assert support.leaks(f"{answer.text} {answer.headers}", jwk) == []
        return answer

    return send


def private_jwks(transport: GraphTransport) -> list[dict[str, Any]]:
    keys = [key for keys in transport.key_sets.values() for key in keys]
    return [key.to_jwk(private=True) for key in keys if key.has_private]


ask = without_leaks(sync_client)


@pytest.fixture(params=[sync_client, async_client], ids=["sync", "async"])
def send(request: pytest.FixtureRequest) -> Send:
    return without_leaks(request.param)


def refused(answer: httpx.Response, status: int, code: str, target: str | None) -> str:
    """The words of an error of this code, in the form of Graph's errors."""
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["target"]) == (status, code, target)
    assert answer.headers["Content-Type"] == "application/json"
    assert list(answer.json()) == ["error"]
    assert list(error) == ["code", "message", "target", "innerError"]
    assert error["message"]
    return str(error["message"])


# --- what an answer shows


def alone(key: TrustFrameworkKey) -> dict[str, Any]:
    """The members of the example answer of generateKey, in their order."""
    jwk = key.to_jwk() if key.kty == "RSA" else {}
    return {
        "k": None,
        "x5c": [*key.x5c],
        "kty": key.kty,
        "use": key.use,
        "exp": key.exp,
        "nbf": key.nbf,
        "kid": key.kid,
        **{name: jwk[name] for name in ("e", "n") if name in jwk},
    }


def in_set(key: TrustFrameworkKey) -> dict[str, Any]:
    return {**alone(key), "x5t": key.x5t, "status": key.status}


def shown(keys: TrustFrameworkKeySet, name: str | None = None) -> dict[str, Any]:
    return {"id": name or keys.id, "keys": [in_set(key) for key in keys]}


def key_of(transport: GraphTransport, name: str) -> TrustFrameworkKey:
    """The newest key of a set."""
    return list(transport.key_sets[f"B2C_1A_{name}"])[-1]


ENTITY = "trustFramework/keySets/$entity"
KEY = "microsoft.graph.trustFrameworkKey"

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


@pytest.mark.parametrize("base_url", CLOUDS.values(), ids=CLOUDS)
@pytest.mark.parametrize(("path", "context", "content"), READING.values(), ids=READING)
def test_all_that_can_be_read_is_answered_as_its_page_says(
    send: Send, path: str, context: str, content: Callable[..., dict[str, Any]], base_url: str
) -> None:
    transport = tenant()
    before = state(transport)
    answer = send(transport, "GET", base_url + path)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    expected = {"@odata.context": f"{base_url}/$metadata#{context}", **content(transport)}
    assert answer.json() == expected
    assert list(answer.json()) == list(expected)
    assert state(transport) == before


@pytest.mark.parametrize("base_url", CLOUDS.values(), ids=CLOUDS)
@pytest.mark.parametrize("given_id", ["new", "B2C_1A_new", "b2c_1a_new"])
@pytest.mark.parametrize("keys", [..., None, []], ids=["without", "null", "empty"])
def test_a_set_is_made_and_found_where_the_answer_says(
    send: Send, keys: Any, given_id: str, base_url: str
) -> None:
    transport = tenant()
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
def test_keys_are_kept_whole_and_in_order_and_shown_without_their_private_parts(
    send: Send, method: str, kty: str
) -> None:
    """Microsoft's SDK replaces with PATCH, where the page of the operation has PUT."""
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
        # A hash of the secret would give it away.
        assert {key.kid for key in there}.isdisjoint(key.kid for key in keys)


@pytest.mark.parametrize("base_url", CLOUDS.values(), ids=CLOUDS)
@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"use": "sig", "kty": "RSA", "nbf": 1508969811, "exp": 1508969811}, SIGNING),
        ({"use": "SIG", "kty": "rsa"}, SIGNING),
        ({"use": "enc", "kty": "OCT", "nbf": None, "exp": 2**63 - 1}, SECRETS),
        ({"use": "enc", "kty": "oct"}, EMPTY),
        ({"use": "sig", "kty": "RSA", "@odata.type": "#microsoft.graph.any"}, EMPTY),
    ],
)
def test_a_key_is_generated_as_the_operation_does(
    send: Send, body: dict[str, Any], path: str, base_url: str
) -> None:
    transport = tenant()
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
def test_a_certificate_is_uploaded_with_and_without_its_key(
    send: Send, certified: TrustFrameworkKey, action: str, path: str
) -> None:
    transport = tenant()
    answer = send(transport, "POST", f"{path}/{action}", json=certificate_body(certified, action))
    key = key_of(transport, path.rpartition("_")[2])
    assert answer.status_code == 200
    assert answer.json() == {"@odata.context": f"{BETA}/$metadata#{KEY}", **alone(certified)}
    assert key == (certified if action == "uploadPkcs12" else certified.public())


def certificate_body(key: TrustFrameworkKey, action: str) -> dict[str, Any]:
    if action == "uploadCertificate":
        return {"key": key.x5c[0]}
    pfx = pfx_of(key)
    return {"key": base64.b64encode(pfx.data).decode(), "password": pfx.password}


@functools.cache
def pfx_of(key: TrustFrameworkKey) -> Exported:
    return to_pkcs12_b2c(key)


def test_a_status_is_all_that_changes_on_a_key(send: Send) -> None:
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


def test_an_uploaded_key_is_enabled_whatever_it_says(send: Send) -> None:
    """Status changes through keys_v2 alone: else a key seems off that the service uses."""
    transport = tenant()
    body = {"id": "new", "keys": [upload(testing.oct_key(1), status="disabled")]}
    assert send(transport, "POST", SETS, json=body).json()["keys"][0]["status"] == "enabled"
    assert key_of(transport, "new").status == "enabled"


# --- replacing and deleting


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("given_id", [..., None, "signing", "B2C_1A_signing"])
def test_replacing_loses_all_keys_that_were_there(send: Send, method: str, given_id: Any) -> None:
    transport = tenant()
    body = {} if given_id is ... else {"id": given_id}
    assert send(transport, method, SIGNING, json={**body, "keys": []}).status_code == 200
    assert transport.key_sets["B2C_1A_signing"] == TrustFrameworkKeySet("signing")
    # Now it takes keys of another kind.
    body = {**body, "keys": [upload(testing.oct_key(1))]}
    assert send(transport, method, SIGNING, json=body).json()["keys"][0]["kty"] == "oct"
    assert list(transport.key_sets) == ["B2C_1A_signing", "B2C_1A_secrets", "B2C_1A_empty"]


def test_a_set_that_was_deleted_stays_as_a_copy_until_that_is_deleted(send: Send) -> None:
    transport = tenant()
    old = transport.key_sets["B2C_1A_signing"]
    backup = f"{SIGNING}.bak"
    answer = send(transport, "DELETE", SIGNING)
    assert (answer.status_code, answer.content) == (204, b"")
    refused(send(transport, "GET", SIGNING), 404, "AADB2C95052", "id")
    assert transport.key_sets["B2C_1A_signing.bak"] is old
    expected = shown(old, "B2C_1A_signing.bak")
    assert send(transport, "GET", backup).json() == {
        "@odata.context": f"{BETA}/$metadata#{ENTITY}",
        **expected,
    }
    assert expected in send(transport, "GET", SETS).json()["value"]
    # The name is free, and of two copies the later one stays.
    assert send(transport, "POST", SETS, json={"id": "signing"}).status_code == 201
    assert send(transport, "DELETE", SIGNING).status_code == 204
    assert send(transport, "GET", backup).json()["keys"] == []
    assert send(transport, "DELETE", backup).status_code == 204
    refused(send(transport, "GET", backup), 404, "AADB2C95052", "id")
    assert list(transport.key_sets) == ["B2C_1A_secrets", "B2C_1A_empty"]


def test_a_copy_can_be_used_as_any_set(send: Send) -> None:
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


# --- what is refused, and that it leaves no trace

RSA = upload(testing.rsa_key(7))
OCT = upload(testing.oct_key(7))

BAD_KEYS: list[tuple[Any, str, str | None]] = [
    ({}, "BadRequest", "keys"),
    (RSA, "BadRequest", "keys"),
    (json.dumps([OCT]), "BadRequest", "keys"),
    ([5], "AADB2C95026", "keys"),
    ([[OCT]], "AADB2C95026", "keys"),
    ([json.dumps(OCT)], "AADB2C95026", "keys"),
    ([OCT, json.dumps({**OCT, "kid": "a"})], "AADB2C95026", "keys"),
    ([{**OCT, "kid": "a"}], "AADB2C95059", "kid"),
    ([RSA, testing.rsa_key(8).to_jwk(private=True)], "AADB2C95059", "kid"),
    ([{}], "AADB2C95037", "kty"),
    ([{**OCT, "kty": None}], "AADB2C95037", "kty"),
    ([{**OCT, "kty": "EC"}], "AADB2C95031", "kty"),
    ([{**OCT, "kty": 5}], "AADB2C95031", "kty"),
    ([{**OCT, "use": None}], "AADB2C90253", "use"),
    ([{**OCT, "use": OCT["k"]}], "AADB2C95033", "use"),
    ([{**OCT, "k": "text, not base64url"}], "AADB2C95029", "k"),
    ([{**OCT, "k": None}], "AADB2C95034", "k"),
    ([{**RSA, "n": None}], "AADB2C95039", "n"),
    ([{**RSA, "e": None}], "AADB2C95039", "e"),
    ([{**RSA, "n": "=="}], "AADB2C95034", "n"),
    ([{**RSA, "dq": None}], "AADB2C95034", "dq"),
    ([{**RSA, "d": RSA["dp"]}], "AADB2C95034", None),
    ([{**RSA, "x5c": ["AAAA"]}], "AADB2C95034", "x5c"),
    ([{**OCT, "nbf": "now"}], "BadRequest", "nbf"),
    ([{**OCT, "nbf": 2, "exp": 1}], "BadRequest", "exp"),
    ([RSA, OCT], "AADB2C95032", "kty"),
    ([OCT, RSA], "AADB2C95032", "kty"),
    ([OCT, {**OCT, "use": "enc"}], "AADB2C95042", "use"),
    ([RSA, RSA], "BadRequest", "kid"),
]


@pytest.mark.parametrize(("keys", "code", "target"), BAD_KEYS)
@pytest.mark.parametrize(
    ("method", "path", "more"),
    [("POST", SETS, {"id": "new"}), ("PUT", SIGNING, {}), ("PATCH", SIGNING, {})],
)
def test_one_bad_key_and_none_is_taken_nor_lost(
    method: str, path: str, more: dict[str, Any], keys: Any, code: str, target: str | None
) -> None:
    transport = tenant()
    before = state(transport)
    answer = ask(transport, method, path, json={**more, "keys": keys})
    refused(answer, 400, code, target)
    assert not any(secret in answer.text for secret in (RSA["d"], OCT["k"]))
    assert state(transport) == before


GENERATE = f"{SIGNING}/generateKey"
SECRET_TO = f"{SECRETS}/uploadSecret"
CERTIFICATE_TO = f"{SIGNING}/uploadCertificate"
PFX_TO = f"{SIGNING}/uploadPkcs12"
STATUS_OF = f"{SIGNING}/keys_v2/{FIRST.kid}"
NO_CERTIFICATE = base64.b64encode(b"no certificate").decode()

BAD_REQUESTS: list[tuple[str, str, Any, int, str, str | None]] = [
    ("POST", SETS, {}, 400, "AADB2C90253", "id"),
    ("POST", SETS, {"id": None, "keys": []}, 400, "AADB2C90253", "id"),
    ("POST", SETS, {"id": ""}, 400, "BadRequest", "id"),
    ("POST", SETS, {"id": "a.bak"}, 400, "BadRequest", "id"),
    ("POST", SETS, {"id": ["a"]}, 400, "BadRequest", "id"),
    ("POST", SETS, {"id": "signing"}, 409, "AADB2C95028", "id"),
    ("POST", SETS, {"id": "B2C_1A_signing", "keys": [OCT]}, 409, "AADB2C95028", "id"),
    ("POST", SETS, {"id": "a", "kesy": []}, 400, "BadRequest", "kesy"),
    ("PUT", SIGNING, {}, 400, "AADB2C90253", "keys"),
    ("PUT", SIGNING, {"keys": None}, 400, "AADB2C90253", "keys"),
    ("PUT", SIGNING, {"id": "other", "keys": []}, 400, "BadRequest", "id"),
    ("PUT", SIGNING, {"id": ["signing"], "keys": []}, 400, "BadRequest", "id"),
    ("PATCH", SIGNING, {"id": "signing", "x": 1}, 400, "BadRequest", "x"),
    ("POST", GENERATE, {}, 400, "AADB2C90253", "use"),
    ("POST", GENERATE, {"use": "sig"}, 400, "AADB2C95030", "kty"),
    ("POST", GENERATE, {"use": "sig", "kty": "EC"}, 400, "AADB2C95031", "kty"),
    ("POST", GENERATE, {"use": None, "kty": "RSA"}, 400, "AADB2C95033", "use"),
    ("POST", GENERATE, {"use": "sign", "kty": "RSA"}, 400, "AADB2C95033", "use"),
    ("POST", GENERATE, {"use": "sig", "kty": "oct"}, 400, "AADB2C95032", "kty"),
    ("POST", GENERATE, {"use": "enc", "kty": "RSA"}, 400, "AADB2C95042", "use"),
    ("POST", GENERATE, {"use": "sig", "kty": "RSA", "nbf": 2, "exp": 1}, 400, "BadRequest", "exp"),
    ("POST", GENERATE, {"use": "sig", "kty": "RSA", "size": 4096}, 400, "BadRequest", "size"),
    ("POST", SECRET_TO, {"use": "enc"}, 400, "AADB2C90253", "k"),
    ("POST", SECRET_TO, {"use": "enc", "k": ""}, 400, "AADB2C90253", "k"),
    ("POST", SECRET_TO, {"use": "enc", "k": 5}, 400, "BadRequest", "k"),
    ("POST", SECRET_TO, {"k": "a secret"}, 400, "AADB2C90253", "use"),
    ("POST", SECRET_TO, {"k": "a secret", "use": "sign"}, 400, "AADB2C95033", "use"),
    ("POST", SECRET_TO, {"k": "a secret", "use": "enc", "nbf": "5"}, 400, "BadRequest", "nbf"),
    ("POST", SECRET_TO, {"k": "a secret", "use": "enc", "kty": "oct"}, 400, "BadRequest", "kty"),
    ("POST", SECRET_TO, {"k": "a secret", "use": "sig"}, 400, "AADB2C95042", "use"),
    ("POST", f"{SIGNING}/uploadSecret", {"k": "a", "use": "sig"}, 400, "AADB2C95032", "kty"),
    ("POST", CERTIFICATE_TO, {}, 400, "AADB2C90253", "key"),
    ("POST", CERTIFICATE_TO, {"key": "no base64!"}, 400, "AADB2C95034", "key"),
    ("POST", CERTIFICATE_TO, {"key": 5}, 400, "AADB2C95034", "key"),
    ("POST", CERTIFICATE_TO, {"key": NO_CERTIFICATE}, 400, "AADB2C95034", None),
    ("POST", CERTIFICATE_TO, {"key": "", "password": "a"}, 400, "BadRequest", "password"),
    ("POST", PFX_TO, {"password": "a"}, 400, "AADB2C90253", "key"),
    ("POST", PFX_TO, {"key": NO_CERTIFICATE}, 400, "AADB2C90253", "password"),
    ("POST", PFX_TO, {"key": NO_CERTIFICATE, "password": ""}, 400, "BadRequest", "password"),
    ("POST", PFX_TO, {"key": NO_CERTIFICATE, "password": "a"}, 400, "AADB2C95025", "password"),
    ("POST", PFX_TO, {"key": "no base64!", "password": "a"}, 400, "AADB2C95034", "key"),
    ("PATCH", STATUS_OF, {}, 400, "AADB2C90253", "status"),
    ("PATCH", STATUS_OF, {"status": None}, 400, "AADB2C90253", "status"),
    ("PATCH", STATUS_OF, {"status": "Enabled"}, 400, "BadRequest", "status"),
    ("PATCH", STATUS_OF, {"status": "unknownFutureValue"}, 400, "BadRequest", "status"),
    ("PATCH", STATUS_OF, {"status": "disabled", "exp": 1}, 400, "BadRequest", "exp"),
    ("PATCH", f"{SIGNING}/keys_v2/other", {"status": "disabled"}, 404, "NotFound", "kid"),
    ("GET", f"{SIGNING}/keys_v2/other", None, 404, "NotFound", "kid"),
    ("GET", f"{EMPTY}/getActiveKey", None, 404, "NotFound", "at"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "code", "target"), BAD_REQUESTS)
def test_what_the_service_refuses_is_refused_with_its_code_and_changes_nothing(
    method: str, path: str, body: Any, status: int, code: str, target: str | None
) -> None:
    transport = tenant()
    before = state(transport)
    refused(ask(transport, method, path, json=body), status, code, target)
    assert state(transport) == before


def test_a_pfx_is_refused_with_another_password_and_a_certificate_for_another_use(
    send: Send, certified: TrustFrameworkKey
) -> None:
    transport = tenant()
    before = state(transport)
    body = {**certificate_body(certified, "uploadPkcs12"), "password": "another"}
    answer = send(transport, "POST", PFX_TO, json=body)
    refused(answer, 400, "AADB2C95025", "password")
    # Of one that is there for enc, the key usage must be for enc.
    answer = send(transport, "POST", f"{SECRETS}/uploadCertificate", json={"key": certified.x5c[0]})
    refused(answer, 400, "AADB2C95034", "use")
    assert state(transport) == before


ADDRESSES = {
    SETS: ["GET", "POST"],
    SIGNING: ["GET", "PUT", "PATCH", "DELETE"],
    f"{SIGNING}/generateKey": ["POST"],
    f"{SIGNING}/uploadSecret": ["POST"],
    f"{SIGNING}/uploadCertificate": ["POST"],
    f"{SIGNING}/uploadPkcs12": ["POST"],
    f"{SIGNING}/getActiveKey": ["GET"],
    f"{SIGNING}/getActiveKey()": ["GET"],
    f"{SIGNING}/keys_v2": ["GET"],
    f"{SIGNING}/keys_v2/{FIRST.kid}": ["GET", "PATCH"],
}
IN_A_SET = [
    (method, path.removeprefix(SIGNING))
    for path, methods in ADDRESSES.items()
    for method in methods
    if path != SETS
]


@pytest.mark.parametrize(("method", "rest"), IN_A_SET)
@pytest.mark.parametrize("name", ["B2C_1A_other", "signing", "b2c_1a_signing", "%20", "('a')"])
def test_in_a_set_that_is_not_there_nothing_can_be_done(method: str, rest: str, name: str) -> None:
    """Not even made: a script that forgot to make the set would run here, and not there."""
    transport = tenant()
    before = state(transport)
    answer = sync_client(transport, method, f"{SETS}/{name}{rest}", json={"keys": []})
    refused(answer, 404, "AADB2C95052", "id")
    assert state(transport) == before


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize(("path", "allowed"), ADDRESSES.items())
def test_a_wrong_method_is_told_the_right_ones(path: str, allowed: list[str], method: str) -> None:
    transport = tenant()
    before = state(transport)
    answer = ask(transport, method, path, json={})
    assert (answer.status_code == 405) == (method not in allowed)
    if answer.status_code == 405:
        assert answer.headers["Allow"] == ", ".join(allowed)
        assert answer.headers["Allow"] in refused(answer, 405, "MethodNotAllowed", None)
        assert state(transport) == before


@pytest.mark.parametrize(
    "url",
    [
        "https://graph.microsoft.com",
        "https://graph.microsoft.com/trustFramework/keySets",
        "https://graph.microsoft.com/v1.0/trustFramework/keySets",
        "https://graph.microsoft.com/v1.0/trustFramework/keySets/B2C_1A_signing",
        "https://graph.microsoft.com/beta/beta/trustFramework/keySets",
        "/",
        "/trustFramework",
        "/trustFramework/policies",
        "/trustFramework/keySets('B2C_1A_signing')/keys",
        f"{SIGNING}/keys",
        f"{SIGNING}/generateKeys",
        f"{SIGNING}/generateKey()",
        f"{SIGNING}/generateKey/RSA",
        f"{SIGNING}/getActiveKey/kid",
        f"{SIGNING}/getActiveKey(1)",
        f"{SIGNING}/keys_v2/{FIRST.kid}/status",
        f"{SIGNING}%2FgenerateKey/x",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_at_another_address_there_is_nothing(method: str, url: str) -> None:
    transport = tenant()
    before = state(transport)
    answer = ask(transport, method, url, json={"use": "sig", "kty": "RSA"})
    refused(answer, 404, "NotFound", None)
    assert "Allow" not in answer.headers
    assert state(transport) == before


# --- addresses


@pytest.mark.parametrize("kid", ["a/b", "a b", "100%", "%2F", "ü", "it's", "('a')", "a?b#c", ".a"])
@pytest.mark.parametrize("form", ["{set}/keys_v2/{kid}", "{set}/keys_v2('{kid}')"])
def test_a_kid_of_any_letters_is_found_when_it_is_percent_encoded(kid: str, form: str) -> None:
    key = TrustFrameworkKey.from_jwk(OCT, kid=kid)
    transport = GraphTransport([TrustFrameworkKeySet("any", [testing.oct_key(1), key])])
    path = form.format(set=f"{SETS}/B2C_1A_any", kid=quote(kid, safe=""))
    assert ask(transport, "GET", path).json()["kid"] == kid
    assert ask(transport, "PATCH", path, json={"status": "disabled"}).status_code == 204
    assert [key.status for key in transport.key_sets["B2C_1A_any"]] == ["enabled", "disabled"]


@pytest.mark.parametrize(
    "url",
    [
        f"{BETA}//trustFramework/keySets/B2C_1A_signing",
        f"{BETA}/trustFramework//keySets/B2C_1A_signing/",
        f"{BETA}/trustFramework/keySets('B2C_1A_signing')",
        f"{BETA}/trustFramework/keySets(%27B2C_1A_signing%27)",
        f"{BETA}/trustFramework/keySets/B2C%5F1A%5Fsigning?",
        "https://graph.microsoft.com:443/beta/trustFramework/keySets/B2C_1A_signing#fragment",
        "https://user:password@graph.microsoft.com/beta/trustFramework/keySets/B2C_1A_signing",
    ],
)
def test_an_address_can_be_written_in_other_ways(url: str) -> None:
    """Microsoft's SDK doubles a slash where its client has a `base_url`."""
    transport = tenant()
    assert ask(transport, "GET", url).json() == {
        "@odata.context": f"{BETA}/$metadata#{ENTITY}",
        **shown(transport.key_sets["B2C_1A_signing"]),
    }


def test_any_host_will_do(send: Send) -> None:
    answer = send(tenant(), "GET", "http://localhost:8080/beta/trustFramework/keySets")
    context = "http://localhost:8080/beta/$metadata#trustFramework/keySets"
    assert answer.json()["@odata.context"] == context


@pytest.mark.parametrize("query", ["$select=id", "$top=1", "a", "%24expand=keys_v2"])
@pytest.mark.parametrize("path", [SETS, SIGNING, f"{SIGNING}/keys_v2", f"{SIGNING}/getActiveKey"])
def test_query_options_are_refused_and_not_passed_over(path: str, query: str) -> None:
    """A program that asks for a part, and gets all, was not tested."""
    answer = ask(tenant(), "GET", f"{path}?{query}")
    assert "query options" in refused(answer, 400, "BadRequest", "query")


# --- bodies

TAKING = [
    ("POST", SETS),
    ("PUT", SIGNING),
    ("PATCH", SIGNING),
    ("POST", GENERATE),
    ("POST", SECRET_TO),
    ("POST", CERTIFICATE_TO),
    ("POST", PFX_TO),
    ("PATCH", STATUS_OF),
]


@pytest.mark.parametrize(("method", "path"), TAKING)
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not JSON (line 1, column 1)"),
        (b"use=sig&kty=RSA", "is not JSON"),
        (b'{"use": "sig",}', "is not JSON"),
        (b"[]", "must be a JSON object"),
        (b'"text"', "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b'{"a": NaN}', "is refused"),
        (b'{"use": "sig", "use": "sig"}', "'use' twice"),
        ('{"k": "ü"}'.encode("latin-1"), "is not UTF-8"),
        (b"[" * 100_000, "is nested too deep"),
        (b" " * 2**24 + b"{}", "is larger than"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else value,
)
def test_a_body_that_is_no_json_object_is_refused(
    method: str, path: str, content: bytes, words: str
) -> None:
    if words == "is nested too deep" and path == GENERATE:
        content = content[:50_000]  # of a request it reads 64 KiB
    transport = tenant()
    before = state(transport)
    answer = sync_client(transport, method, path, content=content)
    assert words in refused(answer, 400, "BadRequest", None)
    assert state(transport) == before


@pytest.mark.parametrize(("method", "path"), TAKING)
def test_a_member_that_is_not_taken_is_refused_by_its_name(method: str, path: str) -> None:
    """Else a misspelt date is no date, and the key never expires."""
    answer = sync_client(tenant(), method, path, json={"xpe": 5, "@odata.type": "#any"})
    assert "'xpe'" in refused(answer, 400, "BadRequest", "xpe")


def test_a_body_can_come_in_pieces_and_be_large() -> None:
    keys = [upload(testing.rsa_key(seed)) for seed in range(200)]
    content = json.dumps({"id": "large", "keys": keys}).encode()
    pieces = [content[start : start + 65_536] for start in range(0, len(content), 65_536)]
    assert len(pieces) > 3

    async def in_pieces() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    for client, body in ((sync_client, iter(pieces)), (async_client, in_pieces())):
        transport = tenant()
        assert client(transport, "POST", SETS, content=body).status_code == 201
        assert [upload(key) for key in transport.key_sets["B2C_1A_large"]] == keys


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=8,
)
likely = st.sampled_from(
    ["sig", "enc", "RSA", "oct", "signing", "enabled", "a", 5, NO_CERTIFICATE, [RSA], [OCT], []]
)
jwks = st.lists(
    st.dictionaries(st.sampled_from([*RSA, "k", "x5c", "kid"]), json_values | likely).map(
        lambda changes: {**RSA, **changes}
    ),
    max_size=2,
)
names = st.sampled_from(
    ["id", "keys", "use", "kty", "nbf", "exp", "k", "key", "password", "status", "other"]
)


@given(st.sampled_from(TAKING), st.dictionaries(names, json_values | likely | jwks, max_size=4))
def test_no_body_is_too_strange_to_be_answered(
    request: tuple[str, str], body: dict[str, Any]
) -> None:
    """An exception out of a transport looks like a fault of the network."""
    transport = tenant()
    before = state(transport)
    answer = sync_client(transport, *request, json=body)
    if answer.status_code >= 400:
        error = answer.json()["error"]
        refused(answer, 409 if error["code"] == "AADB2C95028" else 400, **code_of(error))
        assert state(transport) == before
    else:
        assert answer.status_code in (200, 201, 204)
    assert not any(RSA[name] in answer.text for name in ("d", "p", "q", "dp", "dq", "qi"))


def code_of(error: dict[str, Any]) -> dict[str, Any]:
    assert error["code"] == "BadRequest" or error["code"].startswith("AADB2C9")
    return {"code": error["code"], "target": error["target"]}


# --- the clock


def test_the_clock_moves_a_rotation_along(send: Send) -> None:
    net = testing.oct_key(0)
    keys = TrustFrameworkKeySet("rotated", [net])
    first, second, third = keys.rotate(100, overlap=50, count=3, start=1000, at=900)
    transport = GraphTransport([keys], now=999)
    seen = []
    for now in (999, 1000, 1099, 1100, datetime.fromtimestamp(1200, UTC), 1349, 1350):
        transport.now = now
        answer = send(transport, "GET", f"{SETS}/B2C_1A_rotated/getActiveKey")
        seen.append(answer.json()["kid"])
    assert seen == [key.kid for key in (net, first, first, second, third, third, net)]


def test_without_a_time_of_its_own_it_is_the_clocks(
    send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    transport = tenant(now=None)
    monkeypatch.setattr("time.time", lambda: 19.9)
    assert send(transport, "GET", f"{SIGNING}/getActiveKey").json()["kid"] == FIRST.kid
    monkeypatch.setattr("time.time", lambda: 20.0)
    answer = send(transport, "GET", f"{SIGNING}/getActiveKey")
    assert "1970-01-01T00:00:20Z" in refused(answer, 404, "NotFound", "at")
    assert GraphTransport().now is None


# --- throttling


def test_as_many_requests_as_said_are_throttled(send: Send) -> None:
    transport = tenant()
    before = state(transport)
    transport.throttle(3, retry_after=7)
    for method, path in [("POST", SETS), ("DELETE", SIGNING), ("GET", "/nowhere?a")]:
        answer = send(transport, method, path, json={"id": "new"})
        refused(answer, 429, "AADB2C95043", None)
        assert answer.headers["Retry-After"] == "7"
    assert state(transport) == before
    assert send(transport, "POST", SETS, json={"id": "new"}).status_code == 201


def test_throttling_is_of_one_request_and_can_be_taken_back(send: Send) -> None:
    transport = tenant()
    transport.throttle()
    answer = send(transport, "GET", SETS)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert send(transport, "GET", SETS).status_code == 200
    transport.throttle(5)
    transport.throttle(0)
    assert send(transport, "GET", SETS).status_code == 200


# --- state


def test_what_a_test_puts_in_is_there_and_what_a_program_makes_is_found(send: Send) -> None:
    transport = GraphTransport()
    assert transport.key_sets == {}
    assert send(transport, "GET", SETS).json()["value"] == []
    key = testing.rsa_key(0)
    transport.key_sets["B2C_1A_put"] = TrustFrameworkKeySet("put", [key])
    path = f"{SETS}/B2C_1A_put"
    assert send(transport, "GET", path).json()["keys"] == [in_set(key)]
    send(transport, "POST", f"{path}/generateKey", json={"use": "sig", "kty": "RSA"})
    made = key_of(transport, "put")
    # Whole, so that a test can sign with it.
    assert made.private_key().public_key() == made.public_key()
    transport.key_sets["B2C_1A_put"].set_status(made.kid, "disabled")
    assert send(transport, "GET", f"{path}/keys_v2/{made.kid}").json()["status"] == "disabled"
    transport.key_sets.clear()
    refused(send(transport, "GET", path), 404, "AADB2C95052", "id")


def test_two_tenants_have_nothing_in_common(send: Send) -> None:
    one, other = tenant(), tenant()
    send(one, "DELETE", SIGNING)
    one.throttle()
    assert send(other, "GET", SIGNING).status_code == 200


# --- the keys that it makes


def generated(transport: GraphTransport, kty: str, name: str = "made") -> TrustFrameworkKey:
    path = f"{SETS}/B2C_1A_{name}"
    body = {"use": "sig", "kty": kty}
    assert sync_client(transport, "POST", f"{path}/generateKey", json=body).status_code == 200
    return key_of(transport, name)


def material(key: TrustFrameworkKey) -> str:
    jwk = key.to_jwk(private=True)
    return str(jwk["n"] if key.kty == "RSA" else jwk["k"])


@pytest.mark.parametrize("make", [testing.rsa_key, testing.oct_key])
def test_the_first_keys_that_come_to_mind_are_left_to_who_writes_the_test(
    make: Callable[[int], TrustFrameworkKey],
) -> None:
    """Else the set would have a key of that kid already."""
    transport = GraphTransport([TrustFrameworkKeySet("made")])
    made = {generated(transport, make(0).kty) for _ in range(20)}
    for seed in range(20):
        transport.key_sets["B2C_1A_made"].add(make(seed))
    assert len(transport.key_sets["B2C_1A_made"]) == 40
    assert len(made) == 20


@pytest.mark.parametrize("kty", ["RSA", "oct"])
def test_each_key_is_a_test_key_and_another_one(kty: str) -> None:
    """Else the second generateKey fails, or a test cannot tell two keys apart."""
    make = testing.rsa_key if kty == "RSA" else testing.oct_key
    before = TrustFrameworkKeySet("before", [make(0), make(2, nbf=5)])
    made = TrustFrameworkKeySet("made")
    transport = GraphTransport([before, made])
    # The one of the next seed, as an upload: an oct key has another kid then.
    jwks = [upload(make(1)), upload(make(4))]
    sync_client(transport, "POST", SETS, json={"id": "uploaded", "keys": jwks})
    keys = [generated(transport, kty) for _ in range(10)]
    assert all(testing.is_test_key(key) for key in keys)
    everything = [key for keys in transport.key_sets.values() for key in keys]
    assert len({material(key) for key in everything}) == len(everything) == 14
    # Nor does a key come back when its set is gone.
    transport.key_sets["B2C_1A_made"] = TrustFrameworkKeySet("made")
    assert material(generated(transport, kty)) not in {material(key) for key in keys}


@pytest.mark.parametrize("kty", ["RSA", "oct"])
def test_the_keys_are_made_by_what_is_given(kty: str) -> None:
    requests = []

    def generate(request: GenerateKeyRequest) -> TrustFrameworkKey:
        requests.append(request)
        return trustkeys.generate(request)

    transport = GraphTransport([TrustFrameworkKeySet("made")], generate=generate)
    key = generated(transport, kty)
    assert not testing.is_test_key(key)
    assert requests == [GenerateKeyRequest("sig", kty)]
    direct = GraphTransport([TrustFrameworkKeySet("made")], generate=trustkeys.generate)
    assert generated(direct, kty) != key


# --- threads


def test_several_threads_lose_no_key_and_make_none_twice() -> None:
    inside = []
    most = []

    def generate(request: GenerateKeyRequest) -> TrustFrameworkKey:
        inside.append(threading.get_ident())
        most.append(len(inside))
        time.sleep(0.001)  # so that another one would get in
        inside.pop()
        return trustkeys.generate(request)

    transport = GraphTransport([TrustFrameworkKeySet("made")], generate=generate)
    transport.throttle(20)
    client = httpx.Client(transport=transport, base_url=BETA)
    body = {"use": "sig", "kty": "oct"}

    def request(_: int) -> httpx.Response:
        return client.post(f"{SETS}/B2C_1A_made/generateKey", json=body)

    with client, ThreadPoolExecutor(8) as pool:
        answers = [*pool.map(request, range(100))]
    kids = [answer.json()["kid"] for answer in answers if answer.status_code == 200]
    assert [answer.status_code for answer in answers].count(429) == 20
    assert len(kids) == 80
    assert {key.kid for key in transport.key_sets["B2C_1A_made"]} == set(kids)
    assert max(most) == 1


# --- no socket

PROGRAM = """
    import asyncio, base64, sys
    import httpx
    from trustkeys.formats.certificates import self_signed
    from trustkeys.formats.pkcs12 import to_pkcs12_b2c
    from trustkeys.testing import GraphTransport, allow_test_keys, rsa_key

    BETA = "https://graph.microsoft.com/beta"
    SET = "/trustFramework/keySets/B2C_1A_test"

    certified = self_signed(rsa_key(9, nbf=0, exp=9), "CN=test")
    with allow_test_keys():
        pfx = to_pkcs12_b2c(certified)
    jwk = {{**rsa_key(3).to_jwk(private=True), "kid": None}}
    requests = [
        ("POST", "/trustFramework/keySets", {{"id": "test", "keys": [jwk]}}),
        ("GET", "/trustFramework/keySets", None),
        ("GET", SET, None),
        ("POST", SET + "/generateKey", {{"use": "sig", "kty": "RSA"}}),
        ("POST", SET + "/uploadPkcs12",
         {{"key": base64.b64encode(pfx.data).decode(), "password": pfx.password}}),
        ("GET", SET + "/getActiveKey", None),
        ("GET", SET + "/keys_v2", None),
        ("GET", SET + "/keys_v2/" + certified.kid, None),
        ("PATCH", SET + "/keys_v2/" + certified.kid, {{"status": "disabled"}}),
        ("PUT", SET, {{"keys": []}}),
        ("POST", SET + "/uploadCertificate", {{"key": certified.x5c[0]}}),
        ("PUT", SET, {{"keys": []}}),
        ("POST", SET + "/uploadSecret", {{"use": "sig", "k": "a secret"}}),
        ("DELETE", SET, None),
        ("GET", SET, None),
        ("PUT", "/nowhere", None),
    ]

    def sync_statuses():
        with httpx.Client(transport=GraphTransport(), base_url=BETA) as client:
            return [client.request(m, p, json=b).status_code for m, p, b in requests]

    async def async_statuses():
        async with httpx.AsyncClient(transport=GraphTransport(), base_url=BETA) as client:
            return [(await client.request(m, p, json=b)).status_code for m, p, b in requests]

    events = []
    watching = True
    sys.addaudithook(lambda event, args: watching and events.append(event))
    statuses = sync_statuses()
    assert statuses == [201, *[200] * 7, 204, *[200] * 4, 204, 404, 404], statuses
    watching = False

    async def watched():
        global watching
        watching = True  # not before: an event loop has a pair of sockets of its own
        assert await async_statuses() == statuses
        {last}
        watching = False

    asyncio.run(watched())
    print(sorted(event for event in set(events) if event.startswith("socket.")))
"""


@pytest.mark.parametrize(
    ("last", "events"),
    [("pass", "[]\n"), ("__import__('socket').socket().close()", "['socket.__new__']\n")],
    ids=["the-transport", "the-hook-would-have-seen-it"],
)
def test_no_socket_is_opened(last: str, events: str) -> None:
    program = textwrap.dedent(PROGRAM.format(last=last))
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stderr, done.stdout) == ("", events)


@pytest.mark.parametrize("at", ["tomorrow", -1, 2**63, True, datetime(2030, 1, 1)])  # noqa: DTZ001
def test_a_clock_that_is_none_is_an_error_where_it_is_set(at: Any) -> None:
    """And not an answer to the program under test, which has never sent it."""
    transport = GraphTransport()
    with pytest.raises(trustkeys.InvalidInputError, match="now must be"):
        transport.now = at
    with pytest.raises(trustkeys.InvalidInputError, match="now must be"):
        GraphTransport(now=at)
    assert transport.now is None


def test_key_sets_are_key_sets() -> None:
    with pytest.raises(trustkeys.InvalidInputError, match="key_sets must be TrustFrameworkKeySets"):
        GraphTransport([testing.rsa_key(0)])  # type: ignore[list-item]
