"""`trustkeys batch`: its options, its output, and what it keeps secret."""

from __future__ import annotations

import json
import os
import re
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from jwcrypto.jwk import JWK

from tests import support
from tests.cli.batch.runs import (
    LOCK,
    OCT,
    REQUESTS,
    RSA,
    SEALED,
    done,
    drive,
    ended,
    keys_of,
    put_requests,
    records,
)
from tests.cli.in_process import outcome
from tests.support import failed, mode_of, parse
from trustkeys import TrustFrameworkKey, generate_keys, testing
from trustkeys.batch import MAX_WORKERS
from trustkeys.cli.batch import command, many
from trustkeys.core import registry
from trustkeys.formats.jwe import decrypt_key
from trustkeys.testkeys import guard


def test_each_line_is_a_key_and_only_the_owner_can_read_it(folder: Path) -> None:
    text = done(*RSA, "--count", "3", "--jsonl", "keys", "--jobs", "2")
    assert text == "keys: 3 keys\n"
    assert {(key.kty, key.use, key.size) for key in keys_of(folder / "keys")} == {
        ("RSA", "sig", 2048)
    }
    assert sorted(os.listdir(folder)) == ["keys", *LOCK, "keys.run"]
    for name in os.listdir(folder):
        assert mode_of(folder / name) == 0o600


def test_the_keys_match_the_options(folder: Path, recipient: dict[str, Any]) -> None:
    asked = ("batch", "--use", "ENC", "--kty", "OCT", "--size", "512", "--nbf", "4000000000")
    text = done(*asked, "--exp", "+1h", "--count", "3", "--jsonl", "keys", "--json")
    assert parse(text) == {"output": "keys", "count": 3}
    done(*asked, "--exp", "+1h", "--count", "3", "--jsonl", "sealed", *SEALED)
    for keys in (keys_of(folder / "keys"), keys_of(folder / "sealed", recipient)):
        assert [(key.use, key.kty, key.size, key.nbf, key.exp) for key in keys] == [
            ("enc", "oct", 512, 4000000000, 4000003600)
        ] * 3


def test_the_recipient_can_be_an_ec_key_as_pem(folder: Path, recipient: dict[str, Any]) -> None:
    """As openssl writes it, and as a program that resumes the run has it."""
    key = JWK(**recipient)
    (folder.parent / "public.pem").write_bytes(key.export_to_pem())
    (folder.parent / "private.pem").write_bytes(key.export_to_pem(private_key=True, password=None))
    done(*OCT, "--count", "1", "--jsonl", "keys", "--seal-to", "../public.pem")
    done(*OCT, "--count", "2", "--jsonl", "keys", "--resume", "--seal-to", "../private.pem")
    (folder.parent / "both.pem").write_bytes(
        key.export_to_pem() + key.export_to_pem(private_key=True, password=None)
    )
    done(*OCT, "--count", "3", "--jsonl", "keys", "--resume", "--seal-to", "../both.pem")
    pkcs8 = (folder.parent / "private.pem").read_bytes()
    for line in records(folder / "keys"):
        header = support.header_of(line["jwe"])
        assert (header["alg"], header["kid"]) == ("ECDH-ES+A256KW", key.thumbprint())
        assert decrypt_key(line["jwe"], with_key=pkcs8).kid == line["kid"]
    other = JWK.generate(kty="EC", crv="P-256").export_to_pem()
    (folder.parent / "other.pem").write_bytes(other)
    args = (*OCT, "--count", "4", "--jsonl", "keys", "--resume", "--seal-to", "../other.pem")
    assert "was started with another --seal-to" in failed(outcome(*args), 2)


@pytest.mark.deep
def test_sealed_output_holds_no_private_key_in_the_open(
    folder: Path, recipient: dict[str, Any]
) -> None:
    printed = done(*OCT, "--count", "3", "--jsonl", "keys", *SEALED)
    printed += done(*RSA, "--count", "2", "--dir", "dir", *SEALED)
    for path in (*folder.iterdir(), *folder.joinpath("dir").iterdir()):
        printed += path.read_text() if path.is_file() else ""
    keys = keys_of(folder / "keys", recipient)
    for path in folder.joinpath("dir").iterdir():
        keys.append(decrypt_key(path.read_text(), with_key=recipient))
        assert path.name == f"{keys[-1].kid}.jwe"
    assert len(keys) == 5
    for key in keys:
        assert support.leaks(printed, key.to_jwk(private=True)) == []


