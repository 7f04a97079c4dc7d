"""Knowing a test key, wherever it comes from, and keeping it from doing harm."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

from trustkeys.encoding import base64url_decode
from trustkeys.errors import InvalidInputError
from trustkeys.key import TrustFrameworkKey
from trustkeys.testkeys.pool import is_test_modulus, is_test_secret

__all__ = ["is_test_key"]

# pytest shows the arguments of the frame that raised, and here they can be secrets.
__tracebackhide__ = True

# The member that tells, by kty in lower case.
_TELLING = {"rsa": "n", "oct": "k"}

# Of this task or thread alone: what a test may do, the program beside it may not.
_are_allowed: ContextVar[bool] = ContextVar("trustkeys_test_keys_are_allowed", default=False)


def is_test_key(key: TrustFrameworkKey) -> bool:
    """Whether a key is one of `trustkeys.testing`, whose private part everybody has.

    That is known from the modulus of an RSA key, also of a public one, and from the secret of an
    oct key; no `kid` and no other member counts.

    Args:
        key: The key.
    """
    # An oct key that was put together by hand can lack its secret.
    is_known = key.kty == "RSA" or (key.kty == "oct" and key.has_private)
    return is_known and is_test_jwk(key.to_jwk(private=key.kty == "oct"))


def is_test_jwk(jwk: Mapping[str, Any]) -> bool:
    """Whether a JWK (RFC 7517) is that of a test key. What is no JWK is none."""
    kty = jwk.get("kty")
    name = _TELLING.get(kty.lower()) if isinstance(kty, str) else None
    text = None if name is None else jwk.get(name)
    if not isinstance(text, str):
        return False
    with suppress(ValueError):
        octets = base64url_decode(text)
        return is_test_secret(octets) if name == "k" else is_test_modulus(int.from_bytes(octets))
    return False


def refuse_test_keys(keys: Iterable[TrustFrameworkKey]) -> None:
    """Keep test keys from being written to a file, and from being brought into a tenant.

    Raises:
        InvalidInputError: One of the keys is a test key, and `allowing_test_keys` does not hold.
            Code ``BadRequest``.
    """
    if not _are_allowed.get() and any(map(is_test_key, keys)):
        raise _refusal()


def refuse_test_jwks(document: bytes) -> None:
    """Do as `refuse_test_keys` for the text of a JWK or a JWK Set; other text is let through."""
    if _are_allowed.get():
        return
    found: Any = None
    with suppress(ValueError, RecursionError):
        found = json.loads(document)
    jwks = [found, *_list(found.get("keys"))] if isinstance(found, dict) else []
    if any(isinstance(jwk, dict) and is_test_jwk(jwk) for jwk in jwks):
        raise _refusal()


@contextmanager
def allowing_test_keys() -> Iterator[None]:
    """Let test keys through in the block; `trustkeys.testing.allow_test_keys` says what for."""
    token = _are_allowed.set(True)
    try:
        yield
    finally:
        _are_allowed.reset(token)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _refusal() -> InvalidInputError:
    return InvalidInputError(
        "this is a test key of trustkeys, whose private part everybody has: it is neither written "
        "nor sealed nor brought into a tenant (in tests, trustkeys.testing.allow_test_keys() lets "
        "it through)",
        target="key",
    )
