"""Who asks for a fleet's keys can stop, crash and go on: each is there once, and was kept whole."""

from __future__ import annotations

import json
import os
import random
import re
import resource
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from jwcrypto.jwk import JWK

import trustkeys
from tests import support
from tests.store_files import as_nobody
from tests.support import command, failed, parse
from trustkeys import TrustFrameworkKey, testing
from trustkeys.cli import main, progress, signals
from trustkeys.cli.batch import command as many
from trustkeys.cli.batch.journal import Journal
from trustkeys.formats.sealed import unseal

OCT = ("generate", "--use", "sig", "--kty", "oct")
RSA = ("generate", "--use", "sig", "--kty", "RSA")

DRIVER = textwrap.dedent("""
    import json, os, resource, signal, sys, time
    from trustkeys.__main__ import main
    from trustkeys.cli import generate, progress
    from trustkeys.cli.batch import command as many

    # Say often what is done, and be done often.
    progress.PAUSE = 0
    many.SYNC_SECONDS = 0.005
    many.SYNC_LINES = 5
""")


@pytest.fixture(scope="module")
def recipient() -> dict[str, Any]:
    """A private key that others have, of a curve: with that sealing takes the least time."""
    members = JWK.generate(kty="EC", crv="P-256").export(as_dict=True)
    assert isinstance(members, dict)
    return members


