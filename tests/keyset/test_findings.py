"""Every finding has a smallest key set that shows it, and one that just does not.

A finding that is missed lets sign-in break, or leaves a key in the hands of others. One too many
makes people ignore the rest.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import Any

from attrs import evolve, field, frozen

import trustkeys
from tests import support
from tests.keyset.answers import GRAPH
from trustkeys import (
    Finding,
    TrustFrameworkKey,
    TrustFrameworkKeySet,
    check_key_set,
    testing,
)
from trustkeys.core.numericdate import CENTURY, date_text
from trustkeys.formats import certificates

HOUR, DAY = 3600, 86_400
NOW = 1_800_000_000  # 2027-01-15

Document = Mapping[str, Any]


def secret(number: int = 1, octets: int = 32, **members: Any) -> dict[str, Any]:
    """A secret that somebody else issued, another one for each number."""
    k = support.b64(bytes([number]) * octets)
    return {"kty": "oct", "use": "sig", "k": k, "kid": f"secret {number}", **members}


def enc(number: int = 1, **members: Any) -> dict[str, Any]:
    return secret(number, **{"use": "enc", **members})


def public(number: int = 1, bits: int = 2048, **members: Any) -> dict[str, Any]:
    n = support.sound_modulus(number, bits)
    return {**support.public_rsa(n), "kid": f"public {number}", **members}


def published(*keys: Any) -> Document:
    return {"keys": [*keys]}


def uploaded(*keys: Any, name: str = "B2C_1A_test") -> Document:
    return {"id": name, "keys": [*keys]}


def shown(document: Document, **members: Any) -> dict[str, Any]:
    """The same key set as Graph shows it: without secrets, and with all members."""
    hidden = dict.fromkeys(("k", "d", "p", "q", "dp", "dq", "qi"))
    keys = [{**each, **hidden} for each in document["keys"]]
    return {"id": "B2C_1A_test", **document, "keys": keys, **members}


def answer(*keys: Any, **members: Any) -> Document:
    return {"@odata.context": f"{GRAPH}/$entity", **shown(uploaded(*keys)), **members}


def answers(*sets: Document) -> Document:
    return {"@odata.context": GRAPH, "value": [shown(each) for each in sets]}


@frozen
class Case:
    """Two documents. The first has one finding more than the second."""

    code: str
    shows: Document
    lacks: Document
    options: Mapping[str, Any] = field(factory=dict)
    # Whether an answer of Graph with the same keys has that finding, too.
    is_in_answers: bool = True


def of_secrets(code: str, shows: Document, lacks: Document) -> Case:
    """Return a case that needs secrets, which Graph does not show."""
    return Case(code, shows, lacks, is_in_answers=False)


# A severity too low, and --fail-on error lets a broken set pass; one too high, and it never does.
ERRORS = ("NoActiveKey", "DuplicateKid", "TestKey", "BrokenKey")

NET = secret(9)
SOON, LATER = NOW + 30 * DAY, NOW + 30 * DAY + 1


@cache
def cases() -> list[Case]:
    """Return the cases that need no private key. Other tests need not wait for their numbers."""
    n = support.sound_modulus(1)
    return [
        Case(
            "NoActiveKey",
            uploaded(secret(exp=NOW + 40 * DAY)),
            uploaded(secret(exp=NOW + 40 * DAY + 1)),
            {"until": NOW + 40 * DAY + 1},
        ),
        Case("NoActiveKey", published(public(exp=NOW)), published(public(exp=LATER))),
        Case("AADB2C95032", uploaded(NET, public()), uploaded(NET, secret()), {"private": False}),
        Case("AADB2C95042", uploaded(NET, enc()), uploaded(NET, secret())),
        of_secrets("AADB2C90085", uploaded(public()), published(public())),
        Case(
            "DuplicateKid",
            uploaded(secret(1, kid="a"), secret(2, kid="a")),
            uploaded(secret(1, kid="a"), secret(2, kid="b")),
        ),
        Case("TestKey", published(testing.rsa_key(0).to_jwk()), published(public())),
        of_secrets(
            "TestKey", uploaded(testing.oct_key(0).to_jwk(private=True)), uploaded(secret())
        ),
        # The largest prime of 16 bits, and the next one.
        Case(
            "BrokenKey",
            published(support.public_rsa(n * 65_521)),
            published(support.public_rsa(n * 65_537)),
        ),
        Case("WeakKey", published(public(bits=2047)), published(public(bits=2048))),
        Case("WeakKey", published(public(e=support.b64(65_535))), published(public(e="AQAB"))),
        of_secrets("WeakKey", uploaded(secret(octets=31)), uploaded(secret(octets=32))),
        # One modulus of 14336 bits takes too long.
        Case("UntestedKeys", published(support.public_rsa(n**7)), published(public(bits=2048))),
        Case(
            "ExpiresSoon", uploaded(NET, secret(nbf=0, exp=SOON)), uploaded(NET, secret(exp=LATER))
        ),
        Case("ExpiresSoon", published(public(exp=SOON)), published(public(exp=LATER))),
        Case("NoSafetyNet", uploaded(secret(exp=LATER)), uploaded(secret())),
        Case("NoSafetyNet", uploaded(secret(nbf=0, exp=LATER)), uploaded(secret(nbf=0))),
        Case(
            "StartsSoon",
            uploaded(NET, secret(nbf=NOW + 3 * HOUR - 1)),
            uploaded(NET, secret(nbf=NOW + 3 * HOUR)),
            # What an answer shows is in the tenant already.
            is_in_answers=False,
        ),
        Case(
            "EndsBeforeTokens",
            uploaded(enc(9), enc(nbf=0, exp=NOW + 90 * DAY - 1)),
            uploaded(enc(9), enc(nbf=0, exp=NOW + 90 * DAY)),
        ),
        Case("UnlikelyDate", uploaded(NET, secret(nbf=1970)), uploaded(NET, secret(nbf=1969))),
        Case("UnlikelyDate", published(public(nbf=9999)), published(public(nbf=10_000))),
        Case("UnlikelyDate", uploaded(NET, secret(nbf=NOW * 1000)), uploaded(NET, secret(nbf=NOW))),
        Case(
            "UnlikelyDate",
            uploaded(NET, secret(nbf=NOW, exp=NOW + CENTURY + 1)),
            uploaded(NET, secret(nbf=NOW, exp=NOW + CENTURY)),
        ),
        Case(
            "UnlikelyDate",
            uploaded(NET, secret(nbf=NOW + CENTURY + 1)),
            uploaded(NET, secret(nbf=NOW + CENTURY)),
        ),
        of_secrets(
            "SharedKey", uploaded(NET, secret(9, kid="b")), uploaded(NET, secret(8, kid="b"))
        ),
        Case(
            "SharedKey",
            published(public(1, kid="a"), public(1, kid="b", e="Aw", use="enc")),
            published(public(1, kid="a"), public(2, kid="b", e="Aw", use="enc")),
            is_in_answers=False,  # there the uses must not differ
        ),
        Case(
            "SharedKey", published(public(1), public(1, kid=None)), published(public(1), public(2))
        ),
        # Two keys without kids have different numbers.
        Case(
            "SharedKey",
            published(public(1, kid=None), public(1, kid=None)),
            published(public(1, kid=None), public(2, kid=None)),
        ),
        Case(
            "UnexpectedUse",
            uploaded(enc(), name="B2C_1A_TokenSigningKeyContainer"),
            uploaded(secret(), name="B2C_1A_TokenSigningKeyContainer"),
        ),
        Case(
            "UnexpectedUse",
            uploaded(secret(), name="B2C_1A_TokenEncryptionKeyContainer"),
            uploaded(enc(), name="B2C_1A_TokenEncryptionKeyContainer"),
        ),
        Case(
            "InvalidKeyOps",
            uploaded(secret(key_ops=["sign", "decrypt"])),
            uploaded(secret(key_ops=["sign", "verify", "of-others"])),
        ),
        Case(
            "InvalidKeyOps",
            published(public(use="enc", key_ops=["verify"])),
            published(public(use="enc", key_ops=["wrapKey"])),
        ),
        Case(
            "InvalidKeyOps",
            published(public(use=None, key_ops=["sign", "sign"])),
            published(public(use=None, key_ops=["sign", "decrypt"])),
            is_in_answers=False,  # there each key has a use
        ),
        Case("InvalidKeyOps", uploaded(secret(key_ops="sign")), uploaded(secret(key_ops=None))),
        Case("InvalidKeyOps", uploaded(secret(key_ops=["sign", 5])), uploaded(secret(key_ops=[]))),
        Case("UnknownStatus", answer(NET, secret(status="revoked")), answer(NET, secret())),
        Case("IncompleteAnswer", answer(NET, **{"@odata.nextLink": "x"}), answer(NET)),
        Case(
            "SharedKey",
            answers(uploaded(public(1)), uploaded(public(1, kid="b")), uploaded(NET)),
            answers(uploaded(public(1)), uploaded(public(2, kid="b")), uploaded(NET)),
        ),
    ]


# With dates of the certificate and of the key. A certificate is still valid in its last second.
CERTIFICATES: list[tuple[str, tuple[Any, ...], tuple[Any, ...]]] = [
    ("CertificateExpired", (1, NOW - 1, None, LATER), (1, LATER - 1, None, LATER)),
    ("CertificateEndsEarly", (1, NOW, None, LATER), (1, LATER - 1, None, LATER)),
    ("CertificateEndsEarly", (1, LATER - 2, NOW, LATER), (1, LATER - 1, NOW, LATER)),
    ("CertificateEndsEarly", (1, LATER, None, None), (1, certificates.MAX_TIME, None, None)),
    ("CertificateStartsLate", (NOW + 1, LATER, None, LATER), (NOW, LATER, None, LATER)),
    (
        "CertificateStartsLate",
        (SOON + 1, LATER + DAY, SOON, LATER + DAY),
        (SOON, LATER + DAY, SOON, LATER + DAY),
    ),
]


def certified_jwk(key: TrustFrameworkKey, dates: tuple[Any, ...], use: str = "sig") -> Any:
    """A public key and a certificate, each with dates of its own."""
    start, end, nbf, exp = dates
    signed = certificates.self_signed(evolve(key, use=use), "CN=a", nbf=start, exp=end)
    return {**signed.to_jwk(), "use": "sig", "nbf": nbf, "exp": exp}


def with_certificates(key: TrustFrameworkKey) -> list[Case]:
    """Return the cases that need a private key."""
    of_dates = [
        Case(code, published(certified_jwk(key, shows)), published(certified_jwk(key, lacks)))
        for code, shows, lacks in CERTIFICATES
    ]
    wrong, right = (
        published(certified_jwk(key, (1, LATER, None, LATER), u)) for u in ("enc", "sig")
    )
    return [*of_dates, Case("CertificateUse", wrong, right)]


def check(document: Document, options: Mapping[str, Any]) -> list[Finding]:
    return check_key_set(document, at=NOW, **options)


def assert_shown(case: Case, shows: Document, lacks: Document) -> None:
    found, rest = check(shows, case.options), check(lacks, case.options)
    more, fewer = Counter(f.code for f in found), Counter(f.code for f in rest)
    assert {*(more - fewer)} == {case.code}, (case.code, more, fewer)
    assert not fewer - more, (case.code, more, fewer)
    is_error = case.code in ERRORS or case.code.startswith("AADB2C")
    severities = {finding.severity for finding in found if finding.code == case.code}
    assert severities == {"error" if is_error else "warning"}, case.code
    for finding in found:
        # A person finds the key by its number.
        if finding.number is not None and finding.key_set is None:
            named = shows["keys"][finding.number - 1].get("kid")
            assert finding.kid == named
            assert re.search(rf"^keys? {finding.number}\b", finding.message)
            assert named is None or f"({named})" in finding.message


def test_a_finding_has_a_smallest_key_set() -> None:
    for case in cases():
        assert_shown(case, case.shows, case.lacks)
        if case.is_in_answers and "keys" in case.shows:
            pair = (answer(*each["keys"], **rest(each)) for each in (case.shows, case.lacks))
            assert_shown(case, *pair)


def rest(document: Document) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "keys"}


def test_a_finding_about_certificates_has_a_smallest_key_set(real_key: TrustFrameworkKey) -> None:
    for case in with_certificates(real_key):
        assert_shown(case, case.shows, case.lacks)
        assert_shown(case, answer(*case.shows["keys"]), answer(*case.lacks["keys"]))
    for code, dates, _ in CERTIFICATES[:3]:
        # As other programs show the certificate: with its last second, not with the one after.
        found = check(published(certified_jwk(real_key, dates)), {})
        (message,) = (finding.message for finding in found if finding.code == code)
        assert f" at {date_text(dates[1])}" in message


def test_a_certificate_fits_a_key_that_says_no_use(real_key: TrustFrameworkKey) -> None:
    jwk = certified_jwk(real_key, (1, LATER, None, LATER), "enc")
    assert check(published({**jwk, "use": None}), {}) == []


def test_what_is_over_or_disabled_needs_no_certificate(real_key: TrustFrameworkKey) -> None:
    """There is nothing to do about it."""
    jwk = certified_jwk(real_key, (1, NOW - 9, None, NOW))
    disabled = {**certified_jwk(real_key, (1, NOW - 9, None, LATER)), "status": "disabled"}
    for each in (jwk, disabled):
        assert {finding.code for finding in check(published(each), {})} == {"NoActiveKey"}


def test_a_key_in_many_sets_is_named_once_in_each() -> None:
    sets = [uploaded(public(1), NET, public(2), public(2, kid=None)) for _ in range(4)]
    deleted = {**uploaded(public(1)), "id": "B2C_1A_test.bak"}
    found = check(answers(*sets, deleted), {})
    shared = [f.message.partition(": ")[2] for f in found if f.code == "SharedKey"]
    assert len(shared) == 4 * 3
    for place in ("key 1 (public 1)", "key 3 (public 2)"):
        said = f"{place} is also {place} of B2C_1A_test and in 2 other key sets, and stays in use"
        assert len([text for text in shared if text.startswith(said)]) == 4
    assert len([text for text in shared if text.startswith("keys 3 (public 2) and 4 are")]) == 4
    messages = [finding.message for finding in check(answers(*sets[:3]), {})]
    assert len([text for text in messages if " and in 1 other key set, and stays" in text]) == 2 * 3


def test_keys_for_both_uses_are_not_said_to_have_the_wrong_one() -> None:
    """That they differ is said, and which ones are wrong is not known."""
    codes = {f.code for f in check(uploaded(secret(), enc(2), name="B2C_1A_Signing"), {})}
    assert codes == {"AADB2C95042"}


def test_equal_kids_are_one_finding_with_every_number() -> None:
    (finding,) = check(uploaded(NET, *(secret(number, kid="a") for number in (1, 2, 3))), {})
    assert finding.message == "keys 2, 3 and 4 (a) have the same kid: give each its own"
    assert (finding.code, finding.kid, finding.number) == ("DuplicateKid", "a", 2)


def test_nobody_is_told_to_generate_the_secret_of_somebody_else() -> None:
    """A random one is no net: whoever issued the secrets does not know it."""
    keys = TrustFrameworkKeySet("test")
    keys.generate_key("sig", "oct", nbf=NOW, exp=LATER)
    (own,) = keys.check(NOW)
    assert own.message == (
        "the set has no safety net: add a key without dates, which takes over when all others "
        "expire"
    )
    keys.upload_secret("issued by somebody else, not at random", nbf=NOW, exp=LATER)
    for found in (keys.check(NOW), check(keys.to_graph(), {})):
        (other,) = (finding for finding in found if finding.code == "NoSafetyNet")
        assert other.message == (
            "the set has no safety net: leave exp out of the last secret, or add its "
            "issuer's secret without dates"
        )


def test_no_finding_shows_a_secret_or_what_is_unknown() -> None:
    marker = "c2VjcmV0IG9mIHNvbWVib2R5IGVsc2UsIDMyIG9jdGV0cw"
    jwk = secret(key_ops=[marker, marker], kid="a", use=marker)
    document = uploaded(jwk, secret(k=marker, kid="b"), secret(k=marker, kid="c"), secret(k="AA"))
    found = check(document, {})
    assert {"InvalidKeyOps", "SharedKey", "WeakKey"} <= {finding.code for finding in found}
    assert marker[:12] not in repr(found)


def test_the_cases_cover_every_code(real_key: TrustFrameworkKey) -> None:
    names = {*re.findall(r'"((?:[A-Z][a-z]+){2,})"', support.source_of_the_check())}
    codes = names - {"BadRequest", "NotFound", *trustkeys.__all__}
    covered = {case.code for case in [*cases(), *with_certificates(real_key)]}
    assert len(codes) > 15
    assert codes == {code for code in covered if not code.startswith("AADB2C")}
