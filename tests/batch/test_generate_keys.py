"""`generate_keys`: in order, lazily, each key once, and nothing runs on afterwards."""

from __future__ import annotations

import gc
import json
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    ThreadPoolExecutor,
)
from contextlib import suppress
from itertools import repeat
from typing import Any

import pytest

import trustkeys
from tests import support
from tests.batch.executors import (
    OCT,
    RSA,
    SECRET,
    Elsewhere,
    Held,
    Scripted,
    Taken,
    dates,
    failed,
    numbered,
)
from trustkeys import (
    BatchError,
    GenerateKeyRequest,
    InvalidInputError,
    TrustFrameworkKey,
    batch,
    generate_keys,
    generate_sealed,
    register_strategy,
    testing,
)

# --- order


@pytest.mark.usefixtures("instant")
def test_keys_come_in_the_order_of_the_requests() -> None:
    with Held(wanted=10) as pool:
        keys = generate_keys(numbered(end=10), executor=pool, workers=1)
        assert dates(keys) == list(range(10))


@pytest.mark.parametrize("workers", [None, 1, 3])
@pytest.mark.usefixtures("instant")
def test_each_request_gets_its_own_key(workers: int | None) -> None:
    asked = [
        GenerateKeyRequest(use, kty, nbf=number, exp=number + 5, size=size)
        for number, (use, kty, size) in enumerate(
            [("sig", "RSA", 2048), ("enc", "oct", 512), ("sig", "oct", 256), ("enc", "RSA", 3072)]
            * 20
        )
    ]
    keys = list(generate_keys(asked, workers=workers))
    for request, key in zip(asked, keys, strict=True):
        assert (key.use, key.kty, key.nbf, key.exp) == (
            *(request.use, request.kty),
            *(request.nbf, request.exp),
        )
        assert key.size == request.size
    assert len({key.kid for key in keys}) == 80


def test_equal_requests_give_different_keys() -> None:
    keys = list(generate_keys(repeat(RSA, 3)))
    assert len({key.kid for key in keys}) == 3
    for key in keys:
        assert TrustFrameworkKey.from_jwk(key.to_jwk(private=True)) == key
        assert not trustkeys.is_test_key(key)


def test_no_requests_give_no_keys() -> None:
    assert list(generate_keys([])) == list(generate_keys(iter(()), workers=5)) == []


# --- laziness


@pytest.mark.usefixtures("instant")
def test_no_request_is_taken_before_the_first_key_is_needed() -> None:
    requests = Taken(numbered())
    keys = generate_keys(requests)
    assert requests.count == 0
    keys.close()
    assert requests.count == 0


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.usefixtures("instant")
def test_infinite_requests_are_taken_as_the_keys_are(workers: int) -> None:
    requests = Taken(numbered())
    keys = generate_keys(requests, workers=workers)
    for number in range(100):
        assert next(keys).nbf == number
        assert requests.count == 16 * workers + number
    keys.close()
    assert requests.count == 16 * workers + 99


def test_oct_keys_are_generated_one_at_a_time_without_a_thread() -> None:
    before = threading.active_count()
    requests = Taken(numbered("oct"))
    keys = generate_keys(requests, workers=4)
    for number in range(100):
        assert next(keys).nbf == number
        assert requests.count == number + 1
        assert threading.active_count() == before


@pytest.mark.usefixtures("instant")
def test_oct_keys_are_generated_in_the_calling_thread_unless_sealed(
    recipient: TrustFrameworkKey,
) -> None:
    pool = Elsewhere()
    asked = [OCT, RSA, OCT]
    assert len(list(generate_keys(asked, executor=pool, allow_plain=True))) == 3
    assert len(pool.seen) == 2
    # Sealing takes long, so sealed oct keys go to the executor.
    with testing.allow_test_keys():
        assert len(list(generate_sealed(asked, to=recipient, executor=pool))) == 3
    assert len(pool.seen) == 2 + 6


