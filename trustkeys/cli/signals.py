"""The signals that stop the command, and when they do."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType

from trustkeys.signals import handled

__tracebackhide__ = True


class Stopped(BaseException):
    """A signal stops the process. Open files are cleaned up on the way out."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


def stop(signum: int, _frame: FrameType | None) -> None:
    """Handle a signal by raising `Stopped`."""
    raise Stopped(signum)


@contextmanager
def deferred() -> Iterator[Callable[[], bool]]:
    """Defer a first signal until the block ends. A second one stops the block at once.

    Yields:
        A function that returns whether a signal came.
    """
    came: list[int] = []

    def note(signum: int, _frame: FrameType | None) -> None:
        came.append(signum)
        if len(came) > 1:
            raise Stopped(signum)

    with handled(note):
        yield lambda: bool(came)
    if came:
        raise Stopped(came[0])


def immediate() -> AbstractContextManager[object]:
    """Let a signal end the process at once in the block, which has nothing to clean up.

    Otherwise a signal waits until OpenSSL returns, which a hostile file can delay without limit.
    """
    return handled(signal.SIG_DFL)
