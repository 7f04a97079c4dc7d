"""Faults on demand: what Graph answers now and then, for the tests of a client."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import httpx
from attrs import define

from trustkeys.errors import InvalidInputError, TrustKeysError
from trustkeys.testing.answers import RefusedError
from trustkeys.testing.statuses import code_of
from trustkeys.wording import quantity, shape

__tracebackhide__ = True

BATCH = "$batch"

_LOST = {
    "timeout": (httpx.ReadTimeout, "no answer came in time"),
    "disconnect": (httpx.RemoteProtocolError, "the connection was closed without an answer"),
}
_ON_DEMAND = "as the test asked for by GraphTransport.fail"


@define
class Fault:
    """A fault for the next requests.

    Attributes:
        kind: A status, ``"timeout"`` or ``"disconnect"``.
        code: The error code, or None for the usual one of the status.
        times: The number of requests that it still hits.
        on: The operation or method that it hits, or None for all.
        after: Whether the request takes effect first.
    """

    kind: int | str
    code: str | None
    times: int
    on: str | None
    after: bool

    def hits(self, method: str, name: str | None) -> bool:
        """Whether it hits a request with a method to the operation of a name."""
        if name == BATCH and self.on not in (BATCH, f"{method} {BATCH}"):
            return False  # but the requests in the batch
        return self.on in (None, method, name, f"{method} {name}")

    def error(self, request: httpx.Request) -> TrustKeysError | httpx.TransportError:
        """Return the error to raise instead of an answer."""
        if isinstance(self.kind, str):
            kind, message = _LOST[self.kind]
            return kind(f"{message}, {_ON_DEMAND}", request=request)
        code = code_of(self.kind) if self.code is None else self.code
        return RefusedError(f"the request failed, {_ON_DEMAND}", code=code, status=self.kind)


class Faults:
    """The faults that a test has asked for, in order, and whether the service is busy.

    Args:
        operations: The methods of each operation, by its name.
    """

    def __init__(self, operations: Mapping[str, Collection[str]]) -> None:
        self._operations = operations
        self._waiting: list[Fault] = []
        self._busy_until = -math.inf

    def add(self, fault: Fault) -> None:
        """Add a fault after the others.

        Raises:
            InvalidInputError: A wrong value. Code ``BadRequest``.
        """
        _check(fault, self._operations)
        self._waiting.append(fault)

    def busy(self, until: float) -> None:
        """Refuse all requests before a time, in seconds since 1970."""
        self._busy_until = until

    def next(self, method: str, name: str | None, now: float) -> Fault | None:
        """Return the fault for a request, if there is one, and count it.

        Raises:
            RefusedError: The service is busy. Code ``AADB2C95043``.
        """
        # In Graph, a batch is no request to the service. Each request in it is.
        if now < self._busy_until and name != BATCH:
            wait = math.ceil(self._busy_until - now)
            raise RefusedError(
                "too many requests: try again later",
                code="AADB2C95043",
                headers={"Retry-After": str(wait)},
            )
        for fault in self._waiting:
            if fault.hits(method, name):
                fault.times -= 1
                if fault.times == 0:
                    self._waiting.remove(fault)
                return fault
        return None


def _check(fault: Fault, operations: Mapping[str, Collection[str]]) -> None:
    is_status = isinstance(fault.kind, int) and 400 <= fault.kind < 600
    if not is_status and fault.kind not in (*_LOST,):
        raise InvalidInputError(
            f'fault must be a status from 400 to 599, "timeout" or "disconnect", '
            f"not {quantity(fault.kind)}",
            target="fault",
        )
    if fault.code is not None and not (is_status and isinstance(fault.code, str) and fault.code):
        raise InvalidInputError(
            "code must be text, not empty, and only a status has one: a timeout has no answer",
            target="code",
        )
    if not isinstance(fault.times, int) or isinstance(fault.times, bool) or fault.times < 1:
        raise InvalidInputError(
            f"times must be 1 or more, not {quantity(fault.times)}", target="times"
        )
    if not isinstance(fault.after, bool):
        raise InvalidInputError(
            f"after must be true or false, not {quantity(fault.after)}", target="after"
        )
    methods = dict.fromkeys(method for of_one in operations.values() for method in of_one)
    both = [f"{method} {name}" for name, of_one in operations.items() for method in of_one]
    if fault.on is not None and fault.on not in (*methods, *operations, *both):
        raise InvalidInputError(
            f"on must be a method ({', '.join(methods)}), an operation ({', '.join(operations)}) "
            f'or both, such as "POST keySets", not {shape(fault.on)}',
            target="on",
        )
