"""The files that Graph's uploadCertificate and uploadPkcs12 take, opened."""

from __future__ import annotations

from binascii import a2b_base64
from contextlib import suppress
from typing import TYPE_CHECKING

from trustkeys.errors import InvalidInputError
from trustkeys.wording import shape

if TYPE_CHECKING:
    from trustkeys.formats.opened import OpenedKey

__tracebackhide__ = True


def open_certificate(certificate: str | bytes) -> OpenedKey:
    """Open what `TrustFrameworkKeySet.upload_certificate` takes, for any `use`.

    Raises:
        InvalidInputError: As `trustkeys.formats.certificates.from_certificate`.
    """
    from trustkeys.formats.certificates import opened_certificate, read_certificates

    return opened_certificate(read_certificates(_content(certificate, "the certificate")))


def open_pkcs12(pfx: str | bytes, password: str) -> OpenedKey:
    """Open what `TrustFrameworkKeySet.upload_pkcs12` takes, for any `use`.

    Raises:
        InvalidInputError: ``BadRequest`` the passphrase is missing; else as
            `trustkeys.formats.pkcs12.from_pkcs12`.
    """
    from trustkeys.formats.pfx_files import PfxFile

    if not isinstance(password, str) or not password:
        raise InvalidInputError(
            f"password must be text that is not empty, not {shape(password)}: the service "
            "refuses a PFX without a passphrase",
            target="password",
        )
    return PfxFile.parse(_content(pfx, "the PFX")).open(password)


def _content(key: str | bytes, what: str) -> bytes:
    """Return bytes, decoded if they come in base64 as in a Graph request.

    The base64 can have line breaks, as MIME's has (RFC 2045 section 6.8).
    """
    if isinstance(key, bytes):
        return key
    with suppress(ValueError, TypeError, AttributeError):
        return a2b_base64(key.encode().translate(None, b" \t\n\r\v\f"), strict_mode=True)
    raise InvalidInputError(
        f"{what} must be bytes, or base64 of them, not {shape(key)}",
        code="AADB2C95034",
        target="key",
    )
