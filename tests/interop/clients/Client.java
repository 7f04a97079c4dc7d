import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.microsoft.graph.beta.models.TrustFrameworkKey;
import com.microsoft.graph.beta.models.TrustFrameworkKeySet;
import com.microsoft.graph.beta.models.TrustFrameworkKeyStatus;
import com.microsoft.graph.beta.models.TrustFrameworkKeyV2;
import com.microsoft.graph.beta.models.odataerrors.ODataError;
import com.microsoft.graph.beta.serviceclient.GraphServiceClient;
import com.microsoft.graph.beta.trustframework.keysets.item.TrustFrameworkKeySetItemRequestBuilder;
import com.microsoft.graph.beta.trustframework.keysets.item.generatekey.GenerateKeyPostRequestBody;
import com.microsoft.graph.beta.trustframework.keysets.item.uploadcertificate.UploadCertificatePostRequestBody;
import com.microsoft.graph.beta.trustframework.keysets.item.uploadpkcs12.UploadPkcs12PostRequestBody;
import com.microsoft.graph.beta.trustframework.keysets.item.uploadsecret.UploadSecretPostRequestBody;
import com.microsoft.graph.core.content.BatchRequestContent;
import com.microsoft.graph.core.requests.BaseGraphRequestAdapter;
import com.microsoft.graph.core.requests.GraphClientFactory;
import com.microsoft.kiota.HttpMethod;
import com.microsoft.kiota.RequestInformation;
import com.microsoft.kiota.authentication.AccessTokenProvider;
import com.microsoft.kiota.authentication.AllowedHostsValidator;
import com.microsoft.kiota.authentication.BaseBearerTokenAuthenticationProvider;
import com.microsoft.kiota.serialization.KiotaJsonSerialization;
import com.microsoft.kiota.serialization.Parsable;
import com.microsoft.kiota.serialization.ParsableFactory;
import com.microsoft.kiota.store.BackedModel;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Makes the calls that come as lines of JSON on standard input, with Microsoft's SDK for Java, and
 * prints each result as a line of JSON. The arguments are the base URL and a token.
 */
final class Client {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final GraphServiceClient graph;

    private Client(String url, String token) {
        var provider = new AccessTokenProvider() {
            public String getAuthorizationToken(URI uri, Map<String, Object> context) {
                return token;
            }

            public AllowedHostsValidator getAllowedHostsValidator() {
                return new AllowedHostsValidator("127.0.0.1");
            }
        };
        var authentication = new BaseBearerTokenAuthenticationProvider(provider);
        var http = GraphClientFactory.create(authentication).build();
        var adapter = new BaseGraphRequestAdapter(authentication, "beta", http);
        adapter.setBaseUrl(url);
        graph = new GraphServiceClient(adapter);
    }

