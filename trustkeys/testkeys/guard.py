"""Knowing a test key, wherever it comes from, and keeping it from doing harm."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

from attrs import define

from trustkeys.core.base64url import base64url_decode
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.errors import InvalidInputError
from trustkeys.testkeys.pool import is_test_modulus, is_test_secret

__all__ = ["is_test_key"]

__tracebackhide__ = True


@define
class _Permit:
    """What a block hands to the tasks that it starts, and takes back from all when it ends."""

    is_open: bool


# Of this task or thread alone: what a test may do, the program beside it may not.
_permit: ContextVar[_Permit | None] = ContextVar("trustkeys_test_keys", default=None)


def is_test_key(key: TrustFrameworkKey) -> bool:
    """Whether a key is one of `trustkeys.testing`, whose private part everybody has.

    That is known from the modulus of an RSA key, also of a public one, and from the secret of an
    oct key; no `kid` and no other member counts.

    Args:
        key: The key.
    """
    # The public part first: the private one may not be worked out yet.
    for is_private in (False, True):
        with suppress(InvalidInputError):  # it has no such part
            if is_test_jwk(key.to_jwk(private=is_private)):
                return True
    return False


def is_test_jwk(jwk: Mapping[str, Any]) -> bool:
    """Whether a JWK (RFC 7517) holds the modulus or the secret of a test key."""
    return _is_known("n", jwk.get("n")) or _is_known("k", jwk.get("k"))


def refuse_test_keys(keys: Iterable[TrustFrameworkKey]) -> None:
    """Keep test keys from being written to a file, and from being brought into a tenant.

    Raises:
        InvalidInputError: One of the keys is a test key, and `allowing_test_keys` does not hold.
            Code ``BadRequest``.
    """
    if not _are_allowed() and any(map(is_test_key, keys)):
        raise _refusal()


def refuse_test_jwks(document: bytes) -> None:
    """Do as `refuse_test_keys` for text: JSON with a JWK anywhere in it. Other text is let through.

    Raises:
        InvalidInputError: As `refuse_test_keys`; or the text is nested so deep that nobody can say.
    """
    if _are_allowed():
        return
    found: list[bool] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        found.extend(_is_known(name, value) for name, value in pairs)

    is_too_deep = False
    try:
        # Neither what stands twice nor how long a number is matters here.
        json.loads(document, object_pairs_hook=look, parse_int=len)
    except RecursionError:
        is_too_deep = True
    except ValueError:  # no JSON, and so no JWK
        return
    if is_too_deep:
        raise InvalidInputError("the plaintext is nested too deep")
    if any(found):
        raise _refusal()


@contextmanager
def allowing_test_keys() -> Iterator[None]:
    """Let test keys through in the block; `trustkeys.testing.allow_test_keys` says what for."""
    permit = _Permit(is_open=True)
    token = _permit.set(permit)
    try:
        yield
    finally:
        permit.is_open = False
        with suppress(ValueError):  # an asynchronous fixture can end in another task
            _permit.reset(token)


def _are_allowed() -> bool:
    permit = _permit.get()
    return permit is not None and permit.is_open


def _is_known(name: str, text: object) -> bool:
    """Whether this is the member of a test key by which one knows it."""
    if name not in ("n", "k") or not isinstance(text, str):
        return False
    with suppress(ValueError):
        octets = base64url_decode(text.rstrip("="))
        return is_test_secret(octets) if name == "k" else is_test_modulus(int.from_bytes(octets))
    return False


def _refusal() -> InvalidInputError:
    return InvalidInputError(
        "this is a test key of trustkeys, whose private part everybody has: it is neither written "
        "nor sealed nor brought into a tenant (in tests, trustkeys.testing.allow_test_keys() lets "
        "it through, in the thread that enters it)",
        target="key",
    )
