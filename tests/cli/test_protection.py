"""A crash must not write keys to disk, and other programs must not read them in the memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from unittest import mock

import click
import pytest

from tests.cli.exchange import Keys, Runner
from tests.cli.tree import LINES
from trustkeys import store
from trustkeys.cli import command, kids


@pytest.mark.deep
def test_the_process_leaves_no_core_dump() -> None:
    program = (
        "import ctypes, resource, trustkeys.cli.main as main; "
        "main.run('generate --use sig --kty oct --discard'.split()); "
        "print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    # prctl(PR_GET_DUMPABLE) is for Linux.
    assert done.stdout.splitlines()[-1] == "(0, 0) 0"


class ProtectedError(Exception):
    """The memory is protected."""


@pytest.mark.parametrize("name", LINES)
def test_every_command_protects_its_memory(
    every: Runner, keys: Keys, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(command, "protect_memory", mock.Mock(side_effect=ProtectedError))
    words = LINES[name].format(other=keys.other.kid).split()
    with pytest.raises(ProtectedError):
        every(*name.split(), *words)


def test_so_does_the_completion_of_a_kid(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It reads the private keys of a set that is not encrypted."""
    calls = mock.Mock()
    monkeypatch.setattr(kids, "protect_memory", calls.protect_memory)
    monkeypatch.setattr(store, "load", calls.load)
    context = click.Context(click.Command("enable"))
    context.params["file"] = str(files / "pair")
    kids.KID.shell_complete(context, click.Argument(["kid"]), "")
    assert [name for name, *_ in calls.mock_calls][:2] == ["protect_memory", "load"]
