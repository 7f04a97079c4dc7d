"""Draw the figures: rates of each library, and scaling with workers."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.many import WAYS, WORKERS, scaling_of
from benchmarks.measure import OURS, Row

SECOND = {"µs": 1e6, "ms": 1e3}

BARS = (
    "oct key with thumbprint and dict",
    "RSA-2048 key, whole (mean)",
    "RSA-2048 key for tests, private JWK",
)
"""The works whose rates are drawn."""


def draw(rows: Sequence[Row], path: str, on: str) -> None:
    """Write a new SVG file.

    Args:
        rows: The measured rows.
        path: The path of the file.
        on: The machine and the versions, for the title.
    """
    mpl.rcParams.update({"svg.hashsalt": "trustkeys", "svg.fonttype": "none", "font.size": 8})
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    rates, scale = figure.subplots(1, 2, width_ratios=(3, 2))
    draw_rates(rates, [row for row in rows if row.work in BARS])
    draw_scaling(scale, rows)
    figure.suptitle("\n".join(textwrap.wrap(on, 140)), fontsize=6)
    figure.savefig(path, metadata={"Date": None})


def draw_rates(axes: Axes, rows: Sequence[Row]) -> None:
    """Draw one bar for each rate, on a logarithmic scale."""
    named = [
        (f"{row.work}: {name}", SECOND[row.unit] / figure, name == OURS)
        for row in rows
        for name, figure in row.figures.items()
        if name != "one, kept"  # it generates no keys
    ]
    labels, values, ours = zip(*reversed(named), strict=True)
    bars = axes.barh(labels, values, color=["C0" if mine else "0.7" for mine in ours])
    axes.bar_label(bars, [f"{value:,.0f}" for value in values], padding=2)
    axes.set_xscale("log")
    axes.margins(x=0.15)
    axes.set_title("keys per second")


def draw_scaling(axes: Axes, rows: Sequence[Row]) -> None:
    """Draw one line for each way to generate many keys."""
    found = {row.work: row for row in rows}
    for name in WAYS:
        times = [found[scaling_of(workers)].figures[name] for workers in WORKERS]
        style = "--" if name == "limit" else "-"
        axes.plot(WORKERS, [1e3 / each for each in times], style, marker="o", label=name)
    axes.set_xticks(WORKERS)
    axes.set_xlabel("workers")
    axes.set_ylim(bottom=0)
    axes.set_title("RSA-2048 keys per second")
    axes.legend()
