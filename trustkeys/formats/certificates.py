"""X.509 certificates of RSA keys (RFC 5280), and requests for them (RFC 2986)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from attrs import evolve
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.numericdate import NumericDateInput, numeric_dates
from trustkeys.core.request import checked_use
from trustkeys.core.rsa import rsa_public_members
from trustkeys.core.x5c import (
    MAX_CHAIN,
    belongs_to,
    check_chain,
    is_issued_by,
    read_x5c,
    x5c_of,
    x5t_of,
)
from trustkeys.errors import InvalidInputError
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
"""The last second that X.509 can say, since 1970: that of the year 9999."""


def self_signed(
    key: TrustFrameworkKey,
    subject: str,
    *,
    nbf: NumericDateInput = None,
    exp: NumericDateInput = None,
) -> TrustFrameworkKey:
    """Give a key a certificate that is signed with the key itself.

    Its key usage is that of the key's `use`: digitalSignature for `sig`, keyEncipherment and
    dataEncipherment for `enc`. It is valid from the key's `nbf` to its `exp`. (A certificate is
    valid up to and including its last second, a key ends at it.)

    Args:
        key: A private RSA key.
        subject: Whose it is, as RFC 4514 writes it: ``CN=login.example,O=Example``.
        nbf: From when it is valid, where the key has no `nbf`.
        exp: Until when, where the key has no `exp`.

    Returns:
        The key, with the certificate in `x5c` and `x5t`.

    Raises:
        InvalidInputError: It is no private RSA key, the subject is none, or the dates are
            missing, given twice, or beyond the year 9999. Code ``BadRequest``.
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
        .not_valid_before(datetime.fromtimestamp(start, UTC))
        .not_valid_after(datetime.fromtimestamp(end, UTC))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(key.use), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )
    # Some of what a subject may not be is found only when it is written.
    certificate = None
    with suppress(ValueError):
        certificate = builder.sign(private_key, SHA256())
    if certificate is None:
        raise _no_subject(subject)
    return _carrying(key, [certificate])


def signing_request(key: TrustFrameworkKey, subject: str) -> bytes:
    """Write a certificate signing request for a key, as PEM.

    It asks for the key usage of the key's `use`.

    Args:
        key: A private RSA key.
        subject: As `self_signed`.

    Raises:
        InvalidInputError: It is no private RSA key, or the subject is none. Code ``BadRequest``.
    """
    builder = x509.CertificateSigningRequestBuilder().subject_name(_name(subject))
    builder = builder.add_extension(_key_usage(key.use), critical=True)
    private_key = key.private_key()
    with suppress(ValueError):
        return builder.sign(private_key, SHA256()).public_bytes(Encoding.PEM)
    raise _no_subject(subject)


def with_certificates(
    key: TrustFrameworkKey, certificates: bytes | Iterable[x509.Certificate]
) -> TrustFrameworkKey:
    """Give a key the certificates that an authority issued for it.

    Args:
        key: An RSA key.
        certificates: Its own and those of its issuers, in any order; PEM, DER, or objects of
            `cryptography`.

    Returns:
        The key, with the chain in `x5c`, in order, and `x5t`.

    Raises:
        InvalidInputError: ``AADB2C95034`` none of them is the key's, one does not belong to the
            chain, or the key usage does not fit the key's `use`.
    """
    chain = in_order(_certificates(certificates), key)
    _check_usage(chain[0], key.use)
    return _carrying(key, chain)


def to_certificate_pem(key: TrustFrameworkKey) -> bytes:
    """Write the certificates that a key carries as PEM, its own first.

    Raises:
        InvalidInputError: It carries none. Code ``BadRequest``.
    """
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates_of(key))


def certificates_of(key: TrustFrameworkKey) -> tuple[x509.Certificate, ...]:
    """Give the certificates that a key carries, its own first.

    Raises:
        InvalidInputError: It carries none. Code ``BadRequest``.
    """
    if not key.x5c:
        raise InvalidInputError("the key has no certificate: give it one first", target="x5c")
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
    raise InvalidInputError("these must be certificates, as PEM or DER", code="AADB2C95034")


