"""Every part of trustkeys must work with a key type of another package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from jwcrypto.jwk import JWK

import trustkeys
from tests import support
from trustkeys import InvalidInputError, KeyStrategy, TrustFrameworkKey, register_strategy


def p256() -> KeyStrategy:
    namespace: dict[str, Any] = {}
    exec(support.documented_p256(), namespace)
    strategy: KeyStrategy = namespace["p256"]
    return strategy


class Symmetric:
    """A kty with a public member and a secret one in its thumbprint."""

    kty = "SYM"
    sizes = (8, 16)
    default_size = 8
    required = ("alg", "k")
    private = ("k",)

    def generate(self, size: int) -> dict[str, str]:
        return {"alg": "100%s", "k": "A" * size}

    def size(self, members: Mapping[str, str]) -> int:
        return len(members["k"])

    def check(self, members: Mapping[str, str]) -> None:
        if "k" not in members:
            raise ValueError("nothing that may be shown")

    def prove(self, members: Mapping[str, str]) -> None:
        if members["k"] == "unproven":
            raise ValueError(members["k"])


@pytest.mark.usefixtures("clean_registry")
def test_p256_works_everywhere_after_one_call() -> None:
    register_strategy(p256())
    key = trustkeys.generate_key("sig", "ec", nbf=1)
    assert (key.kty, key.size) == ("EC", 256)
    answer = key.to_graph()
    assert list(answer)[7:] == ["kid", "crv", "x", "y"]
    judge = JWK(**key.to_jwk(private=True))
    assert key.kid == judge.thumbprint()
    assert judge.has_private
    assert TrustFrameworkKey.from_jwk(key.to_jwk(private=True)) == key
    assert TrustFrameworkKey.from_jwk(key.to_jwk()) == key.public()
    with pytest.raises(InvalidInputError, match="EC"):
        key.private_key()


@pytest.mark.usefixtures("clean_registry")
def test_what_its_check_refuses_is_refused_without_its_words() -> None:
    register_strategy(p256())
    jwk = trustkeys.generate_key("sig", "EC").to_jwk(private=True)
    for changes in (
        {"x": jwk["y"]},
        {"crv": "P-384"},
        {"y": None},
        {"d": jwk["d"] + "="},
        {"d": jwk["d"] + "é"},
    ):
        with pytest.raises(InvalidInputError, match="the members do not make a key") as caught:
            TrustFrameworkKey.from_jwk({**jwk, **changes})
        assert caught.value.code == "AADB2C95034"
        assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.usefixtures("clean_registry")
@pytest.mark.parametrize("kind", [ValueError, KeyError, RecursionError, InvalidInputError])
def test_nothing_that_a_check_raises_carries_a_secret_out(kind: type[Exception]) -> None:
    class Careless(Symmetric):
        def check(self, members: Mapping[str, str]) -> None:
            try:
                raise KeyError(members["k"])  # noqa: TRY301
            except KeyError:
                raise kind("the words" if kind is InvalidInputError else members["k"])  # noqa: B904

    register_strategy(Careless())
    jwk = {"kty": "SYM", "use": "sig", "alg": "x", "k": "very secret"}
    with pytest.raises(InvalidInputError) as caught:
        TrustFrameworkKey.from_jwk(jwk)
    assert "very secret" not in support.all_text_of(caught.value)
    assert ("the words" in str(caught.value)) is (kind is InvalidInputError)


@pytest.mark.usefixtures("clean_registry")
def test_a_secret_among_the_hashed_members_means_no_public_form() -> None:
    register_strategy(Symmetric())
    key = trustkeys.generate_key("sig", "SYM", size=16)
    assert key.size == 16
    assert "k" not in {name: value for name, value in key.to_graph().items() if value}
    assert key.to_graph()["alg"] == "100%s"
    jwk = key.to_jwk(private=True)
    assert key.kid == trustkeys.jwk_thumbprint(jwk)
    assert TrustFrameworkKey.from_jwk(jwk) == key
    nameless = {name: value for name, value in jwk.items() if name != "kid"}
    assert TrustFrameworkKey.from_jwk(nameless).kid != key.kid
    with pytest.raises(InvalidInputError):
        key.to_jwk()
    # No kid can be the thumbprint of text that JSON would escape.
    with pytest.raises(InvalidInputError, match="do not make a key"):
        TrustFrameworkKey.from_jwk({**jwk, "alg": 'a"b'})
