"""A reader acts on the verdicts of the benchmarks, so chance must not decide them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytest.importorskip("numpy", reason="needs the extra bench")

from benchmarks.measure import (
    MET,
    MISSED,
    OURS,
    UNDECIDED,
    Growth,
    Row,
    Target,
    turns,
)
from benchmarks.table import lines

pytestmark = pytest.mark.deep


def samples(middle: float, spread: float, step: int) -> list[float]:
    """Return figures on both sides of `middle`, in an order of their own."""
    return [middle + spread * (number * step % 41 / 20 - 1) for number in range(41)]


@pytest.mark.parametrize(
    ("most", "spread", "verdict"),
    [
        (1.2, 0.01, MET),
        (0.8, 0.01, MISSED),
        (1.0, 0.01, UNDECIDED),
        (1.2, 8.0, UNDECIDED),
        (0.8, 8.0, UNDECIDED),
    ],
)
def test_a_target_is_met_or_missed_only_beyond_chance(
    most: float, spread: float, verdict: str
) -> None:
    measured = {OURS: samples(10, spread, 7), "other": samples(10, spread, 11)}
    row = Row("work", "ms", measured, [Target(most, "other"), Target(10 * most)])
    assert row.verdicts() == [verdict, verdict]
    assert sum(verdict in line for line in lines(row, quick=False)) == 2
    assert not any(verdict in line for line in lines(row, quick=True))


def test_what_slows_down_both_changes_no_ratio() -> None:
    """A neighbour on the machine, or a key that takes long."""
    load = [1 + number % 7 for number in range(41)]
    row = Row(
        "work",
        "ms",
        {
            OURS: [ours * each for ours, each in zip(samples(8, 0.1, 7), load, strict=True)],
            "other": [other * each for other, each in zip(samples(10, 0.1, 11), load, strict=True)],
        },
        [Target(0.9, "other"), Target(30)],
        is_luck=True,
    )
    found = row.ratio("other")
    assert 0.78 < found.low < found.value < found.high < 0.82
    assert row.figure(OURS).high - row.figure(OURS).low > 5


@pytest.mark.parametrize(
    ("cost", "verdict"),
    [
        (lambda size: 300 + size / 100, MET),
        (lambda size: 300 + size**2 / 1e5, MISSED),
        (lambda size: 300 + size**1.3 / 100, MISSED),
        (lambda size: 300, UNDECIDED),
    ],
    ids=["linear", "quadratic", "steep", "hidden"],
)
def test_the_start_of_a_process_hides_no_growth(cost: Callable[[int], float], verdict: str) -> None:
    sizes = (1000, 10_000, 30_000, 100_000)
    measured = {size: samples(cost(size), 2, 1 + place) for place, size in enumerate(sizes)}
    assert Growth("work", "ms", measured).verdicts() == [verdict]


def test_each_work_is_the_first_of_a_round_in_its_turn() -> None:
    called: list[str] = []

    def work(name: str) -> Callable[[], float]:
        return lambda: called.append(name) or len(called)  # type: ignore[func-returns-value]

    found = turns({name: work(name) for name in "abc"}, 3)
    assert "".join(called) == "abcbcacab"
    assert found == {"a": [1, 6, 8], "b": [2, 4, 9], "c": [3, 5, 7]}


def test_one_round_has_no_interval() -> None:
    """As in ``--quick``: "(10 to 10)" would look certain."""
    row = Row("work", "ms", {OURS: [10], "other": [5]}, [Target(1, "other")])
    shown = "".join(lines(row, quick=True))
    assert "10.0 ms " in shown
    assert " to " not in shown