def test_inspect_and_import_read_the_output(folder: Path, recipient: dict[str, Any]) -> None:
    folder.joinpath("secret.jwk").write_text(json.dumps(recipient))
    put_requests(folder, {"id": "a", "use": "sig", "kty": "oct"})
    done(*REQUESTS, "--dir", "plain")
    done(*REQUESTS, "--jsonl", "lines")
    done(*OCT, "--count", "1", "--dir", "sealed", *SEALED)
    done(*OCT, "--count", "1", "--jsonl", "sealed-lines", *SEALED)
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
        assert "warning" not in outcome("inspect", file).stdout
        assert outcome("inspect", file).returncode == 0
        outcome("import", file, *options, "-o", f"{number}")
        key = TrustFrameworkKey.from_jwk(folder.joinpath(f"{number}").read_text())
        assert (key.kty, key.has_private) == ("oct", True)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--jsonl", "f"], "choose how many keys: --count N or --requests FILE"),
        (["--count", "2"], "choose where the keys go: --jsonl FILE or --dir DIR"),
        (["--count", "2", "--jsonl", "f", "--dir", "d"], "choose where the keys go"),
        (["--count", "2", "--requests", "r", "--jsonl", "f"], "choose how many keys"),
        (["--resume"], "choose where the keys go"),
        (["--jobs", "2"], "choose where the keys go"),
        (["--seal-to", "../to.jwk"], "choose where the keys go"),
        (["--count", "2", "--dir", "d", "--resume"], "--resume needs --jsonl"),
        (
            ["--count", "2", "--jsonl", "-"],
            "--jsonl must be the name of a file or",
        ),
        (
            ["--count", "2", "--jsonl", ""],
            "--jsonl must be the name of a file or",
        ),
        (["--count", "2", "--dir", "-"], "--dir must be the name of a file or"),
        (["--count", "2", "--jsonl", "f", "-o", "k"], "No such option '-o'"),
        (["--count", "2", "--jsonl", "f", "--discard"], "No such option '--discard'"),
        (["--count", "2", "--jsonl", "f", "--password-file", "p"], "No such option"),
        (
            ["--count", "2", "--jsonl", "f", "--request", "r"],
            "Did you mean '--requests'?",
        ),
        (["--count", "2", "--jsonl", "f", "--dask", "tcp://x:1"], "--dask needs --seal-to"),
        (
            ["--count", "2", "--jsonl", "f", "--dask", "x", "--jobs", "1", *SEALED],
            "--dask and --jobs exclude each other",
        ),
        (["--count", "2", "--jsonl", "f", "--dask-insecure"], "--dask-insecure needs --dask"),
        (["--count", "0", "--jsonl", "f"], "not in the range 1<=x<=100000000"),
        (["--count", "-1", "--jsonl", "f"], "not in the range 1<=x<=100000000"),
        (["--count", "9" * 30, "--jsonl", "f"], "not in the range 1<=x<=100000000"),
        (["--count", "many", "--jsonl", "f"], "'--count'"),
        (["--count", "2", "--jsonl", "f", "--jobs", "0"], "not in the range 1<=x<=10000"),
        (["--count", "2", "--jsonl", "f", "--size", "1024"], "2048, 3072 or 4096 bits"),
        (["--count", "2", "--jsonl", "f", "--nbf", "2", "--exp", "1"], "before nbf"),
        (["--count", "2", "--jsonl", "f", "--seal-to", "sign.jwk"], "for enc, not for sig"),
        (["--count", "2", "--jsonl", "f", "--seal-to", "test.jwk"], "this is a test key"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_written(
    folder: Path,
    real_key: TrustFrameworkKey,
    args: list[str],
    message: str,
) -> None:
    (folder / "sign.jwk").write_text(json.dumps(real_key.to_jwk()))
    (folder / "test.jwk").write_text(json.dumps(testing.rsa_key(0, use="enc").to_jwk()))
    assert message in failed(outcome(*RSA, *args), 2)
    as_json = outcome(*RSA, *args, "--json")
    assert (as_json.returncode, as_json.stdout) == (2, "")
    assert message in parse(as_json.stderr)["error"]["message"]
    assert sorted(os.listdir(folder)) == ["sign.jwk", "test.jwk"]


def test_test_keys_are_never_written(folder: Path) -> None:
    for number, args in enumerate((OCT, RSA, (*OCT, *SEALED))):
        with testing.instant_keys():
            lines = outcome(*args, "--count", "2", "--jsonl", f"{number}")
            files = outcome(*args, "--count", "2", "--dir", f"dir-{number}")
        for process in (lines, files):
            assert process.returncode == 2
            assert "this is a test key of trustkeys" in process.stderr
        assert f"stopped: {number} has 0 keys; repeat the command" in lines.stderr
        assert f"stopped: dir-{number} has 0 new keys" in files.stderr
        assert (folder / f"{number}").read_bytes() == b""
        assert os.listdir(folder / f"dir-{number}") == []
    with testing.instant_keys(), testing.allow_test_keys():
        done(*OCT, "--count", "2", "--jsonl", "allowed")
    assert len(keys_of(folder / "allowed")) == 2


@pytest.mark.parametrize("args", [OCT, RSA])
def test_a_test_key_that_was_made_before_its_block_ended_is_not_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...]
) -> None:
    def made_before(*args: Any, **options: Any) -> Any:
        with testing.instant_keys():
            keys = [*generate_keys(*args, **options)]
        yield from keys

    monkeypatch.setattr(many, "generate_keys", made_before)
    process = outcome(*args, "--count", "2", "--jsonl", "keys")
    assert process.returncode == 2
    assert "this is a test key of trustkeys" in process.stderr
    assert (folder / "keys").read_bytes() == b""


