"""The one place where private keys are held."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NoReturn, final

# pytest shows the arguments of the frame that raised, and here they can be secrets.
__tracebackhide__ = True


@final
class PrivateMembers:
    """The members of a private key, the public ones among them, that do not show themselves.

    No attrs class and no mapping, so that neither `attrs.asdict` nor a test runner that
    explains a failed comparison looks inside.
    """

    __slots__ = ("__members",)

    def __init__(self, members: dict[str, str] | Callable[[], dict[str, str]]) -> None:
        """Take the members over: the caller keeps no reference to change them by.

        In place of members that are costly to work out, a function can be given that does so; it
        is called when they are first asked for.
        """
        self.__members = members

    def reveal(self) -> Mapping[str, str]:
        """Give the members in the open, for reading."""
        members = self.__members
        if callable(members):
            # Two threads may both do so, and come to the same.
            members = self.__members = members()
        return members

    def __repr__(self) -> str:
        return "<private members>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PrivateMembers):
            return NotImplemented
        from hmac import compare_digest

        return compare_digest(_as_bytes(self.reveal()), _as_bytes(other.reveal()))

    __hash__ = None  # type: ignore[assignment]  # a hash would be made of secrets

    def __copy__(self) -> PrivateMembers:
        return self

    def __deepcopy__(self, memo: object) -> PrivateMembers:
        return self

    def __getstate__(self) -> NoReturn:
        raise TypeError("a key that holds a private part has no state to give away")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(
            "a key that holds a private part is not pickled: "
            "pass on what to_jwk(private=True) gives, where that is meant"
        )


def _as_bytes(members: Mapping[str, str]) -> bytes:
    import json

    return json.dumps(members, sort_keys=True).encode()
