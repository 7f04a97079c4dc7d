"""JWE to the public key of a recipient: RSA-OAEP or ECDH-ES (RFC 7518 section 4).

`trustkeys.formats.jwe` is the public door. This module needs jwcrypto, and is imported only for
a recipient's key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen
from jwcrypto.jwa import JWA
from jwcrypto.jwe import JWE
from jwcrypto.jwk import JWK

from trustkeys.core.guarded import attempt
from trustkeys.core.jwk import optional_text
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.request import checked_use
from trustkeys.core.strict_json import parse_object
from trustkeys.errors import InvalidInputError
from trustkeys.formats import pem_blocks
from trustkeys.formats.algorithms import RECIPIENT
from trustkeys.formats.envelope import SIZES, Share
from trustkeys.formats.unwrapping import unwrapped
from trustkeys.testkeys.guard import refuse_test_keys
from trustkeys.wording import either

__tracebackhide__ = True

Recipient = TrustFrameworkKey | str | bytes | Mapping[str, Any]
"""A key as `TrustFrameworkKey.from_jwk` takes it, a JWK of `kty` ``EC``, or PEM or DER.

Bytes that are no JSON are a key in PEM, DER or PKCS#12 that is not encrypted, or a certificate,
also in base64. PEM can also be text.
"""

ENC = "A256GCM"

# What jwcrypto sees of a JWE's header, besides `epk`.
_HEADER = ("alg", "enc", "apu", "apv")

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


def unsealer(with_key: Recipient, shares: Sequence[Share]) -> Unsealer:
    """Check a private key, and find the shares of a JWE that it may open.

    The `kid` of a share is only a hint (RFC 7516 section 4.1.6): one that names the key is first.

    Raises:
        InvalidInputError: It can open none: it is of another type, or on another curve.
    """
    key = _checked(with_key, private=True)
    mine = [each for each in shares if each.alg in RECIPIENT[key.jwk["kty"]]]
    if not mine:
        algs = either(RECIPIENT[key.jwk["kty"]])
        raise InvalidInputError(
            f"it is sealed to a key of another type ({shares[0].alg}): the key given needs {algs}",
            target="with_key",
        )
    curve = key.jwk.get("crv")
    if curve is not None:
        mine = [each for each in mine if _point(each, curve) is not None]
        if not mine:
            raise InvalidInputError(
                f"epk must be a point on {curve}, the curve of the key given", target="epk"
            )
    mine.sort(key=lambda each: each.header.get("kid") not in key.kids)
    return Unsealer(key.jwk, mine)


@frozen(repr=False)
class Unsealer:
    """A private key, and the shares of a JWE that it may open.

    Attributes:
        shares: The shares.
    """

    _jwk: JWK
    shares: Sequence[Share]

    def unwrap(self, share: Share) -> bytes | None:
        """Decrypt the key of a share, or return None if it is for another key."""
        # jwcrypto must see no more of the header: it obeys other members of it, and of epk.
        header = {name: share.header[name] for name in _HEADER if name in share.header}
        if "crv" in self._jwk:
            header["epk"] = _point(share, self._jwk["crv"])
        algorithm: Any = JWA.keymgmt_alg(share.alg)
        bits = 8 * SIZES[share.enc][0]  # jwcrypto refuses a key of another length
        key: bytes | None = attempt(algorithm.unwrap, self._jwk, bits, share.encrypted_key, header)
        return key


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
        key = _read(key)
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


def _read(key: str | bytes) -> TrustFrameworkKey | Mapping[str, Any]:
    if isinstance(key, str) and "-----BEGIN " in key:
        key = key.encode(errors="replace")
    if isinstance(key, bytes):
        key = unwrapped(key)
        if key[:1] == b"0" or pem_blocks.is_pem(key):
            from trustkeys.formats.recipient_files import read_recipient  # X.509 is slow to import

            return read_recipient(key)
    return parse_object(key, what="the recipient's key", code="AADB2C95026")


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


def _point(share: Share, curve: str) -> dict[str, str] | None:
    """Return the point in `epk`, if it is one on a curve, without other members that it has."""
    epk = share.header.get("epk")
    if not isinstance(epk, dict) or (epk.get("kty"), epk.get("crv")) != ("EC", curve):
        return None
    names = ("kty", "crv", "x", "y")
    point = {name: epk[name] for name in names if isinstance(epk.get(name), str)}
    return point if len(point) == len(names) else None
