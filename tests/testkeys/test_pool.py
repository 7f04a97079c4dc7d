"""A seed must stand for the same key everywhere and in every release."""

from __future__ import annotations

import hashlib
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jwcrypto.jwk import JWK

from tests import make_test_primes
from trustkeys import TrustFrameworkKey, is_test_key
from trustkeys.core.base64url import base64url_decode
from trustkeys.core.public_primes import OFFSETS, primes_of
from trustkeys.testing import oct_key, rsa_key
from trustkeys.testkeys.pool import (
    is_test_modulus,
    is_test_secret,
    rsa_primes,
    rsa_test_members,
)

RSA_SIZES = (2048, 3072, 4096)

MAKERS: dict[str, Callable[..., TrustFrameworkKey]] = {"RSA": rsa_key, "oct": oct_key}
SEEDS = {"RSA": 8128, "oct": 65536}


def cases(of: str, *, sizes: tuple[int, ...]) -> Iterator[tuple[str, int]]:
    return ((of, size) for size in sizes)


ALL = [*cases("RSA", sizes=RSA_SIZES), *cases("oct", sizes=(256, 512, 4096))]


# --- the same keys in every release

EXAMPLES = {
    ("RSA", 2048, 0): "W2wVJ8HmnzDex5GSDINirZ75e4cwOoyZ_Za_pb3JEno",
    ("RSA", 2048, 1): "WEbXOtRoOJ7wPbNh5lQyA1yjhRTIz3R0Z1T-2ImbrPM",
    ("RSA", 2048, 8127): "RWg4mXGk1LSln4c9IW6iBMyzBpK9SHMumfsyPFNfCdU",
    ("RSA", 3072, 0): "mlMakiwykfVq0v1c6p1xpaK18nmrCY8ZBnRSpB4wx9c",
    ("RSA", 3072, 1): "_6X-QTQJYBSUlER5LqS5GJ3GraQbL72If_-dm3WS8iE",
    ("RSA", 3072, 8127): "uNyf3Y8EY1P1e24NT7ojHVVX-F_yCz_wNTJNlQSz_6c",
    ("RSA", 4096, 0): "88TFdbRuaCH9sGLed6wRhASJE-rcz2rLvdra5SUdDF8",
    ("RSA", 4096, 1): "VsQi26mUb_5RwF9ggpGHoAYgAOBfUvaXAQeicLtN1JQ",
    ("RSA", 4096, 8127): "P0r4Lspu-Y7hhFLn-O9AXoHC7N5HW2H0aW1_FgyP6x0",
    ("oct", 256, 0): "mCmpz_poDebX-mcheXwtlHO8IfEHWV-DZHxk1b_cEm4",
    ("oct", 256, 1): "16w24PBHIarDwMHDVB3bfFPLtJkYLZ0rFL8PfYp4OOU",
    ("oct", 256, 65535): "8_dj-E61euXKkQx5JRiidHnO-CaSQTvHaEGQ216UkbY",
    ("oct", 512, 0): "ODOiYSGTaR8xyMUbjBVmcMkqDQX4vodIsW_6ZwtrP1I",
    ("oct", 512, 1): "0tjWQqR1er5KqOTbMfc7fSkySi-QWyVWcmjS5C92k5E",
    ("oct", 512, 65535): "t-FPd66kwJPLUvNuQYIsqLjbaoH1xf-Q_wqZlbvntf4",
    ("oct", 4096, 0): "T6xPimIlmb35hoDeXestPlWio1dYGuuDPV-H05ZSnic",
    ("oct", 4096, 1): "KFWdg94Qz4I4Y5zbYsDEBLcFIdJnwtULx-Rfrt-77TU",
    ("oct", 4096, 65535): "Wh2dJjNbLqGmwNwqGOFS6dB4N-7_BJabzK9s1W1Hp4o",
}

DIGESTS = {
    ("RSA", 2048): "0f5a836d9d13ae27c590d7ef482d57404afc05a86b2983a83c9f6abfd7340484",
    ("RSA", 3072): "40bd3e4202a46a9bae6921c97925e98f8e192a2358e832bab5e1a353bbe32d2e",
    ("RSA", 4096): "1ad0e9c464962cb970ff96b31e28507b840d1d736b65915396f747965912098a",
    ("oct", 256): "9d04e0503e414344c45809921935b5437f5c77bbb9118ed2c5f412cb9ae79a61",
    ("oct", 512): "e8f436874b5b5607480789552164a65215acfeb3d83db2c863da126ef6616b47",
    ("oct", 4096): "c4e60e2f7f4d2340965331163ac311c8b884eedd570882fa23368324dc4c7d0d",
}


@pytest.mark.parametrize(("kty", "size", "seed"), EXAMPLES)
def test_a_seed_gives_the_same_key_in_every_release(kty: str, size: int, seed: int) -> None:
    """Otherwise a test that passes with one release fails with another."""
    assert MAKERS[kty](seed, size=size).kid == EXAMPLES[kty, size, seed]


