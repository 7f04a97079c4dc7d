"""Tables: what a program cuts into columns, and what a person reads in colours."""

from __future__ import annotations

import sys
from functools import partial
from unittest import mock

import click
import pytest

from trustkeys.cli import table, terminal
from trustkeys.cli.terminal import cells, escaped

LONG = "a" * 90
ODD = r"[b]\x1b"
ROWS = [[LONG, "1"], ["[b]\x1b", "2"]]


def text() -> str:
    return table.table_text(
        ["id", "number"], ROWS, [partial(click.style, fg="red", bold=True), str], folded="id"
    )


def test_a_pipe_gets_a_line_for_each_row() -> None:
    assert text() == f"{'id':<90} number\n{LONG} 1\n{ODD:<90} 2\n"


def test_a_pipe_gets_colours_if_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "has_colors", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    _, first, second = text().splitlines()
    assert first.startswith(f"\x1b[31m\x1b[1m{LONG}")
    assert second.rstrip().startswith(f"{ODD:<90} 2")


WIDE = [
    ["B2C_1A_署名用コンテナ" * 4, "1"],
    ["e\u0301" * 40, "22"],
    ["esc\x1b[2J", "3"],
    ["short", "4"],
]


@pytest.mark.parametrize("columns", [20, 60, 80, 130, 200])
def test_a_terminal_gets_whole_names_in_lines_that_fit(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setattr(sys, "stdout", mock.Mock(isatty=lambda: True))
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")
    made = table.table_text(["id", "number"], WIDE, [str] * len(WIDE), folded="id")
    lines = made.splitlines()
    assert max(map(cells, lines)) <= columns
    found: list[list[str]] = []
    places = set()
    for name, *number in map(str.split, lines):
        if number:
            found.append(["", *number])
            places.add(cells(next(line for line in lines if name in line).rpartition(" ")[0]))
        found[-1][0] += name
    assert found == [["id", "number"], *([escaped(name), number] for name, number in WIDE)]
    assert len(places) == 1


def test_each_line_of_a_row_has_its_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", mock.Mock(isatty=lambda: True))
    monkeypatch.setattr(terminal, "obeys_escape_codes", lambda _: True)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    header, first, second, third = text().splitlines()
    assert header.startswith("\x1b[1mid")
    for line in (first, second):
        assert line.startswith("\x1b[31m\x1b[1ma")
        assert line.endswith("\x1b[0m")
    assert "\x1b" not in third


def test_a_table_of_a_big_tenant_takes_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """With colours, 10,000 key sets took 7 s."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(table, "has_colors", lambda: True)
    counts = []
    for number in (100, 200):
        measured = mock.Mock(wraps=cells)
        monkeypatch.setattr(table, "cells", measured)
        table.table_text(["id", "n"], [["name", "1"]] * number, [str] * number, folded="id")
        counts.append(measured.call_count)
    assert counts[1] < 2 * counts[0]
