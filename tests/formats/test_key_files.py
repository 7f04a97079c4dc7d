"""Keys as programs write them: read with the same numbers, or refused with the true reason."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import core, keys
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.formats.helpers import PASSWORD, private_bytes, public_bytes, refused
from tests.formats.test_pem_blocks import block
from tests.support import der, openssl
from trustkeys import TrustFrameworkKey, testing
from trustkeys.formats import key_files, pem, reading

pytestmark = pytest.mark.usefixtures("test_keys_allowed")

NULL = der(5)
RSA = der(6, bytes.fromhex("2a864886f70d010101"))
PSS = der(6, bytes.fromhex("2a864886f70d01010a"))
OAEP = der(6, bytes.fromhex("2a864886f70d010107"))


@pytest.fixture
def pkcs1(rsa_key: TrustFrameworkKey) -> bytes:
    return private_bytes(rsa_key.private_key(), Encoding.DER, PrivateFormat.TraditionalOpenSSL)


def pkcs8(
    pkcs1: bytes, algorithm: bytes = RSA + NULL, version: int = 0, more: bytes = b""
) -> bytes:
    return der(0x30, der(2, bytes([version])), der(0x30, algorithm), der(4, pkcs1), more)


def indefinite(data: bytes) -> bytes:
    """A sequence in BER: without its length, and with the strings in it in two parts."""
    found = core.Sequence.load(data)
    parts = [found[number].dump() for number in range(len(found))]
    content = found[2].native
    parts[2] = b"\x24\x80" + der(4, content[:9]) + der(4, content[9:]) + b"\0\0"
    return b"\x30\x80" + b"".join(parts) + b"\0\0"


@pytest.mark.deep
def test_pkcs8_is_read_in_all_its_forms(rsa_key: TrustFrameworkKey, pkcs1: bytes) -> None:
    attribute = der(0x30, der(6, b"\x2a\x03"), der(0x31, der(12, b"x")))
    public = rsa_key.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    for data in (
        pkcs8(pkcs1),
        pkcs8(pkcs1, RSA),
        pkcs8(pkcs1, more=der(0xA0, attribute)),
        pkcs8(pkcs1, version=1, more=der(0x81, b"\0" + public)),
        pkcs8(pkcs1, version=1, more=der(0xA0, attribute) + der(0x81, b"\0" + public)),
        indefinite(pkcs8(pkcs1)),
        b"\x30\x83\x00" + pkcs1[2:],
        pkcs1,
    ):
        for label in ("PRIVATE KEY", "RSA PRIVATE KEY", "ANY PRIVATE KEY"):
            assert pem.from_pem(block(label, data).encode(), use="sig") == rsa_key
        for end in (b"", b"\n", b"\r\n"):
            assert reading.read_key(data + end, use="sig") == rsa_key
        error = refused(reading.read_key, data + b"rest", use="sig")
        assert "4 bytes follow the key" in error.message
        error = refused(pem.from_pem, block("PRIVATE KEY", data[:-9]).encode(), use="sig")
        assert "broken" in error.message


def test_a_public_key_is_read_under_either_label(rsa_key: TrustFrameworkKey) -> None:
    for form in (PublicFormat.PKCS1, PublicFormat.SubjectPublicKeyInfo):
        data = rsa_key.public_key().public_bytes(Encoding.DER, form)
        for label in ("PUBLIC KEY", "RSA PUBLIC KEY"):
            assert pem.from_pem(block(label, data).encode(), use="sig") == rsa_key.public()
        assert reading.read_key(data, use="sig") == rsa_key.public()


def test_a_private_key_under_a_public_label_is_said_to_be_private(
    rsa_key: TrustFrameworkKey, pkcs1: bytes
) -> None:
    with pytest.warns(UserWarning, match="the key is private, though its label is PUBLIC KEY"):
        assert pem.from_pem(block("PUBLIC KEY", pkcs1).encode(), use="sig") == rsa_key


def test_a_few_copies_of_a_key_are_one_and_many_are_refused_unread(
    rsa_key: TrustFrameworkKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = pem.to_pem(rsa_key)
    assert reading.read_key(one * 10, use="sig") == reading.read_key(one, use="sig")
    # The public key of each costs a millisecond or more, such as of an EC key without one.
    monkeypatch.setattr(key_files, "read_plain_key", None)
    assert "one key, not 11" in refused(reading.read_key, one * 11, use="sig").message


@pytest.mark.parametrize("header", ["aes-256-cbc,", "AES-256-CBC ,\t", "Aes-256-CBC, "])
def test_the_spelling_of_a_header_is_no_wrong_passphrase(
    rsa_key: TrustFrameworkKey, header: str
) -> None:
    form = PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(PASSWORD.encode())
    data = rsa_key.private_key().private_bytes(Encoding.PEM, *form)
    changed = data.replace(b"AES-256-CBC,", header.encode())
    assert changed != data
    assert reading.read_key(changed, use="sig", password=PASSWORD).kid == rsa_key.kid


def test_an_outdated_encryption_opens_no_key_that_is_too_large(pkcs1: bytes) -> None:
    # OpenSSL would compute the public number of a DSA key of any size.
    for size, words in ((3072, "passphrase is missing"), (3080, "takes 3080 bytes")):
        data = keys.EncryptedPrivateKeyInfo(
            {
                "encryption_algorithm": {
                    "algorithm": "pkcs12_sha1_tripledes_3key",
                    "parameters": {"salt": b"12345678", "iterations": 1},
                },
                "encrypted_data": bytes(size),
            }
        )
        assert words in refused(reading.read_key, data.dump(), use="sig").message


@pytest.mark.parametrize(
    ("oid", "allowed", "name"), [(PSS, "sig", "RSASSA-PSS"), (OAEP, "enc", "RSAES-OAEP")]
)
def test_a_key_for_one_algorithm_alone_keeps_its_use(
    pkcs1: bytes, rsa_key: TrustFrameworkKey, oid: bytes, allowed: str, name: str
) -> None:
    public = rsa_key.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    spki = der(0x30, der(0x30, oid), der(3, b"\0" + public))
    other = {"sig": "enc", "enc": "sig"}[allowed]
    for data in (pkcs8(pkcs1, oid), block("PRIVATE KEY", pkcs8(pkcs1, oid)).encode(), spki):
        error = refused(reading.read_key, data, use=other)
        assert (error.target, f"{name} alone" in error.message) == ("use", True)
        for use in (allowed, None):
            with pytest.warns(UserWarning, match=f"for {name} alone, and it becomes one for any"):
                assert reading.read_key(data, use=use).use == allowed


CURVES: dict[str, ec.EllipticCurve] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
    "secp256k1": ec.SECP256K1(),
}
OTHERS: dict[str, Any] = {
    "an Ed25519 key": ed25519.Ed25519PrivateKey.generate(),
    **{f"an EC key on {name}": ec.generate_private_key(curve) for name, curve in CURVES.items()},
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_key_of_another_kind_is_named(name: str) -> None:
    key = OTHERS[name]
    pkcs8, old = PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL
    files: list[tuple[bytes, str | None]] = []
    for encoding in (Encoding.PEM, Encoding.DER):
        files += [
            (public_bytes(key, encoding), None),
            (private_bytes(key, encoding, pkcs8), None),
            (private_bytes(key, encoding, pkcs8, PASSWORD), PASSWORD),
        ]
        if "EC" in name:
            files.append((private_bytes(key, encoding, old), None))
    for data, password in files:
        error = refused(reading.read_key, data, use="sig", password=password)
        assert (error.code, f"RSA key, and it is {name}" in error.message) == ("AADB2C95034", True)


def test_openssh_and_openpgp_are_named() -> None:
    key = OTHERS["an Ed25519 key"]
    data = private_bytes(key, form=PrivateFormat.OpenSSH)
    error = refused(reading.read_key, data, use="sig")
    assert "an ssh-ed25519 key in OpenSSH's own form" in error.message
    assert "ssh-keygen -p -m PKCS8" in error.message
    data = block("PGP PRIVATE KEY BLOCK", b"x").encode()
    assert "an OpenPGP key" in refused(pem.from_pem, data, use="sig").message
    legacy = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n"
    for name, kind in (("EC", "an EC key"), ("DSA", "a DSA key"), ("DH", "a Diffie-Hellman key")):
        data = block(f"{name} PRIVATE KEY", b"x", legacy).encode()
        assert kind in refused(pem.from_pem, data, use="sig").message
    data = block("TSS2 PRIVATE KEY", b"\x30\0").encode()
    assert "sealed in a TPM" in refused(reading.read_key, data, use="sig").message


def test_more_than_two_primes_are_counted(pkcs1: bytes) -> None:
    number = der(2, b"\5")
    body = pkcs1[4:].replace(b"\2\1\0", b"\2\1\1", 1)
    for more in (1, 2):
        others = der(0x30, *[der(0x30, number, number, number)] * more)
        for data in (der(0x30, body, others), pkcs8(der(0x30, body, others))):
            message = refused(reading.read_key, data, use="sig").message
            assert f"it is an RSA key of {2 + more} primes" in message


def test_what_else_is_in_the_file_is_named(rsa_key: TrustFrameworkKey, pkcs1: bytes) -> None:
    data = "".join(
        block(each, b"x") for each in ("X509 CRL", "EC PARAMETERS", "CERTIFICATE REQUEST")
    )
    data += block("RSA PRIVATE KEY", pkcs1)
    with pytest.warns(UserWarning, match="X509 CRL and CERTIFICATE REQUEST in the file was left"):
        assert reading.read_key(data.encode(), use="sig") == rsa_key


@pytest.mark.parametrize(
    "info",
    [
        *("AES-256-CBC", "AES-256-CBC,", "AES-256-CBC,00", "", ","),
        *("AES-128-CBC," + "0" * 31, "DES-EDE3-CBC," + "0" * 32, "AES-256-CBC," + "g" * 32),
    ],
)
def test_a_broken_vector_does_not_reach_openssl(
    pkcs1: bytes, info: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Cryptography panics on a short one, and prints that."""
    headers = f"Proc-Type: 4,ENCRYPTED\nDEK-Info: {info}\n\n"
    data = block("RSA PRIVATE KEY", pkcs1, headers).encode()
    for password in ("any", None):
        message = refused(reading.read_key, data, use="sig", password=password).message
        assert "the line DEK-Info of its PEM is broken" in message
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_a_key_that_is_too_large_is_refused_without_proof(form: PrivateFormat) -> None:
    """OpenSSL takes seconds to check one."""
    numbers = [der(2, b"\0" + b"\xff" * size) for size in (1024, 3, 1024, 512, 512, 512, 512, 512)]
    data = der(0x30, der(2, b"\0"), *numbers)
    data = pkcs8(data) if form is PrivateFormat.PKCS8 else data
    assert "at most 4096 bits, not 8192" in refused(reading.read_key, data, use="sig").message
    data = pkcs8(der(0x30, der(2, b"\0"), *[der(2, b"\xff" * 300)] * 8))
    assert "a number that is not positive" in refused(reading.read_key, data, use="sig").message


