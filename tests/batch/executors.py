"""Executors and requests for the tests of trustkeys.batch."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    Executor,
    Future,
    ThreadPoolExecutor,
)
from itertools import count, islice
from typing import Any

import pytest

from trustkeys import (
    BatchError,
    GenerateKeyRequest,
    TrustFrameworkKey,
    testing,
)
from trustkeys.core.rsa import RSAStrategy

SECRET = "correct-horse-battery-staple"


RSA = GenerateKeyRequest("sig", "RSA")


OCT = GenerateKeyRequest("sig", "oct")


def numbered(kty: str = "RSA", *, end: int | None = None) -> Iterator[GenerateKeyRequest]:
    """Return requests that differ in their nbf; without `end`, infinitely many."""
    return (GenerateKeyRequest("enc", kty, nbf=number) for number in islice(count(), end))


def dates(keys: Iterable[TrustFrameworkKey]) -> list[int | None]:
    return [key.nbf for key in keys]


class Taken:
    """Requests that count how many of them were taken."""

    def __init__(self, requests: Iterable[GenerateKeyRequest]) -> None:
        self.requests = iter(requests)
        self.count = 0

    def __iter__(self) -> Iterator[GenerateKeyRequest]:
        for request in self.requests:
            self.count += 1
            yield request


class Held(ThreadPoolExecutor):
    """A pool that waits for a number of calls, and then works on the last one first."""

    def __init__(self, wanted: int) -> None:
        super().__init__(1)
        self.wanted = wanted
        self.calls: list[tuple[Future[Any], Callable[[], Any]]] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.calls.append((future, lambda: fn(*args, **kwargs)))
        if len(self.calls) == self.wanted:
            for each, work in reversed(self.calls):
                each.set_result(work())
        return future


class Elsewhere(Executor):
    """An executor on another machine: everything is pickled on its way, and seen."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        fn, args, kwargs = self.carry((fn, args, kwargs))
        future.set_result(self.carry(fn(*args, **kwargs)))
        return future

    def carry(self, value: Any) -> Any:
        self.seen.append(pickle.dumps(value))
        return pickle.loads(self.seen[-1])

    def __len__(self) -> int:
        return 0  # it is falsy, and must not be taken for None


class Pure(Elsewhere):
    """An executor that returns the result of an equal call again, as Dask does."""

    def __init__(self) -> None:
        super().__init__()
        self.results: dict[bytes, Future[Any]] = {}

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        call = pickle.dumps((fn, args, kwargs))
        if call not in self.results:
            self.results[call] = super().submit(fn, *args, **kwargs)
        return self.results[call]


class Scripted(RSAStrategy):
    """RSA with a step before each key."""

    def __init__(self, step: Callable[[int], object]) -> None:
        self.step = step
        self.calls = 0
        self.lock = threading.Lock()

    def generate(self, size: int) -> dict[str, str]:
        with self.lock:
            self.calls += 1
            number = self.calls
        self.step(number)
        jwk = testing.rsa_key(number, size=size).to_jwk(private=True)
        return {name: jwk[name] for name in (*self.required, *self.private)}


def failed(keys: Iterator[Any], done: int, code: str, why: str) -> BatchError:
    """Iterate until the error, which comes after `done` keys, and check and return it."""
    assert len(list(islice(keys, done))) == done
    with pytest.raises(BatchError) as caught:
        next(keys)
    error = caught.value
    assert (error.done, error.code, error.target) == (done, code, None)
    assert error.message.startswith(f"after {done} keys: {why}")
    shown = f"{error.message} ({code})" if code.startswith("AADB2C") else error.message
    assert str(error) == shown
    again = pickle.loads(pickle.dumps(error))
    assert (again.message, again.code, again.done) == (error.message, code, done)
    assert list(keys) == []
    return error
