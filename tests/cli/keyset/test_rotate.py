"""``trustkeys keyset rotate``: the next keys, as many as a cron job wants."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support import done, parse
from tests.support import keyset_command as command
from trustkeys import store

DAY = 86_400


def test_the_added_keys_are_printed_with_their_dates(folder: Path) -> None:
    kind = ("--use", "enc", "--kty", "oct")
    text = done("rotate", "empty", *kind, "--every", "30d", "--count", "2", cwd=folder)
    keys = [*store.load(folder / "empty")]
    assert [line.split()[0] for line in text.splitlines()] == [key.kid for key in keys]
    assert re.fullmatch(r"(\S{43}  from \S+Z to \S+Z\n){2}", text)
    assert (keys[1].nbf or 0) - (keys[0].nbf or 0) == 30 * DAY
    assert (keys[0].exp or 0) - (keys[1].nbf or 0) == 90 * DAY
    options = ("--overlap", "2d", "--size", "512", "--start", "+10d", "--at", "now", "--json")
    added = parse(done("rotate", "empty", "--every", "1w", *options, cwd=folder))["value"]
    assert len(added) == 1
    assert added[0]["exp"] - added[0]["nbf"] == 9 * DAY
    assert added[0]["nbf"] - (keys[0].nbf or 0) in range(10 * DAY - 5, 10 * DAY + 60)
    assert [*store.load(folder / "empty")][2].size == 512


def test_a_relative_start_counts_from_at(folder: Path) -> None:
    at = ("--at", "5", "--start", "+10s", "--json")
    (first,) = parse(done("rotate", "gap", "--every", "1d", *at, cwd=folder))["value"]
    assert first["nbf"] == 15


def test_a_late_start_is_warned_about(folder: Path) -> None:
    process = command("rotate", "gap", "--every", "1d", "--start", "+5d", cwd=folder)
    assert process.returncode == 0
    assert re.search(r"warning: B2C_1A_gap has no active key at 20.* starts at 20", process.stderr)
