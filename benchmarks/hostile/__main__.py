"""Print what files that ask for much cost, and how Ctrl-C ends: ``python -m benchmarks.hostile``.

Needs Linux. Exit status 1 if a file takes more than 5 seconds of CPU or 300 MB, or if Ctrl-C takes
more than a second.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from benchmarks.hostile.files import HostileFile, files
from benchmarks.hostile.processes import prepare, run

CPU, MEMORY, DELAY = 5.0, 300.0, 1.0
"""The most seconds of CPU, megabytes, and seconds from Ctrl-C to the end of the process."""

_SHORT = 0.5
"""Below that many seconds of CPU, most is the start of Python, and no Ctrl-C is sent."""


def main() -> int:
    """Measure all files and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hostile", description=__doc__)
    parser.add_argument("words", nargs="?", default="", help="only files with this in their names")
    options = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors\n")
    print(f"{'file':<65}{'command':<9}{'exit':>5}{'CPU s':>7}{'MB':>5}  Ctrl-C")
    missed = False
    for hostile in files():
        if options.words in hostile.name:
            with tempfile.TemporaryDirectory() as name:
                prepare(hostile, Path(name))
                for command in hostile.outcomes:
                    missed |= _show(hostile, command, Path(name))
    return 1 if missed else 0


def _show(hostile: HostileFile, command: str, folder: Path) -> bool:
    """Print a row. Return whether it misses a limit, or is not what is expected."""
    found = run(hostile, command, folder)
    stop, is_late = "", False
    if found.cpu > _SHORT:
        stopped = run(hostile, command, folder, stop_at=0.6 * found.cpu)
        if stopped.delay is not None:
            stop = f"exit {stopped.status} after {stopped.delay:.2f} s"
            is_late = stopped.delay > DELAY
    status, words = hostile.outcomes[command]
    problems = [
        problem
        for is_missed, problem in (
            (found.cpu > CPU, "CPU"),
            (found.memory > MEMORY, "memory"),
            (is_late, "Ctrl-C"),
            (found.status != status or words not in found.printed, f"not {status} {words!r}"),
        )
        if is_missed
    ]
    print(
        f"{hostile.name:<65}{command:<9}{found.status:>5}{found.cpu:>7.2f}{found.memory:>5.0f}  "
        f"{stop}{'  missed: ' + ', '.join(problems) if problems else ''}",
        flush=True,
    )
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
