"""RSA keys whose numbers do not fit together, or take long to check, are refused.

And each generated key is one that every consumer takes.
"""

from __future__ import annotations

import base64
import math
import re
from typing import Any
from unittest import mock

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

import trustkeys
from tests import support
from tests.support import fewer
from trustkeys import InvalidInputError, TrustFrameworkKey, TrustKeysError, testing
from trustkeys.core.base64url import base64url_decode, base64url_encode
from trustkeys.core.jwk import read_jwk
from trustkeys.core.rsa import RSAStrategy, is_full_length, length_problem, rsa_members
from trustkeys.errors import KeyTooSmallError

HALF = ("p", "q", "dp", "dq", "qi")

SIZES = (2048, 3072, 4096)

PRIVATE = ("d", "p", "q", "dp", "dq", "qi")


def refused(jwk: Any, **changes: Any) -> TrustKeysError:
    with pytest.raises(InvalidInputError) as caught:
        TrustFrameworkKey.from_jwk(jwk, **changes)
    assert caught.value.__cause__ is caught.value.__context__ is None
    return caught.value


def number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


@pytest.mark.parametrize("name", ["n", "e", *PRIVATE])
@pytest.mark.parametrize("step", [2, -2, 1])
def test_a_number_that_is_off_is_refused(rsa_jwk: dict[str, Any], name: str, step: int) -> None:
    error = refused({**rsa_jwk, name: support.b64(number(rsa_jwk[name]) + step)})
    assert error.code == "AADB2C95034"
    assert re.match("the numbers of the RSA key do not fit together: |n of an RSA key", str(error))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"n": -1}, "n is even"),
        ({"e": 1}, "e must be odd and at least 3"),
        ({"n": 2}, "n is not p times q"),
        ({"d": 2}, "d is not the inverse of e"),
        ({"dp": 2}, "dp or dq is not the remainder of d"),
        ({"dq": 2}, "dp or dq is not the remainder of d"),
        ({"qi": 1}, "qi is not the inverse of q modulo p"),
    ],
)
def test_the_relation_that_fails_is_named(
    rsa_jwk: dict[str, Any], changes: dict[str, int], reason: str
) -> None:
    changed = {name: support.b64(number(rsa_jwk[name]) + step) for name, step in changes.items()}
    assert refused({**rsa_jwk, **changed}).message.endswith(f"together: {reason}")


def test_a_number_that_is_right_but_for_a_multiple_is_refused(rsa_jwk: dict[str, Any]) -> None:
    p, q, d, qi = (number(rsa_jwk[name]) for name in ("p", "q", "d", "qi"))
    assert "qi is not the inverse" in refused({**rsa_jwk, "qi": support.b64(qi + p)}).message
    long = support.b64(d + (math.lcm(p - 1, q - 1) << 3000))
    for jwk in (rsa_jwk, only_d(rsa_jwk)):
        assert "d is not less than n" in refused({**jwk, "d": long}).message


def test_primes_of_unequal_length_are_named(rsa_jwk: dict[str, Any]) -> None:
    unequal = support.rsa_jwk_of((1 << 1300) + 1, (1 << 800) + 1)
    assert "p and q have 1301 and 801 bits" in refused(unequal).message
    assert "more than two primes" in refused({**rsa_jwk, "oth": [{"r": "AQ"}]}).message
    square = {**rsa_jwk, "q": rsa_jwk["p"], "n": support.b64(number(rsa_jwk["p"]) ** 2)}
    assert refused(square).code == "AADB2C95034"


# --- private keys that have only d (RFC 7518 section 6.3.2)


def only_d(jwk: dict[str, Any]) -> dict[str, Any]:
    return {name: jwk[name] for name in ("kty", "use", "n", "e", "d")}


@given(seed=st.integers(0, 8127), size=st.sampled_from([2048, 3072, 4096]), multiple=st.booleans())
def test_the_primes_of_a_key_with_only_d_are_found(seed: int, size: int, multiple: bool) -> None:
    """Of both kinds of d: modulo lcm(p - 1, q - 1), and modulo (p - 1) * (q - 1)."""
    jwk = testing.rsa_key(seed, size=size).to_jwk(private=True)
    p, q = number(jwk["p"]), number(jwk["q"])
    if multiple:
        jwk["d"] = support.b64(pow(65537, -1, (p - 1) * (q - 1)))
    found = read_jwk(only_d(jwk), prove=False)["private"].reveal()
    assert {number(found["p"]), number(found["q"])} == {p, q}
    assert found["d"] == jwk["d"]


def test_a_key_with_only_d_is_checked_like_any_other(rsa_jwk: dict[str, Any]) -> None:
    key = TrustFrameworkKey.from_jwk(only_d(rsa_jwk))
    assert key.private_key().private_numbers().p == number(rsa_jwk["p"])
    assert "p is missing" in refused({**only_d(rsa_jwk), "q": rsa_jwk["q"]}).message
    n, p = number(rsa_jwk["n"]), number(rsa_jwk["p"])
    for changes in (
        {"d": number(rsa_jwk["d"]) + 2},
        {"d": 1},
        {"d": n + 2},
        {"n": p * p},
        {"n": n * p},
        {"n": (1 << 2048) + 981},
        {"e": (1 << 256) - 1},
        {"n": (1 << 4099) + 1},
    ):
        changed = {name: support.b64(value) for name, value in changes.items()}
        assert refused({**only_d(rsa_jwk), **changed}).code in ("AADB2C95034", "BadRequest")
    composite = support.composite_rsa(2048)
    assert "p or q is not a prime" in refused(only_d(composite)).message


