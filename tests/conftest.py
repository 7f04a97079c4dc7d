"""Hypothesis profiles, and keys and registries to test with."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, settings

import trustkeys
from tests import support
from trustkeys.formats import certificates
from trustkeys.keytypes import registry

settings.register_profile(
    "default",
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.register_profile("deep", settings.get_profile("default"), max_examples=10_000)
settings.load_profile("default")


@pytest.fixture(scope="session", autouse=True)
def stoppable() -> None:
    """Heed what stops a program, though whoever started the tests ignores it (``&``, nohup)."""
    for signum, handler in (
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGHUP, signal.SIG_DFL),
    ):
        if signal.getsignal(signum) is signal.SIG_IGN:
            signal.signal(signum, handler)


@pytest.fixture(scope="session")
def rsa_key() -> trustkeys.TrustFrameworkKey:
    """One real RSA key, for tests that do not ask how it was made."""
    return trustkeys.generate_key("sig", "RSA")


@pytest.fixture(scope="session")
def certified(rsa_key: trustkeys.TrustFrameworkKey) -> trustkeys.TrustFrameworkKey:
    """The same key, with a certificate that is valid from 2025 to 2033."""
    subject = "CN=test,O=Example"
    key = certificates.self_signed(rsa_key, subject, nbf=1735689600, exp=2000000000)
    return attrs.evolve(key, nbf=1735689600, exp=2000000000)


@pytest.fixture(scope="session")
def rsa_jwk(rsa_key: trustkeys.TrustFrameworkKey) -> dict[str, Any]:
    return rsa_key.to_jwk(private=True)


@pytest.fixture
def clean_registry() -> Iterator[None]:
    """Forget key types that a test registers."""
    before = dict(registry._key_types)
    registry._entry_points.cache_clear()
    yield
    registry._key_types.clear()
    registry._key_types.update(before)
    registry._entry_points.cache_clear()


@pytest.fixture
def instant_rsa(clean_registry: None, rsa_jwk: dict[str, Any]) -> None:
    """Make RSA generation instant, where the key material is not the point."""
    trustkeys.register_strategy(support.InstantRSA(rsa_jwk), replace=True)


@pytest.fixture(scope="session")
def large_rsa_jwk() -> dict[str, Any]:
    """A private key of 8192 bits, which takes ten seconds to make: public, for tests alone."""
    return support.parse(support.ROOT.joinpath("tests", "rsa8192.json").read_text())
