"""Linux, macOS and other POSIX systems."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__tracebackhide__ = True

assert sys.platform != "win32"  # noqa: S101 - for mypy

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The signals that stop a program: Ctrl-C, `kill`, and a terminal that was closed."""

# Of prctl(2).
_PR_SET_DUMPABLE = 4


def processors() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def protect_memory() -> None:
    """Keep a crash from writing keys to disk, and other programs of the user out of the memory."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        with suppress(ImportError):  # a Python that was built without libffi
            import ctypes

            # A kernel that pipes core dumps to a program ignores the limit.
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def end_with_reader() -> None:
    """Let the process end as soon as nobody reads its output any more."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)


@contextmanager
def reader_is_noticed() -> Iterator[None]:
    """Make a broken pipe an error in the block, such as one to a cluster, and not a signal."""
    before = signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGPIPE, before)
