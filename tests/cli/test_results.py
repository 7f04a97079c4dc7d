"""A command whose answer cannot be printed says that its file was written."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support import command
from trustkeys import TrustFrameworkKeySet, generate_key, store

WRITES = {
    "generate": "generate --use sig --kty oct -o new",
    "batch": "batch --use sig --kty oct --count 3 --jsonl new",
    "batch --json": "batch --use sig --kty oct --count 3 --jsonl new --json",
    "import": "import key -o new",
    "export": "export set --format jwks --plain -o new",
    "export --json": "export set --format jwks --plain -o new --json",
    "provision": "provision set --to new",
    "keyset create": "keyset create Name -o new --plain",
    "keyset generate": "keyset generate set",
    "keyset rotate": "keyset rotate set --every 1d",
    "keyset rollover": "keyset rollover set",
    "keyset add": "keyset add set key",
}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
@pytest.mark.parametrize("line", WRITES.values(), ids=WRITES)
def test_the_file_is_reported_as_written(tmp_path: Path, line: str) -> None:
    """Otherwise the user repeats the command, and has two keys or an error."""
    keys = TrustFrameworkKeySet("Name", [generate_key("sig", "oct")])
    store.save(keys, tmp_path / "set", plain=True)
    key = command("generate", "--use", "sig", "--kty", "oct", "-o", "key", cwd=tmp_path)
    assert key.returncode == 0
    with open("/dev/full", "w") as full:
        options = {"capture_output": False, "stdout": full, "stderr": subprocess.PIPE}
        process = command(*line.split(), cwd=tmp_path, **options)
    assert process.returncode == 1
    warning, error = process.stderr.splitlines()[-2:]
    assert warning == "trustkeys: warning: the file was written: do not repeat the command"
    assert "standard output: No space left on device" in error
    is_new = (tmp_path / "new").exists()
    assert is_new or len(store.load(tmp_path / "set")) == 2
