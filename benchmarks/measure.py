"""Measure several works in turns, and say how far the figures can be trusted.

pyperf, the usual library, measures one work after the other, by the clock on the wall. Here the
works that are compared take turns, so that a neighbour on the machine affects all of them, most are
measured in seconds of CPU, and RSA keys are the same for all.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import timeit
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import frozen

OURS = "trustkeys"

MET, MISSED, UNDECIDED = "met", "missed", "undecided"

CONFIDENCE = 95
"""Of every interval, in percent."""

_RESAMPLES = 2000

Work = Callable[[], float]
"""Does the work, and returns its figure."""


@frozen
class Estimate:
    """A figure and its interval of confidence."""

    value: float
    low: float
    high: float

    def verdict(self, most: float) -> str:
        """Say whether the figure is at most `most`, if the interval allows to say it."""
        if self.low > most:
            return MISSED
        return MET if self.high <= most else UNDECIDED


def estimate(
    statistic: Callable[[np.ndarray[Any, Any]], Any], samples: Sequence[Sequence[float]]
) -> Estimate:
    """Return a statistic of samples, and its interval by the bootstrap over rounds.

    Args:
        statistic: Takes an array with the axes (work, resample, round).
        samples: For each work, its figure in each round.
    """
    measured = np.array(samples)
    rounds = measured.shape[1]
    drawn = np.random.default_rng(0).integers(rounds, size=(_RESAMPLES, rounds))
    (value,) = statistic(measured[:, np.newaxis, :])
    tail = (100 - CONFIDENCE) / 2
    low, high = np.percentile(statistic(measured[:, drawn]), (tail, 100 - tail))
    return Estimate(float(value), float(low), float(high))


@frozen
class Target:
    """The most that trustkeys may cost.

    Attributes:
        most: The largest ratio to `of`, or the largest figure.
        of: What the figure is compared with, or None for the figure alone.
    """

    most: float
    of: str | None = None


@frozen
class Row:
    """One kind of work, done by trustkeys and others.

    Attributes:
        work: The name of the work.
        unit: The unit of the figures, such as ``"µs"`` for one call.
        samples: By library, or another way to do the work, the figure of each round. One is
            `OURS`.
        targets: What trustkeys should reach.
        is_luck: Whether the keys differ in cost, so that the mean counts and not the median.
    """

    work: str
    unit: str
    samples: Mapping[str, Sequence[float]]
    targets: Sequence[Target] = ()
    is_luck: bool = False

    def figure(self, name: str) -> Estimate:
        """Return the figure of trustkeys or another."""
        return estimate(lambda measured: self._average(measured)[0], [self.samples[name]])

    def ratio(self, name: str) -> Estimate:
        """Return the figure of trustkeys divided by that of another, round by round."""

        def statistic(measured: np.ndarray[Any, Any]) -> Any:
            ours, theirs = self._average(measured)
            return ours / theirs

        return estimate(statistic, [self.samples[OURS], self.samples[name]])

    def verdict(self, target: Target) -> str:
        """Say whether a target is met."""
        found = self.figure(OURS) if target.of is None else self.ratio(target.of)
        return found.verdict(target.most)

    def verdicts(self) -> list[str]:
        """Say for each target whether it is met."""
        return [self.verdict(target) for target in self.targets]

    def _average(self, measured: np.ndarray[Any, Any]) -> Any:
        return (np.mean if self.is_luck else np.median)(measured, axis=-1)


@frozen
class Growth:
    """One kind of work on growing numbers of keys.

    Attributes:
        work: The name of the work.
        unit: The unit of the figures.
        samples: By the number of keys, the figure of each round.
        most: The largest exponent that counts as linear. Sorting 1,000 keys and more has 1.13.
    """

    work: str
    unit: str
    samples: Mapping[int, Sequence[float]]
    most: float = 1.2

    def figure(self, size: int) -> Estimate:
        """Return the figure for a number of keys."""
        return estimate(lambda measured: np.median(measured, axis=-1)[0], [self.samples[size]])

    def exponent(self) -> Estimate:
        """Fit what further keys add: cost = start + constant * keys ** exponent.

        Both are counted from the smallest number of keys, so that the start of a process, which
        does not grow, hides nothing.
        """
        least, *sizes = sorted(self.samples)
        more = np.log([size - least for size in sizes])

        def statistic(measured: np.ndarray[Any, Any]) -> Any:
            first, *others = np.median(measured, axis=-1)
            # Noise can make the larger work the cheaper one.
            added = np.maximum(np.array(others) - first, 1e-9)
            return np.polyfit(more, np.log(added), 1)[0]

        return estimate(statistic, [self.samples[size] for size in (least, *sizes)])

    def verdicts(self) -> list[str]:
        """Say whether the work is linear."""
        return [self.exponent().verdict(self.most)]


def turns(works: Mapping[Any, Work], rounds: int) -> dict[Any, list[float]]:
    """Do each work once in each round, and start each round with another one."""
    samples: dict[Any, list[float]] = {name: [] for name in works}
    names = list(works)
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            samples[name].append(works[name]())
    return samples


def cpu(work: Callable[[], object], *, number: int = 1, scale: float = 1e6) -> Work:
    """Measure a call in this process, as the mean of `number` calls.

    Args:
        work: What to call.
        number: How often to call it for one figure.
        scale: 1e6 for microseconds of CPU, 1e3 for milliseconds.
    """
    return lambda: timeit.timeit(work, number=number, timer=time.process_time) * scale / number


def process(args: Sequence[str]) -> Work:
    """Measure a process with all its children, in milliseconds of CPU."""

    def measured() -> float:
        before = _children()
        subprocess.run(args, check=True, stdout=subprocess.DEVNULL)
        return (_children() - before) * 1e3

    return measured


def python(*args: str) -> Work:
    """Measure a process of Python, in milliseconds of CPU."""
    return process([sys.executable, *args])


def _children() -> float:
    import resource  # Windows has none

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def processors() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0))
