"""trustkeys inspect."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import click
from attrs import define, field
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from trustkeys.cli import values
from trustkeys.core.base64url import base64url_encode
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.numericdate import date_text
from trustkeys.core.registry import key_type_for
from trustkeys.core.rsa import rsa_public_members
from trustkeys.core.thumbprint import jwk_thumbprint
from trustkeys.core.x5c import x5t_of
from trustkeys.errors import InvalidInputError, prefix_errors
from trustkeys.formats.certificates import certificates_of, dates_of, read_certificates, use_of
from trustkeys.formats.jwe import MAX_TEXT
from trustkeys.formats.reading import FORMS, Form, opened, read_key, recognise
from trustkeys.formats.sealed import sealed_header
from trustkeys.keyset.check import check_key_set
from trustkeys.keyset.document import PREFIX, keys_of
from trustkeys.testkeys.guard import is_test_jwk, is_test_key
from trustkeys.wording import is_name

__tracebackhide__ = True

Facts = dict[str, Any]

_TEST_KEY = ("error", "it is a test key, whose private part everybody has")


@define
class _Report:
    """What a file is, and what is wrong with it."""

    form: Form
    facts: Facts = field(factory=dict)
    keys: list[Facts] = field(factory=list)
    certificates: list[Facts] = field(factory=list)
    problems: list[tuple[str, str]] = field(factory=list)
    opened: bool = True


@click.command()
@click.argument("file")
@click.option("--password-file", metavar="PW", help="Where its passphrase is, to look inside.")
@click.option("--json", "as_json", is_flag=True, help="Print results and errors as JSON.")
def inspect(file: str, password_file: str | None, as_json: bool) -> int:
    """Say what FILE is, and what is wrong with it. Exit status 3 when there is an error.

    FILE is a JWK, a JWK Set, an answer of Graph, a JWE, PEM, DER or PKCS#12; -: standard input.
    Nothing secret is shown, and no thumbprint of an oct key, which would be a hash of it.
    """
    if file == password_file == "-":
        raise click.UsageError("standard input can be one of the files")
    data = values.read_input(file, MAX_TEXT)
    password = None if password_file is None else values.read_password(password_file)
    with prefix_errors(file):
        report = _report(data, password)
    if as_json:
        problems = [{"severity": severity, "message": text} for severity, text in report.problems]
        values.write_json(
            {
                "form": report.form,
                "opened": report.opened,
                **report.facts,
                "keys": report.keys,
                "certificates": report.certificates,
                "problems": problems,
            }
        )
    else:
        values.write_out("".join(f"{values.escaped(line)}\n" for line in _lines(report)))
    return 3 if any(severity == "error" for severity, _ in report.problems) else 0


def _report(data: bytes, password: str | None) -> _Report:
    report = _Report(recognise(data))
    if report.form in ("jwe", "sealed"):
        _add_header(report, sealed_header(data))
    if report.form == "sealed" or (report.form == "jwe" and password is None):
        report.opened = False
    elif report.form in ("jwk", "jwk-set", "jwe"):
        _add_document(report, opened(data, password=password))
    elif report.form == "signing-request":
        _add_request(report, data)
    else:
        if report.form == "certificate" or b"-----BEGIN CERTIFICATE-----" in data:
            _add_certificates(report, read_certificates(data))
        try:
            _add_key(report, lambda: _read(lambda use: read_key(data, use=use, password=password)))
        except InvalidInputError:  # the passphrase, and nothing else
            if password is not None:
                raise
            report.facts["encrypted"], report.opened = True, False
    return report


def _add_header(report: _Report, header: Mapping[str, Any]) -> None:
    for name in ("alg", "enc", "cty", "p2c", "kid"):
        value = header.get(name)
        if is_name(value) or type(value) is int or (name == "kid" and isinstance(value, str)):
            report.facts[name] = value


def _add_document(report: _Report, document: Mapping[str, Any]) -> None:
    if "keys" not in document and "value" not in document:
        _add_key(report, partial(_read_jwk, document))
        return
    name = document.get("id")
    is_shown = is_name(name) or (isinstance(name, str) and name.startswith(PREFIX))
    report.facts["id"] = name if is_shown else None
    unnamed = {}
    for number, jwk in enumerate(keys_of(document), 1):
        try:
            facts, _ = _read_jwk(jwk)
        except InvalidInputError:  # the check below says why
            facts = {"kid": None, "unreadable": True}
        report.keys.append(facts)
        if facts["kid"] is None and isinstance(jwk, Mapping) and isinstance(jwk.get("kid"), str):
            unnamed[f"key {jwk['kid']} "] = f"key {number} "
    for finding in check_key_set(document, private=False):
        message = finding.message
        for named, numbered in unnamed.items():
            message = message.replace(named, numbered)
        report.problems.append((finding.severity, f"{message} ({finding.code})"))


def _add_request(report: _Report, data: bytes) -> None:
    is_pem = b"-----BEGIN" in data
    load = x509.load_pem_x509_csr if is_pem else x509.load_der_x509_csr
    problem = "it is broken, or cut off"
    with suppress(ValueError, TypeError, x509.InvalidVersion, UnsupportedAlgorithm):
        request = load(data)
        report.facts["subject"] = request.subject.rfc4514_string()
        key = request.public_key()
        if isinstance(key, RSAPublicKey):
            # By these one finds the key that it is for.
            report.facts["size"] = key.key_size
            jwk = {"kty": "RSA", **rsa_public_members(key)}
            report.facts["thumbprint"] = jwk_thumbprint(jwk)
            if is_test_jwk(jwk):
                report.problems.append(_TEST_KEY)
        if request.is_signature_valid:
            return
        problem = "its signature is not that of the key it is for"
    report.problems.append(("error", problem))


def _add_certificates(report: _Report, chain: tuple[x509.Certificate, ...]) -> None:
    for number, certificate in enumerate(chain, 1):
        start, end = dates_of(certificate)
        subject, issuer = _names_of(certificate)
        report.certificates.append(
            {
                "subject": subject,
                "issuer": issuer,
                "nbf": start,
                "exp": end,
                "use": use_of(certificate),
                "x5t": x5t_of(certificate),
                "sha256": certificate.fingerprint(SHA256()).hex(":").upper(),
            }
        )
        now = time.time()
        if now < start:
            soon = f"certificate {number} is not valid before {date_text(start)}"
            report.problems.append(("warning", soon))
        if now > end:
            over = f"certificate {number} ended at {date_text(end)}"
            report.problems.append(("error", over))
        if subject is None:
            report.problems.append(("error", f"the names in certificate {number} are broken"))


def _names_of(certificate: x509.Certificate) -> tuple[str | None, str | None]:
    """Give whose it is, and who issued it. Only now are they taken apart."""
    with suppress(ValueError, TypeError):
        return certificate.subject.rfc4514_string(), certificate.issuer.rfc4514_string()
    return None, None


def _add_key(report: _Report, read: Callable[[], tuple[Facts, TrustFrameworkKey]]) -> None:
    try:
        facts, key = read()
    except InvalidInputError as error:
        if error.target == "password":
            raise
        report.problems.append(("error", str(error)))
        return
    report.keys.append(facts)
    if is_test_key(key):
        report.problems.append(_TEST_KEY)
    if key.exp is not None and key.exp <= time.time():
        report.problems.append(("warning", f"the key ended at {date_text(key.exp)}"))
    if key.x5c and not report.certificates:
        _add_certificates(report, certificates_of(key))


def _read_jwk(jwk: Any) -> tuple[Facts, TrustFrameworkKey]:
    if not isinstance(jwk, Mapping):
        raise InvalidInputError("a key must be a JSON object")
    is_answer = jwk.get("kty") in ("oct", "OCT") and jwk.get("k", "") is None
    # An answer of Graph never holds the secret, and the rest of it can be read all the same.
    document = {**jwk, "k": base64url_encode(bytes(32))} if is_answer else jwk
    facts, key = _read(lambda use: TrustFrameworkKey.from_jwk(document, use=use))
    if is_answer:
        # Nor can be told whether its kid is the thumbprint of that.
        facts |= {"kid": None, "size": None, "private": False}
    if jwk.get("kid") is None:  # and the key was given one just now
        facts["kid"] = None
    return facts, key


def _read(read: Callable[[str | None], TrustFrameworkKey]) -> tuple[Facts, TrustFrameworkKey]:
    """Describe a key without what is secret; it need not say what it is for."""
    says_use = True
    try:
        key = read(None)
    except InvalidInputError as error:
        if (error.code, error.target) != ("AADB2C90253", "use"):
            raise
        key, says_use = read("sig"), False
    thumbprint = jwk_thumbprint(key.to_jwk(private=key.has_private))
    is_secret = key_type_for(key.kty).is_secret
    facts = {
        "kid": None if is_secret and key.kid == thumbprint else key.kid,
        "kty": key.kty,
        "use": key.use if says_use else None,
        "size": key.size,
        "nbf": key.nbf,
        "exp": key.exp,
        "status": key.status,
        "private": key.has_private,
        "thumbprint": None if is_secret else thumbprint,
        "x5t": key.x5t,
    }
    return facts, key


def _lines(report: _Report) -> Iterator[str]:
    yield FORMS[report.form]
    yield from _listed(report.facts)
    for kind, entries in (("key", report.keys), ("certificate", report.certificates)):
        for number, entry in enumerate(entries, 1):
            yield f"{kind} {number}"
            yield from _listed(entry)
    if not report.opened:
        yield "its inside was not looked at"
    yield from (f"{severity}: {text}" for severity, text in report.problems)


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
