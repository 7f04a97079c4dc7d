"""Content inside of text, as secret stores, shells and JSON hand it out."""

from __future__ import annotations

import re
from binascii import a2b_base64
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from trustkeys.core.strict_json import MAX_JSON_BYTES, parse_json
from trustkeys.core.utf8 import as_utf8
from trustkeys.errors import InvalidInputError

__tracebackhide__ = True

_LAYERS = 2
"""Secret stores wrap what is wrapped already: base64 in quotes, or base64 of base64."""

# DER, PEM, JSON, a JWE, and the keystores of Java, which are named.
_CONTENT = (b"\x30", b"-----BEGIN ", b"{", b"[", b"eyJ", b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_="

_SPACE = b" \t\n\r\v\f"

_SHORTEST = 40

_PFX = re.compile(rb"-----BEGIN (PKCS ?#?12|PFX)-----([A-Za-z0-9+/=\s]*)-----END \1-----")

_LINE_ENDS = (b"\n", b"\r\n")

# Key Vault's names of what a secret of a certificate holds.
_KEY_VAULT = ("application/x-pkcs12", "application/x-pem-file")


def unwrapped(data: bytes) -> bytes:
    """Return the content of text in UTF-8, or the data as it is if nothing is known in it.

    These are unwrapped, at most twice: base64 of DER, PEM, JSON or a keystore, in lines or not; a
    string in quotes, as JSON has it; PKCS#12 between BEGIN and END; a secret of Azure Key Vault as
    ``az keyvault secret show`` prints it. UTF-16 becomes UTF-8 at every layer. A line end after
    DER is left out.
    """
    data = as_utf8(data)
    content = data
    for _ in range(_LAYERS):
        inner = _inner(content)
        if inner is None:
            break
        content = as_utf8(inner)
    # Text that only looks like base64 is described as it is.
    content = content if content.lstrip().startswith(_CONTENT) else data
    size = der_size(content)
    return content if size is None or content[size:] not in _LINE_ENDS else content[:size]


def der_size(data: bytes) -> int | None:
    """Return the size that DER of a sequence says that it has, or None if it is none."""
    if len(data) < 2 or data[0] != 0x30 or data[1] == 0x80 or data[1] > 0x84:
        return None
    octets = max(data[1] - 0x80, 0)
    if len(data) < 2 + octets:
        return None
    return 2 + octets + (int.from_bytes(data[2 : 2 + octets]) if octets else data[1])


def _inner(data: bytes) -> bytes | None:
    text = data.strip()
    if text.startswith(b'"'):
        quoted = _json(text)
        return quoted.encode(errors="replace") if isinstance(quoted, str) else None
    if text.startswith(b"{") and b'"contentType"' in text:
        secret = _json(text)
        if isinstance(secret, Mapping) and secret.get("contentType") in _KEY_VAULT:
            return str(secret.get("value")).encode(errors="replace")
    found = _PFX.search(text)
    if found is not None:
        return _decoded(found[2])
    # PEM has no character but those of base64url.
    return None if b"-----" in text else _decoded(text)


def _json(text: bytes) -> Any:
    # A private RSA-4096 key with its chain is smaller.
    with suppress(InvalidInputError):
        return parse_json(text, what="the text", max_bytes=4 * MAX_JSON_BYTES)
    return None


def _decoded(text: bytes) -> bytes | None:
    text = text.translate(None, _SPACE).rstrip(b"=")
    if len(text) >= _SHORTEST and not text.translate(None, _ALPHABET):
        standard = text.translate(bytes.maketrans(b"-_", b"+/"))
        with suppress(ValueError):
            return a2b_base64(standard + b"=" * (-len(text) % 4), strict_mode=True)
    return None
