"""Make the calls that come as lines of JSON on standard input, with Microsoft's SDK for Python.

It prints each result as a line of JSON. The arguments are the base URL and a token.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from tests.interop.sdk import SDK, named, snake

SETS = "msgraph_beta.generated.trust_framework.key_sets"
BATCH = "msgraph_core.requests"


class StaticToken:
    """An access token provider of the SDK."""

    def __init__(self, token: str) -> None:
        self.token = token

    async def get_authorization_token(self, _uri: str, _context: Any = None) -> str:
        return self.token

    def get_allowed_hosts_validator(self) -> Any:
        return named("kiota_abstractions.authentication.AllowedHostsValidator")(["127.0.0.1"])


class Client:
    """The calls, by name."""

    def __init__(self, url: str, token: str) -> None:
        self.sdk = SDK()
        provider = named("kiota_abstractions.authentication.BaseBearerTokenAuthenticationProvider")
        self.adapter = named("msgraph_beta.graph_request_adapter.GraphRequestAdapter")(
            provider(StaticToken(token))
        )
        self.adapter.base_url = url
        graph = named("msgraph_beta.graph_service_client.GraphServiceClient")
        self.sets = graph(request_adapter=self.adapter).trust_framework.key_sets
        self.errors = {"XXX": self.sdk.model("ODataError", room="o_data_errors.")}

    async def result(self, call: dict[str, Any]) -> dict[str, Any]:
        try:
            return {"value": await getattr(self, call["call"])(call)}
        except self.errors["XXX"] as error:
            inner = error.error.inner_error
            return {
                "error": {
                    "status": error.response_status_code,
                    "code": error.error.code,
                    "message": error.error.message,
                    "target": error.error.target,
                    "date": inner.date.isoformat(),
                    "requestId": inner.request_id,
                    "clientRequestId": inner.client_request_id,
                }
            }

    async def listSets(self, call: Any) -> Any:  # noqa: N802
        return shown(await self.sets.get(self.configuration(SETS, "KeySetsRequestBuilder", call)))

    async def countSets(self, _call: Any) -> Any:  # noqa: N802
        return await self.sets.count.get()

    async def createSet(self, call: Any) -> Any:  # noqa: N802
        return shown(await self.sets.post(self.key_set(call["body"])))

    async def getSet(self, call: Any) -> Any:  # noqa: N802
        module = f"{SETS}.item"
        options = self.configuration(module, "TrustFrameworkKeySetItemRequestBuilder", call)
        return shown(await self.one(call).get(options))

    async def updateSet(self, call: Any) -> Any:  # noqa: N802
        return shown(await self.one(call).patch(self.key_set(call["body"])))

    async def updateSetThatWasRead(self, call: Any) -> Any:  # noqa: N802
        """Update a set that was read. The SDK sends only what changed after the reading."""
        read = await self.one(call).get()
        if "keys" in call.get("body", {}):
            read.keys = self.key_set(call["body"]).keys
        return shown(await self.one(call).patch(read))

    async def deleteSet(self, call: Any) -> Any:  # noqa: N802
        await self.one(call).delete()

    async def generateKey(self, call: Any) -> Any:  # noqa: N802
        body = self.sdk.body("GenerateKey")(**call["body"])
        return shown(await self.one(call).generate_key.post(body))

    async def uploadSecret(self, call: Any) -> Any:  # noqa: N802
        body = self.sdk.body("UploadSecret")(**call["body"])
        return shown(await self.one(call).upload_secret.post(body))

    async def uploadCertificate(self, call: Any) -> Any:  # noqa: N802
        body = self.sdk.body("UploadCertificate")(**call["body"])
        return shown(await self.one(call).upload_certificate.post(body))

    async def uploadPkcs12(self, call: Any) -> Any:  # noqa: N802
        body = self.sdk.body("UploadPkcs12")(**call["body"])
        return shown(await self.one(call).upload_pkcs12.post(body))

    async def getActiveKey(self, call: Any) -> Any:  # noqa: N802
        return shown(await self.one(call).get_active_key.get())

    async def listKeys(self, call: Any) -> Any:  # noqa: N802
        return shown(await self.one(call).keys_v2.get())

    async def countKeys(self, call: Any) -> Any:  # noqa: N802
        return await self.one(call).keys_v2.count.get()

    async def getKey(self, call: Any) -> Any:  # noqa: N802
        return shown(await self.key(call).get())

    async def setStatus(self, call: Any) -> Any:  # noqa: N802
        """Change the status. The SDK has no PATCH for this address."""
        request = self.key(call).to_get_request_information()
        request.http_method = named("kiota_abstractions.method.Method").PATCH
        model = named(f"{self.sdk.generated}.models.trust_framework_key_v2.TrustFrameworkKey_v2")
        status = self.sdk.model("TrustFrameworkKeyStatus")(call["body"]["status"])
        request.set_content_from_parsable(self.adapter, "application/json", model(status=status))
        await self.adapter.send_no_response_content_async(request, self.errors)

    async def batch(self, call: Any) -> Any:
        """Send calls in one batch, and return the status and the body of each answer."""
        item = named(f"{BATCH}.batch_request_item.BatchRequestItem")
        content = named(f"{BATCH}.batch_request_content.BatchRequestContent")()
        items = [item(self.information(each)) for each in call["requests"]]
        for each in items:
            content.add_request(each.id, each)
        builder = named(f"{BATCH}.batch_request_builder.BatchRequestBuilder")(self.adapter)
        answers = (await builder.post(content, self.errors)).responses
        return [
            {"status": answer.status, "body": answer.body and json.loads(answer.body.read())}
            for answer in (answers[each.id] for each in items)
        ]

    def information(self, call: Any) -> Any:
        match call["call"]:
            case "createSet":
                request = self.sets.to_post_request_information(self.key_set(call["body"]))
            case "getSet":
                request = self.one(call).to_get_request_information()
            case "deleteSet":
                request = self.one(call).to_delete_request_information()
            case "generateKey":
                body = self.sdk.body("GenerateKey")(**call["body"])
                request = self.one(call).generate_key.to_post_request_information(body)
        request.path_parameters["baseurl"] = self.adapter.base_url
        return request

    def one(self, call: Any) -> Any:
        return self.sets.by_trust_framework_key_set_id(call["id"])

    def key(self, call: Any) -> Any:
        return self.one(call).keys_v2.by_trust_framework_key_v2_kid(call["kid"])

    def configuration(self, module: str, builder: str, call: Any) -> Any:
        """Return query options as the SDK takes them."""
        kind = f"{builder}GetQueryParameters"
        parameters = getattr(named(f"{module}.{snake(builder)}.{builder}"), kind)
        names = ("select", "top", "count")
        options = parameters(**{name: call[name] for name in names if name in call})
        configuration = "kiota_abstractions.base_request_configuration.RequestConfiguration"
        return named(configuration)(query_parameters=options)

    def key_set(self, body: Any) -> Any:
        """Return a key set as the SDK's users make it, with the members of a document."""
        key = self.sdk.model("TrustFrameworkKey")
        members = dict(body)
        if "keys" in members:
            members["keys"] = [key(**each) for each in members["keys"]]
        return self.sdk.model("TrustFrameworkKeySet")(**members)


def shown(model: Any) -> Any:
    if model is None:
        return None
    writer = named("kiota_serialization_json.json_serialization_writer.JsonSerializationWriter")()
    writer.write_object_value(None, model)
    return json.loads(writer.get_serialized_content())


async def main() -> None:
    """Answer one call after the other, with the connections of one event loop."""
    client = Client(*sys.argv[1:])
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await client.result(json.loads(line))), flush=True)  # noqa: T201


asyncio.run(main())
