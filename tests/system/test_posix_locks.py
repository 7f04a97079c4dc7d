"""Locks of POSIX: the others wait in order, no wait is endless, and a fork changes nothing."""

from __future__ import annotations

import errno
import logging
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

if sys.platform == "win32":
    pytest.skip("the other systems", allow_module_level=True)

import fcntl

from tests import support
from tests.store_files import key_set
from trustkeys import TrustFrameworkKeySet, locks, store
from trustkeys.system import lock_files, posix_files, posix_locks


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys"


def is_free(path: Path) -> bool:
    with open(f"{path}.lock") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def test_the_lock_is_released_even_if_the_change_fails(path: Path) -> None:
    """Otherwise a program that catches the error may never change the file again."""
    with suppress(ZeroDivisionError), locks.locked(path, 0):
        raise ZeroDivisionError
    assert is_free(path)
    with locks.locked(path, 0):
        with (
            pytest.raises(TimeoutError, match="another process is changing it: try again later"),
            locks.locked(path, 0),
        ):
            pass
        assert queued() == [], "a call that does not wait takes no place in the queue"
        # Only a wait without limit would be for ever.
        with pytest.raises(TimeoutError), locks.locked(path, 0.01):
            pass
    wait_until(lambda: is_free(path))  # the place in the queue gets the lock for a moment
    assert posix_locks._held == {}


@contextmanager
def forked() -> Iterator[None]:
    """A process that has all descriptors of this one, until the end of the block."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(write_end)
        os.read(read_end, 1)
        os._exit(0)
    os.close(read_end)
    try:
        yield
    finally:
        os.close(write_end)
        os.waitpid(child, 0)


def test_a_process_that_was_forked_in_the_block_does_not_keep_the_lock(path: Path) -> None:
    with ExitStack() as stack:
        with locks.locked(path, 0):
            stack.enter_context(forked())
        assert is_free(path)


def test_a_process_that_was_forked_in_the_block_does_not_release_the_lock(path: Path) -> None:
    """Otherwise another program changes the file at the same time."""
    with locks.locked(path, 0):
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            assert not is_free(path)
    if not child:
        os._exit(0)
    assert is_free(path)


def test_a_process_that_was_forked_in_the_block_can_wait_for_the_lock(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is another process, whose main thread has the same number."""
    read_end, write_end = os.pipe()
    real = posix_locks._Queued.wait

    def say_so(self: Any, *args: Any) -> None:
        os.write(write_end, b"waits")
        real(self, *args)

    with locks.locked(path, 0):
        child = os.fork()
        if child == 0:
            code = 1
            monkeypatch.setattr(posix_locks._Queued, "wait", say_so)
            with suppress(BaseException), locks.locked(path, -1):
                code = 0
            os._exit(code)
        os.close(write_end)
        assert os.read(read_end, 9) == b"waits"
    os.close(read_end)
    assert os.waitpid(child, 0)[1] == 0


def test_a_lock_file_of_another_user_is_refused_before_it_is_waited_for(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with locks.locked(path, 0):
        pass
    own = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: own + 1)
    with pytest.raises(PermissionError) as caught, locks.locked(path, -1):
        pass
    assert (caught.value.filename, caught.value.strerror) == (
        str(path),
        f"{path}.lock belongs to another user: delete it if nobody is changing {path}",
    )


