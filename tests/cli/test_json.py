"""With --json both streams are for programs, in every command."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.cli.exchange import Keys, Runner
from tests.cli.tree import COMMANDS, LINES
from trustkeys.cli import terminal
from trustkeys.cli.progress import progress


def messages(text: str) -> list[dict[str, Any]]:
    """The lines of standard error, each an error, a warning or a note."""
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        ((kind, value),) = line.items()
        assert kind in ("error", "warning", "note")
        assert isinstance(value["message"], str)
    return lines


def test_each_command_has_a_line_below() -> None:
    assert {*LINES} == {*COMMANDS}


@pytest.mark.parametrize("name", COMMANDS)
def test_both_streams_are_json(every: Runner, keys: Keys, name: str) -> None:
    """Otherwise a program stops at the first warning, or at the first command that prints text."""
    words = [*name.split(), *LINES[name].format(other=keys.other.kid).split()]
    done = every(*words, "--json", stdin="a secret of a provider")
    assert done.returncode == 0, done.stderr
    json.loads(done.stdout)
    assert not any("error" in line for line in messages(done.stderr))


@pytest.mark.parametrize("name", COMMANDS)
def test_an_error_is_one_line_of_json(every: Runner, keys: Keys, name: str) -> None:
    words = LINES[name].format(other=keys.other.kid).split()
    without_files = [word if word.startswith("--") else f"none/{word}" for word in words]
    for args in ([], ["--nope"], [*words, "too", "many"], without_files):
        done = every(*name.split(), "--json", *args)
        assert done.returncode in (1, 2)
        assert done.stdout == ""
        *_, error = messages(done.stderr)
        assert error["error"]["message"]


@pytest.mark.deep
@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows has no modes")
def test_a_warning_of_python_is_json_too(every: Runner, files: Path) -> None:
    assert every("keyset", "password", "one", "--new-password-file", "pw").returncode == 0
    (files / "one").chmod(0o644)
    done = every("keyset", "jwks", "one", "--password-file", "pw", "--json")
    (line,) = messages(done.stderr)
    assert "chmod 600" in line["warning"]["message"]


def test_the_parts_of_a_note_are_members(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.json_messages(wanted=True):
        terminal.note("active from now on: a", kid="a")
        terminal.warn("b\x1b")
    terminal.note("as text", kid="a")
    assert capsys.readouterr().err.splitlines() == [
        '{"note": {"message": "active from now on: a", "kid": "a"}}',
        '{"warning": {"message": "b\\u001b"}}',
        "trustkeys: as text",
    ]


def test_no_progress_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("trustkeys.cli.progress.PAUSE", -1)
    with terminal.json_messages(wanted=True), progress(100, 0) as show:
        show(10)
    assert capsys.readouterr().err == ""


def test_a_kid_that_looks_like_the_option_does_not_ask_for_json(quickly: Runner) -> None:
    done = quickly("keyset", "disable", "pair", "--", "--json")
    assert done.returncode == 2
    assert done.stderr.startswith("trustkeys: ")
