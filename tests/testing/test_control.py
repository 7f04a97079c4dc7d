"""A test in any language prepares the tenant over HTTP, and no page in a browser does."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import trustkeys
from tests import support
from tests.testing.tenant import (
    EMPTY,
    FIRST,
    NOW,
    OCT,
    SECOND,
    SECRET,
    SETS,
    SIGNING,
    ask,
    refused,
    state,
    tenant,
)
from trustkeys import TrustFrameworkKeySet
from trustkeys.testing import GraphTransport
from trustkeys.testing.control import Control
from trustkeys.testing.strategies import key_sets

TENANT = "/trustkeys/tenant"
RESET = "/trustkeys/reset"
FAIL = "/trustkeys/fail"
THROTTLE = "/trustkeys/throttle"


def call(control: Control, method: str, path: str, body: Any = None, **options: Any) -> Any:
    """Return the answer to a request, of which a client sends the body as JSON."""
    url = f"http://127.0.0.1:8080{path}"
    return control.answer(httpx.Request(method, url, json=body, **options))


def post(control: Control, path: str, body: Any) -> None:
    answer = call(control, "POST", path, body)
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.fixture
def control() -> Control:
    return Control.of(tenant())


# --- the tenant


def test_the_tenant_is_shown_with_the_private_parts_of_test_keys_alone(control: Control) -> None:
    """They are public. Those of another key never leave."""
    real = [trustkeys.generate_key("sig", "oct"), trustkeys.generate_key("sig", "RSA")]
    for key in real:
        control.transport.key_sets[key.kty] = TrustFrameworkKeySet(key.kty, [key])
    del control.transport.key_sets["B2C_1A_empty"]
    answer = call(control, "GET", TENANT)
    document = answer.json()
    assert (answer.status_code, document["now"]) == (200, NOW)
    shown = {each["id"]: each["keys"] for each in document["keySets"]}
    assert [*shown] == ["B2C_1A_signing", "B2C_1A_secrets", "oct", "RSA"]
    for keys, expected in (
        (shown["B2C_1A_signing"], [FIRST, SECOND]),
        (shown["B2C_1A_secrets"], [SECRET]),
    ):
        for key, one in zip(keys, expected, strict=True):
            assert one.to_jwk(private=True).items() <= key.items()
    assert [key["status"] for key in shown["B2C_1A_signing"]] == ["enabled", "disabled"]
    for key in real:
        assert support.leaks(answer.text, key.to_jwk(private=True)) == []
        assert shown[key.kty][0]["kid"] == key.kid


@given(
    st.sampled_from([TENANT, RESET]),
    key_sets(max_size=2),
    st.none() | st.integers(0, 2**63 - 1),
    st.booleans(),
)
def test_a_tenant_can_be_saved_and_restored(
    control: Control, path: str, keys: TrustFrameworkKeySet, now: int | None, is_deleted: bool
) -> None:
    transport = GraphTransport([keys, TrustFrameworkKeySet("other")], now=now)
    if is_deleted:
        ask(transport, "DELETE", f"{SETS}/{keys.id}")
    saved = call(Control.of(transport), "GET", TENANT).json()
    control.transport.reset()
    post(control, path, saved)
    assert state(control.transport) == state(transport)
    assert control.transport.now == now


def test_a_time_of_any_kind_is_shown_as_a_number(control: Control) -> None:
    control.transport.now = datetime(2030, 1, 1, tzinfo=UTC)
    assert call(control, "GET", TENANT).json()["now"] == 1893456000
    control.transport.now = None
    assert call(control, "GET", TENANT).json()["now"] is None


def test_only_what_is_named_changes(control: Control) -> None:
    transport, before = control.transport, state(control.transport)
    post(control, TENANT, {"now": 20})
    assert (transport.now, transport.tokens, state(transport)) == (20, frozenset(), before)
    post(control, TENANT, {"tokens": ["a"]})
    assert (transport.now, transport.tokens, state(transport)) == (20, frozenset("a"), before)
    post(control, TENANT, {"keySets": [{"id": "New", "keys": [{**OCT, "status": "disabled"}]}]})
    ((name, (key,)),) = transport.key_sets.items()
    assert (name, key.status) == ("B2C_1A_New", "disabled")
    assert key.to_jwk(private=True)["k"] == OCT["k"]
    post(control, TENANT, {"now": None, "tokens": [], "keySets": []})
    assert (transport.now, transport.tokens, state(transport)) == (None, frozenset(), {})


def test_a_reset_goes_back_to_the_start(control: Control) -> None:
    transport, before = control.transport, state(control.transport)
    body = {"use": "sig", "kty": "RSA"}
    first = ask(transport, "POST", f"{EMPTY}/generateKey", json=body).json()["kid"]
    ask(transport, "DELETE", SIGNING)
    transport.now, transport.tokens = 99, ["a"]
    transport.fail(500, times=3)
    transport.throttle(retry_after=9)
    for _ in range(2):
        post(control, RESET, {})
        assert (transport.now, transport.tokens, state(transport)) == (NOW, frozenset(), before)
        # The same test keys come in the same order, for tests that compare with saved answers.
        again = ask(transport, "POST", f"{EMPTY}/generateKey", json=body).json()["kid"]
        assert again == first
    post(control, RESET, {"now": 7, "keySets": []})
    assert (transport.now, transport.tokens, state(transport)) == (7, frozenset(), {})
    post(control, RESET, {})
    assert (transport.now, state(transport)) == (NOW, before)


# --- faults


def test_faults_come_as_they_are_asked_for(control: Control) -> None:
    transport = control.transport
    body = {"fault": 503, "code": "AADB2C90063", "times": 2, "on": "keySets", "after": True}
    post(control, FAIL, body)
    for name in ("a", "b"):
        answer = ask(transport, "POST", SETS, json={"id": name})
        refused(answer, 503, "AADB2C90063", None)
    assert {"B2C_1A_a", "B2C_1A_b"} <= transport.key_sets.keys()
    assert ask(transport, "GET", SETS).status_code == 200
    post(control, FAIL, {"fault": "timeout"})
    with pytest.raises(httpx.ReadTimeout):
        ask(transport, "GET", SETS)


def test_the_service_is_busy_for_as_long_as_it_is_asked_for(control: Control) -> None:
    transport = control.transport
    post(control, THROTTLE, {})
    assert ask(transport, "GET", SETS).headers["Retry-After"] == "1"
    post(control, THROTTLE, {"retryAfter": 9})
    answer = ask(transport, "GET", SETS)
    refused(answer, 429, "AADB2C95043", None)
    assert answer.headers["Retry-After"] == "9"
    # The control path is never busy.
    post(control, TENANT, {"now": NOW + 9})
    assert ask(transport, "GET", SETS).status_code == 200
    post(control, THROTTLE, {"retryAfter": 9})
    post(control, THROTTLE, {"retryAfter": 0})
    assert ask(transport, "GET", SETS).status_code == 200


# --- refusals

BAD: list[tuple[str, Any, str | None]] = [
    (TENANT, {"now": "tomorrow"}, "now"),
    (TENANT, {"now": 1.5}, "now"),
    (TENANT, {"tokens": "a"}, "tokens"),
    (TENANT, {"tokens": None}, "tokens"),
    (TENANT, {"tokens": 1}, "tokens"),
    (TENANT, {"tokens": [1]}, "tokens"),
    (TENANT, {"keySets": None}, "keySets"),
    (TENANT, {"keySets": {}}, "keySets"),
    (TENANT, {"keySets": [[]]}, "keySets"),
    (TENANT, {"keySets": [{"keys": []}]}, "id"),
    (TENANT, {"keySets": [{"id": 1, "keys": []}]}, "id"),
    (TENANT, {"keySets": [{"id": "a.bak.bak", "keys": []}]}, "id"),
    (TENANT, {"keySets": [{"id": "a", "keys": []}, {"id": "B2C_1A_a", "keys": []}]}, "id"),
    (TENANT, {"other": 1}, "other"),
    (TENANT, [], None),
    (RESET, {"now": True}, "now"),
    (FAIL, {}, "fault"),
    (FAIL, {"fault": []}, "fault"),
    (FAIL, {"fault": {}}, "fault"),
    (FAIL, {"fault": 200}, "fault"),
    (FAIL, {"fault": 500, "times": 0}, "times"),
    (FAIL, {"fault": 500, "on": []}, "on"),
    (FAIL, {"fault": 500, "code": 1}, "code"),
    (FAIL, {"fault": 500, "after": "no"}, "after"),
    (FAIL, {"fault": 500, "retryAfter": 1}, "retryAfter"),
    (THROTTLE, {"retryAfter": -1}, "retryAfter"),
    (THROTTLE, {"retryAfter": None}, "retryAfter"),
    (THROTTLE, {"retry_after": 1}, "retry_after"),
]


@pytest.mark.parametrize(("path", "body", "target"), BAD)
def test_a_bad_body_changes_nothing(
    control: Control, path: str, body: Any, target: str | None
) -> None:
    transport, before = control.transport, state(control.transport)
    body = {"now": 1, "tokens": ["a"], "keySets": [], **body} if path == TENANT and body else body
    refused(call(control, "POST", path, body), 400, "BadRequest", target)
    assert (transport.now, transport.tokens, state(transport)) == (NOW, frozenset(), before)
    assert ask(transport, "GET", SETS).status_code == 200


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
NAMES = st.sampled_from(
    ["keySets", "now", "tokens", "fault", "code", "times", "on", "after", "retryAfter", "x"]
)


@pytest.mark.deep
@given(
    st.sampled_from([TENANT, RESET, FAIL, THROTTLE]),
    st.dictionaries(NAMES, JSON, max_size=4).map(json.dumps).map(str.encode) | st.binary(),
)
def test_any_body_is_taken_or_refused(control: Control, path: str, body: bytes) -> None:
    request = httpx.Request(
        "POST",
        f"http://localhost{path}",
        content=body,
        headers={"Content-Type": "application/json; charset=utf-8"},
    )
    assert control.answer(request).status_code in (204, 400)
    control.transport.reset()


def test_a_refusal_shows_no_secret_of_the_body(control: Control) -> None:
    key = trustkeys.generate_key("sig", "RSA")
    jwk = key.to_jwk(private=True)
    for spoiled in ({**jwk, "kid": [jwk["d"]]}, {**jwk, "d": jwk["p"]}, {**jwk, "use": jwk["q"]}):
        body = {"keySets": [{"id": "a", "keys": [spoiled]}]}
        answer = call(control, "POST", TENANT, body)
        assert answer.status_code == 400
        assert answer.json()["error"]["message"].startswith("key set 1: key 1: ")
        assert support.leaks(answer.text, jwk) == []


# --- addresses, and pages in a browser


def test_other_addresses_and_methods_are_refused(control: Control) -> None:
    for path in ("/trustkeys/", "/trustkeys/other", "/trustkeys/tenant/"):
        refused(call(control, "GET", path), 404, "NotFound", None)
    answer = call(control, "OPTIONS", TENANT)
    refused(answer, 405, "MethodNotAllowed", None)
    assert answer.headers["Allow"] == "GET, POST"
    answer = call(control, "GET", RESET)
    refused(answer, 405, "MethodNotAllowed", None)
    assert answer.headers["Allow"] == "POST"


@pytest.mark.parametrize(
    "media", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; a=b", ""]
)
def test_a_page_in_a_browser_cannot_send_a_form(control: Control, media: str) -> None:
    before = state(control.transport)
    answer = call(control, "POST", TENANT, {"keySets": []}, headers={"Content-Type": media})
    refused(answer, 415, "UnsupportedMediaType", None)
    assert state(control.transport) == before


@pytest.mark.parametrize(
    "host", ["example.com", "example.com:8080", "127.0.0.1.example.com", "xn--", "xn--a.example"]
)
def test_a_page_cannot_come_under_a_name_of_its_own(control: Control, host: str) -> None:
    """Its name can lead to 127.0.0.1, and then the browser lets it read the answers."""
    for method, body in (("GET", None), ("POST", {"keySets": []})):
        # The server does not decode the host either, so that it can be malformed.
        url = httpx.URL(scheme="http", netloc=host.encode(), raw_path=TENANT.encode())
        request = httpx.Request(method, url, json=body, headers={"Host": host})
        refused(control.answer(request), 403, "Forbidden", None)
    assert state(control.transport) == state(tenant())


def test_a_browser_is_never_told_that_a_page_may_read(control: Control) -> None:
    preflight = {
        "Origin": "http://example.com",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    for method in ("OPTIONS", "GET"):
        answer = call(control, method, TENANT, headers=preflight)
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_the_answers_have_the_ids_of_graph(control: Control) -> None:
    answer = call(control, "GET", TENANT, headers={"client-request-id": "mine"})
    assert answer.headers["client-request-id"] == "mine"
    assert (
        abs(
            time.time()
            - datetime.strptime(answer.headers["Date"], "%a, %d %b %Y %H:%M:%S GMT")
            .replace(tzinfo=UTC)
            .timestamp()
        )
        < 60
    )
