"""Files in all forms, and an authority that issues certificates."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from trustkeys import InvalidInputError, TrustFrameworkKey, testing
from trustkeys.formats import pem
from trustkeys.formats.exported import Exported

PASSWORD = "a long passphrase"
NOW = 1_800_000_000
SUBJECT = "CN=login.example,O=Example"

Writer = Callable[[TrustFrameworkKey], tuple[bytes, str | None]]

own_passphrase = pytest.mark.filterwarnings("ignore:this form protects a passphrase only weakly")


def refused(call: Any, *args: Any, **kwargs: Any) -> InvalidInputError:
    """Return the error of a call, and check that it carries no other exception."""
    with pytest.raises(InvalidInputError) as caught:
        call(*args, **kwargs)
    assert caught.value.__cause__ is caught.value.__context__ is None
    return caught.value


def pair(exported: Exported) -> tuple[bytes, str]:
    return exported.data, exported.password


def private_bytes(
    key: Any,
    encoding: Encoding = Encoding.PEM,
    form: PrivateFormat = PrivateFormat.PKCS8,
    password: str | None = None,
) -> bytes:
    """A private key of `cryptography` as bytes, encrypted if there is a passphrase."""
    locked = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    data: bytes = key.private_bytes(encoding, form, locked)
    return data


def public_bytes(key: Any, encoding: Encoding = Encoding.PEM) -> bytes:
    """The public half of a private key of `cryptography` as SubjectPublicKeyInfo."""
    data: bytes = key.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
    return data


PRIVATE_FORMS: dict[str, Writer] = {
    "pem": lambda key: (pem.to_pem(key, private=True), None),
    "der": lambda key: (pem.to_der(key, private=True), None),
    "encrypted pem": lambda key: pair(pem.to_encrypted_pem(key)),
    "encrypted der": lambda key: pair(pem.to_encrypted_der(key)),
    "own passphrase": lambda key: pair(pem.to_encrypted_pem(key, password=PASSWORD)),
}


class Authority:
    """A root, and an authority below it that issues certificates for keys."""

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
        begin = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=start)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name.from_rfc4514_string(subject))
            .issuer_name(x509.Name.from_rfc4514_string(issuer))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + timedelta(days=9))
        )
        if usage is not None:
            builder = builder.add_extension(usage, critical=True)
        return builder.sign(key, SHA256())

    def issue_for(
        self, key: TrustFrameworkKey, usage: x509.ExtensionType | None = None
    ) -> x509.Certificate:
        return self.issue("CN=leaf", key.public_key(), "CN=middle", self.key, usage)