@pytest.fixture
def folder(tmp_path: Path, recipient: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory for the command, and to be in; the recipient's key lies above it."""
    (tmp_path / "to.jwk").write_text(JWK(**recipient).export_public())
    (tmp_path / "own").mkdir()
    monkeypatch.chdir(tmp_path / "own")
    return tmp_path / "own"


SEALED = ("--seal-to", "../to.jwk")

# Where the coverage that is measured would be killed too, or find no room either.
UNMEASURED = support.environment(COVERAGE_PROCESS_CONFIG="", COVERAGE_PROCESS_START="")


def done(*args: str, cwd: Path, **options: Any) -> str:
    """What a command prints that goes well and says nothing else."""
    process = command(*args, cwd=cwd, **options)
    assert (process.returncode, process.stderr) == (0, "")
    return process.stdout


def here(*args: str, code: int = 0) -> None:
    """Run the command in this process, which takes less time."""
    assert main._run(args) == code


@contextmanager
def started(program: str, *args: str, cwd: Path, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Run a program in the block, and not for ever should the block fail."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    with subprocess.Popen([sys.executable, "-c", program, *args], cwd=cwd, **options) as process:
        try:
            yield process
        finally:
            process.kill()


def drive(
    *args: str, cwd: Path, extra: str = "", **options: Any
) -> AbstractContextManager[subprocess.Popen[str]]:
    """Run a command in the block that says what it does."""
    return started(f"{DRIVER}\n{textwrap.dedent(extra)}\nmain()", *args, cwd=cwd, **options)


def records(path: Path) -> list[dict[str, Any]]:
    text = path.read_text()
    assert text == "" or text.endswith("\n")
    return [parse(line) for line in text.splitlines()]


def keys_of(path: Path, recipient: dict[str, Any] | None = None) -> list[TrustFrameworkKey]:
    """The keys in a file, checked, which must all be different."""
    keys = [
        TrustFrameworkKey.from_jwk(record)
        if recipient is None
        else unseal(record["jwe"], recipient)
        for record in records(path)
    ]
    assert [key.kid for key in keys] == [record["kid"] for record in records(path)]
    assert len({key.kid for key in keys}) == len(keys)
    assert all(key.has_private for key in keys)
    return keys


def put_requests(folder: Path, *lines: Any) -> None:
    text = "".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines)
    (folder.parent / "requests").write_text(text)


REQUESTS = ("generate", "--requests", "../requests")


# --- the main job


def test_many_keys_are_a_line_each_for_the_owner_alone(folder: Path) -> None:
    text = done(*RSA, "--count", "5", "--jsonl", "keys", "--jobs", "2", cwd=folder)
    assert text == "keys: 5 keys\n"
    assert {(key.kty, key.use, key.size) for key in keys_of(folder / "keys")} == {
        ("RSA", "sig", 2048)
    }
    assert sorted(os.listdir(folder)) == ["keys", "keys.lock", "keys.run"]
    for name in os.listdir(folder):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


def test_each_is_what_was_asked_for(folder: Path, recipient: dict[str, Any]) -> None:
    asked = ("generate", "--use", "ENC", "--kty", "OCT", "--size", "512", "--nbf", "10")
    text = done(*asked, "--exp", "+1h", "--count", "3", "--jsonl", "keys", "--json", cwd=folder)
    assert parse(text) == {"output": "keys", "count": 3}
    done(*asked, "--exp", "+1h", "--count", "3", "--jsonl", "sealed", *SEALED, cwd=folder)
    for keys in (keys_of(folder / "keys"), keys_of(folder / "sealed", recipient)):
        assert [(key.use, key.kty, key.size, key.nbf, key.exp) for key in keys] == [
            ("enc", "oct", 512, 10, 3610)
        ] * 3


def test_what_is_sealed_shows_nothing(folder: Path, recipient: dict[str, Any]) -> None:
    printed = done(*OCT, "--count", "3", "--jsonl", "keys", *SEALED, cwd=folder)
    printed += done(*RSA, "--count", "2", "--dir", "dir", *SEALED, cwd=folder)
    for path in (*folder.iterdir(), *folder.joinpath("dir").iterdir()):
        printed += path.read_text() if path.is_file() else ""
    keys = keys_of(folder / "keys", recipient)
    for path in folder.joinpath("dir").iterdir():
        keys.append(unseal(path.read_text(), recipient))
        assert path.name == f"{keys[-1].kid}.jwe"
    assert len(keys) == 5
    for key in keys:
        assert support.leaks(printed, key.to_jwk(private=True)) == []


def test_a_directory_has_a_file_a_key_named_by_its_thumbprint(folder: Path) -> None:
    assert done(*RSA, "--count", "3", "--dir", "dir", cwd=folder) == "dir: 3 keys\n"
    assert stat.S_IMODE((folder / "dir").stat().st_mode) == 0o700
    # More can join them.
    done(*OCT, "--count", "4", "--dir", "dir", cwd=folder)
    paths = list(folder.joinpath("dir").iterdir())
    keys = [TrustFrameworkKey.from_jwk(path.read_text()) for path in paths]
    assert sorted(key.kty for key in keys) == ["RSA"] * 3 + ["oct"] * 4
    for path, key in zip(paths, keys, strict=True):
        thumbprint = trustkeys.jwk_thumbprint(key.to_jwk(private=True))
        assert path.name == f"{thumbprint}.jwk" == f"{key.kid}.jwk"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(folder) == ["dir"]


def test_the_other_commands_take_such_files_and_lines(
    folder: Path, recipient: dict[str, Any]
) -> None:
    folder.joinpath("secret.jwk").write_text(json.dumps(recipient))
    put_requests(folder, {"id": "a", "use": "sig", "kty": "oct"})
    done(*REQUESTS, "--dir", "plain", cwd=folder)
    done(*REQUESTS, "--jsonl", "lines", cwd=folder)
    done(*OCT, "--count", "1", "--dir", "sealed", *SEALED, cwd=folder)
    done(*OCT, "--count", "1", "--jsonl", "sealed-lines", *SEALED, cwd=folder)
    (plain,) = folder.joinpath("plain").iterdir()
    (sealed,) = folder.joinpath("sealed").iterdir()
    (line,) = records(folder / "sealed-lines")
    folder.joinpath("line.jwe").write_text(line["jwe"])
    for number, (file, *options) in enumerate(
        (
            [str(plain)],
            ["lines"],
            [str(sealed), "--key", "secret.jwk"],
            ["line.jwe", "--key", "secret.jwk"],
        )
    ):
        assert "warning" not in command("inspect", file, cwd=folder).stdout
        assert command("inspect", file, cwd=folder).returncode == 0
        command("import", file, *options, "-o", f"{number}", cwd=folder)
        key = TrustFrameworkKey.from_jwk(folder.joinpath(f"{number}").read_text())
        assert (key.kty, key.has_private) == ("oct", True)


# --- a request a line


def test_each_request_gets_its_key_and_its_id_back_in_order(
    folder: Path, recipient: dict[str, Any]
) -> None:
    ids: list[Any] = ["tenant-1", 5, None, "tenant-1", 'é\n"', -(10**30), "", 0]
    bodies = [
        {"use": "sig", "kty": "RSA" if number == 3 else "oct", "nbf": number}
        for number in range(len(ids))
    ]
    lines = [{**body, "id": name} for body, name in zip(bodies, ids, strict=True)]
    del lines[2]["id"]
    put_requests(folder, "\n", *lines[:4], "  \r\n\n", "\ufeff" + json.dumps(lines[4]) + "\r\n")
    with open(folder.parent / "requests", "a") as file:
        file.write("\n".join(json.dumps(line) for line in lines[5:]))
    assert done(*REQUESTS, "--jsonl", "keys", cwd=folder) == "keys: 8 keys\n"
    done(*REQUESTS, "--jsonl", "sealed", *SEALED, cwd=folder)
    done(*REQUESTS, "--dir", "dir", cwd=folder)
    for path, to in ((folder / "keys", None), (folder / "sealed", recipient)):
        keys = keys_of(path, to)
        assert [key.to_graph()["nbf"] for key in keys] == list(range(8))
        assert [key.kty for key in keys] == ["oct"] * 3 + ["RSA"] + ["oct"] * 4
        found = records(path)
        assert [record.get("id") for record in found] == ids
        assert "id" not in found[2]
    jwks = [parse(path.read_text()) for path in folder.joinpath("dir").iterdir()]
    assert {jwk["nbf"]: jwk.get("id") for jwk in jwks} == dict(enumerate(ids))


def test_size_goes_with_requests(folder: Path) -> None:
    put_requests(folder, {"use": "sig", "kty": "oct"}, {"use": "sig", "kty": "oct"})
    done(*REQUESTS, "--size", "512", "--jsonl", "keys", cwd=folder)
    assert [key.size for key in keys_of(folder / "keys")] == [512, 512]


@pytest.mark.parametrize("lines", [[], ["\n", "  \n"]])
def test_no_requests_are_no_keys(folder: Path, lines: list[str]) -> None:
    put_requests(folder, *lines)
    assert done(*REQUESTS, "--jsonl", "keys", cwd=folder) == "keys: 0 keys\n"
    assert done(*REQUESTS, "--jsonl", "keys", "--resume", cwd=folder) == "keys: 0 keys\n"
    assert done(*REQUESTS, "--dir", "dir", cwd=folder) == "dir: 0 keys\n"
    assert (folder / "keys").read_bytes() == b""
    assert os.listdir(folder / "dir") == []


GOOD = {"id": 1, "use": "sig", "kty": "oct"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "the body is not JSON"),
        ("[]\n", "the body must be a JSON object"),
        ('{"use": "sig", "kty": "oct"} {}\n', "the body is not JSON"),
        ({**GOOD, "use": "sing"}, "use must be sig or enc"),
        ({"use": "sig"}, "kty is missing: RSA or oct (AADB2C95030)"),
        ({**GOOD, "nbf": 5, "exp": 4}, "exp"),
        ({**GOOD, "size": 512}, "generateKey takes no member 'size'"),
        ({**GOOD, "ID": 5}, "generateKey takes no member 'ID'"),
        ({**GOOD, "id": True}, "id must be text or a whole number, not a boolean"),
        ({**GOOD, "id": 1.5}, "id must be text or a whole number, not a floating-point number"),
        ({**GOOD, "id": ["secret"]}, "id must be text or a whole number, not a value of type list"),
        ('{"id": 1, "id": 2, "use": "sig", "kty": "oct"}\n', "the member 'id' twice"),
        ("x" * 70_000 + "\n", "is larger than 65536 bytes"),
    ],
)
def test_a_bad_line_is_named_before_anything_is_made(
    folder: Path, capsys: pytest.CaptureFixture[str], line: Any, message: str
) -> None:
    put_requests(folder, GOOD, "\n", GOOD, line)
    error = failed(command(*REQUESTS, "--jsonl", "out", cwd=folder), 2)
    assert error.startswith("../requests: line 4: ")
    assert message in error
    assert "secret" not in error
    here(*REQUESTS, "--dir", "out", code=2)
    assert capsys.readouterr().err == f"trustkeys: {error}\n"
    assert os.listdir(folder) == []


