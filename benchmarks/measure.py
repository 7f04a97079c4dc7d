"""Ways to measure several things in turn, so that a machine that drifts drifts for all."""

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
    """One kind of work, measured for us, the peers and the limit.

    Attributes:
        work: What was done.
        unit: Of `figures`: ``"µs"`` or ``"ms"`` for one piece of work.
        figures: By name; ours under ``"trustkeys"``.
        targets: By name, the largest ratio ours/theirs that is aimed at.
        most: The largest figure of ours that is aimed at, in `unit`.
    """

    work: str
    unit: str
    figures: Mapping[str, float]
    targets: Mapping[str, float]
    most: float | None = None

    def ratio(self, name: str) -> float:
        """How many times as long as `name` we take."""
        return self.figures[OURS] / self.figures[name]

    def missed(self) -> list[str]:
        """The targets that were not met."""
        names = [name for name, target in self.targets.items() if self.ratio(name) > target]
        if self.most is not None and self.figures[OURS] > self.most:
            names.append(f"{self.most:g} {self.unit}")
        return names


def calls(
    works: Mapping[str, Callable[[], object]], *, number: int, rounds: int
) -> dict[str, float]:
    """Time calls in turn: microseconds a call, the best of `rounds` of `number` each."""
    best = dict.fromkeys(works, float("inf"))
    for _ in range(rounds):
        for name, work in works.items():
            best[name] = min(best[name], timeit.timeit(work, number=number) / number * 1e6)
    return best


def processes(programs: Mapping[str, list[str]], *, rounds: int) -> dict[str, float]:
    """Time whole Python processes in turn: milliseconds each, the median of `rounds`."""
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, args in programs.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, *args], check=True, stdout=subprocess.DEVNULL)
            times[name].append((time.perf_counter() - start) * 1e3)
    return {name: statistics.median(values) for name, values in times.items()}
