"""How much slow work one document may cause."""

from __future__ import annotations

from typing import final

from attrs import Factory, define

from trustkeys.errors import InvalidInputError

__tracebackhide__ = True

PROOFS = 24 * 2048**3
"""The proofs that primes are prime: for 24 keys of RSA-2048, in about a second."""

MAX_WORK = 20_000
"""The most work that the signatures of one document may take, about 2 seconds."""


@final
class SignatureChecks:
    """What the signatures of one document's certificates may still cost.

    A signature of RSA up to 4,096 bits, P-256 or Ed25519 costs 1, which is at most 0.1 ms. Any
    other costs 200: one of a brainpool curve takes 10 ms.
    """

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = MAX_WORK

    def spend(self, work: int) -> None:
        """Take the cost of one signature.

        Raises:
            InvalidInputError: Nothing is left. Code ``AADB2C95034``.
        """
        self._left -= work
        if self._left < 0:
            raise InvalidInputError(
                "the certificates have too many signatures to check, or too slow ones",
                code="AADB2C95034",
                target="x5c",
            )


@define
class Work:
    """What is left of the slow work that one document may cause.

    Attributes:
        unproved: The number of keys whose primes were not tested, since the document has too many.
        signatures: What its certificates' signatures may still cost.
    """

    unproved: int = 0
    signatures: SignatureChecks = Factory(SignatureChecks)
    _proofs: int = PROOFS

    def may_prove(self, size: int) -> bool:
        """Whether the primes of one more RSA key of `size` bits may be tested."""
        self._proofs -= size**3
        if self._proofs >= 0:
            return True
        self.unproved += 1
        return False
