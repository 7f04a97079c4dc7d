"""The PowerShell script must do what the bash script does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests import support
from tests.graph.plans import DAY, SECRETS, Kind, fault, text_key, text_set, texts_there
from tests.graph.test_scripts import hostile
from tests.standins.tenant import NOW, TENANT, Tenant
from trustkeys import TrustFrameworkKeySet
from trustkeys.graph import CLOUDS, Provisioning, provision, pwsh_script

# These tests run here, too, with the fixture `tenant` below.
from tests.graph.test_bash import (  # noqa: F401  # isort: skip
    test_a_key_set_that_somebody_else_changes_meanwhile_is_not_touched,
    test_a_key_set_that_cannot_be_read_is_not_said_to_differ,
    test_a_key_set_that_differs_from_what_was_brought_is_reported,
    test_a_missing_key_set_is_created_whichever_way_the_service_says_so,
    test_a_wrong_active_key_is_reported,
    test_an_existing_key_set_is_not_touched,
    test_it_sends_nothing_to_another_tenant_than_the_named_one,
    test_nothing_is_sent_if_the_key_set_cannot_be_read,
    test_replacing_a_key_set_that_does_not_exist_is_refused,
    test_one_script_brings_several_key_sets,
    test_replacing_lists_only_keys_that_are_lost,
    test_replacing_lists_the_lost_keys_and_needs_an_option,
    test_replacing_secrets_lists_all_since_none_can_be_recognised,
    test_the_certificate_of_a_partner_is_brought,
    test_the_expected_active_key_follows_the_clock,
)
from tests.graph.test_bash_append import (  # noqa: F401  # isort: skip
    test_a_change_by_somebody_else_during_an_unclear_step_stops_it,
    test_a_key_that_the_tenant_must_have_and_lacks_stops_it,
    test_a_secret_that_may_be_there_needs_a_decision,
    test_adding_needs_a_key_set,
    test_an_unclear_error_adds_no_key_twice,
    test_foreign_keys_can_come_between_two_runs,
    test_it_says_what_the_decision_adds,
    test_it_works_from_a_saved_answer_and_new_keys,
    test_killed_at_any_request_it_adds_no_key_twice,
    test_new_secrets_join_those_that_are_there,
    test_only_the_keys_that_the_tenant_lacks_are_added,
    test_the_newest_key_of_both_sides_must_be_active,
    test_what_is_left_is_not_added_in_another_tenant,
)
from tests.graph.test_bash_resume import (  # noqa: F401  # isort: skip
    test_a_refused_body_stays_and_the_reason_is_shown,
    test_a_second_run_only_checks_the_active_key,
    test_after_a_stop_it_waits_for_the_upload_of_the_run_before,
    test_it_waits_until_a_slow_service_shows_the_last_upload,
    test_killed_at_any_request_it_continues_and_uploads_no_key_twice,
    test_the_order_in_which_the_service_lists_keys_does_not_matter,
)

pytestmark = [
    pytest.mark.deep,
    support.posix_only("the fake tenant needs locks and process groups of POSIX"),
    pytest.mark.skipif(shutil.which("pwsh") is None, reason="PowerShell (pwsh) is missing"),
    pytest.mark.usefixtures("test_keys_allowed"),
]

PWSH = ["pwsh", "-NoProfile", "-NonInteractive", "-Command"]

# It notes the pauses, and waits for a hundredth of them.
SESSION = """
function Start-Sleep([int] $Seconds) {
    Add-Content -LiteralPath "$env:STANDIN/sleeps" -Value $Seconds
    [Threading.Thread]::Sleep(10 * $Seconds)
}
function Get-Date {
    $now = Get-Content -LiteralPath "$env:STANDIN/now"
    return [DateTimeOffset]::FromUnixTimeSeconds([long] $now).LocalDateTime
}
$null = Set-MgRequestContext -MaxRetry 5
& SCRIPT
$status = $LASTEXITCODE
if ((Get-MgRequestContext).MaxRetry -ne 5) { exit 99 }
exit $status
"""
"""A session of a person who has set the number of retries. A script must put it back."""


class PowerShellTenant(Tenant):
    """The tenant as PowerShell reaches it."""

    script = "provision.ps1"

    def place(self, *provisionings: Provisioning) -> None:
        super().place(*provisionings)
        (self.folder / self.script).write_text(pwsh_script(*provisionings))

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        standins = support.ROOT / "tests" / "standins"
        environment = {
            **self.environment,
            "PSModulePath": str(standins),
            "STANDIN_PYTHON": sys.executable,
            "STANDIN_AZ": str(standins / "az.py"),
            "AZURE_LOGGING_ENABLE_LOG_FILE": "false",
        }
        del environment["AZURE_CLI_DISABLE_CONNECTION_VERIFICATION"]
        call = " ".join([literal(str(self.folder / self.script)), *map(self.argument, args)])
        return subprocess.run(
            [*PWSH, SESSION.replace("SCRIPT", call)],
            cwd=self.standin,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            start_new_session=True,
        )

    def argument(self, text: str) -> str:
        return self.option(text) if text.startswith("--") else literal(text)

    def option(self, name: str) -> str:
        return f"-{name[2:].capitalize()}"


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@pytest.fixture
def tenant(tmp_path: Path) -> PowerShellTenant:
    return PowerShellTenant(tmp_path)


def test_it_brings_all_keys(tenant: PowerShellTenant, kind: Kind) -> None:
    provisioning, there, expected = kind
    tenant.place(provisioning)
    assert f"Tenant: {TENANT} at https://graph.microsoft.com/beta" in tenant.well(TENANT.upper())
    assert there(tenant) == expected
    assert tenant.left == [tenant.script]
    assert tenant.sleeps == []


def test_a_hostile_name_runs_nothing(tenant: PowerShellTenant) -> None:
    tenant.place(hostile())
    tenant.change(faults=[fault("before", "get", status=404, code="NotFound")])
    tenant.badly()
    assert "1.json" in tenant.left
    assert not [*tenant.standin.parent.rglob("oops")]


def test_arguments_that_do_not_fit_are_refused(tenant: PowerShellTenant) -> None:
    tenant.place(provision(text_set(), at=NOW))
    assert "must be the id of the tenant, not its domain" in tenant.badly("contoso.example")
    for args in (["--same", "--new"], [TENANT, "more"]):
        assert "Usage: ./provision.ps1 " in tenant.badly(*args)
    assert "replace nothing: leave -Replace out" in tenant.badly("--replace")
    assert "leave -Same and -New out" in tenant.badly("--new")
    assert not (tenant.standin / "log").exists()


def test_it_sends_nothing_to_another_cloud(
    tenant: PowerShellTenant, rsa_set: TrustFrameworkKeySet
) -> None:
    """The module sends every request to the cloud that it is connected to."""
    tenant.place(provision(rsa_set, base_url=CLOUDS["usgov"], at=NOW))
    assert "connected to another cloud than USGov" in tenant.badly()
    assert [entry["args"][0] for entry in tenant.log] == ["account"]


def test_it_says_how_to_sign_in(tenant: PowerShellTenant) -> None:
    tenant.place(provision(text_set(), at=NOW))
    sign_in = "Connect-MgGraph -Environment Global -TenantId TENANT-ID -Scopes Trust"
    for status, code in ((401, "Denied"), (403, "Forbidden")):
        tenant.change(faults=[fault("before", "get", status=status, code=code, message="why")])
        said = tenant.badly()
        assert f"Status {status}: {code}: why\n" in said
        assert f"Disconnect-MgGraph; {sign_in}" in said
        assert "B2C IEF Keyset Administrator" in said
    tenant.change(tenant="")
    assert f"PowerShell is not connected: {sign_in}" in tenant.badly()


def test_it_stops_if_powershell_connects_to_another_tenant_during_the_run(
    tenant: PowerShellTenant,
) -> None:
    tenant.place(provision(text_set(), at=NOW))
    tenant.change(later=[TENANT, "another"])
    assert "connected to another tenant now" in tenant.badly()
    assert tenant.sent == []
    assert tenant.left == ["1.json", tenant.script]
    tenant.well(TENANT)


# --- faults


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("when", ["before", "after"])
def test_after_any_fault_of_a_gateway_every_key_is_there_once(
    tenant: PowerShellTenant, kind: Kind, when: str, status: int
) -> None:
    """The module would send the request again after 503 and 504."""
    provisioning, there, expected = kind
    steps = len(provisioning.requests)
    for number in range(steps):
        tenant.reset()
        tenant.place(provisioning)
        tenant.change(faults=[fault(when, skip=number, status=status, code="")])
        before = len(tenant.sent) if number else 0
        said = tenant.badly()
        assert f"Status {status}\n" in said
        assert f"step {number + 1} of {steps} failed" in said
        assert len(tenant.sent) - before == number + 1
        claim = tenant.folder / f"{number + 1}.sent.1"
        # The session goes on, and must not count as a run.
        assert claim.read_text().startswith("0\n")
        tenant.well()
        assert there(tenant) == expected
        assert tenant.left == [tenant.script]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_problem_with_the_service_may_have_had_an_effect(
    tenant: PowerShellTenant, kind: Kind, when: str
) -> None:
    provisioning, there, expected = kind
    tenant.place(provisioning)
    tenant.change(faults=[fault(when, status=400, code="AADB2C90063")])
    assert "Status 400: AADB2C90063" in tenant.badly()
    tenant.well()
    assert there(tenant) == expected


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_lost_connection_is_one_line(
    tenant: PowerShellTenant, kind: Kind, method: str, when: str
) -> None:
    provisioning, there, expected = kind
    tenant.place(provisioning)
    tenant.change(faults=[fault(when, method, lost=True)])
    done = tenant.run()
    assert done.returncode == 1
    first, last = done.stderr.splitlines()
    assert first == "There is no answer, or none that is JSON: Connection reset by peer"
    assert last.startswith("provision.ps1: ")
    tenant.well()
    assert there(tenant) == expected


@pytest.mark.parametrize("method", ["get", "post"])
def test_the_page_of_a_network_portal_is_no_success(
    tenant: PowerShellTenant, kind: Kind, method: str
) -> None:
    provisioning, there, expected = kind
    tenant.place(provisioning)
    bodies = tenant.left
    tenant.change(faults=[fault("before", method, portal=True)])
    assert "There is no answer, or none that is JSON: " in tenant.badly()
    assert {*bodies} <= {*tenant.left}
    tenant.well()
    assert there(tenant) == expected


def test_it_waits_as_long_as_a_busy_service_says(tenant: PowerShellTenant, kind: Kind) -> None:
    """The module would obey without a word, and give up after a few minutes."""
    provisioning, there, expected = kind
    tenant.place(provisioning)
    busy: dict[str, Any] = {"status": 429, "code": "TooManyRequests"}
    tenant.change(
        faults=[
            fault("before", **busy),
            fault("before", status=400, code="AADB2C95043"),
            fault("before", **busy, message="Retry-After: 77"),
            fault("before", "get", **busy, message="Retry-After: 8"),
        ]
    )
    assert tenant.well().count("The service is busy: waiting for ") == 4
    assert there(tenant) == expected
    assert tenant.sleeps == [8, 5, 10, 77]


def test_it_gives_up_on_a_busy_service_and_keeps_the_bodies(tenant: PowerShellTenant) -> None:
    tenant.place(provision(text_set(), at=NOW))
    tenant.change(faults=[fault("before", status=429, code="TooManyRequests") for _ in range(9)])
    assert "Status 429: TooManyRequests" in tenant.badly()
    assert tenant.sleeps == [5, 10, 20, 40, 80, 160]
    assert tenant.left == ["1.json", tenant.script]
    tenant.change(faults=[])
    tenant.well()


# --- two runs


def test_another_run_that_is_at_work_is_waited_for(tenant: PowerShellTenant) -> None:
    tenant.place(provision(text_set(), at=NOW))
    claim = tenant.folder / "1.sent.1"
    with subprocess.Popen([*PWSH, "Start-Sleep -Seconds 60"]) as other:
        claim.write_text(f"{other.pid}\nabsent")
        done = tenant.run()
        other.kill()
    assert f"at work (process {other.pid}): wait until it has ended" in done.stderr
    assert tenant.left == ["1.json", "1.sent.1", tenant.script]
    # The number of a run that was killed is that of another program now.
    claim.write_text(f"{os.getpid()}\nabsent")
    tenant.well()
    assert tenant.left == [tenant.script]


def test_two_runs_at_the_same_time_upload_no_key_twice(tenant: PowerShellTenant) -> None:
    for _ in range(10):
        tenant.reset()
        tenant.place(provision(text_set(), by="action", at=NOW))
        with ThreadPoolExecutor(2) as threads:
            runs = [*threads.map(lambda _: tenant.run(), range(2))]
        if all(run.returncode for run in runs):
            assert all("another run" in run.stderr for run in runs)
        tenant.well()
        assert texts_there(tenant) == [SECRETS[1], SECRETS[0], SECRETS[2]]
        assert tenant.left == [tenant.script]


# --- answers as the module gives them


def test_members_that_the_module_converts_do_no_harm(tenant: PowerShellTenant) -> None:
    """It ignores the case of names, and makes a DateTime of text that looks like a date."""
    theirs = {"kid": "2027-01-15T08:00:00Z", "kty": "oct", "use": "sig", "k": "dGhlaXJz"}
    tenant.place(
        provision(TrustFrameworkKeySet("Secrets", [text_key("new", NOW - 5)]), append=True, at=NOW)
    )
    tenant.change(sets={"B2C_1A_Secrets": [theirs]})
    tenant.well()
    assert texts_there(tenant) == ["theirs", "new"]


def test_dates_far_ahead_are_compared(tenant: PowerShellTenant) -> None:
    far = text_key("far", NOW - DAY, 2**62)
    tenant.place(provision(TrustFrameworkKeySet("Secrets", [far]), at=NOW))
    tenant.well()
