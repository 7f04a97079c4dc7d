"""What a key type has to bring."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from trustkeys.errors import InvalidInputError

__all__ = ["KeyStrategy"]

__tracebackhide__ = True

T = TypeVar("T")


@runtime_checkable
class KeyStrategy(Protocol):
    """All that a `kty` brings. Implement it to add one; no base class is needed.

    The members of a key are its JWK members besides ``kty``, names and text as they stand in
    a JWK (RFC 7518 section 6): base64url mostly, which `trustkeys.core.base64url` reads and writes;
    printable ASCII that JSON need not escape, always.
    """

    @property
    def kty(self) -> str:
        """The name as RFC 7518 spells it, ASCII: ``"RSA"``. Looked up in any case."""

    @property
    def sizes(self) -> Sequence[int]:
        """The sizes that can be generated, in bits."""

    @property
    def default_size(self) -> int:
        """The size in bits where none is asked for."""

    @property
    def required(self) -> Sequence[str]:
        """The members, besides ``kty``, that the thumbprint is made of (RFC 7638 section 3.2)."""

    @property
    def private(self) -> Sequence[str]:
        """The members that must stay secret.

        A key type with one of them among `required` has no public form, as oct has none, and
        its keys from outside get a random `kid`.
        """

    def generate(self, size: int) -> dict[str, str]:
        """Make a new key of `size` bits.

        Must be safe to call from many threads at once.

        Returns:
            All required and all private members, in a new dict.
        """

    def size(self, members: Mapping[str, str]) -> int:
        """Give the size in bits of a key whose members were generated or checked."""

    def check(self, members: Mapping[str, str]) -> None:
        """Check members that are read, in well under a millisecond.

        Args:
            members: Of `required` and `private`, those that are there. All others and all
                that are no strings were taken out before.

        Raises:
            ValueError: They do not make a key of this type, public or private. Of an
                `InvalidInputError` the message, code and target are shown, and must hold no
                secret; of any other exception, nothing.
        """

    def prove(self, members: Mapping[str, str]) -> None:
        """Test what takes longer, such as whether numbers are prime.

        Called after `check` where members come from outside, and not where they are read back
        from a file that trustkeys wrote. May be empty.

        Raises:
            ValueError: As `check`.
        """


def decode_member(name: str, text: str, decode: Callable[[str], T], *, code: str) -> T:
    """Decode one member's text, with an error that names the member and not the text.

    Raises:
        InvalidInputError: `decode` raised ValueError. Code as given.
    """
    try:
        return decode(text)
    except ValueError:
        pass
    raise InvalidInputError(
        f"{name} must be base64url without padding, in the fewest characters "
        f"(RFC 7518 section 2), not the string of {len(text)} characters that it is",
        code=code,
        target=name,
    )
