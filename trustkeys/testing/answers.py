"""What all answers of Graph have in common: ids, dates, and the form of an error."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from uuid import uuid4

import httpx
from attrs import frozen

from trustkeys.core.numericdate import utc
from trustkeys.errors import TrustKeysError
from trustkeys.testing.statuses import status_of

__tracebackhide__ = True

_LAST_SECOND = 253_402_300_799  # of the year 9999, since 1970

_SIGN_IN = (
    'Bearer realm="", '
    'authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", '
    'client_id="00000003-0000-0000-c000-000000000000"'
)
"""The header WWW-Authenticate of Graph: where to get a token, and the id of Graph."""

# Graph names its data center here.
_DIAGNOSTIC = (
    '{"ServerInfo":{"DataCenter":"trustkeys.testing","Slice":"E","Ring":"0",'
    '"ScaleUnit":"000","RoleInstance":"GraphTransport"}}'
)


class RefusedError(TrustKeysError):
    """An error that has headers, or a status that does not follow from its code.

    Args:
        message: As for `TrustKeysError`.
        code: Likewise.
        status: The HTTP status. Default: that of the code.
        headers: Headers of the answer.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, code=code)
        self.status = status_of(code) if status is None else status
        self.headers = {**(headers or {})}
        if self.status == 401:
            self.headers["WWW-Authenticate"] = _SIGN_IN


@frozen
class Stamp:
    """The ids and the date of an answer.

    Graph sends them as headers, and in `innerError` of an error (Graph: "Best practices for working
    with Microsoft Graph", and "Microsoft Graph error responses and resource types").

    Attributes:
        client_request_id: The id that the client sent, else `request_id`.
        now: The time of the answer, in seconds since 1970.
        request_id: The id of the answer.
    """

    client_request_id: str
    now: float
    request_id: str

    @classmethod
    def of(cls, request: httpx.Request, now: float) -> Stamp:
        """Return the ids and the date for the answer to a request."""
        request_id = str(uuid4())
        own = request.headers.get("client-request-id", "")
        # A header cannot carry any text back.
        is_usable = own.isascii() and own.isprintable() and own
        return cls(own if is_usable else request_id, now, request_id)

    @property
    def _date(self) -> datetime:
        return utc(min(int(self.now), _LAST_SECOND))

    def put_on(self, answer: httpx.Response) -> httpx.Response:
        """Add the headers to an answer."""
        answer.headers.update(
            {
                "request-id": self.request_id,
                "client-request-id": self.client_request_id,
                "x-ms-ags-diagnostic": _DIAGNOSTIC,
                "Date": format_datetime(self._date, usegmt=True),
            }
        )
        return answer

    def refuse(self, error: TrustKeysError) -> httpx.Response:
        """Answer with an error."""
        document = error.to_graph()
        document["error"]["innerError"] = {
            "date": f"{self._date:%Y-%m-%dT%H:%M:%S}",  # Graph writes no zone: it is UTC
            "request-id": self.request_id,
            "client-request-id": self.client_request_id,
        }
        if isinstance(error, RefusedError):
            return httpx.Response(error.status, json=document, headers=error.headers)
        return httpx.Response(status_of(error.code), json=document)
