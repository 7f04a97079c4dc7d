"""The timeline of a key set: one bar per key, over its validity."""

from __future__ import annotations

import io
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from attrs import frozen
from rich.console import Console
from rich.text import Text

from trustkeys.cli.terminal import escaped
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.numericdate import date_text
from trustkeys.keyset.keyset import TrustFrameworkKeySet
from trustkeys.keyset.schedule import FOREVER, Stretch, end_of, start_of, stretches

__tracebackhide__ = True

_LABEL = "{:<8}  {:<10}  {:<10}  "
_LABEL_WIDTH = len(_LABEL.format("", "", ""))
_MIN_BAR = 24  # columns
_TICK = 12  # columns between two dates of the axis
_MONTH = 30 * 86_400
# Dates further from now than this, in seconds, do not stretch the picture.
_HORIZON = 9 * 365 * 86_400

_STYLES = {
    "active": "bold green",
    "valid": "cyan",
    "disabled": "bright_black",
    "gap": "bold red",
    "now": "yellow",
    "axis": "bright_black",
}

_GLYPHS = ("active", "valid", "disabled", "gap", "now", "axis", "tick")

UNICODE = dict(zip(_GLYPHS, "━─┄░│─┬", strict=True))
"""The characters of the timeline."""

ASCII = dict(zip(_GLYPHS, "=-.!|-+", strict=True))
"""The characters for an output without Unicode."""


@frozen
class Scale:
    """Maps times, in seconds since 1970, to columns."""

    start: int
    end: int
    width: int

    def column(self, time: int) -> int:
        """Return the column of a time, which can lie outside."""
        return (time - self.start) * self.width // (self.end - self.start)

    def time(self, column: int) -> int:
        """Return the time at which a column starts."""
        return self.start + (self.end - self.start) * column // self.width

    def columns(self, start: int, end: int) -> range:
        """Return the columns of a stretch of time, at least one if any of it is in the picture."""
        first = self.column(start)
        return range(max(first, 0), min(max(self.column(end), first + 1), self.width))


def draw(keyset: TrustFrameworkKeySet, *, at: int, width: int, glyphs: dict[str, str]) -> Text:
    """Draw a key set.

    Args:
        keyset: The set.
        at: The time to use as now, in seconds since 1970.
        width: The number of columns; the picture needs 58.
        glyphs: `UNICODE` or `ASCII`.
    """
    keys = list(keyset)
    by_key: dict[int | None, list[Stretch]] = defaultdict(list)
    for stretch in stretches(keys):
        by_key[stretch.key].append(stretch)
    gaps = [*_worth_showing(by_key.pop(None, []), at)]
    scale = _scale(keys, at, max(width - _LABEL_WIDTH, _MIN_BAR))
    lines = [_title(keyset, by_key, at), Text(), *_axis(scale, glyphs)]
    for index, key in enumerate(keys):
        kind = "valid" if key.status == "enabled" else "disabled"
        parts = [(kind, scale.columns(start_of(key), end_of(key)))]
        parts += [("active", scale.columns(s.start, s.end)) for s in by_key[index]]
        label = _LABEL.format(escaped(key.kid)[:8], _date(key.nbf), _date(key.exp))
        style = _STYLES["disabled"] if kind == "disabled" else ""
        lines.append(Text(label, style=style) + _bar(parts, scale, at, glyphs))
    parts = [("gap", scale.columns(gap.start, gap.end)) for gap in gaps]
    label = f"{'no active key' if gaps else 'no gap':<{_LABEL_WIDTH}}"
    style = _STYLES["gap"] if gaps else ""
    lines += [Text(label, style=style) + _bar(parts, scale, at, glyphs), Text()]
    lines += [Text(_sentence(gap), style=_STYLES["gap"]) for gap in gaps]
    return Text("\n").join([*lines, _legend(at, glyphs)])


