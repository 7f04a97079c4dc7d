"""Linux, macOS and other POSIX systems."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any, TextIO

__tracebackhide__ = True

# So mypy leaves the rest out when it checks for Windows.
assert sys.platform != "win32"  # noqa: S101

SHELL = "sh"
"""The usual shell, in which commands are typed."""

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The signals that stop a program: Ctrl-C, `kill`, and a terminal that was closed."""

APART: Mapping[str, Any] = {"start_new_session": True}
"""The arguments of `subprocess.Popen` for a process that no key of the terminal reaches."""

REUSES_ADDRESS = True
"""Whether a server asks for an address that a server before it has just left."""

UNUSED_COLUMNS = 0
"""How many columns at the right of a terminal stay empty."""

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


def end_by(signum: int) -> None:
    """End the process as a signal does by default; return only if the signal is blocked."""
    signal.signal(signum, signal.SIG_DFL)
    signal.raise_signal(signum)


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


def has_lost_reader(_stream: TextIO, error: OSError) -> bool:
    """Return whether writing failed because nobody reads the output any more."""
    return isinstance(error, BrokenPipeError)


def has_terminal() -> bool:
    """Return whether somebody can be asked for a passphrase."""
    with suppress(OSError):
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
        return True
    return sys.stdin is not None and sys.stdin.isatty()


def prompting() -> AbstractContextManager[None]:
    """Run the block, which asks for a passphrase."""
    return nullcontext()


def obeys_escape_codes(_terminal: TextIO) -> bool:
    """Return True: a terminal that does not obey ANSI escape codes has a name that says so."""
    return True
