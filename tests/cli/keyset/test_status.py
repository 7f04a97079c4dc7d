"""``trustkeys keyset enable`` and ``disable``: the key that is meant, and no other."""

from __future__ import annotations

import json
from pathlib import Path

from tests import support
from tests.support import done, failed
from tests.support import keyset_command as command
from trustkeys import TrustFrameworkKeySet, store


def test_a_short_kid_names_one_key(folder: Path) -> None:
    keyset = TrustFrameworkKeySet("pair", [support.oct_key(), support.oct_key()])
    # A kid can start with a hyphen, and share its first letters with another.
    jwks = keyset.to_jwks(private=True)
    jwks["keys"][0]["kid"] = "-abcdefgh"
    jwks["keys"][1]["kid"] = "-abcdefxy"
    (folder / "pair").write_text(json.dumps(jwks))
    (folder / "pair").chmod(0o600)

    def statuses() -> list[str]:
        return [key.status for key in store.load(folder / "pair")]

    assert done("disable", "pair", "-abcdefg", cwd=folder) == ""
    assert statuses() == ["disabled", "enabled"]
    process = command("disable", "pair", "--", "-abcdefxy", cwd=folder)
    assert (process.returncode, process.stdout) == (0, "")
    assert "trustkeys: no key is active now\n" in process.stderr
    assert "trustkeys: warning: B2C_1A_pair has no active key at " in process.stderr
    assert statuses() == ["disabled", "disabled"]
    assert done("enable", "pair", "-abcdefx", cwd=folder) == ""
    assert statuses() == ["disabled", "enabled"]
    before = (folder / "pair").read_bytes()
    for kid, message in [
        ("-abcdef", "2 keys"),
        ("-abcd", "2 keys"),
        ("-abcdefgi", "no key with that kid"),
        ("", "2 keys"),
    ]:
        assert message in failed(command("disable", "pair", kid, cwd=folder), 2)
    assert (folder / "pair").read_bytes() == before


def test_an_unknown_kid_is_answered_with_the_kids_of_the_set(folder: Path) -> None:
    kids = [key.kid[:8] for key in store.load(folder / "gap")]
    message = failed(command("disable", "gap", "unknown", cwd=folder), 2)
    assert message.endswith(f"no key with that kid: its keys are '{kids[0]}', '{kids[1]}'")
    keyset = TrustFrameworkKeySet("many", [support.oct_key() for _ in range(7)])
    store.save(keyset, folder / "many", plain=True)
    assert failed(command("disable", "many", "unknown", cwd=folder), 2).endswith(" and 2 more")
    message = failed(command("disable", "empty", "unknown", cwd=folder), 2)
    assert message == "B2C_1A_empty has no key with that kid: it is empty"


def test_a_kid_of_five_characters_is_too_short(folder: Path) -> None:
    kid = next(iter(store.load(folder / "gap"))).kid
    short = command("disable", "gap", kid[:5], cwd=folder)
    assert "at least 6 characters long" in failed(short, 2)
    assert command("disable", "gap", kid[:6], cwd=folder).returncode == 0
    assert next(iter(store.load(folder / "gap"))).status == "disabled"


def test_a_key_that_was_disabled_before_is_named_as_such(folder: Path) -> None:
    kid = next(iter(store.load(folder / "gap"))).kid
    command("disable", "gap", kid, cwd=folder)
    again = command("disable", "gap", kid, cwd=folder)
    assert "trustkeys: the key was disabled before\n" in again.stderr
