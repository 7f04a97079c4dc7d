"""trustkeys export: options that exclude each other, and files that exist or cannot be written."""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests import support
from tests.cli.exchange import (
    PASSWORD,
    Keys,
    Runner,
    command,
    contents,
    write,
)
from tests.support import WINDOWS, failed, parse, posix_only
from trustkeys.cli import export as cli_export
from trustkeys.cli import exporting, main
from trustkeys.cli import import_ as cli_intake
from trustkeys.files import write_new
from trustkeys.formats import pem, pkcs12


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("--format pem --plain --public", "--public and --plain exclude each other"),
        (
            "--format pem --plain --output-password-file pw",
            "--plain and --output-password-file exclude each other",
        ),
        (
            "--format pem --public --output-password-file pw",
            "--public and --output-password-file exclude each other",
        ),
        ("--format pem --to enc.jwk", "--to does not go with --format pem"),
        ("--format pem --subject CN=a", "--subject does not go with --format pem"),
        ("--format jwe --public", "--public does not go with --format jwe"),
        ("--format jwe --plain", "--plain does not go with --format jwe"),
        (
            "--format jwe --to enc.jwk --output-password-file pw",
            "--to and --output-password-file exclude each other",
        ),
        ("--format pkcs12 --plain", "--plain does not go with --format pkcs12"),
        ("--format pkcs12 --nbf 1", "--nbf and --exp are for a new certificate"),
        ("--format csr --subject CN=a --exp 1", "--nbf and --exp are for a new certificate"),
        (
            "--format csr --subject CN=a --output-password-file pw",
            "--output-password-file does not go with --format csr",
        ),
        ("--format csr", "request needs --subject"),
        ("--format jwk", "for an encrypted file use --format jwe"),
        (
            "--format jwks --output-password-file pw",
            "--output-password-file does not go with --format jwks",
        ),
        ("--format pkcs12 --subject CN=a --nbf x --exp 1", "--nbf must be seconds since 1970"),
        ("--format txt", "'txt' is not one of"),
        ("", "Missing option '--format'. Choose from: pem, der"),
        ("--format jwe -o -", "-o - needs --output-password-file"),
        (
            "--format pem --output-password-file - --password-file -",
            "standard input can be read only once",
        ),
        ("--format jwe --to - --password-file -", "standard input can be read only once"),
    ],
)
def test_options_that_exclude_each_other_are_refused(
    files: Path, quickly: Runner, args: str, message: str
) -> None:
    before = contents(files)
    line = failed(quickly("export", "enc.jwk", "-o", "new", *args.split()), 2)
    assert message in line
    assert contents(files) == before


def test_an_existing_file_is_never_overwritten(files: Path) -> None:
    for name in ("out", "new.password"):
        write(files / name, "precious")
    places = [("out", "out"), ("new", "new.password")]
    if not WINDOWS:
        (files / "link").symlink_to("nowhere")
        places.append(("link", "link"))
    before = contents(files)
    for output, there in places:
        process = command("export", "rsa.jwk", "--format", "pem", "-o", output, cwd=files)
        assert failed(process, 1) == f"{there}: File exists"
    args = ("--format", "pem", "--public", "-o", "out", "--json")
    process = command("export", "rsa.jwk", *args, cwd=files)
    assert process.returncode == 1
    assert parse(process.stderr)["error"]["code"] == "EEXIST"
    assert contents(files) == before
    assert not (files / "nowhere").exists()


@pytest.mark.deep
def test_a_failed_write_leaves_no_passphrase_behind(files: Path) -> None:
    before = contents(files)
    process = command("export", "rsa.jwk", "--format", "pem", "-o", "no/out", cwd=files)
    assert "No such file or directory" in failed(process, 1)
    for options in ([], ["--plain"]):
        process = command(
            *("export", "rsa.jwk", "--format", "pem", "-o", "out", *options),
            cwd=files,
            # Enough for the file with the passphrase.
            preexec_fn=support.limited_to(100),
            # Coverage data would not fit into the limit.
            env=support.environment(COVERAGE_PROCESS_CONFIG="", COVERAGE_PROCESS_START=""),
        )
        assert failed(process, 1) == "out: File too large"
    assert contents(files) == before


def test_a_file_that_appears_meanwhile_is_kept_and_no_passphrase_is_left(
    files: Path, keys: Keys
) -> None:
    # The file appears after the command has checked that there is none.
    wanted = exporting.Wanted("pem", str(files / "out"))
    write(files / "out", "precious")
    with pytest.raises(FileExistsError):
        exporting._write(wanted, pem.to_encrypted_pem(keys.other))
    with pytest.raises(FileExistsError):
        exporting._write(attrs.evolve(wanted, plain=True), pem.to_pem(keys.other, private=True))
    assert (files / "out").read_text() == "precious"
    assert not (files / "out.password").exists()


