"""JWKs whose numbers are right and are not spelled as RFC 7518 section 2 asks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from trustkeys.core.base64url import base64url_decode, base64url_encode
from trustkeys.core.extras import check_length
from trustkeys.wording import all_of

__tracebackhide__ = True

_NUMBERS = ("n", "e", "d", "p", "q", "dp", "dq", "qi")


# Most are right, and need not be decoded. A zero octet in front begins with A.
_RIGHT = re.compile("[B-Za-z0-9_-][A-Za-z0-9_-]*$")


def corrected(jwk: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[str]]:
    """Spell the numbers of an RSA key, and the secret of an oct key, as RFC 7518 asks.

    Java's ``BigInteger.toByteArray`` adds a zero octet in front, and Windows' CNG writes `d` in a
    fixed length. Other programs write padding, or ``+`` and ``/``. What else is wrong stays as it
    is.

    Returns:
        The JWK, and remarks for a person.
    """
    check_length(jwk, (*_NUMBERS, "k"))
    kty = str(jwk.get("kty")).lower()
    names = {"rsa": _NUMBERS, "oct": ("k",)}.get(kty, ())
    changed: dict[str, str] = {}
    spelled, shortened = [], []
    for name in names:
        text = jwk.get(name)
        if not isinstance(text, str) or _RIGHT.match(text):
            continue
        plain = text.replace("+", "-").replace("/", "_").rstrip("=")
        with suppress(ValueError):
            octets = base64url_decode(plain)
            if plain != text:
                spelled.append(name)
            if name != "k" and octets[:1] == b"\0":
                shortened.append(name)
                plain = base64url_encode(octets.lstrip(b"\0"))
            if plain != text:
                changed[name] = plain
    remarks = []
    if spelled:
        remarks.append(f"{all_of(spelled)} was not base64url without padding, and is now")
    if shortened:
        remarks.append(
            f"{all_of(shortened)} had leading zero octets, which were removed (RFC 7518 section 2)"
        )
    return ({**jwk, **changed}, remarks) if changed else (jwk, [])
