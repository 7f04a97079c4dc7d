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
    resource = mock.Mock(RLIMIT_CORE="core", setrlimit=lambda *args: limits.append(args))
    prctl = mock.Mock(prctl=lambda *args: limits.append(args))
    ctypes = mock.Mock(CDLL=lambda _: prctl)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setitem(sys.modules, "resource", resource)
    monkeypatch.setitem(sys.modules, "ctypes", ctypes if has_ctypes else None)
    posix.protect_memory()
    # PR_SET_DUMPABLE of prctl(2) is 4.
    assert limits == [("core", (0, 0)), (4, 0, 0, 0, 0)][: 1 + (has_ctypes and platform == "linux")]


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


def test_a_closed_terminal_stops_a_program_as_ctrl_c_does() -> None:
    """Else it would leave a temporary file with keys behind."""
    assert {*posix.STOPPING} == {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


def test_a_broken_pipe_is_an_error_in_the_block_alone() -> None:
    """A lost cluster must not end a batch without a word, but a lost reader ends it."""
    before = signal.getsignal(signal.SIGPIPE)
    try:
        posix.end_with_reader()
        assert signal.getsignal(signal.SIGPIPE) == signal.SIG_DFL
        with posix.reader_is_noticed():
            assert signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN
        assert signal.getsignal(signal.SIGPIPE) == signal.SIG_DFL
    finally:
        signal.signal(signal.SIGPIPE, before)


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
    closed = mock.Mock()
    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(os, "close", closed)
    monkeypatch.setattr(sys, "stdin", stdin)
    found = posix.has_terminal()
    monkeypatch.undo()
    assert found == expected
    # A service does not come to own the terminal.
    assert opened.mock_calls == [mock.call("/dev/tty", os.O_RDWR | os.O_NOCTTY)]
    assert closed.mock_calls == ([mock.call(7)] if has_tty else [])


def test_what_posix_does_itself_is_left_to_it() -> None:
    assert posix.obeys_escape_codes(io.StringIO())
    with posix.prompting():
        pass
