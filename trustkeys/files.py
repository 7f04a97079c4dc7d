"""Atomic writes of files that only their owner can read."""

from __future__ import annotations

import errno
import os
import re
import signal
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO

__tracebackhide__ = True

Path = str | os.PathLike[str]

_PREFIX = ".trustkeys-"
"""Of the names of temporary files."""

_TEMPORARY = re.compile(rf"{re.escape(_PREFIX)}[a-z0-9_]{{8}}")
"""Their names, as tempfile makes them."""

# The errors of link(2) on file systems without hard links, such as exFAT.
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})

# The errors of fsync(2) for directories that cannot be flushed, as on some network shares.
_NO_DIRECTORY_SYNC = frozenset({errno.EINVAL, errno.EOPNOTSUPP})


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
    with named(path), open(path, "rb", opener=open_itself) as file:
        mode = own_mode(file.fileno())
        return file.read(limit + 1), mode


def own_mode(descriptor: int) -> int:
    """Return the mode bits of an open file.

    Raises:
        OSError: Not a regular file, or it belongs to another user.
    """
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
    if hasattr(os, "geteuid") and status.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "it belongs to another user")
    return stat.S_IMODE(status.st_mode)


def check_replaceable(path: Path) -> None:
    """Check that a file can be replaced without leaving its old content anywhere.

    Raises:
        OSError: As `read`; or the file has another name, a hard link, which would keep the content.
    """
    read(path, limit=0)
    path = os.fspath(path)
    with named(path):
        status = os.lstat(path)
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
    # lstat would follow a link whose name ends in a slash, or in a slash and a dot.
    status = os.lstat(re.sub(r"(?<=.)(/+\.?)+$", "", path))
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    if hasattr(os, "geteuid"):
        if status.st_uid != os.geteuid():
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
    directory = os.path.dirname(path.rstrip("/")) or "."
    with named(path):
        status = os.stat(directory)
    if hasattr(os, "geteuid"):
        with named(os.path.abspath(directory)):
            _check_closed(status)


def _check_closed(directory: os.stat_result) -> None:
    mode = directory.st_mode
    if mode & stat.S_ISVTX:
        return
    if mode & 0o002 or (mode & 0o020 and not _is_private_group(directory.st_gid)):
        message = "other users can write to it: run chmod go-w on it, or choose another directory"
        raise PermissionError(errno.EACCES, message)


def _is_private_group(gid: int) -> bool:
    """Return whether a group is the one that systems with the umask 002 make for each user."""
    # Windows has neither module.
    import grp
    import pwd

    try:
        user, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(gid)
    except KeyError:
        return False
    return (
        user.pw_gid == gid
        and user.pw_name == group.gr_name
        and {*group.gr_mem} <= {user.pw_name}
        and all(each.pw_uid == user.pw_uid for each in pwd.getpwall() if each.pw_gid == gid)
    )


def open_itself(path: str, flags: int, mode: int = 0o777) -> int:
    """Open a file, but do not follow a symbolic link."""
    # A later write would replace the link, and opening a pipe would wait for its writer. Windows
    # has neither flag.
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        return os.open(path, flags, mode)
    except OSError as error:
        if error.errno == errno.ELOOP:
            error.strerror = "it is a symbolic link: name the file itself"
        raise


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
    _write(os.fspath(path), data, mode, _link, _link_unnamed)


def replace(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write a file as `write_new` does, and replace an existing one.

    A file without a name cannot replace another one, so it has a temporary name for a moment.

    Raises:
        OSError: From the system calls, with `path` as the file name. `path` is then still the
            complete old file or, if only flushing the directory failed, the complete new one.
    """
    _write(os.fspath(path), data, mode, os.replace, _replace_by_unnamed)


def _write(
    path: str,
    data: bytes,
    mode: int,
    put: Callable[[str, str], None],
    put_unnamed: Callable[[int, str], None],
) -> None:
    directory = os.path.dirname(path) or "."
    with named(path), synced(directory):
        if _write_unnamed(directory, path, data, mode, put_unnamed):
            return
        import tempfile  # imported lazily: Linux rarely needs it

        descriptor, name = tempfile.mkstemp(prefix=_PREFIX, dir=directory)
        try:
            with open(descriptor, "wb") as file:
                _fill(file, name, data, mode)
            put(name, path)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(name)


def _write_unnamed(
    directory: str, path: str, data: bytes, mode: int, put: Callable[[int, str], None]
) -> bool:
    """Write a file that has no name until it is complete; return whether the system can do that."""
    try:
        descriptor = os.open(directory, os.O_TMPFILE | os.O_WRONLY, 0o600)
    except (AttributeError, OSError):  # not Linux, or a file system such as NFS
        return False
    with open(descriptor, "wb") as file:
        _fill(file, file.fileno(), data, mode)
        try:
            put(file.fileno(), path)
        except OSError:  # without /proc, for example; the other way finds the true reason again
            return False
    return True


def _fill(file: IO[bytes], name: str | int, data: bytes, mode: int) -> None:
    # Independent of the umask.
    os.chmod(file.fileno() if os.chmod in os.supports_fd else name, mode)
    file.write(data)
    file.flush()
    os.fsync(file.fileno())


def _link_unnamed(descriptor: int, path: str) -> None:
    # linkat(2) has two ways to name an open file. This one needs no privilege. With a descriptor as
    # an argument, Python follows the link in /proc.
    os.link(f"/proc/self/fd/{descriptor}", path, src_dir_fd=descriptor)


def _replace_by_unnamed(descriptor: int, path: str) -> None:
    name = os.path.join(os.path.dirname(path), f"{_PREFIX}{os.urandom(4).hex()}")
    # Only SIGKILL, or a signal to another thread, can leave the name behind.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        _link_unnamed(descriptor, name)
        try:
            os.replace(name, path)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(name)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def named(path: str) -> Iterator[None]:
    """Set the file name of errors to `path`, instead of that of a temporary file."""
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
        # Reserve the name with an empty file, then replace that.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            os.replace(name, path)
        except BaseException:
            os.unlink(path)
            raise


@contextmanager
def synced(directory: str) -> Iterator[None]:
    """Flush a directory to disk after the block. Fails before the block if it cannot be opened."""
    if not hasattr(os, "O_DIRECTORY"):  # Windows cannot open directories
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
