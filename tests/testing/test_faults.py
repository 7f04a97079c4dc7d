"""A test can make Graph fail in the ways in which it fails now and then."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

import trustkeys
from tests.testing.tenant import (
    EMPTY,
    GENERATE,
    SECRET_TO,
    SECRETS,
    SETS,
    SIGNING,
    STATUS_OF,
    Send,
    async_client,
    batch,
    batched,
    direct,
    refused,
    state,
    sync_client,
    tenant,
)
from trustkeys.testing import GraphTransport
from trustkeys.testing.routing import OPERATIONS

SECRET_BODY = {"use": "enc", "k": "a secret"}

USUAL = [
    (400, "BadRequest"),
    (401, "InvalidAuthenticationToken"),
    (403, "AADB2C"),
    (404, "NotFound"),
    (429, "AADB2C95043"),
    (500, "InternalServerError"),
    (502, "BadGateway"),
    (503, "serviceNotAvailable"),
    (504, "UnknownError"),
    (507, "UnknownError"),
]


@pytest.mark.parametrize(("status", "code"), USUAL)
def test_a_status_has_the_code_that_graph_has_with_it(status: int, code: str) -> None:
    transport = tenant()
    before = state(transport)
    transport.fail(status)
    answer = direct(transport, "POST", SECRET_TO, json=SECRET_BODY)
    assert "GraphTransport.fail" in refused(answer, status, code, None)
    assert state(transport) == before
    assert direct(transport, "POST", SECRET_TO, json=SECRET_BODY).status_code == 200


def test_a_program_without_a_token_learns_where_to_get_one() -> None:
    """Microsoft's libraries read this header."""
    for transport in (tenant(), tenant(tokens=["a"])):
        transport.fail(401)
        challenge = direct(transport, "GET", SETS).headers["WWW-Authenticate"]
        assert challenge.startswith('Bearer realm="", authorization_uri="https://login.')
        assert 'client_id="00000003-0000-0000-c000-000000000000"' in challenge
    transport = tenant()
    transport.fail(403)
    assert "WWW-Authenticate" not in direct(transport, "GET", SETS).headers


@pytest.mark.parametrize("status", [400, 500, 503])
def test_any_code_can_come_with_any_status(status: int) -> None:
    """The service answers AADB2C90063 now and then, and users do not report the status."""
    transport = tenant()
    transport.fail(status, code="AADB2C90063", on="uploadSecret")
    answer = direct(transport, "POST", SECRET_TO, json=SECRET_BODY)
    refused(answer, status, "AADB2C90063", None)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("client", [sync_client, async_client])
@pytest.mark.parametrize(
    ("fault", "error"),
    [(504, None), ("timeout", httpx.ReadTimeout), ("disconnect", httpx.RemoteProtocolError)],
)
def test_a_lost_answer_leaves_open_whether_the_request_took_effect(
    client: Send, fault: int | str, error: Any, *, after: bool
) -> None:
    transport = tenant()
    count = len(transport.key_sets["B2C_1A_secrets"])
    transport.fail(fault, after=after)
    if error is None:
        answer = client(transport, "POST", SECRET_TO, json=SECRET_BODY)
        refused(answer, 504, "UnknownError", None)
    else:
        with pytest.raises(error, match=r"GraphTransport\.fail") as caught:
            client(transport, "POST", SECRET_TO, json=SECRET_BODY)
        assert caught.value.request.url.path.endswith("/uploadSecret")
        assert "a secret" not in f"{caught.value!r}"
    assert len(transport.key_sets["B2C_1A_secrets"]) == count + after


def test_a_request_that_the_service_would_refuse_can_be_lost_too() -> None:
    transport = tenant()
    before = state(transport)
    transport.fail(504, after=True)
    refused(direct(transport, "POST", SECRET_TO, json={}), 504, "UnknownError", None)
    assert state(transport) == before


REQUESTS = {
    "GET keySets": ("GET", SETS),
    "POST keySets": ("POST", SETS),
    "GET keySets/$count": ("GET", f"{SETS}/$count"),
    "GET keySets/{id}": ("GET", SIGNING),
    "PUT keySets/{id}": ("PUT", SIGNING),
    "PATCH keySets/{id}": ("PATCH", SIGNING),
    "DELETE keySets/{id}": ("DELETE", EMPTY),
    "POST generateKey": ("POST", GENERATE),
    "POST uploadSecret": ("POST", SECRET_TO),
    "POST uploadCertificate": ("POST", f"{SIGNING}/uploadCertificate"),
    "POST uploadPkcs12": ("POST", f"{SIGNING}/uploadPkcs12"),
    "GET getActiveKey": ("GET", f"{SIGNING}/getActiveKey"),
    "GET keys_v2": ("GET", f"{SIGNING}/keys_v2"),
    "GET keys_v2/$count": ("GET", f"{SIGNING}/keys_v2/$count"),
    "GET keys_v2/{kid}": ("GET", STATUS_OF),
    "PATCH keys_v2/{kid}": ("PATCH", STATUS_OF),
    "POST $batch": ("POST", "/$batch"),
}


