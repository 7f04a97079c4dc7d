"""One key is at most 64 KiB, in whatever it comes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.formats.helpers import refused
from trustkeys import TrustFrameworkKey, TrustFrameworkKeySet, check_key_set, testing
from trustkeys.core.work import Work
from trustkeys.formats import reading
from trustkeys.formats.jwe import decrypt_key, encrypt, encrypt_key
from trustkeys.formats.opened import OpenedKey

pytestmark = pytest.mark.usefixtures("test_keys_allowed", "unproved")

PASSWORD = "a long passphrase"
CHANGES: dict[str, dict[str, Any]] = {
    "unknown": {"pad": "x" * 70_000},
    "many": {f"m{number}": number for number in range(9_000)},
    "modulus": {"n": "A" * 70_000},
    "certificates": {"x5c": ["A" * 70_000]},
    "name": {"x5u": "x" * 70_000},
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_larger_one_is_refused_in_every_door(name: str) -> None:
    jwk = {**testing.rsa_key(0).to_jwk(private=True), **CHANGES[name]}
    text = json.dumps(jwk)
    jwe = encrypt(text.encode(), password=PASSWORD, cty="jwk+json")
    doors: list[Any] = [
        lambda: TrustFrameworkKey.from_jwk(jwk),
        lambda: TrustFrameworkKey.from_jwk(text),
        lambda: OpenedKey.from_jwk(jwk),
        lambda: reading.read_key(text.encode()),
        lambda: reading.read_key(text.encode("utf-16")),
        lambda: reading.read_key(json.dumps(text).encode()),
        lambda: decrypt_key(jwe, password=PASSWORD),
        lambda: reading.read_key(jwe.encode(), password=PASSWORD),
        lambda: TrustFrameworkKeySet.from_jwks({"id": "a", "keys": [jwk]}),
        lambda: encrypt_key(testing.rsa_key(1), to=text),
        lambda: encrypt_key(testing.rsa_key(1), to={**jwk, "use": "enc"}),
    ]
    for door in doors:
        assert "than 65536 bytes" in refused(door).message
    found = check_key_set({"id": "a", "keys": [jwk]})
    assert any("than 65536 bytes" in each.message for each in found)


def test_primes_beyond_the_budget_of_a_document_are_said_to_be_untested(
    real_key: TrustFrameworkKey,
) -> None:
    jwk = real_key.to_jwk(private=True)
    with pytest.warns(UserWarning, match="its primes were not tested"):
        assert OpenedKey.from_jwk(jwk, work=Work(proofs=0)).key() == real_key
    assert OpenedKey.from_jwk(jwk).remarks == ()


@pytest.mark.parametrize(("use", "operation"), [("enc", "decrypt"), ("sig", "sign")])
def test_a_key_is_opened_for_the_use_that_its_operations_have(use: str, operation: str) -> None:
    jwk = {**testing.rsa_key(0).to_jwk(private=True), "key_ops": [operation]}
    del jwk["use"]
    opened = OpenedKey.from_jwk(jwk)
    assert opened.key(use=use).use == use
    error = refused(opened.key, use="sig" if use == "enc" else "enc")
    assert (error.code, error.target) == ("AADB2C95034", "key_ops")
