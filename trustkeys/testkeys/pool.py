"""The test keys: from a seed to a key, and from a key back to its seed.

An RSA test key is the product of two primes from a published pool, and an oct test key is a hash of
its seed. So making one costs a multiplication or a hash, and its modulus or secret identifies it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from math import comb, isqrt, lcm, prod
from typing import Any

from trustkeys.core.base64url import uint_encode
from trustkeys.core.public_primes import OFFSETS, primes_of
from trustkeys.errors import InvalidInputError
from trustkeys.wording import quantity

__tracebackhide__ = True

E = 65537
"""The public exponent of every RSA test key."""

SEEDS = {"RSA": 8128, "oct": 65_536}
"""The number of test keys of each size: the pairs of 128 primes, and the values of two octets."""

_LOW = 2**64 - 1


def rsa_primes(seed: int, size: int) -> tuple[int, int]:
    """Return the primes of an RSA test key, the larger one first.

    Args:
        seed: 0 to 8127.
        size: The size of the modulus in bits: 2048, 3072 or 4096.

    Raises:
        InvalidInputError: There are no test keys of that size, or none with that seed. Code
            ``BadRequest``.
    """
    if size not in OFFSETS:
        raise InvalidInputError(
            f"RSA test keys have {', '.join(map(str, OFFSETS))} bits, not {quantity(size)}",
            target="size",
        )
    _check_seed(seed, SEEDS["RSA"])
    # Pairs are ordered by their second prime, so that more primes add keys and change none.
    second = (1 + isqrt(1 + 8 * seed)) // 2
    primes = primes_of(size)
    p, q = primes[second], primes[seed - comb(second, 2)]
    return max(p, q), min(p, q)


def rsa_test_members(p: int, q: int) -> dict[str, str]:
    """Return the members of the RSA key with these primes (RFC 7518 section 6.3)."""
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
    """Return the secret of an oct test key: its seed, and a hash of seed and size.

    Args:
        seed: 0 to 65535.
        size: The size in bits: 256 or more, in whole octets.

    Raises:
        InvalidInputError: There is no test key with that seed. Code ``BadRequest``.
    """
    _check_seed(seed, SEEDS["oct"])
    return _secret(seed.to_bytes(2, "big"), size // 8)


def seed_of_modulus(n: int) -> int | None:
    """Return the seed of the RSA test key with a modulus, or None."""
    size = n.bit_length()
    if size not in OFFSETS:
        return None
    seed = _seeds(size).get(n & _LOW)
    return seed if seed is not None and prod(rsa_primes(seed, size)) == n else None


def is_test_modulus(n: int) -> bool:
    """Whether an RSA modulus is that of a test key."""
    return seed_of_modulus(n) is not None


@cache
def moduli(size: int) -> frozenset[bytes]:
    """Return all moduli of one size, in octets."""
    return frozenset(
        prod(rsa_primes(seed, size)).to_bytes(size // 8) for seed in _seeds(size).values()
    )


@cache
def modulus_endings(size: int) -> frozenset[bytes]:
    """Return the last 8 octets of all moduli of one size."""
    return frozenset(low.to_bytes(8) for low in _seeds(size))


def is_test_secret(secret: bytes) -> bool:
    """Whether the secret of an oct key is that of a test key."""
    # A length has two octets in the hash.
    return 32 <= len(secret) < 2**16 and secret == _secret(secret[:2], len(secret))


def seed_of_secret(secret: bytes) -> int | None:
    """Return the seed of the oct test key with a secret, or None."""
    return int.from_bytes(secret[:2]) if is_test_secret(secret) else None


def _secret(seed: bytes, length: int) -> bytes:
    # The length is hashed too, so that no secret starts with a shorter one.
    label = b"test key of trustkeys, which everybody has" + length.to_bytes(2, "big")
    rest: bytes = _shake_256()(label + seed).digest(length - 2)
    return seed + rest


@cache
def _shake_256() -> Callable[[bytes], Any]:
    # Imported lazily to keep imports fast: hashlib loads another copy of OpenSSL.
    from hashlib import shake_256

    return shake_256


@cache
def _seeds(size: int) -> Mapping[int, int]:
    """Return the seeds of one size by the lowest 64 bits of their moduli.

    Computing these takes 1 ms, and computing all moduli 20 ms.
    """
    low = [prime & _LOW for prime in primes_of(size)]
    # In the order of the seeds.
    pairs = ((p, q) for second, p in enumerate(low) for q in low[:second])
    return {p * q & _LOW: seed for seed, (p, q) in enumerate(pairs)}


def _check_seed(seed: int, count: int) -> None:
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < count:
        raise InvalidInputError(
            f"seed must be an integer from 0 to {count - 1}, not {quantity(seed)}", target="seed"
        )
