"""Test keys that no key set of a simulated tenant has."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator

from attrs import define

from trustkeys.core.base64url import base64url_decode, uint_decode
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.request import GenerateKeyRequest
from trustkeys.keyset.keyset import TrustFrameworkKeySet
from trustkeys.testing.keys import key_of_seed
from trustkeys.testkeys.pool import SEEDS, seed_of_modulus, seed_of_secret

__tracebackhide__ = True

_Seed = tuple[str, int, int]


@define
class _Seen:
    """A key set, the number of its keys that were looked at, and the seeds of the test keys."""

    keys: TrustFrameworkKeySet
    count: int
    seeds: list[_Seed]


class UnusedKeys:
    """Hands out test keys that no key set of a tenant has, those with the last seeds first.

    It looks at each key of the tenant once. When all seeds were used, those of keys that are gone
    are used again. Not safe for use by several threads at once.
    """

    def __init__(self) -> None:
        # A set only grows, and another object replaces it.
        self._seen: dict[int, _Seen] = {}
        self._uses: Counter[_Seed] = Counter()
        self._left: defaultdict[tuple[str, int], Iterator[int]] = defaultdict(lambda: iter(()))

    def make(
        self, request: GenerateKeyRequest, key_sets: Collection[TrustFrameworkKeySet]
    ) -> TrustFrameworkKey:
        """Return a key for a request for an RSA or oct key.

        Args:
            request: The request.
            key_sets: The key sets of the tenant.

        Raises:
            RuntimeError: They have all test keys of this type and size. It is no answer of Graph.
        """
        self._look_at(key_sets)
        if len(self._seen) > len(key_sets):
            self._forget_all_but(key_sets)
        kty, size = request.kty, request.size
        # The second time from the start, for the seeds of keys that are gone.
        for _ in range(2):
            for seed in self._left[kty, size]:
                if not self._uses[kty, size, seed]:
                    return key_of_seed(request, seed)
            # A set can be there under two names, in place of one that is gone.
            self._forget_all_but(key_sets)
            # People who write tests use the first ones.
            self._left[kty, size] = reversed(range(SEEDS[kty]))
        raise RuntimeError(
            f"the key sets of the simulated tenant have all {SEEDS[kty]} {kty} test keys of "
            f"{size} bits: let the test delete some, use a new GraphTransport for each test, or "
            "make real keys (generate=trustkeys.generate)"
        )

    def _look_at(self, key_sets: Collection[TrustFrameworkKeySet]) -> None:
        for keys in key_sets:
            seen = self._seen.get(id(keys))
            if seen is None:
                seen = self._seen[id(keys)] = _Seen(keys, 0, [])
            if len(keys) > seen.count:
                new = [*filter(None, map(_seed_of, [*keys][seen.count :]))]
                seen.count = len(keys)
                seen.seeds += new
                self._uses.update(new)

    def _forget_all_but(self, key_sets: Collection[TrustFrameworkKeySet]) -> None:
        for gone in self._seen.keys() - map(id, key_sets):
            self._uses.subtract(self._seen.pop(gone).seeds)


def _seed_of(key: TrustFrameworkKey) -> _Seed | None:
    # Not by the kid: an uploaded oct key has a random one.
    jwk = key.to_jwk(private=key.kty == "oct")
    if key.kty == "oct":
        secret = base64url_decode(jwk["k"])
        size, seed = 8 * len(secret), seed_of_secret(secret)
    else:
        n = uint_decode(jwk["n"])
        size, seed = n.bit_length(), seed_of_modulus(n)
    return None if seed is None else (key.kty, size, seed)
