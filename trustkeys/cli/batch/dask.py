"""Keys from a Dask cluster.

A Dask client runs code that a worker or the scheduler sends. So it is a process of its own,
`dask_client`, without a key or an open file. It answers in text, which is checked here.
"""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from queue import SimpleQueue
from threading import Thread
from typing import IO, Any, cast

import attrs
import click

from trustkeys import system
from trustkeys.batch import MAX_SEALED, kid_and_jwe
from trustkeys.cli.params import typed
from trustkeys.core.request import GenerateKeyRequest
from trustkeys.core.strict_json import parse_object
from trustkeys.errors import InvalidInputError

__tracebackhide__ = True

SILENCE_SECONDS = 10
"""How long the client may say nothing, in seconds. It says something each second."""

MAX_LINE = 2 * MAX_SEALED
"""The longest answer of the client, in bytes."""

TICK = 0.1
"""How often to look for a signal, in seconds."""

GRACE_SECONDS = 1
"""How long to wait for the threads when the client has ended, in seconds."""

_PROGRAM = "from trustkeys.cli.batch.dask_client import main; main()"

_CLIENT = [sys.executable, "-P", "-c", _PROGRAM]

# What the client gets of the environment, which can have secrets.
_ENVIRONMENT = re.compile(
    "DASK_.*|PYTHON.*|LC_.*|OPENSSL_.*|SSL_CERT_.*|XDG_CONFIG_.*|PATH|HOME|LANG|TMPDIR|TEMP|TMP"
    "|LD_LIBRARY_PATH|DYLD_LIBRARY_PATH|SYSTEMROOT|USERPROFILE|APPDATA|LOCALAPPDATA|PROGRAMDATA"
)

_ADDRESS = re.compile(r"(?:(tcp|tls)://)?(?:\[([0-9a-fA-F:.]+)\]|([\w.-]+)):[0-9]{1,5}", re.ASCII)


class Cluster:
    """A Dask cluster.

    Two threads read from the client and write to it. What the cluster sends can start a process
    that keeps the other ends of the pipes open. So nothing waits for these threads without limit.

    Args:
        address: The address of its scheduler.
        client: The process that talks to it.
    """

    def __init__(self, address: str, client: subprocess.Popen[bytes]) -> None:
        self._address = address
        self._client = client
        self._input = cast("IO[bytes]", client.stdin)
        self._asked: SimpleQueue[Future[bytes] | None] = SimpleQueue()
        self._reading = _begun(self._read)
        self._writing: Future[None] | None = None

    def connect(self, to: str) -> None:
        """Connect the client.

        Args:
            to: The recipient's public key, as a JWK.

        Raises:
            InvalidInputError: Dask is not installed, or refuses the address. Code
                ``BadRequest``, target `dask`.
            OSError: The cluster does not answer, or has no workers.
        """
        with suppress(OSError):  # the client has ended, which the answer tells
            self._input.write(_line({"address": self._address, "to": to}))
            self._input.flush()
        answer = self._answer(lambda: False)
        if answer is not None and "refused" in answer:
            raise InvalidInputError(str(answer["refused"])[:1000], target="dask")

    def sealed(
        self,
        requests: Iterable[GenerateKeyRequest],
        count: int,
        is_stopped: Callable[[], bool],
    ) -> Generator[tuple[str, str]]:
        """Yield the kid and the JWE of a key for each request, in order, and end the client.

        Args:
            requests: The requests, which a thread iterates over.
            count: The number of the requests.
            is_stopped: Whether to end before the next key.

        Raises:
            OSError: The cluster or the client failed.
        """
        sent = 0

        def send() -> None:
            nonlocal sent
            with suppress(OSError), self._input as pipe:
                for request in requests:
                    sent += 1
                    pipe.write(_line(attrs.asdict(request)))

        self._writing = _begun(send)
        try:
            for number in range(count):
                answer = self._answer(is_stopped)
                if answer is None:
                    return
                if number >= sent:
                    raise self._nonsense()
                yield self._key(answer)
        finally:
            self.end()

    def end(self) -> None:
        """End the client and, if nothing keeps their pipes open, the threads."""
        self._client.kill()
        self._client.wait()
        self._asked.put(None)
        if self._writing is None:
            with suppress(OSError):
                self._input.close()
        threads = [self._reading, *([self._writing] if self._writing else [])]
        for thread in wait(threads, GRACE_SECONDS).done:
            thread.result()

    def _read(self) -> None:
        with cast("IO[bytes]", self._client.stdout) as pipe:
            while (answer := self._asked.get()) is not None:
                answer.set_result(pipe.readline(MAX_LINE))

    def _key(self, answer: dict[str, Any]) -> tuple[str, str]:
        with suppress(InvalidInputError):
            return kid_and_jwe((answer.get("kid"), answer.get("jwe")))
        raise self._nonsense()

    def _answer(self, is_stopped: Callable[[], bool]) -> dict[str, Any] | None:
        """Wait for an answer that says something, or return None if a signal came."""
        while (line := self._line(is_stopped)) is not None:
            if not line:
                self._client.kill()  # it can have closed the pipe only
                message = f"the Dask client ended with exit status {self._client.wait()}"
                raise self._failure(errno.ECONNABORTED, message)
            answer = self._parsed(line)
            if "error" in answer:
                raise self._failure(errno.ECONNABORTED, str(answer["error"])[:1000])
            if answer:
                return answer
        return None

    def _line(self, is_stopped: Callable[[], bool]) -> bytes | None:
        reading: Future[bytes] = Future()
        self._asked.put(reading)
        # Counts, since a clock also measures how long Ctrl-Z has stopped this process.
        for _ in range(round(SILENCE_SECONDS / TICK)):
            if is_stopped():
                return None
            if wait([reading], TICK).done:
                return reading.result()
        raise self._failure(errno.ETIMEDOUT, "the Dask client does not answer")

    def _parsed(self, line: bytes) -> dict[str, Any]:
        with suppress(InvalidInputError):
            return parse_object(line, what="the answer", max_bytes=MAX_LINE)
        raise self._nonsense()

    def _nonsense(self) -> OSError:
        return self._failure(errno.EPROTO, "the Dask client did not answer with a sealed key")

    def _failure(self, number: int, message: str) -> OSError:
        return OSError(number, message, self._address)


