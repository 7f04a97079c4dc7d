"""Who asks for a million keys gets a million: in order, none twice, and nothing runs on after."""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import pickle
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from contextlib import suppress
from itertools import count, islice, repeat
from typing import Any

import pytest
from jwcrypto.jwk import JWK

import trustkeys
from tests import support
from trustkeys import (
    BatchError,
    GenerateKeyRequest,
    InvalidInputError,
    TrustFrameworkKey,
    generate_keys,
    generate_sealed,
    register_strategy,
    testing,
)
from trustkeys.batch import generate_sealed_with_kids
from trustkeys.core.rsa import RSAStrategy
from trustkeys.formats.sealed import unseal

SECRET = "correct-horse-battery-staple"
RSA = GenerateKeyRequest("sig", "RSA")
OCT = GenerateKeyRequest("sig", "oct")


def numbered(kty: str = "RSA", *, end: int | None = None) -> Iterator[GenerateKeyRequest]:
    """Requests that can be told apart, where nothing is said without end."""
    return (GenerateKeyRequest("enc", kty, nbf=number) for number in islice(count(), end))


def dates(keys: Iterable[TrustFrameworkKey]) -> list[int | None]:
    return [key.nbf for key in keys]


@pytest.fixture
def instant() -> Iterator[None]:
    with testing.instant_keys():
        yield


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


@pytest.fixture(scope="module")
def recipient() -> TrustFrameworkKey:
    return trustkeys.generate_key("enc", "RSA")


@pytest.fixture(scope="module")
def curve_key() -> dict[str, Any]:
    members = JWK.generate(kty="EC", crv="P-256", kid="alice").export(as_dict=True)
    assert isinstance(members, dict)
    return members


class Taken:
    """Requests, and how many of them were taken."""

    def __init__(self, requests: Iterable[GenerateKeyRequest]) -> None:
        self.requests = iter(requests)
        self.count = 0

    def __iter__(self) -> Iterator[GenerateKeyRequest]:
        for request in self.requests:
            self.count += 1
            yield request


class Held(ThreadPoolExecutor):
    """A pool that waits until it has so many calls, and works on the last of them first."""

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
    """What is not of this machine, in that all that goes there and comes back is bytes."""

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
        return 0  # no reason to take it for none


class Pure(Elsewhere):
    """One that remembers the results of calls, as Dask does: equal calls, equal results."""

    def __init__(self) -> None:
        super().__init__()
        self.results: dict[bytes, Future[Any]] = {}

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        call = pickle.dumps((fn, args, kwargs))
        if call not in self.results:
            self.results[call] = super().submit(fn, *args, **kwargs)
        return self.results[call]


class Scripted(RSAStrategy):
    """RSA that does something before each key."""

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


# --- the order


@pytest.mark.usefixtures("instant")
def test_keys_come_in_the_order_of_the_requests_whichever_is_made_first() -> None:
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


def test_equal_requests_give_real_keys_that_differ() -> None:
    keys = list(generate_keys(repeat(RSA, 8)))
    assert len({key.kid for key in keys}) == 8
    for key in keys:
        assert TrustFrameworkKey.from_jwk(key.to_jwk(private=True)) == key
        assert not trustkeys.is_test_key(key)


def test_no_requests_are_no_keys_and_no_error() -> None:
    assert list(generate_keys([])) == list(generate_keys(iter(()), workers=5)) == []


# --- no more is taken than is needed


@pytest.mark.usefixtures("instant")
def test_nothing_is_taken_before_the_first_key_is_asked_for() -> None:
    requests = Taken(numbered())
    keys = generate_keys(requests)
    assert requests.count == 0
    keys.close()
    assert requests.count == 0


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.usefixtures("instant")
def test_requests_without_end_are_taken_as_the_keys_are(workers: int) -> None:
    requests = Taken(numbered())
    keys = generate_keys(requests, workers=workers)
    for number in range(100):
        assert next(keys).nbf == number
        assert requests.count == 16 * workers + number
    keys.close()
    assert requests.count == 16 * workers + 99


def test_oct_keys_are_made_one_at_a_time_and_start_no_thread() -> None:
    before = threading.active_count()
    requests = Taken(numbered("oct"))
    keys = generate_keys(requests, workers=4)
    for number in range(100):
        assert next(keys).nbf == number
        assert requests.count == number + 1
        assert threading.active_count() == before


