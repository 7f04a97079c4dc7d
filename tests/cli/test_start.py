"""What a command loads: people wait for it at each run, and at each press of Tab."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import click
import pytest

import trustkeys
from tests import support
from tests.cli.exchange import Keys
from tests.cli.tree import COMMANDS, GROUPS
from trustkeys import TrustFrameworkKeySet, store
from trustkeys.cli.keyset import keyset
from trustkeys.cli.main import group
from trustkeys.keyset.calendar import NOTICE

PROGRAM = """
import runpy, sys
before = {*sys.modules}
try:
    runpy.run_module("trustkeys", run_name="__main__")
finally:
    print(*{*sys.modules} - before, file=sys.stderr)
"""

SYSTEM = ("windows", "windows_files") if sys.platform == "win32" else ("posix", "posix_files")

NOTHING_ELSE = {
    *("trustkeys", "trustkeys.cli", "trustkeys.cli.lazy", "trustkeys.cli.main"),
    *("trustkeys.cli.signals", "trustkeys.cli.terminal", "trustkeys.errors", "trustkeys.wording"),
    *("trustkeys.signals", "trustkeys.system"),
    *(f"trustkeys.system.{name}" for name in SYSTEM),
}

SLOW = {
    *("asyncio", "concurrent", "ctypes", "difflib", "email", "getpass", "hashlib", "hmac", "http"),
    *("json", "logging", "multiprocessing", "pathlib", "random", "socket", "ssl", "subprocess"),
    *("tempfile", "urllib", "zipfile"),
}
"""Parts of the standard library that take a millisecond or more, and that click does without."""


def loaded(*args: str, cwd: Path, **variables: str) -> set[str]:
    """The modules of trustkeys, and the packages of others, that a run of the command loads."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *args],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=cwd,
        env=support.environment(**variables),
    )
    modules = done.stderr.splitlines()[-1].split()
    assert "trustkeys" in modules, done.stderr
    # What Python itself brings differs between its versions.
    others = {name.partition(".")[0] for name in modules} - {"trustkeys", "__mp_main__"}
    light = {name for name in others if name in sys.stdlib_module_names or name.startswith("_")}
    ours = {name for name in modules if name.startswith("trustkeys")}
    return (others - light) | (others & SLOW) | ours


@pytest.mark.deep
@pytest.mark.parametrize("args", ["--version", "--help"])
def test_the_version_and_the_help_load_nothing_but_click(tmp_path: Path, args: str) -> None:
    assert loaded(args, cwd=tmp_path) == {"click", *NOTHING_ELSE}


@pytest.mark.deep
@pytest.mark.parametrize("name", sorted({*COMMANDS, *GROUPS} - {""}))
def test_the_help_of_a_command_loads_nothing_that_it_works_with(tmp_path: Path, name: str) -> None:
    modules = loaded(*name.split(), "--help", cwd=tmp_path) - NOTHING_ELSE
    assert {each for each in modules if not each.startswith("trustkeys.cli.")} <= {
        *("click", "trustkeys.core", "trustkeys.core.clouds", "trustkeys.core.numericdate")
    }


@pytest.mark.deep
@pytest.mark.parametrize("words", ["", "g", "generate --k", "generate --use ", "keyset r"])
def test_completion_loads_nothing_that_a_command_works_with(tmp_path: Path, words: str) -> None:
    typed = f"trustkeys {words}"
    complete = {"_TRUSTKEYS_COMPLETE": "bash_complete", "COMP_WORDS": typed}
    modules = loaded(cwd=tmp_path, **complete, COMP_CWORD=str(typed.count(" "))) - NOTHING_ELSE
    assert {each for each in modules if not each.startswith("trustkeys.cli.")} <= {
        *("click", "trustkeys.core", "trustkeys.core.clouds", "trustkeys.core.numericdate")
    }


UNUSED = {
    "generate --use sig --kty oct -o -": {
        "cryptography",
        "hashlib",
        "random",
        "trustkeys.testkeys",
    },
    "generate --use sig --kty oct -o new": {
        "cryptography",
        "hashlib",
        "random",
        "trustkeys.testkeys",
    },
    "generate --use sig --kty RSA --discard": {"trustkeys.testkeys"},
    "keyset active set": {"asn1crypto", "filelock", "hashlib", "trustkeys.formats.reading"},
    "keyset jwks set": {"asn1crypto", "filelock", "hashlib", "trustkeys.formats.reading"},
    "keyset show set": {"asn1crypto", "filelock", "svg", "trustkeys.formats.reading"},
    "keyset check set": {"filelock", "trustkeys.formats.reading"},
    "audit set": {"filelock", "trustkeys.formats.reading"},
}
"""What each of the quick commands does not need."""


@pytest.mark.deep
@pytest.mark.parametrize("line", UNUSED)
def test_a_run_loads_nothing_that_it_does_not_use(tmp_path: Path, keys: Keys, line: str) -> None:
    store.save(TrustFrameworkKeySet("a", [keys.other]), tmp_path / "set", plain=True)
    modules = loaded(*line.split(), cwd=tmp_path)
    slow = SLOW - {"ctypes", "difflib", "hashlib", "json", "random"}
    assert not modules & {*UNUSED[line], *slow, "icalendar", "jwcrypto"}


def test_the_list_of_commands_says_what_their_help_says() -> None:
    """The sentences stand in the list, so that it can be printed without the commands."""
    for parent in (group, keyset):
        context = click.Context(parent)
        formatter = click.HelpFormatter(width=80)
        parent.format_commands(context, formatter)
        shown = dict(line.split(maxsplit=1) for line in formatter.getvalue().splitlines()[1:])
        commands = {name: parent.get_command(context, name) for name in shown}
        assert [*shown] == parent.list_commands(context)
        for name, made in commands.items():
            assert made is not None
            assert shown[name] == made.get_short_help_str(80)
        items = parent.shell_complete(context, "")
        assert [(item.value, item.help) for item in items] == [*shown.items()]


def test_the_version_is_that_of_the_installed_package() -> None:
    assert trustkeys.__version__ == version("trustkeys")


def test_the_default_notice_is_that_of_the_library() -> None:
    calendar = COMMANDS["keyset calendar"]
    context = calendar.make_context("calendar", ["file"], **group.context_settings)
    assert context.params["notice"] == NOTICE
