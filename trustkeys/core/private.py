"""The only holder of private keys and other secrets in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from hmac import compare_digest
from typing import Generic, NoReturn, TypeVar, final

__tracebackhide__ = True

T = TypeVar("T")


@final
class Private(Generic[T]):
    """A JSON value, such as the members of a private key, that never shows itself.

    It is neither an attrs class nor a mapping, so that neither `attrs.asdict` nor a test runner
    that explains a failed comparison looks inside.
    """

    __slots__ = ("__value",)

    def __init__(self, value: T | Callable[[], T]) -> None:
        """Take the value over: the caller must not keep a reference.

        A function is called when the value is first needed, for values that cost time.
        """
        self.__value = value

    def reveal(self) -> T:
        """Return the value in the open. The caller must not change it."""
        value = self.__value
        if callable(value):
            # Two threads may both compute it, with the same result.
            value = self.__value = value()
        return value

    def __repr__(self) -> str:
        return "<private>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Private):
            return NotImplemented
        return compare_digest(_as_bytes(self.reveal()), _as_bytes(other.reveal()))

    __hash__ = None  # type: ignore[assignment]  # a hash would be computed from secrets

    def __copy__(self) -> Private[T]:
        return self

    def __deepcopy__(self, memo: object) -> Private[T]:
        return self

    def __getstate__(self) -> NoReturn:
        raise TypeError("a private key has no state to copy")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(
            "a private key cannot be pickled: pass on to_jwk(private=True) if you mean to"
        )


def _as_bytes(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
