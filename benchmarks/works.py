"""The measured works: in trustkeys, in other libraries, and the least that any code must do."""

from __future__ import annotations

import base64
import compileall
import hashlib
import os
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import OctKey, RSAKey
from jwcrypto.jwk import JWK

import trustkeys
from benchmarks import many, testkeys
from benchmarks.measure import OURS, Row, calls, processes
from trustkeys import TrustFrameworkKeySet, store
from trustkeys.testing import allow_test_keys, rsa_key

JWCRYPTO_ONE_LINER = (
    "from jwcrypto.jwk import JWK; key = JWK.generate(kty='oct', size=256, use='sig'); "
    "key['kid'] = key.thumbprint(); print(key.export())"
)

MIDDLE = 1_800_000_000
"""The middle of the time that the key sets cover, in seconds since 1970."""

GROWTH = 15
"""The allowed ratio for ten times as many keys: 1000 log 1000 / 100 log 100."""


def rows(*, quick: bool) -> Iterator[Row]:
    """Measure everything, one row at a time."""
    # pip compiles the other libraries; an editable install may not be compiled.
    compileall.compile_dir(Path(trustkeys.__file__).parent, quiet=1)
    few = 1 if quick else 10
    yield oct_keys(rounds=20 * few)
    yield rsa_part(rounds=10 * few)
    yield rsa_whole(count=6 * few)
    yield imports(rounds=3 * few)
    yield command(rounds=3 * few)
    small, large = key_set(100), key_set(1000)
    yield active_key(small, large, rounds=3 * few)
    yield check(small, large, rounds=few)
    yield show(small, large, rounds=few)
    yield from testkeys.rows(quick=quick)
    yield from many.rows(quick=quick)


def oct_keys(rounds: int) -> Row:
    """Measure a new oct key, its thumbprint, and the answer."""
    works = {
        OURS: lambda: trustkeys.generate_key("sig", "oct").to_graph(),
        "joserfc": lambda: joserfc_answer(OctKey.generate_key(256)),
        "jwcrypto": lambda: jwcrypto_answer(JWK.generate(kty="oct", size=256)),
        "limit": bare_oct,
    }
    return Row(
        "oct key with thumbprint and dict",
        "µs",
        calls(works, number=500, rounds=rounds),
        {"limit": 2.5, "joserfc": 1 / 1.6, "jwcrypto": 1 / 4.5},
    )


def rsa_part(rounds: int) -> Row:
    """Measure RSA-2048 with a ready key in place of OpenSSL's key generation."""
    key = trustkeys.generate_key("sig", "RSA").private_key()

    def ready(*_: Any, **__: Any) -> rsa.RSAPrivateKey:
        return key

    with (
        mock.patch.object(rsa, "generate_private_key", ready),
        mock.patch("joserfc._rfc7518.rsa_key.generate_private_key", ready),
    ):
        figures = calls(rsa_works(), number=100, rounds=rounds)
    return Row(
        "RSA-2048 key, all but OpenSSL's part", "µs", figures, {"jwcrypto": 1.0, "joserfc": 1.0}, 60
    )


def rsa_whole(count: int) -> Row:
    """Measure RSA-2048 as a mean of `count` keys, because the time for one varies widely."""
    works = {**rsa_works(), "limit": many.full_length_key}
    totals = dict.fromkeys(works, 0.0)
    for _ in range(count):
        for name, figure in calls(works, number=1, rounds=1).items():
            totals[name] += figure / 1e3 / count
    return Row("RSA-2048 key, whole (mean)", "ms", totals, {})


def rsa_works() -> dict[str, Any]:
    """Return the works of an RSA key, its thumbprint and its public form."""
    return {
        OURS: lambda: trustkeys.generate_key("sig", "RSA").to_graph(),
        "joserfc": lambda: joserfc_answer(RSAKey.generate_key(2048)),
        "jwcrypto": lambda: jwcrypto_answer(JWK.generate(kty="RSA", size=2048)),
    }


