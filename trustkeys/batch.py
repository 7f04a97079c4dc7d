"""Many keys: on all cores of this machine, or on whatever speaks `concurrent.futures`."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any, Generic, TypeVar

from attrs import define, field, frozen

from trustkeys.core.engine import generate
from trustkeys.core.jwk import read_jwk
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.request import GenerateKeyRequest
from trustkeys.errors import BatchError, InvalidInputError, TrustKeysError
from trustkeys.formats.sealed import Recipient, public_text, seal
from trustkeys.wording import quantity, shape

__all__ = ["generate_keys", "generate_sealed"]

__tracebackhide__ = True

T = TypeVar("T")

AHEAD = 16
"""How many requests are in flight for each worker.

Some RSA keys take ten times as long as others, and the workers must not wait for one of them.
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

    `requests` can be without end: at most 16 for each worker are in flight. oct keys take
    microseconds, and are made in place. Closing the iterator cancels what has not begun, and
    leaves no thread behind. For use by one thread at a time.

    Args:
        requests: What is asked for.
        executor: A pool of threads or processes of this machine; it is not shut down. (Processes
            know the key types that come with an entry point, and not those that were registered
            here by a call.) Default: threads on all cores that this process may use.
        workers: How many keys are made at the same time. With an executor: how many it has.
            Default: as many as cores.
        allow_plain: Whether private keys may go in the open to an executor that is neither: over
            the wire, and through the memory of its scheduler. `generate_sealed` is the other way.

    Raises:
        InvalidInputError: `requests` cannot be iterated over, `executor` is another kind, or
            `workers` no number of them. Code ``BadRequest``.
        BatchError: When iterating: a request or its key fails, or the executor does. The keys
            before it were handed out, and the error says how many those were.
    """
    is_plain = isinstance(executor, ThreadPoolExecutor | None)
    is_here = is_plain or isinstance(executor, ProcessPoolExecutor)
    if is_here or (allow_plain and isinstance(executor, Executor)):
        work = _generate if is_plain else _generate_jwk
        there = _Workers(executor, workers, work, _key_of, oct_here=True)
        return _run(there, _checked(requests))
    raise InvalidInputError(
        "executor must be a ThreadPoolExecutor or a ProcessPoolExecutor of this machine, not "
        f"{shape(executor)}: private keys would lie in the open there. generate_sealed() is for "
        "others, or allow_plain=True",
        target="executor",
    )


def generate_sealed(
    requests: Iterable[GenerateKeyRequest],
    *,
    to: Recipient,
    executor: Executor | None = None,
    workers: int | None = None,
) -> Generator[str]:
    """Generate many keys, each sealed to a recipient where it is made; else as `generate_keys`.

    So any executor will do, such as Dask's ``client.get_executor()`` or `mpi4py.futures`: what
    it carries back only the recipient can read. Dask's own can wait for ever when its scheduler
    goes away.

    Args:
        requests: What is asked for.
        to: The recipient's public key, as `trustkeys.formats.sealed.seal` takes it.
        executor: Any. Default: threads.
        workers: As `generate_keys`.

    Returns:
        Compact JWEs, as of `seal`.

    Raises:
        InvalidInputError: As `seal` for `to`; `requests` cannot be iterated over, `executor` is
            none, or `workers` no number.
        BatchError: As `generate_keys`.
    """
    return _sealed(requests, to, executor, workers, lambda answer: _checked_pair(answer)[1])


def generate_sealed_with_kids(
    requests: Iterable[GenerateKeyRequest],
    to: Recipient,
    executor: Executor | None,
    workers: int | None,
) -> Generator[tuple[str, str]]:
    """Do as `generate_sealed`, and give the `kid` before each."""
    return _sealed(requests, to, executor, workers, _checked_pair)


def _checked(requests: Iterable[T]) -> Iterable[T]:
    if isinstance(requests, Iterable):
        return requests
    raise InvalidInputError(
        f"requests must be an iterable of them, not {shape(requests)}", target="requests"
    )


def _sealed(
    requests: Iterable[GenerateKeyRequest],
    to: Recipient,
    executor: Executor | None,
    workers: int | None,
    receive: Callable[[Any], T],
) -> Generator[T]:
    if not isinstance(executor, Executor | None):
        raise InvalidInputError(
            f"executor must be a concurrent.futures.Executor, not {shape(executor)}",
            target="executor",
        )
    work = partial(_generate_sealed, to=public_text(to))
    there = _Workers(executor, workers, work, receive, oct_here=False)
    return _run(there, _checked(requests))


# What is done for one request, here or elsewhere. No two calls are the same, so that what keeps
# the results of equal calls, as Dask does, cannot give one key twice.


def _generate(request: GenerateKeyRequest, _call: str) -> TrustFrameworkKey:
    return generate(request)


def _generate_jwk(request: GenerateKeyRequest, _call: str) -> dict[str, Any]:
    return generate(request).to_jwk(private=True)


def _generate_sealed(request: GenerateKeyRequest, _call: str, *, to: str) -> tuple[str, str]:
    key = generate(request)
    return key.kid, seal(key, to)


def _key_of(result: TrustFrameworkKey | dict[str, Any]) -> TrustFrameworkKey:
    if isinstance(result, TrustFrameworkKey):
        return result
    return TrustFrameworkKey(**read_jwk(result, prove=False))


def checked_workers(workers: int | None) -> int:
    """Give how many keys are made at the same time; where nobody says, as many as cores.

    Raises:
        InvalidInputError: `workers` is no number of them. Code ``BadRequest``.
    """
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


def _checked_pair(answer: object) -> tuple[str, str]:
    """Look at what comes back from elsewhere: a kid, which can become a file's name, and a JWE."""
    match answer:
        case (str(kid), str(text)) if _KID.fullmatch(kid) and _JWE.fullmatch(text):
            return kid, text
    raise InvalidInputError(
        f"the executor must give back what it was asked for, and gave {shape(answer)}",
        target="executor",
    )


