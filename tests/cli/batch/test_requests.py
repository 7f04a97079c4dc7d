"""Files of requests: every line is checked first, and each key gets the id of its line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.cli.batch.runs import (
    GOOD,
    REQUESTS,
    SEALED,
    done,
    keys_of,
    put_requests,
    records,
)
from tests.cli.in_process import outcome
from tests.support import WINDOWS, command, failed, parse
from trustkeys import GenerateKeyRequest, InvalidInputError
from trustkeys.cli.batch import many, requests
from trustkeys.core.strict_json import MAX_JSON_BYTES, parse_object


def test_each_request_gets_its_key_and_its_id_in_order(
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
    with open(folder.parent / "requests", "a", encoding="utf-8") as file:
        file.write("\n".join(json.dumps(line) for line in lines[5:]))
    assert done(*REQUESTS, "--jsonl", "keys") == "keys: 8 keys\n"
    done(*REQUESTS, "--jsonl", "sealed", *SEALED)
    done(*REQUESTS, "--dir", "dir")
    for path, to in ((folder / "keys", None), (folder / "sealed", recipient)):
        keys = keys_of(path, to)
        assert [key.to_graph()["nbf"] for key in keys] == list(range(8))
        assert [key.kty for key in keys] == ["oct"] * 3 + ["RSA"] + ["oct"] * 4
        found = records(path)
        assert [record.get("id") for record in found] == ids
        assert "id" not in found[2]
    jwks = [parse(path.read_text()) for path in folder.joinpath("dir").iterdir()]
    assert {jwk["nbf"]: jwk.get("id") for jwk in jwks} == dict(enumerate(ids))


def test_size_applies_to_every_request(folder: Path) -> None:
    put_requests(folder, {"use": "sig", "kty": "oct"}, {"use": "sig", "kty": "oct"})
    done(*REQUESTS, "--size", "512", "--jsonl", "keys")
    assert [key.size for key in keys_of(folder / "keys")] == [512, 512]


@pytest.mark.parametrize("lines", [[], ["\n", "  \n"]])
def test_a_file_without_requests_makes_no_keys(folder: Path, lines: list[str]) -> None:
    put_requests(folder, *lines)
    assert done(*REQUESTS, "--jsonl", "keys") == "keys: 0 keys\n"
    assert done(*REQUESTS, "--jsonl", "keys", "--resume") == "keys: 0 keys\n"
    assert done(*REQUESTS, "--dir", "dir") == "dir: 0 keys\n"
    assert (folder / "keys").read_bytes() == b""
    assert os.listdir(folder / "dir") == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "the body is not JSON: it is cut off, save it again (column 2)"),
        ("{\r\n", "the body is not JSON: it is cut off, save it again (column 2)"),
        ("x" * 65_536 + "\r\n", "the body is not JSON (column 1)"),
        ("[]\n", "the body must be a JSON object"),
        ('{"use": "sig", "kty": "oct"} {}\n', "the body is not JSON"),
        ({**GOOD, "use": "sing"}, "use must be sig or enc"),
        ({"use": "sig"}, "kty is missing: RSA or oct (AADB2C95030)"),
        ({**GOOD, "nbf": 5, "exp": 4}, "exp"),
        ({**GOOD, "size": 512}, "generateKey takes no member 'size'"),
        ({**GOOD, "ID": 5}, "generateKey takes no member 'ID'"),
        ({**GOOD, "self": 5}, "generateKey takes no member 'self'"),
        ({**GOOD, "id": True}, "id must be text or an integer, not a boolean"),
        ({**GOOD, "id": 1.5}, "id must be text or an integer, not a floating-point number"),
        ({**GOOD, "id": ["secret"]}, "id must be text or an integer, not a list"),
        ('{"id": 1, "id": 2, "use": "sig", "kty": "oct"}\n', "the member 'id' twice"),
        ("x" * 70_000 + "\n", "is larger than 65536 bytes"),
    ],
)
def test_a_bad_line_is_named_before_any_key_is_made(folder: Path, line: Any, message: str) -> None:
    put_requests(folder, GOOD, "\n", GOOD, line)
    error = failed(outcome(*REQUESTS, "--jsonl", "out"), 2)
    assert error.startswith("../requests: line 4: ")
    assert message in error
    assert "secret" not in error
    assert failed(outcome(*REQUESTS, "--dir", "out"), 2) == error
    assert os.listdir(folder) == []


def test_a_line_without_an_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    """One byte more than allowed is enough to refuse it."""
    path = tmp_path / "requests"
    path.write_bytes(b"\xef\xbb\xbf{}\n" + b" " * (2 * MAX_JSON_BYTES))
    lines = requests._lines(str(path))
    assert next(lines) == b"{}\n"
    assert len(next(lines)) == MAX_JSON_BYTES + 1


def test_a_size_that_a_request_cannot_have_is_reported_with_its_line(folder: Path) -> None:
    put_requests(folder, GOOD, {**GOOD, "kty": "RSA"})
    error = failed(outcome(*REQUESTS, "--size", "512", "--jsonl", "out"), 2)
    assert error.startswith("../requests: line 2: size of an RSA key must be 2048, 3072 or 4096")
    assert os.listdir(folder) == []


def test_an_id_that_the_output_has_no_place_for_is_refused(folder: Path) -> None:
    put_requests(folder, {"use": "sig", "kty": "oct"}, GOOD)
    error = failed(outcome(*REQUESTS, "--dir", "out", *SEALED), 2)
    assert error.startswith("../requests: line 2: a sealed file in a directory has no place")
    assert os.listdir(folder) == []
    put_requests(folder, {"id": None, "use": "sig", "kty": "oct"})
    assert done(*REQUESTS, "--dir", "out", *SEALED) == "out: 1 key\n"


BODIES = st.fixed_dictionaries(
    {},
    optional={
        "use": st.sampled_from(["sig", "SIG", "enc", 1, None]),
        "kty": st.sampled_from(["oct", "OCT", "RSA", ["oct"]]),
        "nbf": st.sampled_from([0, 0.0, -0.0, 1, 1.0, 1.5, True, False, None, [1], {}, "1", 2**70]),
        "@odata.type": st.sampled_from(["#microsoft.graph.x", 1, [1], {"a": [True]}]),
        "body": st.just(1),
        "k": st.sampled_from([None, ""]),
    },
)


@example([{"use": "sig", "kty": "oct", "nbf": nbf} for nbf in (1, True)])
@given(st.lists(BODIES, min_size=1, max_size=4) | st.just([{"use": "sig", "kty": "oct"}] * 250))
def test_a_line_is_judged_by_itself_whatever_lines_came_before(bodies: list[Any]) -> None:
    """The requests that repeat are remembered, and 1 and true are equal in Python."""
    wanted: list[Any] = []
    problem = None
    for number, body in enumerate(bodies, 1):
        try:
            wanted.append((number, GenerateKeyRequest.from_graph(body, size=512)))
        except InvalidInputError as error:
            problem = (f"requests: line {number}: {error.message}", error.code, error.target)
            break
    lines = [json.dumps({"id": number, **body}) + "\n" for number, body in enumerate(bodies, 1)]
    caught: InvalidInputError | None = None
    found: list[Any] = []
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        Path("requests").write_text("".join(lines), "utf-8")
        try:
            with requests.listed("requests", 512, has_ids=True) as asked:
                next(asked.at(0))  # as the lines of a resumed run are checked
                found = [*asked.at(0)]
                assert asked.count == len(bodies)
        except InvalidInputError as error:
            caught = error
    if problem is None:
        assert found == wanted
    assert (caught and (caught.message, caught.code, caught.target)) == problem


@pytest.mark.parametrize("size", [64, 600])
def test_each_distinct_request_is_checked_once_and_each_line_is_parsed_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Parsing and checking take as long as making the keys."""
    calls = {"parsed": 0, "checked": 0}

    def counted(name: str, call: Any) -> Any:
        def run(*args: Any, **options: Any) -> Any:
            calls[name] += 1
            return call(*args, **options)

        return run

    monkeypatch.setattr(requests, "parse_object", counted("parsed", parse_object))
    checked = counted("checked", GenerateKeyRequest.from_graph)
    monkeypatch.setattr(GenerateKeyRequest, "from_graph", checked)
    put_requests(folder, *({**GOOD, "id": n, "nbf": n % 3} for n in range(size)))
    done(*REQUESTS, "--jsonl", "keys")
    assert calls == {"parsed": size, "checked": 3}
    assert [record["id"] for record in records(folder / "keys")] == [*range(size)]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ["--requests", "../requests", "--use", "sig"],
            "--requests replaces --use",
        ),
        (
            ["--requests", "../requests", "--kty", "oct"],
            "--requests replaces --use",
        ),
        (
            ["--requests", "../requests", "--exp", "+9d"],
            "--requests replaces --use",
        ),
    ],
)
def test_requests_exclude_the_options_of_one_request(
    folder: Path, args: list[str], message: str
) -> None:
    put_requests(folder, GOOD)
    assert message in failed(outcome("batch", *args, "--jsonl", "f"), 2)
    assert os.listdir(folder) == []


