"""JSON Web Key thumbprints (RFC 7638)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from trustkeys.core.base64url import base64url_encode
from trustkeys.core.registry import KeyType, key_type_for
from trustkeys.core.strict_json import is_plain
from trustkeys.errors import InvalidInputError
from trustkeys.wording import shape

__tracebackhide__ = True

__all__ = ["jwk_thumbprint"]


def jwk_thumbprint(jwk: Mapping[str, object]) -> str:
    """Compute a key's SHA-256 thumbprint (RFC 7638 section 3), base64url, 43 characters.

    The thumbprint of an oct key is a hash of its secret: keep it to yourself unless the key
    has full entropy, as generated ones do (RFC 7638 section 7).

    Args:
        jwk: A public or private JWK of a registered `kty`; members beyond those that the
            thumbprint is made of do not count.

    Raises:
        InvalidInputError: ``AADB2C95026`` no mapping, ``AADB2C95037`` no `kty`, ``AADB2C95031``
            `kty` unknown, ``AADB2C95034`` a member that is needed is missing or no plain text.
    """
    if not isinstance(jwk, Mapping):
        raise InvalidInputError(f"a JWK must be a mapping, not {shape(jwk)}", code="AADB2C95026")
    if "kty" not in jwk:
        raise InvalidInputError("kty is missing", code="AADB2C95037", target="kty")
    key_type = key_type_for(jwk["kty"])
    members: dict[str, str] = {}
    for name in key_type.required:
        value = jwk.get(name)
        if not isinstance(value, str) or not is_plain(value):
            raise InvalidInputError(
                f"{name} must be text that JSON need not escape, not {shape(value)}",
                code="AADB2C95034",
                target=name,
            )
        members[name] = value
    return thumbprint(key_type, members)


def thumbprint(key_type: KeyType, members: Mapping[str, str]) -> str:
    """Hash members of which is known that they are there and plain text."""
    text = key_type.thumbprint_input % members
    return base64url_encode(_sha256()(text.encode()).digest())


@cache
def _sha256() -> Callable[[bytes], Any]:
    # Loads an OpenSSL of its own beside cryptography's, which a mere import need not wait for.
    from hashlib import sha256

    return sha256
