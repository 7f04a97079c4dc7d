"""The timeline of a key set as an SVG picture.

It uses SVG 1.1 only, in the parts that librsvg and browsers share, and loads nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import svg

from trustkeys.cli.timeline import paint as draw
from trustkeys.cli.timeline.content import Timeline, day_text, kid_text, stretch_text, timeline
from trustkeys.cli.timeline.layout import GAPS, PAD, ROOMY, TOP, WIDTH, Layout, layout
from trustkeys.cli.timeline.paint import FONT, MONO, SANS, paint
from trustkeys.cli.timeline.rows import rows
from trustkeys.core.numericdate import date_text
from trustkeys.keyset.keyset import TrustFrameworkKeySet
from trustkeys.keyset.schedule import FOREVER

__tracebackhide__ = True

# A picture of this height does not fit a screen: it has a second axis at its end.
_TALL = 800
_LONGEST_ID = 76  # characters

_LEGEND = (
    ("active", "active"),
    ("valid", "valid, another key is active"),
    ("disabled", "disabled"),
    ("gap", "gap: no key is active"),
    ("pale", "continues"),
)


def as_svg(keyset: TrustFrameworkKeySet, *, at: int) -> bytes:
    """Draw a key set as an SVG picture. It is ASCII, which every encoding leaves as it is.

    Args:
        keyset: The set.
        at: The time to use as now, in seconds since 1970.
    """
    shown = timeline(keyset, at)
    place = layout(shown)
    is_tall = place.bottom > _TALL
    height = round(place.bottom + (96 if is_tall else 56))
    picture = svg.SVG(
        width=WIDTH,
        height=height,
        viewBox=svg.ViewBoxSpec(0, 0, WIDTH, height),
        extra={
            "font-family": "sans-serif",
            "font-size": str(FONT),
            "role": "img",
            "aria-labelledby": "tk-title tk-desc",
        },
        elements=[
            draw.title(f"{shown.id}: timeline of {shown.summary}", id="tk-title"),
            draw.description(_description(shown), id="tk-desc"),
            draw.dark(),
            svg.Defs(elements=[draw.hatch()]),
            draw.box(0.5, 0.5, WIDTH - 1, height - 1, rx=8, **paint("card")),
            *_heading(place),
            *_background(place),
            *_axis(place, TOP - 30, TOP - 40),
            *(_axis(place, place.bottom + 8, place.bottom + 44) if is_tall else ()),
            rows(place),
            *_legend(height - 22),
        ],
    )
    # With a line for each row, pictures can be compared.
    return str(picture).replace("</g>", "</g>\n").encode("ascii", "xmlcharrefreplace") + b"\n"


def _description(shown: Timeline) -> str:
    """Say in words what the picture shows, for people who cannot see it."""
    sentences = [f"Now is {date_text(shown.at)}", _state(shown), "the rows are in order of nbf"]
    sentences += [" ".join(stretch_text("no key is active", gap)) for gap in shown.gaps[:GAPS]]
    if len(shown.gaps) > GAPS:
        sentences.append(f"more gaps: {len(shown.gaps) - GAPS:,}")
    return "; ".join(sentences)


def _state(shown: Timeline) -> str:
    state = f"active now: {kid_text(shown.active.kid)}" if shown.active else "no key is active now"
    return state if shown.now.end == FOREVER else f"{state}, until {day_text(shown.now.end)}"


def _heading(place: Layout) -> Iterator[svg.Element]:
    shown = place.shown
    title = shown.id if len(shown.id) <= _LONGEST_ID else f"{shown.id[: _LONGEST_ID - 1]}…"
    yield draw.text(PAD, 40, title, font_size=18, font_weight="bold", **paint("text"))
    color = paint("active-text" if shown.active else "gap-text")
    parts = [
        draw.span(shown.summary),
        # librsvg drops a space at the end of a part.
        draw.span(_state(shown), dx=16, font_weight="bold", **color),
    ]
    if place.named.step > 1:
        parts.append(draw.span(f"one key in {place.named.step} is named", dx=16))
    yield svg.Text(x=PAD, y=62, font_size=13, elements=[*parts], **paint("pale"))


def _background(place: Layout) -> Iterator[svg.Element]:
    """Draw what lies behind the bars: stripes, a band for each gap, the grid, the line of now."""
    if place.row >= ROOMY:
        stripes = [
            draw.box(PAD - 8, TOP + index * place.row, WIDTH - 2 * PAD + 16, place.row)
            for index in range(0, len(place.shown.rows), 2)
        ]
        yield svg.G(elements=[*stripes], **paint("stripe"))
    ends = [place.bar(gap) for gap in place.shown.gaps]
    bands = [
        draw.box(left, TOP, right - left, place.bottom - TOP)
        for left, right in ends
        if left < right
    ]
    yield svg.G(elements=[*bands], **paint("band"))
    grid = [draw.line(x, TOP - 34, place.bottom + 4) for x, _ in place.ticks]
    yield svg.G(elements=[*grid], **paint("grid"))
    yield draw.line(place.now, TOP - 12, place.bottom + 8, stroke_width=1.5, **paint("now-line"))


def _axis(place: Layout, now: float, dates: float) -> Iterator[svg.Element]:
    """Draw the dates, and the label of now."""
    centered = {"font-family": "monospace", "text-anchor": "middle"}
    labels = [draw.text(x, dates, label) for x, label in place.ticks]
    yield svg.G(elements=[*labels], extra=centered, **paint("pale"))
    label = f"now {day_text(place.shown.at)}"
    width = len(label) * MONO + 14
    pill = draw.box(place.now - width / 2, now, width, 20, rx=10, **paint("now"))
    yield svg.G(
        elements=[pill, draw.text(place.now, now + 14, label, **paint("on-now"))], extra=centered
    )


def _legend(y: float) -> Iterator[svg.Element]:
    x = float(PAD)
    for kind, label in _LEGEND:
        yield draw.bar(x, x + 22, y - 11, 14, before=False, after=kind == "pale", **paint(kind))
        yield draw.text(x + 34, y, label, **paint("pale"))
        x += 34 + len(label) * SANS + 20
