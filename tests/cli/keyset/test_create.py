"""``trustkeys keyset create``: a new file, encrypted unless the user says otherwise."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import at_a_terminal, done, failed
from tests.support import keyset_command as command
from trustkeys import store

PASSWORD = "a long passphrase"


def test_a_new_passphrase_is_asked_for_twice_and_never_shown(tmp_path: Path) -> None:
    answers = [f"{PASSWORD}\n", f"{PASSWORD}\n"]
    code, screen = at_a_terminal("create", "a", "-o", "set", cwd=tmp_path, answers=answers)
    assert code == 0
    assert screen.count("New passphrase for set: ") == 1
    assert screen.count("Repeat for confirmation: ") == 1
    assert PASSWORD not in screen
    assert len(store.load(tmp_path / "set", password=PASSWORD)) == 0
    # An existing file is reported before the user invents a passphrase.
    code, screen = at_a_terminal("create", "a", "-o", "set", cwd=tmp_path, answers=[])
    assert (code, "set: File exists" in screen) == (1, True)


@pytest.mark.deep
def test_two_different_passphrases_are_asked_for_again(tmp_path: Path) -> None:
    answers = ["one\n", "other\n", "\n", f"{PASSWORD}\n", f"{PASSWORD}\n"]
    code, screen = at_a_terminal("create", "a", "-o", "set", cwd=tmp_path, answers=answers)
    assert code == 0
    assert "do not match" in screen
    assert len(store.load(tmp_path / "set", password=PASSWORD)) == 0


def test_without_an_answer_no_file_is_made(tmp_path: Path) -> None:
    code, screen = at_a_terminal("create", "a", "-o", "set", cwd=tmp_path, answers=["\x04"])
    assert code == 2
    assert "no passphrase was typed" in screen
    assert "Traceback" not in screen
    assert os.listdir(tmp_path) == []


@pytest.mark.deep
def test_a_passphrase_in_another_encoding_is_refused_and_not_shown(tmp_path: Path) -> None:
    answers = ["s3cret\udcff\udcfepw\n"]
    code, screen = at_a_terminal(
        "create", "a", "-o", "set", cwd=tmp_path, answers=answers, PYTHONUTF8="1"
    )
    assert code == 2
    assert "the passphrase must be text in the terminal's own encoding" in screen
    assert "Traceback" not in screen
    assert "0xff" not in screen
    assert os.listdir(tmp_path) == []


def test_a_passphrase_is_not_read_from_a_terminal_that_shows_it(tmp_path: Path) -> None:
    code, screen = at_a_terminal(
        "create", "a", "-o", "new", "--password-file", "-", cwd=tmp_path, answers=[]
    )
    assert code == 2
    assert "the passphrase would be visible" in screen


def test_a_file_name_in_the_prompt_does_not_control_the_terminal(tmp_path: Path) -> None:
    code, screen = at_a_terminal("create", "a", "-o", "\x1b[2Jx", cwd=tmp_path, answers=["\x04"])
    assert code == 2
    assert "New passphrase for \\x1b[2Jx: " in screen
    assert "\x1b" not in screen


def test_ctrl_c_at_the_prompt_ends_without_output(tmp_path: Path) -> None:
    code, screen = at_a_terminal("create", "a", "-o", "set", cwd=tmp_path, answers=["\x03"])
    assert code == -signal.SIGINT
    assert "Traceback" not in screen
    assert os.listdir(tmp_path) == []


def test_a_plain_file_is_made_only_with_plain(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text(PASSWORD)
    both = command(*("create", "a", "-o", "set", "--plain", "--password-file", "pw"), cwd=tmp_path)
    assert "exclude each other" in failed(both, 2)
    done("create", "a", "-o", "set", "--plain", cwd=tmp_path)
    assert store.load(tmp_path / "set").id == "B2C_1A_a"
    # A passphrase says that the file was encrypted: somebody has replaced it.
    swapped = command("jwks", "set", "--password-file", "pw", cwd=tmp_path)
    assert "it is not encrypted" in failed(swapped, 2)


@pytest.mark.deep
def test_a_signal_while_a_set_is_written_leaves_a_whole_file(tmp_path: Path) -> None:
    program = (
        "import os, sys\n"
        "from trustkeys.cli.main import run\n"
        "def slow(descriptor):\n"
        "    print('writing', flush=True)\n"
        "    sys.stdin.readline()\n"
        "os.fsync = slow\n"
        "sys.exit(run(sys.argv[1:]))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, "keyset", "create", "a", "-o", "set", "--plain"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        process.send_signal(signal.SIGTERM)
        process.communicate("\n" * 9, timeout=30)
    assert process.returncode == -signal.SIGTERM
    assert os.listdir(tmp_path) == ["set"]
    assert store.load(tmp_path / "set").id == "B2C_1A_a"
