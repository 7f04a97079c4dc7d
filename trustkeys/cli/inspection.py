"""What a file holds, and what is wrong with it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import evolve, frozen

from trustkeys.cli.report import TEST_KEY, Facts, Report
from trustkeys.core.base64url import base64url_encode
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.numericdate import date_text
from trustkeys.core.private import Private
from trustkeys.core.registry import key_type_for
from trustkeys.core.rsa import length_problem
from trustkeys.core.thumbprint import jwk_thumbprint, reveals_secret
from trustkeys.core.work import Work
from trustkeys.errors import (
    InvalidInputError,
    MissingPassphraseError,
    PassphraseError,
)
from trustkeys.formats.answers import KeySets, SavedSet, is_key_set, read_key_sets
from trustkeys.formats.certificates import certificates_of
from trustkeys.formats.key_usage import allowed_uses
from trustkeys.formats.opened import OpenedKey
from trustkeys.formats.reading import ForeignFile, one_key
from trustkeys.keyset.check import audit
from trustkeys.keyset.document import shown_id
from trustkeys.keyset.reading import has_later_status
from trustkeys.testkeys.guard import is_test_key
from trustkeys.wording import is_name

__tracebackhide__ = True


@frozen
class _Read:
    """A key in a file.

    Attributes:
        facts: What is printed.
        key: The key.
        remarks: What was left out or corrected to read it.
        shortcomings: Why some programs refuse it, or should.
    """

    facts: Facts
    key: TrustFrameworkKey
    remarks: tuple[str, ...]
    shortcomings: tuple[str, ...]


def inspected(found: ForeignFile, password: str | None, alias: str | None) -> Report:
    """Report on a file. Without a passphrase, an encrypted one stays closed."""
    found.check_alias(alias)
    report = Report()
    _add_header(report, found.header)
    if found.form == "jwe" and (found.protection != "passphrase" or password is None):
        report.is_opened = False
        try:
            found.check_jwe()
        except InvalidInputError as error:
            report.problems.append(("error", str(error)))
    elif found.form in ("jwk", "jwks", "jwe"):
        document = found.document(password=password)
        if is_key_set(document):
            _add_sets(report, read_key_sets(document))
        else:
            _add_key(report, lambda: _jwk_facts(document))
    elif found.form == "csr":
        report.add_request(found.request())
    else:
        report.add_certificates(found.certificates())
        _add_key(report, lambda: _facts(one_key(found.open(password=password, alias=alias))))
    return report


def _add_header(report: Report, header: Mapping[str, Any]) -> None:
    for name in ("alg", "enc", "cty", "p2c", "kid"):
        value = header.get(name)
        if is_name(value) or type(value) is int or (name == "kid" and isinstance(value, str)):
            report.facts[name] = value


def _add_sets(report: Report, found: KeySets) -> None:
    if found.kind != "sets":
        report.facts["id"] = shown_id(found.sets[0].id)
    hidden: set[str] = set()
    sound: dict[tuple[int, int], Mapping[str, Any]] = {}
    work = Work()
    for number, each in enumerate(found.sets, 1):
        of_set = {"key_set": shown_id(each.id)} if found.kind == "sets" else {}
        for place, jwk in enumerate(each.keys, 1):
            is_later = found.is_answer and has_later_status(jwk)
            try:
                found_key = _jwk_facts({**jwk, "status": None} if is_later else jwk, work)
                facts = found_key.facts
                if is_later:
                    facts["status"] = jwk["status"] if is_name(jwk["status"]) else "unknown"
            except InvalidInputError:  # the check below reports it
                facts = {"kid": None, "unreadable": True}
            else:
                sound[number, place] = _as_read(jwk, found_key)
                # The check below finds short secrets itself.
                lengths = found_key.shortcomings if facts["kty"] == "RSA" else ()
                report.problems += [
                    ("warning", f"key {len(report.keys) + 1}: {text}")
                    for text in (*found_key.remarks, *lengths)
                ]
            report.keys.append({**of_set, **facts})
            kid = jwk.get("kid") if isinstance(jwk, Mapping) else None
            if facts["kid"] is None and isinstance(kid, str):
                hidden.add(kid)
    checked = audit(_with_keys(found, sound), private=False, hidden=hidden, read=sound, work=work)
    for finding in checked.findings:
        code = "" if finding.code == "BadRequest" else f" ({finding.code})"
        report.problems.append((finding.severity, f"{finding.message}{code}"))


def _as_read(jwk: Mapping[str, Any], found: _Read) -> Mapping[str, Any]:
    """Return a JWK with its numbers as they were read."""
    if not found.remarks:
        return jwk
    key_type = key_type_for(found.key.kty)
    read = found.key.to_jwk(private=found.key.has_private)
    return {**jwk, **{name: read[name] for name in key_type.required}}


def _with_keys(found: KeySets, jwks: Mapping[tuple[int, int], Mapping[str, Any]]) -> KeySets:
    """Return key sets with some other keys, by the numbers of the set and of the key, from 1."""
    sets = [
        SavedSet(
            each.id,
            Private([jwks.get((number, place), jwk) for place, jwk in enumerate(each.keys, 1)]),
        )
        for number, each in enumerate(found.sets, 1)
    ]
    return evolve(found, sets=tuple(sets))


def _add_key(report: Report, read: Callable[[], _Read]) -> None:
    try:
        found = read()
    except MissingPassphraseError:
        report.is_opened = False
        return
    except PassphraseError:
        raise
    except InvalidInputError as error:
        report.problems.append(("error", str(error)))
        return
    key = found.key
    report.keys.append(found.facts)
    if is_test_key(key):
        report.problems.append(TEST_KEY)
    report.problems += [("warning", text) for text in (*found.remarks, *found.shortcomings)]
    if key.exp is not None and key.exp <= time.time():
        report.problems.append(("warning", f"the key expired at {date_text(key.exp)}"))
    if key.x5c and not report.certificates:
        report.add_certificates(certificates_of(key))


def _jwk_facts(jwk: Any, work: Work | None = None) -> _Read:
    if not isinstance(jwk, Mapping):
        raise InvalidInputError("a key must be a JSON object")
    is_answer = jwk.get("kty") in ("oct", "OCT") and jwk.get("k", "") is None
    # An answer of Graph never holds the secret. A placeholder lets the rest be read.
    document = {**jwk, "k": base64url_encode(bytes(32))} if is_answer else jwk
    found = _facts(OpenedKey.from_jwk(document, work=work), None if is_answer else jwk.get("alg"))
    if is_answer:
        # Without the secret, the kid cannot be compared with its hash.
        found.facts.update({"kid": None, "size": None, "private": False})
    if jwk.get("kid") is None:  # from_jwk made one up
        found.facts["kid"] = None
    return found


def _facts(opened: OpenedKey, alg: object = None) -> _Read:
    """Describe a key without its secrets; a file need not say what its key is for."""
    is_authority = opened.certificate is not None and not allowed_uses(opened.certificate)
    quiet = evolve(opened, remarks=(), certificate=None if is_authority else opened.certificate)
    key = quiet.key() if opened.use is not None else quiet.key(use=opened.only_use or "sig")
    is_secret = key_type_for(key.kty).is_secret
    facts = {
        "kid": None if is_secret and _reveals_secret(key) else key.kid,
        "kty": key.kty,
        "use": key.use if opened.use is not None else None,
        "size": key.size,
        "nbf": key.nbf,
        "exp": key.exp,
        "status": key.status,
        "private": key.has_private,
        "thumbprint": None if is_secret else jwk_thumbprint(key.to_jwk()),
        "x5t": key.x5t,
    }
    shortcomings = [*_shortcomings(key, alg)]
    if is_authority and key.has_private:
        shortcomings.append(
            "the key usage of its certificate allows neither sig nor enc, as that of an authority "
            "does not: no key set can have the key with this certificate"
        )
    return _Read(facts, key, opened.remarks, tuple(shortcomings))


def _reveals_secret(key: TrustFrameworkKey) -> bool:
    return reveals_secret(key.kid, key.to_jwk(private=True)["k"])


def _shortcomings(key: TrustFrameworkKey, alg: object) -> Iterator[str]:
    if not key.has_private:
        return
    if key.kty == "RSA":
        problem = length_problem(key.to_jwk(private=True))
        if problem is not None:
            yield problem
    elif key_type_for(key.kty).is_secret:
        name = str(alg) if alg in _HMAC_SIZES else "HS256"
        if key.size < _HMAC_SIZES[name]:
            yield (
                f"the secret has {key.size} bits, and {name} needs at least {_HMAC_SIZES[name]} "
                "(RFC 7518 section 3.2): generate a longer one, or ask its issuer for one"
            )


_HMAC_SIZES = {"HS256": 256, "HS384": 384, "HS512": 512}