def test_the_requests_of_this_test_are_all_that_there_are() -> None:
    operations = [f"{method} {name}" for name, by in OPERATIONS.items() for method in by]
    assert operations == [*REQUESTS]


def fails(transport: GraphTransport, method: str, path: str) -> bool:
    return direct(transport, method, path, json={}).status_code == 502


@pytest.mark.parametrize("operation", REQUESTS)
def test_a_fault_hits_the_operation_that_the_test_names(operation: str) -> None:
    """Otherwise a test of one request's retry would lose another one."""
    method, name = operation.split()
    for on in (operation, name, method):
        transport = tenant()
        transport.fail(502, on=on, times=100)
        hit = {each for each, request in REQUESTS.items() if fails(transport, *request)}
        whole = {each for each in REQUESTS if on in (each, *each.split())}
        assert hit == (whole if "$batch" in on else whole - {"POST $batch"})


def test_faults_wait_in_line_and_each_counts_its_requests() -> None:
    transport = tenant()
    transport.fail(503, times=2, on="POST")
    transport.fail(500)
    transport.fail("timeout", on="keySets")
    requests = [("POST", SECRET_TO), ("GET", SIGNING), ("POST", SECRET_TO), ("POST", SECRET_TO)]
    statuses = [
        direct(transport, method, path, json=SECRET_BODY).status_code for method, path in requests
    ]
    assert statuses == [503, 500, 503, 200]
    with pytest.raises(httpx.ReadTimeout):
        direct(transport, "GET", SETS)
    assert direct(transport, "GET", SETS).status_code == 200


@pytest.mark.parametrize("path", ["/nowhere", f"{SIGNING}/keys", f"{SIGNING}/generateKey"])
def test_a_fault_hits_any_request_if_the_test_names_none(path: str) -> None:
    transport = tenant()
    transport.fail(500)
    assert direct(transport, "GET", path).status_code == 500
    assert direct(transport, "GET", path).status_code in (404, 405)


def test_a_batch_answers_with_the_faults_of_its_requests() -> None:
    """As Graph's page says: the batch is 200, and a request in it is 429 or 503."""
    transport = tenant(now=100)
    requests = [batch("GET", SETS), batch("GET", SIGNING), batch("GET", SETS)]
    transport.fail(503, on="keySets/{id}")
    statuses = [answer["status"] for answer in batched(direct, transport, requests)]
    assert statuses == [200, 503, 200]
    transport.throttle(retry_after=5)
    answers = batched(direct, transport, requests)
    assert [answer["status"] for answer in answers] == [429, 429, 429]
    assert [answer["headers"]["Retry-After"] for answer in answers] == ["5", "5", "5"]
    assert answers[0]["body"]["error"]["code"] == "AADB2C95043"


def test_a_batch_itself_fails_only_if_the_test_names_it() -> None:
    transport = tenant()
    secret = batch("POST", SECRET_TO, SECRET_BODY)
    transport.fail(502, on="$batch", after=True)
    answer = direct(transport, "POST", "/$batch", json={"requests": [{"id": "1", **secret}]})
    refused(answer, 502, "BadGateway", None)
    assert len(transport.key_sets["B2C_1A_secrets"]) == 2
    # A lost connection is that of the batch. What came before has taken effect.
    transport.fail("disconnect", on="GET")
    with pytest.raises(httpx.RemoteProtocolError):
        batched(direct, transport, [secret, batch("GET", SETS), secret])
    assert len(transport.key_sets["B2C_1A_secrets"]) == 3


WRONG: dict[str, list[Any]] = {
    "fault": [200, 399, 600, "reset", None, True, [], 4.5],
    "code": [5, b"a", ["a"], ""],
    "times": [0, -1, 1.5, None, True, "2"],
    "after": [1, 0, None, "no"],
    "on": ["", "uploadsecret", "HEAD", "GET uploadSecret", 5, ["GET"]],
}


