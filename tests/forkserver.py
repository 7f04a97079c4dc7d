"""A server that runs the command in forked children, which start faster than new processes.

The server has the command imported. For each run it forks a child, and the child ends as a process
that ran ``python -m trustkeys``: the interpreter itself handles exceptions, flushes and exits.
"""

from __future__ import annotations

import atexit
import functools
import gc
import io
import os
import pickle
import pkgutil
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests import shortcuts

ROOT = Path(__file__).parent.parent

AVAILABLE = hasattr(os, "fork") and not os.environ.get("TRUSTKEYS_REAL_PROCESSES")

# Python reads these when it starts, so a forked child cannot obey them.
READ_AT_START = ("PYTHON", "COVERAGE_", "LC_", "LANG", "OPENSSL_", "LD_", "DYLD_")

# Imported by the command when it needs them.
_IMPORTED_LATE = ("cryptography.x509", "jwcrypto.jwe", "filelock")

_NUMBER = struct.Struct("i")


# --- the server's side


def _preload() -> None:
    import trustkeys

    for module in pkgutil.walk_packages(trustkeys.__path__, "trustkeys."):
        if not module.name.startswith("trustkeys.testing") and module.name != "trustkeys.__main__":
            with suppress(ImportError):
                import_module(module.name)
    for name in _IMPORTED_LATE:
        with suppress(ImportError):
            import_module(name)
    shortcuts.take()
    # Children need not copy the pages that a collection would touch.
    gc.collect()
    gc.freeze()


def _serve(channel: socket.socket) -> socket.socket | None:
    """Fork a child for each connection that arrives; return the connection in the child.

    Return None in the server, when the client has closed the channel.
    """
    interrupt = signal.getsignal(signal.SIGINT)
    # Ctrl-C reaches the server too, but the tests decide when it stops.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    woken, waker = socket.socketpair()
    os.set_blocking(waker.fileno(), False)
    signal.set_wakeup_fd(waker.fileno())
    running: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([channel, woken], [], [])
        if woken in ready:
            woken.recv(64)
        for pid in list(running):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                with running.pop(pid) as connection, suppress(OSError):
                    connection.send(_NUMBER.pack(status))
        if channel not in ready:
            continue
        _, descriptors, _, _ = socket.recv_fds(channel, 1, 1)
        if not descriptors:
            return None
        connection = socket.socket(fileno=descriptors[0])
        child = os.fork()
        if child == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, interrupt)
            return connection
        connection.send(_NUMBER.pack(child))
        running[child] = connection


def _become(connection: socket.socket) -> None:
    """Turn the forked child into the process that the client asked for."""
    _, received, _, _ = socket.recv_fds(connection, 1, 250)
    with connection.makefile("rb") as stream:
        request = pickle.load(stream)
    _arrange_descriptors(received, request["numbers"])
    connection.detach()
    if request["terminal"]:
        os.login_tty(0)
    elif request["start_new_session"]:
        os.setsid()
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    shortcuts.set_rounds()
    for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        standard = _standard_stream(number, getattr(sys, name))
        setattr(sys, name, standard)
        setattr(sys, f"__{name}__", standard)
    sys.argv = ["-m", *request["args"]]
    # As with "python -m".
    sys.path[0] = os.getcwd()


def _arrange_descriptors(received: Sequence[int], numbers: Sequence[int]) -> None:
    """Give the received descriptors their numbers, and close all others."""
    import fcntl  # Windows has none

    beyond = max(numbers, default=0) + 1
    # A number may be taken by another descriptor that is still needed.
    sources = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, beyond) for descriptor in received]
    for source, number in zip(sources, numbers, strict=True):
        os.dup2(source, number)
    for below, above in pairwise(sorted({-1, *numbers, os.sysconf("SC_OPEN_MAX")})):
        # An empty range would close everything.
        if below + 1 < above:
            os.closerange(below + 1, above)


def _standard_stream(number: int, model: io.TextIOWrapper) -> io.TextIOWrapper | None:
    """Open a standard stream as the interpreter does when it starts."""
    unbuffered = model.write_through and number != 0
    mode = "rb" if number == 0 else "wb"
    try:
        file = open(number, mode, 0 if unbuffered else -1, closefd=False)  # noqa: SIM115
    except OSError:
        return None
    return io.TextIOWrapper(
        file,
        encoding=model.encoding,
        errors=model.errors,
        newline="\n",
        line_buffering=not unbuffered and (number == 2 or file.isatty()),
        write_through=unbuffered,
    )


def main() -> None:
    """Serve; in a forked child, run the command."""
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        _preload()
        connection = _serve(channel)
        if connection is None:
            return
        channel.detach()
    _become(connection)
    try:
        runpy.run_module("trustkeys", run_name="__main__", alter_sys=True)
    except SystemExit as error:
        if isinstance(error.code, int):
            _exit(error.code)
        raise


