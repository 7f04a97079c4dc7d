"""Key sets to provision, and what the tests of the scripts share."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import pytest

from tests import support
from tests.standins.tenant import NOW, TOKEN, Tenant
from trustkeys import InvalidInputError, TrustFrameworkKey, TrustFrameworkKeySet
from trustkeys.core.base64url import base64url_decode
from trustkeys.graph import GraphRequest, Provisioning, provision

DAY = 86_400

Kind = tuple[Provisioning, Callable[[Tenant], list[str]], list[str]]
"""A provisioning, how to look at the keys in the tenant, and the keys that must be there."""


def text_key(text: str, nbf: int | None = None, exp: int | None = None) -> TrustFrameworkKey:
    """Return an oct key whose secret is text, with dates in any order."""
    jwk = {"kty": "oct", "use": "sig", "k": support.b64(text.encode())}
    return attrs.evolve(TrustFrameworkKey.from_jwk(jwk), nbf=nbf, exp=exp)


SECRETS = ("correct horse battery staple", "wachtwoord_van_vóór", 'it\'s "quoted" $(touch oops)')


def text_set() -> TrustFrameworkKeySet:
    """Return three secrets: the second is active, and the third is active later."""
    dates = ((None, None), (NOW - DAY, NOW + 9 * DAY), (NOW + 5 * DAY, NOW + 20 * DAY))
    keys = (text_key(text, *each) for text, each in zip(SECRETS, dates, strict=True))
    return TrustFrameworkKeySet("Secrets", keys)


def fault(when: str, method: str = "post", skip: int = 0, **more: Any) -> dict[str, Any]:
    """Return a fault for the stand-in: at the request of that method after `skip` others.

    `when` is ``"before"`` or ``"after"`` the service has done what it was asked for.
    """
    return {"method": method, "when": when, "skip": skip, "stop": False, **more}


def texts_there(tenant: Tenant, name: str = "B2C_1A_Secrets") -> list[str]:
    return [base64url_decode(key["k"]).decode() for key in tenant.keys(name)]


def moduli(keys: Sequence[TrustFrameworkKey] | TrustFrameworkKeySet) -> list[str]:
    return [key.to_jwk()["n"] for key in keys]


def plain(text: str) -> str:
    return text.rstrip("=").translate(str.maketrans("+/", "-_"))


def shown(text: str, provisioning: Provisioning) -> list[str]:
    """Return the names of the secrets of a provisioning that occur in a text."""
    found = []
    for request in provisioning.requests:
        body = request.private_body()
        for jwk in body.get("keys", []):
            found += support.leaks(text, jwk)
        # The members of uploadSecret and uploadPkcs12.
        found += [name for name in ("k", "key", "password") if name in body and body[name] in text]
    return found


def assert_nothing_leaks(tenant: Tenant, provisioning: Provisioning, said: str) -> None:
    """Check that other users see no secret: neither in arguments nor in printed text."""
    seen = said + "".join(argument for entry in tenant.log for argument in entry["args"])
    assert shown(seen, provisioning) == []
    assert TOKEN not in seen
    assert "Authorization" not in seen
    for entry in tenant.log:
        assert not {"put", "patch", "delete", "--debug", "--verbose"} & set(entry["args"])
        assert '"kid"' not in json.dumps(entry.get("body"))
        assert "@odata" not in json.dumps(entry.get("body"))


def key_set(*keys: TrustFrameworkKey) -> TrustFrameworkKeySet:
    return TrustFrameworkKeySet("test", keys)


def only(provisioning: Provisioning) -> GraphRequest:
    (request,) = provisioning.requests
    return request


def refused(*args: Any, **kwargs: Any) -> InvalidInputError:
    with pytest.raises(InvalidInputError) as caught:
        provision(*args, **kwargs)
    assert caught.value.__cause__ is caught.value.__context__ is None
    return caught.value
