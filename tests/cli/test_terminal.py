"""Colours: at a terminal, unless NO_COLOR is set, and where FORCE_COLOR asks for them.

What a file brings, its name for example, controls no terminal.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import support
from tests.cli.exchange import Runner
from tests.cli.in_process import outcome


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


@pytest.mark.deep
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_no_name_is_too_strange_for_the_encoding(tmp_path: Path, encoding: str) -> None:
    """A traceback after the work is done looks like a failure."""
    name = "\u043a\u043b\u044e\u0447\U0001f511\udcff"
    environment = support.environment(PYTHONIOENCODING=encoding)
    batch = ("batch", "--use", "sig", "--kty", "oct", "--count", "1", "--jsonl", name)
    for code in (0, 1):
        done = support.command(*batch, cwd=tmp_path, env=environment, errors="replace")
        assert done.returncode == code
        assert "Traceback" not in done.stderr
