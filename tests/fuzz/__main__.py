"""``python -m tests.fuzz --count N --seed S``: what the readers make of mutated files."""

from __future__ import annotations

import argparse

from tests.fuzz.run import fuzz, table
from trustkeys import testing

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="files per reader")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with testing.allow_test_keys():
        print(table(fuzz(given.count, given.seed)))  # noqa: T201
