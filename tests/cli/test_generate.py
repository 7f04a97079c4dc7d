"""`trustkeys generate`: one key in one line, and no file is lost or left incomplete."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests import support
from tests.cli.in_process import outcome
from tests.support import WINDOWS, command, failed, mode_of, parse, posix_only
from trustkeys import TrustFrameworkKey, testing
from trustkeys.formats.jwe import decrypt

GENERATE = ("generate", "--use", "sig", "--kty", "oct")


PAGE_BODY = '{"use": "sig", "kty": "RSA", "nbf": 1508969811, "exp": 1508969811}'


# --- success


@pytest.mark.parametrize("kty", ["RSA", "oct"])
def test_the_answer_is_printed_and_the_key_is_written(tmp_path: Path, kty: str) -> None:
    done = command(
        *("generate", "--use", "enc", "--kty", kty, "--nbf", "4000000000", "--exp", "+1h"),
        *("-o", "key"),
        cwd=tmp_path,
    )
    assert (done.returncode, done.stderr) == (0, "")
    key = TrustFrameworkKey.from_jwk((tmp_path / "key").read_text())
    assert key.has_private
    assert (key.use, key.kty, key.nbf, key.exp) == ("enc", kty, 4000000000, 4000003600)
    assert parse(done.stdout) == key.to_graph()
    assert mode_of(tmp_path / "key") == 0o600
    assert os.listdir(tmp_path) == ["key"]


def test_a_request_body_comes_from_standard_input_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "body.json").write_text(PAGE_BODY)
    for name, stdin in (("-", PAGE_BODY), ("body.json", None)):
        done = command("generate", "--request", name, "--discard", input=stdin, cwd=tmp_path)
        answer = parse(done.stdout)
        assert list(answer) == [
            *("@odata.context", "k", "x5c", "kty", "use", "exp", "nbf", "kid", "e", "n")
        ]
        assert answer["exp"] == answer["nbf"] == 1508969811
    assert os.listdir(tmp_path) == ["body.json"]


def test_size_applies_to_a_request_body(tmp_path: Path) -> None:
    body = '{"use": "sig", "kty": "oct"}'
    done = command("generate", "--request", "-", "--size", "512", "-o", "-", input=body)
    assert TrustFrameworkKey.from_jwk(done.stdout).size == 512


def test_the_private_key_can_go_to_standard_output() -> None:
    done = command(*GENERATE, "-o", "-")
    assert TrustFrameworkKey.from_jwk(done.stdout).has_private
    assert done.stderr == ""


def test_discard_writes_nothing(tmp_path: Path) -> None:
    done = command(*GENERATE, "--discard", cwd=tmp_path)
    assert parse(done.stdout)["k"] is None
    assert os.listdir(tmp_path) == []


def test_a_passphrase_encrypts_the_file(tmp_path: Path) -> None:
    (tmp_path / "pw").write_bytes(b" pass\nphrase \xc3\xa9\n")
    done = command(*GENERATE, "-o", "key.jwe", "--password-file", "pw", cwd=tmp_path)
    text = (tmp_path / "key.jwe").read_text()
    key = TrustFrameworkKey.from_jwk(decrypt(text, password=" pass\nphrase é"))
    assert parse(done.stdout) == key.to_graph()
    assert mode_of(tmp_path / "key.jwe") == 0o600
    assert support.leaks(text + done.stdout, key.to_jwk(private=True)) == []


@pytest.mark.deep
def test_a_passphrase_can_come_through_a_pipe(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, b"from a pipe\n")
    os.close(write_end)
    done = command(
        *(*GENERATE, "-o", "-", "--password-file", f"/dev/fd/{read_end}"), pass_fds=[read_end]
    )
    os.close(read_end)
    assert b'"k"' in decrypt(done.stdout, password="from a pipe")


def test_relative_times_count_from_now_or_from_nbf() -> None:
    before = int(datetime.now(UTC).timestamp())
    both = command(*GENERATE, "--nbf", "+1d", "--exp", "+1d", "--discard")
    alone = command(*GENERATE, "--nbf", "now", "--discard")
    after = int(datetime.now(UTC).timestamp())
    answer = json.loads(both.stdout)
    assert answer["exp"] - answer["nbf"] == 86400
    assert before <= answer["nbf"] - 86400 <= after
    assert before <= json.loads(alone.stdout)["nbf"] <= after


@pytest.mark.usefixtures("test_keys_allowed")
def test_the_examples_in_the_help_text_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pw").write_text("a passphrase\n")
    (tmp_path / "body.json").write_text('{"use": "sig", "kty": "RSA"}')
    text = outcome("generate", "--help").stdout
    examples = re.findall(
        r"^  trustkeys (generate .*)$", text.replace("    trust", "  trust"), re.MULTILINE
    )
    assert len(examples) == 5
    for example in examples:
        with testing.instant_keys():
            done = outcome(*example.split(" | ")[0].split())
        assert (done.returncode, done.stderr) == (0, "")
        assert parse(done.stdout)["kid"]


# --- invalid input: exit code 2, one line, nothing written


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--kty", "RSA", "-o", "k"], "use is missing: it must be sig or enc (AADB2C90253)"),
        (["--use", "sig", "-o", "k"], "kty is missing: RSA or oct (AADB2C95030)"),
        (
            ["--use", "", "--kty", "RSA", "-o", "k"],
            "--use must be sig or enc, not '' (AADB2C95033)",
        ),
        (
            ["--use", "sing", "--kty", "RSA", "-o", "k"],
            "--use must be sig or enc, not 'sing' (AADB2C95033)",
        ),
        (["--use", "sig", "--kty", "EC", "-o", "k"], "--kty must be RSA or oct, not 'EC'"),
        (["--use", "sig", "--kty", "RSA"], "-o FILE, -o -, or --discard (see trustkeys generate"),
        (
            ["--use", "sig", "--kty", "RSA", "-o", "k", "--discard"],
            "choose where the private key goes",
        ),
        (["--discard", "--password-file", "x"], "--discard and --password-file exclude each other"),
        (["--size", "1024", "--use", "sig", "--kty", "RSA", "-o", "k"], "2048, 3072 or 4096 bits"),
        (["--size", "9" * 5000, "--use", "sig", "--kty", "RSA", "-o", "k"], "'--size'"),
        (["--size", "big", "-o", "k"], "'--size'"),
        (["--nbf", "tomorrow", "--use", "sig", "--kty", "oct", "-o", "k"], "--nbf must be seconds"),
        (["--nbf", "-1", "--use", "sig", "--kty", "oct", "-o", "k"], "nbf must be from 0"),
        (["--exp", "9" * 20, "--use", "sig", "--kty", "oct", "-o", "k"], "exp must be from 0"),
        (["--exp", "+" + "9" * 20 + "y", "--use", "sig", "--kty", "oct", "-o", "k"], "exp must be"),
        (["--exp", "9" * 9999, "--use", "sig", "--kty", "oct", "-o", "k"], "exp must be seconds"),
        (["--nbf", "2", "--exp", "1", "--use", "sig", "--kty", "oct", "-o", "k"], "before nbf"),
        (["--request", "-", "--use", "sig", "-o", "k"], "--request replaces --use"),
        (["--request", "-", "-o", "k"], "the body is not JSON"),
        (
            ["--request", "-", "-o", "k", "--password-file", "-"],
            "--request and --password-file are both -",
        ),
        (["--exp", "20270131", "--use", "sig", "--kty", "oct", "-o", "k"], "a date, not"),
        pytest.param(
            ["--request", "/dev/zero", "-o", "k"],
            "larger than 65536 bytes",
            marks=posix_only("Windows has no file without an end"),
        ),
        (["--count", "3"], "generate makes one key: for --count, --requests, --jsonl"),
        (["--jsonl", "f"], "use trustkeys batch"),
        (["--hlp"], "No such option"),
        (["k"], "1 argument too many, not shown"),
        (["-o"], "requires an argument"),
    ],
)
def test_invalid_input_is_one_line_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in failed(outcome("generate", *args), 2)
    assert os.listdir(tmp_path) == []
    as_json = outcome("generate", "--json", *args)
    assert as_json.returncode == 2
    error = parse(as_json.stderr)["error"]
    assert set(error) == {"code", "message", "target", "innerError"}
    assert as_json.stderr.count("\n") == 1


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\n", b"x" * 70_000])
def test_an_invalid_passphrase_is_refused_before_a_file_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pw").write_bytes(content)
    done = outcome(*GENERATE, "-o", "key", "--password-file", "pw")
    assert "passphrase must be" in failed(done, 2)
    assert os.listdir(tmp_path) == ["pw"]


def test_control_characters_in_a_name_are_escaped(tmp_path: Path) -> None:
    name = "\x1b[2J\nkey\u202e"
    done = command(*GENERATE, "-o", f"{name}/x", cwd=tmp_path)
    shown, _, reason = failed(done, 1).partition(": ")
    assert shown == "\\x1b[2J\\nkey\\u202e/x"
    assert WINDOWS or reason == "No such file or directory"  # there, no name is like this


# --- files that cannot be read or written: exit code 1, existing files unchanged


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("precious")
    done = command(*GENERATE, "-o", "key", cwd=tmp_path)
    assert failed(done, 1) == "key: File exists"
    assert (tmp_path / "key").read_text() == "precious"
    assert os.listdir(tmp_path) == ["key"]


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["-o", "none/key"], "none/key: No such file or directory"),
        (["-o", ""], "'': No such file or directory"),
        (["-o", "."], ".: File exists"),
        (["-o", "k", "--password-file", "none"], "none: No such file or directory"),
        (
            ["-o", "k", "--password-file", "."],
            f".: {'Permission denied' if WINDOWS else 'Is a directory'}",
        ),
        pytest.param(
            ["-o", "/proc/key"],
            "/proc/key: No such file or directory",
            marks=posix_only("Linux has a directory like this"),
        ),
    ],
)
def test_a_file_that_cannot_be_opened_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], line: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert failed(outcome(*GENERATE, *args), 1) == line
    assert os.listdir(tmp_path) == []


@posix_only("Linux has a file like this")
def test_a_file_that_opens_but_cannot_be_read_is_named() -> None:
    done = command("generate", "--request", "/proc/self/mem", "--discard")
    assert failed(done, 1) == "/proc/self/mem: Input/output error"


@pytest.mark.deep
def test_a_full_disk_leaves_no_file(tmp_path: Path) -> None:
    done = command(
        *(*GENERATE, "--size", "4096", "-o", "key"),
        cwd=tmp_path,
        preexec_fn=support.limited_to(100),
        # Without coverage, which would find no room either.
        env=support.environment(COVERAGE_PROCESS_CONFIG="", COVERAGE_PROCESS_START=""),
    )
    assert failed(done, 1) == "key: File too large"
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="Linux has a device that is full")
@pytest.mark.parametrize("args", [["-o", "-"], ["--discard"]])
def test_a_full_standard_output_is_an_error(tmp_path: Path, args: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = command(
            *GENERATE,
            *args,
            cwd=tmp_path,
            capture_output=False,
            stdout=full,
            stderr=subprocess.PIPE,
        )
    assert done.returncode == 1
    assert done.stderr == "trustkeys: standard output: No space left on device\n"
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("args", [["-o", "-"], ["-o", "key"]])
def test_a_closed_pipe_ends_quietly_and_the_key_file_stays(tmp_path: Path, args: list[str]) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = command(
        *GENERATE,
        *args,
        cwd=tmp_path,
        capture_output=False,
        stdout=write_end,
        stderr=subprocess.PIPE,
    )
    os.close(write_end)
    assert (done.returncode, done.stderr) == (1 if WINDOWS else -signal.Signals.SIGPIPE, "")
    if "key" in args:
        assert TrustFrameworkKey.from_jwk((tmp_path / "key").read_text()).has_private


@pytest.mark.deep
@pytest.mark.parametrize(
    ("redirection", "args", "message"),
    [
        (">&-", "-o -", "trustkeys: standard output: Bad file descriptor\n"),
        ("<&-", "--request - -o -", "trustkeys: standard input: Bad file descriptor\n"),
    ],
)
def test_closed_standard_streams_are_errors(redirection: str, args: str, message: str) -> None:
    options = args if "--request" in args else f"--use sig --kty oct {args}"
    done = subprocess.run(
        ["sh", "-c", f'"$0" -m trustkeys generate {options} {redirection}', sys.executable],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", message)
