"""Many keys: scaling with workers, and memory and time as the number of keys grows."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import repeat
from multiprocessing import get_context

from cryptography.hazmat.primitives.asymmetric import rsa
from distributed import Client, LocalCluster

import trustkeys
from benchmarks.measure import OURS, Row
from trustkeys import GenerateKeyRequest

WORKERS = (1, 2, 4)

COUNTS = (1_000, 10_000, 100_000)

REQUEST = GenerateKeyRequest("sig", "RSA")

Work = Callable[[int], object]


def rows(*, quick: bool) -> Iterator[Row]:
    """Measure many keys."""
    count, rounds = (16, 2) if quick else (60, 6)
    for workers in WORKERS:
        yield scaling(workers, count=count, rounds=rounds)
    yield from growth()


def scaling(workers: int, *, count: int, rounds: int) -> Row:
    """Measure RSA keys in threads, in processes and on Dask, and a bare thread pool.

    In turns and many rounds, because OpenSSL's time for one key varies widely.
    """
    totals: dict[str, float] = {}
    with ExitStack() as stack:
        works = {name: stack.enter_context(begun(workers)) for name, begun in WAYS.items()}
        for _ in range(rounds):
            for name, work in works.items():
                start = time.perf_counter()
                work(count)
                taken = (time.perf_counter() - start) * 1e3 / count
                totals[name] = totals.get(name, 0.0) + taken / rounds
    targets = {"limit": 1 / 0.95} if workers == 2 else {}
    return Row(scaling_of(workers), "ms", totals, targets)


def scaling_of(workers: int) -> str:
    """Return the name of the row for a number of workers."""
    return f"many RSA-2048 keys, {workers} workers (mean)"


@contextmanager
def threads(workers: int) -> Iterator[Work]:
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
def bare(workers: int) -> Iterator[Work]:
    """Generate bare keys of full length in a thread pool."""
    with ThreadPoolExecutor(workers) as pool:
        yield lambda count: list(pool.map(full_length_key, repeat(2048, count)))


@contextmanager
def processes(workers: int) -> Iterator[Work]:
    """Generate keys in processes."""
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        yield started(lambda count: keys_of(pool, workers, count), workers)


@contextmanager
def dask(workers: int) -> Iterator[Work]:
    """Generate sealed keys on a local Dask cluster."""
    to = trustkeys.generate_key("enc", "RSA")
    with (
        LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None
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


def started(work: Work, workers: int) -> Work:
    """Run once untimed, so that the workers have imported what they need."""
    work(4 * workers)
    return work


WAYS: Mapping[str, Callable[[int], AbstractContextManager[Work]]] = {
    OURS: threads,
    "limit": bare,
    "processes": processes,
    "Dask, sealed": dask,
}


def growth() -> Iterator[Row]:
    """Measure peak memory and time per oct key of `trustkeys batch`, for growing files."""
    measured = {count: command(count) for count in COUNTS}
    peaks = {f"{count:,} keys": peak for count, (peak, _) in measured.items()}
    times = {f"{count:,} keys": taken / count * 1e6 for count, (_, taken) in measured.items()}
    first, *others, last = peaks
    yield Row(
        f"peak memory, oct keys to a file, {last}",
        "MiB",
        {OURS: peaks[last], **{name: peaks[name] for name in (first, *others)}},
        {first: 1 + 10 / peaks[first]},
    )
    yield Row(
        f"oct key to a file, of {last}",
        "µs",
        {OURS: times[last], **{name: times[name] for name in (first, *others)}},
        {first: 1.0},
    )


# A small process in between, because a forked process starts with the peak memory of its parent.
PROGRAM = """
import resource, subprocess, sys, time
start = time.perf_counter()
subprocess.run([sys.executable, "-m", "trustkeys", *sys.argv[1:]], check=True, capture_output=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, time.perf_counter() - start)
"""


def command(count: int) -> tuple[float, float]:
    """Return the peak memory in MiB (on Linux) and the time in seconds of `trustkeys batch`."""
    with tempfile.TemporaryDirectory() as folder:
        args = ["batch", "--use", "sig", "--kty", "oct", "--count", str(count)]
        program = [sys.executable, "-c", PROGRAM, *args, "--jsonl", os.path.join(folder, "keys")]
        done = subprocess.run(program, check=True, capture_output=True, text=True)
        peak, taken = map(float, done.stdout.split())
        return peak, taken
