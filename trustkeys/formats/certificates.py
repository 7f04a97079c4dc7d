"""X.509 certificates of RSA keys (RFC 5280), and certificate signing requests (RFC 2986)."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from contextlib import suppress

from attrs import evolve
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from trustkeys.core.guarded import attempt
from trustkeys.core.key import TrustFrameworkKey, with_chain
from trustkeys.core.numericdate import NumericDateInput, numeric_dates, utc
from trustkeys.core.rsa import rsa_public_members
from trustkeys.core.x5c import read_x5c, x5c_of, x5t_of
from trustkeys.errors import InvalidInputError
from trustkeys.formats.certificate_files import holds_certificates, read_certificates
from trustkeys.formats.chain import bad_chain, in_order, leaf_of
from trustkeys.formats.key_files import KeyFile
from trustkeys.formats.key_usage import check_usage, key_usage, only_use, use_of
from trustkeys.formats.opened import ANY_USE, OpenedKey
from trustkeys.formats.plain_keys import PlainKey
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
        certificates: Its certificate and those of the issuers, in any order: PEM, DER, PKCS#7,
            or objects of `cryptography`. Others are left out with a warning.

    Returns:
        The key with the chain, in order, in `x5c` and `x5t`.

    Raises:
        InvalidInputError: ``AADB2C95034`` none of the certificates is for this key, there are too
            many, or the key usage does not allow the key's `use`.
    """
    chain = in_order(_certificates(certificates), key.public_key())
    check_usage(chain.certificates[0], key.use)
    for remark in chain.remarks:
        warnings.warn(remark, stacklevel=2)
    return _carrying(key, chain.certificates)


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


def from_certificate(
    certificates: bytes | Iterable[x509.Certificate],
    *,
    use: str | None = None,
    nbf: NumericDateInput = None,
    exp: NumericDateInput = None,
) -> TrustFrameworkKey:
    """Read the public key of a certificate, with the certificate and its dates.

    Args:
        certificates: The key's own and its issuers', in any order: PEM, DER, PKCS#7, or objects
            of `cryptography`. Other authorities' are left out with a warning.
        use: ``"sig"`` or ``"enc"``. Default: the use that the key usage allows, if it is one.
        nbf: Whole seconds since 1970 or an aware datetime. Default: the certificate's.
        exp: Likewise.

    Raises:
        MissingUseError: Code ``AADB2C90253``: `use` is None, and the key usage allows both.
        InvalidInputError: ``AADB2C95034`` no certificate of an RSA key, those of several keys, too
            many, or a key usage that does not allow `use`; else as `TrustFrameworkKey.from_jwk`.
    """
    return opened_certificate([*_certificates(certificates)]).key(use=use, nbf=nbf, exp=exp)


def opened_certificate(certificates: Sequence[x509.Certificate]) -> OpenedKey:
    """Read the public key of the certificate that the others belong to, as `from_certificate`."""
    own = leaf_of(certificates)
    public_key = attempt(own.public_key)
    if not isinstance(public_key, RSAPublicKey):
        raise InvalidInputError("the certificate must be for an RSA key", code="AADB2C95034")
    members = {"kty": "RSA", **rsa_public_members(public_key)}
    opened = opened_with_certificates(members, certificates)
    if only_use(own) is None:
        return opened
    remark = "the certificate is for RSASSA-PSS alone, and its key becomes one for any algorithm"
    return evolve(opened, remarks=(*opened.remarks, remark))


def opened_key_file(file: KeyFile, key: PlainKey, data: bytes) -> OpenedKey:
    """Check the RSA key of a file, and attach the certificates beside it."""
    if holds_certificates(data):
        opened = opened_with_certificates(key.members(), read_certificates(data))
    else:
        opened = OpenedKey.from_jwk(key.members())
    return file.remarked(key.restricted(opened))


def opened_with_certificates(
    members: dict[str, str],
    certificates: Iterable[x509.Certificate],
    *,
    own: x509.Certificate | None = None,
) -> OpenedKey:
    """Check the members of an RSA key, and attach its certificates, in any order.

    The `use` and the dates are those of the key's own certificate.

    Args:
        members: The members of a JWK.
        certificates: The key's and its issuers'. Others are left out with a remark.
        own: The key's own certificate, if it is known which one of several it is.

    Raises:
        InvalidInputError: As `TrustFrameworkKey.from_jwk` and `with_certificates`.
    """
    key = TrustFrameworkKey.from_jwk(members, use=ANY_USE)
    chain = in_order(certificates, key.public_key(), own=own)
    first = chain.certificates[0]
    start, end = dates_of(first)
    carrying = _carrying(key, chain.certificates)
    return OpenedKey(carrying, use_of(first), start, end, first, remarks=chain.remarks)


def dates_of(certificate: x509.Certificate) -> tuple[int, int]:
    """Return a certificate's first and last second since 1970; 0 for earlier ones.

    Raises:
        InvalidInputError: They cannot be read. Code ``AADB2C95034``.
    """
    dates = attempt(lambda: (certificate.not_valid_before_utc, certificate.not_valid_after_utc))
    if dates is None:
        raise bad_chain("the dates of the certificate cannot be read")
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