_KID = re.compile(r"[A-Za-z0-9_-]{1,64}")

_JWE = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){4}")


@frozen
class _Now:
    """What is made here, when its turn comes; to the queue it is as a future."""

    result: Callable[[], Any]

    def cancel(self) -> None:
        """Leave it: it has not begun."""


@define
class _Workers(Generic[T]):
    """Where the work is done, and how much of it is under way at most."""

    executor: Executor | None
    count: int = field(converter=checked_workers)
    work: Callable[[GenerateKeyRequest, str], Any]
    receive: Callable[[Any], T]
    oct_here: bool
    own: ThreadPoolExecutor | None = None
    ahead: int = 1
    run: str = field(factory=lambda: os.urandom(16).hex())

    def begin(self, request: GenerateKeyRequest, number: int) -> Future[Any] | _Now:
        """Have a key made, now or when its turn comes."""
        if not isinstance(request, GenerateKeyRequest):
            raise InvalidInputError(
                f"a request must be a GenerateKeyRequest, not {shape(request)}", target="requests"
            )
        if self.oct_here and request.kty == "oct":
            return _Now(partial(generate, request))
        # Before this nothing is read ahead: it would only wait.
        self.ahead = AHEAD * self.count
        if self.executor is None:
            self.executor = self.own = ThreadPoolExecutor(self.count)
        call = partial(self.work, request, f"{self.run} {number}")
        if isinstance(self.executor, ThreadPoolExecutor):
            # What holds for who asks, such as what a test allows, holds for its threads.
            return self.executor.submit(copy_context().run, call)
        return self.executor.submit(call)


def _run(workers: _Workers[T], requests: Iterable[GenerateKeyRequest]) -> Generator[T]:
    queue: deque[Future[Any] | _Now] = deque()
    begun = _begun(workers, requests)
    done = 0
    try:
        while True:
            while len(queue) < workers.ahead and (each := next(begun, None)) is not None:
                queue.append(each)
            if not queue:
                return
            try:
                result = workers.receive(queue.popleft().result())
            except Exception as error:
                raise _failure(error, done) from error
            yield result
            done += 1
    finally:
        for each in queue:
            each.cancel()
        if workers.own is not None:
            workers.own.shutdown(cancel_futures=True)


def _begun(
    workers: _Workers[T], requests: Iterable[GenerateKeyRequest]
) -> Iterator[Future[Any] | _Now]:
    """Begin the work for each request; where that fails, the failure waits for its turn too."""
    try:
        for number, request in enumerate(requests):
            yield workers.begin(request, number)
    except Exception as error:  # noqa: BLE001 - the caller's requests can raise any, and so can pools
        failed: Future[Any] = Future()
        failed.set_exception(error)
        yield failed


def _failure(error: Exception, done: int) -> BatchError:
    why = error.message if isinstance(error, TrustKeysError) else type(error).__name__
    code = error.code if isinstance(error, TrustKeysError) else type(error).__name__
    return BatchError(f"after {done} keys: {why}", code=code, done=done)
