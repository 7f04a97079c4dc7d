"""Another library reads the iCalendar file as it was meant."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests import support
from tests.keyset.sets import DAY, key_set
from trustkeys import key_calendar
from trustkeys.cli.ics import as_ics

NOW = 20_000 * DAY  # 2024-10-04


@pytest.mark.interop
def test_vobject_reads_what_was_written() -> None:
    vobject = pytest.importorskip("vobject")
    keys = [
        support.oct_key(5, NOW + 200 * DAY, use="enc"),
        support.oct_key(NOW + 150 * DAY, use="enc"),
    ]
    entries = key_set(keys).to_graph(base_url=None)["keys"]
    entries[0]["kid"] = "a;b,c\\n\\é" * 7
    sets = [{"id": f"B2C_1A_{name}", "keys": entries} for name in ("a;b,c\\n", "é" * 90)]
    events = key_calendar({"value": [*sets, {"id": "B2C_1A_empty", "keys": []}]}, at=NOW)
    calendar = vobject.readOne(as_ics(events, NOW).decode())
    calendar.validate(raiseException=True)
    found = calendar.vevent_list
    assert len({event.uid.value for event in found}) == len(found) == len(events) == 5
    for event, read in zip(events, found, strict=True):
        day = event.time if event.act_by is None else max(event.act_by, NOW)
        assert read.dtstart.value == date(1970, 1, 1) + timedelta(seconds=day)
        assert event.key_set in read.summary.value
        assert event.message[1:] in read.description.value
        assert hasattr(read, "valarm") == (event.act_by is not None)
