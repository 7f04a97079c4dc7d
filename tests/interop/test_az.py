"""``provision.sh`` with the real Azure CLI, over TLS to a Graph on loopback."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

import trustkeys
from tests.graph.plans import DAY, SECRETS, shown, text_key
from tests.interop.azure import DOMAIN, TENANT, Azure
from trustkeys import TrustFrameworkKey, TrustFrameworkKeySet
from trustkeys.graph import Provisioning, az_script, private_bodies, provision
from trustkeys.testing import GraphTransport

pytestmark = [pytest.mark.deep, pytest.mark.interop]


@pytest.fixture(scope="session")
def signed_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    if shutil.which("az") is None:
        missing = "az is missing: pip install azure-cli"
        if os.environ.get("TRUSTKEYS_INTEROP") == "1":
            pytest.fail(missing, pytrace=False)
        pytest.skip(missing)
    with Azure(tmp_path_factory.mktemp("azure"), GraphTransport()).running() as azure:
        azure.sign_in()
        yield azure


@pytest.fixture
def azure(signed_in: Azure) -> Azure:
    signed_in.graph = GraphTransport()
    return signed_in


@pytest.fixture
def graph(azure: Azure) -> GraphTransport:
    assert isinstance(azure.graph, GraphTransport)
    return azure.graph


class Script:
    """A script with its bodies, in a directory whose name breaks what quotes badly."""

    def __init__(self, azure: Azure, folder: Path, *provisionings: Provisioning) -> None:
        self.azure = azure
        self.provisionings = provisionings
        self.folder = folder / "keys of 'us' = $(touch oops) [a] ü"
        self.folder.mkdir(mode=0o700)
        (self.folder / "provision.sh").write_text(az_script(*provisionings))
        for name, body in private_bodies(*provisionings).items():
            (self.folder / name).write_text(body)

    @property
    def left(self) -> list[str]:
        return sorted(file.name for file in self.folder.iterdir())

    def run(self, *args: str) -> tuple[int, str]:
        done = self.azure.run("bash", str(self.folder / "provision.sh"), *args)
        said = done.stdout + done.stderr
        for provisioning in self.provisionings:
            assert shown(said + self.azure.kept(), provisioning) == []
        return done.returncode, said

    def well(self, *args: str) -> str:
        """Run the script, which must succeed, and return what it prints."""
        code, said = self.run(*args)
        assert code == 0, said
        assert said.splitlines()[-1].startswith("OK: ")
        assert self.left == ["provision.sh"]
        return said

    def badly(self, *args: str) -> str:
        """Run the script, which must fail, and return what it prints."""
        code, said = self.run(*args)
        assert code == 1, said
        assert "OK: " not in said
        return said


def rsa_set() -> TrustFrameworkKeySet:
    now = int(time.time())
    keys = TrustFrameworkKeySet("Signing")
    keys.generate_key("sig", "RSA")
    keys.generate_key("sig", "RSA", nbf=now - DAY, exp=now + 9 * DAY)
    return keys


def secrets() -> TrustFrameworkKeySet:
    """Return two secrets, of which the second is active."""
    now = int(time.time())
    keys = (text_key(SECRETS[1]), text_key(SECRETS[0], now - DAY, now + 9 * DAY))
    return TrustFrameworkKeySet("Secrets", keys)


def material(keys: TrustFrameworkKeySet) -> list[Any]:
    """Return what identifies each key, and its dates, in an order that does not matter."""
    return sorted(
        (jwk["k" if key.kty == "oct" else "n"], key.use, str(key.nbf), str(key.exp))
        for key in keys
        for jwk in [key.to_jwk(private=key.kty == "oct")]
    )


def brought(graph: GraphTransport, keys: TrustFrameworkKeySet) -> bool:
    """Whether the tenant has exactly these keys."""
    return material(graph.key_sets[keys.id]) == material(keys)


@pytest.mark.parametrize("make", [rsa_set, secrets])
def test_az_creates_a_set_and_runs_again(
    azure: Azure, graph: GraphTransport, tmp_path: Path, make: Any
) -> None:
    keys = make()
    script = Script(azure, tmp_path, provision(keys))
    assert "already done" not in script.well(TENANT)
    assert brought(graph, keys)
    assert "already done" in script.well()
    assert brought(graph, keys)


def test_az_uploads_secrets(azure: Azure, graph: GraphTransport, tmp_path: Path) -> None:
    keys = secrets()
    Script(azure, tmp_path, provision(keys, by="action")).well()
    assert brought(graph, keys)


def test_az_uploads_a_pfx(
    azure: Azure, graph: GraphTransport, tmp_path: Path, certified: TrustFrameworkKey
) -> None:
    keys = TrustFrameworkKeySet("Certified", [certified])
    Script(azure, tmp_path, provision(keys, by="action")).well()
    assert brought(graph, keys)


def test_az_replaces_a_set_if_it_is_told_to(
    azure: Azure, graph: GraphTransport, tmp_path: Path
) -> None:
    theirs, ours = rsa_set(), rsa_set()
    graph.key_sets[theirs.id] = TrustFrameworkKeySet(theirs.id, theirs)
    (tmp_path / "create").mkdir()
    assert "AADB2C95028" in Script(azure, tmp_path / "create", provision(ours)).badly()
    script = Script(azure, tmp_path, provision(ours, replace=True))
    said = script.badly()
    assert all(key.kid in said for key in theirs)
    assert brought(graph, theirs)
    script.well("--replace")
    assert brought(graph, ours)


def test_az_adds_what_a_set_lacks(
    azure: Azure, graph: GraphTransport, tmp_path: Path, certified: TrustFrameworkKey
) -> None:
    theirs = trustkeys.generate_key("sig", "RSA")
    graph.key_sets["B2C_1A_Certified"] = TrustFrameworkKeySet("Certified", [theirs])
    ours = provision(TrustFrameworkKeySet("Certified", [certified]), append=True)
    assert "To be added to B2C_1A_Certified" in Script(azure, tmp_path, ours).well()
    (tmp_path / "again").mkdir()
    assert "lacks no key" in Script(azure, tmp_path / "again", ours).well()
    assert brought(graph, TrustFrameworkKeySet("Certified", [theirs, certified]))


def test_az_brings_several_sets_and_a_certificate(
    azure: Azure, graph: GraphTransport, tmp_path: Path, certified: TrustFrameworkKey
) -> None:
    sets = [rsa_set(), secrets(), TrustFrameworkKeySet("Partner", [certified.public()])]
    Script(azure, tmp_path, *map(provision, sets)).well()
    assert all(brought(graph, keys) for keys in sets)


def test_an_answer_that_is_not_from_graph_is_no_success(
    azure: Azure, graph: GraphTransport, tmp_path: Path
) -> None:
    """Such as the page to sign in to a network, which az takes for success."""

    def portal(method: str, request: httpx.Request) -> httpx.Response:
        if request.method == method:
            return httpx.Response(200, html="<p>Sign in")
        return graph.handle_request(request)

    keys = secrets()
    script = Script(azure, tmp_path, provision(keys))
    for method in ("GET", "POST"):
        azure.graph = httpx.MockTransport(partial(portal, method))
        script.badly()
        assert "1.json" in script.left
    azure.graph = graph
    script.well()
    assert brought(graph, keys)


@pytest.mark.parametrize(
    ("fault", "after"), [(503, False), (504, True), ("disconnect", False), ("disconnect", True)]
)
def test_every_secret_is_there_once_after_a_fault(
    azure: Azure, graph: GraphTransport, tmp_path: Path, fault: int | str, after: bool
) -> None:
    keys = secrets()
    script = Script(azure, tmp_path, provision(keys, by="action"))
    graph.fail(fault, on="uploadSecret", after=after)
    said = script.badly()
    assert "run this again" in said
    assert "Traceback" not in said
    script.well()
    assert brought(graph, keys)


def test_two_runs_at_once_bring_each_secret_once(
    azure: Azure, graph: GraphTransport, tmp_path: Path
) -> None:
    keys = secrets()
    script = Script(azure, tmp_path, provision(keys, by="action"))
    with ThreadPoolExecutor() as pool:
        runs = sorted(pool.map(lambda _: script.run(), range(2)))
    assert [code for code, _ in runs] == [0, 1]
    assert "another run of this script" in runs[1][1]
    script.well()
    assert brought(graph, keys)


def test_az_is_throttled(azure: Azure, graph: GraphTransport, tmp_path: Path) -> None:
    keys = secrets()
    graph.fail(429, on="POST", times=2)
    said = Script(azure, tmp_path, provision(keys)).well()
    assert said.count("The service is busy") == 2
    assert brought(graph, keys)


def test_az_is_not_signed_in(tmp_path: Path, signed_in: Azure) -> None:
    with Azure(tmp_path, GraphTransport()).running() as azure:
        said = Script(azure, tmp_path, provision(secrets())).badly()
        assert "az is not signed in: az cloud set --name AzureCloud && az login" in said
        azure.sign_in(DOMAIN)
        script = Script(azure, tmp_path / "bin", provision(secrets()))
        assert "must be the id of the tenant" in script.badly(DOMAIN)
        script.well(TENANT)


def test_az_keeps_its_token(tmp_path: Path, signed_in: Azure) -> None:
    """A new permission helps only after az has signed out."""
    graph = GraphTransport(tokens=["a token with the permission"])
    with Azure(tmp_path, graph).running() as azure:
        azure.sign_in()
        script = Script(azure, tmp_path, provision(secrets()))
        assert "InvalidAuthenticationToken" in script.badly()
        azure.token = "a token with the permission"
        azure.sign_in()
        assert "sign out first: az logout" in script.badly()
        assert azure.run("az", "logout").returncode == 0
        azure.sign_in()
        script.well()


# --- what az prints, on which the script relies


@pytest.mark.parametrize(
    ("status", "body", "printed"),
    [
        (400, '{"error": {"code": "AADB2C90073"}}', "Bad Request"),
        (401, "{}", "Unauthorized"),
        (403, "ü", "Forbidden"),
        (404, "", "Not Found"),
        (409, "{}", "Conflict"),
        (429, "{}", "Too Many Requests"),
        (504, "<html>\n</html>", "Gateway Timeout"),
    ],
)
def test_az_prints_the_status_and_the_body(
    azure: Azure, status: int, body: str, printed: str
) -> None:
    azure.graph = httpx.MockTransport(lambda request: httpx.Response(status, text=body))
    done = azure.rest("get", "keySets/B2C_1A_Name")
    in_parentheses = f"({body})" if body else ""
    expected = f"ERROR: {printed}{in_parentheses}\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", expected)


def test_az_prints_a_traceback_if_the_connection_is_lost(
    azure: Azure, graph: GraphTransport
) -> None:
    graph.fail("disconnect")
    done = azure.rest("get", "keySets/B2C_1A_Name")
    assert (done.returncode, done.stdout) == (1, "")
    first, second, third, *_ = done.stderr.splitlines()
    assert first.startswith("ERROR: The command failed with an unexpected error")
    assert second.startswith("ERROR: ")
    assert third == "Traceback (most recent call last):"


def test_az_takes_any_200_for_success(azure: Azure) -> None:
    """It prints what is not JSON, also with --output none."""
    azure.graph = httpx.MockTransport(lambda request: httpx.Response(200, html="<p>Sign in"))
    for options in (["--output", "none"], ["--query", "keys[].n", "--output", "tsv"]):
        done = azure.rest("get", "keySets/B2C_1A_Name", *options)
        assert (done.returncode, done.stdout) == (0, "<p>Sign in\n")
        assert done.stderr.startswith("WARNING: Not a json response")
