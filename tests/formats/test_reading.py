"""Files of other programs: recognised by their content, and read whole or refused."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import attrs
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests import support
from tests.formats.helpers import PASSWORD, SUBJECT, Authority, refused
from trustkeys import InvalidInputError, TrustFrameworkKey, testing
from trustkeys.core.rsa import RSAStrategy
from trustkeys.errors import MissingPassphraseError, MissingUseError, NotEncryptedError
from trustkeys.formats import certificates, loaders, pbes2, pem, pkcs12, reading
from trustkeys.formats.exported import Exported
from trustkeys.formats.jwe import encrypt, encrypt_key
from trustkeys.formats.opened import OpenedKey

pytestmark = pytest.mark.usefixtures("test_keys_allowed")

Writer = Callable[[TrustFrameworkKey], tuple[bytes, dict[str, Any]]]

RECIPIENT = testing.rsa_key(4, use="enc")

RSA_ROUND_TRIPS: dict[str, Writer] = {
    "pem": lambda key: (pem.to_pem(key, private=True), claims(key)),
    "der": lambda key: (pem.to_der(key, private=True), claims(key)),
    "encrypted pem": lambda key: opened_by(pem.to_encrypted_pem(key), **claims(key)),
    "encrypted der": lambda key: opened_by(pem.to_encrypted_der(key), **claims(key)),
    "pkcs12": lambda key: opened_by(pkcs12.to_pkcs12(certified_for(key)), **claims(key)),
    "pkcs12-b2c": lambda key: opened_by(pkcs12.to_pkcs12_b2c(certified_for(key)), **claims(key)),
}
ROUND_TRIPS: dict[str, Writer] = {
    "jwk": lambda key: (json.dumps(key.to_jwk(private=True)).encode(), {}),
    "jwe": lambda key: (encrypt_key(key, password=PASSWORD).encode(), {"password": PASSWORD}),
    "sealed": lambda key: (encrypt_key(key, to=RECIPIENT).encode(), {"with_key": RECIPIENT}),
}


def claims(key: TrustFrameworkKey) -> dict[str, Any]:
    """The options for what a form does not hold."""
    return {"use": key.use, "nbf": key.nbf, "exp": key.exp}


def opened_by(exported: Exported, **options: Any) -> tuple[bytes, dict[str, Any]]:
    return exported.data, {**options, "password": exported.password}


def certified_for(key: TrustFrameworkKey) -> TrustFrameworkKey:
    nbf, exp = (None if date is not None else 2**31 for date in (key.nbf, key.exp))
    return certificates.self_signed(key, SUBJECT, nbf=0 if nbf else None, exp=exp)


@pytest.mark.deep
@pytest.mark.usefixtures("unproved")
@settings(max_examples=min(100, settings().max_examples))
@given(
    form=st.sampled_from([*RSA_ROUND_TRIPS, *ROUND_TRIPS]),
    key=st.builds(testing.rsa_key, st.integers(0, 8127))
    | st.builds(
        testing.oct_key,
        st.integers(0, 65_535),
        size=st.integers(32, 512).map(lambda octets: 8 * octets),
    ),
    use=st.sampled_from(["sig", "enc"]),
    nbf=st.none() | st.integers(0, 2**30),
    exp=st.none() | st.integers(2**30, 2**32),
)
def test_a_key_survives_a_round_trip_through_every_form(
    form: str, key: TrustFrameworkKey, **changes: Any
) -> None:
    assume(key.kty == "RSA" or form in ROUND_TRIPS)
    key = attrs.evolve(key, **changes)
    data, options = {**RSA_ROUND_TRIPS, **ROUND_TRIPS}[form](key)
    found = reading.read_key(data, **options)
    if form.startswith("pkcs12"):
        # A missing date of the key is replaced by the certificate's.
        expected = certified_for(key)
        dates = certificates.dates_of(certificates.certificates_of(expected)[0])
        assert (found.nbf, found.exp) == dates
        found = attrs.evolve(found, x5c=(), x5t=None, nbf=key.nbf, exp=key.exp)
    assert found == key


def test_a_form_is_recognised_by_its_content(
    certified: TrustFrameworkKey, rsa_jwk: dict[str, Any]
) -> None:
    text = json.dumps(rsa_jwk).encode()
    public = json.dumps(certified.to_jwk()).encode()
    request = certificates.signing_request(certified, SUBJECT)
    leaf = certificates.certificates_of(certified)[0]
    crt = certificates.to_certificate_pem(certified)
    sealed = encrypt_key(certified, to=RECIPIENT)
    private_set = json.dumps({"keys": [rsa_jwk]}).encode()
    for data, form, protection, description in (
        (text, "jwk", "none", "a private key (JWK, RFC 7517)"),
        (b"\n " + text, "jwk", "none", "a private key (JWK, RFC 7517)"),
        (b"\xef\xbb\xbf" + public, "jwk", "none", "a public key (JWK, RFC 7517)"),
        (
            b'{"kty": "oct", "k": null}',
            "jwk",
            "none",
            "an oct key without its secret (JWK, RFC 7517)",
        ),
        (b"{}", "jwk", "none", "JSON without kty, and so no JWK (RFC 7517)"),
        (b'{"keys": [5]}', "jwks", "none", "a JWK Set (RFC 7517) of public keys"),
        (b'{"value": [5]}', "jwks", "none", "an answer of Graph: the keys of a key set"),
        (b'\n[{"kty": "RSA"}]', "jwks", "none", "an answer of Graph: the keys of a key set"),
        (b"\xef\xbb\xbf" + text, "jwk", "none", "a private key (JWK, RFC 7517)"),
        (text.decode().encode("utf-16"), "jwk", "none", "a private key (JWK, RFC 7517)"),
        (private_set, "jwks", "none", "a JWK Set (RFC 7517) with private keys"),
        (
            encrypt(text, password=PASSWORD, cty="jwk+json").encode() + b"\n",
            *("jwe", "passphrase", "a JWE (RFC 7516), encrypted to a passphrase"),
        ),
        (
            sealed.encode(),
            *("jwe", "recipient", "a JWE (RFC 7516), sealed to the public key of a recipient"),
        ),
        (
            support.with_header(sealed, alg="dir").encode(),
            *("jwe", "unknown", "a JWE (RFC 7516), encrypted to a symmetric key (dir)"),
        ),
        (
            pem.to_pem(certified, private=True) + crt,
            *("pem", "none", "a private key with certificates (PEM)"),
        ),
        (
            b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n",
            *("pem", "passphrase", "a private key (PEM), encrypted to a passphrase"),
        ),
        (crt, "certificate", "none", "a certificate (X.509, PEM)"),
        (b"Bag Attributes\n" + crt, "certificate", "none", "a certificate (X.509, PEM)"),
        (leaf.public_bytes(Encoding.DER), "certificate", "none", "a certificate (X.509, DER)"),
        (request, "csr", "none", "a certificate signing request (PKCS#10, PEM)"),
        (
            x509.load_pem_x509_csr(request).public_bytes(Encoding.DER),
            *("csr", "none", "a certificate signing request (PKCS#10, DER)"),
        ),
    ):
        found = reading.recognise(data)
        assert (found.form, found.protection, found.description) == (form, protection, description)
    for data in (b"", b"x", b"eyJ", b"\x30\x00", b"-----BEGIN X-----\n", b"\xff" * 99, b"[]"):
        refused(reading.recognise, data)
    assert "must be bytes" in refused(reading.recognise, "text").message


def test_a_file_without_exactly_one_key_is_refused(certified: TrustFrameworkKey) -> None:
    request = certificates.signing_request(certified, SUBJECT)
    der = x509.load_pem_x509_csr(request).public_bytes(Encoding.DER)
    for data, message in (
        (request, "which holds no key"),
        (der, "which holds no key"),
        (b'{"keys": []}', "this is a key set, and must be one key"),
        (b'{"value": []}', "this is a key set, and must be one key"),
    ):
        error = refused(reading.read_key, data)
        assert (error.code, message in error.message) == ("AADB2C95034", True)


def test_only_json_has_a_document(certified: TrustFrameworkKey) -> None:
    """`inspect` and `import` look into a set before its keys are checked."""
    crt = reading.recognise(certificates.to_certificate_pem(certified))
    assert refused(crt.document).code == "AADB2C95026"
    document = certified.to_jwk(private=True)
    text = json.dumps(document).encode()
    encrypted = reading.recognise(encrypt(text, password=PASSWORD, cty="jwk+json").encode())
    assert reading.recognise(text).document() == document
    assert encrypted.document(password=PASSWORD) == document
    assert encrypted.header["cty"] == "jwk+json"
    assert crt.header == {}
    assert crt.request() is None
    opened = reading.recognise(json.dumps({"keys": [document]}).encode()).open()
    assert isinstance(opened, reading.OpenedSet)
    assert opened.document == {"keys": [document]}
    assert support.leaks(f"{opened!r} {attrs.asdict(opened)}", document) == []
    assert support.leaks(repr(encrypted), document) == []


@pytest.mark.deep
def test_a_missing_or_unneeded_passphrase_has_an_error_of_its_own(
    certified: TrustFrameworkKey, oct_key: TrustFrameworkKey
) -> None:
    text = json.dumps(certified.to_jwk(private=True)).encode()
    crt = certificates.to_certificate_pem(certified)
    for data in (
        encrypt_key(certified, password=PASSWORD).encode(),
        pem.to_encrypted_pem(certified).data,
        pem.to_encrypted_der(certified).data,
        pkcs12.to_pkcs12(certified).data,
    ):
        with pytest.raises(MissingPassphraseError):
            reading.recognise(data).open()
        assert refused(reading.read_key, data, password="wrong").target == "password"
    for data in (text, crt, b'{"keys": []}', pem.to_pem(certified), open_pfx(certified)):
        with pytest.raises(NotEncryptedError):
            reading.recognise(data).open(password=PASSWORD)
    sealed = encrypt_key(oct_key, to=RECIPIENT).encode()
    assert reading.read_key(sealed, with_key=RECIPIENT) == oct_key
    assert refused(reading.read_key, sealed).target == "with_key"
    for data in (text, crt, open_pfx(certified)):
        error = refused(reading.read_key, data, with_key=RECIPIENT)
        assert (error.target, "not sealed to a recipient" in error.message) == ("with_key", True)


def open_pfx(key: TrustFrameworkKey) -> bytes:
    (leaf,) = certificates.certificates_of(key)
    return serialize_key_and_certificates(None, key.private_key(), leaf, None, NoEncryption())


def test_use_and_dates_can_be_replaced_even_if_those_in_the_file_are_invalid(
    rsa_jwk: dict[str, Any],
) -> None:
    jwk = {**rsa_jwk, "use": "tls", "nbf": "soon", "exp": 5}
    data = json.dumps(jwk).encode()
    key = reading.read_key(data, use="enc", nbf=1, exp=2)
    assert (key.use, key.nbf, key.exp) == ("enc", 1, 2)
    assert refused(reading.read_key, data, nbf=1, exp=2).code == "AADB2C95033"
    assert refused(reading.read_key, data, use="sig").target == "nbf"
    assert reading.read_key(data, use="sig", nbf=1).exp == 5
    with pytest.raises(MissingUseError):
        reading.read_key(json.dumps({**rsa_jwk, "use": None}).encode())


@pytest.mark.deep
def test_opening_a_file_does_each_slow_step_once(
    certified: TrustFrameworkKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: Counter[str] = Counter()

    def count(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def counted(*args: Any, **options: Any) -> Any:
            calls[name] += 1
            return original(*args, **options)

        monkeypatch.setattr(owner, name, counted)

    pfx = pkcs12.to_pkcs12(certified)
    encrypted_pem = pem.to_encrypted_pem(certified)
    crt = certificates.to_certificate_pem(certified)
    text = encrypt_key(certified, password=PASSWORD).encode()
    for owner, name in (
        (loaders, "pkcs12"),
        (RSAStrategy, "check"),
        (RSAStrategy, "prove"),
        (pbes2, "derive"),
    ):
        count(owner, name)
    once = {"check": 1, "prove": 1}
    for data, password, expected in (
        # Without a passphrase first, to tell whether the file needs one.
        (pfx.data, pfx.password, {**once, "pkcs12": 2}),
        (open_pfx(certified), None, {**once, "pkcs12": 1}),
        (encrypted_pem.data + crt, encrypted_pem.password, once),
        (text, PASSWORD, {**once, "derive": 1}),
        (crt, None, once),
    ):
        calls.clear()
        opened = reading.recognise(data).open(password=password)
        assert isinstance(opened, OpenedKey)
        assert opened.key().kid == opened.key(use="sig", nbf=1, exp=2).kid == certified.kid
        assert calls == expected


def test_text_before_pem_is_ignored(rsa_key: TrustFrameworkKey) -> None:
    data = b"Bag Attributes\n  friendlyName: x\n" + pem.to_pem(rsa_key, private=True)
    assert reading.read_key(data, use="sig") == rsa_key


def test_pem_may_hold_a_key_with_its_certificates(
    certified: TrustFrameworkKey, enc_key: TrustFrameworkKey, authority: Authority
) -> None:
    chain = certificates.to_certificate_pem(certified)
    private = pem.to_pem(certified, private=True)
    encrypted = pem.to_encrypted_pem(certified)
    assert reading.read_key(private + chain) == certified
    assert reading.read_key(chain + private) == certified
    assert reading.read_key(chain + encrypted.data, password=encrypted.password) == certified
    leaf = authority.issue_for(certified)
    bundle = [authority.root, authority.middle, leaf]
    text = b"".join(each.public_bytes(Encoding.PEM) for each in bundle)
    assert len(reading.read_key(text + private, use="sig").x5c) == 3
    # A header without a footer is not ignored: a certificate was cut off.
    hostile = private + chain + b"-----BEGIN CERTIFICATE-----\n" * 9_999
    assert "cut off" in refused(reading.read_key, hostile).message
    other = pem.to_pem(attrs.evolve(enc_key, use="sig"), private=True)
    assert "none of the certificates" in refused(reading.read_key, chain + other).message
    assert refused(reading.read_key, private).code == "AADB2C90253"
    assert refused(reading.read_key, encrypted.data, use="sig").target == "password"


@given(st.binary(max_size=60) | st.from_regex(rb"-----BEGIN [A-Z ]{1,20}-----\n.{0,20}"))
def test_any_bytes_are_read_or_refused_with_one_error(data: bytes) -> None:
    with suppress(InvalidInputError):
        reading.read_key(data, use="sig")


def test_what_a_file_says_about_use_and_dates_is_not_shown() -> None:
    # It could be a secret in the wrong place.
    jwk = {**testing.oct_key(0).to_jwk(private=True), "use": "sword", "nbf": "fish", "exp": "tuna"}
    shown = repr(OpenedKey.from_jwk(jwk))
    assert not any(word in shown for word in ("sword", "fish", "tuna"))
