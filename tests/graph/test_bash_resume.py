"""A script that stops half-way has to continue there, and upload no key twice."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.graph.plans import (
    SECRETS,
    Kind,
    assert_nothing_leaks,
    fault,
    moduli,
    text_set,
    texts_there,
)
from tests.standins.tenant import NOW, Tenant
from tests.support import needs_shell
from trustkeys import TrustFrameworkKeySet
from trustkeys.graph import provision

pytestmark = [pytest.mark.deep, needs_shell, pytest.mark.usefixtures("test_keys_allowed")]


# --- run again


def test_a_second_run_only_checks_the_active_key(tenant: Tenant, kind: Kind) -> None:
    provisioning, there, expected = kind
    tenant.place(provisioning)
    tenant.well()
    once = tenant.sent
    assert "already done" in tenant.well()
    assert tenant.sent == once
    assert there(tenant) == expected


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_killed_at_any_request_it_continues_and_uploads_no_key_twice(
    tenant: Tenant, kind: Kind, when: str, method: str
) -> None:
    provisioning, there, expected = kind
    for number in itertools.count():
        tenant.reset()
        tenant.place(provisioning)
        tenant.change(faults=[fault(when, method, number, stop=True)])
        stopped = tenant.run()
        if stopped.returncode == 0:
            # The script makes fewer requests.
            break
        assert stopped.returncode < 0
        said = tenant.well()
        assert there(tenant) == expected
        assert tenant.left == [tenant.script]
        assert_nothing_leaks(tenant, provisioning, said)
    steps = len(provisioning.requests)
    # Before each step, and at the end the key set and its active key.
    assert number == (steps if method == "post" else steps + 2)


def test_after_an_unclear_error_it_finds_out_whether_the_step_was_done(
    tenant: Tenant, kind: Kind
) -> None:
    provisioning, there, expected = kind
    tenant.place(provisioning)
    for number in range(len(provisioning.requests)):
        when = ("before", "after")[number % 2]
        tenant.change(faults=[fault(when, status=502, code="UnknownError")])
        said = tenant.badly()
        assert "ERROR: Bad Gateway(" in said
        assert f"step {number + 1} of {len(provisioning.requests)} failed" in said
        tenant.change(faults=[])
        if number + 1 < len(provisioning.requests):
            # Let one more step succeed, and the next one fail.
            tenant.change(faults=[fault("before", skip=1, status=400, code="BadRequest")])
            if when == "after":
                tenant.change(faults=[fault("before", status=400, code="BadRequest")])
            assert "ERROR: Bad Request(" in tenant.badly()
    tenant.change(faults=[])
    tenant.well()
    assert there(tenant) == expected


@pytest.mark.parametrize("status", [502, 503, 504])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_gateway_error_at_each_request_in_turn_uploads_no_key_twice(
    tenant: Tenant, kind: Kind, status: int, when: str
) -> None:
    provisioning, there, expected = kind
    tenant.place(provisioning)
    for number in range(len(provisioning.requests)):
        # A request that took no effect is sent again first.
        skip = 1 if when == "before" and number else 0
        tenant.change(faults=[fault(when, skip=skip, status=status, code="")])
        assert f"step {number + 1} of " in tenant.badly()
    tenant.well()
    assert there(tenant) == expected
    assert tenant.left == [tenant.script]


def test_a_refused_body_stays_and_the_reason_is_shown(tenant: Tenant, kind: Kind) -> None:
    provisioning, there, expected = kind
    tenant.place(provisioning)
    before = tenant.left
    tenant.change(faults=[fault("before", status=401, code="Denied", message="no such role")])
    done = tenant.run()
    assert done.returncode == 1
    assert "no such role" in done.stderr
    assert "run this again" in done.stderr
    assert tenant.left == before
    tenant.well()
    assert there(tenant) == expected


# --- a service that is busy, or slow


def test_it_waits_as_long_as_a_busy_service_says(tenant: Tenant, kind: Kind) -> None:
    provisioning, there, expected = kind
    tenant.place(provisioning)
    busy: dict[str, Any] = {"status": 429, "code": "TooManyRequests"}
    tenant.change(
        faults=[
            fault("before", **busy),
            fault("before", status=400, code="AADB2C95043"),
            fault("before", **busy, message="Please retry after 77 seconds."),
            fault("before", "get", **busy, message="Retry-After: 8"),
        ]
    )
    tenant.well()
    assert there(tenant) == expected
    assert tenant.sleeps == [8, 5, 10, 77]


def test_it_gives_up_on_a_busy_service_and_keeps_the_bodies(tenant: Tenant) -> None:
    tenant.place(provision(text_set(), at=NOW))
    tenant.change(faults=[fault("before", status=429, code="TooManyRequests") for _ in range(9)])
    assert "ERROR: Too Many Requests(" in tenant.badly()
    assert tenant.sleeps == [5, 10, 20, 40, 80, 160]
    assert tenant.left == ["1.json", tenant.script]
    tenant.change(faults=[])
    tenant.well()


def test_it_waits_until_a_slow_service_shows_the_last_upload(tenant: Tenant) -> None:
    tenant.place(provision(text_set(), by="action", at=NOW))
    tenant.change(lags=2)
    tenant.well()
    assert texts_there(tenant) == [SECRETS[1], SECRETS[0], SECRETS[2]]
    assert tenant.sleeps == [2, 4] * 3 + [5]


def test_after_a_stop_it_waits_for_the_upload_of_the_run_before(tenant: Tenant) -> None:
    tenant.place(provision(text_set(), by="action", at=NOW))
    tenant.change(lags=2, faults=[fault("after", skip=2, stop=True)])
    assert tenant.run().returncode < 0
    tenant.well()
    assert texts_there(tenant) == [SECRETS[1], SECRETS[0], SECRETS[2]]


def test_the_order_in_which_the_service_lists_keys_does_not_matter(
    tenant: Tenant, rsa_set: TrustFrameworkKeySet
) -> None:
    for order in (1, -1):
        tenant.reset()
        tenant.change(faults=[fault("after", stop=True)], order=order)
        tenant.place(provision(rsa_set, at=NOW))
        assert tenant.run().returncode < 0
        tenant.well()
        assert [key["n"] for key in tenant.keys("B2C_1A_Signing")] == moduli(rsa_set)
