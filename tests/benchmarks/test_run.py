"""One command measures, judges, and writes the figures that the documentation shows."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("matplotlib", reason="needs the extra bench")

from benchmarks import __main__ as run
from benchmarks import plot
from benchmarks.many import FILE, WAYS, scaling_of, worker_counts
from benchmarks.measure import OURS, Growth, Row, Target
from benchmarks.sets import OPERATIONS
from benchmarks.works import COMMAND, OCT, RSA_PART
from tests.support import ROOT

pytestmark = pytest.mark.deep

MET, MISSED, UNDECIDED = (
    Row("work", "ms", {OURS: [10, 11, 12] * 5}, [Target(most)]) for most in (13, 9, 11)
)


def test_the_exit_status_says_whether_all_targets_are_met() -> None:
    for rows, status in (
        ([MET, MET], 0),
        ([MET, UNDECIDED], 3),
        ([UNDECIDED, MISSED, MET], 1),
    ):
        assert run.judge([*rows])[1] == status


def test_a_run_replaces_the_figures_of_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "DOCS", tmp_path)
    page = tmp_path / "benchmarks.md"
    page.write_text((ROOT / "docs" / "benchmarks.md").read_text())
    run.write("| first |")
    first = page.read_text()
    assert first.count("| first |") == 1
    run.write("| second |")
    assert page.read_text() == first.replace("| first |", "| second |")
    assert "## Hostile files" in first


def test_the_pictures_show_every_way_and_every_operation(tmp_path: Path) -> None:
    figures = {name: [1.0, 1.1, 1.2] for name in (OURS, "a peer")}
    far = {**figures, "a slow peer": [100.0, 110.0, 120.0]}
    rows: list[Row | Growth] = [Row(work, "µs", far) for work in (OCT, RSA_PART, COMMAND)]
    ways = {name: [1.0, 1.1, 1.2] for name in WAYS}
    rows += [Row(scaling_of(workers), "ms", ways) for workers in worker_counts()]
    grown = {size: [size * 1.0, size * 1.1] for size in (1, 10, 100)}
    rows += [Growth(work, "ms", grown) for work in (*OPERATIONS, FILE)]
    plot.speed(rows, tmp_path / "speed.svg", "a machine")
    plot.growth(rows, tmp_path / "growth.svg", "a machine")
    speed, growth = (
        (tmp_path / f"{name}.svg").read_text(encoding="utf-8") for name in ("speed", "growth")
    )
    for words in (*WAYS, "a peer", "off the scale: 110", "a machine"):
        assert words in speed
    for words in (*OPERATIONS, FILE, "exponent 1.0", "a machine"):
        assert words in growth
