"""The holder of private keys and other secrets in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, NoReturn, TypeVar, final

__tracebackhide__ = True

T = TypeVar("T")


@final
class Private(Generic[T]):
    """A JSON value that does not print, such as the members of a private key.

    It is neither an attrs class nor a mapping, so that `attrs.asdict` and the comparisons in a
    test report do not look inside.
    """

    __slots__ = ("__value",)

    def __init__(self, value: T | Callable[[], T]) -> None:
        """Take the value. The caller must not keep a reference to it.

        For a value that takes time to compute, pass a function. It is called on first use.
        """
        self.__value = value

    def reveal(self) -> T:
        """Return the value. The caller must not change it."""
        value = self.__value
        if callable(value):
            # Two threads may both compute it, which gives the same result.
            value = self.__value = value()
        return value

    def __repr__(self) -> str:
        return "<private>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Private):
            return NotImplemented
        from hmac import compare_digest  # imported lazily: it loads a copy of OpenSSL

        return compare_digest(_as_bytes(self.reveal()), _as_bytes(other.reveal()))

    __hash__ = None  # type: ignore[assignment]  # a hash would depend on secrets

    def __copy__(self) -> Private[T]:
        return self

    def __deepcopy__(self, memo: object) -> Private[T]:
        return self

    def __getstate__(self) -> NoReturn:
        raise TypeError("the state of a private key cannot be read: use to_jwk(private=True)")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a private key cannot be pickled: to pass it on, use to_jwk(private=True)")


def _as_bytes(value: object) -> bytes:
    import json

    return json.dumps(value, sort_keys=True).encode()
