"""The names of key sets and keys, and the types of keys that the service knows."""

from __future__ import annotations

import re
from contextlib import suppress

from trustkeys.core.registry import KeyType, key_type_for
from trustkeys.errors import InvalidInputError
from trustkeys.formats.answers import KeySets, Kind, SavedSet
from trustkeys.wording import counted, is_name, key_type_name, shape

__tracebackhide__ = True

PREFIX = "B2C_1A_"


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


def set_of(document: KeySets, name: str | None) -> SavedSet:
    """Return the only key set of a document, or of several the one with an id.

    Args:
        document: The document.
        name: The id, with or without its prefix.

    Raises:
        InvalidInputError: ``AADB2C95026``: only a part of its keys is there. ``BadRequest``:
            there are several key sets, and not just one has this id.
    """
    if document.kind != "sets":
        if document.is_complete:
            return document.sets[0]
        raise InvalidInputError(
            "the answer goes on, and has only a part of the keys: save the answer to GET "
            "keySets/{id}",
            code="AADB2C95026",
        )
    if name is None:
        if len(document.sets) == 1:
            return document.sets[0]
        problem = f"this is {document.description}: choose one by its id"
    else:
        found = [each for each in document.sets if is_same_id(each.id, name)]
        if len(found) == 1:
            return found[0]
        number = counted(len(found), "key set") if found else "no key set"
        problem = f"the answer has {number} with the id {checked_id(name)}"
        if not document.is_complete:
            problem += ", and goes on: save the page at its @odata.nextLink, too"
    raise InvalidInputError(problem, target="id")


def is_same_id(there: object, here: str) -> bool:
    """Whether an id in an answer, which can be anything, is the id of a key set."""
    with suppress(InvalidInputError):
        return checked_id(there) == checked_id(here)
    return False


def is_deleted_copy(found: SavedSet, kind: Kind) -> bool:
    """Whether it is the copy that the service keeps of a deleted set, with the suffix ``.bak``."""
    return kind == "sets" and isinstance(found.id, str) and found.id.endswith(".bak")


def shown_id(name: object) -> str | None:
    """Return the id of a set in a document if it is safe to show: it could be a secret."""
    is_shown = isinstance(name, str) and name.startswith(PREFIX) and len(name) <= 128
    return str(name) if is_name(name) or (is_shown and str(name).isprintable()) else None


def name_of(kid: str | None, number: int) -> str:
    """Return ``key KID``, or ``key NUMBER`` if the kid is missing, too long or not printable."""
    return f"key {kid}" if _is_shown(kid) else f"key {number}"


def numbered(kid: str | None, number: int) -> str:
    """Return ``NUMBER (KID)``, or ``NUMBER`` if the kid is missing, too long or not printable."""
    return f"{number} ({kid})" if _is_shown(kid) else f"{number}"


def _is_shown(kid: str | None) -> bool:
    return kid is not None and 0 < len(kid) <= 64 and kid.isprintable()


def key_type_of_service(kty: object) -> KeyType:
    """Return one of the two key types that the service knows, whatever else is registered.

    Raises:
        InvalidInputError: Another `kty`. Code ``AADB2C95031``.
    """
    if isinstance(kty, str) and kty.lower() in ("rsa", "oct"):
        return key_type_for(kty)
    raise InvalidInputError(
        f"kty of a key in a key set must be RSA or oct, not {key_type_name(kty)}",
        code="AADB2C95031",
        target="kty",
    )
