"""Measure several works in turns, so that a change of the machine's speed affects all of them."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
import timeit
from collections.abc import Callable, Mapping

from attrs import frozen

OURS = "trustkeys"


@frozen
class Row:
    """One kind of work, measured for trustkeys and others.

    Attributes:
        work: The name of the work.
        unit: The unit of `figures`, such as ``"µs"`` for one call.
        figures: By library, one of them ``"trustkeys"``.
        targets: The largest allowed ratio of trustkeys to another library, by library.
        most: The largest allowed figure of trustkeys, in `unit`.
    """

    work: str
    unit: str
    figures: Mapping[str, float]
    targets: Mapping[str, float]
    most: float | None = None

    def ratio(self, name: str) -> float:
        """Return the figure of trustkeys divided by that of `name`."""
        return self.figures[OURS] / self.figures[name]

    def missed(self) -> list[str]:
        """Return the targets that were missed."""
        names = [name for name, target in self.targets.items() if self.ratio(name) > target]
        if self.most is not None and self.figures[OURS] > self.most:
            names.append(f"{self.most:g} {self.unit}")
        return names


def calls(
    works: Mapping[str, Callable[[], object]], *, number: int, rounds: int
) -> dict[str, float]:
    """Time calls in turns. Return microseconds per call, the best of `rounds` of `number` calls."""
    best = dict.fromkeys(works, float("inf"))
    for _ in range(rounds):
        for name, work in works.items():
            best[name] = min(best[name], timeit.timeit(work, number=number) / number * 1e6)
    return best


def processes(programs: Mapping[str, list[str]], *, rounds: int) -> dict[str, float]:
    """Time Python processes in turns. Return milliseconds per process, the median of `rounds`."""
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, args in programs.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, *args], check=True, stdout=subprocess.DEVNULL)
            times[name].append((time.perf_counter() - start) * 1e3)
    return {name: statistics.median(values) for name, values in times.items()}
