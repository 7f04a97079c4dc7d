"""Tests of key sets check many documents with few moduli."""

from __future__ import annotations

from functools import cache

import pytest

from trustkeys.keyset import weak


@pytest.fixture(autouse=True)
def _each_modulus_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Save the time of testing a modulus again: 10 ms."""
    monkeypatch.setattr(weak, "slow_weakness", _slow_weakness)


_slow_weakness = cache(weak.slow_weakness)
