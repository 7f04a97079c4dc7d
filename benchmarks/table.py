"""Write measured rows as a table of Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterator

from benchmarks.measure import CONFIDENCE, OURS, Estimate, Growth, Row

_WIDTHS = (46, 13, 30, 26, 16, 9)


def head() -> Iterator[str]:
    """Return the head of the table."""
    yield _line("work", "by", f"cost ({CONFIDENCE} % interval)", "trustkeys / this", "target", "")
    yield _line(*("-" * width for width in _WIDTHS))


def lines(row: Row | Growth, *, quick: bool) -> Iterator[str]:
    """Return the lines of a row. A quick one has no verdict."""
    if isinstance(row, Growth):
        for place, size in enumerate(sorted(row.samples)):
            cost = spread(row.figure(size), row.unit)
            yield _line("" if place else row.work, f"{size:,} keys", cost)
        verdict = "quick" if quick else row.verdicts()[0]
        found = spread(row.exponent())
        yield _line("", "exponent", found, "", f"at most {row.most:g}", verdict)
        return
    targets = {target.of: target for target in row.targets}
    for name in sorted(row.samples, key=lambda name: (name != OURS, row.figure(name).value)):
        target = targets.get(None if name == OURS else name)
        goal, verdict = "", ""
        if target is not None:
            most = f"{target.most:,g} {row.unit}" if name == OURS else as_ratio(target.most)
            goal, verdict = f"at most {most}", "quick" if quick else row.verdict(target)
        ratio = "" if name == OURS else spread(row.ratio(name), is_ratio=True)
        work = row.work if name == OURS else ""
        yield _line(work, name, spread(row.figure(name), row.unit), ratio, goal, verdict)


def spread(found: Estimate, unit: str = "", *, is_ratio: bool = False) -> str:
    """Write a figure with its interval, if it has one."""
    form = as_ratio if is_ratio else number
    value = f"{form(found.value)} {unit}".rstrip()
    if found.low == found.high:  # of one round
        return value
    return f"{value} ({form(found.low)} to {form(found.high)})"


def number(value: float) -> str:
    """Write three digits."""
    digits = 2 - math.floor(math.log10(value)) if value > 0 else 2
    return f"{value:,.{max(0, digits)}f}"


def as_ratio(value: float) -> str:
    """Write a ratio, a small one as a fraction."""
    return f"{value:.2f}" if value > 0.1 else f"1/{1 / max(value, 1e-9):.0f}"


def _line(*cells: str) -> str:
    padded = [*cells, *[""] * (len(_WIDTHS) - len(cells))]
    inner = " | ".join(cell.ljust(width) for cell, width in zip(padded, _WIDTHS, strict=True))
    return f"| {inner} |"
