"""Colours: at a terminal, unless NO_COLOR is set, and where FORCE_COLOR asks for them.

What a file brings, its name for example, controls no terminal.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests import support
from tests.cli.exchange import Keys, Runner
from tests.cli.in_process import outcome
from tests.cli.tree import LINES


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


def test_no_message_controls_the_terminal() -> None:
    """A name could clear the screen, and write a success of its own."""
    error = outcome("keyset", "show", "\x1b[2Jset\n").stderr
    assert error == "trustkeys: \\x1b[2Jset\\n: No such file or directory\n"


STRANGE = "\u043a\u043b\u044e\u0447\U0001f511\udcff"
"""Cyrillic, an emoji, and a byte that is not UTF-8."""

ENCODINGS = {
    **{name: {"PYTHONIOENCODING": name} for name in ("ascii", "latin-1", "cp1252", "utf-8")},
    "LANG=C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}


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


@pytest.mark.deep
@pytest.mark.parametrize("environment", ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.parametrize("name", LINES)
def test_no_name_is_too_strange_for_the_encoding(
    every: Runner, files: Path, keys: Keys, name: str, environment: dict[str, str]
) -> None:
    """A traceback after the work is done looks like a failure."""
    words = LINES[name].format(other=keys.other.kid).split()
    there = {*os.listdir(files)}
    for word in there & {*words}:
        os.rename(files / word, files / f"{word}{STRANGE}")
    strange = [f"{word}{STRANGE}" if word in {*there, "new"} else word for word in words]
    missing = [f"missing{STRANGE}" if word in there else word for word in words]
    if not there & {*words}:  # it reads nothing, so a new name that exists is its error
        missing = strange
    for arguments, code in ((strange, 0), (missing, 1)):
        done = subprocess.run(
            [*support.COMMAND, *name.split(), *arguments],
            cwd=files,
            env=support.environment(**environment),
            input=b"a secret of a provider",
            capture_output=True,
            timeout=60,
        )
        assert done.returncode == code, done.stderr
        assert b"Traceback" not in done.stderr
        if code == 0 and "new" in words:
            assert os.path.lexists(files / f"new{STRANGE}")
