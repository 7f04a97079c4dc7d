"""Fixtures for the tests of trustkeys.batch."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from jwcrypto.jwk import JWK

import trustkeys
from trustkeys import (
    TrustFrameworkKey,
    testing,
)


@pytest.fixture
def instant() -> Iterator[None]:
    with testing.instant_keys():
        yield


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


@pytest.fixture(scope="module")
def recipient() -> TrustFrameworkKey:
    return trustkeys.generate_key("enc", "RSA")


@pytest.fixture(scope="module")
def curve_key() -> dict[str, Any]:
    members = JWK.generate(kty="EC", crv="P-256", kid="alice").export(as_dict=True)
    assert isinstance(members, dict)
    return members
