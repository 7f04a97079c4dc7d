"""Several programs can edit a key set, and each can be killed: no key is lost."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import support
from tests.store_files import (
    PASSWORD,
    add_a_key,
    dangling_link,
    directory,
    key_set,
    pipe,
)
from trustkeys import (
    TrustFrameworkKeySet,
    store,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "set.keys"


def test_a_change_without_the_lock_is_not_overwritten(path: Path) -> None:
    store.save(key_set(), path, plain=True)
    other = key_set()

    def edit() -> None:
        with store.edit(path):
            path.unlink()
            store.save(other, path, plain=True)

    with pytest.raises(OSError, match="changed it without its lock") as caught:
        edit()
    assert caught.value.filename == str(path)
    assert store.load(path) == other


def lock_with_content(lock: Path) -> None:
    store.save(key_set(), lock, plain=True)


@pytest.mark.parametrize(
    "make",
    [
        lock_with_content,
        directory,
        pytest.param(pipe, marks=support.needs_named_pipes),
        pytest.param(dangling_link, marks=support.needs_links),
    ],
)
def test_a_lock_file_with_content_is_not_used_as_a_lock(
    path: Path, make: Callable[[Path], None]
) -> None:
    store.save(key_set(), path, plain=True)
    lock = path.with_name("set.keys.lock")
    make(lock)
    before = lock.read_bytes() if lock.is_file() else b""
    for call in (add_a_key, lambda path: store.save(key_set(), path, plain=True, overwrite=True)):
        with pytest.raises(OSError, match=r"set\.keys\.lock exists and is not a lock") as caught:
            call(path)
        assert caught.value.filename == str(path)
    assert (lock.read_bytes() if lock.is_file() else b"") == before


def test_an_edit_within_an_edit_does_not_wait_for_itself(path: Path) -> None:
    store.save(key_set(), path, plain=True)
    with store.edit(path), pytest.raises(RuntimeError):
        add_a_key(path)


def edit_soon(path: Path) -> None:
    with store.edit(path, timeout=0.1):
        pass


def overwrite_soon(path: Path) -> None:
    store.save(key_set(), path, plain=True, overwrite=True, timeout=0.1)


@pytest.mark.parametrize("change", [edit_soon, overwrite_soon])
def test_waiting_too_long_for_the_lock_is_an_error(
    path: Path, change: Callable[[Path], None]
) -> None:
    store.save(key_set(), path, plain=True)
    problems: list[OSError] = []

    def other() -> None:
        try:
            change(path)
        except TimeoutError as error:
            problems.append(error)

    with store.edit(path):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert problems[0].filename == str(path)
    assert "after 0.1 seconds" in str(problems[0])


def add_many(path: Path, count: int) -> None:
    for _ in range(count):
        add_a_key(path)


def read_until(path: Path, count: int) -> None:
    while len(store.load(path)) < count:
        pass


@pytest.mark.deep
def test_eight_writers_and_three_readers_lose_no_key_and_fail_never(path: Path) -> None:
    """On Windows, a file that another program has open cannot be replaced."""
    store.save(TrustFrameworkKeySet("crowd"), path, plain=True)
    context = multiprocessing.get_context("spawn")
    crowd = [context.Process(target=add_many, args=(path, 25)) for _ in range(8)]
    crowd += [context.Process(target=read_until, args=(path, 200)) for _ in range(3)]
    for process in crowd:
        process.start()
    for process in crowd[:8]:
        process.join()
    keys = {key.kid for key in store.load(path)}
    for process in crowd[8:]:
        process.kill() if len(keys) < 200 else process.join()
    assert [process.exitcode for process in crowd] == [0] * 11
    assert len(keys) == 200
    left = {*os.listdir(path.parent)} - {"set.keys.lock"}  # which Windows removes
    assert left == {"set.keys"}


def add_without_end(path: Path, password: str | None, report: int) -> None:
    while True:
        os.write(report, f"{add_a_key(path, password)}\n".encode())


@pytest.mark.deep
@support.needs_fork
@pytest.mark.parametrize(("password", "rounds"), [(None, 60), (PASSWORD, 20)])
def test_a_kill_at_any_moment_loses_no_key_that_was_reported(
    path: Path, password: str | None, rounds: int
) -> None:
    draw = random.Random(rounds)
    reported: set[str] = set()
    store.save(TrustFrameworkKeySet("crash"), path, password=password, plain=password is None)
    for _ in range(rounds):
        wanted = draw.randrange(3)
        read_end, write_end = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read_end)
            add_without_end(path, password, write_end)
        os.close(write_end)
        with open(read_end) as pipe_end:
            lines = [pipe_end.readline() for _ in range(wanted)]
            # At any moment: while it reads, while it writes, and in between.
            time.sleep(draw.uniform(0, 0.03 if password is None else 0.5))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            # The last line can be cut off: then the key was not reported.
            reported |= {line[:-1] for line in (*lines, *pipe_end) if line.endswith("\n")}
        there = {key.kid for key in store.load(path, password=password)}
        assert reported <= there
    assert len(reported) > rounds / 2
    left = {name.split("-")[0] for name in os.listdir(path.parent)}
    assert left <= {"set.keys", "set.keys.lock", ".trustkeys"}
