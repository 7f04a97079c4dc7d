"""Keys for tests: the same everywhere and for ever, as good as real ones, and unable to do harm."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS

import trustkeys
from tests import make_test_primes, support
from trustkeys import (
    InvalidInputError,
    TrustFrameworkKey,
    TrustFrameworkKeySet,
    is_test_key,
    store,
    testing,
)
from trustkeys.cli.main import group
from trustkeys.core.base64url import base64url_decode, base64url_encode, uint_decode, uint_encode
from trustkeys.core.oct import OctStrategy
from trustkeys.core.private import Private
from trustkeys.core.rsa import rsa_public_members
from trustkeys.formats import certificates, jwe, pem, pkcs12, reading, sealed
from trustkeys.graph import provision
from trustkeys.testing import allow_test_keys, instant_keys, oct_key, rsa_key
from trustkeys.testing.keys import InstantKeys
from trustkeys.testkeys import primes
from trustkeys.testkeys.guard import is_test_jwk
from trustkeys.testkeys.pool import is_test_modulus, is_test_secret

RSA_SIZES = (2048, 3072, 4096)
PASSWORD = "a long passphrase"
RECIPIENT = trustkeys.generate_key("enc", "RSA")
REFUSED = "this is a test key"

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
    with pytest.raises(InvalidInputError, match="2048, 3072, 4096 bits, and none of 8192"):
        rsa_key(0, size=8192)


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


@pytest.mark.parametrize("size", RSA_SIZES)
@pytest.mark.parametrize("seed", [0, 1, 4000, 8127])
def test_openssl_finds_nothing_wrong_with_an_rsa_key(seed: int, size: int, tmp_path: Path) -> None:
    jwk = JWK(**rsa_key(seed, size=size).to_jwk(private=True))
    path = tmp_path / "key.pem"
    path.write_bytes(jwk.export_to_pem(private_key=True, password=None))
    assert "RSA key ok" in openssl("rsa", "-in", str(path), "-check", "-noout")


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


def test_what_is_costly_is_worked_out_once_and_when_it_is_asked_for() -> None:
    calls = []

    def members() -> dict[str, str]:
        calls.append(1)
        return {"k": "secret"}

    private = Private[dict[str, str]](members)
    assert (repr(private), calls) == ("<private>", [])
    assert private.reveal() == {"k": "secret"}
    assert private == Private({"k": "secret"})
    assert private != Private({"k": "other"})
    assert calls == [1]


def test_equal_seeds_are_equal_keys_and_their_halves_are_not() -> None:
    assert rsa_key(7) == rsa_key(7) != rsa_key(7).public()
    assert hash(rsa_key(7)) == hash(rsa_key(7))
    assert rsa_key(7) != rsa_key(8)


def test_the_script_makes_primes_that_would_do() -> None:
    """Else nobody could say where the pool comes from, or add to it."""
    made: dict[str, Any] = {}
    exec(make_test_primes.source(2), made)
    for size, found in made["PRIMES"].items():
        assert [prime.bit_length() for prime in found] == [size // 2] * 2
    assert made["__doc__"] == primes.__doc__


# --- known in every form, and taken for nothing else


def test_no_key_of_the_engine_is_taken_for_a_test_key() -> None:
    """Who has made a real key must be able to keep it."""
    count = 1000 if settings.get_current_profile_name() == "deep" else 100
    for _ in range(count):
        assert not is_test_key(trustkeys.generate_key("sig", "RSA"))
    for size in (256, 512):
        for _ in range(1000):
            assert not is_test_key(trustkeys.generate_key("sig", "oct", size=size))


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


@pytest.mark.parametrize("kty", ["rsa", "RSA", "Rsa"])
def test_an_rsa_key_is_known_by_its_modulus_alone(kty: str) -> None:
    n = rsa_key(3).to_jwk()["n"]
    assert is_test_jwk({"kty": kty, "n": n})
    assert is_test_key(rsa_key(3).public())
    assert is_test_key(attrs.evolve(rsa_key(3), kid="other", use="enc", nbf=5))
    jwk = rsa_key(3).to_jwk(private=True)
    swapped = {**jwk, "p": jwk["q"], "q": jwk["p"], "dp": jwk["dq"], "dq": jwk["dp"]}
    swapped["qi"] = uint_encode(pow(uint_decode(jwk["p"]), -1, uint_decode(jwk["q"])))
    assert is_test_key(TrustFrameworkKey.from_jwk({**swapped, "kid": "mine"}))


@pytest.mark.parametrize(
    "jwk",
    [
        {},
        {"kty": 5},
        {"kty": "RSA"},
        {"kty": "RSA", "n": 5},
        {"kty": "RSA", "n": "="},
        {"kty": "RSA", "n": ""},
        {"kty": "oct", "k": None},
        {"kty": "oct", "k": "AAAA"},
        {"kty": "RSA", "N": rsa_key(0).to_jwk()["n"]},
    ],
)
def test_what_is_no_key_is_no_test_key(jwk: dict[str, Any]) -> None:
    assert not is_test_jwk(jwk)


def test_an_oct_key_without_its_secret_is_no_test_key() -> None:
    assert not is_test_key(attrs.evolve(oct_key(0), private=None))


def put_together_by_hand() -> list[TrustFrameworkKey]:
    real = trustkeys.generate_key("sig", "RSA")
    return [
        attrs.evolve(rsa_key(0), kty="rsa"),
        attrs.evolve(oct_key(0), kty="OCT"),
        attrs.evolve(rsa_key(0), kty="EC"),
        attrs.evolve(real, private=rsa_key(0)._private),
        attrs.evolve(rsa_key(0), private=real._private),
    ]


@pytest.mark.parametrize("key", put_together_by_hand())
def test_a_key_that_was_put_together_by_hand_does_not_hide_a_test_key(
    tmp_path: Path, key: TrustFrameworkKey
) -> None:
    assert is_test_key(key)
    keys = TrustFrameworkKeySet("a")
    keys._keys[key.kid] = key
    with pytest.raises(InvalidInputError, match=REFUSED):
        store.save(keys, tmp_path / "keys", plain=True)
    with pytest.raises(InvalidInputError, match=REFUSED):
        provision(keys)


JWK_TEXT = json.dumps(rsa_key(0).to_jwk(private=True))
N = rsa_key(0).to_jwk()["n"]


@pytest.mark.parametrize(
    "text",
    [
        f"[{JWK_TEXT}]",
        f'{{"value": [{JWK_TEXT}]}}',
        f'{{"keys": [{{"keys": [{JWK_TEXT}]}}]}}',
        f'{{"x": {"9" * 5000}, "jwk": {JWK_TEXT}}}',
        JWK_TEXT.replace('"n":', '"n": "AAAA", "n":'),
        JWK_TEXT.replace(f'"n": "{N}"', f'"n": "{N}", "n": "AAAA"'),
        JWK_TEXT.replace(N, f"{N}=="),
        JWK_TEXT.replace('"RSA"', '"RSA "'),
        f"\ufeff{JWK_TEXT}",
    ],
    ids=range(9),
)
def test_a_test_key_is_found_wherever_it_stands_in_a_document(text: str) -> None:
    with pytest.raises(InvalidInputError, match=REFUSED):
        sealed.seal_text(text.encode(), RECIPIENT, cty="jwk+json")
    with pytest.raises(InvalidInputError, match=REFUSED):
        jwe.encrypt(text.encode(), PASSWORD, cty="jwk+json")


def test_a_document_that_nobody_can_look_through_is_refused() -> None:
    text = f'{{"x": {"[" * 100_000}{"]" * 100_000}, "jwk": {JWK_TEXT}}}'
    with pytest.raises(InvalidInputError, match="nested too deep") as caught:
        jwe.encrypt(text.encode(), PASSWORD, cty="jwk+json")
    assert caught.value.__context__ is None


Writer = Callable[[TrustFrameworkKey], tuple[bytes, dict[str, Any]]]


def private_jwk(key: TrustFrameworkKey) -> bytes:
    return json.dumps(key.to_jwk(private=True)).encode()


def with_password(exported: Any) -> tuple[bytes, dict[str, Any]]:
    return exported.data, {"password": exported.password}


PRIVATE_FORMS: dict[str, Writer] = {
    "pem": lambda key: (pem.to_pem(key, private=True), {}),
    "der": lambda key: (pem.to_der(key, private=True), {}),
    "encrypted pem": lambda key: with_password(pem.to_encrypted_pem(key)),
    "encrypted der": lambda key: with_password(pem.to_encrypted_der(key)),
    "pkcs12": lambda key: with_password(pkcs12.to_pkcs12(key)),
    "pkcs12-b2c": lambda key: with_password(pkcs12.to_pkcs12_b2c(key)),
    "jwe": lambda key: (
        jwe.encrypt(private_jwk(key), PASSWORD, cty="jwk+json").encode(),
        {"password": PASSWORD},
    ),
    "sealed": lambda key: (sealed.seal(key, RECIPIENT).encode(), {"with_key": RECIPIENT}),
}
"""All private forms in `formats`, and what it takes to read them again."""

OF_ANY_KTY = ("jwe", "sealed")

PUBLIC_FORMS: dict[str, Callable[[TrustFrameworkKey], bytes]] = {
    "jwk": lambda key: json.dumps(key.to_jwk()).encode(),
    "answer": lambda key: json.dumps(key.to_graph()).encode(),
    "pem": pem.to_pem,
    "der": pem.to_der,
    "certificate": certificates.to_certificate_pem,
}

SUBJECT = "CN=test"


@pytest.fixture(scope="module")
def certified() -> TrustFrameworkKey:
    return certificates.self_signed(rsa_key(11, nbf=0, exp=2**33), SUBJECT)


@pytest.mark.parametrize("form", PRIVATE_FORMS)
def test_no_private_form_of_an_rsa_test_key_is_written_unless_allowed(
    certified: TrustFrameworkKey, form: str
) -> None:
    """Everybody has its private part: what it protects is open to all."""
    with pytest.raises(InvalidInputError, match=REFUSED) as caught:
        PRIVATE_FORMS[form](certified)
    assert (caught.value.code, caught.value.target) == ("BadRequest", "key")
    assert support.leaks(support.all_text_of(caught.value), certified.to_jwk(private=True)) == []
    with allow_test_keys():
        data, how = PRIVATE_FORMS[form](certified)
    assert is_test_key(reading.read_key(data, use="sig", **how))


@pytest.mark.parametrize("form", OF_ANY_KTY)
def test_no_form_of_an_oct_test_key_is_written_unless_allowed(form: str) -> None:
    with pytest.raises(InvalidInputError, match=REFUSED):
        PRIVATE_FORMS[form](oct_key(11))
    with allow_test_keys():
        data, how = PRIVATE_FORMS[form](oct_key(11))
    assert is_test_key(reading.read_key(data, **how))


@pytest.mark.parametrize("form", PUBLIC_FORMS)
def test_public_forms_are_free_and_known(certified: TrustFrameworkKey, form: str) -> None:
    assert is_test_key(reading.read_key(PUBLIC_FORMS[form](certified), use="sig"))


@pytest.mark.parametrize("kty", MAKERS)
def test_a_set_with_a_test_key_is_not_encrypted_nor_sealed(kty: str) -> None:
    keys = TrustFrameworkKeySet("a", [trustkeys.generate_key("sig", kty), MAKERS[kty](0)])
    text = json.dumps(keys.to_jwks(private=True)).encode()
    ways: list[Callable[[], str]] = [
        lambda: jwe.encrypt(text, PASSWORD, cty="jwk-set+json"),
        lambda: sealed.seal_text(text, RECIPIENT, cty="jwk-set+json"),
    ]
    for protect in ways:
        with pytest.raises(InvalidInputError, match=REFUSED):
            protect()
        with allow_test_keys():
            assert protect()


@pytest.mark.parametrize(
    "text", [b"\xff", b"[[[", b'"text"', b"5", b"[]", b'{"keys": 5}', b'{"keys": [5, null]}']
)
def test_what_is_no_key_is_encrypted_and_sealed_as_ever(text: bytes) -> None:
    assert jwe.decrypt(jwe.encrypt(text, PASSWORD, cty="x"), PASSWORD) == text
    token = sealed.seal_text(text, RECIPIENT, cty="x")
    assert sealed.unseal_text(token, RECIPIENT) == text


@pytest.mark.parametrize("half", ["private", "public", "jwk"])
def test_nothing_is_sealed_to_a_test_key(half: str) -> None:
    """Everybody could unseal it."""
    test_key = rsa_key(1, use="enc")
    to: Any = {"private": test_key, "public": test_key.public(), "jwk": test_key.to_jwk()}[half]
    real = trustkeys.generate_key("sig", "oct")
    with pytest.raises(InvalidInputError, match=REFUSED):
        sealed.seal(real, to)
    with allow_test_keys():
        token = sealed.seal(real, to)
    # What somebody else has sealed to it can be read all the same.
    assert sealed.unseal(token, test_key) == real


@pytest.mark.parametrize("by", ["create", "action"])
def test_no_test_key_is_brought_into_a_tenant(certified: TrustFrameworkKey, by: Any) -> None:
    """A tenant that signs with it takes tokens that anybody signs."""
    keys = TrustFrameworkKeySet("a", [certified])
    with pytest.raises(InvalidInputError, match=REFUSED):
        provision(keys, by=by, at=5)
    with allow_test_keys():
        assert provision(keys, by=by, at=5).requests


@pytest.mark.parametrize("kty", MAKERS)
@pytest.mark.parametrize("how", [{"plain": True}, {"password": PASSWORD}])
def test_no_file_of_a_key_set_gets_a_test_key(
    tmp_path: Path, kty: str, how: dict[str, Any]
) -> None:
    path = tmp_path / "keys"
    real = TrustFrameworkKeySet("a", [trustkeys.generate_key("sig", kty)])
    with pytest.raises(InvalidInputError, match=REFUSED):
        store.save(TrustFrameworkKeySet("a", [MAKERS[kty](0)]), path, **how)
    assert os.listdir(tmp_path) == []
    store.save(real, path, **how)
    before = path.read_bytes()
    password = how.get("password")
    with (
        pytest.raises(InvalidInputError, match=REFUSED),
        store.edit(path, password=password) as edited,
    ):
        edited.add(MAKERS[kty](0))
    assert path.read_bytes() == before
    with allow_test_keys(), store.edit(path, password=password) as edited:
        edited.add(MAKERS[kty](0))
    loaded = store.load(path, password=password)
    assert [is_test_key(key) for key in loaded] == [False, True]
    with pytest.raises(InvalidInputError, match=REFUSED):
        store.change_password(path, password=password, new_password="another")


@pytest.mark.usefixtures("clean_registry")
@pytest.mark.parametrize("kty", MAKERS)
@pytest.mark.parametrize("to", ["-", "FILE"])
def test_the_command_writes_no_test_key(
    tmp_path: Path, kty: str, to: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output = "-" if to == "-" else str(tmp_path / "key")
    args = ["generate", "--use", "sig", "--kty", kty, "-o", output]
    with instant_keys():
        with pytest.raises(InvalidInputError, match=REFUSED):
            group.main(args, standalone_mode=False)
        assert capsys.readouterr().out == ""
        assert os.listdir(tmp_path) == []
        # The answer alone does no harm.
        group.main([*args[:5], "--discard"], standalone_mode=False)
        with allow_test_keys():
            group.main(args, standalone_mode=False)
    text = capsys.readouterr().out if to == "-" else (tmp_path / "key").read_text()
    assert '"kid"' in text


@pytest.mark.parametrize("kty", MAKERS)
def test_the_commands_bring_no_test_key_in_or_out(tmp_path: Path, kty: str) -> None:
    key = MAKERS[kty](0)
    for name, document in {
        "key.jwk": key.to_jwk(private=True),
        "set.jwks": TrustFrameworkKeySet("a", [key]).to_jwks(private=True),
    }.items():
        path = tmp_path / name
        path.write_text(json.dumps(document))
        path.chmod(0o600)
    for args in (
        ["import", "key.jwk", "-o", "out"],
        ["import", "set.jwks", "-o", "out", "--plain"],
        ["export", "key.jwk", "--format", "jwk", "--plain", "-o", "out"],
        ["export", "set.jwks", "--format", "jwks", "--plain", "-o", "out"],
        ["export", "set.jwks", "--format", "jwe", "-o", "out"],
        ["provision", "set.jwks", "--to", "out"],
    ):
        before = sorted(os.listdir(tmp_path))
        line = support.failed(support.command(*args, cwd=tmp_path), 2)
        assert REFUSED in line, args
        assert support.leaks(line, key.to_jwk(private=True)) == []
        assert sorted(os.listdir(tmp_path)) == before


# --- named where people look


def test_the_check_of_a_key_set_names_its_test_keys() -> None:
    keys = TrustFrameworkKeySet("a", [trustkeys.generate_key("sig", "RSA"), rsa_key(5)])
    jwks = keys.to_jwks(private=True)
    for found in (
        keys.check(at=5),
        trustkeys.check_key_set(jwks, at=5),
        trustkeys.check_key_set(keys.to_jwks(), at=5),
        trustkeys.check_key_set(keys.to_graph(), at=5),
        trustkeys.check_key_set({"value": keys.to_graph()["keys"]}, at=5),
    ):
        (finding,) = [each for each in found if each.code == "TestKey"]
        assert (finding.severity, finding.kid) == ("error", rsa_key(5).kid)
        assert finding.message == (
            f"key {rsa_key(5).kid} is a test key, whose private part everybody has"
        )
    secrets = TrustFrameworkKeySet("a", [oct_key(5)])
    found = trustkeys.check_key_set(secrets.to_jwks(private=True), at=5)
    assert found == secrets.check(at=5)
    assert [each.code for each in found] == ["TestKey"]


@pytest.mark.parametrize("form", [*PRIVATE_FORMS, *(f"public {form}" for form in PUBLIC_FORMS)])
def test_inspect_names_a_test_key_in_every_form(
    tmp_path: Path, certified: TrustFrameworkKey, form: str
) -> None:
    password: str | None = None
    if form.startswith("public "):
        data = PUBLIC_FORMS[form.removeprefix("public ")](certified)
    else:
        with allow_test_keys():
            data, how = PRIVATE_FORMS[form](certified)
        password = how.get("password")
    assert_named(tmp_path, data, password, is_open=form != "sealed")


def test_inspect_names_a_test_key_in_a_signing_request_and_in_a_set(
    tmp_path: Path, certified: TrustFrameworkKey
) -> None:
    request = certificates.signing_request(rsa_key(2), SUBJECT)
    keys = TrustFrameworkKeySet("a", [certified])
    private, public = (keys.to_jwks(private=is_private) for is_private in (True, False))
    for data in (request, *(json.dumps(each).encode() for each in (private, public))):
        assert_named(tmp_path, data, None)
    other = certificates.signing_request(RECIPIENT, SUBJECT)
    (tmp_path / "file").write_bytes(other)
    assert support.command("inspect", "file", cwd=tmp_path).returncode == 0
    assert not is_test_jwk({"kty": "RSA", **rsa_public_members(RECIPIENT.public_key())})


def assert_named(folder: Path, data: bytes, password: str | None, *, is_open: bool = True) -> None:
    (folder / "file").write_bytes(data)
    args = ["inspect", "file"]
    if password is not None:
        (folder / "password").write_text(password)
        args += ["--password-file", "password"]
    done = support.command(*args, cwd=folder)
    assert ("test key, whose private part everybody has" in done.stdout) == is_open
    assert done.returncode == (3 if is_open else 0)


# --- the one way around


def test_test_keys_are_allowed_in_the_block_alone() -> None:
    def write() -> bytes:
        return pem.to_pem(rsa_key(0), private=True)

    for _ in range(2):
        with suppress(ZeroDivisionError), allow_test_keys():
            with allow_test_keys():
                assert write()
            assert write()
            raise ZeroDivisionError
        with pytest.raises(InvalidInputError, match=REFUSED):
            write()


def test_what_a_test_may_do_another_thread_may_not() -> None:
    refused: list[bool] = []

    def write() -> None:
        try:
            pem.to_pem(rsa_key(0), private=True)
        except InvalidInputError:
            refused.append(True)
        else:
            refused.append(False)

    async def write_in_a_task() -> None:
        await asyncio.create_task(asyncio.to_thread(write))

    with allow_test_keys():
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
        asyncio.run(write_in_a_task())
    assert refused == [True, False]


def test_what_was_allowed_ends_with_the_block_for_all_whom_it_was_handed_to() -> None:
    def is_allowed() -> bool:
        with suppress(InvalidInputError):
            return bool(pem.to_pem(rsa_key(0), private=True))
        return False

    async def later(seen: list[bool]) -> None:
        seen.append(is_allowed())
        await asyncio.sleep(0.02)
        seen.append(is_allowed())

    async def work() -> list[bool]:
        seen: list[bool] = []
        with allow_test_keys():
            task = asyncio.create_task(later(seen))
            await asyncio.sleep(0)
        await task
        return seen

    assert asyncio.run(work()) == [True, False]

    async def fixture() -> AsyncIterator[None]:
        with allow_test_keys():
            yield

    async def other_task() -> bool:
        begun = fixture()
        await anext(begun)
        # As plugins do at the end of a test.
        await asyncio.create_task(drained(begun))
        return is_allowed()

    async def drained(begun: AsyncIterator[None]) -> None:
        async for _ in begun:
            pass

    assert asyncio.run(other_task()) is False


@pytest.mark.parametrize(
    "name", ["TRUSTKEYS_ALLOW_TEST_KEYS", "TRUSTKEYS_TEST_KEYS", "TRUSTKEYS_TESTING"]
)
def test_no_environment_variable_and_no_missing_extra_lets_test_keys_through(
    tmp_path: Path, name: str
) -> None:
    program = (
        "import sys\n"
        "sys.modules['hypothesis'] = sys.modules['httpx'] = None\n"
        "from trustkeys import TrustFrameworkKeySet, store\n"
        "from trustkeys.testing import rsa_key\n"
        "store.save(TrustFrameworkKeySet('a', [rsa_key(0)]), 'keys', plain=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=support.environment(**{name: "1"}),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr.splitlines()[-1].startswith(f"trustkeys.errors.InvalidInputError: {REFUSED}")
    assert os.listdir(tmp_path) == []


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


def openssl(*args: str) -> str:
    if shutil.which("openssl") is None and not os.environ.get("CI"):
        pytest.skip("the openssl command is not installed")
    done = subprocess.run(["openssl", *args], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr
