"""Where things are in the picture of a timeline. All lengths are in pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import frozen

from trustkeys.cli.terminal import cells
from trustkeys.cli.timeline.content import KID, Row, Scale, Timeline, day_text, kid_text, ticks
from trustkeys.cli.timeline.paint import MONO
from trustkeys.keyset.schedule import FOREVER, Stretch

__tracebackhide__ = True

WIDTH = 960
PAD = 24
RIGHT = WIDTH - PAD - 22
"""The right edge of the bars."""

TOP = 132
"""The upper edge of the rows of keys."""

ROW = 24
"""The height of a row, unless the set is so large that its rows are lower."""

ROOMY = 9
"""The least height of rows with outlines and stripes."""

GAPS = 6
"""The largest number of gaps, or stretches of a key, that the picture tells one by one."""

# Cairo's surfaces end at a height of 32,767, and the pictures of browsers at 16,000.
_ALL_ROWS = 10_000
_NAME = 15


@frozen
class Layout:
    """Where things are.

    Attributes:
        shown: What to draw.
        row: The height of a key's row.
        columns: The left edges of the columns kid, nbf and exp.
        left: The left edge of the bars.
        scale: Maps times to tenths of a pixel from `left`.
        ticks: The places and labels of the round dates.
        named: The indices of the rows with a label.
        gaps: The rows of gaps: the labels for the columns, and the gaps.
        middle: The upper edge of the rows of gaps.
        bottom: Their lower edge.
    """

    shown: Timeline
    row: float
    columns: tuple[float, float, float]
    left: int
    scale: Scale
    ticks: list[tuple[float, str]]
    named: range
    gaps: list[tuple[list[str], list[Stretch]]]
    middle: float
    bottom: float

    @property
    def now(self) -> float:
        """The place of the line of now."""
        return self.left + self.scale.column(self.shown.at) / 10

    def bar(self, stretch: Stretch, least: int = 1) -> tuple[float, float]:
        """Return the left and right end of a stretch of time, cut off at the edges.

        Args:
            stretch: The stretch.
            least: The smallest width, except at an edge.
        """
        columns = self.scale.columns(stretch.start, stretch.end, 10 * least)
        if not columns:
            edge = self.left if stretch.start < self.shown.start else RIGHT
            return edge, edge
        return self.left + columns.start / 10, self.left + columns.stop / 10


def layout(shown: Timeline) -> Layout:
    """Decide where things are."""
    rows, gaps = shown.rows, [*_gap_rows(shown)]
    row = min(ROW, _ALL_ROWS / max(len(rows), 1))
    kid = max([KID, *(cells(kid_text(each.key.kid)) for each in rows)])
    nbf = PAD + kid * MONO + 16
    exp = nbf + 10 * MONO + 16
    left = round(exp + 10 * MONO + 28)
    scale = shown.scale(10 * (RIGHT - left))
    middle = TOP + row * len(rows) + 8
    return Layout(
        shown=shown,
        row=row,
        columns=(PAD, nbf, exp),
        left=left,
        scale=scale,
        ticks=[(left + column / 10, label) for column, label in ticks(scale, round(10 * MONO))],
        named=_named(rows, shown, int(-(-_NAME // row))),
        gaps=gaps,
        middle=middle,
        bottom=middle + ROW * len(gaps),
    )


def _named(rows: Sequence[Row], shown: Timeline, step: int) -> range:
    """Choose the rows with a label: that of the active key, and as many as have room."""
    active = next((index for index, row in enumerate(rows) if row.key is shown.active), 0)
    return range(active % step, len(rows), step)


def _gap_rows(shown: Timeline) -> Iterator[tuple[list[str], list[Stretch]]]:
    """Yield a row for each gap, or for each of the next ones and for the rest."""
    if not shown.gaps:
        yield ["no gap"], []
    ahead = [gap for gap in shown.gaps if gap.end > shown.at][: GAPS - 1]
    alone = shown.gaps if len(shown.gaps) <= GAPS else ahead
    for gap in alone:
        end = None if gap.end == FOREVER else gap.end
        yield ["no key", day_text(gap.start), day_text(end)], [gap]
    rest = [gap for gap in shown.gaps if gap not in alone]
    if rest:
        yield [f"{len(rest):,} {'more ' if alone else ''}gaps"], rest
