"""Dates are the same on every system: Windows' C library knows none before 1970 or after 3000."""

from __future__ import annotations

import errno
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, NoReturn
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import trustkeys
from tests.support import fewer
from trustkeys import TrustFrameworkKeySet, testing
from trustkeys.cli.ics import as_ics
from trustkeys.cli.timeline.picture import as_svg
from trustkeys.cli.timeline.text import as_text
from trustkeys.cli.times import parse_time
from trustkeys.core.numericdate import MAX_NUMERIC_DATE, date_text, likely_mistake, numeric_date
from trustkeys.errors import InvalidInputError
from trustkeys.formats import certificates
from trustkeys.formats.certificates import dates_of
from trustkeys.testing.answers import Stamp

LAST = 253_402_300_799  # of the year 9999
KEY = testing.rsa_key(0)

# Microsoft's page of gmtime_s, _gmtime64_s: to 23:59:59, December 31, 3000, UTC.
_OF_WINDOWS = range(32_535_216_000)


def of_the_calendar(seconds: int) -> str:
    """A date by arithmetic alone."""
    days, second = divmod(seconds, 86_400)
    # In eras of 400 years from 1 March of the year 0.
    era, day = divmod(days + 719_468, 146_097)
    year = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    day -= (153 * month + 2) // 5 - 1
    number = month + 3 if month < 10 else month - 9
    year += 400 * era + (number <= 2)
    clock = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
    return f"{year:04}-{number:02}-{day:02}T{clock}Z"


def _refuse(*_: object) -> NoReturn:
    raise OSError(errno.EINVAL, "Invalid argument")


class _Kind(type):
    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, datetime)


class _Datetime(datetime, metaclass=_Kind):
    """Asks the C library as on Windows, and has no local time."""

    @classmethod
    def fromtimestamp(cls, seconds: float, tz: tzinfo | None = None) -> Any:
        return datetime.fromtimestamp(seconds, tz) if int(seconds) in _OF_WINDOWS else _refuse()

    now = utcfromtimestamp = today = staticmethod(_refuse)  # type: ignore[assignment]

    def astimezone(self, tz: tzinfo | None = None) -> Any:
        return _refuse() if tz is None or self.tzinfo is None else super().astimezone(tz)

    def timestamp(self) -> float:
        return _refuse() if self.tzinfo is None else super().timestamp()


@contextmanager
def windows() -> Iterator[None]:
    """Let all modules of trustkeys find the C library of Windows."""
    ours = [
        each
        for name, each in [*sys.modules.items()]
        if name.startswith("trustkeys") and vars(each).get("datetime") is datetime
    ]
    assert len(ours) >= 4
    with ExitStack() as stack:
        for name in ("gmtime", "localtime", "mktime", "ctime"):
            stack.enter_context(mock.patch.object(time, name, _refuse))
        for each in ours:
            stack.enter_context(mock.patch.object(each, "datetime", _Datetime))
        yield


def everything(seconds: int) -> list[object]:
    """What trustkeys says of a date, in every way."""
    keys = TrustFrameworkKeySet("a")
    with testing.instant_keys():
        keys.generate_key("sig", "RSA", nbf=seconds // 2, exp=seconds)
        keys.generate_key("sig", "RSA", nbf=seconds)
    written = date_text(seconds)
    said = [
        written,
        parse_time(written),
        likely_mistake(seconds // 2, seconds, 1_800_000_000),
        [finding.message for finding in keys.check(at=seconds // 3)],
        events := trustkeys.key_calendar(keys.to_graph(), at=seconds // 3),
        as_ics(events, min(seconds // 3, LAST)),
        as_text(keys, at=seconds // 3, width=120, color=False, plain=False),
        as_svg(keys, at=seconds // 3),
        Stamp("a", seconds, "b").refuse(InvalidInputError("c")).json(),
    ]
    if seconds <= LAST:
        with testing.allow_test_keys():
            certified = certificates.self_signed(KEY, "CN=a", nbf=seconds // 2, exp=seconds)
        (certificate,) = certificates.certificates_of(certified)
        when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
        said += [dates_of(certificate), numeric_date(when, "exp"), certified.nbf, certified.exp]
        assert dates_of(certificate) == (seconds // 2, seconds)
        assert numeric_date(when, "exp") == seconds
    return said


times = st.integers(0, LAST) | st.integers(0, MAX_NUMERIC_DATE)


@given(times)
@example(0)
@example(LAST)
@example(LAST + 1)
@example(MAX_NUMERIC_DATE)
@example(_OF_WINDOWS.stop)
@example(951_782_400)  # 29 February 2000
def test_a_date_is_that_of_the_calendar(seconds: int) -> None:
    shown = f"{seconds} seconds since 1970" if seconds > LAST else of_the_calendar(seconds)
    assert date_text(seconds) == shown


@fewer(6)
@given(times)
@example(0)
@example(LAST)
@example(MAX_NUMERIC_DATE)
@example(_OF_WINDOWS.stop)
def test_nothing_that_is_said_of_a_date_asks_the_c_library(seconds: int) -> None:
    with windows():
        there = everything(seconds)
    assert there == everything(seconds)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows' zone is not that of one process")
@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata", "Pacific/Kiritimati"])
def test_the_local_time_zone_changes_nothing(monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    before = everything(1_800_000_000)
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert everything(1_800_000_000) == before
    finally:
        monkeypatch.undo()
        time.tzset()
