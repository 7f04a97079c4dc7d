"""The example programs must do what they say."""

from __future__ import annotations

import json
import stat
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import jwt
import pytest
from hypothesis import Phase, settings

from tests.support import ROOT
from trustkeys import TrustFrameworkKeySet, store, testing

EXAMPLES = ROOT / "examples"


@pytest.fixture(autouse=True)
def example_path(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = {*sys.modules}
    monkeypatch.syspath_prepend(str(EXAMPLES))
    yield
    for name in {*sys.modules} - before:
        if str(EXAMPLES) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def load(name: str) -> ModuleType:
    return import_module(name)


@pytest.mark.deep
def test_provisioning_offline_leaves_a_key_set_and_its_requests(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "upload"
    load("provision_offline").main(folder, "a long passphrase")
    keys = store.load(folder / "signing.keys", password="a long passphrase")
    assert capsys.readouterr().out == (
        f"B2C_1A_TokenSigningKeyContainer: 5 keys, active now: {keys.get_active_key().kid}\n"
    )
    requests = folder / "provision.json"
    if sys.platform != "win32":  # there, the folder has access rules instead
        assert stat.S_IMODE(requests.stat().st_mode) == 0o600
    (key_set,) = json.loads(requests.read_text())["key_sets"]
    (request,) = key_set["requests"]
    assert [key["n"] for key in request["body"]["keys"]] == [key.to_jwk()["n"] for key in keys]


def test_the_token_service_publishes_the_keys_of_its_tokens() -> None:
    example = load("token_service")
    keys = TrustFrameworkKeySet("Signing", [testing.rsa_key(0)])
    with example.server(example.TokenService(keys), 0) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{running.server_port}"
        with urllib.request.urlopen(f"{address}/token/alice") as answer:
            token = json.load(answer)["token"]
        with urllib.request.urlopen(f"{address}/keys") as answer:
            published = jwt.PyJWKSet.from_dict(json.load(answer))
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{address}/other")
        running.shutdown()
    signer = published[jwt.get_unverified_header(token)["kid"]]
    assert jwt.decode(token, signer, ["RS256"])["sub"] == "alice"


@pytest.mark.deep
def test_the_properties_of_the_token_service_hold() -> None:
    example = load("test_token_service")
    example.test_the_published_keys_verify_every_token()
    example.test_no_private_part_is_published()


def test_the_properties_fail_for_a_service_that_publishes_private_keys() -> None:
    service = load("token_service").TokenService
    example = load("test_token_service")
    service.public_keys = lambda self, now: self._keys.to_jwks(private=True)
    check = settings(phases=[Phase.generate])(example.test_no_private_part_is_published)
    with pytest.raises(AssertionError):
        check()
