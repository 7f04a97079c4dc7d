"""The journal: every counted line is on disk after a crash, and no line is incomplete."""

from __future__ import annotations

import errno
import multiprocessing
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.batch.journals import LINES, WHOLE, continued, lines_of, no_check
from tests.store_files import as_nobody
from tests.support import mode_of, needs_links, needs_modes, needs_named_pipes, posix_only
from trustkeys import InvalidInputError
from trustkeys.cli.batch.journal import MAX_LINE, journal

# --- there and back


def test_lines_are_in_the_file_when_they_are_counted_and_not_before(path: Path) -> None:
    with journal(path, is_new=True) as lines:
        for number, line in enumerate(LINES):
            lines.add(line)
            assert lines.count == number
            lines.sync()
            assert lines.count == number + 1
            assert path.read_bytes().count(b"\n") == number + 1
        lines.sync()
    assert path.read_bytes() == WHOLE
    assert lines_of(path) == WHOLE.splitlines(keepends=True)
    assert continued(path, b"more") == 4
    assert path.read_bytes() == WHOLE + b"more\n"


def test_lines_are_counted_after_they_are_flushed_to_disk(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync = os.fsync
    events: list[tuple[str, int, int]] = []
    with journal(path, is_new=True) as lines:

        def watch(descriptor: int) -> None:
            events.append(("flushed", path.stat().st_size, lines.count))
            fsync(descriptor)

        monkeypatch.setattr(os, "fsync", watch)
        lines.add(b"12345")
        lines.sync()
        assert (events, lines.count) == ([("flushed", 6, 0)], 1)
        lines.sync()
        # Even with nothing to write: the lines can be those of a killed run.
        assert len(events) == 2


@posix_only("Windows cannot flush a directory")
def test_a_new_file_is_on_disk_in_its_directory(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync = os.fsync
    flushed: list[bool] = []

    def watch(descriptor: int) -> None:
        flushed.append(stat.S_ISDIR(os.fstat(descriptor).st_mode) and path.exists())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watch)
    with journal(path, is_new=True):
        assert flushed == [True]


@pytest.mark.parametrize("umask", [0, 0o22, 0o777])
def test_only_the_owner_can_read_a_new_file(path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with journal(path, is_new=True):
            pass
    finally:
        os.umask(before)
    assert mode_of(path) == 0o600
    assert continued(path, b"x") == 1


def test_a_name_without_a_directory_is_in_the_working_directory(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parent)
    with journal("lines", is_new=True):
        pass
    assert path.read_bytes() == b""


def test_adding_without_reading_first_loses_no_line(begun: Path) -> None:
    with journal(begun, is_new=False) as lines:
        lines.add(b"more")
        lines.sync()
    assert begun.read_bytes() == WHOLE + b"more\n"


# --- files that are refused


def make_file(path: Path) -> None:
    path.write_bytes(b"precious")


def make_directory(path: Path) -> None:
    path.mkdir()


def make_link(path: Path) -> None:
    path.with_name("real").write_bytes(b"")
    path.with_name("real").chmod(0o600)
    path.symlink_to("real")


def make_dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


def make_pipe(path: Path) -> None:
    os.mkfifo(path, 0o600)


LINK, DANGLING_LINK = (
    pytest.param(make, marks=needs_links) for make in (make_link, make_dangling_link)
)
PIPE = pytest.param(make_pipe, marks=needs_named_pipes)


@pytest.mark.parametrize("make", [make_file, make_directory, LINK, DANGLING_LINK, PIPE])
def test_an_existing_name_is_never_a_new_file(path: Path, make: Callable[[Path], None]) -> None:
    make(path)
    before = path.lstat()
    with pytest.raises(FileExistsError) as caught, journal(path, is_new=True):
        pass
    assert caught.value.filename == str(path)
    assert path.lstat() == before
    assert not path.with_name("nowhere").exists()


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (make_directory, errno.EISDIR),
        pytest.param(make_link, errno.ELOOP, marks=needs_links),
        pytest.param(make_dangling_link, errno.ELOOP, marks=needs_links),
        pytest.param(make_pipe, errno.EINVAL, marks=needs_named_pipes),
        (lambda _: None, errno.ENOENT),
    ],
)
def test_only_regular_files_are_continued(
    path: Path, make: Callable[[Path], None], code: int
) -> None:
    make(path)
    before = sorted(os.listdir(path.parent))
    with pytest.raises(OSError, match=r".") as caught, journal(path, is_new=False):
        pass
    assert (caught.value.errno, caught.value.filename) == (code, str(path))
    assert sorted(os.listdir(path.parent)) == before


