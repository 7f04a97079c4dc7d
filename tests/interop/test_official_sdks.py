"""Microsoft's SDKs for Java, JavaScript and Python against the loopback server, each in a process.

A program that uses one of them is tested with the same answers and errors as in production.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests import support
from tests.interop.programs import COMMANDS, Program, plain, started
from tests.interop.sdk import MARKS
from trustkeys import TrustFrameworkKey, TrustFrameworkKeySet, testing
from trustkeys.formats.pkcs12 import to_pkcs12_b2c
from trustkeys.testing import GraphServer, GraphTransport, serve

pytestmark = MARKS

NOW = 1_800_000_000
TOKEN = "a token of the test"
SIGNING = "B2C_1A_signing"
SECRETS = "B2C_1A_secrets"
FIRST = testing.rsa_key(0, nbf=NOW - 10)
SECOND = testing.rsa_key(1, nbf=NOW)

Call = Mapping[str, Any]


@pytest.fixture(scope="session")
def loopback() -> Iterator[GraphServer]:
    with serve() as server:
        yield server


@pytest.fixture(scope="session", params=COMMANDS)
def running(
    request: pytest.FixtureRequest, loopback: GraphServer, pytestconfig: pytest.Config
) -> Iterator[Program]:
    language = request.param
    assert pytestconfig.cache is not None
    cache = pytestconfig.cache.mkdir(f"trustkeys-{language}")
    with started(language, cache, loopback.url, TOKEN) as program:
        yield program


@pytest.fixture
def tenant(loopback: GraphServer) -> GraphTransport:
    """A tenant with two RSA keys, a secret, and an empty set, that asks for a token."""
    sets = [
        TrustFrameworkKeySet("signing", [FIRST, SECOND]),
        TrustFrameworkKeySet("secrets", [testing.oct_key(0, use="enc")]),
        TrustFrameworkKeySet("empty"),
    ]
    loopback.transport.reset(sets, now=NOW, tokens=[TOKEN])
    return loopback.transport


@pytest.fixture
def program(running: Program, tenant: GraphTransport) -> Program:
    return running


def graph(tenant: GraphTransport, loopback: GraphServer, path: str, **options: Any) -> Any:
    """Return what the tenant answers to a GET in this process."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(transport=tenant, base_url=loopback.url, headers=headers) as client:
        answer = client.get(f"/trustFramework/keySets{path}", **options).raise_for_status()
        return plain(answer.json())


def private(key: TrustFrameworkKey, **changes: Any) -> dict[str, Any]:
    """Return a private key as an upload."""
    jwk = {**key.to_jwk(private=True), "kid": None, **changes}
    return {name: value for name, value in jwk.items() if value is not None}


# --- every operation


@pytest.mark.usefixtures("tenant")
def test_reading(program: Program, tenant: GraphTransport, loopback: GraphServer) -> None:
    def expected(path: str) -> Any:
        return graph(tenant, loopback, path)

    kid = FIRST.kid
    assert program.value("listSets") == expected("")
    assert program.value("getSet", id=SIGNING) == expected(f"/{SIGNING}")
    assert program.value("listKeys", id=SIGNING) == expected(f"/{SIGNING}/keys_v2")
    assert program.value("getKey", id=SIGNING, kid=kid) == expected(f"/{SIGNING}/keys_v2/{kid}")
    # The package for JavaScript gives the number as text.
    assert int(program.value("countSets")) == 3
    assert int(program.value("countKeys", id=SIGNING)) == 2


def test_query_options(program: Program, tenant: GraphTransport, loopback: GraphServer) -> None:
    options = {"$select": "id", "$top": "2", "$count": "true"}
    expected = graph(tenant, loopback, "", params=options)
    assert expected["@odata.count"] == 3
    assert expected["value"] == [{"id": SIGNING}, {"id": SECRETS}]
    assert program.value("listSets", select=["id"], top=2, count=True) == expected
    assert program.value("getSet", id=SIGNING, select=["id"])["id"] == SIGNING


