"""A recipient's key in the form that people have: PEM, DER, or a certificate."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from tests.formats.helpers import NOW, PASSWORD, Authority, private_bytes, public_bytes, refused
from tests.formats.test_pem_blocks import block
from tests.support import header_of, openssl
from trustkeys import TrustFrameworkKey
from trustkeys.errors import MissingPassphraseError, NotEncryptedError
from trustkeys.formats import certificates, loaders, pem, plain_keys
from trustkeys.formats.jwe import decrypt, decrypt_key, encrypt, encrypt_key
from trustkeys.formats.key_files import KeyFile
from trustkeys.formats.reading import recognise
from trustkeys.formats.recipient_files import read_recipient

pytestmark = pytest.mark.usefixtures("test_keys_allowed")

CURVES = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
KEYS = {name: ec.generate_private_key(curve) for name, curve in CURVES.items()}


def agreement(*, allowed: bool) -> x509.KeyUsage:
    no = False
    return x509.KeyUsage(not allowed, no, no, no, allowed, no, no, no, no)


@pytest.mark.parametrize(
    "name", ["P-256", *(pytest.param(each, marks=pytest.mark.deep) for each in ("P-384", "P-521"))]
)
def test_every_form_of_the_public_key_seals_for_every_form_of_the_private_one(
    name: str, rsa_key: TrustFrameworkKey, authority: Authority
) -> None:
    key = KEYS[name]
    pkcs8, sec1 = PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL
    public = [public_bytes(key), public_bytes(key, Encoding.DER)]
    leaf = authority.issue("CN=a", key.public_key(), "CN=middle", authority.key)
    own = [leaf.public_bytes(Encoding.PEM), leaf.public_bytes(Encoding.DER)]
    private = [
        private_bytes(key, encoding, form)
        for encoding in (Encoding.PEM, Encoding.DER)
        for form in (pkcs8, sec1)
    ]
    both = [private[0] + public[0], public[0] + private[1], private[0] + own[0]]
    texts = [encrypt_key(rsa_key, to=to) for to in (*public, *own, *private, *both)]
    for number, text in enumerate(texts):
        assert header_of(text)["alg"] == "ECDH-ES+A256KW"
        opener = [*private, *both][number % 7]
        assert decrypt_key(text, with_key=opener) == rsa_key
    encrypted = [
        (Encoding.PEM, pkcs8),
        (Encoding.PEM, sec1),
        (Encoding.DER, pkcs8),
    ]
    for encoding, form in encrypted:
        data = private_bytes(key, encoding, form, PASSWORD)
        assert decrypt_key(texts[0], with_key=read_recipient(data, PASSWORD)) == rsa_key
        with pytest.raises(MissingPassphraseError):
            read_recipient(data)
    for data in (*public, *own):
        with pytest.raises(NotEncryptedError):
            read_recipient(data, PASSWORD)
        assert "private key" in refused(decrypt_key, texts[0], with_key=data).message


def test_an_rsa_key_is_taken_likewise(enc_key: TrustFrameworkKey, authority: Authority) -> None:
    leaf = authority.issue_for(enc_key).public_bytes(Encoding.PEM)
    for data in (pem.to_pem(enc_key), leaf, pem.to_pem(enc_key) + leaf):
        found = read_recipient(data)
        assert isinstance(found, TrustFrameworkKey)
        assert found.kid == enc_key.kid


def test_pem_as_text_and_any_key_in_base64_are_recipients(enc_key: TrustFrameworkKey) -> None:
    """A program has text where it read a file as text or took it from a secret store."""
    public = pem.to_pem(enc_key)
    jwk = json.dumps(enc_key.to_jwk()).encode()
    for to in (public.decode(), base64.b64encode(public), base64.b64encode(jwk)):
        text = encrypt(b"x", cty="a", to=to)
        assert decrypt(text, with_key=pem.to_pem(enc_key, private=True).decode()) == b"x"


def pfx(key: Any, leaf: x509.Certificate | None, password: str | None = PASSWORD) -> bytes:
    locked = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return serialize_key_and_certificates(b"a", key, leaf, None, locked)


def test_a_key_in_pkcs12_is_taken(
    rsa_key: TrustFrameworkKey, enc_key: TrustFrameworkKey, authority: Authority
) -> None:
    curve = KEYS["P-256"]
    leaf = authority.issue("CN=a", curve.public_key(), "CN=middle", authority.key)
    for data in (pfx(curve, leaf), pfx(curve, None), base64.encodebytes(pfx(curve, leaf))):
        key: Any = read_recipient(data, PASSWORD)
        assert key.get("exp") == (certificates.dates_of(leaf)[1] if len(key) == 6 else None)
        assert decrypt_key(encrypt_key(rsa_key, to=key), with_key=key) == rsa_key
        with pytest.raises(MissingPassphraseError):
            read_recipient(data)
        refused(read_recipient, data, "wrong")
    key = read_recipient(pfx(enc_key.private_key(), authority.issue_for(enc_key)), PASSWORD)
    assert key.kid == enc_key.kid
    plain = pfx(curve, leaf, None)
    assert decrypt_key(encrypt_key(rsa_key, to=plain), with_key=plain) == rsa_key
    other = authority.issue("CN=a", KEYS["P-384"].public_key(), "CN=middle", authority.key)
    store = serialize_key_and_certificates(
        None, curve, None, [other], BestAvailableEncryption(PASSWORD.encode())
    )
    message = refused(read_recipient, store, PASSWORD).message
    assert "none of the certificates is for this key" in message
    store = pfx(ed25519.Ed25519PrivateKey.generate(), None)
    assert "and it is an Ed25519 key" in refused(read_recipient, store, PASSWORD).message


def test_of_several_certificates_the_right_one_is_taken(authority: Authority) -> None:
    key = KEYS["P-256"]
    issued = [
        authority.issue("CN=a", key.public_key(), "CN=middle", authority.key, start=NOW + start)
        for start in (0, 9, 5)
    ]
    middle, *leaves = (each.public_bytes(Encoding.PEM) for each in (authority.middle, *issued))
    found: Any = read_recipient(middle + leaves[0])
    assert found["exp"] == certificates.dates_of(issued[0])[1]
    # A renewed certificate stands beside the old one.
    found = read_recipient(private_bytes(key) + b"".join(leaves))
    assert found["exp"] == certificates.dates_of(issued[1])[1]


def test_a_backup_is_a_recipient_and_a_set_or_a_request_is_none(enc_key: TrustFrameworkKey) -> None:
    backup = recognise(encrypt_key(enc_key, password=PASSWORD).encode())
    assert isinstance(found := backup.recipient(PASSWORD), TrustFrameworkKey)
    assert found.kid == enc_key.kid
    assert "a key set" in refused(recognise(b'{"keys": []}').recipient).message
    request = certificates.signing_request(enc_key, "CN=a")
    assert "a certificate signing request" in refused(recognise(request).recipient).message


def test_the_certificate_of_an_ec_key_must_allow_key_agreement(authority: Authority) -> None:
    key = KEYS["P-256"]
    issued = [
        authority.issue("CN=a", key.public_key(), "CN=middle", authority.key, usage, start)
        for usage, start in ((agreement(allowed=True), NOW), (agreement(allowed=False), NOW + 9))
    ]
    good, bad = (each.public_bytes(Encoding.PEM) for each in issued)
    found: Any = read_recipient(good)
    assert found["exp"] == certificates.dates_of(issued[0])[1]
    assert "must have keyAgreement" in refused(read_recipient, bad).message
    # The certificate beside a key counts too.
    public = public_bytes(key)
    assert read_recipient(public + good) == found
    assert "must have keyAgreement" in refused(read_recipient, public + bad).message
    other = public_bytes(KEYS["P-384"])
    assert (
        "none of the certificates is for this key" in refused(read_recipient, other + good).message
    )


def test_a_key_of_another_kind_is_refused_by_its_name(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys: dict[str, Any] = {
        "an Ed25519 key": ed25519.Ed25519PrivateKey.generate(),
        "an EC key on secp256k1": ec.generate_private_key(ec.SECP256K1()),
    }
    for name, key in keys.items():
        public = key.public_key()
        for data in (
            private_bytes(key),
            public_bytes(key, Encoding.DER),
            authority.issue("CN=a", public, "CN=middle", authority.key).public_bytes(Encoding.PEM),
        ):
            message = refused(read_recipient, data).message
            assert f"and it is {name}" in message
            assert "this must be an RSA key" not in message
    spki = public_bytes(KEYS["P-256"], Encoding.DER)
    broken = spki[:-1] + bytes([spki[-1] ^ 1])
    assert "an EC key on P-256, and broken" in refused(read_recipient, broken).message
    leaf = authority.issue("CN=a", KEYS["P-256"].public_key(), "CN=middle", authority.key)
    der = leaf.public_bytes(Encoding.DER).replace(spki, broken)
    assert "an EC key on P-256, and broken" in refused(read_recipient, der).message
    beside = public_bytes(KEYS["P-256"]) + block("CERTIFICATE", der).encode()
    message = refused(read_recipient, beside).message
    assert "none of the certificates is for this key" in message
    monkeypatch.setattr(plain_keys, "MAX_DER", 50)
    assert "the key of the certificate is broken" in refused(read_recipient, der).message


def test_a_private_key_and_its_public_key_are_one_key() -> None:
    keys: list[Any] = [*KEYS.values(), ed25519.Ed25519PrivateKey.generate()]
    for key in keys:
        public = public_bytes(key)
        for data in (public + private_bytes(key), private_bytes(key) + public):
            assert KeyFile.read(data).key(None).is_private
    two = public + public_bytes(KEYS["P-256"])
    assert "one key, not 2" in refused(KeyFile.read(two).key, None).message


def test_the_public_key_of_a_huge_foreign_key_is_not_computed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert plain_keys._public_der(b"no key", is_private=True) is None
    monkeypatch.setattr(loaders, "private_key", None)
    der = private_bytes(KEYS["P-256"], Encoding.DER)
    assert plain_keys._public_der(der + bytes(4096), is_private=True) is None


def test_what_was_left_out_of_the_file_is_a_warning() -> None:
    data = private_bytes(KEYS["P-256"])
    with pytest.warns(UserWarning, match="the key is private, though its label is PUBLIC KEY"):
        read_recipient(data.replace(b"PRIVATE KEY", b"PUBLIC KEY"))


@pytest.mark.deep
@pytest.mark.parametrize("curve", ["prime256v1", "secp384r1", "secp521r1"])
def test_keys_of_the_openssl_command_are_recipients(
    curve: str, rsa_key: TrustFrameworkKey, tmp_path: Path
) -> None:
    def run(*args: str) -> None:
        openssl(*args, cwd=tmp_path, password=PASSWORD)

    run("ecparam", "-name", curve, "-genkey", "-out", "key.pem")  # with EC PARAMETERS
    run("ec", "-in", "key.pem", "-pubout", "-out", "public.pem")
    run("ec", "-in", "key.pem", "-aes256", "-passout", "env:PW", "-out", "old.pem")
    run("pkcs8", "-topk8", "-in", "key.pem", "-passout", "env:PW", "-out", "new.pem")
    run("req", "-x509", "-key", "key.pem", "-subj", "/CN=a", "-out", "certificate.pem")
    for name in ("public.pem", "certificate.pem", "key.pem"):
        text = encrypt_key(rsa_key, to=(tmp_path / name).read_bytes())
        assert decrypt_key(text, with_key=(tmp_path / "key.pem").read_bytes()) == rsa_key
        for locked in ("old.pem", "new.pem"):
            key = read_recipient((tmp_path / locked).read_bytes(), PASSWORD)
            assert decrypt_key(text, with_key=key) == rsa_key


def test_what_is_no_key_is_no_recipient(enc_key: TrustFrameworkKey) -> None:
    request = certificates.signing_request(enc_key, "CN=a")
    for data, words in ((request, "which holds no key"), (b'{"keys": []}', "must be one key")):
        assert words in refused(recognise(data).recipient).message
