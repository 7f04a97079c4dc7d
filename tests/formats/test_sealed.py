"""A key on its way to a colleague is for that colleague alone."""

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
from tests.support import header_of, with_header
from trustkeys import InvalidInputError, TrustFrameworkKey, testing
from trustkeys.formats.sealed import seal, seal_text, unseal, unseal_text

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


def refused(call: Any, *args: Any, **kwargs: Any) -> InvalidInputError:
    with pytest.raises(InvalidInputError) as caught:
        call(*args, **kwargs)
    assert caught.value.__cause__ is caught.value.__context__ is None
    return caught.value


@pytest.mark.parametrize("kty", ["RSA", "oct"])
def test_only_the_holder_of_the_private_key_gets_it(
    rsa_key: TrustFrameworkKey, recipient: TrustFrameworkKey, kty: str
) -> None:
    key = rsa_key if kty == "RSA" else support.oct_key(1, 2, "disabled", size=512)
    text = seal(key, recipient.public())
    assert unseal(text, recipient) == key
    assert unseal(text.encode() + b"\n", recipient.to_jwk(private=True)) == key
    assert support.leaks(text, key.to_jwk(private=True)) == []
    header = header_of(text)
    assert header == {
        "alg": "RSA-OAEP-256",
        "enc": "A256GCM",
        "cty": "jwk+json",
        "kid": recipient.kid,
    }
    other = testing.rsa_key(2, use="enc")
    assert refused(unseal, text, other).target == "kid"
    # The kid is a hint, and is not what keeps others out.
    named = TrustFrameworkKey.from_jwk(other.to_jwk(private=True), kid=recipient.kid)
    error = refused(unseal, text, named)
    assert (error.target, "another key, or was changed" in error.message) == ("with_key", True)
    assert refused(unseal, text, recipient.public()).message.startswith("unsealing needs")


@pytest.mark.parametrize("crv", CURVES)
def test_keys_of_curves_are_recipients_too(rsa_key: TrustFrameworkKey, crv: str) -> None:
    private = curve_key(crv)
    public = {name: value for name, value in private.items() if name != "d"}
    for to in (public, private, json.dumps(public), json.dumps(public).encode(), JWK(**public)):
        text = seal(rsa_key, to)
        assert header_of(text)["alg"] == "ECDH-ES+A256KW"
        assert header_of(text)["kid"] == "alice"
        assert unseal(text, private) == rsa_key
    nameless = {name: value for name, value in public.items() if name != "kid"}
    text = seal(rsa_key, nameless)
    assert header_of(text)["kid"] == JWK(**nameless).thumbprint()
    # The holder may know it by another name than the one who sealed.
    assert unseal(text, private) == rsa_key


@pytest.mark.usefixtures("clean_registry")
def test_a_registered_key_type_is_a_recipient_as_its_jwk_is(rsa_key: TrustFrameworkKey) -> None:
    namespace: dict[str, Any] = {}
    exec(support.documented_p256(), namespace)
    trustkeys.register_strategy(namespace["p256"])
    key = trustkeys.generate_key("enc", "EC")
    assert unseal(seal(rsa_key, key.public()), key) == rsa_key


def test_any_text_is_sealed_to_the_public_part_alone(recipient: TrustFrameworkKey) -> None:
    text = seal_text(b"{}", recipient, cty="jwk-set+json")
    assert support.leaks(text, recipient.to_jwk(private=True)) == []
    assert header_of(text)["cty"] == "jwk-set+json"
    assert unseal_text(text, recipient) == b"{}"
    assert refused(seal_text, "text", recipient, cty="x").message.startswith("the plaintext must")