def test_a_lock_file_that_another_user_puts_in_place_meanwhile_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner could hold it for ever."""
    own = os.geteuid()
    real = posix_files.open_itself

    def open_it(name: str, flags: int) -> int:
        monkeypatch.setattr(os, "geteuid", lambda: own + 1)
        return real(name, flags)

    monkeypatch.setattr(posix_files, "open_itself", open_it)
    with pytest.raises(PermissionError, match="belongs to another user"), locks.locked(path, -1):
        pass


@pytest.mark.parametrize(
    ("exists", "problem"),
    [
        (True, "opened (Permission denied): run chmod 600 on it"),
        (False, "made (Permission denied): make the directory writable"),
    ],
)
def test_a_lock_without_permission_says_what_to_do(
    path: Path, monkeypatch: pytest.MonkeyPatch, exists: bool, problem: str
) -> None:
    if exists:
        Path(f"{path}.lock").touch()

    def refuse(*_: Any) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", f"{path}.lock")

    monkeypatch.setattr(posix_files, "open_itself", refuse)
    with pytest.raises(PermissionError) as caught, locks.locked(path, -1):
        pass
    assert (caught.value.filename, caught.value.strerror) == (
        str(path),
        f"its lock file {path}.lock cannot be {problem}",
    )


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK, errno.EIO])
def test_a_file_system_without_locks_is_named_every_time(
    path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """A lock file with content, in place of a lock, would stay behind when a program is killed."""

    def fail(*_: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", fail)
    for _ in range(2):
        with (
            pytest.raises(OSError, match=r"no locks|Input/output") as caught,
            locks.locked(path, -1),
        ):
            pass
        assert caught.value.filename == str(path)
        if code == errno.EIO:
            assert caught.value.errno == code
        else:
            assert (caught.value.errno, caught.value.strerror) == (
                errno.ENOLCK,
                "its file system has no locks",
            )
        assert Path(f"{path}.lock").read_bytes() == b""


@pytest.mark.deep
@pytest.mark.parametrize("error", ["ENOSYS", "EOPNOTSUPP"])
def test_the_command_names_a_file_system_without_locks(tmp_path: Path, error: str) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    store.save(key_set(), tmp_path / "keys", plain=True)
    before = (tmp_path / "keys").read_bytes()
    args = ["keyset", "generate", "keys", "--use", "sig", "--kty", "oct"]
    program = [*support.COMMAND, *args]
    for _ in range(2):
        done = subprocess.run(
            [*("strace", "-f", "-o", "/dev/null", "-e", f"inject=flock:error={error}"), *program],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert support.failed(done, 1) == "keys: its file system has no locks"
    assert (tmp_path / "keys").read_bytes() == before


def test_a_lock_file_that_was_deleted_during_the_wait_locks_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program would lock the new one."""
    opened: list[int] = []

    def open_it(name: str, flags: int) -> int:
        opened.append(real(name, flags))
        if len(opened) < 3:
            os.unlink(name)
        return opened[-1]

    real = posix_files.open_itself
    monkeypatch.setattr(posix_files, "open_itself", open_it)
    with locks.locked(path, 0):
        assert not is_free(path)
    assert len(opened) == 3
    for descriptor in opened:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)


class Holder:
    """Another program that holds a lock."""

    def __init__(self, path: Path) -> None:
        with locks.locked(path, 0):
            pass
        self.file = open(f"{path}.lock")  # noqa: SIM115
        fcntl.flock(self.file, fcntl.LOCK_EX)

    def release(self) -> None:
        self.file.close()


@contextmanager
def held(path: Path) -> Iterator[Holder]:
    holder = Holder(path)
    try:
        yield holder
    finally:
        holder.release()


def queued() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "trustkeys-lock"]


def wait_until(condition: Any) -> None:
    for _ in range(2000):
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError


def test_waits_that_end_in_vain_take_one_place_in_the_queue(path: Path) -> None:
    """A program that tries again and again must not fill the memory."""
    with held(path):
        for _ in range(4):
            with pytest.raises(TimeoutError), locks.locked(path, 0.01):
                pass
        (waiting,) = queued()
        assert waiting.daemon, "else the program could not end before the other one"
    wait_until(lambda: not queued())
    assert posix_locks._abandoned == set()
    assert is_free(path)


def test_a_process_that_was_forked_during_a_wait_in_vain_does_not_keep_the_lock(path: Path) -> None:
    with held(path) as holder:
        with pytest.raises(TimeoutError), locks.locked(path, 0.01):
            pass
        with forked():
            fcntl.flock(holder.file, fcntl.LOCK_UN)
            wait_until(lambda: not queued())
            assert is_free(path)


