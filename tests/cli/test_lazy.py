"""A command or option with a typing error gets a proposal, at every level of the tree."""

from __future__ import annotations

import click
import pytest

from tests.cli.in_process import outcome
from tests.cli.tree import COMMANDS, GROUPS, options_of
from tests.support import failed
from trustkeys.cli.kids import KidCommand


def mistyped(name: str) -> str:
    """The name with a letter twice."""
    middle = len(name) // 2 + 1
    return name[:middle] + name[middle - 1 :]


@pytest.mark.parametrize("path", [name for name in [*COMMANDS, *GROUPS] if name])
def test_a_mistyped_command_gets_a_proposal(path: str) -> None:
    *parent, name = path.split()
    for typed in {mistyped(name), name.upper()} - {name}:
        message = failed(outcome(*parent, typed), 2)
        assert message.startswith(f"No such command '{typed}'. Did you mean '")
        assert f"'{name}'" in message


@pytest.mark.parametrize("path", COMMANDS)
def test_a_command_of_another_group_is_found(path: str) -> None:
    """A person who forgets keyset, or types it too often, learns where the command is."""
    name = path.rsplit(maxsplit=1)[-1]
    for group, commands in GROUPS.items():
        if name not in commands.list_commands(click.Context(commands)):
            message = failed(outcome(*group.split(), name), 2)
            assert message.startswith(f"No such command '{name}'. Did you mean 'trustkeys {path}'?")


def test_an_unlike_name_gets_no_proposal() -> None:
    assert failed(outcome("zzz"), 2) == "No such command 'zzz' (see trustkeys --help)"
    message = failed(outcome("keyset", "\x1b[2J"), 2)
    assert message == "No such command a string of 4 characters (see trustkeys keyset --help)"


@pytest.mark.parametrize("path", [*COMMANDS, *GROUPS])
def test_a_mistyped_option_gets_a_proposal(path: str) -> None:
    command = GROUPS.get(path) or COMMANDS[path]
    for option in options_of(command):
        name = max(option.opts, key=len)
        for typed in (mistyped(name), f"{mistyped(name)}=x"):
            message = failed(outcome(*path.split(), *words(command), typed), 2)
            assert "Did you mean" in message
            assert f"'{name}'" in message


def words(command: click.Command) -> list[str]:
    # With a KID, what looks like an option can be an argument.
    return ["set", "kid"] if isinstance(command, KidCommand) else []


def test_one_hyphen_too_few_gets_a_proposal() -> None:
    for args in (["generate"], ["keyset", "disable", "set", "kid"], ["keyset", "check"]):
        assert "Did you mean '--json'?" in failed(outcome(*args, "-json"), 2)
