"""Certificates: partners accept ours, and theirs belong to the right key."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.formats.helpers import (
    NOW,
    SUBJECT,
    Authority,
    refused,
)
from tests.support import der, openssl
from trustkeys import TrustFrameworkKey, TrustFrameworkKeySet, testing
from trustkeys.formats import certificates, pem, pkcs12, reading

pytestmark = pytest.mark.usefixtures("test_keys_allowed")


PEM_HEADER, PEM_FOOTER = b"-----BEGIN CERTIFICATE-----\n", b"\n-----END CERTIFICATE-----\n"


RSA_KEYS = st.builds(testing.rsa_key, st.integers(0, 8127))


dates = st.integers(0, certificates.MAX_TIME)


@pytest.mark.deep
@pytest.mark.usefixtures("unproved")
@settings(max_examples=100)
@given(key=RSA_KEYS, start=dates, end=dates, use=st.sampled_from(["sig", "enc"]))
def test_a_certificate_keeps_use_and_dates_of_the_key(
    key: TrustFrameworkKey, start: int, end: int, use: str
) -> None:
    start, end = sorted((start, end))
    key = attrs.evolve(key, use=use, nbf=start, exp=end)
    carrying = certificates.self_signed(key, SUBJECT)
    assert attrs.evolve(carrying, x5c=(), x5t=None) == key
    assert TrustFrameworkKey.from_jwk(carrying.to_jwk(private=True)) == carrying
    data = certificates.to_certificate_pem(carrying)
    assert certificates.from_certificate(data) == carrying.public()
    assert certificates.from_certificate(data, nbf=0, exp=end + 1).exp == end + 1


def test_a_certificate_has_the_extensions_that_partners_check(enc_key: TrustFrameworkKey) -> None:
    for key, bits in ((enc_key, {"key_encipherment", "data_encipherment"}),):
        (certificate,) = certificates.certificates_of(certificates.self_signed(key, SUBJECT))
        assert certificate.subject == certificate.issuer
        assert certificate.subject.rfc4514_string() == SUBJECT
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
        names = ("digital_signature", "key_encipherment", "data_encipherment", "key_agreement")
        assert {name for name in names if getattr(usage.value, name)} == bits
        assert usage.critical
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        assert (basic.value.ca, basic.critical) == (False, True)
        assert certificate.signature_hash_algorithm is not None
        assert certificate.signature_hash_algorithm.name == "sha256"
        assert certificate.not_valid_before_utc == datetime.fromtimestamp(NOW, UTC)
        certificate.verify_directly_issued_by(certificate)
        certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)


def test_a_signature_of_the_exported_key_verifies_with_the_certificate(
    certified: TrustFrameworkKey,
) -> None:
    private = pem.from_pem(pem.to_pem(certified, private=True), use="sig").private_key()
    signature = private.sign(b"payload", padding.PKCS1v15(), SHA256())
    (certificate,) = certificates.certificates_of(certified)
    public = certificate.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    public.verify(signature, b"payload", padding.PKCS1v15(), SHA256())


@pytest.mark.deep
def test_openssl_reads_and_verifies_the_certificate_and_the_request(
    certified: TrustFrameworkKey, tmp_path: Path
) -> None:
    data = certificates.to_certificate_pem(certified)
    text = openssl("x509", "-text", "-noout", data=data)
    for part in ("Digital Signature", "sha256WithRSAEncryption", "CN = test", "CA:FALSE"):
        assert part in text
    (tmp_path / "cert.pem").write_bytes(data)
    at = ("-attime", str(NOW), "-CAfile", str(tmp_path / "cert.pem"))
    assert "OK" in openssl("verify", *at, str(tmp_path / "cert.pem"), data=b"")
    request = certificates.signing_request(certified, SUBJECT)
    text = openssl("req", "-verify", "-text", "-noout", data=request)
    assert "verify OK" in text
    assert "Digital Signature" in text


@pytest.mark.parametrize(
    "subject", ["", "no name", "CN=", "CN", "X.Y=1", None, 5, "C=Germany", "C=\u0130"]
)
def test_an_invalid_subject_is_refused(certified: TrustFrameworkKey, subject: Any) -> None:
    for call in (certificates.self_signed, certificates.signing_request):
        assert refused(call, certified, subject).target == "subject"


def test_the_dates_of_a_certificate_come_from_the_key_or_from_the_caller(
    rsa_key: TrustFrameworkKey,
) -> None:
    self_signed = certificates.self_signed
    made = self_signed(rsa_key, SUBJECT, nbf=1, exp=datetime(2030, 1, 1, tzinfo=UTC))
    assert (made.nbf, made.exp) == (None, None)
    dated = attrs.evolve(rsa_key, nbf=1, exp=2)
    for key, options, target, message in (
        (rsa_key, {"exp": 2}, "nbf", "must be given: the key has none, and"),
        (rsa_key, {"nbf": 1}, "exp", "must be given: the key has none, and"),
        (dated, {"nbf": 1}, "nbf", "must not be given: the key has its own"),
        (dated, {"exp": 2}, "exp", "must not be given: the key has its own"),
        (rsa_key, {"nbf": 2, "exp": 1}, "exp", "before nbf"),
        (rsa_key, {"nbf": 1, "exp": certificates.MAX_TIME + 1}, "exp", "year 10000"),
        (attrs.evolve(rsa_key, nbf=1, exp=2**63 - 1), {}, "exp", "X.509 has no later dates"),
    ):
        error = refused(self_signed, key, SUBJECT, **options)
        assert (error.target, message in error.message) == (target, True)
    assert refused(self_signed, rsa_key.public(), SUBJECT, nbf=1, exp=2).target == "private"
    assert self_signed(rsa_key, SUBJECT, nbf=1, exp=certificates.MAX_TIME).x5c


def test_a_chain_in_any_order_is_sorted(rsa_key: TrustFrameworkKey, authority: Authority) -> None:
    leaf = authority.issue_for(rsa_key)
    bundle = [authority.root, leaf, authority.middle]
    key = certificates.with_certificates(rsa_key, bundle)
    assert certificates.certificates_of(key) == (leaf, authority.middle, authority.root)
    assert TrustFrameworkKey.from_jwk(key.to_jwk(private=True)) == key
    text = certificates.to_certificate_pem(key)
    assert certificates.with_certificates(rsa_key, text) == key
    assert certificates.read_certificates(text) == (leaf, authority.middle, authority.root)
    exported = pkcs12.to_pkcs12(key)
    assert [*pkcs12.from_pkcs12(exported.data, exported.password, use="sig").x5c] == [*key.x5c]
    keys = TrustFrameworkKeySet("a", [rsa_key])
    assert keys.set_certificates(rsa_key.kid, text) == key
    assert [*keys] == [key]


def test_certificates_of_another_key_and_broken_chains_are_refused(
    rsa_key: TrustFrameworkKey, enc_key: TrustFrameworkKey, authority: Authority
) -> None:
    leaf = authority.issue_for(rsa_key)
    call = certificates.with_certificates
    for bundle, message in (
        ([authority.middle, authority.root], "none of the certificates is for this key"),
        ([authority.issue_for(enc_key)], "none of the certificates is for this key"),
        ([], "none of the certificates"),
    ):
        error = refused(call, rsa_key, bundle)
        assert (error.code, message in error.message) == ("AADB2C95034", True)
    keys = TrustFrameworkKeySet("a", [enc_key])
    refused(
        keys.set_certificates,
        enc_key.kid,
        certificates.to_certificate_pem(certificates.with_certificates(rsa_key, [leaf])),
    )
    assert [*keys] == [enc_key]


def test_a_date_before_1970_becomes_0(rsa_key: TrustFrameworkKey, authority: Authority) -> None:
    leaf = authority.issue("CN=a", rsa_key.public_key(), "CN=middle", authority.key, start=-9)
    key = certificates.from_certificate([leaf], use="sig")
    assert (key.nbf, key.exp) == (0, 9 * 86_400 - 9)


@pytest.mark.parametrize("data", [b"", b"\x30\x00", b"-----BEGIN CERTIFICATE-----\n", b"x"])
def test_data_without_a_certificate_is_refused(data: bytes) -> None:
    assert refused(certificates.read_certificates, data).code == "AADB2C95034"
    assert "must be bytes" in refused(certificates.read_certificates, "text").message


def test_a_key_without_a_certificate_cannot_be_written_with_one(rsa_key: TrustFrameworkKey) -> None:
    for call in (certificates.to_certificate_pem, pkcs12.to_pkcs12, pkcs12.to_pkcs12_b2c):
        assert refused(call, rsa_key).target == "x5c"


def test_a_chain_that_is_too_long_to_be_read_again_is_refused(
    rsa_key: TrustFrameworkKey, authority: Authority
) -> None:
    leaf = authority.issue_for(rsa_key)
    assert len(certificates.with_certificates(rsa_key, [leaf, leaf]).x5c) == 1
    links = [authority.root]
    for number in range(11):
        subject, issuer = f"CN=link{number}", "CN=root" if number == 0 else f"CN=link{number - 1}"
        public = authority.root_key.public_key()
        links.append(authority.issue(subject, public, issuer, authority.root_key))
    own = authority.issue("CN=a", rsa_key.public_key(), "CN=link10", authority.root_key)
    error = refused(certificates.with_certificates, rsa_key, [own, *links])
    assert "at most 10 certificates, not 11" in error.message
    keys = TrustFrameworkKeySet("a", [rsa_key])
    bundle = b"".join(each.public_bytes(Encoding.PEM) for each in [own, *links])
    refused(keys.set_certificates, rsa_key.kid, bundle)
    assert [*keys] == [rsa_key]


def test_needless_certificates_are_left_out_with_a_word(
    rsa_key: TrustFrameworkKey, authority: Authority
) -> None:
    leaf = authority.issue_for(rsa_key)
    with pytest.warns(UserWarning, match="left out 1 certificate outside the chain.*CN=root"):
        key = certificates.with_certificates(rsa_key, [authority.root, leaf])
    assert certificates.certificates_of(key) == (leaf,)
    newer = authority.issue(
        "CN=leaf", rsa_key.public_key(), "CN=middle", authority.key, start=NOW + 9
    )
    own = authority.issue(
        "CN=leaf", rsa_key.public_key(), "CN=leaf", rsa_key.private_key(), start=NOW + 99
    )
    bundle = [own, leaf, authority.middle, newer]
    with pytest.warns(UserWarning, match="left out 2 other certificates for the same key"):
        key = certificates.with_certificates(rsa_key, bundle)
    assert certificates.certificates_of(key) == (newer, authority.middle)


def test_the_root_first_or_a_cross_signed_one_makes_the_same_chain(
    rsa_key: TrustFrameworkKey, authority: Authority
) -> None:
    leaf = authority.issue_for(rsa_key)
    other = testing.rsa_key(4).private_key()
    crossed = authority.issue("CN=root", authority.root_key.public_key(), "CN=other", other)
    opened = certificates.opened_certificate([authority.root, authority.middle, crossed, leaf])
    assert opened.certificate == leaf
    assert opened.remarks == ("left out 1 certificate outside the chain of the key: CN=root",)
    with pytest.warns(UserWarning, match="left out 1 certificate"):
        key = opened.key(use="sig")
    assert certificates.certificates_of(key) == (leaf, authority.middle, authority.root)


def test_authorities_that_signed_each_other_make_a_chain_with_an_end(
    rsa_key: TrustFrameworkKey, authority: Authority
) -> None:
    back = authority.issue("CN=root", authority.root_key.public_key(), "CN=middle", authority.key)
    chain = [authority.issue_for(rsa_key), authority.middle, back]
    key = certificates.with_certificates(rsa_key, chain)
    assert certificates.certificates_of(key) == tuple(chain)


def test_an_authority_that_issued_nothing_here_is_not_the_key(
    rsa_key: TrustFrameworkKey, authority: Authority
) -> None:
    other, ca = testing.rsa_key(4).private_key(), x509.BasicConstraints(ca=True, path_length=None)
    unrelated = authority.issue("CN=other", other.public_key(), "CN=other", other, ca)
    leaf = authority.issue_for(rsa_key)
    assert certificates.opened_certificate([unrelated, leaf]).certificate == leaf


def test_certificates_of_two_keys_are_not_chosen_from_in_silence(
    rsa_key: TrustFrameworkKey, enc_key: TrustFrameworkKey, authority: Authority
) -> None:
    both = [authority.issue_for(rsa_key), authority.issue_for(enc_key)]
    assert "for 2 keys" in refused(certificates.from_certificate, both, use="sig").message


@pytest.mark.deep
@pytest.mark.parametrize("form", ["PEM", "DER"])
def test_a_p7b_is_read_as_the_certificates_in_it(
    rsa_key: TrustFrameworkKey, authority: Authority, tmp_path: Path, form: str
) -> None:
    chain = [authority.issue_for(rsa_key), authority.middle, authority.root]
    pem_file = b"".join(each.public_bytes(Encoding.PEM) for each in chain)
    tmp_path.joinpath("chain.pem").write_bytes(pem_file)
    args = ("-nocrl", "-certfile", "chain.pem", "-outform", form, "-out", "chain.p7b")
    openssl("crl2pkcs7", *args, cwd=tmp_path)
    data = tmp_path.joinpath("chain.p7b").read_bytes()
    assert {*certificates.read_certificates(data)} == {*chain}
    if form == "DER":
        # Windows writes this label over PKCS#7.
        text = base64.encodebytes(data).strip()
        assert {*certificates.read_certificates(PEM_HEADER + text + PEM_FOOTER)} == {*chain}


def test_what_is_around_a_certificate_is_read_or_named(
    rsa_key: TrustFrameworkKey, authority: Authority
) -> None:
    leaf = authority.issue_for(rsa_key)
    der = leaf.public_bytes(Encoding.DER)
    trusted = base64.encodebytes(der + b"\x30\x00").strip()
    text = (PEM_HEADER + trusted + PEM_FOOTER).replace(b"CERTIFICATE", b"TRUSTED CERTIFICATE")
    assert certificates.read_certificates(text) == (leaf,)
    assert "one PEM file" in refused(certificates.read_certificates, der + der).message
    large = bytes(2 * 1024 * 1024)
    assert "at most 1048576 bytes" in refused(certificates.read_certificates, large).message
    curve = ec.generate_private_key(ec.SECP256R1())
    short = authority.issue("CN=s", curve.public_key(), "CN=s", curve)
    many = short.public_bytes(Encoding.PEM) * 1001
    assert "at most 1000" in refused(certificates.read_certificates, many).message


def test_a_value_that_is_no_list_of_certificates_is_refused(rsa_key: TrustFrameworkKey) -> None:
    wrong: list[Any] = ["text", []]
    for certificate in wrong:
        refused(certificates.from_certificate, certificate, use="sig")
        refused(certificates.with_certificates, rsa_key, certificate)
    assert "must be bytes" in refused(reading.read_key, "text").message


def test_a_certificate_of_an_unknown_version_is_refused(certified: TrustFrameworkKey) -> None:
    der = certificates.certificates_of(certified)[0].public_bytes(Encoding.DER)
    version = b"\xa0\x03\x02\x01\x02"
    assert version in der
    data = der.replace(version, version[:-1] + b"\x07", 1)
    for call in (reading.recognise, certificates.read_certificates):
        refused(call, data)
    text = base64.b64encode(data)
    refused(certificates.read_certificates, PEM_HEADER + text + PEM_FOOTER)
    jwk = {**certified.to_jwk(), "x5c": [text.decode()]}
    assert refused(TrustFrameworkKey.from_jwk, jwk).target == "x5c"


def test_pkcs7_without_certificates_is_refused() -> None:
    # SignedData (RFC 5652 section 5.1) of no one, over nothing.
    signed = der(0x30, der(2, b"\1"), der(0x31), der(0x30, der(6, _PKCS7 + b"\1")), der(0x31))
    data = der(0x30, der(6, _PKCS7 + b"\2"), der(0xA0, signed))
    assert refused(certificates.read_certificates, data).code == "AADB2C95034"


_PKCS7 = bytes.fromhex("2a864886f70d0107")
