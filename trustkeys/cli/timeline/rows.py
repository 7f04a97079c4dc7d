"""The rows of the picture of a timeline: one for each key, and then the gaps."""

from __future__ import annotations

from collections.abc import Iterator

import svg

from trustkeys.cli.terminal import escaped
from trustkeys.cli.timeline import paint as draw
from trustkeys.cli.timeline.content import Row, Timeline, day_text, kid_text, stretch_text
from trustkeys.cli.timeline.layout import GAPS, ROOMY, ROW, TOP, Layout
from trustkeys.cli.timeline.paint import paint
from trustkeys.core.numericdate import date_text
from trustkeys.keyset.schedule import Stretch

__tracebackhide__ = True

_LONGEST_KID = 100  # characters
_BASELINE = 4  # below the middle of a row


def rows(place: Layout) -> svg.G:
    """Draw all rows."""
    return svg.G(
        extra={"font-family": "monospace"},
        stroke_width=1 if place.row >= ROOMY else 0,
        elements=[*_header(place), *_keys(place), *_gaps(place)],
        **paint("text"),
    )


def _header(place: Layout) -> Iterator[svg.Element]:
    for x, label in zip(place.columns, ("kid", "nbf", "exp"), strict=True):
        yield draw.text(x, TOP - 15, label, **paint("pale"))


def _keys(place: Layout) -> Iterator[svg.Element]:
    height = place.row * 2 / 3 if place.row >= 3 else place.row
    for index, row in enumerate(place.shown.rows):
        y = TOP + index * place.row
        elements: list[svg.Element] = [draw.title(_tooltip(row, place.shown))]
        if index in place.named:
            is_active = row.key is place.shown.active
            style = {"font_weight": "bold", **paint("active-text")} if is_active else {}
            labels = (kid_text(row.key.kid), day_text(row.key.nbf), day_text(row.key.exp))
            for x, label in zip(place.columns, labels, strict=True):
                elements.append(draw.text(x, y + place.row / 2 + _BASELINE, label, **style))
        top = y + (place.row - height) / 2
        elements.append(_bar(place, row.kind, row.validity, top, height))
        elements += [_bar(place, "active", each, top, height) for each in row.active]
        attributes = paint("pale") if row.kind == "disabled" else {}
        yield svg.G(elements=elements, **attributes)


def _gaps(place: Layout) -> Iterator[svg.Element]:
    for index, (labels, gaps) in enumerate(place.gaps):
        y = place.middle + index * ROW
        elements: list[svg.Element] = [
            draw.text(x, y + ROW / 2 + _BASELINE, label)
            for x, label in zip(place.columns, labels, strict=False)
        ]
        for gap in gaps:
            bar = _bar(place, "gap", gap, y + ROW / 6, ROW * 2 / 3)
            elements.append(
                svg.G(elements=[draw.title(" ".join(stretch_text("no key is active", gap))), bar])
            )
        yield svg.G(elements=elements, **paint("gap-text" if gaps else "pale"))


def _bar(place: Layout, kind: str, stretch: Stretch, y: float, height: float) -> svg.Polygon:
    left, right = place.bar(stretch)
    return draw.bar(
        left,
        right,
        y,
        height,
        before=stretch.start < place.shown.start,
        after=stretch.end > place.shown.end,
        **paint(kind),
    )


def _tooltip(row: Row, shown: Timeline) -> str:
    kid = escaped(row.key.kid[: _LONGEST_KID + 1])
    lines = [kid if len(kid) <= _LONGEST_KID else f"{kid[: _LONGEST_KID - 1]}…"]
    lines += [f"key {row.number} of {len(shown.rows):,}, {row.key.status}"]
    for name, when in (("nbf", row.key.nbf), ("exp", row.key.exp)):
        lines += [f"{name} {'none' if when is None else date_text(when)}"]
    lines += [" ".join(stretch_text("active", each)) for each in row.active[:GAPS]]
    if len(row.active) > GAPS:
        lines += [f"more times: {len(row.active) - GAPS:,}"]
    return "\n".join(lines)
