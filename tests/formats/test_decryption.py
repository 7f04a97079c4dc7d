"""Encrypted PKCS#8 as DER forbids it, and programs write it all the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from asn1crypto.keys import EncryptedPrivateKeyInfo
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.padding import PKCS7

from tests.formats.bags import SALT, indefinite, octets, oid, pkcs8, sequence
from tests.formats.helpers import refused
from tests.formats.test_pem_blocks import block
from tests.support import der, encrypted_pkcs8, openssl
from trustkeys import TrustFrameworkKey
from trustkeys.formats import pem, protection
from trustkeys.formats.reading import read_key, recognise

pytestmark = pytest.mark.usefixtures("unproved", "test_keys_allowed")

PASSWORD = "secret"
SHA1 = sequence(oid("1.2.840.113549.2.7"), der(5))


def encrypted(content: bytes, *optional: bytes) -> bytes:
    """Encrypt with HMAC-SHA-1, the default, and AES-256; PBKDF2 gets optional parameters."""
    key = PBKDF2HMAC(hashes.SHA1(), 32, SALT, 1).derive(PASSWORD.encode())
    padder, encryptor = PKCS7(128).padder(), Cipher(AES(key), CBC(bytes(16))).encryptor()
    padded = padder.update(content) + padder.finalize()
    parameters = sequence(octets(SALT), der(2, b"\1"), *optional)
    function = sequence(oid("1.2.840.113549.1.5.12"), parameters)
    cipher = sequence(oid("2.16.840.1.101.3.4.1.42"), octets(bytes(16)))
    algorithm = sequence(oid("1.2.840.113549.1.5.13"), sequence(function, cipher))
    return sequence(algorithm, octets(encryptor.update(padded) + encryptor.finalize()))


@pytest.mark.parametrize("optional", [(), (SHA1,), (der(2, b"\x20"),), (der(2, b"\x20"), SHA1)])
def test_a_default_may_be_written_out_and_lengths_left_out(
    rsa_key: TrustFrameworkKey, optional: tuple[bytes, ...]
) -> None:
    data = encrypted(pkcs8(rsa_key), *optional)
    for each in (data, indefinite(data), b"\x30\x83\x00" + data[2:]):
        found = recognise(each)
        assert (found.form, found.protection) == ("der", "passphrase")
        assert read_key(each, use="sig", password=PASSWORD) == rsa_key
        assert refused(read_key, each, use="sig", password="other").target == "password"


def test_a_length_that_the_cipher_does_not_have_is_named(rsa_key: TrustFrameworkKey) -> None:
    data = encrypted(pkcs8(rsa_key), der(2, b"\x10"))
    message = refused(read_key, data, use="sig", password=PASSWORD).message
    assert "trustkeys does not read its encryption, PBES2 with hmacWithSHA1 and AES-256-CBC" in (
        message
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (sequence(der(2, b"\0")), "the passphrase opens it, and it holds no key as PKCS#8"),
        (b"no sequence", "the passphrase is wrong, or the file was changed"),
    ],
)
def test_what_is_inside_and_no_key_is_told_from_a_wrong_passphrase(
    content: bytes, words: str
) -> None:
    data = encrypted(content)
    assert refused(read_key, data, use="sig", password=PASSWORD).message == words


def with_algorithms(*, outer: str = "", prf: str = "", cipher: str = "") -> bytes:
    """PKCS#8 that nothing decrypts, of other algorithms."""
    if outer:
        parameters = sequence(octets(SALT), der(2, b"\1"))
        return sequence(sequence(oid(outer), parameters), octets(bytes(1232)))
    derivation = sequence(octets(SALT), der(2, b"\1"), sequence(oid(prf or SHA256), der(5)))
    function = sequence(oid("1.2.840.113549.1.5.12"), derivation)
    iv = octets(bytes(8 if cipher in (RC2, DES3) else 16))
    iv = sequence(der(2, b"\0\xa0"), iv) if cipher == RC2 else iv
    scheme = sequence(oid(cipher or AES256), iv)
    algorithm = sequence(oid("1.2.840.113549.1.5.13"), sequence(function, scheme))
    return sequence(algorithm, octets(bytes(1232)))


SHA256, AES256 = "1.2.840.113549.2.9", "2.16.840.1.101.3.4.1.42"
RC2, DES3 = "1.2.840.113549.3.2", "1.2.840.113549.3.7"

READ = {
    *("PBE-MD5-DES", "PBE-SHA1-RC4-128", "PBE-SHA1-3DES", "PBE-SHA1-RC2-40", "DES-EDE3-CBC"),
    *("AES-128-CBC", "AES-192-CBC", "AES-256-CBC"),
    *(f"hmacWith{name}" for name in ("MD5", "SHA1", "SHA224", "SHA256", "SHA384", "SHA512")),
    *("hmacWithSHA512-224", "hmacWithSHA512-256"),
    *(f"hmacWithSHA3-{size}" for size in (224, 256, 384, 512)),
}
"""What a passphrase can open, so that here it is wrong."""


