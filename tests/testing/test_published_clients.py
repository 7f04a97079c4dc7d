"""Published clients get from `GraphTransport` what they get from the service."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests import support
from tests.testing.published_clients import ANY, CERTIFICATE, CLIENTS, PASSWORD, PFX, Client
from trustkeys import TrustFrameworkKey, TrustFrameworkKeySet
from trustkeys.formats.certificates import self_signed
from trustkeys.formats.pkcs12 import to_pkcs12_b2c
from trustkeys.testing import GraphTransport, allow_test_keys, serve
from trustkeys.testing.bodies import read_body

BETA = "https://graph.microsoft.com/beta"

Place = tuple[httpx.Client, GraphTransport]
"""Where a client sends its requests, and the tenant that it reaches."""


@pytest.fixture(scope="module")
def files(rsa_key: TrustFrameworkKey) -> dict[str, str]:
    """Return what stands in the requests for files, with the contents."""
    certified = self_signed(rsa_key, "CN=test", nbf=0, exp=4102444800)
    with allow_test_keys():
        pfx = to_pkcs12_b2c(certified)
    return {
        PFX: base64.b64encode(pfx.data).decode(),
        PASSWORD: pfx.password,
        CERTIFICATE: certified.x5c[0],
    }


@pytest.fixture(scope="module")
def loopback() -> Iterator[Place]:
    with serve() as server, httpx.Client(base_url=server.url) as http:
        yield http, server.transport


@pytest.fixture
def place(request: pytest.FixtureRequest, loopback: Place) -> Place:
    if request.param == "on loopback":
        loopback[1].key_sets.clear()
        return loopback
    transport = GraphTransport()
    return httpx.Client(base_url=BETA, transport=transport), transport


def member(answer: Any, path: str) -> Any:
    for name in path.split("."):
        answer = answer[int(name)] if isinstance(answer, list) else answer[name]
    return answer


@pytest.mark.parametrize(
    ("client", "place"),
    support.combinations(CLIENTS, ["in process", "on loopback"]),
    indirect=["place"],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_a_published_client_does_its_work(
    client: Client, place: Place, files: dict[str, str]
) -> None:
    http, transport = place
    for name in client.there:
        keys = TrustFrameworkKeySet(name, [support.oct_key()])
        transport.key_sets[keys.id] = keys
    for number, sent in enumerate(client.requests, 1):
        answer = http.request(
            sent.method,
            sent.path,
            content=sent.content(files),
            headers={**client.headers, **sent.headers},
        )
        refused = client.refused is not None and number == len(client.requests)
        if refused:
            assert 400 <= answer.status_code < 500, client.refused
            assert answer.json()["error"]["code"]
            continue
        assert answer.status_code == sent.status, (number, answer.text)
        for path, expected in sent.reads.items():
            found = member(answer.json(), path)
            assert found == expected or (expected is ANY and found is not None), (number, path)
    left = {name: len(keys) for name, keys in transport.key_sets.items()}
    assert left == client.leaves


def test_a_comma_in_single_quotes_stays() -> None:
    text = "{'use': 'sig', 'k': 'abc,}x, ]y', }"
    assert read_body(text.encode()) == {"use": "sig", "k": "abc,}x, ]y"}


@pytest.mark.parametrize(
    "body", ["{'id': 'a\"b'}", "{'id': 'a\\'b'}", "{'id': \"Name\"}", "{'id': 'a'b'}"]
)
def test_a_body_in_single_quotes_that_could_be_misread_is_refused(body: str) -> None:
    with httpx.Client(transport=GraphTransport()) as http:
        answer = http.post(f"{BETA}/trustFramework/keySets", content=body)
    assert answer.status_code == 400
    assert "not JSON" in answer.json()["error"]["message"]
