"""Test keys, compared with real ones, and what the pytest plugin costs a suite without keys."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import trustkeys
from benchmarks.measure import OURS, Row, Target, Work, cpu, python, turns
from trustkeys import TrustFrameworkKey
from trustkeys.testing import rsa_key, strategies
from trustkeys.testkeys.pool import SEEDS

FEW, MANY = 10, 60
"""The numbers of draws in the examples that are compared."""

EXAMPLES = 40

_REAL = "real key"


def rows(*, quick: bool) -> Iterator[Row]:
    """Measure keys for tests."""
    yield private_jwk(rounds=10 if quick else 300)
    for size in (2048,) if quick else (2048, 4096):
        yield reading(size, rounds=3 if quick else 30)
    yield draw(rounds=2 if quick else 30)
    yield plugin(count=100 if quick else 5000, rounds=1 if quick else 12)


def private_jwk(rounds: int) -> Row:
    """Measure a different RSA key in each call, as a private JWK, and OpenSSL's generation."""
    seeds = cycle(range(SEEDS["RSA"]))
    works = {
        OURS: cpu(lambda: rsa_key(next(seeds)).to_jwk(private=True), number=50),
        _REAL: cpu(lambda: rsa.generate_private_key(65537, 2048)),
    }
    samples = turns(works, rounds)
    targets = [Target(1 / 300, _REAL)]
    return Row("RSA-2048 test key, private JWK", "µs", samples, targets, is_luck=True)


def reading(size: int, rounds: int) -> Row:
    """Measure `from_jwk` of private RSA keys: test keys, one after the other, and a real one."""
    jwks = cycle([rsa_key(seed, size=size).to_jwk(private=True) for seed in range(50)])
    real = trustkeys.generate_key("sig", "RSA", size=size).to_jwk(private=True)
    works = {
        OURS: cpu(lambda: TrustFrameworkKey.from_jwk(next(jwks)), number=10),
        _REAL: cpu(lambda: TrustFrameworkKey.from_jwk(real)),
    }
    targets = [Target(1 / 20, _REAL), Target(2000)]
    return Row(f"from_jwk of an RSA-{size} test key", "µs", turns(works, rounds), targets)


def draw(rounds: int) -> Row:
    """Measure the cost of one more draw in a Hypothesis example, from examples with 50 more."""
    drawn: dict[str, st.SearchStrategy[Any]] = {
        OURS: strategies.keys(),
        "integers()": st.integers(),
    }

    def more(strategy: st.SearchStrategy[Any]) -> Work:
        few, many = (cpu(examples(strategy, size)) for size in (FEW, MANY))
        return lambda: (many() - few()) / EXAMPLES / (MANY - FEW)

    works = {name: more(strategy) for name, strategy in drawn.items()}
    return Row("one more draw from keys() in an example", "µs", turns(works, rounds), [Target(200)])


def examples(strategy: st.SearchStrategy[Any], size: int) -> Callable[[], None]:
    """Return a test that only draws."""

    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(strategy, min_size=size, max_size=size))
    def test(_value: object) -> None:
        pass

    return partial(test)


def plugin(count: int, rounds: int) -> Row:
    """Measure empty tests with the pytest plugin of trustkeys, and without."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "test_nothing.py")
        path.write_text("".join(f"def test_{number}(): pass\n" for number in range(count)))
        command = ("-m", "pytest", "-q", "-p", "no:cacheprovider", str(path))
        works = {OURS: python(*command), "without": python(*command, "-p", "no:trustkeys")}
        samples = turns(works, rounds)
    targets = [Target(1.02, "without")]
    return Row(f"{count:,} empty tests with the pytest plugin", "ms", samples, targets)
