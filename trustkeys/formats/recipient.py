"""JWE to the public key of a recipient: RSA-OAEP-256 or ECDH-ES+A256KW (RFC 7518 section 4).

`trustkeys.formats.jwe` is the public door. This module needs jwcrypto, and is imported only for
a recipient's key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attrs import frozen
from jwcrypto.common import JWException
from jwcrypto.jwe import JWE
from jwcrypto.jwk import JWK

from trustkeys.core.jwk import optional_text
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.request import checked_use
from trustkeys.core.strict_json import parse_object
from trustkeys.errors import InvalidInputError
from trustkeys.testkeys.guard import refuse_test_keys

__tracebackhide__ = True

Recipient = TrustFrameworkKey | str | bytes | Mapping[str, Any]
"""A key as `TrustFrameworkKey.from_jwk` takes it, or a JWK of `kty` ``EC``."""

ENC = "A256GCM"

_ALGORITHMS = {"RSA": "RSA-OAEP-256", "EC": "ECDH-ES+A256KW"}

# jwcrypto must not see a key's use and dates: it would apply rules of its own to them.
_MEMBERS = ("kty", "crv", "x", "y", "n", "e", "d", "p", "q", "dp", "dq", "qi")


def public_text(to: Recipient) -> str:
    """Check a recipient's key and return its public part as JSON text of a JWK.

    Raises:
        InvalidInputError: As `trustkeys.formats.jwe.encrypt` for `to`.
    """
    found = _checked(to, private=False)
    return json.dumps({**found.jwk.export_public(as_dict=True), "kid": found.kids[0]})


def seal(plaintext: bytes, to: Recipient, *, cty: str) -> str:
    """Encrypt bytes to the public key of a recipient, as `trustkeys.formats.jwe.encrypt` does."""
    key = _checked(to, private=False)
    token = JWE(plaintext, json.dumps({"alg": key.alg, "enc": ENC, "cty": cty, "kid": key.kids[0]}))
    token.add_recipient(key.jwk)
    sealed: str = token.serialize(compact=True)
    return sealed


def unseal(text: str, header: Mapping[str, Any], with_key: Recipient) -> bytes:
    """Decrypt a compact JWE with the private key of its recipient.

    The caller has checked the `header`, except for `alg`, `epk` and `kid`.
    """
    key = _checked(with_key, private=True)
    if header.get("alg") != key.alg:
        raise InvalidInputError(
            f"it is sealed to a key of another type: the key given needs {key.alg}",
            target="with_key",
        )
    if not _has_plain_point(header.get("epk"), key.jwk.get("crv")):
        raise InvalidInputError(
            "epk must be a point on the curve of an EC recipient's key, and absent for an RSA key",
            target="epk",
        )
    if header.get("kid") not in (None, *key.kids):
        raise InvalidInputError("it is sealed to another key: its kid says so", target="kid")
    plaintext = None
    try:
        token = JWE(algs=[key.alg, ENC])
        token.deserialize(text, key.jwk)
        plaintext = token.payload
    except (JWException, ValueError, TypeError):  # all that jwcrypto raises
        pass
    if plaintext is None:
        raise InvalidInputError("it is sealed to another key, or was changed", target="with_key")
    return bytes(plaintext)


@frozen
class _Key:
    """A checked key, reduced to the part that is needed.

    Attributes:
        jwk: The key as jwcrypto has it.
        alg: The algorithm of a JWE that is sealed to it.
        kids: The names that a JWE may give it: its own `kid` first, then its thumbprint.
    """

    jwk: JWK
    alg: str
    kids: tuple[str, ...]


def _checked(key: Recipient, *, private: bool) -> _Key:
    """Check a key, and reduce it to its public part unless `private` is true."""
    if isinstance(key, (str, bytes)):
        key = parse_object(key, what="the recipient's key", code="AADB2C95026")
    if isinstance(key, TrustFrameworkKey):
        key = key.to_jwk(private=key.has_private)
    if isinstance(key, Mapping) and key.get("kty") == "EC":
        found, kid, use = _curve_key(key), optional_text(key, "kid"), key.get("use")
        use = None if use is None else checked_use(use)
    else:
        # A recipient's key need not have a use.
        default = "enc" if isinstance(key, Mapping) and key.get("use") is None else None
        checked = TrustFrameworkKey.from_jwk(key, use=default)
        if checked.kty != "RSA":
            raise InvalidInputError(
                f"the recipient's key must be of kty RSA or EC, not {checked.kty}", target="kty"
            )
        if not private:
            # The private part of a test key is public: sealing to it protects nothing.
            refuse_test_keys([checked])
        found = checked.to_jwcrypto(private=checked.has_private)
        kid, use = checked.kid, checked.use
    if use == "sig":
        raise InvalidInputError("the recipient's key must be for enc, not for sig", target="use")
    if private and not found.has_private:
        raise InvalidInputError(
            "decrypting needs the recipient's private key, not the public one", target="with_key"
        )
    thumbprint: str = found.thumbprint()
    members = found.export(private_key=private, as_dict=True)
    return _Key(
        jwk=JWK(**{name: members[name] for name in _MEMBERS if name in members}),
        alg=_ALGORITHMS[members["kty"]],
        kids=(thumbprint,) if kid is None else (kid, thumbprint),
    )


def _curve_key(key: Mapping[str, Any]) -> JWK:
    found = None
    try:
        found = JWK(**{name: key[name] for name in ("kty", "crv", "x", "y", "d") if name in key})
        # Building the key for OpenSSL checks that the point is on the curve.
        found.get_op_key("unwrapKey" if found.has_private else "wrapKey")
    except Exception:  # noqa: BLE001 - jwcrypto's errors quote members and are no ValueError
        found = None
    if found is None or key.get("crv") not in ("P-256", "P-384", "P-521"):
        raise InvalidInputError(
            "the recipient's key of kty EC must have a point x, y on crv P-256, P-384 or P-521",
            code="AADB2C95034",
        )
    return found


def _has_plain_point(epk: object, curve: str | None) -> bool:
    """Check `epk` against RFC 7518 section 4.6.1.1: jwcrypto also obeys other members of it."""
    if curve is None or not isinstance(epk, dict):
        return curve is None and epk is None
    return (
        epk.keys() == {"kty", "crv", "x", "y"}
        and (epk["kty"], epk["crv"]) == ("EC", curve)
        and all(isinstance(value, str) for value in epk.values())
    )
