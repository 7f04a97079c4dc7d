"""JWEs of other programs: every algorithm and serialisation is read, or refused by its name."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from hypothesis import given, settings
from hypothesis import strategies as st
from jwcrypto.jwe import JWE
from jwcrypto.jwk import JWK

import trustkeys
from tests import support
from tests.formats.helpers import refused
from trustkeys import store
from trustkeys.core.base64url import base64url_encode
from trustkeys.errors import NotEncryptedError, WrongPassphraseError
from trustkeys.formats.algorithms import PASSPHRASE, RECIPIENT
from trustkeys.formats.envelope import MAX_RECIPIENTS, SIZES
from trustkeys.formats.jwe import decrypt, decrypt_key, encrypt, is_jwe_text, parse
from trustkeys.formats.pbes2 import MAX_ROUNDS, derive
from trustkeys.formats.reading import read_key, recognise

PASSWORD = "correct horse battery staple"
FILES = support.ROOT / "tests" / "formats" / "files"
TEXT = b'{"kty":"oct"}'

SYMMETRIC = {
    "dir": None,
    "A128KW": 128,
    "A192KW": 192,
    "A256KW": 256,
    "A128GCMKW": 128,
    "A192GCMKW": 192,
    "A256GCMKW": 256,
}
FORMS = ["compact", "flattened", "general"]


@pytest.fixture(scope="module")
def rsa() -> JWK:
    return JWK.generate(kty="RSA", size=2048)


def written(
    alg: str, enc: str, form: str, key: JWK, *, place: str = "protected", aad: bytes | None = None
) -> str:
    headers: dict[str, Any] = {place: json.dumps({"alg": alg, "enc": enc})}
    token = JWE(TEXT, **headers, aad=aad, algs=[alg, enc])
    token.add_recipient(key)
    text = token.serialize(compact=form == "compact")
    assert isinstance(text, str)
    if form == "general":
        parts = json.loads(text)
        names = [name for name in ("header", "encrypted_key") if name in parts]
        recipient = {name: parts.pop(name) for name in names}
        text = json.dumps({**parts, "recipients": [recipient]})
    return text


@pytest.mark.parametrize(("alg", "enc", "form"), support.combinations(PASSPHRASE, SIZES, FORMS))
def test_every_passphrase_algorithm_is_read(alg: str, enc: str, form: str) -> None:
    text = written(alg, enc, form, JWK.from_password(PASSWORD))
    assert decrypt(text, password=PASSWORD) == decrypt(text.encode(), password=PASSWORD) == TEXT
    assert parse(text).description.endswith("encrypted to a passphrase")
    assert recognise(text.encode()).protection == "passphrase"
    assert is_jwe_text(text.encode())
    with pytest.raises(WrongPassphraseError):
        decrypt(text, password="wrong")


@pytest.mark.parametrize(("kty", "enc", "form"), support.combinations(RECIPIENT, SIZES, FORMS))
def test_every_recipient_algorithm_is_read(rsa: JWK, kty: str, enc: str, form: str) -> None:
    for alg in RECIPIENT[kty]:
        key = rsa if kty == "RSA" else JWK.generate(kty="EC", crv="P-384")
        text = written(alg, enc, form, key)
        assert decrypt(text, with_key=key.export(as_dict=True)) == TEXT
        assert recognise(text.encode()).protection == "recipient"
        other = JWK.generate(kty="EC", crv="P-384").export(as_dict=True)
        assert refused(decrypt, text, with_key=other).target == "with_key"


@pytest.mark.parametrize(("alg", "form"), support.combinations(SYMMETRIC, FORMS))
def test_a_symmetric_key_is_named(alg: str, form: str) -> None:
    key = JWK.generate(kty="oct", size=SYMMETRIC[alg] or 256)
    text = written(alg, "A256GCM", form, key)
    for options in ({}, {"password": PASSWORD}):
        assert f"a symmetric key ({alg})" in refused(decrypt, text, **options).message
    assert f"a symmetric key ({alg})" in recognise(text.encode()).description


def test_an_unsafe_or_unknown_algorithm_is_named(rsa: JWK) -> None:
    text = written("RSA1_5", "A256GCM", "compact", rsa)
    error = refused(decrypt, text, with_key=rsa.export(as_dict=True))
    assert "RSA1_5, which is unsafe" in error.message
    error = refused(decrypt, support.with_header(text, alg="ECDH-1PU"))
    assert "alg ECDH-1PU, which is not read" in error.message
    secret = "a secret in the wrong place"
    assert secret not in refused(decrypt, support.with_header(text, alg=secret)).message
    assert secret not in parse(support.with_header(text, alg=secret)).description


@pytest.mark.parametrize("place", ["protected", "unprotected"])
@pytest.mark.parametrize("aad", [None, b"more that is authenticated"])
def test_headers_and_additional_data_are_read_wherever_they_are(
    place: str, aad: bytes | None
) -> None:
    form, key = "flattened", JWK.from_password(PASSWORD)
    text = written(PASSPHRASE[0], "A128CBC-HS256", form, key, place=place, aad=aad)
    assert decrypt(text, password=PASSWORD) == TEXT
    if aad is not None:
        changed = json.dumps({**support.parse(text), "aad": "AAAA"})
        assert "content was changed" in refused(decrypt, changed, password=PASSWORD).message


def test_the_example_of_rfc_7517_appendix_c_is_decrypted() -> None:
    data = (FILES / "rfc7517-c.jwe").read_bytes()
    secret = "Thus from my lips, by yours, my sin is purged."
    expected = (FILES / "rfc7517-c.jwk").read_bytes()  # appendix C.1, without line breaks
    assert decrypt(data, password=secret) == expected.rstrip()
    assert read_key(data, password=secret) == trustkeys.TrustFrameworkKey.from_jwk(expected)


def test_each_of_several_recipients_opens_it(rsa: JWK) -> None:
    curve = JWK.generate(kty="EC", crv="P-256")
    token = JWE(TEXT, json.dumps({"enc": "A256GCM"}))
    for alg, key in (
        ("A256KW", JWK.generate(kty="oct", size=256)),
        ("RSA-OAEP", JWK.generate(kty="RSA", size=2048)),
        ("ECDH-ES+A128KW", JWK.generate(kty="EC", crv="P-384")),
        ("RSA-OAEP-256", rsa),
        ("ECDH-ES+A256KW", curve),
        ("PBES2-HS256+A128KW", JWK.from_password("another")),
        ("PBES2-HS512+A256KW", JWK.from_password(PASSWORD)),
    ):
        token.add_recipient(key, json.dumps({"alg": alg, "kid": "x"}))
    text = token.serialize()
    assert decrypt(text, password=PASSWORD) == decrypt(text, password="another") == TEXT
    for key in (rsa, curve):
        assert decrypt(text, with_key=key.export(as_dict=True)) == TEXT
    assert parse(text).protection == "passphrase"
    other = JWK.generate(kty="EC", crv="P-521").export(as_dict=True)
    assert refused(decrypt, text, with_key=other).target == "epk"


def test_the_names_of_both_parties_are_part_of_the_key_agreement() -> None:
    key = JWK.generate(kty="EC", crv="P-256")
    parties = {"apu": "QWxpY2U", "apv": "Qm9i"}  # RFC 7518 section 4.6.1
    token = JWE(TEXT, json.dumps({"alg": "ECDH-ES", "enc": "A256GCM", **parties}))
    token.add_recipient(key)
    assert decrypt(token.serialize(compact=True), with_key=key.export(as_dict=True)) == TEXT


@pytest.mark.parametrize("opened_by", ["password", "with_key"])
def test_a_content_key_of_another_length_opens_nothing(rsa: JWK, opened_by: str) -> None:
    """Else a JWE with A256GCM in its header could be encrypted with AES-128."""
    cek, salt = bytes(16), bytes(16)
    if opened_by == "password":
        alg, given = PASSPHRASE[0], dict[str, Any](password=PASSWORD)
        wrapped = aes_key_wrap(derive(alg, PASSWORD.encode(), salt, 1000), cek)
    else:
        alg, given = "RSA-OAEP-256", dict[str, Any](with_key=rsa.export(as_dict=True))
        public: Any = rsa.get_op_key("wrapKey")
        wrapped = public.encrypt(cek, OAEP(MGF1(hashes.SHA256()), hashes.SHA256(), None))
    protected = base64url_encode(json.dumps({"alg": alg, "enc": "A256GCM"}).encode())
    sealed = AESGCM(cek).encrypt(bytes(12), TEXT, protected.encode())
    document = {
        "protected": protected,
        "unprotected": {"p2s": base64url_encode(salt), "p2c": 1000},
        "encrypted_key": base64url_encode(wrapped),
        "iv": base64url_encode(bytes(12)),
        "ciphertext": base64url_encode(sealed[:-16]),
        "tag": base64url_encode(sealed[-16:]),
    }
    assert "was changed" in refused(decrypt, json.dumps(document), **given).message


def test_the_kid_is_only_a_hint(rsa: JWK) -> None:
    token = JWE(TEXT, json.dumps({"alg": "RSA-OAEP", "enc": "A256GCM", "kid": "another"}))
    token.add_recipient(rsa)
    text = token.serialize(compact=True)
    assert decrypt(text, with_key={**rsa.export(as_dict=True), "kid": "mine"}) == TEXT


def test_a_passphrase_is_tried_in_normal_form_and_as_typed() -> None:
    typed = "cafe\u0301"
    text = written(PASSPHRASE[0], "A256GCM", "compact", JWK.from_password(typed))
    assert decrypt(text, password=typed) == TEXT
    with pytest.raises(WrongPassphraseError):
        decrypt(text, password="caf\u00e9")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"recipients": []}, "a list of objects"),
        ({"recipients": [1]}, "a list of objects"),
        ({"recipients": [{}] * (MAX_RECIPIENTS + 1)}, f"at most {MAX_RECIPIENTS} recipients"),
        ({"header": {"alg": "dir"}}, "a member twice"),
        ({"unprotected": {"enc": "A128GCM"}}, "a member twice"),
        ({"unprotected": 5}, "must be an object"),
        ({"protected": 5}, "must be base64url"),
        ({"protected": "e30="}, "not a JWE"),
        ({"protected": ""}, "missing or no name"),
        ({"iv": "AAAA"}, "cut off"),
        ({"tag": None}, "cut off"),
        ({"ciphertext": None}, "not a JWE"),
        ({"aad": "\u00e9"}, "not a JWE"),
    ],
)
def test_json_that_breaks_the_rules_is_refused(changes: dict[str, Any], message: str) -> None:
    names = ("protected", "encrypted_key", "iv", "ciphertext", "tag")
    whole = encrypt(b"{}", password=PASSWORD, cty="jwk+json").split(".")
    document = dict(zip(names, whole, strict=True))
    assert decrypt(json.dumps(document, indent=1), password=PASSWORD) == b"{}"
    assert message in refused(decrypt, json.dumps(document | changes), password=PASSWORD).message
    repeated = {"header": support.header_of(".".join(whole))}
    assert decrypt(json.dumps(document | repeated), password=PASSWORD) == b"{}"
    twice = json.dumps(document)[:-1] + ', "iv": ""}'
    assert "twice" in refused(decrypt, twice, password=PASSWORD).message
    assert not is_jwe_text(twice.encode())


def test_the_rounds_of_all_recipients_have_one_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trustkeys.formats.pbes2.derive", None)
    header = {"alg": PASSPHRASE[2], "enc": "A256GCM", "p2s": "A" * 22, "p2c": MAX_ROUNDS // 2 + 1}
    document = {
        "recipients": [{"header": header, "encrypted_key": "A" * 54}] * 2,
        "iv": "A" * 16,
        "ciphertext": "",
        "tag": "A" * 22,
    }
    error = refused(decrypt, json.dumps(document), password=PASSWORD)
    assert (error.target, "for all recipients together" in error.message) == ("p2c", True)


def test_a_key_set_in_json_serialisation_is_loaded_from_a_file(tmp_path: Any) -> None:
    plaintext = b'{"id": "B2C_1A_Signing", "keys": []}'
    token = JWE(plaintext, json.dumps({"alg": PASSPHRASE[0], "enc": "A256GCM"}))
    token.add_recipient(JWK.from_password(PASSWORD))
    path = tmp_path / "theirs.json"
    path.write_text(token.serialize())
    path.chmod(0o600)
    assert store.is_encrypted(path)
    assert store.load(path, password=PASSWORD).id == "B2C_1A_Signing"


def test_a_member_that_is_called_ciphertext_makes_no_jwe_elsewhere() -> None:
    assert not is_jwe_text(b'{"id": "ciphertext", "keys": [{"ciphertext": 1}]}')
    assert not is_jwe_text(b'{"keys": []}')
    assert not is_jwe_text(b"-----BEGIN")


@settings(max_examples=50)
@given(data=st.binary(max_size=60))
def test_any_text_is_read_or_refused(data: bytes) -> None:
    part = base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    for text in (data, f"{part}.a.a.a.a", json.dumps({"ciphertext": part, "protected": part})):
        refused(decrypt, text, password=PASSWORD)


def test_a_sealed_jwe_needs_no_passphrase(rsa: JWK) -> None:
    text = written("RSA-OAEP", "A256GCM", "flattened", rsa)
    with pytest.raises(NotEncryptedError):
        decrypt(text, password=PASSWORD)
    assert refused(decrypt_key, text, with_key=rsa.export(as_dict=True)).target is not None
