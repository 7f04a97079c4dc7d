"""`instant_keys`: the engine makes test keys in the block, and real keys everywhere else."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from typing import Any

import pytest

import trustkeys
from tests.support import needs_fork
from trustkeys import InvalidInputError, TrustFrameworkKeySet, is_test_key
from trustkeys.core.base64url import base64url_encode
from trustkeys.core.oct import OctStrategy
from trustkeys.testing import instant_keys, oct_key, rsa_key
from trustkeys.testing.instant import Seeds
from trustkeys.testkeys.guard import is_test_jwk
from trustkeys.testkeys.pool import SEEDS

KTYS = ("RSA", "oct")


@pytest.mark.usefixtures("clean_registry")
def test_the_engine_makes_test_keys_only_in_the_block() -> None:
    with instant_keys():
        first, second = (trustkeys.generate_key("enc", "rsa", nbf=1, exp=2) for _ in range(2))
        assert [first, second] == [rsa_key(n, use="enc", nbf=1, exp=2) for n in range(2)]
        assert trustkeys.generate_key("sig", "RSA", size=3072) == rsa_key(0, size=3072)
        assert trustkeys.generate_key("sig", "oct") == oct_key(0)
        assert trustkeys.generate_key("sig", "oct", size=512) == oct_key(0, size=512)
        keys = TrustFrameworkKeySet("a")
        rotated = keys.rotate(86_400, count=3, use="sig", kty="RSA", at=0)
        assert [key.kid for key in rotated] == [rsa_key(n).kid for n in (2, 3, 4)]
    with suppress(ZeroDivisionError), instant_keys():
        # Each block starts with seed 0 again.
        assert trustkeys.generate_key("sig", "RSA") == rsa_key(0)
        raise ZeroDivisionError
    assert not any(is_test_key(trustkeys.generate_key("sig", kty)) for kty in KTYS)


@pytest.mark.usefixtures("clean_registry")
def test_a_registered_strategy_is_restored_after_the_block() -> None:
    class Mine(OctStrategy):
        def generate(self, size: int) -> dict[str, str]:
            return {"k": base64url_encode(bytes(size // 8))}

    trustkeys.register_strategy(Mine(), replace=True)
    with instant_keys():
        assert is_test_key(trustkeys.generate_key("sig", "oct"))
    jwk = trustkeys.generate_key("sig", "oct").to_jwk(private=True)
    assert jwk["k"] == base64url_encode(bytes(32))


@pytest.mark.usefixtures("clean_registry")
def test_keys_of_another_type_are_generated_as_ever() -> None:
    class Other(OctStrategy):
        kty = "other"

    trustkeys.register_strategy(Other())
    with instant_keys():
        key = trustkeys.generate_key("sig", "other")
    assert (key.kty, is_test_key(key)) == ("other", False)


@pytest.mark.usefixtures("clean_registry")
def test_overlapping_blocks_end_with_the_last_one() -> None:
    """Otherwise the engine would make test keys outside of every block."""
    first, second = instant_keys(), instant_keys()
    first.__enter__()
    second.__enter__()
    assert [trustkeys.generate_key("sig", "RSA") for _ in range(2)] == [rsa_key(0), rsa_key(1)]
    first.__exit__(None, None, None)
    assert trustkeys.generate_key("sig", "RSA") == rsa_key(2)
    second.__exit__(None, None, None)
    assert not any(is_test_key(trustkeys.generate_key("sig", kty)) for kty in KTYS)


@needs_fork
@pytest.mark.deep
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.usefixtures("clean_registry")
def test_a_forked_process_makes_real_keys() -> None:
    """Two forked processes would otherwise make the same keys."""
    with instant_keys(), ProcessPoolExecutor(2, get_context("fork")) as pool:
        requests = [trustkeys.GenerateKeyRequest("sig", kty) for kty in KTYS for _ in range(4)]
        jwks = [*pool.map(private_members, requests)]
    assert len({jwk["kid"] for jwk in jwks}) == 8
    assert not any(map(is_test_jwk, jwks))


@pytest.mark.usefixtures("clean_registry")
def test_another_process_id_makes_real_keys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with instant_keys():
        assert is_test_key(trustkeys.generate_key("sig", "oct"))
        monkeypatch.setattr(os, "getpid", lambda: -1)
        assert not any(is_test_key(trustkeys.generate_key("sig", kty)) for kty in KTYS)


def private_members(request: trustkeys.GenerateKeyRequest) -> dict[str, Any]:
    return trustkeys.generate(request).to_jwk(private=True)


@pytest.mark.usefixtures("clean_registry")
@pytest.mark.parametrize("kty", KTYS)
def test_after_the_last_key_the_engine_raises_and_repeats_none(
    kty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SEEDS, kty, 3)
    with instant_keys():
        kids = {trustkeys.generate_key("sig", kty).kid for _ in range(3)}
        with pytest.raises(InvalidInputError, match=f"no {kty} test key of .* bits is left"):
            trustkeys.generate_key("sig", kty)
        assert trustkeys.generate_key("sig", kty, size=3072).size == 3072
    assert len(kids) == 3


@pytest.mark.parametrize(("kty", "count"), [("RSA", 8128), ("oct", 65536)])
def test_seeds_come_once_and_then_raise(kty: str, count: int) -> None:
    seeds = Seeds()
    assert [seeds.next(kty, 512) for _ in range(count)] == [*range(count)]
    with pytest.raises(InvalidInputError, match=f"all {count} were used") as caught:
        seeds.next(kty, 512)
    assert caught.value.code == "BadRequest"
    assert seeds.next(kty, 1024) == 0


@pytest.mark.usefixtures("clean_registry")
def test_threads_share_the_block_and_get_different_keys() -> None:
    kids: list[str] = []

    def work() -> None:
        kids.extend(trustkeys.generate_key("sig", "oct").kid for _ in range(500))

    with instant_keys():
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len({*kids}) == len(kids) == 4000
