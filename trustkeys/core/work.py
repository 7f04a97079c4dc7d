"""How much slow work one document may cause."""

from __future__ import annotations

from typing import final

from attrs import Factory, define

from trustkeys.errors import InvalidInputError

__tracebackhide__ = True

PROOFS = 24 * 2048**3
"""The proofs that primes are prime: for 24 keys of RSA-2048, in about a second."""

MAX_COMPLETED = 500
"""The private RSA keys whose primes are computed from `d`, in about half a second."""

MAX_WORK = 10_000
"""The most work that the certificates of one document may take, about a second."""


@final
class SignatureChecks:
    """What the certificates of one document may still cost.

    To parse one costs 1, and so does a signature of RSA up to 4,096 bits, P-256 or Ed25519: each
    takes at most 0.1 ms. A signature of P-384 or P-521 costs 20, and any other 100: one of a
    brainpool curve takes 10 ms.
    """

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = MAX_WORK

    def spend(self, work: int) -> None:
        """Take the cost of a signature, or of some certificates.

        Raises:
            InvalidInputError: Nothing is left. Code ``AADB2C95034``.
        """
        self._left -= work
        if self._left < 0:
            raise InvalidInputError(
                "the certificates are too many, or have too slow signatures: at most "
                f"{MAX_WORK} are read and verified, and fewer with large keys or unusual curves",
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
    _completed: int = MAX_COMPLETED

    def may_prove(self, size: int) -> bool:
        """Whether the primes of one more RSA key of `size` bits may be tested."""
        self._proofs -= size**3
        if self._proofs >= 0:
            return True
        self.unproved += 1
        return False

    def complete(self) -> None:
        """Take the cost of the primes of one RSA key that has only `d`.

        Raises:
            InvalidInputError: Nothing is left. Code ``AADB2C95034``.
        """
        self._completed -= 1
        if self._completed < 0:
            raise InvalidInputError(
                f"p, q, dp, dq and qi are missing, and are computed for {MAX_COMPLETED} keys of a "
                "document at most: split it",
                code="AADB2C95034",
                target="p",
            )
