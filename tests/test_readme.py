"""What the README shows is what a newcomer types first: it has to work as shown."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import jwcrypto.jwa
import pytest
from sybil.document import Document
from sybil.example import Example
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

from tests.support import ROOT, parse
from trustkeys.cli.keyset import keyset

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.REPORT_NDIFF
README = ROOT / "README.md"


def run(command: str) -> str:
    """Run a command line of the README as a shell does, and give all that it prints."""
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


document = Document.parse(
    str(README),
    PythonCodeBlockParser(doctest_optionflags=FLAGS),
    CodeBlockParser("console", evaluate_console),
)


@pytest.fixture(scope="module", autouse=True)
def in_an_empty_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("readme"))
    limit = jwcrypto.jwa.default_max_pbkdf2_iterations
    yield
    jwcrypto.jwa.default_max_pbkdf2_iterations = limit
    os.chdir(before)


@pytest.mark.usefixtures("clean_registry")
def test_the_examples_do_what_they_show() -> None:
    examples = list(document.examples())
    assert len(examples) > 40
    for example in examples:
        example.evaluate()


def test_the_first_command_prints_what_the_first_screen_shows() -> None:
    text = README.read_text()
    install, command = between(text, "```sh\n", "\n```").split(" && ")
    assert install == "pip install '.[cli]'"
    checker = doctest.OutputChecker()
    shown = between(text, "```json\n", "```")
    got = run(command)
    assert checker.check_output(shown, got, FLAGS), got
    assert parse(Path("signing.jwk").read_text())["kid"] == parse(got)["kid"]


def test_the_pictures_are_there_and_show_what_the_text_says() -> None:
    (name,) = re.findall(r"!\[[^]]*\]\(([^)]*)\)", README.read_text())
    words = "".join(ET.fromstring((ROOT / name).read_text()).itertext())
    for part in ("no\xa0active\xa0key", "━", "┄", "░"):
        assert part in words


def test_every_command_stands_in_the_table() -> None:
    rows = re.findall(r"^\| (`.*?) \|", README.read_text(), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([a-z]+) ", row)}
    assert named - {"trustkeys"} == {*keyset.commands}


def between(text: str, start: str, end: str) -> str:
    return text.partition(start)[2].partition(end)[0]


def test_the_first_screen_holds_both_commands() -> None:
    first_screen = README.read_text().splitlines()[:40]
    assert sum("pip install" in line for line in first_screen) == 2
