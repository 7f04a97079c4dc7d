"""A JWE before it is decrypted: the compact and both JSON serialisations (RFC 7516 section 7)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from attrs import field, frozen
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from trustkeys.core.base64url import base64url_decode
from trustkeys.core.guarded import attempt
from trustkeys.core.strict_json import MAX_SET_BYTES, parse_object
from trustkeys.core.utf8 import as_utf8
from trustkeys.errors import InvalidInputError
from trustkeys.wording import shape

__tracebackhide__ = True

MAX_TEXT = MAX_SET_BYTES * 4 // 3 + 4096
"""The largest JWE that is read, in characters: the largest key set, in base64url."""

MAX_RECIPIENTS = 32
"""The most recipients of a JWE in JSON. Opening it can take an operation with a key for each."""

SIZES = {
    "A128CBC-HS256": (32, 16, 16),
    "A192CBC-HS384": (48, 16, 24),
    "A256CBC-HS512": (64, 16, 32),
    "A128GCM": (16, 12, 16),
    "A192GCM": (24, 12, 16),
    "A256GCM": (32, 12, 16),
}
"""The octets of key, initialization vector and tag of each `enc` (RFC 7518 section 5.1)."""


@frozen
class Share:
    """What one recipient of a JWE is given.

    Attributes:
        header: The JOSE header: the protected, the shared and the recipient's own members.
        encrypted_key: The content encryption key, encrypted to the recipient.
    """

    header: Mapping[str, Any]
    encrypted_key: bytes = field(repr=False)

    @property
    def alg(self) -> Any:
        """The algorithm that encrypts the key, unchecked."""
        return self.header.get("alg")

    @property
    def enc(self) -> Any:
        """The algorithm that encrypts the content, unchecked."""
        return self.header.get("enc")


@frozen(repr=False)
class Envelope:
    """A JWE that is parsed and not decrypted. Make one with `parse_text` or `parse_members`.

    Attributes:
        shares: One for each recipient; at least one.
        aad: The octets that are authenticated and not encrypted.
    """

    shares: tuple[Share, ...]
    aad: bytes
    _iv: bytes
    _ciphertext: bytes
    _tag: bytes

    def is_whole(self, share: Share) -> bool:
        """Whether the parts have the lengths that the `enc` of a share demands."""
        _, iv, tag = SIZES[share.enc]
        return (len(self._iv), len(self._tag)) == (iv, tag)

    def content(self, share: Share, key: bytes | None) -> bytes | None:
        """Decrypt the content, or return None if `key` is None or does not fit."""
        if key is None:
            return None
        if share.enc.endswith("GCM"):
            return attempt(AESGCM(key).decrypt, self._iv, self._ciphertext + self._tag, self.aad)
        from jwcrypto.jwa import JWA  # slow to import

        cipher: Any = JWA.encryption_alg(share.enc)
        plaintext = attempt(cipher.decrypt, key, self.aad, self._iv, self._ciphertext, self._tag)
        return plaintext if isinstance(plaintext, bytes) else None


def parse_text(text: str | bytes) -> Envelope:
    """Parse a JWE: five parts with dots, or JSON.

    Raises:
        InvalidInputError: It is none, or larger than `MAX_TEXT`; JSON above 16 MiB, or as
            `parse_members`. Code ``BadRequest``.
    """
    if isinstance(text, bytes):
        text = as_utf8(text)
        if text.lstrip().startswith(b"{"):
            return _parse_json(text)
        text = text.decode("latin-1")  # any byte beyond ASCII is no base64url either
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise InvalidInputError(f"this must be a JWE, not {shape(text)}")
    text = text.strip()
    if text.startswith("{"):
        return _parse_json(text)
    parts = text.split(".", 5)
    if len(parts) != 5 or not parts[0]:
        raise no_jwe()
    names = ("protected", "encrypted_key", "iv", "ciphertext", "tag")
    return parse_members(dict(zip(names, parts, strict=True)))


def parse_members(members: Mapping[str, Any]) -> Envelope:
    """Read the members of a JWE in JSON, flattened or general (RFC 7516 section 7.2).

    Raises:
        InvalidInputError: It is no JWE; it has a header member twice, with two values; more
            recipients than `MAX_RECIPIENTS`. Code ``BadRequest``.
    """
    protected = _text(members, "protected")
    aad = _text(members, "aad")
    header = _header(protected)
    _add(header, members, "unprotected")
    shares = []
    for recipient in _recipients(members):
        own = dict(header)
        _add(own, recipient, "header")
        shares.append(Share(own, _octets(recipient, "encrypted_key")))
    _octets(members, "aad")
    return Envelope(
        shares=tuple(shares),
        aad=f"{protected}.{aad}".encode() if aad else protected.encode(),
        iv=_octets(members, "iv"),
        ciphertext=_octets(members, "ciphertext"),
        tag=_octets(members, "tag"),
    )


def no_jwe() -> InvalidInputError:
    """Return the error for what is no JWE."""
    return InvalidInputError("this is not a JWE (RFC 7516 section 7), or it is cut off")


def _parse_json(text: str | bytes) -> Envelope:
    return parse_members(parse_object(text, what="the JWE", max_bytes=MAX_SET_BYTES))


def _recipients(members: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if not isinstance(members.get("ciphertext"), str):
        raise no_jwe()
    listed = members.get("recipients")
    if listed is None:
        return [members]
    # go-jose repeats the first encrypted_key beside the recipients. It is ignored, as by go-jose.
    if not isinstance(listed, list) or not listed or not all(isinstance(r, dict) for r in listed):
        raise InvalidInputError("recipients must be a list of objects", target="recipients")
    if len(listed) > MAX_RECIPIENTS:
        raise InvalidInputError(
            f"a JWE must have at most {MAX_RECIPIENTS} recipients, not {len(listed)}",
            target="recipients",
        )
    return listed


def _header(protected: str) -> dict[str, Any]:
    if not protected:
        return {}
    data = None
    with suppress(ValueError):
        data = base64url_decode(protected)
    if data is None:
        raise no_jwe()
    return parse_object(data, what="the header of the JWE")


def _add(header: dict[str, Any], members: Mapping[str, Any], name: str) -> None:
    """Add the header in a member to another, of which it may repeat nothing with another value."""
    added = members.get(name)
    if added is None:
        return
    if not isinstance(added, dict):
        raise InvalidInputError(f"{name} must be an object, not {shape(added)}", target=name)
    for member, value in added.items():
        # RFC 7516 section 7.2.1 forbids any repetition, but jwx repeats the whole header.
        if header.setdefault(member, value) != value:
            raise InvalidInputError(
                "the headers of the JWE have a member twice, with two values", target=name
            )


def _text(members: Mapping[str, Any], name: str) -> str:
    value = members.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidInputError(f"{name} must be base64url, not {shape(value)}", target=name)
    return value


def _octets(members: Mapping[str, Any], name: str) -> bytes:
    text = _text(members, name)
    with suppress(ValueError):
        return base64url_decode(text)
    raise no_jwe()
