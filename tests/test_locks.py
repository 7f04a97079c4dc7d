"""Locks: one program at a time changes a file."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

import pytest

from tests.store_files import add_a_key, key_set
from trustkeys import locks, store
from trustkeys.system import lock_files


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys"


def test_a_lock_is_free_again_after_the_block_even_if_that_fails(path: Path) -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), locks.locked(path, 0):
            raise ZeroDivisionError


@pytest.mark.parametrize("timeout", [0, 0.01])
def test_a_lock_that_is_held_is_an_error_in_time(path: Path, timeout: float) -> None:
    with (
        locks.locked(path, 0),
        pytest.raises(TimeoutError, match=r"another process is .*changing it") as caught,
        locks.locked(path, timeout),
    ):
        pass
    assert caught.value.filename == str(path)
    assert caught.value.args[1].endswith("try again later")


def test_a_thread_does_not_wait_for_itself(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_files, "QUIET", 0.01)
    with locks.locked(path, 0), pytest.raises(RuntimeError), locks.locked(path, -1):
        pass


def test_a_wait_ends_with_the_lock_and_is_logged(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lock_files, "QUIET", 0.01)
    caplog.set_level(logging.INFO, "trustkeys")
    got = threading.Event()

    def wait() -> None:
        with locks.locked(path, 60):
            got.set()

    waiting = threading.Thread(target=wait)
    with locks.locked(path, 0):
        waiting.start()
        for _ in range(2000):
            if caplog.messages:
                break
            waiting.join(0.005)
        assert not got.is_set()
    waiting.join()
    assert got.is_set()
    assert caplog.messages == [f"waiting for another program that changes {path}"]


@pytest.mark.parametrize("length", [250, 251, 255])
def test_a_set_with_the_longest_name_can_be_changed(tmp_path: Path, length: int) -> None:
    path = tmp_path / ("k" * length)
    other = tmp_path / ("j" * length)
    store.save(key_set(), path, plain=True)
    add_a_key(path)
    with (
        locks.locked(path, -1),
        locks.locked(other, -1),
        pytest.raises(TimeoutError),
        locks.locked(path, 0),
    ):
        pass
    assert {*os.listdir(tmp_path)} >= {path.name}


@pytest.mark.parametrize("length", [5, 255])
def test_a_file_has_one_lock_however_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    """Else two programs in different directories change it at the same time."""
    monkeypatch.chdir(tmp_path)
    name = "k" * length
    with locks.locked(tmp_path / name, 0), pytest.raises(TimeoutError), locks.locked(name, 0):
        pass


def test_a_lock_that_can_have_no_file_names_the_file_that_was_to_be_locked(path: Path) -> None:
    path.touch()
    inside = path / "keys"
    with pytest.raises(NotADirectoryError) as caught, locks.locked(inside, 0):
        pass
    assert caught.value.filename == str(inside)
