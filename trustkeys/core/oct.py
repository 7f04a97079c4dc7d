"""oct: symmetric keys (RFC 7518 section 6.4)."""

from __future__ import annotations

from collections.abc import Mapping
from os import urandom

from trustkeys.core.base64url import base64url_decode, base64url_encode
from trustkeys.core.strategy import decode_member
from trustkeys.errors import InvalidInputError

__tracebackhide__ = True


MAX_SECRET = 32_768
"""The largest secret that is read, in octets. As a JWK, it stays within 64 KiB."""

_MAX_TEXT = (4 * MAX_SECRET + 2) // 3


class OctStrategy:
    """Octets from the operating system's CSPRNG."""

    kty = "oct"
    # HS256 needs at least 256 bits (RFC 7518 section 3.2).
    sizes = range(256, 4096 + 1, 8)
    default_size = 256
    required = ("k",)
    private = ("k",)

    def generate(self, size: int) -> dict[str, str]:
        return {"k": base64url_encode(urandom(size // 8))}

    def size(self, members: Mapping[str, str]) -> int:
        return 8 * len(base64url_decode(members["k"]))

    def check(self, members: Mapping[str, str]) -> None:
        # Any shorter length, since another service may have issued the secret.
        k = members.get("k")
        if not k:
            raise InvalidInputError(
                "k is missing or empty: an oct key needs it (RFC 7518 section 6.4), and Graph's "
                "answers never include it",
                code="AADB2C95034",
                target="k",
            )
        if len(k) > _MAX_TEXT:
            raise InvalidInputError(
                f"k must have at most {MAX_SECRET} octets, not {len(k) * 3 // 4}",
                code="AADB2C95034",
                target="k",
            )
        decode_member("k", k, base64url_decode, code="AADB2C95029")

    def prove(self, members: Mapping[str, str]) -> None:
        pass  # any octets make a key
