"""Test keys, compared with a new real key and with one key for the whole test suite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import trustkeys
from benchmarks.measure import OURS, Row, calls
from trustkeys.testing import rsa_key, strategies
from trustkeys.testkeys.pool import SEEDS

FEW, MANY = 10, 60
"""The numbers of draws in the examples that are compared."""

EXAMPLES = 40


def rows(*, quick: bool) -> Iterator[Row]:
    """Measure keys for tests."""
    few = 1 if quick else 10
    # A mean, because the time for one key varies widely.
    real = mean(lambda: rsa.generate_private_key(65537, 2048), count=20 * few)
    yield each(private=True, real=real, target=200, rounds=5 * few)
    yield each(private=False, real=real, target=1000, rounds=5 * few)
    yield draw(rounds=few)


def each(*, private: bool, real: float, target: int, rounds: int) -> Row:
    """Measure a different RSA key in each call, as a JWK."""
    seeds = cycle(range(SEEDS["RSA"]))
    kept = trustkeys.generate_key("sig", "RSA")
    works = {
        OURS: lambda: rsa_key(next(seeds)).to_jwk(private=private),
        "one, kept": lambda: kept.to_jwk(private=private),
    }
    figures = calls(works, number=200, rounds=rounds)
    return Row(
        f"RSA-2048 key for tests, {'private' if private else 'public'} JWK",
        "µs",
        {**figures, "a real one": real},
        {"a real one": 1 / target},
    )


def draw(rounds: int) -> Row:
    """Measure the cost of one more draw in a Hypothesis example, from examples with 50 more."""
    drawn: dict[str, st.SearchStrategy[Any]] = {
        OURS: strategies.keys(),
        "integers()": st.integers(),
    }
    works = {
        f"{name} {size}": examples(st.lists(strategy, min_size=size, max_size=size))
        for name, strategy in drawn.items()
        for size in (FEW, MANY)
    }
    times = calls(works, number=1, rounds=3 * rounds)
    figures = {
        name: (times[f"{name} {MANY}"] - times[f"{name} {FEW}"]) / EXAMPLES / (MANY - FEW)
        for name in drawn
    }
    return Row("one more draw from keys() in an example", "µs", figures, {}, 200)


def examples(strategy: st.SearchStrategy[Any]) -> Callable[[], None]:
    """Return a test that only draws."""

    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def test(_value: object) -> None:
        pass

    return partial(test)


def mean(work: Callable[[], object], *, count: int) -> float:
    """Return the mean time of a call in microseconds."""
    return sum(calls({"": work}, number=1, rounds=1)[""] for _ in range(count)) / count
