"""A batch answers each request as if it came alone (Graph: JSON batching)."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.testing.tenant import (
    BETA,
    CERTIFICATE_TO,
    FIRST,
    GENERATE,
    SECRET_TO,
    SETS,
    SIGNING,
    STATUS_OF,
    Send,
    batch,
    batched,
    direct,
    refused,
    state,
    tenant,
)

SECRET = {"use": "enc", "k": "a secret"}

# Requests that succeed and fail, and change the tenant.
REQUESTS: list[tuple[str, str, Any]] = [
    ("GET", SETS, ...),
    ("GET", f"{SETS}?$top=1&$count=true", ...),
    ("GET", f"{SETS}/$count", ...),
    ("GET", f"{SIGNING}/getActiveKey()", ...),
    ("GET", "/trustframework/KEYSETS('B2C_1A_signing')", ...),
    ("GET", f"{SETS}/B2C_1A_other", ...),
    ("GET", "/nowhere", ...),
    ("GET", "/beta/trustFramework/keySets", ...),
    ("PUT", SETS, {}),
    ("POST", SETS, {"id": "new"}),
    ("POST", SETS, {"id": "signing"}),
    ("POST", SETS, []),
    ("POST", SECRET_TO, {"use": "sig", "k": "a"}),
    ("POST", f"{SIGNING}/microsoft.graph.generateKey", {"use": "sig", "kty": "oct"}),
    ("POST", CERTIFICATE_TO, {"key": "AAAA"}),
    ("PATCH", STATUS_OF, {"status": "disabled"}),
    ("PATCH", SIGNING, {"keys": []}),
    ("DELETE", SIGNING, ...),
]


@given(st.lists(st.sampled_from(REQUESTS), max_size=20))
def test_a_batch_does_what_its_requests_do_alone(requests: list[tuple[str, str, Any]]) -> None:
    alone, together = tenant(), tenant()
    parts = [batch(*request) for request in requests]
    for (method, path, body), answer in zip(
        requests, batched(direct, together, parts), strict=True
    ):
        content = {} if body is ... else {"json": body}
        expected = direct(alone, method, path, **content)
        assert answer["status"] == expected.status_code
        names = {"request-id", "client-request-id", "x-ms-ags-diagnostic", "date", "content-length"}
        headers = {name.lower(): value for name, value in answer["headers"].items()}
        assert headers == {
            name: value for name, value in expected.headers.items() if name not in names
        }
        assert ("body" in answer) == (expected.content != b"")
        if headers.get("content-type") == "application/json":
            assert without_ids(answer["body"]) == without_ids(expected.json())
        elif "body" in answer:
            assert base64.b64decode(answer["body"]) == expected.content
    assert state(together) == state(alone)


def without_ids(document: dict[str, Any]) -> dict[str, Any]:
    return {"code": document["error"]["code"]} if "error" in document else document


def test_a_batch_shows_no_secret(send: Send) -> None:
    parts = [
        batch("POST", SECRET_TO, SECRET),
        batch("POST", GENERATE, {"use": "sig", "kty": "RSA"}),
    ]
    assert [each["status"] for each in batched(send, tenant(), parts)] == [200, 200]


@pytest.mark.parametrize(
    "url",
    [
        "trustFramework/keySets/B2C_1A_signing",
        "/trustFramework/keySets/B2C_1A_signing",
        "/TRUSTFRAMEWORK/keysets('B2C_1A_signing')",
        f"{BETA}/trustFramework/keySets/B2C_1A_signing",  # as Microsoft's Python SDK sends it
        "trustFramework/keySets/B2C_1A_signing?$select=id,keys",
    ],
)
def test_an_address_is_relative_to_the_version(url: str) -> None:
    (answer,) = batched(direct, tenant(), [{"method": "get", "url": url}])
    assert answer["body"]["id"] == "B2C_1A_signing"


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("text", ["a secret", "ü?>~ÿÿ"])
def test_a_body_can_be_base64(encode: Any, text: str) -> None:
    """Microsoft's older SDKs send it so, with and without padding."""
    transport = tenant()
    data = json.dumps({"use": "enc", "k": text}, ensure_ascii=False).encode()
    body = encode(data).decode()
    answers = batched(
        direct, transport, [batch("POST", SECRET_TO, each) for each in (body, body.rstrip("="))]
    )
    assert [each["status"] for each in answers] == [200, 200]
    key = [*transport.key_sets["B2C_1A_secrets"]][-1]
    assert base64.urlsafe_b64decode(key.to_jwk(private=True)["k"] + "==") == text.encode()


def test_a_body_that_is_no_base64_refuses_only_its_request() -> None:
    transport = tenant()
    parts = [batch("POST", SECRET_TO, body) for body in ("no base64!", SECRET)]
    first, second = batched(direct, transport, parts)
    assert (first["status"], first["body"]["error"]["target"]) == (400, "body")
    assert second["status"] == 200


def dependent(*paths: str) -> list[dict[str, Any]]:
    """Return requests of which each depends on the one before."""
    return [
        {"id": f"A{number}", **batch("GET", path), "dependsOn": [f"a{number - 1}"] * (number > 0)}
        for number, path in enumerate(paths)
    ]


