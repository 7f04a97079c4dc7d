"""JSON Web Key thumbprints (RFC 7638), and their URIs (RFC 9278)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any

from trustkeys.core.base64url import base64url_decode, base64url_encode
from trustkeys.core.registry import KeyType, key_type_for
from trustkeys.core.strict_json import is_plain
from trustkeys.errors import InvalidInputError
from trustkeys.wording import shape

__tracebackhide__ = True


def jwk_thumbprint(jwk: Mapping[str, object]) -> str:
    """Compute a key's SHA-256 thumbprint (RFC 7638 section 3): 43 characters of base64url.

    The thumbprint of an oct key is a hash of its secret. Keep it secret unless the key has full
    entropy, as generated keys do (RFC 7638 section 7).

    Args:
        jwk: A public or private JWK of a registered `kty`. Only the members that the thumbprint
            hashes matter.

    Raises:
        InvalidInputError: ``AADB2C95026`` not a mapping; ``AADB2C95037`` `kty` is missing;
            ``AADB2C95031`` `kty` is unknown; ``AADB2C95034`` a member that is hashed is missing,
            not a string, or has characters that JSON escapes.
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
                f"{name} must be printable ASCII without quotes and backslashes, "
                f"not {shape(value)}",
                code="AADB2C95034",
                target=name,
            )
        members[name] = value
    return thumbprint(key_type, members)


def jwk_thumbprint_uri(jwk: Mapping[str, object]) -> str:
    """Return a key's SHA-256 thumbprint as a URI (RFC 9278).

    It is ``urn:ietf:params:oauth:jwk-thumbprint:sha-256:`` with the thumbprint. Like the
    thumbprint, that of an oct key is a hash of its secret: keep it secret unless the key has full
    entropy, as generated keys do (RFC 7638 section 7).

    Args:
        jwk: As for `jwk_thumbprint`.

    Raises:
        InvalidInputError: As `jwk_thumbprint`.
    """
    return f"urn:ietf:params:oauth:jwk-thumbprint:sha-256:{jwk_thumbprint(jwk)}"


def thumbprint(key_type: KeyType, members: Mapping[str, str]) -> str:
    """Compute the thumbprint of checked or generated members."""
    text = key_type.thumbprint_input % members
    return base64url_encode(_sha256(text.encode()).digest())


def reveals_secret(kid: str, k: str) -> bool:
    """Whether a `kid` is an oct key's secret or a hash of it, or a part of one, in any spelling.

    A secret that may lack entropy can be guessed from it (RFC 7638 section 7). The hashes are those
    of SHA-1 and SHA-2, of the thumbprint's JSON, of the secret and of its text.

    Args:
        kid: The `kid`.
        k: The secret in base64url.
    """
    import hashlib

    text = kid.rstrip("=").translate(_BASE64URL).lower()
    if len(text) < _SHORTEST:
        return False
    octets = text.replace(":", "").replace(" ", "").replace("-", "")
    secret = base64url_decode(k)
    spelled = []
    # A shorter one is in many texts by chance.
    if len(secret) >= _SHORTEST // 2:
        if secret.lower() in kid.lower().encode(errors="replace"):
            return True
        spelled.append((k.lower(), secret.hex()))
    for name in ("sha1", "sha256", "sha384", "sha512"):
        for content in (f'{{"k":"{k}","kty":"oct"}}'.encode(), k.encode(), secret):
            digest = hashlib.new(name, content, usedforsecurity=False).digest()
            spelled.append((base64url_encode(digest).lower(), digest.hex()))
    return any(
        encoded in text or text in encoded or hexadecimal in octets or octets in hexadecimal
        for encoded, hexadecimal in spelled
    )


_BASE64URL = str.maketrans("+/", "-_")

# Shorter texts are no part of a hash that anybody could use.
_SHORTEST = 8


def _found_sha256() -> Callable[[bytes], Any]:
    # As random does: hashlib would load another copy of OpenSSL, for 5 ms.
    for module in ("_sha2", "_sha256"):  # of Python 3.12 and later, and of 3.11
        with suppress(ImportError):
            made: Callable[[bytes], Any] = import_module(module).sha256
            return made
    from hashlib import sha256

    return sha256


_sha256 = _found_sha256()
