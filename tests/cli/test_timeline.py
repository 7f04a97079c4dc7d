"""``trustkeys keyset show``: people look at it before they change a set, so it must be true."""

from __future__ import annotations

import os
import re
import stat
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import support
from tests.support import at_a_terminal, done, parse
from tests.support import keyset_command as command
from trustkeys import TrustFrameworkKeySet, store
from trustkeys.cli import terminal, timeline
from trustkeys.keyset.schedule import stretches

DAY = 86_400
NOW = 1000 * DAY
INT64_MAX = 2**63 - 1


def key(kid: str, nbf: int | None = None, exp: int | None = None, status: str = "enabled") -> Any:
    return attrs.evolve(support.oct_key(nbf, exp, status), kid=kid)


def picture(*keys: Any, at: int = NOW, width: int = 80) -> list[str]:
    keyset = TrustFrameworkKeySet("test", keys)
    text = timeline.as_text(keyset, at=at, width=width, color=False, plain=False)
    assert "\x1b" not in text
    return [line.rstrip() for line in text.splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    keys = [
        key("first---x", 0, NOW + 20 * DAY),
        key("second--x", NOW + 50 * DAY, NOW + 90 * DAY),
        key("third---x", NOW + 60 * DAY, NOW + 120 * DAY, "disabled"),
    ]
    store.save(TrustFrameworkKeySet("test", keys), tmp_path / "set", plain=True)
    return tmp_path


def test_the_picture_of_a_set_with_a_gap() -> None:
    assert picture(
        key("first---x", NOW - 60 * DAY, NOW + 45 * DAY),
        key("second--x", NOW + 30 * DAY, NOW + 90 * DAY),
        key("third---x", NOW + 40 * DAY, NOW + 120 * DAY, "disabled"),
        key("fourth--x", NOW + 120 * DAY, NOW + 180 * DAY),
    ) == [
        "B2C_1A_test  4 oct sig keys, active: first---",
        "",
        "                                  1972-07-09  1972-09-20  1972-12-02  1973-02-13",
        "kid       nbf         exp         ┬───────────┬───────────┬───────────┬─────────",
        "first---  1972-07-29  1972-11-11     ━━━━━━━━━━│━━━━──",
        "second--  1972-10-27  1972-12-26               │    ━━━━━━━━━",
        "third---  1972-11-06  1973-01-25               │     ┄┄┄┄┄┄┄┄┄┄┄┄┄",
        "fourth--  1973-01-25  1973-03-26               │                  ━━━━━━━━━━",
        "no active key                                  │             ░░░░░          ░░░░",
        "",
        "no key is active from 1972-12-26T00:00:00Z to 1973-01-25T00:00:00Z",
        "no key is active from 1973-03-26T00:00:00Z on",
        "━━ active   ── valid   ┄┄ disabled   ░░ gap   │ now, 1972-09-27T00:00:00Z",
    ]


def test_the_picture_of_a_set_without_an_end() -> None:
    title, _, _, _, net, dated, gap, *_ = picture(
        key("net-----x"), key("dated---x", NOW - 10 * DAY, None)
    )
    assert title.endswith("active: dated---")
    assert net == f"net-----  none        none        {'━' * 17}{'─' * 11}│{'─' * 17}"
    assert re.fullmatch(r"dated---  1972-09-17  none {8} {17}━{11}│━{17}", dated)
    assert re.fullmatch(r"no gap {28} +│", gap)


def test_the_picture_of_an_empty_set() -> None:
    lines = picture()
    assert lines[0] == "B2C_1A_test  0 keys, none is active"
    assert lines[4].startswith("no active key")
    assert lines[4].endswith("░")
    assert "no key is active from 1972-09-27T00:00:00Z on" in lines


def test_one_key_is_one_key() -> None:
    assert picture(key("only----x"))[0] == "B2C_1A_test  1 oct sig key, active: only----"


def test_the_past_before_the_first_key_is_no_gap() -> None:
    assert "no gap" in "".join(picture(key("a", NOW - DAY)))
    lines = picture(key("a", NOW + DAY))
    assert "no key is active from 1972-09-27T00:00:00Z to 1972-09-28T00:00:00Z" in lines


def test_a_past_gap_between_keys_is_shown() -> None:
    lines = picture(key("a", NOW - 90 * DAY, NOW - 60 * DAY), key("b", NOW - 30 * DAY))
    assert "no key is active from 1972-07-29T00:00:00Z to 1972-08-28T00:00:00Z" in lines


def test_at_the_second_of_a_takeover_the_new_key_is_active() -> None:
    keys = key("old-----x", 0, NOW + DAY), key("new-----x", NOW)
    assert picture(*keys)[0].endswith("active: new-----")
    assert picture(*keys, at=NOW - 1)[0].endswith("active: old-----")


def test_a_key_that_starts_in_eight_years_is_in_the_picture() -> None:
    lines = picture(key("late----x", NOW + 8 * 365 * DAY), key("net-----x"))
    assert "━" in lines[4]


def test_dates_far_away_do_not_squeeze_the_near_ones() -> None:
    far = NOW + 10 * 365 * DAY
    near = key("near----x", far - 30 * DAY, far + 30 * DAY)
    others = [key("far-----x", 0, INT64_MAX), key("never---x", INT64_MAX)]
    lines = picture(near, *others, at=far)
    (row,) = (line for line in lines if line.startswith("near"))
    assert row.count("━") > 20
    assert any(line.startswith("never---  after 9999  none") for line in lines)
    assert picture(near, at=5)
    assert picture(near, at=INT64_MAX)
    assert "before" in picture(near, at=0)[2]


def bars(lines: list[str], count: int) -> list[str]:
    return [line.ljust(80)[34:] for line in lines[4 : 5 + count]]


@given(keys=support.DATED_KEYS, at=st.integers(0, 14))
def test_every_bar_shows_when_its_key_is_active(keys: list[Any], at: int) -> None:
    scale = timeline._scale(keys, at * DAY, 46)
    keys = [
        attrs.evolve(
            each,
            kid=f"{number}",
            nbf=None if each.nbf is None else each.nbf * DAY,
            exp=None if each.exp is None else each.exp * DAY,
        )
        for number, each in enumerate(keys)
    ]
    lines = picture(*keys, at=at * DAY)
    scale = timeline._scale(keys, at * DAY, 46)
    *rows, gap_row = bars(lines, len(keys))
    now = scale.column(at * DAY)
    assert {row[now] for row in [*rows, gap_row]} == {"│"}
    for stretch in stretches(keys):
        columns = [c for c in scale.columns(stretch.start, stretch.end) if c != now]
        # The start of a stretch is always shown, however short it is.
        for column in columns[:1]:
            if stretch.key is not None:
                assert rows[stretch.key][column] == "━"
            elif stretch.start >= at * DAY:
                assert gap_row[column] == "░"
    for each, row in zip(keys, rows, strict=True):
        if each.status == "disabled":
            assert not set(row) & set("━─")
        else:
            assert "┄" not in row


def test_the_scale_maps_times_to_columns_and_back() -> None:
    scale = timeline.Scale(100, 200, 50)
    assert [scale.column(time) for time in (100, 101, 102, 199, 200)] == [0, 0, 1, 49, 50]
    assert [scale.time(column) for column in (0, 1, 50)] == [100, 102, 200]
    assert [*scale.columns(110, 120)] == [5, 6, 7, 8, 9]
    assert [*scale.columns(110, 110)] == [5]
    assert [*scale.columns(0, 104)] == [0, 1]
    assert [*scale.columns(198, 999)] == [49]
    assert [*scale.columns(300, 999)] == []
    assert [*scale.columns(0, 50)] == []


# --- terminals, pipes and files


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


def test_without_unicode_the_picture_is_ascii(folder: Path) -> None:
    environment = support.environment(PYTHONIOENCODING="ascii")
    text = done("show", "set", "--at", str(NOW), cwd=folder, env=environment)
    assert text.isascii()
    assert "==" in text
    assert "!!" in text


def test_on_a_terminal_the_picture_has_colours(folder: Path) -> None:
    code, screen = at_a_terminal("show", "set", "--at", str(NOW), cwd=folder, answers=[])
    assert code == 0
    assert "\x1b[1;31mno active key" in screen
    assert "\x1b[1;32m━" in screen


def test_an_empty_no_color_is_ignored(folder: Path) -> None:
    _, screen = at_a_terminal("show", "set", cwd=folder, answers=[], NO_COLOR="")
    assert "\x1b[1;31mno active key" in screen


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


def test_the_svg_shows_the_same_and_loads_nothing(folder: Path) -> None:
    assert done("show", "set", "--at", str(NOW), "--svg", "a.svg", cwd=folder) == ""
    assert stat.S_IMODE((folder / "a.svg").stat().st_mode) == 0o644
    svg = (folder / "a.svg").read_text()
    root = ET.fromstring(svg)
    words = "".join(root.itertext()).replace("\xa0", " ")
    for part in ("B2C_1A_test", "first---", "second--", "no active key", "░", "━", "┄"):
        assert part in words
    assert not re.search(r"(url\((?!#)|href|@import|@font-face|<script|<image)", svg)
    printed = done("show", "set", "--at", str(NOW), "--svg", "-", cwd=folder)
    assert printed == svg
    # An existing file is not replaced.
    assert command("show", "set", "--svg", "a.svg", cwd=folder).returncode == 1
    assert (folder / "a.svg").read_text() == svg


def test_a_kid_does_not_control_the_terminal() -> None:
    assert any(line.startswith("\\x1b[2J\\  ") for line in picture(key("\x1b[2J\nx")))
    assert any(line.startswith("[bold]x") for line in picture(key("[bold]x")))


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
    assert not terminal.can_write("━")
    assert terminal.can_write("=")
