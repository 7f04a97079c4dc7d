"""Files on Linux, macOS and other POSIX systems: mode bits, owners, links, and directories."""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__tracebackhide__ = True

assert sys.platform != "win32"  # noqa: S101 - for mypy

# The errors of link(2) on file systems without hard links, such as exFAT.
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})

# The errors of fsync(2) for directories that cannot be flushed, as on some network shares.
_NO_DIRECTORY_SYNC = frozenset({errno.EINVAL, errno.EOPNOTSUPP})


def mode_bits(status: os.stat_result) -> int:
    """Return who may use a file, as mode bits."""
    return stat.S_IMODE(status.st_mode)


def mode_to_keep(mode: int) -> int:
    """Return the mode bits for a public file in the place of one with these."""
    return mode


def is_of_another_user(status: os.stat_result) -> bool:
    """Return whether a file or directory belongs to another user."""
    return status.st_uid != os.geteuid()


def is_open_to_others(directory: os.stat_result) -> bool:
    """Return whether other users can replace files in a directory.

    In a sticky directory, such as /tmp, only the owners of files can. A group that has the user as
    its only member may write.
    """
    mode = directory.st_mode
    if mode & stat.S_ISVTX:
        return False
    return bool(mode & 0o002 or (mode & 0o020 and not _is_private_group(directory.st_gid)))


def _is_private_group(gid: int) -> bool:
    """Return whether a group is the one that systems with the umask 002 make for each user."""
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


def is_link(status: os.stat_result) -> bool:
    """Return whether a name leads to another one."""
    return stat.S_ISLNK(status.st_mode)


def itself(path: str) -> str:
    """Return a directory's name without the end that makes `os.lstat` follow a link."""
    return re.sub(r"(?<=.)(/+\.?)+$", "", path)


def is_too_long(path: str) -> bool:
    """Return whether a file system takes no name of that length."""
    try:
        os.lstat(path)
    except OSError as error:
        return error.errno == errno.ENAMETOOLONG
    return False


def status_of(path: str, descriptor: int) -> os.stat_result:  # noqa: ARG001 - as on Windows
    """Return the status of an open file, to be compared with that of its name."""
    return os.fstat(descriptor)


def open_itself(path: str, flags: int) -> int:
    """Open a file, but do not follow a symbolic link. A new one is for its owner alone."""
    try:
        # A later write would replace the link, and opening a pipe would wait for its writer.
        return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    except OSError as error:
        if error.errno == errno.ELOOP:
            error.strerror = "it is a symbolic link: name the file itself"
        raise


def create(path: str, mode: int) -> int:
    """Create an empty file, and return its descriptor, which can also read."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.chmod(descriptor, mode)  # independent of the umask
    except BaseException:
        os.close(descriptor)
        os.unlink(path)
        raise
    return descriptor


def create_unnamed(directory: str, mode: int) -> tuple[int, Callable[[str], None]] | None:
    """Create a file without a name, if the system and the file system can do that.

    Returns:
        Its descriptor, and a function that gives it a name.
    """
    try:
        descriptor = os.open(directory, os.O_TMPFILE | os.O_WRONLY, 0o600)
    except (AttributeError, OSError):  # not Linux, or a file system such as NFS
        return None
    try:
        os.chmod(descriptor, mode)
    except BaseException:
        os.close(descriptor)
        raise

    def link(path: str) -> None:
        # linkat(2) has two ways to name an open file. This one needs no privilege. With a
        # descriptor as an argument, Python follows the link in /proc.
        os.link(f"/proc/self/fd/{descriptor}", path, src_dir_fd=descriptor)

    return descriptor, link


def make_directory(path: str) -> None:
    """Make a directory for its owner alone."""
    os.mkdir(path, 0o700)
    os.chmod(path, 0o700)  # mkdir applies the umask


def put(name: str, path: str) -> None:
    """Give a file a new name, unless there is one. The old name can remain."""
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


def replace(name: str, path: str) -> None:
    """Give a file a new name, in the place of another file."""
    os.replace(name, path)


def give_way(_lock: str) -> None:
    """Do nothing: a file can be replaced while others read it."""


def remove(path: str) -> None:
    """Remove a file."""
    os.unlink(path)


@contextmanager
def synced(directory: str) -> Iterator[None]:
    """Flush a directory to disk after the block. Fails before the block if it cannot be opened."""
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


def lock(name: str, path: str, timeout: float) -> Callable[[], None]:
    """Acquire a lock, and return the function that releases it.

    Args:
        name: The lock's file.
        path: The file that is locked.
        timeout: The longest wait, in seconds. -1 waits without limit.
    """
    from trustkeys.system import posix_locks  # imported lazily: it needs threads

    return posix_locks.lock(name, path, timeout)
