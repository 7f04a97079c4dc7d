"""The control path of the loopback server, for tests that cannot call Python.

- ``GET /trustkeys/tenant``: the time and the key sets, with the private parts of test keys only.
- ``POST /trustkeys/tenant``: change `keySets`, `now` and `tokens`, whichever are named.
- ``POST /trustkeys/reset``: go back to the tenant that the server started with, without faults. The
  members of ``POST /trustkeys/tenant`` replace those of that tenant.
- ``POST /trustkeys/fail``: `GraphTransport.fail`, with `fault`, `code`, `times`, `on` and `after`.
- ``POST /trustkeys/throttle``: `GraphTransport.throttle`, with `retryAfter`.

A POST has a JSON object as its body, and is answered with 204. An error has Graph's form.

Pages in a browser reach loopback, too. To keep them out, the Host must be ``127.0.0.1`` or
``localhost``, and the content type of a POST must be ``application/json``, which a browser sends to
another origin only after a permission that is never given.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx
from attrs import frozen

from trustkeys.core.key import TrustFrameworkKey, sent_jwk
from trustkeys.core.numericdate import whole_seconds
from trustkeys.core.strict_json import MAX_SET_BYTES, parse_object
from trustkeys.errors import InvalidInputError, TrustKeysError, prefix_errors
from trustkeys.keyset.keyset import TrustFrameworkKeySet, shown_key
from trustkeys.keyset.schedule import moment
from trustkeys.keyset.stored import read_key_set
from trustkeys.testing.answers import RefusedError, Stamp
from trustkeys.testing.transport import GraphTransport
from trustkeys.testkeys.guard import is_test_key
from trustkeys.wording import is_name, quoted, shape

__tracebackhide__ = True

PREFIX = "/trustkeys/"

_TENANT = ("keySets", "now", "tokens")
_FAULT = ("fault", "code", "times", "on", "after")
_BACKUP = ".bak"


@frozen
class Control:
    """The operations of the control path on a transport.

    Attributes:
        transport: The transport.
        start: What ``POST /trustkeys/reset`` goes back to.
    """

    transport: GraphTransport
    start: Mapping[str, Any]

    @classmethod
    def of(cls, transport: GraphTransport) -> Control:
        """Return the control of a transport, which starts as the transport is now."""
        start = {
            "keySets": _copies(transport.key_sets),
            "now": transport.now,
            "tokens": transport.tokens,
        }
        return cls(transport, start)

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer a request to an address below ``/trustkeys/``."""
        stamp = Stamp.of(request, time.time())
        try:
            answer = self._answer(request)
        except TrustKeysError as error:
            answer = stamp.refuse(error)
        return stamp.put_on(answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.raw_host not in (b"127.0.0.1", b"localhost"):
            raise RefusedError(
                "the Host must be 127.0.0.1 or localhost", code="Forbidden", status=403
            )
        operations = _OPERATIONS.get(request.url.path)
        if operations is None:
            raise TrustKeysError(
                f"this address has no operation: there are {', '.join(_OPERATIONS)}",
                code="NotFound",
            )
        operation = operations.get(request.method)
        if operation is None:
            allowed = ", ".join(operations)
            raise RefusedError(
                f"the methods here are {allowed}",
                code="MethodNotAllowed",
                headers={"Allow": allowed},
            )
        media = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if request.method == "POST" and media != "application/json":
            raise RefusedError(
                "the content type must be application/json", code="UnsupportedMediaType"
            )
        content = operation(self, request.content)
        return httpx.Response(204) if content is None else httpx.Response(200, json=content)

    def show(self, _body: bytes) -> dict[str, Any]:
        """Return the tenant as ``POST /trustkeys/tenant`` takes it, without tokens."""
        now = self.transport.now
        return {
            "now": None if now is None else moment(now, "now"),
            "keySets": [
                {"id": name, "keys": [_shown(key) for key in keys]}
                for name, keys in [*self.transport.key_sets.items()]
            ],
        }

    def change(self, body: bytes) -> None:
        """Change the members of the tenant that the body names.

        Args:
            body: JSON. `keySets` is a list of objects with an `id` and `keys`, each a JWK or a key
                as Graph shows it. `now` is a time in whole seconds since 1970, or null for the
                clock. `tokens` is a list of the accepted bearer tokens, or empty for any.

        Raises:
            InvalidInputError: As `GraphTransport`, or as `TrustFrameworkKeySet.from_jwks`, which
                also tests whether the primes of a key are prime. The tenant has not changed.
        """
        changes = _changes(body)
        if "keySets" in changes:
            self.transport.key_sets = changes["keySets"]
        if "now" in changes:
            self.transport.now = changes["now"]
        if "tokens" in changes:
            self.transport.tokens = changes["tokens"]

    def reset(self, body: bytes) -> None:
        """Go back to the start, with the changes that the body names.

        Raises:
            InvalidInputError: As `change`.
        """
        tenant = {**self.start, **_changes(body)}
        self.transport.reset(now=tenant["now"], tokens=tenant["tokens"])
        self.transport.key_sets = _copies(tenant["keySets"])

    def fail(self, body: bytes) -> None:
        """Do what `GraphTransport.fail` does.

        Raises:
            InvalidInputError: As that.
        """
        members = _members(body, _FAULT)
        self.transport.fail(members.pop("fault", None), **members)

    def throttle(self, body: bytes) -> None:
        """Do what `GraphTransport.throttle` does.

        Raises:
            InvalidInputError: As that.
        """
        seconds = _members(body, ("retryAfter",)).get("retryAfter", 1)
        self.transport.throttle(retry_after=whole_seconds(seconds, "retryAfter"))


_OPERATIONS: Mapping[str, Mapping[str, Callable[[Control, bytes], dict[str, Any] | None]]] = {
    f"{PREFIX}tenant": {"GET": Control.show, "POST": Control.change},
    f"{PREFIX}reset": {"POST": Control.reset},
    f"{PREFIX}fail": {"POST": Control.fail},
    f"{PREFIX}throttle": {"POST": Control.throttle},
}


def _shown(key: TrustFrameworkKey) -> dict[str, Any]:
    """Return a key as Graph shows it in a key set, and a test key with its private part."""
    return {
        **shown_key(key),
        **(sent_jwk(key) if key.has_private and is_test_key(key) else {}),
    }


def _changes(body: bytes) -> dict[str, Any]:
    """Return the members of a tenant that a body names, all of them checked."""
    members = _members(body, _TENANT)
    GraphTransport(now=members.get("now"), tokens=members.get("tokens", ()))
    if "keySets" in members:
        members["keySets"] = _read(members["keySets"])
    return members


def _read(documents: Any) -> dict[str, TrustFrameworkKeySet]:
    if not isinstance(documents, list):
        raise InvalidInputError(f"keySets must be a list, not {shape(documents)}", target="keySets")
    key_sets: dict[str, TrustFrameworkKeySet] = {}
    for number, document in enumerate(documents, 1):
        with prefix_errors(f"key set {number}"):
            name, keys = _read_set(document)
            if name in key_sets:
                raise InvalidInputError("another key set has the same id", target="id")
            key_sets[name] = keys
    return key_sets


def _read_set(document: Any) -> tuple[str, TrustFrameworkKeySet]:
    if not isinstance(document, dict):
        raise InvalidInputError(f"it must be an object, not {shape(document)}", target="keySets")
    # A deleted set is kept under a name that is no id.
    name = document.get("id")
    if isinstance(name, str) and name.endswith(_BACKUP):
        keys = read_key_set(document, id=name.removesuffix(_BACKUP))
        return f"{keys.id}{_BACKUP}", keys
    keys = read_key_set(document)
    return keys.id, keys


def _copies(key_sets: Mapping[str, TrustFrameworkKeySet]) -> dict[str, TrustFrameworkKeySet]:
    return {name: copy.copy(keys) for name, keys in [*key_sets.items()]}


def _members(body: bytes, names: tuple[str, ...]) -> dict[str, Any]:
    members = parse_object(body, what="this", max_bytes=MAX_SET_BYTES)
    for name in members:
        if name not in names:
            raise InvalidInputError(
                f"the members here are {', '.join(names)}, not {quoted(name)}",
                target=name if is_name(name) else None,
            )
    return members
