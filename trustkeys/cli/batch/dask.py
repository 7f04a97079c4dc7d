"""Keys on a Dask cluster."""

from __future__ import annotations

import errno
import logging
from asyncio import run_coroutine_threadsafe
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import ExitStack, contextmanager
from typing import Any

import click

from trustkeys.cli.params import typed
from trustkeys.errors import InvalidInputError

__tracebackhide__ = True

CONNECT_SECONDS = 10
"""How long to wait for the scheduler's answer, in seconds."""


class _Cluster(Executor):
    """A Dask cluster. Dask's own executor waits forever if the scheduler disappears."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        submitted = self._client.submit(fn, *args, **kwargs, pure=False)

        async def result() -> Any:
            return await submitted

        return run_coroutine_threadsafe(result(), self._client.loop.asyncio_loop)


@contextmanager
def cluster(address: str) -> Iterator[tuple[Executor, int]]:
    """Connect to a Dask cluster, and return its executor and the number of its CPU cores.

    Args:
        address: The scheduler, such as ``tcp://HOST:8786``.

    Raises:
        UsageError: The extra ``dask`` is missing.
        InvalidInputError: It is not an address. Code ``BadRequest``, target `dask`.
        TimeoutError: No scheduler answers within 10 seconds.
    """
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        raise click.UsageError("--dask needs Dask: pip install 'trustkeys[dask]'") from error
    with ExitStack() as opened:
        opened.callback(logging.disable, logging.root.manager.disable)
        logging.disable()  # Dask logs pages about an error; ours is one line
        try:
            client = opened.enter_context(Client(address, timeout=CONNECT_SECONDS))
            cores = sum(client.ncores().values())
        except OSError as error:
            message = "no Dask scheduler answers at this address"
            raise TimeoutError(errno.ETIMEDOUT, message, address) from error
        except (ImportError, TypeError, ValueError) as error:
            raise InvalidInputError(
                "--dask must be the address of a scheduler such as tcp://HOST:8786, not "
                f"{typed(address)}",
                target="dask",
            ) from error
        yield _Cluster(client), max(1, cores)
