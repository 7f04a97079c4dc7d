"""An encrypted key is worth what others can open, and what nobody can without the passphrase."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwcrypto.jwa
import jwcrypto.jwe
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwe as joserfc_jwe
from joserfc.jwk import OctKey
from jwcrypto.jwk import JWK

from tests import support
from tests.support import header_of, with_header
from trustkeys import InvalidInputError, TrustFrameworkKey, TrustKeysError, testing
from trustkeys.formats.jwe import ROUNDS, decrypt, encrypt

PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def sealed() -> str:
    return encrypt(b"secret text", PASSWORD, cty="jwk+json")


def refused(text: Any, password: Any = PASSWORD) -> TrustKeysError:
    with pytest.raises(InvalidInputError) as caught:
        decrypt(text, password)
    assert "secret text" not in support.all_text_of(caught.value)
    assert PASSWORD not in support.all_text_of(caught.value)
    return caught.value


def test_the_header_says_what_is_promised(sealed: str) -> None:
    header = header_of(sealed)
    assert len(base64.urlsafe_b64decode(header.pop("p2s") + "==")) == 16
    assert header == {
        "alg": "PBES2-HS512+A256KW",
        "enc": "A256GCM",
        "cty": "jwk+json",
        "p2c": 220_000,
    }


def test_joserfc_opens_it_as_it_is(sealed: str) -> None:
    algorithms = ["PBES2-HS512+A256KW", "A256GCM"]
    opened = joserfc_jwe.decrypt_compact(sealed, OctKey.import_key(PASSWORD), algorithms=algorithms)
    assert opened.plaintext == b"secret text"


def test_jwcrypto_opens_it_with_its_limit_raised(
    sealed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwcrypto.jwa, "default_max_pbkdf2_iterations", ROUNDS)
    token = jwcrypto.jwe.JWE(algs=["PBES2-HS512+A256KW", "A256GCM"])
    token.deserialize(sealed, JWK.from_password(PASSWORD))
    assert token.payload == b"secret text"


def test_it_opens_what_jwcrypto_and_joserfc_make(monkeypatch: pytest.MonkeyPatch) -> None:
    header = {"alg": "PBES2-HS512+A256KW", "enc": "A256GCM", "p2c": 8192}
    token = jwcrypto.jwe.JWE(
        b"theirs",
        json.dumps({"alg": "PBES2-HS512+A256KW", "enc": "A256GCM"}),
        algs=["PBES2-HS512+A256KW", "A256GCM"],
    )
    token.add_recipient(JWK.from_password(PASSWORD))
    assert decrypt(token.serialize(compact=True), PASSWORD) == b"theirs"
    theirs = joserfc_jwe.encrypt_compact(
        header,
        b"theirs",
        OctKey.import_key(PASSWORD),
        algorithms=["PBES2-HS512+A256KW", "A256GCM"],
    )
    assert decrypt(theirs, PASSWORD) == b"theirs"


@pytest.mark.usefixtures("test_keys_allowed")
def test_a_key_comes_back_whole() -> None:
    key = testing.rsa_key(0)
    text = encrypt(json.dumps(key.to_jwk(private=True)).encode(), PASSWORD, cty="jwk+json")
    assert TrustFrameworkKey.from_jwk(decrypt(text + "\n", PASSWORD)) == key
    assert TrustFrameworkKey.from_jwk(decrypt(text.encode(), PASSWORD)) == key


def test_what_is_encrypted_is_bytes() -> None:
    with pytest.raises(InvalidInputError, match="must be bytes, not a string"):
        encrypt("text", PASSWORD, cty="jwk+json")  # type: ignore[arg-type]


@settings(max_examples=5)
@given(plaintext=st.binary(max_size=99), password=st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_text_is_a_passphrase_and_any_bytes_are_a_secret(
    plaintext: bytes, password: str
) -> None:
    assert decrypt(encrypt(plaintext, password, cty="jwk+json"), password) == plaintext


def test_equal_secrets_do_not_look_equal(sealed: str) -> None:
    again = encrypt(b"secret text", PASSWORD, cty="jwk+json")
    assert not set(sealed.split(".")) & set(again.split("."))


def test_a_passphrase_is_the_same_on_every_keyboard() -> None:
    text = encrypt(b"x", "caf\u00e9", cty="jwk+json")
    assert decrypt(text, "cafe\u0301") == b"x"


@pytest.mark.parametrize("password", ["", None, b"bytes", 5, "\ud800"])
def test_a_passphrase_that_is_none_is_refused_both_ways(sealed: str, password: Any) -> None:
    assert refused(sealed, password).target == "password"
    with pytest.raises(InvalidInputError):
        encrypt(b"x", password, cty="jwk+json")


def test_a_wrong_passphrase_is_one_clear_error(sealed: str) -> None:
    error = refused(sealed, PASSWORD + " ")
    assert "passphrase is wrong" in error.message
    assert error.target == "password"


@pytest.mark.parametrize(
    ("changes", "target"),
    [
        ({"alg": "dir"}, None),
        ({"alg": "PBES2-HS256+A128KW"}, None),
        ({"alg": ...}, None),
        ({"enc": "A128GCM"}, None),
        ({"enc": "A256CBC-HS512"}, None),
        ({"zip": "DEF"}, "zip"),
        ({"crit": ["exp"]}, "crit"),
        ({"p2c": True}, "p2c"),
        ({"p2c": 999}, "p2c"),
        ({"p2c": 600_001}, "p2c"),
        ({"p2c": 2**200}, "p2c"),
        ({"p2c": -1}, "p2c"),
        ({"p2c": 220_000.0}, "p2c"),
        ({"p2c": "220000"}, "p2c"),
        ({"p2c": ...}, "p2c"),
        ({"p2s": ...}, "p2s"),
        ({"p2s": "AAAAAAA"}, "p2s"),
        ({"p2s": "=" * 24}, "p2s"),
        ({"p2s": 5}, "p2s"),
    ],
)
def test_a_header_that_asks_for_something_else_is_refused_before_any_work(
    sealed: str, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], target: str | None
) -> None:
    monkeypatch.setattr("trustkeys.formats.jwe._derive", None)
    assert refused(with_header(sealed, **changes)).target == target


def test_a_header_that_was_changed_is_found_out(sealed: str) -> None:
    assert "text was changed" in refused(with_header(sealed, cty="jwk-set+json")).message


def test_every_truncation_is_refused(sealed: str) -> None:
    whole = sealed.rindex(".")
    for length in [*range(0, whole, 7), whole, whole + 1, len(sealed) - 1]:
        refused(sealed[:length])


@pytest.mark.parametrize("part", range(5))
def test_a_changed_part_is_refused(sealed: str, part: int) -> None:
    parts = sealed.split(".")
    middle = len(parts[part]) // 2
    flipped = "A" if parts[part][middle] != "A" else "B"
    parts[part] = parts[part][:middle] + flipped + parts[part][middle + 1 :]
    refused(".".join(parts))


@pytest.mark.parametrize("part", range(1, 5))
def test_a_missing_or_a_spare_part_is_refused(sealed: str, part: int) -> None:
    parts = sealed.split(".")
    refused(".".join([*parts[:part], "", *parts[part + 1 :]]))
    refused(".".join(parts[:part] + parts[part + 1 :]))
    refused(".".join([*parts, parts[part]]))


@pytest.mark.parametrize(
    "text",
    ["", ".", "....", "{}", "é.é.é.é.é", b"\xff.", "a.b.c.d.e", "." * 99, " " * 2**25, None, 5],
    ids=lambda text: repr(text)[:9],
)
def test_what_is_no_jwe_is_refused(text: Any) -> None:
    assert "compact JWE" in refused(text).message