def test_a_size_that_does_not_fit_a_request_is_named_by_its_line(folder: Path) -> None:
    put_requests(folder, GOOD, {**GOOD, "kty": "RSA"})
    error = failed(command(*REQUESTS, "--size", "512", "--jsonl", "out", cwd=folder), 2)
    assert error.startswith("../requests: line 2: size of an RSA key must be 2048, 3072 or 4096")
    assert os.listdir(folder) == []


def test_an_id_that_would_be_lost_is_refused(folder: Path) -> None:
    put_requests(folder, {"use": "sig", "kty": "oct"}, GOOD)
    error = failed(command(*REQUESTS, "--dir", "out", *SEALED, cwd=folder), 2)
    assert error.startswith("../requests: line 2: an id has no place in a file that is sealed")
    assert os.listdir(folder) == []
    put_requests(folder, {"id": None, "use": "sig", "kty": "oct"})
    assert done(*REQUESTS, "--dir", "out", *SEALED, cwd=folder) == "out: 1 keys\n"


# --- what does not go together


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--jsonl", "f"], "say how many keys: --count N, or --requests FILE"),
        (["--count", "2"], "say one place for the keys: --jsonl FILE or --dir DIR"),
        (["--count", "2", "--jsonl", "f", "--dir", "d"], "say one place for the keys"),
        (["--count", "2", "--requests", "r", "--jsonl", "f"], "say how many keys"),
        (["--resume"], "say one place for the keys"),
        (["--jobs", "2"], "say one place for the keys"),
        (["--seal-to", "../to.jwk"], "say one place for the keys"),
        (["--count", "2", "--dir", "d", "--resume"], "--resume goes with --jsonl"),
        (["--count", "2", "--jsonl", "-"], "many keys are kept in files"),
        (["--count", "2", "--jsonl", ""], "many keys are kept in files"),
        (["--count", "2", "--dir", "-"], "many keys are kept in files"),
        (["--count", "2", "--jsonl", "f", "-o", "k"], "are for a single key"),
        (["--count", "2", "--jsonl", "f", "--discard"], "are for a single key"),
        (["--count", "2", "--jsonl", "f", "--password-file", "p"], "are for a single key"),
        (["--count", "2", "--jsonl", "f", "--request", "r"], "are for a single key"),
        (["--count", "2", "--jsonl", "f", "--dask", "tcp://x:1"], "--dask needs --seal-to"),
        (
            ["--count", "2", "--jsonl", "f", "--dask", "x", "--jobs", "1", *SEALED],
            "--jobs is for this machine",
        ),
        (["--count", "0", "--jsonl", "f"], "count must be 1 to 100000000 keys"),
        (["--count", "-1", "--jsonl", "f"], "count must be 1 to 100000000 keys"),
        (["--count", "9" * 30, "--jsonl", "f"], "count must be 1 to 100000000 keys"),
        (["--count", "many", "--jsonl", "f"], "'--count'"),
        (["--count", "2", "--jsonl", "f", "--jobs", "0"], "--jobs: workers must be 1 to 10000"),
        (["--count", "2", "--jsonl", "f", "--size", "1024"], "2048, 3072 or 4096 bits"),
        (["--count", "2", "--jsonl", "f", "--nbf", "2", "--exp", "1"], "before nbf"),
        (["--count", "2", "--jsonl", "f", "--seal-to", "sign.jwk"], "for enc, and is for sig"),
        (["--count", "2", "--jsonl", "f", "--seal-to", "test.jwk"], "this is a test key"),
    ],
)
def test_what_does_not_go_together_is_said_before_anything_is_written(
    folder: Path,
    real_key: TrustFrameworkKey,
    capsys: pytest.CaptureFixture[str],
    args: list[str],
    message: str,
) -> None:
    (folder / "sign.jwk").write_text(json.dumps(real_key.to_jwk()))
    (folder / "test.jwk").write_text(json.dumps(testing.rsa_key(0, use="enc").to_jwk()))
    assert message in failed(command(*RSA, *args, cwd=folder), 2)
    here(*RSA, *args, "--json", code=2)
    assert message in parse(capsys.readouterr().err)["error"]["message"]
    assert sorted(os.listdir(folder)) == ["sign.jwk", "test.jwk"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--requests", "../requests", "--use", "sig"], "--requests takes the place of --use"),
        (["--requests", "../requests", "--kty", ""], "--requests takes the place of --use"),
        (["--requests", "../requests", "--exp", "+9d"], "--requests takes the place of --use"),
    ],
)
def test_requests_are_the_whole_of_what_is_asked(
    folder: Path, args: list[str], message: str
) -> None:
    put_requests(folder, GOOD)
    assert message in failed(command("generate", *args, "--jsonl", "f", cwd=folder), 2)
    assert os.listdir(folder) == []