@pytest.mark.parametrize("kty", ["RSA", "oct"])
@pytest.mark.usefixtures("instant")
def test_returned_keys_are_not_kept_in_memory(kty: str) -> None:
    keys = generate_keys(numbered(kty), workers=1)
    seen = [weakref.ref(next(keys)) for _ in range(200)]
    gc.collect()
    assert sum(each() is not None for each in seen) <= 1
    keys.close()


# --- leaving early


def leave_by_closing(keys: Any) -> None:
    next(keys)
    keys.close()


def leave_by_breaking(keys: Any) -> None:
    for _ in keys:
        break


def leave_by_failing(keys: Any) -> None:
    with suppress(ZeroDivisionError):
        for _ in keys:
            raise ZeroDivisionError


def leave_by_forgetting(keys: Any) -> None:
    cycle = [keys]
    cycle.append(cycle)
    next(keys)


LEAVE = [leave_by_closing, leave_by_breaking, leave_by_failing, leave_by_forgetting]


@pytest.mark.parametrize("leave", LEAVE)
@pytest.mark.parametrize("is_ours", [True, False])
@pytest.mark.usefixtures("clean_registry")
def test_leaving_early_leaves_no_thread_and_no_work(
    monkeypatch: pytest.MonkeyPatch, leave: Callable[[Any], None], is_ours: bool
) -> None:
    gate = threading.Event()
    scripted = Scripted(lambda number: number == 1 or gate.wait(30))
    register_strategy(scripted, replace=True)
    shut_down = ThreadPoolExecutor.shutdown

    def shutdown(pool: ThreadPoolExecutor, *args: Any, **kwargs: Any) -> None:
        # By now everything is cancelled but a key that is being generated.
        gate.set()
        shut_down(pool, *args, **kwargs)

    with ThreadPoolExecutor(1) as given:
        given.submit(int).result()
        before = set(threading.enumerate())
        with monkeypatch.context() as patch:
            patch.setattr(ThreadPoolExecutor, "shutdown", shutdown)
            leave(generate_keys(repeat(RSA), executor=None if is_ours else given, workers=1))
            gc.collect()
        assert set(threading.enumerate()) == before
        gate.set()
        # The caller's executor is not shut down.
        assert given.submit(lambda: 5).result() == 5
    assert scripted.calls <= 2


@pytest.mark.usefixtures("instant")
def test_leaving_early_drops_waiting_oct_keys() -> None:
    keys = generate_keys([RSA, *repeat(OCT, 9)], workers=1)
    next(keys)
    keys.close()
    assert list(keys) == []


# --- failures


def failing(asked: Iterable[GenerateKeyRequest], error: BaseException) -> Iterator[Any]:
    yield from asked
    raise error


@pytest.mark.parametrize("kty", ["RSA", "oct"])
@pytest.mark.parametrize("done", [0, 3, 40])
@pytest.mark.usefixtures("instant")
def test_failing_requests_lose_no_key_before_them(kty: str, done: int) -> None:
    cause = ZeroDivisionError(SECRET)
    asked = failing(numbered(kty, end=done), cause)
    error = failed(generate_keys(asked, workers=1), done, "ZeroDivisionError", "ZeroDivisionError")
    assert error.__cause__ is cause


@pytest.mark.parametrize("wrong", [None, 5, "RSA", {"use": "sig", "kty": "RSA"}, RSA.to_graph])
@pytest.mark.usefixtures("instant")
def test_a_wrong_request_is_reported_in_its_turn(wrong: Any) -> None:
    keys = generate_keys([RSA, OCT, wrong, RSA])
    error = failed(keys, 2, "BadRequest", "a request must be a GenerateKeyRequest, not ")
    assert isinstance(error.__cause__, InvalidInputError)
    assert error.__cause__.target == "requests"


