"""Every reader of files from other programs, by the kind of file that it fits."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from io import BytesIO
from typing import Any

import pytest

from tests.fuzz.seeds import PASSWORD, RECIPIENTS
from trustkeys import GenerateKeyRequest, TrustFrameworkKey, TrustFrameworkKeySet, testing
from trustkeys.cli import inspection
from trustkeys.cli.batch import requests, resume
from trustkeys.core.private import Private
from trustkeys.core.rsa import RSAStrategy
from trustkeys.errors import InvalidInputError, MissingPassphraseError, NotEncryptedError
from trustkeys.formats import jwe
from trustkeys.formats.answers import read_key_sets
from trustkeys.formats.certificates import from_certificate, read_certificates
from trustkeys.formats.pem import from_pem
from trustkeys.formats.pkcs12 import from_pkcs12
from trustkeys.formats.reading import recognise
from trustkeys.graph.compare import compare
from trustkeys.keyset import weak
from trustkeys.keyset.check import audit
from trustkeys.keyset.uploads import open_certificate, open_pkcs12
from trustkeys.store import StoredFile

Reader = Callable[[bytes], object]


@contextmanager
def each_proof_once() -> Iterator[None]:
    """Test the same few numbers for primes once in the block, and not again for each file."""
    prove, test = RSAStrategy.prove, weak.slow_weakness

    @cache
    def proved(members: tuple[tuple[str, str], ...]) -> None:
        prove(RSAStrategy(), dict(members))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RSAStrategy, "prove", lambda _, members: proved(tuple(members.items())))
        patch.setattr(weak, "slow_weakness", cache(test))
        yield


_KEYS = TrustFrameworkKeySet("B2C_1A_Signing", [testing.rsa_key(1), testing.rsa_key(2)])


def _open(data: bytes) -> object:
    """Do as ``trustkeys import``."""
    found = recognise(data)
    with suppress(MissingPassphraseError):
        return found.open()
    return found.open(password=PASSWORD)


def _inspect(data: bytes) -> object:
    found = recognise(data)
    with suppress(NotEncryptedError):
        return inspection.inspected(found, PASSWORD, None)
    return inspection.inspected(found, None, None)


def _from_jwk(data: bytes) -> object:
    value: Any = None
    with suppress(ValueError, RecursionError):
        value = json.loads(data)
    return TrustFrameworkKey.from_jwk(value)


def _stored(data: bytes) -> object:
    found = StoredFile("stored", Private(data), 0o600)
    return found.key_set(password=PASSWORD if found.is_encrypted else None)


class _Line:
    """A file of one line, in place of a journal."""

    count = 0

    def __init__(self, line: bytes) -> None:
        self._line = line

    def read(self, check: Callable[[bytes], None]) -> None:
        check(self._line)


def _resumed(data: bytes) -> object:
    for sealed, kty in ((False, "RSA"), (True, "oct")):
        wanted: Iterator[Any] = iter([("a", GenerateKeyRequest("sig", kty))])
        with suppress(InvalidInputError):
            resume._check_lines(_Line(data), wanted, sealed=sealed)  # type: ignore[arg-type]
    return None


def _unsealed(data: bytes) -> object:
    with suppress(InvalidInputError):
        return jwe.decrypt(data, with_key=RECIPIENTS["ec"])
    return jwe.decrypt(data, with_key=RECIPIENTS["rsa"])


def _kept(data: bytes) -> object:
    kept = requests._Kept(BytesIO(), None)
    return kept.add(*requests._read(data, has_ids=True))


_ALL: dict[str, Reader] = {"open": _open, "inspect": _inspect}

_JSON: dict[str, Reader] = {
    "from_jwk": _from_jwk,
    "from_jwks": lambda data: TrustFrameworkKeySet.from_jwks(data, id="a", use="sig"),
    "audit": lambda data: audit(read_key_sets(data)),
    "compare": lambda data: compare(_KEYS, data),
    "store": _stored,
    "resume": _resumed,
    "requests file": _kept,
}

_CERTIFICATES: dict[str, Reader] = {
    "read_certificates": read_certificates,
    "from_certificate": lambda data: from_certificate(data, use="sig"),
    "upload_certificate": lambda data: open_certificate(data.decode("latin-1")),
}

_PEM: dict[str, Reader] = {
    "from_pem": lambda data: from_pem(data, use="sig", password=PASSWORD),
    "from_pem without": lambda data: from_pem(data, use="sig"),
    **_CERTIFICATES,
}

READERS: dict[str, dict[str, Reader]] = {
    "json": {**_ALL, **_JSON},
    "line": {**_ALL, **_JSON},
    "jwe": {
        **_ALL,
        "decrypt": lambda data: jwe.decrypt(data, password=PASSWORD),
        "unseal": _unsealed,
        "store": _stored,
        "resume": _resumed,
    },
    "pem": {**_ALL, **_PEM},
    "der": {**_ALL, **_PEM},
    "pfx": {
        **_ALL,
        "from_pkcs12": lambda data: from_pkcs12(data, PASSWORD, use="sig"),
        "upload_pkcs12": lambda data: open_pkcs12(data, PASSWORD),
    },
}