def test_requests_can_come_through_a_pipe(folder: Path) -> None:
    args = ("generate", "--requests", "-", "--jsonl", "keys")
    done(*args, cwd=folder, input=json.dumps(GOOD) + "\n" + json.dumps({**GOOD, "id": 2}))
    jwks = [parse(line) for line in (folder / "keys").read_text().splitlines()]
    assert [jwk["id"] for jwk in jwks] == [1, 2]
    both = command(*args[:-1], "other", "--seal-to", "-", cwd=folder, input="{}")
    assert failed(both, 2).startswith("standard input can be one of the files")
    error = failed(command("generate", "--requests", ".", "--jsonl", "f", cwd=folder), 1)
    assert error == ".: Is a directory"
    closed = subprocess.run(
        ["sh", "-c", f'"$0" -m trustkeys {" ".join(args[:-1])} closed <&-', sys.executable],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert failed(closed, 1) == "standard input: Bad file descriptor"
    assert {name.split(".")[0] for name in os.listdir(folder)} == {"keys"}


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["--jsonl", "there"], "there: File exists"),
        (["--jsonl", "link"], "link: File exists"),
        (["--jsonl", "."], ".: File exists"),
        (["--jsonl", "moved"], "moved.run: File exists"),
        (["--jsonl", "moved", "--resume"], "moved.run: File exists"),
        (["--jsonl", "none/f"], "none/f: No such file or directory"),
        (["--dir", "none/d"], "none/d: No such file or directory"),
        (["--dir", "there"], "there: Not a directory"),
        (["--jsonl", "f", "--seal-to", "none"], "none: No such file or directory"),
        (["--jsonl", "link", "--resume"], "link: it is a symbolic link: name the file itself"),
        (["--jsonl", "there", "--resume"], "there: others can read or change it: keys that others"),
        (["--jsonl", ".", "--resume"], ".: Is a directory"),
        (["--jsonl", "pipe", "--resume"], "pipe: it is no regular file"),
    ],
)
def test_what_is_there_stays_as_it_is(folder: Path, args: list[str], line: str) -> None:
    (folder / "there").write_text("precious")
    (folder / "there").chmod(0o644)
    (folder / "link").symlink_to("there")
    (folder / "moved.run").write_text("{}")
    os.mkfifo(folder / "pipe", 0o600)
    before = sorted(os.listdir(folder))
    error = failed(command(*OCT, "--count", "2", *args, cwd=folder), 1)
    assert error.startswith(line)
    assert (folder / "there").read_text() == "precious"
    left = {name for name in os.listdir(folder) if not name.endswith(".lock")}
    assert left == set(before)
    if "--resume" not in args:
        assert sorted(os.listdir(folder)) == before