def test_the_active_key_changes_with_time_and_status(
    program: Program, tenant: GraphTransport
) -> None:
    tenant.now = NOW - 1
    assert program.value("getActiveKey", id=SIGNING)["kid"] == FIRST.kid
    tenant.now = NOW
    assert program.value("getActiveKey", id=SIGNING)["kid"] == SECOND.kid
    body = {"status": "disabled"}
    assert program.value("setStatus", id=SIGNING, kid=SECOND.kid, body=body) is None
    assert program.value("getActiveKey", id=SIGNING)["kid"] == FIRST.kid


@pytest.mark.parametrize("keys", [[], [FIRST, SECOND], [testing.oct_key(9, size=512)]])
def test_creating_a_set(
    program: Program, tenant: GraphTransport, keys: list[TrustFrameworkKey]
) -> None:
    body = {"id": "new", "keys": [private(key) for key in keys]}
    made = program.value("createSet", body=body)
    assert made == program.value("getSet", id="B2C_1A_new")
    stored = [{**key.to_jwk(private=True), "kid": ""} for key in tenant.key_sets["B2C_1A_new"]]
    assert stored == [{**key.to_jwk(private=True), "kid": ""} for key in keys]


def test_replacing_all_keys(program: Program, tenant: GraphTransport) -> None:
    # Only the package for JavaScript has PUT.
    calls = ["updateSet", "replaceSet"] if program.language == "javascript" else ["updateSet"]
    for number, call in enumerate(calls, 5):
        key = testing.rsa_key(number)
        answer = program.value(call, id=SIGNING, body={"keys": [private(key)]})
        assert answer == program.value("getSet", id=SIGNING)
        assert [*tenant.key_sets[SIGNING]] == [key]


def test_updating_a_set_that_was_read(program: Program, tenant: GraphTransport) -> None:
    """Only what has changed is sent, so the keys stay."""
    before = [*tenant.key_sets[SIGNING]]
    if program.language == "python":
        # This SDK sends the keys as well, and the service takes none with a kid.
        error = program.error("updateSetThatWasRead", id=SIGNING)
        assert error["code"] == "AADB2C95059"
    else:
        answer = program.value("updateSetThatWasRead", id=SIGNING)
        assert answer == program.value("getSet", id=SIGNING)
    assert [*tenant.key_sets[SIGNING]] == before
    body = {"keys": [private(testing.rsa_key(5))]}
    program.value("updateSetThatWasRead", id=SIGNING, body=body)
    assert [*tenant.key_sets[SIGNING]] == [testing.rsa_key(5)]


def test_deleting_a_set(program: Program) -> None:
    before = program.value("getSet", id=SIGNING)
    assert program.value("deleteSet", id=SIGNING) is None
    assert program.error("getSet", id=SIGNING)["code"] == "AADB2C90073"
    copy = program.value("getSet", id=f"{SIGNING}.bak")
    assert copy == {**before, "id": f"{SIGNING}.bak"}


@pytest.mark.parametrize(("nbf", "exp"), [(None, None), (0, 2**53 - 1)])
@pytest.mark.parametrize("kty", ["RSA", "oct"])
def test_generating_a_key(
    program: Program, tenant: GraphTransport, kty: str, nbf: int | None, exp: int | None
) -> None:
    body = {"use": "enc", "kty": kty, "nbf": nbf, "exp": exp}
    body = {name: value for name, value in body.items() if value is not None}
    answer = program.value("generateKey", id="B2C_1A_empty", body=body)
    (key,) = tenant.key_sets["B2C_1A_empty"]
    assert (key.use, key.kty, key.nbf, key.exp) == ("enc", kty, nbf, exp)
    assert {**body, "kid": key.kid}.items() <= answer.items()
    if kty == "RSA":
        assert answer["n"] == key.to_jwk()["n"]


