"""Microsoft's SDK in a program that is tested with `trustkeys.testing.GraphTransport`."""

from __future__ import annotations

import asyncio
import base64
import subprocess
import sys
import textwrap
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from tests import support
from tests.interop.sdk import (
    BETA,
    DATES,
    MARKS,
    SDK,
    as_the_sdk_sees,
    found,
    named,
    to_upload,
    two_keys,
)
from trustkeys import TrustFrameworkKey, TrustFrameworkKeySet, testing
from trustkeys.formats.pkcs12 import to_pkcs12_b2c
from trustkeys.graph import CLOUDS
from trustkeys.testing import GraphTransport

pytestmark = MARKS


Call = Callable[[Any], Awaitable[Any]]


def driven(sdk: SDK, transport: GraphTransport, *calls: Call, **options: Any) -> list[Any]:
    """Return the SDK's answers to calls on key sets, made one after the other."""

    async def run() -> list[Any]:
        async with httpx.AsyncClient(transport=transport, **options) as client:
            key_sets = sdk.key_sets_by(client)
            return [found(await call(key_sets)) for call in calls]

    return asyncio.run(run())


def one(key_sets: Any, name: str = "B2C_1A_test") -> Any:
    return key_sets.by_trust_framework_key_set_id(name)


def answered(what: str, base_url: str = BETA) -> dict[str, Any]:
    return {"additional_data": {"@odata.context": f"{base_url}/$metadata#{what}"}}


SET = "trustFramework/keySets/$entity"


KEY = "microsoft.graph.trustFrameworkKey"


@pytest.mark.parametrize("base_url", ["", *CLOUDS.values()])
def test_the_sdk_creates_and_reads_a_set(sdk: SDK, base_url: str) -> None:
    """With a base URL in its client, the SDK doubles a slash."""
    made, listed, got = driven(
        sdk,
        GraphTransport([TrustFrameworkKeySet("other")]),
        lambda sets: sets.post(sdk.model("TrustFrameworkKeySet")(id="test")),
        lambda sets: sets.get(),
        lambda sets: one(sets).get(),
        base_url=base_url,
    )
    root = base_url or BETA
    assert made == got == {**answered(SET, root), "id": "B2C_1A_test", "keys": []}
    assert listed == {
        **answered("trustFramework/keySets", root),
        "value": [
            {"additional_data": {}, "id": name, "keys": []}
            for name in ("B2C_1A_other", "B2C_1A_test")
        ],
    }


@pytest.mark.parametrize("kty", ["RSA", "oct"])
@pytest.mark.parametrize("is_new", [True, False], ids=["create", "update"])
def test_the_sdk_uploads_keys_and_sees_their_public_parts(
    sdk: SDK, certified: TrustFrameworkKey, kty: str, *, is_new: bool
) -> None:
    keys = two_keys(kty, certified)
    transport = GraphTransport([] if is_new else [TrustFrameworkKeySet("test")])
    body = sdk.model("TrustFrameworkKeySet")(
        id="test" if is_new else None, keys=[to_upload(sdk, key) for key in keys]
    )
    answer, got = driven(
        sdk,
        transport,
        # The SDK sends PATCH, but the page of the operation says PUT.
        lambda sets: sets.post(body) if is_new else one(sets).patch(body),
        lambda sets: one(sets).get(),
    )
    there = [*transport.key_sets["B2C_1A_test"]]
    seen = [as_the_sdk_sees(key, in_set=True) for key in there]
    assert answer == got == {**answered(SET), "id": "B2C_1A_test", "keys": seen}
    # The tenant has the private parts. It gives an uploaded secret another kid.
    whole = [{**key.to_jwk(private=True), "kid": None} for key in there]
    assert whole == [{**key.to_jwk(private=True), "kid": None} for key in keys]


@pytest.mark.parametrize(("nbf", "exp"), DATES)
@pytest.mark.parametrize("kty", ["RSA", "oct"])
def test_the_sdk_generates_a_key(sdk: SDK, kty: str, nbf: int | None, exp: int | None) -> None:
    transport = GraphTransport([TrustFrameworkKeySet("test")])
    body = sdk.body("GenerateKey")(use="enc", kty=kty, nbf=nbf, exp=exp)
    (answer,) = driven(sdk, transport, lambda sets: one(sets).generate_key.post(body))
    (key,) = transport.key_sets["B2C_1A_test"]
    assert (key.use, key.kty, key.nbf, key.exp) == ("enc", kty, nbf, exp)
    assert answer == {**as_the_sdk_sees(key, in_set=False), **answered(KEY)}


