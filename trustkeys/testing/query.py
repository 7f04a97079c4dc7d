"""OData's query options: `$select`, `$top` and `$count` (Graph: "Use query parameters")."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from attrs import frozen

from trustkeys.errors import InvalidInputError
from trustkeys.wording import quoted

__tracebackhide__ = True

T = TypeVar("T")


@frozen
class Query:
    """The query options of a request.

    Attributes:
        select: The names of the members to answer with, or None for all.
        top: The most members of a collection to answer with, or None for all.
        count: Whether to answer with the size of the collection, too.
    """

    select: tuple[str, ...] | None = None
    top: int | None = None
    count: bool = False

    def chosen(self, entity: Mapping[str, Any]) -> dict[str, Any]:
        """Return the selected members of an entity, in its order."""
        names = entity.keys() if self.select is None else self.select
        return {name: value for name, value in entity.items() if name in names}

    def page(
        self, entities: Sequence[T], shown: Callable[[T], Mapping[str, Any]]
    ) -> dict[str, Any]:
        """Return the members of the answer with a collection.

        Args:
            entities: The whole collection.
            shown: Returns the members of an entity.
        """
        count = {"@odata.count": len(entities)} if self.count else {}
        return {**count, "value": [self.chosen(shown(each)) for each in entities[: self.top]]}

    def context(self, what: str) -> str:
        """Return the name of what is answered, with the selected members (OData 4.01, 10.7)."""
        if self.select is None:
            return what
        base, slash, entity = what.partition("/$entity")
        return f"{base}({','.join(self.select)}){slash}{entity}"


def read_query(text: str, *, takes: Sequence[str], members: Sequence[str]) -> Query:
    """Read the query options of a request.

    Args:
        text: The part of the address after the question mark.
        takes: The options that the operation takes.
        members: The members of the entity, for ``$select``.

    Raises:
        InvalidInputError: An option that the operation does not take, or a wrong value. The target
            is the name of the option. Code ``BadRequest``.
    """
    given: dict[str, str] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        # Graph's version beta takes the options without the dollar sign, too.
        option = f"${name.removeprefix('$')}"
        if option not in takes:
            only = f"only {', '.join(takes)}" if takes else "none"
            raise InvalidInputError(
                f"GraphTransport does not have the query option {quoted(name)} here, {only}",
                target="query",
            )
        if option in given:
            raise InvalidInputError(f"the query has {option} twice", target=option)
        given[option] = value
    return Query(
        select=_select(given["$select"], members) if "$select" in given else None,
        top=_top(given["$top"]) if "$top" in given else None,
        count=_count(given.get("$count", "false")),
    )


def _select(value: str, members: Sequence[str]) -> tuple[str, ...] | None:
    names = tuple(dict.fromkeys(name.strip() for name in value.split(",")))
    for name in names:
        if name not in (*members, "*"):
            raise InvalidInputError(
                f"$select takes {', '.join(members)} or *, not {quoted(name)}", target="$select"
            )
    return None if "*" in names else names


def _top(value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise InvalidInputError("$top must be a whole number from 0", target="$top")
    return int(value)


def _count(value: str) -> bool:
    if value not in ("true", "false"):
        raise InvalidInputError("$count must be true or false", target="$count")
    return value == "true"
