"""No reader lets anything out of a hostile file but an error of trustkeys."""

from __future__ import annotations

import random

import pytest

from tests.fuzz import run
from tests.fuzz.mutations import mutated
from tests.fuzz.readers import READERS
from tests.fuzz.seeds import seeds
from trustkeys import testing

COUNT = 300


@pytest.mark.deep
@pytest.mark.parametrize("reader", READERS)
def test_mutated_files_are_read_or_refused(reader: str) -> None:
    with testing.allow_test_keys():
        (result,) = run.fuzz(COUNT, 17, [reader])
    assert result.escaped == {}
    assert result.read + result.refused == COUNT
    assert result.slowest < 2
    assert reader in run.table([result])


@pytest.mark.deep
def test_what_escapes_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(data: bytes) -> None:
        raise ZeroDivisionError(len(data) % 3)

    monkeypatch.setitem(READERS, "broken", broken)
    with testing.allow_test_keys():
        (result,) = run.fuzz(20, 17, ["broken"])
    assert "ZeroDivisionError" in run.table([result])


@pytest.mark.deep
def test_mutations_are_repeatable() -> None:
    with testing.allow_test_keys():
        originals = seeds()
    first, second = (mutated(random.Random(5), originals) for _ in range(2))
    assert first == second
