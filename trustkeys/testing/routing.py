"""Which operation is at an address."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from urllib.parse import unquote

import httpx
from attrs import frozen

from trustkeys.testing import operations
from trustkeys.testing.batching import answer_batch
from trustkeys.testing.faults import BATCH
from trustkeys.testing.operations import KEY_MEMBERS, SET_MEMBERS, Call

__tracebackhide__ = True

# OData's other form of keySets/{id}, which the service uses in Location.
_IN_PARENTHESES = re.compile(r"(keySets|keys_v2)\('(.+)'\)", re.IGNORECASE)

_SELECT = ("$select",)
_COLLECTION = ("$select", "$top", "$count")
_COUNT = "$count"


@frozen
class Operation:
    """An operation of the API.

    Attributes:
        answer: What it does.
        options: The query options that it takes.
        members: The members of its answer, for ``$select``.
    """

    answer: Callable[[Call], httpx.Response]
    options: tuple[str, ...] = ()
    members: tuple[str, ...] = ()


OPERATIONS: Mapping[str, Mapping[str, Operation]] = {
    "keySets": {
        "GET": Operation(operations.list_sets, _COLLECTION, SET_MEMBERS),
        "POST": Operation(operations.create_set),
    },
    "keySets/$count": {"GET": Operation(operations.count_sets)},
    "keySets/{id}": {
        "GET": Operation(Call.shown_set, _SELECT, SET_MEMBERS),
        # The operation's page has PUT, and Microsoft's SDKs send PATCH.
        "PUT": Operation(operations.replace_set),
        "PATCH": Operation(operations.update_set),
        "DELETE": Operation(operations.delete_set),
    },
    "generateKey": {"POST": Operation(operations.generate_key)},
    "uploadSecret": {"POST": Operation(operations.upload_secret)},
    "uploadCertificate": {"POST": Operation(operations.upload_certificate)},
    "uploadPkcs12": {"POST": Operation(operations.upload_pkcs12)},
    "getActiveKey": {"GET": Operation(operations.get_active_key, _SELECT, KEY_MEMBERS)},
    "keys_v2": {"GET": Operation(operations.list_keys, _COLLECTION, KEY_MEMBERS)},
    "keys_v2/$count": {"GET": Operation(operations.count_keys)},
    "keys_v2/{kid}": {
        "GET": Operation(operations.get_key, _SELECT, KEY_MEMBERS),
        "PATCH": Operation(operations.set_status),
    },
    BATCH: {"POST": Operation(answer_batch)},
}
"""The operations by name and method. A name is the end of the address in Graph's reference."""

_ACTIONS = ("generateKey", "uploadSecret", "uploadCertificate", "uploadPkcs12", "getActiveKey")

# OData qualifies actions and functions with their namespace, and calls functions with parentheses.
_BELOW_SET = {
    "keys_v2": "keys_v2",
    **{
        f"{namespace}{name.lower()}": name
        for name in _ACTIONS
        for namespace in ("", "microsoft.graph.")
    },
    "getactivekey()": "getActiveKey",
    "microsoft.graph.getactivekey()": "getActiveKey",
}


@frozen
class Address:
    """An address of the API.

    Attributes:
        name: The name of the operations at it.
        set_id: The id of the key set in it.
        kid: The id of the key in it.
    """

    name: str
    set_id: str = ""
    kid: str = ""

    @property
    def operations(self) -> Mapping[str, Operation]:
        """The operations at it, by method."""
        return OPERATIONS[self.name]


def find(path: str) -> Address | None:
    """Return what is at a path, or None. The fixed parts can be in any case, as in the service."""
    # Microsoft's SDK can double a slash, and percent-encodes each segment.
    segments = [unquote(segment) for segment in path.split("/") if segment]
    match [part for segment in segments for part in _parts(segment)]:
        case [version, batch] if (version.lower(), batch.lower()) == ("beta", BATCH):
            return Address(BATCH)
        case [version, api, sets, *rest] if (version.lower(), api.lower(), sets.lower()) == (
            "beta",
            "trustframework",
            "keysets",
        ):
            return _in_sets(rest)
        case _:
            return None


def _in_sets(rest: list[str]) -> Address | None:
    match rest:
        case []:
            return Address("keySets")
        case [count] if count.lower() == _COUNT:
            return Address("keySets/$count")
        case [set_id]:
            return Address("keySets/{id}", set_id)
        case _:
            return _in_set(rest[0], rest[1:])


def _in_set(set_id: str, below: list[str]) -> Address | None:
    match below:
        case [last] if last.lower() in _BELOW_SET:
            return Address(_BELOW_SET[last.lower()], set_id)
        case [keys, count] if (keys.lower(), count.lower()) == ("keys_v2", _COUNT):
            return Address("keys_v2/$count", set_id)
        case [keys, kid] if keys.lower() == "keys_v2":
            return Address("keys_v2/{kid}", set_id, kid)
        case _:
            return None


def _parts(segment: str) -> tuple[str, ...]:
    match = _IN_PARENTHESES.fullmatch(segment)
    return (segment,) if match is None else (match[1], match[2])