def from_certificate(
    certificates: bytes | Iterable[x509.Certificate],
    *,
    use: str | None = None,
    nbf: NumericDateInput = None,
    exp: NumericDateInput = None,
) -> TrustFrameworkKey:
    """Read the public key of a certificate, with the certificate and its dates.

    Args:
        certificates: The key's own first, as PEM, DER, or objects of `cryptography`.
        use: Default: what the key usage says, where it says one.
        nbf: In place of the certificate's own.
        exp: In place of the certificate's own.

    Raises:
        InvalidInputError: ``AADB2C95034`` no certificate of an RSA key, one that does not belong
            to the chain, or a key usage that does not fit `use`; ``AADB2C90253`` `use` is not
            given and the key usage names none, or both; else as `TrustFrameworkKey.from_jwk`.
    """
    chain = [*_certificates(certificates)]
    public_key: object = None
    with suppress(IndexError, ValueError, UnsupportedAlgorithm):
        public_key = chain[0].public_key()
    if not isinstance(public_key, RSAPublicKey):
        raise InvalidInputError("the certificate must be of an RSA key", code="AADB2C95034")
    use = use_of(chain[0]) if use is None else use
    if use is None:
        raise InvalidInputError(
            "use is missing: the certificate's key usage does not say whether sig or enc",
            code="AADB2C90253",
            target="use",
        )
    start, end = dates_of(chain[0])
    members = {"kty": "RSA", **rsa_public_members(public_key)}
    key = TrustFrameworkKey.from_jwk(
        members, use=use, nbf=start if nbf is None else nbf, exp=end if exp is None else exp
    )
    return with_certificates(key, chain)


def use_of(certificate: x509.Certificate) -> str | None:
    """Give the `use` that a certificate's key usage means, where it means one alone."""
    usage = _usage_of(certificate)
    if usage is None:
        return None
    signs, encrypts = usage.digital_signature, usage.key_encipherment or usage.data_encipherment
    return None if signs == encrypts else "sig" if signs else "enc"


def dates_of(certificate: x509.Certificate) -> tuple[int, int]:
    """Give a certificate's first and last second, since 1970; 0 for what lies before."""
    dates = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    start, end = (max(int(date.timestamp()), 0) for date in dates)
    return start, end


def _carrying(key: TrustFrameworkKey, chain: Sequence[x509.Certificate]) -> TrustFrameworkKey:
    check_chain(chain, key.public_key())
    return evolve(key, x5c=x5c_of(chain), x5t=x5t_of(chain[0]))


def _certificates(
    certificates: bytes | Iterable[x509.Certificate],
) -> Iterable[x509.Certificate]:
    if isinstance(certificates, (bytes, str)):
        return read_certificates(certificates)
    return certificates


def in_order(
    certificates: Iterable[x509.Certificate], key: TrustFrameworkKey
) -> list[x509.Certificate]:
    """Put the key's own certificate first, and after each the one that issued it."""
    rest = [*dict.fromkeys(certificates)]
    if len(rest) > MAX_CHAIN:
        raise InvalidInputError(
            f"a chain must have at most {MAX_CHAIN} certificates, not {len(rest)}",
            code="AADB2C95034",
            target="x5c",
        )
    public_key = key.public_key()
    chain = [certificate for certificate in rest if belongs_to(certificate, public_key)][:1]
    if not chain:
        raise InvalidInputError(
            "none of the certificates is of this key", code="AADB2C95034", target="x5c"
        )
    rest.remove(chain[0])
    while issuers := [other for other in rest if is_issued_by(chain[-1], other)]:
        chain.append(issuers[0])
        rest.remove(issuers[0])
    if rest:
        raise InvalidInputError(
            f"{len(rest)} of the certificates do not belong to the chain of this key",
            code="AADB2C95034",
            target="x5c",
        )
    return chain


def _usage_of(certificate: x509.Certificate) -> x509.KeyUsage | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        pass
    raise InvalidInputError(
        "the certificate's extensions cannot be read", code="AADB2C95034", target="x5c"
    )


def _check_usage(certificate: x509.Certificate, use: str) -> None:
    usage = _usage_of(certificate)
    wanted = _key_usage(use)
    if usage is not None and not (
        (wanted.digital_signature and usage.digital_signature)
        or (wanted.key_encipherment and (usage.key_encipherment or usage.data_encipherment))
    ):
        allowed = {"sig": "digitalSignature", "enc": "keyEncipherment or dataEncipherment"}
        raise InvalidInputError(
            f"the certificate's key usage must have {allowed[use]} for a key of use {use}",
            code="AADB2C95034",
            target="use",
        )


def _key_usage(use: str) -> x509.KeyUsage:
    signs = checked_use(use) == "sig"
    return x509.KeyUsage(
        digital_signature=signs,
        content_commitment=False,
        key_encipherment=not signs,
        data_encipherment=not signs,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


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
            "exp must lie before the year 10000, where X.509 ends", target="exp"
        )
    return start, end


def _name(subject: str) -> x509.Name:
    if isinstance(subject, str) and subject:
        with suppress(ValueError):
            return x509.Name.from_rfc4514_string(subject)
    raise _no_subject(subject)


def _no_subject(subject: object) -> InvalidInputError:
    return InvalidInputError(
        "subject must be names as RFC 4514 writes them, such as CN=login.example,O=Example "
        f"(no slashes, no space after a comma), not {shape(subject)}",
        target="subject",
    )
