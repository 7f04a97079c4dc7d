"""Atomic writes of files that only their owner can read."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO

from trustkeys import system
from trustkeys.signals import held

__tracebackhide__ = True

Path = str | os.PathLike[str]

_PREFIX = ".trustkeys-"
"""Of the names of temporary files."""

_TEMPORARY = re.compile(rf"{re.escape(_PREFIX)}[a-z0-9_]{{8}}")
"""Their names: eight hexadecimal digits, and in earlier versions other letters."""

_SEPARATORS = os.sep + (os.altsep or "")


def read(path: Path, *, limit: int) -> tuple[bytes, int]:
    """Read a file, and return its content and mode bits.

    Args:
        path: A regular file, not a symbolic link.
        limit: The largest size in bytes. For a larger file, `limit` + 1 bytes are returned.

    Raises:
        OSError: From the system calls, with `path` as the file name; or the file is not a regular
            file, or belongs to another user.
    """
    path = os.fspath(path)
    with named(path), open(path, "rb", opener=system.open_itself) as file:
        status = os.fstat(file.fileno())
        mode = own_mode(status)
        # A buffer of the whole limit takes long to make, and keeps others from replacing the file.
        return file.read(min(limit, status.st_size) + 1), mode


def own_mode(status: os.stat_result) -> int:
    """Return the mode bits of an open file, from its status.

    Raises:
        OSError: Not a regular file, or it belongs to another user.
    """
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
    if system.is_of_another_user(status):
        raise PermissionError(errno.EPERM, "it belongs to another user")
    return system.mode_bits(status)


def check_replaceable(path: Path) -> None:
    """Check that a file can be replaced without leaving its old content anywhere.

    Raises:
        OSError: As `read`; or the file has another name, a hard link, which would keep the content.
    """
    path = os.fspath(path)
    with named(path):
        with open(path, "rb", opener=system.open_itself) as file:
            status = os.fstat(file.fileno())
            own_mode(status)
        if status.st_nlink == 1:
            return
        # `write_new` makes a second name, which it removes at once, unless it is killed.
        with os.scandir(os.path.dirname(path) or ".") as entries:
            for entry in entries:
                if _TEMPORARY.fullmatch(entry.name) and entry.inode() == status.st_ino:
                    with suppress(FileNotFoundError):
                        os.unlink(entry.path)
        if os.lstat(path).st_nlink > 1:
            message = (
                "it has another name (a hard link), which would keep the old keys: delete one of "
                "the names, or change a copy"
            )
            raise OSError(errno.EMLINK, message)


def check_in_place(path: str, opened: os.stat_result) -> None:
    """Check that a path still refers to a file or directory that was opened before.

    Raises:
        OSError: It does not, or from the system call.
    """
    with suppress(FileNotFoundError):
        if os.path.samestat(os.lstat(path), opened):
            return
    message = "it was removed or renamed meanwhile, and the keys with it"
    raise FileNotFoundError(errno.ENOENT, message, path)


def check_own_directory(path: str) -> None:
    """Check that no other user can replace files in a directory.

    Raises:
        OSError: Not a directory, or it belongs to another user, or others can write to it, as
            `check_directory_of` judges that.
    """
    status = os.lstat(system.itself(path))
    if system.is_link(status) or not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    if system.is_of_another_user(status):
        raise PermissionError(errno.EPERM, "it belongs to another user")
    _check_closed(status)


def check_directory_of(path: str) -> None:
    """Check that no other user can replace a new file after it was written.

    In a sticky directory, such as /tmp, only the owners of files can. A group that has the user as
    its only member may write. The owner of the directory is not judged: root in a container writes
    into directories of its user.

    Args:
        path: The new file or directory. If its directory is a symbolic link, the target counts.

    Raises:
        OSError: Others can write to the directory, which is the file name of the error; or there
            is no such directory, with `path` as the file name.
    """
    directory = parent(path)
    with named(path):
        status = os.stat(directory)
    with named(os.path.abspath(directory)):
        _check_closed(status)


def parent(path: str) -> str:
    """Return the directory that a new file or directory is in."""
    return os.path.dirname(path.rstrip(_SEPARATORS)) or "."


def _check_closed(directory: os.stat_result) -> None:
    if system.is_open_to_others(directory):
        message = "other users can write to it: run chmod go-w on it, or choose another directory"
        raise PermissionError(errno.EACCES, message)


def write_new(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write a new file, which is complete and on disk when this returns.

    The file gets its name after its data is on disk. So `path` never refers to a partial file, and
    a failure leaves nothing behind. Until then, a file on Linux has no name. Elsewhere, and on file
    systems without such files, it has a temporary one in the same directory, which stays behind if
    the process is killed.

    Raises:
        OSError: From the system calls, with `path` as the file name. FileExistsError if `path`
            exists.
    """
    _write(os.fspath(path), data, mode, system.put, lambda link, path: link(path))


def replace(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write a file as `write_new` does, and replace an existing one.

    A file without a name cannot replace another one, so it has a temporary name for a moment.

    Raises:
        OSError: From the system calls, with `path` as the file name. `path` is then still the
            complete old file or, if only flushing the directory failed, the complete new one.
    """
    _write(os.fspath(path), data, mode, system.replace, _replace_by_unnamed)


def _write(
    path: str,
    data: bytes,
    mode: int,
    put: Callable[[str, str], None],
    put_unnamed: Callable[[Callable[[str], None], str], None],
) -> None:
    directory = os.path.dirname(path) or "."
    with named(path), system.synced(directory):
        if _write_unnamed(directory, path, data, mode, put_unnamed):
            return
        name = _temporary(path)
        descriptor = system.create(name, mode)
        try:
            with open(descriptor, "wb") as file:
                _fill(file, data)
            put(name, path)
        finally:
            with suppress(FileNotFoundError):
                system.remove(name)


def _write_unnamed(
    directory: str,
    path: str,
    data: bytes,
    mode: int,
    put: Callable[[Callable[[str], None], str], None],
) -> bool:
    """Write a file that has no name until it is complete; return whether the system can do that."""
    created = system.create_unnamed(directory, mode)
    if created is None:
        return False
    descriptor, link = created
    with open(descriptor, "wb") as file:
        _fill(file, data)
        try:
            put(link, path)
        except OSError:  # without /proc, for example; the other way finds the true reason again
            return False
    return True


def _fill(file: IO[bytes], data: bytes) -> None:
    file.write(data)
    file.flush()
    os.fsync(file.fileno())


def _replace_by_unnamed(link: Callable[[str], None], path: str) -> None:
    name = _temporary(path)
    # Only a signal that stops no program as a rule, such as SIGKILL, can leave the name behind.
    with held():
        link(name)
        try:
            system.replace(name, path)
        finally:
            with suppress(FileNotFoundError):
                system.remove(name)


def _temporary(path: str) -> str:
    return os.path.join(os.path.dirname(path), f"{_PREFIX}{os.urandom(4).hex()}")


@contextmanager
def named(path: str) -> Iterator[None]:
    """Set the file name of errors to `path`, instead of that of a temporary file."""
    try:
        yield
    except OSError as error:
        if error.filename2 is None:
            error.filename = path
            raise
        # A second name is printed even after it was set to None.
        code = getattr(error, "winerror", None)
        renamed = type(error)(error.errno, error.strerror, path, code)
        raise renamed.with_traceback(error.__traceback__) from None
