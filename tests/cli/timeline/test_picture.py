"""The timeline as an SVG picture, read back from the XML. test_librsvg.py looks at its pixels."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from typing import Any

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests import make_timeline
from tests.cli.timeline.sets import DAY, INT64_MAX, NOW, SPREAD, key
from tests.cli.timeline.svg import CHARACTER, NAMESPACE, Bar, Picture
from trustkeys import TrustFrameworkKeySet, testing
from trustkeys.cli.terminal import escaped
from trustkeys.cli.timeline.content import timeline
from trustkeys.cli.timeline.picture import as_svg
from trustkeys.keyset.schedule import Stretch, active_key


def picture(*keys: Any, at: int = NOW, name: str = "test") -> Picture:
    return Picture(as_svg(TrustFrameworkKeySet(name, keys), at=at))


def test_the_picture_of_the_documentation_is_up_to_date() -> None:
    """If not: ``python -m tests.make_timeline``."""
    assert make_timeline.PICTURE.read_bytes() == make_timeline.draw()


def assert_shows(drawn: Picture, bar: Bar, stretch: Stretch, start: int, end: int) -> None:
    """The bar is where the dates of the axis say."""
    left, right = (drawn.x_of(min(max(time, start), end)) for time in (stretch.start, stretch.end))
    assert bar.left == pytest.approx(left, abs=0.3)
    # A bar that starts in the picture is a pixel wide at least.
    least = bar.left + 1 if start <= stretch.start < end else right
    assert bar.right == pytest.approx(max(right, least), abs=0.3)
    assert (bar.before, bar.after) == (stretch.start < start, stretch.end > end)


def assert_nothing_covers_another_thing(drawn: Picture) -> None:
    bars = [bar for row in (*drawn.keys, *drawn.gaps) for bar in row.bars]
    columns = [float(text.attrib["x"]) for text in drawn.rows_element.findall(f"{NAMESPACE}text")]
    end_of_labels = columns[-1] + 10 * CHARACTER
    for bar in bars:
        assert end_of_labels < bar.left - 8
        assert bar.left <= bar.right <= drawn.width - 40
        assert bar.bottom < drawn.height - 40
    # The labels of the dates.
    edges = [
        (x - len(label) * CHARACTER / 2, x + len(label) * CHARACTER / 2)
        for x, label in drawn.ticks()
    ]
    for (_, end), (start, _) in itertools.pairwise(edges):
        assert start - end > CHARACTER
    assert all(start > end_of_labels - 10 * CHARACTER for start, _ in edges)
    assert all(end < drawn.width - 8 for _, end in edges)
    # What is drawn later covers what is drawn before.
    polygons = [*drawn.rows_element.iter(f"{NAMESPACE}polygon")]
    first = min((drawn.elements.index(each) for each in polygons), default=sys.maxsize)
    assert drawn.elements.index(drawn.now) < first


@given(SPREAD)
def test_every_key_has_a_row_with_bars_where_its_dates_are(case: tuple[list[Any], int]) -> None:
    keys, at = case
    drawn = picture(*keys, at=at)
    shown = timeline(TrustFrameworkKeySet("test", keys), at)
    assert [row.labels[0] for row in drawn.keys] == [row.key.kid for row in shown.rows]
    if shown.end < 10**11:
        assert drawn.now_x == pytest.approx(drawn.x_of(at), abs=0.3)
    previous = 0.0
    for row, expected in zip(drawn.keys, shown.rows, strict=True):
        bar, *active = row.bars
        assert bar.kind == expected.kind
        assert {each.kind for each in active} <= {"active"}
        assert len(active) == len(expected.active)
        assert {(each.top, each.bottom) for each in active} <= {(bar.top, bar.bottom)}
        assert previous < bar.top
        previous = bar.bottom
        if shown.end < 10**11:
            assert_shows(drawn, bar, expected.validity, shown.start, shown.end)
            for each, stretch in zip(active, expected.active, strict=True):
                assert_shows(drawn, each, stretch, shown.start, shown.end)
    gaps = [bar for row in drawn.gaps for bar in row.bars]
    assert [bar.kind for bar in gaps] == ["gap"] * len(shown.gaps)
    assert all(bar.top > previous for bar in gaps)
    active_index = active_key(keys, at)
    state = "".join(drawn.root.itertext())
    if active_index is None:
        assert "no key is active now" in state
    else:
        assert f"active now: {keys[active_index].kid}" in state
    assert_nothing_covers_another_thing(drawn)


@given(st.text(st.characters(exclude_categories=())), st.integers(1, 3))
@example("</title><script>alert(1)</script>", 1)
@example("]]>&amp;&#0;\x00\x1b\ud800\ufffe", 1)
@example("鍵", 99)
@example("x", 200)
def test_any_kid_gives_xml_and_is_shown_as_text(kid: str, times: int) -> None:
    svg = as_svg(TrustFrameworkKeySet("test", [key(kid * times or "x")]), at=NOW)
    assert svg.isascii()
    (row,) = Picture(svg).keys
    whole = escaped(kid * times or "x")
    assert row.labels[0] == whole[:8]
    first = row.tooltip.split("\n")[0]
    assert first == whole if len(whole) <= 100 else first == whole[:99] + "…"


def test_a_long_id_stays_on_the_card() -> None:
    drawn = picture(name="x" * 5000)
    (title,) = (each for each in drawn.elements if each.get("font-size") == "18")
    assert len(title.text or "") == 76
    assert (title.text or "").endswith("…")
    assert "x" * 5000 in "".join(drawn.root.itertext())


def test_it_says_what_it_shows_to_people_who_cannot_see_it() -> None:
    drawn = picture(key("first---x", 0, NOW + DAY), key("second--x", NOW + 2 * DAY, NOW + 9 * DAY))
    title, description = (drawn.root[index] for index in (0, 1))
    assert drawn.root.attrib["aria-labelledby"] == f"{title.get('id')} {description.get('id')}"
    assert title.text == "B2C_1A_test: timeline of 2 oct sig keys"
    assert description.text == (
        "Now is 1972-09-27T00:00:00Z; active now: first---, until 1972-09-28; "
        "the rows are in order of nbf; "
        "no key is active from 1972-09-28T00:00:00Z to 1972-09-29T00:00:00Z; "
        "no key is active from 1972-10-06T00:00:00Z on"
    )
    for keys, state in (
        ([key("first", NOW + DAY)], "no key is active now, until 1972-09-28"),
        ([key("first")], "active now: first"),
        ([key("first", 0, NOW)], "no key is active now"),
    ):
        assert f"Z; {state}; the rows are" in (picture(*keys).root[1].text or "")
    assert drawn.keys[0].tooltip.splitlines() == [
        "first---x",
        "key 1 of 2, enabled",
        "nbf 1970-01-01T00:00:00Z",
        "exp 1972-09-28T00:00:00Z",
        "active from 1970-01-01T00:00:00Z to 1972-09-28T00:00:00Z",
    ]


def test_a_key_that_is_never_active_and_has_no_dates() -> None:
    (row,) = picture(key("x", status="disabled")).keys
    assert row.tooltip.splitlines()[1:] == ["key 1 of 1, disabled", "nbf none", "exp none"]
    assert row.labels == ["x", "none", "none"]


def test_gaps_have_their_dates() -> None:
    drawn = picture(key("a", NOW, NOW + DAY), key("b", NOW + 9 * DAY, NOW + 20 * DAY))
    assert [row.labels for row in drawn.gaps] == [
        ["no key", "1972-09-28", "1972-10-06"],
        ["no key", "1972-10-17", "none"],
    ]
    assert [row.labels for row in picture(key("a")).gaps] == [["no gap"]]


def test_of_many_gaps_the_next_have_their_dates() -> None:
    keys = [key(f"{n}", NOW + 10 * n * DAY, NOW + (10 * n + 5) * DAY) for n in range(-20, 20)]
    drawn = picture(*keys)
    assert [len(row.bars) for row in drawn.gaps] == [1, 1, 1, 1, 1, 35]
    assert drawn.gaps[0].labels == ["no key", "1972-10-02", "1972-10-07"]
    assert drawn.gaps[-1].labels == ["35 more gaps"]
    assert "more gaps: 34" in (drawn.root[1].text or "")
    past = picture(*keys, at=NOW + 999 * DAY)
    assert [len(row.bars) for row in past.gaps] == [1, 39]
    net = picture(key("net"), *keys)
    assert net.keys[-1].tooltip.endswith("\nmore times: 35")


def test_it_needs_no_css_and_loads_nothing() -> None:
    svg = make_timeline.draw().decode()
    assert not re.search(
        r"url\((?!#)|href|@import|@font-face|<script|<image|textLength| on\w+=", svg
    )
    assert "style=" not in svg
    # Each colour of the style sheet for dark pages changes an attribute.
    for element in Picture(svg.encode()).elements:
        for name in element.get("class", "").split():
            (rule,) = re.findall(rf"\.{name}{{([^}}]*)}}", svg)
            assert {part.split(":")[0] for part in rule.split(";")} <= {*element.attrib}


@pytest.mark.parametrize("at", [0, INT64_MAX])
def test_any_time_can_be_now(at: int) -> None:
    drawn = picture(key("a", 0, 10), key("b", INT64_MAX), at=at)
    assert len(drawn.keys) == 2


@pytest.mark.deep
@pytest.mark.parametrize(("count", "named"), [(300, 300), (1000, 500), (5000, 625)])
def test_a_large_set_has_a_picture_that_browsers_open(count: int, named: int) -> None:
    one = testing.oct_key(1)
    keys = [
        attrs.evolve(one, kid=f"{n}", nbf=NOW + n * DAY, exp=NOW + (n + 20 + n % 50) * DAY)
        for n in range(count)
    ]
    svg = as_svg(TrustFrameworkKeySet("test", keys), at=NOW + count // 3 * DAY)
    drawn = Picture(svg)
    assert len(drawn.keys) == count
    assert drawn.height < 16_000
    assert len(svg) < 600 * count + 20_000
    texts = [row for row in drawn.keys if row.labels]
    assert len(texts) == named
    # The active key is one of those with a label, whatever the step is.
    assert f"{count // 3}" in {row.labels[0] for row in texts}
    tops = [row.bars[0].top for row in texts]
    assert all(after - before >= 14 for before, after in itertools.pairwise(tops))


@pytest.mark.deep
def test_the_library_is_loaded_for_a_picture_only() -> None:
    modules = "trustkeys.cli.keyset.show, trustkeys.cli.timeline.text"
    code = f"import sys, {modules}; print('svg' in sys.modules)"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert process.stdout == "False\n", process.stderr
