"""The person at the prompt who keeps a policy's keys: sees what is coming, and loses none."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import stat
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import jwcrypto.jwk
import pytest
from joserfc import jws
from joserfc.jwk import KeySet
from jwcrypto.jws import JWS

from tests import support
from tests.support import at_a_terminal, done, failed, parse
from tests.support import keyset_command as command
from trustkeys import TrustFrameworkKeySet, store
from trustkeys.cli import main, passphrases, values
from trustkeys.cli.keyset import commands as cli_keyset
from trustkeys.cli.keyset.commands import keyset

DAY = 86_400
PASSWORD = "a long passphrase"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a plain set of no keys, and one of two oct keys with a gap between them."""
    store.save(TrustFrameworkKeySet("empty"), tmp_path / "empty", plain=True)
    keys = [support.oct_key(0, 100 * DAY), support.oct_key(150 * DAY, 200 * DAY)]
    store.save(TrustFrameworkKeySet("gap", keys), tmp_path / "gap", plain=True)
    return tmp_path


# --- the whole way


def test_a_set_is_made_filled_looked_at_and_published(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text(f"{PASSWORD}\n")
    pw = ("--password-file", "pw")
    created = parse(done("create", "Signing", "-o", "set", *pw, cwd=tmp_path))
    assert created == {
        "@odata.context": "https://graph.microsoft.com/beta/$metadata#trustFramework/keySets/$entity",
        "id": "B2C_1A_Signing",
        "keys": [],
    }
    assert stat.S_IMODE((tmp_path / "set").stat().st_mode) == 0o600
    first = parse(done("generate", "set", "--use", "sig", "--kty", "RSA", *pw, cwd=tmp_path))
    # A second key is like the first, where nothing else is said.
    second = parse(done("generate", "set", "--nbf", "now", "--exp", "+1d", *pw, cwd=tmp_path))
    assert (second["kty"], second["use"]) == ("RSA", "sig")
    assert second["exp"] - second["nbf"] == DAY
    assert parse(done("active", "set", *pw, cwd=tmp_path)) == second
    assert parse(done("active", "set", "--at", "+2d", *pw, cwd=tmp_path)) == first
    keyset = store.load(tmp_path / "set", password=PASSWORD)
    assert [key.to_graph() for key in keyset] == [first, second]
    published = done("jwks", "set", *pw, cwd=tmp_path)
    for key in keyset:
        assert support.leaks(published, key.to_jwk(private=True)) == []
    # What was signed with a key of the set is verified with what was published.
    token = JWS(b"payload")
    signer = next(iter(keyset)).to_jwcrypto(private=True)
    token.add_signature(signer, protected=json.dumps({"alg": "RS256", "kid": first["kid"]}))
    verified = jws.deserialize_compact(
        token.serialize(compact=True), KeySet.import_key_set(json.loads(published))
    )
    assert verified.payload == b"payload"
    theirs = jwcrypto.jwk.JWKSet.from_json(published).get_key(first["kid"])
    token.verify(theirs)


def test_rotation_says_what_it_added(folder: Path) -> None:
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
    # What is relative counts from what counts as now.
    at = ("--at", "5", "--start", "+10s", "--json")
    (first,) = parse(done("rotate", "gap", "--every", "1d", *at, cwd=folder))["value"]
    assert first["nbf"] == 15


def test_rollover_makes_a_key_that_is_active_at_once(folder: Path) -> None:
    before = [*store.load(folder / "gap")]
    new = parse(done("rollover", "gap", "--exp", "+1d", cwd=folder))
    assert new["exp"] - new["nbf"] == DAY
    assert parse(done("active", "gap", cwd=folder))["kid"] == new["kid"]
    assert [*store.load(folder / "gap")][:-1] == before
    ahead = parse(done("rollover", "gap", "--at", "4102444800", "--exp", "+1d", cwd=folder))
    assert ahead["exp"] == 4102444800 + DAY
    done("rollover", "gap", "--disable", cwd=folder)
    assert [key.status for key in store.load(folder / "gap")] == ["disabled"] * 4 + ["enabled"]
    late = command("rollover", "gap", "--at", "+1d", "--disable", cwd=folder)
    assert "while the new one is active" in failed(late, 2)
    # A time in the past that another key has started after.
    early = command("rollover", "gap", "--at", "5", cwd=folder)
    assert early.returncode == 0
    assert re.search(r"warning: another key is active: \S{43} starts later", early.stderr)
    over = command("rollover", "gap", "--at", "5", "--exp", "6", "--disable", cwd=folder)
    assert "while the new one is active" in failed(over, 2)


def test_a_change_that_leaves_no_active_key_is_warned_about(folder: Path) -> None:
    process = command("generate", "gap", "--exp", "5", cwd=folder)
    assert process.returncode == 0
    first, second = process.stderr.splitlines()
    assert first.startswith("trustkeys: warning: B2C_1A_gap has no active key at 20")
    assert second == "trustkeys: warning: the key is over already: it ended at 1970-01-01T00:00:05Z"
    process = command("rotate", "gap", "--every", "1d", "--start", "+5d", cwd=folder)
    assert process.returncode == 0
    assert re.search(r"warning: B2C_1A_gap has no active key at 20.* starts at 20", process.stderr)


def test_who_cannot_be_told_of_a_key_is_told_that_it_is_there(folder: Path) -> None:
    for number, args in enumerate((["generate"], ["rotate", "--every", "1d"], ["rollover"]), 3):
        with open("/dev/full", "w") as full:
            process = command(
                args[0],
                "gap",
                *args[1:],
                cwd=folder,
                capture_output=False,
                stdout=full,
                stderr=subprocess.PIPE,
            )
        assert process.returncode == 1
        assert process.stderr.splitlines() == [
            "trustkeys: warning: what was asked for is done, and must not be asked for again",
            "trustkeys: standard output: No space left on device",
        ]
        assert len(store.load(folder / "gap")) == number


def test_keys_are_disabled_and_enabled_by_a_kid_cut_short(folder: Path) -> None:
    keyset = TrustFrameworkKeySet("pair", [support.oct_key(), support.oct_key()])
    # A kid can begin with a hyphen, and two with the same letters.
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
    assert process.stderr.startswith("trustkeys: warning: B2C_1A_pair has no active key at ")
    assert statuses() == ["disabled", "disabled"]
    assert done("enable", "pair", "-abcdefx", cwd=folder) == ""
    assert statuses() == ["disabled", "enabled"]
    before = (folder / "pair").read_bytes()
    for kid, message in [
        ("-abcdef", "2 keys have a kid that begins so"),
        ("-abcd", "2 keys have a kid that begins so"),
        ("-abcdefgi", "no key of that kid (NotFound)"),
        ("", "2 keys have"),
    ]:
        assert message in failed(command("disable", "pair", kid, cwd=folder), 2)
    assert (folder / "pair").read_bytes() == before
    kid = next(iter(store.load(folder / "gap"))).kid
    short = command("disable", "gap", kid[:5], cwd=folder)
    assert "kid must be given whole, or at least 6 characters of it" in failed(short, 2)
    assert command("disable", "gap", kid[:6], cwd=folder).returncode == 0
    assert next(iter(store.load(folder / "gap"))).status == "disabled"


# --- check


def test_a_pipeline_can_stop_on_an_error(folder: Path) -> None:
    process = command("check", "gap", "--at", "10", "--until", "+120d", cwd=folder)
    assert (process.returncode, process.stderr) == (3, "")
    assert process.stdout.splitlines() == [
        (
            "error: no key is active from 1970-04-11T00:00:00Z to 1970-05-31T00:00:00Z: "
            "sign-in fails (NoActiveKey)"
        ),
        (
            "warning: no enabled key is without dates: one would take over should all others "
            "expire (NoSafetyNet)"
        ),
    ]
    process = command("check", "gap", "--at", "10", "--json", cwd=folder)
    assert process.returncode == 3
    (error, warning) = parse(process.stdout)["value"]
    assert error == {
        "severity": "error",
        "code": "NoActiveKey",
        "message": error["message"],
        "kid": None,
        "time": 100 * DAY,
        "end": 150 * DAY,
    }
    assert warning["severity"] == "warning"
    # A warning is none.
    assert "warning: " in done("check", "gap", "--at", str(160 * DAY), cwd=folder)
    done("generate", "empty", "--use", "sig", "--kty", "oct", cwd=folder)
    assert done("check", "empty", "--until", "+99y", cwd=folder) == "no findings\n"


def test_any_document_is_checked_from_a_file_or_a_pipe(
    folder: Path, real_jwk: dict[str, Any]
) -> None:
    public = {name: real_jwk[name] for name in ("kty", "use", "kid", "n", "e")}
    text = json.dumps({"keys": [public, {**public, "use": "enc", "kid": "a\x1b[2Jb"}]})
    (folder / "jwks.json").write_text(text)
    for args, options in ((["jwks.json"], {}), (["-"], {"input": text})):
        process = command("check", *args, cwd=folder, **options)
        assert process.returncode == 3
        lines = process.stdout.splitlines()
        assert "AADB2C95042" in lines[0]
        assert [line.rpartition(" ")[2] for line in lines[1:3]] == ["(AADB2C90085)"] * 2
        assert all(line.isprintable() for line in lines)
        process = command("check", "--public", *args, cwd=folder, **options)
        assert "AADB2C90085" not in process.stdout
    answer = TrustFrameworkKeySet("a", store.load(folder / "gap")).to_graph()
    (folder / "answer.json").write_text(json.dumps(answer))
    assert "NoSafetyNet" in done("check", "answer.json", "--at", str(160 * DAY), cwd=folder)
    assert "not JSON" in failed(command("check", "-", cwd=folder, input="x"), 2)
    large = done(
        "check", "-", "--at", str(160 * DAY), cwd=folder, input=json.dumps(answer) + " " * 99_999
    )
    assert "NoSafetyNet" in large
    late = command("check", "gap", "--at", "10", "--until", "9", cwd=folder)
    assert "until must lie after at" in failed(late, 2)


# --- passphrases


def test_a_passphrase_is_asked_for_twice_when_new_and_never_shown(tmp_path: Path) -> None:
    answers = [f"{PASSWORD}\n", f"{PASSWORD}\n"]
    code, screen = at_a_terminal("create", "a", "-o", "set", cwd=tmp_path, answers=answers)
    assert code == 0
    assert screen.count("passphrase for set: ") == 1
    assert screen.count("Once more: ") == 1
    assert PASSWORD not in screen
    assert len(store.load(tmp_path / "set", password=PASSWORD)) == 0
    kind = ("--use", "sig", "--kty", "oct")
    code, screen = at_a_terminal(
        *("generate", "set", *kind), cwd=tmp_path, answers=[f"{PASSWORD}\n"]
    )
    assert (code, screen.count("Passphrase of set: ")) == (0, 1)
    assert len(store.load(tmp_path / "set", password=PASSWORD)) == 1
    code, screen = at_a_terminal("show", "set", cwd=tmp_path, answers=["wrong\n"])
    assert code == 2
    assert "set: the passphrase is wrong, or the text was changed" in screen
    # A file that is there is found out before anybody thinks up a passphrase.
    code, screen = at_a_terminal("create", "a", "-o", "set", cwd=tmp_path, answers=[])
    assert (code, "set: File exists" in screen) == (1, True)
    # And a slip with the old passphrase before anybody thinks up a new one.
    code, screen = at_a_terminal("password", "set", cwd=tmp_path, answers=["wrong\n"])
    assert (code, "New passphrase" in screen) == (2, False)
    code, screen = at_a_terminal(
        "password", "set", cwd=tmp_path, answers=[f"{PASSWORD}\n", "new\n", "new\n"]
    )
    assert code == 0
    assert len(store.load(tmp_path / "set", password="new")) == 1


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (["one\n", "other\n"], "the two passphrases differ"),
        (["\n", "\n"], "passphrase must be text, and not empty"),
        (["\x04"], "no passphrase was given"),
    ],
)
def test_a_slip_at_the_prompt_makes_no_file(
    tmp_path: Path, answers: list[str], message: str
) -> None:
    code, screen = at_a_terminal("create", "a", "-o", "set", cwd=tmp_path, answers=answers)
    assert code == 2
    assert message in screen
    assert "Traceback" not in screen
    assert os.listdir(tmp_path) == []