@contextmanager
def cluster(address: str, to: str, *, insecure: bool) -> Iterator[Cluster]:
    """Connect to a Dask cluster until the end of the block.

    Args:
        address: The scheduler, such as ``tls://HOST:8786``.
        to: The recipient's public key, as a JWK.
        insecure: Whether to connect without TLS to another machine, too.

    Raises:
        UsageError: The address is not encrypted.
        InvalidInputError: It is not an address, or Dask refuses it. Code ``BadRequest``,
            target `dask`.
        OSError: No scheduler answers, or it has no workers.
    """
    if not (match := _ADDRESS.fullmatch(address)):
        raise InvalidInputError(
            "--dask must be the address of a scheduler such as tls://HOST:8786, not "
            f"{typed(address)}",
            target="dask",
        )
    scheme, ipv6, host = match.groups()
    if scheme != "tls" and not _is_loopback(ipv6 or host) and not insecure:
        raise click.UsageError(
            f"--dask {address} is not encrypted, so others on the network could run code as you: "
            "use tls://, or --dask-insecure in a network that you trust"
        )
    found = Cluster(address, _started())
    try:
        found.connect(to)
        yield found
    finally:
        found.end()


def _started() -> subprocess.Popen[bytes]:
    """Start the client, away from the terminal.

    It keeps the working directory, since Dask's configuration may name certificates from there.
    """
    kept = {name: value for name, value in os.environ.items() if _ENVIRONMENT.fullmatch(name)}
    # The client imports from where this process does: never from the working directory alone.
    path = os.pathsep.join(map(os.path.abspath, sys.path))
    return subprocess.Popen(  # noqa: S603 - our own module
        _CLIENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**kept, "PYTHONPATH": path},
        **system.APART,
    )


def _begun(work: Callable[[], None]) -> Future[None]:
    """Do the work in a thread that does not keep the command from ending."""
    future: Future[None] = Future()

    def run() -> None:
        try:
            work()
            future.set_result(None)
        except Exception as error:  # noqa: BLE001 - requests can raise any
            future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return future


def _is_loopback(host: str) -> bool:
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode() + b"\n"
