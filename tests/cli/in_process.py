"""Runs of the command in the process of the tests, which is faster than a process of its own."""

from __future__ import annotations

import locale
import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import BytesIO, StringIO, TextIOWrapper
from typing import Any
from unittest.mock import patch

from tests import forkserver
from trustkeys.cli import main, passphrases

# The first three have no effect here.
_OPTIONS = {
    *("capture_output", "start_new_session", "timeout"),
    *("cwd", "env", "input", "text", "encoding"),
}


def outcome(*args: str, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
    """Run the command, and return what `tests.support.command` would."""
    with (
        redirect_stdout(TextIOWrapper(BytesIO(), "utf-8", newline="\n")) as stdout,
        redirect_stderr(StringIO()) as stderr,
        patch("sys.stdin", TextIOWrapper(BytesIO(stdin))),
    ):
        code = main._run(args)
    output = stdout.buffer.getvalue().decode()
    return subprocess.CompletedProcess(args, code, output, stderr.getvalue())


def can_run(options: Mapping[str, Any]) -> bool:
    """Tell whether `run` can do what the options of `subprocess.run` ask for."""
    changed = os.environ.items() ^ dict(options.get("env") or os.environ).items()
    return not (
        os.environ.get("TRUSTKEYS_REAL_PROCESSES")
        or options.keys() - _OPTIONS
        or any(name.startswith(forkserver.READ_AT_START) for name, _ in changed)
    )


def run(args: Sequence[str], **options: Any) -> subprocess.CompletedProcess[Any]:
    """Run the command as `subprocess.run` does, without a terminal, and with pipes."""
    encoding = options.get("encoding") or locale.getencoding()
    given = options.get("input") or ""
    data = given if isinstance(given, bytes) else given.encode(encoding)
    written = TextIOWrapper(BytesIO(), encoding, "backslashreplace")
    said = TextIOWrapper(BytesIO(), encoding, "backslashreplace", write_through=True)
    with (
        chdir(options.get("cwd") or os.getcwd()),
        patch.dict(os.environ, options.get("env") or os.environ, clear=True),
        patch.object(passphrases, "has_terminal", lambda: False),
        patch("sys.stdin", TextIOWrapper(BytesIO(data), encoding)),
        redirect_stdout(written),
        redirect_stderr(said),
    ):
        try:
            code = main._run(args)
        except SystemExit as ended:  # of a completion
            code = int(ended.code or 0)
    output: list[Any] = [stream.buffer.getvalue() for stream in (written, said)]
    if options["text"]:
        output = [each.decode(encoding).replace("\r\n", "\n") for each in output]
    return subprocess.CompletedProcess(args, code, *output)
