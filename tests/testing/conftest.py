"""Fixtures for tests of the testing kit."""

from __future__ import annotations

import pytest

from tests.testing.tenant import Send, async_client, sync_client, without_leaks


@pytest.fixture(params=[sync_client, async_client], ids=["sync", "async"])
def send(request: pytest.FixtureRequest) -> Send:
    """Send a request with either client, and check that the answer shows no private part."""
    return without_leaks(request.param)