@pytest.mark.parametrize(
    "number", [0, pytest.param(1, marks=posix_only("Windows cannot flush a directory"))]
)
def test_a_passphrase_that_cannot_be_synced_leaves_neither_file(
    files: Path, quickly: Runner, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A stray passphrase opens nothing, and keeps people from repeating the command."""
    before = contents(files)
    flushed: list[int] = []

    # First the data of the file, then its directory, which has the name already.
    def fail(descriptor: int) -> None:
        flushed.append(descriptor)
        if len(flushed) > number:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    args = ("export", "rsa.jwk", "--format", "pem", "-o", "out")
    assert failed(quickly(*args), 1) == "out.password: Input/output error"
    assert len(flushed) == number + 1
    assert contents(files) == before
    monkeypatch.undo()


def test_the_passphrase_is_kept_if_its_file_may_exist(
    files: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flushing the directory can fail after the file got its name."""
    wanted = exporting.Wanted("pem", str(files / "out"))

    def write_and_fail(path: str, data: bytes, **options: Any) -> None:
        write_new(path, data, **options)
        if path.endswith("out"):
            raise OSError(errno.EIO, os.strerror(errno.EIO), path)

    monkeypatch.setattr(exporting, "write_new", write_and_fail)
    exported = pem.to_encrypted_pem(keys.other)
    with pytest.raises(OSError, match="Input/output error"):
        exporting._write(wanted, exported)
    assert (files / "out.password").read_text() == f"{exported.password}\n"


def test_a_passphrase_of_nothing_is_removed_even_if_a_virus_scanner_reads_it(
    files: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows removes no open file, so that takes more than one attempt."""
    wanted = exporting.Wanted("pem", str(files / "out"))

    def write_or_fail(path: str, data: bytes, **options: Any) -> None:
        if path.endswith("out"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        Path(path).write_bytes(data)

    before = contents(files)
    monkeypatch.setattr(exporting, "write_new", write_or_fail)
    support.in_use_at_first(monkeypatch)
    with pytest.raises(OSError, match="No space left"):
        exporting._write(wanted, pem.to_encrypted_pem(keys.other))
    assert contents(files) == before


def test_a_passphrase_that_somebody_else_wrote_meanwhile_stays(files: Path, keys: Keys) -> None:
    write(files / "out.password", "of another program")
    with pytest.raises(FileExistsError):
        exporting._write(
            exporting.Wanted("pem", str(files / "out")), pem.to_encrypted_pem(keys.other)
        )
    assert (files / "out.password").read_text() == "of another program"
    assert not (files / "out").exists()


@pytest.mark.deep
def test_the_examples_in_the_help_work(files: Path, keys: Keys) -> None:
    text = support.command("--help").stdout
    listed = re.findall(r"^  ([a-z]+)  ", text.partition("Commands:")[2], re.MULTILINE)
    assert {"export", "generate", "import", "inspect", "keyset"} <= {*listed}
    assert sorted(main.group.list_commands(main.group.make_context("trustkeys", ["generate"]))) == (
        sorted(listed)
    )
    # The files in the examples.
    bare = attrs.evolve(keys.rsa, x5c=(), x5t=None, nbf=None, exp=None)
    jwk = {**bare.to_jwk(private=True), "kid": "v3sA5PXCabc"}
    write(files / "bare.keys", json.dumps({"id": "a", "keys": [jwk]}))
    jwk = {**keys.rsa.to_jwk(private=True), "kid": "v3sA5PXCabc"}
    write(files / "certified.keys", json.dumps({"id": "a", "keys": [jwk]}))
    write(files / "passphrase", PASSWORD)
    write(files / "alice.pem", pem.to_pem(keys.enc))
    write(files / "alice.jwk", json.dumps(keys.enc.to_jwk(private=True)))
    pfx = pkcs12.to_pkcs12(keys.rsa)
    write(files / "partner.pfx", pfx.data)
    write(files / "partner.password", pfx.password)
    # export --subject needs a key without a certificate.
    needs = {"--subject": "bare.keys"}
    extra = {
        "partner.pfx": ["--password-file", "partner.password"],
        "backup.jwe": ["--password-file", "passphrase"],
    }
    count = 0
    for module in (cli_export, cli_intake):
        epilog = module._EPILOG.replace("\\\n    ", "")
        for example in re.findall(r"^  trustkeys (.*)$", epilog, re.MULTILINE):
            words = shlex.split(example)
            wanted = next((needs[word] for word in words if word in needs), "certified.keys")
            shutil.copy(files / wanted, files / "set.keys")
            if words[0] == "import":
                (files / "set.keys").unlink()
                words += next((extra[word] for word in words if word in extra), [])
                assert words[1] in contents(files), "an example of export made it"
            process = command(*words, cwd=files)
            assert process.returncode == 0, (words, process.stderr)
            output = words[words.index("-o") + 1]
            assert output in contents(files)
            assert support.leaks(process.stdout, keys.rsa.to_jwk(private=True)) == []
            count += 1
    assert count == 9
