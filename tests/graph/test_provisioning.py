"""A provisioning that is wrong breaks sign-in, so what cannot work is refused before it is sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import assume, given
from hypothesis import strategies as st

from tests import support
from tests.graph.plans import DAY, key_set, only, refused, text_key
from tests.standins.tenant import NOW
from trustkeys import InvalidInputError, TrustFrameworkKey, testing
from trustkeys.core.private import Private
from trustkeys.formats.certificates import with_certificates
from trustkeys.graph import CLOUDS, provision

pytestmark = pytest.mark.usefixtures("test_keys_allowed")


# --- the answers of getActiveKey


@given(support.DATED_KEYS, st.integers(0, 14))
def test_the_schedule_says_at_any_time_which_key_is_active(
    keys: list[TrustFrameworkKey], at: int
) -> None:
    enabled = [key for key in keys if key.status == "enabled"]
    assume(support.model_of_the_overview(enabled, at))
    schedule = provision(key_set(*keys), skip_disabled=True, at=at).schedule
    assert (schedule[0].start, schedule[-1].end) == (0, None)
    for time in range(15):
        (stretch,) = (
            each
            for each in schedule
            if each.start <= time and (each.end is None or time < each.end)
        )
        key = support.model_of_the_overview(enabled, time)
        if key is None:
            assert (stretch.kid, stretch.shows) == (None, None)
        else:
            assert stretch.kid == key.kid
            shows = json.dumps(["sig", key.nbf, key.exp, None], separators=(",", ":"))
            assert stretch.shows == shows


def test_an_rsa_key_is_recognised_by_its_modulus(rsa_key: TrustFrameworkKey) -> None:
    (stretch,) = provision(key_set(rsa_key), at=NOW).schedule
    shows = f'["sig",null,null,"{rsa_key.to_jwk()["n"]}"]'
    assert (stretch.kid, stretch.shows) == (rsa_key.kid, shows)


# --- the clouds


@pytest.mark.parametrize("base_url", CLOUDS.values())
def test_the_base_url_of_each_cloud_is_accepted_with_a_slash_or_without(base_url: str) -> None:
    keys = key_set(support.oct_key())
    assert provision(keys, base_url=base_url, at=NOW).base_url == base_url
    assert provision(keys, base_url=f"{base_url}/", at=NOW).base_url == base_url


@pytest.mark.parametrize(
    "base_url",
    [
        "https://graph.microsoft.com",
        "https://graph.microsoft.com/v1.0",
        "http://graph.microsoft.com/beta",
        "https://graph.microsoft.com/beta//",
        "https://graph.microsoft.com.example/beta",
        "https://graph.microsoft.com@example/beta",
        "",
        None,
        5,
    ],
)
def test_any_other_base_url_is_refused(base_url: Any) -> None:
    error = refused(key_set(support.oct_key()), base_url=base_url)
    assert (error.code, error.target) == ("BadRequest", "base_url")
    assert all(each in error.message for each in CLOUDS.values())


# --- what the service would refuse, and what would break sign-in


def test_a_key_without_its_private_part_is_refused(rsa_key: TrustFrameworkKey) -> None:
    error = refused(key_set(rsa_key.public()), at=NOW)
    assert error.code == "AADB2C90085"
    assert "has neither a private part nor a certificate" in error.message
    # One of two keys is enough, whether by create or by action.
    other = testing.rsa_key(1).public()
    assert refused(key_set(rsa_key, other), by="action", at=NOW).code == "AADB2C90085"


def test_a_set_without_keys_is_refused() -> None:
    error = refused(key_set(), at=NOW)
    assert (error.code, error.target) == ("BadRequest", "keyset")
    assert "add one first" in error.message
    disabled = key_set(support.oct_key(status="disabled"))
    assert "enable one" in refused(disabled, skip_disabled=True, at=NOW).message


@pytest.mark.parametrize("keys", [None, [], {"keys": []}, "B2C_1A_test"])
def test_anything_but_a_key_set_is_refused(keys: Any) -> None:
    assert "must be a TrustFrameworkKeySet" in refused(keys).message


def test_a_set_without_an_active_key_is_refused() -> None:
    for dates in ((NOW + 1, None), (None, NOW)):
        error = refused(key_set(support.oct_key(*dates)), at=NOW)
        assert (error.code, error.target) == ("BadRequest", "keyset")
        assert "has no active key at 2027-01-15T08:00:00Z" in error.message
        assert "add a key that is valid now" in error.message


def test_now_is_the_time_of_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = key_set(support.oct_key(NOW, NOW + 10))
    monkeypatch.setattr("time.time", lambda: float(NOW + 9))
    assert provision(keys).requests
    monkeypatch.setattr("time.time", lambda: float(NOW + 10))
    assert "has no active key" in refused(keys).message
    assert provision(keys, at=datetime(2027, 1, 15, 8, tzinfo=UTC)).requests


def test_disabled_keys_are_refused_or_left_out() -> None:
    kept = support.oct_key()
    keys = key_set(kept, support.oct_key(status="disabled"), support.oct_key(status="disabled"))
    error = refused(keys, at=NOW)
    assert (error.code, error.target) == ("BadRequest", "keyset")
    assert "disabled keys (2)" in error.message
    assert "skip_disabled" in error.message
    provisioning = provision(keys, skip_disabled=True, at=NOW)
    (jwk,) = only(provisioning).private_body()["keys"]
    assert jwk["k"] == kept.to_jwk(private=True)["k"]
    assert "2 of 3 keys are left out because they are disabled" in provisioning.notes
    # They stay in the key set.
    assert len(keys) == 3


def test_notes_have_the_numbers_of_the_file_and_leave_out_its_disabled_keys() -> None:
    """With another number, the user would replace the wrong key."""
    disabled = support.oct_key(nbf=2026, status="disabled")
    dated = support.oct_key(nbf=1, exp=NOW + DAY)
    notes = provision(key_set(disabled, support.oct_key(), dated), skip_disabled=True, at=NOW).notes
    (note,) = (note for note in notes if "expires at" in note)
    assert note.startswith(f"key 3 ({dated.kid}) is active until")
    assert not any("key 1 " in note for note in notes)


@pytest.mark.parametrize("by", ["post", "", 1, "CREATE"])
def test_an_unknown_by_is_refused(by: Any) -> None:
    error = refused(key_set(support.oct_key()), by=by, at=NOW)
    assert error.target == "by"
    assert '"create" or "action"' in error.message


def test_an_action_replaces_nothing() -> None:
    error = refused(key_set(text_key("x")), by="action", replace=True, at=NOW)
    assert error.target == "replace"
    assert "replace needs by=" in error.message


def test_a_key_set_cannot_mix_key_types_or_uses() -> None:
    """So a provisioning does not check for AADB2C95032 and AADB2C95042."""
    with pytest.raises(InvalidInputError) as caught:
        key_set(testing.oct_key(0), testing.rsa_key(0))
    assert caught.value.code == "AADB2C95032"
    with pytest.raises(InvalidInputError) as caught:
        key_set(support.oct_key(), support.oct_key(use="enc"))
    assert caught.value.code == "AADB2C95042"


# --- notes


def test_a_note_names_each_key_that_programs_on_windows_refuse(rsa_key: TrustFrameworkKey) -> None:
    """The service and most of what reads its keys run there."""
    jwk = rsa_key.to_jwk(private=True)
    # By its length alone: no proof comes this far.
    members = {name: jwk[name] for name in ("e", "n", "d", "p", "q", "dp", "dq", "qi")}
    cut: Private[Mapping[str, str]] = Private({**members, "dp": members["dp"][:-2]})
    short = attrs.evolve(rsa_key, kid="imported", private=cut, nbf=1, exp=NOW)
    keys = key_set(rsa_key, short, attrs.evolve(short, kid="off", status="disabled"))
    notes = provision(keys, skip_disabled=True).notes
    (note,) = (note for note in notes if "Windows" in note)
    assert note == (
        "key imported: its dp is not of full length, and .NET on Windows and .NET Framework refuse "
        "such a key: generate a new one if they read it"
    )


def test_notes_warn_about_gaps_and_expiry() -> None:
    soon, later = support.oct_key(NOW - DAY, NOW + DAY), support.oct_key(NOW + 2 * DAY)
    notes = provision(key_set(soon, later, support.oct_key(NOW + 60)), at=NOW).notes
    assert any("starts at 2027-01-15T08:01:00Z" in note for note in notes)
    notes = provision(key_set(soon, later), at=NOW).notes
    assert any("no key is active from 2027-01-16T08:00:00Z to" in note for note in notes)
    assert any("is active until it expires" in note for note in notes)
    assert provision(key_set(support.oct_key()), at=NOW).notes == ()


@pytest.mark.deep
def test_a_note_warns_if_the_certificate_leaves_the_use_open(
    certified: TrustFrameworkKey,
) -> None:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    start = datetime(2027, 1, 1, tzinfo=UTC)
    open_certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(certified.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=90))
        .sign(certified.private_key(), SHA256())
    )
    bare = attrs.evolve(
        certified, nbf=int(start.timestamp()), exp=int(start.timestamp()) + 90 * DAY, x5c=()
    )
    keys = key_set(with_certificates(bare, [open_certificate]))
    said = "check the use that the service gives it"
    assert any(said in note for note in provision(keys, by="action", at=NOW).notes)
    assert not any(said in note for note in provision(keys, at=NOW).notes)
    named = provision(key_set(certified), by="action", at=NOW).notes
    assert not any(said in note for note in named)
