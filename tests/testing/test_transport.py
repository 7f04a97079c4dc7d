"""The transport finds operations by address, for both clients of httpx, and opens no socket."""

from __future__ import annotations

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

import attrs
import httpx
import pytest

import trustkeys
from tests import support
from tests.testing.tenant import (
    BETA,
    EMPTY,
    ENTITY,
    FIRST,
    OCT,
    SETS,
    SIGNING,
    Send,
    ask,
    async_client,
    in_set,
    key_of,
    missing,
    refused,
    shown,
    state,
    sync_client,
    tenant,
    upload,
)
from trustkeys import GenerateKeyRequest, TrustFrameworkKey, TrustFrameworkKeySet, testing
from trustkeys.core.oct import OctStrategy
from trustkeys.testing import GraphTransport
from trustkeys.testing.batching import Part
from trustkeys.testing.operations import Call
from trustkeys.testing.transport import Asked
from trustkeys.testkeys.pool import SEEDS

ADDRESSES = {
    SETS: ["GET", "POST"],
    f"{SETS}/$count": ["GET"],
    SIGNING: ["GET", "PUT", "PATCH", "DELETE"],
    f"{SIGNING}/generateKey": ["POST"],
    f"{SIGNING}/uploadSecret": ["POST"],
    f"{SIGNING}/uploadCertificate": ["POST"],
    f"{SIGNING}/uploadPkcs12": ["POST"],
    f"{SIGNING}/getActiveKey": ["GET"],
    f"{SIGNING}/getActiveKey()": ["GET"],
    f"{SIGNING}/keys_v2": ["GET"],
    f"{SIGNING}/keys_v2/$count": ["GET"],
    f"{SIGNING}/keys_v2/{FIRST.kid}": ["GET", "PATCH"],
}
IN_A_SET = [
    (method, path.removeprefix(SIGNING))
    for path, methods in ADDRESSES.items()
    for method in methods
    if path.startswith(SIGNING)
]


UNKNOWN = ["B2C_1A_other", "signing", "b2c_1a_signing", "%20", "('a')"]


@pytest.mark.parametrize(("operation", "name"), support.combinations(IN_A_SET, UNKNOWN))
def test_an_unknown_set_is_not_found_and_not_created(operation: tuple[str, str], name: str) -> None:
    """Otherwise a script that forgets to create the set would pass here and fail in a tenant."""
    method, rest = operation
    transport = tenant()
    before = state(transport)
    answer = sync_client(transport, method, f"{SETS}/{name}{rest}", json={"keys": []})
    refused(answer, *missing(method))
    assert state(transport) == before


METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@pytest.mark.parametrize(("path", "method"), support.combinations(ADDRESSES, METHODS))
def test_a_wrong_method_answers_with_the_allowed_ones(path: str, method: str) -> None:
    allowed = ADDRESSES[path]
    transport = tenant()
    before = state(transport)
    answer = ask(transport, method, path, json={})
    assert (answer.status_code == 405) == (method not in allowed)
    if answer.status_code == 405:
        assert answer.headers["Allow"] == ", ".join(allowed)
        assert answer.headers["Allow"] in refused(answer, 405, "MethodNotAllowed", None)
        assert state(transport) == before


NOWHERE = [
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
]


@pytest.mark.parametrize(
    ("method", "url"), support.combinations(["GET", "POST", "DELETE"], NOWHERE)
)
def test_an_unknown_address_is_not_found(method: str, url: str) -> None:
    transport = tenant()
    before = state(transport)
    answer = ask(transport, method, url, json={"use": "sig", "kty": "RSA"})
    refused(answer, 404, "NotFound", None)
    assert "Allow" not in answer.headers
    assert state(transport) == before


@pytest.mark.parametrize("kid", ["a/b", "a b", "100%", "%2F", "ü", "it's", "('a')", "a?b#c", ".a"])
@pytest.mark.parametrize("form", ["{set}/keys_v2/{kid}", "{set}/keys_v2('{kid}')"])
def test_a_percent_encoded_kid_can_have_any_characters(kid: str, form: str) -> None:
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
def test_other_spellings_of_an_address_are_accepted(url: str) -> None:
    """Microsoft's SDK doubles a slash if its client has a `base_url`."""
    transport = tenant()
    assert ask(transport, "GET", url).json() == {
        "@odata.context": f"{BETA}/$metadata#{ENTITY}",
        **shown(transport.key_sets["B2C_1A_signing"]),
    }


def test_any_host_is_accepted(send: Send) -> None:
    answer = send(tenant(), "GET", "http://localhost:8080/beta/trustFramework/keySets")
    context = "http://localhost:8080/beta/$metadata#trustFramework/keySets"
    assert answer.json()["@odata.context"] == context


@pytest.mark.deep
def test_a_body_can_be_streamed_and_large() -> None:
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


