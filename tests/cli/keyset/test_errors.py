"""Bad input is one line that says what is wrong, and never changes a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.in_process import outcome
from tests.support import WINDOWS, failed, needs_links, parse
from trustkeys.cli import passphrases

# No key needs to be in it: its label tells.
PEM = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["create", "a b", "-o", "new", "--plain"], 2, "the id of a key set must be letters"),
        (["create", "a", "-o", "gap", "--plain"], 1, "gap: File exists"),
        (["create", "a", "-o", "no/new", "--plain"], 1, "no/new: No such file or directory"),
        (["create", "a"], 2, "Missing option '-o'"),
        (["create", "a", "-o", "-", "--plain"], 2, "--output must be a file, not -"),
        (["show", "none"], 1, "none: No such file or directory"),
        (["show", "."], 1, ".: Is a directory"),
        pytest.param(["show", "link"], 1, "link: it is a symbolic link", marks=needs_links),
        (["show", "junk"], 2, "junk: the key set is not JSON"),
        (["show", "key.pem"], 2, 'key.pem: this is a public key (PEM); convert it with "trustkeys'),
        (["check", "key.pem"], 2, "key.pem: this is a public key (PEM)"),
        (["calendar", "key.pem"], 2, "key.pem: this is a public key (PEM)"),
        (["check", "page"], 2, "page: this is a web page (HTML)"),
        (["show", "gap", "--at", "x"], 2, "--at must be seconds since 1970"),
        (["show", "gap", "--at", "-5"], 2, "at must be from 0 to"),
        (["show", "gap", "--svg", "junk"], 1, "junk: File exists"),
        (["active", "gap"], 4, "B2C_1A_gap has no active key at"),
        (["generate", "empty"], 2, "use is missing: it must be sig or enc (AADB2C90253)"),
        (["generate", "gap", "--use", "sign"], 2, "--use must be sig or enc, not 'sign'"),
        (["generate", "gap", "--kty", "RSA"], 2, "a key set of their own (AADB2C95032)"),
        (["generate", "gap", "--use", "enc"], 2, "a key set of their own (AADB2C95042)"),
        (["generate", "gap", "--size", "8"], 2, "size of an oct key must be"),
        (["rotate", "gap"], 2, "Missing option '--every'"),
        (["rotate", "gap", "--every", "90"], 2, "--every must be a number and a unit such as 90d"),
        (["rotate", "gap", "--every", "0d"], 2, "every must be 1 or more whole seconds"),
        (["rotate", "gap", "--every", f"{'9' * 20}y"], 2, "--every, --overlap and --count"),
        (["rotate", "gap", "--every", "1d", "--overlap", "1"], 2, "--overlap must be a number"),
        (["rotate", "gap", "--every", "1d", "--count", "0"], 2, "count must be 1 to 1000"),
        (["rotate", "gap", "--every", "1d", "--count", "x"], 2, "'--count'"),
        (["rotate", "gap", "--every", "1d", "--at", "5", "--start", "+101d"], 2, "start would"),
        (["rollover", "gap", "--exp", "5"], 2, "exp must lie after the start of the key, 20"),
        (["jwks", "gap"], 2, "an oct key has no public form"),
        (["check", "junk"], 2, "junk: the key set is not JSON"),
        (["check", "-", "--password-file", "-"], 2, "only once"),
        (["enable", "gap", "unknown"], 2, "no key with that kid"),
        (["enable", "gap"], 2, "Missing argument 'KID'"),
        (
            ["enable", "gap", "--quiet"],
            2,
            "no such option, and no such kid: --quiet (see trustkeys",
        ),
        (["disable", "none", "unknown"], 1, "none: No such file or directory"),
        (["password", "gap", "--password-file", "-", "--new-password-file", "-"], 2, "only once"),
        (["turn", "gap"], 2, "No such command 'turn'"),
    ],
)
def test_bad_input_is_one_line_and_changes_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], code: int, message: str
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(passphrases, "has_terminal", lambda: False)
    (folder / "junk").write_text("junk")
    (folder / "key.pem").write_text(PEM)
    (folder / "page").write_text("<!doctype html>")
    if not WINDOWS:
        (folder / "link").symlink_to("gap")
    before = {name: (folder / name).read_bytes() for name in os.listdir(folder)}
    assert message in failed(outcome("keyset", *args), code)
    assert {
        name: (folder / name).read_bytes()
        for name in os.listdir(folder)
        if not name.endswith(".lock")
    } == before
    error = parse(outcome("keyset", *args, "--json").stderr)["error"]
    assert set(error) == {"code", "message", "target", "innerError"}
