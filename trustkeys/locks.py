"""Locks of files against changes by other processes and threads."""

from __future__ import annotations

import errno
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from trustkeys.files import Path, named, open_itself

__tracebackhide__ = True

QUIET = 1.0
"""How long a program waits until that is logged, in seconds."""

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


@contextmanager
def locked(path: Path, timeout: float) -> Iterator[None]:
    """Lock a file against changes by other processes and threads, with a ``.lock`` file beside it.

    A wait of more than a second is logged, as INFO of the logger ``trustkeys``.

    Args:
        path: The file.
        timeout: The longest wait for the lock, in seconds. -1 waits without limit.

    Raises:
        OSError: From the system calls. TimeoutError if the lock is not free in time.
            PermissionError if the ``.lock`` file belongs to another user, who could hold it for
            ever, or cannot be opened.
        RuntimeError: `timeout` is -1, and the same thread holds the lock.
        ModuleNotFoundError: On Windows, the extra ``store`` is not installed.
    """
    path = os.fspath(path)
    with ExitStack() as opened:
        with named(path):
            os.stat(os.path.dirname(path) or ".")
            name = _name_of_lock(path)
            _check(name, path)
            try:
                opened.callback(_lock(name, path, timeout))
            except PermissionError as error:
                error.strerror = _unlockable(name, error.strerror)
                raise
        yield


def _name_of_lock(path: str) -> str:
    name = f"{path}.lock"
    try:
        os.lstat(name)
    except FileNotFoundError:
        pass
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            from hashlib import sha256

            directory, base = os.path.split(path)
            digest = sha256(os.fsencode(base)).hexdigest()[:32]
            return os.path.join(directory, f".{digest}.lock")
        raise
    return name


def _check(name: str, path: str) -> None:
    """Check that a lock's file, if it exists, is one, and not somebody's keys."""
    with suppress(FileNotFoundError):
        status = os.lstat(name)
        if not stat.S_ISREG(status.st_mode) or status.st_size > 0:
            raise OSError(errno.EEXIST, f"{name} exists and is not a lock file")
        if hasattr(os, "geteuid") and status.st_uid != os.geteuid():
            message = f"{name} belongs to another user: delete it if nobody is changing {path}"
            raise PermissionError(errno.EPERM, message)


def _unlockable(name: str, reason: str | None) -> str:
    if os.path.lexists(name):
        return f"its lock file {name} cannot be opened ({reason}): run chmod 600 on it"
    return f"its lock file {name} cannot be made ({reason}): make the directory writable"


def _lock(name: str, path: str, timeout: float) -> Callable[[], None]:
    """Acquire a lock, and return the function that releases it."""
    try:
        import fcntl  # noqa: F401
    except ModuleNotFoundError:
        return _lock_on_windows(name, timeout)
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
    from fcntl import LOCK_UN, flock

    # Not in the forked process, which would release the lock of this one.
    if os.getpid() == key[0]:
        with suppress(OSError):
            flock(descriptor, LOCK_UN)
    os.close(descriptor)


def _acquired(name: str, path: str, timeout: float, end: float | None) -> tuple[int, Key]:
    """Return the locked descriptor of a lock's file, and its key."""
    descriptor = open_itself(name, os.O_RDWR | os.O_CREAT, 0o600)
    with ExitStack() as opened:
        opened.callback(os.close, descriptor)
        key = _key_of(os.fstat(descriptor))
        if _is_acquired(descriptor):
            opened.pop_all()
            return descriptor, key
        if timeout == 0:
            raise _timed_out(timeout)
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
        from fcntl import LOCK_EX, flock

        try:
            flock(self.descriptor, LOCK_EX)
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
                raise _timed_out(timeout)
            if now >= start + QUIET and not is_logged:
                is_logged = True
                import logging  # imported late: it takes 5 ms

                logger = logging.getLogger("trustkeys")
                logger.info("waiting for another program that changes %s", path)
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
    from fcntl import LOCK_EX, LOCK_NB, flock

    try:
        flock(descriptor, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in _NO_LOCKS:
            raise OSError(errno.ENOLCK, "its file system has no locks") from error
        raise
    return True


def _lock_on_windows(name: str, timeout: float) -> Callable[[], None]:
    try:
        from filelock import FileLock, Timeout
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            'changing a file needs filelock: pip install "trustkeys[store]"',
            name="filelock",
        ) from error
    lock = FileLock(name, mode=0o600)
    try:
        lock.acquire(timeout=timeout)
    except Timeout as error:
        raise _timed_out(timeout) from error
    return lock.release


def _timed_out(timeout: float) -> TimeoutError:
    still, waited = (" still", f" after {timeout:g} seconds") if timeout > 0 else ("", "")
    message = f"another process is{still} changing it{waited}: try again later"
    return TimeoutError(errno.ETIMEDOUT, message)


def _key_of(status: os.stat_result) -> Key:
    return os.getpid(), status.st_dev, status.st_ino