def test_now_selects_the_active_key_of_a_rotation(send: Send) -> None:
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


def test_without_now_the_clock_decides(send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    transport = tenant(now=None)
    monkeypatch.setattr("time.time", lambda: 19.9)
    assert send(transport, "GET", f"{SIGNING}/getActiveKey").json()["kid"] == FIRST.kid
    monkeypatch.setattr("time.time", lambda: 20.0)
    answer = send(transport, "GET", f"{SIGNING}/getActiveKey")
    assert "1970-01-01T00:00:20Z" in refused(answer, 404, "NotFound", "at")
    assert GraphTransport().now is None


# --- state


def test_a_test_can_add_key_sets_and_read_generated_keys(send: Send) -> None:
    transport = GraphTransport()
    assert transport.key_sets == {}
    assert send(transport, "GET", SETS).json()["value"] == []
    key = testing.rsa_key(0)
    transport.key_sets["B2C_1A_put"] = TrustFrameworkKeySet("put", [key])
    path = f"{SETS}/B2C_1A_put"
    assert send(transport, "GET", path).json()["keys"] == [in_set(key)]
    send(transport, "POST", f"{path}/generateKey", json={"use": "sig", "kty": "RSA"})
    made = key_of(transport, "put")
    # With its private part, so that a test can sign with it.
    assert made.private_key().public_key() == made.public_key()
    transport.key_sets["B2C_1A_put"].set_status(made.kid, "disabled")
    assert send(transport, "GET", f"{path}/keys_v2/{made.kid}").json()["status"] == "disabled"
    transport.key_sets.clear()
    refused(send(transport, "GET", path), *missing("GET"))


def test_two_transports_share_no_state(send: Send) -> None:
    one, other = tenant(), tenant()
    send(one, "DELETE", SIGNING)
    one.throttle()
    assert send(other, "GET", SIGNING).status_code == 200


def generated(transport: GraphTransport, kty: str, name: str = "made") -> TrustFrameworkKey:
    path = f"{SETS}/B2C_1A_{name}"
    body = {"use": "sig", "kty": kty}
    assert sync_client(transport, "POST", f"{path}/generateKey", json=body).status_code == 200
    return key_of(transport, name)


def material(key: TrustFrameworkKey) -> str:
    jwk = key.to_jwk(private=True)
    return str(jwk["n"] if key.kty == "RSA" else jwk["k"])


@pytest.mark.parametrize("make", [testing.rsa_key, testing.oct_key])
def test_generated_keys_do_not_meet_the_first_seeds(
    make: Callable[[int], TrustFrameworkKey],
) -> None:
    """Otherwise a test could not add ``rsa_key(0)`` to a set with generated keys."""
    transport = GraphTransport([TrustFrameworkKeySet("made")])
    made = {generated(transport, make(0).kty) for _ in range(20)}
    for seed in range(20):
        transport.key_sets["B2C_1A_made"].add(make(seed))
    assert len(transport.key_sets["B2C_1A_made"]) == 40
    assert len(made) == 20


@pytest.mark.parametrize("kty", ["RSA", "oct"])
def test_each_generated_key_is_a_new_test_key(kty: str) -> None:
    """Otherwise a second generateKey could fail, or a test could mistake one key for another."""
    make = testing.rsa_key if kty == "RSA" else testing.oct_key
    last = SEEDS[kty] - 1  # the first seed that the transport tries
    before = TrustFrameworkKeySet("before", [make(last), make(last - 2, nbf=5)])
    made = TrustFrameworkKeySet("made")
    transport = GraphTransport([before, made])
    # An uploaded oct key has a random kid, but its secret is used all the same.
    jwks = [upload(make(last - 1)), upload(make(last - 4))]
    sync_client(transport, "POST", SETS, json={"id": "uploaded", "keys": jwks})
    keys = [generated(transport, kty) for _ in range(10)]
    assert all(testing.is_test_key(key) for key in keys)
    everything = [key for keys in transport.key_sets.values() for key in keys]
    assert len({material(key) for key in everything}) == len(everything) == 14
    # A key does not come back when its set is removed.
    transport.key_sets["B2C_1A_made"] = TrustFrameworkKeySet("made")
    assert material(generated(transport, kty)) not in {material(key) for key in keys}


def test_a_second_tenant_after_a_reset_has_the_same_keys() -> None:
    transport = GraphTransport([TrustFrameworkKeySet("made")])
    first = [generated(transport, "oct").kid for _ in range(3)]
    transport.reset([TrustFrameworkKeySet("made")])
    assert [generated(transport, "oct").kid for _ in range(3)] == first


@pytest.mark.usefixtures("clean_registry")
def test_a_registered_key_type_is_refused_as_by_the_service() -> None:
    """A key set holds RSA or oct keys; there is no test key of another type to try."""

    class Other(OctStrategy):
        kty = "other"

    trustkeys.register_strategy(Other())
    body = {"use": "sig", "kty": "other"}
    answer = ask(tenant(), "POST", f"{EMPTY}/generateKey", json=body)
    refused(answer, 400, "AADB2C95031", "kty")


@pytest.mark.parametrize("kty", ["RSA", "oct"])
def test_generate_makes_the_keys(kty: str) -> None:
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


def test_threads_lose_no_key_and_get_different_ones() -> None:
    inside = []
    most = []

    def generate(request: GenerateKeyRequest) -> TrustFrameworkKey:
        inside.append(threading.get_ident())
        most.append(len(inside))
        time.sleep(0.001)  # so that another thread would enter if it could
        inside.pop()
        return trustkeys.generate(request)

    transport = GraphTransport([TrustFrameworkKeySet("made")], generate=generate)
    transport.fail(503, times=20)
    client = httpx.Client(transport=transport, base_url=BETA)
    body = {"use": "sig", "kty": "oct"}

    def request(_: int) -> httpx.Response:
        return client.post(f"{SETS}/B2C_1A_made/generateKey", json=body)

    with client, ThreadPoolExecutor(8) as pool:
        answers = [*pool.map(request, range(100))]
    kids = [answer.json()["kid"] for answer in answers if answer.status_code == 200]
    assert [answer.status_code for answer in answers].count(503) == 20
    assert len(kids) == 80
    assert {key.kid for key in transport.key_sets["B2C_1A_made"]} == set(kids)
    assert max(most) == 1


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
    assert statuses == [201, *[200] * 7, 204, *[200] * 4, 204, 400, 404], statuses
    watching = False

    async def watched():
        global watching
        watching = True  # only now: an event loop opens a pair of sockets
        assert await async_statuses() == statuses
        {last}
        watching = False

    asyncio.run(watched())
    print(sorted(event for event in set(events) if event.startswith("socket.")))
"""


@pytest.mark.deep
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
def test_a_wrong_now_raises_when_it_is_set(at: Any) -> None:
    """Otherwise the program under test would get the error as an answer."""
    transport = GraphTransport()
    with pytest.raises(trustkeys.InvalidInputError, match=r"^now must"):
        transport.now = at
    with pytest.raises(trustkeys.InvalidInputError, match=r"^now must"):
        GraphTransport(now=at)
    assert transport.now is None


@pytest.mark.parametrize("kind", [Asked, Call, Part])
def test_a_request_does_not_print_its_body(kind: type) -> None:
    """A traceback with local variables would show a secret."""
    assert not attrs.fields_dict(kind)["content"].repr


def test_key_sets_must_be_key_sets() -> None:
    with pytest.raises(trustkeys.InvalidInputError, match="key_sets must be TrustFrameworkKeySets"):
        GraphTransport([testing.rsa_key(0)])  # type: ignore[list-item]


# --- starting again


def test_a_reset_transport_is_as_a_new_one() -> None:
    """A test suite keeps one transport, or one server, and resets it before each test."""
    used = tenant(tokens=["a"])
    body = {"use": "sig", "kty": "RSA"}
    used.fail(500, times=9)
    used.throttle(retry_after=9)
    used.reset([TrustFrameworkKeySet("x")])
    new = GraphTransport([TrustFrameworkKeySet("x")])
    url = f"{SETS}/B2C_1A_x/generateKey"
    assert ask(used, "POST", url, json=body).json() == ask(new, "POST", url, json=body).json()
    assert (used.now, used.tokens) == (None, frozenset())
    used.reset(now=5, tokens=["b"])
    assert (used.now, used.tokens, used.key_sets) == (5, frozenset("b"), {})


def test_a_reset_with_a_wrong_value_changes_nothing() -> None:
    transport = tenant(tokens=["a"])
    before = state(transport)
    wrong: list[dict[str, Any]] = [
        {"key_sets": [1]},
        {"now": "tomorrow"},
        {"tokens": "b"},
        {"tokens": 1},
        {"tokens": [1]},
    ]
    for arguments in wrong:
        with pytest.raises(trustkeys.InvalidInputError):
            transport.reset(**arguments)
        assert state(transport) == before
        assert (transport.now, transport.tokens) == (15, frozenset("a"))


def test_the_accepted_tokens_can_change_during_a_test() -> None:
    """As when a token has expired, and a new one is fetched."""
    transport = tenant(tokens=["old"])
    old, new = ({"Authorization": f"Bearer {token}"} for token in ("old", "new"))
    assert ask(transport, "GET", SETS, headers=old).status_code == 200
    transport.tokens = ["new"]
    assert ask(transport, "GET", SETS, headers=old).status_code == 401
    assert ask(transport, "GET", SETS, headers=new).status_code == 200
    with pytest.raises(trustkeys.InvalidInputError, match="tokens must be a list"):
        transport.tokens = "new"
    transport.tokens = ()
    assert ask(transport, "GET", SETS).status_code == 200
