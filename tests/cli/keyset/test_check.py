"""``trustkeys keyset check``: a pipeline stops before sign-in does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support import done, failed, needs_modes, parse
from tests.support import keyset_command as command
from trustkeys import TrustFrameworkKeySet, store

DAY = 86_400


def test_the_exit_status_stops_a_pipeline_on_an_error(folder: Path) -> None:
    process = command("check", "gap", "--at", "10", "--until", "+120d", cwd=folder)
    assert (process.returncode, process.stderr) == (3, "")
    error_line, warning_line = process.stdout.splitlines()
    assert error_line.startswith(
        "error: no key is active from 1970-04-11T00:00:00Z to 1970-05-31T00:00:00Z"
    )
    assert error_line.endswith(" (NoActiveKey)")
    assert warning_line.startswith("warning: ")
    assert warning_line.endswith(" (NoSafetyNet)")
    process = command("check", "gap", "--at", "10", "--json", cwd=folder)
    assert process.returncode == 3
    (error, warning) = parse(process.stdout)["value"]
    assert error == {
        "severity": "error",
        "code": "NoActiveKey",
        "message": error["message"],
        "kid": None,
        "number": None,
        "time": 100 * DAY,
        "end": 150 * DAY,
        "key_set": None,
    }
    assert warning["severity"] == "warning"
    # Warnings alone are no failure.
    assert "warning: " in done("check", "gap", "--at", str(160 * DAY), cwd=folder)
    done("generate", "empty", "--use", "sig", "--kty", "oct", cwd=folder)
    assert done("check", "empty", "--until", "+99y", cwd=folder) == "no findings\n"


def test_any_document_is_checked_from_a_file_or_a_pipe(
    folder: Path, real_jwk: dict[str, Any]
) -> None:
    public = {name: real_jwk[name] for name in ("kty", "use", "kid", "n", "e")}
    text = json.dumps({"id": "a", "keys": [public, {**public, "use": "enc", "kid": "a\x1b[2Jb"}]})
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


def test_the_exit_status_can_stop_a_pipeline_on_a_warning(folder: Path) -> None:
    late = ("check", "gap", "--at", str(160 * DAY))
    for options, status in (([], 0), (["--fail-on", "error"], 0), (["--fail-on", "warning"], 3)):
        process = command(*late, *options, cwd=folder)
        assert (process.returncode, process.stderr) == (status, "")
    done("generate", "empty", "--use", "sig", "--kty", "oct", cwd=folder)
    done("check", "empty", "--fail-on", "warning", cwd=folder)


@pytest.mark.deep
def test_it_says_what_was_checked(folder: Path, real_jwk: dict[str, Any]) -> None:
    answer = TrustFrameworkKeySet("a", store.load(folder / "gap")).to_graph(base_url=None)
    public = {name: real_jwk[name] for name in ("kty", "use", "kid", "n", "e")}
    for document, kind, line in (
        ({"@odata.context": "x", **answer}, "set", "an answer of Graph: a key set"),
        ({"value": [answer, answer]}, "sets", "an answer of Graph: 2 key sets"),
        (answer["keys"], "keys", "an answer of Graph: the keys of a key set"),
        (
            {"value": answer["keys"][0]},
            "key",
            "an answer of Graph: one key of a key set; the other keys of its set were not checked",
        ),
        (
            {"keys": [public]},
            "published",
            "a JWK Set (RFC 7517) of public keys; checked as a policy publishes it",
        ),
    ):
        args = ("check", "document", "--at", str(160 * DAY))
        for encoding in ("utf-8", "utf-16"):
            (folder / "document").write_bytes(json.dumps(document).encode(encoding))
            assert done(*args, cwd=folder).splitlines()[0] == line
        found = parse(done(*args, "--json", cwd=folder))
        assert found["kind"] == kind
    own = done("check", "gap", "--at", str(160 * DAY), cwd=folder)
    assert own.startswith("warning: ")


def test_each_finding_in_several_sets_names_its_set(folder: Path) -> None:
    sets = [{"id": f"B2C_1A_{name}", "keys": []} for name in ("One", "Two")]
    for args in (["-"], ["sets"]):
        (folder / "sets").write_text(json.dumps({"value": sets}))
        process = command("check", *args, cwd=folder, input=json.dumps({"value": sets}))
        assert process.returncode == 3
        lines = process.stdout.splitlines()[1:]
        assert [line.split(":")[1] for line in lines] == [" B2C_1A_One", " B2C_1A_Two"]


@needs_modes
def test_private_keys_in_an_answer_of_any_form_must_be_protected(folder: Path) -> None:
    """Somebody could put them there, and no form of a file may hide them."""
    (key, _) = store.load(folder / "gap")
    jwk = key.to_jwk(private=True)
    for document in ([jwk], {"value": jwk}, [{"keys": [jwk]}], {"value": {"keys": [jwk]}}):
        (folder / "open").write_text(json.dumps(document))
        (folder / "open").chmod(0o644)
        line = failed(command("check", "open", cwd=folder), 1)
        assert "open: others can read or change it: run chmod 600" in line
        (folder / "open").chmod(0o600)
        assert command("check", "open", cwd=folder).stderr == ""


def test_until_must_lie_after_at(folder: Path) -> None:
    late = command("check", "gap", "--at", "10", "--until", "9", cwd=folder)
    assert "until must be later than at" in failed(late, 2)
