"""Text in other encodings, as programs on Windows write it, as UTF-8.

Windows PowerShell's ``>`` and Out-File write UTF-16 with a byte order mark, and its Set-Content
-Encoding utf8 writes UTF-8 with a mark (Microsoft: about_Character_Encoding).
"""

from __future__ import annotations

import re
from contextlib import suppress

__tracebackhide__ = True

_UTF8_MARK = b"\xef\xbb\xbf"

# The mark of UTF-32 begins with that of UTF-16.
_MARKS = {
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}

_UTF16 = re.compile(rb"(?P<le>(?:[\t-~]\0){2})|(?P<be>(?:\0[\t-~]){2})")

SAVE_AS_UTF8 = "save it as UTF-8 (in PowerShell with Set-Content -Encoding utf8)"
"""What to do with text that is not UTF-8, for an error."""


def as_utf8(data: bytes) -> bytes:
    """Convert text in UTF-16 or UTF-32 to UTF-8, and remove the byte order mark.

    UTF-16 needs no byte order mark if its first two characters are ASCII. Other bytes, and text
    that is cut off, are returned unchanged.
    """
    return _converted(data, encoding_of(data))


def without_mark(data: bytes) -> bytes:
    """Convert as `as_utf8` does, but only text that begins with a byte order mark."""
    return _converted(data, _marked_encoding(data))


def encoding_of(data: bytes) -> str | None:
    """Return the encoding of text that begins as UTF-16 or UTF-32 does, else None."""
    marked = _marked_encoding(data)
    if marked is None and (found := _UTF16.match(data)):
        return f"utf-16-{found.lastgroup}"
    return marked


def _marked_encoding(data: bytes) -> str | None:
    return next((name for mark, name in _MARKS.items() if data.startswith(mark)), None)


def _converted(data: bytes, encoding: str | None) -> bytes:
    if encoding is None:
        return data.removeprefix(_UTF8_MARK)
    with suppress(UnicodeError):
        return data.decode(encoding).encode()
    return data
