"""Key sets: how the cost of each operation grows with the number of keys."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from pathlib import Path

import trustkeys
from benchmarks.measure import OURS, Growth, Row, Target, Work, cpu, python, turns
from trustkeys import TrustFrameworkKeySet, store
from trustkeys.testing import allow_test_keys, oct_key, rsa_key

MIDDLE = 1_800_000_000
"""The middle of the time that the key sets cover, in seconds since 1970."""

DAY = 86_400

Prepare = Callable[[Path, int], Work]
"""Prepares a file or a set of so many keys, and returns what is measured, in ms of CPU."""


def rows(*, quick: bool) -> Iterator[Row | Growth]:
    """Measure rotation, and all operations for growing sets."""
    yield rotation(*((40, 10) if quick else (4000, 1000)), rounds=1 if quick else 12)
    sizes = (20, 50, 100) if quick else (100, 1000, 2000, 5000)
    with tempfile.TemporaryDirectory() as name, allow_test_keys():
        for operation, prepare in OPERATIONS.items():
            works = {size: prepare(Path(name, f"{size}"), size) for size in sizes}
            samples = turns(works, 1 if quick else 8)
            yield Growth(operation, "ms", samples)


def rotation(onto: int, more: int, rounds: int) -> Row:
    """Measure `rotate` of many keys onto a set with many keys, and onto an empty one."""
    name = "onto 0"
    works = {OURS: rotate(onto, more), name: rotate(0, more)}
    samples = turns(works, rounds)
    return Row(f"rotate {more:,} keys onto {onto:,}", "ms", samples, [Target(1.5, name)])


def rotate(onto: int, more: int) -> Work:
    """Measure `rotate` of `more` keys onto a new set of `onto` keys."""
    planned = [
        oct_key(seed, nbf=MIDDLE + seed * DAY, exp=MIDDLE + (seed + 8) * DAY)
        for seed in range(onto)
    ]

    def measured() -> float:
        keyset = TrustFrameworkKeySet("benchmark", planned)
        plan = partial(
            keyset.rotate, DAY, count=more, use="sig", kty="oct", at=MIDDLE, generate=True
        )
        return cpu(plan, scale=1e3)()

    return measured


def key_set(count: int) -> TrustFrameworkKeySet:
    """Return a set of different RSA keys whose validities overlap."""
    starts = [2 * MIDDLE * index // count for index in range(count)]
    keys = [rsa_key(seed, nbf=at, exp=at + MIDDLE // 2) for seed, at in enumerate(starts)]
    return TrustFrameworkKeySet("benchmark", keys)


def _saved(path: Path, size: int) -> TrustFrameworkKeySet:
    keyset = key_set(size)
    store.save(keyset, path, plain=True, overwrite=True)
    return keyset


def _load(path: Path, size: int) -> Work:
    _saved(path, size)
    return cpu(lambda: store.load(path), scale=1e3)


def _save(path: Path, size: int) -> Work:
    keyset = _saved(path, size)
    return cpu(lambda: store.save(keyset, path, plain=True, overwrite=True), scale=1e3)


def _edit(path: Path, size: int) -> Work:
    kid = next(iter(_saved(path, size))).kid
    status = cycle(["disabled", "enabled"])

    def edit() -> None:
        with store.edit(path) as keyset:
            keyset.set_status(kid, next(status))

    return cpu(edit, scale=1e3)


def _rotate(_path: Path, size: int) -> Work:
    more = size // 5
    return rotate(size - more, more)


def _check(_path: Path, size: int) -> Work:
    document = key_set(size).to_jwks(private=True)
    return cpu(lambda: trustkeys.check_key_set(document, at=MIDDLE), scale=1e3)


def _show(path: Path, size: int) -> Work:
    _saved(path, size)
    return python("-m", "trustkeys", "keyset", "show", str(path), "--at", str(MIDDLE))


def _active(_path: Path, size: int) -> Work:
    keyset = key_set(size)
    return cpu(lambda: keyset.get_active_key(MIDDLE), number=5, scale=1e3)


OPERATIONS: dict[str, Prepare] = {
    "load": _load,
    "save": _save,
    "edit": _edit,
    "rotate": _rotate,
    "check": _check,
    "keyset show, process": _show,
    "get_active_key": _active,
}
