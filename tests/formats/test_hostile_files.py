"""Files that ask for much: each is answered, or refused with the reason.

``python -m benchmarks.hostile`` measures their CPU, their memory and the effect of Ctrl-C.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.hostile.files import HostileFile, files
from benchmarks.hostile.processes import prepare, run

pytestmark = [
    pytest.mark.deep,
    pytest.mark.skipif(sys.platform != "linux", reason="its limits of CPU and memory are Linux's"),
]


@pytest.mark.parametrize("hostile", [*files()], ids=lambda hostile: hostile.name)
def test_a_hostile_file_is_answered(hostile: HostileFile, tmp_path: Path) -> None:
    """Beyond 30 s of CPU or 2 GiB of address space, the command would be killed."""
    prepare(hostile, tmp_path)
    for command, (status, words) in hostile.outcomes.items():
        done = run(hostile, command, tmp_path)
        assert (done.status, words in done.printed) == (status, True), done.printed[-1000:]
        assert "Traceback" not in done.printed
        assert "panicked" not in done.printed
