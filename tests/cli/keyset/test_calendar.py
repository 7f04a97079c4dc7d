"""``trustkeys keyset calendar``: a job warns before sign-in fails, and a team sees it coming."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import support
from tests.cli.exchange import Runner
from tests.cli.in_process import outcome
from tests.keyset.answers import GRAPH
from tests.support import (
    WINDOWS,
    WINE,
    command_at_a_terminal,
    failed,
    mode_of,
    needs_links,
    needs_modes,
    parse,
)
from trustkeys import TrustFrameworkKeySet, store

DAY = 86_400
NOW = 1000 * DAY  # 1972-09-27

NET = support.oct_key()
SOON = support.oct_key(NOW - 9, NOW + 10 * DAY)
LATE = support.oct_key(NOW - 9, NOW + 300 * DAY)
NEXT = support.oct_key(NOW + 40 * DAY)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the key set ``signing.keys``, and answers of a tenant."""
    monkeypatch.chdir(tmp_path)
    store.save(TrustFrameworkKeySet("signing", [LATE]), tmp_path / "signing.keys", plain=True)
    answers = {
        "due.json": {"Soon": [SOON], "Late": [LATE], "Empty": []},
        "well.json": {"Next": [LATE, NEXT]},
        "net.json": {"Net": [NET]},
    }
    for name, sets in answers.items():
        shown = [TrustFrameworkKeySet(*each).to_graph(base_url=None) for each in sets.items()]
        answer = {"@odata.context": GRAPH, "value": shown}
        (tmp_path / name).write_text(json.dumps(answer))
    return tmp_path


def calendar(*args: str) -> subprocess.CompletedProcess[str]:
    done = outcome("keyset", "calendar", *args, "--at", str(NOW))
    assert done.stderr == ""
    return done


@pytest.mark.usefixtures("folder")
def test_what_is_due_comes_first_and_ends_with_status_3() -> None:
    done = calendar("signing.keys", "due.json")
    assert done.returncode == 3
    first, _, header, *rows, _, second, third, fourth = done.stdout.splitlines()
    assert first == (
        "act now: B2C_1A_Empty: no key is active, and sign-in fails: add a key that takes over now "
        "(NoActiveKey)"
    )
    assert header.split() == ["act", "by", "when", "key", "set", "key", "what"]
    assert [row.split() for row in rows] == [
        ["now", "1972-09-27", "B2C_1A_Empty", "-", "NoActiveKey"],
        ["now", "1972-10-07", "B2C_1A_Soon", SOON.kid[:8], "NoActiveKey"],
        ["1973-06-24", "1973-07-24", "B2C_1A_signing", LATE.kid[:8], "NoActiveKey"],
        ["1973-06-24", "1973-07-24", "B2C_1A_Late", LATE.kid[:8], "NoActiveKey"],
    ]
    assert second.startswith("act now: B2C_1A_Soon: key ")
    assert SOON.kid in second
    assert third.startswith("act by 1973-06-24: B2C_1A_signing: key ")
    assert fourth.startswith("act by 1973-06-24: B2C_1A_Late: key ")


@pytest.mark.usefixtures("folder")
def test_without_anything_due_the_status_is_0() -> None:
    done = calendar("signing.keys", "well.json")
    assert done.returncode == 0
    assert done.stdout.startswith("act by 1973-06-24: B2C_1A_signing: key ")
    assert "\n-          1972-11-06 B2C_1A_Next" in done.stdout
    done = calendar("well.json", "--until", "+41d")
    assert done.stdout.startswith("nothing to do until 1972-11-07T00:00:00Z\n\nact by when ")
    assert len(done.stdout.splitlines()) == 4
    assert calendar("net.json").stdout == "nothing to do\n"
    assert calendar("net.json", "--until", "+1d").stdout == (
        "nothing to do until 1972-09-28T00:00:00Z\n"
    )


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("notice", "status"), [("299d", 0), ("300d", 3), ("1s", 0)])
def test_the_notice_decides_what_is_due(notice: str, status: int) -> None:
    assert calendar("signing.keys", "--notice", notice).returncode == status


@pytest.mark.usefixtures("folder")
def test_the_json_has_every_member_of_the_events() -> None:
    done = calendar("signing.keys", "due.json", "--json")
    assert done.returncode == 3
    found = parse(done.stdout)
    assert found["at"] == NOW
    empty, soon, signing, _ = found["value"]
    assert signing == {
        "file": "signing.keys",
        "time": NOW + 300 * DAY,
        "act_by": NOW + 270 * DAY,
        "key_set": "B2C_1A_signing",
        "number": 1,
        "kid": LATE.kid,
        "kind": "NoActiveKey",
        "message": signing["message"],
        "action": "add a key that takes over before 1973-07-24T00:00:00Z",
        "is_due": False,
    }
    assert (empty["is_due"], soon["is_due"], soon["file"]) == (True, True, "due.json")


