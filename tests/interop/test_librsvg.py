"""librsvg as the judge of the timeline: viewers, converters and image services draw SVG with it."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from tests import make_timeline
from tests.cli.timeline.svg import CHARACTER, Bar, Picture
from tests.interop.sdk import need

pytestmark = [pytest.mark.deep, pytest.mark.interop]

COLORS = {"active": (5, 80, 174), "valid": (200, 225, 255), "gap": (207, 34, 46)}
WHITE = (255, 255, 255)
BLACK = (0, 0, 0)


class Pixels:
    """A picture on a page of one colour, drawn by librsvg."""

    def __init__(self, svg: bytes, page: tuple[int, int, int]) -> None:
        need("pyvips")
        pyvips: Any = importlib.import_module("pyvips")
        image = pyvips.Image.svgload_buffer(svg)
        self.size = (image.width, image.height)
        self._image = image.flatten(background=[*page]).copy_memory()

    def at(self, x: float, y: float) -> tuple[int, ...]:
        return tuple(round(value) for value in self._image.getpoint(int(x), int(y)))

    def darkest(self, left: float, right: float, top: float, bottom: float) -> list[float]:
        """The darkest value of each column of pixels in a rectangle."""
        width, height = int(right - left), int(bottom - top)
        part = self._image.crop(int(left), int(top), width, height).colourspace("b-w")
        return [part.crop(x, 0, 1, height).min() for x in range(width)]


@pytest.fixture(scope="module")
def drawn() -> Picture:
    return Picture(make_timeline.draw())


@pytest.fixture(scope="module", params=[WHITE, BLACK], ids=["white page", "black page"])
def pixels(request: pytest.FixtureRequest) -> Pixels:
    return Pixels(make_timeline.draw(), request.param)


def middle(bar: Bar) -> tuple[float, float]:
    return (bar.left + bar.right) / 2, (bar.top + bar.bottom) / 2


def test_the_bars_have_their_colours(drawn: Picture, pixels: Pixels) -> None:
    assert pixels.size == (drawn.width, drawn.height)
    rows = [*drawn.keys, *drawn.gaps]
    bars = [bar for row in rows for bar in row.bars if bar.kind in {"active", "gap"}]
    assert len(bars) == 7
    for bar in bars:
        assert pixels.at(*middle(bar)) == COLORS[bar.kind]
    # A key that is valid for longer than it is active.
    valid, active = drawn.keys[1].bars
    assert pixels.at((active.right + valid.right) / 2, middle(valid)[1]) == COLORS["valid"]


def test_the_disabled_key_is_hatched(drawn: Picture, pixels: Pixels) -> None:
    (bar,) = drawn.keys[3].bars
    x, y = middle(bar)
    columns = pixels.darkest(bar.left + 4, x, y - 3, y + 3)
    assert min(columns) < 200
    across = {pixels.at(bar.left + offset, y) for offset in range(4, 30)}
    assert len(across) > 3


def test_now_is_behind_the_bars(drawn: Picture, pixels: Pixels) -> None:
    x = drawn.now_x
    (bar,) = (row.bars[-1] for row in drawn.keys if row.bars[-1].left < x < row.bars[-1].right)
    assert pixels.at(x, middle(bar)[1]) == COLORS["active"]
    assert max(pixels.at(x, bar.bottom + 12)) < 100


def test_the_card_keeps_the_page_out(drawn: Picture, pixels: Pixels) -> None:
    assert pixels.at(10, 10) == WHITE
    assert pixels.at(drawn.width - 10, drawn.height - 10) == WHITE


def test_each_date_of_the_axis_is_at_its_tick(drawn: Picture, pixels: Pixels) -> None:
    """An older picture had them all at the left edge."""
    for x, label in drawn.ticks():
        half = len(label) * CHARACTER / 2
        columns = pixels.darkest(x - half - 8, x + half + 8, 82, 95)
        # Nothing at either side, so that no two dates run together.
        assert min(columns[:7] + columns[-7:]) > 200
        inked = sum(value < 160 for value in columns)
        assert inked > half
