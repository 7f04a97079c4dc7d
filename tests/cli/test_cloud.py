"""--cloud: the answer names the cloud of the tenant, as Graph's own answer does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.in_process import outcome
from tests.support import ROOT, command, failed, parse
from trustkeys import TrustFrameworkKeySet, generate_key, store
from trustkeys.graph import CLOUDS

SECRET = "a secret of the identity provider"

ANSWERS = {
    "generate": ["generate", "--use", "sig", "--kty", "oct", "--discard"],
    "import": ["import", "key.jwk", "-o", "out"],
    "import of a set": ["import", "set", "-o", "out", "--plain"],
    "keyset active": ["keyset", "active", "set"],
    "keyset add": ["keyset", "add", "set", "key.jwk"],
    "keyset create": ["keyset", "create", "new", "-o", "new", "--plain"],
    "keyset generate": ["keyset", "generate", "set"],
    "keyset rollover": ["keyset", "rollover", "set"],
    "keyset secret": ["keyset", "secret", "set"],
    "keyset show": ["keyset", "show", "set", "--json"],
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    keys = TrustFrameworkKeySet("test", [generate_key("sig", "oct")])
    store.save(keys, tmp_path / "set", plain=True)
    jwk = generate_key("sig", "oct").to_jwk(private=True)
    (tmp_path / "key.jwk").write_text(json.dumps(jwk))
    return tmp_path


@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_names_the_cloud(folder: Path, name: str) -> None:
    what = "microsoft.graph.trustFrameworkKey"
    if name in ("import of a set", "keyset create", "keyset show"):
        what = "trustFramework/keySets/$entity"
    cloud = [*CLOUDS][len(name) % 3 + 1]
    arguments = (*ANSWERS[name], "--cloud", cloud)
    process = (
        command(*arguments, cwd=folder, input=SECRET)
        if name == "keyset secret"
        else outcome(*arguments)
    )
    assert process.returncode == 0, process.stderr
    assert parse(process.stdout)["@odata.context"] == f"{CLOUDS[cloud]}/$metadata#{what}"


def test_the_default_is_the_global_cloud(folder: Path) -> None:
    process = outcome(*ANSWERS["generate"])
    assert parse(process.stdout)["@odata.context"].startswith("https://graph.microsoft.com/beta/$")
    line = failed(outcome(*ANSWERS["generate"], "--cloud", "mars"), 2)
    assert "'mars' is not one of 'global', 'usgov', 'dod', 'china'" in line


def test_no_command_prints_an_answer_without_the_option() -> None:
    """A command that is added later must not be forgotten."""
    for path in (ROOT / "trustkeys" / "cli").rglob("*.py"):
        text = path.read_text("utf-8").replace("error.to_graph()", "")
        assert ".to_graph()" not in text, path
        assert ("to_graph(base_url=base_url)" not in text) or "@options.cloud\n" in text, path
