"""A picture of the figures: rates beside the peers', and how many keys come with more workers."""

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
"""The works of which the rates are shown."""


def draw(rows: Sequence[Row], path: str, on: str) -> None:
    """Draw the rows into a new picture.

    Args:
        rows: What was measured.
        path: The SVG file.
        on: On what machine, and with what.
    """
    mpl.rcParams.update({"svg.hashsalt": "trustkeys", "svg.fonttype": "none", "font.size": 8})
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    rates, scale = figure.subplots(1, 2, width_ratios=(3, 2))
    draw_rates(rates, [row for row in rows if row.work in BARS])
    draw_scaling(scale, rows)
    figure.suptitle("\n".join(textwrap.wrap(on, 140)), fontsize=6)
    figure.savefig(path, metadata={"Date": None})


def draw_rates(axes: Axes, rows: Sequence[Row]) -> None:
    """Draw a bar a rate, on a logarithmic scale."""
    named = [
        (f"{row.work}: {name}", SECOND[row.unit] / figure, name == OURS)
        for row in rows
        for name, figure in row.figures.items()
        if name != "one, kept"  # which makes no keys
    ]
    labels, values, ours = zip(*reversed(named), strict=True)
    bars = axes.barh(labels, values, color=["C0" if mine else "0.7" for mine in ours])
    axes.bar_label(bars, [f"{value:,.0f}" for value in values], padding=2)
    axes.set_xscale("log")
    axes.margins(x=0.15)
    axes.set_title("keys per second")


def draw_scaling(axes: Axes, rows: Sequence[Row]) -> None:
    """Draw a line a way to make many keys."""
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
