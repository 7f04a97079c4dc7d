"""The members of a JWK that a `TrustFrameworkKey` has no attribute for (RFC 7517 section 4)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from trustkeys.core.strict_json import MAX_JSON_BYTES, parse_json
from trustkeys.errors import InvalidInputError
from trustkeys.wording import all_of

__tracebackhide__ = True

REGISTERED = ("alg", "key_ops", "x5u", "x5t#S256")
"""Members of RFC 7517 that say nothing secret."""

OF_CERTIFICATES = ("x5u", "x5t#S256")
"""Those that say which certificate a key has."""

OPERATIONS: Mapping[str, Mapping[str, str | None]] = {
    "sig": {"sign": "verify", "verify": "verify"},
    "enc": {
        "encrypt": "encrypt",
        "decrypt": "encrypt",
        "wrapKey": "wrapKey",
        "unwrapKey": "wrapKey",
        "deriveKey": None,
        "deriveBits": None,
    },
}
"""The values of `key_ops` for each `use` (RFC 7517 section 4.3), and what the public half can do.

There can be others, which fit every use.
"""

_PUBLIC = {name: half for names in OPERATIONS.values() for name, half in names.items()}


def problem_of_operations(key_ops: object, use: str | None) -> str | None:
    """Say what is wrong with `key_ops` (RFC 7517 section 4.3), or return None.

    Returns:
        The end of a sentence that begins "the key".
    """
    if key_ops is None:
        return None
    if not isinstance(key_ops, (list, tuple)) or not all(isinstance(each, str) for each in key_ops):
        return "has key_ops that are not a list of names"
    if len({*key_ops}) < len(key_ops):
        return "has key_ops with a name twice"
    others = [names.keys() for each, names in OPERATIONS.items() if use not in (each, None)]
    wrong = sorted(set().union(*others) & {*key_ops})
    return f"has use {use}, but key_ops with {all_of(wrong)}" if wrong else None


def check_operations(key_ops: object, use: str) -> None:
    """Check that `key_ops` fit the `use` of a key.

    Raises:
        InvalidInputError: They do not (RFC 7517 section 4.3). Code ``AADB2C95034``.
    """
    problem = problem_of_operations(key_ops, use)
    if problem is not None:
        raise InvalidInputError(
            f"the key {problem} (RFC 7517 section 4.3)", code="AADB2C95034", target="key_ops"
        )


def public_half(registered: Mapping[str, Any]) -> dict[str, Any]:
    """Return the registered members of a public key, given those of the private one."""
    if "key_ops" not in registered:
        return {**registered}
    halves = [_PUBLIC.get(name) for name in registered["key_ops"]]
    key_ops = [*dict.fromkeys(half for half in halves if half is not None)]
    rest = {name: value for name, value in registered.items() if name != "key_ops"}
    return {**rest, "key_ops": key_ops} if key_ops else rest


def unknown_members(jwk: Mapping[str, Any], known: Collection[str]) -> dict[str, Any]:
    """Return all members of a JWK but the known ones, those that are null, and OData's."""
    return {
        name: value
        for name, value in jwk.items()
        if name not in known
        and value is not None
        and not (isinstance(name, str) and "@odata." in name)
    }


def canonical_json(members: Mapping[str, Any]) -> str:
    """Write the members of a JWK as JSON, so that equal members are equal text.

    Raises:
        InvalidInputError: A value that is no JSON, or too large. Code ``AADB2C95034``.
    """
    import json  # imported lazily: a new key has no such members

    problem = "are nested too deep"
    try:
        # Measured before, since a mapping can be larger than any text.
        text = "" if _is_large(members) else json.dumps(members, allow_nan=False, sort_keys=True)
        if not text or len(text) > MAX_JSON_BYTES:
            problem = f"have more than {MAX_JSON_BYTES} bytes as JSON"
        else:
            problem = ""
    except RecursionError:
        pass
    except (TypeError, ValueError):
        problem = "must be JSON values with names"
    if problem or not all(isinstance(name, str) for name in members):
        raise InvalidInputError(
            f"the other members of the JWK {problem or 'must have names'}", code="AADB2C95034"
        )
    # A float that is whole becomes an integer, as in a file.
    value = parse_json(text, what="the JWK", code="AADB2C95034")
    return json.dumps(value, sort_keys=True)


def _is_large(members: Mapping[str, Any]) -> bool:
    """Whether a mapping surely takes more than 64 KiB as JSON, as one that holds itself does."""
    size = 0
    found: list[Any] = [members]
    while found and size <= MAX_JSON_BYTES:
        value = found.pop()
        size += 1
        if isinstance(value, str):
            size += len(value)
        elif isinstance(value, dict):
            size += sum(len(name) for name in value if isinstance(name, str))
            found += value.values()
        elif isinstance(value, (list, tuple)):
            found += value[: MAX_JSON_BYTES + 1]
    return size > MAX_JSON_BYTES


def check_length(jwk: Mapping[str, Any], names: Iterable[str]) -> None:
    """Check that members of a JWK are no larger than a JWK may be, before they are read.

    Raises:
        InvalidInputError: They are larger than 64 KiB. Code ``AADB2C95026``.
    """
    size = 0
    for name in jwk.keys() & names:
        value = jwk.get(name)
        if isinstance(value, str):
            size += len(value)
        elif isinstance(value, (list, tuple)):
            # Each item takes two characters, and more if it is text.
            size += 2 * len(value)
            if size <= MAX_JSON_BYTES:
                size += sum(len(item) for item in value if isinstance(item, str))
    if size > MAX_JSON_BYTES:
        raise InvalidInputError(
            f"the JWK is larger than {MAX_JSON_BYTES} bytes", code="AADB2C95026"
        )