@pytest.mark.usefixtures("clean_registry")
def test_keys_that_started_before_a_failure_are_returned() -> None:
    def step(number: int) -> None:
        if number == 4:
            raise InvalidInputError("no more of them", code="AADB2C95031", target="kty")
        assert number < 4, "one thread makes one after the other"

    register_strategy(Scripted(step), replace=True)
    keys = generate_keys(repeat(RSA), workers=1)
    error = failed(keys, 3, "AADB2C95031", "no more of them")
    assert isinstance(error.__cause__, InvalidInputError)


@pytest.mark.usefixtures("clean_registry")
def test_an_error_shows_no_secret_from_its_cause() -> None:
    def step(number: int) -> None:
        raise ValueError(SECRET)

    register_strategy(Scripted(step), replace=True)
    error = failed(generate_keys(repeat(RSA)), 0, "ValueError", "ValueError")
    error.__cause__ = error.__context__ = None
    assert SECRET not in support.all_text_of(error) + json.dumps(error.to_graph())


@pytest.mark.usefixtures("instant")
def test_an_executor_that_was_shut_down_is_an_error() -> None:
    pool = ThreadPoolExecutor(1)

    def requests() -> Iterator[GenerateKeyRequest]:
        yield from numbered(end=20)
        pool.shutdown()
        yield from numbered()

    keys = generate_keys(requests(), executor=pool, workers=1)
    failed(keys, 20, "RuntimeError", "RuntimeError")
    failed(generate_keys([RSA], executor=pool), 0, "RuntimeError", "RuntimeError")
    assert dates(generate_keys([OCT], executor=pool)) == [None]


@pytest.mark.usefixtures("instant")
def test_ctrl_c_is_not_turned_into_a_batch_error() -> None:
    keys = generate_keys(failing([], KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        next(keys)


@pytest.mark.parametrize("requests", [5, None, RSA, SECRET.encode().__len__])
def test_requests_that_are_not_iterable_are_refused_at_once(
    requests: Any, recipient: TrustFrameworkKey
) -> None:
    for call in (
        lambda: generate_keys(requests),
        lambda: generate_sealed(requests, to=recipient),
    ):
        with pytest.raises(InvalidInputError, match="requests must be an iterable") as caught:
            call()
        assert caught.value.target == "requests"


# --- workers


@pytest.mark.parametrize("workers", [0, -1, 10_001, True, 1.0, "2", SECRET, 10**4000])
def test_workers_must_be_a_number_in_range(workers: Any, recipient: TrustFrameworkKey) -> None:
    asked = Taken(numbered())
    for call in (
        lambda: generate_keys(asked, workers=workers),
        lambda: generate_sealed(asked, to=recipient, workers=workers),
    ):
        with pytest.raises(InvalidInputError, match="workers must be 1 to 10000") as caught:
            call()
        assert caught.value.target == "workers"
        assert SECRET not in support.all_text_of(caught.value)
    assert asked.count == 0


@pytest.mark.usefixtures("instant")
def test_the_default_is_a_worker_for_each_usable_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "processors", lambda: 3)
    asked = Taken(numbered())
    keys = generate_keys(asked)
    next(keys)
    assert asked.count == 16 * 3
    keys.close()


@pytest.mark.usefixtures("clean_registry")
def test_all_workers_work_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=30)
    register_strategy(Scripted(lambda _: together.wait()), replace=True)
    assert len(list(generate_keys(repeat(RSA, 6), workers=3))) == 6


@pytest.mark.usefixtures("clean_registry")
def test_allow_test_keys_applies_in_the_threads(recipient: TrustFrameworkKey) -> None:
    """Tests of code that seals many keys need test keys."""
    with testing.instant_keys(), ThreadPoolExecutor(2) as pool:
        for executor in (None, pool):
            with testing.allow_test_keys():
                sealed = [*generate_sealed(repeat(RSA, 3), to=recipient, executor=executor)]
            assert len(sealed) == 3
            with pytest.raises(BatchError, match="this is a test key"):
                next(generate_sealed([RSA], to=recipient, executor=executor))
