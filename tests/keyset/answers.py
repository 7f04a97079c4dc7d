"""One key set in every form in which Graph and its tools save it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from trustkeys import TrustFrameworkKeySet

GRAPH = "https://graph.microsoft.com/beta/$metadata#trustFramework/keySets"

Change = Callable[[dict[str, Any]], dict[str, Any]]

# PowerShell's objects begin each name in upper case, and so does their JSON.
POWERSHELL = {"x5c": "X5C", "x5t": "X5T"}


def of_powershell(members: Mapping[str, Any]) -> dict[str, Any]:
    spelled = {POWERSHELL.get(name, name.capitalize()): value for name, value in members.items()}
    return {**spelled, "AdditionalProperties": {}}


def with_dates(write: Callable[[int], Any]) -> Change:
    def change(entry: dict[str, Any]) -> dict[str, Any]:
        dates = {name: entry[name] for name in ("nbf", "exp") if entry.get(name) is not None}
        return {**entry, **{name: write(date) for name, date in dates.items()}}

    return change


def iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


KEYS: dict[str, Change] = {
    "as it is": lambda entry: entry,
    "dates as text": with_dates(str),
    "doubles": with_dates(float),
    "ISO dates": with_dates(iso),
    "ISO dates with Z": with_dates(lambda date: iso(date).replace("+00:00", ".0000000Z")),
    "ISO dates without a zone": with_dates(lambda date: iso(date).removesuffix("+00:00")),
    "another spelling": lambda entry: {
        **entry,
        "kty": {"RSA": "rsa", "oct": "OCT"}[entry["kty"]],
        "use": entry["use"].upper(),
        "status": entry["status"].capitalize(),
    },
    "PowerShell's objects": of_powershell,
    # At its default depth, ConvertTo-Json joins a list with spaces.
    "PowerShell, one level too deep": lambda entry: {**entry, "x5c": " ".join(entry["x5c"])},
}
"""Changes of a key in an answer that leave it the same key."""


def _set(keys: TrustFrameworkKeySet, change: Change) -> dict[str, Any]:
    answer = keys.to_graph()
    return {**answer, "keys": [change(entry) for entry in answer["keys"]]}


def _bare(keys: TrustFrameworkKeySet, change: Change) -> dict[str, Any]:
    answer = keys.to_graph(base_url=None)
    return {**answer, "keys": [change(entry) for entry in answer["keys"]]}


OTHER = {"id": "B2C_1A_other", "keys": []}

FORMS: dict[str, Callable[[TrustFrameworkKeySet, Change], Any]] = {
    "keySets/{id}": _set,
    "keySets/{id} of PowerShell": lambda keys, change: of_powershell(_bare(keys, change)),
    "keySets": lambda keys, change: {
        "@odata.context": GRAPH,
        "value": [OTHER, _bare(keys, change)],
    },
    "keySets, a first page": lambda keys, change: {
        "@odata.context": GRAPH,
        "@odata.nextLink": f"{GRAPH}?$skiptoken=a",
        "value": [_bare(keys, change), OTHER],
    },
    "keySets --query value": lambda keys, change: [_bare(keys, change)],
    "keySets of PowerShell": lambda keys, change: [
        of_powershell(each) for each in (OTHER, _bare(keys, change))
    ],
    "keys_v2": lambda keys, change: {
        "@odata.context": f"{GRAPH}('{keys.id}')/keys_v2",
        "value": _bare(keys, change)["keys"],
    },
    "keys_v2 without context": lambda keys, change: {"value": _bare(keys, change)["keys"]},
}
"""The forms of an answer, as Python values."""

FILES: dict[str, Callable[[Any], Any]] = {
    "mapping": lambda value: json.loads(json.dumps(value)),
    "text": json.dumps,
    "bytes": lambda value: json.dumps(value, indent=2).encode(),
    "byte order mark": lambda value: b"\xef\xbb\xbf" + json.dumps(value).encode(),
    "Windows PowerShell's >": lambda value: (json.dumps(value, indent=2) + "\r\n").encode("utf-16"),
}
"""The ways in which an answer is kept."""
