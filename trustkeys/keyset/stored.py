"""Key sets as trustkeys writes them: JWK Sets with an `id`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trustkeys.core.jwk import read_jwk
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.work import Work
from trustkeys.errors import prefix_errors
from trustkeys.formats.answers import Document, read_key_sets
from trustkeys.keyset.document import set_of
from trustkeys.keyset.keyset import TrustFrameworkKeySet

__tracebackhide__ = True


def read_key_set(
    document: Document,
    *,
    id: str | None = None,  # noqa: A002
) -> TrustFrameworkKeySet:
    """Read a key set that trustkeys wrote: no key is left out, and no prime is tested again.

    Args:
        document: The JWK Set.
        id: Replaces its own `id`.

    Raises:
        InvalidInputError: As `TrustFrameworkKeySet.from_jwks`; a key of another `kty`.
    """
    found = set_of(read_key_sets(document), id)
    keyset = TrustFrameworkKeySet(found.id if id is None else id)
    work = Work()
    for number, jwk in enumerate(found.keys, 1):
        with prefix_errors(f"key {number}"):
            keyset.add(TrustFrameworkKey(**read_jwk(jwk, prove=False, work=work)))
    return keyset


def check_stored(
    keyset: TrustFrameworkKeySet,
    jwks: Sequence[Mapping[str, Any]],
    read: Iterable[TrustFrameworkKey],
) -> None:
    """Check that `read_key_set` will take the keys of a set.

    Args:
        keyset: The set.
        jwks: Its keys as they are written.
        read: The keys that `read_key_set` has returned, which were checked.

    Raises:
        InvalidInputError: As `read_key_set`.
    """
    # The certificates of a set are counted together.
    has_certificates = any(key.x5c for key in keyset)
    checked = set() if has_certificates else {id(key) for key in read}
    work = Work()
    for number, (key, jwk) in enumerate(zip(keyset, jwks, strict=True), 1):
        if id(key) not in checked:
            with prefix_errors(f"key {number}"):
                read_jwk(jwk, prove=False, work=work)
