"""The progress of a long run, on standard error."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import click

from trustkeys.cli.terminal import can_write, is_dumb, note, wants_json
from trustkeys.system import obeys_escape_codes

__tracebackhide__ = True

PAUSE = 30.0
"""The time between two lines of a run without a terminal, in seconds."""

REFRESH = 0.1
"""The time between two drawings of the bar, in seconds."""

_GLYPHS = ("━", "─")


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
    if sys.stderr is None or not sys.stderr.isatty() or is_dumb():
        yield print_line
        return
    full, empty = _GLYPHS if can_write(_GLYPHS, sys.stderr) else ("#", "-")

    def shown(text: str | None) -> str | None:
        # A Windows console wraps a line that fills it. click measures the text while the bar has no
        # width, and the bar gets what that leaves.
        return text if bar.width else f"{text or ''}|"

    bar = click.progressbar(
        length=total,
        file=sys.stderr,
        show_pos=True,
        # click's own would count the keys of earlier runs.
        show_eta=False,
        item_show_func=shown,
        bar_template=f"{click.style('%(bar)s', fg='green')}  %(info)s",
        fill_char=full,
        empty_char=empty,
        color=bool(not os.environ.get("NO_COLOR") and obeys_escape_codes(sys.stderr)),
        width=0,  # what the rest of the line leaves
    )
    bar.update(first)
    with bar:
        drawn = start

        def draw(done: int) -> None:
            nonlocal drawn
            now = time.monotonic()
            if now > drawn + REFRESH or done == total:
                drawn = now
                left = timedelta(seconds=round((total - done) / rate(done)))
                bar.update(done - bar.pos, f"{rate(done):.1f} keys/s  {left}")

        yield draw
