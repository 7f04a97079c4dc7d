"""RSA moduli with the weaknesses that are known."""

from __future__ import annotations

import math
import random

# Published with the tool of those who found ROCA (github.com/crocs-muni/roca, mod03.txt).
PUBLISHED_ROCA = int(
    "9dcd7420e420c270a68060eb8b5aa7457a9f6648f86fafed2775cc1f79ae962f1e63f1b9e51c55f9ea6fdc7332e9"
    "b0058c9ff2eb1fc89855029cf6aafe21e689feb38ac9ffb12f1ce371bb5d0e9aae64161abce74b4244bf68f1edb4"
    "411f756a097c8929c14740245ea355f8332d1aa36bb50c7dcb4505da8de02e4e53d38f8df06097da7524df0df93d"
    "b48eac8cc4af2d3a16257eb2b2adca6ba464e5974fa92550d31b1babf161e7692d00b86e3dd886ecab4abfbe1a8f"
    "8cc263ff4af55cdb45f4249a5193925f5e983d762f0b6800943eb0267b08f42ed311ce1f5c86eacbc8ce4d3cb7a2"
    "fee1ef5641423a1cf4114e5ecf50034a60a412523af9e6f4aa11",
    16,
)

SMALL_PRIMES = [n for n in range(2, 1024) if all(n % p for p in range(2, math.isqrt(n) + 1))]

# As published: for keys of this many bits and more, the largest of the primes in M.
ROCA_LIMITS = {512: 167, 992: 353, 1984: 701}


def roca_factor(bits: int, draw: random.Random) -> int:
    """A number of the form of the broken library, ``k * M + (65537**a mod M)``, prime or not."""
    limit = ROCA_LIMITS[max(least for least in ROCA_LIMITS if least <= bits)]
    m = math.prod(p for p in SMALL_PRIMES if p <= limit)
    k = draw.randrange(2 ** (bits // 2 - 1) // m, 2 ** (bits // 2) // m)
    return k * m + pow(65537, draw.randrange(m), m)


def roca_modulus(bits: int, seed: int) -> int:
    draw = random.Random(seed)
    while True:
        n = roca_factor(bits, draw) * roca_factor(bits, draw)
        if math.gcd(n, math.prod(SMALL_PRIMES)) == 1:
            return n


def fake_roca_modulus(seed: int) -> int:
    """A power of 65537 modulo each small prime, with exponents that do not fit together."""
    draw = random.Random(seed)
    n, m = 1, 2
    for p in SMALL_PRIMES[1:]:
        power = pow(65537, draw.randrange(p), p)
        n += m * ((power - n) * pow(m, -1, p) % p)
        m *= p
    return n


def close_modulus(steps: int, seed: int = 0) -> int:
    """A product of two numbers that Fermat's method finds after so many steps."""
    draw = random.Random(seed)
    while True:
        a = draw.getrandbits(1024) | 1 << 1023
        b = math.isqrt(2 * a * steps + a)
        n = (a + b) * (a - b)
        if a - math.isqrt(n - 1) - 1 == steps and math.gcd(n, math.prod(SMALL_PRIMES)) == 1:
            return n


PRIME = 2**2203 - 1
"""The prime of Mersenne that Robinson found in 1952."""
