"""A key that others can compute must not pass the check, nor a good one fail it."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import support
from tests.keyset import weak as known
from trustkeys import TrustFrameworkKey, check_key_set
from trustkeys.keyset import weak
from trustkeys.testkeys.pool import SEEDS, rsa_primes

SOUND = support.sound_modulus

SEED = st.integers(0, 2**32)


@pytest.fixture
def slowly_tested(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The moduli that the slow tests get, which find nothing."""
    tested: list[int] = []
    monkeypatch.setattr(weak, "slow_weakness", tested.append)
    return tested


def test_the_published_key_of_the_broken_library_is_found() -> None:
    assert weak.quick_weakness(known.PUBLISHED_ROCA) == "has the form of CVE-2017-15361 (ROCA)"


@settings(max_examples=settings().max_examples // 4)
@given(bits=st.sampled_from([512, 1024, 2048, 3072]), seed=SEED)
def test_every_key_of_the_broken_library_is_found(bits: int, seed: int) -> None:
    n = known.roca_modulus(bits, seed)
    assert weak.quick_weakness(n) == "has the form of CVE-2017-15361 (ROCA)"


def test_what_only_looks_like_a_key_of_the_broken_library_is_none() -> None:
    """One in 2**27 keys does, if each prime is looked at alone."""
    n = known.fake_roca_modulus(0)
    assert all(n % p in {pow(65537, i, p) for i in range(p)} for p in known.SMALL_PRIMES[1:39])
    assert weak.quick_weakness(n) is None


@settings(max_examples=settings().max_examples // 4)
@given(steps=st.integers(0, 99), seed=SEED)
def test_close_primes_are_found(steps: int, seed: int) -> None:
    said = weak.quick_weakness(known.close_modulus(steps, seed))
    assert said == "has two primes that are close together, as in CVE-2022-26320"


def test_primes_that_are_just_not_close_are_not_found() -> None:
    assert weak.quick_weakness(known.close_modulus(100)) is None


def test_squares_are_found() -> None:
    assert weak.quick_weakness(SOUND(1) ** 2) == "is a square"
    assert weak.quick_weakness(SOUND(1) ** 2 * SOUND(2)) is None


def test_small_factors_are_found() -> None:
    for p in (3, 1021):
        assert weak.quick_weakness(SOUND(1) * p) == f"has the factor {p}"
        assert weak.quick_weakness(SOUND(1) * p * 1019 * 1021) == f"has the factor {min(p, 1019)}"
    for p in (1031, 65_521):
        assert weak.quick_weakness(SOUND(1) * p) is None
        assert weak.slow_weakness(SOUND(1) * p) == f"has the factor {p}"
    assert weak.slow_weakness(SOUND(1) * 65_537) is None


def test_a_prime_number_is_no_modulus() -> None:
    assert weak.quick_weakness(known.PRIME) is None
    assert weak.slow_weakness(known.PRIME) == "is a prime number"
    assert weak.slow_weakness(known.PRIME * (2**607 - 1)) is None


@given(seed=st.integers(0, SEEDS["RSA"] - 1), size=st.sampled_from([2048, 3072, 4096]))
def test_products_of_random_primes_are_not_weak(seed: int, size: int) -> None:
    assert weak.quick_weakness(math.prod(rsa_primes(seed, size))) is None


def test_a_new_key_is_not_weak(real_key: TrustFrameworkKey) -> None:
    n = real_key.public_key().public_numbers().n
    assert weak.Moduli().weakness(n, slow=True) is None


@given(st.integers(1, 10_000))
def test_any_number_can_be_tested(n: int) -> None:
    """Keys that are far too small come, too."""
    assert weak.quick_weakness(n) is None or weak.Moduli().weakness(n, slow=False)


def test_each_modulus_is_tested_once(slowly_tested: list[int]) -> None:
    jwk = support.public_rsa(SOUND(1))
    check_key_set({"keys": [jwk, {**jwk, "kid": "b"}, support.public_rsa(SOUND(2))]})
    assert slowly_tested == [SOUND(1), SOUND(2)]


def test_private_keys_have_only_the_quick_tests(
    real_jwk: dict[str, Any], slowly_tested: list[int]
) -> None:
    """That n is p times q is known."""
    check_key_set({"keys": [real_jwk]})
    assert slowly_tested == []


@pytest.mark.parametrize("unusable", [{"status": "disabled"}, {"exp": 1}])
def test_a_key_that_nobody_uses_any_more_costs_no_time(
    unusable: dict[str, Any], slowly_tested: list[int]
) -> None:
    check_key_set({"keys": [{**support.public_rsa(SOUND(1)), **unusable}]})
    assert slowly_tested == []


def test_the_work_for_one_document_is_bounded(slowly_tested: list[int]) -> None:
    """Else a file would keep the command busy for minutes."""
    moduli = [*(SOUND(seed, 6144) for seed in range(4)), SOUND(5)]
    found = check_key_set({"keys": [support.public_rsa(n) for n in moduli]})
    # Three of the large ones are too much, and what fits after them is still tested.
    assert slowly_tested == [*moduli[:2], moduli[4]]
    (message,) = (finding.message for finding in found if finding.code == "UntestedKeys")
    assert message.startswith("2 RSA keys went without the slow tests")
