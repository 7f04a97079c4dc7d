"""Reads a picture of a timeline back, from the SVG alone."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import UTC, datetime

from attrs import frozen

NAMESPACE = "{http://www.w3.org/2000/svg}"
CHARACTER = 7.3
"""The width of a character of a monospaced font of 12 pixels, at most."""


@frozen
class Bar:
    """A bar: its kind, its edges without the points, and which points it has."""

    kind: str
    left: float
    right: float
    top: float
    bottom: float
    before: bool
    after: bool


@frozen
class Drawn:
    """A row: the texts of its columns, the words shown beside the pointer, and its bars."""

    labels: list[str]
    tooltip: str
    bars: list[Bar]


class Picture:
    """A picture that was read back."""

    def __init__(self, svg: bytes) -> None:
        self.root = ET.fromstring(svg)
        self.elements = [*self.root.iter()]
        self.width, self.height = (float(self.root.attrib[name]) for name in ("width", "height"))
        self.rows_element = self.root.findall(f"{NAMESPACE}g")[-1]
        groups = self.rows_element.findall(f"{NAMESPACE}g")
        self.keys = [_row(group) for group in groups if group.find(f"{NAMESPACE}title") is not None]
        self.gaps = [_row(group) for group in groups if group.find(f"{NAMESPACE}title") is None]
        (self.now,) = self.of_class("now-line")

    def of_class(self, name: str) -> list[ET.Element]:
        return [each for each in self.elements if each.get("class") == f"tk-{name}"]

    def text_of_class(self, name: str) -> str:
        return " ".join("".join(each.itertext()) for each in self.of_class(name))

    @property
    def now_x(self) -> float:
        return float(self.now.attrib["x1"])

    def ticks(self) -> list[tuple[float, str]]:
        """The places and labels of the dates of the upper axis."""
        (first, *_) = (
            group
            for group in self.root.findall(f"{NAMESPACE}g")
            if group.get("text-anchor") == "middle"
        )
        return [(float(text.attrib["x"]), text.text or "") for text in first]

    def x_of(self, time: float) -> float:
        """The place of a time by the dates of the axis, not by the program's own scale."""
        (x, first), *_, (other, last) = self.ticks()
        start, end = (_seconds(label) for label in (first, last))
        return x + (other - x) * (time - start) / (end - start)


def _seconds(label: str) -> float:
    whole = label + "-01-01"[len(label) - 4 :] if len(label) < 10 else label
    return datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp()


def _row(group: ET.Element) -> Drawn:
    title = group.find(f"{NAMESPACE}title")
    return Drawn(
        [text.text or "" for text in group.findall(f"{NAMESPACE}text")],
        "" if title is None else title.text or "",
        [*_bars(group)],
    )


def _bars(group: ET.Element) -> Iterator[Bar]:
    for polygon in group.iter(f"{NAMESPACE}polygon"):
        points = [
            tuple(float(number) for number in point.split(","))
            for point in polygon.attrib["points"].split()
        ]
        top, bottom = min(y for _, y in points), max(y for _, y in points)
        square = [x for x, y in points if y in {top, bottom}]
        left, right = min(square), max(square)
        yield Bar(
            polygon.attrib["class"].removeprefix("tk-"),
            left,
            right,
            top,
            bottom,
            before=min(x for x, _ in points) < left,
            after=max(x for x, _ in points) > right,
        )
