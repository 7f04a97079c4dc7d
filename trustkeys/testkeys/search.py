"""The search for test keys in bytes of any form."""

from __future__ import annotations

import re
from binascii import a2b_base64
from collections.abc import Iterator
from operator import itemgetter

from trustkeys.testkeys.pool import is_test_modulus, is_test_secret, moduli, modulus_endings

__tracebackhide__ = True


def holds_test_key(document: bytes) -> bool:
    """Whether bytes have the modulus or the secret of a test key in them.

    They are found in base64url and base64 (JSON with any errors, JSON lines, XML), in DER (PKCS#8,
    PKCS#1, public keys, certificates, PKCS#12 that is not encrypted), and in base64 of DER, also
    with line breaks (PEM, `x5c`). Each can be in other text, in UTF-16, and have JSON's escapes.
    They are not found in what is encrypted or compressed, and not in hexadecimal.
    """
    # The views have most tokens in common.
    seen: set[bytes] = set()
    return any(_is_in_view(text, seen) for text in _views(document))


def _views(document: bytes) -> Iterator[bytes]:
    """Return the bytes as they are, and as text without UTF-16's zeros and JSON's escapes."""
    yield document
    text = document.replace(b"\0", b"") if b"\0" in document else document
    if text is not document:
        yield text
    if b"\\" in text:
        # JSON in a text of JSON has each backslash twice.
        text = re.sub(rb"\\{2,}", rb"\\", text)
        for escape in (rb"\n", rb"\r", rb"\t"):
            text = text.replace(escape, b"\n")
        text = text.replace(rb"\/", b"/")
        # Twice for JSON in JSON. Escapes in escapes without end would take quadratic time.
        for _ in range(2):
            text = _ESCAPE.sub(_character, text)
        yield text


# Of ASCII characters.
_ESCAPE = re.compile(rb"\\u00[0-7][0-9A-Fa-f]")


def _character(escape: re.Match[bytes]) -> bytes:
    return _CHARACTERS[escape[0]]


_CHARACTERS = {
    form % code: bytes([code]) for code in range(128) for form in (rb"\u00%02x", rb"\u00%02X")
}

_STANDARD = bytes.maketrans(b"-_", b"+/")


def _is_in_view(text: bytes, seen: set[bytes]) -> bool:
    tokens = _TOKEN.findall(text)
    new = [token for token in tokens if token not in seen]
    seen.update(new)
    return (
        any(map(_is_member, new))
        or _is_in_der(text)
        or any(map(_is_in_base64, _LINES.finditer(text)))
    )


# 43 characters are 32 octets, the shortest secret. A look behind keeps the time linear.
_TOKEN = re.compile(rb"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{43,}")

# The modulus of a test key takes 342 characters or more, and has a header in front.
_LINES = re.compile(rb"(?<![A-Za-z0-9+/_\s-])[A-Za-z0-9+/_\s-]{345,}")


def _is_member(token: bytes) -> bool:
    octets = _decoded(token.translate(_STANDARD))
    if is_test_secret(octets):
        return True
    return _SHORTEST <= len(octets) <= _LONGEST and is_test_modulus(int.from_bytes(octets))


def _is_in_base64(lines: re.Match[bytes]) -> bool:
    text = lines[0].translate(_STANDARD, b" \t\n\r\v\f")
    # Other text in front can move the groups of four characters.
    return any(_is_in_der(_decoded(text[start:])) for start in range(4))


def _is_in_der(data: bytes) -> bool:
    for size, pattern in _MODULUS.items():
        # A document can have millions of headers, so no Python runs for each. Most documents need
        # only the endings of the test keys' moduli, which are computed faster.
        if modulus_endings(size).isdisjoint(map(_ENDING, pattern.finditer(data))):
            continue
        if not moduli(size).isdisjoint(map(_WHOLE, pattern.finditer(data))):
            return True
    return False


# A positive INTEGER of that many bits (X.690 section 8.3).
_MODULUS = {
    size: re.compile(
        rb"\x02\x82%b\x00(?=([\x80-\xff].{%d}(.{8})))"
        % ((size // 8 + 1).to_bytes(2), size // 8 - 9),
        re.DOTALL,
    )
    for size in (2048, 3072, 4096)
}

_WHOLE, _ENDING = itemgetter(1), itemgetter(2)

_SHORTEST, _LONGEST = 256, 520
"""The octets of a modulus of a test key, with some zeros in front."""


def _decoded(text: bytes) -> bytes:
    # One character more than groups of four is no octet.
    whole = text[: len(text) - 1] if len(text) % 4 == 1 else text
    return a2b_base64(whole + b"=" * (-len(whole) % 4))
