"""Hostile files, and what the command spends on them: ``python -m tests.hostile`` prints a table.

They ask for endless work, for much memory, or make a parser recurse or panic.
"""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from asn1crypto import keys
from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from tests.fuzz.seeds import PASSWORD, auth_safe, with_mac
from tests.support import ROOT, encrypted_pkcs8, environment, rsa_jwk_of
from trustkeys import testing
from trustkeys.formats.pem import to_pem
from trustkeys.testkeys.pool import rsa_primes

MAX_SECONDS = 5.0
MAX_MEGABYTES = 300.0

MIB = 1024 * 1024

# A small process in between: the peak memory of a child includes that of the process it forks from.
_MEASURE = """
import json, resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print("\\n" + json.dumps([code, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""


@frozen
class Cost:
    """What the command did with a file.

    Attributes:
        code: The exit status.
        seconds: Of CPU.
        megabytes: The peak memory.
        text: What it printed.
    """

    code: int
    seconds: float
    megabytes: float
    text: str


def _auth_safe_of(der: bytes) -> bytes:
    info = keys.EncryptedPrivateKeyInfo.load(der)
    return auth_safe([{"bag_id": "pkcs8_shrouded_key_bag", "bag_value": info}])


def _key_pem() -> bytes:
    with testing.allow_test_keys():
        return to_pem(testing.rsa_key(1), private=True)


def _legacy_pem() -> bytes:
    body = base64.encodebytes(bytes(1200)).decode()
    headers = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,\n\n"
    label = "RSA PRIVATE KEY"
    return f"-----BEGIN {label}-----\n{headers}{body}-----END {label}-----\n".encode()


def _chain(key: Any, count: int, public: Any = None) -> bytes:
    """A key, its certificate, and certificates that could all have issued each other."""
    name = x509.Name.from_rfc4514_string("CN=a")
    start, end = datetime(2020, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.not_valid_before(start).not_valid_after(end)
    leaf = builder.public_key(testing.rsa_key(1).public_key()).serial_number(1)
    issuer = builder.public_key(public or key.public_key())
    found = [leaf, *(issuer.serial_number(number) for number in range(2, count + 1))]
    signed = (each.sign(key, SHA256()).public_bytes(Encoding.PEM) for each in found)
    return _key_pem() + b"".join(signed)


def _long_exponent() -> bytes:
    p, q = rsa_primes(1, 3072)
    e = 2**3069 + 1
    while True:
        e += 2
        try:
            d = pow(e, -1, (p - 1) * (q - 1))
            break
        except ValueError:
            continue
    public = rsa.RSAPublicNumbers(e, p * q)
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public)
    key = numbers.private_key(unsafe_skip_rsa_key_validation=True)
    return _chain(key, 400, public.public_key())


def _big_keys() -> bytes:
    jwks = [rsa_jwk_of(*rsa_primes(seed, 4096)) for seed in range(50)]
    found = [{**jwks[number % 50], "kid": str(number)} for number in range(4900)]
    return _set(found)


def _set(found: list[dict[str, Any]]) -> bytes:
    return json.dumps({"id": "B2C_1A_Set", "keys": found}, separators=(",", ":")).encode()


def _recipients() -> bytes:
    header = base64.urlsafe_b64encode(b'{"enc":"A256GCM"}').rstrip(b"=").decode()
    each = {"header": {"alg": "PBES2-HS256+A128KW", "p2s": "c2FsdHNhbHQ", "p2c": 600_000}}
    many = [{**each, "encrypted_key": "A" * 32}] * 100_000
    rest = {"iv": "A" * 16, "ciphertext": "AAAA", "tag": "A" * 22}
    return json.dumps({"protected": header, "recipients": many, **rest}).encode()


def _nested_base64() -> bytes:
    data = _key_pem()
    while len(data) * 4 // 3 < 15 * MIB:
        data = base64.b64encode(data)
    return data


def _nested_der(levels: int) -> bytes:
    headers, size = [], 0
    for _ in range(levels):
        header = b"\x30\x84" + size.to_bytes(4)
        headers.append(header)
        size += len(header)
    return b"".join(reversed(headers))


FILES: dict[str, Callable[[], bytes]] = {
    "PKCS#8, 2^31 rounds": lambda: encrypted_pkcs8("pbkdf2", b"saltsalt", 2**31),
    "PKCS#8, 2^32 rounds": lambda: encrypted_pkcs8("pbkdf2", b"saltsalt", 2**32),
    "scrypt, N=2^20": lambda: encrypted_pkcs8("scrypt", b"saltsalt", 2**20, 8, 1),
    "scrypt, N=1000003": lambda: encrypted_pkcs8("scrypt", b"saltsalt", 1_000_003, 8, 1),
    "PFX, checksum of 2^31 rounds": lambda: with_mac(
        _auth_safe_of(encrypted_pkcs8("pbkdf2", b"saltsalt", 1)), 2**31
    ),
    "PFX, bag of 16.8 million rounds": lambda: with_mac(
        _auth_safe_of(encrypted_pkcs8("pbkdf2", b"saltsalt", 2**24))
    ),
    "old PEM, empty IV": _legacy_pem,
    "2,810 brainpool certificates": lambda: _chain(
        ec.generate_private_key(ec.BrainpoolP256R1()), 2810
    ),
    "990 brainpool certificates": lambda: _chain(
        ec.generate_private_key(ec.BrainpoolP256R1()), 990
    ),
    "400 issuers, 3,070-bit exponent": _long_exponent,
    "JSON lists, 1,000,000 deep": lambda: b"[" * 1_000_000,
    "JSON objects, 1,000,000 deep": lambda: b'{"a":' * 1_000_000 + b"1" + b"}" * 1_000_000,
    "JWK of 16 MiB": lambda: json.dumps({"kty": "RSA", "n": "A" * (16 * MIB - 50)}).encode(),
    "5,000 bad keys": lambda: _set(
        [{"kty": "RSA", "use": "sig", "n": "AQ", "e": "AQAB", "kid": str(n)} for n in range(5000)]
    ),
    "4,900 private RSA-4096 keys": _big_keys,
    "JWE, 100,000 recipients": _recipients,
    "PEM of 100,000 blocks": lambda: (
        b"-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n" * 100_000
    ),
    "base64 in base64": _nested_base64,
    "DER, 1,000,000 deep": lambda: _nested_der(1_000_000),
    "BER, 1,000,000 deep": lambda: b"\x30\x80" * 1_000_000,
    "zeros, 16 MiB": lambda: bytes(16 * MIB),
}

_ENCRYPTED = ("PKCS#8", "scrypt", "PFX", "old PEM", "JWE")


def command_for(name: str, action: str, folder: Path) -> list[str]:
    """Return the command that reads a file, as a user would run it."""
    words = [sys.executable, "-m", "trustkeys", action, "file"]
    if name.startswith(_ENCRYPTED):
        (folder / "passphrase").write_text(PASSWORD)
        words += ["--password-file", "passphrase"]
    if action == "import":
        (folder / "out").unlink(missing_ok=True)
        words += ["-o", "out", "--use", "sig"]
        words += ["--plain"] if "keys" in name else []
    return words


def cost(name: str, action: str, folder: Path) -> Cost:
    """Run ``trustkeys inspect`` or ``import`` on a file, and measure it."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", _MEASURE, *command_for(name, action, folder)],
        cwd=folder,
        env=environment(PYTHONPATH=str(ROOT)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=True,
        timeout=120,
    )
    text, _, measured = done.stdout.decode().rstrip().rpartition("\n")
    code, seconds, megabytes = json.loads(measured)
    return Cost(code, seconds, megabytes, text)


