"""The fixture for Microsoft's SDK."""

from __future__ import annotations

import pytest

from tests.interop.sdk import SDK, need


@pytest.fixture(scope="session")
def sdk() -> SDK:
    need("msgraph_beta")
    return SDK()
