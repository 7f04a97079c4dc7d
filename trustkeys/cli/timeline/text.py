"""The timeline of a key set for a terminal or a text file: one bar per key, over its validity."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from trustkeys.cli.timeline.content import (
    KID,
    Scale,
    Timeline,
    day_text,
    kid_text,
    stretch_text,
    ticks,
    timeline,
)
from trustkeys.core.numericdate import date_text
from trustkeys.keyset.keyset import TrustFrameworkKeySet
from trustkeys.keyset.schedule import Stretch

__tracebackhide__ = True

_DATES = "  {:<10}  {:<10}  "
_MIN_BAR = 24  # columns

_STYLES = {
    "active": "bold green",
    "valid": "cyan",
    "disabled": "bright_black",
    "gap": "bold red",
    "now": "yellow",
    "axis": "bright_black",
}

_GLYPHS = ("active", "valid", "disabled", "gap", "now", "axis", "tick", "mark", "before", "after")

UNICODE = dict(zip(_GLYPHS, "━─┄░│─┬▼◂▸", strict=True))
"""The characters of the timeline."""

ASCII = dict(zip(_GLYPHS, "=-.!|-+v<>", strict=True))
"""The characters for an output without Unicode."""


def as_text(keyset: TrustFrameworkKeySet, *, at: int, width: int, color: bool, plain: bool) -> str:
    """Draw a key set for a terminal or a text file.

    Args:
        keyset: The set.
        at: The time to use as now, in seconds since 1970.
        width: The number of columns; the picture needs 58, and more for kids of wide characters.
        color: Write ANSI escape codes for colours.
        plain: Use ASCII only.
    """
    file = io.StringIO()
    console = Console(
        file=file,
        width=width,
        force_terminal=color,
        color_system="auto" if color else None,
        legacy_windows=False,
    )
    lines = [*_lines(timeline(keyset, at), width, ASCII if plain else UNICODE)]
    for line in lines:
        line.rstrip()
    console.print(Text("\n").join(lines), no_wrap=True, overflow="ignore", soft_wrap=True)
    return file.getvalue()


def _lines(shown: Timeline, width: int, glyphs: dict[str, str]) -> Iterator[Text]:
    kid = max([KID, *(cell_len(kid_text(row.key.kid)) for row in shown.rows)])
    dates = _DATES.format("nbf", "exp")
    scale = shown.scale(max(width - kid - len(dates), _MIN_BAR))
    yield from _flow(_title(shown), "  ", width)
    yield Text()
    numbers, marks = _axis(shown, scale, glyphs)
    yield Text(" " * (kid + len(dates))) + numbers
    yield Text("kid".ljust(kid) + dates) + marks
    for row in shown.rows:
        parts = [(row.kind, row.validity), *(("active", each) for each in row.active)]
        label = kid_text(row.key.kid)
        label += " " * (kid - cell_len(label))
        label += _DATES.format(day_text(row.key.nbf), day_text(row.key.exp))
        style = _STYLES["disabled"] if row.kind == "disabled" else ""
        yield Text(label, style=style) + _bar(parts, shown, scale, glyphs)
    label = "no active key" if shown.gaps else "no gap"
    style = _STYLES["gap"] if shown.gaps else ""
    gaps = _bar([("gap", gap) for gap in shown.gaps], shown, scale, glyphs)
    yield Text(label.ljust(kid + len(dates)), style=style) + gaps
    yield Text()
    for gap in shown.gaps:
        yield from _flow(
            [Text(part, style=_STYLES["gap"]) for part in stretch_text("no key is active", gap)],
            " ",
            width,
        )
    yield from _flow(_legend(shown.at, glyphs), "   ", width)


def _flow(parts: Iterable[Text], gap: str, width: int) -> Iterator[Text]:
    """Set parts side by side, in as many lines as they need."""
    line = Text()
    for part in parts:
        if line and line.cell_len + len(gap) + part.cell_len > width:
            yield line
            line = Text()
        line += (Text(gap) if line else Text()) + part
    yield line


def _title(shown: Timeline) -> Iterator[Text]:
    yield Text(shown.id, style="bold")
    state = Text(f"{shown.summary}, ")
    if shown.active:
        yield state.append(f"active: {kid_text(shown.active.kid)}", style=_STYLES["active"])
    else:
        yield state.append("none is active", style=_STYLES["gap"])


def _axis(shown: Timeline, scale: Scale, glyphs: dict[str, str]) -> tuple[Text, Text]:
    numbers = ""
    marks = [glyphs["axis"]] * scale.width
    for column, label in ticks(scale, 1):
        marks[column] = glyphs["tick"]
        if column + len(label) <= scale.width:
            numbers = numbers.ljust(column) + label
    now = scale.column(shown.at)
    style = _STYLES["axis"]
    return Text(numbers, style=style), Text.assemble(
        ("".join(marks[:now]), style),
        (glyphs["mark"], _STYLES["now"]),
        ("".join(marks[now + 1 :]), style),
    )


def _bar(
    parts: Iterable[tuple[str, Stretch]], shown: Timeline, scale: Scale, glyphs: dict[str, str]
) -> Text:
    """Draw the parts over the line of now, and over one another in order."""
    cells = [(" ", "")] * scale.width
    cells[scale.column(shown.at)] = (glyphs["now"], _STYLES["now"])
    for kind, stretch in parts:
        style = _STYLES[kind]
        for column in scale.columns(stretch.start, stretch.end):
            cells[column] = (glyphs[kind], style)
        if stretch.start < shown.start:
            cells[0] = (glyphs["before"], style)
        if stretch.end > shown.end:
            cells[-1] = (glyphs["after"], style)
    runs = groupby(cells, key=itemgetter(1))
    return Text.assemble(*(("".join(glyph for glyph, _ in run), style) for style, run in runs))


def _legend(at: int, glyphs: dict[str, str]) -> Iterator[Text]:
    for kind in ("active", "valid", "disabled", "gap"):
        yield Text.assemble((glyphs[kind] * 2, _STYLES[kind]), f" {kind}")
    yield Text.assemble((glyphs["mark"], _STYLES["now"]), f" now, {date_text(at)}")
