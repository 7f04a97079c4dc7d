"""What a timeline shows: the rows in order, the gaps, the part of time, and its round dates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from attrs import frozen

from trustkeys.cli.terminal import escaped
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.numericdate import date_text
from trustkeys.keyset.keyset import TrustFrameworkKeySet
from trustkeys.keyset.schedule import FOREVER, Stretch, end_of, start_of, stretches

__tracebackhide__ = True

KID = 8
"""The number of characters that are shown of a `kid`."""

_DAY = 86_400
_YEAR = 365 * _DAY
# The picture shows all dates within this distance from now.
_NEAR = 9 * _YEAR
# It goes this far to show at least one date.
_FARTHEST = 100 * _YEAR
# At either end it shows this much time without a date, to tell which bars continue.
_MARGIN = 21 * _DAY

_EPOCH = date(1970, 1, 1).toordinal()
_FIRST, _LAST = date.min.toordinal() - _EPOCH, date.max.toordinal() - _EPOCH


@frozen
class Scale:
    """Maps times, in seconds since 1970, to columns of a terminal, or to parts of a pixel."""

    start: int
    end: int
    width: int

    def column(self, time: int) -> int:
        """Return the column of a time, which can lie outside."""
        return (time - self.start) * self.width // (self.end - self.start)

    def columns(self, start: int, end: int, least: int = 1) -> range:
        """Return the columns of a stretch of time, cut off at the edges.

        Args:
            start: Its first second.
            end: The first second after it.
            least: The smallest number of columns, except at an edge.
        """
        first = self.column(start)
        return range(max(first, 0), min(max(self.column(end), first + least), self.width))


@frozen
class Row:
    """A key of the set.

    Attributes:
        number: Its place in the set, from 1.
        key: The key.
        active: The stretches of time in which it is the active key.
    """

    number: int
    key: TrustFrameworkKey
    active: Sequence[Stretch]

    @property
    def validity(self) -> Stretch:
        """The time from `nbf` to `exp`, of disabled keys too. It is empty if `exp` comes first."""
        start = start_of(self.key)
        return Stretch(start, max(start, end_of(self.key)), self.number - 1)

    @property
    def kind(self) -> str:
        """``"valid"`` or ``"disabled"``."""
        return "valid" if self.key.status == "enabled" else "disabled"


@frozen
class Timeline:
    """What to draw of a key set.

    Attributes:
        id: The id of the set.
        summary: The number of its keys, their type and use.
        at: The time used as now, in seconds since 1970.
        rows: The keys in order of `nbf`. Keys without `nbf` come last, as they do when the
            service chooses the active key.
        gaps: The stretches without an active key, but for the past before the first key.
        now: The stretch at `at`.
        active: The active key at `at`, or None.
        start: The first second that the picture shows. It can be before 1970.
        end: The first second after the picture.
    """

    id: str
    summary: str
    at: int
    rows: Sequence[Row]
    gaps: Sequence[Stretch]
    now: Stretch
    active: TrustFrameworkKey | None
    start: int
    end: int

    def scale(self, width: int) -> Scale:
        """Return the scale of a picture of this width."""
        return Scale(self.start, self.end, width)


def timeline(keyset: TrustFrameworkKeySet, at: int) -> Timeline:
    """Find what to draw of a key set at a time in seconds since 1970."""
    keys = list(keyset)
    by_key: dict[int | None, list[Stretch]] = defaultdict(list)
    for stretch in stretches(keys):
        by_key[stretch.key].append(stretch)
        if stretch.start <= at < stretch.end:
            now = stretch
    rows = [Row(index + 1, key, by_key[index]) for index, key in enumerate(keys)]
    noun = "key" if len(keys) == 1 else "keys"
    start, end = _extent(keys, at)
    return Timeline(
        id=keyset.id,
        summary=" ".join(filter(None, [f"{len(keys):,}", keyset.kty, keyset.use, noun])),
        at=at,
        # Of two keys with the same nbf, the later one in the set takes over.
        rows=sorted(rows, key=lambda row: (row.key.nbf is None, row.key.nbf or 0)),
        gaps=[*_worth_showing(by_key[None], at)],
        now=now,
        active=None if now.key is None else keys[now.key],
        start=start,
        end=end,
    )


def kid_text(kid: str) -> str:
    """Return the start of a `kid`, which can be any text, as people may see it."""
    return escaped(kid[:KID])[:KID]


def day_text(time: int | None) -> str:
    """Return the day of a time in seconds since 1970, in 10 characters at most."""
    if time is None:
        return "none"
    text = date_text(time)
    return text.partition("T")[0] if len(text) <= 20 else "after 9999"


def stretch_text(what: str, stretch: Stretch) -> list[str]:
    """Return a sentence about a stretch of time, in parts between which a line can end."""
    to = "on" if stretch.end == FOREVER else f"to {date_text(stretch.end)}"
    return [what, f"from {date_text(stretch.start)}", to]


def ticks(scale: Scale, character: int) -> list[tuple[int, str]]:
    """Return round dates as columns and labels, as densely as the labels fit side by side.

    A round date is the start of a day, a week (Monday), every second week, a month, a quarter,
    half a year, a year, or 2, 5, 10, 20 … years, in UTC.

    Args:
        scale: The scale.
        character: The width of a character in columns of the scale.
    """
    seconds = scale.end - scale.start
    days = range(max(-(-scale.start // _DAY), _FIRST), min((scale.end - 1) // _DAY, _LAST) + 1)
    if not days:
        return []
    length, dates = next(
        (length, dates)
        for least, length, dates in _steps(days)
        if least * _DAY * scale.width >= (length + 2) * character * seconds
    )
    return [
        (scale.column((day.toordinal() - _EPOCH) * _DAY), day.isoformat()[:length]) for day in dates
    ]


def _steps(days: range) -> Iterator[tuple[int, int, Iterable[date]]]:
    """Yield, with ever larger steps: the shortest step in days, the label's length, the dates."""
    for count in (1, 7, 14):
        # Day 1 of datetime is a Monday.
        low, high = days[0] + _EPOCH, days[-1] + _EPOCH
        ordinals = range(low + (1 - low) % count, high + 1, count)
        yield count, len("2026-01-01"), map(date.fromordinal, ordinals)
    for months in (1, 3, 6):
        yield 30 * months - 2, len("2026-01"), _months(days, months)
    power = 1
    while True:
        for years in (power, 2 * power, 5 * power):
            yield 365 * years, len("2026"), _months(days, 12 * years)
        power *= 10


