"""Files of certificates: PEM and DER (RFC 7468), and PKCS#7 without a signature (.p7b)."""

from __future__ import annotations

from itertools import islice

from cryptography.x509 import Certificate

from trustkeys.core.guarded import attempt
from trustkeys.core.x5c import load_certificate
from trustkeys.errors import InvalidInputError
from trustkeys.formats import pem_blocks
from trustkeys.formats.chain import MAX_CERTIFICATES, bad_chain
from trustkeys.formats.unwrapping import unwrapped
from trustkeys.wording import shape

__tracebackhide__ = True

MAX_BYTES = 1024 * 1024
"""The largest file of certificates."""


def read_certificates(data: bytes) -> tuple[Certificate, ...]:
    """Read certificates from PEM, DER or PKCS#7 (.p7b), also in base64 or UTF-16.

    Other blocks of a PEM are ignored.

    Raises:
        InvalidInputError: There are none, or too many. Code ``AADB2C95034``.
    """
    if not isinstance(data, bytes):
        raise InvalidInputError(f"certificates must be bytes, not {shape(data)}")
    if len(data) > MAX_BYTES:
        raise bad_chain(f"the certificates must have at most {MAX_BYTES} bytes, not {len(data)}")
    data = unwrapped(data)
    contents = [("", data)]
    if pem_blocks.is_pem(data):
        blocks = pem_blocks.split(data)
        contents = [
            (block.label, block.der)
            for block in blocks
            if block.label in pem_blocks.CERTIFICATE_LABELS
        ]
    found: list[Certificate] = []
    for label, der in contents:
        certificate = load_certificate(_alone(der) if label == "TRUSTED CERTIFICATE" else der)
        # Windows also labels PKCS#7 as a certificate.
        found += of_pkcs7(der) if certificate is None else [certificate]
        if len(found) > MAX_CERTIFICATES:
            raise bad_chain(f"at most {MAX_CERTIFICATES} certificates are read from a file")
    if not found:
        raise no_certificates()
    return tuple(found)


def holds_certificates(data: bytes) -> bool:
    """Whether a PEM has certificates, perhaps beside a key."""
    return not pem_blocks.CERTIFICATE_LABELS.isdisjoint(pem_blocks.labels(data))


def is_pkcs7(der: bytes) -> bool:
    """Whether this is PKCS#7 with certificates."""
    return bool(_ders_of_pkcs7(der))


def no_certificates() -> InvalidInputError:
    """Return the error for data without certificates."""
    return InvalidInputError("these must be certificates in PEM, DER or PKCS#7", code="AADB2C95034")


def of_pkcs7(der: bytes) -> list[Certificate]:
    """Return the certificates of PKCS#7, without a look at its signature if it has one.

    Raises:
        InvalidInputError: It is no PKCS#7, or has no certificate. Code ``AADB2C95034``.
    """
    found = [load_certificate(each) for each in _ders_of_pkcs7(der)]
    certificates = [each for each in found if each is not None]
    if certificates and len(certificates) == len(found):
        return certificates
    if _alone(der) not in (b"", der) and load_certificate(_alone(der)) is not None:
        raise InvalidInputError(
            "there is more after the certificate: put certificates of DER in one PEM file",
            code="AADB2C95034",
        )
    raise no_certificates()


def _ders_of_pkcs7(der: bytes) -> list[bytes]:
    return attempt(_certificates_in, der) or [] if len(der) <= MAX_BYTES else []


def _certificates_in(der: bytes) -> list[bytes]:
    from trustkeys.formats.asn1 import ContentInfo

    content = ContentInfo.load(der, strict=True)
    if content["content_type"].native != "signed_data":
        return []
    # They are optional (RFC 5652 section 5.1). The other parts can be many, and are not read.
    return [
        each.dump() for each in islice(content["content"]["certificates"], MAX_CERTIFICATES + 1)
    ]


def _alone(der: bytes) -> bytes:
    """Return the first structure in DER, without what follows it."""
    from trustkeys.formats.asn1 import first

    return first(der)