def test_the_sdk_uploads_in_all_three_ways(sdk: SDK, certified: TrustFrameworkKey) -> None:
    transport = GraphTransport([TrustFrameworkKeySet(name) for name in "abc"])
    secret = sdk.body("UploadSecret")(use="sig", k="a client secret, 'ü'", nbf=5)
    certificate = sdk.body("UploadCertificate")(key=certified.x5c[0])
    exported = to_pkcs12_b2c(certified)
    pfx = sdk.body("UploadPkcs12")(
        key=base64.b64encode(exported.data).decode(), password=exported.password
    )
    answers = driven(
        sdk,
        transport,
        lambda sets: one(sets, "B2C_1A_a").upload_secret.post(secret),
        lambda sets: one(sets, "B2C_1A_b").upload_certificate.post(certificate),
        lambda sets: one(sets, "B2C_1A_c").upload_pkcs12.post(pfx),
    )
    (first,), (second,), (third,) = transport.key_sets.values()
    expected = {"kid": first.kid, "use": "sig", "kty": "oct", "nbf": 5, **answered(KEY)}
    assert answers[0] == expected
    assert first.to_jwk(private=True)["k"] == support.b64("a client secret, 'ü'".encode())
    shown = {**as_the_sdk_sees(certified, in_set=False), **answered(KEY)}
    assert answers[1:] == [shown, shown]
    assert (second, third) == (certified.public(), certified)


def test_the_sdk_sees_the_active_key_change_with_time_and_status(
    sdk: SDK,
) -> None:
    keys = TrustFrameworkKeySet("test")
    first, second = testing.rsa_key(1, nbf=10), testing.rsa_key(2, nbf=20)
    keys.add(first)
    keys.add(second)
    transport = GraphTransport([keys])

    def active(at: int) -> Call:
        async def call(sets: Any) -> Any:
            transport.now = at
            return await one(sets).get_active_key.get()

        return call

    answers = driven(sdk, transport, active(19), active(20), disabling(sdk, second), active(20))
    before, after = (
        {**as_the_sdk_sees(key, in_set=False), **answered(KEY)} for key in (first, second)
    )
    assert answers == [before, after, None, before]


def test_the_sdk_sees_each_key_with_its_status(sdk: SDK) -> None:
    keys = [testing.oct_key(1), testing.oct_key(2, exp=2**63 - 1)]
    transport = GraphTransport([TrustFrameworkKeySet("test", keys)])
    _, listed, got = driven(
        sdk,
        transport,
        disabling(sdk, keys[1]),
        lambda sets: one(sets).keys_v2.get(),
        lambda sets: one(sets).keys_v2.by_trust_framework_key_v2_kid(keys[1].kid).get(),
    )
    what = "trustFramework/keySets('B2C_1A_test')/keys_v2"
    seen = [as_the_sdk_sees(key, in_set=True) for key in transport.key_sets["B2C_1A_test"]]
    assert [key["status"] for key in seen] == ["enabled", "disabled"]
    assert listed == {**answered(what), "value": seen}
    assert got == {**seen[1], **answered(f"{what}/$entity")}


def disabling(sdk: SDK, key: TrustFrameworkKey) -> Call:
    """Return a PATCH of keys_v2, which the SDK has no method for."""

    async def call(sets: Any) -> Any:
        item = one(sets).keys_v2.by_trust_framework_key_v2_kid(key.kid)
        request = item.to_get_request_information()
        request.http_method = named("kiota_abstractions.method.Method").PATCH
        status = sdk.model("TrustFrameworkKeyStatus").Disabled
        model = named(f"{sdk.generated}.models.trust_framework_key_v2.TrustFrameworkKey_v2")
        adapter = item.request_adapter
        request.set_content_from_parsable(adapter, "application/json", model(status=status))
        errors = {"XXX": sdk.model("ODataError", room="o_data_errors.")}
        return await adapter.send_no_response_content_async(request, errors)

    return call


def test_the_sdk_deletes_a_set_and_finds_the_copy(sdk: SDK) -> None:
    transport = GraphTransport([TrustFrameworkKeySet("test", [testing.rsa_key(1)])])
    nothing, copy = driven(
        sdk,
        transport,
        lambda sets: one(sets).delete(),
        lambda sets: one(sets, "B2C_1A_test.bak").get(),
    )
    assert nothing is None
    seen = [as_the_sdk_sees(testing.rsa_key(1), in_set=True)]
    assert copy == {**answered(SET), "id": "B2C_1A_test.bak", "keys": seen}


