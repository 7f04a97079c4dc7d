"""PEM and DER: openssl and other programs read our keys, and we read theirs."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests import support
from tests.formats.helpers import (
    PRIVATE_FORMS,
    SUBJECT,
    own_passphrase,
    refused,
)
from tests.support import openssl
from trustkeys import InvalidInputError, TrustFrameworkKey, generate_key, testing
from trustkeys.errors import MissingPassphraseError, NotEncryptedError, WrongPassphraseError
from trustkeys.formats import certificates, pem, pkcs12, reading
from trustkeys.formats.key_files import KeyFile

pytestmark = pytest.mark.usefixtures("test_keys_allowed")


@own_passphrase
@pytest.mark.usefixtures("unproved")
@pytest.mark.parametrize("form", PRIVATE_FORMS)
@pytest.mark.parametrize("size", [2048, 4096])
def test_a_private_key_keeps_all_its_numbers(form: str, size: int) -> None:
    key = testing.rsa_key(0, size=size, nbf=5, exp=9)
    data, password = PRIVATE_FORMS[form](key)
    assert pem.from_pem(data, use="sig", nbf=5, exp=9, password=password) == key
    found = reading.recognise(data)
    assert found.form == form.removeprefix("encrypted ").replace("own passphrase", "pem")
    assert found.protection == ("none" if password is None else "passphrase")
    assert found.description.startswith("a private key")
    assert reading.read_key(data, use="sig", nbf=5, exp=9, password=password) == key


@pytest.mark.parametrize("write", [pem.to_pem, pem.to_der])
def test_a_public_file_holds_no_private_part(
    rsa_key: TrustFrameworkKey, write: Callable[[TrustFrameworkKey], bytes]
) -> None:
    data = write(rsa_key)
    assert pem.from_pem(data, use="sig") == rsa_key.public()
    assert pem.from_pem(data, use="enc", kid="mine").kid == "mine"
    assert write(rsa_key.public()) == data
    found = reading.recognise(data)
    assert (found.form, found.protection) == (write.__name__.removeprefix("to_"), "none")
    assert found.description == f"a public key ({found.form.upper()})"
    assert reading.read_key(data, use="sig") == rsa_key.public()
    for spelling in support.spellings(rsa_key.to_jwk(private=True)["d"]):
        assert spelling.encode() not in data


@pytest.mark.deep
@own_passphrase
@pytest.mark.parametrize("form", PRIVATE_FORMS)
def test_openssl_reads_the_private_key(rsa_key: TrustFrameworkKey, form: str) -> None:
    data, password = PRIVATE_FORMS[form](rsa_key)
    kind = "DER" if "der" in form else "PEM"
    args = ("-inform", kind, "-passin", "env:PW") if password else ("-inform", kind, "-nocrypt")
    text = openssl("pkcs8", *args, data=data, password=password or "")
    assert pem.from_pem(text.encode(), use="sig") == rsa_key


@pytest.mark.deep
def test_openssl_confirms_the_encryption(rsa_key: TrustFrameworkKey) -> None:
    text = openssl("asn1parse", data=pem.to_encrypted_pem(rsa_key).data)
    assert "PBES2" in text
    assert "aes-256-cbc" in text


def test_a_file_with_two_keys_is_refused(
    rsa_key: TrustFrameworkKey, enc_key: TrustFrameworkKey
) -> None:
    """Reading only the first key would lose the other one without a word."""
    public, private = pem.to_pem(rsa_key), pem.to_pem(rsa_key, private=True)
    other, hidden = pem.to_pem(enc_key, private=True), pem.to_encrypted_pem(enc_key)
    encrypted = pem.to_encrypted_pem(rsa_key)
    for data, password in (
        (private + other, None),
        (public + other, None),
        (public + hidden.data, hidden.password),
        (encrypted.data + hidden.data, hidden.password),
        (encrypted.data + hidden.data, None),
    ):
        error = refused(pem.from_pem, data, use="sig", password=password)
        assert (error.code, "one key, not 2" in error.message) == ("AADB2C95034", True)
    certificate = certificates.self_signed(rsa_key, SUBJECT, nbf=0, exp=2**31)
    alone = certificates.to_certificate_pem(certificate)
    assert "one key, not 0" in refused(pem.from_pem, alone, use="sig").message
    for data in (public, pem.to_der(rsa_key)):
        assert "not encrypted" in refused(pem.from_pem, data, use="sig", password="x").message


def test_a_private_key_with_its_public_key_or_a_copy_is_one_key(rsa_key: TrustFrameworkKey) -> None:
    public, private = pem.to_pem(rsa_key), pem.to_pem(rsa_key, private=True)
    encrypted = pem.to_encrypted_pem(rsa_key)
    pkcs1 = rsa_key.private_key().private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    )
    for data in (public + private, private + public, private * 2, pkcs1 + private + public):
        assert pem.from_pem(data, use="sig") == rsa_key
    assert pem.from_pem(public * 2, use="sig") == rsa_key.public()
    for data in (public + encrypted.data, encrypted.data * 2, private + encrypted.data):
        assert pem.from_pem(data, use="sig", password=encrypted.password) == rsa_key
        assert refused(pem.from_pem, data, use="sig").target == "password"


def test_a_missing_a_wrong_and_an_unneeded_passphrase_have_errors_of_their_own(
    rsa_key: TrustFrameworkKey,
) -> None:
    for write, plain in (
        (pem.to_encrypted_pem, pem.to_pem),
        (pem.to_encrypted_der, pem.to_der),
    ):
        exported = write(rsa_key)
        for data, password, kind, message in (
            (exported.data, None, MissingPassphraseError, "the passphrase is missing"),
            (exported.data, exported.password + "0", WrongPassphraseError, "passphrase is wrong"),
            (exported.data[:-40], exported.password, InvalidInputError, "it is|PEM is cut off"),
            (plain(rsa_key, private=True), "x", NotEncryptedError, "it is not encrypted"),
        ):
            with pytest.raises(kind, match=message) as caught:
                pem.from_pem(data, use="sig", password=password)
            assert (
                support.leaks(support.all_text_of(caught.value), rsa_key.to_jwk(private=True)) == []
            )


CURVE_KEY = ec.generate_private_key(ec.SECP256R1())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
        b"\x30\x00",
        CURVE_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        CURVE_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    ],
    ids=["nothing", "empty", "DER", "private curve", "public curve"],
)
def test_a_file_without_an_rsa_key_is_refused(data: bytes) -> None:
    assert refused(pem.from_pem, data, use="sig").code == "AADB2C95034"


def test_a_foreign_key_is_checked(rsa_key: TrustFrameworkKey) -> None:
    weak = rsa.generate_private_key(65537, 1024)
    data = weak.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    assert "2048 to 16384 bits" in refused(pem.from_pem, data, use="sig").message
    assert refused(pem.from_pem, "text", use="sig").message.startswith("the file of a key must be")
    assert refused(pem.from_pem, pem.to_pem(rsa_key), use="bad").code == "AADB2C95033"


def test_an_oct_key_has_no_form_for_rsa_keys(oct_key: TrustFrameworkKey) -> None:
    for call in (pem.to_pem, pem.to_encrypted_der, pkcs12.to_pkcs12):
        refused(call, oct_key)
    assert refused(certificates.self_signed, oct_key, SUBJECT, nbf=1, exp=2).target == "kty"
    assert refused(certificates.signing_request, oct_key, SUBJECT).target == "kty"


def test_a_parsed_file_does_not_show_its_key() -> None:
    """A debugger that lists the fields of objects must not list a private key."""
    data = pem.to_pem(generate_key("sig", "RSA"), private=True)
    parsed = KeyFile.read(data)
    for shown in (repr(parsed), repr(attrs.asdict(parsed)), repr(attrs.astuple(parsed))):
        assert data.decode()[60:100] not in shown
        assert "BEGIN" not in shown
