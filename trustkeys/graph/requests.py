"""The requests that upload keys to Microsoft Graph, as values. Nothing is sent here.

Source: the Graph pages "Create trustFrameworkKeySet", "Update trustFrameworkKeySet",
"trustFrameworkKeySet: uploadSecret", "trustFrameworkKeySet: uploadPkcs12" and
"trustFrameworkKeySet: uploadCertificate" (beta).
"""

from __future__ import annotations

import copy
import json
from binascii import b2a_base64
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Literal

from attrs import field, frozen

from trustkeys.core.base64url import base64url_decode
from trustkeys.core.key import TrustFrameworkKey, sent_jwk
from trustkeys.core.numericdate import date_text
from trustkeys.core.private import Private
from trustkeys.errors import InvalidInputError, prefix_errors
from trustkeys.keyset.document import PREFIX, name_of
from trustkeys.keyset.keyset import TrustFrameworkKeySet

__tracebackhide__ = True

_KEY_SETS = "/trustFramework/keySets"

_HEADERS = (("Content-Type", "application/json"),)


@frozen
class GraphRequest:
    """One request. Its body holds private keys, and its repr does not show it.

    Attributes:
        method: ``"POST"``, or ``"PUT"`` if the request replaces a key set.
        path: The path below the base URL, such as ``/trustFramework/keySets``.
        headers: Pairs of a name and a value.
        brings: What Graph shows of each key of the body, as `shown` returns it.
    """

    method: Literal["POST", "PUT"]
    path: str
    headers: tuple[tuple[str, str], ...]
    brings: tuple[str, ...]
    _body: Private[dict[str, Any]] = field(hash=False)

    def private_body(self) -> dict[str, Any]:
        """Return a copy of the body, with private keys and passphrases."""
        return copy.deepcopy(self._body.reveal())


def creation(keyset: TrustFrameworkKeySet) -> GraphRequest:
    """Return the request that creates a key set with these keys."""
    body: dict[str, Any] = {"id": keyset.id[len(PREFIX) :]}  # the service adds the prefix
    if len(keyset):
        body["keys"] = _upload_jwks(keyset)
    return _request("POST", _KEY_SETS, body, map(shown, keyset))


def replacement(keyset: TrustFrameworkKeySet) -> GraphRequest:
    """Return the request that replaces all keys of an existing key set."""
    body = {"keys": _upload_jwks(keyset)}
    return _request("PUT", f"{_KEY_SETS}/{keyset.id}", body, map(shown, keyset))


def upload(keyset_id: str, key: TrustFrameworkKey) -> GraphRequest:
    """Return the request that adds a key to an existing key set, by the action for its kind.

    These are uploadSecret for an oct key, uploadPkcs12 for an RSA key with a private part, and
    uploadCertificate for one without.

    Raises:
        InvalidInputError: The action cannot carry the key unchanged.
    """
    if key.kty == "oct":
        action, body = _secret_upload(key)
    elif key.has_private:
        action, body = _pkcs12_upload(key)
    else:
        action, body = _certificate_upload(key)
    return _request("POST", f"{_KEY_SETS}/{keyset_id}/{action}", body, [shown(key)])


def shown(key: TrustFrameworkKey) -> str:
    """Return what Graph shows of a key as a JSON array without spaces: `use, nbf, exp, n`.

    `n` is null for an oct key. Graph does not show its secret, so two oct keys can look the same.
    """
    n = key.to_jwk()["n"] if key.kty == "RSA" else None
    return json.dumps([key.use, key.nbf, key.exp, n], separators=(",", ":"))


def _request(
    method: Literal["POST", "PUT"], path: str, body: dict[str, Any], brings: Iterable[str]
) -> GraphRequest:
    return GraphRequest(method, path, _HEADERS, tuple(brings), Private(body))


def _upload_jwks(keyset: TrustFrameworkKeySet) -> list[dict[str, Any]]:
    for number, key in enumerate(keyset, 1):
        with prefix_errors(name_of(key.kid, number)):
            _check_certificates(key)
    jwks = [sent_jwk(key) for key in keyset]
    for jwk in jwks:
        del jwk["kid"]  # the service refuses a kid (AADB2C95059)
    return jwks


def _secret_upload(key: TrustFrameworkKey) -> tuple[str, dict[str, Any]]:
    data = base64url_decode(key.to_jwk(private=True)["k"])
    text = ""
    with suppress(UnicodeDecodeError):  # the error holds the secret
        text = data.decode()
    if not text.isprintable() or not text:
        raise InvalidInputError(
            "its secret is not printable text, which uploadSecret needs: create or replace the "
            "whole key set",
            target="by",
        )
    dates = {"nbf": key.nbf, "exp": key.exp}
    given = {name: date for name, date in dates.items() if date is not None}
    return "uploadSecret", {"use": key.use, "k": text, **given}


def _pkcs12_upload(key: TrustFrameworkKey) -> tuple[str, dict[str, Any]]:
    _check_action(key, "uploadPkcs12")
    from trustkeys.formats.pkcs12 import to_pkcs12_b2c

    exported = to_pkcs12_b2c(key)
    data = b2a_base64(exported.data, newline=False).decode()
    return "uploadPkcs12", {"key": data, "password": exported.password}


def _certificate_upload(key: TrustFrameworkKey) -> tuple[str, dict[str, Any]]:
    _check_action(key, "uploadCertificate")
    return "uploadCertificate", {"key": key.x5c[0]}


def _check_action(key: TrustFrameworkKey, action: str) -> None:
    """Raise InvalidInputError if an action would not carry the key with its dates."""
    if not key.x5c:
        raise InvalidInputError(
            f"it has no certificate, which {action} needs: add one (trustkeys keyset certify), or "
            "create or replace the whole key set",
            target="by",
        )
    _check_certificates(key)
    # Imported here since they take as long to import as the rest of the package.
    from trustkeys.formats.certificates import certificates_of, dates_of

    start, end = dates_of(certificates_of(key)[0])
    if (key.nbf, key.exp) != (start, end):
        raise InvalidInputError(
            f"its dates differ from its certificate's ({date_text(start)} to {date_text(end)}), "
            f"and {action} takes the latter: add a certificate with the dates of the key, or "
            "create or replace the whole key set",
            target="by",
        )


def _check_certificates(key: TrustFrameworkKey) -> None:
    """Raise InvalidInputError if the certificates do not belong to the key or its `use`."""
    if key.x5c:
        from trustkeys.core.x5c import check_chain, read_x5c
        from trustkeys.formats.key_usage import check_usage

        chain = read_x5c(key.x5c)
        check_chain(chain, key.public_key(), key.x5t)
        check_usage(chain[0], key.use)
