"""Compute the table of trustkeys.core.public_primes: ``python -m tests.make_test_primes [SIZE]``.

The table must not change, since people's tests rely on its keys. More primes can be appended: that
adds keys and changes none. This takes some minutes, and the ``openssl`` command.

Each prime is the first one above its start value that satisfies the rules below together with all
primes before it.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator

from trustkeys.core import public_primes
from trustkeys.testkeys.pool import E, rsa_test_members

COUNT = 128


def is_full(members: dict[str, str], size: int) -> bool:
    """Whether no member of a private key starts with a zero octet.

    A JWK leaves such an octet out, and some programs then refuse the key.
    """
    half = dict.fromkeys(("p", "q", "dp", "dq", "qi"), size // 16)
    full = {"n": size // 8, "d": size // 8, **half}
    return all(len(members[name]) == (8 * octets + 5) // 6 for name, octets in full.items())


def small_primes(limit: int) -> list[int]:
    """Return the odd primes below `limit`."""
    is_prime = bytearray([1]) * limit
    for number in range(2, limit):
        if is_prime[number]:
            is_prime[number * number :: number] = bytes(len(range(number * number, limit, number)))
    return [number for number in range(3, limit) if is_prime[number]]


SMALL_PRIMES = small_primes(100_000)


def candidates(start: int, length: int = 1 << 20) -> list[int]:
    """Return numbers from `start` on that can be prime.

    The half of the number before each has no factor up to 100. This keeps the least common multiple
    of p - 1 and q - 1 large, so that `d` is rarely short.
    """
    first = start + (3 - start) % 4
    is_open = bytearray([1]) * length
    for prime in SMALL_PRIMES:
        inverse = pow(4, -1, prime)
        for residue in (0, 1) if prime < 100 else (0,):
            offset = (residue - first) * inverse % prime
            is_open[offset::prime] = bytes(len(range(offset, length, prime)))
    return [first + 4 * step for step in range(length) if is_open[step]]


def found_primes(start: int) -> Iterator[int]:
    """Yield the primes among the candidates, as tested by OpenSSL."""
    numbers = candidates(start)
    for first in range(0, len(numbers), 64):
        batch = numbers[first : first + 64]
        command = ["openssl", "prime", "-hex", *(f"{number:X}" for number in batch)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        for number, line in zip(batch, done.stdout.splitlines(), strict=True):
            if line.endswith(" is prime"):
                yield number


def fits(prime: int, others: list[int], size: int) -> bool:
    """Whether a prime makes a key with each of the others whose members have full length."""
    return (prime - 1) % E != 0 and all(
        is_full(rsa_test_members(max(prime, other), min(prime, other)), size) for other in others
    )


def offsets(size: int, count: int = COUNT) -> list[int]:
    """Compute the offsets of the first `count` primes for keys of `size` bits."""
    made: list[int] = []
    table: list[int] = []
    for index in range(count):
        start = public_primes.start_value(size, index)
        prime = next(number for number in found_primes(start) if fits(number, made, size))
        made.append(prime)
        table.append(prime - start)
    return table


def source(size: int) -> str:
    """Return the lines of the table for keys of `size` bits."""
    row = " ".join(f"{offset}," for offset in offsets(size))
    lines = textwrap.fill(row, 100, initial_indent=8 * " ", subsequent_indent=8 * " ")
    return f"    {size}: (\n{lines}\n    ),\n"


if __name__ == "__main__":
    for size in [*map(int, sys.argv[1:])] or public_primes.OFFSETS:
        sys.stdout.write(source(size))