def test_a_passphrase_in_another_encoding_is_refused_and_not_shown(tmp_path: Path) -> None:
    answers = ["s3cret\udcff\udcfepw\n"]
    code, screen = at_a_terminal(
        "create", "a", "-o", "set", cwd=tmp_path, answers=answers, PYTHONUTF8="1"
    )
    assert code == 2
    assert "the passphrase must be text in the terminal's own encoding" in screen
    assert "Traceback" not in screen
    assert "0xff" not in screen
    assert os.listdir(tmp_path) == []


def test_a_passphrase_is_not_typed_where_it_is_seen(folder: Path) -> None:
    code, screen = at_a_terminal(
        "create", "a", "-o", "new", "--password-file", "-", cwd=folder, answers=[]
    )
    assert code == 2
    assert "a passphrase that is typed would be seen" in screen


def test_at_a_terminal_a_plain_file_is_called_so(folder: Path) -> None:
    code, screen = at_a_terminal("generate", "gap", cwd=folder, answers=[])
    assert code == 0
    assert "trustkeys: warning: gap is not encrypted: its private keys lie in the open" in screen


def test_the_name_of_a_file_is_shown_at_the_prompt_and_not_obeyed(tmp_path: Path) -> None:
    code, screen = at_a_terminal("create", "a", "-o", "\x1b[2Jx", cwd=tmp_path, answers=["\x04"])
    assert code == 2
    assert "New passphrase for \\x1b[2Jx: " in screen
    assert "\x1b" not in screen


