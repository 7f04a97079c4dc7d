"""A random key in place of a secret that a provider issued would break sign-in."""

from __future__ import annotations

from collections.abc import Callable

import joserfc.jwk
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import trustkeys
from trustkeys import InvalidInputError, TrustFrameworkKey, TrustFrameworkKeySet, testing

RSA = testing.rsa_key(0)


def generated(keys: TrustFrameworkKeySet) -> None:
    keys.generate_key("sig", "oct")


def disabled(keys: TrustFrameworkKeySet) -> None:
    keys.disable(keys.generate_key("sig", "oct").kid)


def secret(keys: TrustFrameworkKeySet) -> None:
    keys.upload_secret("issued", "sig")


def withdrawn(keys: TrustFrameworkKeySet) -> None:
    keys.disable(keys.upload_secret("issued, and then disabled", "sig").kid)


def imported(keys: TrustFrameworkKeySet) -> None:
    jwk = {"kty": "oct", "k": "c2VjcmV0", "kid": f"theirs{len(keys)}"}
    keys.add(TrustFrameworkKey.from_jwk(jwk, use="sig"))


def partner(keys: TrustFrameworkKeySet) -> None:
    keys.add(RSA.public())


ACTIONS: list[Callable[[TrustFrameworkKeySet], object]] = [
    lambda keys: keys.rotate(60),
    lambda keys: keys.rollover(),
    lambda keys: keys.rollover(disable=True),
    # What is said about the new key is no consent.
    lambda keys: keys.rotate(60, start=2_000_000_000, use="sig", kty="oct", size=256),
    lambda keys: keys.rollover(exp=2**60, use="sig", kty="oct", size=256),
]


@example(steps=[withdrawn], act=ACTIONS[0])
@given(
    steps=st.lists(
        st.sampled_from([generated, disabled, secret, withdrawn, imported]), min_size=1, max_size=4
    )
    | st.just([partner]),
    act=st.sampled_from(ACTIONS),
)
def test_only_keys_that_were_generated_are_followed_by_random_ones(
    steps: list[Callable[[TrustFrameworkKeySet], None]],
    act: Callable[[TrustFrameworkKeySet], object],
) -> None:
    keys = TrustFrameworkKeySet("set")
    for step in steps:
        step(keys)
    before = [*keys]
    if {*steps} <= {generated, disabled}:
        act(keys)
        assert len(keys) == len(before) + 1
        return
    with pytest.raises(InvalidInputError, match="somebody else issued") as refused:
        act(keys)
    assert refused.value.target == "generate"
    assert [*keys] == before


@pytest.mark.parametrize("start", [secret, imported, partner])
def test_random_keys_are_added_by_consent(start: Callable[[TrustFrameworkKeySet], None]) -> None:
    keys = TrustFrameworkKeySet("set")
    start(keys)
    size = 2048 if start is partner else 256
    keys.rotate(60, size=size, generate=True)
    keys.rollover(size=size, generate=True)
    assert len(keys) == 3


def test_a_key_that_was_generated_elsewhere_by_trustkeys_counts_as_generated() -> None:
    jwk = trustkeys.generate_key("sig", "oct").to_jwk(private=True)
    keys = TrustFrameworkKeySet("set", [TrustFrameworkKey.from_jwk(jwk)])
    assert len(keys.rotate(60)) == 1


@pytest.mark.parametrize("size", [16, 24, 40])
def test_a_secret_that_another_program_named_by_its_thumbprint_is_from_outside(size: int) -> None:
    named = joserfc.jwk.OctKey.import_key("x" * size)
    named.ensure_kid()
    random = joserfc.jwk.OctKey.generate_key(128)
    random.ensure_kid()
    for jwk in (named.as_dict(private=True), random.as_dict(private=True)):
        keys = TrustFrameworkKeySet("set", [TrustFrameworkKey.from_jwk(jwk, use="sig")])
        with pytest.raises(InvalidInputError, match="somebody else issued"):
            keys.rotate(60)


def test_a_random_secret_with_another_name_is_from_outside() -> None:
    """Its provider has a key of as many bits, which no other key can replace."""
    issued = joserfc.jwk.OctKey.generate_key(256).as_dict(private=True)
    key = TrustFrameworkKey.from_jwk({**issued, "kid": "of-the-provider"}, use="sig")
    keys = TrustFrameworkKeySet("set", [key])
    with pytest.raises(InvalidInputError, match="somebody else issued"):
        keys.rotate(60)
