"""Keys, and files in all forms, for the tests of export, import, inspect, add and certify."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import joserfc.jwe
import joserfc.jwk
import jwcrypto.jwe
import jwcrypto.jwk
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

import trustkeys
from tests import support
from tests.support import parse
from trustkeys import TrustFrameworkKey, testing
from trustkeys.formats import certificates, pem
from trustkeys.formats.exported import Exported
from trustkeys.formats.jwe import encrypt_key

PASSWORD = "a long passphrase"


SUBJECT = "CN=login.example,O=Example"


START, END = 1735689600, 2000000000  # of the certificate of conftest.py: 2025 to 2033


class Keys:
    """Real keys, generated once, because the command refuses to write test keys."""

    def __init__(self, certified: TrustFrameworkKey) -> None:
        self.rsa = certified
        self.other = trustkeys.generate_key("sig", "RSA")
        self.enc = trustkeys.generate_key("enc", "RSA")
        self.oct, self.second_oct = (trustkeys.generate_key("sig", "oct") for _ in range(2))
        self.curve = jwcrypto.jwk.JWK.generate(kty="EC", crv="P-256")
        self.authority = testing.rsa_key(0).private_key()
        self.root = self.issue("CN=root", self.authority.public_key())

    def issue(self, subject: str, public_key: Any, **dates: int) -> x509.Certificate:
        """Issue a certificate with the key of a test authority."""
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name.from_rfc4514_string(subject))
            .issuer_name(x509.Name.from_rfc4514_string("CN=root"))
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.fromtimestamp(dates.get("nbf", START), UTC))
            .not_valid_after(datetime.fromtimestamp(dates.get("exp", END), UTC))
            .add_extension(x509.BasicConstraints(subject == "CN=root", None), critical=True)
            .sign(self.authority, SHA256())
        )

    @property
    def private(self) -> list[dict[str, Any]]:
        """The private JWKs, which must not leak."""
        keys = (self.rsa, self.other, self.enc, self.oct, self.second_oct)
        return [key.to_jwk(private=True) for key in keys]


Runner = Callable[..., subprocess.CompletedProcess[str]]


def write(path: Path, content: str | bytes) -> None:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(0o600)


def command(*args: str, cwd: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command without a terminal."""
    return support.command(*args, cwd=cwd, **{**support.NO_TERMINAL, **options})


def done(*args: str, cwd: Path, **options: Any) -> str:
    """Run a command that must succeed without a warning, and return its output."""
    return support.without_warning(command(*args, cwd=cwd, **options))


def quick_done(quickly: Runner, *args: str) -> str:
    return support.without_warning(quickly(*args))


def contents(files: Path) -> dict[str, bytes]:
    return {
        entry.name: entry.read_bytes()
        for entry in files.iterdir()
        if entry.is_file() and entry.suffix != ".lock"
    }


def at_a_terminal(*args: str, cwd: Path, answers: Sequence[str]) -> tuple[int, str]:
    """Type answers at a terminal that wraps no line."""
    typed = [f"{answer}\n" for answer in answers]
    return support.command_at_a_terminal(*args, cwd=cwd, answers=typed, COLUMNS="200")


def leaked(text: str | bytes, keys: Keys) -> list[str]:
    """Return the private members of any key that occur in a text."""
    text = text if isinstance(text, str) else text.decode("latin-1")
    return [name for jwk in keys.private for name in support.leaks(text, jwk)]


def numbers(key: TrustFrameworkKey) -> rsa.RSAPrivateNumbers:
    return key.private_key().private_numbers()


def opened_by_joserfc(path: Path, password: str) -> dict[str, Any]:
    algorithms = ["PBES2-HS512+A256KW", "A256GCM"]
    secret = joserfc.jwk.OctKey.import_key(password)
    found = joserfc.jwe.decrypt_compact(path.read_text().strip(), secret, algorithms=algorithms)
    return parse((found.plaintext or b"").decode())


