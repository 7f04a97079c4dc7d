"""Ten thousand RSA keys before a judge of weak keys and other readers, which takes 20 minutes.

`pip install -e ".[interop]" && pytest --no-cov -m quality`
"""

from __future__ import annotations

import base64
import importlib
import importlib.util
import math
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc.jwk import RSAKey
from jwcrypto.jwk import JWK

import trustkeys
from tests import support
from tests.keyset import weak as known
from trustkeys import GenerateKeyRequest, TrustFrameworkKey
from trustkeys.keyset.weak import Moduli, quick_weakness
from trustkeys.testing import rsa_key

pytestmark = [
    pytest.mark.quality,
    pytest.mark.skipif(importlib.util.find_spec("badkeys") is None, reason="badkeys is missing"),
]

COUNT = 10_000

CHECKS = ("fermat", "roca", "rsainvalid", "rsapoly", "smalld", "smallfactors", "pattern", "rsabias")
"""Those of badkeys that need no list from the network; shared primes are looked for below."""


def badkeys() -> Any:
    return importlib.import_module("badkeys.checks")


def moduli_with_a_shared_prime(moduli: Sequence[int]) -> list[int]:
    """Bernstein's batch GCD: each modulus against the product of all others, down a tree."""
    gmpy2: Any = importlib.import_module("gmpy2")
    tree = [[gmpy2.mpz(n) for n in moduli]]
    while len(tree[-1]) > 1:
        below = tree[-1]
        tree.append([math.prod(below[i : i + 2]) for i in range(0, len(below), 2)])
    remainders = tree.pop()
    while tree:
        level = tree.pop()
        remainders = [remainders[i // 2] % (n * n) for i, n in enumerate(level)]
    return [
        number
        for number, (n, rest) in enumerate(zip(moduli, remainders, strict=True))
        if gmpy2.gcd(rest // n, n) != 1
    ]


def found(n: int) -> set[str]:
    return {*badkeys().checkrsa(n, checks=CHECKS)}


def test_the_judge_knows_weak_keys() -> None:
    """Else it would say nothing of ten thousand either."""
    p = rsa_key(0).private_key().private_numbers().p
    close = next(
        p + 2 * step for step in range(1, 10_000) if pow(2, p + 2 * step - 1, p + 2 * step) == 1
    )
    assert "fermat" in found(p * close)
    assert "smallfactors" in found(3 * p)
    # Test keys 1 and 2 have a prime in common.
    numbers = [rsa_key(seed).public_key().public_numbers().n for seed in (1, 2)]
    other = trustkeys.generate_key("sig", "RSA").public_key().public_numbers().n
    assert moduli_with_a_shared_prime([*numbers, other]) == [0, 1]
    assert found(other) == set()


def weakness(n: int) -> str | None:
    return Moduli().weakness(n, slow=True)


def test_the_check_of_key_sets_and_the_judge_agree_on_weak_keys() -> None:
    weak = {
        "roca": [
            known.PUBLISHED_ROCA,
            *(known.roca_modulus(bits, seed) for bits in (512, 1024, 2048) for seed in range(9)),
        ],
        "fermat": [
            support.sound_modulus(1) ** 2,
            *(known.close_modulus(steps, seed) for steps in (0, 1, 50, 99) for seed in range(9)),
        ],
        "smallfactors": [support.sound_modulus(1) * p for p in (3, 1021, 1031, 65_521)],
    }
    for judged, moduli in weak.items():
        for n in moduli:
            assert judged in found(n)
            assert weakness(n) is not None
    for n in (support.sound_modulus(seed) for seed in range(99)):
        assert found(n) & {*weak} == set()
        assert weakness(n) is None
    # Both can have factors of over 10 bits.
    for n in (known.fake_roca_modulus(0), known.close_modulus(100)):
        assert found(n) <= {"smallfactors"}
        assert quick_weakness(n) is None
    # The judge finds the pattern of this number, but does not look for primes.
    assert found(known.PRIME) & {*weak} == set()
    assert weakness(known.PRIME) == "is a prime number"


@pytest.fixture(scope="module")
def keys() -> list[TrustFrameworkKey]:
    return [*trustkeys.generate_keys(repeat(GenerateKeyRequest("sig", "RSA"), COUNT))]


def test_ten_thousand_keys_have_no_weakness_that_is_known(keys: list[TrustFrameworkKey]) -> None:
    moduli = [key.public_key().public_numbers().n for key in keys]
    assert len(moduli) == len({*moduli}) == COUNT
    assert [n for n in moduli if found(n) or quick_weakness(n)] == []
    assert moduli_with_a_shared_prime(moduli) == []


OCTETS = {"n": 256, "d": 256, "p": 128, "q": 128, "dp": 128, "dq": 128, "qi": 128}


def read_by_others(jwk: dict[str, Any]) -> bytes:
    """Read a key with jwcrypto, joserfc and cryptography; return it as jwcrypto's PEM."""
    text: bytes = JWK(**jwk).export_to_pem(private_key=True, password=None)
    private = RSAKey.import_key(jwk).private_key
    assert private is not None
    assert private.private_numbers() == numbers_in(text)
    lengths = {name: len(base64.urlsafe_b64decode(jwk[name] + "==")) for name in OCTETS}
    assert lengths == OCTETS
    return text


def numbers_in(pem: bytes) -> rsa.RSAPrivateNumbers:
    # Without the proof, which jwcrypto and joserfc have both asked for.
    key = load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key.private_numbers()


def test_others_read_ten_thousand_keys_whose_private_members_have_full_length(
    keys: list[TrustFrameworkKey], tmp_path: Path
) -> None:
    """.NET on Windows and .NET Framework refuse a key with a shorter one."""
    jwks = [key.to_jwk(private=True) for key in keys]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        pems = [*pool.map(read_by_others, jwks, chunksize=50)]
    for first in range(0, COUNT, 500):
        path = tmp_path / "keys.pem"
        path.write_bytes(b"".join(pems[first : first + 500]))
        assert "Total found: 500\n" in support.openssl("storeutl", "-keys", "-noout", str(path))