def test_each_encrypted_file_takes_the_same_passphrase(folder: Path) -> None:
    (folder / "passphrase").write_text("a\n")
    store.save(TrustFrameworkKeySet("one", [LATE]), folder / "one", password="a")
    done = calendar("one", "signing.keys", "--password-file", "passphrase")
    rows = done.stdout.splitlines()[3:5]
    assert [row.split()[2] for row in rows] == ["B2C_1A_one", "B2C_1A_signing"]
    done = outcome("keyset", "calendar", "signing.keys", "--password-file", "passphrase")
    assert "signing.keys: it is not encrypted" in failed(done, 2)
    done = outcome("keyset", "calendar", "-", "--password-file", "passphrase")
    assert "-: it is not encrypted, but a passphrase was given" in failed(done, 2)


@pytest.mark.deep
def test_each_encrypted_file_is_asked_for_its_own_passphrase(folder: Path) -> None:
    for name in ("one", "two"):
        store.save(TrustFrameworkKeySet(name, [LATE]), folder / name, password=name)
    args = ("keyset", "calendar", "one", "signing.keys", "two", "--at", str(NOW))
    status, screen = command_at_a_terminal(*args, cwd=folder, answers=["one\n", "two\n"])
    assert status == 0
    assert screen.index("Passphrase of one") < screen.index("Passphrase of two")
    assert "B2C_1A_two" in screen


def test_a_document_comes_from_a_pipe_too(files: Path, quickly: Runner) -> None:
    jwks = json.dumps({"keys": []})
    done = quickly("keyset", "calendar", "secrets", "-", stdin=jwks)
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout.startswith("act now: standard input: no key is active, and")
    page = json.dumps({"@odata.context": GRAPH, "@odata.nextLink": GRAPH, "value": []})
    done = quickly("keyset", "calendar", "-", stdin=page)
    assert (done.returncode, done.stdout) == (0, "nothing to do\n")
    assert done.stderr == (
        "trustkeys: warning: -: the answer goes on: save the pages at its @odata.nextLink as "
        "FILEs, too\n"
    )


@pytest.mark.parametrize("text", ["[red]a", "[/a]", ":smile:", "\x1b[2J", "a\nb"])
def test_ids_and_kids_are_shown_as_they_are_and_command_no_terminal(
    folder: Path, text: str
) -> None:
    keys = [{"kid": text, "kty": "oct", "use": "sig", "k": None, "exp": NOW + DAY}]
    odd = "odd" if WINDOWS else "odd\x1b[2J"
    (folder / odd).write_text(json.dumps({"keys": keys}))
    done = calendar(odd)
    assert all(line.isprintable() for line in done.stdout.splitlines())
    row = done.stdout.splitlines()[3]
    shown = text.encode("unicode_escape").decode()
    assert row.split() == ["now", "1972-09-28", odd.replace("\x1b", "\\x1b"), shown, "NoActiveKey"]
    named = {"value": [{"id": f"B2C_1A_{text}", "keys": []}]}
    (folder / "named").write_text(json.dumps(named))
    row = calendar("named").stdout.splitlines()[3]
    assert row.split()[2] == (f"B2C_1A_{text}" if text.isprintable() else "named")


def test_what_ends_after_the_year_9999_is_shown_and_left_out_of_the_ics(folder: Path) -> None:
    far = TrustFrameworkKeySet("far", [support.oct_key(0, 2**63 - 1)])
    store.save(far, folder / "far", plain=True)
    done = calendar("far", "--ics", "far.ics")
    assert done.stdout.startswith("act by after 9999: B2C_1A_far: key ")
    assert done.stdout.splitlines()[3].startswith("after 9999 after 9999 B2C_1A_far ")
    assert b"VEVENT" not in (folder / "far.ics").read_bytes()
    (folder / "far.ics").unlink()
    args = ("far", "due.json", "--at", "+9000y", "--ics", "far.ics")
    assert outcome("keyset", "calendar", *args).returncode == 3
    assert b"VEVENT" not in (folder / "far.ics").read_bytes()


# --- the table at a terminal


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_the_table_fits_the_terminal(folder: Path, columns: int) -> None:
    name = f"Token{'Signing' * 4}KeyContainer"
    store.save(TrustFrameworkKeySet(name, [LATE]), folder / "long", plain=True)
    args = ("keyset", "calendar", "long", "due.json", "--at", str(NOW))
    status, screen = command_at_a_terminal(
        *args, cwd=folder, answers=[], COLUMNS=str(columns), NO_COLOR="1"
    )
    assert status == 3
    assert "\x1b" not in screen
    _, table, _ = screen.split("\r\n\r\n")
    rows = table.splitlines()
    assert all(len(row) <= columns for row in rows)
    assert len([row for row in rows if "NoActiveKey" in row]) == 4
    if columns > 80:
        assert f" B2C_1A_{name} " in table


