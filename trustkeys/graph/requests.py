"""The requests that upload keys to Microsoft Graph, as values. Nothing is sent here.

Source: the Graph pages "Create trustFrameworkKeySet", "Update trustFrameworkKeySet",
"trustFrameworkKeySet: uploadSecret" and "trustFrameworkKeySet: uploadPkcs12" (beta).
"""

from __future__ import annotations

import copy
from binascii import b2a_base64
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, Literal

from attrs import field, frozen

from trustkeys.core.base64url import base64url_decode
from trustkeys.core.key import TrustFrameworkKey
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
        brings: What identifies each key of the body in an answer of Graph: the `n` of an RSA
            key; the `use` of an oct key, since Graph shows nothing that is unique to it.
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
    """Return the request that creates a key set with all its keys."""
    body = {"id": _short_id(keyset.id), "keys": _upload_jwks(keyset)}
    return _request("POST", _KEY_SETS, body, map(identity, keyset))


def replacement(keyset: TrustFrameworkKeySet) -> GraphRequest:
    """Return the request that replaces all keys of an existing key set."""
    body = {"keys": _upload_jwks(keyset)}
    return _request("PUT", f"{_KEY_SETS}/{keyset.id}", body, map(identity, keyset))


def uploads(keyset: TrustFrameworkKeySet, active: TrustFrameworkKey) -> Iterator[GraphRequest]:
    """Yield the request that creates an empty key set, and one that uploads each key.

    Keys with the `nbf` of the active key come first, so that it is active from the start. Apart
    from that the keys keep their order, since it decides between keys with the same `nbf`.
    """
    yield _request("POST", _KEY_SETS, {"id": _short_id(keyset.id)}, ())
    for number, key in sorted(enumerate(keyset, 1), key=lambda each: each[1].nbf != active.nbf):
        with prefix_errors(name_of(key.kid, number)):
            action, body = _pkcs12_upload(key) if key.kty == "RSA" else _secret_upload(key)
        yield _request("POST", f"{_KEY_SETS}/{keyset.id}/{action}", body, [identity(key)])


def identity(key: TrustFrameworkKey) -> str:
    """Return the member that identifies a key in an answer of Graph, as `GraphRequest.brings`."""
    return str(key.to_jwk()["n"]) if key.kty == "RSA" else key.use


def _request(
    method: Literal["POST", "PUT"], path: str, body: dict[str, Any], brings: Iterable[str]
) -> GraphRequest:
    return GraphRequest(method, path, _HEADERS, tuple(brings), Private(body))


def _short_id(keyset_id: str) -> str:
    # The service itself adds the prefix.
    return keyset_id[len(PREFIX) :]


def _upload_jwks(keyset: TrustFrameworkKeySet) -> list[dict[str, Any]]:
    for number, key in enumerate(keyset, 1):
        with prefix_errors(name_of(key.kid, number)):
            _check_certificates(key)
    jwks = [key.to_jwk(private=True) for key in keyset]
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
            "it is not printable text, which uploadSecret needs: provision by create",
            target="by",
        )
    dates = {"nbf": key.nbf, "exp": key.exp}
    given = {name: date for name, date in dates.items() if date is not None}
    return "uploadSecret", {"use": key.use, "k": text, **given}


def _pkcs12_upload(key: TrustFrameworkKey) -> tuple[str, dict[str, Any]]:
    if not key.x5c:
        raise InvalidInputError(
            "it has no certificate, which uploadPkcs12 needs: provision by create, or add a "
            "certificate to the key",
            target="by",
        )
    _check_certificates(key)
    # Imported here since they take as long to import as the rest of the package.
    from trustkeys.formats.certificates import certificates_of, dates_of
    from trustkeys.formats.pkcs12 import to_pkcs12_b2c

    start, end = dates_of(certificates_of(key)[0])
    if (key.nbf, key.exp) != (start, end):
        raise InvalidInputError(
            f"its dates differ from its certificate's ({date_text(start)} to {date_text(end)}), "
            "and a PFX has only the latter: provision by create",
            target="by",
        )
    exported = to_pkcs12_b2c(key)
    data = b2a_base64(exported.data, newline=False).decode()
    return "uploadPkcs12", {"key": data, "password": exported.password}


def _check_certificates(key: TrustFrameworkKey) -> None:
    """Raise InvalidInputError if the certificates do not belong to the key or its `use`."""
    if key.x5c:
        from trustkeys.formats.certificates import certificates_of, with_certificates

        with_certificates(key, certificates_of(key))
