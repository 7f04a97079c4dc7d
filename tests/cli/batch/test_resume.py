"""Resuming a run: no key is made twice, and only a file of the same run is continued."""

from __future__ import annotations

import errno
import itertools
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jwcrypto.jwk import JWK

import trustkeys
from tests.cli.batch.runs import (
    GOOD,
    LOCK,
    OCT,
    REQUESTS,
    RSA,
    SEALED,
    done,
    keys_of,
    put_requests,
    records,
)
from tests.cli.in_process import outcome
from tests.support import WINDOWS, failed, needs_modes, parse, posix_only
from trustkeys.cli import main
from trustkeys.testing import instant_keys


def test_a_run_continues_to_a_larger_count_and_keeps_every_key(
    folder: Path, recipient: dict[str, Any]
) -> None:
    for args, to in (((), None), (SEALED, recipient)):
        name = "plain" if to is None else "sealed"
        for number, count in enumerate((3, 3, 7, 5)):
            before = (folder / name).read_bytes() if number else b""
            options = [*args, "--count", f"{count}", "--jsonl", name]
            text = done(*OCT, *options, *(["--resume"] if number else []))
            assert (folder / name).read_bytes().startswith(before)
            there = max(count, before.count(b"\n"))
            assert text == f"{name}: {there} keys\n"
            assert len(keys_of(folder / name, to)) == there


def test_resume_starts_a_run_if_none_was_started(folder: Path) -> None:
    done(*OCT, "--count", "2", "--jsonl", "keys", "--resume")
    # The file of a run that was killed before it wrote its state.
    (folder / "empty").touch(0o600)
    done(*OCT, "--count", "2", "--jsonl", "empty", "--resume")
    assert len(keys_of(folder / "keys")) == len(keys_of(folder / "empty")) == 2


def test_a_run_that_is_repeated_is_told_how_to_continue(folder: Path) -> None:
    run = (*OCT, "--count", "2", "--jsonl", "keys")
    done(*run)
    assert failed(outcome(*run), 1) == "keys: File exists; --resume continues it"


@pytest.mark.parametrize("rest", ['{"kty": "oct", "kid": "x"', '{"kty": "oct", "kid": "x"}', "\0"])
def test_an_incomplete_last_line_is_replaced(folder: Path, rest: str) -> None:
    done(*OCT, "--count", "2", "--jsonl", "keys")
    before = (folder / "keys").read_text()
    (folder / "keys").write_text(before + rest)
    done(*OCT, "--count", "3", "--jsonl", "keys", "--resume")
    assert (folder / "keys").read_text().startswith(before)
    assert len(keys_of(folder / "keys")) == 3


def test_relative_times_count_from_the_start_of_the_first_run(folder: Path) -> None:
    """The keys of one run expire together, even if it was interrupted."""
    args = (*OCT, "--nbf", "now", "--exp", "+9d", "--jsonl", "keys")
    done(*args, "--count", "2")
    state = parse((folder / "keys.run").read_text())
    # As if it was started a while ago.
    start = state["now"] - 5000
    (folder / "keys.run").write_text(json.dumps({**state, "now": start}))
    dates = {"nbf": start, "exp": start + 9 * 86400}
    lines = [json.dumps({**record, **dates}) + "\n" for record in records(folder / "keys")]
    (folder / "keys").write_text("".join(lines))
    done(*args, "--count", "4", "--resume")
    assert [(key.nbf, key.exp) for key in keys_of(folder / "keys")] == [(*dates.values(),)] * 4


BEGUN = {"--use": "sig", "--kty": "oct", "--exp": "+9d", "--count": "3"}


@pytest.mark.parametrize("seal_to", [None, "../to.jwk"])
def test_a_run_with_other_options_does_not_continue_the_file(
    folder: Path, seal_to: str | None
) -> None:
    other = JWK.generate(kty="EC", crv="P-256").export_public()
    (folder.parent / "other.jwk").write_text(other)
    put_requests(folder, {"use": "sig", "kty": "oct"}, {"use": "sig", "kty": "oct"})

    def options(changes: dict[str, str | None]) -> list[str]:
        chosen = {**BEGUN, "--seal-to": seal_to, **changes}
        given = [text for name, value in chosen.items() if value for text in (name, value)]
        return ["batch", *given, "--jsonl", "keys"]

    done(*options({}))
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
        error = failed(outcome(*options(change), "--resume"), 2)
        changed = next(name for name in change if name != "--count")
        assert error.startswith("keys was started with another --")
        assert changed in error
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    done(*options({"--count": "4"}), "--resume")


