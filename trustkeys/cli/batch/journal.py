"""A file of lines that survives a crash: counted lines are on disk, and no line is incomplete."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from trustkeys import files, locks, system
from trustkeys.errors import InvalidInputError
from trustkeys.files import Path

__tracebackhide__ = True

MAX_LINE = 1_048_576
"""The longest line that is read, in bytes. A sealed RSA-4096 key has 6,000."""


class Journal:
    """An open file of lines. Added lines wait until `sync` writes them.

    Attributes:
        count: The number of lines that are on disk.
        is_empty: Whether the file was empty when it was opened, without even part of a line.
    """

    def __init__(self, path: str, descriptor: int) -> None:
        self.count = 0
        self._path = path
        self._descriptor = descriptor
        self._opened = system.status_of(path, descriptor)
        self._size = os.fstat(descriptor).st_size
        self.is_empty = self._size == 0
        self._waiting: list[bytes] = []

    def add(self, line: bytes) -> None:
        """Add a line, given without its line end."""
        self._waiting.append(line + b"\n")

    def sync(self) -> None:
        """Write the waiting lines, and flush them to disk.

        Raises:
            OSError: A system call failed. The waiting lines are removed from the file again,
                unless that fails as well, and still wait. FileNotFoundError if the file was removed
                or renamed.
        """
        data = memoryview(b"".join(self._waiting))
        try:
            with files.named(self._path):
                # A crash, or a failed or interrupted write, can leave part of a line at the end.
                os.ftruncate(self._descriptor, self._size)
                os.lseek(self._descriptor, self._size, os.SEEK_SET)
                rest = data
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
                os.fsync(self._descriptor)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._descriptor, self._size)
            raise
        size, count = self._size + len(data), self.count + len(self._waiting)
        # One statement, so that no signal comes in between: a line would be written twice.
        self._size, self.count, self._waiting = size, count, []
        self.check_in_place()

    def check_in_place(self) -> None:
        """Check that the file still has its name.

        Raises:
            FileNotFoundError: It was removed or renamed.
        """
        files.check_in_place(self._path, self._opened)

    def read(self, check: Callable[[bytes], None]) -> None:
        """Call `check` with each line. The next `sync` removes a last line without a line end.

        Raises:
            InvalidInputError: A line is longer than 1 MiB. Code ``BadRequest``.
        """
        size = 0
        with open(os.dup(self._descriptor), "rb") as file:
            while (line := file.readline(MAX_LINE)).endswith(b"\n"):
                check(line)
                size += len(line)
                self.count += 1
        if len(line) == MAX_LINE:
            raise InvalidInputError(f"line {self.count + 1} is longer than {MAX_LINE} bytes")
        self._size = size


@contextmanager
def journal(path: Path, *, is_new: bool) -> Iterator[Journal]:
    """Open a file of lines, and lock it against other processes.

    Args:
        path: The file, not a symbolic link to it.
        is_new: Whether to create it, with mode 0600.

    Raises:
        FileExistsError: `is_new`, and the file exists.
        TimeoutError: Another process has locked it.
        OSError: A system call failed; or the file is not a regular file, belongs to another
            user, has a second name, or can be read or changed by other users.
    """
    path = os.fspath(path)
    if not is_new:
        files.read(path, limit=0)  # make no lock for a link or the file of another user
    with locks.locked(path, 0), ExitStack() as opened:
        with files.named(path), system.synced(os.path.dirname(path) or "."):
            make = system.create if is_new else system.open_itself
            descriptor = make(path, 0o600 if is_new else os.O_RDWR)
            opened.callback(os.close, descriptor)
            status = os.fstat(descriptor)
            if files.own_mode(status) & 0o077:
                message = (
                    "other users can read or change it: run chmod 600, and replace the keys if "
                    "they may have read them"
                )
                raise PermissionError(errno.EACCES, message)
            if status.st_nlink > 1:  # a run under the other name has another lock
                raise OSError(errno.EMLINK, "it has a second name (a hard link): remove one")
        yield Journal(path, descriptor)
