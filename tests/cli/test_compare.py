"""A pipeline must see drift, and only drift."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests import support
from tests.support import failed, parse
from trustkeys import TrustFrameworkKey, TrustFrameworkKeySet, store


@pytest.fixture
def folder(tmp_path: Path, real_key: TrustFrameworkKey) -> Path:
    store.save(TrustFrameworkKeySet("Signing", [real_key]), tmp_path / "signing.keys", plain=True)
    return tmp_path


def compare(folder: Path, *args: str, answer: str) -> subprocess.CompletedProcess[str]:
    """Run the command with an answer of Graph on standard input."""
    return support.command("compare", *args, cwd=folder, input=answer)


def no_drift(folder: Path, *args: str, answer: Any) -> str:
    process = compare(folder, *args, answer=json.dumps(answer))
    assert (process.returncode, process.stderr) == (0, "")
    return process.stdout


def test_equal_keys_are_no_drift_whatever_their_kid(
    folder: Path, real_key: TrustFrameworkKey
) -> None:
    kid = real_key.kid
    answer = TrustFrameworkKeySet("Signing", [real_key]).to_graph()
    (folder / "answer.json").write_text(json.dumps(answer))
    assert no_drift(folder, "signing.keys", "answer.json", answer=None) == f"same: {kid}\n"
    answer["keys"][0]["kid"] = "other\x1b[2J"
    text = no_drift(folder, "signing.keys", "-", answer=answer)
    assert text == f"same: {kid}, there other\\x1b[2J\n"
    del answer["keys"][0]["kid"]
    text = no_drift(folder, "signing.keys", "-", answer=answer)
    assert text == f"same: {kid}, there without a kid\n"


def test_two_empty_key_sets_are_no_drift(tmp_path: Path) -> None:
    store.save(TrustFrameworkKeySet("Empty"), tmp_path / "empty.keys", plain=True)
    text = no_drift(tmp_path, "empty.keys", "-", answer={"id": "Empty", "keys": []})
    assert text == "no keys on either side\n"


@pytest.mark.deep
def test_an_encrypted_key_set_is_opened_with_its_passphrase(
    tmp_path: Path, real_key: TrustFrameworkKey
) -> None:
    keys = TrustFrameworkKeySet("Signing", [real_key])
    store.save(keys, tmp_path / "signing.keys", password="a passphrase")
    (tmp_path / "passphrase").write_text("a passphrase\n")
    args = ("signing.keys", "-", "--password-file", "passphrase")
    text = no_drift(tmp_path, *args, answer=keys.to_graph())
    assert text == f"same: {real_key.kid}\n"


def test_drift_is_listed_and_ends_with_status_3(folder: Path, real_key: TrustFrameworkKey) -> None:
    kid = real_key.kid
    (entry,) = TrustFrameworkKeySet("Signing", [real_key]).to_graph()["keys"]
    for entries, line in (
        ([{**entry, "nbf": 5, "status": "disabled"}], f"differs in status, nbf: {kid}"),
        ([], f"here only: {kid}"),
        ([entry, {"kid": "new", "kty": "RSA"}], f"same: {kid}\nthere only: new"),
        ([entry, {}], f"same: {kid}\nthere only: a key without a kid"),
    ):
        answer = json.dumps({"keys": entries})
        process = compare(folder, "signing.keys", "-", answer=answer)
        assert (process.returncode, process.stderr) == (3, "")
        assert process.stdout == f"{line}\n"
        process = compare(folder, "signing.keys", "-", "--json", answer=answer)
        assert process.returncode == 3
        rows = parse(process.stdout)["value"]
        assert any(row["drift"] for row in rows)
        assert rows[0]["here"] == kid


def test_of_the_answer_with_all_key_sets_the_one_of_the_file_is_compared(
    folder: Path, real_key: TrustFrameworkKey
) -> None:
    ours = TrustFrameworkKeySet("Signing", [real_key]).to_graph(base_url=None)
    answer = {"value": [{"id": "B2C_1A_Other", "keys": []}, ours]}
    assert no_drift(folder, "signing.keys", "-", answer=answer) == f"same: {real_key.kid}\n"
    saved = json.dumps(answer, indent=2).encode("utf-16")
    (folder / "answer.json").write_bytes(saved)
    assert no_drift(folder, "signing.keys", "answer.json", answer=None)
    answer["value"].pop()
    line = failed(compare(folder, "signing.keys", "-", answer=json.dumps(answer)), 2)
    assert line == "-: the answer has no key set with the id B2C_1A_Signing"


def test_of_one_key_only_that_key_is_compared(folder: Path, real_key: TrustFrameworkKey) -> None:
    keys = TrustFrameworkKeySet("Signing", [real_key])
    keys.generate_key()
    store.save(keys, folder / "two.keys", plain=True)
    answer = json.dumps({"value": keys.to_graph()["keys"][0]})
    process = compare(folder, "two.keys", "-", answer=answer)
    assert (process.returncode, process.stdout) == (0, f"same: {real_key.kid}\n")
    assert process.stderr == (
        "trustkeys: warning: the answer has one key: 1 key of two.keys not compared\n"
    )


@pytest.mark.parametrize(
    ("args", "answer", "code", "message"),
    [
        (["signing.keys", "none"], "", 1, "none: No such file or directory"),
        (["none", "-"], "{}", 1, "none: No such file or directory"),
        (["signing.keys", "-"], "x", 2, "-: the key set is not JSON"),
        (["signing.keys", "-"], "<!doctype html>", 2, "-: this is a web page (HTML)"),
        (
            ["signing.keys", "-"],
            '{"id": "B2C_1A_Other", "keys": []}',
            2,
            "the answer is about another key set than B2C_1A_Signing",
        ),
        (["signing.keys", "-", "--password-file", "-"], "", 2, "standard input can be read only"),
    ],
)
def test_an_error_is_one_line_that_names_the_file(
    folder: Path, args: list[str], answer: str, code: int, message: str
) -> None:
    assert message in failed(compare(folder, *args, answer=answer), code)


def test_a_file_of_another_format_is_named(folder: Path) -> None:
    """It says how to make a key set of it."""
    (folder / "key.pem").write_text(
        "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n"
    )
    line = failed(compare(folder, "key.pem", "-", answer="{}"), 2)
    assert line.startswith("key.pem: this is ")
    assert '"trustkeys import"' in line