@pytest.mark.usefixtures("instant")
def test_oct_keys_go_to_no_pool_that_is_given(recipient: TrustFrameworkKey) -> None:
    pool = Elsewhere()
    asked = [OCT, RSA, OCT]
    assert len(list(generate_keys(asked, executor=pool, allow_plain=True))) == 3
    assert len(pool.seen) == 2
    # But where they are sealed, it is the sealing that takes its time.
    with testing.allow_test_keys():
        assert len(list(generate_sealed(asked, to=recipient, executor=pool))) == 3
    assert len(pool.seen) == 2 + 6


@pytest.mark.parametrize("kty", ["RSA", "oct"])
@pytest.mark.usefixtures("instant")
def test_keys_that_were_handed_out_are_not_kept(kty: str) -> None:
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
def test_who_leaves_early_leaves_no_thread_and_no_work(
    monkeypatch: pytest.MonkeyPatch, leave: Callable[[Any], None], is_ours: bool
) -> None:
    gate = threading.Event()
    scripted = Scripted(lambda number: number == 1 or gate.wait(30))
    register_strategy(scripted, replace=True)
    shut_down = ThreadPoolExecutor.shutdown

    def shutdown(pool: ThreadPoolExecutor, *args: Any, **kwargs: Any) -> None:
        # By now all is cancelled but the one key that is being made, perhaps.
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
        # What is given is for its owner to shut down.
        assert given.submit(lambda: 5).result() == 5
    assert scripted.calls <= 2


@pytest.mark.usefixtures("instant")
def test_oct_keys_that_wait_behind_others_are_left_too() -> None:
    keys = generate_keys([RSA, *repeat(OCT, 9)], workers=1)
    next(keys)
    keys.close()
    assert list(keys) == []


# --- what fails


def failing(asked: Iterable[GenerateKeyRequest], error: BaseException) -> Iterator[Any]:
    yield from asked
    raise error


def failed(keys: Iterator[Any], done: int, code: str, why: str) -> BatchError:
    """Iterate until the failure, after so many keys, and look at what it says."""
    assert len(list(islice(keys, done))) == done
    with pytest.raises(BatchError) as caught:
        next(keys)
    error = caught.value
    assert (error.done, error.code, error.target) == (done, code, None)
    assert error.message.startswith(f"after {done} keys: {why}")
    assert str(error) == f"{error.message} ({code})"
    again = pickle.loads(pickle.dumps(error))
    assert (again.message, again.code, again.done) == (error.message, code, done)
    assert list(keys) == []
    return error


@pytest.mark.parametrize("kty", ["RSA", "oct"])
@pytest.mark.parametrize("done", [0, 3, 40])
@pytest.mark.usefixtures("instant")
def test_requests_that_fail_lose_no_key_before(kty: str, done: int) -> None:
    cause = ZeroDivisionError(SECRET)
    asked = failing(numbered(kty, end=done), cause)
    error = failed(generate_keys(asked, workers=1), done, "ZeroDivisionError", "ZeroDivisionError")
    assert error.__cause__ is cause


@pytest.mark.parametrize("wrong", [None, 5, "RSA", {"use": "sig", "kty": "RSA"}, RSA.to_graph])
@pytest.mark.usefixtures("instant")
def test_what_is_no_request_is_said_when_its_turn_comes(wrong: Any) -> None:
    keys = generate_keys([RSA, OCT, wrong, RSA])
    error = failed(keys, 2, "BadRequest", "a request must be a GenerateKeyRequest, not ")
    assert isinstance(error.__cause__, InvalidInputError)
    assert error.__cause__.target == "requests"


@pytest.mark.usefixtures("clean_registry")
def test_a_strategy_that_fails_lets_those_that_began_before_come_through() -> None:
    def step(number: int) -> None:
        if number == 4:
            raise InvalidInputError("no more of them", code="AADB2C95031", target="kty")
        assert number < 4, "one thread makes one after the other"

    register_strategy(Scripted(step), replace=True)
    keys = generate_keys(repeat(RSA), workers=1)
    error = failed(keys, 3, "AADB2C95031", "no more of them")
    assert isinstance(error.__cause__, InvalidInputError)


