"""What ``trustkeys inspect`` finds in a file, and how it is printed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from attrs import define, field
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from trustkeys.core.guarded import attempt
from trustkeys.core.numericdate import date_text
from trustkeys.core.rsa import MAX_EXPONENT_SIZE, MAX_SIZE, rsa_public_members
from trustkeys.core.thumbprint import jwk_thumbprint
from trustkeys.core.x5c import x5t_of
from trustkeys.errors import InvalidInputError
from trustkeys.formats.certificates import dates_of
from trustkeys.formats.key_usage import use_of
from trustkeys.testkeys.guard import is_test_jwk

__tracebackhide__ = True

Facts = dict[str, Any]

TEST_KEY = ("error", "it is a test key, whose private part is public")


@define
class Report:
    """What a file holds, and what is wrong with it."""

    facts: Facts = field(factory=dict)
    keys: list[Facts] = field(factory=list)
    certificates: list[Facts] = field(factory=list)
    problems: list[tuple[str, str]] = field(factory=list)
    is_opened: bool = True

    def add_request(self, request: x509.CertificateSigningRequest | None) -> None:
        """Add the facts of a certificate signing request, which is None if it is broken."""
        subject = None if request is None else attempt(_subject_of, request)
        if request is None or subject is None:
            self.problems.append(("error", "it is broken, or cut off"))
            return
        self.facts["subject"] = subject
        key = attempt(request.public_key)
        if isinstance(key, RSAPublicKey):
            # With these a person finds the key that the request is for.
            self.facts["size"] = key.key_size
            jwk = {"kty": "RSA", **rsa_public_members(key)}
            self.facts["thumbprint"] = jwk_thumbprint(jwk)
            if is_test_jwk(jwk):
                self.problems.append(TEST_KEY)
        # OpenSSL takes minutes for a signature with a long exponent.
        if key is None or (isinstance(key, RSAPublicKey) and _is_slow(key)):
            self.problems.append(("error", "its key is broken, or of a kind that is not supported"))
        elif not attempt(lambda: request.is_signature_valid):
            self.problems.append(("error", "its signature was not made with its own key"))

    def add_certificates(self, chain: tuple[x509.Certificate, ...]) -> None:
        """Add the facts of certificates."""
        now = time.time()
        for number, certificate in enumerate(chain, 1):
            start, end = dates_of(certificate)
            subject, issuer = _names_of(certificate)
            use = None
            try:
                use = use_of(certificate)
            except InvalidInputError:
                broken = f"the extensions of certificate {number} cannot be read"
                self.problems.append(("error", broken))
            self.certificates.append(
                {
                    "subject": subject,
                    "issuer": issuer,
                    "nbf": start,
                    "exp": end,
                    "use": use,
                    "x5t": x5t_of(certificate),
                    "sha256": certificate.fingerprint(SHA256()).hex(":").upper(),
                }
            )
            if now < start:
                soon = f"certificate {number} is not valid before {date_text(start)}"
                self.problems.append(("warning", soon))
            if now > end:
                expired = f"certificate {number} expired at {date_text(end)}"
                self.problems.append(("error", expired))
            if subject is None:
                self.problems.append(("error", f"the names in certificate {number} are broken"))

    def lines(self, description: str) -> Iterator[str]:
        """Yield the lines to print, after the description of the file."""
        yield description
        yield from _listed(self.facts)
        for kind, entries in (("key", self.keys), ("certificate", self.certificates)):
            for number, entry in enumerate(entries, 1):
                yield f"{kind} {number}"
                yield from _listed(entry)
        if not self.is_opened:
            yield "contents not inspected (encrypted)"
        yield from (f"{severity}: {text}" for severity, text in self.problems)


def _is_slow(key: RSAPublicKey) -> bool:
    """Whether a signature of a key takes long to verify."""
    return key.key_size > MAX_SIZE or key.public_numbers().e.bit_length() > MAX_EXPONENT_SIZE


def _names_of(certificate: x509.Certificate) -> tuple[str | None, str | None]:
    """Return the subject and the issuer. cryptography parses them only now."""
    subject = attempt(_subject_of, certificate)
    issuer = attempt(_issuer_of, certificate)
    return (None, None) if issuer is None else (subject, issuer)


def _subject_of(each: x509.Certificate | x509.CertificateSigningRequest) -> str:
    return each.subject.rfc4514_string()


def _issuer_of(certificate: x509.Certificate) -> str:
    return certificate.issuer.rfc4514_string()


def _listed(facts: Facts) -> Iterator[str]:
    for name, value in facts.items():
        if name in ("nbf", "exp") and value is not None:
            yield f"  {name:<10}  {value} ({date_text(value)})"
        elif name == "size" and value is not None:
            yield f"  {name:<10}  {value} bits"
        elif isinstance(value, bool):
            yield f"  {name:<10}  {'yes' if value else 'no'}"
        elif value is not None:
            yield f"  {name:<10}  {value}"
