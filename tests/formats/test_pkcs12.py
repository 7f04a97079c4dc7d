"""PKCS#12: openssl and the service open our files, and we open theirs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asn1crypto.cms import ContentInfo
from asn1crypto.core import OctetString
from asn1crypto.pkcs12 import AuthenticatedSafe
from asn1crypto.pkcs12 import Pfx as Pfx12
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, NoEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from tests.formats.helpers import (
    NOW,
    Authority,
    refused,
)
from tests.support import der, openssl
from trustkeys import TrustFrameworkKey
from trustkeys.formats import certificates, pem, pkcs12, reading
from trustkeys.formats.exported import Exported
from trustkeys.formats.pfx import Pfx

pytestmark = pytest.mark.usefixtures("test_keys_allowed")


@pytest.mark.deep
@pytest.mark.parametrize("write", [pkcs12.to_pkcs12, pkcs12.to_pkcs12_b2c])
def test_a_pfx_keeps_key_and_certificate(
    certified: TrustFrameworkKey, write: Callable[[TrustFrameworkKey], Exported]
) -> None:
    exported = write(certified)
    assert pkcs12.from_pkcs12(exported.data, exported.password) == certified
    found = reading.recognise(exported.data)
    assert (found.form, found.protection) == ("pkcs12", "passphrase")
    assert reading.read_key(exported.data, password=exported.password) == certified
    changed = pkcs12.from_pkcs12(exported.data, exported.password, nbf=1, exp=2, use="sig")
    assert (changed.nbf, changed.exp) == (1, 2)
    assert refused(pkcs12.from_pkcs12, exported.data, "").message == "the passphrase is wrong"
    for password in (None, exported.password + "0"):
        error = refused(pkcs12.from_pkcs12, exported.data, password)
        assert (error.code, error.target) == ("AADB2C95025", "password")
    assert refused(pkcs12.from_pkcs12, b"\x30\x00", "x").code == "AADB2C95025"
    assert "must be bytes" in refused(pkcs12.from_pkcs12, "text", "x").message
    error = refused(pkcs12.from_pkcs12, exported.data, exported.password, alias=5)
    assert error.message == "alias must be text, not 5"
    assert "it is another file, or" in refused(pkcs12.from_pkcs12, b"-----BEGIN", "x").message


@pytest.mark.deep
@pytest.mark.parametrize("write", [pkcs12.to_pkcs12, pkcs12.to_pkcs12_b2c])
def test_a_pfx_keeps_the_whole_chain(
    rsa_key: TrustFrameworkKey,
    authority: Authority,
    write: Callable[[TrustFrameworkKey], Exported],
) -> None:
    """Without its issuers a program that imports the PFX cannot verify the certificate."""
    chain = [authority.issue_for(rsa_key), authority.middle, authority.root]
    key = certificates.with_certificates(rsa_key, chain)
    exported = write(key)
    assert pkcs12.from_pkcs12(exported.data, exported.password, use="sig").x5c == key.x5c
    assert len(key.x5c) == 3


@pytest.mark.usefixtures("documented_rounds")
@pytest.mark.parametrize(
    ("write", "cipher"),
    [
        # PBES2 (RFC 8018 appendix A.4), and PBE-SHA1-3DES (RFC 7292 appendix C).
        (pkcs12.to_pkcs12, "2a864886f70d01050d"),
        (pkcs12.to_pkcs12_b2c, "2a864886f70d010c0103"),
    ],
)
def test_key_and_certificates_are_encrypted_as_documented(
    certified: TrustFrameworkKey, write: Callable[[TrustFrameworkKey], Exported], cipher: str
) -> None:
    data = write(certified).data
    assert data.count(bytes.fromhex(cipher)) == 2
    assert data.count(b"\x02\x03" + (100_000).to_bytes(3, "big")) == 2


@pytest.mark.deep
@pytest.mark.usefixtures("documented_rounds")
@pytest.mark.parametrize(
    ("write", "mac", "cipher"),
    [
        (pkcs12.to_pkcs12, "MAC: sha256", "PBES2, PBKDF2, AES-256-CBC"),
        (pkcs12.to_pkcs12_b2c, "MAC: sha1", "pbeWithSHA1And3-KeyTripleDES-CBC"),
    ],
)
def test_openssl_confirms_the_documented_algorithms(
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


@pytest.mark.deep
def test_a_pfx_of_another_program_is_read(
    rsa_key: TrustFrameworkKey, enc_key: TrustFrameworkKey, authority: Authority
) -> None:
    private = rsa_key.private_key()
    without = pfx(private, None)
    assert pkcs12.from_pkcs12(without, use="sig") == rsa_key
    assert refused(pkcs12.from_pkcs12, without).code == "AADB2C90253"
    leaf = authority.issue_for(rsa_key)
    assert pkcs12.from_pkcs12(pfx(private, leaf), use="enc").nbf == NOW
    assert refused(pkcs12.from_pkcs12, pfx(private, leaf)).code == "AADB2C90253"
    # Silence would suggest that the passphrase protects the file.
    error = refused(pkcs12.from_pkcs12, without, "x", use="sig")
    assert (error.target, "not encrypted" in error.message) == ("password", True)
    for data, message in (
        (pfx(None, leaf), "must hold a private RSA key"),
        (pfx(ec.generate_private_key(ec.SECP256R1()), None), "it is an EC key on P-256"),
    ):
        error = refused(pkcs12.from_pkcs12, data, use="sig")
        assert (error.code, message in error.message) == ("AADB2C95034", True)


def keystore(*parts: tuple[bytes, TrustFrameworkKey], password: bytes | None = None) -> bytes:
    """A PFX with several keys, each with a name and a certificate, as keytool writes it."""
    bags: list[Any] = []
    form: Any = NoEncryption() if password is None else BestAvailableEncryption(password)
    for name, key in parts:
        (own,) = certificates.certificates_of(key)
        one = serialize_key_and_certificates(name, key.private_key(), own, None, form)
        bags += Pfx12.load(one).authenticated_safe
    content = OctetString(AuthenticatedSafe(bags).dump())
    auth_safe = ContentInfo({"content_type": "data", "content": content})
    data: bytes = Pfx12({"version": "v3", "auth_safe": auth_safe}).dump()
    return data


@pytest.mark.filterwarnings("ignore:the file has no checksum", "ignore:left out 1 certificate")
@pytest.mark.parametrize("password", [None, pytest.param("x", marks=pytest.mark.deep)])
def test_of_two_keys_the_one_that_is_named_is_taken(
    certified: TrustFrameworkKey, enc_key: TrustFrameworkKey, password: str | None
) -> None:
    """OpenSSL takes the first one, and says nothing."""
    other = certificates.self_signed(enc_key, "CN=b")
    secret = None if password is None else password.encode()
    data = keystore((b"one", certified), (b"two", other), password=secret)
    error = refused(pkcs12.from_pkcs12, data, password, use="sig")
    assert (error.target, "2 private keys ('one' and 'two')" in error.message) == ("alias", True)
    for key, name in ((certified, "one"), (other, "two")):
        (own,) = certificates.certificates_of(key)
        thumbprints = [own.fingerprint(each).hex() for each in (SHA1(), SHA256())]
        for alias in (name, *thumbprints, thumbprints[1].upper(), key.x5t):
            found = reading.read_key(data, password=password, alias=alias)
            assert (found.kid, found.x5c) == (key.kid, key.x5c)
    error = refused(pkcs12.from_pkcs12, data, password, alias="three")
    assert "none of that name" in error.message
    same = keystore((b"one", certified), (b"one", other), password=secret)
    assert "2 of that name" in refused(pkcs12.from_pkcs12, same, password, alias="one").message
    assert refused(reading.read_key, b"{}", alias="one").target == "alias"


def written_by_openssl(
    certified: TrustFrameworkKey, folder: Path, password: str, options: tuple[str, ...]
) -> bytes:
    pair = pem.to_pem(certified, private=True) + certificates.to_certificate_pem(certified)
    folder.joinpath("pair.pem").write_bytes(pair)
    args = ("-export", "-in", "pair.pem", "-out", "a.pfx", "-passout", f"pass:{password}")
    openssl("pkcs12", *args, *options, cwd=folder)
    return folder.joinpath("a.pfx").read_bytes()


@pytest.mark.deep
@pytest.mark.parametrize("options", [(), ("-legacy",), ("-nomac",)])
@pytest.mark.filterwarnings("ignore:the file has no checksum")
def test_an_empty_passphrase_opens_a_pfx(
    certified: TrustFrameworkKey, tmp_path: Path, options: tuple[str, ...]
) -> None:
    data = written_by_openssl(certified, tmp_path, "", options)
    for password in (None, ""):
        assert pkcs12.from_pkcs12(data, password, use="sig").x5c == certified.x5c
    assert "not encrypted" in refused(pkcs12.from_pkcs12, data, "x").message


@pytest.mark.deep
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("-nokeys",), "it holds 1 certificate"),
        (("-keypbe", "NONE", "-certpbe", "NONE"), None),
        (("-legacy", "-certpbe", "PBE-SHA1-RC2-40"), None),
        (("-legacy", "-keypbe", "camellia-256-cbc"), None),
        (("-macalg", "sha512"), None),
    ],
)
def test_what_openssl_writes_is_read_or_named(
    certified: TrustFrameworkKey, tmp_path: Path, options: tuple[str, ...], words: str | None
) -> None:
    data = written_by_openssl(certified, tmp_path, "x", options)
    if words is None:
        assert pkcs12.from_pkcs12(data, "x", use="sig").x5c == certified.x5c
    else:
        assert words in refused(pkcs12.from_pkcs12, data, "x").message
    assert refused(pkcs12.from_pkcs12, data, "y").message == "the passphrase is wrong"


@pytest.mark.usefixtures("documented_rounds")
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ((100_000).to_bytes(3), (8_000_000).to_bytes(3), "8000000 rounds of PBKDF2"),
        (b"\x02\x02\x08\x00", b"\x02\x02\xff\xff", "rounds"),
        (bytes.fromhex("60864801650304012a"), bytes.fromhex("60864801650304012e"), "AES-256-GCM"),
    ],
)
def test_a_pfx_that_costs_too_much_is_refused_before_it_is_opened(
    certified: TrustFrameworkKey, old: bytes, new: bytes, words: str
) -> None:
    data = pkcs12.to_pkcs12(certified).data
    changed = data.replace(old, new)
    assert changed != data
    for password in (None, "x"):
        assert words in refused(pkcs12.from_pkcs12, changed, password).message


def test_a_large_key_or_a_changed_file_is_named(certified: TrustFrameworkKey) -> None:
    exported = pkcs12.to_pkcs12(certified)
    name = certified.kid[:8].encode("utf-16-be")
    assert name in exported.data
    changed = exported.data.replace(name, name[::-1])
    error = refused(pkcs12.from_pkcs12, changed, exported.password)
    assert "the file was changed" in error.message
    assert "cut off" in refused(pkcs12.from_pkcs12, exported.data[:-1], "x").message


def test_a_key_that_takes_seconds_to_check_is_refused(certified: TrustFrameworkKey) -> None:
    (own,) = certificates.certificates_of(certified)
    data = pfx(certified.private_key(), own)
    structure = Pfx12.load(data)
    assert Pfx.parse(data) is not None
    padded = structure.authenticated_safe[0]["content"].native
    bag_id = bytes.fromhex("060b2a864886f70d010c0a0101")
    large = der(0x30, der(0x30, bag_id, der(0xA0, der(0x30, bytes(4000)))))
    assert len(padded) < len(large)
    content = ContentInfo({"content_type": "data", "content": OctetString(large)})
    safe = OctetString(AuthenticatedSafe([content]).dump())
    auth_safe = ContentInfo({"content_type": "data", "content": safe})
    hostile = Pfx12({"version": "v3", "auth_safe": auth_safe}).dump()
    assert "larger keys are not read" in refused(pkcs12.from_pkcs12, hostile).message


def test_a_pfx_that_holds_nothing_is_refused() -> None:
    from asn1crypto import pkcs12 as asn1

    contents = asn1.AuthenticatedSafe([]).dump()
    pfx = {"version": "v3", "auth_safe": {"content_type": "data", "content": contents}}
    assert "it holds nothing" in str(refused(pkcs12.from_pkcs12, asn1.Pfx(pfx).dump()))
