"""Files that hold keys: whole or not there, and never over another."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# What link(2) answers on file systems that have no hard links, such as exFAT on a stick.
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})

# What fsync(2) answers for directories where they cannot be flushed, as on some shares.
_NO_DIRECTORY_SYNC = frozenset({errno.EINVAL, errno.EOPNOTSUPP})


def write_new(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file that must not exist yet, mode 0600, whole and on disk when this returns.

    It is written under another name in the same directory, flushed to disk, and then linked;
    so the name never stands for half a file, and nothing is left behind when anything fails.

    Raises:
        OSError: As the system calls raise it, with `path` as its file name; FileExistsError
            where there is a file, or anything else, of that name.
    """
    path = os.fspath(path)
    directory = os.path.dirname(path) or "."
    try:
        with _synced(directory):
            descriptor, name = tempfile.mkstemp(prefix=".trustkeys-", dir=directory)
            try:
                with open(descriptor, "wb") as file:
                    # Whatever the umask takes away, or some day leaves.
                    os.chmod(name, 0o600)
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                _link(name, path)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(name)
    except OSError as error:
        # The person knows the name that was given, not the one in between.
        error.filename, error.filename2 = path, None
        raise


def _link(name: str, path: str) -> None:
    try:
        os.link(name, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # Claim the name with an empty file, then put the whole one in its place.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            os.replace(name, path)
        except BaseException:
            os.unlink(path)
            raise


@contextmanager
def _synced(directory: str) -> Iterator[None]:
    """Flush a directory to disk when the block ends well; one that cannot be stops it before."""
    if not hasattr(os, "O_DIRECTORY"):  # Windows cannot open a directory
        yield
        return
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in _NO_DIRECTORY_SYNC:
                raise
    finally:
        os.close(descriptor)
