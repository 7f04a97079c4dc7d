"""The bodies of requests, as published clients send them."""

from __future__ import annotations

import re
import zlib
from contextlib import suppress
from typing import Any

from trustkeys.core.strict_json import MAX_SET_BYTES, parse_object
from trustkeys.errors import InvalidInputError
from trustkeys.testing.answers import RefusedError
from trustkeys.wording import quoted

__tracebackhide__ = True

# A string; or an opening, colon or comma with a comma after it, which stays an error; or a comma
# before a closing. Each alternative takes all it can, so the time is linear.
_TOKENS = re.compile(
    rb'("(?:[^"\\]++|\\.)*+"?|[\[{:,][ \t\r\n]*+,)|,(?=[ \t\r\n]*+[\]}])', re.DOTALL
)


def decoded(content: bytes, encoding: str) -> bytes:
    """Return a body without its ``Content-Encoding``: gzip, as the Go SDK sends it, or none.

    Raises:
        RefusedError: Another encoding. Code ``UnsupportedMediaType``.
        InvalidInputError: Not gzip, or over 16 MiB without it. Code ``BadRequest``.
    """
    if encoding.lower() in ("", "identity"):
        return content
    if encoding.lower() not in ("gzip", "x-gzip"):
        raise RefusedError(
            f"the body can be in gzip or in no encoding, not in {quoted(encoding)}",
            code="UnsupportedMediaType",
        )
    data = None
    with suppress(zlib.error):
        unzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
        # One byte more than the reader takes, so that it says what is wrong.
        data = unzip.decompress(content, MAX_SET_BYTES + 1)
        if len(data) <= MAX_SET_BYTES and (not unzip.eof or unzip.unused_data):
            data = None
    if data is None:
        raise InvalidInputError("the body is not one whole gzip stream")
    return data


def read_body(content: bytes) -> dict[str, Any]:
    """Read a JSON object. A comma after the last member is ignored, as in the service.

    Three published scripts and the example request of generateKey have one. A body can also have
    single quotes in place of all double ones, as those of Microsoft's C# sample have.

    Raises:
        InvalidInputError: As `trustkeys.core.strict_json.parse_object`.
    """
    if len(content) <= MAX_SET_BYTES:
        # First, since a comma in a string stays.
        if b'"' not in content and b"\\" not in content:
            content = content.replace(b"'", b'"')
        content = _TOKENS.sub(rb"\1", content)
    return parse_object(content, what="the body", max_bytes=MAX_SET_BYTES)
