"""Keys out of what the service's upload actions take (Graph: uploadSecret and its siblings)."""

from __future__ import annotations

from binascii import a2b_base64
from contextlib import suppress

from trustkeys.core.base64url import base64url_encode
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.numericdate import NumericDateInput
from trustkeys.core.strict_json import is_text
from trustkeys.errors import InvalidInputError
from trustkeys.formats.certificates import from_certificate
from trustkeys.formats.pkcs12 import from_pkcs12
from trustkeys.wording import shape

__tracebackhide__ = True


def key_of_secret(
    secret: str, use: str | None, *, nbf: NumericDateInput, exp: NumericDateInput
) -> TrustFrameworkKey:
    """Make an oct key of text; `TrustFrameworkKeySet.upload_secret` says how."""
    if not isinstance(secret, str) or not secret or not is_text(secret):
        raise InvalidInputError(
            f"the secret must be text, and not empty, not {shape(secret)}; random bytes go in "
            "as a JWK",
            code="AADB2C90253" if secret is None or secret == "" else "BadRequest",
            target="k",
        )
    if use is None:
        raise InvalidInputError("use is missing: sig or enc", code="AADB2C90253", target="use")
    jwk = {"kty": "oct", "k": base64url_encode(secret.encode())}
    return TrustFrameworkKey.from_jwk(jwk, use=use, nbf=nbf, exp=exp)


def key_of_certificate(certificate: str | bytes, use: str | None) -> TrustFrameworkKey:
    """Read the public key of a certificate, as `TrustFrameworkKeySet.upload_certificate` says."""
    return from_certificate(_content(certificate, "the certificate"), use=use)


def key_of_pkcs12(pfx: str | bytes, password: str, use: str | None) -> TrustFrameworkKey:
    """Read the private key of a PFX, as `TrustFrameworkKeySet.upload_pkcs12` says."""
    if not isinstance(password, str) or not password:
        raise InvalidInputError(
            f"password must be text, and not empty, not {shape(password)}: the service takes no "
            "PFX without one",
            target="password",
        )
    return from_pkcs12(_content(pfx, "the PFX"), password, use=use)


def _content(key: str | bytes, what: str) -> bytes:
    """Give the bytes of a file, which can come in base64 as Graph takes them."""
    if isinstance(key, bytes):
        return key
    with suppress(ValueError, TypeError):
        return a2b_base64(key, strict_mode=True)
    raise InvalidInputError(
        f"{what} must be bytes, or their base64, not {shape(key)}",
        code="AADB2C95034",
        target="key",
    )