def imports(rounds: int) -> Row:
    """Measure a process that only imports."""
    programs = {
        OURS: ["-c", "import trustkeys"],
        "joserfc": ["-c", "import joserfc.jwk"],
        "jwcrypto": ["-c", "import jwcrypto.jwk"],
        "limit": ["-c", "import attrs; from cryptography.hazmat.primitives.asymmetric import rsa"],
    }
    return Row("import, whole process", "ms", processes(programs, rounds=rounds), {"limit": 1.2})


def command(rounds: int) -> Row:
    """Measure the command, and a line of jwcrypto that does the same."""
    programs = {
        OURS: ["-m", "trustkeys", "generate", "--use", "sig", "--kty", "oct", "-o", "-"],
        "jwcrypto": ["-c", JWCRYPTO_ONE_LINER],
    }
    return Row(
        "trustkeys generate --kty oct, whole process",
        "ms",
        processes(programs, rounds=rounds),
        {"jwcrypto": 1.0},
    )


def active_key(small: TrustFrameworkKeySet, large: TrustFrameworkKeySet, *, rounds: int) -> Row:
    """Measure the active key of a set, and of one a tenth of its size."""
    works = {
        OURS: lambda: large.get_active_key(MIDDLE),
        "100 keys": lambda: small.get_active_key(MIDDLE),
    }
    figures = calls(works, number=20, rounds=rounds)
    return Row("get_active_key, 1,000 RSA keys", "µs", figures, {"100 keys": GROWTH})


def check(small: TrustFrameworkKeySet, large: TrustFrameworkKeySet, *, rounds: int) -> Row:
    """Measure the check of a document with private keys, and of one a tenth of its size."""
    documents = {OURS: large.to_jwks(private=True), "100 keys": small.to_jwks(private=True)}
    works = {
        name: partial(trustkeys.check_key_set, document, at=MIDDLE)
        for name, document in documents.items()
    }
    figures = {name: figure / 1e3 for name, figure in calls(works, number=1, rounds=rounds).items()}
    return Row("check_key_set, 1,000 RSA keys", "ms", figures, {"100 keys": GROWTH}, 1000)


def show(small: TrustFrameworkKeySet, large: TrustFrameworkKeySet, *, rounds: int) -> Row:
    """Measure the timeline of a key set file, and of one a tenth of its size."""
    with tempfile.TemporaryDirectory() as folder:
        programs = {}
        for name, keyset in ((OURS, large), ("100 keys", small)):
            path = os.path.join(folder, name)
            with allow_test_keys():
                store.save(keyset, path, plain=True)
            programs[name] = ["-m", "trustkeys", "keyset", "show", path, "--at", str(MIDDLE)]
        figures = processes(programs, rounds=rounds)
    return Row(
        "trustkeys keyset show, 1,000 RSA keys, process", "ms", figures, {"100 keys": GROWTH}, 2000
    )


def key_set(count: int) -> TrustFrameworkKeySet:
    """Return a set of different RSA keys whose validities overlap."""
    starts = [2 * MIDDLE * index // count for index in range(count)]
    keys = [rsa_key(seed, nbf=at, exp=at + MIDDLE // 2) for seed, at in enumerate(starts)]
    return TrustFrameworkKeySet("benchmark", keys)


def bare_oct() -> dict[str, Any]:
    """Make an oct key with urandom, base64, SHA-256 and a dict, the least that it needs."""
    k = base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()
    digest = hashlib.sha256(f'{{"k":"{k}","kty":"oct"}}'.encode()).digest()
    return {
        "@odata.context": "https://graph.microsoft.com/beta/$metadata#microsoft.graph.trustFrameworkKey",
        "k": None,
        "x5c": [],
        "kty": "oct",
        "use": "sig",
        "exp": None,
        "nbf": None,
        "kid": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
    }


def joserfc_answer(key: OctKey | RSAKey) -> dict[str, Any]:
    """Return the same answer from joserfc."""
    return {**key.as_dict(private=False), "kid": key.thumbprint()}


def jwcrypto_answer(key: JWK) -> dict[str, Any]:
    """Return the same answer from jwcrypto, which exports no public oct key."""
    members = key.export(as_dict=True) if key["kty"] == "oct" else key.export_public(as_dict=True)
    return {**members, "kid": key.thumbprint()}
