"""The iCalendar file: programs that cannot read it, or show events twice, help nobody."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import support
from tests.keyset.sets import key_set
from trustkeys import KeyEvent, key_calendar
from trustkeys.cli.ics import as_ics

DAY = 86_400
NOW = 1000 * DAY + 5  # 1972-09-27T00:00:05Z

key = support.oct_key


def event_of(**changes: Any) -> KeyEvent:
    members: dict[str, Any] = {
        "time": NOW + 100 * DAY,
        "act_by": NOW + 70 * DAY,
        "key_set": "B2C_1A_a",
        "number": 1,
        "kid": "kid",
        "kind": "NoActiveKey",
        "message": "key 1 (kid) expires",
        "action": "add a key",
    }
    return KeyEvent(**{**members, **changes})


def read(*events: KeyEvent, now: int = NOW) -> list[Any]:
    """Read what was written with the library itself. Other programs judge it elsewhere."""
    return list(calendar_of(*events, now=now).events)


def calendar_of(*events: KeyEvent, now: int = NOW) -> Any:
    return icalendar.Calendar.from_ical(as_ics(events, now))


def test_an_event_lies_on_the_day_to_act_by() -> None:
    (event,) = read(event_of())
    assert event.start == date(1972, 12, 6)
    assert event.end - event.start == timedelta(days=1)
    assert event["SUMMARY"] == "Add a key to B2C_1A_a: none is active from 1973-01-05 on"
    assert event["DESCRIPTION"] == "Key 1 (kid) expires.\nAdd a key."
    assert event["TRANSP"] == "TRANSPARENT"
    (alarm,) = event.walk("VALARM")
    assert alarm["TRIGGER"].dt == timedelta(hours=9)
    assert alarm["DESCRIPTION"] == event["SUMMARY"]


def test_what_is_due_lies_on_today_until_somebody_acts() -> None:
    for now in (NOW + 70 * DAY, NOW + 77 * DAY):
        (event,) = read(event_of(), now=now)
        assert event.start == date(1972, 9, 27) + timedelta(seconds=now - NOW)


def test_a_takeover_lies_on_its_own_day_and_reminds_nobody() -> None:
    (event,) = read(event_of(kind="Takeover", act_by=None, message="m", action="nothing to do"))
    assert event.start == date(1973, 1, 5)
    assert event.walk("VALARM") == []
    assert event["SUMMARY"].startswith("B2C_1A_a: key ")


def test_a_uid_stays_the_same_from_run_to_run() -> None:
    (first,) = read(event_of())
    (later,) = read(event_of(time=NOW, act_by=NOW, message="other"), now=NOW + 5 * DAY)
    assert first["UID"] == later["UID"] == "a778a7c8-c539-512b-99b4-b6ebb5f290f1"


def test_a_key_without_a_kid_is_known_by_its_number() -> None:
    (first,), (second,) = (read(event_of(kid=None, number=number)) for number in (1, 2))
    assert first["UID"] != second["UID"]


def test_different_events_have_different_uids() -> None:
    changes: list[dict[str, Any]] = [
        *({}, {}, {"kid": "b"}, {"kid": None}, {"kid": None, "number": 2}),
        *({"key_set": "B2C_1A_b"}, {"key_set": None}, {"kind": "Fallback"}),
    ]
    events = read(*(event_of(**change) for change in changes))
    assert len({event["UID"] for event in events}) == len(changes)


def test_the_calendar_has_a_name_and_is_fetched_daily() -> None:
    calendar = calendar_of(event_of())
    assert calendar["VERSION"] == "2.0"
    assert calendar["PRODID"] == "-//trustkeys//key calendar//EN"
    assert calendar["NAME"] == calendar["X-WR-CALNAME"] == "Policy keys"
    assert calendar["REFRESH-INTERVAL"].params["VALUE"] == "DURATION"


@pytest.mark.parametrize("year", [9999, 10_000])
def test_the_last_day_that_a_calendar_can_have_is_in_the_year_9999(year: int) -> None:
    last = 253_402_300_799 + (year - 9999)
    (*found,) = read(event_of(time=last + 30 * DAY, act_by=last))
    assert [event.start for event in found] == ([date(9999, 12, 31)] if year == 9999 else [])
    assert all(f"from {last + 30 * DAY} seconds since 1970 on" in e["SUMMARY"] for e in found)


def lines(data: bytes) -> Iterator[str]:
    """Unfold lines by the rules of RFC 5545 section 3.1."""
    assert data.endswith(b"\r\n")
    text = data.decode()
    assert "\n" not in text.replace("\r\n", "")
    assert "\r" not in text.replace("\r\n", "")
    assert all(len(line) <= 75 for line in data.split(b"\r\n"))
    yield from text.replace("\r\n ", "").split("\r\n")[:-1]


def check_structure(data: bytes) -> list[str]:
    """Check what RFC 5545 demands of each component, and return the values of all SUMMARYs."""
    open_components: list[str] = []
    names: list[set[str]] = []
    summaries: list[str] = []
    children = 0
    for line in lines(data):
        match = re.fullmatch(r"([A-Z-]+)(;[A-Z]+=[A-Z-]+)*:([^\x00-\x08\x0a-\x1f\x7f]*)", line)
        assert match, line
        name, _, value = match.groups()
        if name == "BEGIN":
            children += 1
            open_components.append(value)
            names.append(set())
        elif name == "END":
            assert open_components.pop() == value
            required = {
                "VCALENDAR": {"PRODID", "VERSION"},
                "VEVENT": {"UID", "DTSTAMP", "DTSTART"},
                "VALARM": {"ACTION", "TRIGGER", "DESCRIPTION"},
                "VTIMEZONE": {"TZID"},
                "STANDARD": {"DTSTART", "TZOFFSETFROM", "TZOFFSETTO"},
            }[value]
            assert required <= names.pop()
        else:
            assert name not in names[-1], "each is allowed once"
            names[-1].add(name)
        if (open_components, name) == (["VCALENDAR", "VEVENT"], "SUMMARY"):
            assert not re.search(r"(?<!\\)(?:\\\\)*[,;]", value), "commas are escaped"
            summaries.append(value)
    assert open_components == []
    assert children > 1, "section 3.6: at least one component"
    return summaries


# icalendar takes a backslash and N for a new line, also where it is text.
IDS = st.text(max_size=60).filter(lambda text: "\\N" not in text) | st.sampled_from(
    ["B2C_1A_a;b,c\\n\\", "B2C_1A_\r\nEND:VEVENT", "é" * 90]
)


@pytest.mark.deep
@given(
    st.lists(st.tuples(IDS, support.DATED_KEYS, st.lists(IDS, min_size=6, max_size=6)), max_size=2),
    st.sampled_from(["sig", "enc"]),
)
def test_ids_of_any_text_make_no_other_calendar(sets: list[Any], use: str) -> None:
    """A foreign file could otherwise add events, or end the calendar."""
    answer = []
    for name, keys, kids in sets:
        shown = key_set(keys).to_graph(base_url=None)["keys"]
        renamed = [
            {**entry, "kid": kid, "use": use} for entry, kid in zip(shown, kids, strict=False)
        ]
        answer.append({"id": f"B2C_1A_{name}", "keys": renamed})
    if not answer:
        assert check_structure(as_ics([], 5)) == []
        return
    events = key_calendar(json.dumps({"value": answer}), at=5)
    data = as_ics(events, 5)
    assert len(check_structure(data)) == len(events)
    for event, entry in zip(events, read(*events, now=5), strict=True):
        assert (event.key_set or "a key set") in entry["SUMMARY"]
        assert event.action[1:] in entry["DESCRIPTION"]
