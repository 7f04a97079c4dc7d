"""Many keys: how they scale with workers, and what they cost in memory and time as they grow."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
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
    """RSA keys in threads, in processes and on Dask, beside a bare pool of threads.

    In turn, and in many rounds: OpenSSL's times for a key vary wildly.
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
    """Name the work of so many workers."""
    return f"many RSA-2048 keys, {workers} workers (mean)"


@contextmanager
def threads(workers: int) -> Iterator[Work]:
    """Ours, as it comes."""
    yield lambda count: list(trustkeys.generate_keys(repeat(REQUEST, count), workers=workers))


@contextmanager
def bare(workers: int) -> Iterator[Work]:
    """The least there is to do."""
    with ThreadPoolExecutor(workers) as pool:
        make = partial(rsa.generate_private_key, 65537)
        yield lambda count: list(pool.map(make, repeat(2048, count)))


@contextmanager
def processes(workers: int) -> Iterator[Work]:
    """In processes of this machine."""
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        yield started(lambda count: keys_of(pool, workers, count), workers)


@contextmanager
def dask(workers: int) -> Iterator[Work]:
    """On a Dask cluster of this machine, sealed."""
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
    """Make keys in a pool."""
    return list(trustkeys.generate_keys(repeat(REQUEST, count), executor=pool, workers=workers))


def started(work: Work, workers: int) -> Work:
    """Have the workers imported what they need before anything is timed."""
    work(4 * workers)
    return work


WAYS: Mapping[str, Callable[[int], AbstractContextManager[Work]]] = {
    OURS: threads,
    "limit": bare,
    "processes": processes,
    "Dask, sealed": dask,
}


def growth() -> Iterator[Row]:
    """The command with more and more oct keys: peak memory, and time for one."""
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


# A process counts the memory of the one that it was forked from: so a small one lies between.
PROGRAM = """
import resource, subprocess, sys, time
start = time.perf_counter()
subprocess.run([sys.executable, "-m", "trustkeys", *sys.argv[1:]], check=True, capture_output=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, time.perf_counter() - start)
"""


def command(count: int) -> tuple[float, float]:
    """Run the command; give its peak memory in MiB (on Linux) and its time in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        args = ["generate", "--use", "sig", "--kty", "oct", "--count", str(count)]
        program = [sys.executable, "-c", PROGRAM, *args, "--jsonl", os.path.join(folder, "keys")]
        done = subprocess.run(program, check=True, capture_output=True, text=True)
        peak, taken = map(float, done.stdout.split())
        return peak, taken
