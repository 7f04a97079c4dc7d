"""The pytest plugin of trustkeys: test keys, and Microsoft Graph in the process, as fixtures.

It is a module beside the package, because pytest loads it in every run. trustkeys is imported only
when a test uses one of the fixtures, so that other test suites do not pay for it, and so that
coverage of trustkeys itself starts in time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from trustkeys import TrustFrameworkKey
    from trustkeys.testing import GraphTransport

__tracebackhide__ = True


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
def trustkeys_graph() -> GraphTransport:
    """Microsoft Graph without key sets: ``httpx.Client(transport=trustkeys_graph)``."""
    from trustkeys.testing import GraphTransport

    return GraphTransport()


@pytest.fixture
def trustkeys_instant_keys() -> Iterator[None]:
    """Make trustkeys generate test keys during the test: `trustkeys.testing.instant_keys`."""
    from trustkeys.testing import instant_keys

    with instant_keys():
        yield
