"""What is on its way into a tenant is on disk for its owner alone, or not at all."""

from __future__ import annotations

import json
import os
import resource
import stat
from pathlib import Path
from typing import Any

import pytest

from tests import support
from tests.support import failed, parse
from trustkeys import TrustFrameworkKey, TrustFrameworkKeySet, store
from trustkeys.cli import provision as tenant
from trustkeys.graph import CLOUDS


def command(*args: str, cwd: Path, **options: Any) -> Any:
    return support.command(*args, cwd=cwd, start_new_session=True, **options)


def done(*args: str, cwd: Path, **options: Any) -> str:
    process = command(*args, cwd=cwd, **options)
    assert (process.returncode, process.stderr) == (0, "")
    out: str = process.stdout
    return out


@pytest.fixture
def folder(tmp_path: Path, real_key: TrustFrameworkKey) -> Path:
    store.save(TrustFrameworkKeySet("Signing", [real_key]), tmp_path / "signing.keys", plain=True)
    secrets = TrustFrameworkKeySet("Secrets")
    secrets.upload_secret("s3cret text", "sig")
    store.save(secrets, tmp_path / "secrets.keys", plain=True)
    return tmp_path


def modes(folder: Path) -> dict[str, int]:
    return {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in folder.iterdir()}


@pytest.mark.parametrize("umask", [0, 0o022, 0o777])
def test_the_requests_are_for_their_owner_alone(
    folder: Path, real_jwk: dict[str, Any], umask: int
) -> None:
    options: dict[str, Any] = {"preexec_fn": lambda: os.umask(umask)}
    if umask == 0o777:  # coverage could not be measured
        options["env"] = support.environment(COVERAGE_PROCESS_CONFIG="", COVERAGE_PROCESS_START="")
    text = done("provision", "signing.keys", "--to", "new", cwd=folder, **options)
    assert text == "next: bash new/provision.sh TENANT-ID\n"
    assert stat.S_IMODE((folder / "new").stat().st_mode) == 0o700
    assert modes(folder / "new") == {"1.json": 0o600, "provision.sh": 0o600}
    body = parse((folder / "new" / "1.json").read_text())
    assert body["id"] == "Signing"
    assert body["keys"] == [{name: real_jwk[name] for name in real_jwk if name != "kid"}]
    script = (folder / "new" / "provision.sh").read_text()
    assert support.leaks(script, real_jwk) == []


def test_each_form_says_what_to_do_next(folder: Path) -> None:
    def said(name: str, *args: str) -> str:
        process = command("provision", "signing.keys", "--to", name, *args, cwd=folder)
        assert process.returncode == 0
        last: str = process.stdout.splitlines()[-1]
        return last

    assert said("a b") == "next: bash 'a b/provision.sh' TENANT-ID"
    assert said("-dash") == "next: bash ./-dash/provision.sh TENANT-ID"
    assert said("c", "--replace") == "next: bash c/provision.sh --replace TENANT-ID"
    assert said("it's", "--as", "pwsh") == (
        "next, where Connect-MgGraph was run: & 'it''s/provision.ps1' TENANT-ID"
    )
    assert said("d", "--as", "pwsh", "--replace") == (
        "next, where Connect-MgGraph was run: & 'd/provision.ps1' -Replace TENANT-ID"
    )
    assert said("e\x1b[2J", "--as", "json") == (
        "next: send the requests of e\\x1b[2J/provision.json, in order"
    )
    assert modes(folder / "it's") == {"1.json": 0o600, "provision.ps1": 0o600}
    assert modes(folder / "e\x1b[2J") == {"provision.json": 0o600}
    document = parse((folder / "e\x1b[2J" / "provision.json").read_text())
    assert document["requests"][0]["url"] == f"{CLOUDS['global']}/trustFramework/keySets"


@pytest.mark.parametrize("cloud", CLOUDS)
def test_each_cloud_has_its_address(folder: Path, cloud: str) -> None:
    done("provision", "signing.keys", "--to", "new", "--cloud", cloud, cwd=folder)
    assert f"\nbase={CLOUDS[cloud]}\n" in (folder / "new" / "provision.sh").read_text()


def test_a_person_is_told_what_is_lost_and_what_is_to_come(folder: Path) -> None:
    process = command(*("provision", "signing.keys", "--to", "new", "--replace"), cwd=folder)
    (line,) = process.stderr.splitlines()
    assert line.startswith("trustkeys: warning: PUT replaces all keys that are in B2C_1A_Signing")


