"""After each change the command says who signs: a person must not learn it from an outage."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import attrs
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests import support
from tests.cli.exchange import Keys
from tests.cli.in_process import outcome
from tests.support import keyset_command as command
from trustkeys import TrustFrameworkKey, TrustFrameworkKeySet, store
from trustkeys.core.numericdate import date_text
from trustkeys.keyset.schedule import moment

DAY = 86_400
START = 1_800_000_000

NOW = re.compile(
    r"^trustkeys: (?:active from now on: (?P<new>[^\s;]+)"
    r"|(?P<old>\S+) stays active|no key is active now)"
)
LATER = re.compile(r"; (?:(?P<kid>\S+) takes over at|no key is active from) (?P<time>\S+Z)")


def active_at(keys: Sequence[TrustFrameworkKey], at: int) -> str | None:
    key = support.model_of_the_overview(keys, at)
    return None if key is None else key.kid


def boundaries(keys: Sequence[TrustFrameworkKey], now: int) -> list[int]:
    dates = {date for key in keys for date in (key.nbf, key.exp) if date is not None}
    return sorted({now, *(date for date in dates if date > now)})


def check_statement(
    stderr: str, before: list[TrustFrameworkKey], after: list[TrustFrameworkKey], now: int
) -> None:
    """Compare what the command said with the model, at every time at which something changes."""
    times = sorted({*boundaries(before, now), *boundaries(after, now)})
    said = next(filter(None, map(NOW.match, stderr.splitlines())), None)
    kids = {key.kid[:8]: key.kid for key in after}
    if said is None:
        assert [active_at(before, at) for at in times] == [active_at(after, at) for at in times]
        return
    shown = said["new"] or said["old"]
    active = None if shown is None else kids[shown]
    assert active == active_at(after, now)
    assert (said["old"] is not None) <= (active == active_at(before, now))
    assert (said["new"] is not None) <= (active != active_at(before, now))
    takeovers = {found["time"]: found["kid"] for found in LATER.finditer(said.string)}
    takeovers = {time: kid and kids[kid] for time, kid in takeovers.items()}
    is_complete = "; and " not in said.string
    is_next = True
    for at in times:
        changes = at > now and active_at(after, at) != active_at(after, at - 1)
        if (text := date_text(at)) in takeovers:
            assert changes
            assert takeovers.pop(text) == active_at(after, at)
            is_next = False
        elif changes and is_complete:
            # Only a takeover that was planned before, and is not the next, is not repeated.
            assert not is_next
            assert active_at(before, at) == active_at(after, at) != active_at(before, at - 1)
    assert takeovers == {}


def check_note(
    stderr: str, before: list[TrustFrameworkKey], after: list[TrustFrameworkKey], now: int
) -> None:
    """Compare what the command said with --json with the model: it names all takeovers."""
    times = sorted({*boundaries(before, now), *boundaries(after, now)})
    notes = [note for line in stderr.splitlines() if "active" in (note := notes_in(line))]
    if not notes:
        assert [active_at(before, at) for at in times] == [active_at(after, at) for at in times]
        return
    (note,) = notes
    said = {now: note["active"]} | {each["time"]: each["kid"] for each in note["takeovers"]}
    kids = {at: active_at(after, at) for at in times}
    assert said == {
        at: kid for at, kid in kids.items() if at == now or active_at(after, at - 1) != kid
    }


def notes_in(line: str) -> dict[str, Any]:
    note: dict[str, Any] = json.loads(line).get("note", {})
    return note


DATES = st.none() | st.integers(-6, 12).map(lambda days: START + days * DAY)


def dates(draw: st.DrawFn) -> list[str]:
    nbf, exp = draw(DATES), draw(DATES)
    if nbf is not None and exp is not None and exp < nbf:
        nbf, exp = exp, nbf
    found = []
    for option, date in (("--nbf", nbf), ("--exp", exp)):
        found += [] if date is None else [option, str(date)]
    return found


@st.composite
def histories(draw: st.DrawFn) -> list[list[str]]:
    steps = []
    for _ in range(draw(st.integers(1, 9))):
        kind = draw(
            st.sampled_from(
                ["generate", "secret", "rotate", "rollover", "disable", "enable", "add", "wait"]
            )
        )
        options = []
        if kind in ("generate", "secret", "add"):
            options = dates(draw)
        elif kind == "rotate":
            options = ["--every", f"{draw(st.integers(1, 4))}d"]
            options += ["--count", str(draw(st.integers(1, 3)))]
            options += ["--overlap", f"{draw(st.integers(0, 3))}d"]
        elif kind == "rollover":
            options = draw(st.sampled_from([[], ["--disable"], ["--exp", "+2d"]]))
        elif kind in ("enable", "disable", "wait"):
            options = [str(draw(st.integers(0, 4)))]
        steps.append([kind, *options, *draw(st.sampled_from([[], ["--json"]]))])
    return steps


def run(folder: Path, step: list[str], keys: list[TrustFrameworkKey]) -> str:
    kind, *options = step
    file = str(folder / "set")
    if kind in ("enable", "disable"):
        if not keys:
            return ""
        number, *options = options
        options += ["--", keys[int(number) % len(keys)].kid]
    elif kind in ("rotate", "rollover"):
        options += ["--use", "sig", "--kty", "oct", "--generate"]
    elif kind == "generate":
        options += ["--use", "sig", "--kty", "oct"]
    elif kind == "secret":
        options += ["--use", "sig"]
    elif kind == "add":
        jwk = TrustFrameworkKeySet("new").generate_key("sig", "oct").to_jwk(private=True)
        (folder / "new.jwk").write_text(json.dumps(jwk))
        options = [str(folder / "new.jwk"), *options]
    process = outcome("keyset", kind, file, *options, stdin=b"a secret text")
    assert process.returncode == 0, process.stderr
    return process.stderr


@pytest.mark.deep
@settings(max_examples=150)
@given(histories())
def test_what_is_said_of_the_active_key_is_true_after_any_history(steps: list[list[str]]) -> None:
    now = START
    with TemporaryDirectory() as name, patch.object(time, "time", lambda: now):
        folder = Path(name)
        store.save(TrustFrameworkKeySet("set"), folder / "set", plain=True)
        keys: list[TrustFrameworkKey] = []
        for step in steps:
            if step[0] == "wait":
                now += int(step[1]) * DAY
                continue
            stderr = run(folder, step, keys)
            before, keys = keys, [*store.load(folder / "set")]
            check = check_note if "--json" in step else check_statement
            check(stderr, before, keys, now)
            event(step[0])


@pytest.fixture
def plan(tmp_path: Path) -> list[TrustFrameworkKey]:
    """A set with a key that is active now, and another one from tomorrow on."""
    now = moment(None)
    keys = [support.oct_key(now - DAY), support.oct_key(now + DAY)]
    store.save(TrustFrameworkKeySet("set", keys), tmp_path / "set", plain=True)
    return keys


def test_a_spare_key_without_dates_is_named_only_if_it_will_be_active(
    tmp_path: Path, plan: list[TrustFrameworkKey]
) -> None:
    assert command("generate", "set", cwd=tmp_path).stderr == ""
    first, _ = plan
    store.save(
        TrustFrameworkKeySet("ends", [attrs.evolve(first, exp=(first.nbf or 0) + 9 * DAY)]),
        tmp_path / "ends",
        plain=True,
    )
    spare = command("generate", "ends", cwd=tmp_path)
    kid = support.parse(spare.stdout)["kid"]
    end = date_text((first.nbf or 0) + 9 * DAY)
    assert (
        spare.stderr == f"trustkeys: {first.kid[:8]} stays active; {kid[:8]} takes over at {end}\n"
    )


def test_the_next_takeover_is_said_even_if_it_stays_as_it_was(
    tmp_path: Path, plan: list[TrustFrameworkKey]
) -> None:
    _, second = plan
    process = command("rollover", "set", cwd=tmp_path)
    kid = support.parse(process.stdout)["kid"]
    start = date_text(second.nbf or 0)
    assert (
        f"trustkeys: active from now on: {kid[:8]}; {second.kid[:8]} takes over at {start}\n"
        in (process.stderr)
    )


def test_a_long_plan_is_one_line(tmp_path: Path, plan: list[TrustFrameworkKey]) -> None:
    """But what it leaves out it counts, even if that is a single gap."""
    rotated = command("rotate", "set", "--every", "9d", "--count", "2", cwd=tmp_path)
    (line,) = rotated.stderr.splitlines()
    assert line.count("takes over at") == 3
    assert line.endswith("; and 1 more (trustkeys keyset show)")


def test_a_plan_from_another_time_names_that_time(tmp_path: Path) -> None:
    store.save(TrustFrameworkKeySet("set"), tmp_path / "set", plain=True)
    options = ("--use", "sig", "--kty", "oct", "--every", "9d", "--at", "2000-01-01")
    process = command("rotate", "set", *options, cwd=tmp_path)
    assert process.stderr.startswith("trustkeys: active from 2000-01-01T00:00:00Z on: ")
    assert "; no key is active from 2000-01-17T00:00:00Z on" in process.stderr
    # Another key can be active now.
    again = command("rotate", "set", *options, cwd=tmp_path).stderr
    assert " is active at 2000-01-01T00:00:00Z as before; " in again
    assert "stays active" not in again


def test_a_long_kid_is_shortened_unless_another_begins_alike(tmp_path: Path) -> None:
    kids = ["same----" + "x" * 20, "same----" + "y" * 20, "other---" + "z" * 20, "short-2027-kid"]
    keys = [attrs.evolve(support.oct_key(), kid=kid, status="disabled") for kid in kids]
    store.save(TrustFrameworkKeySet("set", keys), tmp_path / "set", plain=True)
    for kid, shown in zip(kids, [kids[0], kids[1], "other---", kids[3]], strict=True):
        process = command("enable", "set", kid, cwd=tmp_path)
        assert process.stderr == f"trustkeys: active from now on: {shown}\n"


@pytest.mark.parametrize("kind", ["rsa", "oct"])
def test_a_second_kid_of_a_disabled_key_is_named(tmp_path: Path, keys: Keys, kind: str) -> None:
    key = attrs.evolve(getattr(keys, kind), nbf=None, exp=None)
    twin = attrs.evolve(key, kid="twin")
    store.save(TrustFrameworkKeySet("set", [key, twin]), tmp_path / "set", plain=True)
    said = command("disable", "set", "--", key.kid, cwd=tmp_path).stderr
    assert "warning: twin is the same key under another kid, and stays in use" in said
    assert "twin" not in command("disable", "set", "twin", cwd=tmp_path).stderr


@pytest.mark.parametrize(("kind", "advice"), [("RSA", "keyset jwks"), ("oct", "revoke the secret")])
def test_what_else_must_be_done_about_a_stolen_key_is_said(
    tmp_path: Path, keys: Keys, kind: str, advice: str
) -> None:
    key = attrs.evolve(keys.rsa, nbf=None, exp=None) if kind == "RSA" else keys.oct
    store.save(TrustFrameworkKeySet("set", [key]), tmp_path / "my set", plain=True)
    *_, line = command("rollover", "my set", "--disable", cwd=tmp_path).stderr.splitlines()
    assert line.startswith("trustkeys: copies of a disabled key still work: ")
    assert advice in line
    # It can be copied to a shell.
    assert "trustkeys provision 'my set' --replace --skip-disabled" in line
    # Once is enough: nothing is disabled by the next command.
    again = command("generate", "my set", cwd=tmp_path)
    assert "copies" not in again.stderr
