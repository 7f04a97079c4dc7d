"""A forked child of the fork server behaves as a new process does.

All other tests of the command rely on it.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import forkserver, support

pytestmark = [
    pytest.mark.deep,
    support.needs_fork,
]

NEW = ("generate", "--use", "sig", "--kty", "oct")


def new_process(args: list[str], **options: Any) -> subprocess.Popen[Any]:
    return subprocess.Popen([*support.COMMAND, *args], **options)


@pytest.fixture(params=[forkserver.Process, new_process], ids=["forked", "real"])
def start(request: pytest.FixtureRequest) -> Callable[..., subprocess.Popen[Any]]:
    """Start the command, in a forked child or in a new process."""
    process: Callable[..., subprocess.Popen[Any]] = request.param
    return process


def both(*args: str, **options: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return exit code, standard output and standard error, of a forked child and a process."""
    options = {"capture_output": True, "text": True, "timeout": 60, **options}
    forked = forkserver.run(args, **options)
    real = subprocess.run([*support.COMMAND, *args], **options)
    return (
        (forked.returncode, forked.stdout, forked.stderr),
        (real.returncode, real.stdout, real.stderr),
    )


@pytest.mark.parametrize(
    "args",
    [
        ["--version"],
        [],
        ["generate", "--help"],
        ["make"],
        [*NEW, "-o", "none/key"],
        [*NEW, "-o", "\udcff\u20ac/key"],
        ["generate", "--request", "/dev/fd/63", "--discard"],
        ["keyset", "check", "-"],
    ],
)
def test_exit_code_and_output_are_the_same(tmp_path: Path, args: list[str]) -> None:
    forked, real = both(*args, cwd=tmp_path, input="")
    assert forked == real


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize("args", [["--version"], ["make"], [*NEW, "--discard"]])
def test_a_full_device_has_the_same_effect(tmp_path: Path, stream: str, args: list[str]) -> None:
    options: dict[str, Any] = dict.fromkeys(("stdout", "stderr"), subprocess.DEVNULL)
    with open("/dev/full", "w") as full:
        options |= {stream: full, "capture_output": False}
        forked, real = both(*args, cwd=tmp_path, **options)
    assert forked == real


def test_a_closed_pipe_ends_it_by_the_same_signal(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    options: dict[str, Any] = {"stdout": write_end, "stderr": subprocess.PIPE}
    forked, real = both(*NEW, "--discard", cwd=tmp_path, capture_output=False, **options)
    os.close(write_end)
    assert forked == real == (-signal.SIGPIPE, None, "")


def test_a_passed_descriptor_keeps_its_number(start: Callable[..., subprocess.Popen[Any]]) -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, b'{"use": "sig", "kty": "oct"}')
    os.close(write_end)
    args = ["generate", "--request", f"/dev/fd/{read_end}", "--discard"]
    with start(args, pass_fds=[read_end], stdout=subprocess.PIPE) as process:
        os.close(read_end)
        output, _ = process.communicate(timeout=60)
    assert support.parse(output.decode())["use"] == "sig"


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"])
def test_a_signal_ends_it(
    start: Callable[..., subprocess.Popen[Any]], tmp_path: Path, name: str
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    options: dict[str, Any] = dict.fromkeys(("stdout", "stderr"), subprocess.PIPE)
    with (
        start(["generate", "--request", str(fifo), "--discard"], **options) as process,
        # Opens when the command has opened its end.
        open(fifo, "w"),
    ):
        assert process.poll() is None
        process.send_signal(signal.Signals[name])
        assert process.communicate(timeout=60) == (b"", b"")
    assert process.returncode == -signal.Signals[name]


def test_it_is_killed_when_its_time_is_up(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(subprocess.TimeoutExpired):
        forkserver.run(["generate", "--request", str(fifo), "--discard"], timeout=0.5)
    with pytest.raises(OSError, match="No such device"):
        os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)


def test_two_run_at_the_same_time(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    first = forkserver.Process(["generate", "--request", str(fifo), "--discard"])
    with first, open(fifo, "w"):
        assert support.command("--version").returncode == 0
        assert first.poll() is None
    assert first.returncode == 2


def test_a_new_interpreter_is_started_when_a_fork_could_not_obey() -> None:
    assert forkserver.can_run({}) == forkserver.AVAILABLE
    assert not forkserver.can_run({"env": support.environment(PYTHONUTF8="1")})
    assert not forkserver.can_run({"preexec_fn": os.getpid})
