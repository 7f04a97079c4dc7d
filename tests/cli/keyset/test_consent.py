"""Random keys come into a set of a provider's secrets only by consent: sign-in would break."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.in_process import outcome
from tests.support import failed
from trustkeys import TrustFrameworkKeySet, store

ROTATE, ROLLOVER = ("rotate", "--every", "90d"), ("rollover",)


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """A set with a secret that a provider issued, and then a key that was generated."""
    keys = TrustFrameworkKeySet("secrets")
    keys.upload_secret("issued by a provider, not at random", "sig")
    keys.generate_key()
    store.save(keys, tmp_path / "secrets", plain=True)
    return tmp_path / "secrets"


@pytest.mark.parametrize("words", [ROTATE, ROLLOVER, (*ROLLOVER, "--disable")])
def test_random_keys_replace_no_secret_without_consent(
    secrets: Path, words: tuple[str, ...]
) -> None:
    before = secrets.read_bytes()
    name, *options = words
    message = failed(outcome("keyset", name, str(secrets), *options), 2)
    kid = next(iter(store.load(secrets))).kid
    assert message.startswith(f"key 1 ({kid}) is a secret that somebody else issued")
    assert "trustkeys keyset secret" in message
    assert "--generate" in message
    assert secrets.read_bytes() == before
    assert outcome("keyset", name, str(secrets), *options, "--generate").returncode == 0
    assert len(store.load(secrets)) == 3


def test_a_random_key_among_secrets_is_warned_about(secrets: Path) -> None:
    warning = "warning: somebody else issued other keys of the set, and does not know this one"
    assert warning in outcome("keyset", "generate", str(secrets)).stderr
    own = secrets.with_name("own")
    store.save(TrustFrameworkKeySet("own"), own, plain=True)
    for options in (["--use", "sig", "--kty", "oct"], []):
        assert "warning" not in outcome("keyset", "generate", str(own), *options).stderr
