"""``trustkeys keyset password``, and passphrases from files and pipes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support import at_a_terminal, done, failed
from tests.support import keyset_command as command
from trustkeys import TrustFrameworkKeySet, store

PASSWORD = "a long passphrase"


@pytest.mark.deep
def test_a_wrong_passphrase_is_reported_before_a_new_one_is_asked_for(tmp_path: Path) -> None:
    store.save(TrustFrameworkKeySet("a"), tmp_path / "set", password=PASSWORD)
    code, screen = at_a_terminal("show", "set", cwd=tmp_path, answers=["wrong\n"])
    assert code == 2
    assert "set: the passphrase is wrong, or the encrypted content was changed" in screen
    code, screen = at_a_terminal("password", "set", cwd=tmp_path, answers=["wrong\n"])
    assert (code, "New passphrase" in screen) == (2, False)
    code, screen = at_a_terminal(
        "password", "set", cwd=tmp_path, answers=[f"{PASSWORD}\n", "new\n", "new\n"]
    )
    assert code == 0
    assert store.load(tmp_path / "set", password="new").id == "B2C_1A_a"


@pytest.mark.deep
def test_a_passphrase_comes_from_a_file_or_a_pipe(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, f"{PASSWORD}\n".encode())
    os.close(write_end)
    pipe = ("--password-file", f"/dev/fd/{read_end}")
    done("create", "a", "-o", "set", *pipe, cwd=tmp_path, pass_fds=[read_end])
    os.close(read_end)
    (tmp_path / "new").write_text("new\n")
    change = ("password", "set", "--password-file", "-")
    done(*change, "--new-password-file", "new", cwd=tmp_path, input=PASSWORD)
    assert store.load(tmp_path / "set", password="new").id == "B2C_1A_a"
    process = command(*change, "--new-password-file", "-", cwd=tmp_path, input="new")
    assert "standard input can be read only once" in failed(process, 2)
    done(*change, "--plain", cwd=tmp_path, input="new")
    assert store.load(tmp_path / "set").id == "B2C_1A_a"
