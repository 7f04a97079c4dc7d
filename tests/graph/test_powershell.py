"""The PowerShell script must do what the bash script does."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests import support
from tests.graph.plans import Kind, assert_nothing_leaks, fault, text_set
from tests.standins.tenant import NOW, TENANT, Tenant
from trustkeys.graph import Provisioning, provision, pwsh_script

pytestmark = [
    pytest.mark.deep,
    pytest.mark.skipif(shutil.which("pwsh") is None, reason="PowerShell (pwsh) is missing"),
    pytest.mark.usefixtures("test_keys_allowed", "few_rounds"),
]


class PowerShellTenant(Tenant):
    """The tenant as PowerShell reaches it."""

    def place(self, *provisionings: Provisioning) -> None:
        super().place(*provisionings)
        (self.folder / "provision.sh").unlink()
        (self.folder / "provision.ps1").write_text(pwsh_script(*provisionings))

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        standins = support.ROOT / "tests" / "standins"
        self.at(int(time.time()))
        # Note the pauses instead of waiting.
        command = (
            "function Start-Sleep([int] $Seconds) "
            '{ Add-Content -LiteralPath "$env:STANDIN/sleeps" -Value $Seconds }; '
            f"& {self.literal(str(self.folder / 'provision.ps1'))} {' '.join(args)}; "
            "exit $LASTEXITCODE"
        )
        return subprocess.run(
            ["pwsh", "-NoProfile", "-NonInteractive", "-Command", command],
            cwd=self.standin,
            env={
                **self.environment,
                "PSModulePath": str(standins),
                "STANDIN_PYTHON": sys.executable,
                "STANDIN_AZ": str(standins / "az.py"),
                "AZURE_LOGGING_ENABLE_LOG_FILE": "false",
                "AZURE_CLI_DISABLE_CONNECTION_VERIFICATION": "",
            },
            capture_output=True,
            text=True,
            timeout=120,
            start_new_session=True,
        )

    def literal(self, text: str) -> str:
        return "'" + text.replace("'", "''") + "'"


@pytest.fixture
def powershell(tmp_path: Path) -> PowerShellTenant:
    return PowerShellTenant(tmp_path)


def test_powershell_brings_all_keys_and_leaks_nothing(
    powershell: PowerShellTenant, kind: Kind
) -> None:
    provisioning, there, expected = kind
    powershell.place(provisioning)
    said = powershell.run(TENANT).stdout
    # The script reads the real clock, at which the certified keys for 2027 may not be valid.
    assert ("OK: " in said) or provisioning.keyset_id == "B2C_1A_Certified"
    assert f"Tenant: {TENANT}" in said
    assert there(powershell) == expected
    assert powershell.left == ["provision.ps1"]
    assert_nothing_leaks(powershell, provisioning, said)


@pytest.mark.parametrize("when", ["before", "after"])
def test_powershell_continues_after_a_stop(
    powershell: PowerShellTenant, kind: Kind, when: str
) -> None:
    provisioning, there, expected = kind
    powershell.place(provisioning)
    powershell.change(faults=[fault(when, stop=True)])
    assert powershell.run().returncode < 0
    powershell.run()
    assert there(powershell) == expected


def test_powershell_waits_as_long_as_the_service_says(powershell: PowerShellTenant) -> None:
    powershell.place(provision(text_set(), at=NOW))
    busy: dict[str, Any] = {"status": 429, "code": "TooManyRequests"}
    powershell.change(
        faults=[fault("before", **busy, message="Retry-After: 77"), fault("before", **busy)]
    )
    powershell.run()
    assert powershell.sleeps[:2] == [77, 10]
    assert len(powershell.keys("B2C_1A_Secrets")) == 3


def test_powershell_stops_at_another_tenant_and_at_an_existing_key_set(
    powershell: PowerShellTenant,
) -> None:
    powershell.place(provision(text_set(), at=NOW))
    assert "another tenant" in powershell.badly("11111111-2222-3333-4444-555555555555")
    powershell.change(sets={"B2C_1A_Secrets": [{"kid": "theirs", "use": "sig"}]})
    assert "AADB2C95028" in powershell.badly()
    assert powershell.sent == []
