"""``trustkeys keyset rollover``: in an emergency the new key must really be the active one."""

from __future__ import annotations

import re
from pathlib import Path

from tests import support
from tests.support import done, failed, parse
from tests.support import keyset_command as command
from trustkeys import TrustFrameworkKeySet, store

DAY = 86_400


def test_the_new_key_is_active_at_once(folder: Path) -> None:
    before = [*store.load(folder / "gap")]
    new = parse(done("rollover", "gap", "--exp", "+1d", cwd=folder))
    assert new["exp"] - new["nbf"] == DAY
    assert parse(done("active", "gap", cwd=folder))["kid"] == new["kid"]
    assert [*store.load(folder / "gap")][:-1] == before
    options = ("--at", "4102444800", "--exp", "+1d", "--size", "512")
    ahead = parse(done("rollover", "gap", *options, cwd=folder))
    assert ahead["exp"] == 4102444800 + DAY
    assert [*store.load(folder / "gap")][-1].size == 512
    done("rollover", "gap", "--disable", cwd=folder)
    assert [key.status for key in store.load(folder / "gap")] == ["disabled"] * 4 + ["enabled"]


def test_the_other_keys_are_not_disabled_while_the_new_one_is_inactive(folder: Path) -> None:
    late = command("rollover", "gap", "--at", "+1d", "--disable", cwd=folder)
    assert "not active now" in failed(late, 2)
    expired = command("rollover", "gap", "--at", "5", "--exp", "6", "--disable", cwd=folder)
    assert "not active now" in failed(expired, 2)
    assert {key.status for key in store.load(folder / "gap")} == {"enabled"}


def test_a_key_that_starts_later_and_is_active_is_named(folder: Path) -> None:
    done("rollover", "gap", cwd=folder)
    early = command("rollover", "gap", "--at", "5", cwd=folder)
    assert early.returncode == 0
    assert re.search(r"warning: another key is active: \S{43} starts later", early.stderr)


def test_a_key_that_has_expired_is_not_blamed_on_another(folder: Path) -> None:
    store.save(TrustFrameworkKeySet("net", [support.oct_key()]), folder / "net", plain=True)
    dates = ("--at", "2020-01-01", "--exp", "2021-01-01")
    process = command("rollover", "net", *dates, cwd=folder)
    assert "the key has already expired, at 2021-01-01T00:00:00Z" in process.stderr
    assert "another key" not in process.stderr
