"""On a failing disk and after a crash, counted lines are in the journal and none is incomplete."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.batch.journals import LINES, WHOLE, continued, no_check
from trustkeys.cli.batch.journal import Journal, journal


class Crash(BaseException):
    """The process dies."""


def test_short_writes_are_continued(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:7]))
    with journal(path, is_new=True) as lines:
        for line in LINES:
            lines.add(line)
        lines.sync()
    assert path.read_bytes() == WHOLE


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("call", ["write", "fsync", "lseek"])
def test_a_failing_disk_keeps_the_lines_before_and_no_incomplete_line(
    begun: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    write = os.write

    def fail(descriptor: int, data: bytes = b"", *_: Any) -> int:
        if call == "write" and len(data) > 5:
            return write(descriptor, data[:5])
        raise OSError(code, os.strerror(code))

    with journal(begun, is_new=False) as lines:
        lines.read(no_check)
        lines.add(b"first of them")
        lines.add(b"second")
        with monkeypatch.context() as patch:
            patch.setattr(os, call, fail)
            with pytest.raises(OSError, match=os.strerror(code)) as caught:
                lines.sync()
        assert (caught.value.errno, caught.value.filename) == (code, str(begun))
        assert (begun.read_bytes(), lines.count) == (WHOLE, 3)
        # The lines still wait, and are written once when there is room again.
        lines.add(b"third")
        lines.sync()
        assert lines.count == 6
    assert begun.read_bytes() == WHOLE + b"first of them\nsecond\nthird\n"


def test_an_incomplete_line_that_cannot_be_removed_is_overwritten(
    begun: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write

    def fail(descriptor: int, data: bytes, *_: Any) -> int:
        if len(data) > 5:
            return write(descriptor, data[:5])
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with journal(begun, is_new=False) as lines:
        lines.read(no_check)
        lines.add(b"longer than five")
        calls: list[int] = []

        def truncate_once(*_: Any) -> None:
            calls.append(1)
            if len(calls) > 1:
                raise OSError(errno.EIO, os.strerror(errno.EIO))

        with monkeypatch.context() as patch:
            patch.setattr(os, "write", fail)
            patch.setattr(os, "ftruncate", truncate_once)
            with pytest.raises(OSError, match="Input/output"):
                lines.sync()
        assert begun.read_bytes() == WHOLE + b"longer than fiv"
        lines.sync()
    assert begun.read_bytes() == WHOLE + b"longer than five\n"


def in_a_small_room(work: Callable[[], object], room: int) -> int:
    """Run `work` in a process whose files have at most `room` bytes; return its exit code."""
    resource = pytest.importorskip("resource", reason="Windows has no limit on the size of a file")
    _, whole = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, whole))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        work()

    child = os.fork()
    if child == 0:
        code = 99
        try:
            limited()
            code = 0
        except OSError as error:
            code = error.errno or 98
        finally:
            # What coverage measured would be cut off too.
            resource.setrlimit(resource.RLIMIT_FSIZE, (whole, whole))
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.deep
@pytest.mark.parametrize("room", range(len(WHOLE), len(WHOLE) + 12))
def test_a_full_disk_leaves_complete_lines_and_the_file_can_be_continued(
    begun: Path, room: int
) -> None:
    def add() -> None:
        with journal(begun, is_new=False) as lines:
            lines.read(no_check)
            lines.add(b"12345")
            lines.sync()
            lines.add(b"67890")
            lines.sync()

    assert in_a_small_room(add, room) == errno.EFBIG
    whole = WHOLE + b"12345\n" * (room >= len(WHOLE) + 6)
    assert begun.read_bytes() == whole
    assert continued(begun, b"67890") == whole.count(b"\n") + 1
    assert begun.read_bytes() == whole + b"67890\n"


STEPS = st.one_of(
    st.tuples(st.just("add"), st.binary(max_size=20).map(lambda data: data.replace(b"\n", b""))),
    st.tuples(st.just("sync"), st.none()),
    # After a number of bytes: the disk is full, a signal stops the write, or the process dies.
    st.tuples(st.sampled_from(["fail", "stop", "crash"]), st.integers(0, 60)),
)


@given(st.lists(STEPS, max_size=20), st.integers(1, 9))
def test_whatever_happens_counted_lines_are_there_and_no_line_is_incomplete(
    path: Path, steps: list[tuple[str, Any]], at_once: int
) -> None:
    path.unlink(missing_ok=True)
    counted: list[bytes] = []
    waiting: list[bytes] = []
    with pytest.MonkeyPatch.context() as patch, ExitStack() as opened:
        # The steps simulate the disk; a real flush would be slow.
        patch.setattr(os, "fsync", no_check)
        lines = opened.enter_context(journal(path, is_new=True))
        for step, what in steps:
            if step == "add":
                lines.add(what)
                waiting.append(what)
            elif step == "sync":
                lines.sync()
                counted, waiting = counted + waiting, []
            else:
                problem = OSError(errno.ENOSPC, "full") if step == "fail" else Crash()
                interrupted(lines, problem, what, at_once)
            if step == "fail":
                assert path.read_bytes() == joined(counted)
            if step == "crash":
                opened.close()
                ended = path.read_bytes().count(b"\n")
                lines = opened.enter_context(journal(path, is_new=False))
                found: list[bytes] = []
                lines.read(found.append)
                # Complete lines that were being written can be there, and count from now on.
                assert b"".join(found) == joined((counted + waiting)[:ended])
                assert ended >= len(counted)
                counted, waiting = (counted + waiting)[:ended], []
            assert lines.count == len(counted)
        lines.sync()
    assert path.read_bytes() == joined(counted + waiting)


def joined(lines: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def interrupted(lines: Journal, problem: BaseException, room: int, at_once: int) -> None:
    """Write to a disk with `room` bytes, a few at a time, that fails with `problem`."""
    write = os.write
    left = [room]

    def write_some(descriptor: int, data: bytes) -> int:
        data = data[: min(at_once, left[0])]
        if not data:
            raise problem
        left[0] -= len(data)
        return write(descriptor, data)

    def flush(_descriptor: int) -> None:
        raise problem

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", write_some)
        patch.setattr(os, "fsync", flush)
        with pytest.raises(type(problem)):
            lines.sync()
