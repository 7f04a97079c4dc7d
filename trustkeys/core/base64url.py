"""base64url without padding (RFC 7515 section 2) and Base64urlUInt (RFC 7518 section 2), strict."""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64

__tracebackhide__ = True

_URL_SAFE = bytes.maketrans(b"+/", b"-_")
# The alphabet of base64 itself becomes a character of neither.
_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")

# By the characters of a last group: the last ones that leave no bits over.
_LAST = {2: "AQgw", 3: "AEIMQUYcgkosw048"}


def base64url_encode(data: bytes) -> str:
    """Encode bytes as base64url without padding (RFC 7515 section 2)."""
    return b2a_base64(data).translate(_URL_SAFE, b"=\n").decode()


def base64url_decode(text: str) -> bytes:
    """Decode base64url without padding (RFC 7515 section 2).

    Raises:
        ValueError: Another alphabet, padding, white space or left-over bits. The error does not
            contain the text.
    """
    rest = len(text) % 4
    data = None
    try:
        standard = text.encode("ascii").translate(_STANDARD) + b"==="[: -rest % 4]
        data = a2b_base64(standard, strict_mode=True)
    except ValueError:
        pass
    if data is None or (rest and text[-1] not in _LAST[rest]):
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
