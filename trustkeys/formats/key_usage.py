"""The key usage of a certificate (RFC 5280 section 4.2.1.3), and the `use` that it allows."""

from __future__ import annotations

from typing import Literal

from cryptography import x509
from cryptography.x509.oid import PublicKeyAlgorithmOID

from trustkeys.core.guarded import attempt
from trustkeys.core.request import checked_use
from trustkeys.errors import InvalidInputError

__tracebackhide__ = True


def use_of(certificate: x509.Certificate) -> str | None:
    """Return the only `use` that a certificate's key usage allows, or None.

    Raises:
        InvalidInputError: Its extensions cannot be read. Code ``AADB2C95034``.
    """
    allowed = allowed_uses(certificate)
    return allowed.pop() if len(allowed) == 1 else None


def check_usage(certificate: x509.Certificate, use: str | None) -> None:
    """Check that a certificate's key usage allows a `use`, or any if `use` is None.

    Raises:
        InvalidInputError: It does not, or its extensions cannot be read. Code ``AADB2C95034``.
    """
    allowed = allowed_uses(certificate)
    if use is not None and checked_use(use) in allowed:
        return
    only = only_use(certificate)
    if use is not None and only not in (None, checked_use(use)):
        raise restricted(only, use)
    if not allowed:
        raise InvalidInputError(
            "the key usage of the certificate allows neither sig nor enc: it has neither "
            "digitalSignature nor keyEncipherment nor dataEncipherment, like the certificate of an "
            "authority, which only signs certificates",
            code="AADB2C95034",
            target="use",
        )
    if use is not None:
        needed = {"sig": "digitalSignature", "enc": "keyEncipherment or dataEncipherment"}
        raise InvalidInputError(
            f"the certificate's key usage must have {needed[checked_use(use)]} for a key of use "
            f"{use}",
            code="AADB2C95034",
            target="use",
        )


def restricted(only: str | None, use: str) -> InvalidInputError:
    """Return the error for a `use` that the algorithm of a key does not allow."""
    algorithm = "RSASSA-PSS" if only == "sig" else "RSAES-OAEP"
    return InvalidInputError(
        f"the file says that the key is for {algorithm} alone: its use must be {only}, not {use}",
        code="AADB2C95034",
        target="use",
    )


def check_agreement(certificate: x509.Certificate) -> None:
    """Check that a certificate's key usage allows ECDH-ES (RFC 5480 section 3).

    Raises:
        InvalidInputError: It does not, or its extensions cannot be read. Code ``AADB2C95034``.
    """
    usage = _usage(certificate)
    if usage is not None and not usage.key_agreement:
        raise InvalidInputError(
            "the certificate's key usage must have keyAgreement for the EC key of a recipient",
            code="AADB2C95034",
            target="use",
        )


def key_usage(use: str) -> x509.KeyUsage:
    """Return the key usage for a new certificate.

    Raises:
        InvalidInputError: `use` is neither ``sig`` nor ``enc``. Code ``AADB2C95033``.
    """
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


def allowed_uses(certificate: x509.Certificate) -> set[str]:
    """Return the uses that a certificate allows: both, if it has no key usage.

    The algorithm of its key can allow one alone, as RSASSA-PSS does.

    Raises:
        InvalidInputError: Its extensions cannot be read. Code ``AADB2C95034``.
    """
    usage = _usage(certificate)
    only = only_use(certificate)
    possible: set[str] = {"sig", "enc"} if only is None else {only}
    if usage is None:
        return possible
    signs = {"sig"} if usage.digital_signature else set()
    encrypts = {"enc"} if usage.key_encipherment or usage.data_encipherment else set()
    return possible & (signs | encrypts)


def only_use(certificate: x509.Certificate) -> Literal["sig"] | None:
    """Return the only `use` that the algorithm of a certificate's key allows, or None."""
    # Of a key for RSAES-OAEP, cryptography returns no public key.
    is_pss = certificate.public_key_algorithm_oid == PublicKeyAlgorithmOID.RSASSA_PSS
    return "sig" if is_pss else None


def _usage(certificate: x509.Certificate) -> x509.KeyUsage | None:
    extensions = attempt(lambda: certificate.extensions)
    if extensions is None:
        raise InvalidInputError(
            "the certificate's extensions cannot be read", code="AADB2C95034", target="x5c"
        )
    return next((each.value for each in extensions if isinstance(each.value, x509.KeyUsage)), None)
