"""A key set here against what Graph says that is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from attrs import evolve, frozen

from trustkeys.core.base64url import base64url_decode
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.errors import InvalidInputError
from trustkeys.keyset.document import checked_id, keys_of, members_of
from trustkeys.keyset.keyset import TrustFrameworkKeySet
from trustkeys.wording import shape

__all__ = ["Comparison", "compare"]

__tracebackhide__ = True


@frozen
class Comparison:
    """One key, here and there.

    Attributes:
        here: Its `kid` here, or None where it is only there.
        there: Its `kid` there, or None where it is only here, or has none there.
        is_there: Whether it is there.
        differences: What differs: ``"use"``, ``"nbf"``, ``"exp"``, ``"status"``; ``"order"``
            where another key with the same `nbf` was added before it here, and after it there.
    """

    here: str | None
    there: str | None
    is_there: bool
    differences: tuple[str, ...] = ()

    @property
    def is_drift(self) -> bool:
        """Whether this can make a difference to sign-in; another `kid` makes none."""
        return self.here is None or not self.is_there or bool(self.differences)


def compare(
    keyset: TrustFrameworkKeySet, graph_answer: str | bytes | Mapping[str, Any]
) -> tuple[Comparison, ...]:
    """Compare a key set with a saved answer of Graph.

    RSA keys are the same when they have the same modulus. Of oct keys Graph shows no secret:
    they count as the same when they have the same `kid`, else the same `nbf` and `exp`. That
    does not prove that they are. What the answer says nothing of, such as `status`, is not
    compared.

    Args:
        keyset: The set here.
        graph_answer: What GET keySets/{id} or keys_v2 answers: a mapping, or JSON text of at
            most 16 MiB.

    Returns:
        The keys here, in their order, and then those that are only there, in theirs, also what
        cannot be read as a key.

    Raises:
        InvalidInputError: ``AADB2C95026`` no JSON, or no list of keys; ``BadRequest`` it is the
            answer for another set.
    """
    if not isinstance(keyset, TrustFrameworkKeySet):
        raise InvalidInputError(
            f"a key set must be a TrustFrameworkKeySet, not {shape(keyset)}", target="keyset"
        )
    answer = members_of(graph_answer)
    entries = keys_of(answer)
    if answer.get("id") is not None and not _is_same_id(answer["id"], keyset.id):
        raise InvalidInputError(
            f"the answer is that of another key set than {keyset.id}: save the one of GET "
            f"keySets/{keyset.id}",
            target="id",
        )
    keys = list(keyset)
    places = _matched(keys, entries)
    rows = [_row(key, entries, place) for key, place in zip(keys, places, strict=True)]
    for index in _out_of_order(keys, places):
        rows[index] = evolve(rows[index], differences=(*rows[index].differences, "order"))
    rows += [
        Comparison(None, _text(entry, "kid"), is_there=True)
        for place, entry in enumerate(entries)
        if place not in places
    ]
    return tuple(rows)


def _is_same_id(there: object, here: str) -> bool:
    with suppress(InvalidInputError):
        return checked_id(there) == here
    return False


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
    """Find for each key the place of its entry, each entry once."""
    free = {place: entry for place, entry in enumerate(entries) if isinstance(entry, Mapping)}
    places: list[int | None] = [None] * len(keys)
    # What is the same for sure goes first, so that a mere likeness does not take it away.
    for identify_here, identify_there in _IDENTITIES:
        waiting: dict[object, list[int]] = {}
        for place, entry in free.items():
            if (identity := identify_there(entry)) is not None:
                waiting.setdefault(identity, []).append(place)
        for index, key in enumerate(keys):
            found = waiting.get(identify_here(key)) if places[index] is None else None
            if found:
                place = found.pop(0)
                places[index] = place
                del free[place]
    return places


def _rsa_here(key: TrustFrameworkKey) -> object:
    return ("RSA", _number(key.to_jwk()["n"])) if key.kty == "RSA" else None


def _rsa_there(entry: Mapping[str, Any]) -> object:
    number = _number(entry.get("n"))
    return None if number is None else ("RSA", number)


def _kid_here(key: TrustFrameworkKey) -> object:
    return ("kid", key.kid) if key.kty == "oct" else None


def _kid_there(entry: Mapping[str, Any]) -> object:
    kid = _text(entry, "kid")
    return ("kid", kid) if kid is not None and _is_oct(entry) else None


def _dates_here(key: TrustFrameworkKey) -> object:
    return ("dates", key.nbf, key.exp) if key.kty == "oct" else None


def _dates_there(entry: Mapping[str, Any]) -> object:
    return ("dates", _date(entry, "nbf"), _date(entry, "exp")) if _is_oct(entry) else None


_IDENTITIES = ((_rsa_here, _rsa_there), (_kid_here, _kid_there), (_dates_here, _dates_there))


def _is_oct(entry: Mapping[str, Any]) -> bool:
    # An answer of uploadSecret writes OCT.
    return (_text(entry, "kty") or "").lower() == "oct"


def _text(entry: Any, name: str) -> str | None:
    value = entry.get(name) if isinstance(entry, Mapping) else None
    return value if isinstance(value, str) else None


def _date(entry: Mapping[str, Any], name: str) -> int | str | None:
    """Give a date that can be compared with one here, whatever stands there."""
    value = entry.get(name)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    return shape(value)


def _number(text: object) -> int | None:
    """Give the number that base64 of any kind writes, with or without octets of zero before it."""
    with suppress(ValueError):
        if isinstance(text, str):
            plain = text.rstrip("=").replace("+", "-").replace("/", "_")
            return int.from_bytes(base64url_decode(plain), "big")
    return None


def _out_of_order(keys: Sequence[TrustFrameworkKey], places: Sequence[int | None]) -> Iterator[int]:
    """Find keys that were added later there than one with the same `nbf`, and earlier here.

    Of such keys the one that was added later is active; else the order makes no difference.
    """
    latest: dict[int | None, int] = {}
    for index, (key, place) in enumerate(zip(keys, places, strict=True)):
        if place is not None:
            if place < latest.get(key.nbf, -1):
                yield index
            latest[key.nbf] = max(place, latest.get(key.nbf, -1))
