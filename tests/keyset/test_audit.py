"""The audit of a tenant: an overlooked set ends sign-in on the day that its last key expires."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import support
from tests.keyset.answers import GRAPH
from tests.keyset.sets import refused
from trustkeys import (
    Audit,
    TrustFrameworkKey,
    TrustFrameworkKeySet,
    audit_key_sets,
    check_key_set,
)

DAY = 86_400
NOW = 1000 * DAY

key = support.oct_key


def listed(*sets: dict[str, Any] | TrustFrameworkKeySet, **members: Any) -> dict[str, Any]:
    """The answer to GET keySets."""
    shown = [
        each.to_graph(base_url=None) if isinstance(each, TrustFrameworkKeySet) else each
        for each in sets
    ]
    return {"@odata.context": GRAPH, **members, "value": shown}


def named(name: str, *keys: TrustFrameworkKey) -> TrustFrameworkKeySet:
    return TrustFrameworkKeySet(name, keys)


def test_an_audit_sums_up_each_set(real_key: TrustFrameworkKey) -> None:
    net, active = key(), key(NOW - 9, NOW + 60 * DAY)
    rolling = named("rolling", net, active)
    ending = named("ending", attrs.evolve(real_key, use="enc", nbf=5, exp=NOW + 10 * DAY))
    over = named("over", key(5, 9), key(7, 20))
    planned = named("planned", key(NOW + DAY, None))
    audit = audit_key_sets(listed(rolling, ending, over, planned, named("empty")), at=NOW)
    assert (audit.kind, audit.description) == ("sets", "an answer of Graph: 5 key sets")
    summed = [
        attrs.asdict(each, filter=lambda field, _: field.name != "findings") for each in audit.sets
    ]
    names = (
        "id",
        "kty",
        "use",
        "size",
        "has_active_key",
        "active_kid",
        "active_exp",
        "end",
        "has_safety_net",
    )
    assert [tuple(each[name] for name in names) for each in summed] == [
        ("B2C_1A_rolling", "oct", "sig", 2, True, active.kid, active.exp, None, True),
        (
            "B2C_1A_ending",
            "RSA",
            "enc",
            1,
            True,
            real_key.kid,
            NOW + 10 * DAY,
            NOW + 10 * DAY,
            False,
        ),
        ("B2C_1A_over", "oct", "sig", 2, False, None, None, 20, False),
        ("B2C_1A_planned", "oct", "sig", 1, False, None, None, None, False),
        ("B2C_1A_empty", None, None, 0, False, None, None, 0, False),
    ]
    assert not any(each["is_deleted"] for each in summed)
    assert [each.severity for each in audit.sets] == [None, "warning", "error", "error", "error"]
    for each, keyset in zip(
        audit.sets, (rolling, ending, over, planned, named("empty")), strict=True
    ):
        expected = check_key_set(keyset.to_graph(), at=NOW)
        assert [finding.code for finding in each.findings] == [finding.code for finding in expected]
        assert {finding.key_set for finding in each.findings} <= {each.id}
        assert all(finding.message.startswith(f"{each.id}: ") for finding in each.findings)
    assert {*audit.findings} == {finding for each in audit.sets for finding in each.findings}
    assert check_key_set(listed(rolling, ending, over, planned, named("empty")), at=NOW) == [
        *audit.findings
    ]
    severities = [finding.severity for finding in audit.findings]
    assert severities == sorted(severities)


def test_keys_that_differ_have_no_common_type_and_use(real_key: TrustFrameworkKey) -> None:
    entries = [
        *named("a", key()).to_graph()["keys"],
        *named("a", attrs.evolve(real_key, use="enc")).to_graph()["keys"],
    ]
    (only,) = audit_key_sets(listed({"id": "B2C_1A_a", "keys": entries}), at=NOW).sets
    assert (only.kty, only.use) == (None, None)
    assert [finding.code for finding in only.findings] == ["AADB2C95032", "AADB2C95042"]


def test_a_deleted_set_is_shown_and_not_checked() -> None:
    """The service keeps a copy of a deleted set, which would expire in every audit from then on."""
    old = {**named("a", key(5, 9)).to_graph(base_url=None), "id": "B2C_1A_a.bak"}
    audit = audit_key_sets(listed(old, named("b", key())), at=NOW)
    assert [each.is_deleted for each in audit.sets] == [True, False]
    assert (audit.sets[0].id, audit.sets[0].end, audit.findings) == ("B2C_1A_a.bak", 9, ())
    assert audit.sets[0].severity is None
    # Asked for alone, it is checked.
    assert "NoActiveKey" in [
        finding.code for finding in check_key_set({"@odata.context": "", **old}, at=NOW)
    ]


def test_an_answer_that_goes_on_is_no_clean_audit() -> None:
    """The sets on the other pages were not seen."""
    for answer in (
        listed(named("a", key()), **{"@odata.nextLink": "x"}),
        {"value": named("a", key()).to_graph()["keys"], "@odata.nextLink": "x"},
    ):
        audit = audit_key_sets(answer, at=NOW)
        (warning,) = audit.findings
        assert (warning.severity, warning.code, warning.key_set) == (
            "warning",
            "IncompleteAnswer",
            None,
        )
        assert audit.sets[0].findings == ()


def test_of_a_part_of_the_keys_the_set_is_not_judged() -> None:
    """The active key can be on another page."""
    over = named("a", key(5, 9)).to_graph()["keys"]
    audit = audit_key_sets({"value": over, "@odata.nextLink": "x"}, at=NOW)
    assert (audit.kind, [found.code for found in audit.findings]) == ("keys", ["IncompleteAnswer"])
    broken = audit_key_sets({"value": [*over, 5], "@odata.nextLink": "x"}, at=NOW)
    assert [found.code for found in broken.findings] == ["AADB2C95034", "IncompleteAnswer"]


def test_until_and_private_are_those_of_the_check() -> None:
    answer = listed(named("a", key(5, NOW + 90 * DAY)))
    audit = audit_key_sets(answer, at=NOW, until=NOW + 91 * DAY)
    assert [finding.code for finding in audit.findings] == ["NoActiveKey", "NoSafetyNet"]
    assert "AADB2C95034" in [f.code for f in audit_key_sets(answer, at=NOW, private=True).findings]
    assert refused(audit_key_sets, answer, at=NOW, until=NOW).target == "until"
    assert refused(audit_key_sets, answer, at="x").target == "at"
    assert refused(audit_key_sets, "[]").code == "AADB2C95026"


def test_other_documents_are_one_set(real_key: TrustFrameworkKey) -> None:
    keys = named("a", real_key)
    for document, kind, name in (
        (keys.to_jwks(private=True), "jwks", "B2C_1A_a"),
        ({"keys": [real_key.to_jwk()]}, "published", None),
        (keys.to_graph(), "set", "B2C_1A_a"),
        ({"value": keys.to_graph()["keys"]}, "keys", None),
        ({"value": keys.to_graph()["keys"][0]}, "key", None),
    ):
        audit = audit_key_sets(json.dumps(document), at=NOW)
        assert (audit.kind, audit.findings) == (kind, ())
        assert [(each.id, each.active_kid) for each in audit.sets] == [(name, real_key.kid)]


@pytest.mark.parametrize(
    "name", ["x" * 40, "B2C_1A_" + "x" * 200, "B2C_1A_\x1b[2J", 5, None, ["B2C_1A_a"]]
)
def test_an_id_that_is_not_safe_to_show_is_a_number(name: Any) -> None:
    """It can be a secret in the wrong place."""
    audit = audit_key_sets(listed(named("a", key()), {"id": name, "keys": []}), at=NOW)
    assert [each.id for each in audit.sets] == ["B2C_1A_a", None]
    (finding,) = audit.findings
    assert finding.message.startswith("key set 2: no key is active")
    assert finding.key_set is None


@settings(max_examples=settings().max_examples // 2)
@given(st.lists(support.DATED_KEYS, max_size=4), st.integers(0, 13))
def test_the_summary_of_a_set_is_what_brute_force_finds(
    drawn: list[list[TrustFrameworkKey]], at: int
) -> None:
    sets = [named(f"s{number}", *keys) for number, keys in enumerate(drawn)]
    audit: Audit = audit_key_sets(listed(*sets), at=at)
    for each, keys in zip(audit.sets, drawn, strict=True):
        active = support.model_of_the_overview(keys, at)
        assert each.has_active_key == (active is not None)
        assert (each.active_kid, each.active_exp) == (
            (active.kid, active.exp) if active else (None, None)
        )
        # Dates end at 12.
        with_active = [time for time in range(15) if support.model_of_the_overview(keys, time)]
        expected = max(with_active, default=-1) + 1
        assert each.end == (None if expected == 15 else expected)
        assert each.has_safety_net == any(
            k.nbf is k.exp is None and k.status == "enabled" for k in keys
        )
