"""Tables: what a program cuts into columns, and what a person reads in colours."""

from __future__ import annotations

from functools import partial

import click
import pytest

from trustkeys.cli import table

LONG = "a" * 70
ODD = r"[b]\x1b"
ROWS = [[LONG, "1"], ["[b]\x1b", "2"]]


def text() -> str:
    return table.table_text(
        ["id", "number"], ROWS, [partial(click.style, fg="red", bold=True), str], folded="id"
    )


def test_a_pipe_gets_a_line_for_each_row() -> None:
    assert text() == f"{'id':<70} number\n{LONG} 1\n{ODD:<70} 2\n"


def test_a_pipe_gets_colours_if_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "has_colors", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    _, first, second = text().splitlines()
    assert first.startswith(f"\x1b[31m\x1b[1m{LONG}")
    assert second.rstrip().startswith(f"{ODD:<70} 2")
