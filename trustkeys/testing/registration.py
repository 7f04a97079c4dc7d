"""Hypothesis runs this when it is imported: the entry point of the group ``hypothesis``.

That happens in every test suite on a machine that has trustkeys installed. So the strategies, and
what they need, are imported only when one is used.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.request import GenerateKeyRequest
from trustkeys.keyset.keyset import TrustFrameworkKeySet

__tracebackhide__ = True


def register() -> None:
    """Make `hypothesis.strategies.from_type` work for keys, key sets and requests."""
    # Imported here, because Hypothesis looks for this function before its own import is complete.
    from hypothesis.strategies import register_type_strategy

    register_type_strategy(TrustFrameworkKey, partial(_strategy, TrustFrameworkKey, "keys"))
    register_type_strategy(
        TrustFrameworkKeySet, partial(_strategy, TrustFrameworkKeySet, "key_sets")
    )
    register_type_strategy(GenerateKeyRequest, partial(_strategy, GenerateKeyRequest, "requests"))


def _strategy(kind: type, name: str, asked: type) -> Any:
    # Hypothesis also asks for a base class that a key set has, such as Sized or Iterable. Other
    # people's tests must not get key sets for these.
    if asked is not kind:
        return NotImplemented
    from trustkeys.testing import strategies

    return getattr(strategies, name)()
