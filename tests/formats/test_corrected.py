"""Numbers of a JWK that are right, and spelled as other programs spell them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustkeys import InvalidInputError, TrustFrameworkKey, TrustFrameworkKeySet, testing
from trustkeys.formats.answers import parse_document
from trustkeys.formats.corrected import corrected
from trustkeys.formats.opened import OpenedKey

NAMES = ["n", "e", "d", "p", "q", "dp", "dq", "qi"]


def octets(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@given(
    names=st.sets(st.sampled_from(NAMES), min_size=1),
    zeros=st.integers(0, 3),
    is_standard=st.booleans(),
)
def test_every_spelling_of_the_numbers_is_the_same_key(
    names: set[str], zeros: int, is_standard: bool
) -> None:
    right = testing.rsa_key(3).to_jwk(private=True)
    encode = base64.b64encode if is_standard else base64.urlsafe_b64encode
    jwk = {**right, **{name: encode(bytes(zeros) + octets(right[name])).decode() for name in names}}
    found, remarks = corrected(jwk)
    assert found == right
    assert bool(remarks) == (jwk != right)
    if jwk != right:
        with pytest.raises(InvalidInputError):
            TrustFrameworkKey.from_jwk(jwk)


def test_a_corrected_key_warns_and_has_the_thumbprint_of_the_right_one() -> None:
    key = testing.rsa_key(3)
    jwk = {**key.to_jwk(private=True), "kid": None}
    jwk["n"] = base64.urlsafe_b64encode(b"\0" + octets(jwk["n"])).decode().rstrip("=")
    with pytest.warns(UserWarning, match="n had leading zero octets"):
        assert OpenedKey.from_jwk(jwk).key() == key
    with pytest.warns(UserWarning, match="key 1: n had leading zero octets"):
        assert [*TrustFrameworkKeySet.from_jwks({"id": "a", "keys": [jwk]})] == [key]


def test_a_secret_keeps_its_zero_octets() -> None:
    jwk = {"kty": "oct", "k": base64.b64encode(b"\0\0\xff\xfe" * 8).decode()}
    found, (remark,) = corrected(jwk)
    assert octets(found["k"]) == b"\0\0\xff\xfe" * 8
    assert remark.startswith("k was not base64url")


@pytest.mark.parametrize("jwk", [{"kty": "EC", "n": "AA=="}, {"kty": "RSA", "n": 5, "e": "!!"}, {}])
def test_what_else_is_wrong_stays(jwk: dict[str, Any]) -> None:
    assert corrected(jwk) == (jwk, [])


# --- what is in answers of others


def test_a_key_of_key_vault_is_read() -> None:
    jwk = testing.rsa_key(3).to_jwk()
    kid = "https://a.vault.azure.net/keys/a/1"
    key = {"kid": kid, "kty": "RSA-HSM", "n": jwk["n"], "e": "AQAB", "key_ops": ["sign", "decrypt"]}
    rest = {"attributes": {"nbf": 5, "exp": 9, "enabled": True}, "tags": {}}
    found = OpenedKey.from_jwk(parse_document(json.dumps({"key": key, **rest}), what="it"))
    assert found.key(use="sig").to_jwk() == {**jwk, "kid": kid, "nbf": 5, "exp": 9}
    # As the command az prints it.
    start, end = "1970-01-01T00:00:05+00:00", "1970-01-01T00:00:09+00:00"
    standard = base64.b64encode(octets(jwk["n"])).decode()
    for expires, exp in ((end, {"exp": 9}), (None, {})):
        dates = {"notBefore": start, "expires": expires}
        document = {"key": {**key, "n": standard, "d": None}, "attributes": dates}
        found = OpenedKey.from_jwk(parse_document(json.dumps(document), what="it"))
        with pytest.warns(UserWarning, match="n was not base64url"):
            assert found.key(use="sig").to_jwk() == {**jwk, "kid": kid, "nbf": 5, **exp}


@pytest.mark.parametrize("key", [{}, {"kty": None}, {"kty": 5}, {"kty": "EC-HSM", "n": "AQAB"}])
def test_an_answer_of_key_vault_without_an_rsa_key_is_refused(key: dict[str, Any]) -> None:
    document = parse_document(json.dumps({"key": key, "attributes": {}}), what="it")
    with pytest.raises(InvalidInputError, match="kty"):
        OpenedKey.from_jwk(document)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"issuer": "x", "jwks_uri": "https://a.example/k"}, "jwks_uri (https://a.example/k)"),
        ({"jwks_uri": "x" * 999}, "download its jwks_uri"),
        ({"value": "MII=", "contentType": "application/x-pkcs12"}, "secret of Azure Key Vault"),
        ({"private_key": "-----BEGIN PRIVATE KEY-----\n"}, "PEM in its member 'private_key'"),
        ({"kty": "oct", "pad": "x" * 70_000}, "larger than 65536 bytes"),
    ],
)
def test_json_that_is_no_key_is_named(document: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_document(json.dumps(document), what="the file")
    assert message in caught.value.message
