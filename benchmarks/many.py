"""Many keys: RSA keys on all processors, and files that grow."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import cycle, repeat
from multiprocessing import get_context
from pathlib import Path
from unittest import mock

from cryptography.hazmat.primitives.asymmetric import rsa
from distributed import Client, LocalCluster

import trustkeys
from benchmarks.measure import OURS, Growth, Row, Target, Work, processors, turns
from benchmarks.peers import BOUND
from trustkeys import GenerateKeyRequest

REQUEST = GenerateKeyRequest("sig", "RSA")

Generate = Callable[[int], object]
"""Generates so many keys."""

FILE = "batch, oct keys to a file"


def rows(*, quick: bool) -> Iterator[Row | Growth]:
    """Measure many keys."""
    yield all_processors(count=8 if quick else 60, rounds=1 if quick else 20)
    # 20 rounds of 30 are 600 keys in each way.
    count, rounds = (4, 2) if quick else (30, 20)
    for workers in worker_counts():
        yield scaling(workers, count=count, rounds=rounds)
    yield from files(
        (100, 300, 1000) if quick else (1000, 10_000, 30_000, 100_000, 300_000),
        rounds=1 if quick else 7,
    )


def worker_counts() -> list[int]:
    """Return 1, 2, 4 and so on, up to the number of processors."""
    most = processors()
    return sorted({most, *(2**power for power in range(most.bit_length()))})


def all_processors(count: int, rounds: int) -> Row:
    """Measure threads on all processors, with the same work in place of OpenSSL's generation.

    What OpenSSL needs depends on luck. So a hash takes about as long, without the GIL, and the keys
    are ready and the same for both.
    """
    keys = cycle([full_length_key() for _ in range(50)])

    def generated(*_: object, **__: object) -> rsa.RSAPrivateKey:
        hashlib.pbkdf2_hmac("sha256", b"", b"", 150_000)
        return next(keys)

    workers = processors()
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(rsa, "generate_private_key", generated))
        works = {
            name: elapsed(stack.enter_context(begun(workers)), count)
            for name, begun in {OURS: threads, BOUND: bare}.items()
        }
        samples = turns(works, rounds)
    return Row(
        f"many RSA-2048 keys, {workers} workers, equal work",
        "ms",
        samples,
        [Target(1 / 0.95, BOUND)],
    )


def scaling(workers: int, *, count: int, rounds: int) -> Row:
    """Measure whole RSA keys in threads, in processes, on Dask, and in a bare thread pool."""
    with ExitStack() as stack:
        works = {
            name: elapsed(stack.enter_context(begun(workers)), count)
            for name, begun in WAYS.items()
        }
        samples = turns(works, rounds)
    return Row(scaling_of(workers), "ms", samples, is_luck=True)


def scaling_of(workers: int) -> str:
    """Return the name of the row for a number of workers."""
    return f"many RSA-2048 keys, whole, workers: {workers}"


def elapsed(generate: Generate, count: int) -> Work:
    """Measure the time on the wall, in milliseconds a key."""

    def measured() -> float:
        start = time.perf_counter()
        generate(count)
        return (time.perf_counter() - start) * 1e3 / count

    return measured


@contextmanager
def threads(workers: int) -> Iterator[Generate]:
    """Generate keys in threads, the default."""
    yield lambda count: list(trustkeys.generate_keys(repeat(REQUEST, count), workers=workers))


def full_length_key(size: int = 2048) -> rsa.RSAPrivateKey:
    """Generate bare RSA keys until one has private members of full length."""
    while True:
        key = rsa.generate_private_key(65537, size)
        numbers = key.private_numbers()
        rest = (numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp)
        if numbers.d >> (size - 8) and all(number >> (size // 2 - 8) for number in rest):
            return key


@contextmanager
def bare(workers: int) -> Iterator[Generate]:
    """Generate bare keys of full length in a thread pool."""
    with ThreadPoolExecutor(workers) as pool:
        yield lambda count: list(pool.map(full_length_key, repeat(2048, count)))


@contextmanager
def processes(workers: int) -> Iterator[Generate]:
    """Generate keys in processes."""
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        yield started(lambda count: keys_of(pool, workers, count), workers)


@contextmanager
def dask(workers: int) -> Iterator[Generate]:
    """Generate sealed keys on a local Dask cluster."""
    to = trustkeys.generate_key("enc", "RSA")
    with (
        LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        Client(cluster) as client,
    ):
        executor = client.get_executor()
        yield started(
            lambda count: list(
                trustkeys.generate_sealed(
                    repeat(REQUEST, count), to=to, executor=executor, workers=workers
                )
            ),
            workers,
        )


def keys_of(pool: Executor, workers: int, count: int) -> object:
    """Generate keys in an executor."""
    return list(trustkeys.generate_keys(repeat(REQUEST, count), executor=pool, workers=workers))


def started(generate: Generate, workers: int) -> Generate:
    """Run once untimed, so that the workers have imported what they need."""
    generate(4 * workers)
    return generate


WAYS: Mapping[str, Callable[[int], AbstractContextManager[Generate]]] = {
    OURS: threads,
    BOUND: bare,
    "processes": processes,
    "Dask, sealed": dask,
}


# A small process in between, because a forked process starts with the peak memory of its parent.
_RUNNER = """
import resource, subprocess, sys
subprocess.run([sys.executable, "-m", "trustkeys", *sys.argv[1:]], check=True, capture_output=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print((used.ru_utime + used.ru_stime) * 1e3, used.ru_maxrss / 1024)
"""


def files(counts: tuple[int, ...], rounds: int) -> Iterator[Row | Growth]:
    """Measure the CPU and the peak memory of `trustkeys batch` for growing files."""
    peaks: dict[int, list[float]] = {count: [] for count in counts}

    def work(count: int) -> Work:
        def measured() -> float:
            with tempfile.TemporaryDirectory() as folder:
                args = ["batch", "--use", "sig", "--kty", "oct", "--count", str(count)]
                path = str(Path(folder, "keys"))
                program = [sys.executable, "-c", _RUNNER, *args, "--jsonl", path]
                done = subprocess.run(program, check=True, capture_output=True, text=True)
            taken, peak = map(float, done.stdout.split())
            peaks[count].append(peak)
            return taken

        return measured

    yield Growth(FILE, "ms", turns({count: work(count) for count in counts}, rounds))
    least, most = f"{counts[0]:,} keys", counts[-1]
    yield Row(
        f"peak memory, {most:,} oct keys to a file",
        "MiB",
        {OURS: peaks[most], least: peaks[counts[0]]},
        [Target(1.25, least)],
    )