def test_what_depends_on_a_failed_request_is_not_done() -> None:
    transport = tenant()
    before = state(transport)
    parts = [
        *dependent(SETS, f"{SETS}/B2C_1A_other", SETS, SETS),
        {"id": "x", **batch("POST", SECRET_TO, SECRET), "dependsOn": ["A0", "A3"]},
        {"id": "y", **batch("GET", SETS), "dependsOn": ["A0"]},
    ]
    answer = direct(transport, "POST", "/$batch", json={"requests": parts})
    answers = answer.json()["responses"]
    assert [each["status"] for each in answers] == [200, 400, 424, 424, 424, 200]
    assert answers[2]["body"]["error"]["code"] == "FailedDependency"
    assert answers[2]["body"]["error"]["innerError"]["request-id"] == answer.headers["request-id"]
    assert state(transport) == before


def test_requests_are_done_in_their_order() -> None:
    new = f"{SETS}/B2C_1A_new"
    parts = [
        batch("POST", SETS, {"id": "new"}),
        batch("POST", f"{new}/uploadSecret", SECRET),
        batch("GET", f"{new}/keys_v2/$count"),
        batch("DELETE", new),
        batch("GET", new),
    ]
    answers = batched(direct, tenant(), parts)
    assert [each["status"] for each in answers] == [201, 200, 200, 204, 400]
    assert base64.b64decode(answers[2]["body"]) == b"1"
    assert answers[0]["headers"]["Location"] == f"{BETA}/trustFramework/keySets('B2C_1A_new')"


def test_a_batch_in_a_batch_is_refused() -> None:
    inner = batch("POST", "/$batch", {"requests": []})
    (answer,) = batched(direct, tenant(), [inner])
    assert (answer["status"], answer["body"]["error"]["target"]) == (400, "url")


GOOD = {"id": "1", **batch("POST", SECRET_TO, SECRET)}
GET = {"id": "2", "method": "GET", "url": SETS}

WRONG: dict[str, list[Any]] = {
    "id": ["1", "", None, 2],
    "method": ["HEAD", "", None, "GET "],
    "url": ["", None, 5, "https://a.example/beta/a"],
    "dependsOn": ["1", [1], {}, ["3"], ["2"]],
    "body": [{}, [], "", "AAAA"],  # without headers
}
WRONG_POST: dict[str, list[Any]] = {"body": [None], "headers": [None, {}, {"Accept": "a"}, []]}

MALFORMED: list[Any] = [
    *[None, {}, "a", {"1": GOOD}],
    [GOOD, None],
    [GOOD, "a"],
    [GOOD, []],
    *[[GOOD, {**GET, name: value}] for name, values in WRONG.items() for value in values],
    *[
        [GOOD, {**GOOD, "id": "2", name: value}]
        for name, values in WRONG_POST.items()
        for value in values
    ],
    [{**GOOD, "id": "a"}, {**GET, "id": "A"}],
    [{**GOOD, "dependsOn": ["2"]}, GET],
    [{**GOOD, "id": f"{number}"} for number in range(21)],
]


@pytest.mark.parametrize("requests", MALFORMED)
def test_a_malformed_batch_is_refused_as_a_whole(requests: Any) -> None:
    """No request of it may take effect: the page says that the batch fails with 400."""
    transport = tenant()
    before = state(transport)
    answer = direct(transport, "POST", "/$batch", json={"requests": requests})
    message = refused(answer, 400, "BadRequest", "requests")
    assert "a secret" not in message
    assert state(transport) == before


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=5,
)
likely: dict[str, list[Any]] = {
    "id": ["1", "2", "A", "a"],
    "method": ["GET", "get", "POST", "PATCH", "DELETE"],
    "url": [SETS, f"{SETS}?$top=1", SECRET_TO, STATUS_OF, "/$batch", "/%zz?&&=", "\u20ac?\u20ac"],
    "headers": [{"Content-Type": "application/json"}, {"content-type": 5}],
    "body": [SECRET, {"status": "disabled"}, "e30", {"requests": []}],
    "dependsOn": [["1"], ["2"], []],
    "atomicityGroup": ["g"],
}
any_requests = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            name: st.sampled_from(values) | st.sampled_from(values) | json_values
            for name, values in likely.items()
        },
    ),
    max_size=4,
)


@pytest.mark.deep
@given(any_requests | json_values)
def test_every_batch_is_answered(requests: Any) -> None:
    """An exception from a transport would look like a network error."""
    content = json.dumps({"requests": requests}).encode()
    answer = direct(tenant(), "POST", "/$batch", content=content)
    if answer.status_code != 200:
        assert answer.json()["error"]["code"] == "BadRequest"


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_a_batch_is_posted(method: str) -> None:
    answer = direct(tenant(), method, "/%24BATCH", json={"requests": []})
    refused(answer, 405, "MethodNotAllowed", None)
    assert answer.headers["Allow"] == "POST"


def test_an_empty_batch_has_no_answers() -> None:
    assert batched(direct, tenant(), []) == []


def test_other_members_of_a_request_are_ignored() -> None:
    """Microsoft's Python SDK sends ``depends_on``."""
    (answer,) = batched(direct, tenant(), [{**GET, "depends_on": ["x"], "headers": None}])
    assert answer["status"] == 200
    assert FIRST.kid in json.dumps(answer["body"])