def test_ctrl_c_at_the_prompt_ends_quietly(tmp_path: Path) -> None:
    code, screen = at_a_terminal("create", "a", "-o", "set", cwd=tmp_path, answers=["\x03"])
    assert code == -signal.SIGINT
    assert "Traceback" not in screen
    assert os.listdir(tmp_path) == []


def test_without_a_terminal_one_line_says_what_to_do(tmp_path: Path) -> None:
    process = command("create", "a", "-o", "set", cwd=tmp_path, input="secret\n")
    assert "give --password-file or --plain" in failed(process, 2)
    assert os.listdir(tmp_path) == []
    store.save(TrustFrameworkKeySet("a"), tmp_path / "set", password=PASSWORD)
    for args in (["show", "set"], ["jwks", "set"], ["check", "set"], ["active", "set"]):
        process = command(*args, cwd=tmp_path, input="secret\n")
        assert "give --password-file" in failed(process, 2)
    process = command("password", "set", "--password-file", "-", cwd=tmp_path, input=PASSWORD)
    assert "give --new-password-file or --plain" in failed(process, 2)


def test_a_passphrase_comes_from_a_file_or_a_pipe(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, f"{PASSWORD}\n".encode())
    os.close(write_end)
    pipe = ("--password-file", f"/dev/fd/{read_end}")
    done("create", "a", "-o", "set", *pipe, cwd=tmp_path, pass_fds=[read_end])
    os.close(read_end)
    (tmp_path / "new").write_text("new\n")
    change = ("password", "set", "--password-file", "-")
    done(*change, "--new-password-file", "new", cwd=tmp_path, input=PASSWORD)
    assert store.load(tmp_path / "set", password="new").id == "B2C_1A_a"
    process = command(*change, "--new-password-file", "-", cwd=tmp_path, input="new")
    assert "both passphrases cannot be standard input" in failed(process, 2)
    done(*change, "--plain", cwd=tmp_path, input="new")
    assert store.load(tmp_path / "set").id == "B2C_1A_a"


