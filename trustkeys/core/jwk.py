"""Read and check JWKs from untrusted sources (RFC 7517)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from trustkeys.core.base64url import base64url_encode
from trustkeys.core.extras import (
    REGISTERED,
    canonical_json,
    check_length,
    check_operations,
    unknown_members,
)
from trustkeys.core.numericdate import NumericDateInput, numeric_dates
from trustkeys.core.private import Private
from trustkeys.core.registry import KeyType, key_type_for
from trustkeys.core.request import checked_use
from trustkeys.core.rsa import completed, has_public_primes, rsa_public_key
from trustkeys.core.strict_json import is_plain, is_text, read_object, whole
from trustkeys.core.thumbprint import thumbprint
from trustkeys.core.work import SignatureChecks, Work
from trustkeys.core.x5c import check_chain, read_x5c, x5c_of, x5t_s256_of
from trustkeys.errors import InvalidInputError, KeyTooSmallError, MissingUseError
from trustkeys.wording import shape

__tracebackhide__ = True


def read_jwk(
    jwk: str | bytes | Mapping[str, Any],
    *,
    use: str | None = None,
    nbf: NumericDateInput = None,
    exp: NumericDateInput = None,
    kid: str | None = None,
    prove: bool,
    work: Work | None = None,
) -> dict[str, Any]:
    """Check a JWK, and return the arguments for `TrustFrameworkKey`.

    `TrustFrameworkKey.from_jwk` documents the rules. With `prove`, the strategy's slow tests run
    too: for an RSA-2048 key they take 40 ms, and the rest takes 0.2 ms. The keys of one document
    share its `work`.
    """
    given = read_object(jwk, what="the JWK", code="AADB2C95026")
    if given.get("kty") is None:
        raise InvalidInputError("kty is missing", code="AADB2C95037", target="kty")
    key_type = key_type_for(given["kty"])
    if use is None and given.get("use") is None:
        raise MissingUseError(
            "use is missing: the JWK has none, so give sig or enc (--use, in Python use=)"
        )
    if given.get("oth") is not None:
        # RFC 7518 section 6.3.2.7 forbids the use of such a key without support for `oth`.
        raise InvalidInputError(
            "this RSA key has more than two primes (oth), and trustkeys reads those with two: "
            "make another key",
            code="AADB2C95034",
            target="oth",
        )
    names = {*_MEMBERS, *key_type.members}
    check_length(given, names)
    use = checked_use(given["use"] if use is None else use)
    start, end = numeric_dates(
        whole(given.get("nbf")) if nbf is None else nbf,
        whole(given.get("exp")) if exp is None else exp,
    )
    status, x5t = status_of(given), optional_text(given, "x5t")
    named = optional_text(given if kid is None else {"kid": kid}, "kid")
    registered = _registered(given, key_type, use)
    unknown = unknown_members(given, names)
    members = _checked_members(key_type, given, prove=prove, work=work)
    x5c = _checked_x5c(key_type, members, given, x5t, work)
    is_private = not members.keys().isdisjoint(key_type.private)
    return {
        "kid": named or _new_kid(key_type, members),
        "kty": key_type.kty,
        "use": use,
        "nbf": start,
        "exp": end,
        "status": status,
        "x5c": x5c,
        "x5t": x5t,
        "public": key_type.public_of(members),
        "private": Private(members) if is_private else None,
        "registered": canonical_json(registered) if registered else "",
        "unknown": Private(canonical_json(unknown)) if unknown else None,
    }


_MEMBERS = ("kty", "use", "nbf", "exp", "kid", "status", "x5c", "x5t", "oth", *REGISTERED)


def prove_members(kty: str, members: Mapping[str, str], work: Work) -> None:
    """Run the slow tests of `KeyStrategy.prove` on members that have been checked.

    Raises:
        InvalidInputError: As `read_jwk` with `prove`.
    """
    _judge(key_type_for(kty), members, check=False, prove=True, work=work)


def _registered(jwk: Mapping[str, Any], key_type: KeyType, use: str) -> dict[str, Any]:
    check_operations(jwk.get("key_ops"), use)
    return {
        name: jwk[name] if name == "key_ops" else optional_text(jwk, name)
        for name in REGISTERED
        if jwk.get(name) is not None and name not in key_type.members
    }


def _checked_members(
    key_type: KeyType, jwk: Mapping[str, Any], *, prove: bool, work: Work | None
) -> Mapping[str, str]:
    texts = {name: optional_text(jwk, name) for name in key_type.members}
    members: Mapping[str, str] = {name: text for name, text in texts.items() if text is not None}
    if key_type.kty == "RSA" and members.keys() == {"n", "e", "d"}:
        if work is not None:
            work.complete()
        members = completed(members)
    _judge(key_type, members, check=True, prove=prove, work=work)
    return members


def _judge(
    key_type: KeyType, members: Mapping[str, str], *, check: bool, prove: bool, work: Work | None
) -> None:
    # A strategy's exception may quote the members, or refer to an exception that does. So only
    # the message, code and target of an InvalidInputError are kept.
    refusal: InvalidInputError | None = None
    try:
        if check:
            key_type.strategy.check(members)
        if prove and _may_prove(key_type, members, work):
            key_type.strategy.prove(members)
        if is_plain("".join(members.values())):
            return
    except InvalidInputError as error:
        kind = KeyTooSmallError if isinstance(error, KeyTooSmallError) else InvalidInputError
        refusal = kind(error.message, code=error.code, target=error.target)
    except Exception:  # noqa: BLE001, S110 - jwcrypto's exceptions are not ValueErrors
        pass
    raise refusal or InvalidInputError(
        f"the members do not make a key of kty {key_type.kty}", code="AADB2C95034"
    )


def _may_prove(key_type: KeyType, members: Mapping[str, str], work: Work | None) -> bool:
    if work is None or key_type.kty != "RSA" or "d" not in members or has_public_primes(members):
        return True
    return work.may_prove(key_type.strategy.size(members))


def _new_kid(key_type: KeyType, members: Mapping[str, str]) -> str:
    # RFC 7638 section 7: the thumbprint of a secret that may lack entropy must stay secret.
    return base64url_encode(os.urandom(32)) if key_type.is_secret else thumbprint(key_type, members)


def optional_text(jwk: Mapping[str, Any], name: str) -> str | None:
    """Return a member's text, or None if it is missing or null.

    Raises:
        InvalidInputError: Not a string, empty, or with a lone surrogate. Code ``AADB2C95034``.
    """
    value = jwk.get(name)
    if value is None or (isinstance(value, str) and value and is_text(value)):
        return value
    raise InvalidInputError(
        f"{name} must be a string with characters, not {shape(value)}",
        code="AADB2C95034",
        target=name,
    )


def status_of(jwk: Mapping[str, Any]) -> str:
    """Return a key's status: ``"enabled"``, also if it is missing, or ``"disabled"``.

    Raises:
        InvalidInputError: Another status. Code ``BadRequest``, or ``AADB2C95034`` if it is not a
            string.
    """
    return checked_status(optional_text(jwk, "status") or "enabled")


def checked_status(status: object) -> str:
    """Return a status that the service knows.

    Raises:
        InvalidInputError: Neither ``"enabled"`` nor ``"disabled"``. Code ``BadRequest``.
    """
    if status in ("enabled", "disabled"):
        return str(status)
    raise InvalidInputError(
        f"status must be enabled or disabled, not {shape(status)}", target="status"
    )


def _checked_x5c(
    key_type: KeyType,
    members: Mapping[str, str],
    jwk: Mapping[str, Any],
    x5t: str | None,
    work: Work | None,
) -> tuple[str, ...]:
    x5c = jwk.get("x5c")
    if x5c is None or x5c == []:
        return ()
    checks = SignatureChecks() if work is None else work.signatures
    if isinstance(x5c, (list, tuple)):
        checks.spend(len(x5c))
    chain = read_x5c(x5c)
    if key_type.is_secret:
        raise InvalidInputError(
            f"an {key_type.kty} key has no certificate: remove x5c",
            code="AADB2C95034",
            target="x5c",
        )
    if key_type.kty == "RSA" and chain:
        check_chain(chain, rsa_public_key(members), x5t, checks=checks)
        if jwk.get("x5t#S256") not in (None, x5t_s256_of(chain[0])):
            raise InvalidInputError(
                "x5t#S256 must be the SHA-256 thumbprint of the first certificate of x5c",
                code="AADB2C95034",
                target="x5t#S256",
            )
    return x5c_of(chain)