@pytest.mark.parametrize("place", ["outer", "prf", "cipher"])
def test_no_algorithm_that_is_not_read_is_called_a_wrong_passphrase(place: str) -> None:
    """People search for the right one, in vain."""
    for dotted, name in {**protection.NAMES, "1.2.3.4": "1.2.3.4"}.items():
        is_outer = name.startswith("PBE-")
        if name in ("scrypt", "PBKDF2") or is_outer != (place == "outer"):
            continue
        if not is_outer and name.startswith("hmac") != (place == "prf") and dotted != "1.2.3.4":
            continue
        data = with_algorithms(**{place: dotted})
        for password in (PASSWORD, None):
            error = refused(read_key, data, use="sig", password=password)
            if name in READ:
                assert error.target == "password", name
                continue
            assert name in error.message
            assert "openssl pkey -provider legacy" in error.message


@pytest.mark.parametrize(("version", "bits"), [(160, "40"), (120, "64"), (256, "other than 128")])
def test_rc2_that_is_not_read_is_named_with_its_length(version: int, bits: str) -> None:
    written = der(2, version.to_bytes(2))  # RFC 8018 appendix B.2.3
    data = with_algorithms(cipher=RC2).replace(der(2, b"\0\xa0"), written)
    error = refused(read_key, data, use="sig", password=PASSWORD)
    assert f"RC2-CBC of {bits} bits; to convert" in error.message


def test_parameters_without_meaning_do_not_hide_that_it_is_encrypted() -> None:
    """OpenSSL writes such octets with -v2 AES-128-WRAP-PAD."""
    function = sequence(oid("1.2.840.113549.1.5.12"), sequence(octets(SALT), der(2, b"\1")))
    scheme = sequence(oid("2.16.840.1.101.3.4.1.8"), b"\x3f\x80\0\0")
    algorithm = sequence(oid("1.2.840.113549.1.5.13"), sequence(function, scheme))
    data = sequence(algorithm, octets(bytes(1232)))
    message = refused(read_key, data, use="sig", password=PASSWORD).message
    assert "trustkeys does not read its encryption, a broken algorithm" in message


def test_a_key_that_is_protected_with_scrypt_is_read(rsa_key: TrustFrameworkKey) -> None:
    key = Scrypt(SALT, 32, 2, 1, 1).derive(PASSWORD.encode())
    padder, encryptor = PKCS7(128).padder(), Cipher(AES(key), CBC(bytes(16))).encryptor()
    padded = padder.update(pkcs8(rsa_key)) + padder.finalize()
    content = encryptor.update(padded) + encryptor.finalize()
    data = encrypted_pkcs8("scrypt", SALT, 2, 1, 1)
    algorithm = EncryptedPrivateKeyInfo.load(data)["encryption_algorithm"].dump()
    assert read_key(sequence(algorithm, octets(content)), use="sig", password=PASSWORD) == rsa_key


def test_scrypt_with_a_cipher_that_is_not_read_is_named() -> None:
    data = encrypted_pkcs8("scrypt", SALT, 2, 1, 1)
    data = data.replace(oid(AES256), oid("2.16.840.1.101.3.4.1.46"))
    message = refused(read_key, data, use="sig", password=PASSWORD).message
    assert "its encryption, PBES2 with scrypt and AES-256-GCM; to convert it: openssl" in message


@pytest.mark.parametrize(
    "name", ["AES-192-CBC", "DES-CBC", "RC2-CBC", "BF-CBC", "CAMELLIA-256-CBC", "SEED-CBC", "x-Y-1"]
)
def test_an_algorithm_in_a_header_of_pem_is_named(rsa_key: TrustFrameworkKey, name: str) -> None:
    headers = f"Proc-Type: 4,ENCRYPTED\nDEK-Info: {name},{'0' * 16}\n\n"
    data = block("RSA PRIVATE KEY", bytes(64), headers).encode()
    for password in (PASSWORD, None):
        message = refused(read_key, data, use="sig", password=password).message
        assert f"trustkeys does not read its encryption, {name} in its PEM header" in message
        assert "openssl pkey -provider legacy" in message


@pytest.mark.deep
@pytest.mark.parametrize(
    "options", ["-v1 PBE-SHA1-3DES", "-v1 PBE-MD5-DES", "-v2 rc2-cbc -v2prf hmacWithSHA1"]
)
def test_outdated_algorithms_are_read_from_ber_too(
    rsa_key: TrustFrameworkKey, tmp_path: Path, options: str
) -> None:
    """The loader of cryptography reads them, from DER alone."""
    (tmp_path / "key.pem").write_bytes(pem.to_pem(rsa_key, private=True))
    legacy = ("-provider", "legacy", "-provider", "default")
    args = (*options.split(), *legacy, "-in", "key.pem", "-passout", "env:PW", "-iter", "1")
    made = ("-outform", "DER", "-out", "new.der")
    openssl("pkcs8", "-topk8", *args, *made, cwd=tmp_path, password=PASSWORD)
    data = (tmp_path / "new.der").read_bytes()
    files = [data, indefinite(data)]
    if "rc2" in options:
        info = EncryptedPrivateKeyInfo.load(data)
        parameters = info["encryption_algorithm"]["parameters"]
        function = parameters["key_derivation_func"]["parameters"].contents + SHA1
        derivation = sequence(oid("1.2.840.113549.1.5.12"), sequence(function))
        schemes = sequence(derivation, parameters["encryption_scheme"].dump())
        algorithm = sequence(oid("1.2.840.113549.1.5.13"), schemes)
        files.append(sequence(algorithm, info["encrypted_data"].dump()))
    for each in files:
        assert read_key(each, use="sig", password=PASSWORD) == rsa_key
        assert refused(read_key, each, use="sig", password="other").target == "password"
