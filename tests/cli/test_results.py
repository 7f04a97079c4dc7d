"""A command whose answer cannot be printed names the files that it wrote."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.exchange import Keys, Runner
from tests.cli.tree import LINES
from tests.support import command

GENERATE = ("generate", "--use", "sig", "--kty", "oct", "-o", "new")

WRITES = {
    **{name: f"{name} {line}" for name, line in LINES.items()},
    "export of secrets": "export secrets --format jwe -o new",
    "picture": "keyset show pair --svg new",
    "calendar file": "keyset calendar pair --ics new",
}


class Full:
    """A disk without space."""

    encoding = "utf-8"
    isatty = flush = lambda _: None

    @property
    def buffer(self) -> Full:
        return self

    def write(self, text: str | bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def written(files: Path) -> dict[str, int]:
    """Everything in the folder but what trustkeys keeps for itself, with the time of its change."""
    kept = (each for each in files.iterdir() if each.suffix not in (".lock", ".run"))
    return {each.name: each.stat().st_ctime_ns for each in kept}


@pytest.mark.deep
@pytest.mark.parametrize("json", [False, True])
@pytest.mark.parametrize("line", WRITES.values(), ids=WRITES)
def test_each_file_is_reported_as_written(
    every: Runner, files: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch, line: str, json: bool
) -> None:
    """Otherwise the user repeats the command, and has two keys or an error."""
    before = written(files)
    monkeypatch.setattr(sys, "stdout", Full())
    words = line.format(other=keys.other.kid).split()
    done = every(*words, *["--json"] * json, stdin="a secret of a provider")
    changed = {name for name, time in written(files).items() if before.get(name) != time}
    if done.returncode == 0:  # without --json some commands print nothing
        assert not json
        return
    assert done.returncode == 1
    *_, warning, error = ["", *done.stderr.splitlines()]
    assert "standard output: No space left on device" in error
    assert ("written: do not repeat the command" in warning) == bool(changed)
    assert all(name in warning for name in changed)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /dev/full")
def test_a_full_device_is_an_error(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        options = {"capture_output": False, "stdout": full, "stderr": subprocess.PIPE}
        done = command(*GENERATE, cwd=tmp_path, **options)
    assert done.returncode == 1
    assert done.stderr == (
        "trustkeys: warning: new was written: do not repeat the command\n"
        "trustkeys: standard output: No space left on device\n"
    )
