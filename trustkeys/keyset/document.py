"""Key sets as JSON: a JWK Set (RFC 7517 section 5), or an answer of Microsoft Graph."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from trustkeys.core.registry import KeyType, key_type_for
from trustkeys.core.strict_json import MAX_SET_BYTES, read_object
from trustkeys.errors import InvalidInputError
from trustkeys.wording import shape

__tracebackhide__ = True

PREFIX = "B2C_1A_"

MAX_KEYS = 5000
"""The most keys in a set: with RSA-2048 keys 9 MiB, checked in 2 seconds."""


def checked_id(name: object) -> str:
    """Return the id of a key set with its prefix.

    Raises:
        InvalidInputError: Not text of letters, digits, ``-`` and ``_``. Code ``BadRequest``.
    """
    if isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9_-]+", name):
        rest = name[len(PREFIX) :] if name.upper().startswith(PREFIX) else name
        if rest:
            return PREFIX + rest
    raise InvalidInputError(
        f"the id of a key set must be letters, digits, - and _ after the prefix {PREFIX}, "
        f"not {shape(name)}",
        target="id",
    )


def members_of(document: str | bytes | Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the members of a key set in JSON text of at most 16 MiB, or in a mapping.

    Raises:
        InvalidInputError: It is neither, or not a JSON object. Code ``AADB2C95026``.
    """
    return read_object(document, what="the key set", code="AADB2C95026", max_bytes=MAX_SET_BYTES)


def keys_of(document: Mapping[str, Any]) -> Sequence[Any]:
    """Return the keys of a JWK Set, or of the answer to GET keySets/{id} or keySets/{id}/keys_v2.

    Raises:
        InvalidInputError: There is no list of keys, or it has over 5,000. Code ``AADB2C95026``.
    """
    name = "value" if "keys" not in document and "value" in document else "keys"
    keys = document.get(name)
    # jwcrypto's JWKSet holds an unordered set, but of equal keys the last one is active.
    if not isinstance(keys, (list, tuple)):
        hint = "; this is a single key" if "kty" in document else ""
        problem = f"{name} must be a list of keys, not {shape(keys)}{hint}"
    elif len(keys) > MAX_KEYS:
        problem = f"{name} must be a list of at most {MAX_KEYS} keys, not of {len(keys)}"
    elif name == "value" and any(isinstance(key, Mapping) and "keys" in key for key in keys):
        problem = "this is an answer with several key sets: use the answer to GET keySets/{id}"
    else:
        return keys
    raise InvalidInputError(problem, code="AADB2C95026", target=name)


def name_of(kid: str | None, number: int) -> str:
    """Return ``key KID``, or ``key NUMBER`` if the kid is missing, too long or not printable."""
    return f"key {kid}" if kid and len(kid) <= 64 and kid.isprintable() else f"key {number}"


def key_type_of_service(kty: object) -> KeyType:
    """Return one of the two key types that the service knows, whatever else is registered.

    Raises:
        InvalidInputError: Another `kty`. Code ``AADB2C95031``.
    """
    if isinstance(kty, str) and kty.lower() in ("rsa", "oct"):
        return key_type_for(kty)
    raise InvalidInputError(
        f"kty of a key in a key set must be RSA or oct, not {shape(kty)}",
        code="AADB2C95031",
        target="kty",
    )
