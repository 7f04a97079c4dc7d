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
