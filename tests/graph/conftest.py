"""Key sets, provisionings and a tenant for the tests of the scripts."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from tests.graph.plans import DAY, SECRETS, Kind, moduli, plain, text_set, texts_there
from tests.standins.tenant import NOW, Tenant
from trustkeys import TrustFrameworkKey, TrustFrameworkKeySet, testing
from trustkeys.formats.certificates import self_signed
from trustkeys.graph import provision


@pytest.fixture
def rsa_set() -> TrustFrameworkKeySet:
    dates = ((None, None), (NOW - DAY, NOW + 9 * DAY), (NOW + 5 * DAY, NOW + 20 * DAY))
    keys = (testing.rsa_key(seed, nbf=nbf, exp=exp) for seed, (nbf, exp) in enumerate(dates))
    return TrustFrameworkKeySet("Signing", keys)


@pytest.fixture
def certified_set(rsa_set: TrustFrameworkKeySet) -> TrustFrameworkKeySet:
    dated = [key for key in rsa_set if key.nbf is not None]
    return TrustFrameworkKeySet("Certified", (self_signed(key, "CN=test") for key in dated))


@pytest.fixture
def tenant(tmp_path: Path) -> Tenant:
    return Tenant(tmp_path)


@pytest.fixture(params=["create RSA", "create oct", "uploadSecret", "uploadPkcs12"])
def kind(
    request: pytest.FixtureRequest,
    rsa_set: TrustFrameworkKeySet,
    certified_set: TrustFrameworkKeySet,
) -> Kind:
    texts = list(SECRETS)
    if request.param == "create RSA":
        return (
            provision(rsa_set, at=NOW),
            lambda tenant: [key["n"] for key in tenant.keys("B2C_1A_Signing")],
            moduli(rsa_set),
        )
    if request.param == "create oct":
        return provision(text_set(), at=NOW), texts_there, texts
    if request.param == "uploadSecret":
        # The active key comes first.
        order = [texts[1], texts[0], texts[2]]
        return provision(text_set(), by="action", at=NOW), texts_there, order
    return (
        provision(certified_set, by="action", at=NOW),
        lambda tenant: [plain(key["n"]) for key in tenant.keys("B2C_1A_Certified")],
        moduli(certified_set),
    )


@pytest.fixture
def certified(rsa_key: TrustFrameworkKey) -> TrustFrameworkKey:
    return self_signed(attrs.evolve(rsa_key, nbf=NOW - DAY, exp=NOW + 90 * DAY), "CN=test")