def as_text(keyset: TrustFrameworkKeySet, *, at: int, width: int, color: bool, plain: bool) -> str:
    """Draw a key set for a terminal or a text file.

    Args:
        keyset: The set.
        at: The time to use as now, in seconds since 1970.
        width: The number of columns.
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
    picture = draw(keyset, at=at, width=width, glyphs=ASCII if plain else UNICODE)
    console.print(picture, no_wrap=True, overflow="ignore", crop=False, soft_wrap=True)
    return file.getvalue()


def as_svg(keyset: TrustFrameworkKeySet, *, at: int) -> str:
    """Draw a key set as an SVG picture that loads nothing from the network."""
    width = 100
    console = Console(
        file=io.StringIO(), width=width, record=True, force_terminal=True, color_system="truecolor"
    )
    console.print(draw(keyset, at=at, width=width, glyphs=UNICODE), no_wrap=True)
    svg = console.export_svg(title=keyset.id, unique_id="timeline")
    # rich loads its font from a server. Any monospaced font will do.
    return re.sub(r"@font-face\s*\{[^}]*\}\s*", "", svg)


def _worth_showing(gaps: Iterable[Stretch], at: int) -> Iterable[Stretch]:
    """Cut off the past before the first key."""
    for gap in gaps:
        start = max(gap.start, at) if gap.start == 0 else gap.start
        if start < gap.end:
            yield Stretch(start, gap.end, None)


def _scale(keys: Sequence[TrustFrameworkKey], at: int, width: int) -> Scale:
    dates = [date for key in keys for date in (key.nbf, key.exp) if date is not None]
    near = [date for date in dates if abs(date - at) <= _HORIZON]
    start, end = min([at, *near]), max([at, *near])
    # A margin at both ends shows which bars continue.
    margin = max((end - start) // 12, _MONTH // 2)
    return Scale(start - margin, end + margin, width)


def _title(keyset: TrustFrameworkKeySet, by_key: dict[int | None, list[Stretch]], at: int) -> Text:
    keys = list(keyset)
    active = [
        escaped(keys[index].kid)[:8]
        for index, parts in by_key.items()
        if index is not None and any(part.start <= at < part.end for part in parts)
    ]
    title = Text(keyset.id, style="bold")
    noun = "key" if len(keys) == 1 else "keys"
    count = " ".join(filter(None, [str(len(keys)), keyset.kty, keyset.use, noun]))
    title.append(f"  {count}, ", style="not bold")
    if active:
        return title.append(f"active: {active[0]}", style=_STYLES["active"])
    return title.append("none is active", style=_STYLES["gap"])


def _axis(scale: Scale, glyphs: dict[str, str]) -> list[Text]:
    ticks = range(0, scale.width - 9, _TICK)
    dates = "  ".join(f"{_date(scale.time(column)):<10}" for column in ticks)
    marks = "".join(
        glyphs["tick"] if column in ticks else glyphs["axis"] for column in range(scale.width)
    )
    return [
        Text(" " * _LABEL_WIDTH + dates, style=_STYLES["axis"]),
        Text(_LABEL.format("kid", "nbf", "exp")).append(marks, style=_STYLES["axis"]),
    ]


def _bar(parts: Iterable[tuple[str, range]], scale: Scale, at: int, glyphs: dict[str, str]) -> Text:
    """Draw the parts over one another in order, and then the line of now."""
    cells = [""] * scale.width
    for kind, columns in [*parts, ("now", scale.columns(at, at + 1))]:
        for column in columns:
            cells[column] = kind
    bar = Text()
    for kind in cells:
        bar.append(glyphs.get(kind, " "), style=_STYLES.get(kind, ""))
    return bar


def _sentence(gap: Stretch) -> str:
    to = "on" if gap.end == FOREVER else f"to {date_text(gap.end)}"
    return f"no key is active from {date_text(gap.start)} {to}"


def _legend(at: int, glyphs: dict[str, str]) -> Text:
    legend = Text()
    for kind in ("active", "valid", "disabled", "gap"):
        legend.append(glyphs[kind] * 2, style=_STYLES[kind]).append(f" {kind}   ")
    return legend.append(glyphs["now"], style=_STYLES["now"]).append(f" now, {date_text(at)}")


def _date(time: int | None) -> str:
    if time is None:
        return "none"
    text = date_text(time) if time >= 0 else "before"
    return text.partition("T")[0] if len(text) <= 20 else "after 9999"
