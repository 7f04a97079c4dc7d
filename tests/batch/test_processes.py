"""Keys from pools of processes."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import (
    BrokenExecutor,
    ProcessPoolExecutor,
)
from itertools import repeat
from typing import Any

import pytest

import trustkeys
from tests import support
from tests.batch.executors import (
    OCT,
    RSA,
    SECRET,
    Scripted,
    failed,
)
from tests.support import needs_fork, needs_process_pools
from trustkeys import (
    GenerateKeyRequest,
    TrustFrameworkKey,
    generate_keys,
    generate_sealed,
    register_strategy,
)
from trustkeys.core.rsa import RSAStrategy
from trustkeys.formats.jwe import decrypt_key


@pytest.fixture(params=[pytest.param("fork", marks=needs_fork), "spawn"])
def processes(request: pytest.FixtureRequest) -> Iterator[ProcessPoolExecutor]:
    context = multiprocessing.get_context(request.param)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        yield pool


@needs_process_pools
@pytest.mark.deep
def test_keys_from_processes_equal_those_from_threads(processes: ProcessPoolExecutor) -> None:
    asked = [
        GenerateKeyRequest("enc", "RSA", nbf=0, exp=2**63 - 1),
        GenerateKeyRequest("sig", "RSA", size=3072, exp=5),
        GenerateKeyRequest("sig", "oct", size=1024, nbf=7),
        RSA,
        RSA,
    ]
    keys = list(generate_keys(asked, executor=processes))
    for request, key in zip(asked, keys, strict=True):
        fields = {name: getattr(request, name) for name in ("use", "kty", "nbf", "exp", "size")}
        assert {name: getattr(key, name) for name in fields} == fields
        assert (key.status, key.x5c, key.x5t, key.has_private) == ("enabled", (), None, True)
        assert TrustFrameworkKey.from_jwk(key.to_jwk(private=True)) == key
        jwk = key.to_jwk(private=True)
        assert key.kid == trustkeys.jwk_thumbprint(jwk)
        assert list(jwk) == list(trustkeys.generate(request).to_jwk(private=True))
    assert len({key.kid for key in keys}) == 5
    # The pool can still be used.
    assert processes.submit(int).result() == 0


@needs_process_pools
@pytest.mark.deep
def test_keys_are_sealed_in_the_processes(
    processes: ProcessPoolExecutor, recipient: TrustFrameworkKey
) -> None:
    texts = list(generate_sealed([RSA, OCT, OCT], to=recipient.public(), executor=processes))
    assert [decrypt_key(text, with_key=recipient).kty for text in texts] == ["RSA", "oct", "oct"]
    assert len({decrypt_key(text, with_key=recipient).kid for text in texts}) == 3


@needs_fork
@pytest.mark.deep
@pytest.mark.usefixtures("clean_registry")
def test_an_error_in_a_process_has_its_own_code_and_message() -> None:
    namespace: dict[str, Any] = {}
    exec(support.documented_p256(), namespace)
    register_strategy(namespace["p256"])
    curve = GenerateKeyRequest("sig", "EC")
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        keys = generate_keys([RSA, curve], executor=pool)
        failed(keys, 1, "AADB2C95031", "kty must be RSA or oct, not EC")
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        (key,) = generate_keys([curve], executor=pool)
        assert TrustFrameworkKey.from_jwk(key.to_jwk(private=True)) == key


@needs_fork
@pytest.mark.deep
@pytest.mark.usefixtures("clean_registry")
def test_a_process_that_dies_loses_no_key_before_it() -> None:
    register_strategy(Scripted(lambda number: number < 4 or os._exit(1)), replace=True)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        keys = generate_keys(repeat(RSA), executor=pool, workers=1)
        error = failed(keys, 3, "BrokenProcessPool", "BrokenProcessPool")
        assert isinstance(error.__cause__, BrokenExecutor)


@needs_fork
@pytest.mark.deep
@pytest.mark.usefixtures("clean_registry")
def test_a_key_from_a_process_is_checked() -> None:
    class Wrong(RSAStrategy):
        def generate(self, size: int) -> dict[str, str]:
            return {**Scripted(bool).generate(size), "dp": SECRET}

    register_strategy(Wrong(), replace=True)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        error = failed(generate_keys([RSA], executor=pool), 0, "AADB2C95034", "")
    assert SECRET not in support.all_text_of(error)