def test_uploading_a_secret(program: Program, tenant: GraphTransport) -> None:
    body = {"use": "enc", "k": "a client secret, 'ü'", "nbf": 5, "exp": NOW}
    answer = program.value("uploadSecret", id=SECRETS, body=body)
    key = [*tenant.key_sets[SECRETS]][-1]
    assert key.to_jwk(private=True)["k"] == support.b64("a client secret, 'ü'".encode())
    expected = {"kid": key.kid, "use": "enc", "kty": "oct", "nbf": 5, "exp": NOW}
    assert {name: answer[name] for name in expected} == expected


def test_uploading_a_certificate_and_a_pfx(
    program: Program, tenant: GraphTransport, certified: TrustFrameworkKey
) -> None:
    exported = to_pkcs12_b2c(certified)
    key = base64.b64encode(exported.data).decode()
    for action, body, expected in (
        ("uploadCertificate", {"key": certified.x5c[0]}, certified.public()),
        ("uploadPkcs12", {"key": key, "password": exported.password}, certified),
    ):
        answer = program.value(action, id="B2C_1A_empty", body=body)
        (stored,) = tenant.key_sets["B2C_1A_empty"]
        assert stored == expected
        assert answer["kid"] == certified.kid
        assert answer["x5c"] == [*certified.x5c]
        tenant.key_sets["B2C_1A_empty"] = TrustFrameworkKeySet("empty")


def test_a_batch(program: Program, tenant: GraphTransport, loopback: GraphServer) -> None:
    expected = graph(tenant, loopback, f"/{SIGNING}")
    answers = program.value(
        "batch",
        requests=[
            {"call": "getSet", "id": SIGNING},
            {"call": "getSet", "id": "B2C_1A_missing"},
            {"call": "generateKey", "id": SIGNING, "body": {"use": "sig", "kty": "RSA"}},
            {"call": "createSet", "body": {"id": "new", "keys": [private(FIRST)]}},
            {"call": "deleteSet", "id": SIGNING},
        ],
    )
    assert [answer["status"] for answer in answers] == [200, 400, 200, 201, 204]
    assert [key.kid for key in tenant.key_sets["B2C_1A_new"]] == [FIRST.kid]
    copy = [*tenant.key_sets[f"{SIGNING}.bak"]]
    assert copy[:2] == [FIRST, SECOND]
    if program.language == "python":
        return  # this SDK drops bodies that are JSON
    bodies = [answer.get("body") for answer in answers]
    assert bodies[0] == expected
    assert bodies[1]["error"]["code"] == "AADB2C90073"
    assert bodies[2]["kid"] == copy[2].kid
    assert bodies[3]["id"] == "B2C_1A_new"
    assert bodies[4] is None


# --- every error

OCT = private(testing.oct_key(3))
RSA = private(testing.rsa_key(3))
ERRORS: dict[str, tuple[int, str | None, Call]] = {
    "AADB2C90073": (400, "id", {"call": "getSet", "id": "B2C_1A_missing"}),
    "AADB2C95052": (404, "id", {"call": "deleteSet", "id": "B2C_1A_missing"}),
    "AADB2C95028": (409, "id", {"call": "createSet", "body": {"id": "signing"}}),
    "AADB2C90253": (400, "use", {"call": "generateKey", "id": SIGNING, "body": {"kty": "RSA"}}),
    "AADB2C95025": (
        400,
        "key",
        {"call": "uploadPkcs12", "id": SIGNING, "body": {"key": "AAAA", "password": "a"}},
    ),
    "AADB2C95029": (
        400,
        "k",
        {"call": "createSet", "body": {"id": "a", "keys": [{**OCT, "k": "+"}]}},
    ),
    "AADB2C95030": (400, "kty", {"call": "generateKey", "id": SIGNING, "body": {"use": "sig"}}),
    "AADB2C95031": (
        400,
        "kty",
        {"call": "generateKey", "id": SIGNING, "body": {"use": "sig", "kty": "EC"}},
    ),
    "AADB2C95032": (
        400,
        "kty",
        {"call": "generateKey", "id": SIGNING, "body": {"use": "sig", "kty": "oct"}},
    ),
    "AADB2C95033": (
        400,
        "use",
        {"call": "generateKey", "id": SIGNING, "body": {"use": "sign", "kty": "RSA"}},
    ),
    "AADB2C95034": (
        400,
        "d",
        {"call": "createSet", "body": {"id": "a", "keys": [{**RSA, "d": "+"}]}},
    ),
    "AADB2C95037": (
        400,
        "kty",
        {"call": "updateSet", "id": SIGNING, "body": {"keys": [{"use": "sig"}]}},
    ),
    "AADB2C95039": (
        400,
        "e",
        {"call": "createSet", "body": {"id": "a", "keys": [{"use": "sig", "kty": "RSA"}]}},
    ),
    "AADB2C95042": (
        400,
        "use",
        {"call": "generateKey", "id": SIGNING, "body": {"use": "enc", "kty": "RSA"}},
    ),
    "AADB2C95059": (
        400,
        "kid",
        {"call": "createSet", "body": {"id": "a", "keys": [{**RSA, "kid": "a"}]}},
    ),
    "BadRequest": (400, "id", {"call": "createSet", "body": {"id": "not a name"}}),
    "NotFound": (404, "kid", {"call": "getKey", "id": SIGNING, "kid": "missing"}),
}


