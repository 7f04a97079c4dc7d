"""Key sets to test with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from trustkeys import InvalidInputError, TrustFrameworkKey, TrustFrameworkKeySet

DAY = 86_400
INT64_MAX = 2**63 - 1


def key_set(keys: Sequence[TrustFrameworkKey] = ()) -> TrustFrameworkKeySet:
    return TrustFrameworkKeySet("test", keys)


def refused(call: Any, *args: Any, **kwargs: Any) -> InvalidInputError:
    """Return the error of a call, which must hold no other exception."""
    with pytest.raises(InvalidInputError) as caught:
        call(*args, **kwargs)
    assert caught.value.__cause__ is caught.value.__context__ is None
    return caught.value
