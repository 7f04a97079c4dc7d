"""Every reader answers changed files with a key or a TrustKeysError, and with nothing else."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import pytest

from tests.fuzz.__main__ import run
from tests.fuzz.mutations import mutated
from tests.fuzz.readers import READERS
from tests.fuzz.seeds import seeds

pytestmark = pytest.mark.deep


def test_changed_files_are_read_or_refused() -> None:
    result = run(2000, 17)
    assert list(result.failures) == []
    assert result.peak < 500


def test_what_escapes_is_reported_with_its_input(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(data: bytes) -> None:
        os.write(2, b"panicked")
        raise ZeroDivisionError

    monkeypatch.setitem(READERS["der"], "broken", broken)
    failures = run(100, 17).failures
    assert {text.partition(" at ")[0] for text in failures} == {
        "broken: ZeroDivisionError",
        "broken: printed by native code: panicked",
    }
    assert all(failures.values())


def test_every_seed_fits_a_reader(tmp_path: Path) -> None:
    assert {seed.kind for seed in seeds(tmp_path)} == set(READERS)


def test_a_number_always_gives_the_same_change(tmp_path: Path) -> None:
    found = seeds(tmp_path)
    changed = [[mutated(Random(f"1:{number}"), found) for number in range(50)] for _ in range(2)]
    assert changed[0] == changed[1]
    assert len({seed.data for seed in changed[0]}) > 40