def test_the_primes_of_a_key_that_is_too_large_are_not_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("trustkeys.core.rsa._factors", None)
    error = refused(only_d(support.composite_rsa(8192)))
    assert error.message == "n of a private RSA key must have at most 4096 bits, not 8192"


def test_factors_with_a_common_one_are_refused() -> None:
    # Then q has no inverse modulo p.
    jwk = testing.rsa_key(0, size=4096).to_jwk(private=True)
    p, q = (3 * (number(jwk[name]) >> 900 | 1) for name in ("p", "q"))
    numbers = {"n": p * q, "e": 65537, "d": pow(65537, -1, (p - 1) * (q - 1))}
    members = {name: support.b64(value) for name, value in numbers.items()}
    assert refused({"kty": "RSA", "use": "sig", **members}).code == "AADB2C95034"


def test_numbers_of_another_key_are_refused(rsa_jwk: dict[str, Any]) -> None:
    # This one shares no prime with the other.
    other = testing.rsa_key(5).to_jwk(private=True)
    for name in ("n", *PRIVATE):
        assert refused({**rsa_jwk, name: other[name]}).code == "AADB2C95034"
    mixed = {**rsa_jwk, **{name: other[name] for name in PRIVATE}}
    assert refused(mixed).code == "AADB2C95034"


def test_a_public_key_with_an_even_number_is_refused(rsa_jwk: dict[str, Any]) -> None:
    public = {name: rsa_jwk[name] for name in ("kty", "use", "e", "n")}
    assert refused({**public, "n": support.b64(number(public["n"]) - 1)}).code == "AADB2C95034"
    assert refused({**public, "e": "BA"}).code == "AADB2C95034"
    assert refused({**public, "e": "AQ"}).code == "AADB2C95034"
    assert refused({**public, "e": support.b64(number(public["n"]) + 2)}).code == "AADB2C95034"


@pytest.mark.parametrize("bits", [1024, 2047, 16385, 60_000])
def test_a_modulus_outside_2048_to_16384_bits_is_refused(bits: int) -> None:
    jwk = {"kty": "RSA", "use": "sig", "e": "AQAB", "n": support.b64(1 << (bits - 1) | 1)}
    error = refused(jwk)
    assert error.target == "n"
    assert isinstance(error, KeyTooSmallError) is (bits < 2048)
    assert f"2048 to 16384 bits, not {bits}" in error.message


@pytest.mark.parametrize("bits", [2048, 4096, 16384])
def test_the_largest_and_the_smallest_modulus_are_taken(bits: int) -> None:
    jwk = {"kty": "RSA", "use": "sig", "e": "AQAB", "n": support.b64(1 << (bits - 1) | 1)}
    assert TrustFrameworkKey.from_jwk(jwk).size == bits


@pytest.mark.parametrize("bits", [2048, 4096])
def test_factors_that_are_not_prime_are_found_out(bits: int) -> None:
    error = refused(support.composite_rsa(bits))
    assert error.code == "AADB2C95034"
    assert error.message.endswith("p or q is not a prime number")


@pytest.mark.parametrize("bits", [4098, 8192, 16384])
def test_a_private_key_above_4096_bits_is_refused(bits: int) -> None:
    """To prove its factors prime would take up to half a minute."""
    jwk = support.composite_rsa(bits)
    error = refused(jwk)
    assert (error.code, error.target) == ("BadRequest", "n")
    assert error.message == f"n of a private RSA key must have at most 4096 bits, not {bits}"
    public = {name: jwk[name] for name in ("kty", "use", "e", "n")}
    assert TrustFrameworkKey.from_jwk(public).size == bits


