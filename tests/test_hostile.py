"""Hostile files cost little, are refused with a reason, and never keep Ctrl-C waiting."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.hostile import FILES, MAX_MEGABYTES, MAX_SECONDS, cost, interrupted

pytestmark = pytest.mark.deep

# Why each file is refused, or what it holds, in the words of both commands.
_REASONS = {
    "PKCS#8, 2^31 rounds": "2147483648 rounds of PBKDF2",
    "PKCS#8, 2^32 rounds": "4294967296 rounds of PBKDF2",
    "scrypt, N=2^20": "1073741824 bytes of memory",
    "scrypt, N=1000003": "N as a power of two",
    "PFX, checksum of 2^31 rounds": "2147483648 rounds of PKCS#12's key derivation",
    "PFX, bag of 16.8 million rounds": "16777216 rounds of PBKDF2",
    "old PEM, empty IV": "DEK-Info of its PEM is broken",
    "2,810 brainpool certificates": "at most 1048576 bytes",
    "JSON lists, 1,000,000 deep": "nested too deep",
    "JSON objects, 1,000,000 deep": "nested too deep",
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("action", ["inspect", "import"])
def test_a_hostile_file_costs_little_and_is_refused_with_the_reason(
    name: str, action: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(FILES[name]())
    found = cost(name, action, tmp_path)
    assert found.seconds <= MAX_SECONDS
    assert found.megabytes <= MAX_MEGABYTES
    assert "Traceback" not in found.text
    assert "panicked" not in found.text
    assert found.code in (2, 3)
    assert _REASONS.get(name, "") in found.text


@pytest.mark.parametrize("name", FILES)
def test_sigint_ends_the_command_at_once(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(FILES[name]())
    code, seconds = interrupted(name, "import", tmp_path)
    assert code in (-signal.SIGINT, 2, 3)
    assert seconds < 1
