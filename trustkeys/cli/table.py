"""Tables for a terminal or a pipe."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Sequence

from trustkeys.cli.terminal import escaped, has_colors

__tracebackhide__ = True


def table_text(
    columns: Sequence[str], rows: Sequence[Sequence[str]], styles: Sequence[str], *, folded: str
) -> str:
    """Return a table as text: as wide as the terminal, or for a pipe one line for each row.

    Args:
        columns: The names of the columns.
        rows: The cells of each row. Control characters are escaped.
        styles: The style of each row in colours, in rich's words.
        folded: The column that a narrow terminal folds.
    """
    shown = [[*map(escaped, row)] for row in rows]
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    if is_terminal or has_colors():
        width = shutil.get_terminal_size().columns if is_terminal else 1000
        text = _drawn(columns, shown, styles, folded, width)
    else:
        text = _aligned([columns, *shown])
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(" ".join(map(str.ljust, row, widths)) for row in rows)


def _drawn(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    styles: Sequence[str],
    folded: str,
    width: int,
) -> str:
    from rich.console import Console  # imported lazily: slow to import, and slow for many rows
    from rich.table import Table

    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for name in columns:
        table.add_column(name, no_wrap=name != folded, overflow="fold")
    for cells, style in zip(rows, styles, strict=True):
        table.add_row(*cells, style=style)
    file = io.StringIO()
    console = Console(
        file=file,
        width=width,
        markup=False,  # a kid can look like it
        emoji=False,
        force_terminal=has_colors(),
        color_system="auto" if has_colors() else None,
        legacy_windows=False,
    )
    console.print(table)
    return file.getvalue()
