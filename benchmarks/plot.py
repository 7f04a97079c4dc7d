"""Draw the figures with their intervals: what a key costs, and how the cost grows."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from benchmarks.many import FILE, WAYS, scaling_of, worker_counts
from benchmarks.measure import CONFIDENCE, OURS, Estimate, Growth, Row
from benchmarks.table import number, spread
from benchmarks.works import COMMAND, OCT, RSA_PART

BARS = {
    OCT: "oct key with kid, in Python or Node",
    RSA_PART: "RSA-2048 key with kid, without OpenSSL's\ngeneration, on the same keys",
    COMMAND: "a process that makes one oct key",
}
"""The works that are drawn as bars, and their titles."""


def speed(rows: Sequence[Row | Growth], path: Path, on: str) -> None:
    """Draw what one key costs in each library, and how fast all processors make RSA keys."""
    found = {row.work: row for row in rows if isinstance(row, Row)}
    figure = _figure(6.6, on)
    *bars, lines = figure.subplots(2, 2).flat
    for axes, (work, title) in zip(bars, BARS.items(), strict=True):
        _draw_bars(axes, found[work], title)
    _draw_rates(lines, found)
    _save(figure, path)


def growth(rows: Sequence[Row | Growth], path: Path, on: str) -> None:
    """Draw how the cost grows with the number of keys: on linear axes, so that curves show."""
    grown = {row.work: row for row in rows if isinstance(row, Growth)}
    fast = [grown.pop(work) for work in ("rotate", "get_active_key")]
    file = grown.pop(FILE)
    figure = _figure(4.4, on)
    left, middle, right = figure.subplots(1, 3)
    _draw_growth(left, [*grown.values()], "key sets of RSA-2048 test keys")
    _draw_growth(middle, fast, "key sets, in memory")
    _draw_growth(right, [file], "files of oct keys")
    _save(figure, path)


def _figure(height: float, on: str) -> Figure:
    mpl.rcParams.update(
        # Text stays text, to be found and read aloud.
        {"svg.hashsalt": "trustkeys", "svg.fonttype": "none", "font.size": 8}
    )
    layout = ConstrainedLayoutEngine(w_pad=0.15, h_pad=0.12)
    # White, since pages can be dark.
    figure = Figure(figsize=(9, height), layout=layout, facecolor="white")
    title = f"Whiskers and brackets: intervals of {CONFIDENCE} % confidence. {on}"
    figure.suptitle("\n".join(textwrap.wrap(title, 130)), fontsize=6)
    return figure


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None})


def _whiskers(figures: Sequence[Estimate]) -> list[list[float]]:
    return [
        [each.value - each.low for each in figures],
        [each.high - each.value for each in figures],
    ]


def _draw_bars(axes: Axes, row: Row, title: str) -> None:
    figures = {name: row.figure(name) for name in row.samples}
    names = sorted(figures, key=lambda name: figures[name].value, reverse=True)
    # One that takes far longer would leave no room to compare the others.
    most = _FAR * figures[OURS].value
    edge = 1.3 * max(each.high for each in figures.values() if each.value <= most)
    for name in names:
        each = figures[name]
        color = "C0" if name == OURS else "0.75"
        if each.value > most:
            axes.barh(name, edge, color=color, hatch="//", edgecolor="white")
            text, place, align = f"off the scale: {number(each.value)}", edge, "right"
        else:
            axes.barh(
                name,
                each.value,
                xerr=_whiskers([each]),
                color=color,
                error_kw={"capsize": 2, "elinewidth": 0.8},
            )
            text, place, align = number(each.value), each.high, "left"
        axes.annotate(
            text,
            (place, names.index(name)),
            (5 if align == "left" else -5, 0),
            textcoords="offset points",
            va="center",
            ha=align,
        )
    axes.set_xlim(0, edge)
    axes.set_xlabel(f"{row.unit} of CPU")
    axes.set_title(title, fontsize=8)


_FAR = 12
"""How many times the cost of trustkeys is off the scale."""


def _draw_rates(axes: Axes, found: Mapping[str, Row]) -> None:
    counts = worker_counts()
    for place, name in enumerate(WAYS):
        times = [found[scaling_of(workers)].figure(name) for workers in counts]
        rates = [Estimate(1e3 / each.value, 1e3 / each.high, 1e3 / each.low) for each in times]
        axes.errorbar(
            # Side by side, so that whiskers do not hide each other.
            [workers + 0.03 * place for workers in counts],
            [each.value for each in rates],
            yerr=_whiskers(rates),
            linestyle="-" if name == OURS else "--",
            marker="o",
            markersize=3,
            capsize=2,
            label=name,
        )
    axes.set_xticks(counts)
    axes.set_xlabel("workers")
    axes.set_ylim(0, 1.5 * axes.get_ylim()[1])
    axes.set_title("whole RSA-2048 keys per second", fontsize=8)
    axes.legend(loc="upper left", ncols=2)


def _draw_growth(axes: Axes, rows: Sequence[Growth], title: str) -> None:
    for row in rows:
        sizes = sorted(row.samples)
        figures = [row.figure(size) for size in sizes]
        axes.errorbar(
            sizes,
            [each.value / 1e3 for each in figures],
            yerr=[[part / 1e3 for part in side] for side in _whiskers(figures)],
            marker="o",
            markersize=3,
            capsize=2,
            label=f"{row.work}\n  exponent {spread(row.exponent())}",
        )
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel("keys")
    axes.set_ylabel("seconds of CPU")
    axes.set_title(title, fontsize=8)
    axes.legend(loc="upper left", bbox_to_anchor=(-0.1, -0.2), fontsize=7, frameon=False)
