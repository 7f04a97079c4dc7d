"""Recognise test keys, and keep them out of files and tenants.

Each write makes one call. The functions of `trustkeys.formats` that write private forms make it
themselves; a caller that writes a private JWK in the open calls `refuse_test_keys`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

from attrs import define

from trustkeys.core.base64url import base64url_decode
from trustkeys.core.key import TrustFrameworkKey, material
from trustkeys.errors import InvalidInputError
from trustkeys.testkeys.pool import is_test_modulus, is_test_secret
from trustkeys.testkeys.search import holds_test_key

__tracebackhide__ = True


@define
class _Permit:
    """A permission that a block shares with the tasks it starts, and withdraws when it ends."""

    is_open: bool


# A context variable, so that a test does not open the guard for other threads of the program.
_permit: ContextVar[_Permit | None] = ContextVar("trustkeys_test_keys", default=None)


def is_test_key(key: TrustFrameworkKey) -> bool:
    """Whether a key is a test key (see `trustkeys.testing`), whose private part is public.

    The modulus of an RSA key decides, so the public half is recognised too, or the secret of an oct
    key. The `kid` and all other members play no part.
    """
    return any(map(is_test_jwk, material(key)))


def is_test_jwk(jwk: Mapping[str, Any]) -> bool:
    """Whether a JWK (RFC 7517) has the modulus or the secret of a test key."""
    n, k = jwk.get("n"), jwk.get("k")
    return (isinstance(n, str) and _is_test_modulus(n)) or (
        isinstance(k, str) and _is_test_secret(k)
    )


def refuse_test_keys(keys: Iterable[TrustFrameworkKey]) -> None:
    """Check that no test key is about to be written or provisioned.

    Raises:
        InvalidInputError: One of the keys is a test key, outside of an `allow_test_keys` block.
            Code ``BadRequest``.
    """
    if not _are_allowed() and any(map(is_test_key, keys)):
        raise _refusal()


def refuse_test_jwks(document: bytes) -> None:
    """Check that bytes have no test key in them (see `trustkeys.testkeys.search`).

    Raises:
        InvalidInputError: As `refuse_test_keys`.
    """
    if not _are_allowed() and holds_test_key(document):
        raise _refusal()


@contextmanager
def allow_test_keys() -> Iterator[None]:
    """Allow test keys to be saved, exported, sealed and provisioned in a ``with`` block.

    The block covers the thread or asyncio task that entered it, the tasks that this one starts, and
    the threads of its `generate_keys` and `generate_sealed`. No option and no environment variable
    does the same.
    """
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


def _is_test_modulus(n: str) -> bool:
    with suppress(ValueError):
        return is_test_modulus(int.from_bytes(base64url_decode(n.rstrip("="))))
    return False


def _is_test_secret(k: str) -> bool:
    with suppress(ValueError):
        return is_test_secret(base64url_decode(k.rstrip("=")))
    return False


def _refusal() -> InvalidInputError:
    return InvalidInputError(
        "this is a test key of trustkeys, whose private part is public: do not save, export, seal "
        "or provision it, but generate a key of your own (tests can allow it in a block: "
        "trustkeys.testing.allow_test_keys())",
        target="key",
    )
