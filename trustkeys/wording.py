"""How a value is described in a message without showing it, since it may be a secret."""

from __future__ import annotations

from collections.abc import Sequence


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


def either(names: Sequence[str]) -> str:
    """Write names as a choice: ``RSA, oct or EC``."""
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
