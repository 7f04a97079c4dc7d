"""JSON batching (Graph: "Combine multiple HTTP requests using JSON batching").

The page leaves some points to OData 4.01 (JSON format, section 19) and to what users report.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import httpx
from attrs import field, frozen

from trustkeys.core.base64url import base64url_decode
from trustkeys.errors import InvalidInputError
from trustkeys.testing.answers import RefusedError
from trustkeys.testing.operations import Call
from trustkeys.wording import shape

__tracebackhide__ = True

MAX_REQUESTS = 20

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@frozen
class Part:
    """A request in a batch.

    Attributes:
        id: Its name in the batch.
        method: The HTTP method.
        url: The address, relative to the version: ``/trustFramework/keySets``.
        content: The body, or None if it is neither JSON nor base64.
        depends_on: The ids of the requests that must succeed first, in lower case.
    """

    id: str
    method: str
    url: str
    content: bytes | None = field(repr=False)
    depends_on: tuple[str, ...]


def answer_batch(call: Call) -> httpx.Response:
    """Answer POST $batch: 200, with the answer of each request.

    The requests are done one after the other, in their order.

    Raises:
        InvalidInputError: The batch itself is malformed, so that none of its requests is done.
            Code ``BadRequest``.
    """
    parts = _parts(call.members("requests").get("requests"), call.base_url)
    answers: list[dict[str, Any]] = []
    failed: set[str] = set()
    for part in parts:
        answer = _answer(part, call, failed)
        if answer.status_code >= 400:
            failed.add(part.id.lower())
        answers.append({"id": part.id, "status": answer.status_code, **_content(answer)})
    return httpx.Response(200, json={"responses": answers})


def _answer(part: Part, call: Call, failed: set[str]) -> httpx.Response:
    if not failed.isdisjoint(part.depends_on):
        error = RefusedError(
            "a request that this one depends on has failed", code="FailedDependency"
        )
        return call.refuse(error)
    if part.content is None:
        return call.refuse(
            InvalidInputError("the body must be a JSON object, or base64", target="body")
        )
    return call.send(part.method, part.url, part.content)


def _content(answer: httpx.Response) -> dict[str, Any]:
    headers = {
        name.decode(): value.decode()
        for name, value in answer.headers.raw
        if name.lower() != b"content-length"
    }
    if not answer.content:
        return {"headers": headers}
    if answer.headers["Content-Type"] == "application/json":
        return {"headers": headers, "body": answer.json()}
    # Microsoft's Python SDK reads any text as base64.
    return {"headers": headers, "body": b64encode(answer.content).decode()}


def _parts(requests: Any, base_url: str) -> Sequence[Part]:
    if not isinstance(requests, list):
        raise InvalidInputError(
            f"requests must be a list of requests, not {shape(requests)}", target="requests"
        )
    if len(requests) > MAX_REQUESTS:
        raise InvalidInputError(
            f"a batch has at most {MAX_REQUESTS} requests, not {len(requests)}", target="requests"
        )
    parts: dict[str, Part] = {}
    for number, request in enumerate(requests, 1):
        part = _part(request, number, base_url)
        if part.id.lower() in parts:
            raise _malformed(number, "has the id of another one; ids are not case-sensitive")
        # microsoftgraph/msgraph-sdk-dotnet-core issue 891: only on earlier ones.
        if not parts.keys() >= {*part.depends_on}:
            raise _malformed(number, "depends on an id that no request before it has")
        parts[part.id.lower()] = part
    return [*parts.values()]


def _part(request: Any, number: int, base_url: str) -> Part:
    if not isinstance(request, dict):
        raise _malformed(number, f"must be an object, not {shape(request)}")
    for name in ("id", "method", "url"):
        if not isinstance(request.get(name), str) or not request[name]:
            raise _malformed(number, f"must have {name} as text, not {shape(request.get(name))}")
    method = request["method"].upper()
    if method not in _METHODS:
        raise _malformed(number, f"must have one of the methods {', '.join(_METHODS)}")
    # The Python SDK sends whole addresses, which OData allows.
    url = request["url"].removeprefix(base_url)
    if "://" in url.partition("?")[0]:
        raise _malformed(
            number, "must have a url that is relative, such as /trustFramework/keySets"
        )
    depends_on = request.get("dependsOn")
    ids = [] if depends_on is None else depends_on
    if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
        raise _malformed(number, "must have dependsOn as a list of ids")
    content: bytes | None = b""
    if method in ("POST", "PUT", "PATCH") or request.get("body") is not None:
        if request.get("body") is None or not _has_content_type(request.get("headers")):
            raise _malformed(number, "needs a body, and a header Content-Type for it")
        content = _body(request["body"])
    return Part(request["id"], method, url, content, tuple(each.lower() for each in ids))


def _has_content_type(headers: Any) -> bool:
    return isinstance(headers, dict) and "content-type" in {name.lower() for name in headers}


def _body(body: Any) -> bytes | None:
    if not isinstance(body, str):
        return json.dumps(body).encode()
    try:
        return base64url_decode(body.rstrip("=").replace("+", "-").replace("/", "_"))
    except ValueError:
        return None


def _malformed(number: int, problem: str) -> InvalidInputError:
    return InvalidInputError(f"request {number} of the batch {problem}", target="requests")