def test_who_cannot_be_a_recipient(rsa_key: TrustFrameworkKey) -> None:
    public = {name: value for name, value in curve_key().items() if name != "d"}
    wrong: list[tuple[Any, str]] = [
        (rsa_key, "for enc, and is for sig"),
        (support.oct_key(use="enc"), "must be of kty RSA or EC, not oct"),
        ({**public, "use": "SIG"}, "for enc, and is for sig"),
        ({**public, "use": ["sig"]}, "use must be sig or enc"),
        ({**public, "crv": "secp256k1"}, "on crv P-256"),
        ({**public, "x": public["y"]}, "must have a point x, y"),
        ({"kty": "EC"}, "must have a point x, y"),
        ({"kty": "OKP", "crv": "X25519", "x": "AA"}, "kty must be RSA or oct"),
        ({}, "kty is missing"),
        (5, "a JWK must be JSON text or a mapping"),
        ("[]", "must be a JSON object"),
    ]
    for to, message in wrong:
        assert message in refused(seal, rsa_key, to).message
    weak = JWK.generate(kty="RSA", size=1024).export(as_dict=True)
    assert "2048 to 16384 bits" in refused(seal, rsa_key, weak).message
    # A key need not say that it is for encrypting.
    plain = JWK.generate(kty="RSA", size=2048)
    assert unseal(seal(rsa_key, plain.export_public()), plain) == rsa_key
    assert refused(seal, rsa_key.public(), plain).target == "private"


def test_a_hostile_ephemeral_key_is_refused_before_any_work(
    rsa_key: TrustFrameworkKey, recipient: TrustFrameworkKey
) -> None:
    curve = curve_key()
    text = seal(rsa_key, curve)
    epk = header_of(text)["epk"]
    for changed in (
        {"generate": "RSA", "size": 16384},
        {**epk, "generate": "EC"},
        {**epk, "crv": "P-384"},
        {**epk, "kty": "RSA"},
        {**epk, "x": 5},
        {"kty": "EC"},
        "text",
        None,
    ):
        assert refused(unseal, with_header(text, epk=changed), curve).target == "epk"
    assert (
        refused(unseal, with_header(seal(rsa_key, recipient), epk=epk), recipient).target == "epk"
    )


def test_what_is_sealed_may_be_larger_than_a_key(recipient: TrustFrameworkKey) -> None:
    key = support.oct_key()
    text = json.dumps({**key.to_jwk(private=True), "pad": "x" * 70_000}).encode()
    assert unseal(seal_text(text, recipient, cty="jwk+json"), recipient) == key


def test_what_was_changed_or_is_something_else_is_refused(
    rsa_key: TrustFrameworkKey, recipient: TrustFrameworkKey
) -> None:
    text = seal(rsa_key, recipient)
    for changes, message in (
        ({"alg": "RSA1_5"}, "its header says otherwise"),
        ({"alg": "RSA-OAEP"}, "its header says otherwise"),
        ({"alg": "dir"}, "its header says otherwise"),
        ({"enc": "A128CBC-HS256"}, "its header says otherwise"),
        ({"enc": Ellipsis}, "its header says otherwise"),
        ({"zip": "DEF"}, "must be without zip"),
        ({"crit": ["x"]}, "must be without crit"),
        ({"kid": "other"}, "its kid says so"),
        ({"kid": Ellipsis}, "or was changed"),
        ({"cty": "x"}, "or was changed"),
    ):
        error = refused(unseal, with_header(text, **changes), recipient)
        assert message in error.message
    for number in range(1, 5):
        parts = text.split(".")
        data = base64.urlsafe_b64decode(parts[number] + "==")
        changed = bytes([data[0] ^ 1]) + data[1:]
        parts[number] = base64.urlsafe_b64encode(changed).rstrip(b"=").decode()
        error = refused(unseal, ".".join(parts), recipient)
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
        assert "sealed" in refused(unseal, other, recipient).message


def test_others_open_what_was_sealed_and_seal_what_is_opened(
    rsa_key: TrustFrameworkKey, recipient: TrustFrameworkKey
) -> None:
    jwk = rsa_key.to_jwk(private=True)
    private = recipient.to_jwk(private=True)
    token = jwcrypto.jwe.JWE(algs=ALGORITHMS)
    token.deserialize(seal(rsa_key, recipient), JWK(**private))
    assert json.loads(token.payload) == jwk
    opened = joserfc_jwe.decrypt_compact(
        seal(rsa_key, recipient), RSAKey.import_key(private), algorithms=ALGORITHMS
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
    assert unseal(theirs, curve) == rsa_key
