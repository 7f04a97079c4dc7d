"""Signals end the command quietly, and leave no incomplete file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests import support
from tests.support import parse
from trustkeys import TrustFrameworkKey, system, testing
from trustkeys.cli import main
from trustkeys.system import STOPPING

GENERATE = ("generate", "--use", "sig", "--kty", "oct")


def start_slowly(tmp_path: Path, *prelude: str) -> subprocess.Popen[str]:
    """Start a command that writes its file slowly, and wait until it does."""
    program = textwrap.dedent("""
        import os, sys, time
        from trustkeys.cli.main import run

        fsync = os.fsync

        def fsync_slowly(descriptor):
            print("writing", flush=True)
            time.sleep(0.5)
            os.fsync = fsync
            fsync(descriptor)

        os.fsync = fsync_slowly
        sys.exit(run(sys.argv[1:]))
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", "\n".join([*prelude, program]), *GENERATE, "-o", "key"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    # On Linux, the file has no name yet. SECURITY.md has the names that a crash can leave.
    assert [name[:11] for name in os.listdir(tmp_path)] in ([], [".trustkeys-"])
    return process


@pytest.mark.deep
@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="Linux has files without a name")
@pytest.mark.parametrize("name", ["SIGQUIT", "SIGALRM", "SIGUSR1", "SIGXCPU", "SIGKILL"])
def test_no_signal_during_a_write_leaves_a_file(tmp_path: Path, name: str) -> None:
    with start_slowly(tmp_path) as process:
        process.send_signal(getattr(signal, name))
        output = process.communicate(timeout=30)
    assert output == ("", "")
    assert process.returncode == -getattr(signal, name)
    assert os.listdir(tmp_path) == []


@pytest.mark.deep
@support.needs_signals
@pytest.mark.parametrize("signum", system.STOPPING)
def test_a_signal_during_a_write_leaves_a_complete_file(
    tmp_path: Path, signum: signal.Signals
) -> None:
    with start_slowly(tmp_path) as process:
        process.send_signal(signum)
        output = process.communicate(timeout=30)
    assert output == ("", "")
    assert process.returncode == -signum
    # The signal came during the write, which was completed.
    assert os.listdir(tmp_path) == ["key"]
    assert TrustFrameworkKey.from_jwk((tmp_path / "key").read_text()).has_private


