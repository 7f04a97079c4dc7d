"""The kid is how every other tool finds the key: it must be RFC 7638's to the letter."""

from __future__ import annotations

import base64
import hashlib
import random
import sys
from typing import Any

import joserfc.jwk
import pytest
from jwcrypto.jwk import JWK

import trustkeys
from tests import support
from trustkeys import (
    InvalidInputError,
    TrustFrameworkKey,
    generate_key,
    jwk_thumbprint,
    jwk_thumbprint_uri,
    testing,
)
from trustkeys.core import thumbprint
from trustkeys.core.thumbprint import reveals_secret

# RFC 7638 section 3.1.
RFC_JWK = {
    "kty": "RSA",
    "n": (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_"
        "BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0"
        "_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWh"
        "AI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    ),
    "e": "AQAB",
    "alg": "RS256",
    "kid": "2011-04-29",
}
RFC_THUMBPRINT = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_the_example_of_the_rfc() -> None:
    assert jwk_thumbprint(RFC_JWK) == RFC_THUMBPRINT


def test_the_uri_of_the_example_of_rfc_9278() -> None:
    uri = "urn:ietf:params:oauth:jwk-thumbprint:sha-256:NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    assert jwk_thumbprint_uri(RFC_JWK) == uri


def test_uris_are_those_that_joserfc_computes() -> None:
    for kty in ("RSA", "oct"):
        jwk = testing.rsa_key(1) if kty == "RSA" else testing.oct_key(1)
        document = jwk.to_jwk(private=True)
        assert jwk_thumbprint_uri(document) == joserfc.jwk.import_key(document).thumbprint_uri()
    with pytest.raises(InvalidInputError) as caught:
        jwk_thumbprint_uri({"kty": "RSA", "e": "AQAB"})
    assert (caught.value.code, caught.value.target) == ("AADB2C95034", "n")


def test_kty_counts_in_the_spelling_of_the_rfc() -> None:
    # Graph's resource page writes "rsa"; that is the same key.
    assert jwk_thumbprint({**RFC_JWK, "kty": "rsa"}) == RFC_THUMBPRINT


def test_an_rsa_key_from_outside_gets_its_thumbprint_as_kid_unless_it_has_one() -> None:
    assert TrustFrameworkKey.from_jwk(RFC_JWK, use="sig").kid == "2011-04-29"
    nameless = {name: value for name, value in RFC_JWK.items() if name != "kid"}
    assert TrustFrameworkKey.from_jwk(nameless, use="sig").kid == RFC_THUMBPRINT


@pytest.mark.deep
def test_kids_of_generated_keys_are_the_thumbprints_that_jwcrypto_computes() -> None:
    keys = [generate_key("sig", "oct", size=bits) for bits in (256, 512, 4096) for _ in range(300)]
    keys += [generate_key("enc", "RSA") for _ in range(10)]
    for key in keys:
        judge = JWK(**key.to_jwk(private=True))
        assert key.kid == judge.thumbprint()
        assert key.kid == jwk_thumbprint(key.to_jwk(private=True))
    assert len({key.kid for key in keys}) == len(keys)


def test_thumbprints_of_a_thousand_moduli_are_those_that_jwcrypto_computes() -> None:
    numbers = random.Random(7638)
    for _ in range(1000):
        n = numbers.getrandbits(2048) | 1 << 2047 | 1
        text = base64.urlsafe_b64encode(n.to_bytes(256, "big")).rstrip(b"=").decode()
        jwk = {"kty": "RSA", "e": "AQAB", "n": text}
        key = TrustFrameworkKey.from_jwk(jwk, use="sig")
        assert key.kid == jwk_thumbprint(jwk) == JWK(**jwk).thumbprint()


@pytest.mark.parametrize(
    ("jwk", "code", "target"),
    [
        ('{"kty": "RSA"}', "AADB2C95026", None),
        (None, "AADB2C95026", None),
        ({}, "AADB2C95037", "kty"),
        ({"kty": "EC"}, "AADB2C95031", "kty"),
        ({"kty": ["RSA"]}, "AADB2C95031", "kty"),
        ({"kty": "RSA", "n": "AQ"}, "AADB2C95034", "e"),
        ({"kty": "RSA", "e": "AQAB", "n": 5}, "AADB2C95034", "n"),
        ({"kty": "oct", "k": 'a"b'}, "AADB2C95034", "k"),
        ({"kty": "oct", "k": "a\\b"}, "AADB2C95034", "k"),
        ({"kty": "oct", "k": "\ud800"}, "AADB2C95034", "k"),
        ({"kty": "oct", "k": "é"}, "AADB2C95034", "k"),
        ({"kty": "oct", "k": "a\nb"}, "AADB2C95034", "k"),
    ],
)
def test_a_jwk_without_what_the_hash_needs_is_refused(
    jwk: Any, code: str, target: str | None
) -> None:
    with pytest.raises(trustkeys.TrustKeysError) as caught:
        jwk_thumbprint(jwk)
    assert (caught.value.code, caught.value.target) == (code, target)


def test_a_kid_that_is_the_secret_itself_reveals_it() -> None:
    secret = b"Correct horse/battery+staple"
    k = support.b64(secret)
    for kid in (
        k,
        f"key-{k}",
        secret.decode(),
        f"client: {secret.decode()}",
        secret.hex(),
        secret.hex(":"),
        secret.hex().upper(),
        k[4:20],
        base64.b64encode(secret).decode(),
    ):
        assert reveals_secret(kid, k), kid
    for kid in ("2027-01", "signing key of January", support.b64(b"another secret, of others")):
        assert not reveals_secret(kid, k)
        assert not reveals_secret(kid, support.b64(b"7"))


@pytest.mark.parametrize("name", ["sha1", "sha256", "sha384", "sha512"])
def test_a_kid_that_is_a_hash_of_the_secret_reveals_it(name: str) -> None:
    secret = b"Correct horse/battery+staple"
    k = support.b64(secret)
    for content in (b'{"k":"%b","kty":"oct"}' % k.encode(), k.encode(), secret):
        digest = hashlib.new(name, content)
        encoded, hexadecimal = base64.b64encode(digest.digest()).decode(), digest.hexdigest()
        for kid in (
            encoded,
            support.b64(digest.digest()),
            f"urn:ietf:params:oauth:jwk-thumbprint:sha-256:{support.b64(digest.digest())}",
            encoded[:20],
            hexadecimal.upper(),
            digest.digest().hex(":"),
            digest.digest().hex(" "),
            digest.digest().hex("-"),
            hexadecimal[4:20],
            f"kid {hexadecimal}",
        ):
            assert reveals_secret(kid, k), kid


def test_a_python_without_its_own_sha256_uses_openssl(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_sha2", "_sha256"):
        monkeypatch.setitem(sys.modules, name, None)
    made = thumbprint._found_sha256()
    assert made(b"a").digest() == hashlib.sha256(b"a").digest()
