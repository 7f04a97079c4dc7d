"""``trustkeys keyset check``: a pipeline stops before sign-in does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support import done, failed, parse
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
        "time": 100 * DAY,
        "end": 150 * DAY,
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


def test_until_must_lie_after_at(folder: Path) -> None:
    late = command("check", "gap", "--at", "10", "--until", "9", cwd=folder)
    assert "until must be later than at" in failed(late, 2)
