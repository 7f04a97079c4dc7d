"""Test keys: the same key for the same seed, on every machine and in every release.

The private part of a test key is public. trustkeys refuses to write, seal or provision one outside
of a `trustkeys.testing.allow_test_keys` block.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from trustkeys.core.base64url import base64url_encode, uint_encode
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.numericdate import NumericDateInput
from trustkeys.core.private import Private
from trustkeys.core.registry import key_type_for
from trustkeys.core.request import GenerateKeyRequest
from trustkeys.core.thumbprint import thumbprint
from trustkeys.testkeys.pool import oct_secret, rsa_primes, rsa_test_members

__tracebackhide__ = True


def rsa_key(
    seed: int,
    *,
    size: int = 2048,
    use: str = "sig",
    nbf: NumericDateInput = None,
    exp: NumericDateInput = None,
) -> TrustFrameworkKey:
    """Return a private RSA test key, in microseconds. A seed and a size always give the same key.

    The key is complete, as from `trustkeys.generate_key`. It is the product of two out of 128
    published primes, so two keys can share a prime.

    Args:
        seed: 0 to 8127. Each seed is a different key.
        size: In bits: 2048, 3072 or 4096.
        use: ``"sig"`` or ``"enc"``, in any ASCII case.
        nbf: Not before: whole seconds since 1970, or an aware datetime.
        exp: Expires: likewise; not before `nbf`.

    Raises:
        InvalidInputError: ``BadRequest`` for `seed`; otherwise as `GenerateKeyRequest`.
    """
    return key_of_seed(GenerateKeyRequest(use, "RSA", nbf=nbf, exp=exp, size=size), seed)


def oct_key(
    seed: int,
    *,
    size: int = 256,
    use: str = "sig",
    nbf: NumericDateInput = None,
    exp: NumericDateInput = None,
) -> TrustFrameworkKey:
    """Return an oct test key. A seed and a size always give the same key.

    Args:
        seed: 0 to 65535. Each seed is a different key.
        size: In bits: a multiple of 8 from 256 to 4096.
        use: ``"sig"`` or ``"enc"``, in any ASCII case.
        nbf: Not before: whole seconds since 1970, or an aware datetime.
        exp: Expires: likewise; not before `nbf`.

    Raises:
        InvalidInputError: ``BadRequest`` for `seed`; otherwise as `GenerateKeyRequest`.
    """
    return key_of_seed(GenerateKeyRequest(use, "oct", nbf=nbf, exp=exp, size=size), seed)


def key_of_seed(request: GenerateKeyRequest, seed: int) -> TrustFrameworkKey:
    """Return the test key of a seed that fits a request for an RSA or oct key.

    Raises:
        InvalidInputError: No test key has this seed or this size. Code ``BadRequest``.
    """
    key_type = key_type_for(request.kty)
    private: Private[Mapping[str, str]]
    if request.kty == "RSA":
        p, q = rsa_primes(seed, request.size)
        members = {"e": "AQAB", "n": uint_encode(p * q)}
        # The private members take ten times as long, and many tests never read them.
        private = Private(partial(rsa_test_members, p, q))
    else:
        members = {"k": base64url_encode(oct_secret(seed, request.size))}
        private = Private(members)
    return TrustFrameworkKey(
        kid=thumbprint(key_type, members),
        kty=request.kty,
        use=request.use,
        nbf=request.nbf,
        exp=request.exp,
        public=key_type.public_of(members),
        private=private,
    )
