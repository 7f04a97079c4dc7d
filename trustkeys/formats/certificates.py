"""X.509 certificates of RSA keys (RFC 5280), and certificate signing requests (RFC 2986)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from trustkeys.core.key import TrustFrameworkKey, with_chain
from trustkeys.core.numericdate import NumericDateInput, numeric_dates, utc
from trustkeys.core.rsa import rsa_public_members
from trustkeys.core.x5c import (
    MAX_CHAIN,
    belongs_to,
    is_issued_by,
    read_x5c,
    x5c_of,
    x5t_of,
)
from trustkeys.errors import InvalidInputError
from trustkeys.formats.key_usage import check_usage, key_usage, use_of
from trustkeys.formats.opened import ANY_USE, OpenedKey
from trustkeys.wording import shape

__all__ = [
    "from_certificate",
    "read_certificates",
    "self_signed",
    "signing_request",
    "to_certificate_pem",
    "with_certificates",
]

__tracebackhide__ = True

MAX_TIME = 253_402_300_799
"""The last second that X.509 can express, since 1970: the end of the year 9999."""


def self_signed(
    key: TrustFrameworkKey,
    subject: str,
    *,
    nbf: NumericDateInput = None,
    exp: NumericDateInput = None,
) -> TrustFrameworkKey:
    """Make a certificate that is signed with the key itself, and attach it to the key.

    Its key usage follows the key's `use`: digitalSignature for ``sig``, keyEncipherment and
    dataEncipherment for ``enc``. It is valid from the key's `nbf` to its `exp`. (A certificate
    is still valid in its last second; a key is not.)

    Args:
        key: A private RSA key.
        subject: The subject's names in the form of RFC 4514: ``CN=login.example,O=Example``.
        nbf: The first second, for a key without `nbf`: whole seconds since 1970 or an aware
            datetime.
        exp: The last second, for a key without `exp`: likewise.

    Returns:
        The key with the certificate in `x5c` and `x5t`.

    Raises:
        InvalidInputError: Code ``BadRequest``: no private RSA key; no such subject; a date that
            is missing, given twice, or beyond the year 9999.
    """
    start, end = _validity(key, nbf, exp)
    name = _name(subject)
    private_key = key.private_key()
    public_key = private_key.public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(utc(start))
        .not_valid_after(utc(end))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(key.use), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )
    # cryptography finds some bad subjects only when it signs.
    with suppress(ValueError):
        return _carrying(key, [builder.sign(private_key, SHA256())])
    raise _no_subject(subject)


def signing_request(key: TrustFrameworkKey, subject: str) -> bytes:
    """Write a certificate signing request for a key as PEM.

    It asks for the key usage that fits the key's `use`.

    Args:
        key: A private RSA key.
        subject: As `self_signed`.

    Raises:
        InvalidInputError: No private RSA key, or no such subject. Code ``BadRequest``.
    """
    builder = x509.CertificateSigningRequestBuilder().subject_name(_name(subject))
    builder = builder.add_extension(key_usage(key.use), critical=True)
    private_key = key.private_key()
    with suppress(ValueError):
        return builder.sign(private_key, SHA256()).public_bytes(Encoding.PEM)
    raise _no_subject(subject)


def with_certificates(
    key: TrustFrameworkKey, certificates: bytes | Iterable[x509.Certificate]
) -> TrustFrameworkKey:
    """Attach the certificates that an authority issued to their key.

    Args:
        key: An RSA key.
        certificates: Its certificate and those of the issuers, in any order: PEM, DER, or
            objects of `cryptography`.

    Returns:
        The key with the chain, in order, in `x5c` and `x5t`.

    Raises:
        InvalidInputError: ``AADB2C95034`` none of the certificates is for this key, one does not
            belong to the chain, or the key usage does not allow the key's `use`.
    """
    chain = _in_order(_certificates(certificates), key)
    check_usage(chain[0], key.use)
    return _carrying(key, chain)


def to_certificate_pem(key: TrustFrameworkKey) -> bytes:
    """Write the certificates of a key as PEM, its own first.

    Raises:
        InvalidInputError: It has none. Code ``BadRequest``.
    """
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates_of(key))


def certificates_of(key: TrustFrameworkKey) -> tuple[x509.Certificate, ...]:
    """Return the certificates of a key, its own first.

    Raises:
        InvalidInputError: It has none. Code ``BadRequest``.
    """
    if not key.x5c:
        raise InvalidInputError(
            "the key has no certificate: make a self-signed one, or attach one first", target="x5c"
        )
    return read_x5c(key.x5c)


def read_certificates(data: bytes) -> tuple[x509.Certificate, ...]:
    """Read certificates from PEM or DER.

    Raises:
        InvalidInputError: There are none. Code ``AADB2C95034``.
    """
    if not isinstance(data, bytes):
        raise InvalidInputError(f"certificates must be bytes, not {shape(data)}")
    with suppress(ValueError, x509.InvalidVersion):
        if b"-----BEGIN" in data:
            return tuple(x509.load_pem_x509_certificates(data))
        return (x509.load_der_x509_certificate(data),)
    raise InvalidInputError("these must be certificates in PEM or DER", code="AADB2C95034")


def from_certificate(
    certificates: bytes | Iterable[x509.Certificate],
    *,
    use: str | None = None,
    nbf: NumericDateInput = None,
    exp: NumericDateInput = None,
) -> TrustFrameworkKey:
    """Read the public key of a certificate, with the certificate and its dates.

    Args:
        certificates: The key's own first: PEM, DER, or objects of `cryptography`.
        use: ``"sig"`` or ``"enc"``. Default: the use that the key usage allows, if it is one.
        nbf: Whole seconds since 1970 or an aware datetime. Default: the certificate's.
        exp: Likewise.

    Raises:
        MissingUseError: Code ``AADB2C90253``: `use` is None, and the key usage allows both or
            neither.
        InvalidInputError: ``AADB2C95034`` no certificate of an RSA key, one that does not belong
            to the chain, or a key usage that does not allow `use`; else as
            `TrustFrameworkKey.from_jwk`.
    """
    return opened_certificate([*_certificates(certificates)]).key(use=use, nbf=nbf, exp=exp)


def opened_certificate(chain: Sequence[x509.Certificate]) -> OpenedKey:
    """Read the public key of the first certificate; else as `from_certificate`."""
    public_key: object = None
    with suppress(IndexError, ValueError, UnsupportedAlgorithm):
        public_key = chain[0].public_key()
    if not isinstance(public_key, RSAPublicKey):
        raise InvalidInputError("the certificate must be for an RSA key", code="AADB2C95034")
    return opened_with_certificates({"kty": "RSA", **rsa_public_members(public_key)}, chain)


def opened_with_certificates(
    members: dict[str, str], certificates: Iterable[x509.Certificate]
) -> OpenedKey:
    """Check the members of an RSA key, and attach its certificates, in any order.

    The `use` and the dates are those of the key's own certificate.

    Raises:
        InvalidInputError: As `TrustFrameworkKey.from_jwk` and `with_certificates`.
    """
    key = TrustFrameworkKey.from_jwk(members, use=ANY_USE)
    chain = _in_order(certificates, key)
    start, end = dates_of(chain[0])
    return OpenedKey(_carrying(key, chain), use_of(chain[0]), start, end, chain[0])


def dates_of(certificate: x509.Certificate) -> tuple[int, int]:
    """Return a certificate's first and last second since 1970; 0 for earlier ones."""
    dates = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    start, end = (max(int(date.timestamp()), 0) for date in dates)
    return start, end