def refusal(sdk: SDK, transport: GraphTransport, call: Call, **options: Any) -> Any:
    """Return the error that the SDK raises, of its type for errors of Graph."""
    with pytest.raises(sdk.model("ODataError", room="o_data_errors.")) as caught:
        driven(sdk, transport, call, **options)
    assert caught.value.error.message
    assert caught.value.error.message in str(caught.value)
    return caught.value


ERRORS: dict[str, tuple[Callable[[SDK, Any], Awaitable[Any]], int, str, str | None]] = {
    "no such set": (
        lambda sdk, sets: one(sets, "B2C_1A_other").get(),
        400,
        "AADB2C90073",
        "id",
    ),
    "no set to write to": (
        lambda sdk, sets: one(sets, "B2C_1A_other").delete(),
        404,
        "AADB2C95052",
        "id",
    ),
    "no such key": (
        lambda sdk, sets: one(sets).keys_v2.by_trust_framework_key_v2_kid("a/b").get(),
        404,
        "NotFound",
        "kid",
    ),
    "no active key": (lambda sdk, sets: one(sets).get_active_key.get(), 404, "NotFound", "at"),
    "no such address": (
        lambda sdk, sets: sets.with_url(BETA.replace("beta", "v1.0")).get(),
        404,
        "NotFound",
        None,
    ),
    "no such method": (
        lambda sdk, sets: one(sets).with_url(f"{BETA}/trustFramework/keySets").delete(),
        405,
        "MethodNotAllowed",
        None,
    ),
    "name taken": (
        lambda sdk, sets: sets.post(sdk.model("TrustFrameworkKeySet")(id="test")),
        409,
        "AADB2C95028",
        "id",
    ),
    "another id": (
        lambda sdk, sets: one(sets).patch(sdk.model("TrustFrameworkKeySet")(id="other")),
        400,
        "BadRequest",
        "id",
    ),
    "an option that the transport does not have": (
        lambda sdk, sets: sets.get(request_configuration=asking(KEY_SETS, filter="id eq 'a'")),
        400,
        "BadRequest",
        "query",
    ),
    "no such member": (
        lambda sdk, sets: sets.get(request_configuration=asking(KEY_SETS, select=["name"])),
        400,
        "BadRequest",
        "$select",
    ),
    "no use": (
        lambda sdk, sets: one(sets).generate_key.post(sdk.body("GenerateKey")(kty="RSA")),
        400,
        "AADB2C90253",
        "use",
    ),
    "no PFX": (
        lambda sdk, sets: one(sets).upload_pkcs12.post(
            sdk.body("UploadPkcs12")(key="AAAA", password="a")
        ),
        400,
        "AADB2C95025",
        "key",
    ),
}


@pytest.mark.parametrize(("call", "status", "code", "target"), ERRORS.values(), ids=ERRORS)
def test_the_sdk_raises_its_own_error_for_an_error(
    sdk: SDK, call: Any, status: int, code: str, target: str | None
) -> None:
    """A program that handles errors of Graph is tested with the same errors."""
    transport = GraphTransport([TrustFrameworkKeySet("test")])
    error = refusal(sdk, transport, lambda sets: call(sdk, sets))
    assert (error.response_status_code, error.error.code) == (status, code)
    assert error.error.target == target
    inner = error.error.inner_error
    assert inner.request_id == error.response_headers["request-id"]
    assert inner.client_request_id == error.response_headers["client-request-id"]
    assert abs(inner.date - datetime.now()) < timedelta(days=1)  # noqa: DTZ005


def test_the_sdk_sees_how_long_to_wait_when_throttled(sdk: SDK) -> None:
    transport = GraphTransport(now=100)
    transport.throttle(retry_after=7)
    error = refusal(sdk, transport, lambda sets: sets.get())
    assert (error.response_status_code, error.error.code) == (429, "AADB2C95043")
    assert error.response_headers["Retry-After"] == "7"
    transport.now = 107
    assert driven(sdk, transport, lambda sets: sets.get())[0]["value"] == []


