"""Keys for tests: always the same ones, valid, and instant."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS

import trustkeys
from trustkeys import (
    InvalidInputError,
    TrustFrameworkKey,
    TrustFrameworkKeySet,
    is_test_key,
    testing,
)
from trustkeys.core.base64url import base64url_encode
from trustkeys.core.oct import OctStrategy
from trustkeys.testing import instant_keys, oct_key, rsa_key
from trustkeys.testing.keys import InstantKeys
from trustkeys.testkeys.guard import is_test_jwk

RSA_SIZES = (2048, 3072, 4096)

MAKERS: dict[str, Callable[..., TrustFrameworkKey]] = {"RSA": rsa_key, "oct": oct_key}


def cases(of: str, *, sizes: tuple[int, ...]) -> Iterator[tuple[str, int]]:
    return ((of, size) for size in sizes)


ALL = [*cases("RSA", sizes=RSA_SIZES), *cases("oct", sizes=(256, 512, 4096))]


@pytest.mark.parametrize(("kty", "size"), ALL)
@pytest.mark.parametrize("seed", [-1, 65536, 2**70, True, None, "0", 1.0])
def test_a_seed_that_is_none_is_refused(kty: str, size: int, seed: Any) -> None:
    with pytest.raises(InvalidInputError, match="seed must be an integer from 0 to") as caught:
        MAKERS[kty](seed, size=size)
    assert (caught.value.code, caught.value.target) == ("BadRequest", "seed")


def test_the_seeds_of_rsa_keys_end_where_the_primes_do() -> None:
    with pytest.raises(InvalidInputError, match="from 0 to 8127, not 8128"):
        rsa_key(8128)


@pytest.mark.parametrize("kty", MAKERS)
def test_what_is_asked_for_is_in_the_key_and_what_is_wrong_is_refused(kty: str) -> None:
    key = MAKERS[kty](5, use="ENC", nbf=1, exp=2)
    assert (key.use, key.nbf, key.exp, key.status, key.x5c) == ("enc", 1, 2, "enabled", ())
    assert key.size == {"RSA": 2048, "oct": 256}[kty]
    for wrong in ({"use": "both"}, {"nbf": 2, "exp": 1}, {"size": 100}, {"size": 2**20}):
        with pytest.raises(InvalidInputError):
            MAKERS[kty](5, **wrong)


@pytest.mark.usefixtures("clean_registry")
def test_a_size_that_somebody_else_makes_has_no_test_keys() -> None:
    from trustkeys.core.rsa import RSAStrategy

    class Large(RSAStrategy):
        sizes = (2048, 8192)  # type: ignore[assignment]

    trustkeys.register_strategy(Large(), replace=True)
    with pytest.raises(InvalidInputError, match="have 2048, 3072, 4096 bits, not 8192"):
        rsa_key(0, size=8192)


@settings(max_examples=12)
@given(st.integers(0, 8127), st.sampled_from(RSA_SIZES))
def test_an_rsa_key_passes_every_check_a_real_one_does(seed: int, size: int) -> None:
    key = rsa_key(seed, size=size)
    jwk = key.to_jwk(private=True)
    assert list(jwk) == list(trustkeys.generate_key("sig", "RSA").to_jwk(private=True))
    assert TrustFrameworkKey.from_jwk(jwk) == key
    assert key.kid == JWK(**key.to_jwk()).thumbprint()
    assert key.private_key().private_numbers().d.bit_length() > size // 2
    assert_signs(key, "RS256")


@given(st.integers(0, 65535), st.integers(32, 512))
def test_an_oct_key_passes_every_check_a_real_one_does(seed: int, length: int) -> None:
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


def test_equal_seeds_are_equal_keys_and_their_halves_are_not() -> None:
    assert rsa_key(7) == rsa_key(7) != rsa_key(7).public()
    assert hash(rsa_key(7)) == hash(rsa_key(7))
    assert rsa_key(7) != rsa_key(8)


# --- instant keys out of the engine


@pytest.mark.usefixtures("clean_registry")
def test_the_engine_makes_test_keys_in_the_block_alone() -> None:
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
        # Each block begins anew.
        assert trustkeys.generate_key("sig", "RSA") == rsa_key(0)
        raise ZeroDivisionError
    assert not any(is_test_key(trustkeys.generate_key("sig", kty)) for kty in MAKERS)


@pytest.mark.usefixtures("clean_registry")
def test_a_strategy_of_somebody_else_is_back_after_the_block() -> None:
    class Mine(OctStrategy):
        def generate(self, size: int) -> dict[str, str]:
            return {"k": base64url_encode(bytes(size // 8))}

    trustkeys.register_strategy(Mine(), replace=True)
    with instant_keys():
        assert is_test_key(trustkeys.generate_key("sig", "oct"))
    jwk = trustkeys.generate_key("sig", "oct").to_jwk(private=True)
    assert jwk["k"] == base64url_encode(bytes(32))


@pytest.mark.usefixtures("clean_registry")
def test_blocks_that_overlap_end_with_the_last_of_them() -> None:
    """Else the engine would make keys that everybody has, with nobody in a block."""
    first, second = instant_keys(), instant_keys()
    first.__enter__()
    second.__enter__()
    assert [trustkeys.generate_key("sig", "RSA") for _ in range(2)] == [rsa_key(0), rsa_key(1)]
    first.__exit__(None, None, None)
    assert trustkeys.generate_key("sig", "RSA") == rsa_key(2)
    second.__exit__(None, None, None)
    assert not any(is_test_key(trustkeys.generate_key("sig", kty)) for kty in MAKERS)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.usefixtures("clean_registry")
def test_a_process_that_is_forked_in_the_block_makes_real_keys() -> None:
    """It would count the seeds from where it was forked, and give one key twice."""
    with instant_keys(), ProcessPoolExecutor(2, get_context("fork")) as pool:
        requests = [trustkeys.GenerateKeyRequest("sig", kty) for kty in MAKERS for _ in range(4)]
        jwks = [*pool.map(private_members, requests)]
    assert len({jwk["kid"] for jwk in jwks}) == 8
    assert not any(map(is_test_jwk, jwks))


@pytest.mark.usefixtures("clean_registry")
def test_what_thinks_itself_another_process_makes_real_keys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with instant_keys():
        assert is_test_key(trustkeys.generate_key("sig", "oct"))
        monkeypatch.setattr(os, "getpid", lambda: -1)
        assert not any(is_test_key(trustkeys.generate_key("sig", kty)) for kty in MAKERS)


@pytest.mark.usefixtures("clean_registry")
def test_other_key_types_are_made_as_ever() -> None:
    class Other(OctStrategy):
        kty = "other"

    trustkeys.register_strategy(Other())
    made = InstantKeys()(trustkeys.GenerateKeyRequest("sig", "other"))
    assert (made.kty, is_test_key(made)) == ("other", False)


def test_the_kit_says_what_is_in_it() -> None:
    assert {*testing.__all__} <= {*dir(testing)}
    with pytest.raises(AttributeError, match="no attribute 'rsa_keys'"):
        testing.rsa_keys  # type: ignore[attr-defined]  # noqa: B018


def private_members(request: trustkeys.GenerateKeyRequest) -> dict[str, Any]:
    return trustkeys.generate(request).to_jwk(private=True)


@pytest.mark.usefixtures("clean_registry")
def test_where_there_are_no_more_keys_none_comes_twice() -> None:
    with instant_keys():
        kids = {trustkeys.generate_key("sig", "RSA").kid for _ in range(8128)}
        with pytest.raises(InvalidInputError, match="there are no more RSA test keys of 2048"):
            trustkeys.generate_key("sig", "RSA")
    assert len(kids) == 8128


@pytest.mark.usefixtures("clean_registry")
def test_threads_share_the_keys_and_none_comes_twice() -> None:
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


# --- pytest

PROGRAM = """
import sys