def test_what_is_due_is_red(folder: Path) -> None:
    args = ("keyset", "calendar", "due.json", "--at", str(NOW))
    _, screen = command_at_a_terminal(*args, cwd=folder, answers=[])
    _, table, _ = screen.split("\r\n\r\n")
    assert ["\x1b[31m\x1b[1m" in row for row in table.splitlines()] == [False, True, True, False]


# --- the iCalendar file


def test_the_ics_file_is_written_anew_each_week(folder: Path) -> None:
    target = folder / "keys.ics"
    done = calendar("signing.keys", "--ics", "keys.ics")
    assert done.stdout == calendar("signing.keys").stdout
    first = target.read_bytes()
    assert first.startswith(b"BEGIN:VCALENDAR\r\n")
    # Wine does not tell the rules of a private folder from those of the file.
    assert WINE or mode_of(target) == 0o644
    calendar("due.json", "--ics", "keys.ics")
    assert WINE or mode_of(target) == 0o644
    assert target.read_bytes() != first
    args = ("keyset", "calendar", "due.json", "--at", str(NOW), "--ics", "-")
    printed: Any = support.command(*args, cwd=folder, text=False).stdout
    assert printed == target.read_bytes()
    assert {each.name for each in folder.iterdir()} == {
        *("signing.keys", "due.json", "well.json", "net.json", "keys.ics")
    }


@needs_modes
def test_the_ics_file_keeps_its_mode(folder: Path) -> None:
    calendar("signing.keys", "--ics", "keys.ics")
    for mode in (0o644, 0o640):
        (folder / "keys.ics").chmod(mode)
        calendar("due.json", "--ics", "keys.ics")
        assert mode_of(folder / "keys.ics") == mode


@needs_links
def test_no_file_is_replaced_through_a_link(folder: Path) -> None:
    calendar("signing.keys", "--ics", "keys.ics")
    (folder / "link.ics").symlink_to("keys.ics")
    done = outcome("keyset", "calendar", "signing.keys", "--ics", "link.ics")
    assert "it is a symbolic link" in failed(done, 1)


def test_no_other_file_is_replaced(folder: Path) -> None:
    foreign = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//other//EN\r\n"
    own = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//trustkeys//mine//EN\r\n"
    for content in (foreign, own, b"", b"notes\nPRODID:-//trustkeys//"):
        (folder / "mine.ics").write_bytes(content)
        done = outcome("keyset", "calendar", "signing.keys", "--ics", "mine.ics")
        assert failed(done, 1) == "mine.ics: File exists"
        assert (folder / "mine.ics").read_bytes() == content


def test_no_file_is_replaced_that_comes_while_the_command_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "trustkeys.keyset.calendar.calendar",
        lambda *_, **__: [*map(Path.touch, [folder / "a"])][:0],
    )
    assert failed(outcome("keyset", "calendar", "net.json", "--ics", "a"), 1) == "a: File exists"


def test_after_an_error_the_old_calendar_is_still_there(folder: Path) -> None:
    calendar("signing.keys", "--ics", "keys.ics")
    before = (folder / "keys.ics").read_bytes()
    for args in (["none"], ["signing.keys", "--until", "5"], ["signing.keys", "--notice", "5"]):
        done = outcome("keyset", "calendar", *args, "--ics", "keys.ics")
        assert done.returncode in (1, 2)
        assert (folder / "keys.ics").read_bytes() == before


@pytest.mark.usefixtures("folder")
def test_standard_output_has_one_result() -> None:
    done = outcome("keyset", "calendar", "signing.keys", "--json", "--ics", "-")
    assert done.returncode == 2
    assert "--json and --ics - both write to standard output" in done.stderr


@pytest.mark.usefixtures("folder")
def test_only_an_ics_file_needs_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "icalendar", None)
    assert calendar("signing.keys").returncode == 0


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        ([], 2, "Missing argument 'FILE...'"),
        (["none"], 1, "none: No such file or directory"),
        (["bad"], 2, "bad: the key set is not JSON: it is empty"),
        (["net.json", "--until", "1"], 2, "until must be later than at"),
        (["net.json", "--notice", "x"], 2, "--notice must be a number and a unit"),
    ],
)
def test_an_error_is_one_line(folder: Path, args: list[str], code: int, message: str) -> None:
    (folder / "bad").write_text("")
    done: Any = outcome("keyset", "calendar", *args, "--at", str(NOW))
    assert message in failed(done, code)
