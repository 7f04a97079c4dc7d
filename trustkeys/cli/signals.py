"""The signals that stop the command, and when they do."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from trustkeys.system import STOPPING

__tracebackhide__ = True


class Stopped(BaseException):
    """A signal stops the process. Open files are cleaned up on the way out."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


def stop(signum: int, _frame: FrameType | None) -> None:
    """Handle a signal by raising `Stopped`."""
    raise Stopped(signum)


def handle(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    """Handle the signals that stop a process with `handler`."""
    for signum in STOPPING:
        # If the parent process ignores it, as nohup does, it stays ignored.
        if signal.getsignal(signum) is not signal.SIG_IGN:
            signal.signal(signum, handler)


@contextmanager
def deferred() -> Iterator[Callable[[], bool]]:
    """Defer a first signal until the block ends. A second one stops the block at once.

    Yields:
        A function that returns whether a signal came.
    """
    # Masks would not help: another thread can receive the signal.
    came: list[int] = []

    def note(signum: int, _frame: FrameType | None) -> None:
        came.append(signum)
        if len(came) > 1:
            raise Stopped(signum)

    before = {signum: signal.getsignal(signum) for signum in STOPPING}
    handle(note)
    try:
        yield lambda: bool(came)
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
    if came:
        raise Stopped(came[0])


@contextmanager
def immediate() -> Iterator[None]:
    """Let a signal end the process at once in the block, which has nothing to clean up.

    Otherwise a signal waits until OpenSSL returns, which a hostile file can delay without limit.
    """
    before = {signum: signal.getsignal(signum) for signum in STOPPING}
    handle(signal.SIG_DFL)
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Defer signals until the block ends, which must take only moments."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