import pytest


def test_nothing_is_imported_that_is_not_asked_for():
    assert "trustkeys" not in sys.modules


def test_the_keys(trustkeys_rsa_key, trustkeys_oct_key):
    from trustkeys.testing import oct_key, rsa_key

    assert trustkeys_rsa_key == rsa_key(0)
    assert trustkeys_oct_key == oct_key(0)


def test_graph(graph):
    import httpx

    with httpx.Client(transport=graph, base_url="https://graph.microsoft.com/beta") as client:
        assert client.get("/trustFramework/keySets").json()["value"] == []
        assert client.post("/trustFramework/keySets", json={"id": "a"}).status_code == 201
    assert [*graph.key_sets] == ["B2C_1A_a"]


def test_each_has_its_own_graph(graph):
    assert graph.key_sets == {}


@pytest.fixture
def made():
    import trustkeys

    return trustkeys.generate_key("sig", "RSA")


@pytest.mark.trustkeys_instant_keys
@pytest.mark.parametrize("number", [1, 2])
def test_marked(made, number):
    from trustkeys.testing import rsa_key

    assert made == rsa_key(0)


def test_not_marked(made):
    from trustkeys import is_test_key

    assert not is_test_key(made)
"""


PROPERTY = """
from hypothesis import given, strategies as st


@given(st.booleans())
def test_a_property(value):
    assert value in (True, False)
"""


@pytest.mark.parametrize(("program", "count"), [(PROGRAM, 7), (PROPERTY, 1)])
def test_the_plugin_is_there_for_who_asks_and_for_no_one_else(
    tmp_path: Path, program: str, count: int
) -> None:
    """The coverage of whoever tests trustkeys itself would begin too late otherwise."""
    (tmp_path / "test_it.py").write_text(program)
    args = ["-p", "no:cacheprovider", "-W", "error", "--strict-markers", "test_it.py"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *args],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout
    assert f"{count} passed" in done.stdout
