"""Files of key sets to run the commands on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import support
from trustkeys import TrustFrameworkKeySet, store

DAY = 86_400


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two plain sets: ``empty``, and ``gap`` with two oct keys and a gap."""
    store.save(TrustFrameworkKeySet("empty"), tmp_path / "empty", plain=True)
    keys = [support.oct_key(0, 100 * DAY), support.oct_key(150 * DAY, 200 * DAY)]
    store.save(TrustFrameworkKeySet("gap", keys), tmp_path / "gap", plain=True)
    return tmp_path
