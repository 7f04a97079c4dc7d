"""Runs of `trustkeys batch`, for the tests."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from tests import support
from tests.cli.in_process import outcome
from tests.support import parse
from trustkeys import TrustFrameworkKey
from trustkeys.formats.jwe import decrypt_key

OCT = ("batch", "--use", "sig", "--kty", "oct")


RSA = ("batch", "--use", "sig", "--kty", "RSA")


GOOD = {"id": 1, "use": "sig", "kty": "oct"}
"""A line of a requests file."""

REQUESTS = ("batch", "--requests", "../requests")


SEALED = ("--seal-to", "../to.jwk")


# Windows removes a lock file when the lock is released.
LOCK = ("keys.lock",) if sys.platform != "win32" else ()


# Without coverage, for runs that are killed or find the disk full.
UNMEASURED = support.environment(COVERAGE_PROCESS_CONFIG="", COVERAGE_PROCESS_START="")


DRIVER = textwrap.dedent("""
    import json, os, resource, signal, sys, time
    from trustkeys.__main__ import main
    from trustkeys.cli import progress
    from trustkeys.cli.batch import many

    # Report every key, and write to disk often.
    progress.PAUSE = 0
    many.SYNC_SECONDS = 0.005
    many.SYNC_KEYS = 5
""")


def done(*args: str) -> str:
    """Run a command that succeeds without a message, and return its standard output."""
    process = outcome(*args)
    assert (process.returncode, process.stderr) == (0, "")
    return process.stdout


@contextmanager
def started(program: str, *args: str, cwd: Path, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Run a program until the end of the block at the latest."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    with subprocess.Popen([sys.executable, "-c", program, *args], cwd=cwd, **options) as process:
        try:
            yield process
        finally:
            process.kill()


def drive(
    *args: str, cwd: Path, extra: str = "", **options: Any
) -> AbstractContextManager[subprocess.Popen[str]]:
    """Run a command that reports every key, until the end of the block at the latest."""
    return started(f"{DRIVER}\n{textwrap.dedent(extra)}\nmain()", *args, cwd=cwd, **options)


def ended(process: subprocess.Popen[str]) -> tuple[str, list[str]]:
    """Wait for the end; return standard output and the lines of standard error."""
    stdout, stderr = process.communicate(timeout=60)
    assert stderr == "" or stderr.endswith("\n")
    return stdout, stderr.splitlines()


def wait_for_keys(process: subprocess.Popen[str]) -> None:
    """Wait for the first report of written keys."""
    assert process.stderr is not None
    assert re.fullmatch(
        r"trustkeys: [1-9]\d* of \d+ keys, [\d.]+ keys/s, \d+ s left\n", process.stderr.readline()
    )


def records(path: Path) -> list[dict[str, Any]]:
    """Return the JSON records in a file of complete lines."""
    text = path.read_text()
    assert text == "" or text.endswith("\n")
    return [parse(line) for line in text.splitlines()]


def keys_of(path: Path, recipient: dict[str, Any] | None = None) -> list[TrustFrameworkKey]:
    """Return the keys in a file, which are valid and all different."""
    keys = [
        TrustFrameworkKey.from_jwk(record)
        if recipient is None
        else decrypt_key(record["jwe"], with_key=recipient)
        for record in records(path)
    ]
    assert [key.kid for key in keys] == [record["kid"] for record in records(path)]
    assert len({key.kid for key in keys}) == len(keys)
    assert all(key.has_private for key in keys)
    return keys


def put_requests(folder: Path, *lines: Any) -> None:
    """Write a requests file."""
    text = "".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines)
    (folder.parent / "requests").write_text(text, "utf-8")
