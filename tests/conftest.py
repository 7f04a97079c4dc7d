"""Hypothesis profiles, and keys and registries to test with."""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, settings

import trustkeys
from tests import forkserver, shortcuts
from trustkeys import testing
from trustkeys.core import registry
from trustkeys.formats import certificates

settings.register_profile(
    "default",
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.register_profile("ci", settings.get_profile("default"), max_examples=150)
settings.register_profile("deep", settings.get_profile("default"), max_examples=10_000)
settings.load_profile("default")

shortcuts.take()


def pytest_collection_finish() -> None:
    """Let no garbage collection during the tests look at the tests themselves."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def stoppable() -> None:
    """Heed what stops a program, though whoever started the tests ignores it (``&``, nohup)."""
    handlers: dict[str, Any] = {
        "SIGINT": signal.default_int_handler,
        "SIGHUP": signal.SIG_DFL,
        "SIGQUIT": signal.SIG_DFL,
    }
    for signum in signal.Signals:  # Windows has only the first of these
        if signum.name in handlers and signal.getsignal(signum) is signal.SIG_IGN:
            signal.signal(signum, handlers[signum.name])


@pytest.fixture(scope="session", autouse=True)
def _fork_server() -> Iterator[None]:
    """Stop the fork server when the tests have ended."""
    yield
    forkserver.stop()


@pytest.fixture(scope="session")
def rsa_key() -> trustkeys.TrustFrameworkKey:
    """One RSA key, for tests that do not ask how it was made."""
    return testing.rsa_key(0)


@pytest.fixture(scope="session")
def real_key() -> trustkeys.TrustFrameworkKey:
    """One that is no test key, for what takes none: the command's files, and the check."""
    return trustkeys.generate_key("sig", "RSA")


@pytest.fixture(scope="session")
def certified(real_key: trustkeys.TrustFrameworkKey) -> trustkeys.TrustFrameworkKey:
    """The same key, with a certificate that is valid from 2025 to 2033."""
    subject = "CN=test,O=Example"
    key = certificates.self_signed(real_key, subject, nbf=1735689600, exp=2000000000)
    return attrs.evolve(key, nbf=1735689600, exp=2000000000)


@pytest.fixture(scope="session")
def rsa_jwk(rsa_key: trustkeys.TrustFrameworkKey) -> dict[str, Any]:
    return rsa_key.to_jwk(private=True)


@pytest.fixture(scope="session")
def real_jwk(real_key: trustkeys.TrustFrameworkKey) -> dict[str, Any]:
    return real_key.to_jwk(private=True)


@pytest.fixture
def test_keys_allowed() -> Iterator[None]:
    """Have test keys written, sealed and provisioned in this process, as real ones are."""
    with testing.allow_test_keys():
        yield


@pytest.fixture
def documented_rounds() -> Iterator[None]:
    """Derive keys from passphrases as a user does."""
    with shortcuts.documented_rounds():
        yield


@pytest.fixture
def clean_registry() -> Iterator[None]:
    """Forget key types that a test registers."""
    before = dict(registry._key_types)
    registry._entry_points.cache_clear()
    yield
    registry._key_types.clear()
    registry._key_types.update(before)
    registry._entry_points.cache_clear()