@given(st.binary(max_size=40), st.integers(0, 1250), st.booleans())
def test_a_changed_file_is_read_or_refused(data: bytes, place: int, plain: bool) -> None:
    key = testing.rsa_key(0)
    whole = pem.to_der(key, private=True) if plain else ENCRYPTED
    changed = whole[:place] + data + whole[place + len(data) :]
    try:
        found = pem.from_pem(changed, use="sig", password=None if plain else PASSWORD)
    except ValueError as error:
        assert error.__context__ is None
    else:
        assert found.kty == "RSA"


ENCRYPTED = private_bytes(
    testing.rsa_key(0).private_key(), Encoding.DER, PrivateFormat.PKCS8, PASSWORD
)


def written_by_openssl(folder: Path, key: Path) -> list[tuple[str, Path]]:
    """The key in every encryption that the openssl command can write."""
    legacy = ("-provider", "legacy", "-provider", "default")
    listed = openssl("list", "-cipher-algorithms", *legacy)
    ciphers = sorted({word.strip("{},") for word in listed.split() if word[:1].isalpha()})
    schemes: tuple[str, ...] = (
        "PBE-MD5-DES",
        "PBE-SHA1-DES",
        "PBE-SHA1-3DES",
        "PBE-SHA1-2DES",
        "PBE-SHA1-RC2-40",
    )
    schemes += ("PBE-SHA1-RC2-128", "PBE-SHA1-RC4-128", "PBE-SHA1-RC4-40", "PBE-MD5-RC2-64")
    prfs = ("MD5", "SHA1", "SHA224", "SHA256", "SHA384", "SHA512", "SHA512-224", "SHA512-256")
    options: list[tuple[str, ...]]
    options = [("pkcs8", "-topk8", "-v2", cipher) for cipher in ciphers]
    options += [("pkcs8", "-topk8", "-v1", scheme) for scheme in schemes]
    options += [("pkcs8", "-topk8", "-v2", "aes256", "-v2prf", f"hmacWith{prf}") for prf in prfs]
    options += [("rsa", "-traditional", f"-{cipher}") for cipher in ciphers]
    options += [("pkcs8", "-topk8", "-scrypt")]
    made = []
    for number, words in enumerate(options):
        target = folder / f"{number}.pem"
        args = (*words, *legacy, "-in", str(key), "-passout", "env:PW", "-out", str(target))
        try:
            openssl(*args, password=PASSWORD)
        except AssertionError:  # no cipher for files
            continue
        made.append((" ".join(words), target))
    return made


