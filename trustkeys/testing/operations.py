"""Microsoft Graph's operations on key sets, and the answers to them.

The pages of Graph's reference: "trustFrameworkKeySet resource type", "trustFrameworkKey resource
type" and "trustFrameworkKey_v2 resource type", of the version ``beta``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import httpx
from attrs import frozen

from trustkeys.core.jwk import read_jwk
from trustkeys.core.key import TrustFrameworkKey, odata_context
from trustkeys.core.numericdate import NumericDateInput
from trustkeys.core.request import GenerateKeyRequest
from trustkeys.core.strict_json import MAX_SET_BYTES, parse_object
from trustkeys.errors import InvalidInputError, KeyNotFoundError
from trustkeys.keyset.document import checked_id
from trustkeys.keyset.keyset import TrustFrameworkKeySet
from trustkeys.wording import is_name, quoted, shape

__tracebackhide__ = True


@frozen
class Call:
    """A request to the tenant, with all that its operation needs.

    Attributes:
        key_sets: The key sets of the tenant, by id.
        now: The time for getActiveKey; None is the clock.
        generate: Makes the keys of generateKey.
        base_url: The address of the API, without a slash at the end: ``https://HOST/beta``.
        name: The id of the key set in the address.
        kid: The id of the key in the address.
        content: The body.
    """

    key_sets: dict[str, TrustFrameworkKeySet]
    now: NumericDateInput
    generate: Callable[[GenerateKeyRequest], TrustFrameworkKey]
    base_url: str
    name: str
    kid: str
    content: bytes

    @property
    def key_set(self) -> TrustFrameworkKeySet:
        """The key set in the address.

        Raises:
            KeyNotFoundError: The tenant has no such key set. Code ``AADB2C95052``.
        """
        if self.name not in self.key_sets:
            raise KeyNotFoundError(
                "no key set in the tenant has this id", code="AADB2C95052", target="id"
            )
        return self.key_sets[self.name]

    def members(self, *names: str) -> dict[str, Any]:
        """Read the body, a JSON object. Annotations that begin with ``@odata.`` are left out.

        Args:
            names: The members that the operation takes.

        Raises:
            InvalidInputError: The body is not a JSON object, or has another member. Code
                ``BadRequest``.
        """
        body = parse_object(self.content, what="the body", max_bytes=MAX_SET_BYTES)
        members = {name: value for name, value in body.items() if not name.startswith("@odata.")}
        for name in members:
            if name not in names:
                raise InvalidInputError(
                    f"the body takes {', '.join(names)}, and no member {quoted(name)}",
                    target=name if is_name(name) else None,
                )
        return members

    def ok(self, content: Mapping[str, Any], what: str, *, status: int = 200) -> httpx.Response:
        """Answer with an entity or a collection; `what` it is goes into ``@odata.context``."""
        context = odata_context(self.base_url, what)
        return httpx.Response(status, json={"@odata.context": context, **content})

    def key(self, key: TrustFrameworkKey) -> httpx.Response:
        """Answer with a key."""
        return httpx.Response(200, json=key.to_graph(base_url=self.base_url))

    def shown_set(self) -> httpx.Response:
        """Answer with the key set in the address."""
        return self.ok(_shown(self.name, self.key_set), "trustFramework/keySets/$entity")


Operation = Callable[[Call], httpx.Response]


def _list_sets(call: Call) -> httpx.Response:
    sets = [_shown(name, keys) for name, keys in call.key_sets.items()]
    return call.ok({"value": sets}, "trustFramework/keySets")


def _create_set(call: Call) -> httpx.Response:
    members = call.members("id", "keys")
    jwks = [] if members.get("keys") is None else members["keys"]
    keys = TrustFrameworkKeySet(_required(members, "id"), _uploaded(jwks))
    if keys.id in call.key_sets:
        raise InvalidInputError(
            f"the tenant already has a key set {keys.id}", code="AADB2C95028", target="id"
        )
    call.key_sets[keys.id] = keys
    answer = call.ok(_shown(keys.id, keys), "trustFramework/keySets/$entity", status=201)
    answer.headers["Location"] = f"{call.base_url}/trustFramework/keySets('{keys.id}')"
    return answer


def _replace_set(call: Call) -> httpx.Response:
    before = call.key_set
    members = call.members("id", "keys")
    if members.get("id") not in (None, call.name) and checked_id(members["id"]) != call.name:
        raise InvalidInputError("id must be the one in the address", target="id")
    keys = _uploaded(_required(members, "keys"))
    call.key_sets[call.name] = TrustFrameworkKeySet(before.id, keys)
    return call.shown_set()


def _delete_set(call: Call) -> httpx.Response:
    keys = call.key_set
    del call.key_sets[call.name]
    if not call.name.endswith(".bak"):
        call.key_sets[f"{call.name}.bak"] = keys
    return httpx.Response(204)


def _generate_key(call: Call) -> httpx.Response:
    keys = call.key_set
    key = call.generate(GenerateKeyRequest.from_graph(call.content))
    keys.add(key)
    return call.key(key)


def _upload_secret(call: Call) -> httpx.Response:
    keys = call.key_set
    members = call.members("use", "k", "nbf", "exp")
    key = keys.upload_secret(
        _required(members, "k"),
        _required(members, "use"),
        nbf=members.get("nbf"),
        exp=members.get("exp"),
    )
    shown = {member: getattr(key, member) for member in ("kid", "use", "kty", "nbf", "exp")}
    return call.ok(shown, "microsoft.graph.trustFrameworkKey")


def _upload_certificate(call: Call) -> httpx.Response:
    keys = call.key_set
    return call.key(keys.upload_certificate(_required(call.members("key"), "key")))


def _upload_pkcs12(call: Call) -> httpx.Response:
    keys = call.key_set
    members = call.members("key", "password")
    pfx, password = (_required(members, member) for member in ("key", "password"))
    return call.key(keys.upload_pkcs12(pfx, password))


def _get_active_key(call: Call) -> httpx.Response:
    return call.key(call.key_set.get_active_key(call.now))


def _list_keys(call: Call) -> httpx.Response:
    keys = _shown(call.name, call.key_set)["keys"]
    return call.ok({"value": keys}, f"trustFramework/keySets('{call.name}')/keys_v2")


def _get_key(call: Call) -> httpx.Response:
    keys = call.key_set
    keys.get(call.kid)  # raises if the set has no such key
    (key,) = [key for key in _shown(call.name, keys)["keys"] if key["kid"] == call.kid]
    return call.ok(key, f"trustFramework/keySets('{call.name}')/keys_v2/$entity")


def _set_status(call: Call) -> httpx.Response:
    call.key_set.set_status(call.kid, _required(call.members("status"), "status"))
    return httpx.Response(204)


SETS: Mapping[str, Operation] = {"GET": _list_sets, "POST": _create_set}
"""The operations on ``keySets``, by method."""

SET: Mapping[str, Operation] = {
    "GET": Call.shown_set,
    # The operation's page has PUT, and Microsoft's SDKs send PATCH.
    "PUT": _replace_set,
    "PATCH": _replace_set,
    "DELETE": _delete_set,
}
"""The operations on ``keySets/{id}``."""

BELOW_SET: Mapping[str, Mapping[str, Operation]] = {
    "generateKey": {"POST": _generate_key},
    "uploadSecret": {"POST": _upload_secret},
    "uploadCertificate": {"POST": _upload_certificate},
    "uploadPkcs12": {"POST": _upload_pkcs12},
    "getActiveKey": {"GET": _get_active_key},
    "getActiveKey()": {"GET": _get_active_key},
    "keys_v2": {"GET": _list_keys},
}
"""The operations on ``keySets/{id}/…``, by the last segment."""

KEY: Mapping[str, Operation] = {"GET": _get_key, "PATCH": _set_status}
"""The operations on ``keySets/{id}/keys_v2/{kid}``."""


def _shown(name: str, keys: TrustFrameworkKeySet) -> dict[str, Any]:
    # A deleted set has another name than its id.
    return {**keys.to_graph(base_url=None), "id": name}


def _required(members: Mapping[str, Any], name: str) -> Any:
    if members.get(name) is None:
        raise InvalidInputError(f"{name} is missing", code="AADB2C90253", target=name)
    return members[name]


def _uploaded(jwks: Any) -> list[TrustFrameworkKey]:
    if not isinstance(jwks, list):
        raise InvalidInputError(f"keys must be a list, not {shape(jwks)}", target="keys")
    return [_uploaded_key(jwk) for jwk in jwks]


def _uploaded_key(jwk: Any) -> TrustFrameworkKey:
    if not isinstance(jwk, dict):
        raise InvalidInputError(
            f"a key must be a JWK, not {shape(jwk)}", code="AADB2C95026", target="keys"
        )
    if jwk.get("kid") is not None:
        raise InvalidInputError(
            "an uploaded key must not have a kid: the service makes its own",
            code="AADB2C95059",
            target="kid",
        )
    return TrustFrameworkKey(**read_jwk({**jwk, "status": None}, prove=False))
