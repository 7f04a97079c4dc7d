"""The test keys: which one a seed stands for, and which seed a key.

Every RSA key is the product of two primes out of a published pool; every oct key is a hash of its
seed. So one costs a multiplication or a hash, and is known again by its modulus or its secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from math import comb, isqrt, lcm

from trustkeys.core.base64url import uint_encode
from trustkeys.errors import InvalidInputError
from trustkeys.wording import quantity

__tracebackhide__ = True

E = 65537

RSA_SEEDS = 8128
"""How many test keys there are of each RSA size: as many as pairs of the 128 primes."""

OCT_SEEDS = 65536
"""How many there are of each oct size: as many as two octets can say."""

_LOW = 2**64 - 1


def rsa_primes(seed: int, size: int) -> tuple[int, int]:
    """Give the primes of a test key, the larger one first.

    Raises:
        InvalidInputError: There is no test key of that seed, or none of that size. Code
            ``BadRequest``.
    """
    primes = _primes().get(size)
    if primes is None:
        raise InvalidInputError(
            f"there are RSA test keys of {', '.join(map(str, _primes()))} bits, and none of "
            f"{quantity(size)}",
            target="size",
        )
    seed = _checked_seed(seed, RSA_SEEDS)
    # Pairs by their second prime: more primes add keys at the end, and change none.
    second = (1 + isqrt(1 + 8 * seed)) // 2
    p, q = primes[second], primes[seed - comb(second, 2)]
    return max(p, q), min(p, q)


def rsa_test_members(p: int, q: int) -> dict[str, str]:
    """Give all members of the RSA key of two primes (RFC 7518 section 6.3)."""
    numbers = {
        "e": E,
        "n": p * q,
        "d": pow(E, -1, lcm(p - 1, q - 1)),
        "p": p,
        "q": q,
        "dp": pow(E, -1, p - 1),
        "dq": pow(E, -1, q - 1),
        "qi": pow(q, -1, p),
    }
    return {name: uint_encode(number) for name, number in numbers.items()}


def oct_secret(seed: int, size: int) -> bytes:
    """Give the octets of a test key of `size` bits: the seed, and a hash of seed and size.

    Raises:
        InvalidInputError: There is no test key of that seed. Code ``BadRequest``.
    """
    return _octets(_checked_seed(seed, OCT_SEEDS).to_bytes(2, "big"), size // 8)


def is_test_modulus(n: int) -> bool:
    """Whether a modulus is that of a test key."""
    seed = _seeds(n.bit_length()).get(n & _LOW)
    if seed is None:
        return False
    p, q = rsa_primes(seed, n.bit_length())
    return p * q == n


def is_test_secret(octets: bytes) -> bool:
    """Whether a secret is that of a test key."""
    return len(octets) >= 32 and octets == _octets(octets[:2], len(octets))


def _octets(seed: bytes, length: int) -> bytes:
    from hashlib import shake_256

    # With the length, so that no key begins like a shorter one.
    label = b"test key of trustkeys, which everybody has" + length.to_bytes(2, "big")
    return seed + shake_256(label + seed).digest(length - 2)


@cache
def _seeds(size: int) -> Mapping[int, int]:
    """Give the seeds of the moduli of one size, by their lowest 64 bits.

    That takes a millisecond, where all of the moduli would take twenty.
    """
    low = [prime & _LOW for prime in _primes().get(size, ())]
    # In the order of the seeds.
    pairs = ((p, q) for second, p in enumerate(low) for q in low[:second])
    return {p * q & _LOW: seed for seed, (p, q) in enumerate(pairs)}


def _checked_seed(seed: int, count: int) -> int:
    if isinstance(seed, int) and not isinstance(seed, bool) and 0 <= seed < count:
        return seed
    raise InvalidInputError(
        f"seed must be an integer from 0 to {count - 1}, not {quantity(seed)}", target="seed"
    )


def _primes() -> Mapping[int, tuple[int, ...]]:
    from trustkeys.testkeys.primes import PRIMES

    return PRIMES
