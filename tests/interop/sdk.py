"""What the tests use of Microsoft's SDK, msgraph-beta-sdk.

The SDK and Java are large, so they are in an extra of their own, `interop`. If one is missing, its
tests are skipped; with TRUSTKEYS_INTEROP=1 they fail.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import json
import os
from typing import Any, NoReturn

import httpx
import pytest

import trustkeys
from tests import support
from tests.support import parse
from trustkeys import TrustFrameworkKey

BETA = "https://graph.microsoft.com/beta"

NOW = 1_800_000_000  # the test certificate is valid then
DATES = [(None, None), (0, 0), (1508969811, None), (None, 1508973711), (2**63 - 1, 2**63 - 1)]

MARKS = [
    pytest.mark.deep,
    pytest.mark.interop,
    # Classes of the SDK warn about each other when they are defined.
    pytest.mark.filterwarnings(
        "ignore:This class is deprecated. Please use the generic:DeprecationWarning:msgraph_beta"
    ),
    pytest.mark.filterwarnings(
        "ignore:GetQueryParameters is deprecated:DeprecationWarning:kiota_abstractions"
    ),
]


class SDK:
    """The parts of msgraph-beta-sdk that the tests use."""

    generated = "msgraph_beta.generated"

    def __init__(self) -> None:
        # Builds requests that are not sent.
        self.key_sets = self.key_sets_by(None)

    def key_sets_by(self, http_client: httpx.AsyncClient | None) -> Any:
        """Return the SDK's request builder for key sets, with an httpx client or its own."""
        adapter = named("msgraph_beta.graph_request_adapter.GraphRequestAdapter")
        provider = named("kiota_abstractions.authentication.AnonymousAuthenticationProvider")
        client = named("msgraph_beta.graph_service_client.GraphServiceClient")
        made = client(request_adapter=adapter(provider(), client=http_client))
        return made.trust_framework.key_sets

    def model(self, name: str, *, room: str = "") -> Any:
        """Return the SDK's class for a resource of Graph."""
        return named(f"{self.generated}.models.{room}{snake(name)}.{name}")

    def body(self, action: str) -> Any:
        """Return the SDK's class for the body of an action."""
        module = f"{snake(action)}.{snake(action)}_post_request_body"
        return named(
            f"{self.generated}.trust_framework.key_sets.item.{module}.{action}PostRequestBody"
        )

    def read(self, model: Any, document: Any) -> Any:
        """Read a document as the SDK reads an answer of the service."""
        factory = named("kiota_serialization_json.json_parse_node_factory.JsonParseNodeFactory")
        node = factory().get_root_parse_node("application/json", json.dumps(document).encode())
        return node.get_object_value(model)


def need(package: str) -> None:
    """Skip the test if a package is missing, or fail it in the run for these tests."""
    if importlib.util.find_spec(package) is None:
        give_up(f"{package} is missing: install the extra interop")


def give_up(missing: str) -> NoReturn:
    """Skip the test, or fail it in the run for these tests."""
    if os.environ.get("TRUSTKEYS_INTEROP") == "1":
        pytest.fail(missing, pytrace=False)
    pytest.skip(missing)


def named(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def url(request: Any, base_url: str) -> str:
    """Return the URL of a request of the SDK, which otherwise sets the base URL on sending."""
    request.path_parameters = {**request.path_parameters, "baseurl": base_url}
    return str(request.url)


def content(request: Any) -> dict[str, Any]:
    """Return the whole body of a request of the SDK.

    It has only members that were set. The models of key sets, keys and actions set no
    "@odata.type" by themselves, unlike other models, and unlike msgraph-beta-sdk-dotnet, whose
    requests the service refused (its issue 67).
    """
    assert request.headers.get("content-type") == {"application/json"}
    return parse(request.content.decode())


def found(value: Any) -> Any:
    """Return the members of a model by name, with those that the SDK did not recognise.

    The SDK drops a value of a type that it does not expect.
    """
    if isinstance(value, list):
        return [found(each) for each in value]
    if not dataclasses.is_dataclass(value):
        return value
    members = {field.name: found(getattr(value, field.name)) for field in dataclasses.fields(value)}
    del members["backing_store"]
    return without_nulls(members)


def without_nulls(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def two_keys(kty: str, certified: TrustFrameworkKey) -> list[TrustFrameworkKey]:
    """Return one key with only the required members, and one with many."""
    if kty == "RSA":
        return [trustkeys.generate_key("sig", "RSA"), certified]
    return [support.oct_key(use="enc"), support.oct_key(0, 2**63 - 1, use="enc")]


def as_the_sdk_sees(key: TrustFrameworkKey, *, in_set: bool) -> dict[str, Any]:
    """Return the public members of a key."""
    public = key.to_jwk() if key.kty == "RSA" else {}
    return without_nulls(
        {
            "additional_data": {},
            "kid": key.kid,
            "kty": key.kty,
            "use": key.use,
            "nbf": key.nbf,
            "exp": key.exp,
            "x5c": [*key.x5c],
            "e": public.get("e"),
            "n": public.get("n"),
            # A key outside a set does not have these, as in the example of generateKey.
            "x5t": key.x5t if in_set else None,
            "status": key.status if in_set else None,
        }
    )


def to_upload(sdk: SDK, key: TrustFrameworkKey) -> Any:
    """Return a private key as a model of the SDK, with the numbers from `cryptography`."""
    if key.kty == "RSA":
        private = key.private_key().private_numbers()
        public = private.public_numbers
        numbers = {"n": public.n, "e": public.e, "d": private.d, "p": private.p, "q": private.q}
        numbers |= {"dp": private.dmp1, "dq": private.dmq1, "qi": private.iqmp}
        material = {name: support.b64(number) for name, number in numbers.items()}
    else:
        material = {"k": key.to_jwk(private=True)["k"]}
    return sdk.model("TrustFrameworkKey")(
        kty=key.kty,
        use=key.use,
        nbf=key.nbf,
        exp=key.exp,
        x5c=[*key.x5c] or None,
        x5t=key.x5t,
        **material,
    )