def test_without_permission_nothing_is_made(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def run() -> None:
        sys.stdout = None
        os._exit(main._run([*OCT, "--count", "2", place, str(folder / "f")]))

    for place in ("--jsonl", "--dir"):  # noqa: B007 - run() reads it
        assert as_nobody(run) == 1
        assert f"{folder / 'f'}: Permission denied" in capfd.readouterr().err
    assert os.listdir(folder) == []


def test_test_keys_are_kept_nowhere(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, args in enumerate((OCT, RSA, (*OCT, *SEALED))):
        with testing.instant_keys():
            here(*args, "--count", "2", "--jsonl", f"{number}", code=2)
            here(*args, "--count", "2", "--dir", f"dir-{number}", code=2)
        said = capsys.readouterr().err
        assert said.count("this is a test key of trustkeys, whose private part everybody") == 2
        assert f"; {number} has 0 keys: --resume goes on" in said
        assert (folder / f"{number}").read_bytes() == b""
        assert os.listdir(folder / f"dir-{number}") == []
    with testing.instant_keys(), testing.allow_test_keys():
        here(*OCT, "--count", "2", "--jsonl", "allowed")
    assert len(keys_of(folder / "allowed")) == 2


def test_so_many_are_made_at_a_time_as_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    for name in ("generate_keys", "generate_sealed_with_kids"):
        original = getattr(many, name)

        def spy(*args: Any, original: Any = original, **kwargs: Any) -> Any:
            seen.append(kwargs.get("workers", args[-1]))
            return original(*args, **kwargs)

        monkeypatch.setattr(many, name, spy)
    for number, args in enumerate(([], ["--jobs", "3"], ["--jobs", "3", *SEALED])):
        here(*OCT, "--count", "1", "--jsonl", f"{number}", *args)
    assert seen == [None, 3, 3]


# --- going on


def test_a_run_goes_on_to_a_larger_number_and_what_is_there_stays(
    folder: Path, recipient: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    for args, to in (((), None), (SEALED, recipient)):
        name = "plain" if to is None else "sealed"
        for number, count in enumerate((3, 3, 7, 5)):
            before = (folder / name).read_bytes() if number else b""
            options = [*args, "--count", f"{count}", "--jsonl", name]
            here(*OCT, *options, *(["--resume"] if number else []))
            assert (folder / name).read_bytes().startswith(before)
            there = max(count, before.count(b"\n"))
            assert capsys.readouterr() == (f"{name}: {there} keys\n", "")
            assert len(keys_of(folder / name, to)) == there


def test_resume_begins_where_nothing_was_begun(folder: Path) -> None:
    done(*OCT, "--count", "2", "--jsonl", "keys", "--resume", cwd=folder)
    # As of a run that was killed before it could say what it was for.
    (folder / "empty").touch(0o600)
    done(*OCT, "--count", "2", "--jsonl", "empty", "--resume", cwd=folder)
    assert len(keys_of(folder / "keys")) == len(keys_of(folder / "empty")) == 2


@pytest.mark.parametrize("rest", ['{"kty": "oct", "kid": "x"', '{"kty": "oct", "kid": "x"}', "\0"])
def test_half_a_line_is_dropped_and_made_again(folder: Path, rest: str) -> None:
    here(*OCT, "--count", "2", "--jsonl", "keys")
    before = (folder / "keys").read_text()
    (folder / "keys").write_text(before + rest)
    done(*OCT, "--count", "3", "--jsonl", "keys", "--resume", cwd=folder)
    assert (folder / "keys").read_text().startswith(before)
    assert len(keys_of(folder / "keys")) == 3


def test_times_count_from_when_the_run_was_begun(folder: Path) -> None:
    """A fleet's keys expire together, whether or not there was a crash on the way."""
    args = (*OCT, "--nbf", "now", "--exp", "+9d", "--jsonl", "keys")
    done(*args, "--count", "2", cwd=folder)
    state = parse((folder / "keys.run").read_text())
    # As if that had been a while ago.
    (folder / "keys.run").write_text(json.dumps({**state, "now": state["now"] - 5000}))
    done(*args, "--count", "4", "--resume", cwd=folder)
    nbf = [key.nbf for key in keys_of(folder / "keys")]
    assert nbf == [state["now"]] * 2 + [state["now"] - 5000] * 2
    assert [key.exp for key in keys_of(folder / "keys")] == [
        start + 9 * 86400 for start in nbf if start is not None
    ]


BEGUN = {"--use": "sig", "--kty": "oct", "--exp": "+9d", "--count": "3"}


@pytest.mark.parametrize("seal_to", [None, "../to.jwk"])
def test_a_run_that_asks_for_something_else_does_not_go_on_with_the_file(
    folder: Path, capsys: pytest.CaptureFixture[str], seal_to: str | None
) -> None:
    other = JWK.generate(kty="EC", crv="P-256").export_public()
    (folder.parent / "other.jwk").write_text(other)
    put_requests(folder, {"use": "sig", "kty": "oct"}, {"use": "sig", "kty": "oct"})

    def run(changes: dict[str, str | None], *more: str, code: int) -> str:
        chosen = {**BEGUN, "--seal-to": seal_to, **changes}
        options = [text for name, value in chosen.items() if value for text in (name, value)]
        here("generate", *options, "--jsonl", "keys", *more, code=code)
        return capsys.readouterr().err

    run({}, code=0)
    with open(folder / "keys", "a") as file:
        file.write("half a line")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    nothing = {"--use": None, "--kty": None, "--exp": None, "--count": None}
    changes: list[dict[str, str | None]] = [
        {"--use": "enc"},
        {"--kty": "RSA"},
        {"--exp": "+10d"},
        {"--exp": None},
        {"--nbf": "now"},
        {"--size": "512"},
        {"--seal-to": "../other.jwk"},
        {"--seal-to": None if seal_to else "../to.jwk"},
        {**nothing, "--requests": "../requests"},
    ]
    for change in changes:
        error = run(change, "--resume", code=2)
        assert error.startswith("trustkeys: keys was begun with another '")
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    run({"--count": "4"}, "--resume", code=0)


def test_other_requests_do_not_go_on_with_the_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put_requests(folder, GOOD, {**GOOD, "id": 2})
    done(*REQUESTS, "--jsonl", "keys", cwd=folder)
    before = (folder / "keys").read_bytes()
    for lines in ([GOOD, GOOD], [GOOD], [GOOD, {**GOOD, "id": 2}, GOOD], []):
        put_requests(folder, *lines)
        here(*REQUESTS, "--jsonl", "keys", "--resume", code=2)
        assert "was begun with another" in capsys.readouterr().err
    # Lines without a request ask for nothing.
    put_requests(folder, "\n", GOOD, "\r\n\n", json.dumps({**GOOD, "id": 2}) + "\r\n")
    done(*REQUESTS, "--jsonl", "keys", "--resume", cwd=folder)
    assert (folder / "keys").read_bytes() == before


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{}\n", "keys: line 3: it must have the members kid and kty"),
        (b'{"kty": "oct"}\n', "keys: line 3: it must have the members kid and kty"),
        (b'{"kty": "oct", "kid": 5}\n', "keys: line 3: it must have the members kid and kty"),
        (b'{"kid": "x", "jwe": "y"}\n', "keys: line 3: it must have the members kid and kty"),
        (b"\n", "keys: line 3: the record is not JSON"),
        (b"\0\0\0\n", "keys: line 3: the record is not JSON"),
        (b'{"kty": "oct", "kid": "secret"\n', "keys: line 3: the record is not JSON"),
        (b'{"kty": "oct", "kid": "secret"' * 40_000, "keys: line 3 is longer than 1048576 bytes"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_file_that_others_wrote_to_is_not_gone_on_with(
    folder: Path, data: bytes, message: str
) -> None:
    here(*OCT, "--count", "2", "--jsonl", "keys")
    with open(folder / "keys", "ab") as file:
        file.write(data)
    before = (folder / "keys").read_bytes()
    error = failed(command(*OCT, "--count", "5", "--jsonl", "keys", "--resume", cwd=folder), 2)
    assert error.startswith(message)
    assert "secret" not in error
    assert (folder / "keys").read_bytes() == before


@pytest.mark.parametrize(
    ("state", "code", "message"),
    [
        (
            None,
            1,
            "keys.run: it says what keys was begun for, and is not there: begin another file",
        ),
        ("", 2, "keys.run is not JSON"),
        ("[]", 2, "keys.run must be a JSON object"),
        ("{}", 2, "keys.run was changed: begin another file"),
        ({"now": "1"}, 2, "keys.run was changed: begin another file"),
        ({"now": True}, 2, "keys.run was changed: begin another file"),
        ({"now": -5}, 2, "keys.run was changed: begin another file"),
        ({"asked": None}, 2, "keys.run was changed: begin another file"),
    ],
)
def test_without_knowing_what_it_was_begun_for_it_does_not_go_on(
    folder: Path, state: Any, code: int, message: str
) -> None:
    here(*OCT, "--count", "2", "--jsonl", "keys")
    path = folder / "keys.run"
    changed = {**parse(path.read_text()), **state} if isinstance(state, dict) else state
    path.unlink()
    if changed is not None:
        path.write_text(changed if isinstance(changed, str) else json.dumps(changed))
        path.chmod(0o600)
    before = (folder / "keys").read_bytes()
    again = command(*OCT, "--count", "5", "--jsonl", "keys", "--resume", cwd=folder)
    assert failed(again, code).startswith(message)
    assert (folder / "keys").read_bytes() == before


@pytest.mark.parametrize("after", [["{\n"], [{**GOOD, "use": "enc"}] * 3, [], None])
def test_what_becomes_of_the_requests_meanwhile_does_not_matter(
    folder: Path, monkeypatch: pytest.MonkeyPatch, after: list[Any] | None
) -> None:
    """What was checked is made, and so every key stands under the id that it was asked for with."""
    put_requests(folder, *({**GOOD, "id": number} for number in range(3)))
    listed = many._listed

    def listed_and_changed(*args: Any, **kwargs: Any) -> Any:
        asked = listed(*args, **kwargs)
        if after is None:
            (folder.parent / "requests").unlink()
        else:
            put_requests(folder, *after)
        return asked

    monkeypatch.setattr(many, "_listed", listed_and_changed)
    here(*REQUESTS, "--jsonl", "keys")
    jwks = [parse(line) for line in (folder / "keys").read_text().splitlines()]
    assert [(jwk["id"], jwk["use"]) for jwk in jwks] == [(0, "sig"), (1, "sig"), (2, "sig")]


@pytest.mark.parametrize("size", [1, 40])
def test_a_file_without_a_line_end_that_was_not_begun_here_is_left_alone(
    folder: Path, size: int
) -> None:
    """It may be somebody's passphrase, or a key."""
    path = folder / "keys"
    path.write_text("x" * size)
    path.chmod(0o600)
    again = command(*OCT, "--count", "5", "--jsonl", "keys", "--resume", cwd=folder)
    assert failed(again, 1).startswith("keys.run: it says what keys was begun for")
    assert path.read_text() == "x" * size
    assert sorted(os.listdir(folder)) == ["keys", "keys.lock"]


def test_a_start_that_was_cut_off_before_the_first_key_is_gone_on_with(folder: Path) -> None:
    (folder / "keys").touch(0o600)
    assert done(*OCT, "--count", "2", "--jsonl", "keys", "--resume", cwd=folder) == "keys: 2 keys\n"


def test_a_second_name_of_the_file_is_refused(folder: Path) -> None:
    """Two runs, each with the lock of its own name, would write over one another's keys."""
    here(*OCT, "--count", "2", "--jsonl", "keys")
    os.link(folder / "keys", folder / "other")
    for name in ("keys", "other"):
        again = command(*OCT, "--count", "5", "--jsonl", name, "--resume", cwd=folder)
        assert failed(again, 1) == f"{name}: it has another name as well"


def test_what_it_was_begun_for_is_for_its_owner_to_say(folder: Path) -> None:
    """Else others could have keys made that are over, or go on for ever."""
    here(*OCT, "--count", "2", "--jsonl", "keys")
    (folder / "keys.run").chmod(0o620)
    again = command(*OCT, "--count", "5", "--jsonl", "keys", "--resume", cwd=folder)
    assert failed(again, 1) == "keys.run: others can change it"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.mkdir(mode=0o700) or path.chmod(0o777), "dir: others can write in it"),
        (lambda path: path.symlink_to("."), "dir: Not a directory"),
        (lambda path: path.touch(), "dir: Not a directory"),
    ],
)
def test_a_directory_in_which_others_could_swap_keys_gets_none(
    folder: Path, make: Callable[[Path], object], message: str
) -> None:
    make(folder / "dir")
    error = failed(command(*OCT, "--count", "1", "--dir", "dir", cwd=folder), 1)
    assert error.startswith(message)
    assert not [*folder.rglob("*.jwk")]


# --- stopping


def ended(process: subprocess.Popen[str]) -> tuple[str, list[str]]:
    """Wait for the end; give what it printed, and all that it said."""
    stdout, stderr = process.communicate(timeout=60)
    assert stderr == "" or stderr.endswith("\n")
    return stdout, stderr.splitlines()


def wait_for_keys(process: subprocess.Popen[str]) -> None:
    assert process.stderr is not None
    assert re.fullmatch(
        r"trustkeys: [1-9]\d* of \d+ keys, [\d.]+ keys/s, \d+ s left\n", process.stderr.readline()
    )


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize(
    "args",
    [(*OCT, "--jsonl", "out"), (*RSA, *SEALED, "--jsonl", "out"), (*OCT, "--dir", "out")],
    ids=["plain", "sealed", "dir"],
)
def test_a_signal_says_how_many_are_there_and_they_are(
    folder: Path, recipient: dict[str, Any], args: tuple[str, ...], signum: signal.Signals
) -> None:
    with drive(*args, "--count", "1000000", cwd=folder) as process:
        wait_for_keys(process)
        process.send_signal(signum)
        stdout, said = ended(process)
    assert (process.returncode, stdout) == (-signum, "")
    assert "keys/s" in said[-2]
    if "--dir" in args:
        there = os.listdir(folder / "out")
        assert said[-1] == f"trustkeys: stopped: out has {len(there)} new keys"
        for name in there:
            key = TrustFrameworkKey.from_jwk((folder / "out" / name).read_text())
            assert name == f"{key.kid}.jwk"
        return
    keys = keys_of(folder / "out", recipient if SEALED[0] in args else None)
    assert keys
    assert said[-1] == f"trustkeys: stopped: out has {len(keys)} keys: --resume goes on"
    assert said[-2].startswith(f"trustkeys: {len(keys)} of 1000000 keys, ")
    done(*args, "--count", f"{len(keys) + 1}", "--resume", cwd=folder)
    again = keys_of(folder / "out", recipient if SEALED[0] in args else None)
    assert again[:-1] == keys


def test_a_second_signal_does_not_wait_for_the_next_key(folder: Path) -> None:
    stuck = """
        def stuck(requests, **_):
            yield from generate_keys([next(requests) for _ in range(3)])
            print("stuck", flush=True)
            time.sleep(60)

        generate_keys, many.generate_keys = many.generate_keys, stuck
    """
    with drive(*OCT, "--count", "9", "--jsonl", "keys", cwd=folder, extra=stuck) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "stuck\n"
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        stdout, _ = ended(process)
    assert (process.returncode, stdout) == (-signal.SIGTERM, "")
    assert len(keys_of(folder / "keys")) == 3
    done(*OCT, "--count", "9", "--jsonl", "keys", "--resume", cwd=folder)
    assert len(keys_of(folder / "keys")) == 9


@pytest.mark.parametrize("signums", [[signal.SIGTERM], [signal.SIGINT, signal.SIGTERM]])
def test_signals_are_heeded_between_two_keys_and_handled_as_before_when_all_is_done(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    signums: list[signal.Signals],
) -> None:
    # In this process, where it can be watched; the tests around it do it for real.
    monkeypatch.setattr(many, "SYNC_LINES", 5)
    monkeypatch.setattr(many, "SYNC_SECONDS", 60)
    handlers = {signum: signal.getsignal(signum) for signum in signals._STOPPING}
    waiting = list(signums)

    def update(*_: Any) -> None:
        while waiting:
            signal.raise_signal(waiting.pop(0))

    monkeypatch.setattr(progress.Progress, "update", update)
    with pytest.raises(signals.Stopped) as caught:
        here(*OCT, "--count", "50", "--jsonl", "keys")
    assert caught.value.signum == signums[-1]
    assert len(keys_of(folder / "keys")) == 5
    is_said = "stopped: keys has 5 keys: --resume goes on" in capsys.readouterr().err
    assert is_said == (len(signums) == 1)
    assert {signum: signal.getsignal(signum) for signum in handlers} == handlers


def test_a_signal_that_nohup_ignores_stays_ignored(folder: Path) -> None:
    ignore = "signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    args = (*OCT, "--count", "1000", "--jsonl", "keys")
    with drive(*args, cwd=folder, extra=ignore) as process:
        wait_for_keys(process)
        process.send_signal(signal.SIGHUP)
        stdout, _ = ended(process)
    assert (process.returncode, stdout) == (0, "keys: 1000 keys\n")


def test_two_do_not_write_to_one_file(folder: Path) -> None:
    args = (*OCT, "--jsonl", "keys", "--count", "1000000")
    with drive(*args, cwd=folder) as process:
        wait_for_keys(process)
        other = command(*args, "--resume", cwd=folder)
        assert failed(other, 1) == "keys: another process has been changing it"
        process.send_signal(signal.SIGINT)
        ended(process)
    keys_of(folder / "keys")


# --- killing


ZYGOTE = """
    write = os.write

    def write_slowly(descriptor, data):
        time.sleep(0.0005)
        return write(descriptor, data[:100])

    os.write = write_slowly  # so that a kill comes in the middle of a line, too
    for line in sys.stdin:
        arguments, seconds = json.loads(line)
        child = os.fork()
        if child == 0:
            sys.argv[1:] = arguments
            main()
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    sys.exit()
"""


class Killed:
    """Runs of the command, each killed after a while; it does not load anew for each."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self.log = log
        self.read = 0

    def run(self, args: Iterable[str], seconds: float) -> tuple[int, int]:
        """Give the exit code, and how many keys were last reported as done."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([[*args], seconds]) + "\n")
        self.process.stdin.flush()
        while not re.fullmatch(r"-?\d+\n", line := self.process.stdout.readline()):
            assert re.fullmatch(r"\w+: \d+ keys\n", line)
        said = self.log.read_text()[self.read :]
        self.read += len(said)
        reports = re.findall(r"^trustkeys: (\d+) of \d+ keys, .* s left$", said, re.MULTILINE)
        return int(line), max(map(int, reports), default=0)


@pytest.mark.parametrize(
    ("is_sealed", "is_listed"), [(False, False), (True, False), (False, True), (True, True)]
)
def test_a_kill_at_any_moment_loses_no_key_that_was_reported(
    folder: Path, recipient: dict[str, Any], is_sealed: bool, is_listed: bool
) -> None:
    draw = random.Random(2 * is_sealed + is_listed)
    put_requests(
        folder,
        *({**GOOD, "id": n, "kty": "RSA" if n % 100 == 7 else "oct"} for n in range(1000)),
    )
    asked = REQUESTS if is_listed else OCT
    args = [*asked, "--jsonl", "keys", *(SEALED if is_sealed else ())]
    kills, halves, said_most, longest = 0, 0, 0, 0.1
    before = b""
    log = folder.parent / "log"
    options: dict[str, Any] = {"stdin": subprocess.PIPE, "stderr": log.open("w")}
    with (
        options["stderr"],
        drive(cwd=folder, extra=ZYGOTE, env=UNMEASURED, **options) as process,
    ):
        killed = Killed(process, log)
        for round_ in range(200):
            if round_ >= 25 and halves and said_most:
                break
            more = [*(["--resume"] if round_ else []), *([] if is_listed else ["--count", "9999"])]
            code, reported = killed.run([*args, *more], draw.uniform(0, longest))
            kills += code == -signal.SIGKILL
            # Neither always before the first key nor always long after it, on any machine.
            longest *= 0.9 if reported else 1.2
            path = folder / "keys"
            if not path.exists():  # that was early
                path.touch(0o600)
            now = path.read_bytes()
            assert now.startswith(before)
            before = now[: now.rfind(b"\n") + 1]
            assert before.count(b"\n") >= reported
            halves += before != now
            said_most = max(said_most, reported)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == 0
    assert kills > 10
    assert halves > 0
    assert said_most > 0
    total = 1000 if is_listed else before.count(b"\n") + 5
    more = [] if is_listed else ["--count", f"{total}"]
    assert done(*args, *more, "--resume", cwd=folder) == f"keys: {total} keys\n"
    assert (folder / "keys").read_bytes().startswith(before)
    keys = keys_of(folder / "keys", recipient if is_sealed else None)
    assert len(keys) == total
    if is_listed:
        assert [record["id"] for record in records(folder / "keys")] == list(range(1000))
        assert [key.kty == "RSA" for key in keys] == [n % 100 == 7 for n in range(1000)]


# --- disks and pipes that fail


def little_room() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))


