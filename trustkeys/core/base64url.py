"""base64url without padding (RFC 7515 section 2) and Base64urlUInt (RFC 7518 section 2), strict."""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64

__tracebackhide__ = True

_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def base64url_encode(data: bytes) -> str:
    """Encode bytes as base64url without padding (RFC 7515 section 2)."""
    return b2a_base64(data).translate(_URL_SAFE, b"=\n").decode()


def base64url_decode(text: str) -> bytes:
    """Decode base64url without padding (RFC 7515 section 2).

    Raises:
        ValueError: Another alphabet, padding, white space or left-over bits. The error does not
            contain the text.
    """
    try:
        data = a2b_base64(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4))
    except ValueError:
        data = None
    # The decoder skips characters it does not know, so compare with the canonical encoding.
    if data is None or base64url_encode(data) != text:
        raise ValueError("not base64url without padding")
    return data


def uint_encode(value: int) -> str:
    """Encode a positive integer as Base64urlUInt (RFC 7518 section 2)."""
    return base64url_encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def uint_decode(text: str) -> int:
    """Decode a positive Base64urlUInt (RFC 7518 section 2).

    Raises:
        ValueError: Not base64url, empty, or with a leading zero octet.
    """
    data = base64url_decode(text)
    if not data or data[0] == 0:
        raise ValueError("not a positive integer in the fewest octets")
    return int.from_bytes(data, "big")
