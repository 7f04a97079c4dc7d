"""Test keys are valid, cost no time, and never change."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS

import trustkeys
from tests import support
from trustkeys import InvalidInputError, TrustFrameworkKey, testing
from trustkeys.testing import oct_key, rsa_key

RSA_SIZES = (2048, 3072, 4096)

MAKERS: dict[str, Callable[..., TrustFrameworkKey]] = {"RSA": rsa_key, "oct": oct_key}


ALL = [*(("RSA", size) for size in RSA_SIZES), *(("oct", size) for size in (256, 512, 4096))]


@pytest.mark.parametrize(
    ("maker", "seed"), support.combinations(ALL, [-1, 65536, 2**70, True, None, "0", 1.0])
)
def test_a_seed_out_of_range_is_refused(maker: tuple[str, int], seed: Any) -> None:
    kty, size = maker
    with pytest.raises(InvalidInputError, match="seed must be an integer from 0 to") as caught:
        MAKERS[kty](seed, size=size)
    assert (caught.value.code, caught.value.target) == ("BadRequest", "seed")


def test_the_last_rsa_seed_is_8127() -> None:
    with pytest.raises(InvalidInputError, match="from 0 to 8127, not 8128"):
        rsa_key(8128)


@pytest.mark.parametrize("kty", MAKERS)
def test_a_key_has_the_members_that_are_asked_for_and_wrong_arguments_are_refused(kty: str) -> None:
    key = MAKERS[kty](5, use="ENC", nbf=1, exp=2)
    assert (key.use, key.nbf, key.exp, key.status, key.x5c) == ("enc", 1, 2, "enabled", ())
    assert key.size == {"RSA": 2048, "oct": 256}[kty]
    for wrong in ({"use": "both"}, {"nbf": 2, "exp": 1}, {"size": 100}, {"size": 2**20}):
        with pytest.raises(InvalidInputError):
            MAKERS[kty](5, **wrong)


@pytest.mark.usefixtures("clean_registry")
def test_a_size_that_only_a_registered_strategy_has_is_refused() -> None:
    from trustkeys.core.rsa import RSAStrategy

    class Large(RSAStrategy):
        sizes = (2048, 8192)  # type: ignore[assignment]

    trustkeys.register_strategy(Large(), replace=True)
    with pytest.raises(InvalidInputError, match="have 2048, 3072, 4096 bits, not 8192"):
        rsa_key(0, size=8192)


@pytest.mark.parametrize(
    "size", [2048, *(pytest.param(size, marks=pytest.mark.deep) for size in (3072, 4096))]
)
@settings(max_examples=5)
@given(seed=st.integers(0, 8127))
def test_an_rsa_key_passes_every_check_of_a_real_key(
    seed: int, size: int, real_jwk: dict[str, Any]
) -> None:
    key = rsa_key(seed, size=size)
    jwk = key.to_jwk(private=True)
    assert list(jwk) == list(real_jwk)
    assert TrustFrameworkKey.from_jwk(jwk) == key
    assert key.kid == JWK(**key.to_jwk()).thumbprint()
    assert key.private_key().private_numbers().d.bit_length() > size // 2
    assert_signs(key, "RS256")


@given(st.integers(0, 65535), st.integers(32, 512))
def test_an_oct_key_passes_every_check_of_a_real_key(seed: int, length: int) -> None:
    key = oct_key(seed, size=8 * length)
    assert TrustFrameworkKey.from_jwk(key.to_jwk(private=True)) == key
    assert key.size == 8 * length
    assert key.kid == JWK(**key.to_jwk(private=True)).thumbprint()
    assert_signs(key, "HS256")


def assert_signs(key: TrustFrameworkKey, alg: str) -> None:
    token = JWS(b"payload")
    token.add_signature(JWK(**key.to_jwk(private=True)), protected=json.dumps({"alg": alg}))
    received = JWS()
    public = key.to_jwk(private=key.kty == "oct")
    received.deserialize(token.serialize(compact=True), JWK(**public))
    assert received.payload == b"payload"


def test_equal_seeds_are_equal_keys() -> None:
    assert rsa_key(7) == rsa_key(7) != rsa_key(7).public()
    assert hash(rsa_key(7)) == hash(rsa_key(7))
    assert rsa_key(7) != rsa_key(8)


def test_the_package_lists_its_public_names() -> None:
    assert {*testing.__all__} <= {*dir(testing)}
    with pytest.raises(AttributeError, match="no attribute 'rsa_keys'"):
        testing.rsa_keys  # type: ignore[attr-defined]  # noqa: B018
