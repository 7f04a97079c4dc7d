"""Runs of the command in the process of the tests, which is faster than a process of its own."""

from __future__ import annotations

import subprocess
from contextlib import redirect_stderr, redirect_stdout
from io import BytesIO, StringIO, TextIOWrapper
from unittest.mock import patch

from trustkeys.cli import main


def outcome(*args: str, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
    """Run the command, and return what `tests.support.command` would."""
    with (
        redirect_stdout(TextIOWrapper(BytesIO())) as stdout,
        redirect_stderr(StringIO()) as stderr,
        patch("sys.stdin", TextIOWrapper(BytesIO(stdin))),
    ):
        code = main._run(args)
    output = stdout.buffer.getvalue().decode()
    return subprocess.CompletedProcess(args, code, output, stderr.getvalue())
