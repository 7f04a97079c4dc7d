"""What every command writes to its standard streams, whatever these are."""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.cli.exchange import Keys, Runner, write
from tests.cli.tree import LINES
from trustkeys import TrustFrameworkKeySet, store, system
from trustkeys.cli import main, terminal
from trustkeys.formats import certificates
from trustkeys.system import windows

STRANGE = "\u0414\u043e\u043c-\u5bb6-e\u0301-\u00df\u2501\U0001f511"
"""Letters of several scripts. No code page has all of them."""

CODE_PAGES = ["ascii", "cp437", "cp932", "cp1252"]

Run = Callable[..., tuple[int, bytes, bytes]]

READERS = [
    "inspect strange",
    "audit strange",
    "compare set strange",
    "inspect certificate",
    "inspect request",
    "inspect set",
    "keyset calendar strange set",
    "keyset check strange",
    "keyset show set --json",
    "keyset jwks set",
    "keyset active set",
    "export set --format csr --subject CN=a -o - --kid {strange}",
    "keyset certify set {strange} --subject CN={strange} --exp tomorrow",
    "keyset disable set {strange}no",
]

PROGRAMS = [
    "generate --use sig --kty oct -o -",
    *(f"{name} {line} --json" for name, line in LINES.items()),
    "generate --use sig --kty oct --discard",
    "export rsa.jwk --format pem --plain -o -",
    "export rsa.jwk --format der --plain -o -",
    "export rsa.jwk --format pkcs12 --output-password-file pw -o -",
    "export rsa.jwk --format jwe --output-password-file pw -o -",
    "export rsa.jwk --format certificate -o -",
    "keyset certify one {other} --subject CN=a --nbf now --exp +1y",
    "keyset show pair --svg -",
]
"""Commands whose output is for programs."""


SILENT = ("keyset disable", "keyset enable", "keyset password")
"""Commands that print nothing without ``--json``."""


def mostly_deep(lines: Sequence[str]) -> list[Any]:
    """Leave all but the first to the deep tests."""
    return [lines[0], *(pytest.param(line, marks=pytest.mark.deep) for line in lines[1:])]


@pytest.fixture
def run(every: Runner, files: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in this process, in a folder of files with strange names in them."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    strange = attrs.evolve(keys.rsa, kid=STRANGE)
    pair = TrustFrameworkKeySet("B2C_1A_pair", [strange, keys.other])
    store.save(pair, files / "set", plain=True)
    write(files / "strange", json.dumps({**pair.to_graph(), "id": STRANGE}))
    named = certificates.self_signed(keys.other, f"CN={STRANGE}", nbf=0, exp=4000000000)
    write(files / "certificate", certificates.to_certificate_pem(named).decode())
    request = certificates.signing_request(keys.other, f"CN={STRANGE}")
    write(files / "request", request.decode())

    def run(line: str, encoding: str, newline: str = "\n") -> tuple[int, bytes, bytes]:
        """Return the exit code, and what was written to streams of an encoding."""
        streams = []
        for name in ("stdout", "stderr"):
            stream = TextIOWrapper(BytesIO(), encoding=encoding, newline=newline)
            monkeypatch.setattr(sys, name, stream)
            streams.append(stream)
        monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(b"a secret of a provider")))
        words = [word.format(strange=STRANGE, other=keys.other.kid) for word in line.split()]
        code = main.run(words)
        output, errors = (stream.buffer.getvalue() for stream in streams)
        return code, output, errors

    return run


@pytest.mark.parametrize("line", mostly_deep(READERS))
def test_what_a_code_page_lacks_is_escaped(run: Run, line: str) -> None:
    """A traceback looks as if the command had failed."""
    code, text, messages = run(line, "utf-8")
    assert code in {0, 2, 3}, messages
    for encoding in CODE_PAGES:
        for written, expected in zip(run(line, encoding)[1:], (text, messages), strict=True):
            assert written == expected.decode().encode(encoding, "backslashreplace")


@pytest.mark.parametrize("encoding", CODE_PAGES)
def test_a_timeline_needs_no_character_that_a_code_page_lacks(run: Run, encoding: str) -> None:
    code, text, _ = run("keyset show set", encoding)
    assert code == 0
    assert "\\u25bc" not in text.decode(encoding)


@pytest.mark.parametrize("line", mostly_deep(PROGRAMS))
def test_programs_get_the_same_bytes_from_windows(run: Run, line: str) -> None:
    """Windows' line ends would change a PFX, and an encoding of its own the names."""
    code, output, messages = run(line, "utf-16", newline="\r\n")
    assert code in {0, 3}, messages
    if output[:1] == b"0":  # DER, with its length
        assert int.from_bytes(output[2:4]) == len(output[4:])
    else:
        assert output
        assert b"\r" not in output
    if "--json" in line or "--discard" in line:
        assert isinstance(json.loads(output.decode("ascii")), dict)


def test_a_calendar_has_the_line_ends_of_its_format(run: Run) -> None:
    code, output, _ = run("keyset calendar set --ics -", "cp1252", newline="\r\n")
    assert code in {0, 3}
    assert output.startswith(b"BEGIN:VCALENDAR\r\n")
    assert b"\r\r" not in output


def test_people_get_the_line_ends_of_their_system(run: Run) -> None:
    code, output, _ = run("keyset check set", "cp1252", newline="\r\n")
    assert code in {0, 3}
    assert output.endswith(b"\r\n")


class Left:
    """A pipe whose reader has gone, as Windows tells it."""

    encoding = "utf-8"
    errors = "strict"
    isatty = flush = lambda _: None

    def __init__(self) -> None:
        reading, self._writing = os.pipe()
        os.close(reading)

    @property
    def buffer(self) -> Left:
        return self

    def fileno(self) -> int:
        return self._writing

    def write(self, content: str | bytes) -> int:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))


@pytest.mark.parametrize(
    "line",
    mostly_deep(
        [
            "--help",
            "--version",
            "keyset show --help",
            *(f"{name} {line}" for name, line in LINES.items() if name not in SILENT),
            *PROGRAMS,
        ]
    ),
)
def test_without_a_reader_a_command_ends_quietly(
    run: Run, keys: Keys, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    """As in `trustkeys --help | Select-Object -First 1`. Elsewhere a signal does it."""
    for module in (terminal, system):
        monkeypatch.setattr(module, "has_lost_reader", windows.has_lost_reader)
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(b"a secret of a provider")))
    monkeypatch.setattr(sys, "stdout", Left())
    monkeypatch.setattr(sys, "stderr", errors := io.StringIO())
    assert main.run(line.format(other=keys.other.kid).split()) == 1
    for part in ("standard output", "Invalid argument", "do not repeat"):
        assert part not in errors.getvalue()


def test_another_error_of_an_output_is_told(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only of a pipe an invalid argument means that nobody reads."""
    monkeypatch.setattr(terminal, "has_lost_reader", windows.has_lost_reader)
    left = Left()
    with open(tmp_path / "file", "wb") as file:
        monkeypatch.setattr(left, "fileno", file.fileno)
        monkeypatch.setattr(sys, "stdout", left)
        monkeypatch.setattr(sys, "stderr", errors := io.StringIO())
        assert main.run(["keyset", "check", "pair"]) == 1
        assert errors.getvalue().endswith("standard output: Invalid argument\n")
