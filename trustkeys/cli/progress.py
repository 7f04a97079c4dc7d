"""How far a long run has come, on standard error."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from trustkeys.cli import values

PAUSE = 5
"""How long, in seconds, between two lines where there is no terminal."""


class Progress:
    """A bar with rate and time left, or now and then a line.

    Args:
        total: How many keys there are to be.
        done: How many there are at the start.
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
        """Say how many there are."""
        now = time.monotonic()
        rate = (done - self._first) / max(now - self._start, 1e-9)
        if self._bar is not None:
            self._bar.update(self._task, completed=done, rate=f"{rate:.1f} keys/s")
        elif now > self._said + PAUSE and rate > 0:
            self._said = now
            left = (self._total - done) / rate
            values.say(f"{done} of {self._total} keys, {rate:.1f} keys/s, {left:.0f} s left")