def test_a_full_disk_keeps_what_was_reported_and_one_can_go_on(folder: Path) -> None:
    args = (*OCT, "--count", "1000", "--jsonl", "keys")
    with drive(*args, cwd=folder, preexec_fn=little_room, env=UNMEASURED) as process:
        stdout, said = ended(process)
    assert (process.returncode, stdout) == (1, "")
    keys = keys_of(folder / "keys")
    assert len(keys) > 20
    assert said[-1] == (
        f"trustkeys: keys: File too large; keys has {len(keys)} keys: --resume goes on"
    )
    reported = [int(line.split()[1]) for line in said[:-1]]
    assert max(reported) == len(keys)
    done(*args, "--resume", cwd=folder)
    assert keys_of(folder / "keys")[: len(keys)] == keys
    assert len(keys_of(folder / "keys")) == 1000


def test_a_full_disk_leaves_whole_files_in_a_directory(folder: Path) -> None:
    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    (folder / "dir").mkdir()
    args = (*OCT, "--count", "9", "--dir", "dir", "--json")
    failure = command(*args, cwd=folder, preexec_fn=no_room, env=UNMEASURED)
    assert failure.returncode == 1
    error = parse(failure.stderr)["error"]
    assert error["code"] == "EFBIG"
    assert error["message"].endswith(".jwk: File too large; dir has 0 new keys")
    assert os.listdir(folder / "dir") == []


