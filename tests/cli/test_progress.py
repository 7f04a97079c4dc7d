"""The progress of a long run."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests import support
from tests.cli.batch.runs import OCT, done
from trustkeys.cli import progress
from trustkeys.cli.terminal import cells


@pytest.mark.deep
def test_a_terminal_shows_a_bar_with_the_rate_and_the_time_left(tmp_path: Path) -> None:
    code, screen = support.command_at_a_terminal(
        *(*OCT, "--count", "2000", "--jsonl", "keys"), cwd=tmp_path, answers=[]
    )
    assert code == 0
    assert "━" in screen
    assert "2000/2000" in screen
    assert re.search(r"\d keys/s", screen)
    assert re.search(r"\d:\d\d:\d\d", screen)
    assert screen.endswith("keys: 2000 keys\r\n")


@pytest.mark.deep
def test_the_bar_of_a_resumed_run_starts_at_its_last_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done(*OCT, "--count", "2000", "--jsonl", "keys")
    _, screen = support.command_at_a_terminal(
        *(*OCT, "--count", "2001", "--jsonl", "keys", "--resume"), cwd=tmp_path, answers=[]
    )
    counts = [int(text) for text in re.findall(r"(\d+)/2001", screen)]
    assert set(counts) <= {2000, 2001}
    assert counts[-1] == 2001


def test_a_log_file_gets_a_line_every_30_seconds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = [1000.0]
    monkeypatch.setattr("trustkeys.cli.progress.time.monotonic", lambda: clock[0])
    with progress.progress(100, 10) as show:
        for seconds, count in [(2, 20), (2, 30), (2, 40), (4, 50), (2, 60), (9, 60)]:
            clock[0] += 6 * seconds
            show(count)
    assert capsys.readouterr().err == (
        "trustkeys: 40 of 100 keys, 0.8 keys/s, 72 s left\n"
        "trustkeys: 60 of 100 keys, 0.7 keys/s, 58 s left\n"
        "trustkeys: 60 of 100 keys, 0.4 keys/s, 101 s left\n"
    )


class Terminal(io.StringIO):
    """Standard error at a terminal."""

    def isatty(self) -> bool:
        return True


def test_the_bar_of_a_run_that_ends_at_once_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bar that stops before its end looks like a run that failed."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("trustkeys.cli.progress.time.monotonic", lambda: 1000.0)
    with progress.progress(100, 10) as show:
        show(50)
        show(100)
    assert re.findall(r"(\d+)/100", terminal.getvalue())[-1] == "100"


def test_nothing_is_printed_before_the_first_key(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "PAUSE", -1)
    with progress.progress(100, 10) as show:
        show(10)
        monkeypatch.setattr(sys, "stderr", None)
        show(20)
    assert capsys.readouterr().err == ""


@pytest.mark.deep
def test_a_closed_standard_error_is_no_error(tmp_path: Path) -> None:
    closed = subprocess.run(
        [
            *("sh", "-c", f'"$0" -m trustkeys {" ".join(OCT)} --count 3 --jsonl keys 2>&-'),
            sys.executable,
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (closed.returncode, closed.stdout) == (0, "keys: 3 keys\n")


@pytest.mark.deep
@pytest.mark.parametrize(
    ("environment", "bar", "colored"),
    [
        ({}, "━", True),
        ({"NO_COLOR": "1"}, "━", False),
        ({"PYTHONIOENCODING": "ascii"}, "#", True),
        ({"TERM": "dumb"}, "", False),
    ],
)
def test_the_bar_is_what_the_terminal_can_show(
    tmp_path: Path, environment: dict[str, str], bar: str, colored: bool
) -> None:
    for columns in (60, 80, 130, 200):
        _, screen = support.command_at_a_terminal(
            *(*OCT, "--count", "2000", "--jsonl", f"keys{columns}"),
            cwd=tmp_path,
            answers=[],
            **{"COLUMNS": str(columns), **environment},
        )
        assert bar in screen
        assert ("\x1b[32m" in screen) == colored
        assert ("\r" in screen.replace("\r\n", "")) == bool(bar)
        for line in re.split(r"[\r\n]+", screen):
            # A Windows console would wrap a line that fills it.
            assert cells(click.unstyle(line)) < columns
