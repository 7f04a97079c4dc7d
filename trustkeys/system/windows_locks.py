"""Locks of files on Windows, by filelock, which makes their files with access rules."""

from __future__ import annotations

import os
from collections.abc import Callable

from trustkeys.system import lock_files

__tracebackhide__ = True


def lock(name: str, path: str, timeout: float) -> Callable[[], None]:
    """Acquire a lock, and return the function that releases it."""
    try:
        from filelock import FileLock, Timeout
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            'changing a file needs filelock: pip install "trustkeys[store]"',
            name="filelock",
        ) from error
    try:
        status = os.lstat(name)
    except OSError:
        pass  # it is missing, or just removed by another program
    else:
        lock_files.check(status, name, path)
    found = FileLock(name, mode=0o600)
    quiet = timeout if 0 <= timeout <= lock_files.QUIET else lock_files.QUIET
    try:
        try:
            found.acquire(timeout=quiet)
        except Timeout:
            if quiet == timeout:
                raise
            lock_files.log_wait(path)
            found.acquire(timeout=timeout - quiet if timeout > 0 else -1)
    except Timeout as error:
        raise lock_files.timed_out(timeout) from error
    except PermissionError as error:
        lock_files.explain(error, name, "run icacls /reset on it")
        raise
    return found.release
