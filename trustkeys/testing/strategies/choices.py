"""The arguments `use` and `kty` of strategies, and sizes."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from trustkeys.core.registry import key_type_for
from trustkeys.core.request import checked_use

__tracebackhide__ = True


def uses(use: str | None) -> tuple[str, ...]:
    """Return the uses to draw from: the one that is asked for, or both.

    Raises:
        InvalidInputError: `use` is another one. Code ``AADB2C95033``.
    """
    return ("sig", "enc") if use is None else (checked_use(use),)


def ktys(kty: str | None) -> tuple[str, ...]:
    """Return the key types to draw from: the one that is asked for, or RSA and oct.

    Raises:
        InvalidInputError: `kty` is not registered. Code ``AADB2C95031``.
    """
    return ("RSA", "oct") if kty is None else (key_type_for(kty).kty,)


def one_of_sizes(sizes: Sequence[int]) -> SearchStrategy[int]:
    """Draw a size. Unlike ``sampled_from``, this often draws the ends of a long sequence."""
    return st.integers(0, len(sizes) - 1).map(sizes.__getitem__)
