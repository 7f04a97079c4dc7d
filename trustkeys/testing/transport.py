"""Microsoft Graph's trustFramework API in the test process, as a transport for httpx."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from typing import Any
from urllib.parse import unquote

import httpx

from trustkeys.core.engine import generate as generate_real_key
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.numericdate import NumericDateInput
from trustkeys.core.request import GenerateKeyRequest
from trustkeys.errors import InvalidInputError, TrustKeysError
from trustkeys.keyset.keyset import TrustFrameworkKeySet
from trustkeys.keyset.schedule import moment
from trustkeys.testing.instant import Seeds
from trustkeys.testing.keys import key_of_seed
from trustkeys.testing.operations import BELOW_SET, KEY, SET, SETS, Call, Operation
from trustkeys.testkeys.pool import SEEDS
from trustkeys.wording import shape

__tracebackhide__ = True

# All other errors are 400.
_STATUS = {"NotFound": 404, "AADB2C95052": 404, "AADB2C95028": 409}

# OData's other form of keySets/{id}, which the service uses in Location.
_IN_PARENTHESES = re.compile(r"(keySets|keys_v2)\('(.+)'\)")


class GraphTransport(httpx.MockTransport):
    """The key sets of a simulated tenant, for httpx's ``Client`` and ``AsyncClient``.

    Pass it as ``httpx.Client(transport=GraphTransport())``. It answers at
    ``/beta/trustFramework/keySets`` of any host, by the rules and with the error codes of the
    service (Graph: "trustFrameworkKeySet resource type"), and opens no socket. No answer contains
    a private part. It ignores tokens and refuses query options.

    The service's documents leave some points open. Here, a key set is found by its full id, with
    the prefix. An uploaded key is enabled, whatever status it has. A deleted set is kept under
    its id and ``.bak``, in place of an earlier one; deleting that one is final. The primes of
    uploaded keys are not tested.

    Args:
        key_sets: The key sets that the tenant starts with.
        now: The time for getActiveKey: whole seconds since 1970, or an aware datetime. Default:
            the clock.
        generate: Makes the keys of generateKey. Default: a test key, each time a different one.
            Pass `trustkeys.generate` for real keys.

    Attributes:
        key_sets: The key sets of the tenant, by id, with private parts. You can change it.
        now: As above. You can change it.

    Raises:
        InvalidInputError: `key_sets` contains another object, or `now` is not a time. Setting
            `now` raises the same. Code ``BadRequest``.
    """

    def __init__(
        self,
        key_sets: Iterable[TrustFrameworkKeySet] = (),
        *,
        now: NumericDateInput = None,
        generate: Callable[[GenerateKeyRequest], TrustFrameworkKey] | None = None,
    ) -> None:
        super().__init__(self._answer)
        self.key_sets = {keys.id: keys for keys in map(_checked_set, key_sets)}
        self.now = now
        self._generate = self._unused_test_key if generate is None else generate
        self._seeds = Seeds(last_first=True)  # people who write tests use the first ones
        self._throttled = 0
        self._retry_after = 0
        self._lock = Lock()

    @property
    def now(self) -> NumericDateInput:
        """The time for getActiveKey; None is the clock."""
        return self._now

    @now.setter
    def now(self, at: NumericDateInput) -> None:
        moment(at, "now")
        self._now = at

    def throttle(self, count: int = 1, *, retry_after: int = 1) -> None:
        """Refuse the next requests with status 429 and code ``AADB2C95043``.

        Args:
            count: The number of requests to refuse. 0 ends it.
            retry_after: The ``Retry-After`` header of the answers, in seconds.
        """
        self._throttled, self._retry_after = count, retry_after

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
        path, _, query = request.url.raw_path.decode("ascii").partition("?")
        operations, name, kid = _route(path)
        if request.method not in operations:
            allowed = ", ".join(operations)
            error = TrustKeysError(f"the methods here are {allowed}", code="MethodNotAllowed")
            return httpx.Response(405, json=error.to_graph(), headers={"Allow": allowed})
        if query:
            raise InvalidInputError("GraphTransport takes no query options", target="query")
        call = Call(
            key_sets=self.key_sets,
            now=self.now,
            generate=self._generate,
            base_url=f"{request.url.scheme}://{request.url.netloc.decode('ascii')}/beta",
            name=name,
            kid=kid,
            content=request.content,
        )
        return operations[request.method](call)

    def _unused_test_key(self, request: GenerateKeyRequest) -> TrustFrameworkKey:
        if request.kty not in SEEDS:
            return generate_real_key(request)
        used = {_material(key) for keys in self.key_sets.values() for key in keys}
        while True:
            key = key_of_seed(request, self._seeds.next(request.kty, request.size))
            if _material(key) not in used:
                return key


def _route(path: str) -> tuple[Mapping[str, Operation], str, str]:
    """Return the operations at an address, by method, and the ids of key set and key in it."""
    # Microsoft's SDK can double a slash, and percent-encodes each segment.
    segments = [unquote(segment) for segment in path.split("/") if segment]
    match [part for segment in segments for part in _parts(segment)]:
        case ["beta", "trustFramework", "keySets"]:
            return SETS, "", ""
        case ["beta", "trustFramework", "keySets", name]:
            return SET, name, ""
        case ["beta", "trustFramework", "keySets", name, last] if last in BELOW_SET:
            return BELOW_SET[last], name, ""
        case ["beta", "trustFramework", "keySets", name, "keys_v2", kid]:
            return KEY, name, kid
        case _:
            raise TrustKeysError("nothing is at this address", code="NotFound")


def _parts(segment: str) -> tuple[str, ...]:
    match = _IN_PARENTHESES.fullmatch(segment)
    return (segment,) if match is None else (match[1], match[2])


def _material(key: TrustFrameworkKey) -> Any:
    # Not the kid: an uploaded oct key has a random one.
    jwk = key.to_jwk(private=key.kty == "oct")
    return jwk["k" if key.kty == "oct" else "n"]


def _checked_set(keys: object) -> TrustFrameworkKeySet:
    if isinstance(keys, TrustFrameworkKeySet):
        return keys
    raise InvalidInputError(
        f"key_sets must be TrustFrameworkKeySets, not {shape(keys)}", target="key_sets"
    )
