"""The request for one key: generateKey's parameters, checked and in the RFCs' spelling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from trustkeys.core.numericdate import NumericDateInput, numeric_dates
from trustkeys.core.registry import KeyType, key_type_for, known_types
from trustkeys.core.strict_json import read_object, whole
from trustkeys.errors import InvalidInputError, MissingUseError
from trustkeys.wording import either, is_name, quoted, shape

__tracebackhide__ = True

_GRAPH_MEMBERS = ("use", "kty", "nbf", "exp")

# The other members of Graph's trustFrameworkKey. Clients that fill in a whole key send null.
_OF_A_KEY = {"kid", "x5c", "x5t", "status", "e", "n", "k", "d", "p", "q", "dp", "dq", "qi"}


@frozen(init=False)
class GenerateKeyRequest:
    """A request for one key (Graph: "trustFrameworkKeySet: generateKey").

    Args:
        use: ``"sig"`` or ``"enc"``, in any ASCII case (RFC 7517 section 4.2).
        kty: ``"RSA"``, ``"oct"`` or another registered key type, in any ASCII case.
        nbf: Not before: whole seconds since 1970 (NumericDate, RFC 7519 section 2, up to
            2^63-1), or an aware datetime, whose microseconds are dropped.
        exp: Expires, in the same forms. May equal `nbf`, and may be in the past.
        size: In bits. RSA: 2048 (default), 3072 or 4096. oct: 256 (default) to 4096 in whole
            bytes. An addition of trustkeys, which a Graph body cannot carry.

    Raises:
        InvalidInputError: The first of these that applies, as code and target: ``AADB2C95033``
            `use`; ``AADB2C95031`` `kty`; ``BadRequest`` `nbf`, `exp`, `exp` before `nbf`, `size`.
    """

    use: str
    kty: str
    nbf: int | None
    exp: int | None
    size: int

    def __init__(
        self,
        use: str,
        kty: str,
        *,
        nbf: NumericDateInput = None,
        exp: NumericDateInput = None,
        size: int | None = None,
    ) -> None:
        use, key_type, start, end, bits = checked_parameters(use, kty, nbf, exp, size)
        self.__attrs_init__(use, key_type.kty, start, end, bits)

    @classmethod
    def from_graph(
        cls, body: str | bytes | Mapping[str, Any], *, size: int | None = None
    ) -> GenerateKeyRequest:
        """Read the body of a generateKey request.

        Members whose names start with ``@odata.`` are ignored, since Microsoft's SDKs send them.
        So are the other members of a `trustFrameworkKey`, such as `k`, if they are null. All
        other members that generateKey does not take are refused. A date can be null, and a
        number with a whole value is an integer however it is written (``1893456000.0``).

        Args:
            body: JSON of at most 64 KiB of UTF-8, or a mapping.
            size: The size in bits, as for the class. The body cannot carry it.

        Raises:
            MissingUseError: `use` is missing. Code ``AADB2C90253``.
            InvalidInputError: ``BadRequest`` the body is malformed or has an unknown member;
                ``AADB2C95030`` `kty` is missing; the rest as for the class. A missing `use` or
                `kty` comes after the unknown member, and a wrong `use` before the missing `kty`.
        """
        members: dict[str, Any] = {}
        for name, value in read_object(body, what="the body").items():
            if isinstance(name, str) and name.startswith("@odata."):
                continue
            if value is None and name in _OF_A_KEY:
                continue
            if name not in _GRAPH_MEMBERS:
                raise _unknown_member(name)
            members[name] = whole(value)
        if "use" not in members:
            raise MissingUseError
        members["use"] = checked_use(members["use"])
        if "kty" not in members:
            raise InvalidInputError(
                f"kty is missing: {either([*known_types()])}", code="AADB2C95030", target="kty"
            )
        return cls(**members, size=size)

    def to_graph(self) -> dict[str, Any]:
        """Return the request body for Graph: with the dates if set, and without the size."""
        body = {"use": self.use, "kty": self.kty, "nbf": self.nbf, "exp": self.exp}
        return {name: value for name, value in body.items() if value is not None}


def checked_parameters(
    use: str, kty: str, nbf: NumericDateInput, exp: NumericDateInput, size: int | None
) -> tuple[str, KeyType, int | None, int | None, int]:
    """Return the parameters of a request, checked in the order of `GenerateKeyRequest`."""
    use = checked_use(use)
    key_type = key_type_for(kty)
    start, end = (None, None) if nbf is exp is None else numeric_dates(nbf, exp)
    bits = key_type.strategy.default_size if size is None else key_type.checked_size(size)
    return use, key_type, start, end, bits


def checked_use(use: object) -> str:
    """Return `use` as RFC 7517 spells it.

    Raises:
        InvalidInputError: Neither sig nor enc. Code ``AADB2C95033``.
    """
    # str.lower() maps no non-ASCII letter to these.
    if isinstance(use, str) and (lowered := use.lower()) in ("sig", "enc"):
        return lowered
    raise InvalidInputError(
        f"use must be sig or enc, not {shape(use)}", code="AADB2C95033", target="use"
    )


def _unknown_member(name: Any) -> InvalidInputError:
    from difflib import get_close_matches

    known = ", ".join(_GRAPH_MEMBERS)
    if not is_name(name):
        return InvalidInputError(
            f"generateKey takes {known}, and no member whose name is {shape(name)}"
        )
    if name == "size":
        hint = "; pass size as an argument, or --size to the command"
    elif near := get_close_matches(name.lower(), _GRAPH_MEMBERS, 1):
        hint = f"; did you mean {near[0]}?"
    else:
        hint = f": it takes {known}"
    return InvalidInputError(f"generateKey takes no member {quoted(name)}{hint}", target=name)
