"""Adding to a key set must not touch its other keys, and must add no key twice."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.graph.plans import DAY, fault, moduli, plain, text_key, texts_there
from tests.standins.tenant import NOW, Tenant
from tests.support import needs_shell
from trustkeys import TrustFrameworkKeySet
from trustkeys.core.base64url import base64url_encode
from trustkeys.graph import Provisioning, provision

pytestmark = [pytest.mark.deep, needs_shell, pytest.mark.usefixtures("test_keys_allowed")]


def theirs(text: str, **members: Any) -> dict[str, Any]:
    """Return a secret that the tenant already has."""
    secret = base64url_encode(text.encode())
    return {"kid": f"kid of {text}", "kty": "oct", "use": "sig", "k": secret, **members}


def secrets(*dates: tuple[str, int | None, int | None]) -> Provisioning:
    keys = (text_key(*each) for each in dates)
    return provision(TrustFrameworkKeySet("Secrets", keys), append=True, at=NOW)


OLD = [theirs("one"), theirs("two", nbf=NOW - 9 * DAY, exp=NOW + DAY)]
NEW = (("new", NOW - 5, None), ("later", NOW + DAY, NOW + 9 * DAY))


def test_new_secrets_join_those_that_are_there(tenant: Tenant) -> None:
    tenant.place(secrets(*NEW))
    tenant.change(sets={"B2C_1A_Secrets": OLD})
    said = tenant.well()
    assert texts_there(tenant) == ["one", "two", "new", "later"]
    assert tenant.keys("B2C_1A_Secrets")[:2] == OLD
    assert "To be added to B2C_1A_Secrets:\nkey " in said
    assert "Step 2 of 2: post /trustFramework/keySets/B2C_1A_Secrets/uploadSecret" in said
    assert {entry["args"][2] for entry in tenant.sent} == {"post"}
    assert tenant.left == [tenant.script]
    # Run again, it adds nothing.
    assert "lacks no key" in tenant.well()
    assert len(tenant.keys("B2C_1A_Secrets")) == 4


def test_only_the_keys_that_the_tenant_lacks_are_added(
    tenant: Tenant, certified_set: TrustFrameworkKeySet
) -> None:
    first, second = certified_set
    there = {"kid": "theirs", "kty": "RSA", "use": "sig", "nbf": first.nbf, "exp": first.exp}
    foreign = {"kid": "foreign", "kty": "RSA", "use": "sig", "n": "AQAB"}
    tenant.place(provision(certified_set, append=True, at=NOW))
    tenant.change(sets={"B2C_1A_Certified": [{**there, "n": first.to_jwk()["n"]}, foreign]})
    said = tenant.well()
    assert f"In the tenant already: key {first.kid}" in said
    assert f"To be added to B2C_1A_Certified:\nkey {second.kid}\n" in said
    assert len(tenant.sent) == 1
    found = [plain(key["n"]) for key in tenant.keys("B2C_1A_Certified")]
    assert found == [first.to_jwk()["n"], "AQAB", second.to_jwk()["n"]]


def test_it_works_from_a_saved_answer_and_new_keys(
    tenant: Tenant, rsa_set: TrustFrameworkKeySet, certified_set: TrustFrameworkKeySet
) -> None:
    answer = TrustFrameworkKeySet("Signing", list(rsa_set)[:2]).to_graph()
    keys = TrustFrameworkKeySet.from_jwks(answer)
    keys.add(list(certified_set)[1])
    tenant.place(provision(keys, append=True, at=NOW))
    tenant.change(sets={"B2C_1A_Signing": answer["keys"]})
    assert tenant.well().count("In the tenant already: ") == 2
    assert [plain(key["n"]) for key in tenant.keys("B2C_1A_Signing")] == moduli(keys)


def test_a_key_that_the_tenant_must_have_and_lacks_stops_it(
    tenant: Tenant, rsa_set: TrustFrameworkKeySet, certified_set: TrustFrameworkKeySet
) -> None:
    keys = TrustFrameworkKeySet("Signing", [next(iter(rsa_set)), list(certified_set)[1]])
    tenant.place(provision(keys, append=True, at=NOW))
    tenant.change(sets={"B2C_1A_Signing": [{"kid": "theirs", "use": "sig", "n": "AQAB"}]})
    before = tenant.left
    said = tenant.badly()
    assert "are not in the tenant, and cannot be added:\nkey " in said
    assert "it has no certificate" in said
    assert (tenant.sent, tenant.left) == ([], before)


def test_adding_needs_a_key_set(tenant: Tenant) -> None:
    tenant.place(secrets(*NEW))
    assert "does not exist: write the requests again without --append" in tenant.badly()
    assert tenant.sent == []


@pytest.mark.parametrize(
    ("decision", "expected"), [("--same", ["one", "new"]), ("--new", ["one", "new", "two"])]
)
def test_a_secret_that_may_be_there_needs_a_decision(
    tenant: Tenant, decision: str, expected: list[str]
) -> None:
    """Graph does not show secrets. A guess would lose the new one, or add the old one twice."""
    tenant.place(secrets(("two", None, None), ("new", NOW - 5, None)))
    tenant.change(sets={"B2C_1A_Secrets": OLD[:1]})
    before = tenant.left
    said = tenant.badly()
    assert "they may be the same or others:\nkey " in said
    assert f"with {tenant.option('--same')}" in said
    assert (tenant.sent, tenant.left) == ([], before)
    tenant.well(decision)
    assert texts_there(tenant) == expected


def test_it_says_what_the_decision_adds(tenant: Tenant) -> None:
    """The tenant may have the second of two secrets that look the same."""
    provisioning = secrets(("one", None, None), ("two", None, None))
    first, second = (key.name for key in provisioning.keys)
    tenant.place(provisioning)
    tenant.change(sets={"B2C_1A_Secrets": OLD[:1]})
    said = tenant.badly()
    assert f"or others:\n{first}\nIf they are the same, these are added:\n{second}\n" in said
    assert tenant.sent == []
    tenant.well("--same")
    assert texts_there(tenant) == ["one", "two"]


def test_the_decision_needs_requests_that_add(
    tenant: Tenant, rsa_set: TrustFrameworkKeySet
) -> None:
    tenant.place(provision(rsa_set, at=NOW))
    assert "add to no existing key set: leave --same out" in tenant.badly("--same")
    done = tenant.run("--same", "--new")
    assert done.returncode == 2
    assert not (tenant.standin / "log").exists()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_killed_at_any_request_it_adds_no_key_twice(tenant: Tenant, when: str, method: str) -> None:
    # The last one looks like one of theirs.
    new = (*NEW, ("same", NOW - 9 * DAY, NOW + DAY))
    for number in itertools.count():
        tenant.reset()
        tenant.place(secrets(*new))
        tenant.change(sets={"B2C_1A_Secrets": OLD})
        tenant.change(faults=[fault(when, method, number, stop=True)])
        stopped = tenant.run("--new")
        if stopped.returncode == 0:
            break
        assert stopped.returncode < 0
        tenant.well("--new")
        assert texts_there(tenant) == ["one", "two", "new", "later", "same"]
        assert tenant.left == [tenant.script]
    assert number == (3 if method == "post" else 6)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        *((status, "") for status in (500, 502, 503, 504)),
        # "A problem with the service", with the status of a refusal.
        (400, "AADB2C90063"),
        # The text of a gateway does not make it a refusal.
        (502, "Forbidden"),
    ],
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_unclear_error_adds_no_key_twice(
    tenant: Tenant, status: int, code: str, when: str
) -> None:
    tenant.place(secrets(*NEW))
    tenant.change(sets={"B2C_1A_Secrets": OLD})
    for _ in NEW:
        tenant.change(faults=[fault(when, status=status, code=code)])
        tenant.badly()
    tenant.change(faults=[])
    tenant.well()
    assert texts_there(tenant) == ["one", "two", "new", "later"]


def test_a_change_by_somebody_else_during_an_unclear_step_stops_it(tenant: Tenant) -> None:
    tenant.place(secrets(*NEW))
    tenant.change(sets={"B2C_1A_Secrets": OLD}, faults=[fault("before", status=502, code="")])
    tenant.badly()
    tenant.change(sets={"B2C_1A_Secrets": [*OLD, theirs("other", exp=NOW + 5 * DAY)]})
    sent = len(tenant.sent)
    assert "changed by somebody else" in tenant.badly()
    assert len(tenant.sent) == sent


def test_foreign_keys_can_come_between_two_runs(tenant: Tenant) -> None:
    tenant.place(secrets(*NEW))
    refusal = fault("before", skip=1, status=400, code="BadRequest")
    tenant.change(sets={"B2C_1A_Secrets": OLD}, faults=[refusal])
    tenant.badly()
    keys = tenant.keys("B2C_1A_Secrets")
    tenant.change(sets={"B2C_1A_Secrets": [*keys, theirs("other", exp=NOW + 5 * DAY)]})
    tenant.well()
    assert texts_there(tenant) == ["one", "two", "new", "other", "later"]


def test_what_is_left_is_not_added_in_another_tenant(tenant: Tenant) -> None:
    tenant.place(secrets(*NEW))
    refusal = fault("before", skip=1, status=400, code="BadRequest")
    tenant.change(sets={"B2C_1A_Secrets": OLD}, faults=[refusal])
    tenant.badly()
    keys = tenant.keys("B2C_1A_Secrets")
    tenant.change(sets={"B2C_1A_Secrets": OLD})
    sent = len(tenant.sent)
    assert "lacks a key that an earlier run has added or found" in tenant.badly()
    assert (len(tenant.sent), tenant.left) == (sent, ["2.json", tenant.script])
    tenant.change(sets={"B2C_1A_Secrets": keys})
    tenant.well()
    assert texts_there(tenant) == ["one", "two", "new", "later"]


def test_the_newest_key_of_both_sides_must_be_active(tenant: Tenant) -> None:
    tenant.place(secrets(("new", NOW - 5, None)))
    tenant.change(sets={"B2C_1A_Secrets": [*OLD, theirs("newer", nbf=NOW - 1)]})
    tenant.well()
    tenant.change(active=2)
    tenant.well()
    tenant.change(active=3)
    assert "MISMATCH: the active key" in tenant.badly()
    # A disabled key of theirs does not count.
    keys = tenant.keys("B2C_1A_Secrets")
    keys[2]["status"] = "disabled"
    tenant.change(sets={"B2C_1A_Secrets": keys})
    tenant.well()
