"""What the check misses is found by the service, at the upload or when sign-in fails."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests import support
from tests.keyset.answers import FILES, FORMS, KEYS
from trustkeys import (
    Finding,
    InvalidInputError,
    TrustFrameworkKey,
    TrustFrameworkKeySet,
    check_key_set,
    testing,
)
from trustkeys.core.rsa import RSAStrategy

HOUR, DAY = 3600, 86_400
NOW = 1000 * DAY
INT64_MAX = 2**63 - 1


key = support.oct_key


def check(*keys: TrustFrameworkKey, at: int = NOW, until: int | None = None) -> list[Finding]:
    """Check a set, and the same set as a document, which must give the same findings."""
    keyset = TrustFrameworkKeySet("test", keys)
    found = keyset.check(at, until)
    assert check_key_set(keyset.to_jwks(private=True), at=at, until=until) == found
    return found


def codes(found: list[Finding]) -> list[str]:
    return [finding.code for finding in found]


def of_document(*jwks: Any, at: int = NOW, **options: Any) -> list[tuple[str, str, str | None]]:
    """Return the findings in a document whose keys have no net, and can be the same ones."""
    found = check_key_set({"keys": [*jwks]}, at=at, **options)
    expected = ("NoSafetyNet", "SharedKey")
    return [(f.severity, f.code, f.kid) for f in found if f.code not in expected]


# --- gaps


def gaps_by_brute_force(
    keys: list[TrustFrameworkKey], at: int, until: int | None
) -> list[tuple[int, int | None]]:
    """Visit every second at which anything can change, and note when no key is active."""
    dates = {date for each in keys for date in (each.nbf, each.exp) if date is not None}
    boundaries = sorted({at, *(date for date in dates if date > at)})
    active = [support.model_of_the_overview(keys, boundary) is not None for boundary in boundaries]
    gaps: list[tuple[int, int | None]] = []
    was_active = True
    for boundary, is_active in zip(boundaries, active, strict=True):
        if was_active and not is_active:
            gaps.append((boundary, None))
        elif is_active and not was_active:
            gaps[-1] = (gaps[-1][0], boundary)
        was_active = is_active
    if until is not None:
        return [gap for gap in gaps if gap[0] < until]
    # Without until, the time after the last key counts only if it is now.
    return [gap for gap in gaps if gap[1] is not None or gap[0] == at]


@given(keys=support.DATED_KEYS, at=st.integers(0, 14), length=st.none() | st.integers(1, 14))
def test_the_gaps_are_those_that_brute_force_finds(
    keys: list[TrustFrameworkKey], at: int, length: int | None
) -> None:
    until = None if length is None else at + length
    found = TrustFrameworkKeySet("test", keys).check(at, until)
    reported = [(f.time, f.end) for f in found if f.code == "NoActiveKey"]
    assert reported == gaps_by_brute_force(keys, at, until)
    assert {f.severity for f in found if f.code == "NoActiveKey"} <= {"error"}


def test_a_gap_has_both_ends_in_its_finding() -> None:
    net = key(NOW + 90 * DAY)
    (gap, *_) = check(key(0, NOW + 50 * DAY), net)
    assert (gap.severity, gap.code, gap.kid) == ("error", "NoActiveKey", None)
    assert (gap.time, gap.end) == (NOW + 50 * DAY, NOW + 90 * DAY)
    assert gap.message == (
        "no key is active from 1972-11-16T00:00:00Z to 1972-12-26T00:00:00Z, and sign-in fails: "
        "add a key for that time"
    )
    (last, *_) = check(key(0, NOW + 50 * DAY), until=NOW + 51 * DAY)
    assert (last.time, last.end) == (NOW + 50 * DAY, None)
    assert "from 1972-11-16T00:00:00Z on" in last.message
    assert check(key(), until=INT64_MAX) == []


def test_an_empty_set_has_no_active_key() -> None:
    assert codes(check()) == ["NoActiveKey"]
    assert codes(check(at=INT64_MAX)) == ["NoActiveKey"]
    assert codes(check(key(0, NOW), at=INT64_MAX)) == ["NoActiveKey", "NoSafetyNet"]


@pytest.mark.parametrize("until", [NOW, NOW - 1, -1, "+1y"])
def test_until_must_be_after_at(until: Any) -> None:
    with pytest.raises(InvalidInputError) as caught:
        check(key(), until=until)
    assert caught.value.target == "until"


def test_times_can_be_datetimes_and_default_to_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: float(NOW))
    keyset = TrustFrameworkKeySet("test", [key(0, NOW)])
    assert keyset.check() == keyset.check(NOW)
    assert keyset.check() != keyset.check(NOW - 1)
    year = datetime(1973, 1, 1, tzinfo=UTC)
    assert keyset.check(until=year) == keyset.check(NOW, int(year.timestamp()))
    assert check_key_set(keyset.to_jwks(private=True)) == keyset.check(NOW)


# --- warnings


def test_a_good_set_has_no_findings() -> None:
    assert check(key()) == []
    keyset = TrustFrameworkKeySet("test", [key()])
    keyset.rotate(90 * DAY, count=8, at=NOW)
    assert keyset.check(NOW, NOW + 700 * DAY) == []
    for_encryption = TrustFrameworkKeySet("test")
    for_encryption.generate_key("enc", "oct")
    for_encryption.rotate(90 * DAY, count=8, at=NOW)
    assert for_encryption.check(NOW) == []


def test_an_active_key_that_expires_soon_is_named_with_its_successor() -> None:
    net, soon = key(), key(0, NOW + 30 * DAY)
    (warning,) = check(net, soon)
    assert (warning.severity, warning.code) == ("warning", "ExpiresSoon")
    assert (warning.kid, warning.time) == (soon.kid, NOW + 30 * DAY)
    assert warning.message == (
        f"key 2 ({soon.kid}) is active until it expires at 1972-10-27T00:00:00Z, "
        f"and then key 1 ({net.kid}) takes over: add a key that takes over before"
    )
    assert check(net, key(0, NOW + 30 * DAY + 1)) == []
    assert check(net, key(0, NOW)) == []
    # With a newer key in time there is nothing to do.
    assert check(net, soon, key(NOW + DAY)) == []
    assert check(net, soon, key(NOW - DAY)) == []
    # A newer key in the same second is too late: the last signatures cannot be verified.
    assert codes(check(net, soon, key(NOW + 30 * DAY))) == ["ExpiresSoon"]
    (alone, *_) = [f for f in check(soon) if f.code == "ExpiresSoon"]
    assert "and then nothing takes over: " in alone.message


def test_keys_without_a_kid_that_expire_soon_are_named_by_their_place() -> None:
    """A wrong number makes the user replace the wrong key."""
    dates: list[dict[str, int]] = [{}, {"exp": NOW + 10 * DAY, "nbf": 5}, {"nbf": 2}]
    jwks = [{**key().to_jwk(private=True), "kid": None, **each} for each in dates]
    (warning,) = (f for f in check_key_set({"keys": jwks}, at=NOW) if f.code == "ExpiresSoon")
    assert warning.message.startswith("key 2 is active until")
    assert "then key 3 takes over" in warning.message


def test_a_missing_safety_net_is_found() -> None:
    ends = key(0, NOW + 999 * DAY)
    assert codes(check(ends)) == ["NoSafetyNet"]
    assert codes(check(key(None, NOW + 999 * DAY))) == ["NoSafetyNet"]
    assert codes(check(ends, key(status="disabled"))) == ["NoSafetyNet"]
    assert codes(check(ends, key())) == []
    # A key that never expires is as good.
    assert codes(check(key(0, None))) == codes(check(ends, key(NOW + 9 * DAY, None))) == []


def test_a_key_that_starts_too_soon_for_the_service_is_named() -> None:
    net = key()
    soon = key(NOW + 3 * HOUR - 1)
    (warning,) = check(net, soon)
    assert (warning.severity, warning.code) == ("warning", "StartsSoon")
    assert (warning.kid, warning.time) == (soon.kid, NOW + 3 * HOUR - 1)
    assert "3 hours" in warning.message
    assert codes(check(net, key(NOW + 1))) == ["StartsSoon"]
    assert check(net, key(NOW + 3 * HOUR)) == []
    assert check(net, key(NOW)) == []
    assert check(net, key(NOW + 1, status="disabled")) == []
    assert check(net, key(NOW + 5, NOW + 5)) == []
    # Without private parts, too, the set is one to upload.
    jwks = TrustFrameworkKeySet("test", [net, soon]).to_jwks(private=True)
    assert codes(check_key_set(jwks, at=NOW, private=False)) == ["StartsSoon"]


def test_an_enc_key_that_ends_before_its_tokens_is_named() -> None:
    def enc(nbf: int | None, exp: int | None) -> TrustFrameworkKey:
        return key(nbf, exp, use="enc")

    def outlived(*keys: TrustFrameworkKey) -> list[tuple[str | None, int | None]]:
        found = check(enc(None, None), *keys)
        return [(f.kid, f.time) for f in found if f.code == "EndsBeforeTokens"]

    successor = enc(NOW + 50 * DAY, None)
    short = enc(0, NOW + 140 * DAY - 1)
    assert outlived(short, successor) == [(short.kid, NOW + 140 * DAY - 1)]
    assert outlived(enc(0, NOW + 140 * DAY), successor) == []
    # A key that starts when the other ends leaves no overlap.
    assert outlived(short, enc(NOW + 140 * DAY - 1, None)) != []
    # Without a successor, one can still be added: only the tokens of today count.
    alone = enc(0, NOW + 90 * DAY - 1)
    assert outlived(alone) == [(alone.kid, NOW + 90 * DAY - 1)]
    assert outlived(enc(0, NOW + 90 * DAY)) == []
    # For an expired key it is too late.
    assert outlived(enc(0, NOW - 1)) == []
    # A key that starts later and has no successor encrypts until its end.
    assert outlived(enc(NOW + DAY, NOW + 2 * DAY), successor) != []
    # Signatures have no such problem.
    assert check(key(), key(0, NOW + 140 * DAY - 1), key(NOW + 50 * DAY)) == []


def test_an_enc_key_without_a_successor_must_outlive_the_tokens_of_today() -> None:
    def alone(exp: int) -> list[str]:
        return codes(check(key(0, exp, use="enc")))

    assert alone(NOW + 90 * DAY) == ["NoSafetyNet"]
    assert alone(NOW + 90 * DAY - 1) == ["NoSafetyNet", "EndsBeforeTokens"]
    later = key(NOW + 50 * DAY, NOW + 140 * DAY, use="enc")
    assert "EndsBeforeTokens" not in codes(check(later))


def test_an_expired_enc_key_is_not_reported() -> None:
    over, lasting = key(0, NOW, use="enc"), key(use="enc")
    assert "EndsBeforeTokens" not in codes(check(over, lasting))
    assert "EndsBeforeTokens" in codes(check(over, lasting, at=NOW - 1))


def test_findings_are_sorted_by_severity_and_time() -> None:
    found = check(key(NOW + 2, NOW + 3), key(NOW + 1, NOW + 2), until=NOW + 9)
    assert [f.severity for f in found] == sorted(f.severity for f in found)
    for severity in ("error", "warning"):
        times = [f.time or 0 for f in found if f.severity == severity]
        assert times == sorted(times)
        assert len(times) > 1


# --- documents as they come


def test_what_the_service_would_refuse_is_found_with_its_code(real_jwk: dict[str, Any]) -> None:
    rsa = {**real_jwk, "kid": "rsa"}
    secret, other, third = (
        {**key().to_jwk(private=True), "kid": kid} for kid in ("oct", "other", "third")
    )
    cases: list[tuple[list[Any], list[tuple[str, str | None]]]] = [
        ([rsa], []),
        ([rsa, secret], [("AADB2C95032", None)]),
        ([secret, {**other, "use": "enc"}], [("AADB2C95042", None)]),
        ([rsa, rsa, rsa], [("DuplicateKid", "rsa")]),
        ([secret, {**other, "kid": None}, {**third, "kid": None}], []),
        ([rsa, 5], [("AADB2C95034", None)]),
        ([rsa, None], [("AADB2C95034", None)]),
        ([rsa, {**rsa, "kid": 5}], [("AADB2C95034", None)]),
        ([rsa, {**rsa, "kid": ""}], [("AADB2C95034", "")]),
        ([rsa, {**rsa, "kid": "b", "kty": None}], [("AADB2C95037", "b")]),
        ([rsa, {**rsa, "kid": "b", "kty": "EC"}], [("AADB2C95031", "b")]),
        ([rsa, {**rsa, "kid": "b", "use": None}], [("AADB2C90253", "b")]),
        ([rsa, {**rsa, "kid": "b", "use": "sign"}], [("AADB2C95033", "b")]),
        ([rsa, {**rsa, "kid": "b", "nbf": "soon"}], [("BadRequest", "b")]),
        ([rsa, {**rsa, "kid": "b", "nbf": 2, "exp": 1}], [("BadRequest", "b")]),
        ([rsa, {**rsa, "kid": "b", "status": "on"}], [("BadRequest", "b")]),
        ([rsa, {**rsa, "kid": "b", "n": None}], [("AADB2C95039", "b")]),
        ([rsa, {**rsa, "kid": "b", "q": rsa["p"]}], [("AADB2C95034", "b")]),
        ([rsa, {**rsa, "kid": "b", "n": rsa["n"] + "="}], [("AADB2C95034", "b")]),
        ([secret, {**secret, "kid": "b", "k": None}], [("AADB2C95034", "b")]),
        ([secret, {**secret, "kid": "b", "k": "not base64url"}], [("AADB2C95029", "b")]),
        (
            [rsa, {**rsa, "kid": "b", "use": 1, "kty": 1}],
            [("AADB2C95033", "b"), ("AADB2C95031", "b")],
        ),
    ]
    for jwks, expected in cases:
        found = of_document(*jwks, private=True)
        assert found == [("error", *each) for each in expected], expected


def test_public_keys_where_private_ones_are_needed_break_sign_in(
    real_key: TrustFrameworkKey,
) -> None:
    public = real_key.to_jwk()
    mine = {"id": "test", "keys": [public]}
    assert codes(check_key_set(mine)) == ["AADB2C90085"]
    assert check_key_set(mine, private=False) == []
    assert of_document(public, private=True) == [("error", "AADB2C90085", real_key.kid)]
    assert codes(TrustFrameworkKeySet("a", [real_key.public()]).check()) == ["AADB2C90085"]
    # An answer of Graph never has private parts.
    answer = TrustFrameworkKeySet("test", [real_key]).to_graph()
    assert check_key_set(answer) == []
    bare = TrustFrameworkKeySet("test", [real_key]).to_graph(base_url=None)
    assert check_key_set(bare) == []
    assert codes(check_key_set(bare, private=True)) == ["AADB2C90085"]
    # In an answer every key has k: null. A single one is no answer of Graph.
    odd = {"id": "test", "keys": [{**public, "k": None}, {**public, "kid": "b"}]}
    assert codes(check_key_set(odd))[:2] == ["AADB2C90085"] * 2
    private = {"keys": [{**real_key.to_jwk(private=True), "k": None}, {**public, "k": None}]}
    assert "AADB2C90085" in codes(check_key_set({"keys": [*private["keys"], public]}))
    assert "AADB2C90085" in codes(check_key_set(private))
    of_keys_v2 = {"@odata.context": "…/keys_v2", "value": bare["keys"]}
    assert check_key_set(json.dumps(of_keys_v2)) == []


def test_a_published_set_is_checked_as_what_it_is(real_key: TrustFrameworkKey) -> None:
    """A policy publishes public keys, and others publish keys for both uses and of any type."""
    public = real_key.to_jwk()
    ec = {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "ec"}
    other, third = (
        support.public_rsa(support.sound_modulus(seed), kid=str(seed)) for seed in (1, 2)
    )
    without_use = {name: third[name] for name in ("kty", "n", "e")}
    dated = {**other, "use": "enc", "nbf": NOW - 1, "exp": NOW + 60 * DAY}
    assert check_key_set({"keys": [dated, public, ec, {**without_use, "kid": "c"}]}, at=NOW) == []
    # It does not say which keys the set behind it has, and they are there already.
    assert check_key_set({"keys": [dated]}, at=NOW) == []
    assert check_key_set({"keys": [dated, {**public, "nbf": NOW + 5}]}, at=NOW) == []
    test_key = testing.rsa_key(0, exp=NOW + DAY).to_jwk()
    for jwks, expected in (
        ([{**public, "exp": NOW}], ["NoActiveKey"]),
        ([{**public, "exp": NOW + DAY}], ["ExpiresSoon"]),
        ([public, public], ["DuplicateKid"]),
        ([test_key, public], ["TestKey"]),
        ([{**public, "n": "AA"}], ["AADB2C95034"]),
        ([public, {**other, "use": "x"}], ["AADB2C95033"]),
        ([public, {**other, "kty": None}], ["AADB2C95037"]),
        ([public, {**other, "kty": "X"}], ["AADB2C95031"]),
        ([public, {**other, "status": "later"}], ["BadRequest"]),
    ):
        assert codes(check_key_set({"keys": jwks}, at=NOW)) == expected
    # To be uploaded, it must be complete.
    codes_of_upload = codes(
        check_key_set({"keys": [public, {**without_use, "kid": "c"}]}, private=True)
    )
    assert sorted(codes_of_upload) == ["AADB2C90085", "AADB2C90085", "AADB2C90253"]
    assert codes(check_key_set({"keys": [public, dated]}, at=NOW, private=False)) == []


@settings(max_examples=settings().max_examples // 2)
@given(
    keys=support.DATED_KEYS,
    form=st.sampled_from([form for form in FORMS if "page" not in form]),
    at=st.integers(0, 13),
    data=st.data(),
)
def test_every_form_of_an_answer_gives_the_same_findings(
    keys: list[TrustFrameworkKey], form: str, at: int, data: st.DataObject
) -> None:
    keyset = TrustFrameworkKeySet("test", keys)
    change, kept = data.draw(st.sampled_from([*KEYS])), data.draw(st.sampled_from([*FILES]))
    found = check_key_set(FILES[kept](FORMS[form](keyset, KEYS[change])), at=at)
    expected = check_key_set(keyset.to_graph(), at=at)
    if form.startswith(("keySets/", "keys_v2")):
        assert found == expected
    else:
        ours = [finding for finding in found if finding.key_set == keyset.id]
        assert ours == [
            attrs.evolve(f, message=f"{keyset.id}: {f.message}", key_set=keyset.id)
            for f in expected
        ]
        # The other set of the forms is empty.
        others = [finding for finding in found if finding not in ours]
        assert {f.code for f in others} <= {"NoActiveKey"}
        assert {f.key_set for f in others} <= {"B2C_1A_other"}


def test_the_status_of_a_later_version_is_a_warning() -> None:
    """It counts neither as enabled nor as an error."""
    keyset = TrustFrameworkKeySet("test", [key(), key(NOW - 1)])
    answer = keyset.to_graph()
    answer["keys"][1]["status"] = "unknownFutureValue"
    (warning,) = check_key_set(answer, at=NOW)
    assert (warning.severity, warning.code) == ("warning", "UnknownStatus")
    assert warning.kid == answer["keys"][1]["kid"]
    assert "does not count as enabled" in warning.message
    answer["keys"][0]["status"] = "Revoked"
    assert codes(check_key_set(answer, at=NOW)) == [
        "NoActiveKey",
        "UnknownStatus",
        "UnknownStatus",
        "NoSafetyNet",
    ]
    # In a set to upload it is wrong.
    jwks = {"keys": [{**key().to_jwk(private=True), "status": "unknownFutureValue"}]}
    assert "BadRequest" in codes(check_key_set(jwks, at=NOW))
    for status in (5, ""):
        answer["keys"][0]["status"] = status
        assert "AADB2C95034" in codes(check_key_set(answer, at=NOW))


def test_of_one_key_only_the_key_is_checked(real_key: TrustFrameworkKey) -> None:
    """The other keys of its set are not known."""
    (entry,) = TrustFrameworkKeySet("test", [real_key]).to_graph()["keys"]
    over = {**entry, "nbf": 5, "exp": NOW}
    for answer in ({"value": over}, {"@odata.context": "x", **over}):
        assert check_key_set(answer, at=NOW) == []
        broken = {
            **answer,
            **({"value": {**over, "n": "AA"}} if "value" in answer else {"n": "AA"}),
        }
        assert codes(check_key_set(broken, at=NOW)) == ["AADB2C95034"]


def test_a_key_in_an_answer_is_there_already() -> None:
    keyset = TrustFrameworkKeySet("test", [key(), key(NOW + 1)])
    assert codes(keyset.check(NOW)) == ["StartsSoon"]
    assert check_key_set(keyset.to_graph(), at=NOW) == []


def test_a_secret_that_is_there_must_be_right_wherever_none_is_needed() -> None:
    broken = {**key().to_jwk(private=True), "k": "!"}
    for private in (None, True, False):
        assert codes(check_key_set({"keys": [broken]}, private=private)) == ["AADB2C95029"]


def test_an_answer_of_graph_needs_no_secrets() -> None:
    answer = TrustFrameworkKeySet("test", [key()]).to_graph()
    assert check_key_set(answer) == []
    assert codes(check_key_set(answer, private=True)) == ["AADB2C95034"]


def test_a_weak_key_is_a_warning_and_its_dates_count() -> None:
    numbers = rsa.generate_private_key(65537, 1024).private_numbers()
    weak = {**support.rsa_jwk_of(numbers.p, numbers.q), "kid": "weak", "exp": NOW}
    found = check_key_set({"keys": [weak]}, at=NOW)
    assert codes(found) == ["NoActiveKey", "WeakKey", "NoSafetyNet"]
    assert found[1].kid == "weak"
    assert found[1].message.startswith("key 1 (weak) is refused: n of an RSA key must have")
    # Other problems of the key are errors, and so is a key that is too large.
    for changes, code in (
        ({"n": 5}, "AADB2C95034"),
        ({"e": None}, "AADB2C95039"),
        ({"p": None}, "AADB2C95034"),
        ({"d": "!!"}, "AADB2C95034"),
        ({"n": support.b64(1 << 16385 | 1)}, "BadRequest"),
    ):
        found = check_key_set({"keys": [{**weak, **changes}]}, at=0)
        assert codes(found) == [code, "NoSafetyNet"]


def test_the_id_of_a_document_is_checked_if_there_is_one() -> None:
    jwk = key().to_jwk(private=True)
    for name, expected in [("test", []), (None, []), ("a b", ["BadRequest"]), (5, ["BadRequest"])]:
        found = check_key_set({"id": name, "keys": [jwk]})
        assert codes(found) == expected
    assert found[0].message.startswith("the key set is refused: the id")


def test_a_key_without_a_printable_kid_is_named_by_its_place() -> None:
    jwk = {**key().to_jwk(private=True), "kid": None}
    for kid in (None, "x" * 65, "a\nb"):
        found = check_key_set({"keys": [jwk, {**jwk, "kid": kid, "use": None}]})
        assert found[0].message == "key 2 is refused: use is missing: it must be sig or enc"
        assert found[0].kid == kid


def test_a_key_with_bad_dates_is_never_active() -> None:
    jwk = key().to_jwk(private=True)
    for changes in ({"nbf": -1}, {"exp": "never"}, {"status": "on"}, {"status": "disabled"}):
        assert "NoActiveKey" in codes(check_key_set({"keys": [{**jwk, **changes}]}))
    assert "NoActiveKey" not in codes(check_key_set({"keys": [{**jwk, "use": "x", "k": None}]}))


def test_no_finding_shows_a_secret(real_jwk: dict[str, Any]) -> None:
    secret = real_jwk["d"]
    document = {
        "id": secret,
        "keys": [
            {**real_jwk, name: secret}
            for name in ("kty", "use", "nbf", "exp", "status", "n", "e", "p", "x5c", "x5t")
        ],
    }
    assert support.leaks(repr(check_key_set(document)), real_jwk) == []


def test_the_primes_are_not_tested_again(
    real_jwk: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the check of a thousand keys takes 40 seconds."""
    monkeypatch.setattr(RSAStrategy, "prove", None)
    assert of_document(real_jwk) == []


