"""The command as a whole: exit codes, errors, help and installation."""

from __future__ import annotations

import gc
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

from tests import support
from tests.support import command, failed, in_words_of_posix, parse
from trustkeys import __main__ as entry
from trustkeys import system
from trustkeys.cli import main

GENERATE = ("generate", "--use", "sig", "--kty", "oct")


def test_an_unknown_command_and_none_at_all_are_errors() -> None:
    assert "No such command 'make'" in failed(command("make"), 2)
    nothing = command()
    assert nothing.returncode == 2
    assert "\n    trustkeys generate --use sig --kty RSA -o signing.jwk\n" in nothing.stderr
    assert "\\b" not in nothing.stderr


def test_json_applies_to_errors_about_files(tmp_path: Path) -> None:
    done = command(*GENERATE, "--json", "-o", "none/key", cwd=tmp_path)
    assert done.returncode == 1
    assert parse(in_words_of_posix(done.stderr))["error"] == {
        "code": "ENOENT",
        "message": "none/key: No such file or directory",
        "target": "none/key",
        "innerError": {},
    }


@pytest.mark.deep
@pytest.mark.skipif(sys.platform != "linux", reason="Linux has a device that is full")
def test_the_exit_code_is_right_even_if_the_error_cannot_be_printed(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = command(
            *("generate", "--use", "bad", "-o", "key"),
            cwd=tmp_path,
            capture_output=False,
            stdout=subprocess.PIPE,
            stderr=full,
            # With a buffer, as a user has it, the interpreter writes once more when it exits.
            env=support.environment(PYTHONUNBUFFERED=""),
        )
    assert (done.returncode, done.stdout) == (2, "")


def test_the_exit_code_is_right_without_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(sys, "stderr", None)
    assert main.run(["--version"]) == 0


def test_a_closed_standard_output_stays_closed_after_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(sys, "stdout", None)
    assert main.run([*GENERATE, "-o", "-"]) == 1
    assert "standard output" in capsys.readouterr().err


def test_version_help_and_completion() -> None:
    assert re.fullmatch(r"trustkeys \d+\.\d+\.\d+\n", command("--version").stdout)
    text = command("generate", "--help").stdout
    assert command("generate", "-h").stdout == text
    for example in ("-o signing.jwk", "+90d", "--discard", "Exit status"):
        assert example in text
    for words, index, expected in [
        ("trustkeys generate --k", 2, "--kty"),
        ("trustkeys generate --use ", 3, "enc"),
        ("trustkeys generate --kty ", 3, "oct"),
    ]:
        completed = command(
            env=support.environment(
                _TRUSTKEYS_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(index)
            )
        )
        assert f"plain,{expected}" in completed.stdout.splitlines()


def test_a_long_run_collects_its_garbage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the start does without: later, the memory would fill."""
    monkeypatch.setattr(signal, "getsignal", lambda _: signal.SIG_DFL)
    monkeypatch.setattr(main, "run", lambda _: 7 if gc.isenabled() else 1)
    with pytest.raises(SystemExit) as caught:
        entry.main()
    gc.unfreeze()
    assert caught.value.code == 7


@pytest.mark.parametrize("before", [signal.default_int_handler, signal.SIG_IGN])
def test_ctrl_c_during_the_start_prints_no_traceback(
    monkeypatch: pytest.MonkeyPatch, before: object
) -> None:
    """A program that was started with SIGINT ignored goes on ignoring it."""
    changes: list[object] = []
    monkeypatch.setattr(signal, "getsignal", lambda _: before)
    monkeypatch.setattr(signal, "signal", lambda *change: changes.append(change))
    monkeypatch.setattr(main, "run", lambda _: 0)
    with pytest.raises(SystemExit):
        entry.main()
    gc.unfreeze()
    is_python = before is signal.default_int_handler
    assert changes == ([(signal.SIGINT, signal.SIG_DFL)] if is_python else [])


@pytest.mark.deep
def test_without_click_the_error_says_how_to_install_it(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise ModuleNotFoundError('no', name='click')")
    done = command("--version", env=support.environment(PYTHONPATH=str(tmp_path)))
    assert done.returncode == 1
    assert done.stderr == (
        'trustkeys: the command line needs click: pip install "trustkeys[cli]"\n'
    )


@pytest.mark.deep
def test_a_module_that_cannot_be_read_is_one_error(tmp_path: Path) -> None:
    """As without a free descriptor, for example."""
    (tmp_path / "click.py").write_text("raise OSError(24, 'Too many open files', __file__)")
    done = command("--version", env=support.environment(PYTHONPATH=str(tmp_path)))
    assert failed(done, 1) == f"{tmp_path / 'click.py'}: Too many open files"


@pytest.mark.deep
def test_another_missing_module_is_not_reported_as_click(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("import not_there")
    done = command("--version", env=support.environment(PYTHONPATH=str(tmp_path)))
    assert "No module named 'not_there'" in done.stderr


@pytest.mark.deep
def test_the_installed_command_is_the_same(tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("trustkeys")
    done = subprocess.run(
        [script, *GENERATE, "-o", "-"], capture_output=True, text=True, timeout=60, check=True
    )
    assert parse(done.stdout)["kty"] == "oct"


@pytest.mark.skipif(sys.platform != "linux", reason="Linux has processes like these")
def test_any_user_can_write_files_in_a_process_that_cannot_be_dumped(tmp_path: Path) -> None:
    """The kernel gives /proc/PID of such a process to root."""
    for module in ("ctypes", "resource"):  # which the other user may be unable to read
        pytest.importorskip(module)
    os.chown(tmp_path, *(65534, 65534) if os.geteuid() == 0 else (-1, -1))
    child = os.fork()
    if child == 0:
        try:
            os.chdir(tmp_path)
            if os.geteuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            system.protect_memory()
            with mock.patch("tempfile.mkstemp", None):  # so that the file has no name at first
                os._exit(main._run([*GENERATE, "-o", "key"]))
        finally:
            os._exit(99)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert os.listdir(tmp_path) == ["key"]