@pytest.mark.parametrize("code", ERRORS)
def test_a_refusal(program: Program, code: str) -> None:
    status, target, call = ERRORS[code]
    error = program.error(**call)
    assert (error["status"], error["code"], error["target"]) == (status, code, target)
    assert_whole(program, error)


def assert_whole(program: Program, error: dict[str, Any]) -> None:
    """Check what every error has, as the SDK shows it."""
    assert error["message"]
    # Graph gives no zone, and each SDK takes its own.
    date = datetime.fromisoformat(error["date"])
    assert abs(date.timestamp() - NOW) < 15 * 3600
    UUID(error["requestId"])
    UUID(error["clientRequestId"])
    # Over http, only the SDK for Java sends an id of its own. It gets that back.
    is_own = error["clientRequestId"] != error["requestId"]
    assert is_own == (program.language == "java")


@pytest.mark.parametrize("status", [401, 403, 500, 502])
def test_a_fault_on_demand(program: Program, tenant: GraphTransport, status: int) -> None:
    tenant.fail(status, code="AADB2C90063", on="uploadSecret")
    body = {"use": "enc", "k": "secret"}
    error = program.error("uploadSecret", id=SECRETS, body=body)
    assert (error["status"], error["code"]) == (status, "AADB2C90063")
    assert_whole(program, error)
    assert len(tenant.key_sets[SECRETS]) == 1
    program.value("uploadSecret", id=SECRETS, body=body)


def test_a_token_that_is_not_accepted(program: Program, tenant: GraphTransport) -> None:
    tenant.tokens = ["another one"]
    error = program.error("listSets")
    assert (error["status"], error["code"]) == (401, "InvalidAuthenticationToken")
    assert_whole(program, error)


# --- waiting and resending


def test_an_sdk_waits_as_long_as_the_busy_service_asks(
    program: Program, tenant: GraphTransport
) -> None:
    tenant.now = None
    assert int(program.value("countSets")) == 3  # before, an SDK may be loading
    tenant.throttle(retry_after=2)
    start = time.monotonic()
    assert len(program.value("listSets")["value"]) == 3
    assert time.monotonic() - start > 1


def test_an_sdk_sends_an_upload_again_that_had_taken_effect(
    program: Program, tenant: GraphTransport
) -> None:
    """Then the secret is in the set twice. A client that must not do that is tested so."""
    tenant.fail(504, on="uploadSecret", after=True)
    program.value("uploadSecret", id=SECRETS, body={"use": "enc", "k": "secret"})
    _, *added = tenant.key_sets[SECRETS]
    assert [key.to_jwk(private=True)["k"] for key in added] == [support.b64(b"secret")] * 2
