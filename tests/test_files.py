"""A key that was reported as made is on disk, and what was there before is untouched."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.store_files import failing
from trustkeys import files, system
from trustkeys.cli.batch.journal import journal

WINDOWS = sys.platform == "win32"


def test_the_file_is_whole_and_alone(tmp_path: Path) -> None:
    files.write_new(tmp_path / "key", b"content\n")
    assert (tmp_path / "key").read_bytes() == b"content\n"
    assert os.listdir(tmp_path) == ["key"]


def test_a_name_without_a_directory_is_in_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files.write_new("key", b"content")
    assert Path("key").read_bytes() == b"content"


def test_a_name_as_long_as_names_can_be(tmp_path: Path) -> None:
    files.write_new(tmp_path / ("k" * 255), b"content")
    assert os.listdir(tmp_path) == ["k" * 255]


def make_file(path: Path) -> None:
    path.write_bytes(b"old")


def make_directory(path: Path) -> None:
    path.mkdir()


def make_link(path: Path) -> None:
    path.symlink_to(path.parent / "victim")


OTHERS = [make_file, make_directory]
if not WINDOWS:  # links need a privilege there
    OTHERS.append(make_link)


@pytest.mark.parametrize("make", OTHERS)
@pytest.mark.parametrize("links", [True, False])
def test_nothing_that_is_there_is_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None], links: bool
) -> None:
    path = tmp_path / "key"
    make(path)
    before = path.lstat()
    if not links:
        monkeypatch.setattr(os, "link", failing(errno.EPERM))
    with pytest.raises(FileExistsError) as caught:
        files.write_new(path, b"new")
    assert (caught.value.filename, caught.value.filename2) == (str(path), None)
    assert path.lstat() == before
    assert os.listdir(tmp_path) == ["key"]


@pytest.mark.parametrize("call", ["fsync", "rename" if WINDOWS else "link"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_failure_leaves_nothing_and_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    monkeypatch.setattr(os, call, failing(code))
    with pytest.raises(OSError, match=os.strerror(code)) as caught:
        files.write_new(tmp_path / "key", b"content")
    assert (caught.value.errno, caught.value.filename) == (code, str(tmp_path / "key"))
    assert os.listdir(tmp_path) == []


def start_journal(path: Path, data: bytes) -> None:
    with journal(path.with_name("new"), is_new=True) as lines:
        lines.add(data)
        lines.sync()


@pytest.mark.parametrize("call", ["fsync", "link", "open", "rename", "replace"])
@pytest.mark.parametrize("code", [errno.EACCES, errno.EEXIST, errno.EIO, errno.ENOENT])
@pytest.mark.parametrize("write", [files.write_new, files.replace, start_journal])
def test_an_error_names_one_file_and_no_other(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    code: int,
    write: Callable[[Path, bytes], None],
) -> None:
    """A second name, of a temporary file, says nothing to anybody. Nor does `-> None`."""
    path = tmp_path / "key"
    if write is files.replace:
        path.write_bytes(b"old")
    monkeypatch.setattr(os, call, failing(code))
    try:
        write(path, b"content")
    except OSError as error:
        name = "new" if write is start_journal else "key"
        assert (error.errno, error.filename) == (code, str(tmp_path / name))
        assert type(error) is type(OSError(code, ""))
        assert os.strerror(code) in str(error)
        assert str(error).endswith(f": {str(tmp_path / name)!r}")


def test_no_directory_is_named_as_what_it_is(tmp_path: Path) -> None:
    make_file(tmp_path / "file")
    paths: list[tuple[str | Path, type[OSError]]] = [
        (tmp_path / "none" / "key", FileNotFoundError),
        (tmp_path / "file" / "key", FileNotFoundError if WINDOWS else NotADirectoryError),
        ("", FileNotFoundError),
    ]
    for path, error in paths:
        with pytest.raises(error) as caught:
            files.write_new(path, b"content")
        assert caught.value.filename == str(path)


@pytest.mark.deep
def test_a_kill_at_any_moment_leaves_whole_files_and_at_most_one_other(tmp_path: Path) -> None:
    program = (
        "import itertools, sys\n"
        "from trustkeys import files\n"
        "for number in itertools.count():\n"
        "    files.write_new(f'{sys.argv[1]}/key{number}', b'x' * 5000)\n"
        "    print(number, flush=True)\n"
    )
    for round_number in range(5):
        directory = tmp_path / str(round_number)
        directory.mkdir()
        with subprocess.Popen(
            [sys.executable, "-c", program, str(directory)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            for _ in range(3 + round_number):
                process.stdout.readline()
            process.kill()
            reported = process.stdout.read().split()
        names = os.listdir(directory)
        keys = [name for name in names if name.startswith("key")]
        assert all((directory / name).read_bytes() == b"x" * 5000 for name in keys)
        assert {f"key{number}" for number in reported} <= set(keys)
        assert len(keys) >= 3
        assert len(names) - len(keys) <= 1


def test_a_failed_replacement_leaves_the_old_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_bytes(b"old")
    monkeypatch.setattr(os, "replace", failing(errno.EIO))
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        files.replace(tmp_path / "key", b"content")
    assert (tmp_path / "key").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["key"]


def test_a_missing_directory_is_told_by_the_name_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        files.check_directory_of(str(tmp_path / "missing" / "key"))
    assert caught.value.filename == str(tmp_path / "missing" / "key")


@pytest.mark.parametrize("path", ["new", "new/", "folder/new", "folder/new//"])
def test_a_new_file_or_directory_is_in_the_one_that_its_name_says(path: str) -> None:
    assert files.parent(path) == ("folder" if path.startswith("folder") else ".")
    if WINDOWS:
        assert files.parent(path.replace("/", "\\")) == files.parent(path)


def test_a_private_directory_is_made_and_ours(tmp_path: Path) -> None:
    system.make_directory(str(tmp_path / "new"))
    for ending in ("", "/", "/."):
        files.check_own_directory(f"{tmp_path / 'new'}{ending}")
    make_file(tmp_path / "file")
    with pytest.raises(NotADirectoryError):
        files.check_own_directory(str(tmp_path / "file"))
    with pytest.raises(FileExistsError):
        system.make_directory(str(tmp_path / "new"))
