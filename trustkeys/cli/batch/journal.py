"""A file that grows line by line: what it was said to hold is on disk, and no line is half."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from trustkeys import files
from trustkeys.errors import InvalidInputError
from trustkeys.files import Path

__tracebackhide__ = True

MAX_LINE = 1_048_576
"""The longest line that is read, in bytes; a sealed RSA-4096 key has 6,000."""


class Journal:
    """An open file of lines, new or continued. What is added waits until `sync` writes it.

    Attributes:
        count: How many lines are on disk.
        is_empty: Whether there was nothing in the file, not even half a line.
    """

    def __init__(self, path: str, descriptor: int) -> None:
        self.count = 0
        self._path = path
        self._descriptor = descriptor
        self._size = os.fstat(descriptor).st_size
        self.is_empty = self._size == 0
        self._waiting: list[bytes] = []

    def add(self, line: bytes) -> None:
        """Add a line, without its end."""
        self._waiting.append(line + b"\n")

    def sync(self) -> None:
        """Write the lines that wait, and flush them to disk.

        Raises:
            OSError: As the system calls raise it. Then none of them is in the file, unless that
                cannot be cut off either.
        """
        data = memoryview(b"".join(self._waiting))
        try:
            with files.named(self._path):
                # Beyond lies half a line: of a crash, or of a write that failed or was stopped.
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
        # No signal comes between these: a line that is there but still waits would come twice.
        self._size, self.count, self._waiting = size, count, []

    def read(self, check: Callable[[bytes], None]) -> None:
        """Look at every line that is there; `sync` cuts off a last one that has no end."""
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
    """Open a file of lines, and keep others from writing to it.

    Args:
        path: The file: not a link to it.
        is_new: Whether it must not exist yet. It gets the mode 0600.

    Raises:
        OSError: As the system calls raise it; FileExistsError where it is to be new and is
            there; TimeoutError where another process writes to it; and where it is no regular
            file, belongs to another user, or others can read or change it.
    """
    path = os.fspath(path)
    flags = os.O_RDWR | getattr(os, "O_BINARY", 0)  # Windows would write other line ends
    with files.locked(path, 0), ExitStack() as opened:
        with files.named(path), files.synced(os.path.dirname(path) or "."):
            if is_new:
                descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
            else:
                descriptor = files.open_itself(path, flags)
            opened.callback(os.close, descriptor)
            if is_new:  # whatever the umask takes away
                os.chmod(descriptor if os.chmod in os.supports_fd else path, 0o600)
            if files.own_mode(descriptor) & 0o077 and hasattr(os, "geteuid"):
                message = "others can read or change it: keys that others have read want replacing"
                raise PermissionError(errno.EACCES, message)
            if os.fstat(descriptor).st_nlink > 1:  # and a lock of that name, which we do not hold
                raise OSError(errno.EMLINK, "it has another name as well")
        yield Journal(path, descriptor)
