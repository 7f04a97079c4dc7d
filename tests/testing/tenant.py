"""A tenant to test against, clients for it, and what its answers must show."""

from __future__ import annotations

import asyncio
import base64
import copy
import functools
from collections.abc import Callable
from typing import Any

import httpx

from tests import support
from trustkeys import TrustFrameworkKey, TrustFrameworkKeySet, testing
from trustkeys.formats.exported import Exported
from trustkeys.formats.pkcs12 import to_pkcs12_b2c
from trustkeys.testing import GraphTransport

BETA = "https://graph.microsoft.com/beta"
SETS = "/trustFramework/keySets"
SIGNING = f"{SETS}/B2C_1A_signing"
SECRETS = f"{SETS}/B2C_1A_secrets"
EMPTY = f"{SETS}/B2C_1A_empty"

GENERATE = f"{SIGNING}/generateKey"
SECRET_TO = f"{SECRETS}/uploadSecret"
CERTIFICATE_TO = f"{SIGNING}/uploadCertificate"
PFX_TO = f"{SIGNING}/uploadPkcs12"

NOW = 15

FIRST = testing.rsa_key(0, nbf=10, exp=20)
SECOND = testing.rsa_key(1)
SECRET = testing.oct_key(0, use="enc", exp=2**63 - 1)
STATUS_OF = f"{SIGNING}/keys_v2/{FIRST.kid}"

NO_CERTIFICATE = base64.b64encode(b"no certificate").decode()

ENTITY = "trustFramework/keySets/$entity"
KEY = "microsoft.graph.trustFrameworkKey"

Send = Callable[..., httpx.Response]


def tenant(**options: Any) -> GraphTransport:
    """Return a tenant with two RSA keys (the second disabled), an oct key, and an empty set."""
    signing = TrustFrameworkKeySet("signing", [FIRST, SECOND])
    signing.set_status(SECOND.kid, "disabled")
    secrets = TrustFrameworkKeySet("secrets", [SECRET])
    key_sets = [signing, secrets, TrustFrameworkKeySet("empty")]
    return GraphTransport(key_sets, **{"now": NOW, **options})


def state(transport: GraphTransport) -> dict[str, TrustFrameworkKeySet]:
    return {name: copy.copy(keys) for name, keys in transport.key_sets.items()}


def upload(key: TrustFrameworkKey, **changes: Any) -> dict[str, Any]:
    """Return a private key as an upload: without `kid`, and with changes."""
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


def direct(transport: GraphTransport, method: str, url: str, **options: Any) -> httpx.Response:
    """Send a request without a client of httpx, which takes most of the time of a test."""
    address = url if url.startswith("https:") else BETA + url
    answer = transport.handle_request(httpx.Request(method, address, **options))
    answer.read()
    return answer


def without_leaks(client: Send) -> Send:
    """Check that no answer shows a private part that the tenant has or had."""

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


def refused(answer: httpx.Response, status: int, code: str, target: str | None) -> str:
    """Check an error in the form of Graph's, and return its message."""
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["target"]) == (status, code, target)
    assert answer.headers["Content-Type"] == "application/json"
    assert list(answer.json()) == ["error"]
    assert list(error) == ["code", "message", "target", "innerError"]
    assert error["message"]
    return str(error["message"])


def batch(method: str, path: str, body: Any = ..., **more: Any) -> dict[str, Any]:
    """Return a request in a batch, without its id."""
    content = {"headers": {"Content-Type": "application/json"}, "body": body}
    return {"method": method, "url": path, **({} if body is ... else content), **more}


def batched(
    send: Send, transport: GraphTransport, requests: list[dict[str, Any]], **options: Any
) -> list[dict[str, Any]]:
    """Send requests in a batch, and return the answers. An id is the number of the request."""
    parts = [{"id": f"{number}", **each} for number, each in enumerate(requests, 1)]
    answer = send(transport, "POST", "/$batch", json={"requests": parts}, **options)
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["responses"]
    answers = answer.json()["responses"]
    assert [each["id"] for each in answers] == [part["id"] for part in parts]
    return list(answers)


def missing(method: str) -> tuple[int, str, str]:
    """Return how a request for a key set is refused that does not exist."""
    return (400, "AADB2C90073", "id") if method == "GET" else (404, "AADB2C95052", "id")


def alone(key: TrustFrameworkKey) -> dict[str, Any]:
    """Return the members of generateKey's example answer, in its order."""
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
    """Return the newest key of a set."""
    return list(transport.key_sets[f"B2C_1A_{name}"])[-1]


def certificate_body(key: TrustFrameworkKey, action: str) -> dict[str, Any]:
    if action == "uploadCertificate":
        return {"key": key.x5c[0]}
    pfx = pfx_of(key)
    return {"key": base64.b64encode(pfx.data).decode(), "password": pfx.password}


@functools.cache
def pfx_of(key: TrustFrameworkKey) -> Exported:
    return to_pkcs12_b2c(key)


RSA = upload(testing.rsa_key(7))
OCT = upload(testing.oct_key(7))
