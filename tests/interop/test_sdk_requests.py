"""Microsoft's SDK as the judge: a request or an answer that it does not know, no tenant knows."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest

import trustkeys
from tests import support
from tests.interop.keytool import assert_java_opens
from tests.interop.sdk import (
    BETA,
    DATES,
    MARKS,
    NOW,
    SDK,
    as_the_sdk_sees,
    content,
    found,
    to_upload,
    two_keys,
    url,
)
from trustkeys import GenerateKeyRequest, TrustFrameworkKey, TrustFrameworkKeySet
from trustkeys.graph import CLOUDS, GraphRequest, az_script, provision, pwsh_script

pytestmark = MARKS


# --- generateKey


@pytest.mark.parametrize(("nbf", "exp"), DATES)
@pytest.mark.parametrize("kty", ["RSA", "oct"])
def test_the_body_of_generate_key_is_the_same_as_the_sdks(
    sdk: SDK, kty: str, nbf: int | None, exp: int | None
) -> None:
    """Otherwise the service answers with no key, or with one for other dates."""
    ours = GenerateKeyRequest("enc", kty, nbf=nbf, exp=exp)
    model = sdk.body("GenerateKey")
    builder = sdk.key_sets.by_trust_framework_key_set_id("B2C_1A_test").generate_key
    theirs = content(
        builder.to_post_request_information(model(use="enc", kty=kty, nbf=nbf, exp=exp))
    )
    assert ours.to_graph() == theirs
    assert found(sdk.read(model, ours.to_graph())) == {**theirs, "additional_data": {}}
    # A test double receives the requests of the SDK.
    assert GenerateKeyRequest.from_graph(theirs) == ours


# --- answers: a program built on the SDK does not see what it drops here


@pytest.mark.parametrize("kty", ["RSA", "oct"])
def test_the_sdk_reads_every_member_of_a_key(
    sdk: SDK, certified: TrustFrameworkKey, kty: str
) -> None:
    """A program gets None instead of a value that the SDK does not expect."""
    model = sdk.model("TrustFrameworkKey")
    context = {"@odata.context": f"{BETA}/$metadata#microsoft.graph.trustFrameworkKey"}
    for key in two_keys(kty, certified):
        expected = as_the_sdk_sees(key, in_set=False)
        assert found(sdk.read(model, key.to_graph(base_url=None))) == expected
        expected["additional_data"] = context
        assert found(sdk.read(model, key.to_graph())) == expected


@pytest.mark.parametrize("kty", ["RSA", "oct"])
def test_the_sdk_reads_every_member_of_a_key_set(
    sdk: SDK, certified: TrustFrameworkKey, kty: str
) -> None:
    keyset = TrustFrameworkKeySet("test")
    model = sdk.model("TrustFrameworkKeySet")
    expected: dict[str, Any] = {"additional_data": {}, "id": "B2C_1A_test", "keys": []}
    assert found(sdk.read(model, keyset.to_graph(base_url=None))) == expected
    for key in two_keys(kty, certified):
        keyset.add(key)
    keyset.set_status(key.kid, "disabled")
    expected["keys"] = [as_the_sdk_sees(key, in_set=True) for key in keyset]
    assert found(sdk.read(model, keyset.to_graph(base_url=None))) == expected
    context = {"@odata.context": f"{BETA}/$metadata#trustFramework/keySets/$entity"}
    expected["additional_data"] = context
    assert found(sdk.read(model, keyset.to_graph())) == expected


def test_the_sdk_reads_the_code_of_an_error(sdk: SDK) -> None:
    with pytest.raises(trustkeys.TrustKeysError) as caught:
        GenerateKeyRequest.from_graph({"use": "sig", "kty": "EC"})
    model = sdk.model("ODataError", room="o_data_errors.")
    assert found(sdk.read(model, caught.value.to_graph())) == {
        "additional_data": {},
        "error": {
            "additional_data": {},
            "code": "AADB2C95031",
            "message": caught.value.message,
            "target": "kty",
            "inner_error": {"additional_data": {}},
        },
    }


# --- provisioning


@pytest.mark.parametrize("replace", [False, True], ids=["create", "replace"])
@pytest.mark.parametrize("kty", ["RSA", "oct"])
@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_request_with_all_keys_is_the_same_as_the_sdks(
    sdk: SDK, certified: TrustFrameworkKey, cloud: str, kty: str, *, replace: bool
) -> None:
    """Otherwise the tenant refuses the keys, or gets other keys."""
    keyset = TrustFrameworkKeySet("test", two_keys(kty, certified))
    base_url = CLOUDS[cloud]
    (ours,) = provision(keyset, base_url=base_url, replace=replace, at=NOW).requests
    keys = [to_upload(sdk, key) for key in keyset]
    made = sdk.model("TrustFrameworkKeySet")(id=None if replace else "test", keys=keys)
    if replace:
        one = sdk.key_sets.by_trust_framework_key_set_id("B2C_1A_test")
        # The page of the operation says PUT. The SDK's generator uses PATCH for every entity.
        theirs = one.to_patch_request_information(made)
        assert (ours.method, theirs.http_method.value) == ("PUT", "PATCH")
    else:
        theirs = sdk.key_sets.to_post_request_information(made)
        assert ours.method == theirs.http_method.value
    assert_same(sdk, ours, theirs, made, base_url)


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_requests_that_upload_secrets_are_the_same_as_the_sdks(sdk: SDK, cloud: str) -> None:
    keyset = TrustFrameworkKeySet("test")
    keyset.upload_secret("client secret, 'ü'", "sig")
    keyset.upload_secret("another", exp=2**63 - 1)
    base_url = CLOUDS[cloud]
    create, *uploads = provision(keyset, base_url=base_url, by="action", at=NOW).requests
    assert_posts(sdk, create, sdk.key_sets, sdk.model("TrustFrameworkKeySet")(id="test"), base_url)
    builder = sdk.key_sets.by_trust_framework_key_set_id("B2C_1A_test").upload_secret
    body = sdk.body("UploadSecret")
    first, second = uploads
    made = body(use="sig", k="client secret, 'ü'")
    assert_posts(sdk, first, builder, made, base_url)
    assert_posts(sdk, second, builder, body(use="sig", k="another", exp=2**63 - 1), base_url)


def test_the_request_that_uploads_a_pfx_is_the_same_as_the_sdks(
    sdk: SDK, certified: TrustFrameworkKey, tmp_path: Path
) -> None:
    keyset = TrustFrameworkKeySet("test", [certified])
    create, upload = provision(keyset, by="action", at=NOW).requests
    assert_posts(sdk, create, sdk.key_sets, sdk.model("TrustFrameworkKeySet")(id="test"))
    builder = sdk.key_sets.by_trust_framework_key_set_id("B2C_1A_test").upload_pkcs12
    assert upload.private_body().keys() == {"key", "password"}
    made = sdk.body("UploadPkcs12")(**upload.private_body())
    assert_posts(sdk, upload, builder, made)
    assert_java_opens(base64.b64decode(made.key, validate=True), made.password, certified, tmp_path)


def test_the_scripts_ask_for_the_active_key_at_the_sdks_url(sdk: SDK) -> None:
    """Otherwise a script reports a wrong active key after it has uploaded all keys."""
    provisioning = provision(TrustFrameworkKeySet("test", [support.oct_key()]))
    one = sdk.key_sets.by_trust_framework_key_set_id("B2C_1A_test")
    theirs = one.get_active_key.to_get_request_information()
    assert theirs.http_method.value == "GET"
    # The SDK adds OData's parentheses, which the page of the operation does not have.
    whole = url(theirs, BETA).removeprefix(BETA).removesuffix("()")
    path, name, function = whole.rsplit("/", 2)
    for script, call in (
        (az_script(provisioning), f"key_set {name} sig\n"),
        (pwsh_script(provisioning), f"Set-KeySet '{name}' 'sig'\n"),
    ):
        assert call in script
        assert re.search(rf'(?i)path ?= ?"?{path}/\$(1|Id)"?\n', script)
        assert re.search(rf'(?i)get\W+(script:KeySet)?path/(?-i:{function})"', script)


def assert_posts(
    sdk: SDK, ours: GraphRequest, builder: Any, made: Any, base_url: str = BETA
) -> None:
    theirs = builder.to_post_request_information(made)
    assert ours.method == theirs.http_method.value
    assert_same(sdk, ours, theirs, made, base_url)


def assert_same(sdk: SDK, ours: GraphRequest, theirs: Any, made: Any, base_url: str) -> None:
    """Check everything but the method: the SDK's request is the same, and its model reads it."""
    assert base_url + ours.path == url(theirs, base_url)
    for name, value in ours.headers:
        assert theirs.headers.get(name) == {value}
    body = ours.private_body()
    assert body == content(theirs)
    assert found(sdk.read(type(made), body)) == found(made)
