"""What trustkeys asks of Linux and macOS."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
from unittest import mock

import pytest

if sys.platform == "win32":
    pytest.skip("the other systems", allow_module_level=True)

from trustkeys.system import posix


@pytest.mark.parametrize("platform", ["linux", "darwin"])
@pytest.mark.parametrize("has_ctypes", [True, False])
def test_memory_is_protected_as_far_as_a_system_can(
    monkeypatch: pytest.MonkeyPatch, platform: str, has_ctypes: bool
) -> None:
    limits: list[object] = []
    resource = mock.Mock(setrlimit=lambda *_: limits.append("core"))
    ctypes = mock.Mock(CDLL=lambda _: mock.Mock(prctl=lambda *_: limits.append("dumpable")))
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setitem(sys.modules, "resource", resource)
    monkeypatch.setitem(sys.modules, "ctypes", ctypes if has_ctypes else None)
    posix.protect_memory()
    assert limits == ["core", "dumpable"][: 1 + (has_ctypes and platform == "linux")]


@pytest.mark.parametrize(
    ("platform", "cores", "expected"), [("linux", 64, 3), ("darwin", 4, 4), ("darwin", None, 1)]
)
def test_only_processors_that_may_be_used_count(
    monkeypatch: pytest.MonkeyPatch, platform: str, cores: int | None, expected: int
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 7}, raising=False)
    assert posix.processors() == expected


def test_a_signal_ends_a_process_as_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = mock.Mock()
    monkeypatch.setattr(signal, "signal", steps.signal)
    monkeypatch.setattr(signal, "raise_signal", steps.raise_signal)
    posix.end_by(signal.SIGTERM)
    assert steps.mock_calls == [
        mock.call.signal(signal.SIGTERM, signal.SIG_DFL),
        mock.call.raise_signal(signal.SIGTERM),
    ]


def test_a_broken_pipe_is_a_lost_reader() -> None:
    stream = io.StringIO()
    assert posix.has_lost_reader(stream, BrokenPipeError(errno.EPIPE, "any"))
    assert not posix.has_lost_reader(stream, OSError(errno.EINVAL, "any"))


@pytest.mark.parametrize(
    ("has_tty", "stdin", "expected"),
    [
        (True, None, True),
        (False, mock.Mock(isatty=lambda: True), True),
        (False, mock.Mock(isatty=lambda: False), False),
        (False, None, False),
    ],
)
def test_without_dev_tty_standard_input_is_the_terminal(
    monkeypatch: pytest.MonkeyPatch, has_tty: bool, stdin: object, expected: bool
) -> None:
    opened = mock.Mock(return_value=7) if has_tty else mock.Mock(side_effect=FileNotFoundError)
    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(os, "close", lambda _: None)
    monkeypatch.setattr(sys, "stdin", stdin)
    found = posix.has_terminal()
    monkeypatch.undo()
    assert found == expected


def test_what_posix_does_itself_is_left_to_it() -> None:
    assert posix.obeys_escape_codes(io.StringIO())
    with posix.prompting():
        pass
