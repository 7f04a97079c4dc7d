"""The bash script has one tenant: no key may be lost, sent twice, or sent to another tenant."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.graph.plans import DAY, Kind, fault, moduli, text_set
from tests.standins.tenant import NOW, TENANT, Tenant
from trustkeys import TrustFrameworkKeySet
from trustkeys.graph import provision

pytestmark = [pytest.mark.deep, pytest.mark.usefixtures("test_keys_allowed", "few_rounds")]


# --- which tenant, and which arguments


def test_it_sends_nothing_to_another_tenant_than_the_named_one(tenant: Tenant, kind: Kind) -> None:
    provisioning, _, _ = kind
    tenant.place(provisioning)
    said = tenant.badly("11111111-2222-3333-4444-555555555555")
    assert "another tenant" in said
    assert TENANT in said
    assert [entry["args"][0] for entry in tenant.log] == ["account"]


def test_it_stops_if_az_signs_in_to_another_tenant_during_the_run(
    tenant: Tenant, kind: Kind
) -> None:
    tenant.place(kind[0])
    tenant.change(later=[TENANT, "another"])
    assert "az is signed in to another tenant now" in tenant.badly()
    assert tenant.sent == []
    assert [name for name in tenant.left if name.endswith(".json")]
    tenant.well(TENANT)


def test_a_second_tenant_id_is_refused(tenant: Tenant, kind: Kind) -> None:
    tenant.place(kind[0])
    done = tenant.run("another", TENANT)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: ")
    assert not (tenant.standin / "log").exists()


def test_without_a_sign_in_it_shows_the_command(tenant: Tenant, kind: Kind) -> None:
    provisioning, _, _ = kind
    tenant.place(provisioning)
    tenant.change(tenant="")
    assert "az cloud set --name AzureCloud && az login --service-principal" in tenant.badly()
    assert [entry["args"][0] for entry in tenant.log] == ["account"]


def test_without_az_it_says_so(tenant: Tenant, kind: Kind, tmp_path: Path) -> None:
    tenant.place(kind[0])
    (tmp_path / "no-az").mkdir()
    for name in ("bash", "dirname", "rm"):
        (tmp_path / "no-az" / name).symlink_to(str(shutil.which(name)))
    tenant.environment["PATH"] = str(tmp_path / "no-az")
    assert tenant.badly() == "provision.sh: az is not installed: see https://aka.ms/azure-cli\n"


def test_signed_in_as_a_person_it_shows_the_command_for_an_application(
    tenant: Tenant, kind: Kind
) -> None:
    tenant.place(kind[0])
    message = "The application does not have any of the required delegated permissions"
    refusal = fault("before", "get", status=403, code="Forbidden", message=message)
    tenant.change(faults=[refusal])
    said = tenant.badly()
    assert message in said
    assert "az login --service-principal" in said


@pytest.mark.parametrize("args", [["--help"], ["-x"], [""]])
def test_wrong_arguments_show_the_usage(tenant: Tenant, args: list[str]) -> None:
    tenant.place(provision(text_set(), at=NOW))
    done = tenant.run(*args)
    assert done.returncode == 2
    assert done.stderr.startswith("Usage: ")
    assert not (tenant.standin / "log").exists()


# --- keys that are already in the tenant


def test_an_existing_key_set_is_not_touched(tenant: Tenant, kind: Kind) -> None:
    provisioning, _, _ = kind
    keys = [{"kid": "theirs", "use": "sig", "n": None}] * 3
    tenant.change(sets={provisioning.keyset_id: keys})
    tenant.place(provisioning)
    before = tenant.left
    for _ in range(2):
        said = tenant.badly()
        assert "AADB2C95028" in said
        assert tenant.sent == []
        assert tenant.left == before
    assert tenant.keys(provisioning.keyset_id) == keys


def test_a_key_set_that_somebody_else_changes_meanwhile_is_not_touched(tenant: Tenant) -> None:
    tenant.place(provision(text_set(), by="action", at=NOW))
    tenant.change(faults=[fault("before", skip=2, stop=True)])
    assert tenant.run().returncode < 0
    theirs = [{"kid": f"theirs {number}", "use": "sig"} for number in range(2)]
    sets = tenant.state["sets"]
    tenant.change(sets={name: keys + theirs for name, keys in sets.items()})
    sent = len(tenant.sent)
    assert "changed by somebody else" in tenant.badly()
    assert len(tenant.sent) == sent
    # Or removes it.
    tenant.change(sets={})
    assert "changed by somebody else" in tenant.badly()
    assert len(tenant.sent) == sent
    assert "3.json" in tenant.left


@pytest.mark.parametrize(
    "missing", [(400, "AADB2C90073"), (404, "AADB2C90073"), (404, "NotFound"), (400, "AADB2C95052")]
)
def test_a_missing_key_set_is_created_whichever_way_the_service_says_so(
    tenant: Tenant, missing: tuple[int, str]
) -> None:
    tenant.place(provision(text_set(), by="create", at=NOW))
    tenant.change(missing=missing)
    tenant.well()
    assert len(tenant.sent) == 1


@pytest.mark.parametrize("refusal", [(401, "Denied"), (400, "BadRequest")])
def test_nothing_is_sent_if_the_key_set_cannot_be_read(
    tenant: Tenant, kind: Kind, refusal: tuple[int, str]
) -> None:
    provisioning, _, _ = kind
    tenant.place(provisioning)
    before = tenant.left
    status, code = refusal
    tenant.change(faults=[fault("before", "get", status=status, code=code)])
    assert "nothing was sent" in tenant.badly()
    assert tenant.sent == []
    assert tenant.left == before


# --- replacing


def test_replacing_lists_the_lost_keys_and_needs_an_option(
    tenant: Tenant, rsa_set: TrustFrameworkKeySet
) -> None:
    provisioning = provision(rsa_set, replace=True, at=NOW)
    tenant.place(provisioning)
    theirs = [{"kid": "old\x1b[2Jone", "use": "sig", "n": "AQAB"}]
    tenant.change(sets={"B2C_1A_Signing": theirs})
    said = tenant.badly()
    assert "old[2Jone\n" in said
    assert "run this again with --replace" in said
    assert tenant.sent == []
    assert tenant.keys("B2C_1A_Signing") == theirs
    said = tenant.well("--replace", TENANT)
    assert "old[2Jone\n" in said
    assert [key["n"] for key in tenant.keys("B2C_1A_Signing")] == moduli(rsa_set)
    assert [entry["args"][2] for entry in tenant.sent] == ["put"]
    assert tenant.left == ["provision.sh"]
    assert "already done" in tenant.well()


def test_replacing_lists_only_keys_that_are_lost(
    tenant: Tenant, rsa_set: TrustFrameworkKeySet
) -> None:
    """A warning at each run would hide the one that matters."""
    tenant.place(provision(rsa_set, replace=True, at=NOW))
    same = [{"kid": key.kid, "use": "sig", "n": key.to_jwk()["n"]} for key in rsa_set]
    tenant.change(sets={"B2C_1A_Signing": [*same[:2]]})
    said = tenant.badly()
    assert "All keys of B2C_1A_Signing in the tenant are among the new keys." in said
    assert "will be lost" not in said
    other = {"kid": "other", "use": "sig", "n": "AQAB"}
    tenant.change(sets={"B2C_1A_Signing": [same[0], other]})
    said = tenant.well("--replace")
    assert "They will be lost, and cannot be read back:\nother\nStep 1" in said


def test_replacing_secrets_lists_all_since_none_can_be_recognised(
    tenant: Tenant,
) -> None:
    tenant.place(provision(text_set(), replace=True, at=NOW))
    tenant.change(sets={"B2C_1A_Secrets": [{"kid": "one", "use": "sig"}]})
    assert "cannot be read back:\none\n" in tenant.badly()


def test_replacing_a_key_set_that_does_not_exist_is_refused(
    tenant: Tenant, rsa_set: TrustFrameworkKeySet
) -> None:
    tenant.place(provision(rsa_set, replace=True, at=NOW))
    assert "without --replace" in tenant.badly("--replace")
    assert tenant.sent == []


def test_the_option_to_replace_needs_requests_that_replace(
    tenant: Tenant, rsa_set: TrustFrameworkKeySet
) -> None:
    tenant.place(provision(rsa_set, at=NOW))
    assert "replace nothing" in tenant.badly("--replace")
    assert not (tenant.standin / "log").exists()


# --- the check at the end


def test_a_wrong_active_key_is_reported(tenant: Tenant, kind: Kind) -> None:
    provisioning, _, _ = kind
    tenant.place(provisioning)
    tenant.well()
    keys = tenant.keys(provisioning.keyset_id)
    for key in keys:
        key |= {"n": "AQAB" if key["kty"] == "RSA" else None, "nbf": 1}
    tenant.change(sets={provisioning.keyset_id: keys})
    said = tenant.badly()
    assert "MISMATCH" in said
    assert "expected: " in said
    assert tenant.sleeps == [5, 10, 20]
    # The same if there is no active key.
    tenant.change(sets={})
    assert "MISMATCH" in tenant.badly()


def test_the_expected_active_key_follows_the_clock(tenant: Tenant, kind: Kind) -> None:
    provisioning, _, _ = kind
    tenant.place(provisioning)
    tenant.well()
    for now in (NOW + 5 * DAY - 1, NOW + 5 * DAY, NOW + 15 * DAY):
        tenant.at(now)
        tenant.well()
    tenant.at(NOW + 30 * DAY)
    if provisioning.keyset_id == "B2C_1A_Certified":
        # It has no key without dates to fall back to.
        assert "no key of B2C_1A_Certified is active now" in tenant.badly()
    else:
        tenant.well()
