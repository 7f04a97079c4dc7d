"""Windows. The module can be imported, and most of it tested, on other systems too."""

from __future__ import annotations

import errno
import os
import signal
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, TextIO

__tracebackhide__ = True

SHELL = "powershell"
"""The usual shell, in which commands are typed."""

STOPPING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)
)
"""The signals that stop a program: Ctrl-C, Ctrl-Break, and SIGTERM, which no other one sends."""

APART: Mapping[str, Any] = {"creationflags": 0x08000000}  # CREATE_NO_WINDOW
"""The arguments of `subprocess.Popen` for a process that no key of the console reaches."""

REUSES_ADDRESS = False
"""Whether a server asks for an address that a server before it has left: two could share it."""

UNUSED_COLUMNS = 1
"""How many columns at the right of a console stay empty: a line that fills it is wrapped."""

_CONTROL_C_EXIT = 0xC000013A - 2**32
"""The exit code after Ctrl-C and Ctrl-Break, STATUS_CONTROL_C_EXIT, as a signed number."""

_VIRTUAL_TERMINAL = 4
"""ENABLE_VIRTUAL_TERMINAL_PROCESSING, of SetConsoleMode."""


def processors() -> int:
    """Return the number of processors."""
    return os.cpu_count() or 1


def protect_memory() -> None:
    """Do nothing: Windows writes the memory of a crashed program only if it is set up for that."""


def end_by(_signum: int) -> None:
    """End the process as Ctrl-C does by default. The C library's own way would end it with 3."""
    os._exit(_CONTROL_C_EXIT)


def end_with_reader() -> None:
    """Do nothing: Windows has no signal for it."""


@contextmanager
def reader_is_noticed() -> Iterator[None]:
    """Run the block: a broken pipe is always an error here."""
    yield


def has_lost_reader(stream: TextIO, error: OSError) -> bool:
    """Return whether writing failed because nobody reads the output any more.

    The C library has no number for ERROR_NO_DATA ("The pipe is being closed"), and says EINVAL.
    """
    if error.errno == errno.EINVAL:
        return stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode)
    return error.errno == errno.EPIPE


def has_terminal() -> bool:
    """Return whether somebody can be asked for a passphrase. NUL passes for a terminal, too."""
    with suppress(OSError):
        os.close(os.open("CONIN$", os.O_RDWR))
        return True
    return False


@contextmanager
def prompting() -> Iterator[None]:
    """Let Ctrl-C and Ctrl-Break end the process at once in the block, which asks for a passphrase.

    Python would wait for another key before it runs a handler. And a console can give Ctrl-C to
    `getpass` as a character.
    """
    before = {signum: signal.signal(signum, signal.SIG_DFL) for signum in STOPPING}
    try:
        yield
    except KeyboardInterrupt:
        end_by(signal.SIGINT)
        raise
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def obeys_escape_codes(terminal: TextIO) -> bool:
    """Make a console obey ANSI escape codes, and return whether it does."""
    ctypes: Any = import_module("ctypes")
    console, mode = ctypes.WinDLL("kernel32"), ctypes.c_ulong()
    handle = ctypes.c_void_p(import_module("msvcrt").get_osfhandle(terminal.fileno()))
    is_console = console.GetConsoleMode(handle, ctypes.byref(mode))
    return bool(is_console and console.SetConsoleMode(handle, mode.value | _VIRTUAL_TERMINAL))
