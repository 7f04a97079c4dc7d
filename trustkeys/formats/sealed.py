"""JSON Web Encryption to a recipient's public key (RFC 7516).

RSA-OAEP-256 for an RSA key, ECDH-ES+A256KW for one of an elliptic curve, and A256GCM. That
keeps the content from everybody but the holder of the private key. It does not prove who sealed
it: anybody has the public key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from jwcrypto.common import JWException
from jwcrypto.jwe import JWE
from jwcrypto.jwk import JWK

from trustkeys.core.base64url import base64url_decode
from trustkeys.core.jwk import optional_text
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.request import checked_use
from trustkeys.core.strict_json import MAX_SET_BYTES, parse_object
from trustkeys.errors import InvalidInputError
from trustkeys.formats.jwe import MAX_TEXT
from trustkeys.testkeys.guard import refuse_test_jwks, refuse_test_keys
from trustkeys.wording import shape

__all__ = ["seal", "seal_text", "unseal", "unseal_text"]

__tracebackhide__ = True

Recipient = TrustFrameworkKey | str | bytes | Mapping[str, Any]
"""A key as `TrustFrameworkKey.from_jwk` takes it, or one of `kty` ``EC``."""

ENC = "A256GCM"

_ALGORITHMS = {"RSA": "RSA-OAEP-256", "EC": "ECDH-ES+A256KW"}


def seal(key: TrustFrameworkKey, to: Recipient) -> str:
    """Encrypt a private key to the public key of a recipient.

    Args:
        key: The key.
        to: The recipient's key: an RSA key of 2048 bits or more, or one of a curve of NIST. Only
            its public part is used.

    Returns:
        A compact JWE of a private JWK (`cty` ``jwk+json``), with the recipient's `kid`.

    Raises:
        InvalidInputError: `key` has no private part, `to` is no such key or one that signs, or
            either is a test key (`trustkeys.testing`).
    """
    return seal_text(json.dumps(key.to_jwk(private=True)).encode(), to, cty="jwk+json")


def unseal(text: str | bytes, with_key: Recipient) -> TrustFrameworkKey:
    """Decrypt what `seal` made, and check the key as `TrustFrameworkKey.from_jwk` does.

    Args:
        text: The JWE.
        with_key: The recipient's private key.

    Raises:
        InvalidInputError: As `unseal_text`, and as `TrustFrameworkKey.from_jwk`.
    """
    plaintext = unseal_text(text, with_key)
    return TrustFrameworkKey.from_jwk(
        parse_object(plaintext, what="the JWK", code="AADB2C95026", max_bytes=MAX_SET_BYTES)
    )


def seal_text(plaintext: bytes, to: Recipient, *, cty: str) -> str:
    """Encrypt any bytes, as `seal` does: a key set for instance.

    Args:
        plaintext: What to keep secret.
        to: As `seal`.
        cty: What the plaintext is (RFC 7517 section 7): ``jwk+json`` or ``jwk-set+json``.

    Raises:
        InvalidInputError: `to` is no such key, or it or a key in the plaintext is a test key.
            Code ``BadRequest``, or as `from_jwk`.
    """
    if not isinstance(plaintext, bytes):
        raise InvalidInputError(f"the plaintext must be bytes, not {shape(plaintext)}")
    refuse_test_jwks(plaintext)
    recipient, kids = _recipient(to, private=False)
    header = {"alg": _ALGORITHMS[recipient["kty"]], "enc": ENC, "cty": cty, "kid": kids[0]}
    token = JWE(plaintext, json.dumps(header))
    token.add_recipient(recipient)
    sealed: str = token.serialize(compact=True)
    return sealed


def unseal_text(text: str | bytes, with_key: Recipient) -> bytes:
    """Decrypt what `seal_text` made.

    Raises:
        InvalidInputError: Another form or algorithm, compression, a `kid` of another key, the
            wrong key, changed text, or a key without its private part. Code ``BadRequest``.
    """
    recipient, kids = _recipient(with_key, private=True)
    header = sealed_header(text)
    algorithms = [_ALGORITHMS[recipient["kty"]], ENC]
    if [header.get("alg"), header.get("enc")] != algorithms:
        raise InvalidInputError(
            f"what is sealed to this key must be a JWE of {algorithms[0]} and {ENC}, and its "
            "header says otherwise"
        )
    for name in ("zip", "crit"):
        if name in header:
            raise InvalidInputError(f"what is sealed must be without {name}", target=name)
    if not _has_plain_point(header.get("epk"), recipient.get("crv")):
        raise InvalidInputError(
            "epk must be a point on the curve of the recipient's key, and is there for a curve "
            "alone",
            target="epk",
        )
    if header.get("kid") not in (None, *kids):
        raise InvalidInputError("it is sealed to another key: its kid says so", target="kid")
    plaintext = None
    try:
        token = JWE(algs=algorithms)
        token.deserialize(_as_text(text).strip(), recipient)
        plaintext = token.payload
    except (JWException, ValueError, TypeError):  # all that jwcrypto raises
        pass
    if plaintext is None:
        raise InvalidInputError("it is sealed to another key, or was changed", target="with_key")
    return bytes(plaintext)


def sealed_header(text: str | bytes) -> dict[str, Any]:
    """Give the protected header of a compact JWE.

    Raises:
        InvalidInputError: It is none. Code ``BadRequest``.
    """
    parts: list[bytes] = []
    with suppress(ValueError):
        parts = [base64url_decode(part) for part in _as_text(text).strip().split(".", 5)]
    if len(parts) != 5:
        raise InvalidInputError(
            "what is sealed must be a compact JWE: this is something else, or cut off"
        )
    return parse_object(parts[0], what="the header of the JWE")


def public_text(to: Recipient) -> str:
    """Give the public key of a recipient as the text of a JWK, checked, for another process.

    Raises:
        InvalidInputError: As `seal`.
    """
    recipient, kids = _recipient(to, private=False)
    return json.dumps({**recipient.export_public(as_dict=True), "kid": kids[0]})


def _has_plain_point(epk: object, curve: str | None) -> bool:
    """Whether `epk` is what RFC 7518 section 4.6.1.1 says: jwcrypto obeys other members, too."""
    if curve is None or not isinstance(epk, dict):
        return curve is None and epk is None
    return (
        epk.keys() == {"kty", "crv", "x", "y"}
        and (epk["kty"], epk["crv"]) == ("EC", curve)
        and all(isinstance(value, str) for value in epk.values())
    )


def _as_text(text: str | bytes) -> str:
    if isinstance(text, bytes):
        text = text.decode("latin-1")  # what is not ASCII is not base64url either
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise InvalidInputError(f"what is sealed must be a compact JWE, not {shape(text)}")
    return text


def _recipient(key: Recipient, *, private: bool) -> tuple[JWK, tuple[str, ...]]:
    """Give a key as jwcrypto has it, cut down to the part that is needed, and its names."""
    if isinstance(key, (str, bytes)):
        key = parse_object(key, what="the recipient's key", code="AADB2C95026")
    if isinstance(key, TrustFrameworkKey):
        key = key.to_jwk(private=key.has_private)
    if isinstance(key, Mapping) and key.get("kty") == "EC":
        found, kid, use = _curve_key(key), optional_text(key, "kid"), key.get("use")
        use = None if use is None else checked_use(use)
    else:
        # A recipient's key need not say what it is for.
        use = "enc" if isinstance(key, Mapping) and key.get("use") is None else None
        checked = TrustFrameworkKey.from_jwk(key, use=use)
        if checked.kty != "RSA":
            raise InvalidInputError(
                f"the recipient's key must be of kty RSA or EC, not {checked.kty}", target="kty"
            )
        if not private:
            # What is sealed to a key that everybody has is sealed to nobody.
            refuse_test_keys([checked])
        found = checked.to_jwcrypto(private=checked.has_private)
        kid, use = checked.kid, checked.use
    if use == "sig":
        raise InvalidInputError("the recipient's key must be for enc, and is for sig", target="use")
    if private and not found.has_private:
        raise InvalidInputError("unsealing needs the private part of the key", target="with_key")
    thumbprint: str = found.thumbprint()
    names = (thumbprint,) if kid is None else (kid, thumbprint)
    members = found.export(private_key=private, as_dict=True)
    # What the key says of its use and dates is not jwcrypto's business.
    wanted = ("kty", "crv", "x", "y", "n", "e", "d", "p", "q", "dp", "dq", "qi")
    return JWK(**{name: members[name] for name in wanted if name in members}), names


def _curve_key(key: Mapping[str, Any]) -> JWK:
    found = None
    try:
        found = JWK(**{name: key[name] for name in ("kty", "crv", "x", "y", "d") if name in key})
        found.get_op_key("unwrapKey" if found.has_private else "wrapKey")  # is the point on it?
    except Exception:  # noqa: BLE001 - jwcrypto's quote members, and are no ValueError
        found = None
    if found is None or key.get("crv") not in ("P-256", "P-384", "P-521"):
        raise InvalidInputError(
            "the recipient's key of kty EC must have a point x, y on crv P-256, P-384 or P-521",
            code="AADB2C95034",
        )
    return found