def test_the_sdks_own_client_waits_and_gives_up_after_three_retries(
    sdk: SDK, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        transport.now = 100 + len(waited)

    monkeypatch.setattr("asyncio.sleep", sleep)
    transport = GraphTransport(now=100)
    factory = named("msgraph_core.GraphClientFactory")

    async def run() -> Any:
        client = httpx.AsyncClient(transport=transport)
        async with factory.create_with_default_middleware(client=client) as client:
            return found(await sdk.key_sets_by(client).get())

    transport.throttle(retry_after=3)
    assert asyncio.run(run())["value"] == []
    assert waited == [3, 2, 1]
    transport.throttle(retry_after=9)
    with pytest.raises(sdk.model("ODataError", room="o_data_errors.")) as caught:
        asyncio.run(run())
    assert (caught.value.response_status_code, caught.value.error.code) == (429, "AADB2C95043")
    assert waited[3:] == [9, 8, 7]


FAULTS = [
    (401, None, "InvalidAuthenticationToken"),
    (403, None, "AADB2C"),
    (500, "AADB2C90063", "AADB2C90063"),
    (502, None, "BadGateway"),
    (503, None, "serviceNotAvailable"),
    (504, None, "UnknownError"),
]


@pytest.mark.parametrize(("status", "code", "expected"), FAULTS)
def test_the_sdk_raises_its_own_error_for_a_fault(
    sdk: SDK, status: int, code: str | None, expected: str
) -> None:
    transport = GraphTransport()
    transport.fail(status, code=code, on="GET keySets")
    error = refusal(sdk, transport, lambda sets: sets.get())
    assert (error.response_status_code, error.error.code) == (status, expected)
    assert driven(sdk, transport, lambda sets: sets.get())[0]["value"] == []


@pytest.mark.parametrize(
    ("fault", "error"),
    [("timeout", httpx.ReadTimeout), ("disconnect", httpx.RemoteProtocolError)],
)
def test_the_sdk_raises_the_error_of_httpx_for_a_lost_answer(
    sdk: SDK, fault: str, error: type[httpx.TransportError]
) -> None:
    transport = GraphTransport()
    transport.fail(fault, after=True)
    with pytest.raises(error):
        driven(sdk, transport, lambda sets: sets.post(sdk.model("TrustFrameworkKeySet")(id="test")))
    assert [*transport.key_sets] == ["B2C_1A_test"]


def test_the_sdks_own_client_sends_a_request_again_after_a_fault(
    sdk: SDK, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret is uploaded twice if only the answer was lost, as in a tenant."""

    async def sleep(seconds: float) -> None:
        pass

    monkeypatch.setattr("asyncio.sleep", sleep)
    transport = GraphTransport([TrustFrameworkKeySet("test")])
    transport.fail(504, on="uploadSecret", after=True)
    secret = sdk.body("UploadSecret")(use="sig", k="a client secret")
    factory = named("msgraph_core.GraphClientFactory")

    async def run() -> None:
        client = httpx.AsyncClient(transport=transport)
        async with factory.create_with_default_middleware(client=client) as client:
            await one(sdk.key_sets_by(client)).upload_secret.post(secret)

    asyncio.run(run())
    assert len(transport.key_sets["B2C_1A_test"]) == 2


KEY_SETS = "key_sets_request_builder.KeySetsRequestBuilder"
KEYS = "item.keys_v2.keys_v2_request_builder.Keys_v2RequestBuilder"
ONE_SET = "item.trust_framework_key_set_item_request_builder.TrustFrameworkKeySetItemRequestBuilder"


def asking(builder: str, **options: Any) -> Any:
    """Return the SDK's configuration for a request with query options."""
    module = f"{SDK.generated}.trust_framework.key_sets.{builder}"
    parameters = getattr(named(module), f"{builder.rpartition('.')[2]}GetQueryParameters")
    configuration = named("kiota_abstractions.base_request_configuration.RequestConfiguration")
    return configuration(query_parameters=parameters(**options))


def test_the_sdk_selects_limits_and_counts(sdk: SDK) -> None:
    keys = [testing.rsa_key(seed, nbf=seed) for seed in range(3)]
    transport = GraphTransport([TrustFrameworkKeySet("test", keys), TrustFrameworkKeySet("other")])
    options = {"select": ["kid", "status"], "top": 2, "count": True}
    number, number_of_keys, sets, of_one, shown = driven(
        sdk,
        transport,
        lambda sets: sets.count.get(),
        lambda sets: one(sets).keys_v2.count.get(),
        lambda sets: sets.get(
            request_configuration=asking(KEY_SETS, select=["id"], top=1, count=True)
        ),
        lambda sets: one(sets).get(request_configuration=asking(ONE_SET, select=["id"])),
        lambda sets: one(sets).keys_v2.get(request_configuration=asking(KEYS, **options)),
    )
    assert (number, number_of_keys) == (2, 3)
    first = {"additional_data": {}, "id": "B2C_1A_test"}
    assert sets == {
        **answered("trustFramework/keySets(id)"),
        "odata_count": 2,
        "value": [first],
    }
    assert of_one == {**first, **answered("trustFramework/keySets(id)/$entity")}
    assert (shown["odata_count"], len(shown["value"])) == (3, 2)
    assert [(key["kid"], key["status"]) for key in shown["value"]] == [
        (key.kid, "enabled") for key in keys[:2]
    ]
    assert not {"n", "kty", "use"} & shown["value"][0].keys()


def test_the_sdk_sends_a_batch(sdk: SDK) -> None:
    """The SDK (1.60) reads no body of JSON from the answer, and sends ``depends_on``."""
    transport = GraphTransport([TrustFrameworkKeySet("test")])
    secret = sdk.body("UploadSecret")(use="sig", k="a client secret")
    room = "msgraph_core.requests"
    item = named(f"{room}.batch_request_item.BatchRequestItem")
    builder = named(f"{room}.batch_request_builder.BatchRequestBuilder")

    async def run() -> Any:
        async with httpx.AsyncClient(transport=transport) as client:
            sets = sdk.key_sets_by(client)
            errors = {"XXX": sdk.model("ODataError", room="o_data_errors.")}
            content = named(f"{room}.batch_request_content.BatchRequestContent")({})
            requests = {
                "upload": one(sets).upload_secret.to_post_request_information(secret),
                "count": one(sets).keys_v2.count.to_get_request_information(),
                "missing": one(sets, "B2C_1A_other").to_get_request_information(),
                "delete": one(sets).to_delete_request_information(),
            }
            for name, request in requests.items():
                content.add_request(name, item(request, id=name))
            return await builder(sets.request_adapter, error_map=errors).post(content)

    answer = asyncio.run(run())
    assert answer.get_response_status_codes() == {
        "upload": 200,
        "count": 200,
        "missing": 400,
        "delete": 204,
    }
    assert answer.get_response_stream_by_id("count").read() == b"1"
    assert [*transport.key_sets] == ["B2C_1A_test.bak"]


def test_the_sdk_sees_that_a_batch_is_malformed(sdk: SDK) -> None:
    room = "msgraph_core.requests"
    builder = named(f"{room}.batch_request_builder.BatchRequestBuilder")
    item = named(f"{room}.batch_request_item.BatchRequestItem")

    async def call(sets: Any) -> Any:
        errors = {"XXX": sdk.model("ODataError", room="o_data_errors.")}
        content = named(f"{room}.batch_request_content.BatchRequestContent")({})
        for name in ("a", "A"):
            content.add_request(name, item(sets.to_get_request_information(), id=name))
        return await builder(sets.request_adapter, error_map=errors).post(content)

    error = refusal(sdk, GraphTransport(), call)
    assert (error.response_status_code, error.error.target) == (400, "requests")


PROGRAM = """
    import asyncio, sys
    import httpx
    from kiota_abstractions.authentication import AnonymousAuthenticationProvider
    from msgraph_beta import GraphServiceClient
    from msgraph_beta.generated.models.trust_framework_key_set import TrustFrameworkKeySet
    from msgraph_beta.graph_request_adapter import GraphRequestAdapter
    from trustkeys.testing import GraphTransport

    events = []
    watching = False
    sys.addaudithook(lambda event, args: watching and events.append(event))

    async def main():
        global watching
        watching = True  # not before: an event loop opens a pair of sockets
        async with httpx.AsyncClient(transport=GraphTransport()) as client:
            adapter = GraphRequestAdapter(AnonymousAuthenticationProvider(), client=client)
            sets = GraphServiceClient(request_adapter=adapter).trust_framework.key_sets
            made = await sets.post(TrustFrameworkKeySet(id="test"))
            one = sets.by_trust_framework_key_set_id(made.id)
            print((await one.get()).id)
            await one.delete()
        watching = False

    asyncio.run(main())
    print(sorted(event for event in {*events} if event.startswith("socket.")))
"""


def test_the_sdk_opens_no_socket(sdk: SDK) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "B2C_1A_test\n[]\n"