def _months(days: range, step: int) -> Iterator[date]:
    first, last = (date.fromordinal(day + _EPOCH) for day in (days[0], days[-1]))
    low, high = (day.year * 12 + day.month - 1 for day in (first, last))
    for month in range(-(-low // step) * step, high + 1, step):
        day = date(month // 12, month % 12 + 1, 1)
        if day >= first:
            yield day


def _worth_showing(gaps: Iterable[Stretch], at: int) -> Iterator[Stretch]:
    """Cut off the past before the first key."""
    for gap in gaps:
        start = max(gap.start, at) if gap.start == 0 else gap.start
        if start < gap.end:
            yield Stretch(start, gap.end, None)


def _extent(keys: Iterable[TrustFrameworkKey], at: int) -> tuple[int, int]:
    """Choose the part of time to show, so that dates far away do not squeeze the near ones."""
    dates = [each for key in keys for each in (key.nbf, key.exp) if each is not None]
    start, end, reach = at, at, 0
    for when in sorted(dates, key=lambda when: abs(when - at)):
        distance = abs(when - at)
        if distance > _NEAR and distance > (2 * reach or _FARTHEST):
            break
        start, end, reach = min(start, when), max(end, when), distance
    margin = max((end - start) // 12, _MARGIN)
    return start - margin, end + margin