def test_keys_comes_before_value() -> None:
    jwk = key().to_jwk(private=True)
    assert check_key_set({"keys": [jwk], "value": [5]}, at=NOW) == []


def test_a_document_with_too_many_keys_is_refused() -> None:
    assert codes(check_key_set({"keys": [0] * 5000})).count("AADB2C95034") == 5000
    with pytest.raises(InvalidInputError, match="at most 5000 keys, not of 5001") as caught:
        check_key_set({"keys": [0] * 5001})
    assert caught.value.code == "AADB2C95026"


@pytest.mark.parametrize("document", ["", "[]", None, 5, {}, {"keys": 5}, {"value": "x"}])
def test_a_document_without_keys_is_refused(document: Any) -> None:
    with pytest.raises(InvalidInputError) as caught:
        check_key_set(document)
    assert caught.value.code == "AADB2C95026"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
members = st.sampled_from(
    ["kty", "use", "kid", "nbf", "exp", "status", "n", "e", "k", "d", "x5c", "key_ops"]
)
known_values = st.sampled_from(["RSA", "oct", "sig", "enc", "enabled", "disabled", "AQAB", 5, None])


@given(st.lists(st.dictionaries(members, known_values | json_values) | json_values, max_size=4))
def test_any_json_can_be_checked(jwks: list[Any]) -> None:
    for finding in check_key_set({"keys": jwks}, at=NOW, until=NOW + 9):
        assert finding.severity in ("error", "warning")
        assert finding.message
        if finding.number is not None:
            jwk = jwks[finding.number - 1]
            kid = jwk.get("kid") if isinstance(jwk, dict) else None
            assert finding.kid == (kid if isinstance(kid, str) else None)
        json.dumps(finding.message).encode()


