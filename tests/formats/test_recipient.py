"""A key that is sealed to a colleague: only that colleague can open it."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwcrypto.jwe
import pytest
from joserfc import jwe as joserfc_jwe
from joserfc.jwk import ECKey, RSAKey
from jwcrypto.jwk import JWK

import trustkeys
from tests import support
from tests.formats.helpers import refused
from tests.support import header_of, with_header
from trustkeys import TrustFrameworkKey, testing
from trustkeys.formats.jwe import decrypt, decrypt_key, encrypt, encrypt_key

pytestmark = pytest.mark.usefixtures("test_keys_allowed")

ALGORITHMS = ["RSA-OAEP-256", "ECDH-ES+A256KW", "A256GCM"]
CURVES = ["P-256", "P-384", "P-521"]


@pytest.fixture(scope="module")
def recipient() -> TrustFrameworkKey:
    return testing.rsa_key(1, use="enc")


def curve_key(crv: str = "P-256") -> dict[str, Any]:
    members = JWK.generate(kty="EC", crv=crv, kid="alice").export(as_dict=True)
    assert isinstance(members, dict)
    return members


@pytest.mark.deep
@pytest.mark.parametrize("kty", ["RSA", "oct"])
def test_only_the_private_key_of_the_recipient_opens_it(
    rsa_key: TrustFrameworkKey, recipient: TrustFrameworkKey, kty: str
) -> None:
    key = rsa_key if kty == "RSA" else support.oct_key(1, 2, "disabled", size=512)
    text = encrypt_key(key, to=recipient.public())
    assert decrypt_key(text, with_key=recipient) == key
    assert decrypt_key(text.encode() + b"\n", with_key=recipient.to_jwk(private=True)) == key
    assert support.leaks(text, key.to_jwk(private=True)) == []
    header = header_of(text)
    assert header == {
        "alg": "RSA-OAEP-256",
        "enc": "A256GCM",
        "cty": "jwk+json",
        "kid": recipient.kid,
    }
    other = testing.rsa_key(2, use="enc")
    assert refused(decrypt_key, text, with_key=other).target == "with_key"
    # The kid is only a hint: a key with a forged kid does not open it.
    named = TrustFrameworkKey.from_jwk(other.to_jwk(private=True), kid=recipient.kid)
    error = refused(decrypt_key, text, with_key=named)
    assert (error.target, "another key, or was changed" in error.message) == ("with_key", True)
    assert refused(decrypt_key, text, with_key=recipient.public()).message.startswith(
        "decrypting needs"
    )


@pytest.mark.deep
@pytest.mark.parametrize("crv", CURVES)
def test_an_ec_key_can_be_a_recipient(rsa_key: TrustFrameworkKey, crv: str) -> None:
    private = curve_key(crv)
    public = {name: value for name, value in private.items() if name != "d"}
    for to in (public, private, json.dumps(public), json.dumps(public).encode(), JWK(**public)):
        text = encrypt_key(rsa_key, to=to)
        assert header_of(text)["alg"] == "ECDH-ES+A256KW"
        assert header_of(text)["kid"] == "alice"
        assert decrypt_key(text, with_key=private) == rsa_key
    nameless = {name: value for name, value in public.items() if name != "kid"}
    text = encrypt_key(rsa_key, to=nameless)
    assert header_of(text)["kid"] == JWK(**nameless).thumbprint()
    # The recipient may use another kid for the same key.
    assert decrypt_key(text, with_key=private) == rsa_key


@pytest.mark.usefixtures("clean_registry")
def test_a_key_of_a_registered_type_can_be_a_recipient(rsa_key: TrustFrameworkKey) -> None:
    namespace: dict[str, Any] = {}
    exec(support.documented_p256(), namespace)
    trustkeys.register_strategy(namespace["p256"])
    key = trustkeys.generate_key("enc", "EC")
    assert decrypt_key(encrypt_key(rsa_key, to=key.public()), with_key=key) == rsa_key


def test_sealing_uses_only_the_public_part_of_the_key(recipient: TrustFrameworkKey) -> None:
    text = encrypt(b"{}", to=recipient, cty="jwk-set+json")
    assert support.leaks(text, recipient.to_jwk(private=True)) == []
    assert header_of(text)["cty"] == "jwk-set+json"
    assert decrypt(text, with_key=recipient) == b"{}"
    assert refused(encrypt, "text", to=recipient, cty="x").message.startswith("the plaintext must")


def test_a_key_that_cannot_be_a_recipient_is_refused(rsa_key: TrustFrameworkKey) -> None:
    public = {name: value for name, value in curve_key().items() if name != "d"}
    wrong: list[tuple[Any, str]] = [
        (rsa_key, "for enc, not for sig"),
        (support.oct_key(use="enc"), "must be of kty RSA or EC, not oct"),
        ({**public, "use": "SIG"}, "for enc, not for sig"),
        ({**public, "use": ["sig"]}, "use must be sig or enc"),
        ({**public, "crv": "secp256k1"}, "on crv P-256"),
        (JWK.generate(kty="EC", crv="secp256k1").export(as_dict=True), "on crv P-256"),
        ({**public, "x": public["y"]}, "must have a point x, y"),
        ({"kty": "EC"}, "must have a point x, y"),
        ({"kty": "OKP", "crv": "X25519", "x": "AA"}, "kty must be RSA or oct"),
        ({}, "kty is missing"),
        (5, "the JWK must be JSON text or a mapping"),
        ("[]", "must be a JSON object"),
    ]
    for to, message in wrong:
        assert message in refused(encrypt_key, rsa_key, to=to).message
    error = refused(encrypt_key, rsa_key, to={"kty": "EC"})
    assert (error.code, error.target) == ("AADB2C95034", None)
    for wrong_to, target in ((rsa_key, "use"), (support.oct_key(use="enc"), "kty")):
        assert refused(encrypt_key, rsa_key, to=wrong_to).target == target
    weak = JWK.generate(kty="RSA", size=1024).export(as_dict=True)
    assert "2048 to 16384 bits" in refused(encrypt_key, rsa_key, to=weak).message
    # A recipient's key needs no use.
    plain = JWK.generate(kty="RSA", size=2048)
    assert decrypt_key(encrypt_key(rsa_key, to=plain.export_public()), with_key=plain) == rsa_key
    assert refused(encrypt_key, rsa_key.public(), to=plain).target == "private"


def test_a_hostile_ephemeral_key_is_refused_before_any_work(
    rsa_key: TrustFrameworkKey, recipient: TrustFrameworkKey
) -> None:
    curve = curve_key()
    text = encrypt_key(rsa_key, to=curve)
    epk = header_of(text)["epk"]
    for changed in (
        {"generate": "RSA", "size": 16384},
        {**epk, "crv": "P-384"},
        {**epk, "kty": "RSA"},
        {**epk, "x": 5},
        {"kty": "EC"},
        "text",
        None,
    ):
        assert refused(decrypt_key, with_header(text, epk=changed), with_key=curve).target == "epk"
    # Other members of it are not obeyed, and it means nothing to an RSA key.
    for changed in ({**epk, "generate": "RSA", "size": 16384}, {**epk, "d": epk["x"]}):
        error = refused(decrypt_key, with_header(text, epk=changed), with_key=curve)
        assert "or was changed" in error.message
    foreign = with_header(encrypt_key(rsa_key, to=recipient), epk={"generate": "RSA"})
    assert "or was changed" in refused(decrypt_key, foreign, with_key=recipient).message


def test_the_content_is_no_larger_than_a_jwk(recipient: TrustFrameworkKey) -> None:
    key = support.oct_key()
    text = json.dumps({**key.to_jwk(private=True), "pad": "x" * 70_000}).encode()
    token = encrypt(text, to=recipient, cty="jwk+json")
    with pytest.raises(trustkeys.InvalidInputError, match="larger than 65536 bytes"):
        decrypt_key(token, with_key=recipient)


@pytest.mark.deep
def test_a_changed_or_foreign_jwe_is_refused(
    rsa_key: TrustFrameworkKey, recipient: TrustFrameworkKey
) -> None:
    text = encrypt_key(rsa_key, to=recipient)
    for changes, message, target in (
        ({"alg": "RSA1_5"}, "RSA1_5, which is unsafe", "alg"),
        ({"alg": "RSA-OAEP"}, "or was changed", "with_key"),
        ({"alg": "dir"}, "a symmetric key (dir)", "alg"),
        ({"alg": "ECDH-ES+A256KW"}, "sealed to a key of another type", "with_key"),
        ({"alg": ["RSA-OAEP-256"]}, "alg that is missing or no name", "alg"),
        ({"enc": "A128CBC-HS256"}, "cut off", None),
        ({"enc": Ellipsis}, "enc that is missing", "enc"),
        ({"zip": "DEF"}, "compressed (zip)", "zip"),
        ({"crit": ["x"]}, "extensions (crit)", "crit"),
        ({"kid": "other"}, "or was changed", "with_key"),
        ({"kid": Ellipsis}, "or was changed", "with_key"),
        ({"cty": "x"}, "or was changed", "with_key"),
    ):
        error = refused(decrypt_key, with_header(text, **changes), with_key=recipient)
        assert (error.target, message in error.message) == (target, True)
    for number in range(1, 5):
        parts = text.split(".")
        data = base64.urlsafe_b64decode(parts[number] + "==")
        changed = bytes([data[0] ^ 1]) + data[1:]
        parts[number] = base64.urlsafe_b64encode(changed).rstrip(b"=").decode()
        error = refused(decrypt_key, ".".join(parts), with_key=recipient)
        assert "or was changed" in error.message
        assert support.leaks(support.all_text_of(error), rsa_key.to_jwk(private=True)) == []
    wrong: list[Any] = [
        "",
        "eyJ",
        text[:-40],
        text + ".x",
        "a.b.c.d.e",
        5,
        b"\xff.....",
        "x" * 2**25,
    ]
    for other in wrong:
        assert " a JWE" in refused(decrypt_key, other, with_key=recipient).message


def test_jwcrypto_and_joserfc_exchange_sealed_keys_with_us(
    rsa_key: TrustFrameworkKey, recipient: TrustFrameworkKey
) -> None:
    jwk = rsa_key.to_jwk(private=True)
    private = recipient.to_jwk(private=True)
    token = jwcrypto.jwe.JWE(algs=ALGORITHMS)
    token.deserialize(encrypt_key(rsa_key, to=recipient), JWK(**private))
    assert json.loads(token.payload) == jwk
    opened = joserfc_jwe.decrypt_compact(
        encrypt_key(rsa_key, to=recipient), RSAKey.import_key(private), algorithms=ALGORITHMS
    )
    assert opened.plaintext is not None
    assert json.loads(opened.plaintext) == jwk
    curve = curve_key()
    theirs = joserfc_jwe.encrypt_compact(
        {"alg": "ECDH-ES+A256KW", "enc": "A256GCM"},
        json.dumps(jwk).encode(),
        ECKey.import_key(curve),
        algorithms=ALGORITHMS,
    )
    assert decrypt_key(theirs, with_key=curve) == rsa_key
