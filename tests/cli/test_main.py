"""The person at the prompt: gets a key in one line, and loses none to a slip."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import stat
import subprocess
import sys
import textwrap
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests import support
from tests.support import command, failed, parse
from trustkeys import TrustFrameworkKey, TrustKeysError
from trustkeys.cli import main, signals, values
from trustkeys.formats.jwe import decrypt

GENERATE = ("generate", "--use", "sig", "--kty", "oct")
PAGE_BODY = '{"use": "sig", "kty": "RSA", "nbf": 1508969811, "exp": 1508969811}'


# --- the main job


@pytest.mark.parametrize("kty", ["RSA", "oct"])
def test_the_answer_is_printed_and_the_key_is_kept(tmp_path: Path, kty: str) -> None:
    done = command(
        *("generate", "--use", "enc", "--kty", kty, "--nbf", "10", "--exp", "+1h", "-o", "key"),
        cwd=tmp_path,
    )
    assert (done.returncode, done.stderr) == (0, "")
    key = TrustFrameworkKey.from_jwk((tmp_path / "key").read_text())
    assert key.has_private
    assert (key.use, key.kty, key.nbf, key.exp) == ("enc", kty, 10, 3610)
    assert parse(done.stdout) == key.to_graph()
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["key"]


def test_the_pages_request_body_comes_from_standard_input_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "body.json").write_text(PAGE_BODY)
    for name, stdin in (("-", PAGE_BODY), ("body.json", None)):
        done = command("generate", "--request", name, "--discard", input=stdin, cwd=tmp_path)
        answer = parse(done.stdout)
        assert list(answer) == [
            *("@odata.context", "k", "x5c", "kty", "use", "exp", "nbf", "kid", "e", "n")
        ]
        assert answer["exp"] == answer["nbf"] == 1508969811
    assert os.listdir(tmp_path) == ["body.json"]


def test_size_goes_with_a_request_body(tmp_path: Path) -> None:
    body = '{"use": "sig", "kty": "oct"}'
    done = command("generate", "--request", "-", "--size", "512", "-o", "-", input=body)
    assert TrustFrameworkKey.from_jwk(done.stdout).size == 512


def test_the_private_key_goes_to_standard_output_when_told() -> None:
    done = command(*GENERATE, "-o", "-")
    assert TrustFrameworkKey.from_jwk(done.stdout).has_private
    assert done.stderr == ""


def test_discard_keeps_nothing(tmp_path: Path) -> None:
    done = command(*GENERATE, "--discard", cwd=tmp_path)
    assert parse(done.stdout)["k"] is None
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_passphrase_encrypts_the_file(tmp_path: Path, start: bytes, end: bytes) -> None:
    (tmp_path / "pw").write_bytes(start + b" pass\nphrase \xc3\xa9" + end)
    done = command(*GENERATE, "-o", "key.jwe", "--password-file", "pw", cwd=tmp_path)
    text = (tmp_path / "key.jwe").read_text()
    key = TrustFrameworkKey.from_jwk(decrypt(text, " pass\nphrase é"))
    assert parse(done.stdout) == key.to_graph()
    assert stat.S_IMODE((tmp_path / "key.jwe").stat().st_mode) == 0o600
    assert support.leaks(text + done.stdout, key.to_jwk(private=True)) == []


def test_a_passphrase_comes_through_a_pipe_too(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, b"from a pipe\n")
    os.close(write_end)
    done = command(
        *(*GENERATE, "-o", "-", "--password-file", f"/dev/fd/{read_end}"), pass_fds=[read_end]
    )
    os.close(read_end)
    assert b'"k"' in decrypt(done.stdout, "from a pipe")


# --- bad input: exit code 2, one line, nothing written


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--kty", "RSA", "-o", "k"], "use is missing: sig or enc (AADB2C90253)"),
        (["--use", "sig", "-o", "k"], "kty is missing: RSA or oct (AADB2C95030)"),
        (["--use", "", "--kty", "RSA", "-o", "k"], "use must be sig or enc, not a string of 0"),
        (["--use", "sing", "--kty", "RSA", "-o", "k"], "use must be sig or enc"),
        (["--use", "sig", "--kty", "EC", "-o", "k"], "kty must be RSA or oct, not a string of 2"),
        (["--use", "sig", "--kty", "RSA"], "-o FILE, -o -, or --discard (see trustkeys generate"),
        (
            ["--use", "sig", "--kty", "RSA", "-o", "k", "--discard"],
            "say one place for the private key",
        ),
        (["--discard", "--password-file", "x"], "nothing for --password-file to encrypt"),
        (["--size", "1024", "--use", "sig", "--kty", "RSA", "-o", "k"], "2048, 3072 or 4096 bits"),
        (["--size", "9" * 5000, "--use", "sig", "--kty", "RSA", "-o", "k"], "'--size'"),
        (["--size", "big", "-o", "k"], "'--size'"),
        (["--nbf", "tomorrow", "--use", "sig", "--kty", "oct", "-o", "k"], "nbf must be seconds"),
        (["--nbf", "-1", "--use", "sig", "--kty", "oct", "-o", "k"], "nbf must be from 0"),
        (["--exp", "9" * 20, "--use", "sig", "--kty", "oct", "-o", "k"], "exp must be from 0"),
        (["--exp", "+" + "9" * 20 + "y", "--use", "sig", "--kty", "oct", "-o", "k"], "exp must be"),
        (["--exp", "9" * 9999, "--use", "sig", "--kty", "oct", "-o", "k"], "exp must be seconds"),
        (["--nbf", "2", "--exp", "1", "--use", "sig", "--kty", "oct", "-o", "k"], "before nbf"),
        (["--request", "-", "--use", "sig", "-o", "k"], "--request takes the place of --use"),
        (["--request", "-", "-o", "k"], "the body is not JSON"),
        (["--request", "-", "-o", "k", "--password-file", "-"], "cannot both be standard input"),
        (["--exp", "20270131", "--use", "sig", "--kty", "oct", "-o", "k"], "as 2027-01-31"),
        (["--request", "/dev/zero", "-o", "k"], "larger than 65536 bytes"),
        (["--hlp"], "No such option"),
        (["k"], "unexpected extra argument"),
        (["-o"], "requires an argument"),
    ],
)
def test_bad_input_is_one_line_and_leaves_no_file(
    tmp_path: Path, args: list[str], message: str
) -> None:
    done = command("generate", *args, cwd=tmp_path, input="")
    assert message in failed(done, 2)
    assert os.listdir(tmp_path) == []
    as_json = command("generate", "--json", *args, cwd=tmp_path, input="")
    assert as_json.returncode == 2
    error = parse(as_json.stderr)["error"]
    assert set(error) == {"code", "message", "target", "innerError"}
    assert as_json.stderr.count("\n") == 1


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\n", b"x" * 70_000])
def test_a_passphrase_that_is_none_stops_before_a_file_is_made(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "pw").write_bytes(content)
    done = command(*GENERATE, "-o", "key", "--password-file", "pw", cwd=tmp_path)
    assert "passphrase must be" in failed(done, 2)
    assert os.listdir(tmp_path) == ["pw"]


def test_an_unknown_command_and_none_at_all() -> None:
    assert "No such command 'make'" in failed(command("make"), 2)
    nothing = command()
    assert nothing.returncode == 2
    assert "\n    trustkeys generate --use sig --kty RSA -o signing.jwk\n" in nothing.stderr
    assert "\\b" not in nothing.stderr


def test_control_characters_are_shown_and_not_obeyed(tmp_path: Path) -> None:
    name = "\x1b[2J\nkey\u202e"
    done = command(*GENERATE, "-o", f"{name}/x", cwd=tmp_path)
    assert failed(done, 1) == "\\x1b[2J\\nkey\\u202e/x: No such file or directory"


# --- trouble with a file: exit code 1, what was there is still there


def test_a_file_that_exists_is_never_written_over(tmp_path: Path) -> None:
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
        (["-o", "k", "--password-file", "."], ".: Is a directory"),
        (["-o", "/proc/key"], "/proc/key: No such file or directory"),
    ],
)
def test_a_name_that_cannot_be_is_named(tmp_path: Path, args: list[str], line: str) -> None:
    done = command(*GENERATE, *args, cwd=tmp_path)
    assert failed(done, 1) == line
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="Linux has a file like this")
def test_a_file_that_opens_but_cannot_be_read_is_named() -> None:
    done = command("generate", "--request", "/proc/self/mem", "--discard")
    assert failed(done, 1) == "/proc/self/mem: Input/output error"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a device that is full")
def test_the_exit_code_tells_even_where_the_error_cannot_be_written(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = command(
            *("generate", "--use", "bad", "-o", "key"),
            cwd=tmp_path,
            capture_output=False,
            stdout=subprocess.PIPE,
            stderr=full,
        )
    assert (done.returncode, done.stdout) == (2, "")


def test_trouble_with_a_file_is_json_too(tmp_path: Path) -> None:
    done = command(*GENERATE, "--json", "-o", "none/key", cwd=tmp_path)
    assert done.returncode == 1
    assert parse(done.stderr)["error"] == {
        "code": "ENOENT",
        "message": "none/key: No such file or directory",
        "target": "none/key",
        "innerError": {},
    }


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    done = command(
        *(*GENERATE, "--size", "4096", "-o", "key"),
        cwd=tmp_path,
        preexec_fn=no_room,
        # Or the coverage that is measured would find no room either.
        env=support.environment(COVERAGE_PROCESS_CONFIG="", COVERAGE_PROCESS_START=""),
    )
    assert failed(done, 1) == "key: File too large"
    assert os.listdir(tmp_path) == []


# --- standard output that does not take it


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a device that is full")
@pytest.mark.parametrize("args", [["-o", "-"], ["-o", "key"], ["--discard"]])
def test_a_full_standard_output_is_an_error_and_the_key_file_stays(
    tmp_path: Path, args: list[str]
) -> None:
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
    if "key" in args:
        assert TrustFrameworkKey.from_jwk((tmp_path / "key").read_text()).has_private
    else:
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
    assert (done.returncode, done.stderr) == (-signal.SIGPIPE, "")
    if "key" in args:
        assert TrustFrameworkKey.from_jwk((tmp_path / "key").read_text()).has_private


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


# --- signals


def start_slowly(tmp_path: Path, *prelude: str) -> subprocess.Popen[str]:
    """Start a command that takes its time over writing the file, and says when."""
    program = textwrap.dedent("""
        import os, sys, time
        from trustkeys.cli.main import run

        fsync = os.fsync

        def fsync_slowly(descriptor):
            print("writing", flush=True)
            time.sleep(0.5)
            os.fsync = fsync
            fsync(descriptor)

        os.fsync = fsync_slowly
        sys.exit(run(sys.argv[1:]))
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", "\n".join([*prelude, program]), *GENERATE, "-o", "key"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    (name,) = os.listdir(tmp_path)
    # SECURITY.md tells people what to delete.
    assert name.startswith(".trustkeys-")
    return process


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_quietly_as_that_signal_and_leaves_no_half_file(
    tmp_path: Path, signum: signal.Signals
) -> None:
    with start_slowly(tmp_path) as process:
        process.send_signal(signum)
        output = process.communicate(timeout=30)
    assert output == ("", "")
    assert process.returncode == -signum
    # It came while the file was written: so the file is whole, and nothing else is there.
    assert os.listdir(tmp_path) == ["key"]
    assert TrustFrameworkKey.from_jwk((tmp_path / "key").read_text()).has_private