def interrupted(name: str, action: str, folder: Path) -> tuple[int, float]:
    """Send SIGINT after 0.3 seconds; return the exit status and how many seconds it then took."""
    running = subprocess.Popen(
        command_for(name, action, folder),
        cwd=folder,
        env=environment(PYTHONPATH=str(ROOT)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(0.3)
    running.send_signal(signal.SIGINT)
    start = time.monotonic()
    try:
        return running.wait(timeout=20), time.monotonic() - start
    finally:
        running.kill()


def _rows() -> Iterator[str]:
    yield f"| {'file':33}| {'bytes':>10} | inspect | import | MB | SIGINT | import says |"
    yield "|---|---|---|---|---|---|---|"
    for name, make in FILES.items():
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            size = (folder / "file").write_bytes(make())
            seen = [cost(name, action, folder) for action in ("inspect", "import")]
            code, seconds = interrupted(name, "import", folder)
        peak = max(each.megabytes for each in seen)
        times = " | ".join(f"{each.seconds:.1f} s ({each.code})" for each in seen)
        words = (seen[1].text.strip().splitlines() or [""])[-1][:150]
        yield (
            f"| {name:33}| {size:>10,} | {times} | {peak:.0f} | {code}, {seconds:.2f} s | {words} |"
        )


if __name__ == "__main__":
    for row in _rows():
        sys.stdout.write(f"{row}\n")
        sys.stdout.flush()
