"""Colours: at a terminal, unless NO_COLOR is set, and where FORCE_COLOR asks for them.

What a file brings, its name for example, controls no terminal.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path
from unittest import mock

import pytest

from tests import support
from tests.cli.exchange import Keys, Runner
from tests.cli.in_process import outcome
from tests.cli.tree import LINES
from tests.support import WINDOWS, failed
from trustkeys.cli import main, terminal
from trustkeys.cli.terminal import waits_noted


@pytest.mark.parametrize(
    ("variables", "has_colors"),
    [
        ({}, False),
        ({"FORCE_COLOR": ""}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "0"}, True),  # its value does not matter
        ({"FORCE_COLOR": "1", "NO_COLOR": ""}, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
@pytest.mark.parametrize("line", ["keyset show pair", "audit answer"])
def test_a_pipe_has_colours_if_they_are_asked_for(
    every: Runner,
    monkeypatch: pytest.MonkeyPatch,
    line: str,
    variables: dict[str, str],
    has_colors: bool,
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[" in every(*line.split()).stdout) == has_colors
    assert "\x1b" not in every(*line.split(), "--json").stdout


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_console_gets_what_it_can_show(
    monkeypatch: pytest.MonkeyPatch, is_terminal: bool
) -> None:
    """An old console of Windows shows escape codes, and an empty line after each full one."""
    for name, value in {"TERM": "xterm", "COLUMNS": "80"}.items():
        monkeypatch.setenv(name, value)
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    stream = mock.Mock(isatty=lambda: is_terminal)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(terminal, "UNUSED_COLUMNS", 1)
    for obeys in (True, False):
        monkeypatch.setattr(terminal, "obeys_escape_codes", {stream: obeys}.__getitem__)
        assert terminal.has_colors() == (is_terminal and obeys)
    assert terminal.width() == (79 if is_terminal else 80)


def test_no_message_controls_the_terminal() -> None:
    """A name could clear the screen, and write a success of its own."""
    error = failed(outcome("keyset", "show", "\x1b[2Jset\n"), 1)
    assert error.partition(": ")[0] == "\\x1b[2Jset\\n"


STRANGE = "\u043a\u043b\u044e\u0447\U0001f511" + ("" if WINDOWS else "\udcff")
"""Cyrillic, an emoji, and a byte that is not UTF-8, which no name has on Windows."""

ENCODINGS = ["ascii", "cp437", "cp932", "cp1252", "utf-8"]


@pytest.mark.parametrize(
    ("line", "code"), [("keyset show {}", 0), ("keyset show missing{}", 1)], ids=["out", "err"]
)
def test_no_name_is_too_strange_for_ascii(files: Path, line: str, code: int) -> None:
    os.rename(files / "pair", files / STRANGE)
    done = support.command(
        *line.format(STRANGE).split(),
        "--json",
        cwd=files,
        env=support.environment(PYTHONIOENCODING="ascii"),
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


def test_a_result_that_the_encoding_lacks_is_written_with_escapes(tmp_path: Path) -> None:
    """The keys are on disk: a traceback would say that they are not."""
    line = ("batch", "--use", "sig", "--kty", "oct", "--count", "1", "--jsonl", STRANGE)
    done = support.command(*line, cwd=tmp_path, env=support.environment(PYTHONIOENCODING="latin-1"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{STRANGE.encode('unicode_escape').decode()}: 1 key\n"


def strange_and_missing(files: Path, keys: Keys, name: str) -> tuple[list[str], list[str]]:
    """Give the files of a line strange names; return words that succeed, and words that fail."""
    words = LINES[name].format(other=keys.other.kid).split()
    there = {*os.listdir(files)}
    for word in there & {*words}:
        os.rename(files / word, files / f"{word}{STRANGE}")
    strange = [f"{word}{STRANGE}" if word in {*there, "new"} else word for word in words]
    missing = [f"missing{STRANGE}" if word in there else word for word in words]
    if not there & {*words}:  # it reads nothing, so a new name that exists is its error
        missing = strange
    return [*name.split(), *strange], [*name.split(), *missing]


@pytest.mark.deep
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("name", LINES)
def test_no_name_is_too_strange_for_the_encoding(
    every: Runner,
    files: Path,
    keys: Keys,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    encoding: str,
) -> None:
    """A traceback after the work is done looks like a failure."""
    # It would change the process of the tests.
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    for words, code in zip(strange_and_missing(files, keys, name), (0, 1), strict=True):
        for stream in ("stdout", "stderr"):
            monkeypatch.setattr(sys, stream, TextIOWrapper(BytesIO(), encoding=encoding))
        monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(b"a secret of a provider")))
        assert main.run(words) == code
        assert is_made(files, words, code)


@pytest.mark.deep
@pytest.mark.parametrize("name", ["export", "inspect", "keyset calendar", "keyset show"])
def test_no_name_is_too_strange_for_the_locale(
    every: Runner, files: Path, keys: Keys, name: str
) -> None:
    for words, code in zip(strange_and_missing(files, keys, name), (0, 1), strict=True):
        done = subprocess.run(
            [*support.COMMAND, *words],
            cwd=files,
            env=support.environment(LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0"),
            input=b"a secret of a provider",
            capture_output=True,
            timeout=60,
        )
        assert done.returncode == code, done.stderr
        assert b"Traceback" not in done.stderr
        assert is_made(files, words, code)


def is_made(files: Path, words: list[str], code: int) -> bool:
    """Whether a command that succeeded has made the file that it was to make."""
    new = f"new{STRANGE}"
    return code != 0 or new not in words or os.path.lexists(files / new)


def test_a_wait_for_a_lock_is_a_note_in_the_block_alone(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("trustkeys")
    with waits_noted():
        logger.info("waiting for another program that changes %s", "a\x1b[2Jb")
    logger.info("not in the block")
    said = capsys.readouterr().err
    assert said == "trustkeys: waiting for another program that changes a\\x1b[2Jb\n"
