"""Certificate chains of keys: `x5c` and `x5t` (RFC 7517 sections 4.7 and 4.8)."""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING

from trustkeys.core.base64url import base64url_encode
from trustkeys.core.guarded import attempt
from trustkeys.core.rsa import MAX_EXPONENT_SIZE, MAX_SIZE
from trustkeys.core.work import SignatureChecks
from trustkeys.errors import InvalidInputError
from trustkeys.wording import shape

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.x509 import Certificate

__tracebackhide__ = True

MAX_CHAIN = 10
"""The largest number of certificates in a chain. More than three are rare."""


def x5c_of(chain: Sequence[Certificate]) -> tuple[str, ...]:
    """Encode a chain as a JWK's `x5c`: base64 of DER, the key's own certificate first."""
    from cryptography.hazmat.primitives.serialization import Encoding

    return tuple(
        b2a_base64(certificate.public_bytes(Encoding.DER), newline=False).decode()
        for certificate in chain
    )


def x5t_of(certificate: Certificate) -> str:
    """Compute a certificate's SHA-1 thumbprint (RFC 7517 section 4.8)."""
    from cryptography.hazmat.primitives.hashes import SHA1

    return base64url_encode(certificate.fingerprint(SHA1()))  # noqa: S303 - an identifier, not a protection


def x5t_s256_of(certificate: Certificate) -> str:
    """Compute a certificate's SHA-256 thumbprint (RFC 7517 section 4.9)."""
    from cryptography.hazmat.primitives.hashes import SHA256

    return base64url_encode(certificate.fingerprint(SHA256()))


def read_x5c(x5c: object) -> tuple[Certificate, ...]:
    """Parse the certificates of a JWK's `x5c`.

    Raises:
        InvalidInputError: Not a list of certificates, or too long. Code ``AADB2C95034``.
    """
    if (
        isinstance(x5c, (list, tuple))
        and len(x5c) <= MAX_CHAIN
        and all(isinstance(text, str) for text in x5c)
    ):
        chain = [load_certificate(_decoded(text)) for text in x5c]
        found = tuple(certificate for certificate in chain if certificate is not None)
        if len(found) == len(chain):
            return found
    raise InvalidInputError(
        f"x5c must be a list of at most {MAX_CHAIN} certificates, each as base64 of DER "
        f"(RFC 7517 section 4.7), not {shape(x5c)}",
        code="AADB2C95034",
        target="x5c",
    )


def load_certificate(der: bytes) -> Certificate | None:
    """Load a certificate from DER; None if it is none, or broken."""
    from cryptography.x509 import load_der_x509_certificate

    return attempt(load_der_x509_certificate, der)


def check_chain(
    chain: Sequence[Certificate],
    key: RSAPublicKey,
    x5t: str | None = None,
    *,
    checks: SignatureChecks | None = None,
) -> None:
    """Check that a chain belongs to a key, and that each certificate is issued by the next.

    Args:
        chain: One or more certificates.
        key: The public half of the key.
        x5t: The expected SHA-1 thumbprint of the first certificate, if known.
        checks: What the signatures of the document may still cost. Default: this chain is all.

    Raises:
        InvalidInputError: The key, the order or the thumbprint does not match; or the signatures
            cost too much. Code ``AADB2C95034``.
    """
    problem = _problem(chain, key, x5t, SignatureChecks() if checks is None else checks)
    if problem is not None:
        raise InvalidInputError(problem, code="AADB2C95034", target="x5c")


def belongs_to(certificate: Certificate, key: RSAPublicKey) -> bool:
    """Whether a certificate has this public key."""
    return attempt(certificate.public_key) == key


def is_issued_by(certificate: Certificate, issuer: Certificate, checks: SignatureChecks) -> bool:
    """Whether a certificate names another as its issuer and has its signature.

    Raises:
        InvalidInputError: The signatures cost too much. Code ``AADB2C95034``.
    """
    if not attempt(lambda: certificate.issuer == issuer.subject):
        return False
    work = _work(attempt(issuer.public_key))
    if work is None:
        return False
    checks.spend(work)
    return attempt(_verified, certificate, issuer) is True


def _verified(certificate: Certificate, issuer: Certificate) -> bool:
    certificate.verify_directly_issued_by(issuer)
    return True


def _work(key: object) -> int | None:
    """Return what a signature of a key costs, or None if it would take too long to check."""
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa

    if isinstance(key, rsa.RSAPublicKey):
        # OpenSSL takes 62 s for an exponent of 3,070 bits.
        exponent = key.public_numbers().e.bit_length()
        if key.key_size > MAX_SIZE or exponent > MAX_EXPONENT_SIZE:
            return None
        return 1 if key.key_size <= 4096 and exponent <= 32 else _SLOW
    if isinstance(key, dsa.DSAPublicKey):
        return _SLOW if key.key_size <= 4096 else None
    if isinstance(key, ec.EllipticCurvePublicKey):
        return {"secp256r1": 1, "secp384r1": 20, "secp521r1": 20}.get(key.curve.name, _SLOW)
    return 1 if isinstance(key, ed25519.Ed25519PublicKey) else _SLOW


_SLOW = 100


def _decoded(text: str) -> bytes:
    with suppress(ValueError):
        return a2b_base64(text, strict_mode=True)
    return b""


def _problem(
    chain: Sequence[Certificate], key: RSAPublicKey, x5t: str | None, checks: SignatureChecks
) -> str | None:
    if not belongs_to(chain[0], key):
        return "x5c must start with the key's own certificate, but it has another key"
    if x5t not in (None, x5t_of(chain[0])):
        return "x5t must be the SHA-1 thumbprint of the first certificate of x5c"
    for number, (certificate, issuer) in enumerate(pairwise(chain), 1):
        if not is_issued_by(certificate, issuer, checks):
            return f"x5c must be in order: certificate {number} is not issued by the next"
    return None
