"""Microsoft Graph's trustFramework API in the test process, as a transport for httpx."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from threading import Lock

import httpx
from attrs import evolve, field, frozen

from trustkeys.core.engine import generate as generate_real_key
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.numericdate import NumericDateInput, whole_seconds
from trustkeys.core.request import GenerateKeyRequest
from trustkeys.errors import InvalidInputError, TrustKeysError
from trustkeys.keyset.keyset import TrustFrameworkKeySet
from trustkeys.keyset.schedule import FOREVER, moment
from trustkeys.testing.answers import RefusedError, Stamp
from trustkeys.testing.bodies import decoded
from trustkeys.testing.faults import BATCH, Fault, Faults
from trustkeys.testing.operations import Call
from trustkeys.testing.query import read_query
from trustkeys.testing.routing import OPERATIONS, Address, find
from trustkeys.testing.unused import UnusedKeys
from trustkeys.testkeys.pool import SEEDS
from trustkeys.wording import shape

__tracebackhide__ = True


@frozen
class Asked:
    """A request, alone or in a batch.

    Attributes:
        carrier: The request that came over the transport: itself, or the batch.
        stamp: The ids and the date for the answer.
        method: The HTTP method.
        path: The path of the address.
        query: The part after the question mark.
        content: The body, without an encoding.
        in_batch: Whether it is in a batch.
    """

    carrier: httpx.Request
    stamp: Stamp
    method: str
    path: str
    query: str
    content: bytes = field(repr=False)
    in_batch: bool = False


class GraphTransport(httpx.MockTransport):
    """The key sets of a simulated tenant, for httpx's ``Client`` and ``AsyncClient``.

    Pass it as ``httpx.Client(transport=GraphTransport())``. It answers at
    ``/beta/trustFramework/keySets`` and ``/beta/$batch`` of any host, by the rules and with the
    error codes of the service (Graph: "trustFrameworkKeySet resource type"), and opens no socket.
    No answer contains a private part. It is safe to use from several threads at once.

    It takes what published clients send and the service therefore very likely takes: paths in any
    case, names such as ``microsoft.graph.generateKey``, ``kty`` in uploadSecret, ``usage`` in POST
    keySets, null members, a comma after the last member, line breaks in base64, and gzip. Reads
    take the query options ``$select``, ``$top`` and ``$count``; others are refused by name.

    The service's documents leave some points open. Here, a key set is found by its full id, with
    the prefix. Reading a key set that does not exist is refused with status 400 and code
    ``AADB2C90073``, and writing to it with 404 and ``AADB2C95052``. An uploaded key is enabled,
    whatever status it has. The key of a certificate gets the `use` of the set; in an empty set, the
    one that the key usage allows, or ``sig`` if that allows both or neither. A deleted set is kept
    under its id and ``.bak``, in place of an earlier one; deleting that one is final. The primes of
    uploaded keys are not tested.

    Args:
        key_sets: The key sets that the tenant starts with.
        now: The time, for getActiveKey, `throttle` and the dates of answers: whole seconds since
            1970, or an aware datetime. Default: the clock.
        generate: Makes the keys of generateKey. Default: a test key that no key set has. Those of
            deleted key sets come back when all others were used. If the key sets have all 8,128
            RSA or 65,536 oct keys of a size, the request raises a RuntimeError. Pass
            `trustkeys.generate` for real keys.
        tokens: The accepted bearer tokens. A request without one of them is refused with status
            401. Default: no token is needed.

    Attributes:
        key_sets: The key sets of the tenant, by id, with private parts. You can change it.
        now: As above. You can change it.
        tokens: As above. You can change it.

    Raises:
        InvalidInputError: `key_sets` contains another object, `now` is not a time, or `tokens` are
            not texts. Setting `now` or `tokens` raises the same. Code ``BadRequest``.
    """

    def __init__(
        self,
        key_sets: Iterable[TrustFrameworkKeySet] = (),
        *,
        now: NumericDateInput = None,
        generate: Callable[[GenerateKeyRequest], TrustFrameworkKey] | None = None,
        tokens: Iterable[str] = (),
    ) -> None:
        super().__init__(self._answer)
        self._generate = self._unused_test_key if generate is None else generate
        self._lock = Lock()
        self.reset(key_sets, now=now, tokens=tokens)

    def reset(
        self,
        key_sets: Iterable[TrustFrameworkKeySet] = (),
        *,
        now: NumericDateInput = None,
        tokens: Iterable[str] = (),
    ) -> None:
        """Start again, as a new transport with these arguments and the same `generate`.

        Faults and throttling end, and generateKey makes the same test keys again.

        Args:
            key_sets: The key sets of the tenant.
            now: The time of the tenant.
            tokens: The accepted bearer tokens.

        Raises:
            InvalidInputError: As for a new transport. The tenant has not changed.
        """
        checked = {keys.id: keys for keys in map(_checked_set, key_sets)}
        moment(now, "now")
        accepted = _checked_tokens(tokens)
        with self._lock:
            self.key_sets = checked
            self._now = now
            self._tokens = accepted
            self._unused = UnusedKeys()
            self._faults = Faults(OPERATIONS)

    @property
    def now(self) -> NumericDateInput:
        """The time of the tenant; None is the clock."""
        return self._now

    @now.setter
    def now(self, at: NumericDateInput) -> None:
        moment(at, "now")
        self._now = at

    @property
    def tokens(self) -> frozenset[str]:
        """The accepted bearer tokens. If there are none, no token is needed."""
        return self._tokens

    @tokens.setter
    def tokens(self, tokens: Iterable[str]) -> None:
        self._tokens = _checked_tokens(tokens)

    def throttle(self, *, retry_after: int = 1) -> None:
        """Refuse all requests with status 429 and code ``AADB2C95043`` for a while.

        The while is measured by `now`. If you set `now`, the service stays busy until you set it
        to a later time. In a batch, each request is refused, and the batch itself is not.

        Args:
            retry_after: How long, in whole seconds. What is left of it is the ``Retry-After``
                header of the answers. 0 ends it.

        Raises:
            InvalidInputError: `retry_after` is not a whole number from 0. Code ``BadRequest``.
        """
        seconds = whole_seconds(retry_after, "retry_after")
        with self._lock:
            # A float cannot hold any number of seconds.
            self._faults.busy(self._clock() + min(seconds, FOREVER))

    def fail(
        self,
        fault: int | str,
        *,
        code: str | None = None,
        times: int = 1,
        on: str | None = None,
        after: bool = False,
    ) -> None:
        """Make the next requests fail.

        Faults wait in line: a request meets the first one that fits it. A request without an
        accepted token, or while `throttle` lasts, meets none.

        Args:
            fault: The status of the answer, 400 to 599; or ``"timeout"``, which raises
                `httpx.ReadTimeout`; or ``"disconnect"``, which raises `httpx.RemoteProtocolError`.
            code: The error code of the answer, such as ``AADB2C90063``. Default: the usual one of
                the status, such as ``InvalidAuthenticationToken``.
            times: How many requests fail.
            on: Which requests fail: a method (``"POST"``), an operation (``"keySets"``,
                ``"keySets/$count"``, ``"keySets/{id}"``, ``"generateKey"``, ``"uploadSecret"``,
                ``"uploadCertificate"``, ``"uploadPkcs12"``, ``"getActiveKey"``, ``"keys_v2"``,
                ``"keys_v2/$count"``, ``"keys_v2/{kid}"``, ``"$batch"``), or both
                (``"POST keySets"``). Default: any. Only ``"$batch"`` makes a batch itself fail;
                otherwise, the requests in it do.
            after: Whether the request takes effect first, as when a gateway loses the answer.

        Raises:
            InvalidInputError: An argument is none of these. Code ``BadRequest``.
        """
        with self._lock:
            self._faults.add(Fault(fault, code, times, on, after))

    def _clock(self) -> float:
        return time.time() if self.now is None else moment(self.now)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            stamp = Stamp.of(request, self._clock())
            path, _, query = request.url.raw_path.decode("ascii").partition("?")
            try:
                self._check_token(request)
                content = decoded(request.content, request.headers.get("Content-Encoding", ""))
            except TrustKeysError as error:
                answer = stamp.refuse(error)
            else:
                asked = Asked(request, stamp, request.method, path, query, content)
                answer = self._answer_one(asked)
            return stamp.put_on(answer)

    def _check_token(self, request: httpx.Request) -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if self._tokens and not (scheme.lower() == "bearer" and token in self._tokens):
            raise RefusedError(
                "the header Authorization must be Bearer with one of the accepted tokens",
                code="InvalidAuthenticationToken",
            )

    def _answer_one(self, asked: Asked) -> httpx.Response:
        address = find(asked.path)
        name = None if address is None else address.name
        try:
            fault = self._faults.next(asked.method, name, asked.stamp.now)
            if fault is None:
                return self._operate(asked, address)
            if fault.after:
                with suppress(TrustKeysError):
                    self._operate(asked, address)
            raise fault.error(asked.carrier)
        except TrustKeysError as error:
            return asked.stamp.refuse(error)

    def _operate(self, asked: Asked, address: Address | None) -> httpx.Response:
        if address is None:
            raise TrustKeysError(
                "this address has no operation: the key sets are at /beta/trustFramework/keySets",
                code="NotFound",
            )
        operation = address.operations.get(asked.method)
        if operation is None:
            allowed = ", ".join(address.operations)
            raise RefusedError(
                f"the methods here are {allowed}",
                code="MethodNotAllowed",
                headers={"Allow": allowed},
            )
        if asked.in_batch and address.name == BATCH:
            raise InvalidInputError("a batch cannot contain a batch", target="url")
        url = asked.carrier.url
        call = Call(
            key_sets=self.key_sets,
            now=self.now,
            generate=self._generate,
            base_url=f"{url.scheme}://{url.netloc.decode('ascii')}/beta",
            method=asked.method,
            name=address.set_id,
            kid=address.kid,
            query=read_query(asked.query, takes=operation.options, members=operation.members),
            content=asked.content,
            send=partial(self._answer_part, asked),
            refuse=asked.stamp.refuse,
        )
        return operation.answer(call)

    def _answer_part(
        self, batch: Asked, method: str, address: str, content: bytes
    ) -> httpx.Response:
        path, _, query = address.partition("?")
        return self._answer_one(
            evolve(
                batch,
                method=method,
                path=f"/beta/{path}",
                query=query,
                content=content,
                in_batch=True,
            )
        )

    def _unused_test_key(self, request: GenerateKeyRequest) -> TrustFrameworkKey:
        if request.kty not in SEEDS:
            return generate_real_key(request)
        return self._unused.make(request, [*self.key_sets.values()])


def _checked_set(keys: object) -> TrustFrameworkKeySet:
    if isinstance(keys, TrustFrameworkKeySet):
        return keys
    raise InvalidInputError(
        f"key_sets must be TrustFrameworkKeySets, not {shape(keys)}", target="key_sets"
    )


def _checked_tokens(tokens: object) -> frozenset[str]:
    given = [None] if isinstance(tokens, str) or not isinstance(tokens, Iterable) else [*tokens]
    texts = [each for each in given if isinstance(each, str)]
    if len(texts) < len(given):
        raise InvalidInputError(
            "tokens must be a list of texts, each a bearer token without the word Bearer",
            target="tokens",
        )
    return frozenset(texts)
