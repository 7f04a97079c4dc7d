"""Hypothesis knows the types of trustkeys, and loads the strategies only when one is used."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Hashable, Iterable, Sized
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.testing.strategies.examples import few
from trustkeys import GenerateKeyRequest, TrustFrameworkKey, TrustFrameworkKeySet, is_test_key
from trustkeys.testing import rsa_key


def in_a_new_process(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    return done.stdout


@few
@given(
    key=st.from_type(TrustFrameworkKey),
    keyset=st.from_type(TrustFrameworkKeySet),
    request=st.from_type(GenerateKeyRequest),
)
def test_from_type_gives_keys_key_sets_and_requests(
    key: TrustFrameworkKey, keyset: TrustFrameworkKeySet, request: GenerateKeyRequest
) -> None:
    # By default, Hypothesis would fill the fields of a key with any text.
    assert is_test_key(key)
    assert all(map(is_test_key, keyset))
    assert GenerateKeyRequest(request.use, request.kty, size=request.size).size == request.size


@pytest.mark.parametrize("kind", [Hashable, Iterable, Sized])
def test_from_type_of_another_type_draws_no_keys(kind: Any) -> None:
    @given(thing=st.from_type(kind))
    def look(thing: object) -> None:
        assert not isinstance(thing, TrustFrameworkKey | TrustFrameworkKeySet | GenerateKeyRequest)

    look()


@pytest.mark.deep
@pytest.mark.parametrize(
    "first",
    [
        "hypothesis",
        "trustkeys",
        "trustkeys.testing",
        "trustkeys.testing.strategies",
        "trustkeys.testing.registration",
        "sys; sys.modules['httpx'] = None",
    ],
)
def test_from_type_works_in_any_order_of_imports(first: str) -> None:
    said = in_a_new_process(
        f"import {first}\n"
        "from hypothesis import find, strategies as st\n"
        "from trustkeys import GenerateKeyRequest, TrustFrameworkKey, TrustFrameworkKeySet\n"
        "for kind in (GenerateKeyRequest, TrustFrameworkKey, TrustFrameworkKeySet):\n"
        "    print(find(st.from_type(kind), lambda _: True))\n"
    )
    found = [GenerateKeyRequest("sig", "RSA"), rsa_key(0), TrustFrameworkKeySet("0")]
    assert said.splitlines() == [repr(each) for each in found]


@pytest.mark.deep
def test_importing_hypothesis_does_not_import_the_strategies() -> None:
    loaded = in_a_new_process("import sys, hypothesis; print(*sys.modules)").split()
    assert "trustkeys.testing.registration" in loaded
    unused = {"trustkeys.testing.strategies", "httpx", "jwcrypto", "cryptography.x509"}
    assert not unused & {*loaded}


@pytest.mark.deep
def test_test_keys_do_not_import_hypothesis() -> None:
    program = "import sys, trustkeys.testing; trustkeys.testing.rsa_key(0); print(*sys.modules)"
    assert "hypothesis" not in in_a_new_process(program).split()