@pytest.mark.deep
def test_every_encryption_of_openssl_is_read_or_named(
    rsa_key: TrustFrameworkKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = tmp_path / "plain.pem"
    plain.write_bytes(pem.to_pem(rsa_key, private=True))
    monkeypatch.setattr("trustkeys.core.rsa.RSAStrategy.prove", lambda *_: None)
    made = written_by_openssl(tmp_path, plain)
    read, named, converted = 0, 0, 0
    for what, file in made:
        data = file.read_bytes()
        try:
            key = reading.read_key(data, use="sig", password=PASSWORD)
        except ValueError as error:
            problem = str(error)
        else:
            assert key == rsa_key
            read += 1
            continue
        named += 1
        assert "trustkeys does not read its encryption" in problem, what
        if family := re.search("AES|ARIA|CAMELLIA|CAST5|DES|RC2|RC4|SEED|SM4", what.upper()):
            # openssl writes its key wrap without parameters.
            assert family[0] in problem or "broken" in problem, what
        if named % 8 == 0:
            converted += is_converted(problem, file, tmp_path / "new.pem", rsa_key)
    assert read > 20
    assert named > 50
    assert converted > 5


def is_converted(problem: str, file: Path, new: Path, key: TrustFrameworkKey) -> bool:
    """Run the command that an error recommends, unless openssl cannot read its own file."""
    passphrases = ("-passin", "env:PW", "-passout", "env:PW")
    command = problem.split("to convert it: openssl ")[1].split(" (", maxsplit=1)[0].split()
    args = [{"FILE": str(file), "NEW.pem": str(new)}.get(word, word) for word in command]
    try:
        openssl(*args[: args.index("-aes256")], *passphrases, "-noout", password=PASSWORD)
    except AssertionError:
        return False
    openssl(*args, *passphrases, password=PASSWORD)
    assert reading.read_key(new.read_bytes(), use="sig", password=PASSWORD) == key
    return True
