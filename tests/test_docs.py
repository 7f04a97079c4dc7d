"""Who follows the pages has to arrive, and come back from the backup."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from tests.examples import document
from tests.standins.tenant import Tenant
from tests.support import ROOT

# As the page names it.
TENANT = "8a5ac7b6-0d55-4c33-8f1e-0b6a5b1f2c3d"


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_the_whole_way_goes_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = Tenant(tmp_path)
    tenant.at(int(time.time()))
    tenant.change(tenant=TENANT)
    for name in ("PATH", "STANDIN"):
        monkeypatch.setenv(name, tenant.environment[name])
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    examples = list(document(ROOT / "docs" / "provisioning.md").examples())
    assert len(examples) >= 6
    for example in examples:
        example.evaluate()
    assert len(tenant.keys("B2C_1A_TokenSigningKeyContainer")) == 6
    assert not any(name.endswith(".json") for name in os.listdir("renewal"))
