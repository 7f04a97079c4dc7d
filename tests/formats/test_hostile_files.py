"""Files that ask for much: each is answered within 5 seconds of CPU and 300 MB, or by Ctrl-C."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from asn1crypto import core, keys, pkcs12
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import PBES, serialize_key_and_certificates

from tests.support import COMMAND, b64, encrypted_pkcs8, public_rsa, sound_modulus
from trustkeys import testing
from trustkeys.core.numericdate import utc
from trustkeys.formats import certificates, pem

pytestmark = [
    pytest.mark.deep,
    pytest.mark.skipif(os.name == "nt", reason="Windows has no resource usage of children"),
]

CPU, MEMORY = 5, 300
SECRET = "fuzz"


def pfx(*, mac_rounds: int = 1, rounds: int = 1) -> bytes:
    """A PFX with other numbers of rounds than it was made with."""
    key = certificates.self_signed(testing.rsa_key(0), "CN=a", nbf=0, exp=2**31)
    encryption = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(1)
        .key_cert_algorithm(PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .hmac_hash(SHA256())
        .build(SECRET.encode())
    )
    leaf = certificates.certificates_of(key)[0]
    data = serialize_key_and_certificates(None, key.private_key(), leaf, None, encryption)
    made = pkcs12.Pfx.load(data)
    made["mac_data"]["iterations"] = mac_rounds
    contents = made.authenticated_safe
    for content in contents:
        if content["content_type"].native == "encrypted_data":
            algorithm = content["content"]["encrypted_content_info"]["content_encryption_algorithm"]
            algorithm["parameters"]["iterations"] = rounds
    made["auth_safe"]["content"] = core.OctetString(contents.dump(force=True))
    dumped: bytes = made.dump(force=True)
    return dumped


def authority(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, number: int) -> bytes:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name.from_rfc4514_string("CN=a"))
        .issuer_name(x509.Name.from_rfc4514_string("CN=a"))
        .public_key(key.public_key())
        .serial_number(number + 1)
        .not_valid_before(utc(0))
        .not_valid_after(utc(2**31))
        .sign(key, SHA256())
        .public_bytes(Encoding.PEM)
    )


def many_certificates() -> bytes:
    """Certificates that all could have issued each other, of a slow curve."""
    leaf = certificates.self_signed(testing.rsa_key(0), "CN=a", nbf=0, exp=2**31)
    slow = ec.generate_private_key(ec.BrainpoolP512R1())
    chain = b"".join(authority(slow, number) for number in range(2810))
    return certificates.to_certificate_pem(leaf) + chain


def long_exponent() -> bytes:
    """A certificate whose issuer has an RSA key with an exponent of 3,070 bits."""
    leaf = certificates.self_signed(testing.rsa_key(0), "CN=a", nbf=0, exp=2**31)
    (certificate,) = certificates.certificates_of(leaf)
    issuer = x509.load_pem_x509_certificate(
        authority(testing.rsa_key(1, size=3072).private_key(), 1)
    )
    der = issuer.public_bytes(Encoding.DER)
    n = issuer.public_key().public_numbers().n  # type: ignore[union-attr]
    exponent = (n >> 2 | 1 << 3069 | 1).to_bytes(384).lstrip(b"\0")
    numbers = core.SequenceOf([n, int.from_bytes(exponent)], spec=core.Integer)
    certificate_of = x509_of(der, numbers.dump())
    return certificate.public_bytes(Encoding.PEM) + pem_of("CERTIFICATE", certificate_of)


def x509_of(der: bytes, public_key: bytes) -> bytes:
    made = asn1.Certificate.load(der)
    info = made["tbs_certificate"]["subject_public_key_info"]
    info["public_key"] = keys.RSAPublicKey.load(public_key)
    dumped: bytes = made.dump(force=True)
    return dumped


def pem_of(label: str, der: bytes) -> bytes:
    text = base64.encodebytes(der).decode()
    return f"-----BEGIN {label}-----\n{text}-----END {label}-----\n".encode()


def many_private_keys() -> bytes:
    keys = [testing.rsa_key(number, size=4096) for number in range(20)]
    jwks = [key.to_jwk(private=True) for key in keys]
    repeated = [{**jwks[number % 20], "kid": f"k{number}"} for number in range(5000)]
    return json.dumps({"id": "a", "keys": repeated}).encode()


def many_recipients() -> bytes:
    protected = b64(json.dumps({"enc": "A256GCM"}).encode())
    one = {"header": {"alg": "PBES2-HS512+A256KW", "p2c": 600_000, "p2s": b64(b"x" * 16)}}
    recipient = {**one, "encrypted_key": b64(b"x" * 40)}
    parts = {"iv": b64(b"x" * 12), "ciphertext": b64(b"x"), "tag": b64(b"x" * 16)}
    return json.dumps({"protected": protected, "recipients": [recipient] * 9999, **parts}).encode()


def traditional_without_iv() -> bytes:
    text = base64.encodebytes(b"x" * 64).decode()
    headers = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,\n\n"
    return (
        f"-----BEGIN RSA PRIVATE KEY-----\n{headers}{text}-----END RSA PRIVATE KEY-----\n".encode()
    )


def base64_of_base64() -> bytes:
    data = b"0" * 6_000_000
    for _ in range(4):
        data = base64.b64encode(data)
        if len(data) > 16_000_000:
            break
    return data


FILES: dict[str, Callable[[], bytes]] = {
    "PKCS#8, 2^31 rounds": lambda: encrypted_pkcs8("pbkdf2", b"x" * 8, 2**31),
    "PKCS#8, 2^32 rounds": lambda: encrypted_pkcs8("pbkdf2", b"x" * 8, 2**32),
    "PKCS#8, scrypt N=2^20": lambda: encrypted_pkcs8("scrypt", b"x" * 8, 2**20, 8, 1),
    "PKCS#8, scrypt N=2^40": lambda: encrypted_pkcs8("scrypt", b"x" * 8, 2**40, 8, 1),
    "PKCS#8, scrypt N=1000": lambda: encrypted_pkcs8("scrypt", b"x" * 8, 1000, 8, 1),
    "PFX, MAC of 2^31 rounds": lambda: pfx(mac_rounds=2**31 - 1),
    "PFX, bags of 16.8 million rounds": lambda: pfx(rounds=16_800_000),
    "old PEM without an IV": traditional_without_iv,
    "chain of 2,810 certificates": many_certificates,
    "issuer with a long exponent": long_exponent,
    "JSON nested deep": lambda: b'{"keys":' + b"[" * 8_000_000,
    "JSON of 8 million numbers": lambda: b'{"keys":[' + b"1," * 7_999_999 + b"1]}",
    "JWK of 16 MiB": lambda: json.dumps({"kty": "oct", "k": "A" * (2**24 - 99)}).encode(),
    "JWK with a modulus of 16 MiB": lambda: json.dumps(
        {"kty": "RSA", "n": "_" * (2**24 - 99)}
    ).encode(),
    "5,000 bad keys": lambda: json.dumps(
        {"keys": [public_rsa(sound_modulus(1), use="x", kid=f"k{each}") for each in range(5000)]}
    ).encode(),
    "5,000 private keys of RSA-4096": many_private_keys,
    "JWE with 9,999 recipients": many_recipients,
    "PEM of 100,000 blocks": lambda: pem_of("PUBLIC KEY", b"x" * 30) * 100_000,
    "PEM of 100,000 certificates": lambda: pem_of("CERTIFICATE", b"x" * 30) * 100_000,
    "PEM of 100,000 first lines": lambda: b"-----BEGIN PRIVATE KEY-----\n" * 100_000,
    "base64 of base64": base64_of_base64,
    "quotes of 16 MiB": lambda: b'"' + b"\\u0041" * 2_700_000 + b'"',
    "zeros of 16 MiB": lambda: bytes(2**24),
    "XML of 16 MiB": lambda: b"<a>" * 5_000_000,
    "9,999 public keys": lambda: pem.to_pem(testing.rsa_key(0)) * 9999,
}


def measured(args: list[str], cwd: Path, *, stop: bool) -> tuple[int, float, float, str]:
    """Run the command; return its exit status, CPU seconds, peak memory in MB, and its errors."""
    with (cwd / "err").open("w+b") as errors:
        process = subprocess.Popen(
            [*COMMAND, *args],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            start_new_session=True,
        )
        if stop:
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        text = errors.read().decode(errors="replace")
    return (
        process.returncode,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss / 1024,
        text,
    )


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_is_bounded(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with testing.allow_test_keys():
        tmp_path.joinpath("file").write_bytes(FILES[name]())
    tmp_path.joinpath("pw").write_text(SECRET)
    password = ["--password-file", "pw"]
    rows = []
    for args in (
        ["inspect", "file"],
        ["inspect", "file", *password],
        ["import", "file", "-o", "new", "--use", "sig", *password, "--output-password-file", "pw"],
    ):
        tmp_path.joinpath("new").unlink(missing_ok=True)
        code, seconds, memory, text = measured(args, tmp_path, stop=False)
        rows.append((args[0], code, seconds, memory))
        assert code in (0, 1, 2, 3), (args, code, text[-500:])
        assert "Traceback" not in text
        assert "panicked" not in text
        assert seconds <= CPU, (args, seconds)
        assert memory <= MEMORY, (args, memory)
    tmp_path.joinpath("new").unlink(missing_ok=True)
    start = time.monotonic()
    code, seconds, *_ = measured(["inspect", "file", *password], tmp_path, stop=True)
    waited = time.monotonic() - start
    # It has ended before, or the signal ends it.
    assert code in (0, 2, 3, 130, -signal.SIGINT), code
    with capsys.disabled():
        shown = " ".join(f"{row[0]} {row[1]} {row[2]:.2f}s {row[3]:.0f}MB;" for row in rows)
        sys.stderr.write(f"\n{name}: {shown} Ctrl-C {code} after {waited:.1f}s\n")
