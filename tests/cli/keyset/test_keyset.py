"""The commands on key sets together: from an empty set to a published one, and the help."""

from __future__ import annotations

import json
import os
import re
import signal
import warnings
from pathlib import Path

import click
import jwcrypto.jwk
import pytest
from joserfc import jws
from joserfc.jwk import KeySet
from jwcrypto.jws import JWS

from tests import support
from tests.support import done, failed, mode_of, needs_modes, parse
from tests.support import keyset_command as command
from trustkeys import TrustFrameworkKeySet, store
from trustkeys.cli import main
from trustkeys.cli.keyset import keyset

DAY = 86_400
PASSWORD = "a long passphrase"
COMMANDS = keyset.list_commands(click.Context(keyset))


@pytest.mark.deep
def test_a_set_is_created_filled_inspected_and_published(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text(f"{PASSWORD}\n")
    pw = ("--password-file", "pw")
    created = parse(done("create", "Signing", "-o", "set", *pw, cwd=tmp_path))
    assert created == {
        "@odata.context": "https://graph.microsoft.com/beta/$metadata#trustFramework/keySets/$entity",
        "id": "B2C_1A_Signing",
        "keys": [],
    }
    assert mode_of(tmp_path / "set") == 0o600
    first = parse(done("generate", "set", "--use", "sig", "--kty", "RSA", *pw, cwd=tmp_path))
    # The second key takes its kind from the first.
    second = parse(done("generate", "set", "--nbf", "now", "--exp", "+1d", *pw, cwd=tmp_path))
    assert (second["kty"], second["use"]) == ("RSA", "sig")
    assert second["exp"] - second["nbf"] == DAY
    assert parse(done("active", "set", *pw, cwd=tmp_path)) == second
    assert parse(done("active", "set", "--at", "+2d", *pw, cwd=tmp_path)) == first
    keys = store.load(tmp_path / "set", password=PASSWORD)
    assert [key.to_graph() for key in keys] == [first, second]
    published = done("jwks", "set", *pw, cwd=tmp_path)
    for key in keys:
        assert support.leaks(published, key.to_jwk(private=True)) == []
    # Others verify with the published keys what a key of the set has signed.
    token = JWS(b"payload")
    signer = next(iter(keys)).to_jwcrypto(private=True)
    token.add_signature(signer, protected=json.dumps({"alg": "RS256", "kid": first["kid"]}))
    verified = jws.deserialize_compact(
        token.serialize(compact=True), KeySet.import_key_set(json.loads(published))
    )
    assert verified.payload == b"payload"
    theirs = jwcrypto.jwk.JWKSet.from_json(published).get_key(first["kid"])
    token.verify(theirs)


@pytest.mark.deep
def test_without_a_terminal_the_error_names_the_option_for_the_passphrase(tmp_path: Path) -> None:
    process = command("create", "a", "-o", "set", cwd=tmp_path, input="secret\n")
    assert "use --password-file or --plain" in failed(process, 2)
    assert os.listdir(tmp_path) == []
    store.save(TrustFrameworkKeySet("a"), tmp_path / "set", password=PASSWORD)
    for args in (["show", "set"], ["jwks", "set"], ["check", "set"], ["active", "set"]):
        process = command(*args, cwd=tmp_path, input="secret\n")
        assert "use --password-file" in failed(process, 2)
    process = command("password", "set", "--password-file", "-", cwd=tmp_path, input=PASSWORD)
    assert "use --new-password-file or --plain" in failed(process, 2)


@needs_modes
def test_a_warning_is_one_line_on_standard_error(tmp_path: Path) -> None:
    store.save(TrustFrameworkKeySet("a"), tmp_path / "set", password=PASSWORD)
    (tmp_path / "set").chmod(0o644)
    process = command("check", "set", "--password-file", "-", cwd=tmp_path, input=PASSWORD)
    assert process.returncode == 3
    assert process.stderr == (
        "trustkeys: warning: set: others can read or change it: run chmod 600\n"
    )


@needs_modes
def test_a_plain_file_that_others_can_read_is_refused(folder: Path) -> None:
    (folder / "gap").chmod(0o644)
    assert "chmod 600" in failed(command("show", "gap", cwd=folder), 1)


def test_a_command_in_this_process_restores_the_warnings(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    before = warnings.showwarning
    assert main.run(["keyset", "check", str(folder / "gap")]) == 3
    assert warnings.showwarning is before
    assert "NoActiveKey" in capsys.readouterr().out


@pytest.mark.deep
def test_the_help_lists_every_command_and_its_examples_work(tmp_path: Path) -> None:
    text = support.command("keyset", "--help").stdout
    assert support.command("keyset", "-h").stdout == text
    assert "keyset" in support.command("--help").stdout
    listed = re.findall(
        r"^  ([a-z]+) ", text.partition("Commands:")[2].partition("Examples:")[0], re.MULTILINE
    )
    assert sorted(COMMANDS) == listed
    for name in COMMANDS:
        assert "Usage: trustkeys keyset" in support.command("keyset", name, "--help").stdout
    assert "Exit status: 0 done, 1 a file failed, 2 bad input, 3 the check" in text
    examples = re.findall(r"^ +trustkeys keyset (\w+.*)$", text, re.MULTILINE)
    assert len(examples) == 5
    (tmp_path / "pw").write_text(PASSWORD)
    for example in examples:
        words = re.split(r" (?:\|\||>) ", example)[0].split()
        # The keys last for a year and a week, so that the check finds nothing.
        support.done(*words, "--password-file", "pw", cwd=tmp_path)
