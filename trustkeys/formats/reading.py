"""Keys in any form, told apart by their content."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

from attrs import evolve
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_der_public_key,
)

from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.numericdate import NumericDateInput
from trustkeys.core.strict_json import MAX_SET_BYTES, parse_object
from trustkeys.errors import InvalidInputError
from trustkeys.formats.certificates import (
    from_certificate,
    in_order,
    read_certificates,
    with_certificates,
)
from trustkeys.formats.jwe import ALG, decrypt
from trustkeys.formats.pem import from_pem
from trustkeys.formats.pkcs12 import from_pkcs12
from trustkeys.formats.sealed import Recipient, sealed_header, unseal_text
from trustkeys.wording import shape

__all__ = ["read_key", "recognise"]

__tracebackhide__ = True

Form = Literal[
    "jwk",
    "jwk-set",
    "jwe",
    "sealed",
    "private-key",
    "public-key",
    "certificate",
    "signing-request",
    "pkcs12",
]


FORMS: dict[Form, str] = {
    "jwk": "a JWK (RFC 7517), or a key of a Graph answer",
    "jwk-set": "a JWK Set (RFC 7517), or a key set of a Graph answer",
    "jwe": "a JWE (RFC 7516), encrypted to a passphrase",
    "sealed": "a JWE (RFC 7516), encrypted to the public key of a recipient",
    "private-key": "a private key (PKCS#8 or PKCS#1)",
    "public-key": "a public key (SubjectPublicKeyInfo)",
    "certificate": "a certificate (X.509)",
    "signing-request": "a certificate signing request (PKCS#10)",
    "pkcs12": "a PKCS#12 file (PFX)",
}
"""What the forms are, in words."""


def recognise(data: bytes) -> Form:
    """Say in what form a file holds keys, going by its content.

    Args:
        data: The file's content.

    Returns:
        ``"jwk"`` or ``"jwk-set"`` (JSON, answers of Graph among them), ``"jwe"`` (encrypted to a
        passphrase), ``"sealed"`` (to a recipient's key); PEM or DER: ``"private-key"``,
        ``"public-key"``, ``"certificate"``, ``"signing-request"``, ``"pkcs12"``.

    Raises:
        InvalidInputError: None of these. Code ``BadRequest``.
    """
    if not isinstance(data, bytes):
        raise InvalidInputError(f"the file must be bytes, not {shape(data)}")
    text = data.lstrip()
    if text.startswith((b"{", b"\xef\xbb\xbf{")):
        members = parse_object(data, what="the file", max_bytes=MAX_SET_BYTES)
        return "jwk-set" if "keys" in members or "value" in members else "jwk"
    if text.startswith(b"eyJ"):
        return "jwe" if sealed_header(data).get("alg") == ALG else "sealed"
    form = _pem_form(data) if b"-----BEGIN" in data else _der_form(data)
    if form is None:
        raise InvalidInputError(
            "this must be a JWK, a JWK Set, a JWE, PEM or DER, and is none of them, or cut off"
        )
    return form


def read_key(
    data: bytes,
    *,
    use: str | None = None,
    nbf: NumericDateInput = None,
    exp: NumericDateInput = None,
    password: str | None = None,
    with_key: Recipient | None = None,
) -> TrustFrameworkKey:
    """Read one key in any form that `recognise` knows, and check it.

    Args:
        data: The file's content.
        use: In place of what the form says; needed where it says nothing.
        nbf: In place of what the form says. Whole seconds since 1970 or an aware datetime.
        exp: Likewise.
        password: Its passphrase, where it is encrypted.
        with_key: The private key that it is sealed to.

    Raises:
        InvalidInputError: The form holds no key or several, or what it needs is missing or
            wrong; else as the form's own function.
    """
    form = recognise(data)
    if form in ("jwk", "jwe", "sealed") or (with_key is not None and form != "jwk-set"):
        return TrustFrameworkKey.from_jwk(
            opened(data, password=password, with_key=with_key), use=use, nbf=nbf, exp=exp
        )
    if form == "pkcs12":
        return from_pkcs12(data, password, use=use, nbf=nbf, exp=exp)
    if form == "certificate":
        return from_certificate(data, use=use, nbf=nbf, exp=exp)
    if form in ("private-key", "public-key"):
        return _with_its_certificates(data, use=use, nbf=nbf, exp=exp, password=password)
    has = "holds several keys" if form == "jwk-set" else "holds no key, but asks for a certificate"
    raise InvalidInputError(f"this {has}: one key is wanted", code="AADB2C95034")


def opened(
    data: bytes, *, password: str | None = None, with_key: Recipient | None = None
) -> Mapping[str, Any]:
    """Give the JSON object of a JWK or JWK Set, which may be encrypted or sealed.

    Raises:
        InvalidInputError: It is none, or the passphrase or key is missing or wrong. Code
            ``BadRequest``, ``AADB2C95026`` where it is no JSON.
    """
    form = recognise(data)
    if form not in ("jwk", "jwk-set", "jwe", "sealed"):
        raise InvalidInputError("this must be JSON, or JSON that is encrypted", code="AADB2C95026")
    # Who says what it was protected with wants to hear that it was not.
    for given, target, wanted, words in (
        (password, "password", "jwe", ("encrypted to a passphrase", "the passphrase")),
        (with_key, "with_key", "sealed", ("sealed to a key", "the key for it")),
    ):
        if (given is None) == (form == wanted):
            problem = (
                f"it is {words[0]}, and {words[1]} is missing"
                if given is None
                else f"it is not {words[0]}, though {words[1]} was given"
            )
            raise InvalidInputError(problem, target=target)
    if password is not None:
        data = decrypt(data, password)
    elif with_key is not None:
        data = unseal_text(data, with_key)
    return parse_object(data, what="the key", code="AADB2C95026", max_bytes=MAX_SET_BYTES)


def _with_its_certificates(
    data: bytes,
    *,
    use: str | None,
    nbf: NumericDateInput,
    exp: NumericDateInput,
    password: str | None,
) -> TrustFrameworkKey:
    """Read a key from PEM or DER; PEM may hold its certificates as well."""
    if b"-----BEGIN CERTIFICATE-----" not in data:
        if use is None:
            raise InvalidInputError(
                "use is missing: this form says nothing of it", code="AADB2C90253", target="use"
            )
        return from_pem(data, use=use, nbf=nbf, exp=exp, password=password)
    certificates = read_certificates(data)
    # What it is for, and when, its own certificate says; which one that is, the key.
    key = from_pem(data, use=use or "sig", password=password)
    chain = in_order(certificates, key)
    public = from_certificate(chain, use=use, nbf=nbf, exp=exp)
    return with_certificates(evolve(key, use=public.use, nbf=public.nbf, exp=public.exp), chain)


def _pem_form(data: bytes) -> Form | None:
    labels = re.findall(rb"-----BEGIN ([A-Z0-9 ]+)-----", data)
    # Of a key with its certificates it is the key that counts.
    for ending, form in _PEM_FORMS.items():
        if any(label.endswith(ending) for label in labels):
            return form
    return None


def _der_form(data: bytes) -> Form | None:
    # Only a PFX begins with version 3 (RFC 7292 section 4); to load one takes its passphrase.
    if _PFX.match(data):
        return "pkcs12"
    for load, form in _DER_FORMS:
        try:
            load(data)
        except TypeError:  # a private key that is encrypted
            return form
        except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
            continue
        return form
    return None


_PEM_FORMS: dict[bytes, Form] = {
    b"PRIVATE KEY": "private-key",
    b"PUBLIC KEY": "public-key",
    b"CERTIFICATE": "certificate",
    b"CERTIFICATE REQUEST": "signing-request",
}

_PFX = re.compile(rb"\x30(?:[\x00-\x80]|\x81.|\x82..|\x83...|\x84....)\x02\x01\x03", re.DOTALL)

_DER_FORMS: list[tuple[Callable[[bytes], object], Form]] = [
    (x509.load_der_x509_certificate, "certificate"),
    (x509.load_der_x509_csr, "signing-request"),
    (load_der_public_key, "public-key"),
    (
        partial(load_der_private_key, password=None, unsafe_skip_rsa_key_validation=True),
        "private-key",
    ),
]