def test_only_keys_of_replaced_key_types_are_searched_for_test_keys(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search takes as long as making an oct key."""
    secrets: list[bytes] = []
    monkeypatch.setattr(guard, "is_test_secret", secrets.append)
    for kinds, looked_at in ((dict(registry._key_types), 0), ({}, 5)):
        monkeypatch.setattr(registry, "_built_in", kinds)
        done(*OCT, "--count", "5", "--jsonl", f"{looked_at}")
        assert len(secrets) == looked_at
    assert len(keys_of(folder / "5")) == 5


def test_jobs_is_the_number_of_workers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    for name in ("generate_keys", "generate_sealed_with_kids"):
        original = getattr(many, name)

        def spy(*args: Any, original: Any = original, **kwargs: Any) -> Any:
            seen.append(kwargs["workers"])
            return original(*args, **kwargs)

        monkeypatch.setattr(many, name, spy)
    for number, args in enumerate(([], ["--jobs", "3"], ["--jobs", "3", *SEALED])):
        done(*OCT, "--count", "1", "--jsonl", f"{number}", *args)
    assert seen == [None, 3, 3]


def test_slow_keys_are_on_disk_soon_after_they_are_made(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash must not lose the keys of minutes."""
    clock = iter(range(0, 10_000, 100))
    monkeypatch.setattr("trustkeys.cli.batch.many.time.monotonic", lambda: next(clock))
    monkeypatch.setattr(many, "SYNC_KEYS", 10**9)
    on_disk: list[int] = []
    monkeypatch.setattr(many, "progress", lambda *_: nullcontext(on_disk.append))
    done(*OCT, "--count", "5", "--jsonl", "keys")
    assert on_disk == [1, 2, 3, 4, 5, 5]


@pytest.mark.deep
def test_memory_does_not_grow_with_the_number_of_keys(folder: Path) -> None:
    measure = """
        import atexit

        peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        atexit.register(lambda: print(peak(), file=sys.stderr))
        progress.PAUSE = 60
        many.SYNC_KEYS = 1000
        many.SYNC_SECONDS = 0.5
    """
    peaks = []
    for count in (1000, 20_000):
        args = (*OCT, "--count", f"{count}", "--jsonl", f"{count}")
        with drive(*args, cwd=folder, extra=measure) as process:
            _, said = ended(process)
        peaks.append(int(said[-1]))
    assert peaks[1] - peaks[0] < 10 * 1024  # in KiB


def test_the_examples_in_the_help_text_work(folder: Path) -> None:
    (folder / "encryption.pem").write_text((folder.parent / "to.jwk").read_text())
    (folder / "list.jsonl").write_text('{"use": "sig", "kty": "oct"}')
    examples = re.findall(r"^  +trustkeys (batch .*)$", done("batch", "--help"), re.MULTILINE)
    with testing.instant_keys(), testing.allow_test_keys():
        printed = [done(*example.split()) for example in examples]
    assert printed == ["keys.jsonl: 20 keys\n", "keys.jsonl: 30 keys\n", "keys: 1 key\n"]


def test_jobs_can_be_as_many_as_workers() -> None:
    assert command.MAX_JOBS == MAX_WORKERS
