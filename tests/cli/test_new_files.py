"""A new file of keys goes only where no other user can replace it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.exchange import Runner
from tests.cli.tree import LINES
from tests.support import failed, needs_modes

SECRET = {
    **{
        name: f"{name} {LINES[name].replace(' new', ' open/new')}"
        for name in ("generate", "batch", "export", "import", "provision", "keyset create")
    },
    "export with a new passphrase": "export secrets --format jwe -o open/new",
    "batch --dir": "batch --use sig --kty oct --count 2 --dir open/new",
}


@needs_modes
@pytest.mark.parametrize("line", SECRET.values(), ids=[*SECRET])
def test_a_directory_that_others_can_write_to_is_refused_at_once(
    every: Runner, files: Path, line: str
) -> None:
    """Before any passphrase is asked for."""
    (files / "open").mkdir()
    (files / "open").chmod(0o777)
    error = failed(every(*line.replace(" --plain", "").split()), 1)
    assert error.startswith(f"{files / 'open'}: other users can write to it: run chmod go-w on it")
    assert os.listdir(files / "open") == []
    (files / "open").chmod(0o1777)
    done = every(*line.split())
    assert done.returncode == 0, done.stderr
    assert "new" in os.listdir(files / "open")


@needs_modes
def test_a_file_without_secrets_can_go_to_a_shared_directory(every: Runner, files: Path) -> None:
    (files / "open").mkdir()
    (files / "open").chmod(0o777)
    assert every(*["keyset", "calendar", "secrets", "--ics", "open/new"]).returncode == 0
    assert (files / "open" / "new").exists()
