"""``trustkeys keyset show``: people look at it before they change a set, so it must be true."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import support
from tests.cli.timeline.sets import DAY, NOW, key
from tests.support import at_a_terminal, done, mode_of, parse
from tests.support import keyset_command as command
from trustkeys import TrustFrameworkKeySet, store
from trustkeys.cli import terminal
from trustkeys.cli.timeline.picture import as_svg


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    keys = [
        key("first---x", 0, NOW + 20 * DAY),
        key("second--x", NOW + 50 * DAY, NOW + 90 * DAY),
        key("third---x", NOW + 60 * DAY, NOW + 120 * DAY, "disabled"),
    ]
    store.save(TrustFrameworkKeySet("test", keys), tmp_path / "set", plain=True)
    return tmp_path


@pytest.fixture
def terminal_of_200_columns() -> Iterator[tuple[int, int]]:
    """The two ends of a terminal."""
    pty = pytest.importorskip("pty", reason="Windows has no terminals like these")
    fcntl, termios = pytest.importorskip("fcntl"), pytest.importorskip("termios")
    ends = pty.openpty()
    fcntl.ioctl(ends[1], termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))
    yield ends
    for descriptor in ends:
        os.close(descriptor)


def without_columns() -> dict[str, str]:
    """An environment without COLUMNS, which readline sets in the process of the tests."""
    environment = support.environment(TERM="xterm-256color")
    environment.pop("COLUMNS", None)
    return environment


def width_of(text: str) -> int:
    return max(len(line.rstrip()) for line in text.splitlines())


def test_in_a_pipe_the_picture_is_plain_text_of_80_columns(
    folder: Path, terminal_of_200_columns: tuple[int, int]
) -> None:
    """Also if standard input is a wide terminal, as at a prompt."""
    _, terminal = terminal_of_200_columns
    show = ("show", "set", "--at", str(NOW))
    text = done(*show, cwd=folder, stdin=terminal, env=without_columns())
    assert "\x1b" not in text
    assert "no key is active from 1972-10-17T00:00:00Z to 1972-11-16T00:00:00Z\n" in text
    assert width_of(text) == 80
    wide = done(*show, cwd=folder, env=support.environment(COLUMNS="120"))
    assert width_of(wide) == 120


def test_on_a_terminal_the_picture_is_as_wide_as_the_terminal(
    folder: Path, terminal_of_200_columns: tuple[int, int]
) -> None:
    other_end, terminal = terminal_of_200_columns
    process = command(
        *("show", "set", "--at", str(NOW)),
        cwd=folder,
        capture_output=False,
        stdout=terminal,
        stderr=subprocess.PIPE,
        env=without_columns(),
    )
    assert (process.returncode, process.stderr) == (0, "")
    screen = os.read(other_end, 65_536).decode()
    assert width_of(re.sub(r"\x1b\[[0-9;]*m", "", screen)) == 200


@pytest.mark.deep
def test_without_unicode_the_picture_is_ascii(folder: Path) -> None:
    environment = support.environment(PYTHONIOENCODING="ascii")
    text = done("show", "set", "--at", str(NOW), cwd=folder, env=environment)
    assert text.isascii()
    assert "==" in text
    assert "!!" in text


def test_on_a_terminal_the_picture_has_colours(folder: Path) -> None:
    code, screen = at_a_terminal("show", "set", "--at", str(NOW), cwd=folder, answers=[])
    assert code == 0
    assert "\x1b[31m\x1b[1mno active key" in screen
    assert "\x1b[32m\x1b[1m━" in screen


def test_an_empty_no_color_is_ignored(folder: Path) -> None:
    _, screen = at_a_terminal("show", "set", cwd=folder, answers=[], NO_COLOR="")
    assert "\x1b[31m\x1b[1mno active key" in screen


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_color_and_dumb_terminals_get_plain_text(
    folder: Path, environment: dict[str, str]
) -> None:
    code, screen = at_a_terminal(
        "show", "set", "--at", str(NOW), cwd=folder, answers=[], **environment
    )
    assert code == 0
    assert "\x1b" not in screen
    assert "no active key" in screen


def test_the_picture_is_written_to_a_new_file_or_printed(folder: Path) -> None:
    assert done("show", "set", "--at", str(NOW), "--svg", "a.svg", cwd=folder) == ""
    assert mode_of(folder / "a.svg") == 0o644
    svg = (folder / "a.svg").read_bytes()
    assert svg == as_svg(store.load(folder / "set"), at=NOW)
    printed = done("show", "set", "--at", str(NOW), "--svg", "-", cwd=folder)
    assert printed.encode() == svg
    # An existing file is not replaced.
    assert command("show", "set", "--svg", "a.svg", cwd=folder).returncode == 1
    assert (folder / "a.svg").read_bytes() == svg


def test_json_has_the_keys_and_the_timeline(folder: Path) -> None:
    shown = parse(done("show", "set", "--json", cwd=folder))
    keyset = store.load(folder / "set")
    first, second, _ = (each.kid for each in keyset)
    assert {**shown, "timeline": None} == {**keyset.to_graph(), "timeline": None}
    assert shown["timeline"] == [
        {"start": 0, "end": NOW + 20 * DAY, "kid": first},
        {"start": NOW + 20 * DAY, "end": NOW + 50 * DAY, "kid": None},
        {"start": NOW + 50 * DAY, "end": NOW + 90 * DAY, "kid": second},
        {"start": NOW + 90 * DAY, "end": None, "kid": None},
    ]


def test_without_standard_output_there_are_no_colours_and_only_ascii(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert not terminal.has_colors()
    assert not terminal.can_write("━", sys.stdout)
    assert terminal.can_write("=", sys.stdout)
