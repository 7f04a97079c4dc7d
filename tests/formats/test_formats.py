"""A key that was made here has to work there, and one from there must be what it says."""

from __future__ import annotations

import base64
import json
import os
import pickle
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.x509.oid import ExtensionOID
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import trustkeys
from tests import support
from trustkeys import InvalidInputError, TrustFrameworkKey, TrustFrameworkKeySet, testing
from trustkeys.core.rsa import RSAStrategy
from trustkeys.formats import certificates, pem, pkcs12, reading
from trustkeys.formats.exported import Exported
from trustkeys.formats.jwe import encrypt
from trustkeys.formats.sealed import seal

pytestmark = pytest.mark.usefixtures("test_keys_allowed")

PASSWORD = "a long passphrase"
PEM_HEADER, PEM_FOOTER = b"-----BEGIN CERTIFICATE-----\n", b"\n-----END CERTIFICATE-----\n"
NOW = 1_800_000_000
SUBJECT = "CN=login.example,O=Example"

own_passphrase = pytest.mark.filterwarnings("ignore:this form protects a passphrase badly")
needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None and not os.environ.get("CI"), reason="no openssl command"
)


def refused(call: Any, *args: Any, **kwargs: Any) -> InvalidInputError:
    with pytest.raises(InvalidInputError) as caught:
        call(*args, **kwargs)
    assert caught.value.__cause__ is caught.value.__context__ is None
    return caught.value


