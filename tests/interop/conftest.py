"""The fixture for Microsoft's SDK."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import shortcuts
from tests.interop.sdk import SDK, need


@pytest.fixture(scope="session")
def sdk() -> SDK:
    need("msgraph_beta")
    return SDK()


@pytest.fixture(scope="package", autouse=True)
def _documented_rounds() -> Iterator[None]:
    """Let the programs open what a user has."""
    with shortcuts.documented_rounds():
        yield
