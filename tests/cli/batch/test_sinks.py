"""Outputs: complete files that only their owner can read, and no file is overwritten."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import trustkeys
from tests.cli.batch.runs import (
    OCT,
    RSA,
    done,
)
from tests.cli.in_process import outcome
from tests.store_files import as_nobody
from tests.support import (
    WINDOWS,
    WINE,
    failed,
    mode_of,
    needs_links,
    needs_modes,
    needs_named_pipes,
    parse,
    posix_only,
)
from trustkeys import TrustFrameworkKey
from trustkeys.cli import main, signals
from trustkeys.cli.batch import many
from trustkeys.cli.batch.sinks import Directory


def test_a_directory_has_a_file_for_each_key_named_by_its_kid(folder: Path) -> None:
    assert done(*RSA, "--count", "3", "--dir", "dir") == "dir: 3 keys\n"
    assert mode_of(folder / "dir") == 0o700
    # A second run adds to the directory.
    done(*OCT, "--count", "4", "--dir", "dir")
    paths = list(folder.joinpath("dir").iterdir())
    keys = [TrustFrameworkKey.from_jwk(path.read_text()) for path in paths]
    assert sorted(key.kty for key in keys) == ["RSA"] * 3 + ["oct"] * 4
    for path, key in zip(paths, keys, strict=True):
        thumbprint = trustkeys.jwk_thumbprint(key.to_jwk(private=True))
        assert path.name == f"{thumbprint}.jwk" == f"{key.kid}.jwk"
        assert mode_of(path) == 0o600
    assert os.listdir(folder) == ["dir"]


def removed(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def renamed(path: Path) -> None:
    path.rename("elsewhere")


def replaced(path: Path) -> None:
    is_directory = path.is_dir()
    path.rename("elsewhere")
    path.mkdir(0o700) if is_directory else path.touch(0o600)


def made_anew(path: Path) -> None:
    """Many file systems give the new one the inode of the old one at once."""
    is_directory = path.is_dir()
    removed(path)
    path.mkdir(0o700) if is_directory else path.touch(0o600)


keeps_open_files = posix_only("Windows keeps the name of a file that is open")


@pytest.mark.parametrize("output", [pytest.param("--jsonl", marks=keeps_open_files), "--dir"])
@pytest.mark.parametrize("change", [removed, renamed, replaced, made_anew])
@pytest.mark.parametrize("synced", [5, 10, 13])
@pytest.mark.parametrize("as_json", [False, True])
def test_keys_of_a_file_or_directory_that_was_removed_or_renamed_are_not_reported(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    output: str,
    change: Callable[[Path], None],
    synced: int,
    as_json: bool,
) -> None:
    """Somebody would believe that the keys are there, under that name."""
    if WINE and change is made_anew:
        pytest.skip("Wine gives the new directory the number of the old one; NTFS does not")
    monkeypatch.setattr(many, "SYNC_KEYS", 5)
    monkeypatch.setattr(many, "SYNC_SECONDS", 60)
    taken: list[int] = []

    def generate(*args: Any, **options: Any) -> Iterator[Any]:
        for key in trustkeys.generate_keys(*args, **options):
            taken.append(1)
            if len(taken) == synced:
                change(folder / "keys")
            yield key

    monkeypatch.setattr(many, "generate_keys", generate)
    args = [output, "keys", *(["--json"] if as_json else [])]
    process = outcome(*OCT, "--count", "13", *args)
    message = "keys: it was removed or renamed meanwhile, and the keys with it"
    assert (process.returncode, process.stdout) == (1, "")
    (line,) = process.stderr.splitlines()
    if as_json:
        assert parse(line)["error"]["code"] == "ENOENT"
    elif output == "--jsonl" or change is replaced:
        assert line == f"trustkeys: {message}"
    else:  # the file of a key cannot be made
        assert line.startswith("trustkeys: keys")


@keeps_open_files
@pytest.mark.parametrize(
    "problem", [signals.Stopped(signal.SIGTERM), OSError(5, "Input/output error", "other")]
)
def test_a_run_that_is_stopped_does_not_report_keys_of_a_file_that_is_gone(
    folder: Path, monkeypatch: pytest.MonkeyPatch, problem: BaseException
) -> None:
    def generate(requests: Iterator[Any], **_: Any) -> Iterator[Any]:
        next(requests)
        yield trustkeys.generate_key("sig", "oct")
        (folder / "keys").unlink()
        raise problem

    monkeypatch.setattr(many, "generate_keys", generate)
    process = outcome(*OCT, "--count", "2", "--jsonl", "keys")
    assert failed(process, 1) == "keys: it was removed or renamed meanwhile, and the keys with it"


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["--jsonl", "there"], "there: File exists"),
        pytest.param(["--jsonl", "link"], "link: File exists", marks=needs_links),
        (["--jsonl", "."], ".: File exists"),
        (
            ["--jsonl", "moved"],
            "moved.run: it belongs to moved, which is missing: put that back, or remove this file",
        ),
        (
            ["--jsonl", "moved", "--resume"],
            "moved.run: it belongs to moved, which is missing: put that back, or remove this file",
        ),
        (["--jsonl", "none/f"], "none/f: No such file or directory"),
        (["--dir", "none/d"], "none/d: No such file or directory"),
        (["--dir", "there"], "there: Not a directory"),
        (["--jsonl", "f", "--seal-to", "none"], "none: No such file or directory"),
        pytest.param(
            ["--jsonl", "link", "--resume"],
            "link: it is a symbolic link: name the file itself",
            marks=needs_links,
        ),
        pytest.param(
            ["--jsonl", "there", "--resume"],
            "there: other users can read or change it: run chmod 600, and replace",
            marks=needs_modes,
        ),
        (["--jsonl", ".", "--resume"], ".: Is a directory"),
        pytest.param(
            ["--jsonl", "pipe", "--resume"],
            "pipe: it is not a regular file",
            marks=needs_named_pipes,
        ),
    ],
)
def test_existing_files_are_never_changed(folder: Path, args: list[str], line: str) -> None:
    (folder / "there").write_text("precious")
    (folder / "there").chmod(0o644)
    (folder / "moved.run").write_text("{}")
    if not WINDOWS:
        (folder / "link").symlink_to("there")
        os.mkfifo(folder / "pipe", 0o600)
    before = sorted(os.listdir(folder))
    error = failed(outcome(*OCT, "--count", "2", *args), 1)
    assert error.startswith(line)
    assert (folder / "there").read_text() == "precious"
    left = {name for name in os.listdir(folder) if not name.endswith(".lock")}
    assert left == set(before)
    if "--resume" not in args:
        assert sorted(os.listdir(folder)) == before


@pytest.mark.skipif(not WINDOWS, reason="elsewhere, an open file can lose its name")
@pytest.mark.parametrize("change", [removed, renamed])
def test_the_file_of_a_run_cannot_be_removed_or_renamed_on_windows(
    folder: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
) -> None:
    def generate(*args: Any, **options: Any) -> Iterator[Any]:
        for key in trustkeys.generate_keys(*args, **options):
            with pytest.raises(PermissionError):
                change(folder / "keys")
            yield key

    monkeypatch.setattr(many, "generate_keys", generate)
    assert done(*OCT, "--count", "3", "--jsonl", "keys") == "keys: 3 keys\n"
    assert len((folder / "keys").read_bytes().splitlines()) == 3


@pytest.mark.deep
def test_without_permission_the_error_names_the_output(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def run() -> None:
        sys.stdout = None
        os._exit(main._run([*OCT, "--count", "2", place, str(folder / "f")]))

    for place in ("--jsonl", "--dir"):  # noqa: B007 - run() reads it
        assert as_nobody(run) == 1
        assert f"{folder / 'f'}: Permission denied" in capfd.readouterr().err
    assert os.listdir(folder) == []


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(
            lambda path: path.mkdir(mode=0o700) or path.chmod(0o777),
            "dir: other users can write to it: run chmod go-w on it",
            marks=needs_modes,
        ),
        pytest.param(lambda path: path.symlink_to("."), "dir: Not a directory", marks=needs_links),
        (lambda path: path.touch(), "dir: Not a directory"),
    ],
)
def test_a_directory_that_other_users_can_write_in_is_refused(
    folder: Path, make: Callable[[Path], object], message: str
) -> None:
    make(folder / "dir")
    error = failed(outcome(*OCT, "--count", "1", "--dir", "dir"), 1)
    assert error.startswith(message)
    assert not [*folder.rglob("*.jwk")]


def test_a_new_directory_is_usable_under_any_umask(tmp_path: Path) -> None:
    before = os.umask(0o777)
    try:
        Directory(str(tmp_path / "keys"))
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "keys") == 0o700


@needs_links
@pytest.mark.parametrize("slash", ["", "/", "//"])
def test_a_link_to_a_directory_is_refused(tmp_path: Path, slash: str) -> None:
    (tmp_path / "own").mkdir(0o700)
    (tmp_path / "link").symlink_to(tmp_path / "own")
    with pytest.raises(NotADirectoryError):
        Directory(f"{tmp_path / 'link'}{slash}")
    Directory(f"{tmp_path / 'own'}{slash}")