@given(st.lists(st.dictionaries(members, known_values | json_values), max_size=3))
def test_a_set_has_errors_exactly_if_it_cannot_be_read(
    jwks: list[dict[str, Any]],
) -> None:
    document = {"id": "test", "keys": jwks}
    errors = {
        finding.code
        for finding in check_key_set(document, at=0, private=True)
        if finding.severity == "error"
    }
    try:
        TrustFrameworkKeySet.from_jwks(document)
    except InvalidInputError:
        assert errors or "WeakKey" in codes(check_key_set(document, at=0, private=True))
    else:
        assert errors <= {"NoActiveKey", "AADB2C90085"}


@given(
    kty=st.sampled_from(["RSA", "oct"]),
    name=members | st.sampled_from(["e", "p", "x5t", "oth", "unknown"]),
    value=known_values | json_values | st.sampled_from(["AAAA", [], ["AAAA"], "é", "\ud800", 1]),
)
def test_the_check_finds_every_member_that_reading_refuses(
    real_jwk: dict[str, Any], kty: str, name: str, value: Any
) -> None:
    jwk = {**(real_jwk if kty == "RSA" else key().to_jwk(private=True)), name: value}
    document = {"id": "test", "keys": [jwk]}
    findings = check_key_set(document, at=0, private=True)
    # These are only warnings, but from_jwks refuses the key.
    assume({"WeakKey", "InvalidKeyOps"}.isdisjoint(codes(findings)))
    found = {f.code for f in findings if f.severity == "error"}
    try:
        keyset = TrustFrameworkKeySet.from_jwks(document)
    except InvalidInputError as error:
        assert error.code in found
    else:
        assert found == {f.code for f in keyset.check(0) if f.severity == "error"}
