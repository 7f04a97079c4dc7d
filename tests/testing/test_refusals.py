"""A request that the service refuses is refused with the same code, and changes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import support
from tests.support import fewer
from tests.testing.tenant import (
    CERTIFICATE_TO,
    EMPTY,
    GENERATE,
    NO_CERTIFICATE,
    OCT,
    PFX_TO,
    RSA,
    SECRET_TO,
    SECRETS,
    SETS,
    SIGNING,
    STATUS_OF,
    Send,
    ask,
    certificate_body,
    refused,
    state,
    sync_client,
    tenant,
)
from trustkeys import TrustFrameworkKey, testing

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


UPLOADS = [("POST", SETS, {"id": "new"}), ("PUT", SIGNING, {}), ("PATCH", SIGNING, {})]


@pytest.mark.parametrize(("bad", "upload"), support.combinations(BAD_KEYS, UPLOADS))
def test_one_bad_key_refuses_the_upload_and_loses_no_key(
    bad: tuple[Any, str, str | None], upload: tuple[str, str, dict[str, Any]]
) -> None:
    keys, code, target = bad
    method, path, more = upload
    transport = tenant()
    before = state(transport)
    answer = ask(transport, method, path, json={**more, "keys": keys})
    refused(answer, 400, code, target)
    assert not any(secret in answer.text for secret in (RSA["d"], OCT["k"]))
    assert state(transport) == before


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
    ("POST", SECRET_TO, {"k": "a", "use": "enc", "kty": "RSA"}, 400, "AADB2C95031", "kty"),
    ("POST", SECRET_TO, {"k": "a", "use": "enc", "kty": 5}, 400, "AADB2C95031", "kty"),
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
    ("POST", PFX_TO, {"key": NO_CERTIFICATE, "password": "a"}, 400, "AADB2C95025", "key"),
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
def test_a_bad_request_is_refused_with_the_code_of_the_service(
    method: str, path: str, body: Any, status: int, code: str, target: str | None
) -> None:
    transport = tenant()
    before = state(transport)
    refused(ask(transport, method, path, json=body), status, code, target)
    assert state(transport) == before


def test_a_wrong_pfx_password_and_a_certificate_for_another_use_are_refused(
    send: Send, certified: TrustFrameworkKey
) -> None:
    transport = tenant()
    before = state(transport)
    body = {**certificate_body(certified, "uploadPkcs12"), "password": "another"}
    answer = send(transport, "POST", PFX_TO, json=body)
    refused(answer, 400, "AADB2C95025", "password")
    # In a set for enc, the key usage of the certificate must be for enc.
    answer = send(transport, "POST", f"{SECRETS}/uploadCertificate", json={"key": certified.x5c[0]})
    refused(answer, 400, "AADB2C95034", "use")
    assert state(transport) == before


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


NO_OBJECTS = [
    (b"", "is not JSON: it is empty"),
    (b"use=sig&kty=RSA", "is not JSON"),
    (b'{"use": "sig",,}', "is not JSON"),
    (b"{,}", "is not JSON"),
    (b"[]", "must be a JSON object"),
    (b'"text"', "must be a JSON object"),
    (b"null", "must be a JSON object"),
    (b'{"a": NaN}', "is refused"),
    (b'{"use": "sig", "use": "sig"}', "'use' twice"),
    ('{"k": "ü"}'.encode("latin-1"), "is not UTF-8"),
    (b"[" * 100_000, "is nested too deep"),
    (b" " * 2**24 + b"{}", "is larger than"),
]


@pytest.mark.parametrize(("taking", "body"), support.combinations(TAKING, NO_OBJECTS))
def test_a_body_must_be_a_json_object(taking: tuple[str, str], body: tuple[bytes, str]) -> None:
    method, path = taking
    content, words = body
    if words == "is nested too deep" and path == GENERATE:
        content = content[:50_000]  # a request body has at most 64 KiB
    transport = tenant()
    before = state(transport)
    answer = sync_client(transport, method, path, content=content)
    assert words in refused(answer, 400, "BadRequest", None)
    assert state(transport) == before


@pytest.mark.parametrize(("method", "path"), TAKING)
def test_an_unknown_member_is_refused_by_name(method: str, path: str) -> None:
    """Otherwise a key with a misspelt `exp` would never expire."""
    answer = sync_client(tenant(), method, path, json={"xpe": 5, "@odata.type": "#any"})
    assert "'xpe'" in refused(answer, 400, "BadRequest", "xpe")


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


@fewer(2)
@given(st.sampled_from(TAKING), st.dictionaries(names, json_values | likely | jwks, max_size=4))
def test_every_json_body_is_answered(request: tuple[str, str], body: dict[str, Any]) -> None:
    """An exception from a transport would look like a network error."""
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
