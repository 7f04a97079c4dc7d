"""The engine: from a request to a key, without sockets, files, clock or environment."""

from __future__ import annotations

from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.numericdate import NumericDateInput
from trustkeys.core.private import Private
from trustkeys.core.registry import KeyType, key_type_for
from trustkeys.core.request import GenerateKeyRequest, checked_parameters
from trustkeys.core.thumbprint import thumbprint

__tracebackhide__ = True


def generate(request: GenerateKeyRequest) -> TrustFrameworkKey:
    """Generate the key for a request, with its private part.

    Thread-safe. RSA generation releases the GIL.
    """
    key_type = key_type_for(request.kty)
    return _generate(request.use, key_type, request.nbf, request.exp, request.size)


def generate_key(
    use: str,
    kty: str,
    *,
    nbf: NumericDateInput = None,
    exp: NumericDateInput = None,
    size: int | None = None,
) -> TrustFrameworkKey:
    """Generate a key as Graph's generateKey does, with its private part.

    Args:
        use: ``"sig"`` or ``"enc"``, in any ASCII case.
        kty: ``"RSA"``, ``"oct"`` or another registered key type, in any ASCII case.
        nbf: Not before: whole seconds since 1970 (NumericDate, RFC 7519 section 2), or an
            aware datetime, whose microseconds are dropped.
        exp: Expires, in the same forms. Not before `nbf`.
        size: In bits. RSA: 2048 (default), 3072 or 4096. oct: 256 (default) to 4096 in whole
            bytes.

    Raises:
        InvalidInputError: See `GenerateKeyRequest`.
    """
    # Without a request object, which is a tenth of the work for an oct key.
    return _generate(*checked_parameters(use, kty, nbf, exp, size))


def _generate(
    use: str, key_type: KeyType, nbf: int | None, exp: int | None, size: int
) -> TrustFrameworkKey:
    members = key_type.strategy.generate(size)
    # Positional arguments, and no call of public_of for oct keys, save another tenth.
    return TrustFrameworkKey(
        thumbprint(key_type, members),
        key_type.kty,
        use,
        nbf,
        exp,
        key_type.public_of(members) if key_type.public else (),
        Private(members),
    )
