"""The pytest plugin: fixtures for the tests that use them, and no cost for other tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import support

PROGRAM = """
import sys

import pytest


def test_nothing_is_imported():
    assert not [name for name in sys.modules if name.partition(".")[0] == "trustkeys"]


def test_the_keys(trustkeys_rsa_key, trustkeys_oct_key):
    from trustkeys.testing import oct_key, rsa_key

    assert trustkeys_rsa_key == rsa_key(0)
    assert trustkeys_oct_key == oct_key(0)


def test_graph(trustkeys_graph):
    import httpx

    beta = "https://graph.microsoft.com/beta"
    with httpx.Client(transport=trustkeys_graph, base_url=beta) as client:
        assert client.get("/trustFramework/keySets").json()["value"] == []
        assert client.post("/trustFramework/keySets", json={"id": "a"}).status_code == 201
    assert [*trustkeys_graph.key_sets] == ["B2C_1A_a"]


def test_each_test_has_its_own_graph(trustkeys_graph):
    assert trustkeys_graph.key_sets == {}


@pytest.fixture
def made():
    import trustkeys

    return trustkeys.generate_key("sig", "RSA")


@pytest.mark.usefixtures("trustkeys_instant_keys")
@pytest.mark.parametrize("number", [1, 2])
def test_instant_keys(made, number):
    from trustkeys.testing import rsa_key

    assert made == rsa_key(0)


def test_real_key(made):
    from trustkeys import is_test_key

    assert not is_test_key(made)
"""


PROPERTY = """
from hypothesis import given, strategies as st


@given(st.booleans())
def test_a_property(value):
    assert value in (True, False)
"""


@pytest.mark.deep
@pytest.mark.parametrize(
    ("program", "plugins", "count"),
    [(PROGRAM, ["trustkeys"], 7), (PROPERTY, ["trustkeys", "_hypothesis_pytestplugin"], 1)],
    ids=["fixtures", "hypothesis"],
)
def test_the_plugin_loads_trustkeys_only_for_its_fixtures(
    tmp_path: Path, program: str, plugins: list[str], count: int
) -> None:
    """An import in every run would slow down other suites and spoil coverage of trustkeys.

    Without autoload, so that no other installed plugin can change the result. ``-p trustkeys``
    finds the plugin by the name of its entry point.
    """
    (tmp_path / "test_it.py").write_text(program)
    args = [*(f"-p{plugin}" for plugin in plugins), "-p", "no:cacheprovider", "-W", "error"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *args, "--strict-markers", "test_it.py"],
        cwd=tmp_path,
        env=support.environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout
    assert f"{count} passed" in done.stdout
