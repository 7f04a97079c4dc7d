"""`generate_sealed` on a Dask cluster: only the recipient can read the keys."""

from __future__ import annotations

import importlib
import importlib.util
import os
import signal
import time
from collections.abc import Iterator
from itertools import repeat
from typing import Any

import pytest

from tests import support
from trustkeys import (
    BatchError,
    GenerateKeyRequest,
    InvalidInputError,
    TrustFrameworkKey,
    generate_keys,
    generate_sealed,
)
from trustkeys.formats.jwe import decrypt, decrypt_key, encrypt_key

pytestmark = [
    pytest.mark.deep,
    pytest.mark.skipif(
        importlib.util.find_spec("distributed") is None,
        reason='needs Dask: pip install "trustkeys[dask]"',
    ),
]

RSA = GenerateKeyRequest("sig", "RSA")
OCT = GenerateKeyRequest("sig", "oct")
COUNT = 50


@pytest.fixture(autouse=True)
def no_thread_is_left() -> None:
    """Let Dask's threads run on."""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A cluster of two processes and a scheduler, and a client of it."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address="127.0.0.1:0",  # a port that is free
            local_directory=str(tmp_path_factory.mktemp("dask")),
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def what_the_cluster_has(client: Any) -> str:
    """Return all that the scheduler and the workers hold of finished tasks."""
    while any(state.status == "pending" for state in client.futures.values()):
        time.sleep(0.01)

    def of_a_worker(dask_worker: Any) -> str:
        tasks = dask_worker.state.tasks.values()
        return repr(
            [
                [(key, repr(value)) for key, value in dask_worker.data.items()],
                [(task.key, repr(task.run_spec), task.annotations) for task in tasks],
                list(dask_worker.state.log),
                list(dask_worker.state.stimulus_log),
            ]
        )

    def of_the_scheduler(dask_scheduler: Any) -> str:
        tasks = dask_scheduler.tasks.values()
        return repr(
            [
                [(task.key, repr(task.run_spec), task.annotations) for task in tasks],
                list(dask_scheduler.transition_log),
                [list(topic.events) for topic in dask_scheduler._broker._topics.values()],
            ]
        )

    return repr(
        [
            client.run_on_scheduler(of_the_scheduler),
            client.run(of_a_worker),
            client.get_scheduler_logs(),
            client.get_worker_logs(),
            client.story(*client.futures),
        ]
    )


def test_equal_requests_give_different_keys_even_if_a_worker_dies(
    client: Any, curve_key: dict[str, Any]
) -> None:
    sealed = generate_sealed(
        repeat(RSA, COUNT), to=curve_key, executor=client.get_executor(), workers=2
    )
    texts = [next(sealed) for _ in range(10)]
    os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)
    texts += sealed
    jwks = [support.parse(decrypt(text, with_key=curve_key).decode()) for text in texts]
    assert len({jwk["n"] for jwk in jwks}) == len({jwk["kid"] for jwk in jwks}) == COUNT
    # Checking the primes takes long, so only some keys are checked.
    for text, jwk in zip(texts[::40], jwks[::40], strict=True):
        key = decrypt_key(text, with_key=curve_key)
        assert (key.kid, key.kty, key.use, key.size) == (jwk["kid"], "RSA", "sig", 2048)
    # Dask returns the result of an equal call again, but the keys differ.
    executor = client.get_executor()
    assert executor.submit(os.urandom, 9).result() == executor.submit(os.urandom, 9).result()
    again = generate_sealed(repeat(RSA, 2), to=curve_key, executor=executor, workers=2)
    assert {jwk["kid"] for jwk in jwks}.isdisjoint(
        decrypt_key(text, with_key=curve_key).kid for text in again
    )


def test_the_cluster_sees_no_private_key(client: Any, curve_key: dict[str, Any]) -> None:
    sealed = generate_sealed(repeat(RSA), to=curve_key, executor=client.get_executor(), workers=1)
    next(sealed)
    seen = what_the_cluster_has(client)
    texts = [next(sealed) for _ in range(15)]
    sealed.close()
    assert all(text in seen for text in texts)
    for text in texts[:3]:
        assert support.leaks(seen, decrypt_key(text, with_key=curve_key).to_jwk(private=True)) == []
    assert support.leaks(seen, curve_key) == []


def test_unencrypted_keys_would_be_visible_and_are_refused(client: Any) -> None:
    executor = client.get_executor()
    with pytest.raises(InvalidInputError, match="executor must be a ThreadPoolExecutor"):
        generate_keys([RSA], executor=executor)
    keys = generate_keys(repeat(RSA), executor=executor, workers=1, allow_plain=True)
    next(keys)
    seen = what_the_cluster_has(client)
    key = next(keys)
    keys.close()
    jwk = key.to_jwk(private=True)
    assert support.leaks(seen, jwk) == ["d", "p", "q", "dp", "dq", "qi"]
    assert TrustFrameworkKey.from_jwk(jwk) == key


def test_closing_early_cancels_the_work_on_the_cluster(
    client: Any, curve_key: dict[str, Any]
) -> None:
    executor = client.get_executor()
    sealed = generate_sealed(repeat(OCT), to=curve_key, executor=executor, workers=20)
    next(sealed)
    sealed.close()
    while client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)):
        time.sleep(0.01)
    # The cluster can still be used.
    assert executor.submit(int).result() == 0


def test_an_error_on_a_worker_is_reported(client: Any, curve_key: dict[str, Any]) -> None:
    def break_sealing() -> None:
        vars(importlib.import_module("trustkeys.batch"))["encrypt_key"] = None

    def mend_sealing() -> None:
        vars(importlib.import_module("trustkeys.batch"))["encrypt_key"] = encrypt_key

    client.run(break_sealing)
    try:
        sealed = generate_sealed([OCT], to=curve_key, executor=client.get_executor(), workers=1)
        with pytest.raises(BatchError, match="after 0 keys: TypeError") as caught:
            next(sealed)
    finally:
        client.run(mend_sealing)
    assert (caught.value.code, caught.value.done) == ("TypeError", 0)


def test_oct_keys_go_in_groups(client: Any, curve_key: dict[str, Any]) -> None:
    """A task takes Dask 5 ms."""
    executor, before = client.get_executor(), {*client.futures}
    sealed = generate_sealed(repeat(OCT, 250), to=curve_key, executor=executor, workers=2)
    texts = [next(sealed)]
    assert len({*client.futures} - before) <= 3
    texts += sealed
    keys = [decrypt_key(text, with_key=curve_key) for text in texts]
    assert len({key.kid for key in keys}) == 250


def test_a_stopped_worker_is_an_error_after_the_timeout(
    client: Any, curve_key: dict[str, Any]
) -> None:
    executor = client.get_executor()
    sealed = generate_sealed(repeat(RSA), to=curve_key, executor=executor, workers=2, timeout=10)
    next(sealed)
    workers = list(client.run(os.getpid).values())
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(BatchError, match="no key came within 10 seconds") as caught:
            list(sealed)
        assert caught.value.code == "TimeoutError"
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
