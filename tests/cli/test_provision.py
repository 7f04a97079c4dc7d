"""The private keys on their way to a tenant: on disk for their owner alone, or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests import support
from tests.cli.in_process import outcome
from tests.support import WINDOWS, failed, mode_of, parse
from trustkeys import TrustFrameworkKey, TrustFrameworkKeySet, store
from trustkeys.cli import provision as command
from trustkeys.graph import CLOUDS


@pytest.fixture
def folder(tmp_path: Path, real_key: TrustFrameworkKey) -> Path:
    store.save(TrustFrameworkKeySet("Signing", [real_key]), tmp_path / "signing.keys", plain=True)
    secrets = TrustFrameworkKeySet("Secrets")
    secrets.upload_secret("a secret text of more than 256 bits", "sig")
    store.save(secrets, tmp_path / "secrets.keys", plain=True)
    return tmp_path


def provision(folder: Path, *args: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Prepare an upload with `az`, which is not the default on Windows, unless `args` say else."""
    form = () if "--as" in args else ("--as", "az")
    return support.command("provision", *args, *form, cwd=folder, **options)


def modes(folder: Path) -> dict[str, int]:
    return {entry.name: mode_of(entry) for entry in folder.iterdir()}


@pytest.mark.deep
@support.needs_modes
@pytest.mark.parametrize("umask", [0, 0o777])
def test_no_umask_opens_or_locks_the_files(folder: Path, umask: int) -> None:
    process = provision(
        folder,
        *("signing.keys", "--to", "new"),
        preexec_fn=lambda: os.umask(umask),
        # Coverage could not write its own files.
        env=support.environment(COVERAGE_PROCESS_CONFIG="", COVERAGE_PROCESS_START=""),
    )
    assert (process.returncode, process.stderr) == (0, "")
    assert mode_of(folder / "new") == 0o700
    assert modes(folder / "new") == {"1.json": 0o600, "provision.sh": 0o600}


def test_only_the_owner_can_read_the_requests(folder: Path, real_jwk: dict[str, Any]) -> None:
    process = provision(folder, "signing.keys", "--to", "new")
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout == "next: bash new/provision.sh TENANT-ID\n"
    assert mode_of(folder / "new") == 0o700
    assert modes(folder / "new") == {"1.json": 0o600, "provision.sh": 0o600}
    body = parse((folder / "new" / "1.json").read_text())
    assert body["id"] == "Signing"
    assert body["keys"] == [{name: real_jwk[name] for name in real_jwk if name != "kid"}]
    script = (folder / "new" / "provision.sh").read_text()
    assert support.leaks(script, real_jwk) == []


def test_each_form_prints_the_next_step(folder: Path) -> None:
    def said(name: str, *args: str) -> str:
        process = provision(folder, "signing.keys", "--to", name, *args)
        assert process.returncode == 0
        return process.stdout.splitlines()[-1]

    assert said("a b", "--as", "az") == "next: bash 'a b/provision.sh' TENANT-ID"
    assert said("c", "--as", "az", "--replace") == "next: bash c/provision.sh --replace TENANT-ID"
    assert said("it's", "--as", "pwsh") == (
        f"next, in the session that ran Connect-MgGraph: & 'it''s{os.sep}provision.ps1' TENANT-ID"
    )
    assert said("d", "--as", "pwsh", "--replace") == (
        f"next, in the session that ran Connect-MgGraph: & 'd{os.sep}provision.ps1' -Replace "
        "TENANT-ID"
    )
    assert said("e\u202e", "--as", "json") == (
        f"next: send the requests of e\\u202e{os.sep}provision.json, in order"
    )
    assert {*os.listdir(folder / "it's")} == {"1.json", "provision.ps1"}
    document = parse((folder / "e\u202e" / "provision.json").read_text())
    (key_set,) = document["key_sets"]
    assert key_set["requests"][0]["url"] == f"{CLOUDS['global']}/trustFramework/keySets"


@pytest.mark.parametrize("sep", ["/", "\\"])
def test_bash_gets_the_names_that_it_knows(monkeypatch: pytest.MonkeyPatch, sep: str) -> None:
    """Not every bash of Windows knows backslashes."""
    monkeypatch.setattr(os, "sep", sep)
    step = command._next_step(f"-a{sep}provision.sh", "az", replace=False)
    assert step == "next: bash ./-a/provision.sh TENANT-ID"