@pytest.mark.usefixtures("clean_registry")
def test_a_failure_shows_no_secret_that_its_cause_quotes() -> None:
    def step(number: int) -> None:
        raise ValueError(SECRET)

    register_strategy(Scripted(step), replace=True)
    error = failed(generate_keys(repeat(RSA)), 0, "ValueError", "ValueError")
    error.__cause__ = error.__context__ = None
    assert SECRET not in support.all_text_of(error) + json.dumps(error.to_graph())


@pytest.mark.usefixtures("instant")
def test_a_pool_that_was_shut_down_is_a_failure() -> None:
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
def test_an_interrupt_is_not_taken_for_a_failure() -> None:
    keys = generate_keys(failing([], KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        next(keys)


# --- processes


@pytest.fixture(params=["fork", "spawn"])
def processes(request: pytest.FixtureRequest) -> Iterator[ProcessPoolExecutor]:
    context = multiprocessing.get_context(request.param)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        yield pool


def test_keys_from_processes_are_as_those_from_here(processes: ProcessPoolExecutor) -> None:
    asked = [
        GenerateKeyRequest("enc", "RSA", nbf=0, exp=2**63 - 1),
        GenerateKeyRequest("sig", "RSA", size=3072, exp=5),
        GenerateKeyRequest("sig", "oct", size=1024, nbf=7),
        RSA,
        RSA,
    ]
    keys = list(generate_keys(asked, executor=processes))
    for request, key in zip(asked, keys, strict=True):
        fields = {name: getattr(request, name) for name in ("use", "kty", "nbf", "exp", "size")}
        assert {name: getattr(key, name) for name in fields} == fields
        assert (key.status, key.x5c, key.x5t, key.has_private) == ("enabled", (), None, True)
        assert TrustFrameworkKey.from_jwk(key.to_jwk(private=True)) == key
        jwk = key.to_jwk(private=True)
        assert key.kid == trustkeys.jwk_thumbprint(jwk)
        assert list(jwk) == list(trustkeys.generate(request).to_jwk(private=True))
    assert len({key.kid for key in keys}) == 5
    # The pool is still there for its owner.
    assert processes.submit(int).result() == 0


def test_keys_are_sealed_in_processes(
    processes: ProcessPoolExecutor, recipient: TrustFrameworkKey
) -> None:
    texts = list(generate_sealed([RSA, OCT, OCT], to=recipient.public(), executor=processes))
    assert [unseal(text, recipient).kty for text in texts] == ["RSA", "oct", "oct"]
    assert len({unseal(text, recipient).kid for text in texts}) == 3


@pytest.mark.usefixtures("clean_registry")
def test_a_failure_in_a_process_says_what_it_would_here() -> None:
    namespace: dict[str, Any] = {}
    exec(support.documented_p256(), namespace)
    register_strategy(namespace["p256"])
    curve = GenerateKeyRequest("sig", "EC")
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        keys = generate_keys([RSA, curve], executor=pool)
        failed(keys, 1, "AADB2C95031", "kty must be RSA or oct, not a string of 2")
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        (key,) = generate_keys([curve], executor=pool)
        assert TrustFrameworkKey.from_jwk(key.to_jwk(private=True)) == key


@pytest.mark.usefixtures("clean_registry")
def test_a_process_that_dies_loses_no_key_before() -> None:
    register_strategy(Scripted(lambda number: number < 4 or os._exit(1)), replace=True)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        keys = generate_keys(repeat(RSA), executor=pool, workers=1)
        error = failed(keys, 3, "BrokenProcessPool", "BrokenProcessPool")
        assert isinstance(error.__cause__, BrokenExecutor)


@pytest.mark.usefixtures("clean_registry")
def test_what_a_process_gives_back_is_checked() -> None:
    class Wrong(RSAStrategy):
        def generate(self, size: int) -> dict[str, str]:
            return {**Scripted(bool).generate(size), "dp": SECRET}

    register_strategy(Wrong(), replace=True)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        error = failed(generate_keys([RSA], executor=pool), 0, "AADB2C95034", "")
    assert SECRET not in support.all_text_of(error)


# --- executors of others


def carried(pool: Elsewhere) -> str:
    return b"".join(pool.seen).decode("latin-1")


@pytest.mark.usefixtures("instant")
def test_private_keys_go_in_the_open_to_no_other_machine_unless_told() -> None:
    pool = Elsewhere()
    asked = Taken(numbered())
    for executor in (pool, 5, SECRET, ThreadPoolExecutor, object()):
        with pytest.raises(InvalidInputError, match=r"generate_sealed\(\) is for others") as caught:
            generate_keys(asked, executor=executor)  # type: ignore[arg-type]
        assert caught.value.target == "executor"
        assert SECRET not in support.all_text_of(caught.value)
    assert (asked.count, pool.seen) == (0, [])
    (key,) = generate_keys(numbered(end=1), executor=pool, allow_plain=True)
    assert (key.nbf, key.has_private) == (0, True)
    # So it would have been seen.
    assert support.leaks(carried(pool), key.to_jwk(private=True))
    for executor in (5, SECRET, ThreadPoolExecutor):
        with pytest.raises(InvalidInputError, match="executor must be"):
            generate_keys([], executor=executor, allow_plain=True)  # type: ignore[arg-type]
        with pytest.raises(InvalidInputError, match="executor must be a concurrent") as caught:
            generate_sealed([], to=key, executor=executor)  # type: ignore[arg-type]
        assert SECRET not in support.all_text_of(caught.value)


def test_what_is_sealed_shows_nothing_on_its_way(
    recipient: TrustFrameworkKey, curve_key: dict[str, Any]
) -> None:
    for to in (recipient, curve_key):
        pool = Elsewhere()
        (rsa, octets) = generate_sealed([RSA, OCT], to=to, executor=pool)
        assert pool.seen
        for text in (rsa, octets):
            key = unseal(text, to)
            assert text in carried(pool)
            assert support.leaks(carried(pool), key.to_jwk(private=True)) == []
        private = to if isinstance(to, dict) else to.to_jwk(private=True)
        assert support.leaks(carried(pool), private) == []


def test_equal_calls_that_are_taken_for_pure_give_keys_that_differ(
    curve_key: dict[str, Any],
) -> None:
    pool = Pure()
    # Here it holds: the same call is not made again.
    assert pool.submit(os.urandom, 16).result() == pool.submit(os.urandom, 16).result()
    sealed = [
        text
        for _ in range(3)
        for text in generate_sealed(repeat(OCT, 40), to=curve_key, executor=pool)
    ]
    assert len({unseal(text, curve_key).kid for text in sealed}) == 120
    keys = [
        key
        for _ in range(2)
        for key in generate_keys(repeat(RSA, 2), executor=pool, allow_plain=True)
    ]
    assert len({key.kid for key in keys}) == 4


@pytest.mark.parametrize("crv", ["P-256", "P-384", "P-521"])
def test_a_key_of_any_curve_is_a_recipient(crv: str) -> None:
    private = JWK.generate(kty="EC", crv=crv)
    public = private.export_public(as_dict=True)
    for to in (public, private, json.dumps(public), json.dumps(public).encode()):
        (text,) = generate_sealed(numbered("oct", end=1), to=to)
        key = unseal(text, private.export(as_dict=True))
        assert (key.nbf, support.header_of(text)["kid"]) == (0, private.thumbprint())


def test_an_rsa_key_is_a_recipient_in_any_form(recipient: TrustFrameworkKey) -> None:
    jwk = recipient.to_jwk()
    nameless = {name: jwk[name] for name in ("kty", "e", "n")}
    for to in (recipient, recipient.public(), jwk, json.dumps(jwk), JWK(**jwk), nameless):
        ((kid, text),) = generate_sealed_with_kids(numbered("oct", end=1), to, None, None)
        key = unseal(text, recipient)
        assert (key.nbf, key.kid) == (0, kid)


@pytest.mark.usefixtures("instant")
def test_who_cannot_be_a_recipient_is_said_before_anything_is_taken(
    recipient: TrustFrameworkKey,
) -> None:
    asked = Taken(numbered())
    wrong: list[Any] = [
        testing.rsa_key(0, use="enc"),
        testing.rsa_key(0, use="enc").to_jwk(),
        trustkeys.generate_key("enc", "oct"),
        {**recipient.to_jwk(), "use": "sig"},
        {"kty": "EC"},
        "{}",
        None,
    ]
    for to in wrong:
        with pytest.raises(InvalidInputError):
            generate_sealed(asked, to=to)
    assert asked.count == 0


@pytest.mark.usefixtures("instant")
def test_no_test_key_is_sealed(recipient: TrustFrameworkKey) -> None:
    for executor in (None, Elsewhere()):
        texts = generate_sealed([OCT], to=recipient, executor=executor)
        error = failed(texts, 0, "BadRequest", "this is a test key of trustkeys")
        assert error.__cause__ is not None


# --- how many at a time


@pytest.mark.parametrize("workers", [0, -1, 10_001, True, 1.0, "2", SECRET, 10**4000])
def test_workers_are_a_number_of_them(workers: Any, recipient: TrustFrameworkKey) -> None:
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


@pytest.mark.parametrize(
    ("affinity", "cores", "expected"), [({3, 5, 7}, 64, 3), (None, 4, 4), (None, None, 1)]
)
@pytest.mark.usefixtures("instant")
def test_as_many_as_the_cores_that_may_be_used_are_made_at_a_time(
    monkeypatch: pytest.MonkeyPatch, affinity: set[int] | None, cores: int | None, expected: int
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    if affinity is None:
        monkeypatch.delattr(os, "sched_getaffinity")
    else:
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: affinity)
    asked = Taken(numbered())
    keys = generate_keys(asked)
    next(keys)
    assert asked.count == 16 * expected
    keys.close()


@pytest.mark.usefixtures("clean_registry")
def test_all_workers_work_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=30)
    register_strategy(Scripted(lambda _: together.wait()), replace=True)
    assert len(list(generate_keys(repeat(RSA, 6), workers=3))) == 6


class Answering(Executor):
    """An executor that gives back what nobody asked it for."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def submit(self, *_: Any, **__: Any) -> Future[Any]:
        answered: Future[Any] = Future()
        answered.set_result(self.answer)
        return answered


JWE_TEXT = "a.b.c.d.e"


@pytest.mark.parametrize(
    "answer",
    [
        ("../../kid", JWE_TEXT),
        ("", JWE_TEXT),
        ("k" * 65, JWE_TEXT),
        ("kid\n", JWE_TEXT),
        ("kid", "a.b.c.d"),
        ("kid", f"{JWE_TEXT}\n{{}}"),
        ("kid", None),
        (5, JWE_TEXT),
        ("kid", JWE_TEXT, ""),
        SECRET,
        None,
    ],
)
def test_what_an_executor_gives_back_is_looked_at(
    answer: object, recipient: TrustFrameworkKey
) -> None:
    """A kid becomes the name of a file."""
    sealed = generate_sealed([RSA], to=recipient, executor=Answering(answer))
    with pytest.raises(BatchError, match="the executor must give back what it was asked") as caught:
        next(sealed)
    assert SECRET not in support.all_text_of(caught.value)
    good = generate_sealed([RSA], to=recipient, executor=Answering(("kid", JWE_TEXT)))
    assert list(good) == [JWE_TEXT]


@pytest.mark.parametrize("requests", [5, None, RSA, SECRET.encode().__len__])
def test_what_are_no_requests_is_refused_at_once(
    requests: Any, recipient: TrustFrameworkKey
) -> None:
    for call in (
        lambda: generate_keys(requests),
        lambda: generate_sealed(requests, to=recipient),
    ):
        with pytest.raises(InvalidInputError, match="requests must be an iterable") as caught:
            call()
        assert caught.value.target == "requests"


@pytest.mark.usefixtures("clean_registry")
def test_what_a_test_allows_holds_for_the_threads_too(recipient: TrustFrameworkKey) -> None:
    """Else nobody could test what seals many keys without waiting for them."""
    with testing.instant_keys(), ThreadPoolExecutor(2) as pool:
        for executor in (None, pool):
            with testing.allow_test_keys():
                sealed = [*generate_sealed(repeat(RSA, 3), to=recipient, executor=executor)]
            assert len(sealed) == 3
            with pytest.raises(BatchError, match="this is a test key"):
                next(generate_sealed([RSA], to=recipient, executor=executor))