def test_requests_can_come_from_standard_input(folder: Path) -> None:
    args = ("batch", "--requests", "-", "--jsonl", "keys")
    text = json.dumps(GOOD) + "\n" + json.dumps({**GOOD, "id": 2})
    assert command(*args, cwd=folder, input=text).stdout == "keys: 2 keys\n"
    jwks = [parse(line) for line in (folder / "keys").read_text().splitlines()]
    assert [jwk["id"] for jwk in jwks] == [1, 2]
    both = outcome(*args[:-1], "other", "--seal-to", "-")
    assert failed(both, 2).startswith("standard input can be read only once")
    error = failed(outcome("batch", "--requests", ".", "--jsonl", "f"), 1)
    assert error == f".: {'Permission denied' if WINDOWS else 'Is a directory'}"
    assert {name.split(".")[0] for name in os.listdir(folder)} == {"keys"}


@pytest.mark.deep
def test_a_closed_standard_input_is_an_error(folder: Path) -> None:
    args = ("batch", "--requests", "-", "--jsonl", "keys")
    closed = subprocess.run(
        ["sh", "-c", f'"$0" -m trustkeys {" ".join(args)} <&-', sys.executable],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert failed(closed, 1) == "standard input: Bad file descriptor"
    assert os.listdir(folder) == []


@pytest.mark.parametrize("after", [["{\n"], [{**GOOD, "use": "enc"}] * 3, [], None])
def test_changing_the_requests_during_a_run_has_no_effect(
    folder: Path, monkeypatch: pytest.MonkeyPatch, after: list[Any] | None
) -> None:
    """Otherwise a key could get the id of another request."""
    put_requests(folder, *({**GOOD, "id": number} for number in range(3)))
    listed = requests.listed

    @contextmanager
    def listed_and_changed(*args: Any, **kwargs: Any) -> Iterator[Any]:
        with listed(*args, **kwargs) as wanted:
            if after is None:
                (folder.parent / "requests").unlink()
            else:
                put_requests(folder, *after)
            yield wanted

    monkeypatch.setattr(many, "listed", listed_and_changed)
    done(*REQUESTS, "--jsonl", "keys")
    jwks = [parse(line) for line in (folder / "keys").read_text().splitlines()]
    assert [(jwk["id"], jwk["use"]) for jwk in jwks] == [(0, "sig"), (1, "sig"), (2, "sig")]
