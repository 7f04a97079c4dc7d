"""The pytest plugin of trustkeys: keys without the wait, and Microsoft Graph in the process.

A module of its own beside the package, as Hypothesis has one: pytest loads its plugins before
coverage is measured, and this must not bring the package along. So it is imported when a test
asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from trustkeys import TrustFrameworkKey
    from trustkeys.testing import GraphTransport

MARKER = "trustkeys_instant_keys"


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers", f"{MARKER}: trustkeys makes test keys here, which take no time to make"
    )


@pytest.fixture
def trustkeys_rsa_key() -> TrustFrameworkKey:
    """A private RSA key for `sig`, always the same: `trustkeys.testing.rsa_key(0)`."""
    from trustkeys.testing import rsa_key

    return rsa_key(0)


@pytest.fixture
def trustkeys_oct_key() -> TrustFrameworkKey:
    """An oct key for `sig`, always the same: `trustkeys.testing.oct_key(0)`."""
    from trustkeys.testing import oct_key

    return oct_key(0)


@pytest.fixture
def graph() -> GraphTransport:
    """Microsoft Graph in the process, with no key set yet: ``httpx.Client(transport=graph)``."""
    from trustkeys.testing import GraphTransport

    return GraphTransport()


@pytest.fixture(autouse=True)
def _trustkeys_marked(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.node.get_closest_marker(MARKER) is None:
        yield
        return
    from trustkeys.testing import instant_keys

    with instant_keys():
        yield
