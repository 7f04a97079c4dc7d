"""Print a table of figures and ratios: ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import json
import os
import platform
from importlib.metadata import version

from cryptography.hazmat.backends.openssl import backend

from benchmarks.measure import OURS, Row
from benchmarks.plot import draw
from benchmarks.works import rows

PACKAGES = ("attrs", "cryptography", "distributed", "hypothesis", "joserfc", "jwcrypto")


def main() -> None:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--quick", action="store_true", help="measure fewer rounds; the figures vary more"
    )
    parser.add_argument("--svg", metavar="FILE", help="also draw a picture of rates and scaling")
    options = parser.parse_args()
    environment = {
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} processors",
        "openssl": backend.openssl_version_text(),
        **{name: version(name) for name in PACKAGES},
    }
    on = ", ".join(f"{name} {value}" for name, value in environment.items())
    if not options.json:
        print(f"{on}\n\n{'work':<50}{'library':<12}{'figure':>12}{'ours/theirs':>13}  target")
    measured = []
    for row in rows(quick=options.quick):
        measured.append(row)
        if not options.json:
            show(row)
    if options.json:
        found = [as_dict(row) for row in measured]
        print(json.dumps({"environment": environment, "rows": found}, indent=2))
    if options.svg is not None:
        draw(measured, options.svg, on)


def show(row: Row) -> None:
    """Print a row: trustkeys first, then each of the others."""
    aim = "" if row.most is None else f"  at most {row.most:g}"
    print(f"{row.work:<50}{OURS:<12}{row.figures[OURS]:>9.2f} {row.unit}{'':>13}{aim}")
    for name, figure in row.figures.items():
        if name != OURS:
            target = row.targets.get(name)
            aim = "" if target is None else f"  at most {as_ratio(target)}"
            ratio = as_ratio(row.ratio(name))
            print(f"{'':<50}{name:<12}{figure:>9.2f} {row.unit}{ratio:>13}{aim}")
    if missed := row.missed():
        print(f"{'':<50}missed: {', '.join(missed)}")


def as_ratio(value: float) -> str:
    """Format a ratio, a small one as a fraction."""
    return f"{value:.2f}" if value > 0.1 else f"1/{1 / max(value, 1e-9):.0f}"


def as_dict(row: Row) -> dict[str, object]:
    """Return a row for JSON."""
    return {
        "work": row.work,
        "unit": row.unit,
        "figures": row.figures,
        "ratios": {name: row.ratio(name) for name in row.figures if name != OURS},
        "targets": row.targets,
        "most": row.most,
        "missed": row.missed(),
    }


if __name__ == "__main__":
    main()
