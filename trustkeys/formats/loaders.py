"""The one door to the loaders of cryptography.

Each function returns None if cryptography refuses the data, for any reason. None of them bounds the
rounds or the memory that the data asks for: `trustkeys.formats.protection` does, and the caller
calls it first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
)

from trustkeys.core.guarded import attempt

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
    from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12KeyAndCertificates
    from cryptography.x509 import Certificate, CertificateSigningRequest

__tracebackhide__ = True


def private_key(der: bytes, password: bytes | None = None) -> PrivateKeyTypes | None:
    """Load a private key of any kind. The numbers of an RSA key are not checked."""
    return attempt(load_der_private_key, der, password, unsafe_skip_rsa_key_validation=True)


def traditional_key(pem: bytes, password: bytes) -> PrivateKeyTypes | None:
    """Load a private key in encrypted PEM of RFC 1421. The numbers are not checked."""
    return attempt(load_pem_private_key, pem, password, unsafe_skip_rsa_key_validation=True)


def public_key(der: bytes) -> PublicKeyTypes | None:
    """Load a public key of any kind."""
    return attempt(load_der_public_key, der)


def pkcs12(data: bytes, password: bytes | None) -> PKCS12KeyAndCertificates | None:
    """Load a PKCS#12 file. OpenSSL checks an RSA key, which takes 5 seconds for 8192 bits."""
    from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

    return attempt(load_pkcs12, data, password)


def certificate(der: bytes) -> Certificate | None:
    """Load a certificate."""
    from cryptography.x509 import load_der_x509_certificate

    return attempt(load_der_x509_certificate, der)


def request(der: bytes) -> CertificateSigningRequest | None:
    """Load a certificate signing request."""
    from cryptography.x509 import load_der_x509_csr

    return attempt(load_der_x509_csr, der)
