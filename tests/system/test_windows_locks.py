"""Locks of Windows, by filelock, which locks files on the other systems as well."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import filelock
import pytest

from tests.test_locks import (  # noqa: F401 - the same holds here
    test_a_lock_is_free_again_after_the_block_even_if_that_fails,
    test_a_lock_that_is_held_is_an_error_in_time,
    test_a_thread_does_not_wait_for_itself,
    test_a_wait_ends_with_the_lock_and_is_logged,
)
from trustkeys import locks, system
from trustkeys.system import windows_files


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture(autouse=True)
def by_filelock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "lock", windows_files.lock)


def test_a_missing_library_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "filelock", None)
    message = r'pip install "trustkeys\[store\]"'
    with pytest.raises(ModuleNotFoundError, match=message), locks.locked(path, 0):
        pass


def test_no_directory_is_made(path: Path) -> None:
    with pytest.raises(FileNotFoundError), locks.locked(path.parent / "none" / "keys", 0):
        pass
    assert os.listdir(path.parent) == []


def test_a_file_with_content_is_no_lock(path: Path) -> None:
    lock = Path(f"{path}.lock")
    lock.write_bytes(b"keys")
    with pytest.raises(FileExistsError, match="is not a lock file"), locks.locked(path, 0):
        pass
    assert lock.read_bytes() == b"keys"


def test_a_link_is_no_lock(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For Python, a link of WSL is an empty file."""
    for name in ("is_link", "is_of_another_user"):
        monkeypatch.setattr(system, name, getattr(windows_files, name))
    link: Any = SimpleNamespace(st_mode=stat.S_IFREG, st_size=0, st_reparse_tag=0xA000001D)
    monkeypatch.setattr(os, "lstat", lambda _: link)
    with pytest.raises(FileExistsError, match="is not a lock file"), locks.locked(path, 0):
        pass


@pytest.mark.parametrize(
    ("timeout", "waits"), [(0, [0]), (0.5, [0.5]), (1, [1]), (3, [1, 2]), (-1, [1, -1])]
)
def test_a_wait_takes_as_long_as_it_may(
    path: Path, monkeypatch: pytest.MonkeyPatch, timeout: float, waits: list[float]
) -> None:
    found: list[float] = []

    def wait(_self: Any, timeout: float) -> None:
        found.append(timeout)
        raise filelock.Timeout(str(path))

    monkeypatch.setattr(filelock.FileLock, "acquire", wait)
    with pytest.raises(TimeoutError), locks.locked(path, timeout):
        pass
    assert found == waits


def test_a_lock_without_permission_says_what_to_do(
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EACCES, "Access is denied")

    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
    for exists, advice in ((False, "make the directory writable"), (True, "icacls /reset")):
        if exists:
            Path(f"{path}.lock").touch()
        with pytest.raises(PermissionError, match=advice) as caught, locks.locked(path, 0):
            pass
        assert caught.value.filename == str(path)


def test_a_lock_is_private_from_the_start(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes: list[int] = []
    real = filelock.FileLock

    def note(name: str, mode: int) -> Any:
        modes.append(mode)
        return real(name, mode=mode)

    monkeypatch.setattr(filelock, "FileLock", note)
    with locks.locked(path, 0):
        pass
    assert modes == [0o600]
