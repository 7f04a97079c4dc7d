"""Microsoft Graph's operations on key sets, and the answers to them.

The pages of Graph's reference: "trustFrameworkKeySet resource type", "trustFrameworkKey resource
type" and "trustFrameworkKey_v2 resource type", of the version ``beta``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import httpx
from attrs import evolve, field, frozen

from trustkeys.core.clouds import odata_context
from trustkeys.core.jwk import read_jwk
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.numericdate import NumericDateInput
from trustkeys.core.request import GenerateKeyRequest
from trustkeys.errors import InvalidInputError, KeyNotFoundError, TrustKeysError
from trustkeys.formats.key_usage import allowed_uses
from trustkeys.formats.opened import OpenedKey
from trustkeys.keyset.document import PREFIX, checked_id
from trustkeys.keyset.keyset import TrustFrameworkKeySet, shown_key
from trustkeys.keyset.uploads import open_certificate, open_pkcs12
from trustkeys.testing.bodies import read_body
from trustkeys.testing.query import Query
from trustkeys.wording import is_name, quoted, shape

__tracebackhide__ = True

T = TypeVar("T")

SET_MEMBERS = ("id", "keys", "keys_v2")
KEY_MEMBERS = (
    *("kid", "kty", "use", "nbf", "exp", "x5c", "x5t", "status"),
    *("e", "n", "k", "d", "p", "q", "dp", "dq", "qi"),
)

# Members of a resource that clients send as null with any operation. The last two are those of
# Microsoft's Java SDK.
_NULLABLE = {*SET_MEMBERS, *KEY_MEMBERS, "odataType", "keysV2"}


@frozen
class Call:
    """A request to the tenant, with all that its operation needs.

    Attributes:
        key_sets: The key sets of the tenant, by id.
        now: The time for getActiveKey; None is the clock.
        generate: Makes the keys of generateKey.
        base_url: The address of the API, without a slash at the end: ``https://HOST/beta``.
        method: The HTTP method.
        name: The id of the key set in the address.
        kid: The id of the key in the address.
        query: The query options.
        content: The body.
        send: Answers a request in a batch: its method, its address and its body.
        refuse: Answers with an error.
    """

    key_sets: dict[str, TrustFrameworkKeySet]
    now: NumericDateInput
    generate: Callable[[GenerateKeyRequest], TrustFrameworkKey]
    base_url: str
    method: str
    name: str
    kid: str
    query: Query
    content: bytes = field(repr=False)
    send: Callable[[str, str, bytes], httpx.Response]
    refuse: Callable[[TrustKeysError], httpx.Response]

    @property
    def key_set(self) -> TrustFrameworkKeySet:
        """The key set in the address.

        Raises:
            KeyNotFoundError: The tenant has no such key set. Code ``AADB2C90073`` for a read, and
                ``AADB2C95052`` for a write.
        """
        if self.name not in self.key_sets:
            raise KeyNotFoundError(
                f"no key set in the tenant has this id, which starts with {PREFIX}",
                code="AADB2C90073" if self.method == "GET" else "AADB2C95052",
                target="id",
            )
        return self.key_sets[self.name]

    def members(self, *names: str) -> dict[str, Any]:
        """Read the body, a JSON object. Annotations that begin with ``@odata.`` are left out.

        So are other members of a key or a key set that are null.

        Args:
            names: The members that the operation takes.

        Raises:
            InvalidInputError: The body is not a JSON object, or has another member. Code
                ``BadRequest``.
        """
        members: dict[str, Any] = {}
        for name, value in read_body(self.content).items():
            if name in names:
                members[name] = value
            elif not name.startswith("@odata.") and not (value is None and name in _NULLABLE):
                raise InvalidInputError(
                    f"the body takes {', '.join(names)}, and no member {quoted(name)}",
                    target=name if is_name(name) else None,
                )
        return members

    def entity(self, members: Mapping[str, Any], what: str, *, status: int = 200) -> httpx.Response:
        """Answer with an entity; `what` it is goes into ``@odata.context``."""
        context = odata_context(self.base_url, self.query.context(what))
        chosen = self.query.chosen(members)
        return httpx.Response(status, json={"@odata.context": context, **chosen})

    def collection(
        self, entities: Sequence[T], shown: Callable[[T], Mapping[str, Any]], what: str
    ) -> httpx.Response:
        """Answer with a collection; `what` it is goes into ``@odata.context``."""
        context = odata_context(self.base_url, self.query.context(what))
        page = self.query.page(entities, shown)
        return httpx.Response(200, json={"@odata.context": context, **page})

    def key(self, key: TrustFrameworkKey) -> httpx.Response:
        """Answer with a key."""
        return self.entity(key.to_graph(base_url=None), "microsoft.graph.trustFrameworkKey")

    def shown_set(self) -> httpx.Response:
        """Answer with the key set in the address."""
        return self.entity(_shown(self.name, self.key_set), "trustFramework/keySets/$entity")


def list_sets(call: Call) -> httpx.Response:
    """Answer GET keySets."""
    sets = [*call.key_sets.items()]
    return call.collection(sets, lambda each: _shown(*each), "trustFramework/keySets")


def count_sets(call: Call) -> httpx.Response:
    """Answer GET keySets/$count."""
    return _number(len(call.key_sets))


def create_set(call: Call) -> httpx.Response:
    """Answer POST keySets."""
    # A published client sends `usage`, which the resource does not have.
    members = call.members("id", "keys", "usage")
    jwks = [] if members.get("keys") is None else members["keys"]
    keys = TrustFrameworkKeySet(_required(members, "id"), _uploaded(jwks))
    if keys.id in call.key_sets:
        raise InvalidInputError(
            f"the tenant already has a key set {keys.id}", code="AADB2C95028", target="id"
        )
    call.key_sets[keys.id] = keys
    answer = call.entity(_shown(keys.id, keys), "trustFramework/keySets/$entity", status=201)
    answer.headers["Location"] = f"{call.base_url}/trustFramework/keySets('{keys.id}')"
    return answer


def replace_set(call: Call) -> httpx.Response:
    """Answer PUT keySets/{id}."""
    return _written(call, required=True)


def update_set(call: Call) -> httpx.Response:
    """Answer PATCH keySets/{id}, which changes only what it names (OData 4.01 section 11.4.3)."""
    return _written(call, required=False)


def delete_set(call: Call) -> httpx.Response:
    """Answer DELETE keySets/{id}."""
    keys = call.key_set
    del call.key_sets[call.name]
    if not call.name.endswith(".bak"):
        call.key_sets[f"{call.name}.bak"] = keys
    return httpx.Response(204)


def generate_key(call: Call) -> httpx.Response:
    """Answer POST generateKey."""
    keys = call.key_set
    key = call.generate(GenerateKeyRequest.from_graph(call.members("use", "kty", "nbf", "exp")))
    keys.add(key)
    return call.key(key)


def upload_secret(call: Call) -> httpx.Response:
    """Answer POST uploadSecret."""
    keys = call.key_set
    # Published clients send `kty`, which the operation's page does not have.
    members = call.members("use", "k", "nbf", "exp", "kty")
    kty = members.get("kty")
    if kty is not None and not (isinstance(kty, str) and kty.lower() == "oct"):
        raise InvalidInputError(
            f"kty of a secret is oct, not {shape(kty)}", code="AADB2C95031", target="kty"
        )
    key = keys.upload_secret(
        _required(members, "k"),
        _required(members, "use"),
        nbf=members.get("nbf"),
        exp=members.get("exp"),
    )
    shown = {member: getattr(key, member) for member in ("kid", "use", "kty", "nbf", "exp")}
    return call.entity(shown, "microsoft.graph.trustFrameworkKey")


def upload_certificate(call: Call) -> httpx.Response:
    """Answer POST uploadCertificate."""
    keys = call.key_set
    opened = open_certificate(_required(call.members("key"), "key"))
    return call.key(_added(keys, opened))


def upload_pkcs12(call: Call) -> httpx.Response:
    """Answer POST uploadPkcs12."""
    keys = call.key_set
    members = call.members("key", "password")
    pfx, password = (_required(members, member) for member in ("key", "password"))
    return call.key(_added(keys, open_pkcs12(pfx, password)))


def get_active_key(call: Call) -> httpx.Response:
    """Answer GET getActiveKey."""
    return call.key(call.key_set.get_active_key(call.now))


def list_keys(call: Call) -> httpx.Response:
    """Answer GET keys_v2."""
    what = f"trustFramework/keySets('{call.name}')/keys_v2"
    return call.collection([*call.key_set], shown_key, what)


def count_keys(call: Call) -> httpx.Response:
    """Answer GET keys_v2/$count."""
    return _number(len(call.key_set))


def get_key(call: Call) -> httpx.Response:
    """Answer GET keys_v2/{kid}."""
    key = shown_key(call.key_set.get(call.kid))
    return call.entity(key, f"trustFramework/keySets('{call.name}')/keys_v2/$entity")


def set_status(call: Call) -> httpx.Response:
    """Answer PATCH keys_v2/{kid}."""
    call.key_set.set_status(call.kid, _required(call.members("status"), "status"))
    return httpx.Response(204)


def _number(count: int) -> httpx.Response:
    return httpx.Response(200, text=str(count))


def _shown(name: str, keys: TrustFrameworkKeySet) -> dict[str, Any]:
    # A deleted set has another name than its id.
    return {**keys.to_graph(base_url=None), "id": name}


def _required(members: Mapping[str, Any], name: str) -> Any:
    if members.get(name) is None:
        raise InvalidInputError(f"{name} is missing", code="AADB2C90253", target=name)
    return members[name]


def _written(call: Call, *, required: bool) -> httpx.Response:
    before = call.key_set
    members = call.members("id", "keys")
    if members.get("id") not in (None, call.name) and checked_id(members["id"]) != call.name:
        raise InvalidInputError("id must be the one in the address", target="id")
    if required or "keys" in members:
        keys = _uploaded(_required(members, "keys"))
        call.key_sets[call.name] = TrustFrameworkKeySet(before.id, keys)
    return call.shown_set()


def _added(keys: TrustFrameworkKeySet, opened: OpenedKey) -> TrustFrameworkKey:
    """Add a key with its certificate. Its `use` is that of the set, else of its key usage.

    The service also takes a certificate that allows both uses, or neither. It then chooses, and
    does not document how: `sig` is our reading.
    """
    use = keys.use or opened.use
    remarks = opened.remarks
    opened = evolve(opened, remarks=())
    if opened.certificate is not None:
        use = use or "sig"
        if not allowed_uses(opened.certificate):
            opened = evolve(opened, certificate=None)
    key = opened.key(use=use)
    keys.add(key)
    # No answer of the service tells what was left out, so a warning tells the caller in Python.
    for remark in remarks:
        warnings.warn(remark, stacklevel=2)
    return key


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
    read = read_jwk({**jwk, "status": None}, prove=False)
    return TrustFrameworkKey(**read | {"registered": "", "unknown": None})
