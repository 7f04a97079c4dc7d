"""Keys in DER that are not encrypted, of any algorithm, named without OpenSSL.

RSA: PKCS#8 (RFC 5958), PKCS#1 (RFC 8017 appendix A.1) and SubjectPublicKeyInfo (RFC 5280 section
4.1.2.7). Of other keys only the name is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from attrs import evolve, field, frozen
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from trustkeys.core.base64url import uint_encode
from trustkeys.core.guarded import attempt
from trustkeys.core.private import Private
from trustkeys.errors import InvalidInputError
from trustkeys.formats import loaders
from trustkeys.formats.opened import OpenedKey
from trustkeys.formats.protection import shown_identifier

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

__tracebackhide__ = True

MAX_DER = 64 * 1024
"""The largest key in DER that is read, in bytes: six times an RSA key of 16,384 bits."""

# OpenSSL computes the public number of a DSA or DH key, which takes seconds for a large one.
_MAX_OTHER_DER = 2048

# The test for a prime takes 0.1 seconds of CPU.
_MAX_GROUP = 4096

_PUBLIC_FORM = Encoding.DER, PublicFormat.SubjectPublicKeyInfo

_PRIVATE = {
    "d": "private_exponent",
    "p": "prime1",
    "q": "prime2",
    "dp": "exponent1",
    "dq": "exponent2",
    "qi": "coefficient",
}


# The numbers of a key, and how many primes it has.
_Numbers = tuple[dict[str, int], int]


@frozen(eq=False)
class PlainKey:
    """A key that is not encrypted, or was decrypted. Its numbers are not checked.

    Attributes:
        name: What it is, such as ``an RSA key`` or ``an EC key on P-256``.
        is_private: Whether it has its private part.
        only_use: The only use of an RSA key that is restricted to RSASSA-PSS or RSAES-OAEP.
    """

    name: str
    is_private: bool
    only_use: Literal["sig", "enc"] | None
    _der: Private[bytes] = field(repr=False)
    # None for a key that is no RSA key of two primes.
    _numbers: Private[dict[str, int] | None] = field(repr=False)

    @property
    def der(self) -> bytes:
        """The key in DER, as it was in the file."""
        return self._der.reveal()

    @property
    def identity(self) -> object:
        """What a private key has in common with its public key."""
        numbers = self._numbers.reveal()
        if numbers is not None:
            return numbers["n"], numbers["e"]
        return _public_der(self.der, is_private=self.is_private) or self.der

    @property
    def is_rsa(self) -> bool:
        """Whether it is an RSA key of two primes."""
        return self._numbers.reveal() is not None

    def members(self) -> dict[str, str]:
        """Return the JWK members of an RSA key.

        Raises:
            InvalidInputError: It is no RSA key of two primes. Code ``AADB2C95034``.
        """
        numbers = self._numbers.reveal()
        if numbers is None:
            raise _refusal(f"this must be an RSA key, and it is {self.name}")
        if min(numbers.values()) <= 0:
            raise _refusal("the RSA key has a number that is not positive")
        return {"kty": "RSA", **{name: uint_encode(value) for name, value in numbers.items()}}

    def restricted(self, opened: OpenedKey) -> OpenedKey:
        """Return an opened key of these members with the restriction to one use."""
        if self.only_use is None:
            return opened
        remark = f"the file says that the key is {self.name}, and it becomes one for any algorithm"
        return evolve(
            opened,
            use=self.only_use if opened.use is None else opened.use,
            only_use=self.only_use,
            remarks=(*opened.remarks, remark),
        )


def _public_der(der: bytes, *, is_private: bool) -> bytes | None:
    """Return the public key of a key that is no RSA key, if cryptography has its algorithm."""
    if len(der) > _MAX_OTHER_DER:
        return None
    private = loaders.private_key(der) if is_private else None
    public = private.public_key() if private is not None else loaders.public_key(der)
    if public is None:
        return None
    return attempt(public.public_bytes, *_PUBLIC_FORM)


def read_plain_key(der: bytes) -> PlainKey | None:
    """Read a key; return None if the data is none, or cut off."""
    if len(der) > MAX_DER:
        return None
    for read in (_pkcs8, _pkcs1, _public, _pkcs1_public, _curve, _dsa):
        found = attempt(read, der)
        if found is not None:
            return found
    return None


def is_for(certificate: Certificate, key: PlainKey | None) -> bool:
    """Whether a certificate is for a key."""
    public = attempt(certificate.public_key)
    if key is None or public is None:
        return False
    if isinstance(public, RSAPublicKey):
        numbers = public.public_numbers()
        return key.identity == (numbers.n, numbers.e)
    return key.identity == attempt(public.public_bytes, *_PUBLIC_FORM)


def _pkcs8(der: bytes) -> PlainKey:
    from trustkeys.formats.asn1 import PrivateKeyInfo

    info = PrivateKeyInfo.load(der, strict=True)
    return _named(der, info["algorithm"], info["private_key"].native, _private_numbers)


def _public(der: bytes) -> PlainKey:
    from trustkeys.formats.asn1 import PublicKeyInfo

    info = PublicKeyInfo.load(der, strict=True)
    return _named(der, info["algorithm"], info["public_key"].native, _public_numbers)


def _pkcs1(der: bytes) -> PlainKey:
    return _rsa(der, RSA, _private_numbers(der))


def _pkcs1_public(der: bytes) -> PlainKey:
    found = _public_numbers(der)
    if _is_group(**found[0]):
        raise ValueError
    return _rsa(der, RSA, found)


def _curve(der: bytes) -> PlainKey:
    from asn1crypto.keys import ECPrivateKey

    key = ECPrivateKey.load(der, strict=True)
    key["private_key"].native  # noqa: B018 - parses it
    name = _curve_name(key["parameters"]) if "parameters" in key.native else ""
    return _other(der, f"an EC key{name}", is_private=True)


def _dsa(der: bytes) -> PlainKey:
    from asn1crypto.keys import DSAPrivateKey

    key = DSAPrivateKey.load(der, strict=True)
    key.native  # noqa: B018 - parses it
    return _other(der, "a DSA key", is_private=True)


def _named(
    der: bytes, algorithm: Any, content: bytes, numbers_of: Callable[[bytes], _Numbers]
) -> PlainKey:
    dotted = algorithm["algorithm"].dotted
    is_private = numbers_of is _private_numbers
    if dotted in _RSA:
        numbers = attempt(numbers_of, content)
        if numbers is None:
            return _other(der, "an RSA key whose numbers are broken", is_private=is_private)
        return _rsa(der, dotted, numbers)
    name = _OTHERS.get(dotted, f"a key of the algorithm {shown_identifier(dotted)}")
    if dotted == _EC:
        from asn1crypto.keys import ECDomainParameters

        curve = attempt(algorithm["parameters"].parse, ECDomainParameters)
        name += "" if curve is None else _curve_name(curve)
    return _other(der, name, is_private=is_private)


def _rsa(der: bytes, dotted: str, found: _Numbers) -> PlainKey:
    name, only_use = _RSA[dotted]
    numbers, primes = found
    if primes != 2:
        return _other(der, f"an RSA key of {primes} primes, not of two", is_private=True)
    return PlainKey(name, "d" in numbers, only_use, Private(der), Private(numbers))


def _other(der: bytes, name: str, *, is_private: bool) -> PlainKey:
    return PlainKey(name, is_private, None, Private(der), Private(None))


def _private_numbers(der: bytes) -> _Numbers:
    from asn1crypto.keys import RSAPrivateKey

    key = RSAPrivateKey.load(der, strict=True)
    private = {member: key[name].native for member, name in _PRIVATE.items()}
    others = key["other_prime_infos"].native or ()
    return {**_n_and_e(key), **private}, 2 + len(others)


def _public_numbers(der: bytes) -> _Numbers:
    from asn1crypto.core import Integer, SequenceOf
    from asn1crypto.keys import RSAPublicKey

    # asn1crypto ignores what follows, and a DSA key begins with two integers too.
    if len(SequenceOf.load(der, spec=Integer, strict=True)) != 2:
        raise ValueError
    return _n_and_e(RSAPublicKey.load(der, strict=True)), 2


def _is_group(n: int, e: int) -> bool:
    """Whether the numbers are the prime and the generator of Diffie-Hellman (PKCS#3)."""
    # OpenSSL writes these generators. No RSA key has a prime modulus, and hardly one such an e.
    if e in (3, 5) and e < n < 2**_MAX_GROUP:
        return pow(2, n - 1, n) == 1
    return e == 2


def _n_and_e(key: Any) -> dict[str, int]:
    return {"n": key["modulus"].native, "e": key["public_exponent"].native}


def _curve_name(parameters: Any) -> str:
    if parameters.name != "named":
        return " with a curve of its own"
    dotted = parameters.chosen.dotted
    return f" on {_CURVES.get(dotted) or shown_identifier(parameters.chosen.native)}"


def _refusal(message: str) -> InvalidInputError:
    return InvalidInputError(message, code="AADB2C95034")


RSA = "1.2.840.113549.1.1.1"

_EC = "1.2.840.10045.2.1"

# RFC 4055: what these keys may do.
_RSA: Mapping[str, tuple[str, Literal["sig", "enc"] | None]] = {
    RSA: ("an RSA key", None),
    "1.2.840.113549.1.1.10": ("an RSA key for RSASSA-PSS alone", "sig"),
    "1.2.840.113549.1.1.7": ("an RSA key for RSAES-OAEP alone", "enc"),
}

_CURVES = {
    "1.2.840.10045.3.1.7": "P-256",
    "1.3.132.0.34": "P-384",
    "1.3.132.0.35": "P-521",
    "1.2.156.10197.1.301": "SM2",
}

_OTHERS = {
    _EC: "an EC key",
    "1.2.840.10040.4.1": "a DSA key",
    "1.2.840.113549.1.3.1": "a Diffie-Hellman key",
    "1.2.840.10046.2.1": "a Diffie-Hellman key",
    "1.3.101.110": "an X25519 key",
    "1.3.101.111": "an X448 key",
    "1.3.101.112": "an Ed25519 key",
    "1.3.101.113": "an Ed448 key",
    "1.2.643.7.1.1.1.1": "a GOST R 34.10-2012 key",
    "1.2.643.7.1.1.1.2": "a GOST R 34.10-2012 key",
    "2.16.840.1.101.3.4.3.17": "an ML-DSA-44 key",
    "2.16.840.1.101.3.4.3.18": "an ML-DSA-65 key",
    "2.16.840.1.101.3.4.3.19": "an ML-DSA-87 key",
    "2.16.840.1.101.3.4.4.1": "an ML-KEM-512 key",
    "2.16.840.1.101.3.4.4.2": "an ML-KEM-768 key",
    "2.16.840.1.101.3.4.4.3": "an ML-KEM-1024 key",
}
