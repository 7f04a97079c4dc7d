"""Where the keys of a set came from: generated, or issued by somebody else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from trustkeys.core.base64url import base64url_decode
from trustkeys.core.key import TrustFrameworkKey, material
from trustkeys.core.oct import OctStrategy
from trustkeys.core.registry import key_type_for
from trustkeys.core.thumbprint import thumbprint
from trustkeys.errors import InvalidInputError
from trustkeys.keyset.document import numbered

__tracebackhide__ = True


def is_generated(jwk: Mapping[str, Any]) -> bool:
    """Whether the secret of an oct key looks like one that trustkeys has generated.

    A generated key is named by its thumbprint, and trustkeys names no secret from outside so (RFC
    7638 section 7). Other programs do. But a secret of printable text is not random.

    Args:
        jwk: A checked JWK of `kty` oct.
    """
    return _is_generated(jwk.get("kid"), jwk)


def _is_generated(kid: object, members: Mapping[str, str]) -> bool:
    secret = base64url_decode(members["k"])
    is_text = secret.isascii() and secret.decode().isprintable()
    is_random = 8 * len(secret) in OctStrategy.sizes and not is_text
    return is_random and kid == thumbprint(key_type_for("oct"), members)


def is_from_outside(key: TrustFrameworkKey) -> bool:
    """Whether somebody else issued a key, so that a random one would not work in its place.

    These are public keys, and secrets that trustkeys has not generated (`is_generated`).
    """
    if not key_type_for(key.kty).is_secret:
        return not key.has_private
    *_, members = material(key)
    return not _is_generated(key.kid, members)


def must_be_generated(keys: Iterable[TrustFrameworkKey], *, consent: bool) -> None:
    """Refuse to add random keys to a set with a key from outside.

    Raises:
        InvalidInputError: A key came from outside, and there is no consent. Code ``BadRequest``.
    """
    if consent:
        return
    for number, key in enumerate(keys, 1):
        if is_from_outside(key):
            what, add = (
                ("public key", "next public key (trustkeys keyset add)")
                if not key.has_private
                else ("secret", "next secret with its dates (trustkeys keyset secret)")
            )
            raise InvalidInputError(
                f"key {numbered(key.kid, number)} is a {what} that somebody else issued, and a "
                f"random key would not work in its place: add the {add}, or consent to random keys "
                "(--generate, generate=True)",
                target="generate",
            )