def test_a_plain_file_is_asked_for_by_name(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text(PASSWORD)
    both = command(*("create", "a", "-o", "set", "--plain", "--password-file", "pw"), cwd=tmp_path)
    assert "exclude each other" in failed(both, 2)
    done("create", "a", "-o", "set", "--plain", cwd=tmp_path)
    assert store.load(tmp_path / "set").id == "B2C_1A_a"
    # A passphrase that is given says that the file was encrypted: this is another one.
    swapped = command("jwks", "set", "--password-file", "pw", cwd=tmp_path)
    assert "it is not encrypted" in failed(swapped, 2)


def test_where_there_is_no_such_file_a_terminal_is_known_by_standard_input(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_tty(*_: object) -> int:
        raise FileNotFoundError

    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(os, "open", no_tty)
    monkeypatch.setattr(sys, "stdin", Terminal())
    assert passphrases._has_terminal()
    monkeypatch.setattr(sys, "stdin", None)
    assert not passphrases._has_terminal()


# --- trouble


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["create", "a b", "-o", "new", "--plain"], 2, "the id of a key set must be letters"),
        (["create", "a", "-o", "gap", "--plain"], 1, "gap: File exists"),
        (["create", "a", "-o", "no/new", "--plain"], 1, "no/new: No such file or directory"),
        (["create", "a"], 2, "Missing option '-o'"),
        (["show", "none"], 1, "none: No such file or directory"),
        (["show", "."], 1, ".: Is a directory"),
        (["show", "link"], 1, "link: it is a symbolic link"),
        (["show", "junk"], 2, "junk: the key set is not JSON"),
        (["show", "gap", "--at", "x"], 2, "at must be seconds since 1970"),
        (["show", "gap", "--svg", "junk"], 1, "junk: File exists"),
        (["active", "gap"], 2, "B2C_1A_gap has no active key at"),
        (["generate", "empty"], 2, "use is missing: sig or enc (AADB2C90253)"),
        (["generate", "gap", "--kty", "RSA"], 2, "RSA needs a key set of its own (AADB2C95032)"),
        (["generate", "gap", "--use", "enc"], 2, "enc needs a key set of its own (AADB2C95042)"),
        (["generate", "gap", "--size", "8"], 2, "size of an oct key must be"),
        (["rotate", "gap"], 2, "Missing option '--every'"),
        (["rotate", "gap", "--every", "90"], 2, "every must be a number and a unit such as 90d"),
        (["rotate", "gap", "--every", "0d"], 2, "every must be 1 or more whole seconds"),
        (["rotate", "gap", "--every", f"{'9' * 20}y"], 2, "whose dates Graph cannot carry"),
        (["rotate", "gap", "--every", "1d", "--overlap", "1"], 2, "overlap must be a number"),
        (["rotate", "gap", "--every", "1d", "--count", "0"], 2, "count must be 1 to 1000"),
        (["rotate", "gap", "--every", "1d", "--count", "x"], 2, "'--count'"),
        (["rotate", "gap", "--every", "1d", "--at", "5", "--start", "+101d"], 2, "start would"),
        (["jwks", "gap"], 2, "an oct key has no public form"),
        (["check", "junk"], 2, "junk: the key set is not JSON"),
        (["enable", "gap", "unknown"], 2, "no key of that kid"),
        (["enable", "gap"], 2, "Missing argument 'KID'"),
        (["enable", "gap", "--quiet"], 2, "No such option, nor kid: --quiet (see trustkeys"),
        (["create", "a", "-o", "-", "--plain"], 2, "a key set is kept in a file"),
        (["check", "-", "--password-file", "pw"], 2, "and not for standard input"),
        (["show", "gap", "--at", "-5"], 2, "at must be from 0 to"),
        (["rollover", "gap", "--exp", "5"], 2, "exp must lie after the start of the key, 20"),
        (["disable", "none", "unknown"], 1, "none: No such file or directory"),
        (["turn", "gap"], 2, "No such command 'turn'"),
    ],
)
def test_bad_input_and_trouble_are_one_line_and_change_nothing(
    folder: Path, args: list[str], code: int, message: str
) -> None:
    (folder / "junk").write_text("junk")
    (folder / "link").symlink_to("gap")
    before = {name: (folder / name).read_bytes() for name in os.listdir(folder)}
    assert message in failed(command(*args, cwd=folder), code)
    assert {
        name: (folder / name).read_bytes()
        for name in os.listdir(folder)
        if not name.endswith(".lock")
    } == before
    error = parse(command(*args, "--json", cwd=folder).stderr)["error"]
    assert set(error) == {"code", "message", "target", "innerError"}