class Foreign:
    """A key in one form: the content, the key, the passphrase, and the options that it needs."""

    def __init__(
        self, content: bytes | Exported, key: TrustFrameworkKey, *options: str, form: str
    ) -> None:
        self.data = content.data if isinstance(content, Exported) else content
        self.password = content.password if isinstance(content, Exported) else None
        self.key, self.options, self.form = key, options, form
        self.is_encrypted = isinstance(content, Exported)


FORMS = (
    *("encrypted-pem", "encrypted-der", "pkcs12", "pkcs12-b2c", "jwe", "pem", "der"),
    *("public-pem", "public-der", "certificate", "certificate-der", "pem-with-certificate"),
    *("encrypted-pem-with-certificate", "jwk", "oct", "answer"),
)


PEM = "-----BEGIN {0}-----\n{1}\n-----END {0}-----\n"


UNKNOWN = "this is not a JWK, a JWK Set, a JWE, PEM, DER or PKCS#12"


def strangers(keys: Keys, forms: dict[str, Foreign]) -> dict[str, tuple[bytes, str]]:
    """Files without a usable key, each with the error that it gives."""
    weak = rsa.generate_private_key(65537, 1024)
    curve = ec.generate_private_key(ec.SECP256R1())
    pkcs8 = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    jwk = keys.other.to_jwk(private=True)
    both = {"id": "a", "keys": [jwk, keys.oct.to_jwk(private=True)]}
    return {
        "empty": (b"", "the file is empty"),
        "junk": (b"\x00\xff" * 99, UNKNOWN),
        "cut-pem": (forms["pem"].data[:-200], "the PEM is cut off"),
        "cut-der": (forms["der"].data[:-9], "this DER is cut off"),
        "cut-pfx": (forms["pkcs12"].data[:-9], "this DER is cut off"),
        "cut-jwe": (
            forms["jwe"].data[:-1],
            "this is not a JWE (RFC 7516 section 7), or it is cut off",
        ),
        "cut-json": (json.dumps(jwk).encode()[:-9], "the file is not JSON"),
        "deep-json": (b'{"keys":' + b"[" * 9999 + b"]" * 9999 + b"}", "is nested too deep"),
        "jws": (b"eyJhbGciOiJIUzI1NiJ9.e30.AAAA", "a signed token (JWS or JWT)"),
        "other-jwe": (
            encrypt_key(keys.other, to=keys.enc).encode(),
            "sealed to the key of a recipient, and the private key is missing",
        ),
        "weak": (weak.private_bytes(*pkcs8), "must have 2048 to 16384 bits"),
        "curve": (curve.private_bytes(*pkcs8), "it is an EC key on P-256"),
        "curve-crt": (
            keys.issue("CN=a", curve.public_key()).public_bytes(Encoding.DER),
            "must be for an RSA key",
        ),
        "csr": (certificates.signing_request(keys.other, "CN=a"), "which holds no key"),
        "no-pem": (PEM.format("PRIVATE KEY", "AAAA").encode(), "is no key in DER"),
        "no-crt": (PEM.format("CERTIFICATE", "AAAA").encode(), "these must be certificates"),
        "other-crt": (
            pem.to_pem(keys.other, private=True) + forms["certificate"].data,
            "none of the certificates is for this key",
        ),
        "swapped": (
            json.dumps({**jwk, "d": jwk["dp"]}).encode(),
            "the numbers of the RSA key do not fit together",
        ),
        "no-kty": (b'{"use":"sig"}', "kty is missing"),
        "mixed": (
            json.dumps(both).encode(),
            "put oct keys into a key set of their own",
        ),
        "no-id": (b'{"keys":[]}', "the key set in FILE has no id: give it one with --id"),
    }


STRANGERS = (
    *("empty", "junk", "cut-pem", "cut-der", "cut-pfx", "cut-jwe", "cut-json", "deep-json", "jws"),
    *("other-jwe", "weak", "curve", "curve-crt", "csr", "no-pem", "no-crt", "other-crt"),
    *("swapped", "no-kty", "mixed", "no-id"),
)
