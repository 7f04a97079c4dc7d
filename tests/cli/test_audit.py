"""trustkeys audit: a pipeline learns in time which sets of a tenant need a key."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests import support
from tests.cli.in_process import outcome
from tests.keyset.answers import GRAPH
from tests.support import command_at_a_terminal, failed, parse
from trustkeys import TrustFrameworkKeySet

DAY = 86_400
NOW = 1000 * DAY  # 1972-09-27

Runner = Any


def answer_of(**sets: Any) -> dict[str, Any]:
    shown = [
        TrustFrameworkKeySet(name, keys).to_graph(base_url=None) for name, keys in sets.items()
    ]
    return {"@odata.context": GRAPH, "value": shown}


NET = support.oct_key()
ACTIVE = support.oct_key(NOW - 9, NOW + 60 * DAY)
ENDING = support.oct_key(NOW - 9, NOW + 10 * DAY)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    answers = {
        "good": answer_of(Good=[NET, ACTIVE]),
        "warned": answer_of(Good=[NET, ACTIVE], Ending=[ENDING]),
        "bad": answer_of(Ending=[ENDING], Empty=[], Good=[NET]),
    }
    for name, answer in answers.items():
        (tmp_path / name).write_text(json.dumps(answer))
    return tmp_path


def audit(folder: Path, *args: str, **options: Any) -> subprocess.CompletedProcess[str]:
    arguments = ("audit", *args, "--at", str(NOW))
    process = support.command(*arguments, cwd=folder, **options) if options else outcome(*arguments)
    assert process.stderr == ""
    return process


@pytest.mark.parametrize("name", ["B2C_1A_[red]x[/bold]", "B2C_1A_[/]", "B2C_1A_:smile:"])
def test_a_name_is_shown_as_it_is(folder: Path, name: str) -> None:
    """Not as markup of the table, which would hide it or end the command."""
    answer = answer_of(Good=[NET])
    answer["value"][0]["id"] = name
    answer["value"][0]["keys"][0]["kid"] = "[/kid]"
    (folder / "named").write_text(json.dumps(answer))
    process = audit(folder, "named")
    assert f"\n{name} oct sig 1    [/kid] " in process.stdout


def test_the_table_has_a_row_for_each_set_and_the_findings_follow(folder: Path) -> None:
    process = audit(folder, "bad")
    assert process.returncode == 3
    description, header, *rows = process.stdout.splitlines()
    assert description == "an answer of Graph: 3 key sets"
    assert header.split()[2:] == ["kty", "use", "keys", "active", "expires", "end", "net", "worst"]
    day = "1972-10-07"
    assert [row.split() for row in rows[:3]] == [
        ["B2C_1A_Ending", "oct", "sig", "1", ENDING.kid[:8], day, day, "no", "warning"],
        ["B2C_1A_Empty", "-", "-", "0", "none", "-", "-", "no", "error"],
        ["B2C_1A_Good", "oct", "sig", "1", NET.kid[:8], "never", "never", "yes", "ok"],
    ]
    assert rows[3] == ""
    assert rows[4].startswith("error: B2C_1A_Empty: no key is active from 1972-09-27")
    assert rows[5].startswith("warning: B2C_1A_Ending: the set has no safety net")
    active = f"warning: B2C_1A_Ending: key 1 ({ENDING.kid}) is active until it expires"
    assert rows[6].startswith(active)
    assert len(rows) == 7
    assert all(line == line.rstrip() for line in process.stdout.splitlines())


@pytest.mark.parametrize(
    ("name", "options", "status"),
    [
        ("good", [], 0),
        ("warned", [], 3),
        ("warned", ["--fail-on", "warning"], 3),
        ("warned", ["--fail-on", "error"], 0),
        ("bad", ["--fail-on", "error"], 3),
        ("good", ["--until", "+1y"], 0),
        ("warned", ["--until", "+1y", "--fail-on", "error"], 3),
    ],
)
def test_the_exit_status_is_that_of_the_worst_finding(
    folder: Path, name: str, options: list[str], status: int
) -> None:
    process = audit(folder, name, *options)
    assert process.returncode == status
    assert process.stdout.endswith("\nno findings\n") == (name == "good")
    parsed = audit(folder, name, *options, "--json")
    assert parsed.returncode == status
    found = parse(parsed.stdout)
    assert found["kind"] == "sets"
    assert len(found["findings"]) == sum(len(each["findings"]) for each in found["value"])


def test_the_json_has_everything_that_the_table_has(folder: Path) -> None:
    first, empty, good = parse(audit(folder, "bad", "--json").stdout)["value"]
    findings = first.pop("findings")
    assert first == {
        "id": "B2C_1A_Ending",
        "kty": "oct",
        "use": "sig",
        "size": 1,
        "has_active_key": True,
        "active_kid": ENDING.kid,
        "active_exp": NOW + 10 * DAY,
        "end": NOW + 10 * DAY,
        "has_safety_net": False,
        "is_deleted": False,
        "severity": "warning",
    }
    assert [finding["code"] for finding in findings] == ["NoSafetyNet", "ExpiresSoon"]
    assert {finding["key_set"] for finding in findings} == {"B2C_1A_Ending"}
    assert (empty["severity"], empty["active_kid"], good["severity"]) == ("error", None, None)


def test_an_answer_comes_from_a_pipe_in_any_form(folder: Path) -> None:
    sets = json.loads((folder / "good").read_text())["value"]
    data = json.dumps(sets, indent=2).encode("utf-16")
    process = support.command("audit", "-", cwd=folder, input=data, text=False)
    stdout: Any = process.stdout
    assert process.returncode == 0
    assert b"B2C_1A_Good oct sig 2 " in stdout
    deleted = {**sets[0], "id": "B2C_1A_Old.bak", "keys": []}
    shown = audit(
        folder,
        "-",
        input=json.dumps({"value": [deleted, {"id": "\x1b[2J", "keys": [{"kid": None}]}]}),
    )
    assert shown.returncode == 3
    _, _, first, second, *_ = shown.stdout.splitlines()
    assert first.split()[-1] == "deleted"
    assert second.startswith("key set 2 ")
    assert all(line.isprintable() for line in shown.stdout.splitlines())
    nothing = audit(folder, "-", input=json.dumps({"@odata.context": GRAPH, "value": []}))
    assert (nothing.returncode, nothing.stdout.partition("\n")[0]) == (
        0,
        "an answer of Graph: 0 key sets",
    )


def test_dates_and_kids_at_the_edge_are_shown(folder: Path) -> None:
    entry = TrustFrameworkKeySet("a", [support.oct_key(0, 2**63 - 1)]).to_graph()["keys"][0]
    answer = {"value": [{"id": "B2C_1A_a", "keys": [{**entry, "kid": None}]}]}
    row = audit(folder, "-", input=json.dumps(answer)).stdout.splitlines()[2]
    assert row == "B2C_1A_a oct sig 1    yes    after 9999 after 9999 no  warning"


@pytest.mark.parametrize("kid", ["[red]a", "[/a]", ":smile:", "\x1b[2J", "a\nb"])
def test_a_kid_of_any_text_is_shown_as_it_is_and_commands_no_terminal(
    folder: Path, kid: str
) -> None:
    keys = [{"kid": kid, "kty": "oct", "use": "sig", "k": None}]
    answer = json.dumps({"value": [{"id": "B2C_1A_a", "keys": keys}]})
    process = audit(folder, "-", input=answer)
    row = process.stdout.splitlines()[2]
    shown = kid.encode("unicode_escape").decode()
    assert row.split() == ["B2C_1A_a", "oct", "sig", "1", shown, "never", "never", "yes", "ok"]


def test_a_pipe_gets_one_line_for_each_set(folder: Path) -> None:
    (folder / "long").write_text(json.dumps(answer_of(**{"Long" * 30: [NET], "Good": [NET]})))
    long, good, *_ = audit(folder, "long").stdout.splitlines()[2:]
    assert long.split()[0] == f"B2C_1A_{'Long' * 30}"
    assert good.split()[0] == "B2C_1A_Good"


def test_a_terminal_of_80_columns_gets_lines_of_80_columns(folder: Path) -> None:
    long = answer_of(**{f"Token{'Signing' * 4}KeyContainer": [ENDING], "Good": [NET]})
    (folder / "long").write_text(json.dumps(long))
    status, screen = command_at_a_terminal(
        "audit", "long", "--at", str(NOW), cwd=folder, answers=[]
    )
    assert status == 3
    table = screen.partition("\r\n\r\n")[0]
    assert "\x1b[33m" in table
    status, screen = command_at_a_terminal(
        "audit", "long", "--at", str(NOW), cwd=folder, answers=[], NO_COLOR="1"
    )
    table = screen.partition("\r\n\r\n")[0]
    assert "\x1b" not in table
    assert all(len(line) <= 80 for line in table.splitlines())
    assert "warning" in table.splitlines()[2]


@pytest.mark.parametrize(
    ("args", "saved", "code", "message"),
    [
        (["none"], "", 1, "none: No such file or directory"),
        (["saved"], "", 2, "saved: the key set is not JSON: it is empty"),
        (
            ["saved"],
            " eyJhbGciOi",
            2,
            "saved: the key set is encrypted, which no answer of Graph is",
        ),
        (
            ["saved"],
            '{"value": [],}',
            2,
            "saved: the key set is not JSON: it has a comma after the last member",
        ),
        (
            ["saved"],
            '{"error": {"code": "Forbidden"}}',
            2,
            "saved: the key set is an error of Graph (Forbidden)",
        ),
        (["saved"], "<!doctype html>", 2, "saved: this is a web page (HTML)"),
        (["saved", "--until", "1"], '{"keys": []}', 2, "until must be later than at"),
        (["saved", "--fail-on", "info"], "{}", 2, "'info' is not one of 'error', 'warning'"),
        ([], "", 2, "Missing argument 'ANSWER'"),
    ],
)
def test_an_error_is_one_line(
    folder: Path, args: list[str], saved: str, code: int, message: str
) -> None:
    (folder / "saved").write_text(saved)
    assert message in failed(outcome("audit", *args), code)