@pytest.mark.parametrize(
    "changes",
    [
        # OpenSSL would take long to test a factor that is nearly as long as the modulus.
        support.rsa_jwk_of((1 << 4000) + 1, 65539),
        {"p": support.b64(1 << 60_000)},
        {"e": support.b64((1 << 2000) + 1)},
        {"e": support.b64((1 << 256) + 1)},
    ],
    ids=["unequal", "p", "e", "e of 257 bits"],
)
def test_numbers_that_would_take_long_are_refused_before_any_calculation(
    rsa_jwk: dict[str, Any], monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    calculations: list[Any] = []
    monkeypatch.setattr("trustkeys.core.rsa._private_numbers", calculations.append)
    assert refused({**rsa_jwk, **changes}).code == "AADB2C95034"
    assert calculations == []


@pytest.mark.parametrize("prove", [True, False])
def test_a_private_exponent_beyond_the_modulus_is_refused(
    rsa_jwk: dict[str, Any], prove: bool
) -> None:
    """It satisfies all equations, and every signature would take OpenSSL long."""
    p, q, d = (number(rsa_jwk[name]) for name in ("p", "q", "d"))
    order = math.lcm(p - 1, q - 1)
    long = {**rsa_jwk, "d": support.b64(d + (order << 58_000))}
    with pytest.raises(InvalidInputError) as caught:
        read_jwk(long, prove=prove)
    assert caught.value.code == "AADB2C95034"


@pytest.mark.parametrize("is_private", [True, False])
@pytest.mark.parametrize(("bits", "is_taken"), [(256, True), (257, False)])
def test_a_public_exponent_has_at_most_256_bits(
    rsa_jwk: dict[str, Any], bits: int, is_taken: bool, is_private: bool
) -> None:
    p, q = number(rsa_jwk["p"]), number(rsa_jwk["q"])
    order = math.lcm(p - 1, q - 1)
    e = (1 << (bits - 1)) + 1
    while math.gcd(e, order) != 1:
        e += 2
    jwk = {**rsa_jwk, "e": support.b64(e)}
    if is_private:
        d = pow(e, -1, order)
        jwk |= {"d": support.b64(d), "dp": support.b64(d % (p - 1)), "dq": support.b64(d % (q - 1))}
    else:
        jwk = {name: jwk[name] for name in ("kty", "use", "e", "n")}
    if is_taken:
        assert TrustFrameworkKey.from_jwk(jwk).has_private == is_private
    else:
        assert refused(jwk).code == "AADB2C95034"


# --- full length


@st.composite
def rsa_keys(draw: st.DrawFn) -> rsa.RSAPrivateKey:
    """Keys by arithmetic, with any of the private members short or of full length."""
    names = draw(st.sets(st.sampled_from(["d", "dp", "dq", "qi"])))
    full = testing.rsa_key(draw(st.integers(0, 8127)), size=draw(st.sampled_from(SIZES)))
    numbers = full.private_key().private_numbers()
    changes = {"dp": "dmp1", "dq": "dmq1", "qi": "iqmp", "d": "d"}
    short = {changes[name]: getattr(numbers, changes[name]) >> 8 for name in names}
    private = {
        name: short.get(name, getattr(numbers, name))
        for name in ("p", "q", "d", "dmp1", "dmq1", "iqmp")
    }
    made = mock.Mock(rsa.RSAPrivateKey)
    made.private_numbers.return_value = rsa.RSAPrivateNumbers(
        public_numbers=numbers.public_numbers, **private
    )
    return made


@fewer(3)
@given(st.lists(rsa_keys(), max_size=4), st.integers(0, 8127), st.sampled_from(SIZES))
def test_a_key_with_a_short_member_is_drawn_again(
    drawn: list[rsa.RSAPrivateKey], seed: int, size: int
) -> None:
    """.NET on Windows and .NET Framework refuse it."""
    last = testing.rsa_key(seed, size=size)
    keys = [*drawn, last.private_key()]
    fits = [{*lengths(rsa_members(key)).items()} <= full(rsa_members(key)) for key in keys]
    with mock.patch.object(rsa, "generate_private_key", side_effect=keys) as generate:
        members = RSAStrategy().generate(size)
    assert generate.call_count == fits.index(True) + 1
    assert members == rsa_members(keys[fits.index(True)])
    assert generate.call_args == ((65537, size), {})


def lengths(jwk: dict[str, str]) -> dict[str, int]:
    return {name: len(base64url_decode(jwk[name])) for name in PRIVATE}


def full(jwk: dict[str, str]) -> set[tuple[str, int]]:
    octets = len(base64url_decode(jwk["n"]))
    return {("d", octets), *((name, (octets + 1) // 2) for name in HALF)}


@pytest.mark.parametrize("bits", [2048, 2049, 2056, 2057, 3072, 4096])
@pytest.mark.parametrize("short", [(), ("d",), ("dp",), ("dq", "qi"), PRIVATE])
def test_the_problem_names_each_member_of_another_length(bits: int, short: tuple[str, ...]) -> None:
    """A modulus of 2049 bits has 257 octets, and RSAParameters rounds half of them up."""
    octets = (bits + 7) // 8
    whole = {"n": octets, "d": octets, **dict.fromkeys(HALF, (octets + 1) // 2)}
    members = {
        name: base64url_encode(bytes([1]) * (length - (name in short)))
        for name, length in whole.items()
    }
    assert is_full_length(members) == (not short)
    assert length_problem(members) == (
        f"its {', '.join(short)} {'is' if len(short) == 1 else 'are'} not of full length, and .NET "
        "on Windows and .NET Framework refuse such a key: generate a new one if they read it"
        if short
        else None
    )
    assert length_problem({"n": members["n"], "e": "AQAB"}) is None


@pytest.mark.deep
@pytest.mark.parametrize("size", SIZES)
def test_generated_keys_have_members_of_full_length(size: int) -> None:
    for _ in range(40 * 2048**2 // size**2):
        jwk = trustkeys.generate_key("sig", "RSA", size=size).to_jwk(private=True)
        assert {*lengths(jwk).items()} == full(jwk)
