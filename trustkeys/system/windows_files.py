"""Files on Windows: access rules, links of several kinds, and no change of a file that is open."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TypeVar

__tracebackhide__ = True

Result = TypeVar("Result")

PAUSES = (*(0.001 * 2**n for n in range(5)), *[0.02] * 498)
"""The pauses between attempts, in seconds. Together they take ten seconds.

Many short ones: programs that read a file again and again leave few moments to replace it.
"""

_MOMENT = 10
"""How many of them take a tenth of a second."""

_GIVEN_WAY = 0.05
"""How long reading waits while another program changes the file, in seconds."""

# Of winerror.h ("System Error Codes").
_FILE_NOT_FOUND = 2
_ACCESS_DENIED = 5
_SHARING_VIOLATION = 32

# How often an attempt is repeated after an error. Another program replaces a file in a moment.
_OPENING = {_FILE_NOT_FOUND: _MOMENT, _ACCESS_DENIED: _MOMENT, _SHARING_VIOLATION: len(PAUSES)}
_CHANGING = {_ACCESS_DENIED: len(PAUSES), _SHARING_VIOLATION: len(PAUSES)}

_IN_USE = "another program has it open, or you may not change it: close that program and try again"

# Of the tags of reparse points whose target is another name (IsReparseTagNameSurrogate).
_NAME_SURROGATE = 0x20000000


def mode_bits(_status: os.stat_result) -> int:
    """Return 0600, since Windows has no mode bits: access rules say who may use a file."""
    return 0o600


def mode_to_keep(_mode: int) -> int:
    """Return 0644, which a public file in the place of another gets: the rules of its directory."""
    return 0o644


def is_of_another_user(_status: os.stat_result) -> bool:
    """Return False: access rules say who may use a file, not its owner."""
    return False


def is_open_to_others(_directory: os.stat_result) -> bool:
    """Return False: the access rules of a directory are not judged."""
    return False


def is_link(status: os.stat_result) -> bool:
    """Return whether a name leads to another one, as symbolic links and junctions do.

    A file of OneDrive, or one that is stored without duplicates, is a reparse point but no link.
    """
    return bool(getattr(status, "st_reparse_tag", 0) & _NAME_SURROGATE)


def itself(path: str) -> str:
    """Return a directory's name without the end that makes `os.lstat` follow a link."""
    return os.path.normpath(path)


def is_too_long(path: str) -> bool:
    """Return whether a file system takes no name of that length ("Naming Files")."""
    return len(os.path.basename(path).encode("utf-16-le", "surrogatepass")) > 2 * 255


def status_of(path: str, _descriptor: int) -> os.stat_result:
    """Return the status of an open file, to be compared with that of its name.

    An open file keeps its name here. `os.fstat` would do for most file systems, but FAT has no file
    ids, and then it need not agree with `os.lstat`.
    """
    return os.lstat(path)


def open_itself(path: str, flags: int) -> int:
    """Open an existing file, but do not follow a link."""
    return _again(lambda: _open_itself(path, flags), _OPENING)


def _open_itself(path: str, flags: int) -> int:
    from trustkeys.system import windows_access as access

    writes = bool(flags & (os.O_WRONLY | os.O_RDWR))
    try:
        descriptor = access.opened(path, writes=writes, follows=False)
    except PermissionError:  # a directory, for example
        _check_kind(path)
        raise
    attributes = getattr(os.fstat(descriptor), "st_file_attributes", 0)
    if not attributes & stat.FILE_ATTRIBUTE_REPARSE_POINT:
        return descriptor
    try:
        _check_kind(path)  # again: the name cannot change any more
        return access.opened(path, writes=writes, follows=True)
    finally:
        os.close(descriptor)


def _check_kind(path: str) -> None:
    status = os.lstat(path)
    if is_link(status):
        raise OSError(errno.ELOOP, "it is a symbolic link: name the file itself")
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))


def create(path: str, mode: int) -> int:
    """Create an empty file, and return its descriptor, which can also read."""
    from trustkeys.system import windows_access as access

    return access.created(path, is_private=not mode & 0o077)


def create_unnamed(_directory: str, _mode: int) -> tuple[int, Callable[[str], None]] | None:
    """Return None: every file has a name."""
    return None


def make_directory(path: str) -> None:
    """Make a directory for its owner alone."""
    from trustkeys.system import windows_access as access

    access.make_directory(path)


def put(name: str, path: str) -> None:
    """Give a file a new name, unless there is one."""
    _again(lambda: os.rename(name, path), _CHANGING)  # never replaces a file here


def replace(name: str, path: str) -> None:
    """Give a file a new name, in the place of another file. Wait while that is open."""
    with suppress(FileNotFoundError):
        if not os.lstat(path).st_mode & stat.S_IWRITE:
            raise PermissionError(errno.EACCES, "it is read-only: run attrib -R on it")
    _again(lambda: os.replace(name, path), _CHANGING)


def give_way(lock: str) -> None:
    """Wait a moment before a file is read that another program changes.

    Programs that read it again and again would leave no moment in which it is closed.

    Args:
        lock: The lock's file, which is there only while the lock is held.
    """
    if os.path.lexists(lock):
        time.sleep(_GIVEN_WAY)


def remove(path: str) -> None:
    """Remove a file."""
    _again(lambda: os.unlink(path), _CHANGING)


@contextmanager
def synced(_directory: str) -> Iterator[None]:
    """Run the block: a directory cannot be flushed."""
    yield


def lock(name: str, path: str, timeout: float) -> Callable[[], None]:
    """Acquire a lock, and return the function that releases it."""
    from trustkeys.system import windows_locks

    return windows_locks.lock(name, path, timeout)


def _again(call: Callable[[], Result], attempts: Mapping[int, int]) -> Result:
    """Call a function, and after some errors try again."""
    number = 0
    while True:
        try:
            return call()
        except OSError as error:
            limit = attempts.get(getattr(error, "winerror", None) or 0, 0)
            if number >= limit:
                if limit == len(PAUSES):
                    error.strerror = _IN_USE
                raise
        time.sleep(PAUSES[number])
        number += 1
