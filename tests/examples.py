"""Running what the documents show, as a newcomer would type it."""

from __future__ import annotations

import doctest
import os
import subprocess
import sys
from pathlib import Path

from sybil.document import Document
from sybil.example import Example
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

from tests.support import parse

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.REPORT_NDIFF


def run(command: str) -> str:
    """Run a command line of a document as a shell does, and give all that it prints."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", command],
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout


def evaluate_console(example: Example) -> None:
    for session in f"\n{example.parsed}".split("\n$ ")[1:]:
        command, _, expected = session.partition("\n")
        got = run(command)
        # A line of "{..." stands for an answer that was shown before.
        if expected.strip() == "{...":
            parse(got)
        else:
            checker = doctest.OutputChecker()
            assert checker.check_output(expected.rstrip("\n") + "\n", got or "\n", FLAGS), got


def document(path: Path) -> Document:
    """Read a document with its examples: Python, and what is typed at a prompt."""
    return Document.parse(
        str(path),
        PythonCodeBlockParser(doctest_optionflags=FLAGS),
        CodeBlockParser("console", evaluate_console),
    )
