"""``trustkeys keyset calendar``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from trustkeys.cli import options
from trustkeys.cli.command import command
from trustkeys.cli.params import DURATION, INPUT, TIME, NewFile
from trustkeys.cli.signals import immediate
from trustkeys.cli.table import table_text
from trustkeys.cli.terminal import (
    escaped,
    json_bytes,
    warn,
    write_out,
    write_result,
)
from trustkeys.cli.times import Time, now_or
from trustkeys.core.numericdate import date_text
from trustkeys.errors import prefix_errors

# Imported lazily, to keep the help fast.
if TYPE_CHECKING:
    from trustkeys.keyset.calendar import KeyEvent

__tracebackhide__ = True

_EPILOG = f"""\b
Examples:
  trustkeys keyset calendar signing.keys encryption.keys
  trustkeys keyset calendar keysets.json --until +90d || echo "act now"
  trustkeys keyset calendar keysets.json --notice 60d --ics policy-keys.ics

The first line says by when to act, and on what. The table has a row for each
event: by when to act, when it happens, and what it is. No notice is shorter
than a day, since programs that verify tokens cache the keys for that long.
Disabled keys and deleted sets (.bak) do not count.

{options.TIMES_HELP}"""

_DUE = partial(click.style, fg="red", bold=True)

_COLUMNS = ("act by", "when", "key set", "key", "what")


class _CalendarFile(NewFile):
    """A new file, or a calendar that this command wrote, to be replaced."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return value if _mode_of_own(value) else super().convert(value, param, ctx)


@command(epilog=_EPILOG)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=INPUT)
@options.password_file("Read the passphrase of each encrypted FILE from this file. Default: ask.")
@options.at
@click.option(
    "--until",
    type=TIME,
    metavar="T",
    help="Leave out what needs no action until this time; +1y counts from --at. Default: list "
    "everything.",
)
@click.option(
    "--notice",
    type=DURATION,
    metavar="DURATION",
    default="30d",  # keyset.calendar.NOTICE
    help="How long before an event to act, at least 1d. Default: 30d.",
)
@click.option(
    "--ics",
    type=_CalendarFile(allow_dash=True),
    metavar="FILE",
    help="Also write an iCalendar file, new or in place of an earlier one; - is standard output, "
    "without the table.",
)
@options.json_results
def calendar(
    files: Sequence[str],
    password_file: str | None,
    at: Time | None,
    until: Time | None,
    notice: int,
    ics: str | None,
    as_json: bool,
) -> int:
    """Say when to act next on key sets. Exit status 3 if something is due now.

    FILE is a key set's file, a JWK Set or a saved answer of Graph, which can have many key sets; -
    is standard input.
    """
    from trustkeys.formats.answers import read_key_sets
    from trustkeys.keyset.calendar import calendar as calendar_of
    from trustkeys.keyset.calendar import urgency

    if ics == "-" and as_json:
        raise click.UsageError("--json and --ics - both write to standard output")
    now = now_or(at)
    end = None if until is None else until.resolve(now_or(None), now)
    events: list[tuple[str, KeyEvent]] = []
    for file, document in _documents(files, password_file):
        with prefix_errors(file), immediate():
            found = read_key_sets(document)
        if not found.is_complete:
            warn(f"{file}: the answer goes on: save the pages at its @odata.nextLink as FILEs, too")
        with immediate():
            of_file = calendar_of(found, at=now, until=end, notice=notice)
        events += [(file, event) for event in of_file]
    events.sort(key=lambda each: urgency(each[1], now))
    if ics is not None:
        _write_ics(ics, [event for _, event in events], now)
    if ics != "-":
        report = _as_json(events, now) if as_json else _as_text(events, now, end)
        write_result(report, *([] if ics is None else [ics]))
    return 3 if any(event.is_due(now) for _, event in events) else 0


def _documents(
    names: Sequence[str], password_file: str | None
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the name and the content of each input."""
    from trustkeys.cli import inputs

    stored = [inputs.read(name) for name in names]
    for each, password in zip(stored, inputs.passwords(stored, password_file), strict=True):
        with immediate():
            document = each.document(password=password)
        yield each.path, document


def _mode_of_own(path: str) -> int | None:
    """Return the mode of a file that this command wrote, or None if it is missing or another's."""
    from trustkeys.files import read

    with suppress(FileNotFoundError):
        head, mode = read(path, limit=200)
        if head.startswith(b"BEGIN:VCALENDAR") and b"\nPRODID:-//trustkeys//key calendar//" in head:
            return mode
    return None


def _write_ics(path: str, events: Sequence[KeyEvent], now: int) -> None:
    from trustkeys.cli.ics import as_ics  # imported lazily, since icalendar is slow to import
    from trustkeys.files import replace, write_new
    from trustkeys.system import mode_to_keep

    content = as_ics(events, now)
    if path == "-":
        write_out(content)
    else:
        mode = _mode_of_own(path)
        if mode is None:
            # It holds public data, and a web server must be able to read it.
            write_new(path, content, mode=0o644)
        else:
            replace(path, content, mode=mode_to_keep(mode))


def _as_json(events: Sequence[tuple[str, KeyEvent]], now: int) -> bytes:
    from attrs import asdict

    listed = [
        {"file": file, **asdict(event), "is_due": event.is_due(now)} for file, event in events
    ]
    return json_bytes({"at": now, "value": listed})


def _as_text(events: Sequence[tuple[str, KeyEvent]], now: int, until: int | None) -> str:
    nothing = f"nothing to do{'' if until is None else f' until {date_text(until)}'}\n"
    if not events:
        return nothing
    deadlines = [
        escaped(_deadline(file, event, now)) + "\n"
        for file, event in events
        if event.act_by is not None
    ]
    first, *others = deadlines or [nothing]
    table = table_text(
        _COLUMNS,
        [_row(file, event, now) for file, event in events],
        [_DUE if event.is_due(now) else str for _, event in events],
        folded="key set",
    )
    return "".join([first, "\n", table, *(["\n"] if others else []), *others])


def _deadline(file: str, event: KeyEvent, now: int) -> str:
    act = f"act {_act_by(event, now)}" if event.is_due(now) else f"act by {_act_by(event, now)}"
    return f"{act}: {_name(file, event)}: {event.message}: {event.action} ({event.kind})"


def _row(file: str, event: KeyEvent, now: int) -> tuple[str, ...]:
    key = "-" if event.number is None else (event.kid or f"key {event.number}")[:8]
    return (
        _act_by(event, now),
        _day(event.time),
        _name(file, event),
        key,
        event.kind,
    )


def _name(file: str, event: KeyEvent) -> str:
    return event.key_set or ("standard input" if file == "-" else file)


def _act_by(event: KeyEvent, now: int) -> str:
    if event.act_by is None:
        return "-"
    return "now" if event.is_due(now) else _day(event.act_by)


def _day(time: int) -> str:
    text = date_text(time)
    return text.partition("T")[0] if text.endswith("Z") else "after 9999"
