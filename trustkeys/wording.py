"""Descriptions of values in messages, which do not show a value that may be a secret."""

from __future__ import annotations

import re
from collections.abc import Sequence

__tracebackhide__ = True


_NAMES = {
    type(None): "null",
    bool: "a boolean",
    float: "a floating-point number",
    dict: "a JSON object",
    list: "a list",
}


def shape(value: object) -> str:
    """Describe a value by its type and size, without showing it."""
    for kind, name in _NAMES.items():
        if isinstance(value, kind):
            return name
    if isinstance(value, int):
        if abs(value) < 10:  # one digit is no secret
            return str(value)
        return f"{'a negative' if value < 0 else 'an'} integer of {value.bit_length()} bits"
    if isinstance(value, str):
        return f"a string of {counted(len(value), 'character')}"
    return f"a value of type {type(value).__name__}"


def quantity(value: object) -> str:
    """Show a number that is too small to be a secret, such as a count, or describe its shape."""
    is_number = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31
    return str(value) if is_number else shape(value)


def counted(number: int, noun: str = "key") -> str:
    """Return a number with its noun: ``1 key``, ``2 keys``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def is_name(value: object) -> bool:
    """Whether a value is safe to show as the name of a member: short and printable.

    A longer one could be a secret in the wrong place.
    """
    return isinstance(value, str) and len(value) <= 24 and value.isprintable()


def key_type_name(kty: object) -> str:
    """Show a `kty`, which is no secret, if it looks like one, or describe its shape."""
    return kty if isinstance(kty, str) and re.fullmatch(_KTY, kty) else shape(kty)


# Such as EC, OKP, AKP, RSA-HSM and oct-HSM. A longer one could be a secret in the wrong place.
_KTY = "[A-Za-z][A-Za-z0-9_-]{0,11}"


def quoted(name: object) -> str:
    """Show a member's name in ASCII if it is safe to show, or describe its shape."""
    return ascii(name) if is_name(name) else shape(name)


def did_you_mean(names: Sequence[str]) -> str:
    """Return a sentence that proposes names, or nothing if there are none."""
    return f" Did you mean {either([repr(name) for name in names])}?" if names else ""


def either(names: Sequence[str]) -> str:
    """Join names to a choice: ``RSA, oct or EC``."""
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def all_of(names: Sequence[str]) -> str:
    """Join names to a list: ``1, 2 and 3``."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
