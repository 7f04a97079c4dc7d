"""Tasks for an executor: submitted ahead, and their results returned in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from contextlib import closing
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

from attrs import frozen

from trustkeys.core.engine import generate
from trustkeys.core.request import GenerateKeyRequest
from trustkeys.errors import BatchError, InvalidInputError, TrustKeysError
from trustkeys.wording import shape

__tracebackhide__ = True

T = TypeVar("T")

Group = tuple[GenerateKeyRequest, ...]
"""The requests of one task."""

AHEAD = 16
"""How many tasks are in flight for each worker.

Some RSA keys take ten times as long as others. The workers must not wait for a slow one.
"""

OCT_KEYS = 100
"""How many oct keys a task makes for a process or cluster: sending it takes longer than a key."""


def in_order(
    requests: Iterable[GenerateKeyRequest],
    executor: Executor | None,
    workers: int,
    work: Callable[[Group, str], list[Any]],
    receive: Callable[[Any], T],
    *,
    oct_in_place: bool,
    timeout: float | None = None,
) -> Generator[T]:
    """Do the work for each request, lazily, and yield the results in order.

    Args:
        requests: The requests.
        executor: Where the work is done. Default: threads.
        workers: How many tasks run at the same time.
        work: Returns a result for each request of a task.
        receive: Checks a result.
        oct_in_place: Whether to generate oct keys in the calling thread instead.
        timeout: How long to wait for a task, in seconds.

    Raises:
        BatchError: While iterating: anything failed. The results before it were returned.
    """
    done = 0
    with closing(
        _results(
            requests, executor, workers, work, receive, oct_in_place=oct_in_place, timeout=timeout
        )
    ) as results:
        while True:
            try:
                result = next(results)
            except StopIteration:
                return
            except Exception as error:
                raise _failure(error, done) from error
            yield result
            done += 1


@frozen
class _Task:
    """The work on some requests, which runs elsewhere."""

    future: Future[Any]
    size: int

    def results(self, timeout: float | None) -> Iterator[Any]:
        """Wait for the task, and yield a result for each request."""
        if timeout is not None and not wait([self.future], timeout).done:
            raise TrustKeysError(f"no key came within {timeout} seconds", code="TimeoutError")
        results = self.future.result()
        if not isinstance(results, list):
            raise InvalidInputError(
                f"the executor must return a list, not {shape(results)}", target="executor"
            )
        for result in results[: self.size]:
            if isinstance(result, Exception):
                raise result
            yield result
        if len(results) != self.size:
            raise InvalidInputError(
                f"the executor must return {self.size} keys, not {len(results)}", target="executor"
            )


def _results(
    requests: Iterable[GenerateKeyRequest],
    executor: Executor | None,
    workers: int,
    work: Callable[[Group, str], list[Any]],
    receive: Callable[[Any], T],
    *,
    oct_in_place: bool,
    timeout: float | None,
) -> Generator[T]:
    # Starts no thread before the first key that needs one.
    pool = ThreadPoolExecutor(workers) if executor is None else executor
    is_single = oct_in_place or isinstance(pool, ThreadPoolExecutor)
    groups = _groups(_asked(requests), 1 if is_single else OCT_KEYS)
    submitted = _submitted(groups, pool, work, oct_in_place=oct_in_place)
    queue: deque[_Task | GenerateKeyRequest] = deque()
    ahead = 1
    try:
        while True:
            while len(queue) < ahead and (each := next(submitted, None)) is not None:
                queue.append(each)
                if isinstance(each, _Task):
                    ahead = AHEAD * workers
            if not queue:
                return
            first = queue.popleft()
            if isinstance(first, _Task):
                yield from map(receive, first.results(timeout))
            else:
                yield receive(generate(first))
    finally:
        for each in queue:
            if isinstance(each, _Task):
                each.future.cancel()
        if executor is None:
            pool.shutdown()


def _asked(requests: Iterable[GenerateKeyRequest]) -> Iterator[GenerateKeyRequest | Exception]:
    """Yield the requests; if that fails, end with the error, which is raised in its turn."""
    try:
        for request in requests:
            if not isinstance(request, GenerateKeyRequest):
                raise InvalidInputError(  # noqa: TRY301 - all errors take this way
                    f"a request must be a GenerateKeyRequest, not {shape(request)}",
                    target="requests",
                )
            yield request
    except Exception as error:  # noqa: BLE001 - the caller's requests can raise any
        yield error


def _groups(
    asked: Iterable[GenerateKeyRequest | Exception], oct_keys: int
) -> Iterator[Group | Exception]:
    """Group up to `oct_keys` requests for oct keys in a row. Other requests stay alone."""
    group: list[GenerateKeyRequest] = []
    for each in asked:
        joins = isinstance(each, GenerateKeyRequest) and each.kty == "oct"
        if isinstance(each, GenerateKeyRequest) and joins:
            group.append(each)
        if group and (len(group) == oct_keys or not joins):
            yield tuple(group)
            group = []
        if not joins:
            yield each if isinstance(each, Exception) else (each,)
    if group:
        yield tuple(group)


def _submitted(
    groups: Iterable[Group | Exception],
    pool: Executor,
    work: Callable[[Group, str], list[Any]],
    *,
    oct_in_place: bool,
) -> Iterator[_Task | GenerateKeyRequest]:
    """Submit the requests, or yield that of an oct key, which is generated when its turn comes."""
    run = os.urandom(16).hex()
    for number, group in enumerate(groups):
        if isinstance(group, Exception):
            yield _Task(_failed(group), 1)
        elif oct_in_place and group[0].kty == "oct":
            yield group[0]
        else:
            yield _Task(_submit(pool, partial(work, group, f"{run} {number}")), len(group))


def _submit(pool: Executor, call: Callable[[], list[Any]]) -> Future[Any]:
    try:
        if isinstance(pool, ThreadPoolExecutor):
            # The caller's context variables, such as allow_test_keys(), apply in its threads.
            return pool.submit(copy_context().run, call)
        return pool.submit(call)
    except Exception as error:  # noqa: BLE001 - pools can raise any
        return _failed(error)


def _failed(error: Exception) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_exception(error)
    return future


def _failure(error: Exception, done: int) -> BatchError:
    if isinstance(error, TrustKeysError):
        why, code = error.message, error.code
    else:  # its message can hold a secret
        why = code = type(error).__name__
    return BatchError(f"after {done} keys: {why}", code=code, done=done)
