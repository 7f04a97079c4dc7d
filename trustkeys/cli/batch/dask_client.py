"""The Dask client of trustkeys batch: a process without a key or a file of the command.

What the cluster sends can run code here. The first line of standard input has the address and the
recipient, and each other line a request. The answers are lines of JSON, in the order of the
requests. An empty one comes each second, so that this process ends if the command has ended.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from time import monotonic
from typing import Any, BinaryIO

from trustkeys.batch import MAX_WORKERS, generate_sealed_with_kids
from trustkeys.core.request import GenerateKeyRequest
from trustkeys.errors import BatchError

__tracebackhide__ = True

CONNECT_SECONDS = 10
"""How long to wait for the scheduler and for a worker, in seconds."""

SILENCE_SECONDS = 10
"""How long to wait for a key or, if keys take long, for an answer of each worker, in seconds."""

BEAT_SECONDS = 1
"""How often to show that this process is alive, in seconds."""


class _Cluster(Executor):
    """A Dask cluster. Dask's own executor waits forever if the scheduler disappears."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._loop = asyncio.get_running_loop()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        async def result() -> Any:
            return await self._client.submit(fn, *args, **kwargs, pure=False)

        return asyncio.run_coroutine_threadsafe(result(), self._loop)


class _Command:
    """The command that started this process.

    Attributes:
        heard: When something was last heard of the cluster.
    """

    def __init__(self, output: BinaryIO) -> None:
        self._output = output
        self._lock = threading.Lock()
        self.heard = monotonic()

    def say(self, **answer: Any) -> None:
        """Answer, or end this process if the command has ended."""
        try:
            with self._lock:
                self._output.write(json.dumps(answer).encode() + b"\n")
                self._output.flush()
        except OSError:
            os._exit(1)

    def seal(
        self, requests: Iterable[GenerateKeyRequest], to: str, executor: Executor, cores: int
    ) -> None:
        """Answer with the keys of a cluster."""
        sealed = generate_sealed_with_kids(requests, to=to, executor=executor, workers=cores)
        try:
            for kid, jwe in sealed:
                self.heard = monotonic()
                self.say(kid=kid, jwe=jwe)
        except BatchError as error:
            is_gone = error.code.endswith("CancelledError")  # Dask has one of its own
            self.say(error="the connection to the Dask scheduler broke" if is_gone else str(error))

    async def beat(self) -> None:
        """Show that this process is alive."""
        while True:
            self.say()
            await asyncio.sleep(BEAT_SECONDS)

    async def watch(self, client: Any) -> None:
        """Wait until the scheduler or a worker has stopped. Workers answer also while they work."""
        problem = ""
        self.heard = monotonic()

        async def ask() -> None:
            nonlocal problem
            problem = "the Dask cluster does not answer: its scheduler or a worker has stopped"
            if await client.run(int, on_error="ignore"):
                self.heard = monotonic()
            else:
                problem = "the Dask cluster has no workers left"

        asking = asyncio.create_task(ask())
        while monotonic() < self.heard + SILENCE_SECONDS:
            await asyncio.sleep(BEAT_SECONDS)
            if asking.done() and monotonic() > self.heard + BEAT_SECONDS:
                asking = asyncio.create_task(ask())
        self.say(error=problem)


async def _connected(address: str) -> tuple[Any, int]:
    """Return a Dask client and the number of CPU cores of the cluster.

    Raises:
        ValueError: Dask is missing, or its configuration is wrong or lacks certificates.
        OSError: No scheduler answers, or it has no workers.
    """
    deadline = asyncio.get_running_loop().time() + CONNECT_SECONDS
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        raise ValueError('--dask needs Dask: pip install "trustkeys[dask]"') from error
    try:
        client: Any = Client(address, timeout=CONNECT_SECONDS, asynchronous=True)
    except Exception as error:
        # OpenSSL's errors do not name the file.
        part = ", under distributed.comm.tls" if isinstance(error, OSError) else ""
        raise ValueError(f"--dask: Dask's configuration is wrong{part}: {error}") from error
    problem = "no Dask scheduler answers at this address"
    try:
        async with asyncio.timeout_at(deadline):
            await client
            problem = "the Dask cluster has no workers"
            await client.wait_for_workers(1)
            return client, sum((await client.ncores()).values())
    except TypeError as error:  # says Dask
        message = (
            "--dask with tls:// needs certificates: ca-file, client.cert and client.key under "
            "distributed.comm.tls in Dask's configuration"
        )
        raise ValueError(message) from error
    except Exception as error:  # a foreign server can make Dask raise any
        if type(error).__name__ == "FatalCommClosedError":
            problem = (
                "TLS failed: the scheduler does not use TLS, or it or this client has a "
                "certificate of another authority"
            )
        raise OSError(problem) from error


async def serve(command: _Command, lines: Iterable[bytes], address: str, to: str) -> None:
    """Connect to the cluster, and answer the requests."""
    beating = asyncio.create_task(command.beat())
    try:
        client, cores = await _connected(address)
    except ValueError as error:
        command.say(refused=str(error))
    except OSError as error:
        command.say(error=str(error))
    else:
        command.say(connected=True)
        requests = (GenerateKeyRequest(**json.loads(line)) for line in lines)
        workers = min(max(1, cores), MAX_WORKERS)
        sealing = asyncio.to_thread(command.seal, requests, to, _Cluster(client), workers)
        tasks = [asyncio.create_task(each) for each in (sealing, command.watch(client))]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    beating.cancel()


async def _main(command: _Command, lines: Iterator[bytes]) -> None:
    await serve(command, lines, **json.loads(next(lines)))
    os._exit(0)  # without waiting for a cluster that does not answer


def main() -> None:
    """Run the client until the command ends it."""
    logging.disable()
    asyncio.run(_main(_Command(sys.stdout.buffer), iter(sys.stdin.buffer.readline, b"")))
