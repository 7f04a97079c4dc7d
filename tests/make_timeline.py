"""Draw docs/timeline.svg: ``python -m tests.make_timeline``."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs

from tests.support import ROOT
from trustkeys import TrustFrameworkKeySet, testing
from trustkeys.cli.timeline.picture import as_svg

PICTURE = ROOT / "docs" / "timeline.svg"

NOW = datetime(2027, 1, 1, tzinfo=UTC)

# The first day of each key, and the first day after it.
DATES = [
    ("2026-06-25", "2026-09-30"),
    ("2026-09-23", "2027-01-06"),
    ("2026-12-22", "2027-03-29"),
    ("2027-03-02", "2027-05-31"),
    ("2027-05-01", "2027-08-06"),
    ("2027-07-30", "2027-11-04"),
]

DISABLED = 3


def draw() -> bytes:
    """Draw a set with six keys, one of them disabled, and a gap between two."""
    keys = []
    for seed, dates in enumerate(DATES):
        nbf, exp = (datetime.fromisoformat(f"{date}T00:00:00Z") for date in dates)
        key = testing.rsa_key(seed, nbf=nbf, exp=exp)
        keys.append(attrs.evolve(key, status="disabled") if seed == DISABLED else key)
    keyset = TrustFrameworkKeySet("TokenSigningKeyContainer", keys)
    return as_svg(keyset, at=int(NOW.timestamp()))


if __name__ == "__main__":
    PICTURE.write_bytes(draw())
