"""Locks of files against changes by other processes and threads."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from trustkeys import system
from trustkeys.files import Path, named

__tracebackhide__ = True


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
            if not stat.S_ISDIR(os.stat(os.path.dirname(path) or ".").st_mode):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
            name = _name_of_lock(path)
            opened.callback(system.lock(name, path, timeout))
        yield


def give_way(path: Path) -> None:
    """Let a program that changes a file do so before this one reads it, if need be."""
    system.give_way(_name_of_lock(os.fspath(path)))


def _name_of_lock(path: str) -> str:
    name = f"{path}.lock"
    if not system.is_too_long(name):
        return name
    from hashlib import sha256

    directory, base = os.path.split(path)
    digest = sha256(os.fsencode(base)).hexdigest()[:32]
    return os.path.join(directory, f".{digest}.lock")
