"""Keys and an authority for the tests of all forms."""

from __future__ import annotations

import pytest

from tests.formats.helpers import NOW, Authority
from trustkeys import TrustFrameworkKey, testing
from trustkeys.core.rsa import RSAStrategy


@pytest.fixture(scope="session")
def enc_key() -> TrustFrameworkKey:
    return testing.rsa_key(1, use="enc", nbf=NOW, exp=NOW + 9)


@pytest.fixture(scope="session")
def oct_key() -> TrustFrameworkKey:
    return testing.oct_key(0)


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def unproved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip the slow test of the primes: a test key's are known to be prime."""
    monkeypatch.setattr(RSAStrategy, "prove", lambda *_: None)
