"""Compare the speed with that of other libraries, and with the targets: ``python -m benchmarks``.

A whole run takes about 20 minutes, in which nothing else should run. It draws docs/speed.svg and
docs/growth.svg, and writes its table into docs/benchmarks.md.

Exit status: 0 if all targets are met with confidence, 1 if one is missed, and 3 if none is missed
but one is undecided, because its interval has the target in it.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cryptography.hazmat.backends.openssl import backend

from benchmarks import peers, plot, table
from benchmarks.measure import CONFIDENCE, MISSED, UNDECIDED, Growth, Row, processors
from benchmarks.works import rows

PACKAGES = (
    *("attrs", "cryptography", "distributed", "hypothesis", "pytest"),
    *("joserfc", "jwcrypto", "jwskate", "cryptojwt"),
)

DOCS = Path(__file__).parent.parent / "docs"

START, END = "<!-- Written by python -m benchmarks. -->\n", "<!-- End of what it writes. -->\n"


def main() -> int:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="run each work a few times, in a minute: no verdicts, no pictures, exit status 0",
    )
    quick = parser.parse_args().quick
    on = environment()
    text = [f"{on}\n", *table.head()]
    print(*text, sep="\n", flush=True)
    measured = []
    for row in rows(quick=quick):
        measured.append(row)
        new = list(table.lines(row, quick=quick))
        text += new
        print(*new, sep="\n", flush=True)
    if quick:
        print("\nquick: too few rounds to say whether a target is met")
        return 0
    summary, status = judge(measured)
    print(f"\n{summary}")
    plot.speed(measured, DOCS / "speed.svg", on)
    plot.growth(measured, DOCS / "growth.svg", on)
    write("\n".join([*text, "", summary]))
    return status


def environment() -> str:
    """Return the machine, the versions, and what is not installed, in a line."""
    found = {
        "Python": platform.python_version(),
        "OpenSSL": backend.openssl_version_text().removeprefix("OpenSSL "),
    }
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    versions = ", ".join(f"{name} {value}" for name, value in found.items())
    load = os.getloadavg()[0]
    absent = ", ".join(peers.absent())
    return (
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {platform.machine()} with {processors()} "
        f"processors, load {load:.1f} at the start. {versions}."
        f"{f' Not installed: {absent}.' if absent else ''}"
    )


def judge(measured: list[Row | Growth]) -> tuple[str, int]:
    """Return a summary of the verdicts, and the exit status."""
    verdicts = [verdict for row in measured for verdict in row.verdicts()]
    missed, undecided = verdicts.count(MISSED), verdicts.count(UNDECIDED)
    met = len(verdicts) - missed - undecided
    summary = (
        f"With {CONFIDENCE} % confidence, {met} targets are met, {missed} are missed, and "
        f"{undecided} are undecided."
    )
    return summary, 1 if missed else 3 if undecided else 0


def write(text: str) -> None:
    """Put the table into the page of the documentation."""
    page = DOCS / "benchmarks.md"
    before, _, rest = page.read_text().partition(START)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{START}\n{text}\n\n{END}{after}")


if __name__ == "__main__":
    sys.exit(main())
