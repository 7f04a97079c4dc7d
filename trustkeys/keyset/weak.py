"""RSA moduli that are known to be weak, found by arithmetic and without lists of leaked keys.

An RSA key is secure only while nobody can factor its modulus. The tests here find moduli of
generators that are known to be broken, and numbers that are no product of two random primes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from math import gcd, isqrt, lcm, prod

from attrs import Factory, define, field

__tracebackhide__ = True

WORK = 64 * 2048**3
"""How much one document may cost in slow tests: 64 moduli of 2048 bits, or one of 8192."""

FERMAT_STEPS = 100
"""How many steps of Fermat's method are made. One was enough for the keys of CVE-2022-26320."""

_SMALL, _LARGER = 1 << 10, 1 << 16

# Below it, fewer than one number in 47 leaves the remainder of a square.
_SQUARES_MODULUS = 55_440

_ROCA_GENERATOR = 65_537
_ROCA_LIMIT = 168


@define
class Moduli:
    """Tests the RSA moduli of a document, each once, and in bounded time.

    Attributes:
        untested: The number of moduli that the slow tests have left out.
    """

    untested: int = 0
    _left: int = WORK
    # The numbers themselves could be chosen so that their hashes are equal.
    _known: dict[tuple[bytes, bool], str | None] = field(default=Factory(dict), repr=False)

    def weakness(self, n: int, *, slow: bool) -> str | None:
        """Say why a modulus is weak, or return None.

        Args:
            n: A positive number.
            slow: Whether to run the slow tests. They are for public keys that can be used: of a
                private key it is known that n is p times q.

        Returns:
            The end of a sentence that begins "its modulus".
        """
        known = n.to_bytes((n.bit_length() + 7) // 8, "big"), slow
        if known not in self._known:
            self._known[known] = quick_weakness(n) or (self._slow(n) if slow else None)
        return self._known[known]

    def _slow(self, n: int) -> str | None:
        cost = n.bit_length() ** 3
        if cost > self._left:
            self.untested += 1
            return None
        self._left -= cost
        return slow_weakness(n)


def quick_weakness(n: int) -> str | None:
    """Say why a modulus is weak by the tests that take less than 0.1 ms at 2048 bits."""
    if (factor := _small_factor(n, _SMALL)) is not None:
        return f"has the factor {factor}"
    if (distance := _distance_of_close_factors(n)) is not None:
        return (
            "has two primes that are close together, as in CVE-2022-26320"
            if distance
            else "is a square"
        )
    return "has the form of CVE-2017-15361 (ROCA)" if _has_roca_form(n) else None


def slow_weakness(n: int) -> str | None:
    """Say why a modulus is weak by the tests that take about 25 ms at 2048 bits."""
    if (factor := _small_factor(n, _LARGER)) is not None:
        return f"has the factor {factor}"
    # The test of Fermat with base 2. No product of two random primes passes it.
    return "is a prime number" if pow(2, n - 1, n) == 1 else None


def _small_factor(n: int, limit: int) -> int | None:
    """Return the smallest prime factor below a limit, or None."""
    common = gcd(n, _product(limit))
    return None if common == 1 else next(p for p in _primes(limit) if common % p == 0)


def _distance_of_close_factors(n: int) -> int | None:
    """Return the distance of two factors that Fermat's method finds in a few steps, or None.

    It looks for the square ``a*a - n``, from the smallest ``a`` on. Then the factors are ``a`` plus
    and minus its root.
    """
    squares = _squares()
    a = isqrt(n - 1) + 1
    # The remainders show most numbers that are no squares, and are fast to calculate.
    rest, step = (a * a - n) % _SQUARES_MODULUS, (2 * a + 1) % _SQUARES_MODULUS
    for number in range(FERMAT_STEPS):
        if rest in squares:
            square = (a + number) ** 2 - n
            root = isqrt(square)
            if root * root == square:
                return 2 * root
        rest = (rest + step) % _SQUARES_MODULUS
        step += 2
    return None


def _has_roca_form(n: int) -> bool:
    """Whether a number is a power of 65537 modulo all small odd primes at once.

    Both primes of a key of the broken library are (Nemec and others, "The Return of Coppersmith's
    Attack", 2017, section 2), and so is their product. Of other numbers, one in 2**154 is.
    """
    exponent, modulus = 0, 1
    for prime, logarithms in _logarithms().items():
        logarithm = logarithms.get(n % prime)
        if logarithm is None:
            return False
        # The Chinese remainder theorem, for moduli with common factors.
        order = len(logarithms)
        common = gcd(modulus, order)
        if (logarithm - exponent) % common:
            return False
        inverse = pow(modulus // common, -1, order // common)
        exponent += modulus * ((logarithm - exponent) // common * inverse % (order // common))
        modulus = lcm(modulus, order)
    return True


@cache
def _primes(limit: int) -> Sequence[int]:
    """Return the primes below a limit."""
    is_prime = bytearray([1]) * limit
    for number in range(2, isqrt(limit) + 1):
        if is_prime[number]:
            is_prime[number * number :: number] = bytes(len(range(number * number, limit, number)))
    return [number for number in range(2, limit) if is_prime[number]]


@cache
def _product(limit: int) -> int:
    return prod(_primes(limit))


@cache
def _squares() -> frozenset[int]:
    return frozenset(i * i % _SQUARES_MODULUS for i in range(_SQUARES_MODULUS // 2 + 1))


@cache
def _logarithms() -> Mapping[int, Mapping[int, int]]:
    """Return, for each small odd prime, the exponents of the powers of 65537."""
    tables: dict[int, dict[int, int]] = {}
    for prime in _primes(_ROCA_LIMIT)[1:]:
        powers = tables.setdefault(prime, {})
        power = 1
        while power not in powers:
            powers[power] = len(powers)
            power = power * _ROCA_GENERATOR % prime
    return tables
