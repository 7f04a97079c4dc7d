"""The calendar as an iCalendar object (RFC 5545), which calendar programs subscribe to."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

from icalendar import Alarm, Calendar, Event, Timezone, TimezoneStandard

from trustkeys.core.numericdate import date_text
from trustkeys.keyset.calendar import EventKind, KeyEvent
from trustkeys.keyset.document import numbered

__tracebackhide__ = True

PRODID = "-//trustkeys//key calendar//EN"
"""By which the command knows its own files again."""

_NAME = "Policy keys"

_DAILY = timedelta(days=1)
"""How often to fetch the calendar again (RFC 7986 section 5.7)."""

_REMINDER = timedelta(hours=9)
"""When to remind of a deadline: at 9 on its day, in the time zone of the person."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_TITLES: dict[EventKind, str] = {
    "NoActiveKey": "Add a key to {set}: none is active from {day} on",
    "Fallback": "Add a key to {set}: its active key expires on {day}",
    "EndsBeforeTokens": "Add a key to {set}: tokens outlive its key from {day} on",
    "CertificateEnds": "Add a key to {set}: its certificate ends by {day}",
    "Expires": "Look at the keys of {set}: one expires on {day}",
    "Takeover": "{set}: {key} takes over",
}


def as_ics(events: Iterable[KeyEvent], now: int) -> bytes:
    """Return the iCalendar object, without events after the year 9999.

    Args:
        events: The events of all key sets.
        now: In seconds since 1970. What is due is shown on this day.
    """
    calendar = Calendar()
    calendar.add("VERSION", "2.0")
    calendar.add("PRODID", PRODID)
    calendar.add("NAME", _NAME)
    calendar.add("X-WR-CALNAME", _NAME)  # for programs that do not know RFC 7986
    calendar.add("REFRESH-INTERVAL", _DAILY, parameters={"VALUE": "DURATION"})
    calendar.add("X-PUBLISHED-TTL", "P1D")  # for Outlook
    for event in _entries(events, now):
        calendar.add_component(event)
    if not calendar.subcomponents:
        calendar.add_component(_utc())
    content: bytes = calendar.to_ical(sorted=False)
    return content


def _entries(events: Iterable[KeyEvent], now: int) -> Iterator[Event]:
    same: Counter[str] = Counter()
    for event in events:
        day = _day(event.time if event.act_by is None else max(event.act_by, now))
        if day is not None:
            identity = json.dumps([event.key_set, event.kind, event.kid or event.number])
            same[identity] += 1
            yield _entry(event, day, f"{identity}{same[identity]}", now)


def _entry(event: KeyEvent, day: date, identity: str, now: int) -> Event:
    title = _TITLES[event.kind].format(
        set=event.key_set or "a key set",
        day=_shown(event.time),
        key="a key" if event.number is None else f"key {numbered(event.kid, event.number)}",
    )
    entry = Event()
    # The same from run to run, so that programs update what they show.
    entry.add("UID", str(uuid.uuid5(uuid.NAMESPACE_URL, f"trustkeys:{identity}")))
    entry.add("DTSTAMP", _EPOCH + timedelta(seconds=now))
    entry.add("DTSTART", day)
    entry.add("SUMMARY", title)
    entry.add("DESCRIPTION", f"{_sentence(event.message)}\n{_sentence(event.action)}")
    entry.add("TRANSP", "TRANSPARENT")  # nobody is busy all day
    if event.act_by is not None:
        alarm = Alarm()
        alarm.add("ACTION", "DISPLAY")
        alarm.add("TRIGGER", _REMINDER)
        alarm.add("DESCRIPTION", title)
        entry.add_component(alarm)
    return entry


def _day(seconds: int) -> date | None:
    """Return the day in UTC, or None after the year 9999."""
    with suppress(OverflowError):
        return (_EPOCH + timedelta(seconds=seconds)).date()
    return None


def _shown(seconds: int) -> str:
    day = _day(seconds)
    return date_text(seconds) if day is None else day.isoformat()


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _utc() -> Timezone:
    """Return a time zone that nothing refers to: a calendar must not be empty (section 3.6)."""
    standard = TimezoneStandard()
    standard.add("DTSTART", datetime(1970, 1, 1))  # noqa: DTZ001 - a local time (section 3.6.5)
    standard.add("TZOFFSETFROM", timedelta())
    standard.add("TZOFFSETTO", timedelta())
    zone = Timezone()
    zone.add("TZID", "Etc/UTC")
    zone.add_component(standard)
    return zone