def test_a_warning_is_one_line_on_standard_error(tmp_path: Path) -> None:
    store.save(TrustFrameworkKeySet("a"), tmp_path / "set", password=PASSWORD)
    (tmp_path / "set").chmod(0o644)
    process = command("check", "set", "--password-file", "-", cwd=tmp_path, input=PASSWORD)
    assert process.returncode == 3
    assert process.stderr == (
        "trustkeys: warning: set: others can read or change it: chmod 600 mends that\n"
    )


def test_a_plain_file_for_all_to_read_is_trouble(folder: Path) -> None:
    (folder / "gap").chmod(0o644)
    assert "chmod 600" in failed(command("show", "gap", cwd=folder), 1)


def test_a_full_disk_leaves_the_file_as_it_was(folder: Path) -> None:
    before = (folder / "gap").read_bytes()
    process = command(
        *("generate", "gap"),
        cwd=folder,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (len(before),) * 2),
        # Or the coverage that is measured would find no room either.
        env=support.environment(COVERAGE_PROCESS_CONFIG="", COVERAGE_PROCESS_START=""),
    )
    assert failed(process, 1) == "gap: File too large"
    assert (folder / "gap").read_bytes() == before
    assert sorted(os.listdir(folder)) == ["empty", "gap", "gap.lock"]


