"""An address is found in every form in which published clients write it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustkeys.testing.routing import OPERATIONS, Address, find

ID, KID = "B2C_1A_Signing", "Kid_1-a"

PATHS = {
    "/beta/trustFramework/keySets": Address("keySets"),
    "/beta/trustFramework/keySets/$count": Address("keySets/$count"),
    f"/beta/trustFramework/keySets/{ID}": Address("keySets/{id}", ID),
    **{
        f"/beta/trustFramework/keySets/{ID}/{prefix}{name}": Address(name, ID)
        for name in OPERATIONS
        if name[0] in "gu"
        for prefix in ("", "microsoft.graph.")
    },
    f"/beta/trustFramework/keySets/{ID}/getActiveKey()": Address("getActiveKey", ID),
    f"/beta/trustFramework/keySets/{ID}/microsoft.graph.getActiveKey()": Address(
        "getActiveKey", ID
    ),
    f"/beta/trustFramework/keySets/{ID}/keys_v2": Address("keys_v2", ID),
    f"/beta/trustFramework/keySets/{ID}/keys_v2/$count": Address("keys_v2/$count", ID),
    f"/beta/trustFramework/keySets/{ID}/keys_v2/{KID}": Address("keys_v2/{kid}", ID, KID),
    "/beta/$batch": Address("$batch"),
}


def test_every_operation_has_a_path() -> None:
    assert {address.name for address in PATHS.values()} == {*OPERATIONS}


@given(st.sampled_from([*PATHS]), st.randoms(use_true_random=False), st.booleans())
def test_the_fixed_parts_can_be_in_any_case_and_ids_cannot(
    path: str, random: object, in_parentheses: bool
) -> None:
    def any_case(part: str) -> str:
        if part in (ID, KID):
            return part
        return "".join(random.choice([c.lower(), c.upper()]) for c in part)  # type: ignore[attr-defined]

    changed = "/".join(any_case(part) for part in path.split("/"))
    if in_parentheses:
        changed = changed.replace(f"/{ID}", f"('{ID}')").replace(f"/{KID}", f"('{KID}')")
    assert find(changed) == PATHS[path]
    assert find(changed.replace("$", "%24")) == PATHS[path]


@pytest.mark.parametrize(
    "last",
    [
        *["microsoft.graph.keys_v2", "graph.generateKey", "microsoft.graph.", "generateKey()"],
        *["microsoft.graph.microsoft.graph.generateKey", "$count", "keys_v2/$count/1", "$batch"],
    ],
)
def test_nothing_else_is_at_an_address(last: str) -> None:
    assert find(f"/beta/trustFramework/keySets/{ID}/{last}") is None
