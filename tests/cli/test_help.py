"""The help of every command, on narrow and wide terminals."""

from __future__ import annotations

import re

import click
import pytest

from tests.cli.in_process import outcome
from tests.cli.tree import COMMANDS, GROUPS

NAMES = [*COMMANDS, *GROUPS]


def help_of(name: str) -> str:
    shown = outcome(*name.split(), "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    return shown.stdout


@pytest.mark.parametrize("name", NAMES)
def test_no_line_is_wider_than_80_columns(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = set()
    for columns in (80, 130, 200):
        monkeypatch.setenv("COLUMNS", str(columns))
        texts.add(help_of(name))
    # At 80 columns click leaves two at the right.
    for text in texts:
        assert [line for line in text.splitlines() if len(line) > 80] == []
        assert [line for line in text.splitlines() if re.match(r" .*\.\.\.$", line)] == []
    assert {normal(text) for text in texts} == {normal(help_of(name))}


@pytest.mark.parametrize("name", NAMES)
def test_only_examples_are_wider_than_a_narrow_terminal(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    command: click.Command = GROUPS.get(name) or COMMANDS[name]
    verbatim = f"{command.epilog}\n{command.help}"
    for line in help_of(name).splitlines()[1:]:
        assert len(line) <= 60 or line.strip() in verbatim


def normal(text: str) -> str:
    """The text without what another width changes."""
    return re.sub(r"\s+", " ", text)
