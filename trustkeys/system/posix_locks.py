"""Locks of files on Linux, macOS and other POSIX systems: flock(2), and who waits for it."""

from __future__ import annotations

import errno
import fcntl
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress

from trustkeys.system import lock_files, posix_files

__tracebackhide__ = True

assert sys.platform != "win32"  # noqa: S101 - for mypy

_PULSE = 0.5
"""How often a wait looks for signals, in seconds: Python misses one that comes as a wait begins."""

# The errors of flock(2) on file systems without locks.
_NO_LOCKS = frozenset({errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOLCK})

Key = tuple[int, int, int]
"""This process, and the device and inode of the lock's file."""

_held: dict[Key, int] = {}
"""The threads that hold locks."""

_abandoned: set[_Queued] = set()
"""The places in queues whose threads have stopped waiting."""

_guard = threading.Lock()
"""Of `_abandoned`, and of who closes a descriptor."""


def lock(name: str, path: str, timeout: float) -> Callable[[], None]:
    """Acquire a lock, and return the function that releases it."""
    end = time.monotonic() + timeout if timeout >= 0 else None
    while True:
        descriptor, key = _acquired(name, path, timeout, end)
        with suppress(FileNotFoundError):
            if _key_of(os.lstat(name)) == key:
                break
        _unlock(descriptor, key)  # somebody has deleted the lock file
    _held[key] = threading.get_ident()

    def release() -> None:
        _held.pop(key, None)
        _unlock(descriptor, key)

    return release


def _unlock(descriptor: int, key: Key) -> None:
    """Release a lock and close its descriptor, which a forked process can have, too."""
    # Not in the forked process, which would release the lock of this one.
    if os.getpid() == key[0]:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)


def _acquired(name: str, path: str, timeout: float, end: float | None) -> tuple[int, Key]:
    """Return the locked descriptor of a lock's file, and its key."""
    with suppress(FileNotFoundError):
        lock_files.check(os.lstat(name), name, path)
    try:
        descriptor = posix_files.open_itself(name, os.O_RDWR | os.O_CREAT)
    except PermissionError as error:
        lock_files.explain(error, name, "run chmod 600 on it")
        raise
    with ExitStack() as opened:
        opened.callback(os.close, descriptor)
        status = os.fstat(descriptor)
        lock_files.check(status, name, path)  # again: it can be another file now
        key = _key_of(status)
        if _is_acquired(descriptor):
            opened.pop_all()
            return descriptor, key
        if timeout == 0:
            raise lock_files.timed_out(timeout)
        if end is None and _held.get(key) == threading.get_ident():
            raise RuntimeError(f"this thread is already changing {path}")
        with _guard:
            queued = next((each for each in _abandoned if each.key == key), None)
            if queued is not None:
                _abandoned.discard(queued)
        if queued is None:
            queued = _Queued(descriptor, key)
            queued.start()
            opened.pop_all()
    try:
        queued.wait(path, timeout, end)
    except BaseException:
        queued.abandon()
        raise
    return queued.descriptor, key


class _Queued(threading.Thread):
    """A place in the kernel's queue for a lock, which serves roughly in order.

    No call of the system waits for a lock and for a time, so a thread waits for the lock. It stays
    in the queue if its program stops waiting, until a program takes the place over.
    """

    def __init__(self, descriptor: int, key: Key) -> None:
        super().__init__(name="trustkeys-lock", daemon=True)
        self.descriptor = descriptor
        self.key = key
        self._is_over = threading.Event()
        self._error: OSError | None = None

    def run(self) -> None:
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX)
        except OSError as error:
            self._error = error
        with _guard:
            self._is_over.set()
            is_abandoned = self in _abandoned
            _abandoned.discard(self)
        if is_abandoned:
            _unlock(self.descriptor, self.key)

    def wait(self, path: str, timeout: float, end: float | None) -> None:
        """Wait for the lock, and log that after a second."""
        now = start = time.monotonic()
        is_logged = False
        while not self._is_over.wait(_PULSE if end is None else max(0, min(_PULSE, end - now))):
            now = time.monotonic()
            if end is not None and now >= end:
                raise lock_files.timed_out(timeout)
            if now >= start + lock_files.QUIET and not is_logged:
                is_logged = True
                lock_files.log_wait(path)
        if self._error is not None:
            raise self._error

    def abandon(self) -> None:
        """Stop waiting, and release the lock if it has come."""
        with _guard:
            if not self._is_over.is_set():
                _abandoned.add(self)
                return
        _unlock(self.descriptor, self.key)


def _is_acquired(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in _NO_LOCKS:
            raise OSError(errno.ENOLCK, "its file system has no locks") from error
        raise
    return True


def _key_of(status: os.stat_result) -> Key:
    return os.getpid(), status.st_dev, status.st_ino