def test_by_action_each_key_has_a_file(folder: Path) -> None:
    done("provision", "secrets.keys", "--to", "new", "--by", "action", cwd=folder)
    assert modes(folder / "new") == dict.fromkeys(("1.json", "2.json", "provision.sh"), 0o600)
    assert parse((folder / "new" / "1.json").read_text()) == {"id": "Secrets"}
    assert parse((folder / "new" / "2.json").read_text()) == {"use": "sig", "k": "s3cret text"}


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["signing.keys", "--to", "signing.keys"], 1, "signing.keys: File exists"),
        (["signing.keys", "--to", "no/new"], 1, "no/new: No such file or directory"),
        (["none", "--to", "new"], 1, "none: No such file or directory"),
        (["empty.keys", "--to", "new"], 2, "empty.keys: B2C_1A_Empty has no key to bring"),
        (["disabled.keys", "--to", "new"], 2, "(skip_disabled, --skip-disabled)"),
        (["disabled.keys", "--to", "new", "--skip-disabled"], 2, "has no key to bring"),
        (
            ["public.keys", "--to", "new"],
            2,
            "has keys without a private part (1), which breaks sign-in",
        ),
        (["signing.keys", "--to", "new", "--by", "action"], 2, "it has no certificate"),
        (["secrets.keys", "--to", "new", "--by", "action", "--replace"], 2, "replace by create"),
        (["signing.keys", "--to", "new", "--by", "hand"], 2, "'--by'"),
        (["signing.keys", "--to", "new", "--cloud", "moon"], 2, "'--cloud'"),
        (["signing.keys"], 2, "Missing option '--to'"),
    ],
)
def test_what_would_be_refused_makes_no_directory(
    folder: Path, real_key: TrustFrameworkKey, args: list[str], code: int, message: str
) -> None:
    empty = TrustFrameworkKeySet("Empty")
    public = TrustFrameworkKeySet("Public", [real_key.public()])
    disabled = TrustFrameworkKeySet("Disabled", [real_key])
    disabled.set_status(real_key.kid, "disabled")
    for name, keys in (("empty", empty), ("public", public), ("disabled", disabled)):
        store.save(keys, folder / f"{name}.keys", plain=True)
    before = sorted(os.listdir(folder))
    assert message in failed(command("provision", *args, cwd=folder), code)
    assert sorted(os.listdir(folder)) == before


@pytest.mark.parametrize("room", [0, 500, 3000])
def test_a_full_disk_leaves_nothing_of_it(folder: Path, room: int) -> None:
    before = sorted(os.listdir(folder))
    process = command(
        *("provision", "signing.keys", "--to", "new"),
        cwd=folder,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
        # Or the coverage that is measured would find no room either.
        env=support.environment(COVERAGE_PROCESS_CONFIG="", COVERAGE_PROCESS_START=""),
    )
    assert failed(process, 1).endswith(": File too large")
    assert sorted(os.listdir(folder)) == before


def test_what_fails_in_the_middle_takes_the_rest_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def write(path: str, data: bytes) -> None:
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
        if made:
            raise OSError(28, os.strerror(28), path)
        made.append(path)
        Path(path).write_bytes(data)

    monkeypatch.setattr("trustkeys.cli.provision.write_new", write)
    with pytest.raises(OSError, match="No space left"):
        tenant._write(str(tmp_path / "new"), {"1.json": "x", "2.json": "y", "provision.sh": "z"})
    assert os.listdir(tmp_path) == []


# --- compare


def test_what_is_the_same_is_no_drift(folder: Path) -> None:
    keys = store.load(folder / "signing.keys")
    answer = keys.to_graph()
    (folder / "answer.json").write_text(json.dumps(answer))
    (key,) = keys
    assert done("compare", "signing.keys", "answer.json", cwd=folder) == f"same: {key.kid}\n"
    answer["keys"][0]["kid"] = "other\x1b[2J"
    text = done("compare", "signing.keys", "-", cwd=folder, input=json.dumps(answer))
    assert text == f"same: {key.kid}, there other\\x1b[2J\n"
    del answer["keys"][0]["kid"]
    text = done("compare", "signing.keys", "-", cwd=folder, input=json.dumps(answer))
    assert text == f"same: {key.kid}, there without a kid\n"
    store.save(TrustFrameworkKeySet("Empty"), folder / "empty.keys", plain=True)
    text = done("compare", "empty.keys", "-", cwd=folder, input='{"id": "Empty", "keys": []}')
    assert text == "no keys on either side\n"


def test_a_pipeline_can_stop_on_drift(folder: Path) -> None:
    keys = store.load(folder / "signing.keys")
    (key,) = keys
    entry = keys.to_graph()["keys"][0]
    for entries, line in (
        ([{**entry, "nbf": 5, "status": "disabled"}], f"differs in status, nbf: {key.kid}"),
        ([], f"here only: {key.kid}"),
        ([entry, {"kid": "new", "kty": "RSA"}], f"same: {key.kid}\nthere only: new"),
        ([entry, {}], f"same: {key.kid}\nthere only: a key without a kid"),
    ):
        answer = json.dumps({"keys": entries})
        process = command("compare", "signing.keys", "-", cwd=folder, input=answer)
        assert (process.returncode, process.stderr) == (3, "")
        assert process.stdout == f"{line}\n"
        process = command("compare", "signing.keys", "-", "--json", cwd=folder, input=answer)
        assert process.returncode == 3
        rows = parse(process.stdout)["value"]
        assert any(row["drift"] for row in rows)
        assert rows[0]["here"] == key.kid


def test_what_cannot_be_compared_is_one_line(folder: Path) -> None:
    for args, code, message in (
        (["signing.keys", "none"], 1, "none: No such file or directory"),
        (["signing.keys", "-"], 2, "-: the key set is not JSON"),
        (["none", "-"], 1, "none: No such file"),
        (["signing.keys", "-", "--password-file", "-"], 2, "standard input can be one"),
    ):
        assert message in failed(command("compare", *args, cwd=folder, input="x"), code)
    answer = json.dumps({"id": "B2C_1A_Other", "keys": []})
    process = command("compare", "signing.keys", "-", cwd=folder, input=answer)
    assert "of another key set than B2C_1A_Signing" in failed(process, 2)
