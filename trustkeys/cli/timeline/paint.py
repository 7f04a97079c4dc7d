"""Colours, text and shapes of the SVG timeline.

Colours are attributes, so that a reader of SVG needs no CSS. CSS only changes them on a dark page.
"""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

import svg

__tracebackhide__ = True

FONT = 12
"""The size of small text, in pixels."""

MONO = 0.602 * FONT
"""The width of a character of the monospaced font at most, in pixels."""

SANS = 0.53 * FONT
"""The same of the proportional font, on average."""

_POINT = 8

# Attributes on a light page, and on a dark one. Nobody needs to tell colours apart: active keys are
# dark, valid ones light, disabled ones hatched, and gaps have rows of their own.
_PAINTS = {
    "card": {"fill": ("#ffffff", "#0d1117"), "stroke": ("#d0d7de", "#30363d")},
    "stripe": {"fill": ("#f6f8fa", "#151b23")},
    "grid": {"stroke": ("#d8dee4", "#2f3741")},
    "text": {"fill": ("#1f2328", "#f0f6fc")},
    "pale": {"fill": ("#59636e", "#9198a1")},
    "active-text": {"fill": ("#0550ae", "#79c0ff")},
    "gap-text": {"fill": ("#b3141f", "#ff8780")},
    "now": {"fill": ("#1f2328", "#f0f6fc")},
    "now-line": {"stroke": ("#1f2328", "#f0f6fc")},
    "on-now": {"fill": ("#ffffff", "#0d1117")},
    "active": {"fill": ("#0550ae", "#58a6ff"), "stroke": ("#0550ae", "#58a6ff")},
    "valid": {"fill": ("#c8e1ff", "#1c3a5e"), "stroke": ("#4a90d9", "#4a7db3")},
    "disabled": {"fill": ("url(#tk-hatch)", "url(#tk-hatch)"), "stroke": ("#8c959f", "#6e7681")},
    "hatch": {"stroke": ("#afb8c1", "#57606a")},
    "gap": {"fill": ("#cf222e", "#f85149"), "stroke": ("#cf222e", "#f85149")},
    "band": {"fill": ("#ffdfdc", "#431d20")},
}


def paint(name: str) -> dict[str, Any]:
    """Return the attributes for a light page, and the class by which `dark` changes them."""
    light = {attribute: colors[0] for attribute, colors in _PAINTS[name].items()}
    return {"class_": [f"tk-{name}"], **light}


def dark() -> svg.Style:
    """Return the style sheet for a dark page. The prefix keeps it off the elements of the page."""
    rules = (
        f".tk-{name}{{{';'.join(f'{attribute}:{dark}' for attribute, (_, dark) in parts.items())}}}"
        for name, parts in _PAINTS.items()
    )
    return svg.Style(text=f"@media (prefers-color-scheme:dark){{{''.join(rules)}}}")


def hatch() -> svg.Pattern:
    """Return the pattern of disabled keys."""
    line = svg.Line(x1=2, y1=0, x2=2, y2=5, stroke_width=2, **paint("hatch"))
    return svg.Pattern(
        id="tk-hatch",
        width=5,
        height=5,
        patternUnits="userSpaceOnUse",
        patternTransform=[svg.Rotate(45)],
        elements=[line],
    )


def rounded(value: float) -> float:
    """Round a length in pixels to what people can see."""
    number = round(value, 2)
    return int(number) if number == int(number) else number


def text(x: float, y: float, content: str, **attributes: Any) -> svg.Text:
    """Return text that starts at a point."""
    return svg.Text(x=rounded(x), y=rounded(y), text=escape(content), **attributes)


def span(content: str, **attributes: Any) -> svg.TSpan:
    """Return a part of a text."""
    return svg.TSpan(text=escape(content), **attributes)


def box(x: float, y: float, width: float, height: float, **attributes: Any) -> svg.Rect:
    """Return a rectangle."""
    left, top, wide, high = map(rounded, (x, y, width, height))
    return svg.Rect(x=left, y=top, width=wide, height=high, **attributes)


def line(x: float, top: float, bottom: float, **attributes: Any) -> svg.Line:
    """Return a vertical line."""
    return svg.Line(x1=rounded(x), y1=rounded(top), x2=rounded(x), y2=rounded(bottom), **attributes)


def title(content: str, **attributes: Any) -> svg.Title:
    """Return the name of an element. Browsers show it beside the pointer."""
    return svg.Title(text=escape(content), **attributes)


def description(content: str, **attributes: Any) -> svg.Desc:
    """Return the description of an element."""
    return svg.Desc(text=escape(content), **attributes)


def bar(
    left: float,
    right: float,
    y: float,
    height: float,
    *,
    before: bool,
    after: bool,
    **attributes: Any,
) -> svg.Polygon:
    """Return a bar, with a point at the left if it continues before, or at the right if after."""
    middle = y + height / 2
    points = [(left, y), (right, y)]
    points += [(right + _POINT, middle)] if after else []
    points += [(right, y + height), (left, y + height)]
    points += [(left - _POINT, middle)] if before else []
    return svg.Polygon(points=[svg.Point(rounded(x), rounded(y)) for x, y in points], **attributes)
