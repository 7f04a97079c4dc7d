"""The timeline at a prompt."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.timeline.sets import DAY, INT64_MAX, NOW, SPREAD, key
from trustkeys import TrustFrameworkKeySet
from trustkeys.cli.terminal import cells
from trustkeys.cli.timeline.content import timeline
from trustkeys.cli.timeline.text import as_text
from trustkeys.keyset.schedule import active_key


def picture(*keys: Any, at: int = NOW, width: int = 80) -> list[str]:
    keyset = TrustFrameworkKeySet("test", keys)
    text = as_text(keyset, at=at, width=width, color=False, plain=False)
    assert "\x1b" not in text
    lines = text.splitlines()
    assert lines == [line.rstrip() for line in lines]
    return lines


ROTATION = (
    key("first---x", NOW - 60 * DAY, NOW + 45 * DAY),
    key("second--x", NOW + 30 * DAY, NOW + 90 * DAY),
    key("third---x", NOW + 40 * DAY, NOW + 120 * DAY, "disabled"),
    key("fourth--x", NOW + 120 * DAY, NOW + 180 * DAY),
)


def test_the_picture_of_a_set_with_a_gap() -> None:
    assert picture(*ROTATION) == [
        "B2C_1A_test  4 oct sig keys, active: first---",
        "",
        "                                               1972-10        1973-01",
        "kid       nbf         exp         ─────────────▼──────────────┬──────────────┬──",
        "first---  1972-07-29  1972-11-11     ━━━━━━━━━━━━━━━──",
        "second--  1972-10-27  1972-12-26               │    ━━━━━━━━━",
        "third---  1972-11-06  1973-01-25               │     ┄┄┄┄┄┄┄┄┄┄┄┄┄",
        "fourth--  1973-01-25  1973-03-26               │                  ━━━━━━━━━━",
        "no active key                                  │             ░░░░░          ░░░▸",
        "",
        "no key is active from 1972-12-26T00:00:00Z to 1973-01-25T00:00:00Z",
        "no key is active from 1973-03-26T00:00:00Z on",
        "━━ active   ── valid   ┄┄ disabled   ░░ gap   ▼ now, 1972-09-27T00:00:00Z",
    ]


def test_at_60_columns_no_line_is_longer() -> None:
    lines = picture(*ROTATION, width=60)
    assert max(map(len, lines)) == 60
    end = ["━━ active   ── valid   ┄┄ disabled   ░░ gap", "▼ now, 1972-09-27T00:00:00Z"]
    assert lines[-2:] == end
    assert lines[-4] == "to 1973-01-25T00:00:00Z"


def test_a_wide_picture_has_more_ticks() -> None:
    numbers = picture(*ROTATION, width=200)[2].split()
    assert numbers == [
        *(f"1972-{month:02}" for month in range(8, 13)),
        *(f"1973-{month:02}" for month in range(1, 5)),
    ]


def test_the_picture_of_a_set_without_an_end() -> None:
    title, _, _, _, dated, net, gap, *_ = picture(
        key("net-----x"), key("dated---x", NOW - 10 * DAY, None)
    )
    assert title.endswith("active: dated---")
    assert re.fullmatch(r"dated---  1972-09-17  none {8} {18}━{27}▸", dated)
    assert re.fullmatch(r"net-----  none        none        ◂━{17}─{26,27}━?▸", net)
    assert re.fullmatch(r"no gap {28} +│", gap)


def test_the_picture_of_an_empty_set() -> None:
    lines = picture()
    assert lines[0] == "B2C_1A_test  0 keys, none is active"
    assert re.fullmatch(r"no active key +░+▸", lines[4])
    assert "no key is active from 1972-09-27T00:00:00Z on" in lines


def test_one_key_is_one_key() -> None:
    assert picture(key("only----x"))[0] == "B2C_1A_test  1 oct sig key, active: only----"


def test_a_past_gap_between_keys_is_shown() -> None:
    lines = picture(key("a", NOW - 90 * DAY, NOW - 60 * DAY), key("b", NOW - 30 * DAY))
    assert "no key is active from 1972-07-29T00:00:00Z to 1972-08-28T00:00:00Z" in lines


def test_at_the_second_of_a_takeover_the_new_key_is_active() -> None:
    keys = key("old-----x", 0, NOW + DAY), key("new-----x", NOW)
    assert picture(*keys)[0].endswith("active: new-----")
    assert picture(*keys, at=NOW - 1)[0].endswith("active: old-----")


def test_a_key_outside_the_picture_is_an_arrow() -> None:
    lines = picture(key("now", NOW, NOW + DAY), key("later", INT64_MAX), at=NOW)
    assert re.fullmatch(r"later     after 9999  none +│ +▸", lines[5])
    lines = picture(key("now", NOW * 20 - DAY), key("before", 0, 9), at=NOW * 20)
    assert re.fullmatch(r"before    1970-01-01  1970-01-01  ◂ +│", lines[4])


@pytest.mark.parametrize("at", [0, 5, INT64_MAX])
def test_any_time_can_be_now(at: int) -> None:
    assert picture(key("a", 9, 10), key("b", INT64_MAX), at=at)


@given(SPREAD, st.integers(58, 250))
def test_every_bar_shows_when_its_key_is_active(case: tuple[list[Any], int], width: int) -> None:
    keys, at = case
    shown = timeline(TrustFrameworkKeySet("test", keys), at)
    scale = shown.scale(width - 34)
    lines = picture(*keys, at=at, width=width)
    first = next(number for number, line in enumerate(lines) if line.startswith("kid ")) + 1
    *rows, gaps = [line.ljust(width)[34:] for line in lines[first : first + len(keys) + 1]]
    now = scale.column(at)
    for row, bar in zip(shown.rows, rows, strict=True):
        assert not set(bar) & (set("━─") if row.kind == "disabled" else {"┄"})
        if bar[now] == "│":
            parts = [row.validity, *row.active]
            assert not any(now in scale.columns(part.start, part.end) for part in parts)
        for stretch in row.active:
            # The start of a stretch is always shown, however short it is.
            for column in scale.columns(stretch.start, stretch.end)[:1]:
                assert bar[column] in "━◂▸"
    for gap in shown.gaps:
        assert all(gaps[column] in "░◂▸" for column in scale.columns(gap.start, gap.end))
    active = active_key(keys, at)
    assert (active is None) == ("none is active" in "".join(lines[:2]))
    # A column is shown as what it is at its start.
    if active is not None and now in scale.columns(shown.now.start, shown.now.end):
        (index,) = (i for i, row in enumerate(shown.rows) if row.number == active + 1)
        assert rows[index][now] == "━"


def test_a_kid_does_not_control_the_terminal() -> None:
    assert any(line.startswith("\\x1b[2J\\  ") for line in picture(key("\x1b[2J\nx")))
    assert any(line.startswith("[bold]x") for line in picture(key("[bold]x")))


def test_wide_characters_do_not_shift_the_columns() -> None:
    lines = picture(key("鍵" * 9), key("é" * 4), key("e\u0301" * 9), key("plain"))
    places = {cells(line.partition("none  ")[0]) for line in lines[4:8]}
    assert places == {18}
