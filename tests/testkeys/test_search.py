"""Test keys are found in every open form that trustkeys reads or writes."""

from __future__ import annotations

import base64
import json
import re
import sys

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from hypothesis import given
from hypothesis import strategies as st

import trustkeys
from tests.support import fewer
from trustkeys import testing
from trustkeys.formats import certificates, pem
from trustkeys.testing import allow_test_keys
from trustkeys.testkeys.pool import is_test_secret
from trustkeys.testkeys.search import holds_test_key


def forms(seed: int, size: int) -> dict[str, bytes]:
    key = testing.rsa_key(seed, size=size, nbf=0, exp=2**33)
    own = certificates.self_signed(key, "CN=a")
    jwk = json.dumps(key.to_jwk(private=True))
    secret = json.dumps(testing.oct_key(seed).to_jwk(private=True))
    with allow_test_keys():
        der, text = pem.to_der(key, private=True), pem.to_pem(key, private=True)
    pkcs1 = key.private_key().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    (leaf,) = certificates.certificates_of(own)
    plain = serialization.NoEncryption()
    pfx = serialize_key_and_certificates(None, key.private_key(), leaf, None, plain)
    standard = re.sub(
        '"n": "([^"]*)"',
        lambda n: f'"n": "{base64.b64encode(base64.urlsafe_b64decode(n[1] + "==")).decode()}"',
        jwk,
    )
    return {
        "jwk": jwk.encode(),
        "oct": secret.encode(),
        "lines": f"{secret}\n{jwk}\n".encode(),
        "comma": f"{jwk[:-1]},}}".encode(),
        "standard": standard.encode(),
        "escaped": jwk.replace("-", "\\u002d").replace("_", "\\u005F").encode(),
        "slashes": standard.replace("/", "\\/").encode(),
        "in json": json.dumps({"key": jwk, "pem": text.decode()}).encode(),
        "twice": json.dumps(json.dumps({"pem": text.decode()})).encode(),
        "utf-16": jwk.encode("utf-16"),
        "utf-16 pem": text.decode().encode("utf-16-be"),
        "pem": text,
        "pkcs1": pkcs1,
        "crlf": text.replace(b"\n", b"\r\n  "),
        "der": der,
        "public": pem.to_pem(key),
        "certificate": certificates.to_certificate_pem(own),
        "x5c": json.dumps(own.x5c).encode(),
        "pfx": pfx,
        "pfx in quotes": json.dumps(base64.b64encode(pfx).decode()).encode(),
        "wrapped": re.sub(rb"(.{76})", rb"\1\n", base64.b64encode(der)),
    }


@fewer(5)
@given(
    seed=st.integers(0, 8127),
    size=st.sampled_from([2048, 3072, 4096]),
    before=st.binary(max_size=40),
    after=st.binary(max_size=40),
)
def test_they_are_found_in_other_bytes(seed: int, size: int, before: bytes, after: bytes) -> None:
    for name, data in forms(seed, size).items():
        assert holds_test_key(data), name
        if not name.startswith("utf-16"):
            assert holds_test_key(b"%s\n{%s}\n%s" % (before, data, after)), name


@pytest.mark.parametrize("before", ["A" * count for count in range(6)])
def test_other_base64_may_stand_in_front(before: str) -> None:
    """A key that was pasted behind other text is as public as any other."""
    der = base64.b64encode(forms(5, 2048)["der"]).decode()
    assert holds_test_key(f"'{before}{der}'".encode())


@fewer(5)
@given(seed=st.integers(0, 8127), data=st.data())
def test_any_character_can_be_an_escape(seed: int, data: st.DataObject) -> None:
    """As JSON allows it (RFC 8259 section 7), in either case."""
    form = data.draw(st.sampled_from(["jwk", "oct", "standard", "pem", "wrapped"]))
    escapes = data.draw(st.sampled_from(["\\u%04x", "\\u%04X"]))
    text = forms(seed, 2048)[form].decode()
    assert holds_test_key("".join(escapes % ord(character) for character in text).encode())


def test_escapes_can_be_escaped_once_more() -> None:
    """In JSON that is text in JSON."""
    text = "".join(rf"\u005cu{ord(each):04x}" for each in forms(0, 2048)["jwk"].decode())
    assert holds_test_key(text.encode())


def test_escapes_in_escapes_take_linear_time() -> None:
    """Or a text of a megabyte keeps `encrypt` busy for an hour."""

    def calls(depth: int) -> int:
        counted = 0

        def count(_frame: object, _event: str, _argument: object) -> None:
            nonlocal counted
            counted += 1

        sys.setprofile(count)
        try:
            holds_test_key(b"\\" + b"u005c" * depth)
        finally:
            sys.setprofile(None)
        return counted

    calls(100)  # what is computed once
    assert calls(3000) <= calls(100)


@given(data=st.binary(max_size=600))
def test_other_bytes_have_none(data: bytes) -> None:
    assert not holds_test_key(data)
    assert not holds_test_key(base64.b64encode(data))


def test_a_real_key_is_no_test_key(real_key: trustkeys.TrustFrameworkKey) -> None:
    for data in (pem.to_pem(real_key, private=True), pem.to_der(real_key, private=True)):
        assert not holds_test_key(data)
    assert not holds_test_key(json.dumps(real_key.to_jwk(private=True)).encode())


@pytest.mark.parametrize("length", [0, 31, 2**16 - 1, 2**16, 10**6])
def test_recognition_answers_for_any_length(length: int) -> None:
    assert not is_test_secret(bytes(length))
    assert not holds_test_key(base64.b64encode(bytes(length)))


@given(seed=st.integers(0, 8127), size=st.sampled_from([2048, 3072, 4096]), octet=st.data())
def test_a_modulus_counts_whole(seed: int, size: int, octet: st.DataObject) -> None:
    """Only its end is compared at first."""
    der = pem.to_der(testing.rsa_key(seed, size=size).public())
    n = testing.rsa_key(seed, size=size).public_key().public_numbers().n.to_bytes(size // 8)
    at = der.index(n) + octet.draw(st.integers(1, size // 8 - 9))
    changed = der[:at] + bytes([der[at] ^ 1]) + der[at + 1 :]
    assert holds_test_key(der)
    assert not holds_test_key(changed)
    assert holds_test_key(changed + der)


@pytest.mark.parametrize(
    "piece",
    [
        b"a",
        b"a" * 342 + b",",
        b"a" * 43 + b",",
        b"\x02\x82\x01\x01\x00\xff",
        b"\\u002d",
        b"\\n\0",
        b"a ",
    ],
)
def test_nothing_is_found_in_pieces(piece: bytes) -> None:
    assert not holds_test_key(piece * (2**16 // len(piece)))