def test_a_place_in_the_queue_is_taken_over(path: Path) -> None:
    with held(path) as holder:
        with pytest.raises(TimeoutError), locks.locked(path, 0.01):
            pass
        (waiting,) = queued()
        threading.Timer(0.05, holder.release).start()
        with locks.locked(path, -1):
            assert not is_free(path)
            assert not waiting.is_alive() or waiting in queued()
    assert is_free(path)


def test_the_place_of_another_file_is_not_taken_over(path: Path) -> None:
    """A program would change a file while another one does."""
    other = path.with_name("other")
    with held(path), held(other):
        for each in (path, other, other):
            with pytest.raises(TimeoutError), locks.locked(each, 0.01):
                pass
        assert len(queued()) == 2
    wait_until(lambda: not queued())


def test_a_lock_that_comes_as_the_wait_ends_is_released(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with held(path) as holder:

        def interrupt(self: Any, *_: Any) -> None:
            holder.release()
            self._is_over.wait()
            raise KeyboardInterrupt

        monkeypatch.setattr(posix_locks._Queued, "wait", interrupt)
        with pytest.raises(KeyboardInterrupt), locks.locked(path, -1):
            pass
    assert is_free(path)


def test_an_error_of_a_lock_that_is_waited_for_is_raised(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fcntl.flock

    def fail(file: Any, operation: int) -> None:
        if operation == fcntl.LOCK_EX:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(file, operation)

    with held(path):
        monkeypatch.setattr(fcntl, "flock", fail)
        with pytest.raises(OSError, match="Input/output") as caught, locks.locked(path, -1):
            pass
        assert caught.value.filename == str(path)
        monkeypatch.undo()
    assert is_free(path)


def test_a_long_wait_is_logged_once(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lock_files, "QUIET", 0.01)
    monkeypatch.setattr(posix_locks, "_PULSE", 0.005)
    caplog.set_level(logging.INFO, "trustkeys")
    with held(path) as holder:
        threading.Timer(0.1, holder.release).start()
        with locks.locked(path, -1):
            pass
    assert caplog.messages == [f"waiting for another program that changes {path}"]


@pytest.mark.deep
@pytest.mark.parametrize("as_json", [False, True])
def test_a_command_says_that_it_waits_and_ctrl_c_ends_it(tmp_path: Path, as_json: bool) -> None:
    path = tmp_path / "keys"
    store.save(key_set(), path, plain=True)
    args = ["keyset", "generate", "keys", "--use", "sig", "--kty", "oct"]
    args += ["--json"] if as_json else []
    message = "waiting for another program that changes keys"
    with held(path):
        with subprocess.Popen(
            [*support.COMMAND, *args], cwd=tmp_path, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr is not None
            said = process.stderr.readline()
            process.send_signal(signal.SIGINT)
            assert process.stderr.read() == ""
        assert process.returncode == -signal.SIGINT
        if as_json:
            assert support.parse(said) == {"note": {"message": message}}
        else:
            assert said == f"trustkeys: {message}\n"


def edit_many(path: Path, count: int, order: Any, start: Any) -> None:
    start.wait()
    for _ in range(count):
        asked = time.monotonic()
        with store.edit(path):
            order.put((asked, time.monotonic()))


@pytest.mark.deep
def test_programs_are_served_roughly_in_order(path: Path) -> None:
    store.save(TrustFrameworkKeySet("crowd"), path, plain=True)
    context = multiprocessing.get_context("spawn")
    order, start = context.Queue(), context.Event()
    crowd = [context.Process(target=edit_many, args=(path, 20, order, start)) for _ in range(8)]
    for process in crowd:
        process.start()
    start.set()
    served = [order.get(timeout=60) for _ in range(160)]
    for process in crowd:
        process.join()
    # How many later ones were served before each one.
    overtaken = [
        sum(asked < later and got > earlier for later, earlier in served) for asked, got in served
    ]
    assert max(overtaken) < 80