def _carrying(key: TrustFrameworkKey, chain: Sequence[x509.Certificate]) -> TrustFrameworkKey:
    return with_chain(key, x5c_of(chain), x5t_of(chain[0]))


def _certificates(
    certificates: bytes | Iterable[x509.Certificate],
) -> Iterable[x509.Certificate]:
    if isinstance(certificates, (bytes, str)):
        return read_certificates(certificates)
    return certificates


def _in_order(
    certificates: Iterable[x509.Certificate], key: TrustFrameworkKey
) -> list[x509.Certificate]:
    """Return the key's own certificate, followed by those of its issuers, in order."""
    rest = [*dict.fromkeys(certificates)]
    if len(rest) > MAX_CHAIN:
        raise _bad_chain(f"a chain must have at most {MAX_CHAIN} certificates, not {len(rest)}")
    public_key = key.public_key()
    chain = [certificate for certificate in rest if belongs_to(certificate, public_key)][:1]
    if not chain:
        raise _bad_chain("none of the certificates is for this key")
    rest.remove(chain[0])
    while issuers := [other for other in rest if is_issued_by(chain[-1], other)]:
        chain.append(issuers[0])
        rest.remove(issuers[0])
    if rest:
        raise _bad_chain(f"{len(rest)} of the certificates do not belong to the chain of this key")
    return chain


def _bad_chain(message: str) -> InvalidInputError:
    return InvalidInputError(message, code="AADB2C95034", target="x5c")


def _validity(
    key: TrustFrameworkKey, nbf: NumericDateInput, exp: NumericDateInput
) -> tuple[int, int]:
    for name, own, given in (("nbf", key.nbf, nbf), ("exp", key.exp, exp)):
        if (own is None) == (given is None):
            problem = (
                "must be given: the key has none, and a certificate needs both nbf and exp"
                if own is None
                else "must not be given: the key has its own"
            )
            raise InvalidInputError(f"{name} {problem}", target=name)
    start, end = numeric_dates(key.nbf if nbf is None else nbf, key.exp if exp is None else exp)
    if start is None or end is None or end > MAX_TIME:
        raise InvalidInputError(
            "exp must be before the year 10000: X.509 has no later dates", target="exp"
        )
    return start, end


def _name(subject: str) -> x509.Name:
    if isinstance(subject, str) and subject:
        with suppress(ValueError):
            return x509.Name.from_rfc4514_string(subject)
    raise _no_subject(subject)


def _no_subject(subject: object) -> InvalidInputError:
    return InvalidInputError(
        "subject must be names in the form of RFC 4514, such as CN=login.example,O=Example (no "
        f"slashes, no space after a comma), not {shape(subject)}",
        target="subject",
    )
