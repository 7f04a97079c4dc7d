"""RSA (RFC 7518 section 6.3): two primes, all CRT members."""

from __future__ import annotations

import math
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa

from trustkeys.core.base64url import uint_decode, uint_encode
from trustkeys.core.strategy import decode_member
from trustkeys.errors import InvalidInputError, KeyTooSmallError

__tracebackhide__ = True

MIN_SIZE = 2048
"""The smallest modulus that is read, in bits (FIPS 186-5 section 5.1)."""

MAX_SIZE = 16384
"""The largest modulus that is read, in bits: OpenSSL uses none beyond."""

MAX_PROVED_SIZE = 4096
"""Up to here, in bits, a private key's primes are tested when it is read.

OpenSSL takes 0.04 s for that at 2048 bits, 0.25 s at 4096, but 34 s at 16384.
"""

MAX_SIGNED_SIZE = 8192
"""Up to here, in bits, a larger private key makes a signature when it is read.

With wrong primes that takes OpenSSL 0.2 s at 8192 bits, and over a second at 16384.
"""

MAX_EXPONENT_SIZE = 256
"""The largest public exponent that is read, in bits (FIPS 186-5 section 5.4)."""


class RSAStrategy:
    """RSA keys of two primes with the public exponent 65537, made by OpenSSL."""

    kty = "RSA"
    sizes = (2048, 3072, 4096)
    default_size = 2048
    required = ("e", "n")
    private = ("d", "p", "q", "dp", "dq", "qi")

    def generate(self, size: int) -> dict[str, str]:
        return rsa_members(rsa.generate_private_key(65537, size))

    def size(self, members: Mapping[str, str]) -> int:
        return uint_decode(members["n"]).bit_length()

    def check(self, members: Mapping[str, str]) -> None:
        is_private = not members.keys().isdisjoint(self.private)
        for name in self.required + (self.private if is_private else ()):
            if name not in members:
                raise InvalidInputError(
                    f"{name} is missing: a public RSA key has e and n, a private one also "
                    f"{', '.join(self.private)}",
                    code="AADB2C95039" if name in self.required else "AADB2C95034",
                    target=name,
                )
        numbers = {
            name: decode_member(name, text, uint_decode, code="AADB2C95034")
            for name, text in members.items()
        }
        size = numbers["n"].bit_length()
        if not MIN_SIZE <= size <= MAX_SIZE:
            kind = KeyTooSmallError if size < MIN_SIZE else InvalidInputError
            raise kind(
                f"n of an RSA key must have {MIN_SIZE} to {MAX_SIZE} bits, not {size}", target="n"
            )
        if not _fit_together(numbers):
            raise _do_not_fit()

    def prove(self, members: Mapping[str, str]) -> None:
        if "d" in members and not _has_primes(_decoded(members)):
            raise _do_not_fit()


def rsa_members(key: rsa.RSAPrivateKey) -> dict[str, str]:
    """Give the members of a private key of `cryptography`, which are not tested."""
    numbers = key.private_numbers()
    return {
        **_public_members(numbers.public_numbers),
        "d": uint_encode(numbers.d),
        "p": uint_encode(numbers.p),
        "q": uint_encode(numbers.q),
        "dp": uint_encode(numbers.dmp1),
        "dq": uint_encode(numbers.dmq1),
        "qi": uint_encode(numbers.iqmp),
    }


def rsa_public_members(key: rsa.RSAPublicKey) -> dict[str, str]:
    """Give the members of a public key of `cryptography`."""
    return _public_members(key.public_numbers())


def _public_members(numbers: rsa.RSAPublicNumbers) -> dict[str, str]:
    return {"e": uint_encode(numbers.e), "n": uint_encode(numbers.n)}


def rsa_public_key(members: Mapping[str, str]) -> rsa.RSAPublicKey:
    """Load the public half of RSA members that were checked or generated."""
    return _public_numbers({name: uint_decode(members[name]) for name in ("e", "n")}).public_key()


def rsa_private_key(members: Mapping[str, str]) -> rsa.RSAPrivateKey:
    """Load private RSA members that were checked or generated: they are not tested again."""
    return _private_numbers(_decoded(members)).private_key(unsafe_skip_rsa_key_validation=True)


def _decoded(members: Mapping[str, str]) -> dict[str, int]:
    return {name: uint_decode(text) for name, text in members.items()}


def _public_numbers(numbers: Mapping[str, int]) -> rsa.RSAPublicNumbers:
    return rsa.RSAPublicNumbers(e=numbers["e"], n=numbers["n"])


def _private_numbers(numbers: Mapping[str, int]) -> rsa.RSAPrivateNumbers:
    return rsa.RSAPrivateNumbers(
        p=numbers["p"],
        q=numbers["q"],
        d=numbers["d"],
        dmp1=numbers["dp"],
        dmq1=numbers["dq"],
        iqmp=numbers["qi"],
        public_numbers=_public_numbers(numbers),
    )


def _do_not_fit() -> InvalidInputError:
    return InvalidInputError("the numbers of the RSA key do not fit together", code="AADB2C95034")


def _fit_together(numbers: Mapping[str, int]) -> bool:
    """Whether all that RFC 8017 section 3 says of the numbers holds, were p and q prime."""
    n, e = numbers["n"], numbers["e"]
    # cryptography lets an even modulus or exponent through where there is no private half,
    # and numbers of any length have it calculate for long.
    if n % 2 == 0 or e % 2 == 0 or e.bit_length() > MAX_EXPONENT_SIZE or max(numbers.values()) > n:
        return False
    try:
        _public_numbers(numbers).public_key()
        return "d" not in numbers or _is_private_half(numbers)
    except ValueError:
        return False


def _is_private_half(numbers: Mapping[str, int]) -> bool:
    n, p, q, d = (numbers[name] for name in ("n", "p", "q", "d"))
    # FIPS 186-5 wants primes of the same length. A lopsided pair is weak, and slow to test.
    return (
        2 * max(p, q).bit_length() <= n.bit_length() + 128
        and p * q == n
        and numbers["e"] * d % math.lcm(p - 1, q - 1) == 1
        and numbers["dp"] == rsa.rsa_crt_dmp1(d, p)
        and numbers["dq"] == rsa.rsa_crt_dmq1(d, q)
        and numbers["qi"] == rsa.rsa_crt_iqmp(p, q)
    )


def _has_primes(numbers: Mapping[str, int]) -> bool:
    size = numbers["n"].bit_length()
    if size > MAX_SIGNED_SIZE:
        return True
    try:
        if size <= MAX_PROVED_SIZE:
            _private_numbers(numbers).private_key()
        else:
            # Too large to test the primes within a second. Were p or q composite, a signature
            # would not verify (but for numbers that are made to deceive).
            _sign_and_verify(numbers)
    except (ValueError, InvalidSignature):
        return False
    return True


def _sign_and_verify(numbers: Mapping[str, int]) -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    key = _private_numbers(numbers).private_key(unsafe_skip_rsa_key_validation=True)
    signature = key.sign(b"", padding.PKCS1v15(), hashes.SHA256())
    key.public_key().verify(signature, b"", padding.PKCS1v15(), hashes.SHA256())
