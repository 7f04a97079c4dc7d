"""What trustkeys raises.

None of these errors carries a value that may be a secret, only its type or shape. (A size in
bits and a member's short name are shown.) For the same reason none is raised inside the
``except`` block of a parser, whose own exception, and with it the document, would stay
reachable through ``__context__``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["BatchError", "InvalidInputError", "KeyNotFoundError", "TrustKeysError"]


class TrustKeysError(Exception):
    """The base of every error that trustkeys itself raises.

    Args:
        message: One sentence for a person.
        code: The service's error code where it documents one (``AADB2C95031``), else
            ``BadRequest``, or ``NotFound`` where what was asked for is not there.
        target: The name of the parameter or member at fault, if there is one.
    """

    def __init__(
        self, message: str, *, code: str = "BadRequest", target: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.target = target

    def __str__(self) -> str:
        return f"{self.message} ({self.code})"

    def to_graph(self) -> dict[str, Any]:
        """The error as Microsoft Graph answers it (Graph: "error resource type")."""
        return {
            "error": {
                "code": self.code,
                "message": self.message,
                "target": self.target,
                "innerError": {},
            }
        }


class InvalidInputError(TrustKeysError, ValueError):
    """What was given, or asked of a key, is not allowed. The message says what is."""


class BatchError(TrustKeysError):
    """One of many keys could not be made; those before it were handed out.

    The `code` is that of the error which is its ``__cause__``, or the name of its class.

    Attributes:
        done: How many keys there were before it.
    """

    def __init__(
        self, message: str, *, code: str = "BadRequest", target: str | None = None, done: int = 0
    ) -> None:
        super().__init__(message, code=code, target=target)
        self.done = done


class KeyNotFoundError(TrustKeysError, LookupError):
    """The key set has no such key: no key of that `kid`, or none that is active."""


@contextmanager
def speaking_of(what: str) -> Iterator[None]:
    """Have an error from the block say of what it speaks: ``"key 2"``, or a file."""
    try:
        yield
    except InvalidInputError as error:
        reword(error, f"{what}: {error.message}")
        raise


def reword(error: TrustKeysError, message: str) -> None:
    """Have an error say more."""
    error.message = message
    error.args = (message,)


def shape(value: object) -> str:
    """Say what kind of thing a value is, without saying the value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int):
        return f"{'a negative' if value < 0 else 'an'} integer of {value.bit_length()} bits"
    if isinstance(value, float):
        return "a floating-point number"
    if isinstance(value, str):
        return f"a string of {len(value)} characters"
    return f"a value of type {type(value).__name__}"


def quantity(value: object) -> str:
    """Show a number that cannot be a secret, such as a count; else say what it is."""
    is_number = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31
    return str(value) if is_number else shape(value)


def is_name(value: object) -> bool:
    """Whether a value can be shown as the name of a member: short, and fit to print.

    A longer one could be a secret that was put in the wrong place.
    """
    return isinstance(value, str) and len(value) <= 24 and value.isprintable()


def quoted(name: object) -> str:
    """Show a member's name where it can be shown, else what it is, in ASCII."""
    return ascii(name) if is_name(name) else shape(name)
