"""Compare a key set with what Microsoft Graph says is in the tenant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from attrs import evolve, frozen

from trustkeys.core.base64url import base64url_decode
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.errors import InvalidInputError
from trustkeys.formats.answers import Document, read_key_sets
from trustkeys.keyset.document import is_same_id, set_of
from trustkeys.keyset.keyset import TrustFrameworkKeySet
from trustkeys.wording import shape

__tracebackhide__ = True


@frozen
class Comparison:
    """One key, in the key set and in the tenant.

    Attributes:
        here: Its `kid` in the key set, or None if it is not in the key set.
        there: Its `kid` in the tenant, or None if it is not in the tenant or has no `kid` there.
        is_there: Whether it is in the tenant.
        differences: The members that differ: ``"use"``, ``"status"``, ``"nbf"``, ``"exp"``. Also
            ``"order"`` if an earlier key of the key set with the same `nbf` comes after it in
            the tenant.
    """

    here: str | None
    there: str | None
    is_there: bool
    differences: tuple[str, ...] = ()

    @property
    def is_drift(self) -> bool:
        """Whether the difference can affect sign-in. A different `kid` alone does not."""
        return self.here is None or not self.is_there or bool(self.differences)


def compare(keyset: TrustFrameworkKeySet, graph_answer: Document) -> tuple[Comparison, ...]:
    """Compare a key set with a saved answer of Graph.

    RSA keys match by their modulus. Graph does not show the secret of an oct key, so oct keys
    match by `kid`, or else by `nbf` and `exp`, which does not prove that they are the same key.
    Members that the answer does not have, such as `status`, are not compared.

    Args:
        keyset: The key set.
        graph_answer: The answer to GET keySets/{id}, keySets/{id}/keys_v2, or keySets, of which
            the set with the same id counts: a mapping or a list, or JSON text of at most 16 MiB,
            also as PowerShell writes it.

    Returns:
        One row for each key of the key set, in its order. Then one row for each other entry of
        the answer, in its order, even if the entry cannot be read as a key. An answer with one
        key, such as to GET keys_v2/{kid}, says nothing of the others: it gives one row.

    Raises:
        InvalidInputError: ``AADB2C95026``: the answer is not JSON, has no list of keys, or only
            a part of it. ``BadRequest``: it is about another key set.
    """
    if not isinstance(keyset, TrustFrameworkKeySet):
        raise InvalidInputError(
            f"keyset must be a TrustFrameworkKeySet, not {shape(keyset)}", target="keyset"
        )
    document = read_key_sets(graph_answer)
    answer = set_of(document, keyset.id)
    entries = answer.keys
    if answer.id is not None and not is_same_id(answer.id, keyset.id):
        raise InvalidInputError(
            f"the answer is about another key set than {keyset.id}: save the answer to GET "
            f"keySets/{keyset.id}",
            target="id",
        )
    keys = list(keyset)
    places = _matched(keys, entries)
    rows = [_row(key, entries, place) for key, place in zip(keys, places, strict=True)]
    for index in _out_of_order(keys, places):
        rows[index] = evolve(rows[index], differences=(*rows[index].differences, "order"))
    if document.kind == "key":
        rows = [row for row in rows if row.is_there]
    rows += [
        Comparison(None, _text(entry, "kid"), is_there=True)
        for place, entry in enumerate(entries)
        if place not in places
    ]
    return tuple(rows)


def _row(key: TrustFrameworkKey, entries: Sequence[Any], place: int | None) -> Comparison:
    if place is None:
        return Comparison(key.kid, None, is_there=False)
    entry = entries[place]
    return Comparison(
        key.kid,
        _text(entry, "kid"),
        is_there=True,
        differences=tuple(_differences(key, entry)),
    )


def _differences(key: TrustFrameworkKey, entry: Mapping[str, Any]) -> Iterator[str]:
    for name in ("use", "status"):
        there = entry.get(name)
        same = isinstance(there, str) and there.lower() == getattr(key, name)
        if there is not None and not same:
            yield name
    for name in ("nbf", "exp"):
        if name in entry and _date(entry, name) != getattr(key, name):
            yield name


def _matched(keys: Sequence[TrustFrameworkKey], entries: Sequence[Any]) -> list[int | None]:
    """Return the index of each key's entry. No two keys get the same entry."""
    free = {place: entry for place, entry in enumerate(entries) if isinstance(entry, Mapping)}
    places: list[int | None] = [None] * len(keys)
    here = [_identities_here(key) for key in keys]
    # From the strongest identity to the weakest, so that a weak match takes no strong one's entry.
    for rank in range(3):
        waiting: dict[object, list[int]] = {}
        for place, entry in free.items():
            waiting.setdefault(_identities_there(entry)[rank], []).append(place)
        for index, identities in enumerate(here):
            found = waiting.get(identities[rank])
            if found and places[index] is None and identities[rank] is not None:
                place = places[index] = found.pop(0)
                del free[place]
    return places


def _identities_here(key: TrustFrameworkKey) -> tuple[object, object, object]:
    """Return what identifies a key in the answer, from the strongest to the weakest."""
    if key.kty == "oct":
        return None, key.kid, (key.nbf, key.exp)
    return (_number(key.to_jwk()["n"]) if key.kty == "RSA" else None), None, None


def _identities_there(entry: Mapping[str, Any]) -> tuple[object, object, object]:
    # uploadSecret answers with OCT.
    if (_text(entry, "kty") or "").lower() == "oct":
        return None, _text(entry, "kid"), (_date(entry, "nbf"), _date(entry, "exp"))
    return _number(entry.get("n")), None, None


def _text(entry: Any, name: str) -> str | None:
    value = entry.get(name) if isinstance(entry, Mapping) else None
    return value if isinstance(value, str) else None


def _date(entry: Mapping[str, Any], name: str) -> int | str | None:
    """Return a date, or for a value that is no date some text, which equals no date."""
    value = entry.get(name)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    return shape(value)


def _number(text: object) -> int | None:
    """Decode a number from base64 or base64url, padded or not, with or without leading zeros."""
    with suppress(ValueError):
        if isinstance(text, str):
            plain = text.rstrip("=").replace("+", "-").replace("/", "_")
            return int.from_bytes(base64url_decode(plain), "big")
    return None


def _out_of_order(keys: Sequence[TrustFrameworkKey], places: Sequence[int | None]) -> Iterator[int]:
    """Yield the index of each key that precedes an earlier key with the same `nbf` in the tenant.

    The order matters only between such keys: the later one is active.
    """
    latest: dict[int | None, int] = {}
    for index, (key, place) in enumerate(zip(keys, places, strict=True)):
        if place is not None:
            if place < latest.get(key.nbf, -1):
                yield index
            latest[key.nbf] = max(place, latest.get(key.nbf, -1))