def openssl(*args: str, data: bytes, password: str = "") -> str:
    """What the openssl command makes of a file; the passphrase goes in by the environment."""
    done = subprocess.run(
        ["openssl", *args],
        input=data,
        capture_output=True,
        env=support.environment(PW=password),
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return (done.stdout + done.stderr).decode()


@pytest.fixture(scope="module")
def enc_key() -> TrustFrameworkKey:
    return testing.rsa_key(1, use="enc", nbf=NOW, exp=NOW + 9)


@pytest.fixture(scope="module")
def oct_key() -> TrustFrameworkKey:
    return testing.oct_key(0)


@pytest.fixture
def unproved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read keys without testing their primes: what comes back as a test key has good ones."""
    monkeypatch.setattr(RSAStrategy, "prove", lambda *_: None)


RSA_KEYS = st.builds(testing.rsa_key, st.integers(0, 8127))


# --- PEM and DER


Writer = Callable[[TrustFrameworkKey], tuple[bytes, str | None]]

PRIVATE_FORMS: dict[str, Writer] = {
    "pem": lambda key: (pem.to_pem(key, private=True), None),
    "der": lambda key: (pem.to_der(key, private=True), None),
    "encrypted pem": lambda key: pair(pem.to_encrypted_pem(key)),
    "encrypted der": lambda key: pair(pem.to_encrypted_der(key)),
    "own passphrase": lambda key: pair(pem.to_encrypted_pem(key, password=PASSWORD)),
}


def pair(exported: Exported) -> tuple[bytes, str]:
    return exported.data, exported.password


@own_passphrase
@pytest.mark.usefixtures("unproved")
@pytest.mark.parametrize("form", PRIVATE_FORMS)
@pytest.mark.parametrize("size", [2048, 4096])
def test_a_private_key_comes_back_whole(form: str, size: int) -> None:
    key = testing.rsa_key(0, size=size, nbf=5, exp=9)
    data, password = PRIVATE_FORMS[form](key)
    assert pem.from_pem(data, use="sig", nbf=5, exp=9, password=password) == key
    assert reading.recognise(data) == "private-key"
    assert reading.read_key(data, use="sig", nbf=5, exp=9, password=password) == key


@pytest.mark.parametrize("write", [pem.to_pem, pem.to_der])
def test_a_public_key_comes_back_public(
    rsa_key: TrustFrameworkKey, write: Callable[[TrustFrameworkKey], bytes]
) -> None:
    data = write(rsa_key)
    assert pem.from_pem(data, use="sig") == rsa_key.public()
    assert pem.from_pem(data, use="enc", kid="mine").kid == "mine"
    assert write(rsa_key.public()) == data
    assert reading.recognise(data) == "public-key"
    assert reading.read_key(data, use="sig") == rsa_key.public()
    for spelling in support.spellings(rsa_key.to_jwk(private=True)["d"]):
        assert spelling.encode() not in data


@needs_openssl
@own_passphrase
@pytest.mark.parametrize("form", PRIVATE_FORMS)
def test_openssl_reads_the_private_key_and_its_signature_is_ours(
    rsa_key: TrustFrameworkKey, form: str
) -> None:
    data, password = PRIVATE_FORMS[form](rsa_key)
    kind = "DER" if "der" in form else "PEM"
    args = ("-inform", kind, "-passin", "env:PW") if password else ("-inform", kind, "-nocrypt")
    text = openssl("pkcs8", *args, data=data, password=password or "")
    assert pem.from_pem(text.encode(), use="sig") == rsa_key


@needs_openssl
def test_openssl_sees_how_it_is_encrypted(rsa_key: TrustFrameworkKey) -> None:
    text = openssl("asn1parse", data=pem.to_encrypted_pem(rsa_key).data)
    assert "PBES2" in text
    assert "aes-256-cbc" in text


def test_a_passphrase_that_is_made_is_random_and_long(rsa_key: TrustFrameworkKey) -> None:
    exported = pem.to_encrypted_pem(rsa_key), pem.to_encrypted_pem(rsa_key)
    assert exported[0].password != exported[1].password
    assert all(len(bytes.fromhex(each.password)) == 16 for each in exported)


def test_a_passphrase_of_ones_own_is_taken_with_a_warning(certified: TrustFrameworkKey) -> None:
    for write in (
        pem.to_encrypted_pem,
        pem.to_encrypted_der,
        pkcs12.to_pkcs12,
        pkcs12.to_pkcs12_b2c,
    ):
        with pytest.warns(UserWarning, match="protects a passphrase badly") as caught:
            assert write(certified, password=PASSWORD).password == PASSWORD
        assert caught[0].filename == __file__
        with pytest.warns(UserWarning, match="badly"):
            assert write(certified, password="a" * 1023).data
        wrong: list[Any] = ["", "caf\u00e9", "a\n", "a" * 1024, 5, b"bytes"]
        for password in wrong:
            error = refused(write, certified, password=password)
            assert (error.target, "printable ASCII" in error.message) == ("password", True)


def test_what_holds_a_passphrase_shows_and_gives_away_nothing(rsa_key: TrustFrameworkKey) -> None:
    exported = pem.to_encrypted_pem(rsa_key)
    assert repr(exported) == f"<Exported, {len(exported.data)} bytes>"
    with pytest.raises(TypeError, match="is not pickled"):
        pickle.dumps(exported)


@pytest.mark.parametrize("password", ["", "S3CRET\0", "x" * 1024, "\ud800", b"S3CRET", 5])
def test_a_passphrase_that_is_none_is_refused_and_not_shown(
    certified: TrustFrameworkKey, password: Any
) -> None:
    pfx = pkcs12.to_pkcs12(certified)
    for call, args in (
        (pem.from_pem, (pem.to_encrypted_pem(certified).data,)),
        (pem.from_pem, (pem.to_encrypted_der(certified).data,)),
        (pkcs12.from_pkcs12, (pfx.data,)),
        (reading.read_key, (pfx.data,)),
    ):
        error = refused(call, *args, use="sig", password=password)
        assert error.target == "password"
        text = support.all_text_of(error)
        assert "S3CRET" not in text
        assert "83, 51, 67" not in text
    refused(TrustFrameworkKeySet("a").upload_pkcs12, pfx.data, password)


def test_a_file_holds_one_key_or_is_refused(
    rsa_key: TrustFrameworkKey, enc_key: TrustFrameworkKey
) -> None:
    """None of two keys is quietly left out, least of all the private one."""
    public, private = pem.to_pem(rsa_key), pem.to_pem(rsa_key, private=True)
    other = pem.to_pem(enc_key, private=True)
    for data in (public + private, private + public, private + other, public * 2):
        error = refused(pem.from_pem, data, use="sig")
        assert (error.code, "one key, not 2" in error.message) == ("AADB2C95034", True)
    assert "one key, not 0" in refused(pem.from_pem, b"-----BEGIN X-----", use="sig").message
    for data in (public, pem.to_der(rsa_key)):
        assert "not encrypted" in refused(pem.from_pem, data, use="sig", password="x").message
    cut = private[: private.index(b"-----END")]
    assert "must be an RSA key" in refused(pem.from_pem, cut, use="sig").message


def test_a_missing_a_wrong_and_a_needless_passphrase_are_told_apart(
    rsa_key: TrustFrameworkKey,
) -> None:
    for write, plain in (
        (pem.to_encrypted_pem, pem.to_pem),
        (pem.to_encrypted_der, pem.to_der),
    ):
        exported = write(rsa_key)
        for data, password, message in (
            (exported.data, None, "the passphrase is missing"),
            (exported.data, exported.password + "0", "passphrase is wrong"),
            (exported.data[:-40], exported.password, "must be an RSA key"),
            (plain(rsa_key, private=True), "x", "it is not encrypted"),
        ):
            with pytest.raises(InvalidInputError, match=message) as caught:
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
def test_what_is_no_rsa_key_is_refused(data: bytes) -> None:
    assert refused(pem.from_pem, data, use="sig").code == "AADB2C95034"


def test_a_key_from_outside_is_checked(rsa_key: TrustFrameworkKey) -> None:
    weak = rsa.generate_private_key(65537, 1024)
    data = weak.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    assert "2048 to 16384 bits" in refused(pem.from_pem, data, use="sig").message
    assert refused(pem.from_pem, "text", use="sig").message.startswith("the file of a key must be")
    assert refused(pem.from_pem, pem.to_pem(rsa_key), use="bad").code == "AADB2C95033"


def test_an_oct_key_has_no_such_form(oct_key: TrustFrameworkKey) -> None:
    for call in (pem.to_pem, pem.to_encrypted_der, pkcs12.to_pkcs12):
        refused(call, oct_key)
    assert refused(certificates.self_signed, oct_key, SUBJECT, nbf=1, exp=2).target == "kty"
    assert refused(certificates.signing_request, oct_key, SUBJECT).target == "kty"


# --- certificates


dates = st.integers(0, certificates.MAX_TIME)


@pytest.mark.usefixtures("unproved")
@settings(max_examples=100)
@given(key=RSA_KEYS, start=dates, end=dates, use=st.sampled_from(["sig", "enc"]))
def test_a_certificate_says_what_the_key_says(
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


def test_a_certificate_is_what_a_partner_expects(enc_key: TrustFrameworkKey) -> None:
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


@needs_openssl
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
def test_a_subject_that_is_none_is_refused(certified: TrustFrameworkKey, subject: Any) -> None:
    for call in (certificates.self_signed, certificates.signing_request):
        assert refused(call, certified, subject).target == "subject"


def test_the_dates_of_a_certificate_are_those_of_the_key_or_given(
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
        (attrs.evolve(rsa_key, nbf=1, exp=2**63 - 1), {}, "exp", "where X.509 ends"),
    ):
        error = refused(self_signed, key, SUBJECT, **options)
        assert (error.target, message in error.message) == (target, True)
    assert refused(self_signed, rsa_key.public(), SUBJECT, nbf=1, exp=2).target == "private"
    assert self_signed(rsa_key, SUBJECT, nbf=1, exp=certificates.MAX_TIME).x5c


class Authority:
    """A root, and an authority below it that issues for keys."""

    def __init__(self) -> None:
        self.root_key, self.key = (testing.rsa_key(seed).private_key() for seed in (2, 3))
        self.root = self.issue("CN=root", self.root_key.public_key(), "CN=root", self.root_key)
        self.middle = self.issue("CN=middle", self.key.public_key(), "CN=root", self.root_key)

    def issue(
        self,
        subject: str,
        public: Any,
        issuer: str,
        key: Any,
        usage: x509.ExtensionType | None = None,
        start: int = NOW,
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name.from_rfc4514_string(subject))
            .issuer_name(x509.Name.from_rfc4514_string(issuer))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.fromtimestamp(start, UTC))
            .not_valid_after(datetime.fromtimestamp(start, UTC) + timedelta(days=9))
        )
        if usage is not None:
            builder = builder.add_extension(usage, critical=True)
        return builder.sign(key, SHA256())

    def issue_for(
        self, key: TrustFrameworkKey, usage: x509.ExtensionType | None = None
    ) -> x509.Certificate:
        return self.issue("CN=leaf", key.public_key(), "CN=middle", self.key, usage)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


def test_a_chain_is_put_in_order_whatever_order_it_comes_in(
    rsa_key: TrustFrameworkKey, authority: Authority
) -> None:
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
        ([authority.middle, authority.root], "none of the certificates is of this key"),
        ([authority.issue_for(enc_key)], "none of the certificates is of this key"),
        ([leaf, authority.root], "1 of the certificates do not belong to the chain"),
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


def test_a_jwk_with_the_certificates_of_another_key_is_refused(
    rsa_key: TrustFrameworkKey,
    enc_key: TrustFrameworkKey,
    oct_key: TrustFrameworkKey,
    authority: Authority,
) -> None:
    key = certificates.with_certificates(rsa_key, [authority.issue_for(rsa_key), authority.middle])
    jwk = key.to_jwk(private=True)
    for changed, message in (
        ({**enc_key.to_jwk(), "x5c": jwk["x5c"]}, "it has another key"),
        ({**jwk, "x5c": jwk["x5c"][::-1]}, "it has another key"),
        ({**jwk, "x5c": [jwk["x5c"][0], jwk["x5c"][0]]}, "certificate 1 is not issued by the next"),
        ({**jwk, "x5t": "abc"}, "x5t must be the SHA-1 thumbprint"),
        ({**jwk, "x5c": jwk["x5c"] * 6}, "at most 10 certificates"),
        ({**jwk, "x5c": ["AAAA"]}, "must be a list of at most 10 certificates"),
        ({**oct_key.to_jwk(private=True), "x5c": jwk["x5c"]}, "an oct key has no certificate"),
    ):
        error = refused(TrustFrameworkKey.from_jwk, changed)
        assert (error.code, error.target, message in error.message) == ("AADB2C95034", "x5c", True)


@pytest.mark.usefixtures("clean_registry")
def test_of_other_key_types_certificates_are_carried_along(certified: TrustFrameworkKey) -> None:
    namespace: dict[str, Any] = {}
    exec(support.documented_p256(), namespace)
    trustkeys.register_strategy(namespace["p256"])
    jwk = trustkeys.generate_key("sig", "EC").to_jwk()
    assert TrustFrameworkKey.from_jwk({**jwk, "x5c": certified.x5c}).x5c == certified.x5c


def test_what_lies_before_1970_counts_as_its_first_second(
    rsa_key: TrustFrameworkKey, authority: Authority
) -> None:
    leaf = authority.issue("CN=a", rsa_key.public_key(), "CN=middle", authority.key, start=-9)
    key = certificates.from_certificate([leaf], use="sig")
    assert (key.nbf, key.exp) == (0, 9 * 86_400 - 9)


def test_a_certificate_whose_key_cannot_be_read_is_of_no_key(
    rsa_key: TrustFrameworkKey, authority: Authority
) -> None:
    curve = ec.generate_private_key(ec.SECP256R1())
    other = authority.issue("CN=leaf", curve.public_key(), "CN=middle", authority.key)
    jwk = {**rsa_key.to_jwk(), "x5c": [_base64(other)]}
    assert "another key" in refused(TrustFrameworkKey.from_jwk, jwk).message
    # One of a kind of key that nobody knows.
    rsa_encryption = bytes.fromhex("06092a864886f70d010101")
    der = authority.issue_for(rsa_key).public_bytes(Encoding.DER)
    unknown = der.replace(rsa_encryption, rsa_encryption[:-1] + b"\x63")
    jwk["x5c"] = [base64.b64encode(unknown).decode()]
    assert "another key" in refused(TrustFrameworkKey.from_jwk, jwk).message
    for data in (other.public_bytes(Encoding.DER), unknown):
        error = refused(certificates.from_certificate, data, use="sig")
        assert "must be of an RSA key" in error.message


def _base64(certificate: x509.Certificate) -> str:
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()


USAGES = ("digital_signature", "key_encipherment", "data_encipherment")


@pytest.mark.parametrize("names", [(), *((name,) for name in USAGES), USAGES[:2], USAGES])
def test_the_key_usage_says_what_a_key_is_for(
    rsa_key: TrustFrameworkKey, authority: Authority, names: tuple[str, ...]
) -> None:
    others = ("content_commitment", "key_agreement", "key_cert_sign", "crl_sign")
    usage = x509.KeyUsage(
        **{name: name in names for name in USAGES},
        **dict.fromkeys(others, False),
        encipher_only=False,
        decipher_only=False,
    )
    leaf = authority.issue_for(rsa_key, usage)
    uses = {"sig"} if USAGES[0] in names else set()
    uses |= {"enc"} if {*names} & {*USAGES[1:]} else set()
    for use in ("sig", "enc"):
        if use in uses:
            assert certificates.from_certificate([leaf], use=use).use == use
        else:
            error = refused(certificates.from_certificate, [leaf], use=use)
            assert (error.code, error.target) == ("AADB2C95034", "use")
            key = attrs.evolve(rsa_key, use=use)
            assert refused(certificates.with_certificates, key, [leaf]).target == "use"
    if len(uses) == 1:
        assert certificates.from_certificate([leaf]).use in uses
    else:
        assert refused(certificates.from_certificate, [leaf]).code == "AADB2C90253"


@pytest.mark.parametrize("data", [b"", b"\x30\x00", b"-----BEGIN CERTIFICATE-----\n", b"x"])
def test_what_is_no_certificate_is_refused(data: bytes) -> None:
    assert refused(certificates.read_certificates, data).code == "AADB2C95034"
    assert "must be bytes" in refused(certificates.read_certificates, "text").message


def test_a_key_without_a_certificate_has_none_to_write(rsa_key: TrustFrameworkKey) -> None:
    for call in (certificates.to_certificate_pem, pkcs12.to_pkcs12, pkcs12.to_pkcs12_b2c):
        assert refused(call, rsa_key).target == "x5c"


def test_a_chain_that_could_not_be_read_again_is_refused(
    rsa_key: TrustFrameworkKey, authority: Authority
) -> None:
    leaf = authority.issue_for(rsa_key)
    assert len(certificates.with_certificates(rsa_key, [leaf, leaf]).x5c) == 1
    many = [leaf, *(authority.issue_for(rsa_key) for _ in range(10))]
    assert (
        "at most 10 certificates, not 11"
        in refused(certificates.with_certificates, rsa_key, many).message
    )
    keys = TrustFrameworkKeySet("a", [rsa_key])
    bundle = b"".join(each.public_bytes(Encoding.PEM) for each in many)
    refused(keys.set_certificates, rsa_key.kid, bundle)
    assert [*keys] == [rsa_key]


@pytest.mark.parametrize(
    ("oid", "value"),
    [
        (ExtensionOID.KEY_USAGE, b"\x05\x00"),
        (ExtensionOID.SUBJECT_ALTERNATIVE_NAME, b"\x30\x02\xa3\x00"),
    ],
)
def test_a_certificate_whose_extensions_cannot_be_read_fits_no_use(
    rsa_key: TrustFrameworkKey, authority: Authority, oid: x509.ObjectIdentifier, value: bytes
) -> None:
    leaf = authority.issue_for(rsa_key, x509.UnrecognizedExtension(oid, value))
    for call, args in (
        (certificates.from_certificate, ([leaf],)),
        (certificates.with_certificates, (rsa_key, [leaf])),
    ):
        error = refused(call, *args)
        assert (error.code, "extensions cannot be read" in error.message) == ("AADB2C95034", True)


def test_what_is_no_list_of_certificates_is_refused(rsa_key: TrustFrameworkKey) -> None:
    wrong: list[Any] = ["text", []]
    for certificate in wrong:
        refused(certificates.from_certificate, certificate, use="sig")
        refused(certificates.with_certificates, rsa_key, certificate)
    assert "must be bytes" in refused(reading.read_key, "text").message


# --- PKCS#12


@pytest.mark.parametrize("write", [pkcs12.to_pkcs12, pkcs12.to_pkcs12_b2c])
def test_a_pfx_comes_back_with_its_certificate(
    certified: TrustFrameworkKey, write: Callable[[TrustFrameworkKey], Exported]
) -> None:
    exported = write(certified)
    assert pkcs12.from_pkcs12(exported.data, exported.password) == certified
    assert reading.recognise(exported.data) == "pkcs12"
    assert reading.read_key(exported.data, password=exported.password) == certified
    changed = pkcs12.from_pkcs12(exported.data, exported.password, nbf=1, exp=2, use="sig")
    assert (changed.nbf, changed.exp) == (1, 2)
    assert refused(pkcs12.from_pkcs12, exported.data, "").target == "password"
    for password in (None, exported.password + "0"):
        error = refused(pkcs12.from_pkcs12, exported.data, password)
        assert (error.code, error.target) == ("AADB2C95025", "password")
    assert refused(pkcs12.from_pkcs12, b"\x30\x00", "x").code == "AADB2C95025"
    assert "must be bytes" in refused(pkcs12.from_pkcs12, "text", "x").message


@needs_openssl
@pytest.mark.parametrize(
    ("write", "mac", "cipher"),
    [
        (pkcs12.to_pkcs12, "MAC: sha256", "PBES2, PBKDF2, AES-256-CBC"),
        (pkcs12.to_pkcs12_b2c, "MAC: sha1", "pbeWithSHA1And3-KeyTripleDES-CBC"),
    ],
)
def test_openssl_sees_exactly_the_algorithms_that_are_promised(
    certified: TrustFrameworkKey,
    write: Callable[[TrustFrameworkKey], Exported],
    mac: str,
    cipher: str,
) -> None:
    exported = write(certified)
    args = ("-info", "-noout", "-passin", "env:PW")
    text = openssl("pkcs12", *args, data=exported.data, password=exported.password)
    assert pkcs12.ROUNDS >= 100_000
    named = openssl(
        *("pkcs12", "-nokeys", "-passin", "env:PW"), data=exported.data, password=exported.password
    )
    assert f"friendlyName: {certified.kid}" in named
    assert f"{mac}, Iteration 2048" in text
    assert f"Shrouded Keybag: {cipher}, Iteration {pkcs12.ROUNDS}" in text
    assert f"PKCS7 Encrypted data: {cipher}, Iteration {pkcs12.ROUNDS}" in text


def pfx(key: Any, certificate: x509.Certificate | None) -> bytes:
    return serialize_key_and_certificates(None, key, certificate, None, NoEncryption())


def test_a_pfx_of_others_is_read_as_far_as_it_goes(
    rsa_key: TrustFrameworkKey, enc_key: TrustFrameworkKey, authority: Authority
) -> None:
    private = rsa_key.private_key()
    without = pfx(private, None)
    assert pkcs12.from_pkcs12(without, use="sig") == rsa_key
    assert refused(pkcs12.from_pkcs12, without).code == "AADB2C90253"
    leaf = authority.issue_for(rsa_key)
    assert pkcs12.from_pkcs12(pfx(private, leaf), use="enc").nbf == NOW
    assert refused(pkcs12.from_pkcs12, pfx(private, leaf)).code == "AADB2C90253"
    # Who gives a passphrase wants to hear that it protects nothing.
    error = refused(pkcs12.from_pkcs12, without, "x", use="sig")
    assert (error.target, "not encrypted" in error.message) == ("password", True)
    for data, message in (
        (pfx(None, leaf), "must hold a private RSA key"),
        (pfx(ec.generate_private_key(ec.SECP256R1()), None), "must hold a private RSA key"),
    ):
        error = refused(pkcs12.from_pkcs12, data, use="sig")
        assert (error.code, message in error.message) == ("AADB2C95034", True)


# --- the service's upload actions


def test_a_secret_goes_in_as_text_with_a_random_kid() -> None:
    keys = TrustFrameworkKeySet("a")
    first = keys.upload_secret("s3cret", "sig", nbf=1, exp=2)
    second = keys.upload_secret("s3cret")
    assert first.kid != second.kid
    assert len(first.kid) == 43
    assert first.to_jwk(private=True)["k"] == "czNjcmV0"
    assert (first.kty, first.use, first.nbf, first.exp) == ("oct", "sig", 1, 2)
    assert [*keys] == [first, second]
    assert first.kid != trustkeys.jwk_thumbprint(first.to_jwk(private=True))
    wrong: list[tuple[Any, str]] = [
        ("", "AADB2C90253"),
        (None, "AADB2C90253"),
        (b"bytes", "BadRequest"),
        ("\ud800", "BadRequest"),
    ]
    for text, code in wrong:
        error = refused(keys.upload_secret, text)
        assert (error.code, error.target) == (code, "k")
    assert refused(keys.upload_secret, "x", "enc").code == "AADB2C95042"
    assert refused(TrustFrameworkKeySet("b").upload_secret, "x").code == "AADB2C90253"
    assert len(keys) == 2


def test_a_certificate_goes_in_as_a_public_key(certified: TrustFrameworkKey) -> None:
    for form in (
        certificates.to_certificate_pem(certified),
        certificates.certificates_of(certified)[0].public_bytes(Encoding.DER),
        certified.x5c[0],
    ):
        keys = TrustFrameworkKeySet("a")
        assert keys.upload_certificate(form) == certified.public()
        assert [*keys] == [certified.public()]
        assert keys.check(NOW)[0].code == "AADB2C90085"
    enc = TrustFrameworkKeySet("a", [testing.rsa_key(0, use="enc")])
    assert refused(enc.upload_certificate, certified.x5c[0]).target == "use"
    wrong: list[Any] = ["no base64", 5, "AAAA"]
    for form in wrong:
        assert refused(keys.upload_certificate, form).code == "AADB2C95034"


def test_a_pfx_goes_in_with_its_private_key(certified: TrustFrameworkKey) -> None:
    exported = pkcs12.to_pkcs12_b2c(certified)
    for form in (exported.data, base64.b64encode(exported.data).decode()):
        keys = TrustFrameworkKeySet("a")
        assert keys.upload_pkcs12(form, exported.password) == certified
        assert [*keys] == [certified]
    empty: list[Any] = ["", None]
    for password in empty:
        error = refused(keys.upload_pkcs12, exported.data, password)
        assert (error.target, "not empty" in error.message) == ("password", True)
    assert refused(keys.upload_pkcs12, exported.data, "wrong").code == "AADB2C95025"
    assert "already" in refused(keys.upload_pkcs12, exported.data, exported.password).message
    secrets = TrustFrameworkKeySet("a", [testing.oct_key(0)])
    assert refused(secrets.upload_pkcs12, exported.data, exported.password).code == "AADB2C95032"


# --- any form


RECIPIENT = testing.rsa_key(4, use="enc")
RSA_ROUND_TRIPS: dict[str, Callable[[TrustFrameworkKey], tuple[bytes, dict[str, Any]]]] = {
    "pem": lambda key: (pem.to_pem(key, private=True), said(key)),
    "der": lambda key: (pem.to_der(key, private=True), said(key)),
    "encrypted pem": lambda key: opened_by(pem.to_encrypted_pem(key), **said(key)),
    "encrypted der": lambda key: opened_by(pem.to_encrypted_der(key), **said(key)),
    "pkcs12": lambda key: opened_by(pkcs12.to_pkcs12(certified_for(key)), **said(key)),
    "pkcs12-b2c": lambda key: opened_by(pkcs12.to_pkcs12_b2c(certified_for(key)), **said(key)),
}
ROUND_TRIPS: dict[str, Callable[[TrustFrameworkKey], tuple[bytes, dict[str, Any]]]] = {
    "jwk": lambda key: (json.dumps(key.to_jwk(private=True)).encode(), {}),
    "jwe": lambda key: (
        encrypt(json.dumps(key.to_jwk(private=True)).encode(), PASSWORD, cty="jwk+json").encode(),
        {"password": PASSWORD},
    ),
    "sealed": lambda key: (seal(key, RECIPIENT).encode(), {"with_key": RECIPIENT}),
}


def said(key: TrustFrameworkKey) -> dict[str, Any]:
    """What a form does not carry."""
    return {"use": key.use, "nbf": key.nbf, "exp": key.exp}


def opened_by(exported: Exported, **options: Any) -> tuple[bytes, dict[str, Any]]:
    return exported.data, {**options, "password": exported.password}


def certified_for(key: TrustFrameworkKey) -> TrustFrameworkKey:
    nbf, exp = (None if date is not None else 2**31 for date in (key.nbf, key.exp))
    return certificates.self_signed(key, SUBJECT, nbf=0 if nbf else None, exp=exp)


OCT_KEYS = st.builds(
    testing.oct_key,
    st.integers(0, 65_535),
    size=st.integers(32, 512).map(lambda octets: 8 * octets),
)


@pytest.mark.usefixtures("unproved", "few_rounds")
@settings(max_examples=100)
@given(
    form=st.sampled_from([*RSA_ROUND_TRIPS, *ROUND_TRIPS]),
    key=RSA_KEYS | OCT_KEYS,
    use=st.sampled_from(["sig", "enc"]),
    nbf=st.none() | st.integers(0, 2**30),
    exp=st.none() | st.integers(2**30, 2**32),
)
def test_a_key_comes_back_from_every_form(
    form: str, key: TrustFrameworkKey, **changes: Any
) -> None:
    assume(key.kty == "RSA" or form in ROUND_TRIPS)
    key = attrs.evolve(key, **changes)
    data, options = {**RSA_ROUND_TRIPS, **ROUND_TRIPS}[form](key)
    found = reading.read_key(data, **options)
    if form.startswith("pkcs12"):
        # Where the key has no date, the one of its certificate counts.
        expected = certified_for(key)
        dates = certificates.dates_of(certificates.certificates_of(expected)[0])
        assert (found.nbf, found.exp) == dates
        found = attrs.evolve(found, x5c=(), x5t=None, nbf=key.nbf, exp=key.exp)
    assert found == key


def test_a_form_is_recognised_by_its_content(
    certified: TrustFrameworkKey, rsa_jwk: dict[str, Any], oct_key: TrustFrameworkKey
) -> None:
    text = json.dumps(rsa_jwk).encode()
    request = certificates.signing_request(certified, SUBJECT)
    leaf = certificates.certificates_of(certified)[0]
    forms = {
        "jwk": [text, b"\n " + text, b"\xef\xbb\xbf" + text, b"{}"],
        "jwk-set": [b'{"keys": []}', b'{"value": []}'],
        "jwe": [encrypt(text, PASSWORD, cty="jwk+json").encode() + b"\n"],
        "sealed": [seal(oct_key, attrs.evolve(certified.public(), use="enc")).encode()],
        "certificate": [
            certificates.to_certificate_pem(certified),
            leaf.public_bytes(Encoding.DER),
            b"Bag Attributes\n" + certificates.to_certificate_pem(certified),
        ],
        "signing-request": [
            request,
            x509.load_pem_x509_csr(request).public_bytes(Encoding.DER),
        ],
    }
    for form, files in forms.items():
        for data in files:
            assert reading.recognise(data) == form
    for data in (b"", b"x", b"eyJ", b"\x30\x00", b"-----BEGIN X-----\n", b"\xff" * 99, b"[]"):
        refused(reading.recognise, data)
    for data in (*forms["signing-request"], *forms["jwk-set"]):
        assert "one key is wanted" in refused(reading.read_key, data).message
    for data in forms["certificate"]:
        assert reading.read_key(data) == certified.public()
        assert refused(reading.opened, data).code == "AADB2C95026"
    for data in (*forms["jwk"][:1], *forms["jwk-set"][:1]):
        error = refused(reading.opened, data, password=PASSWORD)
        assert (error.target, "not encrypted" in error.message) == ("password", True)
    for data in forms["jwe"]:
        assert reading.read_key(data, password=PASSWORD).to_jwk(private=True) == rsa_jwk
        assert refused(reading.read_key, data).target == "password"
    (sealed,) = forms["sealed"]
    assert reading.read_key(sealed, with_key=attrs.evolve(certified, use="enc")) == oct_key
    assert refused(reading.read_key, sealed).target == "with_key"
    assert reading.read_key(text, use="enc", nbf=1, exp=2).use == "enc"


def test_a_version_that_there_is_not_is_no_certificate(certified: TrustFrameworkKey) -> None:
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


def test_words_before_pem_do_not_count(rsa_key: TrustFrameworkKey) -> None:
    data = b"Bag Attributes\n  friendlyName: x\n" + pem.to_pem(rsa_key, private=True)
    assert reading.read_key(data, use="sig") == rsa_key


def test_pem_may_hold_a_key_with_its_certificates(
    certified: TrustFrameworkKey, enc_key: TrustFrameworkKey
) -> None:
    chain = certificates.to_certificate_pem(certified)
    private = pem.to_pem(certified, private=True)
    encrypted = pem.to_encrypted_pem(certified)
    assert reading.read_key(private + chain) == certified
    assert reading.read_key(chain + private) == certified
    assert reading.read_key(chain + encrypted.data, password=encrypted.password) == certified
    authority = Authority()
    leaf = authority.issue_for(certified)
    bundle = [authority.root, authority.middle, leaf]
    text = b"".join(each.public_bytes(Encoding.PEM) for each in bundle)
    assert len(reading.read_key(text + private, use="sig").x5c) == 3
    # What is no certificate ends nothing and takes no time.
    hostile = private + chain + b"-----BEGIN CERTIFICATE-----\n" * 9_999
    assert reading.read_key(hostile) == certified
    other = pem.to_pem(attrs.evolve(enc_key, use="sig"), private=True)
    assert "none of the certificates" in refused(reading.read_key, chain + other).message
    assert refused(reading.read_key, private).code == "AADB2C90253"
    assert refused(reading.read_key, encrypted.data, use="sig").target == "password"


@given(st.binary(max_size=60) | st.from_regex(rb"-----BEGIN [A-Z ]{1,20}-----\n.{0,20}"))
def test_whatever_comes_is_read_or_refused_in_one_way(data: bytes) -> None:
    with suppress(InvalidInputError):
        reading.read_key(data, use="sig")
