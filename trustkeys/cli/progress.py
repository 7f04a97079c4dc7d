"""The progress of a long run, on standard error."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from trustkeys.cli.terminal import say

__tracebackhide__ = True

PAUSE = 30.0
"""The time between two lines of a run without a terminal, in seconds."""


class Progress:
    """A bar on a terminal; elsewhere, such as in a log file, a line every 30 seconds.

    Args:
        total: The number of keys at the end.
        done: The number of keys at the start.
    """

    def __init__(self, total: int, done: int) -> None:
        self._total = total
        self._first = done
        self._start = self._said = time.monotonic()
        self._bar = None
        if sys.stderr is not None and sys.stderr.isatty():
            from rich import progress
            from rich.console import Console

            self._bar = progress.Progress(
                progress.BarColumn(),
                progress.MofNCompleteColumn(),
                progress.TextColumn("{task.fields[rate]}"),
                progress.TimeRemainingColumn(),
                console=Console(stderr=True),
            )
            self._task = self._bar.add_task("", total=total, completed=done, rate="")

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, done: int) -> None:
        """Show that `done` keys are written."""
        now = time.monotonic()
        rate = (done - self._first) / max(now - self._start, 1e-9)
        if self._bar is not None:
            self._bar.update(self._task, completed=done, rate=f"{rate:.1f} keys/s")
        elif now > self._said + PAUSE and rate > 0:
            self._said = now
            left = (self._total - done) / rate
            say(f"{done} of {self._total} keys, {rate:.1f} keys/s, {left:.0f} s left")
