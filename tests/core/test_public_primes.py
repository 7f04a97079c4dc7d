"""A test suite that reads its test keys from JSON must not wait for proofs of known primes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import support
from tests.support import b64
from trustkeys import InvalidInputError, TrustFrameworkKey, TrustFrameworkKeySet, testing
from trustkeys.core import rsa
from trustkeys.core.base64url import uint_decode
from trustkeys.core.public_primes import OFFSETS, is_public_prime, primes_of

NAMES = ("d", "p", "q", "dp", "dq", "qi")


@pytest.fixture
def proofs(monkeypatch: pytest.MonkeyPatch) -> Iterator[mock.Mock]:
    """What passes numbers on to OpenSSL's proof."""
    with mock.patch.object(rsa, "_private_numbers", wraps=rsa._private_numbers) as called:
        yield called


@given(seed=st.integers(0, 8127), size=st.sampled_from([2048, 3072, 4096]), use=st.booleans())
def test_a_test_key_is_read_back_without_a_proof(
    proofs: mock.Mock, seed: int, size: int, use: bool
) -> None:
    key = testing.rsa_key(seed, size=size, use="sig" if use else "enc")
    jwk = key.to_jwk(private=True)
    assert TrustFrameworkKey.from_jwk(jwk) == key
    only_d = {name: text for name, text in jwk.items() if name not in ("p", "q", "dp", "dq", "qi")}
    assert TrustFrameworkKey.from_jwk(only_d) == key
    assert not proofs.called


@pytest.mark.filterwarnings("error")
def test_a_set_of_test_keys_takes_nothing_from_the_budget_of_proofs(proofs: mock.Mock) -> None:
    keys = TrustFrameworkKeySet("test", map(testing.rsa_key, range(40)))
    assert TrustFrameworkKeySet.from_jwks(keys.to_jwks(private=True)) == keys
    assert not proofs.called


def test_all_other_primes_are_proved(proofs: mock.Mock) -> None:
    public, other = primes_of(2048)[:2]
    # No number of another length is looked up.
    assert not is_public_prime(public + 2)
    assert not is_public_prime(0)
    assert all(not is_public_prime(prime >> 8) for prime in primes_of(2048))
    number = next(n for n in range(other + 2, other + 2000, 2) if math.gcd(n - 1, 65537) == 1)
    for p, q in ((public, number), (number, public)):
        with pytest.raises(InvalidInputError, match="p or q is not a prime number"):
            TrustFrameworkKey.from_jwk(support.rsa_jwk_of(p, q))
    assert proofs.call_count == 2


def _read(jwk: dict[str, Any]) -> TrustFrameworkKey | str:
    try:
        return TrustFrameworkKey.from_jwk(jwk)
    except InvalidInputError as error:
        assert error.__context__ is error.__cause__ is None
        return error.message


@support.fewer(3)
@given(
    seed=st.integers(0, 8127),
    other=st.integers(0, 8127),
    name=st.sampled_from(["n", "e", *NAMES]),
    fault=st.sampled_from(["as it is", "step", "other key", "swapped", "longer d", "1"]),
)
def test_what_a_proof_would_refuse_is_refused_without_one(
    monkeypatch: pytest.MonkeyPatch, seed: int, other: int, name: str, fault: str
) -> None:
    """Otherwise a forged key with a known modulus gets in."""
    jwk = testing.rsa_key(seed).to_jwk(private=True)
    p, q, d = (uint_decode(jwk[member]) for member in ("p", "q", "d"))
    if fault == "step":
        jwk[name] = b64(uint_decode(jwk[name]) + 2)
    elif fault == "other key":
        jwk[name] = testing.rsa_key(other).to_jwk(private=True)[name]
    elif fault == "swapped":
        jwk = {**jwk, "p": jwk["q"], "q": jwk["p"], "dp": jwk["dq"], "dq": jwk["dp"]}
        jwk["qi"] = b64(pow(p, -1, q)) if name in ("p", "q", "qi") else jwk["qi"]
    elif fault == "longer d":
        # Another d of the same key (RFC 8017 section 3.2), as long as it is below n.
        jwk["d"] = b64(d + math.lcm(p - 1, q - 1))
    elif fault == "1":
        jwk[name] = "AQ"
    without = _read(jwk)
    with monkeypatch.context() as patched:
        for module in ("rsa", "jwk"):
            patched.setattr(f"trustkeys.core.{module}.has_public_primes", lambda _: False)
        assert _read(jwk) == without
    assert (fault == "as it is") <= isinstance(without, TrustFrameworkKey)


def test_each_size_of_test_keys_is_known() -> None:
    for size in OFFSETS:
        assert all(map(is_public_prime, primes_of(size)))