def test_a_run_with_other_requests_does_not_continue_the_file(folder: Path) -> None:
    put_requests(folder, GOOD, {**GOOD, "id": 2})
    done(*REQUESTS, "--jsonl", "keys")
    before = (folder / "keys").read_bytes()
    for lines in ([GOOD, GOOD], [GOOD], [GOOD, {**GOOD, "id": 2}, GOOD], []):
        put_requests(folder, *lines)
        error = failed(outcome(*REQUESTS, "--jsonl", "keys", "--resume"), 2)
        assert error.startswith("keys was started with another --requests")
    # Blank lines and line ends make no difference.
    put_requests(folder, "\n", GOOD, "\r\n\n", json.dumps({**GOOD, "id": 2}) + "\r\n")
    done(*REQUESTS, "--jsonl", "keys", "--resume")
    assert (folder / "keys").read_bytes() == before


FOREIGN = "keys: line 3: the record is not the key that this run writes there: choose another file"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{}\n", FOREIGN),
        (b'{"kty": "oct"}\n', FOREIGN),
        (b'{"kty": "oct", "kid": 5}\n', FOREIGN),
        (b'{"kty": "oct", "kid": "x", "use": "sig"}\n', FOREIGN),
        (b'{"kid": "x", "jwe": "y"}\n', FOREIGN),
        (b"\n", "keys: line 3: the record is not JSON"),
        (b"\0\0\0\n", "keys: line 3: the record is not JSON"),
        (b'{"kty": "oct", "kid": "secret"\n', "keys: line 3: the record is not JSON"),
        (b'{"kty": "oct", "kid": "secret"' * 40_000, "keys: line 3 is longer than 1048576 bytes"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_file_with_foreign_lines_is_not_continued(
    folder: Path, data: bytes, message: str
) -> None:
    done(*OCT, "--count", "2", "--jsonl", "keys")
    with open(folder / "keys", "ab") as file:
        file.write(data)
    before = (folder / "keys").read_bytes()
    error = failed(outcome(*OCT, "--count", "5", "--jsonl", "keys", "--resume"), 2)
    assert error.startswith(message)
    assert "secret" not in error
    assert (folder / "keys").read_bytes() == before


def outcome_of_resume(folder: Path, line: str, *args: str) -> subprocess.CompletedProcess[str]:
    """Resume a run of two keys, whose second line somebody changed, to three."""
    first, _ = (folder / "keys").read_text().splitlines()
    (folder / "keys").write_text(f"{first}\n{line}\n")
    return outcome(*args, "--count", "3", "--jsonl", "keys", "--resume")


OTHER_KEYS: dict[str, dict[str, Any]] = {
    "another size": {"size": 512},
    "another use": {"use": "enc"},
    "another date": {"nbf": 5},
    "another type": {"kty": "RSA"},
}


@pytest.mark.parametrize("difference", OTHER_KEYS)
def test_a_key_of_another_kind_is_not_counted(folder: Path, difference: str) -> None:
    done(*OCT, "--count", "2", "--jsonl", "keys")
    key = trustkeys.generate_key(**{"use": "sig", "kty": "oct", **OTHER_KEYS[difference]})
    line = json.dumps(key.to_jwk(private=True))
    again = outcome_of_resume(folder, line, *OCT)
    assert failed(again, 2) == FOREIGN.replace("3", "2")


@pytest.mark.usefixtures("test_keys_allowed")
@pytest.mark.deep
@pytest.mark.parametrize("size", [2048, 4096])
def test_only_lines_with_a_whole_key_are_counted(folder: Path, size: int) -> None:
    """A run that counts half a key reports it as made, and it is lost."""
    args = (*RSA, "--size", f"{size}")
    with instant_keys():
        done(*args, "--count", "2", "--jsonl", "keys")
        text = (folder / "keys").read_text()
        second = parse(text.splitlines()[1])
        for name in second:
            changes = [None, 5, "", "AAAA", [second[name]], second[name][:-4]]
            for changed in [{}, *({name: value} for value in changes), {"id": "x"}, {"x": 1}]:
                line = {**second, **changed}
                if not changed:
                    del line[name]
                again = outcome_of_resume(folder, json.dumps(line), *args)
                assert failed(again, 2) == FOREIGN.replace("3", "2"), changed
        (folder / "keys").write_text(text)
        done(*args, "--count", "3", "--jsonl", "keys", "--resume")
    assert len(keys_of(folder / "keys")) == 3


def test_only_lines_with_a_whole_jwe_are_counted(folder: Path, recipient: dict[str, Any]) -> None:
    args = (*OCT, *SEALED)
    done(*args, "--count", "2", "--jsonl", "keys")
    text = (folder / "keys").read_text()
    second = parse(text.splitlines()[1])
    parts = second["jwe"].split(".")
    for jwe in (None, 5, "", second["jwe"][:-1], second["jwe"] + "A", ".".join(parts[:4]), "A.B"):
        again = outcome_of_resume(folder, json.dumps({**second, "jwe": jwe}), *args)
        assert failed(again, 2) == FOREIGN.replace("3", "2")
    for changes in ({"kid": "x"}, {"kid": None}, {"id": 1}, {"kty": "oct"}):
        again = outcome_of_resume(folder, json.dumps({**second, **changes}), *args)
        assert failed(again, 2) == FOREIGN.replace("3", "2")
    (folder / "keys").write_text(text)
    done(*args, "--count", "3", "--jsonl", "keys", "--resume")
    assert len(keys_of(folder / "keys", recipient)) == 3


def test_each_line_must_have_the_id_of_its_request(folder: Path) -> None:
    """Else a key would be given to the wrong one."""
    put_requests(folder, GOOD, {**GOOD, "id": 2})
    done(*REQUESTS, "--jsonl", "keys")
    first, second = (folder / "keys").read_text().splitlines()
    (folder / "keys").write_text(f"{second}\n{first}\n")
    error = failed(outcome(*REQUESTS, "--jsonl", "keys", "--resume"), 2)
    assert error == FOREIGN.replace("3", "1")


@pytest.mark.parametrize(
    ("state", "code", "message"),
    [
        (
            None,
            1,
            "keys.run: no such file, so keys cannot be continued: choose another file",
        ),
        ("", 2, "keys.run is not JSON"),
        ("[]", 2, "keys.run must be a JSON object"),
        ("{}", 2, "keys.run is damaged: choose another file for the keys"),
        ({"now": "1"}, 2, "keys.run is damaged: choose another file for the keys"),
        ({"now": True}, 2, "keys.run is damaged: choose another file for the keys"),
        ({"now": -5}, 2, "keys.run is damaged: choose another file for the keys"),
        ({"options": None}, 2, "keys.run is damaged: choose another file for the keys"),
    ],
)
def test_a_file_without_a_valid_state_is_not_continued(
    folder: Path, state: Any, code: int, message: str
) -> None:
    done(*OCT, "--count", "2", "--jsonl", "keys")
    path = folder / "keys.run"
    changed = {**parse(path.read_text()), **state} if isinstance(state, dict) else state
    path.unlink()
    if changed is not None:
        path.write_text(changed if isinstance(changed, str) else json.dumps(changed))
        path.chmod(0o600)
    before = (folder / "keys").read_bytes()
    again = outcome(*OCT, "--count", "5", "--jsonl", "keys", "--resume")
    assert failed(again, code).startswith(message)
    assert (folder / "keys").read_bytes() == before


@pytest.mark.parametrize("size", [1, 40])
def test_a_foreign_file_without_a_line_end_is_left_alone(folder: Path, size: int) -> None:
    """It can be a passphrase, or a key."""
    path = folder / "keys"
    path.write_text("x" * size)
    path.chmod(0o600)
    again = outcome(*OCT, "--count", "5", "--jsonl", "keys", "--resume")
    assert failed(again, 1).startswith("keys.run: no such file, so keys cannot be continued")
    assert path.read_text() == "x" * size
    assert sorted(os.listdir(folder)) == ["keys", *LOCK]


def test_a_run_that_was_killed_before_its_first_key_continues(folder: Path) -> None:
    (folder / "keys").touch(0o600)
    assert done(*OCT, "--count", "2", "--jsonl", "keys", "--resume") == "keys: 2 keys\n"


def test_a_new_file_does_not_take_over_the_state_of_another(folder: Path) -> None:
    """Its dates would count from the time of a run whose keys are gone."""
    done(*OCT, "--count", "2", "--jsonl", "keys")
    (folder / "keys").unlink()
    state = (folder / "keys.run").read_bytes()
    for resume in ([], ["--resume"]):
        again = outcome(*OCT, "--count", "2", "--jsonl", "keys", *resume)
        assert (
            failed(again, 1)
            == "keys.run: it belongs to keys, which is missing: put that back, or remove this file"
        )
    assert not (folder / "keys").exists()
    assert (folder / "keys.run").read_bytes() == state


STEPS = ["open", "chmod", "write", "ftruncate", "fsync", "replace", "unlink", "close"]


def killed_before(step: int, *args: str) -> bool:
    """Run in a process that ends before a system call, on a file system without hard links."""
    child = os.fork()
    if child == 0:
        try:
            left = [step]

            def counted(call: Callable[..., Any]) -> Callable[..., Any]:
                def run(*args: Any, **options: Any) -> Any:
                    left[0] -= 1
                    if left[0] < 0:
                        os._exit(9)
                    return call(*args, **options)

                return run

            def link(*_: Any, **__: Any) -> None:
                raise OSError(errno.EPERM, "no links")

            for name in STEPS:
                setattr(os, name, counted(getattr(os, name)))
            os.link = link
            main._run([*args])
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


@pytest.mark.deep
def test_a_run_that_ends_anywhere_continues_without_hard_links_too(folder: Path) -> None:
    seen = set()
    for step in itertools.count():
        name = f"keys{step}"
        args = (*OCT, "--count", "2", "--jsonl", name)
        if not killed_before(step, *args):
            break
        seen.add(tuple((folder / f"{name}{end}").exists() for end in ("", ".run")))
        assert done(*args, "--resume") == f"{name}: 2 keys\n"
        assert len(keys_of(folder / name)) == 2
    assert len(seen) == 3
    assert step > 15


def test_a_run_whose_state_is_empty_had_not_begun(folder: Path) -> None:
    """A file system without hard links makes the file of the state before its content."""
    for name in ("keys", "keys.run"):
        (folder / name).touch(0o600)
    run = (*OCT, "--count", "2", "--jsonl", "keys")
    assert failed(outcome(*run), 1) == "keys: File exists; --resume continues it"
    assert done(*run, "--resume") == "keys: 2 keys\n"
    (folder / "keys.run").write_text("")
    assert failed(outcome(*run, "--resume"), 2).startswith("keys.run is not JSON")


@pytest.mark.parametrize("resume", [[], ["--resume"]])
def test_a_name_that_leaves_no_room_for_the_state_is_refused_at_once(
    folder: Path, resume: list[str]
) -> None:
    name = "k" * 252
    process = outcome(*OCT, "--count", "2", "--jsonl", name, *resume)
    error = failed(process, 1)
    assert error.startswith(name)
    assert WINDOWS or error == f"{name}.run: File name too long"  # in words of its own
    assert os.listdir(folder) == []


@posix_only("Windows limits the length of a whole path, unless it is set up otherwise")
def test_the_longest_name_that_leaves_room_for_the_state_is_taken(folder: Path) -> None:
    name = "k" * 251
    done(*OCT, "--count", "2", "--jsonl", name)
    assert done(*OCT, "--count", "3", "--jsonl", name, "--resume") == f"{name}: 3 keys\n"


def test_a_file_with_a_second_name_is_refused(folder: Path) -> None:
    """Two runs, each with a lock of its own name, would overwrite each other's keys."""
    done(*OCT, "--count", "2", "--jsonl", "keys")
    os.link(folder / "keys", folder / "other")
    for name in ("keys", "other"):
        again = outcome(*OCT, "--count", "5", "--jsonl", name, "--resume")
        assert failed(again, 1) == f"{name}: it has a second name (a hard link): remove one"


@needs_modes
def test_a_state_that_other_users_can_change_is_refused(folder: Path) -> None:
    """Other users could choose the dates of the keys."""
    done(*OCT, "--count", "2", "--jsonl", "keys")
    (folder / "keys.run").chmod(0o620)
    again = outcome(*OCT, "--count", "5", "--jsonl", "keys", "--resume")
    assert failed(again, 1) == "keys.run: other users can change it: run chmod 600"
