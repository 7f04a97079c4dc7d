"""Many keys: on all cores of this machine, or on any `concurrent.futures` executor."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

from trustkeys.core.engine import generate
from trustkeys.core.jwk import read_jwk
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.request import GenerateKeyRequest
from trustkeys.errors import BatchError, InvalidInputError, TrustKeysError
from trustkeys.formats.jwe import encrypt_key
from trustkeys.formats.recipient import Recipient, public_text
from trustkeys.wording import quantity, shape

__tracebackhide__ = True

T = TypeVar("T")

AHEAD = 16
"""How many requests are in flight for each worker.

Some RSA keys take ten times as long as others. The workers must not wait for a slow one.
"""

MAX_WORKERS = 10_000


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
        executor: A pool of threads or processes of this machine; it is not shut down. Processes
            know only the key types that are registered with an entry point. Default: threads.
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
    is_local = shares_memory or isinstance(executor, ProcessPoolExecutor)
    if not is_local and not (allow_plain and isinstance(executor, Executor)):
        raise InvalidInputError(
            "executor must be a ThreadPoolExecutor or a ProcessPoolExecutor, not "
            f"{shape(executor)}: it would get private keys unencrypted. For other executors use "
            "generate_sealed(), or allow_plain=True",
            target="executor",
        )
    work = _generate if shares_memory else _generate_jwk
    requests, count = _checked(requests), _checked_workers(workers)
    return _in_order(requests, executor, count, work, _key_of, oct_in_place=True)


def generate_sealed(
    requests: Iterable[GenerateKeyRequest],
    *,
    to: Recipient,
    executor: Executor | None = None,
    workers: int | None = None,
) -> Generator[str]:
    """Generate many keys, and seal each to a recipient where it is generated.

    Any executor will do, such as Dask's ``client.get_executor()`` or `mpi4py.futures`: only the
    recipient can read what it returns. Note that Dask's own waits forever if its scheduler
    disappears. Otherwise as `generate_keys`.

    Args:
        requests: The requests, one for each key.
        to: The recipient's public key, as for `trustkeys.formats.jwe.encrypt_key`.
        executor: Any `concurrent.futures` executor; it is not shut down. Default: threads.
        workers: As for `generate_keys`.

    Returns:
        Compact JWEs, as of `encrypt_key`.

    Raises:
        InvalidInputError: As `encrypt_key` for `to`; `requests` is not iterable, `executor` is
            not an executor, or `workers` is out of range. Code ``BadRequest``.
        BatchError: As `generate_keys`.
    """
    return _texts(generate_sealed_with_kids(requests, to=to, executor=executor, workers=workers))


def generate_sealed_with_kids(
    requests: Iterable[GenerateKeyRequest],
    *,
    to: Recipient,
    executor: Executor | None = None,
    workers: int | None = None,
) -> Generator[tuple[str, str]]:
    """Do as `generate_sealed`, and yield the `kid` before each JWE."""
    if not isinstance(executor, Executor | None):
        raise InvalidInputError(
            f"executor must be a concurrent.futures.Executor, not {shape(executor)}",
            target="executor",
        )
    work = partial(_generate_sealed, to=public_text(to))
    requests, count = _checked(requests), _checked_workers(workers)
    return _in_order(requests, executor, count, work, _kid_and_jwe, oct_in_place=False)


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


# The work for one request. The second argument makes each call unique: Dask returns the result of
# an equal call again, which would be the same key.


def _generate(request: GenerateKeyRequest, _call: str) -> TrustFrameworkKey:
    return generate(request)


def _generate_jwk(request: GenerateKeyRequest, _call: str) -> dict[str, Any]:
    return generate(request).to_jwk(private=True)


def _generate_sealed(request: GenerateKeyRequest, _call: str, *, to: str) -> tuple[str, str]:
    key = generate(request)
    return key.kid, encrypt_key(key, to=to)


# What an executor returns, checked.


def _key_of(result: TrustFrameworkKey | dict[str, Any]) -> TrustFrameworkKey:
    if isinstance(result, TrustFrameworkKey):
        return result
    return TrustFrameworkKey(**read_jwk(result, prove=False))


def _kid_and_jwe(result: object) -> tuple[str, str]:
    match result:
        # The kid can become the name of a file.
        case (str(kid), str(text)) if _KID.fullmatch(kid) and _JWE.fullmatch(text):
            return kid, text
    raise InvalidInputError(
        f"the executor must return the kid and the JWE of a key, not {shape(result)}",
        target="executor",
    )


_KID = re.compile(r"[A-Za-z0-9_-]{1,64}")

_JWE = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){4}")


def _checked_workers(workers: int | None) -> int:
    if workers is None:
        return (
            len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else os.cpu_count() or 1
        )
    if isinstance(workers, int) and not isinstance(workers, bool) and 1 <= workers <= MAX_WORKERS:
        return workers
    raise InvalidInputError(
        f"workers must be 1 to {MAX_WORKERS}, not {quantity(workers)}", target="workers"
    )


def _in_order(
    requests: Iterable[GenerateKeyRequest],
    executor: Executor | None,
    workers: int,
    work: Callable[[GenerateKeyRequest, str], Any],
    receive: Callable[[Any], T],
    *,
    oct_in_place: bool,
) -> Generator[T]:
    # Starts no thread before the first key that needs one.
    pool = ThreadPoolExecutor(workers) if executor is None else executor
    submitted = _submitted(requests, pool, work, oct_in_place=oct_in_place)
    queue: deque[Future[Any] | GenerateKeyRequest] = deque()
    ahead, done = 1, 0
    try:
        while True:
            while len(queue) < ahead and (each := next(submitted, None)) is not None:
                queue.append(each)
                if isinstance(each, Future):
                    ahead = AHEAD * workers
            if not queue:
                return
            first = queue.popleft()
            try:
                result = receive(first.result() if isinstance(first, Future) else generate(first))
            except Exception as error:
                raise _failure(error, done) from error
            yield result
            done += 1
    finally:
        for each in queue:
            if isinstance(each, Future):
                each.cancel()
        if executor is None:
            pool.shutdown()


def _submitted(
    requests: Iterable[GenerateKeyRequest],
    pool: Executor,
    work: Callable[[GenerateKeyRequest, str], Any],
    *,
    oct_in_place: bool,
) -> Iterator[Future[Any] | GenerateKeyRequest]:
    """Submit each request, or yield that of an oct key, which is generated when its turn comes.

    If that fails, end with a future that raises the error in its turn.
    """
    run = os.urandom(16).hex()
    try:
        for number, request in enumerate(requests):
            if not isinstance(request, GenerateKeyRequest):
                raise InvalidInputError(  # noqa: TRY301 - all errors take this way
                    f"a request must be a GenerateKeyRequest, not {shape(request)}",
                    target="requests",
                )
            if oct_in_place and request.kty == "oct":
                yield request
                continue
            call = partial(work, request, f"{run} {number}")
            if isinstance(pool, ThreadPoolExecutor):
                # The caller's context variables, such as allow_test_keys(), apply in its threads.
                yield pool.submit(copy_context().run, call)
            else:
                yield pool.submit(call)
    except Exception as error:  # noqa: BLE001 - the caller's requests can raise any, and so can pools
        failed: Future[Any] = Future()
        failed.set_exception(error)
        yield failed


def _failure(error: Exception, done: int) -> BatchError:
    if isinstance(error, TrustKeysError):
        why, code = error.message, error.code
    else:  # its message can hold a secret
        why = code = type(error).__name__
    return BatchError(f"after {done} keys: {why}", code=code, done=done)
