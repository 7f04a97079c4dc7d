"""Keys from the input of Graph's uploadSecret, uploadCertificate and uploadPkcs12."""

from __future__ import annotations

from binascii import a2b_base64
from contextlib import suppress

from trustkeys.core.base64url import base64url_encode
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.numericdate import NumericDateInput
from trustkeys.core.strict_json import is_text
from trustkeys.errors import InvalidInputError, MissingUseError
from trustkeys.formats.certificates import from_certificate
from trustkeys.formats.pkcs12 import from_pkcs12
from trustkeys.wording import shape

__tracebackhide__ = True


def key_of_secret(
    secret: str, use: str | None, *, nbf: NumericDateInput, exp: NumericDateInput
) -> TrustFrameworkKey:
    """Make an oct key as `TrustFrameworkKeySet.upload_secret` does."""
    if not isinstance(secret, str) or not secret or not is_text(secret):
        raise InvalidInputError(
            f"the secret must be text of at least one character, but is "
            f"{shape(secret) if secret else 'empty'}: add random bytes as a JWK",
            code="AADB2C90253" if secret is None or secret == "" else "BadRequest",
            target="k",
        )
    if use is None:
        raise MissingUseError
    jwk = {"kty": "oct", "k": base64url_encode(secret.encode())}
    return TrustFrameworkKey.from_jwk(jwk, use=use, nbf=nbf, exp=exp)


def key_of_certificate(certificate: str | bytes, use: str | None) -> TrustFrameworkKey:
    """Read a public key as `TrustFrameworkKeySet.upload_certificate` does."""
    return from_certificate(_content(certificate, "the certificate"), use=use)


def key_of_pkcs12(pfx: str | bytes, password: str, use: str | None) -> TrustFrameworkKey:
    """Read a private key as `TrustFrameworkKeySet.upload_pkcs12` does."""
    if not isinstance(password, str) or not password:
        raise InvalidInputError(
            f"password must be text that is not empty, not {shape(password)}: the service refuses "
            "a PFX without a passphrase",
            target="password",
        )
    return from_pkcs12(_content(pfx, "the PFX"), password, use=use)


def _content(key: str | bytes, what: str) -> bytes:
    """Return bytes, decoded if they come in base64 as in a Graph request."""
    if isinstance(key, bytes):
        return key
    with suppress(ValueError, TypeError):
        return a2b_base64(key, strict_mode=True)
    raise InvalidInputError(
        f"{what} must be bytes, or base64 of them, not {shape(key)}",
        code="AADB2C95034",
        target="key",
    )
