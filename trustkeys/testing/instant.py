"""Test keys in place of newly generated ones, each seed once."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from threading import Lock

from trustkeys.core.base64url import base64url_encode
from trustkeys.core.oct import OctStrategy
from trustkeys.core.registry import key_type_for, register_strategy
from trustkeys.core.rsa import RSAStrategy
from trustkeys.core.strategy import KeyStrategy
from trustkeys.errors import InvalidInputError
from trustkeys.testkeys.pool import SEEDS, oct_secret, rsa_primes, rsa_test_members

__tracebackhide__ = True


@contextmanager
def instant_keys() -> Iterator[None]:
    """Generate test keys instead of real RSA and oct keys in a ``with`` block.

    For tests of code that calls `trustkeys.generate_key` or anything built on it. The block covers
    every thread of this process. Other processes generate real keys, forked ones too. Blocks that
    overlap count as one block, from the start of the first to the end of the last.

    The keys are those of the seeds 0, 1, 2 and so on. There are 8,128 RSA and 65,536 oct keys of
    each size. When a block has used them all, generating another one raises `InvalidInputError`.
    """
    _block.enter()
    try:
        yield
    finally:
        _block.leave()


class Seeds:
    """Hands out the seeds of each key type and size, each one once, from any thread."""

    def __init__(self) -> None:
        self._counts: defaultdict[tuple[str, int], Iterator[int]] = defaultdict(count)

    def next(self, kty: str, size: int) -> int:
        """Return the next seed for keys of `kty`, ``"RSA"`` or ``"oct"``, and `size` bits.

        Raises:
            InvalidInputError: All seeds have been handed out. Code ``BadRequest``.
        """
        seed = next(self._counts[kty, size])
        if seed < SEEDS[kty]:
            return seed
        raise InvalidInputError(
            f"no {kty} test key of {size} bits is left, all {SEEDS[kty]} were used: "
            "generate fewer keys in one test, or real ones"
        )


class _InstantRSA(RSAStrategy):
    def __init__(self, seeds: Seeds) -> None:
        self._seeds = seeds
        self._process = os.getpid()

    def generate(self, size: int) -> dict[str, str]:
        if os.getpid() != self._process:  # a forked process would repeat the keys of its parent
            return super().generate(size)
        return rsa_test_members(*rsa_primes(self._seeds.next("RSA", size), size))


class _InstantOct(OctStrategy):
    def __init__(self, seeds: Seeds) -> None:
        self._seeds = seeds
        self._process = os.getpid()

    def generate(self, size: int) -> dict[str, str]:
        if os.getpid() != self._process:
            return super().generate(size)
        return {"k": base64url_encode(oct_secret(self._seeds.next("oct", size), size))}


class _Block:
    """All `instant_keys` blocks that overlap."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._depth = 0
        self._replaced: list[KeyStrategy] = []

    def enter(self) -> None:
        with self._lock:
            if self._depth == 0:
                self._replaced = [key_type_for(kty).strategy for kty in SEEDS]
                seeds = Seeds()
                register_strategy(_InstantRSA(seeds), replace=True)
                register_strategy(_InstantOct(seeds), replace=True)
            self._depth += 1

    def leave(self) -> None:
        with self._lock:
            self._depth -= 1
            if self._depth == 0:
                for strategy in self._replaced:
                    register_strategy(strategy, replace=True)


_block = _Block()
