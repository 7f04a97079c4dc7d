"""The core: a request in, a key out. No socket, no file, no clock, no environment."""

from __future__ import annotations

from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.numericdate import NumericDateInput
from trustkeys.core.private import Private
from trustkeys.core.registry import key_type_for
from trustkeys.core.request import GenerateKeyRequest
from trustkeys.core.thumbprint import thumbprint

__all__ = ["generate", "generate_key"]

__tracebackhide__ = True


def generate(request: GenerateKeyRequest) -> TrustFrameworkKey:
    """Generate the key that a request asks for, private part included.

    Safe to call from many threads; RSA generation releases the GIL.
    """
    key_type = key_type_for(request.kty)
    members = key_type.strategy.generate(request.size)
    # By position, and an oct key's lack of public members at sight: oct keys are made by the
    # hundred thousand, and this is a tenth of the time of one.
    return TrustFrameworkKey(
        thumbprint(key_type, members),
        request.kty,
        request.use,
        request.nbf,
        request.exp,
        key_type.public_of(members) if key_type.public else (),
        Private(members),
    )


def generate_key(
    use: str,
    kty: str,
    *,
    nbf: NumericDateInput = None,
    exp: NumericDateInput = None,
    size: int | None = None,
) -> TrustFrameworkKey:
    """Generate a key as Graph's generateKey does, and keep its private part.

    Args:
        use: ``"sig"`` or ``"enc"``, in any ASCII case.
        kty: ``"RSA"``, ``"oct"`` or another registered key type, in any ASCII case.
        nbf: Not before: whole seconds since 1970 (NumericDate, RFC 7519 section 2), or an
            aware datetime, whose microseconds are dropped.
        exp: Expires: likewise; not before `nbf`.
        size: In bits; RSA 2048 (default), 3072, 4096; oct 256 (default) to 4096 in whole bytes.

    Raises:
        InvalidInputError: As `GenerateKeyRequest`.
    """
    return generate(GenerateKeyRequest(use, kty, nbf=nbf, exp=exp, size=size))
