"""What trustkeys asks of Windows. On other systems, with a false one."""

from __future__ import annotations

import ctypes
import errno
import os
import runpy
import signal
import sys
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest

from trustkeys.system import windows


@pytest.mark.parametrize(
    ("number", "is_lost"), [(errno.EPIPE, True), (errno.EINVAL, True), (errno.ENOSPC, False)]
)
def test_a_pipe_without_a_reader_is_an_invalid_argument(number: int, is_lost: bool) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", encoding="ascii") as pipe:
        assert windows.has_lost_reader(pipe, OSError(number, "any")) == is_lost


def test_an_invalid_argument_of_a_file_is_an_error(tmp_path: object) -> None:
    with open(os.path.join(str(tmp_path), "file"), "w", encoding="ascii") as file:
        assert not windows.has_lost_reader(file, OSError(errno.EINVAL, "any"))


def test_ctrl_break_stops_a_program_as_ctrl_c_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it would leave a temporary file with keys behind."""
    monkeypatch.setattr(signal, "SIGBREAK", 21, raising=False)
    found = runpy.run_path(windows.__file__)["STOPPING"]
    assert found == (signal.SIGINT, signal.SIGTERM, 21)


def test_consoles_and_ports_are_not_used_as_elsewhere() -> None:
    """Else an empty line follows each full one, and two servers can share a port."""
    assert (windows.UNUSED_COLUMNS, windows.REUSES_ADDRESS) == (1, False)
    # CREATE_NO_WINDOW of "Process Creation Flags": else Ctrl-C ends a cluster's client, too.
    assert windows.APART == {"creationflags": 0x08000000}


def test_ctrl_c_and_ctrl_break_end_with_the_code_that_shells_know(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    windows.end_by(signal.SIGINT)
    assert [code & 0xFFFFFFFF for code in codes] == [0xC000013A]


def test_a_prompt_lets_signals_act_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python runs no handler while the console waits for a key."""
    handlers = {signum: signal.getsignal(signum) for signum in windows.STOPPING}
    with windows.prompting():
        found = {signal.getsignal(signum) for signum in windows.STOPPING}
    assert found == {signal.SIG_DFL}
    assert {signum: signal.getsignal(signum) for signum in windows.STOPPING} == handlers


def test_ctrl_c_as_a_character_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(windows, "end_by", ended.append)
    with pytest.raises(KeyboardInterrupt), windows.prompting():
        raise KeyboardInterrupt
    assert ended == [signal.SIGINT]


@pytest.mark.parametrize("has_console", [True, False])
def test_nul_is_no_terminal(monkeypatch: pytest.MonkeyPatch, has_console: bool) -> None:
    """For the C library it is one. With no console, getpass would read nothing for ever."""

    def no_console(*_: object) -> int:
        raise FileNotFoundError

    opened, closed = mock.Mock(return_value=7), mock.Mock()
    monkeypatch.setattr(os, "open", opened if has_console else no_console)
    monkeypatch.setattr(os, "close", closed)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    found = windows.has_terminal()
    monkeypatch.undo()
    assert found == has_console
    assert opened.mock_calls == ([mock.call("CONIN$", os.O_RDWR)] if has_console else [])
    assert closed.mock_calls == ([mock.call(7)] if has_console else [])


@pytest.mark.parametrize(
    ("is_console", "can", "obeys"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_a_console_is_told_to_obey_escape_codes(
    monkeypatch: pytest.MonkeyPatch, is_console: bool, can: bool, obeys: bool
) -> None:
    modes: list[int] = []

    def get_mode(_handle: object, mode: Any) -> bool:
        mode._obj.value = 3  # which it keeps: line ends would no longer begin a line
        return is_console

    def set_mode(_handle: object, mode: int) -> bool:
        modes.append(mode)
        return can

    console = SimpleNamespace(GetConsoleMode=get_mode, SetConsoleMode=set_mode)
    monkeypatch.setattr(ctypes, "WinDLL", lambda _: console, raising=False)
    monkeypatch.setitem(sys.modules, "msvcrt", mock.Mock(get_osfhandle=lambda number: number + 1))
    assert windows.obeys_escape_codes(mock.Mock(fileno=lambda: 1)) == obeys
    assert modes == ([7] if is_console else [])


def test_what_windows_does_itself_is_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert windows.processors() == 1
    windows.protect_memory()
    windows.end_with_reader()
    with windows.reader_is_noticed():
        pass
