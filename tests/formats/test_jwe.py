"""JWE to a passphrase: other tools open it with the passphrase, nobody without it."""

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

from tests import shortcuts, support
from tests.support import header_of, with_header
from trustkeys import InvalidInputError, TrustFrameworkKey, TrustKeysError, testing
from trustkeys.errors import MissingPassphraseError, NotEncryptedError, WrongPassphraseError
from trustkeys.formats.jwe import decrypt, decrypt_key, encrypt, encrypt_key

PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def encrypted() -> str:
    with shortcuts.documented_rounds():
        return encrypt(b"secret text", password=PASSWORD, cty="jwk+json")


def refused(text: Any, password: Any = PASSWORD) -> TrustKeysError:
    with pytest.raises(InvalidInputError) as caught:
        decrypt(text, password=password)
    assert "secret text" not in support.all_text_of(caught.value)
    assert PASSWORD not in support.all_text_of(caught.value)
    return caught.value


def test_the_header_names_the_documented_algorithms(encrypted: str) -> None:
    header = header_of(encrypted)
    assert len(base64.urlsafe_b64decode(header.pop("p2s") + "==")) == 16
    assert header == {
        "alg": "PBES2-HS512+A256KW",
        "enc": "A256GCM",
        "cty": "jwk+json",
        "p2c": 220_000,
    }


def test_joserfc_opens_it_without_any_setting(encrypted: str) -> None:
    algorithms = ["PBES2-HS512+A256KW", "A256GCM"]
    opened = joserfc_jwe.decrypt_compact(
        encrypted, OctKey.import_key(PASSWORD), algorithms=algorithms
    )
    assert opened.plaintext == b"secret text"


def test_jwcrypto_opens_it_with_its_limit_raised(
    encrypted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwcrypto.jwa, "default_max_pbkdf2_iterations", 220_000)
    token = jwcrypto.jwe.JWE(algs=["PBES2-HS512+A256KW", "A256GCM"])
    token.deserialize(encrypted, JWK.from_password(PASSWORD))
    assert token.payload == b"secret text"


def test_it_opens_jwes_of_jwcrypto_and_joserfc(monkeypatch: pytest.MonkeyPatch) -> None:
    header = {"alg": "PBES2-HS512+A256KW", "enc": "A256GCM", "p2c": 8192}
    token = jwcrypto.jwe.JWE(
        b"theirs",
        json.dumps({"alg": "PBES2-HS512+A256KW", "enc": "A256GCM"}),
        algs=["PBES2-HS512+A256KW", "A256GCM"],
    )
    token.add_recipient(JWK.from_password(PASSWORD))
    assert decrypt(token.serialize(compact=True), password=PASSWORD) == b"theirs"
    theirs = joserfc_jwe.encrypt_compact(
        header,
        b"theirs",
        OctKey.import_key(PASSWORD),
        algorithms=["PBES2-HS512+A256KW", "A256GCM"],
    )
    assert decrypt(theirs, password=PASSWORD) == b"theirs"


@pytest.mark.deep
@pytest.mark.usefixtures("test_keys_allowed")
def test_a_key_keeps_all_its_members() -> None:
    key = testing.rsa_key(0)
    text = encrypt_key(key, password=PASSWORD)
    assert header_of(text)["cty"] == "jwk+json"
    assert decrypt_key(text + "\n", password=PASSWORD) == key
    assert decrypt_key(text.encode(), password=PASSWORD) == key
    assert TrustFrameworkKey.from_jwk(decrypt(text, password=PASSWORD)) == key
    with pytest.raises(InvalidInputError, match="no private part"):
        encrypt_key(key.public(), password=PASSWORD)


def test_a_plaintext_of_another_type_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="must be bytes, not a string"):
        encrypt("text", password=PASSWORD, cty="jwk+json")  # type: ignore[arg-type]


