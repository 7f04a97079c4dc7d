"""Many keys: on all cores of this machine, or on any `concurrent.futures` executor."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Generator, Iterable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import Any, TypeVar

from trustkeys.core.engine import generate
from trustkeys.core.jwk import read_jwk
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.request import GenerateKeyRequest
from trustkeys.errors import InvalidInputError
from trustkeys.formats.jwe import encrypt_key
from trustkeys.formats.recipient import Recipient, public_text
from trustkeys.system import processors
from trustkeys.tasks import Group, in_order
from trustkeys.wording import quantity, shape

__tracebackhide__ = True

T = TypeVar("T")

MAX_WORKERS = 10_000

MAX_SEALED = 262_144
"""The longest sealed key, in characters. A sealed RSA-4096 key has 6,000."""


def generate_keys(
    requests: Iterable[GenerateKeyRequest],
    *,
    executor: Executor | None = None,
    workers: int | None = None,
    allow_plain: bool = False,
) -> Generator[TrustFrameworkKey]:
    """Generate many keys, lazily and in the order of the requests.

    `requests` may be infinite: at most 16 for each worker are in flight. oct keys take
    microseconds, and are generated in the calling thread. Closing the iterator cancels the
    requests that have not started, and leaves no thread behind. The iterator is not thread-safe.

    Args:
        requests: The requests, one for each key.
        executor: A pool of threads or processes of this machine, or loky's (joblib); it is not
            shut down. Processes know only the key types that are registered with an entry
            point. Default: threads.
        workers: How many keys are generated at the same time, 1 to 10,000. With an executor:
            the number of its workers. Default: the number of CPU cores this process may use.
        allow_plain: Whether other executors are allowed. They send the private keys unencrypted
            over the network, and through the memory of a scheduler. `generate_sealed` does not.

    Raises:
        InvalidInputError: `requests` is not iterable, `executor` is of another kind, or
            `workers` is out of range. Code ``BadRequest``.
        BatchError: While iterating: `requests`, a key or the executor failed. The keys before
            it were returned; its `done` is their number.
    """
    shares_memory = isinstance(executor, ThreadPoolExecutor | None)
    is_local = shares_memory or isinstance(executor, _process_pools())
    if not is_local and not (allow_plain and isinstance(executor, Executor)):
        raise InvalidInputError(
            "executor must be a ThreadPoolExecutor or a ProcessPoolExecutor, not "
            f"{shape(executor)}: it would get private keys unencrypted. For other executors use "
            "generate_sealed(), or allow_plain=True",
            target="executor",
        )
    work = _generate if shares_memory else _generate_jwk
    requests, count = _checked(requests), _checked_workers(workers)
    return in_order(requests, executor, count, work, _key_of, oct_in_place=True)


def generate_sealed(
    requests: Iterable[GenerateKeyRequest],
    *,
    to: Recipient,
    executor: Executor | None = None,
    workers: int | None = None,
    timeout: float | None = None,
) -> Generator[str]:
    """Generate many keys, and seal each to a recipient where it is generated.

    Any executor will do, such as Dask's ``client.get_executor()`` or `mpi4py.futures`: only the
    recipient can read what it returns. But most executors, and Dask's client, unpickle what the
    workers return: whoever controls a worker can run code in this process. ``trustkeys batch
    --dask`` keeps that away from its own process.

    Otherwise as `generate_keys`, with one difference: processes and clusters get up to 100 oct
    keys in one task, and 16 tasks for each worker are in flight.

    Args:
        requests: The requests, one for each key.
        to: The recipient's public key, as for `trustkeys.formats.jwe.encrypt_key`.
        executor: Any `concurrent.futures` executor; it is not shut down. Default: threads.
        workers: As for `generate_keys`.
        timeout: How long to wait for the next task, in seconds. Default: forever, also if the
            cluster has stopped.

    Returns:
        Compact JWEs, as of `encrypt_key`.

    Raises:
        InvalidInputError: As `encrypt_key` for `to`; `requests` is not iterable, `executor` is
            not an executor, or `workers` or `timeout` is out of range. Code ``BadRequest``.
        BatchError: As `generate_keys`; or no key came within `timeout`. Code ``TimeoutError``.
    """
    return _texts(
        generate_sealed_with_kids(
            requests, to=to, executor=executor, workers=workers, timeout=timeout
        )
    )


def generate_sealed_with_kids(
    requests: Iterable[GenerateKeyRequest],
    *,
    to: Recipient,
    executor: Executor | None = None,
    workers: int | None = None,
    timeout: float | None = None,
) -> Generator[tuple[str, str]]:
    """Do as `generate_sealed`, and yield the `kid` before each JWE."""
    if not isinstance(executor, Executor | None):
        raise InvalidInputError(
            f"executor must be a concurrent.futures.Executor, not {shape(executor)}",
            target="executor",
        )
    if timeout is not None and not _is_timeout(timeout):
        raise InvalidInputError(
            f"timeout must be a positive number of seconds, not {shape(timeout)}", target="timeout"
        )
    work = partial(_generate_sealed, to=public_text(to))
    requests, count = _checked(requests), _checked_workers(workers)
    return in_order(
        requests, executor, count, work, kid_and_jwe, oct_in_place=False, timeout=timeout
    )


def kid_and_jwe(result: object) -> tuple[str, str]:
    """Return the `kid` and the JWE of a sealed key that came from elsewhere.

    Raises:
        InvalidInputError: It is something else. Code ``BadRequest``, target `executor`.
    """
    match result:
        case (str(kid), str(text)) if is_sealed(kid, text):
            return kid, text
    raise InvalidInputError(
        f"the executor must return the kid and the JWE of a key, not {shape(result)}",
        target="executor",
    )


def is_sealed(kid: str, text: str) -> bool:
    """Whether these look like the `kid` and the JWE of a key. Only the recipient can open it.

    The kid can become the name of a file.
    """
    return bool(_KID.fullmatch(kid) and len(text) <= MAX_SEALED and _JWE.fullmatch(text))


_KID = re.compile("[A-Za-z0-9_-]{43}")

# A compact JWE with A256GCM, whose nonce has 12 octets and whose tag has 16.
_JWE = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]{16}\.[\w-]+\.[\w-]{22}", re.ASCII)


def _process_pools() -> tuple[type[Executor], ...]:
    """Return the classes of pools of local processes, without importing loky."""
    loky = ("loky.process_executor", "joblib.externals.loky.process_executor")
    modules = [sys.modules[name] for name in loky if name in sys.modules]
    return (ProcessPoolExecutor, *(module.ProcessPoolExecutor for module in modules))


def _is_timeout(value: object) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and 0 < value <= threading.TIMEOUT_MAX
    )


def _texts(pairs: Generator[tuple[str, str]]) -> Generator[str]:
    with closing(pairs):
        for _kid, text in pairs:
            yield text


def _checked(requests: Iterable[T]) -> Iterable[T]:
    if isinstance(requests, Iterable):
        return requests
    raise InvalidInputError(
        f"requests must be an iterable of GenerateKeyRequest, not {shape(requests)}",
        target="requests",
    )


def _checked_workers(workers: int | None) -> int:
    if workers is None:
        return processors()
    if isinstance(workers, int) and not isinstance(workers, bool) and 1 <= workers <= MAX_WORKERS:
        return workers
    raise InvalidInputError(
        f"workers must be 1 to {MAX_WORKERS}, not {quantity(workers)}", target="workers"
    )


# The work of a task: a result for each request. The second argument makes each call unique: Dask
# returns the result of an equal call again, which would be the same key.


def _generate(group: Group, _call: str) -> list[TrustFrameworkKey]:
    return [generate(request) for request in group]


def _generate_jwk(group: Group, _call: str) -> list[dict[str, Any]]:
    return [generate(request).to_jwk(private=True) for request in group]


def _generate_sealed(group: Group, _call: str, *, to: str) -> list[tuple[str, str] | Exception]:
    """Return the sealed keys; if one fails, those before it and the error."""
    sealed: list[tuple[str, str] | Exception] = []
    for request in group:
        try:
            key = generate(request)
            sealed.append((key.kid, encrypt_key(key, to=to)))
        except Exception as error:
            if not sealed:
                raise
            return [*sealed, error]
    return sealed


def _key_of(result: TrustFrameworkKey | dict[str, Any]) -> TrustFrameworkKey:
    if isinstance(result, TrustFrameworkKey):
        return result
    return TrustFrameworkKey(**read_jwk(result, prove=False))
