"""JWK Sets of other programs: what can be read is read, and a word is said on the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trustkeys import InvalidInputError, TrustFrameworkKeySet, store, testing
from trustkeys.core import work
from trustkeys.core.rsa import RSAStrategy

EC = {"kty": "EC", "kid": "curve", "crv": "P-256", "x": "AA", "y": "AA"}


def jwks(count: int) -> list[dict[str, Any]]:
    return [testing.rsa_key(seed).to_jwk(private=True) for seed in range(count)]


def test_keys_of_other_types_are_left_out_with_a_word() -> None:
    document = {"id": "a", "keys": [EC, *jwks(2), {"kty": "OKP"}, *[{"kty": "AKP"}] * 9]}
    message = r"11 keys left out.*: key 1 \(curve\) of type EC, key 4 of type OKP, .* and 6 more"
    with pytest.warns(UserWarning, match=message):
        keys = TrustFrameworkKeySet.from_jwks(document)
    assert [key.kid for key in keys] == [jwk["kid"] for jwk in jwks(2)]


def test_a_set_of_other_types_alone_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="no RSA or oct key, only EC"):
        TrustFrameworkKeySet.from_jwks({"id": "a", "keys": [EC, EC]})


@pytest.mark.parametrize("key", [{"kty": None}, {"kty": 5}, {}, 5, {**EC, "kty": ""}])
def test_other_faults_stay_errors(key: Any) -> None:
    with pytest.raises(InvalidInputError, match="key 2: "):
        TrustFrameworkKeySet.from_jwks({"id": "a", "keys": [*jwks(1), key]})


def test_a_stored_set_loses_no_key(tmp_path: Path) -> None:
    """It would be lost with the next save."""
    path = tmp_path / "keys"
    path.write_text(json.dumps({"id": "B2C_1A_a", "keys": [*jwks(1), EC]}))
    path.chmod(0o600)
    with pytest.raises(InvalidInputError, match="key 2: kty must be RSA or oct, not EC"):
        store.load(path)


def test_all_keys_are_checked_before_the_first_is_proved(
    monkeypatch: pytest.MonkeyPatch, real_jwk: dict[str, Any]
) -> None:
    proved: list[Any] = []
    monkeypatch.setattr(RSAStrategy, "prove", lambda _, members: proved.append(members))
    with pytest.raises(InvalidInputError, match="key 2: "):
        TrustFrameworkKeySet.from_jwks({"id": "a", "keys": [real_jwk, {"kty": "RSA"}]})
    assert proved == []


def test_beyond_a_budget_primes_are_not_tested(
    monkeypatch: pytest.MonkeyPatch, real_jwk: dict[str, Any]
) -> None:
    proved: list[Any] = []
    monkeypatch.setattr(RSAStrategy, "prove", lambda _, members: proved.append(members))
    copies = [{**real_jwk, "kid": f"copy-{number}"} for number in range(70)]
    with pytest.warns(UserWarning, match="primes of 46 keys were not tested"):
        assert len(TrustFrameworkKeySet.from_jwks({"id": "a", "keys": copies})) == 70
    assert len(proved) == work.PROOFS // 2048**3 == 24
