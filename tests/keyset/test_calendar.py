"""The calendar of key sets: what it misses ends sign-in on a day that nobody expects."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import support
from tests.keyset.answers import FORMS, KEYS
from tests.keyset.sets import DAY, INT64_MAX, key_set, refused
from trustkeys import (
    KeyEvent,
    TrustFrameworkKey,
    TrustFrameworkKeySet,
    key_calendar,
)
from trustkeys.formats import certificates
from trustkeys.keyset import schedule

NOW = 1000 * DAY  # 1972-09-27
MONTH = 30 * DAY
LIFETIME = 90 * DAY

key = support.oct_key


def events_of(*keys: TrustFrameworkKey, at: int = NOW, **options: Any) -> list[KeyEvent]:
    """List the events of a set that Graph shows."""
    return key_calendar(key_set(keys).to_graph(), at=at, **options)


def shown(events: list[KeyEvent]) -> list[tuple[str, int, int | None, str | None]]:
    return [(event.kind, event.time, event.act_by, event.kid) for event in events]


@pytest.fixture(scope="module")
def with_certificate(real_key: TrustFrameworkKey) -> TrustFrameworkKey:
    """A key with a certificate until NOW + 100 days."""
    made = certificates.self_signed(real_key, "CN=test", nbf=NOW - DAY, exp=NOW + 100 * DAY - 1)
    return attrs.evolve(made, nbf=NOW - DAY)


# --- the events are those of the model


@given(support.DATED_KEYS, st.integers(0, 14))
def test_every_change_of_the_active_key_is_an_event_and_every_event_a_change(
    keys: list[TrustFrameworkKey], now: int
) -> None:
    by_time = {event.time: event for event in events_of(*keys, at=now) if event.time > now}
    for time in range(now + 1, 16):
        before, after = (support.model_of_the_overview(keys, at) for at in (time - 1, time))
        event = by_time.pop(time, None)
        if before is after:
            assert event is None
        elif after is None:
            assert before is not None
            assert event is not None
            assert (event.kind, event.kid) == ("NoActiveKey", before.kid)
        else:
            assert event is not None
            has_begun = after.nbf == time
            expected = ("Takeover", after) if has_begun else ("Fallback", before)
            assert (event.kind, event.kid) == (expected[0], getattr(expected[1], "kid", None))
            assert after.kid in event.message
            assert event.number == [*keys].index(expected[1] or after) + 1
    assert not by_time


@given(support.DATED_KEYS, st.integers(0, 14), st.integers(0, 9))
def test_no_time_without_an_active_key_comes_unannounced(
    keys: list[TrustFrameworkKey], now: int, notice: int
) -> None:
    events = events_of(*keys, at=now, notice=notice)
    for time in [*range(now, 16), INT64_MAX]:
        if schedule.active_key(keys, time) is None:
            assert any(
                event.kind == "NoActiveKey"
                and event.time <= time
                and event.act_by is not None
                and event.act_by <= max(now, event.time - DAY)
                for event in events
            )
    is_failing = schedule.active_key(keys, now) is None
    assert is_failing == any(event.time == now for event in events)
    assert all(event.time >= now for event in events)


DATES = st.none() | st.integers(900, 1300).map(lambda day: day * DAY)


@given(st.lists(st.tuples(DATES, DATES), max_size=5), st.integers(900, 1300))
def test_tokens_that_outlive_their_key_are_announced(
    dates: list[tuple[int | None, int | None]], day: int
) -> None:
    now = day * DAY
    keys = [key(nbf, exp, use="enc") for nbf, exp in dates]
    expected: dict[str, int] = {}
    for at in range(now, 1400 * DAY, DAY):  # all dates are whole days
        active = support.model_of_the_overview(keys, at)
        if active is not None and active.exp is not None and at + LIFETIME >= active.exp:
            expected.setdefault(active.kid, at)
    found = [event for event in events_of(*keys, at=now) if event.kind == "EndsBeforeTokens"]
    assert sorted((event.kid, event.time) for event in found) == sorted(expected.items())


# --- when to act


def test_a_set_that_ends_is_due_a_month_before() -> None:
    only = key(5, NOW + 100 * DAY)
    (event,) = events_of(only)
    assert event == KeyEvent(
        time=NOW + 100 * DAY,
        act_by=NOW + 70 * DAY,
        key_set="B2C_1A_test",
        number=1,
        kid=only.kid,
        kind="NoActiveKey",
        message=event.message,
        action="add a key that takes over before 1973-01-05T00:00:00Z",
    )
    assert event.message.endswith(
        " expires at 1973-01-05T00:00:00Z, then no key is active, and sign-in fails"
    )
    assert [event.is_due(at) for at in (NOW + 70 * DAY - 1, NOW + 70 * DAY)] == [False, True]


@pytest.mark.parametrize(
    ("notice", "act_by"),
    [
        (60 * DAY, NOW + 40 * DAY),
        (timedelta(weeks=1), NOW + 93 * DAY),
        (0, NOW + 99 * DAY),  # programs that verify tokens cache the keys for a day
        (INT64_MAX, 0),
    ],
)
def test_the_notice_is_as_long_as_asked_but_at_least_a_day(
    notice: int | timedelta, act_by: int
) -> None:
    (event,) = events_of(key(None, NOW + 100 * DAY), notice=notice)
    assert event.act_by == act_by


def test_a_set_without_an_active_key_comes_first_and_is_due_now() -> None:
    soon, late = key(5, NOW + 10 * DAY), key(5, NOW + 300 * DAY)
    gone, later = key(5, NOW - 10), key(NOW + 200 * DAY)
    sets = [
        TrustFrameworkKeySet(name, keys)
        for name, keys in {"soon": [soon], "late": [late], "gap": [gone, later], "no": []}.items()
    ]
    answer = {"value": [each.to_graph(base_url=None) for each in sets]}
    events = key_calendar(answer, at=NOW)
    assert [(event.key_set, *each) for event, each in zip(events, shown(events), strict=True)] == [
        ("B2C_1A_gap", "NoActiveKey", NOW, NOW, gone.kid),
        ("B2C_1A_no", "NoActiveKey", NOW, NOW, None),
        ("B2C_1A_soon", "NoActiveKey", NOW + 10 * DAY, NOW - 20 * DAY, soon.kid),
        ("B2C_1A_gap", "Takeover", NOW + 200 * DAY, None, later.kid),
        ("B2C_1A_late", "NoActiveKey", NOW + 300 * DAY, NOW + 270 * DAY, late.kid),
    ]
    first, empty = events[:2]
    assert first.message.endswith(
        " expired at 1972-09-26T23:59:50Z, then no key is active until 1973-04-15T00:00:00Z, and "
        "sign-in fails"
    )
    assert first.action == "add a key that takes over now"
    assert empty.message == "no key is active, and sign-in fails"
    assert empty.number is None


def test_before_its_first_key_a_set_has_none_that_expired() -> None:
    coming = key(NOW + 5 * DAY)
    gap, takeover = events_of(coming)
    assert (gap.kid, gap.message) == (
        None,
        "no key is active until 1972-10-02T00:00:00Z, and sign-in fails",
    )
    assert (takeover.kind, takeover.kid) == ("Takeover", coming.kid)


def test_a_gap_that_has_ended_needs_nobody() -> None:
    gone, back = key(5, NOW - DAY), key(NOW)
    assert [event.kind for event in events_of(gone, back, at=NOW - 1)] == [
        "NoActiveKey",
        "Takeover",
    ]
    assert events_of(gone, back) == []


def test_a_key_that_is_active_twice_is_named_once(
    with_certificate: TrustFrameworkKey, real_key: TrustFrameworkKey
) -> None:
    end = NOW + 100 * DAY
    between = attrs.evolve(real_key, kid="between", nbf=end + DAY, exp=end + 2 * DAY)
    kinds = [event.kind for event in events_of(with_certificate, between)]
    assert kinds == ["CertificateEnds", "Fallback", "Takeover"]


def test_an_older_key_or_the_safety_net_that_takes_over_is_a_deadline() -> None:
    net, old, new = key(), key(5, NOW + 200 * DAY), key(NOW - 9, NOW + 100 * DAY)
    assert ", then an older key, key 1 (" in events_of(key(5), new)[0].message
    older, safety_net = events_of(net, old, new)
    assert shown([older, safety_net]) == [
        ("Fallback", NOW + 100 * DAY, NOW + 70 * DAY, new.kid),
        ("Fallback", NOW + 200 * DAY, NOW + 170 * DAY, old.kid),
    ]
    assert (older.number, safety_net.number) == (3, 2)
    assert old.kid in older.message
    assert ", then an older key, key 2 (" in older.message
    assert net.kid in safety_net.message
    assert ", then the safety net, key 1 (" in safety_net.message


def test_a_rotation_needs_nobody_until_its_last_key() -> None:
    keys = TrustFrameworkKeySet("test", [key(5, NOW + 97 * DAY)])
    keys.rotate(90 * DAY, count=3, at=NOW)
    *takeovers, end = events_of(*keys)
    assert [(event.kind, event.act_by) for event in takeovers] == [("Takeover", None)] * 3
    assert end.kind == "NoActiveKey"
    assert key_calendar(keys.to_graph(), at=NOW, until=end.time - 31 * DAY) == takeovers


def test_the_next_keys_must_be_in_the_tenant_in_time() -> None:
    keys = key_set([key(), key(NOW + 5 * DAY)])
    document = keys.to_jwks(private=True)
    (event,) = key_calendar(document, at=NOW)
    assert event.action == (
        "nothing to do, if it is in the tenant and published by 1972-10-01T00:00:00Z"
    )
    (event,) = key_calendar(document, at=NOW + 4 * DAY)
    assert event.action == "nothing to do, if it is in the tenant and published: else do that now"
    (event,) = key_calendar(keys.to_graph(), at=NOW)
    assert event.action == "nothing to do"


def test_only_tokens_of_an_enc_key_can_outlive_it() -> None:
    ending, following = key(5, NOW + 200 * DAY, use="enc"), key(NOW + 150 * DAY, use="enc")
    tokens, takeover = events_of(ending, following)
    assert shown([tokens, takeover]) == [
        ("EndsBeforeTokens", NOW + 110 * DAY, NOW + 80 * DAY, ending.kid),
        ("Takeover", NOW + 150 * DAY, None, following.kid),
    ]
    assert tokens.message.endswith(
        " expires at 1973-04-15T00:00:00Z, and ends the refresh tokens that it encrypts from "
        "1973-01-15T00:00:00Z on, which can live 90 days"
    )
    assert tokens.action == "add a key that takes over before 1973-01-15T00:00:00Z"
    # With an overlap of 90 days, all of them live on.
    assert [e.kind for e in events_of(ending, key(NOW + 110 * DAY, use="enc"))] == ["Takeover"]
    (now, _) = events_of(ending, following, at=NOW + 120 * DAY)
    assert (now.time, now.act_by) == (NOW + 120 * DAY, NOW + 120 * DAY)
    assert now.action == "add a key that takes over now"


# --- certificates


def of_certificates(*keys: TrustFrameworkKey, at: int = NOW) -> list[tuple[int, int | None]]:
    events = [event for event in events_of(*keys, at=at) if event.kind == "CertificateEnds"]
    assert all(event.kid == keys[0].kid for event in events)
    return [(event.time, event.act_by) for event in events]


def test_a_certificate_that_ends_before_its_active_key_is_a_deadline(
    with_certificate: TrustFrameworkKey, real_key: TrustFrameworkKey
) -> None:
    end = NOW + 100 * DAY  # notAfter is the last second before
    deadline = (end, end - MONTH)
    assert of_certificates(with_certificate) == [deadline]
    assert of_certificates(attrs.evolve(with_certificate, exp=end + 1)) == [deadline]
    assert of_certificates(attrs.evolve(with_certificate, exp=end)) == []
    newer = attrs.evolve(real_key, kid="newer", nbf=end)
    assert of_certificates(with_certificate, newer) == []
    assert of_certificates(with_certificate, attrs.evolve(newer, nbf=end + 1)) == [deadline]
    # It takes over again, and its certificate has ended by then.
    again = attrs.evolve(newer, nbf=end - DAY, exp=end + DAY)
    assert of_certificates(with_certificate, again) == [(end + DAY, end + DAY - MONTH)]
    assert of_certificates(attrs.evolve(with_certificate, status="disabled")) == []
    assert of_certificates(with_certificate, at=end + 5) == [(end + 5, end + 5)]
    (event,) = events_of(with_certificate, at=end + 5)
    assert event.message.endswith(
        " is active at 1973-01-05T00:00:05Z, but its certificate ended at 1973-01-05T00:00:00Z"
    )
    endless = certificates.self_signed(real_key, "CN=a", nbf=5, exp=certificates.MAX_TIME)
    assert events_of(endless) == []
    (event,) = events_of(with_certificate)
    assert event.message.endswith(" is active when its certificate ends at 1973-01-05T00:00:00Z")
    assert event.action == (
        "add a key with a new certificate that takes over before 1973-01-05T00:00:00Z"
    )


# --- documents


@pytest.mark.parametrize("form", FORMS)
def test_the_answers_of_graph_give_the_same_events_in_every_form(form: str) -> None:
    keys = key_set([key(5, NOW + 50 * DAY), key(NOW + 10 * DAY, NOW + 90 * DAY)])
    document = FORMS[form](keys, KEYS["dates as text"])
    events = [
        attrs.evolve(event, key_set="B2C_1A_test")
        for event in key_calendar(document, at=NOW)
        if event.key_set != "B2C_1A_other"
    ]
    assert events == key_calendar(keys.to_graph(), at=NOW)


def test_the_copy_of_a_deleted_set_needs_nobody() -> None:
    deleted = {"id": "B2C_1A_old.bak", "keys": []}
    assert key_calendar({"value": [deleted]}, at=NOW) == []
    assert [e.key_set for e in key_calendar({"value": [deleted, {**deleted, "id": 5}]})] == [None]


def test_a_part_of_a_set_shows_when_its_keys_end_and_no_more() -> None:
    first, second = key(5, NOW + 50 * DAY, use="enc"), key(NOW + 10 * DAY, use="enc")
    answer = key_set([first, second, key(5, NOW, use="enc")]).to_graph()
    page = {"@odata.nextLink": "https://a/", "value": answer["keys"]}
    one = {"@odata.context": answer["@odata.context"], "value": answer["keys"][0]}
    for part in (page, one):
        (event,) = key_calendar(part, at=NOW)
        assert (event.kind, event.kid, event.number) == ("Expires", first.kid, 1)
        assert (event.time, event.act_by) == (NOW + 50 * DAY, NOW + 20 * DAY)
        assert "GET keySets/{id}" in event.action


def test_published_keys_encrypt_no_tokens_of_their_own(real_key: TrustFrameworkKey) -> None:
    published = key_set([attrs.evolve(real_key, use="enc", exp=NOW + 50 * DAY)]).to_jwks(at=NOW)
    del published["id"]
    assert [event.kind for event in key_calendar(published, at=NOW)] == ["NoActiveKey"]


@pytest.mark.parametrize("jwk", [None, [], {"kty": "oct", "use": "sig", "exp": -5}])
def test_a_key_that_cannot_be_read_is_not_active(jwk: Any) -> None:
    assert [event.kind for event in key_calendar({"keys": [jwk]}, at=NOW)] == ["NoActiveKey"]


def test_an_id_or_a_kid_that_could_be_a_secret_is_not_shown() -> None:
    entry = key_set([key(5, NOW + DAY)]).to_graph()["keys"][0]
    long = "s" * 200
    (event,) = key_calendar({"id": long, "keys": [{**entry, "kid": long}]}, at=NOW)
    assert event.key_set is None
    assert long not in event.message + event.action


# --- arguments


def test_until_leaves_out_what_needs_no_action_before() -> None:
    keys = key(5, NOW + 50 * DAY), key(NOW + 10 * DAY, NOW + 90 * DAY)
    takeover, end = events_of(*keys)
    until = events_of(*keys, until=NOW + 60 * DAY - 1)
    assert until == [takeover]
    assert events_of(*keys, until=NOW + 60 * DAY) == [takeover, end]
    assert events_of(*keys, until=NOW + 10 * DAY - 1) == []
    later = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=NOW + 60 * DAY)
    assert events_of(*keys, until=later) == [takeover, end]


@pytest.mark.parametrize(
    ("options", "target"),
    [
        ({"at": "now"}, "at"),
        ({"at": 5, "until": 5}, "until"),
        ({"until": -1}, "until"),
        ({"notice": -1}, "notice"),
        ({"notice": "30d"}, "notice"),
    ],
)
def test_bad_arguments_are_refused(options: dict[str, Any], target: str) -> None:
    assert refused(key_calendar, {"keys": []}, **options).target == target


def test_a_bad_document_is_refused() -> None:
    assert refused(key_calendar, "{}").code == "AADB2C95026"


def test_now_is_the_time_of_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: NOW + 0.5)
    assert [event.time for event in key_calendar({"keys": []})] == [NOW]
