"""The bash script has one tenant: no key may be lost, sent twice, or sent to another tenant."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.graph.plans import DAY, Kind, fault, moduli, plain, text_set
from tests.standins.tenant import NOW, TENANT, Tenant
from tests.support import needs_shell
from trustkeys import TrustFrameworkKeySet
from trustkeys.graph import provision

pytestmark = [pytest.mark.deep, needs_shell, pytest.mark.usefixtures("test_keys_allowed")]


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


def test_what_az_prints_cannot_control_the_terminal(tenant: Tenant, kind: Kind) -> None:
    """A gateway can answer with any bytes."""
    tenant.place(kind[0])
    az = Path(tenant.environment["PATH"].partition(":")[0]) / "az"
    az.write_text(
        f'#!/bin/sh\n[ "$1" = rest ] || {{ echo {TENANT}; exit; }}\n'
        "printf 'ERROR: Bad Gateway(\\033]0;title\\007\\033[2J \\233K)\\n' >&2\nexit 1\n"
    )
    said = tenant.badly()
    assert "ERROR: Bad Gateway(]0;title[2J K)\n" in said
    assert said.replace("\n", "").isprintable()


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
    # az keeps its token.
    assert "az logout; az cloud set --name AzureCloud && az login --service-principal" in said


def test_the_domain_of_a_tenant_is_not_its_id(tenant: Tenant, kind: Kind) -> None:
    tenant.place(kind[0])
    assert "must be the id of the tenant, not its domain" in tenant.badly("contoso.example")
    assert not (tenant.standin / "log").exists()


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_lost_connection_is_one_line(tenant: Tenant, kind: Kind, method: str) -> None:
    tenant.place(kind[0])
    tenant.change(faults=[fault("before", method, lost=True)])
    said = tenant.badly()
    assert "ERROR: ('Connection aborted.', ConnectionResetError(" in said
    assert "Traceback" not in said
    assert "unexpected error" not in said
    tenant.well()


@pytest.mark.parametrize("method", ["get", "post"])
def test_the_page_of_a_network_portal_is_no_success(
    tenant: Tenant, kind: Kind, method: str
) -> None:
    """With it, az exits with 0, and the body would be deleted unsent."""
    provisioning, there, expected = kind
    tenant.place(provisioning)
    bodies = tenant.left
    tenant.change(faults=[fault("before", method, portal=True)])
    said = tenant.badly()
    assert "Not a json response" in said
    assert {"get": "could not read", "post": "step 1 of "}[method] in said
    assert {*bodies} <= {*tenant.left}
    tenant.well()
    assert there(tenant) == expected


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
    # This run has sent nothing, so there is nothing to wait for.
    assert tenant.sleeps == []


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


# --- certificates of partners


def test_the_certificate_of_a_partner_is_brought(
    tenant: Tenant, certified_set: TrustFrameworkKeySet
) -> None:
    partner = TrustFrameworkKeySet("Partner", (key.public() for key in certified_set))
    tenant.place(provision(partner, at=NOW))
    tenant.well()
    assert [plain(key["n"]) for key in tenant.keys("B2C_1A_Partner")] == moduli(partner)


# --- several key sets


def test_one_script_brings_several_key_sets(
    tenant: Tenant, rsa_set: TrustFrameworkKeySet, certified_set: TrustFrameworkKeySet
) -> None:
    tenant.change(sets={"B2C_1A_Certified": [{"kid": "theirs", "use": "sig", "n": "AQAB"}]})
    tenant.place(
        provision(rsa_set, at=NOW),
        provision(text_set(), by="action", at=NOW),
        provision(certified_set, append=True, at=NOW),
    )
    tenant.change(faults=[fault("before", skip=2, status=401, code="Denied")])
    stopped = tenant.run()
    assert "step 3 of 7 failed" in stopped.stderr
    # What it has said of the first key set stays true.
    assert stopped.stdout.count("OK: ") == 1
    said = tenant.well(TENANT)
    assert said.count("OK: ") == 3
    assert [len(tenant.keys(f"B2C_1A_{name}")) for name in ("Signing", "Secrets", "Certified")] == [
        3,
        3,
        3,
    ]
    assert tenant.left == [tenant.script]


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
    assert f"run this again with {tenant.option('--replace')}" in said
    assert tenant.sent == []
    assert tenant.keys("B2C_1A_Signing") == theirs
    said = tenant.well("--replace", TENANT)
    assert "old[2Jone\n" in said
    assert [key["n"] for key in tenant.keys("B2C_1A_Signing")] == moduli(rsa_set)
    assert [entry["args"][2] for entry in tenant.sent] == ["put"]
    assert tenant.left == [tenant.script]
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


def test_a_key_set_that_differs_from_what_was_brought_is_reported(
    tenant: Tenant, kind: Kind
) -> None:
    """Whichever key differs, and not only the active one."""
    provisioning, _, _ = kind
    tenant.place(provisioning)
    tenant.well()
    right = tenant.keys(provisioning.keyset_id)

    def said(keys: list[dict[str, Any]]) -> str:
        tenant.change(sets={provisioning.keyset_id: keys})
        return tenant.badly()

    for number, key in enumerate(right):
        rest = [*right[:number], *right[number + 1 :]]
        assert "MISMATCH" in said(rest)
        assert tenant.sleeps[-3:] == [5, 10, 20]
        assert f"missing, or with other dates: {provisioning.keys[0].name[:4]}" in said(rest)
        for change in ({"nbf": 1}, {"exp": NOW + 9999 * DAY}, {"use": "enc"}):
            assert "MISMATCH" in said([*rest, {**key, **change}])
        assert f"disabled: {key['kid']}" in said([*rest, {**key, "status": "disabled"}])
    theirs = {"kid": "theirs", "kty": "oct", "use": "sig"}
    assert "not expected: theirs" in said([*right, theirs])
    assert "MISMATCH" in said([])
    # Graph's pages show dates as text, too.
    for write in (str, float):
        dated = [
            {**key, **{name: write(key[name]) for name in ("nbf", "exp") if key.get(name)}}
            for key in right
        ]
        tenant.change(sets={provisioning.keyset_id: dated})
        tenant.well()
    # A use that the service leaves open is none that differs.
    tenant.change(sets={provisioning.keyset_id: [{**key, "use": None} for key in right]})
    tenant.well()


def test_a_key_set_that_cannot_be_read_is_not_said_to_differ(tenant: Tenant, kind: Kind) -> None:
    """A lost connection would look like lost keys."""
    provisioning, _, _ = kind
    tenant.place(provisioning)
    tenant.well()
    tenant.change(faults=[fault("before", "get", lost=True)] * 4)
    said = tenant.badly()
    assert f"could not read {provisioning.keyset_id} to check it: run this again" in said
    assert "MISMATCH" not in said
    assert "missing" not in said
    tenant.well()


def test_a_wrong_active_key_is_reported(tenant: Tenant, kind: Kind) -> None:
    provisioning, _, _ = kind
    tenant.place(provisioning)
    tenant.well()
    tenant.change(active=-1)
    said = tenant.badly()
    assert "MISMATCH: the active key" in said
    assert "expected: [" in said
    assert tenant.sleeps == [5, 10, 20]


def test_the_expected_active_key_follows_the_clock(tenant: Tenant, kind: Kind) -> None:
    provisioning, _, _ = kind
    tenant.place(provisioning)
    tenant.well()
    for now in (NOW + 5 * DAY - 1, NOW + 5 * DAY, NOW + 20 * DAY - 1):
        tenant.at(now)
        tenant.well()
    tenant.at(NOW + 20 * DAY)
    if provisioning.keyset_id == "B2C_1A_Certified":
        # It has no key without dates to fall back to.
        assert "no key of B2C_1A_Certified is active now" in tenant.badly()
    else:
        tenant.well()