def _exit(code: int) -> None:
    """Exit as the interpreter does, but without the 100 ms for taking its objects apart."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    # The interpreter knows what to do when this fails.
    with suppress(OSError, ValueError):
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        os._exit(code & 0xFF)


# --- the client's side


class Process(subprocess.Popen[Any]):
    """A run of the command in a child of the fork server.

    Popen's own pipes, timeouts and signals stay; what it does with the operating system's process
    goes through the server, which is the parent.
    """

    def __init__(self, args: Sequence[str], *, terminal: bool = False, **options: Any) -> None:
        self.terminal = terminal
        self.connection, self._other = socket.socketpair()
        super().__init__(args, **options)

    def _execute_child(
        self,
        args: Sequence[str],
        _executable: None,
        _preexec_fn: None,
        _close_fds: bool,
        pass_fds: Sequence[int],
        cwd: str | os.PathLike[str] | None,
        env: Mapping[str, str] | None,
        _startupinfo: None,
        _creationflags: int,
        _shell: bool,
        p2cread: int,
        p2cwrite: int,
        c2pread: int,
        c2pwrite: int,
        errread: int,
        errwrite: int,
        _restore_signals: bool,
        _gid: None,
        _gids: None,
        _uid: None,
        _umask: int,
        start_new_session: bool,
        _process_group: int,
    ) -> None:
        streams = enumerate((p2cread, c2pwrite, errwrite))
        descriptors = {number: given if given != -1 else number for number, given in streams}
        descriptors |= {number: number for number in pass_fds}
        request = {
            "args": args,
            "numbers": list(descriptors),
            "cwd": os.fspath(cwd or os.getcwd()),
            "env": dict(os.environ if env is None else env),
            "terminal": self.terminal,
            "start_new_session": start_new_session,
        }
        with self._other:
            socket.send_fds(server().channel, [b"\0"], [self._other.fileno()])
        socket.send_fds(self.connection, [b"\0"], list(descriptors.values()))
        self.connection.sendall(pickle.dumps(request))
        self._close_pipe_fds(p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)  # type: ignore[attr-defined]
        self.pid = self._receive()
        self._child_created = True

    def __del__(self, *_: object) -> None:
        # Popen's own would keep a run that a failed test left behind, and wait for it later.
        self.connection.close()

    def _receive(self, flags: int = 0) -> int:
        (number,) = _NUMBER.unpack(self.connection.recv(_NUMBER.size, flags))
        return int(number)

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        """Return the process and its status as `os.waitpid` does."""
        try:
            status = self._receive(socket.MSG_DONTWAIT if wait_flags & os.WNOHANG else 0)
        except BlockingIOError:
            return 0, 0
        self.connection.close()
        return self.pid, status

    def _internal_poll(self, *_: Any, **__: Any) -> int | None:
        if self.returncode is None and self._child_created:
            pid, status = self._try_wait(os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


class _Server:
    """The fork server of this process."""

    def __init__(self) -> None:
        self.channel, other = socket.socketpair()
        self.environment = dict(os.environ)
        with other:
            self.process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(other.fileno())],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                pass_fds=[other.fileno()],
            )

    def stop(self) -> None:
        # A process that was forked from this one may hold the channel open.
        self.channel.shutdown(socket.SHUT_RDWR)
        self.channel.close()
        self.process.wait(30)


@functools.cache
def server() -> _Server:
    """Return the fork server of this process, started when first needed."""
    return _Server()


def stop() -> None:
    """Stop the fork server, if it was started."""
    if server.cache_info().currsize:
        server().stop()
        server.cache_clear()


def can_run(options: Mapping[str, Any]) -> bool:
    """Tell whether a forked child can do what the options of `subprocess.run` ask for."""
    if not AVAILABLE or "preexec_fn" in options:
        return False
    changed = server().environment.items() ^ dict(options.get("env") or os.environ).items()
    return not any(name.startswith(READ_AT_START) for name, _ in changed)


def run(
    args: Sequence[str],
    *,
    input: str | bytes | None = None,  # noqa: A002 - as in subprocess.run
    timeout: float,
    **options: Any,
) -> subprocess.CompletedProcess[Any]:
    """Run the command in a forked child, as `subprocess.run` runs a program."""
    if options.pop("capture_output", False):
        options |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    if input is not None:
        options["stdin"] = subprocess.PIPE
    with Process(args, **options) as process:
        try:
            stdout, stderr = process.communicate(input, timeout)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(args, process.returncode, stdout, stderr)


if __name__ == "__main__":
    main()
