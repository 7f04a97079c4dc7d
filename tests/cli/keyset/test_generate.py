"""``trustkeys keyset generate``, and what all commands that change a file have in common."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import support
from tests.support import at_a_terminal, done, failed
from tests.support import keyset_command as command
from trustkeys import TrustFrameworkKey, TrustFrameworkKeySet, store
from trustkeys.cli.inputs import PATIENCE

PASSWORD = "a long passphrase"


@pytest.mark.deep
def test_the_passphrase_is_asked_for_once(tmp_path: Path) -> None:
    store.save(TrustFrameworkKeySet("a"), tmp_path / "set", password=PASSWORD)
    kind = ("--use", "sig", "--kty", "oct")
    code, screen = at_a_terminal(
        *("generate", "set", *kind), cwd=tmp_path, answers=[f"{PASSWORD}\n"]
    )
    assert (code, screen.count("Passphrase of set: ")) == (0, 1)
    assert PASSWORD not in screen
    assert len(store.load(tmp_path / "set", password=PASSWORD)) == 1


def test_a_set_without_an_active_key_and_an_expired_key_are_warned_about(folder: Path) -> None:
    process = command("generate", "gap", "--exp", "5", cwd=folder)
    assert process.returncode == 0
    first, second = process.stderr.splitlines()
    assert first.startswith("trustkeys: warning: B2C_1A_gap has no active key at 20")
    assert second == ("trustkeys: warning: the key has already expired, at 1970-01-01T00:00:05Z")


@pytest.mark.parametrize("add", ["secret", "add"])
def test_a_warning_names_the_command_for_the_keys_of_somebody_else(
    tmp_path: Path, real_key: TrustFrameworkKey, add: str
) -> None:
    keys = TrustFrameworkKeySet("a")
    if add == "secret":
        keys.upload_secret("issued by somebody else, not at random", "sig")
    else:
        keys.add(real_key.public())
        keys.generate_key()
    store.save(keys, tmp_path / "set", plain=True)
    process = command("generate", "set", cwd=tmp_path)
    assert process.returncode == 0
    assert f'to add their next one, use "trustkeys keyset {add}"' in process.stderr


def test_no_private_key_gets_into_a_file_that_is_published(
    tmp_path: Path, real_key: TrustFrameworkKey
) -> None:
    keys = TrustFrameworkKeySet("a", [real_key.public()])
    store.save(keys, tmp_path / "public.json", plain=True)
    before = (tmp_path / "public.json").read_bytes()
    message = failed(command("generate", "public.json", cwd=tmp_path), 2)
    assert "public.json has only public keys" in message
    assert (tmp_path / "public.json").read_bytes() == before
    kid = real_key.kid
    assert "private one" not in command("disable", "public.json", kid, cwd=tmp_path).stderr
    rotated = command("rollover", "public.json", "--generate", cwd=tmp_path)
    assert "now has a private one: do not publish it any more" in rotated.stderr


def test_at_a_terminal_a_plain_file_is_warned_about(folder: Path) -> None:
    code, screen = at_a_terminal("generate", "gap", cwd=folder, answers=[])
    assert code == 0
    assert "trustkeys: warning: gap is not encrypted: " in screen


@pytest.mark.deep
def test_a_full_disk_leaves_the_file_as_it_was(folder: Path) -> None:
    before = (folder / "gap").read_bytes()
    process = command(
        *("generate", "gap"),
        cwd=folder,
        preexec_fn=support.limited_to(len(before)),
        # Coverage would find no room for its data either.
        env=support.environment(COVERAGE_PROCESS_CONFIG="", COVERAGE_PROCESS_START=""),
    )
    assert failed(process, 1) == "gap: File too large"
    assert (folder / "gap").read_bytes() == before
    assert sorted(os.listdir(folder)) == ["empty", "gap", "gap.lock"]


@pytest.mark.deep
def test_a_locked_file_is_reported_after_a_while(folder: Path) -> None:
    program = (
        "import sys, trustkeys.cli.inputs\n"
        "from trustkeys.cli.main import run\n"
        "trustkeys.cli.inputs.PATIENCE = 0.1\n"
        "sys.exit(run(sys.argv[1:]))\n"
    )
    # The other process may be generating keys, which takes seconds.
    assert PATIENCE >= 30
    with store.edit(folder / "gap"):
        process = subprocess.run(
            [sys.executable, "-c", program, "keyset", "generate", "gap"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
        )
    line = "gap: another process is still changing it after 0.1 seconds: try again later"
    assert failed(process, 1) == line


@pytest.mark.deep
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_an_edit_leaves_the_file_whole_and_no_other_file(
    folder: Path, signum: signal.Signals
) -> None:
    program = (
        "import os, sys, time\n"
        "from trustkeys.cli.main import run\n"
        "fsync = os.fsync\n"
        "def slow(descriptor):\n"
        "    print('writing', flush=True)\n"
        "    for _ in range(600):\n"
        "        time.sleep(0.1)\n"
        "os.fsync = slow\n"
        "sys.exit(run(sys.argv[1:]))\n"
    )
    before = (folder / "gap").read_bytes()
    with subprocess.Popen(
        [sys.executable, "-c", program, "keyset", "generate", "gap"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        process.send_signal(signum)
        assert process.communicate(timeout=30) == ("", "")
    assert process.returncode == -signum
    assert (folder / "gap").read_bytes() == before
    assert sorted(os.listdir(folder)) == ["empty", "gap", "gap.lock"]


def test_a_new_set_needs_a_use_and_a_kty(folder: Path) -> None:
    assert "AADB2C95030" in failed(command("generate", "empty", "--use", "sig", cwd=folder), 2)
    done("generate", "empty", "--use", "SIG", "--kty", "OCT", cwd=folder)
    assert [(key.use, key.kty) for key in store.load(folder / "empty")] == [("sig", "oct")]
