"""Every function that reads files of others, each as its callers call it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from tests.fuzz.seeds import PASSWORD, RECIPIENT
from trustkeys import TrustFrameworkKey, TrustFrameworkKeySet, TrustKeysError
from trustkeys.cli import inspect
from trustkeys.cli.batch import requests
from trustkeys.core.private import Private
from trustkeys.formats import certificates, jwe, pem, pkcs12, reading
from trustkeys.keyset.check import audit_key_sets
from trustkeys.store import StoredFile


def _opened(data: bytes) -> None:
    found = reading.recognise(data)
    for password in (None, PASSWORD):
        with suppress(TrustKeysError):
            opened = found.open(password=password)
            if isinstance(opened, reading.OpenedSet):
                TrustFrameworkKeySet.from_jwks(opened.document, id="fuzz")
            else:
                opened.key(use="sig")


def _inspected(data: bytes) -> None:
    found = reading.recognise(data)
    inspect._report(found, PASSWORD if found.protection == "passphrase" else None, None)


def _stored(data: bytes) -> None:
    StoredFile("fuzz", Private(data), 0o600).key_set(password=PASSWORD)


READERS: dict[str, Callable[[bytes], object]] = {
    "open": _opened,
    "inspect": _inspected,
    "from_jwk": lambda data: TrustFrameworkKey.from_jwk(data, use="sig"),
    "from_jwks": lambda data: TrustFrameworkKeySet.from_jwks(data, id="fuzz"),
    "audit": audit_key_sets,
    "decrypt": lambda data: jwe.decrypt(data, password=PASSWORD),
    "unseal": lambda data: jwe.decrypt(data, with_key=RECIPIENT),
    "from_pem": lambda data: pem.from_pem(data, use="sig", password=PASSWORD),
    "from_pkcs12": lambda data: pkcs12.from_pkcs12(data, PASSWORD, use="sig"),
    "certificates": certificates.from_certificate,
    "store": _stored,
    "requests": lambda data: requests._read(data, None, has_ids=True),
}
