"""Where trustkeys batch writes its keys: a file with one in each line, or a directory."""

from __future__ import annotations

import json
import os
from typing import Any

from trustkeys import files, system
from trustkeys.cli.batch.journal import Journal
from trustkeys.cli.terminal import json_bytes
from trustkeys.wording import counted

__tracebackhide__ = True


class JsonLines:
    """A file with a JSON record in each line.

    Args:
        name: The name of the file.
        lines: The file.
    """

    def __init__(self, name: str, lines: Journal) -> None:
        self.name = name
        self._lines = lines
        self.sync = lines.sync
        self.check_in_place = lines.check_in_place

    @property
    def count(self) -> int:
        """The number of keys that are on disk."""
        return self._lines.count

    def add(self, record: dict[str, Any]) -> None:
        """Add a record, which is on disk after the next `sync`."""
        self._lines.add(json.dumps(record).encode())

    def summary(self) -> str:
        """Say how many keys were written, and how to continue."""
        return (
            f"{self.name} has {counted(self.count)}; repeat the command with --resume to continue"
        )


class Directory:
    """A directory with a file for each key, named by its `kid`.

    Args:
        name: The directory, which is created if it does not exist.

    Attributes:
        count: The number of keys that are on disk.

    Raises:
        OSError: It cannot be created, or other users can write in it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.count = 0
        is_new = not os.path.lexists(name)
        if is_new:
            files.check_directory_of(name)
        with files.named(name):
            if is_new:
                with system.synced(os.path.dirname(os.path.abspath(name))):
                    system.make_directory(name)
            files.check_own_directory(name)
            self._opened = os.lstat(name)

    def add(self, record: dict[str, Any]) -> None:
        """Write a record, which is on disk when this returns."""
        ending, content = "jwk", json_bytes(record)
        if "jwe" in record:
            ending, content = "jwe", f"{record['jwe']}\n".encode()
        path = os.path.join(self.name, f"{record['kid']}.{ending}")
        files.write_new(path, content)
        self.count += 1

    def sync(self) -> None:
        """Check that the directory still has its name: `add` has written everything."""
        self.check_in_place()

    def check_in_place(self) -> None:
        """Check that the directory still has its name.

        Raises:
            FileNotFoundError: It was removed or renamed.
        """
        files.check_in_place(self.name, self._opened)

    def summary(self) -> str:
        """Say how many keys were written."""
        return f"{self.name} has {counted(self.count, 'new key')}"


Sink = JsonLines | Directory