@pytest.mark.parametrize(
    ("shell", "script"), [("sh", "provision.sh"), ("powershell", "provision.ps1")]
)
def test_the_script_is_one_for_the_usual_shell(
    folder: Path, monkeypatch: pytest.MonkeyPatch, shell: str, script: str
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(command, "SHELL", shell)
    assert outcome("provision", "signing.keys", "--to", "a").returncode == 0
    assert script in os.listdir("a")


@pytest.mark.deep
def test_several_key_sets_share_a_script_and_a_passphrase(
    folder: Path, real_key: TrustFrameworkKey
) -> None:
    encrypted = TrustFrameworkKeySet("Encrypted", [real_key])
    store.save(encrypted, folder / "encrypted.keys", password="a long passphrase")
    (folder / "passphrase").write_text("a long passphrase\n")
    files = ("signing.keys", "encrypted.keys", "secrets.keys")
    process = provision(folder, *files, "--to", "all", "--password-file", "passphrase")
    assert process.stdout == "next: bash all/provision.sh TENANT-ID\n"
    script = (folder / "all" / "provision.sh").read_text()
    ids = [line.split()[1] for line in script.splitlines() if line.startswith("key_set B2C")]
    assert ids == ["B2C_1A_Signing", "B2C_1A_Encrypted", "B2C_1A_Secrets"]
    assert modes(folder / "all").keys() == {"1.json", "2.json", "3.json", "provision.sh"}
    # A passphrase that no file needs is a mistake.
    args: tuple[str, ...] = (
        "signing.keys",
        "secrets.keys",
        "--to",
        "b",
        "--password-file",
        "passphrase",
    )
    assert "it is not encrypted" in failed(provision(folder, *args), 2)
    args = ("signing.keys", "signing.keys", "--to", "b")
    assert "2 key sets are called B2C_1A_Signing" in failed(provision(folder, *args), 2)
    assert not (folder / "b").exists()


@pytest.mark.deep
def test_the_passphrase_of_each_file_is_asked_for(
    folder: Path, real_key: TrustFrameworkKey
) -> None:
    for name in ("One", "Two"):
        keys = TrustFrameworkKeySet(name, [real_key])
        store.save(keys, folder / f"{name}.keys", password=f"passphrase {name}")
    args = ("provision", "One.keys", "signing.keys", "Two.keys", "--to", "all")
    answers = ["passphrase One\n", "passphrase Two\n"]
    status, screen = support.command_at_a_terminal(*args, cwd=folder, answers=answers)
    assert status == 0, screen
    assert screen.index("Passphrase of One.keys") < screen.index("Passphrase of Two.keys")
    assert modes(folder / "all").keys() == {"1.json", "2.json", "3.json", "provision.sh"}


def test_warnings_about_several_key_sets_name_the_file(folder: Path) -> None:
    dated = TrustFrameworkKeySet("Dated")
    dated.upload_secret("a secret text of more than 256 bits", "sig", nbf=0, exp=3_000_000_000)
    store.save(dated, folder / "dated.keys", plain=True)
    said = provision(folder, "signing.keys", "dated.keys", "--to", "all").stderr
    assert said.startswith("trustkeys: warning: dated.keys: the set has no safety net")


def test_append_adds_to_a_key_set(folder: Path) -> None:
    process = provision(folder, "secrets.keys", "--to", "new", "--append")
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout == "next: bash new/provision.sh TENANT-ID\n"
    script = (folder / "new" / "provision.sh").read_text()
    assert "\nappend <<'KEYS'\n1 [\"sig\",null,null,null] key " in script
    said = failed(provision(folder, "signing.keys", "--to", "other", "--append"), 2)
    assert "no key of B2C_1A_Signing can be added to an existing key set: key " in said
    assert "it has no certificate" in said
    assert not (folder / "other").exists()


@pytest.mark.parametrize("cloud", CLOUDS)
def test_each_cloud_has_its_base_url(folder: Path, cloud: str) -> None:
    assert provision(folder, "signing.keys", "--to", "new", "--cloud", cloud).returncode == 0
    assert f"\nbase={CLOUDS[cloud]}\n" in (folder / "new" / "provision.sh").read_text()


def test_notes_are_warnings(folder: Path) -> None:
    process = provision(folder, "signing.keys", "--to", "new", "--replace")
    (line,) = process.stderr.splitlines()
    assert line.startswith("trustkeys: warning: PUT replaces all keys of B2C_1A_Signing")


def test_by_action_each_key_has_a_file(folder: Path) -> None:
    process = provision(folder, "secrets.keys", "--to", "new", "--by", "action")
    assert (process.returncode, process.stderr) == (0, "")
    assert modes(folder / "new") == dict.fromkeys(("1.json", "2.json", "provision.sh"), 0o600)
    assert parse((folder / "new" / "1.json").read_text()) == {"id": "Secrets"}
    assert parse((folder / "new" / "2.json").read_text()) == {
        "use": "sig",
        "k": "a secret text of more than 256 bits",
    }


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["signing.keys", "--to", "signing.keys"], 1, "signing.keys: File exists"),
        (["signing.keys", "--to", "no/new"], 1, "no/new: No such file or directory"),
        (["none", "--to", "new"], 1, "none: No such file or directory"),
        (["empty.keys", "--to", "new"], 2, "empty.keys: B2C_1A_Empty has no key to upload"),
        (["disabled.keys", "--to", "new"], 2, "(skip_disabled, --skip-disabled)"),
        (["disabled.keys", "--to", "new", "--skip-disabled"], 2, "has no key to upload"),
        (
            ["public.keys", "--to", "new"],
            2,
            "has neither a private part nor a certificate, which breaks sign-in",
        ),
        (["signing.keys", "--to", "new", "--by", "action"], 2, "it has no certificate"),
        (["secrets.keys", "--to", "new", "--by", "action", "--replace"], 2, "replace needs by="),
        (["signing.keys", "--to", "new", "--by", "hand"], 2, "'--by'"),
        (["signing.keys", "--to", "new", "--cloud", "moon"], 2, "'--cloud'"),
        (["signing.keys"], 2, "Missing option '--to'"),
    ],
)
def test_an_error_leaves_no_directory(
    folder: Path, real_key: TrustFrameworkKey, args: list[str], code: int, message: str
) -> None:
    empty = TrustFrameworkKeySet("Empty")
    public = TrustFrameworkKeySet("Public", [real_key.public()])
    disabled = TrustFrameworkKeySet("Disabled", [real_key])
    disabled.set_status(real_key.kid, "disabled")
    for name, keys in (("empty", empty), ("public", public), ("disabled", disabled)):
        store.save(keys, folder / f"{name}.keys", plain=True)
    before = sorted(os.listdir(folder))
    assert message in failed(provision(folder, *args), code)
    assert sorted(os.listdir(folder)) == before


