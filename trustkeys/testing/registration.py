"""What Hypothesis runs when it is imported: the entry point of the group ``hypothesis``.

It runs wherever trustkeys is installed, whatever is tested there. So the strategies, and all that
they need, wait until somebody asks for one.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.request import GenerateKeyRequest
from trustkeys.keyset.keyset import TrustFrameworkKeySet

__all__ = ["register"]

__tracebackhide__ = True


def register() -> None:
    """Have `hypothesis.strategies.from_type` know keys, key sets and requests."""
    # Not at the top: Hypothesis would look for this function before it is there.
    from hypothesis.strategies import register_type_strategy

    register_type_strategy(TrustFrameworkKey, partial(_strategy, TrustFrameworkKey, "keys"))
    register_type_strategy(
        TrustFrameworkKeySet, partial(_strategy, TrustFrameworkKeySet, "key_sets")
    )
    register_type_strategy(GenerateKeyRequest, partial(_strategy, GenerateKeyRequest, "requests"))


def _strategy(kind: type, name: str, asked: type) -> Any:
    # Asked for what a key set also is, such as Sized or Iterable, Hypothesis would take this for
    # one of its sources, and the tests of others would be given key sets.
    if asked is not kind:
        return NotImplemented
    from trustkeys.testing import strategies

    return getattr(strategies, name)()
