"""Descriptions of values in messages, which do not show a value that may be a secret."""

from __future__ import annotations

from collections.abc import Sequence

__tracebackhide__ = True


def shape(value: object) -> str:
    """Describe a value by its type and size, without showing it."""
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


def quoted(name: object) -> str:
    """Show a member's name in ASCII if it is safe to show, or describe its shape."""
    return ascii(name) if is_name(name) else shape(name)


def either(names: Sequence[str]) -> str:
    """Join names to a choice: ``RSA, oct or EC``."""
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def all_of(names: Sequence[str]) -> str:
    """Join names to a list: ``1, 2 and 3``."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
