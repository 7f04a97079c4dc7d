"""Values in messages: described in words of JSON, and never shown if they may be secrets."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustkeys.wording import did_you_mean, shape


@pytest.mark.parametrize(
    ("value", "described"),
    [
        (None, "null"),
        (True, "a boolean"),
        (-1, "-1"),
        (0, "0"),
        (9, "9"),
        (10, "an integer of 4 bits"),
        (-(2**64), "a negative integer of 65 bits"),
        (0.5, "a floating-point number"),
        ("", "a string of 0 characters"),
        ("a", "a string of 1 character"),
        ({"k": "secret"}, "a JSON object"),
        (["secret"], "a list"),
        (b"secret", "a value of type bytes"),
    ],
)
def test_a_value_is_described_as_json_calls_it(value: Any, described: str) -> None:
    assert shape(value) == described


@given(
    st.integers().filter(lambda number: abs(number) > 9)
    | st.text(min_size=1, alphabet=st.characters(min_codepoint=0x3000))
    | st.lists(st.text("xyz", min_size=4), min_size=1)
    | st.dictionaries(st.text("xyz", min_size=4), st.integers(min_value=10), min_size=1)
)
def test_what_may_be_a_secret_is_not_shown(value: Any) -> None:
    secrets = [*value, *value.values()] if isinstance(value, dict) else value
    secrets = secrets if isinstance(secrets, list) else [secrets]
    assert not any(str(secret) in shape(value) for secret in secrets)


def test_a_proposal_is_a_sentence() -> None:
    assert did_you_mean([]) == ""
    assert did_you_mean(["a", "b"]) == " Did you mean 'a' or 'b'?"
