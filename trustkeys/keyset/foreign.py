"""The keys of a JWK Set that another program wrote."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trustkeys.core.jwk import prove_members, read_jwk
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.registry import key_type_for
from trustkeys.core.work import Work
from trustkeys.errors import InvalidInputError, prefix_errors
from trustkeys.formats.corrected import corrected
from trustkeys.keyset.document import numbered
from trustkeys.wording import all_of, counted, key_type_name

__tracebackhide__ = True

_LISTED = 5


def add_foreign_keys(
    jwks: Sequence[Any], use: str | None, add: Callable[[TrustFrameworkKey], None]
) -> list[str]:
    """Read the RSA and oct keys of a set, and add each.

    All keys are checked before the slow tests of the first one begin.

    Args:
        jwks: The keys of the set.
        use: Replaces the keys' own `use`.
        add: What adds a key to a `TrustFrameworkKeySet`.

    Returns:
        What was left out, corrected or not tested, in sentences for a person.

    Raises:
        InvalidInputError: As `TrustFrameworkKeySet.from_jwks`.
    """
    work = Work()
    keys: list[tuple[int, TrustFrameworkKey]] = []
    others: list[str] = []
    corrections: list[tuple[int, str]] = []
    types: set[str] = set()
    for number, jwk in enumerate(jwks, 1):
        if _is_other(jwk):
            kid = jwk.get("kid") if isinstance(jwk.get("kid"), str) else None
            types.add(key_type_name(jwk["kty"]))
            others.append(f"key {numbered(kid, number)} of type {key_type_name(jwk['kty'])}")
            continue
        with prefix_errors(f"key {number}"):
            right, remarks = corrected(jwk) if isinstance(jwk, Mapping) else (jwk, [])
            corrections += [(number, remark) for remark in remarks]
            key = TrustFrameworkKey(**read_jwk(right, use=use, prove=False, work=work))
            add(key)
        keys.append((number, key))
    if others and not keys:
        raise InvalidInputError(
            f"the key set has no RSA or oct key, only {all_of(sorted(types)[:_LISTED])}: the "
            "service knows no other types",
            code="AADB2C95031",
            target="kty",
        )
    for number, key in keys:
        with prefix_errors(f"key {number}"):
            _prove(key, work)
    found = []
    if others:
        found.append(
            f"{counted(len(others))} left out, since the service knows only RSA and oct: "
            f"{_listed(others)}"
        )
    for remark in dict.fromkeys(remark for _, remark in corrections):
        numbers = [str(number) for number, each in corrections if each == remark]
        found.append(f"{'key' if len(numbers) == 1 else 'keys'} {_listed(numbers)}: {remark}")
    if work.unproved:
        found.append(
            f"the primes of {counted(work.unproved)} were not tested, since the set has too many "
            "private RSA keys: import those that you do not trust one by one"
        )
    return found


def _is_other(jwk: Any) -> bool:
    """Whether a key has a type that readers of a set skip (RFC 7517 section 5)."""
    kty = jwk.get("kty") if isinstance(jwk, Mapping) else None
    return isinstance(kty, str) and kty != "" and kty.lower() not in ("rsa", "oct")


def _prove(key: TrustFrameworkKey, work: Work) -> None:
    if key.has_private:
        key_type, jwk = key_type_for(key.kty), key.to_jwk(private=True)
        prove_members(key.kty, {name: jwk[name] for name in key_type.members}, work)


def _listed(texts: Sequence[str]) -> str:
    if len(texts) <= _LISTED:
        return all_of(texts)
    return f"{', '.join(texts[:_LISTED])} and {len(texts) - _LISTED} more"
