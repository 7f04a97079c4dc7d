"""Signals, kills and full disks: every key that was reported is on disk."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from tests.cli.batch.runs import (
    GOOD,
    OCT,
    REQUESTS,
    RSA,
    SEALED,
    UNMEASURED,
    done,
    drive,
    ended,
    keys_of,
    put_requests,
    records,
    wait_for_keys,
)
from tests.cli.in_process import outcome
from tests.support import command, failed, limited_to, needs_signals, parse
from trustkeys import TrustFrameworkKey, system
from trustkeys.cli import main, signals
from trustkeys.cli.batch import many
from trustkeys.cli.batch.journal import Journal
from trustkeys.wording import counted

CONTINUE = "repeat the command with --resume to continue"


@pytest.mark.deep
@needs_signals
@pytest.mark.parametrize("signum", system.STOPPING)
@pytest.mark.parametrize(
    "args",
    [(*OCT, "--jsonl", "out"), (*RSA, *SEALED, "--jsonl", "out"), (*OCT, "--dir", "out")],
    ids=["plain", "sealed", "dir"],
)
def test_a_signal_prints_how_many_keys_were_written(
    folder: Path, recipient: dict[str, Any], args: tuple[str, ...], signum: signal.Signals
) -> None:
    with drive(*args, "--count", "1000000", cwd=folder) as process:
        wait_for_keys(process)
        process.send_signal(signum)
        stdout, said = ended(process)
    assert (process.returncode, stdout) == (-signum, "")
    assert "keys/s" in said[-2]
    if "--dir" in args:
        there = os.listdir(folder / "out")
        assert said[-1] == f"trustkeys: stopped: out has {counted(len(there), 'new key')}"
        for name in there:
            key = TrustFrameworkKey.from_jwk((folder / "out" / name).read_text())
            assert name == f"{key.kid}.jwk"
        return
    keys = keys_of(folder / "out", recipient if SEALED[0] in args else None)
    assert keys
    assert said[-1] == f"trustkeys: stopped: out has {counted(len(keys))}; {CONTINUE}"
    assert said[-2].startswith(f"trustkeys: {len(keys)} of 1000000 keys, ")
    done(*args, "--count", f"{len(keys) + 1}", "--resume")
    again = keys_of(folder / "out", recipient if SEALED[0] in args else None)
    assert again[:-1] == keys


@pytest.mark.deep
def test_a_second_signal_does_not_wait_for_the_next_key(folder: Path) -> None:
    stuck = """
        def stuck(requests, **_):
            yield from generate_keys([next(requests) for _ in range(3)])
            print("stuck", flush=True)
            for _ in range(600):  # CPython misses a signal just before one sleep
                time.sleep(0.1)

        generate_keys, many.generate_keys = many.generate_keys, stuck
    """
    with drive(*OCT, "--count", "9", "--jsonl", "keys", cwd=folder, extra=stuck) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "stuck\n"
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        stdout, _ = ended(process)
    assert (process.returncode, stdout) == (-signal.SIGTERM, "")
    assert len(keys_of(folder / "keys")) == 3
    done(*OCT, "--count", "9", "--jsonl", "keys", "--resume")
    assert len(keys_of(folder / "keys")) == 9


@pytest.mark.parametrize("signums", [[signal.SIGTERM], [signal.SIGINT, signal.SIGTERM]])
def test_a_signal_stops_after_the_current_key_and_the_handlers_are_restored(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    signums: list[signal.Signals],
) -> None:
    # In this process, to see its handlers; the tests above send signals to a process.
    monkeypatch.setattr(many, "SYNC_KEYS", 5)
    monkeypatch.setattr(many, "SYNC_SECONDS", 60)
    handlers = {signum: signal.getsignal(signum) for signum in system.STOPPING}
    waiting = list(signums)

    def update(*_: Any) -> None:
        while waiting:
            signal.raise_signal(waiting.pop(0))

    monkeypatch.setattr(many, "progress", lambda *_: nullcontext(update))
    with pytest.raises(signals.Stopped) as caught:
        main._run([*OCT, "--count", "50", "--jsonl", "keys"])
    assert caught.value.signum == signums[-1]
    assert len(keys_of(folder / "keys")) == 5
    assert f"stopped: keys has 5 keys; {CONTINUE}" in capsys.readouterr().err
    assert {signum: signal.getsignal(signum) for signum in handlers} == handlers


@pytest.mark.deep
def test_a_signal_that_nohup_ignores_stays_ignored(folder: Path) -> None:
    ignore = "signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    args = (*OCT, "--count", "1000", "--jsonl", "keys")
    with drive(*args, cwd=folder, extra=ignore) as process:
        wait_for_keys(process)
        process.send_signal(signal.SIGHUP)
        stdout, _ = ended(process)
    assert (process.returncode, stdout) == (0, "keys: 1000 keys\n")


@pytest.mark.deep
def test_two_runs_cannot_write_to_one_file(folder: Path) -> None:
    args = (*OCT, "--jsonl", "keys", "--count", "1000000")
    with drive(*args, cwd=folder) as process:
        wait_for_keys(process)
        other = command(*args, "--resume", cwd=folder)
        assert failed(other, 1) == "keys: another process is changing it: try again later"
        process.send_signal(signal.SIGINT)
        ended(process)
    keys_of(folder / "keys")


ZYGOTE = """
    write = os.write

    def write_slowly(descriptor, data):
        time.sleep(0.0005)
        return write(descriptor, data[:100])

    os.write = write_slowly  # so that kills come in the middle of lines, too
    for line in sys.stdin:
        arguments, seconds = json.loads(line)
        child = os.fork()
        if child == 0:
            sys.argv[1:] = arguments
            main()
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    sys.exit()
"""


class Killed:
    """Runs of the command that are killed, forked from a process that has imported it."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self.log = log
        self.read = 0

    def run(self, args: Iterable[str], seconds: float) -> tuple[int, int]:
        """Return the exit code, and the last number of keys that was reported."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([[*args], seconds]) + "\n")
        self.process.stdin.flush()
        while not re.fullmatch(r"-?\d+\n", line := self.process.stdout.readline()):
            assert re.fullmatch(r"\w+: \d+ keys\n", line)
        said = self.log.read_text()[self.read :]
        self.read += len(said)
        reports = re.findall(r"^trustkeys: (\d+) of \d+ keys, .* s left$", said, re.MULTILINE)
        return int(line), max(map(int, reports), default=0)


@pytest.mark.deep
@pytest.mark.parametrize(
    ("is_sealed", "is_listed"), [(False, False), (True, False), (False, True), (True, True)]
)
def test_a_kill_at_any_moment_loses_no_key_that_was_reported(
    folder: Path, recipient: dict[str, Any], is_sealed: bool, is_listed: bool
) -> None:
    draw = random.Random(2 * is_sealed + is_listed)
    put_requests(
        folder,
        *({**GOOD, "id": n, "kty": "RSA" if n % 100 == 7 else "oct"} for n in range(1000)),
    )
    asked = REQUESTS if is_listed else OCT
    args = [*asked, "--jsonl", "keys", *(SEALED if is_sealed else ())]
    kills, halves, said_most, longest = 0, 0, 0, 0.1
    before = b""
    log = folder.parent / "log"
    options: dict[str, Any] = {"stdin": subprocess.PIPE, "stderr": log.open("w")}
    with (
        options["stderr"],
        drive(cwd=folder, extra=ZYGOTE, env=UNMEASURED, **options) as process,
    ):
        killed = Killed(process, log)
        for round_ in range(200):
            if round_ >= 25 and halves and said_most:
                break
            more = [*(["--resume"] if round_ else []), *([] if is_listed else ["--count", "9999"])]
            code, reported = killed.run([*args, *more], draw.uniform(0, longest))
            kills += code == -signal.SIGKILL
            # On any machine some kills come before the first key, and some after it.
            longest *= 0.9 if reported else 1.2
            path = folder / "keys"
            if not path.exists():  # killed before it was created
                path.touch(0o600)
            now = path.read_bytes()
            assert now.startswith(before)
            before = now[: now.rfind(b"\n") + 1]
            assert before.count(b"\n") >= reported
            halves += before != now
            said_most = max(said_most, reported)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == 0
    assert kills > 10
    assert halves > 0
    assert said_most > 0
    total = 1000 if is_listed else before.count(b"\n") + 5
    more = [] if is_listed else ["--count", f"{total}"]
    assert done(*args, *more, "--resume") == f"keys: {total} keys\n"
    assert (folder / "keys").read_bytes().startswith(before)
    keys = keys_of(folder / "keys", recipient if is_sealed else None)
    assert len(keys) == total
    if is_listed:
        assert [record["id"] for record in records(folder / "keys")] == list(range(1000))
        assert [key.kty == "RSA" for key in keys] == [n % 100 == 7 for n in range(1000)]


@pytest.mark.deep
def test_a_full_disk_keeps_the_reported_keys_and_the_run_can_continue(folder: Path) -> None:
    args = (*OCT, "--count", "1000", "--jsonl", "keys")
    with drive(*args, cwd=folder, preexec_fn=limited_to(5000), env=UNMEASURED) as process:
        stdout, said = ended(process)
    assert (process.returncode, stdout) == (1, "")
    keys = keys_of(folder / "keys")
    assert len(keys) > 20
    assert said[-2:] == [
        f"trustkeys: stopped: keys has {len(keys)} keys; {CONTINUE}",
        "trustkeys: keys: File too large",
    ]
    reported = [int(line.split()[1]) for line in said[:-2]]
    assert max(reported) == len(keys)
    done(*args, "--resume")
    assert keys_of(folder / "keys")[: len(keys)] == keys
    assert len(keys_of(folder / "keys")) == 1000


@pytest.mark.deep
def test_a_full_disk_leaves_no_incomplete_file_in_a_directory(folder: Path) -> None:
    (folder / "dir").mkdir()
    args = (*OCT, "--count", "9", "--dir", "dir", "--json")
    failure = command(*args, cwd=folder, preexec_fn=limited_to(100), env=UNMEASURED)
    assert failure.returncode == 1
    stopped, error = failure.stderr.splitlines()
    note = {"message": "stopped: dir has 0 new keys", "output": "dir", "count": 0}
    assert parse(stopped) == {"note": note}
    assert parse(error)["error"]["code"] == "EFBIG"
    assert parse(error)["error"]["message"].endswith(".jwk: File too large")
    assert os.listdir(folder / "dir") == []


def test_keys_that_could_not_be_written_are_tried_again_once_before_the_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A full disk can have room a moment later."""
    monkeypatch.setattr(many, "SYNC_KEYS", 5)
    monkeypatch.setattr(many, "SYNC_SECONDS", 60)
    sync = Journal.sync
    calls: list[int] = []

    def sync_later(lines: Journal) -> None:
        calls.append(1)
        if len(calls) == 2:
            write = os.write
            with monkeypatch.context() as patch:
                patch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:9]))
                patch.setattr(os, "fsync", no_flush)
                sync(lines)
        sync(lines)

    def no_flush(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Journal, "sync", sync_later)
    process = outcome(*OCT, "--count", "50", "--jsonl", "keys")
    assert process.returncode == 1
    assert len(keys_of(folder / "keys")) == 10
    assert process.stderr.splitlines() == [
        f"trustkeys: stopped: keys has 10 keys; {CONTINUE}",
        "trustkeys: keys: Input/output error",
    ]


@pytest.mark.deep
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_closed_pipe_does_not_lose_the_keys(folder: Path, stream: str) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    options: dict[str, Any] = {stream: write_end}
    with drive(*OCT, "--count", "500", "--jsonl", "keys", cwd=folder, **options) as process:
        os.close(write_end)
        process.communicate(timeout=60)
    # Standard output comes last. A reader that has gone away wants no error there.
    is_told = stream == "stdout" and sys.platform != "win32"
    assert process.returncode == (-signal.SIGPIPE if is_told else 0)
    assert len(keys_of(folder / "keys")) == 500