def test_a_disk_that_has_room_again_gets_each_key_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What could not be written is tried once more before the command gives up."""
    monkeypatch.setattr(many, "SYNC_LINES", 5)
    monkeypatch.setattr(many, "SYNC_SECONDS", 60)
    sync = Journal.sync
    calls: list[int] = []

    def sync_later(lines: Journal) -> None:
        calls.append(1)
        if len(calls) == 2:
            write = os.write
            with monkeypatch.context() as patch:
                patch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:9]))
                patch.setattr(os, "fsync", no_flush)
                sync(lines)
        sync(lines)

    def no_flush(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Journal, "sync", sync_later)
    monkeypatch.setattr(sys, "stdout", None)
    here(*OCT, "--count", "50", "--jsonl", "keys", code=1)
    assert len(keys_of(folder / "keys")) == 10
    assert "keys: Input/output error; keys has 10 keys" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a device that is full")
def test_standard_output_that_fails_does_not_take_the_keys_with_it(folder: Path) -> None:
    with open("/dev/full", "w") as full:
        process = command(
            *(*OCT, "--count", "3", "--jsonl", "full"),
            cwd=folder,
            capture_output=False,
            stdout=full,
            stderr=subprocess.PIPE,
        )
    assert process.returncode == 1
    assert process.stderr == "trustkeys: standard output: No space left on device\n"
    assert len(keys_of(folder / "full")) == 3


@pytest.mark.parametrize(("stream", "code"), [("stdout", -signal.SIGPIPE), ("stderr", 0)])
def test_a_pipe_that_nobody_reads_does_not_take_the_keys_with_it(
    folder: Path, stream: str, code: int
) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    options: dict[str, Any] = {stream: write_end}
    with drive(*OCT, "--count", "500", "--jsonl", "keys", cwd=folder, **options) as process:
        os.close(write_end)
        process.communicate(timeout=60)
    # Standard output comes when all is done, and who listens no more wants no error there.
    assert process.returncode == code
    assert len(keys_of(folder / "keys")) == 500


# --- how far it is


def test_a_terminal_has_a_bar_with_the_rate_and_the_time_left(folder: Path) -> None:
    code, screen = support.command_at_a_terminal(
        *(*OCT, "--count", "2000", "--jsonl", "keys"), cwd=folder, answers=[]
    )
    assert code == 0
    assert "━" in screen
    assert "2000/2000" in screen
    assert re.search(r"\d keys/s", screen)
    assert re.search(r"\d:\d\d:\d\d", screen)
    assert screen.endswith("keys: 2000 keys\r\n")


def test_a_bar_begins_where_the_run_before_has_ended(folder: Path) -> None:
    done(*OCT, "--count", "2000", "--jsonl", "keys", cwd=folder)
    _, screen = support.command_at_a_terminal(
        *(*OCT, "--count", "2001", "--jsonl", "keys", "--resume"), cwd=folder, answers=[]
    )
    counts = [int(text) for text in re.findall(r"(\d+)/2001", screen)]
    assert set(counts) <= {2000, 2001}
    assert counts[-1] == 2001


def test_elsewhere_a_line_comes_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = [1000.0]
    monkeypatch.setattr("trustkeys.cli.progress.time.monotonic", lambda: clock[0])
    with progress.Progress(100, 10) as shown:
        for seconds, count in [(2, 20), (2, 30), (2, 40), (4, 50), (2, 60), (9, 60)]:
            clock[0] += seconds
            shown.update(count)
    assert capsys.readouterr().err == (
        "trustkeys: 40 of 100 keys, 5.0 keys/s, 12 s left\n"
        "trustkeys: 60 of 100 keys, 4.2 keys/s, 10 s left\n"
        "trustkeys: 60 of 100 keys, 2.4 keys/s, 17 s left\n"
    )


def test_where_nothing_is_done_yet_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "PAUSE", -1)
    with progress.Progress(100, 10) as shown:
        shown.update(10)
        monkeypatch.setattr(sys, "stderr", None)
        shown.update(20)
    assert capsys.readouterr().err == ""


def test_without_standard_error_there_is_no_bar(folder: Path) -> None:
    closed = subprocess.run(
        [
            *("sh", "-c", f'"$0" -m trustkeys {" ".join(OCT)} --count 3 --jsonl keys 2>&-'),
            sys.executable,
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (closed.returncode, closed.stdout) == (0, "keys: 3 keys\n")


def test_memory_stays_as_it_is_however_many_keys_there_are(folder: Path) -> None:
    measure = """
        import atexit

        peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        atexit.register(lambda: print(peak(), file=sys.stderr))
        progress.PAUSE = 60
        many.SYNC_LINES = 1000
        many.SYNC_SECONDS = 0.5
    """
    peaks = []
    for count in (1000, 20_000):
        args = (*OCT, "--count", f"{count}", "--jsonl", f"{count}")
        with drive(*args, cwd=folder, extra=measure) as process:
            _, said = ended(process)
        peaks.append(int(said[-1]))
    assert peaks[1] - peaks[0] < 10 * 1024  # in KiB


def test_it_runs_where_there_are_no_such_signals(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(signal, "SIGPIPE")  # as on Windows
    here(*OCT, "--count", "3", "--jsonl", "keys")
    assert len(keys_of(folder / "keys")) == 3


def test_what_takes_long_is_on_disk_from_time_to_time(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash after minutes must not take the keys of minutes with it."""
    clock = iter(range(0, 10_000, 100))
    monkeypatch.setattr("trustkeys.cli.batch.command.time.monotonic", lambda: next(clock))
    monkeypatch.setattr(many, "SYNC_LINES", 10**9)
    on_disk: list[int] = []
    monkeypatch.setattr(progress.Progress, "update", lambda _, done: on_disk.append(done))
    here(*OCT, "--count", "5", "--jsonl", "keys")
    assert on_disk == [1, 2, 3, 4, 5, 5]
