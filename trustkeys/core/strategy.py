"""The interface of key types."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from trustkeys.errors import InvalidInputError

__tracebackhide__ = True

T = TypeVar("T")


@runtime_checkable
class KeyStrategy(Protocol):
    """A key type. Implement it to add one; no base class is needed.

    The members of a key are its JWK members besides ``kty``, by name and as text (RFC 7518
    section 6). The text is printable ASCII that JSON does not escape, and mostly base64url, which
    `trustkeys.core.base64url` encodes and decodes.
    """

    @property
    def kty(self) -> str:
        """The name as RFC 7518 spells it, in ASCII: ``"RSA"``. Callers may use any case."""

    @property
    def sizes(self) -> Sequence[int]:
        """The sizes that can be generated, in bits."""

    @property
    def default_size(self) -> int:
        """The size in bits of a request without one."""

    @property
    def required(self) -> Sequence[str]:
        """The members besides ``kty`` that the thumbprint hashes (RFC 7638 section 3.2)."""

    @property
    def private(self) -> Sequence[str]:
        """The members that must stay secret.

        If one of them is also in `required`, as for oct, the keys have no public form, and
        imported ones without a `kid` get a random one.
        """

    def generate(self, size: int) -> dict[str, str]:
        """Generate a key of `size` bits. Must be thread-safe.

        Returns:
            All required and all private members, in a new dict.
        """

    def size(self, members: Mapping[str, str]) -> int:
        """Return the size in bits of a key whose members were generated or checked."""

    def check(self, members: Mapping[str, str]) -> None:
        """Check the members of an imported key, in well under a millisecond.

        Args:
            members: Those of `required` and `private` that the JWK has, all of them strings. No
                other members.

        Raises:
            ValueError: They do not make a public or private key of this type. Users see the
                message, code and target of an `InvalidInputError`, which must contain no secret.
                They see nothing of other exceptions.
        """

    def prove(self, members: Mapping[str, str]) -> None:
        """Run tests that take longer, such as whether a number is prime.

        Called after `check` for keys from other sources, but not for keys read back from a file
        that trustkeys wrote. May do nothing.

        Raises:
            ValueError: See `check`.
        """


def decode_member(name: str, text: str, decode: Callable[[str], T], *, code: str) -> T:
    """Decode a member's text, with an error that names the member and not the text.

    Raises:
        InvalidInputError: `decode` raised ValueError. Has the given code.
    """
    try:
        return decode(text)
    except ValueError:
        pass
    raise InvalidInputError(
        f"{name} must be base64url without padding and leading zeros (RFC 7518 section 2), "
        f"and its {len(text)} characters are not",
        code=code,
        target=name,
    )
