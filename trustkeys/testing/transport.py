"""Microsoft Graph's trustFramework API inside the test process, as a transport of httpx."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import repeat
from threading import Lock
from typing import Any
from urllib.parse import unquote

import httpx
from attrs import frozen

from trustkeys.core.jwk import read_jwk
from trustkeys.core.key import TrustFrameworkKey, odata_context
from trustkeys.core.numericdate import NumericDateInput
from trustkeys.core.request import GenerateKeyRequest
from trustkeys.core.strict_json import MAX_SET_BYTES, parse_object
from trustkeys.errors import InvalidInputError, KeyNotFoundError, TrustKeysError
from trustkeys.keyset.document import checked_id
from trustkeys.keyset.keyset import TrustFrameworkKeySet
from trustkeys.keyset.schedule import moment
from trustkeys.testing.keys import InstantKeys
from trustkeys.wording import is_name, quoted, shape

__all__ = ["GraphTransport"]

__tracebackhide__ = True

# All others are bad requests.
_STATUS = {"NotFound": 404, "AADB2C95052": 404, "AADB2C95028": 409}

# OData's other way to write keySets/{id}, in which the service's own Location comes.
_IN_PARENTHESES = re.compile(r"(keySets|keys_v2)\('(.+)'\)")


class GraphTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """The key sets of a pretended tenant, for ``httpx.Client(transport=...)``, sync or async.

    It answers at ``/beta/trustFramework/keySets`` of any host, under the service's rules and with
    its error codes (Graph: "trustFrameworkKeySet resource type"), and opens no socket. Private
    parts are never in an answer. Tokens are not looked at, and query options are refused.

    What the service's documents leave open: a set is found by its whole id, with the prefix;
    uploaded keys are enabled, whatever they say; a deleted set is kept as ``….bak``, the latest of
    a name, and that is deleted for good; the primes of uploaded keys are not tested.

    Args:
        key_sets: What is in the tenant.
        now: What getActiveKey counts as now: whole seconds since 1970, or an aware datetime.
            Default: the clock.
        generate: Makes the keys of generateKey. Default: test keys, each another one;
            `trustkeys.generate` makes real ones.

    Attributes:
        key_sets: What is in the tenant, by id: for reading and for changing, private parts
            included.
        now: As above.

    Raises:
        InvalidInputError: `key_sets` holds something else, or `now` is no time, also when it is set
            later. Code ``BadRequest``.
    """

    def __init__(
        self,
        key_sets: Iterable[TrustFrameworkKeySet] = (),
        *,
        now: NumericDateInput = None,
        generate: Callable[[GenerateKeyRequest], TrustFrameworkKey] | None = None,
    ) -> None:
        self.key_sets = {keys.id: keys for keys in map(_checked_set, key_sets)}
        self.now = now
        self._generate = self._unused_test_key if generate is None else generate
        self._instant_keys = InstantKeys()
        self._throttled = 0
        self._retry_after = 0
        self._lock = Lock()

    @property
    def now(self) -> NumericDateInput:
        """What getActiveKey counts as now; None: the clock."""
        return self._now

    @now.setter
    def now(self, at: NumericDateInput) -> None:
        moment(at, "now")
        self._now = at

    def throttle(self, count: int = 1, *, retry_after: int = 1) -> None:
        """Refuse the next requests, with status 429 and ``AADB2C95043``.

        Args:
            count: How many; 0 takes it back.
            retry_after: What the answers say in ``Retry-After``, in seconds.
        """
        self._throttled, self._retry_after = count, retry_after

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request, as httpx asks a transport to."""
        request.read()
        return self._answer(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request, as httpx asks an asynchronous transport to."""
        await request.aread()
        return self._answer(request)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            if self._throttled > 0:
                self._throttled -= 1
                error = TrustKeysError("too many requests: try again later", code="AADB2C95043")
                headers = {"Retry-After": str(self._retry_after)}
                return httpx.Response(429, json=error.to_graph(), headers=headers)
            try:
                return self._routed(request)
            except TrustKeysError as error:
                return httpx.Response(_STATUS.get(error.code, 400), json=error.to_graph())

    def _routed(self, request: httpx.Request) -> httpx.Response:
        raw_path, _, query = request.url.raw_path.decode("ascii").partition("?")
        # Microsoft's SDK can double a slash, and encodes what stands between two.
        segments = [unquote(segment) for segment in raw_path.split("/") if segment]
        path = [part for segment in segments for part in _parts(segment)]
        operations = self._operations(path)
        if not operations:
            raise TrustKeysError("there is nothing at this address", code="NotFound")
        if request.method not in operations:
            allowed = ", ".join(operations)
            error = TrustKeysError(f"the methods here are {allowed}", code="MethodNotAllowed")
            return httpx.Response(405, json=error.to_graph(), headers={"Allow": allowed})
        if query:
            raise InvalidInputError("GraphTransport takes no query options", target="query")
        base_url = f"{request.url.scheme}://{request.url.netloc.decode('ascii')}/beta"
        return operations[request.method](_Call(base_url, request.content))

    def _operations(self, path: list[str]) -> Mapping[str, Callable[[_Call], httpx.Response]]:
        """Give what can be done at an address, by method."""
        match path:
            case ["beta", "trustFramework", "keySets"]:
                return {"GET": self._list, "POST": self._create}
            case ["beta", "trustFramework", "keySets", name, *rest]:
                operations = self._operations_of_a_set(rest)
                return {method: partial(each, name=name) for method, each in operations.items()}
            case _:
                return {}

    def _operations_of_a_set(self, path: list[str]) -> Mapping[str, Callable[..., httpx.Response]]:
        match path:
            case []:
                # The operation's page has PUT, and Microsoft's SDKs send PATCH.
                replacing = {"PUT": self._replace, "PATCH": self._replace}
                return {"GET": self._get, **replacing, "DELETE": self._delete}
            case ["generateKey" | "uploadSecret" | "uploadCertificate" | "uploadPkcs12" as action]:
                actions = {
                    "generateKey": self._generate_key,
                    "uploadSecret": self._upload_secret,
                    "uploadCertificate": self._upload_certificate,
                    "uploadPkcs12": self._upload_pkcs12,
                }
                return {"POST": actions[action]}
            case ["getActiveKey" | "getActiveKey()"]:
                return {"GET": self._get_active_key}
            case ["keys_v2"]:
                return {"GET": self._list_keys}
            case ["keys_v2", kid]:
                set_status = partial(self._set_status, kid=kid)
                return {"GET": partial(self._get_key, kid=kid), "PATCH": set_status}
            case _:
                return {}

    def _list(self, call: _Call) -> httpx.Response:
        sets = [_shown(name, keys) for name, keys in self.key_sets.items()]
        return call.ok({"value": sets}, "trustFramework/keySets")

    def _create(self, call: _Call) -> httpx.Response:
        members = call.members("id", "keys")
        jwks = [] if members.get("keys") is None else members["keys"]
        keys = TrustFrameworkKeySet(_required(members, "id"), _uploaded(jwks))
        if keys.id in self.key_sets:
            raise InvalidInputError(
                f"a key set of the name {keys.id} exists", code="AADB2C95028", target="id"
            )
        self.key_sets[keys.id] = keys
        answer = call.ok(_shown(keys.id, keys), "trustFramework/keySets/$entity", status=201)
        answer.headers["Location"] = f"{call.base_url}/trustFramework/keySets('{keys.id}')"
        return answer

    def _get(self, call: _Call, *, name: str) -> httpx.Response:
        return call.ok(_shown(name, self._key_set(name)), "trustFramework/keySets/$entity")

    def _replace(self, call: _Call, *, name: str) -> httpx.Response:
        before = self._key_set(name)
        members = call.members("id", "keys")
        if members.get("id") not in (None, name) and checked_id(members["id"]) != name:
            raise InvalidInputError("id must be that of the address", target="id")
        keys = _uploaded(_required(members, "keys"))
        self.key_sets[name] = TrustFrameworkKeySet(before.id, keys)
        return self._get(call, name=name)

    def _delete(self, _: _Call, *, name: str) -> httpx.Response:
        keys = self._key_set(name)
        del self.key_sets[name]
        if not name.endswith(".bak"):
            self.key_sets[f"{name}.bak"] = keys
        return httpx.Response(204)

    def _generate_key(self, call: _Call, *, name: str) -> httpx.Response:
        keys = self._key_set(name)
        key = self._generate(GenerateKeyRequest.from_graph(call.content))
        keys.add(key)
        return call.key(key)

    def _upload_secret(self, call: _Call, *, name: str) -> httpx.Response:
        keys = self._key_set(name)
        members = call.members("use", "k", "nbf", "exp")
        key = keys.upload_secret(
            _required(members, "k"),
            _required(members, "use"),
            nbf=members.get("nbf"),
            exp=members.get("exp"),
        )
        shown = {member: getattr(key, member) for member in ("kid", "use", "kty", "nbf", "exp")}
        return call.ok(shown, "microsoft.graph.trustFrameworkKey")

    def _upload_certificate(self, call: _Call, *, name: str) -> httpx.Response:
        keys = self._key_set(name)
        return call.key(keys.upload_certificate(_required(call.members("key"), "key")))

    def _upload_pkcs12(self, call: _Call, *, name: str) -> httpx.Response:
        keys = self._key_set(name)
        members = call.members("key", "password")
        pfx, password = (_required(members, member) for member in ("key", "password"))
        return call.key(keys.upload_pkcs12(pfx, password))

    def _get_active_key(self, call: _Call, *, name: str) -> httpx.Response:
        return call.key(self._key_set(name).get_active_key(self.now))

    def _list_keys(self, call: _Call, *, name: str) -> httpx.Response:
        keys = _shown(name, self._key_set(name))["keys"]
        return call.ok({"value": keys}, f"trustFramework/keySets('{name}')/keys_v2")

    def _get_key(self, call: _Call, *, name: str, kid: str) -> httpx.Response:
        keys = self._key_set(name)
        keys.get(kid)  # or it is not there
        (key,) = [key for key in _shown(name, keys)["keys"] if key["kid"] == kid]
        return call.ok(key, f"trustFramework/keySets('{name}')/keys_v2/$entity")

    def _set_status(self, call: _Call, *, name: str, kid: str) -> httpx.Response:
        self._key_set(name).set_status(kid, _required(call.members("status"), "status"))
        return httpx.Response(204)

    def _key_set(self, name: str) -> TrustFrameworkKeySet:
        if name not in self.key_sets:
            raise KeyNotFoundError(
                "there is no key set of that id", code="AADB2C95052", target="id"
            )
        return self.key_sets[name]

    def _unused_test_key(self, request: GenerateKeyRequest) -> TrustFrameworkKey:
        used = {_telling(key) for keys in self.key_sets.values() for key in keys}
        new = map(self._instant_keys, repeat(request))
        return next(key for key in new if _telling(key) not in used)


@frozen
class _Call:
    """What an operation has to know of a request, and how it answers."""

    base_url: str
    content: bytes

    def members(self, *names: str) -> dict[str, Any]:
        """Read the body, which may have these members."""
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
        context = {"@odata.context": odata_context(self.base_url, what)}
        return httpx.Response(status, json={**context, **content})

    def key(self, key: TrustFrameworkKey) -> httpx.Response:
        return httpx.Response(200, json=key.to_graph(base_url=self.base_url))


def _parts(segment: str) -> tuple[str, ...]:
    match = _IN_PARENTHESES.fullmatch(segment)
    return (segment,) if match is None else (match[1], match[2])


def _telling(key: TrustFrameworkKey) -> Any:
    # Not the kid: that of an oct key that was uploaded is random.
    jwk = key.to_jwk(private=key.kty == "oct")
    return jwk["k" if key.kty == "oct" else "n"]


def _checked_set(keys: object) -> TrustFrameworkKeySet:
    if isinstance(keys, TrustFrameworkKeySet):
        return keys
    raise InvalidInputError(
        f"key_sets must be TrustFrameworkKeySets, not {shape(keys)}", target="key_sets"
    )


def _shown(name: str, keys: TrustFrameworkKeySet) -> dict[str, Any]:
    # A set that was deleted goes by another name.
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
            "an upload must leave kid out: the service makes its own",
            code="AADB2C95059",
            target="kid",
        )
    return TrustFrameworkKey(**read_jwk({**jwk, "status": None}, prove=False))
