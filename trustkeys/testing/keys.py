"""Instant keys: the same for the same seed, on every machine and in every release.

Everybody has them. So nothing of trustkeys writes one to a file, seals it, or prepares it for the
service, but where `allow_test_keys` says so.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import count
from threading import Lock

from trustkeys.core.base64url import base64url_encode, uint_encode
from trustkeys.core.engine import generate
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.numericdate import NumericDateInput
from trustkeys.core.oct import OctStrategy
from trustkeys.core.private import Private
from trustkeys.core.registry import key_type_for, register_strategy
from trustkeys.core.request import GenerateKeyRequest
from trustkeys.core.rsa import RSAStrategy
from trustkeys.core.strategy import KeyStrategy
from trustkeys.core.thumbprint import thumbprint
from trustkeys.errors import InvalidInputError
from trustkeys.testkeys.guard import allowing_test_keys
from trustkeys.testkeys.pool import OCT_SEEDS, RSA_SEEDS, oct_secret, rsa_primes, rsa_test_members

__all__ = ["InstantKeys", "allow_test_keys", "instant_keys", "oct_key", "rsa_key"]

__tracebackhide__ = True


def rsa_key(
    seed: int,
    *,
    size: int = 2048,
    use: str = "sig",
    nbf: NumericDateInput = None,
    exp: NumericDateInput = None,
) -> TrustFrameworkKey:
    """Give a private RSA key without the wait: always the same one for a seed and a size.

    A full key, as `trustkeys.generate_key` makes them, but from two of 128 published primes: two
    keys can have one in common.

    Args:
        seed: 0 to 8127. Another one is another key.
        size: In bits: 2048, 3072 or 4096.
        use: ``"sig"`` or ``"enc"``.
        nbf: Not before: whole seconds since 1970, or an aware datetime.
        exp: Expires: likewise; not before `nbf`.

    Raises:
        InvalidInputError: ``BadRequest`` for the seed; else as `GenerateKeyRequest`.
    """
    request = GenerateKeyRequest(use, "RSA", nbf=nbf, exp=exp, size=size)
    p, q = rsa_primes(seed, request.size)
    public = {"e": "AQAB", "n": uint_encode(p * q)}
    # The rest takes ten times as long, and many a test never asks for it.
    return _key(request, public, Private(partial(rsa_test_members, p, q)))


def oct_key(
    seed: int,
    *,
    size: int = 256,
    use: str = "sig",
    nbf: NumericDateInput = None,
    exp: NumericDateInput = None,
) -> TrustFrameworkKey:
    """Give an oct key: always the same one for a seed and a size.

    Args:
        seed: 0 to 65535. Another one is another key.
        size: In bits: 256 to 4096 in whole bytes.
        use: ``"sig"`` or ``"enc"``.
        nbf: Not before: whole seconds since 1970, or an aware datetime.
        exp: Expires: likewise; not before `nbf`.

    Raises:
        InvalidInputError: ``BadRequest`` for the seed; else as `GenerateKeyRequest`.
    """
    request = GenerateKeyRequest(use, "oct", nbf=nbf, exp=exp, size=size)
    members = {"k": base64url_encode(oct_secret(seed, request.size))}
    return _key(request, members, Private(members))


def allow_test_keys() -> AbstractContextManager[None]:
    """Let test keys be saved, exported, sealed and provisioned in a ``with`` block.

    Only there, and only in the thread or asyncio task that entered it, in the tasks that it starts,
    and in the threads that make its `generate_keys` and `generate_sealed`. There is no other way
    around: no option and no environment variable.
    """
    return allowing_test_keys()


class InstantKeys:
    """Makes test keys in place of new ones, each seed once: call it as `trustkeys.generate`.

    It begins with the last seed, since people who write tests begin with the first. Key types
    other than RSA and oct are left to `trustkeys.generate`.
    """

    def __init__(self) -> None:
        self._seeds: defaultdict[tuple[str, int], Iterator[int]] = defaultdict(count)

    def __call__(self, request: GenerateKeyRequest) -> TrustFrameworkKey:
        """Give the next test key that fits a request.

        Raises:
            InvalidInputError: There are no more. Code ``BadRequest``.
        """
        if request.kty not in _SEEDS:
            return generate(request)
        make, seeds = _SEEDS[request.kty]
        seed = seeds - 1 - next(self._seeds[request.kty, request.size])
        return make(seed, size=request.size, use=request.use, nbf=request.nbf, exp=request.exp)


@contextmanager
def instant_keys() -> Iterator[None]:
    """Have the engine make test keys in a ``with`` block, in the whole process.

    For tests of code that calls `trustkeys.generate_key`, or whatever stands on it. The keys are
    those of the seeds 0, 1, 2, ...; of RSA there are 8,128 of each size, and then it raises.
    Blocks that overlap, also in other threads, are one block. Other processes make real keys.
    """
    with _lock:
        if not _blocks:
            _before.extend(key_type_for(kty).strategy for kty in ("RSA", "oct"))
            register_strategy(_InstantRSA(), replace=True)
            register_strategy(_InstantOct(), replace=True)
        _blocks.append(None)
    try:
        yield
    finally:
        with _lock:
            _blocks.pop()
            while not _blocks and _before:
                register_strategy(_before.pop(), replace=True)


_lock = Lock()
# One for each block that is open, and the strategies from before the first of them.
_blocks: list[None] = []
_before: list[KeyStrategy] = []

_SEEDS = {"RSA": (rsa_key, RSA_SEEDS), "oct": (oct_key, OCT_SEEDS)}


class _Seeds:
    """The seeds from 0 on, for each size, in the process that made this."""

    def __init__(self) -> None:
        self._next: defaultdict[int, Iterator[int]] = defaultdict(count)
        self._process = os.getpid()

    def of(self, size: int) -> int | None:
        """Give the next seed; a process that was forked would give what this one gives."""
        return next(self._next[size]) if os.getpid() == self._process else None


class _InstantRSA(RSAStrategy):
    def __init__(self) -> None:
        self._seeds = _Seeds()

    def generate(self, size: int) -> dict[str, str]:
        seed = self._seeds.of(size)
        if seed is None:
            return super().generate(size)
        if seed >= RSA_SEEDS:
            raise InvalidInputError(
                f"there are no more RSA test keys of {size} bits: {RSA_SEEDS} in one instant_keys()"
            )
        return rsa_test_members(*rsa_primes(seed, size))


class _InstantOct(OctStrategy):
    def __init__(self) -> None:
        self._seeds = _Seeds()

    def generate(self, size: int) -> dict[str, str]:
        seed = self._seeds.of(size)
        if seed is None:
            return super().generate(size)
        return {"k": base64url_encode(oct_secret(seed, size))}


def _key(
    request: GenerateKeyRequest, members: dict[str, str], private: Private[Mapping[str, str]]
) -> TrustFrameworkKey:
    key_type = key_type_for(request.kty)
    return TrustFrameworkKey(
        kid=thumbprint(key_type, members),
        kty=request.kty,
        use=request.use,
        nbf=request.nbf,
        exp=request.exp,
        public=key_type.public_of(members),
        private=private,
    )
