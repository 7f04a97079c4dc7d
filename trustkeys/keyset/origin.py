"""Where the keys of a set came from: generated, or issued by somebody else."""

from __future__ import annotations

from collections.abc import Iterable

from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.registry import key_type_for
from trustkeys.core.thumbprint import jwk_thumbprint
from trustkeys.errors import InvalidInputError
from trustkeys.keyset.document import numbered

__tracebackhide__ = True


def is_from_outside(key: TrustFrameworkKey) -> bool:
    """Whether somebody else issued a key, so that a random one would not work in its place.

    These are public keys, and secrets whose `kid` is not their thumbprint: a generated key is
    named by it, and a secret text or an imported secret never is (RFC 7638 section 7).
    """
    if not key_type_for(key.kty).is_secret:
        return not key.has_private
    return key.kid != jwk_thumbprint(key.to_jwk(private=True))


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