@pytest.mark.deep
@settings(max_examples=5)
@given(plaintext=st.binary(max_size=99), password=st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_bytes_and_any_passphrase_are_accepted(plaintext: bytes, password: str) -> None:
    assert (
        decrypt(encrypt(plaintext, password=password, cty="jwk+json"), password=password)
        == plaintext
    )


def test_two_encryptions_of_the_same_secret_have_nothing_in_common(encrypted: str) -> None:
    again = encrypt(b"secret text", password=PASSWORD, cty="jwk+json")
    assert not set(encrypted.split(".")) & set(again.split("."))


@pytest.mark.deep
def test_a_passphrase_is_normalised() -> None:
    # macOS and Windows can compose the same characters in different ways.
    text = encrypt(b"x", password="caf\u00e9", cty="jwk+json")
    assert decrypt(text, password="cafe\u0301") == b"x"


@pytest.mark.parametrize("password", ["", None, b"bytes", 5, "\ud800"])
def test_an_invalid_passphrase_is_refused_both_ways(encrypted: str, password: Any) -> None:
    assert refused(encrypted, password).target == "password"
    with pytest.raises(InvalidInputError):
        encrypt(b"x", password=password, cty="jwk+json")


def test_a_wrong_passphrase_has_an_error_of_its_own(encrypted: str) -> None:
    error = refused(encrypted, PASSWORD + " ")
    assert isinstance(error, WrongPassphraseError)
    assert "passphrase is wrong" in error.message
    assert error.target == "password"


@pytest.mark.parametrize(
    ("changes", "target"),
    [
        ({"alg": "dir"}, "alg"),
        ({"alg": "PBES2-HS1+A128KW"}, "alg"),
        ({"alg": ...}, "alg"),
        ({"alg": ["PBES2-HS512+A256KW"]}, "alg"),
        ({"enc": "A128CTR"}, "enc"),
        ({"enc": ...}, "enc"),
        ({"enc": ["A256GCM"]}, "enc"),
        ({"zip": "DEF"}, "zip"),
        ({"crit": ["exp"]}, "crit"),
        ({"p2c": True}, "p2c"),
        ({"p2c": 999}, "p2c"),
        ({"p2c": 1_000_001}, "p2c"),
        ({"p2c": 2**200}, "p2c"),
        ({"p2c": -1}, "p2c"),
        ({"p2c": 220_000.5}, "p2c"),
        ({"p2c": "220000"}, "p2c"),
        ({"p2c": ...}, "p2c"),
        ({"p2s": ...}, "p2s"),
        ({"p2s": "AAAAAAA"}, "p2s"),
        ({"p2s": "=" * 24}, "p2s"),
        ({"p2s": 5}, "p2s"),
    ],
)
def test_a_hostile_header_is_refused_before_the_key_derivation(
    encrypted: str, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], target: str | None
) -> None:
    monkeypatch.setattr("trustkeys.formats.pbes2.derive", None)
    assert refused(with_header(encrypted, **changes)).target == target


def test_a_changed_header_is_refused(encrypted: str) -> None:
    assert "content was changed" in refused(with_header(encrypted, cty="jwk-set+json")).message


def test_every_truncation_is_refused(encrypted: str) -> None:
    whole = encrypted.rindex(".")
    for length in [*range(0, whole, 7), whole, whole + 1, len(encrypted) - 1]:
        refused(encrypted[:length])


@pytest.mark.parametrize("part", range(5))
def test_a_changed_part_is_refused(encrypted: str, part: int) -> None:
    parts = encrypted.split(".")
    middle = len(parts[part]) // 2
    flipped = "A" if parts[part][middle] != "A" else "B"
    parts[part] = parts[part][:middle] + flipped + parts[part][middle + 1 :]
    refused(".".join(parts))


@pytest.mark.parametrize("part", range(1, 5))
def test_a_missing_or_a_spare_part_is_refused(encrypted: str, part: int) -> None:
    parts = encrypted.split(".")
    refused(".".join([*parts[:part], "", *parts[part + 1 :]]))
    refused(".".join(parts[:part] + parts[part + 1 :]))
    refused(".".join([*parts, parts[part]]))


@pytest.mark.usefixtures("test_keys_allowed")
def test_a_passphrase_and_a_recipient_are_told_apart(encrypted: str) -> None:
    recipient = testing.rsa_key(1, use="enc")
    sealed = encrypt(b"secret text", to=recipient, cty="jwk+json")
    for options, kind, target in (
        ({}, MissingPassphraseError, "password"),
        ({"password": PASSWORD, "with_key": recipient}, InvalidInputError, "with_key"),
        ({"with_key": recipient}, InvalidInputError, "with_key"),
    ):
        with pytest.raises(kind) as caught:
            decrypt(encrypted, **options)
        assert caught.value.target == target
    with pytest.raises(NotEncryptedError):
        decrypt(sealed, password=PASSWORD)
    with pytest.raises(InvalidInputError, match="sealed to the key of a recipient") as missing:
        decrypt(sealed)
    assert missing.value.target == "with_key"
    with pytest.raises(InvalidInputError, match="not both") as both:
        encrypt(b"x", password=PASSWORD, to=recipient, cty="jwk+json")
    assert both.value.target == "to"


@pytest.mark.parametrize(
    "text",
    ["", ".", "....", "{}", "é.é.é.é.é", b"\xff.", "a.b.c.d.e", "." * 99, " " * 2**25, None, 5],
    ids=lambda text: repr(text)[:9],
)
def test_text_that_is_no_jwe_is_refused(text: Any) -> None:
    assert " a JWE" in refused(text).message


@pytest.mark.parametrize("content", [b"secret text", b"[]", b'{"kty": "RSA", "kty": "RSA"}'])
def test_a_jwe_that_holds_no_json_object_has_the_code_of_a_malformed_jwk(content: bytes) -> None:
    text = encrypt(content, password=PASSWORD, cty="jwk+json")
    with pytest.raises(InvalidInputError) as caught:
        decrypt_key(text, password=PASSWORD)
    assert caught.value.code == "AADB2C95026"
    assert "secret" not in support.all_text_of(caught.value)