def ends_quietly(args: list[str], line: str, signum: signal.Signals, **options: Any) -> bool:
    """Send a signal to a Python that has just printed `line`; return whether it ends quietly."""
    with subprocess.Popen(
        [sys.executable, *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"{line}\n"
        process.send_signal(signum)
        output = process.communicate(timeout=30)
    return output == ("", "") and process.returncode == -signum


@pytest.mark.deep
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_the_write_leaves_no_file(tmp_path: Path, signum: signal.Signals) -> None:
    program = textwrap.dedent("""
        import sys, time
        from trustkeys.cli.main import run
        from trustkeys.core import engine

        def generate(request):
            print("making", flush=True)
            for _ in range(600):  # CPython misses a signal just before one sleep
                time.sleep(0.1)

        engine.generate = generate
        sys.exit(run(sys.argv[1:]))
    """)
    args = ["-c", program, *GENERATE, "-o", "key"]
    assert ends_quietly(args, "making", signum, cwd=tmp_path)
    assert os.listdir(tmp_path) == []


@pytest.mark.deep
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_a_hostile_file_that_would_take_an_hour(
    tmp_path: Path, signum: signal.Signals
) -> None:
    program = textwrap.dedent("""
        import sys
        from trustkeys.cli.main import run
        from trustkeys.formats import decryption, protection

        decrypt = decryption.EncryptedKey.decrypt

        def announce(key, password):
            print("decrypting", flush=True)
            return decrypt(key, password)

        # Without the limit it would take an hour.
        protection.MAX_ROUNDS = 2**31
        decryption.EncryptedKey.decrypt = announce
        sys.exit(run(sys.argv[1:]))
    """)
    (tmp_path / "password").write_text("any")
    (tmp_path / "hostile").write_bytes(support.encrypted_pkcs8("pbkdf2", bytes(16), 2**31 - 1))
    for args in (("inspect", "hostile"), ("import", "hostile", "-o", "key")):
        command = ["-c", program, *args, "--password-file", "password"]
        assert ends_quietly(command, "decrypting", signum, cwd=tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["hostile", "password"]


READERS: dict[str, tuple[str, ...]] = {
    "audit": ("audit", "jwks"),
    "check": ("keyset", "check", "jwks"),
    "calendar": ("keyset", "calendar", "jwks"),
    "compare": ("compare", "jwks", "jwks"),
    "import": ("import", "jwks", "-o", "set", "--plain"),
    "inspect": ("inspect", "jwks"),
    "provision": ("provision", "jwks", "--to", "out"),
    "show": ("keyset", "show", "jwks"),
}


@pytest.mark.deep
@pytest.mark.parametrize("reader", READERS)
def test_a_signal_stops_a_call_that_python_cannot_interrupt(tmp_path: Path, reader: str) -> None:
    """Each command that reads keys gives signals their default effect meanwhile."""
    program = textwrap.dedent("""
        import hashlib, signal, sys
        from trustkeys.cli.main import run
        from trustkeys.core import rsa

        def check(self, members):
            # Before the call, Python would handle it in another way.
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
            print("reading", flush=True)
            hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)

        rsa.RSAStrategy.check = check
        sys.exit(run(sys.argv[1:]))
    """)
    key = testing.rsa_key(0).to_jwk()
    (tmp_path / "jwks").write_text(json.dumps({"id": "B2C_1A_set", "keys": [key]}))
    (tmp_path / "jwks").chmod(0o600)
    command = ["-c", program, *READERS[reader]]
    assert ends_quietly(command, "reading", signal.SIGTERM, cwd=tmp_path)
    assert os.listdir(tmp_path) == ["jwks"]


def test_a_signal_cleans_up_before_it_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    # In this process, to see the calls; the other tests send signals to a process.
    steps: list[object] = []

    def work(*_: object, **__: object) -> None:
        try:
            signal.raise_signal(STOPPING[-1])
        finally:
            steps.append("cleaned up")

    monkeypatch.setattr(system, "end_with_reader", lambda: None)
    monkeypatch.setattr(system, "end_by", steps.append)
    monkeypatch.setattr(main.group, "main", work)
    assert main.run([]) == 128 + STOPPING[-1]
    assert steps == ["cleaned up", STOPPING[-1]]


@pytest.mark.deep
def test_an_ignored_interrupt_stays_ignored(tmp_path: Path) -> None:
    program = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); "
        "import trustkeys.__main__, atexit; "
        "atexit.register(lambda: print(signal.getsignal(signal.SIGINT).name)); "
        "sys.argv[1:] = ['--version']; trustkeys.__main__.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.endswith("SIG_IGN\n")


@pytest.mark.deep
def test_a_signal_that_nohup_ignores_stays_ignored(tmp_path: Path) -> None:
    prelude = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    with start_slowly(tmp_path, prelude) as process:
        process.send_signal(signal.SIGHUP)
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert parse(output)["kty"] == "oct"


@pytest.mark.deep
def test_ctrl_c_during_start_up_is_quiet(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("import time; print('loading', flush=True); time.sleep(60)")
    environment = support.environment(PYTHONPATH=str(tmp_path))
    args = ["-m", "trustkeys", "--version"]
    assert ends_quietly(args, "loading", signal.SIGINT, env=environment)


def test_after_the_work_a_signal_has_its_former_effect(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    before = {signum: signal.getsignal(signum) for signum in STOPPING}
    monkeypatch.setattr(system, "end_with_reader", lambda: None)
    assert main.run([*GENERATE, "-o", str(tmp_path / "key")]) == 0
    assert parse(capsys.readouterr().out)["kty"] == "oct"
    assert {signum: signal.getsignal(signum) for signum in STOPPING} == before