@needs_modes
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o601, 0o666])
def test_a_file_that_other_users_can_read_or_change_is_not_continued(
    begun: Path, mode: int
) -> None:
    begun.chmod(mode)
    with (
        pytest.raises(PermissionError, match="other users can read or change it") as caught,
        journal(begun, is_new=False),
    ):
        pass
    assert caught.value.filename == str(begun)
    assert (begun.read_bytes(), stat.S_IMODE(begun.stat().st_mode)) == (WHOLE, mode)


@needs_modes
def test_a_file_of_another_user_is_not_continued(
    begun: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: own + 1)
    with (
        pytest.raises(PermissionError, match="belongs to another user") as caught,
        journal(begun, is_new=False),
    ):
        pass
    assert caught.value.filename == str(begun)


def test_a_missing_directory_is_not_created(path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught, journal(path / "none" / "x", is_new=True):
        pass
    assert caught.value.filename == str(path / "none" / "x")
    assert os.listdir(path.parent) == []


@pytest.mark.deep
def test_without_permission_the_error_names_the_file(path: Path) -> None:
    def begin() -> None:
        try:
            with journal("/lines", is_new=True):
                pass
        except OSError as error:
            assert error.filename == "/lines"
            raise

    assert as_nobody(begin) == errno.EACCES


# --- other processes


def begin_too(path: Path) -> int:
    """Return the number of the error that another process gets."""
    try:
        with journal(path, is_new=False):
            return 0
    except TimeoutError as error:
        assert error.filename == str(path)
        return error.errno or -1


@pytest.mark.deep
def test_two_processes_cannot_write_at_the_same_time(begun: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as other:
        with journal(begun, is_new=False) as lines:
            assert other.apply(begin_too, (begun,)) == errno.ETIMEDOUT
            lines.read(no_check)
            lines.add(b"more")
            lines.sync()
        assert other.apply(begin_too, (begun,)) == 0
    assert begun.read_bytes() == WHOLE + b"more\n"


@needs_modes
@pytest.mark.parametrize("call", ["fsync", "chmod"])
def test_an_error_while_opening_releases_the_file_and_the_lock(
    path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    descriptors = os.listdir("/proc/self/fd")

    def fail(*_: Any) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(OSError, match="Input/output") as caught, journal(path, is_new=True):
            pass
    assert caught.value.filename == str(path)
    assert os.listdir("/proc/self/fd") == descriptors
    if call == "chmod":
        assert os.listdir(path.parent) == ["lines.lock"]
    else:
        assert continued(path, b"x") == 1


# --- reading


@pytest.mark.parametrize("rest", [b"{", b'{"whole": 1}', b"\0" * 5000, b"x" * (MAX_LINE - 1)])
def test_an_incomplete_last_line_is_removed_by_the_next_write(begun: Path, rest: bytes) -> None:
    with open(begun, "ab") as file:
        file.write(rest)
    # Reading alone changes nothing.
    assert lines_of(begun) == WHOLE.splitlines(keepends=True)
    assert begun.read_bytes() == WHOLE + rest
    assert continued(begun) == 3
    assert begun.read_bytes() == WHOLE
    with open(begun, "ab") as file:
        file.write(rest)
    assert continued(begun, b"y") == 4
    assert begun.read_bytes() == WHOLE + b"y\n"


@pytest.mark.parametrize("rest", [b"", b"\n", b"\nmore\n", b"more"])
def test_a_line_that_is_too_long_is_refused_and_stays(begun: Path, rest: bytes) -> None:
    with open(begun, "ab") as file:
        file.write(b"x" * MAX_LINE + rest)
    with pytest.raises(InvalidInputError, match="line 4 is longer than 1048576 bytes"):
        lines_of(begun)
    assert begun.read_bytes() == WHOLE + b"x" * MAX_LINE + rest


def test_the_longest_line_is_read(begun: Path) -> None:
    assert continued(begun, b"x" * (MAX_LINE - 1)) == 4
    assert continued(begun) == 4


def test_a_refused_line_leaves_the_file_unchanged(begun: Path) -> None:
    def check(line: bytes) -> None:
        if line == b"\n":
            raise ZeroDivisionError

    with open(begun, "ab") as file:
        file.write(b"half")
    with journal(begun, is_new=False) as lines:
        with pytest.raises(ZeroDivisionError):
            lines.read(check)
        assert lines.count == 1
    assert begun.read_bytes() == WHOLE + b"half"
