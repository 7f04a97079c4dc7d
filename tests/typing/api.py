"""What a type checker must see in the public API: checked by mypy, never run."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import repeat
from pathlib import Path
from typing import Any, assert_type

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from hypothesis.strategies import SearchStrategy

import trustkeys
from trustkeys import graph, store, testing
from trustkeys.formats import certificates, jwe, pem, pkcs12, reading
from trustkeys.testing import strategies

key = trustkeys.generate_key("sig", "RSA", nbf=1, exp=datetime.now(UTC), size=2048)
assert_type(key, trustkeys.TrustFrameworkKey)
assert_type(key.kid, str)
assert_type(key.nbf, int | None)
assert_type(key.x5c, tuple[str, ...])
assert_type(key.size, int)
assert_type(key.has_private, bool)
assert_type(key.to_graph(base_url=None), dict[str, Any])
assert_type(key.to_jwk(private=True), dict[str, Any])
assert_type(key.public(), trustkeys.TrustFrameworkKey)
assert_type(key.private_key(), RSAPrivateKey)
assert_type(key.public_key(), RSAPublicKey)

request = trustkeys.GenerateKeyRequest.from_graph(b"{}", size=3072)
assert_type(request.size, int)
assert_type(request.to_graph(), dict[str, Any])
assert_type(trustkeys.generate(request), trustkeys.TrustFrameworkKey)
assert_type(trustkeys.jwk_thumbprint({"kty": "RSA"}), str)
assert_type(trustkeys.jwk_thumbprint_uri({"kty": "RSA"}), str)

keys = trustkeys.TrustFrameworkKeySet("name", [key])
assert_type(keys, trustkeys.TrustFrameworkKeySet)
assert_type(keys.id, str)
assert_type(keys.kty, str | None)
assert_type(list(keys), list[trustkeys.TrustFrameworkKey])
assert_type(
    keys.generate_key("sig", "RSA", nbf=1, exp=datetime.now(UTC)), trustkeys.TrustFrameworkKey
)
assert_type(keys.get_active_key(datetime.now(UTC)), trustkeys.TrustFrameworkKey)
assert_type(keys.rotate(timedelta(days=90), count=2), tuple[trustkeys.TrustFrameworkKey, ...])
assert_type(keys.rollover(), trustkeys.TrustFrameworkKey)
assert_type(keys.set_status("kid", "disabled"), trustkeys.TrustFrameworkKey)
assert_type(keys.check(1, until=2), list[trustkeys.Finding])
assert_type(keys.to_graph(), dict[str, Any])
assert_type(keys.to_jwks(private=True), dict[str, Any])
assert_type(
    trustkeys.TrustFrameworkKeySet.from_jwks(b"", id="name"), trustkeys.TrustFrameworkKeySet
)
assert_type(trustkeys.check_key_set({"keys": []}, at=1), list[trustkeys.Finding])
audit = trustkeys.audit_key_sets([{"id": "a", "keys": []}], at=1)
assert_type(audit, trustkeys.Audit)
assert_type(audit.sets, tuple[trustkeys.AuditedSet, ...])
assert_type(audit.findings, tuple[trustkeys.Finding, ...])
events = trustkeys.key_calendar([{"id": "a", "keys": []}], until=5, notice=timedelta(days=5))
assert_type(events, list[trustkeys.KeyEvent])
assert_type(events[0].act_by, int | None)
assert_type(store.load("file", password="text"), trustkeys.TrustFrameworkKeySet)
with store.edit(Path("file"), timeout=5) as edited:
    assert_type(edited, trustkeys.TrustFrameworkKeySet)
store.save(keys, "file", plain=True, overwrite=True, timeout=2.5)
assert_type(keys.upload_secret("text", "sig", nbf=1), trustkeys.TrustFrameworkKey)
assert_type(keys.upload_certificate(b"", "sig"), trustkeys.TrustFrameworkKey)
assert_type(keys.upload_pkcs12("base64", "text"), trustkeys.TrustFrameworkKey)
assert_type(keys.set_certificates("kid", b""), trustkeys.TrustFrameworkKey)
assert_type(pem.to_pem(key, private=True), bytes)
assert_type(pem.to_encrypted_der(key).password, str)
assert_type(certificates.self_signed(key, "CN=a", exp=5), trustkeys.TrustFrameworkKey)
assert_type(pkcs12.to_pkcs12_b2c(key, password="text").data, bytes)
assert_type(
    jwe.decrypt_key(jwe.encrypt_key(key, to={"kty": "EC"}), with_key=key),
    trustkeys.TrustFrameworkKey,
)
assert_type(reading.read_key(b"", use="sig", password="text"), trustkeys.TrustFrameworkKey)
planned = graph.provision(keys, base_url=graph.CLOUDS["china"], by="action", at=5)
assert_type(planned.requests, tuple[graph.GraphRequest, ...])
assert_type(planned.requests[0].private_body(), dict[str, Any])
assert_type(graph.az_script(planned), str)
assert_type(graph.compare(keys, b""), tuple[graph.Comparison, ...])
assert_type(trustkeys.is_test_key(key), bool)
assert_type(testing.rsa_key(0, size=3072, use="enc", nbf=1), trustkeys.TrustFrameworkKey)
assert_type(testing.oct_key(0), trustkeys.TrustFrameworkKey)
with testing.allow_test_keys(), testing.instant_keys():
    assert_type(strategies.keys(kty="RSA", size=2048), SearchStrategy[trustkeys.TrustFrameworkKey])
    assert_type(strategies.instants(key, keys), SearchStrategy[int])
tenant = testing.GraphTransport([keys], now=5, generate=trustkeys.generate, tokens=["a"])
tenant.fail(503, code="AADB2C90063", times=2, on="POST uploadSecret", after=True)
tenant.fail("timeout")
tenant.throttle(retry_after=5)
assert_type(tenant.key_sets, dict[str, trustkeys.TrustFrameworkKeySet])
tenant.tokens = ["b"]
tenant.reset([keys], now=5, tokens=["a"])
assert_type(tenant.tokens, frozenset[str])
with testing.serve(tenant, port=0) as server:
    assert_type(server.url, str)
    assert_type(server.transport, testing.GraphTransport)
with testing.serve() as server:
    assert_type(server, testing.GraphServer)
with httpx.Client(transport=tenant) as client:
    assert_type(client.get("/"), httpx.Response)
httpx.AsyncClient(transport=tenant)
for made in trustkeys.generate_keys(repeat(request), executor=ThreadPoolExecutor(), workers=2):
    assert_type(made, trustkeys.TrustFrameworkKey)
for text in trustkeys.generate_sealed([request], to=key):
    assert_type(text, str)
trustkeys.generate_keys([request]).close()
store.save(keys, "file", "passphrase")  # type: ignore[call-arg]

trustkeys.generate_key("sig", "RSA", 1)  # type: ignore[call-arg]
trustkeys.generate_key("sig", "RSA", nbf="now")  # type: ignore[arg-type]
key.kid = "other"  # type: ignore[misc]


class Strategy:
    """Plain class attributes are enough."""

    kty = "EC"
    sizes = (256,)
    default_size = 256
    required = ("crv", "x", "y")
    private = ("d",)

    def generate(self, size: int) -> dict[str, str]:
        return {}

    def size(self, members: Mapping[str, str]) -> int:
        return 256

    def check(self, members: Mapping[str, str]) -> None: ...

    def prove(self, members: Mapping[str, str]) -> None: ...


trustkeys.register_strategy(Strategy())
trustkeys.register_strategy(Strategy)  # type: ignore[arg-type]
