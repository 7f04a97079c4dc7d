"""Windows. The module can be imported, and most of it tested, on other systems too."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

__tracebackhide__ = True

SHELL = "powershell"
"""The usual shell, in which commands are typed."""

STOPPING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)
)
"""The signals that stop a program: Ctrl-C, `os.kill` of another Python, and Ctrl-Break."""


def processors() -> int:
    """Return the number of processors."""
    return os.cpu_count() or 1


def protect_memory() -> None:
    """Do nothing: Windows writes the memory of a crashed program only if it is set up for that."""


def end_with_reader() -> None:
    """Do nothing: Windows has no signal for it."""


@contextmanager
def reader_is_noticed() -> Iterator[None]:
    """Run the block: a broken pipe is always an error here."""
    yield
