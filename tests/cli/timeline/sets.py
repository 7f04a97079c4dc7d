"""Keys with any kid and any dates, for the tests of the timeline."""

from __future__ import annotations

from typing import Any

import attrs
from hypothesis import strategies as st

from tests import support
from trustkeys import TrustFrameworkKey, TrustFrameworkKeySet
from trustkeys.cli.timeline.content import Timeline, timeline

DAY = 86_400
NOW = 1000 * DAY
INT64_MAX = 2**63 - 1


def key(kid: str, nbf: int | None = None, exp: int | None = None, status: str = "enabled") -> Any:
    return attrs.evolve(support.oct_key(nbf, exp, status), kid=kid)


def shown(*keys: TrustFrameworkKey, at: int = NOW) -> Timeline:
    return timeline(TrustFrameworkKeySet("test", keys), at)


def _spread(keys: list[TrustFrameworkKey], unit: int) -> list[TrustFrameworkKey]:
    return [
        attrs.evolve(
            each,
            kid=f"{number}",
            nbf=None if each.nbf is None else each.nbf * unit,
            exp=None if each.exp is None else each.exp * unit,
        )
        for number, each in enumerate(keys)
    ]


SPREAD = st.builds(
    lambda keys, at, unit: (_spread(keys, unit), at * unit),
    support.DATED_KEYS,
    st.integers(0, 14),
    st.sampled_from([3600, DAY, 30 * DAY, 2000 * DAY, 10**12, 2**58]),
)
"""Keys whose dates are hours to ages apart, and a time to use as now."""