    public static void main(String[] args) throws Exception {
        var client = new Client(args[0], args[1]);
        var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = in.readLine()) != null; ) {
            // In bytes: the encoding of the console can be another one.
            System.out.write(JSON.writeValueAsBytes(client.result(JSON.readTree(line))));
            System.out.println();
            System.out.flush();
        }
        System.exit(0); // now, not when the connections of OkHttp have been idle for a minute
    }

    private ObjectNode result(JsonNode call) throws Exception {
        var result = JSON.createObjectNode();
        try {
            result.set("value", value(call));
        } catch (ODataError error) {
            var node = result.putObject("error");
            node.put("status", error.getResponseStatusCode());
            var inner = error.getError().getInnerError();
            node.put("code", error.getError().getCode());
            node.put("message", error.getError().getMessage());
            node.put("target", error.getError().getTarget());
            node.put("date", inner.getDate().toInstant().toString());
            node.put("requestId", inner.getRequestId());
            node.put("clientRequestId", inner.getClientRequestId());
        }
        return result;
    }

    private JsonNode value(JsonNode call) throws Exception {
        var sets = graph.trustFramework().keySets();
        var body = call.path("body");
        var one = call.has("id") ? sets.byTrustFrameworkKeySetId(call.get("id").asText()) : null;
        var kid = call.path("kid").asText();
        switch (call.get("call").asText()) {
            case "listSets":
                return shown(sets.get(request -> {
                    request.queryParameters.select = texts(call.get("select"));
                    request.queryParameters.top = number(call.get("top"));
                    request.queryParameters.count = call.has("count") ? true : null;
                }));
            case "countSets":
                return JSON.valueToTree(sets.count().get());
            case "createSet":
                return shown(sets.post(keySet(body)));
            case "getSet":
                return shown(one.get(request -> request.queryParameters.select = texts(call.get("select"))));
            case "updateSet":
                return shown(one.patch(keySet(body)));
            case "updateSetThatWasRead": {
                // The SDK sends only what changed after the reading.
                var read = one.get();
                if (body.has("keys")) {
                    read.setKeys(keySet(body).getKeys());
                }
                return shown(one.patch(read));
            }
            case "deleteSet":
                one.delete();
                return null;
            case "generateKey":
                return shown(one.generateKey().post(filled(body, GenerateKeyPostRequestBody::createFromDiscriminatorValue)));
            case "uploadSecret":
                return shown(one.uploadSecret().post(filled(body, UploadSecretPostRequestBody::createFromDiscriminatorValue)));
            case "uploadCertificate":
                return shown(one.uploadCertificate().post(filled(body, UploadCertificatePostRequestBody::createFromDiscriminatorValue)));
            case "uploadPkcs12":
                return shown(one.uploadPkcs12().post(filled(body, UploadPkcs12PostRequestBody::createFromDiscriminatorValue)));
            case "getActiveKey":
                return shown(one.getActiveKey().get());
            case "listKeys":
                return shown(one.keysV2().get());
            case "countKeys":
                return JSON.valueToTree(one.keysV2().count().get());
            case "getKey":
                return shown(one.keysV2().byTrustFrameworkKey_v2Kid(kid).get());
            case "setStatus":
                return setStatus(one, kid, body.get("status").asText());
            case "batch":
                return batch(call.get("requests"));
            default:
                throw new IllegalArgumentException(call.toString());
        }
    }

    private JsonNode setStatus(TrustFrameworkKeySetItemRequestBuilder one, String kid, String status) {
        // The SDK has no PATCH for this address.
        var request = one.keysV2().byTrustFrameworkKey_v2Kid(kid).toGetRequestInformation();
        request.httpMethod = HttpMethod.PATCH;
        var body = new TrustFrameworkKeyV2();
        body.setStatus(TrustFrameworkKeyStatus.forValue(status));
        request.setContentFromParsable(graph.getRequestAdapter(), "application/json", body);
        graph.getRequestAdapter().sendPrimitive(request, errors(), Void.class);
        return null;
    }

    /** Sends calls in one batch, and returns the status and the body of each answer. */
    private JsonNode batch(JsonNode calls) throws Exception {
        var content = new BatchRequestContent(graph);
        var ids = new ArrayList<String>();
        for (JsonNode call : calls) {
            ids.add(content.addBatchRequestStep(information(call)));
        }
        var answers = graph.getBatchRequestBuilder().post(content, errors());
        var shown = JSON.createArrayNode();
        for (String id : ids) {
            var answer = answers.getResponseById(id);
            var body = answer.body();
            shown.addObject()
                .put("status", answer.code())
                .set("body", body == null ? null : JSON.readTree(body.string()));
        }
        return shown;
    }

    private RequestInformation information(JsonNode call) throws Exception {
        var sets = graph.trustFramework().keySets();
        var one = call.has("id") ? sets.byTrustFrameworkKeySetId(call.get("id").asText()) : null;
        switch (call.get("call").asText()) {
            case "createSet":
                return sets.toPostRequestInformation(keySet(call.get("body")));
            case "getSet":
                return one.toGetRequestInformation();
            case "deleteSet":
                return one.toDeleteRequestInformation();
            case "generateKey":
                return one.generateKey().toPostRequestInformation(
                    filled(call.get("body"), GenerateKeyPostRequestBody::createFromDiscriminatorValue));
            default:
                throw new IllegalArgumentException(call.toString());
        }
    }

    private static HashMap<String, ParsableFactory<? extends Parsable>> errors() {
        return new HashMap<>(Map.of("XXX", ODataError::createFromDiscriminatorValue));
    }

    private static TrustFrameworkKeySet keySet(JsonNode body) throws Exception {
        var made = filled(body, TrustFrameworkKeySet::createFromDiscriminatorValue);
        for (var key : made.getKeys() == null ? List.<TrustFrameworkKey>of() : made.getKeys()) {
            key.getBackingStore().setIsInitializationCompleted(false);
        }
        return made;
    }

    /** Returns a model with the members of a document, all of them set, so that the SDK sends them. */
    private static <T extends Parsable & BackedModel> T filled(JsonNode body, ParsableFactory<T> factory)
        throws Exception {
        var made = KiotaJsonSerialization.deserialize(body.toString(), factory);
        made.getBackingStore().setIsInitializationCompleted(false);
        return made;
    }

    private static JsonNode shown(Parsable model) throws Exception {
        return model == null ? null : JSON.readTree(KiotaJsonSerialization.serializeAsString(model, false));
    }

    private static String[] texts(JsonNode list) {
        return list == null ? null : JSON.convertValue(list, String[].class);
    }

    private static Integer number(JsonNode node) {
        return node == null ? null : node.asInt();
    }
}
