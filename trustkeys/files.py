"""Files of ours: whole or not there, and for their owner alone."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

__tracebackhide__ = True

Path = str | os.PathLike[str]

# What link(2) answers on file systems that have no hard links, such as exFAT on a stick.
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})

# What fsync(2) answers for directories where they cannot be flushed, as on some shares.
_NO_DIRECTORY_SYNC = frozenset({errno.EINVAL, errno.EOPNOTSUPP})


def read(path: Path, *, limit: int) -> tuple[bytes, int]:
    """Read a file whole, and give its mode.

    Args:
        path: The file: not a link to it, nor a pipe or a device.
        limit: The most bytes that are accepted. Of a larger file one byte more is given.

    Raises:
        OSError: As the system calls raise it, with `path` as its file name; and where it is no
            regular file, or belongs to another user.
    """
    path = os.fspath(path)
    with named(path), open(path, "rb", opener=open_itself) as file:
        mode = own_mode(file.fileno())
        return file.read(limit + 1), mode


def own_mode(descriptor: int) -> int:
    """Give the mode bits of an open file of ours.

    Raises:
        OSError: It is no regular file, or belongs to another user.
    """
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file")
    if hasattr(os, "geteuid") and status.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "it belongs to another user")
    return stat.S_IMODE(status.st_mode)


def check_own_directory(path: str) -> None:
    """Look whether a directory is one in which others can put nothing in the place of our files.

    Raises:
        OSError: It is no directory, belongs to another user, or others can write in it.
    """
    status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    if hasattr(os, "geteuid"):
        if status.st_uid != os.geteuid():
            raise PermissionError(errno.EPERM, "it belongs to another user")
        if status.st_mode & 0o022:
            raise PermissionError(errno.EACCES, "others can write in it")


def open_itself(path: str, flags: int) -> int:
    """Open a file, and not what a link of its name leads to."""
    # A link would be replaced by what is written to its name, and a pipe waits for its writer.
    # Windows has no such flags.
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        return os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ELOOP:
            error.strerror = "it is a symbolic link: name the file itself"
        raise


def write_new(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write a file that must not exist yet, whole and on disk when this returns.

    It is written under another name in the same directory, flushed to disk, and then linked;
    so the name never stands for half a file, and nothing is left behind when anything fails.

    Raises:
        OSError: As the system calls raise it, with `path` as its file name; FileExistsError
            where there is a file, or anything else, of that name.
    """
    _write(os.fspath(path), data, mode, _link)


def replace(path: Path, data: bytes) -> None:
    """Write a file as `write_new` does, mode 0600, in the place of one that may be there.

    Raises:
        OSError: As the system calls raise it, with `path` as its file name. The file that was
            there is whole: it is the old one, or, if only flushing the directory failed, the
            new one.
    """
    _write(os.fspath(path), data, 0o600, os.replace)


def _write(path: str, data: bytes, mode: int, put: Callable[[str, str], None]) -> None:
    directory = os.path.dirname(path) or "."
    with named(path), synced(directory):
        descriptor, name = tempfile.mkstemp(prefix=".trustkeys-", dir=directory)
        try:
            with open(descriptor, "wb") as file:
                # Whatever the umask takes away, or some day leaves.
                os.chmod(descriptor if os.chmod in os.supports_fd else name, mode)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            put(name, path)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(name)


@contextmanager
def locked(path: Path, timeout: float) -> Iterator[None]:
    """Keep other processes and threads from changing a file, with one named ``….lock`` beside it.

    Args:
        path: The file.
        timeout: How long to wait for others that change it, in seconds; -1: for ever.

    Raises:
        OSError: As the system calls raise it; TimeoutError where others take too long.
        ModuleNotFoundError: The extra ``store`` is missing.
    """
    try:
        from filelock import FileLock, Timeout
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "changing a file needs filelock: pip install 'trustkeys[store]'", name="filelock"
        ) from error
    path = os.fspath(path)
    name = f"{path}.lock"
    with named(path):
        os.stat(os.path.dirname(path) or ".")  # a directory that is missing filelock would make
        # filelock may empty what it finds, and that could be keys.
        with suppress(FileNotFoundError):
            status = os.lstat(name)
            if not stat.S_ISREG(status.st_mode) or status.st_size > 0:
                raise OSError(errno.EEXIST, f"{name} is in the way: it is no lock")
        lock = FileLock(name, mode=0o600)
        try:
            lock.acquire(timeout=timeout)
        except Timeout as error:
            since = f" for {timeout:g} seconds" if timeout > 0 else ""
            message = f"another process has been changing it{since}"
            raise TimeoutError(errno.ETIMEDOUT, message) from error
        except NotImplementedError as error:
            raise OSError(errno.ENOLCK, "its file system has no locks") from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def named(path: str) -> Iterator[None]:
    """Have errors name the file that the person knows, and not one in between."""
    try:
        yield
    except OSError as error:
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
def synced(directory: str) -> Iterator[None]:
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
