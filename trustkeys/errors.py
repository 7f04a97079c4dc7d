"""The exceptions that trustkeys raises.

An error never carries a value that may be a secret, only its type or shape. For the same reason no
error is raised inside the ``except`` block of a parser: the parser's own exception, and with it
the document, would stay reachable through ``__context__``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = [
    "BatchError",
    "InvalidInputError",
    "KeyNotFoundError",
    "KeyTooSmallError",
    "MissingPassphraseError",
    "MissingUseError",
    "NotEncryptedError",
    "PassphraseError",
    "TrustKeysError",
    "WrongPassphraseError",
]

__tracebackhide__ = True


class TrustKeysError(Exception):
    """The base of every error that trustkeys itself raises.

    Args:
        message: One sentence that says what is wrong and what is allowed.
        code: The service's error code if it documents one (``AADB2C95031``), else
            ``BadRequest``, or ``NotFound`` if a key does not exist.
        target: The name of the parameter or member at fault, if there is one.
    """

    def __init__(
        self, message: str, *, code: str = "BadRequest", target: str | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.target = target

    @property
    def message(self) -> str:
        """The sentence for a person, without the code."""
        return str(self.args[0])

    def __str__(self) -> str:
        # Only the service's own codes lead to its documentation.
        is_documented = self.code.startswith("AADB2C")
        return f"{self.message} ({self.code})" if is_documented else self.message

    def to_graph(self) -> dict[str, Any]:
        """Return the error in the shape of Microsoft Graph's "error resource type"."""
        error = {"code": self.code, "message": self.message, "target": self.target}
        return {"error": {**error, "innerError": {}}}


class InvalidInputError(TrustKeysError, ValueError):
    """Invalid input, or an operation that the key does not support."""


class MissingUseError(InvalidInputError):
    """Neither the input nor the caller says whether the key is for ``sig`` or ``enc``."""

    def __init__(self, message: str = "use is missing: it must be sig or enc") -> None:
        super().__init__(message, code="AADB2C90253", target="use")


class KeyTooSmallError(InvalidInputError):
    """An RSA key of fewer than 2048 bits, which is too weak to use (NIST SP 800-57)."""


class PassphraseError(InvalidInputError):
    """The base of the errors about the passphrase of a file."""

    def __init__(self, message: str, *, code: str = "BadRequest") -> None:
        super().__init__(message, code=code, target="password")


class MissingPassphraseError(PassphraseError):
    """The file is encrypted, and no passphrase was given."""


class WrongPassphraseError(PassphraseError):
    """The passphrase does not open the file, or the file was changed."""


class NotEncryptedError(PassphraseError):
    """A passphrase was given for a file that is not encrypted."""


class BatchError(TrustKeysError):
    """One of many keys could not be generated. The keys before it were returned.

    The `code` is that of the ``__cause__``, or the name of its class.

    Attributes:
        done: The number of keys that were returned before the error.
    """

    def __init__(self, message: str, *, code: str = "BadRequest", done: int = 0) -> None:
        super().__init__(message, code=code)
        self.done = done


class KeyNotFoundError(TrustKeysError, LookupError):
    """The key set has no key with that `kid`, or no active key."""


@contextmanager
def prefix_errors(what: str) -> Iterator[None]:
    """Prefix the message of errors raised in the block with `what`, such as a file's name."""
    try:
        yield
    except InvalidInputError as error:
        error.args = (f"{what}: {error.message}",)
        raise