@pytest.mark.parametrize(
    ("argument", "options"),
    [
        *[(name, {name: value}) for name, values in WRONG.items() for value in values],
        ("code", {"fault": "timeout", "code": "AADB2C90063"}),
    ],
)
def test_a_wrong_argument_raises_and_no_request_fails(
    argument: str, options: dict[str, Any]
) -> None:
    """Otherwise a misspelt operation would test nothing."""
    transport = tenant()
    with pytest.raises(trustkeys.InvalidInputError) as caught:
        transport.fail(**{"fault": 503, **options})
    assert caught.value.target == argument
    assert str(caught.value).startswith(f"{argument} must")
    assert direct(transport, "GET", SETS).status_code == 200


# --- throttling


def test_throttle_refuses_all_requests_until_its_time_has_passed() -> None:
    transport = tenant(now=100)
    before = state(transport)
    transport.throttle(retry_after=7)
    for now, left in ((100, "7"), (101, "6"), (106, "1"), (106, "1")):
        transport.now = now
        for method, path in [("POST", SETS), ("DELETE", SIGNING), ("GET", "/nowhere?a")]:
            answer = direct(transport, method, path, json={"id": "new"})
            refused(answer, 429, "AADB2C95043", None)
            assert answer.headers["Retry-After"] == left
    assert state(transport) == before
    transport.now = 107
    assert direct(transport, "POST", SETS, json={"id": "new"}).status_code == 201


def test_throttle_goes_by_the_clock_and_can_be_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    transport = tenant(now=None)
    monkeypatch.setattr("time.time", lambda: 99.5)
    transport.throttle()
    for now, left in ((99.5, "1"), (100.25, "1"), (50.0, "51")):
        monkeypatch.setattr("time.time", lambda now=now: now)
        answer = direct(transport, "GET", SETS)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, left)
    monkeypatch.setattr("time.time", lambda: 100.5)
    assert direct(transport, "GET", SETS).status_code == 200
    transport.throttle(retry_after=10**400)
    assert direct(transport, "GET", SETS).status_code == 429
    transport.throttle(retry_after=0)
    assert direct(transport, "GET", SETS).status_code == 200


@pytest.mark.parametrize("retry_after", [-1, 1.5, None, "1", True])
def test_a_wrong_time_to_throttle_raises(retry_after: Any) -> None:
    with pytest.raises(trustkeys.InvalidInputError, match=r"^retry_after must"):
        GraphTransport().throttle(retry_after=retry_after)


def test_a_busy_service_keeps_the_faults_for_later() -> None:
    transport = tenant(now=100)
    transport.fail(500)
    transport.throttle(retry_after=1)
    assert direct(transport, "GET", SETS).status_code == 429
    transport.now = 101
    assert direct(transport, "GET", SETS).status_code == 500


# --- tokens


@pytest.mark.parametrize(
    "header",
    [..., "", "Bearer", "Bearer ", "Bearer wrong", "Basic good", "good", "Bearer good other"],
)
@pytest.mark.parametrize(("method", "path"), [("POST", SETS), ("GET", "/nowhere"), ("PUT", SETS)])
def test_a_request_without_an_accepted_token_is_refused(
    method: str, path: str, header: Any
) -> None:
    transport = tenant(tokens=["good", "better"])
    before = state(transport)
    headers = {} if header is ... else {"Authorization": header}
    answer = direct(transport, method, path, json={"id": "new"}, headers=headers)
    message = refused(answer, 401, "InvalidAuthenticationToken", None)
    assert "good" not in message + repr(transport)
    assert state(transport) == before


def test_the_token_comes_before_anything_else_in_a_request() -> None:
    headers = {"Content-Encoding": "br"}
    for path in (SETS, "/nowhere"):
        answer = direct(tenant(tokens=["good"]), "POST", path, content=b"x", headers=headers)
        refused(answer, 401, "InvalidAuthenticationToken", None)


@pytest.mark.parametrize("header", ["Bearer good", "bearer good", "BEARER better"])
def test_an_accepted_token_is_accepted(header: str) -> None:
    transport = tenant(tokens=iter(["good", "better"]))
    headers = {"Authorization": header}
    assert direct(transport, "GET", SETS, headers=headers).status_code == 200
    requests = [batch("GET", SECRETS)]
    assert batched(direct, transport, requests, headers=headers)[0]["status"] == 200


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer any", "Basic YTpi"])
def test_without_tokens_any_header_is_accepted(header: str) -> None:
    headers = {"Authorization": header}
    assert direct(GraphTransport(), "GET", SETS, headers=headers).status_code == 200


@pytest.mark.parametrize("tokens", ["good", [5], [None], [b"good"]])
def test_tokens_must_be_a_list_of_texts(tokens: Any) -> None:
    """The letters of one text would all be tokens."""
    with pytest.raises(trustkeys.InvalidInputError, match="tokens must be"):
        GraphTransport(tokens=tokens)
