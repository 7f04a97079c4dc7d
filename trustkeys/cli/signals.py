"""What stops the command, and when it may."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

Handler = Callable[[int, FrameType | None], None] | signal.Handlers

# Windows has no SIGHUP.
_STOPPING = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


class Stopped(BaseException):
    """A signal asked the process to stop: what is open is cleaned up on the way out."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


def stop(signum: int, _frame: FrameType | None) -> None:
    """Turn a signal into an exception."""
    raise Stopped(signum)


def handle(handler: Handler) -> None:
    """Have `handler` handle the signals that ask to stop."""
    for signum in _STOPPING:
        # Ignored by whoever started us, as nohup does: it stays so.
        if signal.getsignal(signum) is not signal.SIG_IGN:
            signal.signal(signum, handler)


@contextmanager
def deferred() -> Iterator[Callable[[], bool]]:
    """Let a first signal wait until the block ends, which can ask whether one came.

    Other threads may take a signal, and so masks do not help where there are some. A second
    signal stops the block at once.
    """
    came: list[int] = []

    def note(signum: int, _frame: FrameType | None) -> None:
        came.append(signum)
        if len(came) > 1:
            raise Stopped(signum)

    before = {signum: signal.getsignal(signum) for signum in _STOPPING}
    handle(note)
    try:
        yield lambda: bool(came)
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
    if came:
        raise Stopped(came[0])


@contextmanager
def unbroken() -> Iterator[None]:
    """Have a broken pipe, such as to a cluster, be an error in the block, and not the end."""
    if not hasattr(signal, "SIGPIPE"):  # Windows
        yield
        return
    before = signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGPIPE, before)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let signals wait until the block is done, which must take moments."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
