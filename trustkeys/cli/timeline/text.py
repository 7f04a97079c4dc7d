"""The timeline of a key set for a terminal or a text file: one bar per key, over its validity."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import groupby
from operator import itemgetter

import click

from trustkeys.cli.terminal import cells
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

_STYLES: dict[str, Callable[[str], str]] = {
    "active": partial(click.style, fg="green", bold=True),
    "valid": partial(click.style, fg="cyan"),
    "disabled": partial(click.style, fg="bright_black"),
    "gap": partial(click.style, fg="red", bold=True),
    "now": partial(click.style, fg="yellow"),
    "axis": partial(click.style, fg="bright_black"),
    "": str,
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
    lines = _lines(timeline(keyset, at), width, ASCII if plain else UNICODE)
    return "".join(f"{(line if color else click.unstyle(line)).rstrip()}\n" for line in lines)


def _lines(shown: Timeline, width: int, glyphs: dict[str, str]) -> Iterator[str]:
    kid = max([KID, *(cells(kid_text(row.key.kid)) for row in shown.rows)])
    dates = _DATES.format("nbf", "exp")
    scale = shown.scale(max(width - kid - len(dates), _MIN_BAR))
    yield from _flow(_title(shown), "  ", width)
    yield ""
    numbers, marks = _axis(shown, scale, glyphs)
    yield " " * (kid + len(dates)) + numbers
    yield "kid".ljust(kid) + dates + marks
    for row in shown.rows:
        parts = [(row.kind, row.validity), *(("active", each) for each in row.active)]
        label = kid_text(row.key.kid)
        label += " " * (kid - cells(label))
        label += _DATES.format(day_text(row.key.nbf), day_text(row.key.exp))
        style = _STYLES["disabled"] if row.kind == "disabled" else str
        yield style(label) + _bar(parts, shown, scale, glyphs)
    label = "no active key" if shown.gaps else "no gap"
    style = _STYLES["gap"] if shown.gaps else str
    gaps = _bar([("gap", gap) for gap in shown.gaps], shown, scale, glyphs)
    yield style(label.ljust(kid + len(dates))) + gaps
    yield ""
    for gap in shown.gaps:
        parts_of_gap = stretch_text("no key is active", gap)
        yield from _flow(map(_STYLES["gap"], parts_of_gap), " ", width)
    yield from _flow(_legend(shown.at, glyphs), "   ", width)


def _flow(parts: Iterable[str], gap: str, width: int) -> Iterator[str]:
    """Set parts side by side, in as many lines as they need."""
    line = ""
    for part in parts:
        longer = f"{line}{gap}{part}" if line else part
        if line and cells(click.unstyle(longer)) > width:
            yield line
            longer = part
        line = longer
    yield line


def _title(shown: Timeline) -> Iterator[str]:
    yield click.style(shown.id, bold=True)
    if shown.active:
        state = _STYLES["active"](f"active: {kid_text(shown.active.kid)}")
    else:
        state = _STYLES["gap"]("none is active")
    yield f"{shown.summary}, {state}"


def _axis(shown: Timeline, scale: Scale, glyphs: dict[str, str]) -> tuple[str, str]:
    numbers = ""
    marks = [glyphs["axis"]] * scale.width
    for column, label in ticks(scale, 1):
        marks[column] = glyphs["tick"]
        if column + len(label) <= scale.width:
            numbers = numbers.ljust(column) + label
    now = scale.column(shown.at)
    axis = _STYLES["axis"]
    before, after = axis("".join(marks[:now])), axis("".join(marks[now + 1 :]))
    return axis(numbers), f"{before}{_STYLES['now'](glyphs['mark'])}{after}"


def _bar(
    parts: Iterable[tuple[str, Stretch]], shown: Timeline, scale: Scale, glyphs: dict[str, str]
) -> str:
    """Draw the parts over the line of now, and over one another in order."""
    drawn = [(" ", "")] * scale.width
    drawn[scale.column(shown.at)] = (glyphs["now"], "now")
    for kind, stretch in parts:
        for column in scale.columns(stretch.start, stretch.end):
            drawn[column] = (glyphs[kind], kind)
        if stretch.start < shown.start:
            drawn[0] = (glyphs["before"], kind)
        if stretch.end > shown.end:
            drawn[-1] = (glyphs["after"], kind)
    runs = groupby(drawn, key=itemgetter(1))
    return "".join(_STYLES[kind]("".join(glyph for glyph, _ in run)) for kind, run in runs)


def _legend(at: int, glyphs: dict[str, str]) -> Iterator[str]:
    for kind in ("active", "valid", "disabled", "gap"):
        yield f"{_STYLES[kind](glyphs[kind] * 2)} {kind}"
    yield f"{_STYLES['now'](glyphs['mark'])} now, {date_text(at)}"
