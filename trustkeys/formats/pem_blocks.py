"""The blocks of a PEM file (RFC 7468), also with the headers of RFC 1421."""

from __future__ import annotations

import re
from binascii import a2b_base64
from collections.abc import Iterator, Mapping
from contextlib import suppress

from attrs import field, frozen

from trustkeys.core.private import Private
from trustkeys.errors import InvalidInputError

__tracebackhide__ = True

CERTIFICATE_LABELS = frozenset(
    {"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE", "PKCS7", "CMS", "CERTIFICATE CHAIN"}
)
"""RFC 7468 sections 5.1, 8 and 9, older programs, and openssl x509 -trustout."""

MAX_BYTES = 1024 * 1024
"""The largest PEM that is read."""

_BEGIN = re.compile(rb"-----BEGIN ([A-Z0-9][A-Z0-9 #.]{0,60})-----")

_HEADER = re.compile(r"\s*([A-Za-z0-9-]+):([^\r\n]*)\r?\n")

# A PEM in a JSON string, or in an environment variable.
_ESCAPES = {rb"\r": b"", rb"\n": b"\n", rb"\/": b"/"}


@frozen(eq=False)
class Block:
    """One block.

    Attributes:
        label: What the lines BEGIN and END say that it is.
        headers: The headers before the content, such as ``DEK-Info``.
    """

    label: str
    headers: Mapping[str, str] = field(repr=False)
    _der: Private[bytes]
    _pem: Private[bytes]

    @property
    def der(self) -> bytes:
        """The content, decoded."""
        return self._der.reveal()

    @property
    def pem(self) -> bytes:
        """The block as it is in the file, from BEGIN to END."""
        return self._pem.reveal()


def is_pem(data: bytes) -> bool:
    """Whether the data has a line that begins a block."""
    return _BEGIN.search(data) is not None


def labels(data: bytes) -> tuple[str, ...]:
    """Return what the blocks say that they are, also of blocks that are cut off."""
    return tuple(found.decode() for found in _BEGIN.findall(data))


def split(data: bytes) -> tuple[Block, ...]:
    r"""Return all blocks.

    Text around them is ignored. Line ends can be of any kind, also ``\n`` written as two
    characters.

    Raises:
        InvalidInputError: A block is cut off, or not base64; or there is more than 1 MiB. Code
            ``AADB2C95034``.
    """
    if len(data) > MAX_BYTES:
        raise _broken(f"a PEM must have at most {MAX_BYTES} bytes, not {len(data)}")
    return tuple(_blocks(data))


def _blocks(data: bytes) -> Iterator[Block]:
    for escape, meaning in _ESCAPES.items():
        data = data.replace(escape, meaning)
    position = 0
    while begin := _BEGIN.search(data, position):
        label = begin[1].decode()
        end_line = b"-----END " + begin[1] + b"-----"
        end = data.find(end_line, begin.end())
        following = data.find(b"-----BEGIN ", begin.end())
        if end < 0 or 0 <= following < end:
            raise _broken(f"the PEM is cut off: the line -----END {label}----- is missing")
        position = end + len(end_line)
        # Bytes beyond ASCII are no base64 either.
        text = data[begin.end() : end].decode("latin-1")
        headers, start = {}, 0
        while header := _HEADER.match(text, start):
            headers[header[1]] = header[2].strip()
            start = header.end()
        content = None
        with suppress(ValueError):  # also binascii.Error
            content = a2b_base64("".join(text[start:].split()), strict_mode=True)
        if not content:
            raise _broken(f"the block {label} of the PEM is no base64, or cut off")
        yield Block(label, headers, Private(content), Private(data[begin.start() : position]))


def _broken(message: str) -> InvalidInputError:
    return InvalidInputError(message, code="AADB2C95034")
