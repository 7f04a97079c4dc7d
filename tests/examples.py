"""Run the examples of a document: Python code, and what is typed at a prompt."""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from sybil.document import Document
from sybil.example import Example
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

from tests import support

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.REPORT_NDIFF

# Only a shell understands these.
_SHELL = re.compile(r"[|&;<>()$`\\*?~#]")


def run(command: str) -> str:
    """Run a command line and return its output, standard error included."""
    words = [] if _SHELL.search(command) else shlex.split(command)
    if words[:1] == ["trustkeys"]:
        done = support.command(*words[1:])
        return str(done.stderr + done.stdout)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    in_shell = subprocess.run(
        ["sh", "-c", command],
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return in_shell.stdout


def evaluate_console(example: Example) -> None:
    """Run each command of a console block, and compare what it prints."""
    for session in f"\n{example.parsed}".split("\n$ ")[1:]:
        command, _, expected = session.partition("\n")
        got = run(command)
        is_right = doctest.OutputChecker().check_output(
            expected.rstrip("\n") + "\n", got or "\n", FLAGS
        )
        assert is_right, f"$ {command}\n{got}"


def document(path: Path) -> Document:
    """Read the examples of a document."""
    return Document.parse(
        str(path),
        PythonCodeBlockParser(doctest_optionflags=FLAGS),
        CodeBlockParser("console", evaluate_console),
    )
