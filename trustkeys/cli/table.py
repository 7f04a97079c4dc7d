"""Tables for a terminal or a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import zip_longest

import click

from trustkeys.cli.terminal import cells, escaped, has_colors, width

__tracebackhide__ = True

_LEAST = 8  # columns of a folded cell


def table_text(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    styles: Sequence[Callable[[str], str]],
    *,
    folded: str,
) -> str:
    """Return a table as text: as wide as the terminal, or for a pipe one line for each row.

    Args:
        columns: The names of the columns.
        rows: The cells of each row. Control characters are escaped.
        styles: What adds the colours of each row, if there are colours.
        folded: The column that a narrow terminal folds.
    """
    shown = [[*columns], *([*map(escaped, row)] for row in rows)]
    widths = [max(map(cells, column)) for column in zip(*shown, strict=True)]
    place = columns.index(folded)
    if sys.stdout is not None and sys.stdout.isatty():
        rest = sum(widths) - widths[place] + len(widths) - 1
        room = max(width() - rest, _LEAST)
        widths[place] = min(widths[place], room)
    paints: list[Callable[[str], str]] = [str] * len(shown)
    if has_colors():
        paints = [partial(click.style, bold=True), *styles]
    return "".join(
        f"{paint(line)}\n"
        for row, paint in zip(shown, paints, strict=True)
        for line in _lines(row, widths, place)
    )


def _lines(row: Sequence[str], widths: Sequence[int], place: int) -> Iterator[str]:
    """Yield the lines of a row, of which one cell can need several."""
    parts = [[cell] for cell in row]
    parts[place] = [*_folded(row[place], widths[place])]
    for line in zip_longest(*parts, fillvalue=""):
        yield " ".join(
            cell + " " * (width - cells(cell)) for cell, width in zip(line, widths, strict=True)
        ).rstrip()


def _folded(text: str, width: int) -> Iterator[str]:
    """Cut text into parts of `width` columns. A mark stays with the character that it is on."""
    part, taken = "", 0
    for char in text:
        size = cells(char)
        if taken + size > width:
            yield part
            part, taken = "", 0
        part += char
        taken += size
    yield part
