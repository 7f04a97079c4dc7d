"""Reads take `$select`, `$top` and `$count`; other query options are refused by name."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.testing.tenant import (
    BETA,
    EMPTY,
    FIRST,
    SECRETS,
    SETS,
    SIGNING,
    STATUS_OF,
    batch,
    batched,
    direct,
    in_set,
    refused,
    state,
    tenant,
)

KEYS = f"{SIGNING}/keys_v2"
ACTIVE = f"{SIGNING}/getActiveKey"
COLLECTIONS = [SETS, KEYS, f"{EMPTY}/keys_v2"]
ENTITIES = [SIGNING, STATUS_OF, ACTIVE]

KEY_NAMES = ["kid", "kty", "use", "nbf", "exp", "x5c", "e", "n", "k", "d", "dq", "x5t", "status"]
SET_NAMES = ["id", "keys", "keys_v2"]


def selected(whole: dict[str, Any], names: list[str]) -> dict[str, Any]:
    return {name: value for name, value in whole.items() if name in names}


@given(st.data(), st.sampled_from([*COLLECTIONS, *ENTITIES]))
def test_select_answers_with_the_named_members(data: st.DataObject, path: str) -> None:
    names = SET_NAMES if path in (SETS, SIGNING) else KEY_NAMES
    chosen = data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    transport = tenant()
    before = state(transport)
    whole = direct(transport, "GET", path).json()
    answer = direct(transport, "GET", f"{path}?$select={','.join(chosen)}").json()
    context, entity = whole.pop("@odata.context"), "/$entity"
    base = context.removesuffix(entity)
    end = entity if context.endswith(entity) else ""
    assert answer.pop("@odata.context") == f"{base}({','.join(chosen)}){end}"
    if "value" in whole:
        assert answer == {"value": [selected(each, chosen) for each in whole["value"]]}
    else:
        assert answer == selected(whole, chosen)
    assert state(transport) == before


@pytest.mark.parametrize("query", ["$select=*", "$select=kid,*", "%24select=*", "select=*", ""])
def test_select_of_everything_is_the_whole_answer(query: str) -> None:
    transport = tenant()
    whole = direct(transport, "GET", ACTIVE).json()
    assert direct(transport, "GET", f"{ACTIVE}?{query}").json() == whole


@pytest.mark.parametrize("path", COLLECTIONS)
def test_top_limits_a_collection_and_count_counts_all_of_it(path: str) -> None:
    """OData 4.01, sections 11.2.6.3 and 11.2.6.5."""
    transport = tenant()
    whole = direct(transport, "GET", path).json()
    for top, count in itertools.product([0, 1, 2, 3, 999_999_999], ["", "true", "false"]):
        query = f"$top={top}{'&$count=' * bool(count)}{count}"
        answer = direct(transport, "GET", f"{path}?{query}").json()
        expected = {"@odata.count": len(whole["value"])} if count == "true" else {}
        assert answer == {**whole, **expected, "value": whole["value"][:top]}


@pytest.mark.parametrize(
    ("path", "count"), [(SETS, 3), (KEYS, 2), (f"{EMPTY}/keys_v2", 0), (f"{SECRETS}/keys_v2", 1)]
)
def test_the_number_alone_is_text(path: str, count: int) -> None:
    """Today's SDKs ask for it with ``Accept: text/plain``."""
    for last in ("$count", "%24count", "$COUNT"):
        answer = direct(tenant(), "GET", f"{path}/{last}", headers={"Accept": "text/plain;q=0.9"})
        assert (answer.status_code, answer.text) == (200, str(count))
        assert answer.headers["Content-Type"].split(";")[0] == "text/plain"


def test_all_options_work_together() -> None:
    url = f"{KEYS}?$count=true&%24top=1&$select=kid%2C%20status"
    assert direct(tenant(), "GET", url).json() == {
        "@odata.context": f"{BETA}/$metadata#trustFramework/keySets('B2C_1A_signing')"
        "/keys_v2(kid,status)",
        "@odata.count": 2,
        "value": [selected(in_set(FIRST), ["kid", "status"])],
    }
    assert batched(direct, tenant(), [batch("GET", url[1:])])[0]["body"]["@odata.count"] == 2


OTHERS = [
    *[f"${name}=a" for name in ("filter", "expand", "orderby", "search", "skip", "skiptoken")],
    *["a", "a=1", "api-version=1.6", "$Top=1", "$$top=1", "expand=keys_v2"],
]


@pytest.mark.parametrize("query", OTHERS)
def test_another_option_is_refused_by_name(query: str) -> None:
    """An ignored ``$filter`` would answer with more than the service does."""
    transport = tenant()
    for path in [*COLLECTIONS, *ENTITIES, f"{SETS}/$count"]:
        answer = direct(transport, "GET", f"{path}?{query}")
        message = refused(answer, 400, "BadRequest", "query")
        assert repr(query.partition("=")[0]) in message


@pytest.mark.parametrize(
    ("method", "path", "query"),
    [
        ("GET", SIGNING, "$top=1"),
        ("GET", ACTIVE, "$count=true"),
        ("GET", f"{KEYS}/$count", "$select=kid"),
        ("POST", SETS, "$select=id"),
        ("PATCH", STATUS_OF, "$select=kid"),
        ("DELETE", SIGNING, "$select=id"),
        ("POST", f"{SIGNING}/generateKey", "$select=kid"),
        ("POST", "/$batch", "$select=id"),
    ],
)
def test_an_option_that_the_operation_does_not_take_is_refused(
    method: str, path: str, query: str
) -> None:
    transport = tenant()
    before = state(transport)
    answer = direct(transport, method, f"{path}?{query}", json={"id": "new"})
    assert query.partition("=")[0] in refused(answer, 400, "BadRequest", "query")
    assert state(transport) == before


@pytest.mark.parametrize(
    ("query", "option"),
    [
        *[(f"$top={value}", "$top") for value in ("", "-1", "a", "1.0", "%C2%B2", "1" * 5000)],
        *[(f"$count={value}", "$count") for value in ("", "1", "True", "yes")],
        *[(f"$select={value}", "$select") for value in ("", "other", "kid,", "Kid", "keys(kid)")],
        ("$top=1&$top=2", "$top"),
        ("$top=1&top=1", "$top"),
    ],
)
def test_a_wrong_value_is_refused(query: str, option: str) -> None:
    answer = direct(tenant(), "GET", f"{KEYS}?{query}")
    assert option in refused(answer, 400, "BadRequest", option)


@pytest.mark.deep
@given(st.text(max_size=30), st.sampled_from([*COLLECTIONS, *ENTITIES]))
def test_every_query_is_answered(query: str, path: str) -> None:
    answer = direct(tenant(), "GET", path, params=query)
    assert answer.status_code in (200, 400)
