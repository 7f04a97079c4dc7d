"""Every answer has the ids and the date that support asks for, as headers and in an error."""

from __future__ import annotations

import json
import re
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import UUID

import pytest

from tests.testing.tenant import SETS, SIGNING, batch, batched, direct, refused, tenant

# An answer, an error, an unknown address, a wrong method, and a refused token.
REQUESTS: list[tuple[str, str, Any]] = [
    ("GET", SETS, None),
    ("DELETE", SIGNING, None),
    ("GET", f"{SETS}/$count", None),
    ("GET", f"{SETS}/B2C_1A_other", None),
    ("POST", SETS, {"id": "signing"}),
    ("GET", "/nowhere", None),
    ("DELETE", SETS, None),
    ("POST", "/$batch", {}),
]


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
@pytest.mark.parametrize("options", [{}, {"tokens": ["a"]}])
def test_an_answer_has_ids_and_a_date(
    method: str, path: str, body: Any, options: dict[str, Any]
) -> None:
    transport = tenant(now=1_893_456_000, **options)
    first, second = (direct(transport, method, path, json=body).headers for _ in range(2))
    assert first["client-request-id"] == first["request-id"] != second["request-id"]
    assert str(UUID(first["request-id"])) == first["request-id"]
    assert first["Date"] == "Tue, 01 Jan 2030 00:00:00 GMT"
    assert json.loads(first["x-ms-ags-diagnostic"])["ServerInfo"]["DataCenter"]


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
def test_the_clients_own_id_comes_back(method: str, path: str, body: Any) -> None:
    """A program finds the answer to its request in a log by it."""
    own = "0d4c1c5e-any text"
    answer = direct(tenant(), method, path, json=body, headers={"Client-Request-Id": own})
    assert answer.headers["client-request-id"] == own
    assert answer.headers["request-id"] != own


@pytest.mark.parametrize("own", [b"", b"\xc3\xbc", b"\xff", b"a\tb", b"a\r\nb", b"\0"])
def test_an_id_that_no_header_can_carry_is_replaced(own: bytes) -> None:
    answer = direct(tenant(), "GET", "/nowhere", headers={b"client-request-id": own})
    assert answer.headers["client-request-id"] == answer.headers["request-id"]


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS[3:])
def test_an_error_repeats_the_ids_and_the_date(method: str, path: str, body: Any) -> None:
    """The npm client makes a date of it, and the Java SDK three members."""
    transport = tenant(now=1_893_456_001)
    answer = direct(transport, method, path, json=body, headers={"client-request-id": "mine"})
    assert answer.json()["error"]["innerError"] == {
        "date": "2030-01-01T00:00:01",
        "request-id": answer.headers["request-id"],
        "client-request-id": "mine",
    }


def test_errors_in_a_batch_have_the_ids_of_the_batch() -> None:
    answer = batched(
        direct, tenant(), [batch("GET", "/nowhere")], headers={"client-request-id": "mine"}
    )
    assert answer[0]["body"]["error"]["innerError"]["client-request-id"] == "mine"
    assert "request-id" not in answer[0]["headers"]


def test_the_date_is_that_of_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1_893_456_000.999)
    answer = direct(tenant(now=None), "GET", "/nowhere")
    assert answer.headers["Date"] == "Tue, 01 Jan 2030 00:00:00 GMT"
    assert answer.json()["error"]["innerError"]["date"] == "2030-01-01T00:00:00"


@pytest.mark.parametrize("now", [0, 253_402_300_799, 253_402_300_800, 2**63 - 1])
def test_any_time_has_a_date(now: int) -> None:
    """A test can set the clock beyond the last year that a date can show."""
    answer = direct(tenant(now=now), "GET", "/nowhere")
    date = answer.json()["error"]["innerError"]["date"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", date)
    assert parsedate_to_datetime(answer.headers["Date"]).replace(
        tzinfo=None
    ) == datetime.fromisoformat(date)
    refused(answer, 404, "NotFound", None)
