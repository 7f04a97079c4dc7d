"""A KID that starts with a hyphen, and the KIDs that a shell proposes."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from click.shell_completion import get_completion_class

from tests.cli.exchange import PASSWORD, Keys, Runner
from tests.cli.tree import COMMANDS, GROUPS
from tests.support import ROOT, WINDOWS, failed
from trustkeys import store
from trustkeys.cli import main
from trustkeys.cli.kids import KidCommand

WITH_KID = [name for name, command in COMMANDS.items() if isinstance(command, KidCommand)]

# PowerShell since click 8.5.
SHELLS = [each for each in ("bash", "zsh", "fish", "powershell") if get_completion_class(each)]


@pytest.mark.parametrize("name", [*COMMANDS, *GROUPS])
def test_h_shows_help(quickly: Runner, name: str) -> None:
    words = name.split()
    text = quickly(*words, "--help").stdout
    assert text.startswith(" ".join(["Usage: trustkeys", *words]))
    for extra in ([], ["pair"] if name in COMMANDS else []):
        shown = quickly(*words, *extra, "-h")
        assert (shown.returncode, shown.stdout, shown.stderr) == (0, text, "")


def test_a_kid_can_start_with_what_is_an_option(quickly: Runner, files: Path) -> None:
    assert len(WITH_KID) == 3
    keys = json.loads((files / "pair").read_text())
    for kid in ("-habcdefgh", "-h", "--json"):
        keys["keys"][0]["kid"] = kid
        (files / "pair").write_text(json.dumps(keys))
        hyphens = ["--"] if len(kid) < 10 else []
        assert quickly("keyset", "disable", "pair", *hyphens, kid).returncode == 0
        assert store.load(files / "pair").get(kid).status == "disabled"
    assert "no such kid: --unknown" in failed(quickly("keyset", "disable", "pair", "--unknown"), 2)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("words", [*[f"{name} pair " for name in WITH_KID], "export pair --kid "])
def test_a_shell_completes_kids(
    quickly: Runner, keys: Keys, monkeypatch: pytest.MonkeyPatch, shell: str, words: str
) -> None:
    kids = [keys.rsa.kid, keys.other.kid]
    assert completed(monkeypatch, words, "", shell=shell) == kids
    # What starts with a hyphen completes as an option.
    kid = next(each for each in kids if not each.startswith("-"))
    assert completed(monkeypatch, words, kid[:3], shell=shell) == [kid]


def test_a_shell_completes_only_what_needs_no_question(
    quickly: Runner, files: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USERPROFILE" if WINDOWS else "HOME", str(files))
    store.change_password(files / "secrets", new_password=PASSWORD)
    if not WINDOWS:
        os.mkfifo(files / "pipe")
    (files / "secrets").chmod(0o644)  # a warning otherwise
    kids = [keys.oct.kid, keys.second_oct.kid]

    def found(words: str) -> list[str]:
        return completed(monkeypatch, f"keyset enable {words} ", "")

    assert found("secrets --password-file pw") == kids
    assert found("~/secrets --password-file ~/pw") == kids
    assert found("~/pair") == [keys.rsa.kid, keys.other.kid]
    for words in (
        *("secrets", "secrets --password-file pipe", "secrets --password-file -", "pipe", "-"),
        *("none", "rsa.jwk", "pw", "pair --password-file pw", "secrets --password-file rsa.jwk"),
    ):
        assert found(words) == []


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_completes_no_kid_that_it_would_interpret(
    quickly: Runner, files: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch, shell: str
) -> None:
    content = json.loads((files / "pair").read_text())
    for kid in ("$(touch made)", "`id`", "a;b", "*", "~", "a b", "a\nb", "\x1b[2J", "a" * 257):
        content["keys"][0]["kid"] = kid
        (files / "pair").write_text(json.dumps(content))
        assert completed(monkeypatch, "keyset enable pair ", "", shell=shell) == [keys.other.kid]


def test_a_shell_completes_names_of_files(quickly: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    for words in ("inspect ", "keyset disable ", "generate -o ", "export --to ", "provision a "):
        assert completed(monkeypatch, words, "x", kind="file") == ["x"]


@pytest.mark.skipif("powershell" not in SHELLS, reason="click 8.4 does not know PowerShell")
def test_the_lines_of_the_documentation_make_a_completer_for_powershell(
    monkeypatch: pytest.MonkeyPatch, quickly: Runner
) -> None:
    page = (ROOT / "docs" / "how-to" / "windows.md").read_text("utf-8")
    name, value = re.findall(r'(?m)^\$env:(_\w+) = "(\w+)"$', page)[0]
    monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["trustkeys"])
    with redirect_stdout(io.TextIOWrapper(io.BytesIO())) as out, pytest.raises(SystemExit):
        main._run([])
    out.seek(0)
    assert "Register-ArgumentCompleter -Native -CommandName trustkeys" in out.read()


def test_a_shell_completes_commands_after_a_mistyped_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "rotate" in completed(monkeypatch, "keyset rotat ", "")
    # Nor does a mistyped option write an error into the line that is typed.
    assert completed(monkeypatch, "keyset disable --jsson ", "") == []


def completed(
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    incomplete: str,
    *,
    kind: str = "plain",
    shell: str = "bash",
) -> list[str]:
    """What click proposes in a shell, under its protocol."""
    monkeypatch.setenv("_TRUSTKEYS_COMPLETE", f"{shell}_complete")
    line = f"trustkeys {words}"
    monkeypatch.setenv("COMP_WORDS", line + incomplete)
    count = str(len(line.split()))
    monkeypatch.setenv("COMP_CWORD", incomplete if shell == "fish" else count)
    monkeypatch.setattr(sys, "argv", ["trustkeys"])
    out, err = io.TextIOWrapper(io.BytesIO()), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main._run([])
    monkeypatch.delenv("_TRUSTKEYS_COMPLETE")
    assert (ended.value.code, err.getvalue()) == (0, "")
    out.seek(0)
    lines = [*filter(None, out.read().splitlines())]
    if lines and "," not in lines[0]:  # zsh, PowerShell, and fish before click 8.5
        assert lines[::3] == [kind] * (len(lines) // 3)
        return lines[1::3]
    pairs = [each.split(",", 1) for each in lines]
    assert {pair[0] for pair in pairs} <= {kind}
    return [pair[1] for pair in pairs]
