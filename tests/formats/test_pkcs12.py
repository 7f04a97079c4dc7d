"""PKCS#12: openssl and the service open our files, and we open theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    NoEncryption,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from tests.formats.helpers import (
    NOW,
    Authority,
    refused,
)
from tests.support import openssl
from trustkeys import TrustFrameworkKey
from trustkeys.formats import certificates, pkcs12, reading
from trustkeys.formats.exported import Exported

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
    assert refused(pkcs12.from_pkcs12, exported.data, "").target == "password"
    for password in (None, exported.password + "0"):
        error = refused(pkcs12.from_pkcs12, exported.data, password)
        assert (error.code, error.target) == ("AADB2C95025", "password")
    assert refused(pkcs12.from_pkcs12, b"\x30\x00", "x").code == "AADB2C95025"
    assert "must be bytes" in refused(pkcs12.from_pkcs12, "text", "x").message


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
        (pfx(ec.generate_private_key(ec.SECP256R1()), None), "must hold a private RSA key"),
    ):
        error = refused(pkcs12.from_pkcs12, data, use="sig")
        assert (error.code, message in error.message) == ("AADB2C95034", True)