@pytest.mark.parametrize(("kty", "size"), ALL)
def test_some_seeds_are_recognised(kty: str, size: int) -> None:
    """An unrecognised test key could protect real data."""
    for seed in range(0, SEEDS[kty], SEEDS[kty] // 50):
        assert is_test_key(MAKERS[kty](seed, size=size))


@pytest.mark.deep
@pytest.mark.parametrize(("kty", "size"), ALL)
def test_different_seeds_are_different_keys_and_all_are_recognised(kty: str, size: int) -> None:
    """Two seeds must give two keys, and an unrecognised test key could protect real data."""
    digest = hashlib.sha256()
    kids = set()
    for seed in range(SEEDS[kty]):
        key = MAKERS[kty](seed, size=size)
        kids.add(key.kid)
        digest.update(key.kid.encode())
        assert is_test_key(key)
    assert len(kids) == SEEDS[kty]
    assert digest.hexdigest() == DIGESTS[kty, size]


# --- valid keys


@pytest.mark.deep
@pytest.mark.parametrize("part", range(8))
@pytest.mark.parametrize("size", RSA_SIZES)
def test_every_prime_is_prime_according_to_openssl(size: int, part: int) -> None:
    """Otherwise nobody can verify what a key signs."""
    some = primes_of(size)[16 * part : 16 * part + 16]
    text = openssl("prime", "-hex", *(f"{prime:X}" for prime in some))
    assert text.count(" is prime\n") == len(some) == 16


@pytest.mark.deep
@pytest.mark.parametrize("size", RSA_SIZES)
@pytest.mark.parametrize("seed", [0, 2016, 8127])
def test_keys_of_some_primes_pass_the_proof(size: int, seed: int) -> None:
    # from_jwk knows these primes.
    rsa_key(seed, size=size).private_key().private_numbers().private_key()


@pytest.mark.parametrize("size", RSA_SIZES)
def test_any_two_primes_make_a_key_by_the_rules(size: int) -> None:
    """FIPS 186-5 appendix A.1: the size and distance of primes, and the exponent's conditions."""
    pool = primes_of(size)
    assert len({*pool}) == len(pool) == 128
    for prime in pool:
        assert prime.bit_length() == size // 2
        assert prime * prime * 2 >= 2**size
        assert math.gcd(prime - 1, 65537) == 1
    for number, p in enumerate(pool):
        for q in pool[:number]:
            assert abs(p - q) > 2 ** (size // 2 - 100)
            assert (p * q).bit_length() == size


def assert_full(seed: int, size: int) -> None:
    members = rsa_test_members(*rsa_primes(seed, size))
    octets = {name: len(base64url_decode(text)) for name, text in members.items()}
    half = dict.fromkeys(("p", "q", "dp", "dq", "qi"), size // 16)
    assert octets == {"e": 3, "n": size // 8, "d": size // 8, **half}


@pytest.mark.parametrize("size", RSA_SIZES)
def test_no_private_member_is_shorter_than_its_full_length(size: int) -> None:
    """Some programs refuse a member that starts with a zero octet, which a JWK leaves out."""
    for seed in range(0, 8128, 127):
        assert_full(seed, size)


@pytest.mark.deep
@pytest.mark.parametrize("size", RSA_SIZES)
def test_no_private_member_of_any_key_is_shorter_than_its_full_length(size: int) -> None:
    for seed in range(8128):
        assert_full(seed, size)


@pytest.mark.deep
@pytest.mark.parametrize("size", RSA_SIZES)
@pytest.mark.parametrize("seed", [0, 1, 4000, 8127])
def test_openssl_finds_nothing_wrong_with_an_rsa_key(seed: int, size: int, tmp_path: Path) -> None:
    jwk = JWK(**rsa_key(seed, size=size).to_jwk(private=True))
    path = tmp_path / "key.pem"
    path.write_bytes(jwk.export_to_pem(private_key=True, password=None))
    assert "RSA key ok" in openssl("rsa", "-in", str(path), "-check", "-noout")


@pytest.mark.deep
@pytest.mark.parametrize("size", RSA_SIZES)
def test_the_script_computes_the_table(size: int) -> None:
    """Otherwise nobody can say where the primes come from, or add some."""
    assert tuple(make_test_primes.offsets(size, 3)) == OFFSETS[size][:3]


@pytest.mark.deep
def test_importing_the_test_keys_derives_nothing() -> None:
    program = (
        "from trustkeys import is_test_key\n"
        "from trustkeys.core import public_primes\n"
        "from trustkeys.testkeys import pool\n"
        "print(public_primes.primes_of.cache_info().currsize, pool._seeds.cache_info().currsize)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "0 0\n"


# --- recognised, and nothing else taken for one


@given(st.binary(min_size=2, max_size=600))
def test_no_other_secret_is_taken_for_a_test_key(octets: bytes) -> None:
    assert not is_test_secret(octets)


@given(st.integers(0, 8127), st.integers(0, 65535), st.integers(1, 2**64))
def test_a_number_near_a_test_key_is_not_one(seed: int, other: int, distance: int) -> None:
    p, q = (rsa_key(s).private_key().private_numbers().p for s in (seed, 8127 - seed))
    n = rsa_key(seed).public_key().public_numbers().n
    assert is_test_modulus(n)
    for number in (n + 2**64 * distance, n - 2 * distance, p, p * (q + 2)):
        assert not is_test_modulus(number)
    secret = base64url_decode(oct_key(other).to_jwk(private=True)["k"])
    assert is_test_secret(secret)
    for octets in (secret[:-1], secret + b"\0", secret[1:] + secret[:1], secret[:-1] + b"x"):
        assert not is_test_secret(octets) or octets == secret


def openssl(*args: str) -> str:
    if shutil.which("openssl") is None and not os.environ.get("CI"):
        pytest.skip("the openssl command is not installed")
    done = subprocess.run(["openssl", *args], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr
