"""A check of key sets as they come, valid or not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from attrs import frozen

from trustkeys.encoding import uint_decode
from trustkeys.errors import InvalidInputError, shape
from trustkeys.jwk import optional_text, read_jwk, status_of
from trustkeys.keyset.document import checked_id, key_type_of_service, keys_of, members_of
from trustkeys.keyset.findings import Finding, check_keys, in_order, known_to_all, name_of
from trustkeys.keytypes.registry import KeyType
from trustkeys.keytypes.rsa import MIN_SIZE
from trustkeys.numericdate import NumericDateInput, numeric_dates
from trustkeys.request import checked_use
from trustkeys.testkeys.recognition import is_test_jwk

__all__ = ["check_key_set"]

# pytest shows the arguments of the frame that raised, and here they can be secrets.
__tracebackhide__ = True

T = TypeVar("T")


def check_key_set(
    document: str | bytes | Mapping[str, Any],
    *,
    at: NumericDateInput = None,
    until: NumericDateInput = None,
    private: bool | None = None,
) -> list[Finding]:
    """Look for what would break sign-in, in a JWK Set or an answer of Graph, valid or not.

    Errors: what the service would refuse (keys of the wrong form, `kty` or `use` mixed, with
    its codes), a `kid` twice (``DuplicateKid``), a stretch of time without an active key
    (``NoActiveKey``), keys without a private part where one is needed (``AADB2C90085``), test
    keys, whose private part everybody has (``TestKey``; `trustkeys.testing`).
    Warnings: an active key that will expire within 30 days (``ExpiresSoon``), no enabled key
    without dates as a safety net (``NoSafetyNet``), a key that starts within the 3 hours that
    the service may need to notice it (``StartsSoon``), an RSA key below 2048 bits
    (``WeakKey``), an `enc` key that ends sooner than the refresh tokens that are encrypted with
    it may (``EndsBeforeTokens``).

    Args:
        document: A JWK Set; or what GET keySets/{id} or keys_v2 answers. A mapping, or JSON
            text of at most 16 MiB.
        at: What counts as now: whole seconds since 1970, or an aware datetime. Default: now.
        until: How far there must be no gap. Default: to the end of the last key.
        private: Whether the keys need their private parts, as they do when the set is to be
            uploaded. Default: unless it is an answer of Graph, which never has them.

    Returns:
        Errors first; each part in the order of the times.

    Raises:
        InvalidInputError: ``AADB2C95026`` no JSON, or no list of keys; ``BadRequest`` `until`
            does not lie after `at`, or one is no time.
    """
    members = members_of(document)
    jwks = keys_of(members)
    if private is None:
        private = not _is_answer(members, jwks)
    found: list[Finding] = []
    if members.get("id") is not None:
        _attempt(found, None, "the key set", lambda: checked_id(members["id"]))
    keys = [_read(found, jwk, number, private=private) for number, jwk in enumerate(jwks, 1)]
    return in_order([*found, *check_keys(keys, at=at, until=until, private=private)])


@frozen
class _Entry:
    """What could be read of a key."""

    kid: str | None = None
    kty: str | None = None
    use: str | None = None
    nbf: int | None = None
    exp: int | None = None
    status: str = "disabled"
    # What is no key does not lack its private part.
    has_private: bool = True


def _is_answer(members: Mapping[str, Any], jwks: Sequence[Any]) -> bool:
    """Whether this comes from Graph, whose answers say ``"k": null`` of every key."""
    return "@odata.context" in members or (
        bool(jwks)
        and all(isinstance(jwk, Mapping) and jwk.get("k", "") is None for jwk in jwks)
        and not any(jwk.get("d") for jwk in jwks)
    )


def _attempt(found: list[Finding], kid: str | None, name: str, read: Callable[[], T]) -> T | None:
    """Read something, or note what is wrong with it."""
    try:
        return read()
    except InvalidInputError as error:
        found.append(Finding("error", error.code, f"{name} is refused: {error.message}", kid))
    return None


def _read(found: list[Finding], jwk: Any, number: int, *, private: bool) -> _Entry:
    """Read a key as far as that goes, and note what is wrong with it."""
    kid = jwk["kid"] if isinstance(jwk, Mapping) and isinstance(jwk.get("kid"), str) else None
    name = name_of(kid, number)
    attempt = partial(_attempt, found, kid, name)
    if attempt(lambda: _checked_mapping(jwk)) is None:
        return _Entry()
    attempt(lambda: optional_text(jwk, "kid"))
    dates = attempt(lambda: numeric_dates(jwk.get("nbf"), jwk.get("exp")))
    status = attempt(lambda: status_of(jwk))
    use = attempt(lambda: _use(jwk))
    key_type = attempt(lambda: _key_type(jwk))
    if is_test_jwk(jwk):
        found.append(known_to_all(kid, number))
    # A key whose dates cannot be read is none that could be active.
    nbf, exp = dates or (None, None)
    status = "disabled" if dates is None or status is None else status
    if key_type is None:
        return _Entry(kid, None, use, nbf, exp, status)
    has_private = any(jwk.get(member) is not None for member in key_type.private)
    if private or has_private or not key_type.is_secret:
        # All the rest, in place of what was read already.
        known = {"kid": None, "use": use or "sig", "nbf": None, "exp": None, "status": None}
        attempt(lambda: _read_unless_weak(found, {**jwk, **known}, kid, name))
    # An oct key without its secret was found to be none, just now.
    has_private = has_private or key_type.is_secret
    return _Entry(kid, key_type.kty, use, nbf, exp, status, has_private)


def _checked_mapping(jwk: Any) -> Mapping[str, Any]:
    if isinstance(jwk, Mapping):
        return jwk
    raise InvalidInputError(f"it must be a JSON object, not {shape(jwk)}", code="AADB2C95034")


def _use(jwk: Mapping[str, Any]) -> str:
    if jwk.get("use") is None:
        raise InvalidInputError("use is missing", code="AADB2C90253", target="use")
    return checked_use(jwk["use"])


def _key_type(jwk: Mapping[str, Any]) -> KeyType:
    if jwk.get("kty") is None:
        raise InvalidInputError("kty is missing", code="AADB2C95037", target="kty")
    return key_type_of_service(jwk["kty"])


def _read_unless_weak(
    found: list[Finding], jwk: Mapping[str, Any], kid: str | None, name: str
) -> None:
    """Read a key. That it is too small, and so may be broken, is a warning."""
    try:
        read_jwk(jwk, prove=False)
    except InvalidInputError as error:
        if (error.code, error.target) != ("BadRequest", "n") or (
            uint_decode(jwk["n"]).bit_length() >= MIN_SIZE
        ):
            raise
        found.append(Finding("warning", "WeakKey", f"{name} is refused: {error.message}", kid))
