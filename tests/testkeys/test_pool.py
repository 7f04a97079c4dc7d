"""A seed must stand for the same key everywhere and in every release."""

from __future__ import annotations

import hashlib
import math
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jwcrypto.jwk import JWK

from tests import make_test_primes
from trustkeys import (
    TrustFrameworkKey,
    is_test_key,
)
from trustkeys.core.base64url import base64url_decode
from trustkeys.testing import oct_key, rsa_key
from trustkeys.testkeys import primes
from trustkeys.testkeys.pool import is_test_modulus, is_test_secret

RSA_SIZES = (2048, 3072, 4096)

MAKERS: dict[str, Callable[..., TrustFrameworkKey]] = {"RSA": rsa_key, "oct": oct_key}
SEEDS = {"RSA": 8128, "oct": 65536}


def cases(of: str, *, sizes: tuple[int, ...]) -> Iterator[tuple[str, int]]:
    return ((of, size) for size in sizes)


ALL = [*cases("RSA", sizes=RSA_SIZES), *cases("oct", sizes=(256, 512, 4096))]


# --- the same everywhere and for ever

EXAMPLES = {
    ("RSA", 2048, 0): "DvW60hil8jvPyS-4MRRSd_jvMisGcg_vatm3oXSKkLo",
    ("RSA", 2048, 1): "fVhiVSsOv0mX1Dr5i2_vsfYisUmwvKkSa-rfD51_FBI",
    ("RSA", 2048, 8127): "helgA6_gplWW-Og-6NmdL_D1EuihATSfISw5rf75Xdg",
    ("RSA", 3072, 0): "hUoNCGi_kzu7n245yJ-qoJsk1FGhnOVDoHH5m-1RKCo",
    ("RSA", 3072, 1): "4Ymase7uhxX8eVmW826iyDgGgolSNhZ2WmGVesgWNiY",
    ("RSA", 3072, 8127): "tyjz2Pl8-fbSarg2pw0jW4Czfw_qlmHfi_zRg7uSLCw",
    ("RSA", 4096, 0): "GTHB5MqUtKTH2sUajwiHhG8oM5AQQnakHJKg2jJwfyU",
    ("RSA", 4096, 1): "QdDtgtEzH1IJjcaBUe3zE7gu1RfYl_xyBkxZn53dGZI",
    ("RSA", 4096, 8127): "VoZDuJRmW0F3ZcKqyl2XL4tKnPHM88ypeAW4GQudQZM",
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
    ("RSA", 2048): "e4371143dd284da2b55b77f4d9fbbee0e67db8e205fb7b6f23512dd51e2c4004",
    ("RSA", 3072): "221130276733764ff26db75bc126e30555630440cd427501db8e961fd2e5811d",
    ("RSA", 4096): "82ce21f722e24d420487ddbca62e045e99fdb0d14395b1329a32abed714cc858",
    ("oct", 256): "9d04e0503e414344c45809921935b5437f5c77bbb9118ed2c5f412cb9ae79a61",
    ("oct", 512): "e8f436874b5b5607480789552164a65215acfeb3d83db2c863da126ef6616b47",
    ("oct", 4096): "c4e60e2f7f4d2340965331163ac311c8b884eedd570882fa23368324dc4c7d0d",
}


@pytest.mark.parametrize(("kty", "size", "seed"), EXAMPLES)
def test_a_seed_is_the_same_key_as_ever(kty: str, size: int, seed: int) -> None:
    """Else a test that was written against one release fails with another."""
    assert MAKERS[kty](seed, size=size).kid == EXAMPLES[kty, size, seed]


@pytest.mark.parametrize(("kty", "size"), ALL)
def test_different_seeds_are_different_keys_and_all_are_known(kty: str, size: int) -> None:
    """Who asks for two keys must not get one; and a test key that is not known can do harm."""
    digest = hashlib.sha256()
    kids = set()
    for seed in range(SEEDS[kty]):
        key = MAKERS[kty](seed, size=size)
        kids.add(key.kid)
        digest.update(key.kid.encode())
        assert is_test_key(key)
    assert len(kids) == SEEDS[kty]
    assert digest.hexdigest() == DIGESTS[kty, size]


# --- as good as real ones


@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize("size", RSA_SIZES)
def test_every_prime_is_one_by_the_judgement_of_openssl(size: int, part: int) -> None:
    """A key of other numbers signs what nobody can verify."""
    # The large ones take their time: all of them in the deep run, and some every day.
    if size > 2048 and part != 0 and settings.get_current_profile_name() != "deep":
        some = primes.PRIMES[size][32 * part : 32 * part + 2]
    else:
        some = primes.PRIMES[size][32 * part : 32 * part + 32]
    text = openssl("prime", "-hex", *(f"{prime:X}" for prime in some))
    assert text.count(" is prime\n") == len(some)


@pytest.mark.parametrize("size", RSA_SIZES)
def test_any_two_primes_make_a_key_by_the_rules(size: int) -> None:
    """FIPS 186-5 appendix A.1: their size, their distance, and what the exponent asks of them."""
    pool = primes.PRIMES[size]
    assert len({*pool}) == len(pool) == 128
    for prime in pool:
        assert prime.bit_length() == size // 2
        assert prime * prime * 2 >= 2**size
        assert math.gcd(prime - 1, 65537) == 1
    for number, p in enumerate(pool):
        for q in pool[:number]:
            assert abs(p - q) > 2 ** (size // 2 - 100)
            assert (p * q).bit_length() == size


@pytest.mark.parametrize("size", RSA_SIZES)
@pytest.mark.parametrize("seed", [0, 1, 4000, 8127])
def test_openssl_finds_nothing_wrong_with_an_rsa_key(seed: int, size: int, tmp_path: Path) -> None:
    jwk = JWK(**rsa_key(seed, size=size).to_jwk(private=True))
    path = tmp_path / "key.pem"
    path.write_bytes(jwk.export_to_pem(private_key=True, password=None))
    assert "RSA key ok" in openssl("rsa", "-in", str(path), "-check", "-noout")


def test_the_script_makes_primes_that_would_do() -> None:
    """Else nobody could say where the pool comes from, or add to it."""
    made: dict[str, Any] = {}
    exec(make_test_primes.source(2), made)
    for size, found in made["PRIMES"].items():
        assert [prime.bit_length() for prime in found] == [size // 2] * 2
    assert made["__doc__"] == primes.__doc__


@given(st.binary(min_size=2, max_size=600))
def test_no_secret_is_taken_for_a_test_key_by_how_it_begins(octets: bytes) -> None:
    assert not is_test_secret(octets)


@given(st.integers(0, 8127), st.integers(0, 65535), st.integers(1, 2**64))
def test_what_is_near_a_test_key_is_none(seed: int, other: int, distance: int) -> None:
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