def ends_quietly(args: list[str], line: str, signum: signal.Signals, **options: Any) -> bool:
    """Send a signal to a Python that has just printed `line`; see how it ends."""
    with subprocess.Popen(
        [sys.executable, *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"{line}\n"
        process.send_signal(signum)
        output = process.communicate(timeout=30)
    return output == ("", "") and process.returncode == -signum


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_key_is_made_leaves_nothing(
    tmp_path: Path, signum: signal.Signals
) -> None:
    program = textwrap.dedent("""
        import sys, time, trustkeys.cli.generate
        from trustkeys.cli.main import run

        def generate(request):
            print("making", flush=True)
            time.sleep(60)

        trustkeys.cli.generate.generate_one = generate
        sys.exit(run(sys.argv[1:]))
    """)
    args = ["-c", program, *GENERATE, "-o", "key"]
    assert ends_quietly(args, "making", signum, cwd=tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_signal_becomes_an_exception_first_and_the_end_of_the_process_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # In this process, where it can be watched; the tests around it do it for real.
    handlers: dict[Any, Any] = {}
    raised: list[int] = []
    monkeypatch.setattr(signal, "signal", handlers.__setitem__)
    monkeypatch.setattr(signal, "raise_signal", raised.append)
    monkeypatch.setattr(
        main.group, "main", lambda *_, **__: handlers[signal.SIGTERM](signal.SIGTERM, None)
    )
    assert main.run([]) == 128 + signal.SIGTERM
    assert raised == [signal.SIGTERM]
    assert handlers[signal.SIGTERM] is signal.SIG_DFL


def test_an_interrupt_that_is_ignored_stays_ignored(tmp_path: Path) -> None:
    program = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); "
        "import trustkeys.__main__, atexit; "
        "atexit.register(lambda: print(signal.getsignal(signal.SIGINT).name)); "
        "sys.argv[1:] = ['--version']; trustkeys.__main__.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.endswith("SIG_IGN\n")


def test_a_signal_that_nohup_ignores_stays_ignored(tmp_path: Path) -> None:
    prelude = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    with start_slowly(tmp_path, prelude) as process:
        process.send_signal(signal.SIGHUP)
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert parse(output)["kty"] == "oct"


def test_ctrl_c_while_the_command_line_loads_is_quiet(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("import time; print('loading', flush=True); time.sleep(60)")
    environment = support.environment(PYTHONPATH=str(tmp_path))
    args = ["-m", "trustkeys", "--version"]
    assert ends_quietly(args, "loading", signal.SIGINT, env=environment)


def test_the_process_leaves_no_core_dump() -> None:
    program = (
        "import resource, trustkeys.cli.main as main; main.run(['--version']); "
        "print(resource.getrlimit(resource.RLIMIT_CORE))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "(0, 0)"


# --- around the command


def test_version_help_and_completion() -> None:
    assert re.fullmatch(r"trustkeys \d+\.\d+\.\d+\n", command("--version").stdout)
    text = command("generate", "--help").stdout
    assert command("generate", "-h").stdout == text
    for example in ("-o signing.jwk", "+90d", "--discard", "Exit status"):
        assert example in text
    for words, index, expected in [
        ("trustkeys generate --k", 2, "--kty"),
        ("trustkeys generate --use ", 3, "enc"),
        ("trustkeys generate --kty ", 3, "oct"),
    ]:
        completed = command(
            env=support.environment(
                _TRUSTKEYS_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(index)
            )
        )
        assert f"plain,{expected}" in completed.stdout.splitlines()


def test_the_examples_in_the_help_text_work(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("a passphrase\n")
    (tmp_path / "body.json").write_text(PAGE_BODY)
    (tmp_path / "requests.jsonl").write_text(" ".join(PAGE_BODY.split()))
    text = command("generate", "--help").stdout
    examples = re.findall(
        r"^  trustkeys (generate .*)$", text.replace("    trust", "  trust"), re.MULTILINE
    )
    assert len(examples) == 7
    for number, example in enumerate(examples):
        done = command(*example.split(" | ")[0].split(), cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        if number < 5:
            assert parse(done.stdout)["kid"]
    assert done.stdout == "keys: 1 keys\n"


def test_without_click_one_line_says_how_to_install_it(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise ModuleNotFoundError('no', name='click')")
    done = command("--version", env=support.environment(PYTHONPATH=str(tmp_path)))
    assert done.returncode == 1
    assert done.stderr == (
        "trustkeys: the command line needs click: pip install 'trustkeys[cli]'\n"
    )


def test_another_missing_module_is_not_taken_for_click(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("import not_there")
    done = command("--version", env=support.environment(PYTHONPATH=str(tmp_path)))
    assert "No module named 'not_there'" in done.stderr


def test_the_installed_command_is_the_same(tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("trustkeys")
    done = subprocess.run(
        [script, *GENERATE, "-o", "-"], capture_output=True, text=True, timeout=60, check=True
    )
    assert parse(done.stdout)["kty"] == "oct"


# --- points in time


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("9223372036854775807", 2**63 - 1),
        ("-5", -5),
        ("now", 1000),
        ("+0s", 500),
        ("+2s", 502),
        ("+2min", 620),
        ("+2h", 7700),
        ("+90d", 500 + 90 * 86400),
        ("+1w", 500 + 7 * 86400),
        ("+1y", 500 + 365 * 86400),
        ("2027-01-01", 1798761600),
        ("2027-01-01T00:00", 1798761600),
        ("2027-01-01 00:00:00.9", 1798761600),
        ("2027-01-01T00:00:00Z", 1798761600),
        ("2027-01-01T01:00+01:00", 1798761600),
        ("1969-12-31T23:59:59Z", -1),
        ("9999-12-31T23:59:59-23:59", 253402300799 + 86340),
    ],
)
def test_a_point_in_time_as_people_type_it(
    monkeypatch: pytest.MonkeyPatch, text: str, seconds: int
) -> None:
    with monkeypatch.context() as elsewhere:
        # Where no zone is given it is UTC, and not where the machine stands.
        elsewhere.setenv("TZ", "EAST-14")
        time.tzset()
        assert values.point_in_time(text, "nbf", 500, 1000) == seconds
    time.tzset()


@pytest.mark.parametrize(
    "text",
    ["", "+", "+d", "+1", "+1x", "+6m", "+-1d", "-1d", "1.5", "+1.5d", "１２", "tomorrow", "NOW"],
)
def test_what_is_no_point_in_time_is_refused(text: str) -> None:
    with pytest.raises(TrustKeysError, match=r"\+90d") as caught:
        values.point_in_time(text, "exp", 0, 0)
    assert caught.value.target == "exp"


def test_relative_times_count_from_where_they_say() -> None:
    before = int(datetime.now(UTC).timestamp())
    both = command(*GENERATE, "--nbf", "+1d", "--exp", "+1d", "--discard")
    alone = command(*GENERATE, "--nbf", "now", "--discard")
    after = int(datetime.now(UTC).timestamp())
    answer = json.loads(both.stdout)
    assert answer["exp"] - answer["nbf"] == 86400
    assert before <= answer["nbf"] - 86400 <= after
    assert before <= json.loads(alone.stdout)["nbf"] <= after


# --- systems that lack what this one has


def test_it_runs_where_there_are_no_such_limits_and_signals(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    handlers: dict[Any, Any] = {}
    monkeypatch.setitem(sys.modules, "resource", None)
    for name in ("SIGPIPE", "pthread_sigmask"):
        monkeypatch.delattr(signal, name)
    monkeypatch.setattr(signals, "_STOPPING", [signal.SIGINT, signal.SIGTERM])
    monkeypatch.setattr(signal, "signal", handlers.__setitem__)
    assert main.run([*GENERATE, "-o", str(tmp_path / "key")]) == 0
    assert parse(capsys.readouterr().out)["kty"] == "oct"
    # With the work done, a signal ends the process as if nobody had ever listened.
    assert handlers == {signal.SIGINT: signal.SIG_DFL, signal.SIGTERM: signal.SIG_DFL}


def test_a_closed_standard_output_stays_closed_after_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(sys, "stdout", None)
    assert main.run([*GENERATE, "-o", "-"]) == 1
    assert "standard output" in capsys.readouterr().err
