"""How much slow work one document of many keys may cause."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import define

from trustkeys.core.guarded import attempt

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

__tracebackhide__ = True

PROOFS = 40 * 2048**3
"""The proofs that primes are prime: for 40 keys of RSA-2048, in about 2 seconds."""

SIGNATURES = 10_000
"""The signatures of certificates that are verified, in units of about 0.1 ms."""

_SLOW = 50
"""The cost of a signature of another kind than RSA or P-256, such as a Brainpool curve's."""


@define
class Work:
    """What is left of the slow work that one document may cause.

    Attributes:
        unproved: The number of keys whose primes were not tested, since the document has too many.
    """

    unproved: int = 0
    _proofs: int = PROOFS
    _signatures: int = SIGNATURES

    def may_prove(self, size: int) -> bool:
        """Whether the primes of one more RSA key of `size` bits may be tested."""
        self._proofs -= size**3
        if self._proofs >= 0:
            return True
        self.unproved += 1
        return False

    def may_verify(self, chain: Sequence[Certificate]) -> bool:
        """Whether the signatures in one more certificate chain may be verified."""
        self._signatures -= sum(map(_cost, chain[1:]))
        return self._signatures >= 0


def _cost(issuer: Certificate) -> int:
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    key = attempt(issuer.public_key)
    if isinstance(key, RSAPublicKey):
        # A long exponent makes the signature slow. cryptography has no cheaper way to read it.
        is_fast = key.key_size <= 4096 and key.public_numbers().e < 2**32
    else:
        is_fast = isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)
    return 1 if is_fast else _SLOW
