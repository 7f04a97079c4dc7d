"""A program that has used up its descriptors: a command works or says why, and loses nothing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import support
from tests.cli.exchange import contents

pytestmark = pytest.mark.deep

PROGRAM = """
import resource, sys
limit = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
from trustkeys.__main__ import main
main()
"""

NOTE = re.compile("trustkeys: (warning: |stopped: new has 0 )")

LINES = [
    "generate --use sig --kty oct -o new",
    "generate --use sig --kty RSA -o new --password-file pw",
    "batch --use sig --kty oct --count 5 --jsonl new",
    "batch --use sig --kty oct --count 5 --dir new",
    "export rsa.jwk --format pem -o new",
    "import rsa.jwk -o new",
    "keyset generate secrets",
    "keyset show pair",
]


def limited(limit: int, *args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(limit), *args],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        # Coverage opens a file of its own.
        env=support.environment(COVERAGE_PROCESS_CONFIG="", COVERAGE_PROCESS_START=""),
    )


@pytest.mark.parametrize("line", LINES)
def test_too_few_descriptors_end_in_one_line_and_leave_no_part_of_a_file(
    files: Path, line: str
) -> None:
    before = contents(files)
    worked = []
    for limit in (*range(4, 10), 64):
        done = limited(limit, *line.split(), cwd=files)
        after = contents(files)
        if done.returncode == 0:
            worked.append(limit)
        else:
            *notes, error = done.stderr.splitlines()
            assert done.returncode in (1, 2), (limit, done.stderr)
            assert error.startswith("trustkeys: "), (limit, done.stderr)
            assert all(NOTE.match(note) for note in notes), (limit, done.stderr)
            assert not any((files / "new").glob("*"))
            if "--jsonl" in line and "new" in after:
                assert after.pop("new") == b""
                assert after.pop("new.run", b"{") != b""
                continued = limited(64, *line.split(), "--resume", cwd=files)
                assert continued.returncode == 0, continued.stderr
                assert len((files / "new").read_text().splitlines()) == 5
            assert after == before, (limit, done.stderr)
        for name in os.listdir(files):
            if name not in before:
                (shutil.rmtree if (files / name).is_dir() else os.unlink)(files / name)
        for name, data in before.items():
            (files / name).write_bytes(data)
    assert worked[-1:] == [64], "with enough of them the line is right"