def test_who_holds_the_file_too_long_is_told_of(folder: Path) -> None:
    program = (
        "import sys, trustkeys.cli.keyset\n"
        "from trustkeys.cli.main import run\n"
        "trustkeys.cli.keyset.commands._PATIENCE = 0.1\n"
        "sys.exit(run(sys.argv[1:]))\n"
    )
    # Those who hold it make keys, which takes seconds.
    assert cli_keyset._PATIENCE >= 30
    with store.edit(folder / "gap"):
        process = subprocess.run(
            [sys.executable, "-c", program, "keyset", "generate", "gap"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
        )
    line = "gap: another process has been changing it for 0.1 seconds"
    assert failed(process, 1) == line


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_an_edit_leaves_the_file_whole_and_nothing_beside_it(
    folder: Path, signum: signal.Signals
) -> None:
    program = (
        "import os, sys, time\n"
        "from trustkeys.cli.main import run\n"
        "fsync = os.fsync\n"
        "def slow(descriptor):\n"
        "    print('writing', flush=True)\n"
        "    time.sleep(60)\n"
        "os.fsync = slow\n"
        "sys.exit(run(sys.argv[1:]))\n"
    )
    before = (folder / "gap").read_bytes()
    with subprocess.Popen(
        [sys.executable, "-c", program, "keyset", "generate", "gap"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        process.send_signal(signum)
        assert process.communicate(timeout=30) == ("", "")
    assert process.returncode == -signum
    assert (folder / "gap").read_bytes() == before
    assert sorted(os.listdir(folder)) == ["empty", "gap", "gap.lock"]


def test_a_signal_while_a_set_is_made_leaves_it_whole(tmp_path: Path) -> None:
    program = (
        "import os, sys\n"
        "from trustkeys.cli.main import run\n"
        "def slow(descriptor):\n"
        "    print('writing', flush=True)\n"
        "    sys.stdin.readline()\n"
        "os.fsync = slow\n"
        "sys.exit(run(sys.argv[1:]))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, "keyset", "create", "a", "-o", "set", "--plain"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        process.send_signal(signal.SIGTERM)
        process.communicate("\n" * 9, timeout=30)
    assert process.returncode == -signal.SIGTERM
    assert os.listdir(tmp_path) == ["set"]
    assert store.load(tmp_path / "set").id == "B2C_1A_a"


def test_the_commands_in_this_process_leave_no_trace_in_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    before = warnings.showwarning
    assert main.run(["keyset", "check", str(folder / "gap")]) == 3
    assert warnings.showwarning is before
    assert "NoActiveKey" in capsys.readouterr().out


def test_help_shows_every_command_with_examples_that_work(tmp_path: Path) -> None:
    text = support.command("keyset", "--help").stdout
    assert support.command("keyset", "-h").stdout == text
    assert "keyset" in support.command("--help").stdout
    listed = re.findall(
        r"^  ([a-z]+) ", text.partition("Commands:")[2].partition("Examples:")[0], re.MULTILINE
    )
    assert sorted(keyset.commands) == sorted(listed)
    for name in keyset.commands:
        assert "Usage: trustkeys keyset" in support.command("keyset", name, "--help").stdout
    assert "Exit status: 0 done, 1 trouble with a file, 2 bad input, 3 the check" in text
    examples = re.findall(r"^ +trustkeys keyset (\w+.*)$", text, re.MULTILINE)
    assert len(examples) == 5
    (tmp_path / "pw").write_text(PASSWORD)
    for example in examples:
        words = re.split(r" (?:\|\||>) ", example)[0].split()
        process = command(*words, "--password-file", "pw", cwd=tmp_path)
        # The set of the example lasts for a year and a week: check has nothing against it.
        assert (process.returncode, process.stderr) == (0, ""), words


# --- values


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0), ("5s", 5), ("3min", 180), ("2h", 7200), ("90d", 90 * DAY), ("1y", 365 * DAY)],
)
def test_a_duration_as_people_type_it(text: str, seconds: int) -> None:
    assert values.duration(text, "every") == seconds


def test_now_is_the_clocks_or_what_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1000.9)
    assert values.now(None) == 1000
    assert values.now("+2s") == 1002
    assert values.now("5") == 5
