"""The signals that stop a program: handle them in another way for a while, or hold them back.

By handlers, not masks: Windows has no masks, and another thread could receive the signal.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType
from typing import Any

from trustkeys.system import STOPPING, end_by

__tracebackhide__ = True

Handler = Callable[[int, FrameType | None], Any] | int


@contextmanager
def handled(handler: Handler) -> Iterator[dict[int, Handler]]:
    """Handle the signals that stop a program with `handler` in the block.

    An ignored signal stays ignored, as nohup demands. A handler of C's stays too: Python could not
    put it back. Outside the main thread, where Python runs no handlers, this does nothing.

    Yields:
        The handlers that were replaced.
    """
    before: dict[int, Handler] = {}
    if threading.current_thread() is threading.main_thread():
        found = {signum: signal.getsignal(signum) for signum in STOPPING}
        before |= {
            signum: each for signum, each in found.items() if each not in (signal.SIG_IGN, None)
        }
    try:
        # An embedded Python can take another thread for the main one.
        with suppress(ValueError):
            for signum in before:
                signal.signal(signum, handler)
        yield before
    finally:
        for signum, each in before.items():
            if signal.getsignal(signum) == handler:  # else the block has set another
                signal.signal(signum, each)


@contextmanager
def held() -> Iterator[None]:
    """Hold back the signals that stop a program until the block ends, which must take only moments.

    Then each that came has the effect that it would have had, even if the block raised an error.
    """
    came: dict[int, FrameType | None] = {}
    is_over = False

    def note(signum: int, frame: FrameType | None) -> None:
        if is_over:
            # The block was left, but not cleanly: a handler raised an error just before this one
            # was replaced, or a block that began later ended later.
            signal.signal(signum, before[signum])
            _deliver(signum, frame)
        else:
            came.setdefault(signum, frame)

    with ExitStack() as delivery:
        try:
            with handled(note) as before:
                try:
                    yield
                finally:
                    is_over = True
        finally:
            for signum, frame in came.items():
                delivery.callback(_deliver, signum, frame)


def _deliver(signum: int, frame: FrameType | None) -> None:
    handler = signal.getsignal(signum)
    if callable(handler):
        # Raised again, the signal would be counted twice by a loop of asyncio.
        handler(signum, frame)
    elif handler is signal.SIG_DFL:
        end_by(signum)
