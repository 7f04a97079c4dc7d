"""The progress of a long run, on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from trustkeys.cli.terminal import note, wants_json

__tracebackhide__ = True

PAUSE = 30.0
"""The time between two lines of a run without a terminal, in seconds."""


@contextmanager
def progress(total: int, first: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on a terminal; elsewhere, such as in a log file, print a line every 30 seconds.

    Nothing is shown with ``--json``.

    Args:
        total: The number of keys at the end.
        first: The number of keys at the start.

    Yields:
        A function that shows how many keys are written.
    """
    start = time.monotonic()
    said = start

    def rate(done: int) -> float:
        return (done - first) / max(time.monotonic() - start, 1e-9)

    def print_line(done: int) -> None:
        nonlocal said
        now = time.monotonic()
        if now > said + PAUSE and done > first:
            said = now
            left = (total - done) / rate(done)
            note(f"{done} of {total} keys, {rate(done):.1f} keys/s, {left:.0f} s left")

    if wants_json():
        yield lambda _done: None
        return
    if sys.stderr is None or not sys.stderr.isatty():
        yield print_line
        return

    from rich import progress as bars
    from rich.console import Console

    columns = (
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TextColumn("{task.fields[rate]}"),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=total, completed=first, rate="")
        yield lambda done: bar.update(task, completed=done, rate=f"{rate(done):.1f} keys/s")