@pytest.mark.deep
@pytest.mark.parametrize("room", [0, 500, 3000])
def test_a_full_disk_leaves_no_directory(folder: Path, room: int) -> None:
    before = sorted(os.listdir(folder))
    process = provision(
        folder,
        *("signing.keys", "--to", "new"),
        preexec_fn=support.limited_to(room),
        # Coverage could not write its own files.
        env=support.environment(COVERAGE_PROCESS_CONFIG="", COVERAGE_PROCESS_START=""),
    )
    assert failed(process, 1).endswith(": File too large")
    assert sorted(os.listdir(folder)) == before


def test_an_error_in_the_middle_removes_the_files_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def write(path: str, data: bytes) -> None:
        assert mode_of(tmp_path / "new") == 0o700
        if made:
            raise OSError(28, os.strerror(28), path)
        made.append(path)
        Path(path).write_bytes(data)

    monkeypatch.setattr("trustkeys.files.write_new", write)
    with pytest.raises(OSError, match="No space left"):
        command._write(str(tmp_path / "new"), {"1.json": "x", "2.json": "y", "provision.sh": "z"})
    assert os.listdir(tmp_path) == []


def test_an_error_leaves_no_key_that_a_virus_scanner_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows removes no open file, so that takes more than one attempt."""

    def write(path: str, data: bytes) -> None:
        if path.endswith(".sh"):
            raise OSError(28, os.strerror(28), path)
        Path(path).write_bytes(data)

    monkeypatch.setattr("trustkeys.files.write_new", write)
    support.in_use_at_first(monkeypatch)
    with pytest.raises(OSError, match="No space left"):
        command._write(str(tmp_path / "new"), {"1.json": "x", "provision.sh": "y"})
    assert os.listdir(tmp_path) == []


def test_a_signal_in_the_middle_waits_until_the_directory_is_whole_and_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed = set()
    fsync = os.fsync

    def record(descriptor: int) -> None:
        flushed.add(os.fstat(descriptor).st_ino)
        signal.raise_signal(signal.SIGINT)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    with pytest.raises(KeyboardInterrupt):
        command._write(f"{tmp_path}/new/", {"1.json": "x", "provision.sh": "y"})
    assert sorted(os.listdir(tmp_path / "new")) == ["1.json", "provision.sh"]
    directories = () if WINDOWS else (tmp_path,)  # Windows cannot flush them
    paths = (*directories, *(tmp_path / "new").iterdir())
    assert {path.stat().st_ino for path in paths} <= flushed
