"""Text that is not exactly base64url would be another key in another program."""

from __future__ import annotations

import base64
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustkeys.core.base64url import base64url_decode, base64url_encode


@given(st.binary(max_size=80))
def test_bytes_survive_a_round_trip(data: bytes) -> None:
    assert base64url_decode(base64url_encode(data)) == data


@given(
    st.text("AQgwBZaz09-_+/= \n!é", max_size=12) | st.binary(max_size=12).map(base64url_encode),
    st.integers(0, 12),
    st.sampled_from(["", "A", "B", "=", "+", "\udc80"]),
)
def test_each_text_that_is_taken_is_the_only_one_for_its_bytes(
    text: str, place: int, more: str
) -> None:
    """Two texts of the same key would be two keys."""
    changed = text[:place] + more + text[place + 1 :]
    standard = changed.replace("-", "+").replace("_", "/") + "=" * (-len(changed) % 4)
    expected = None
    with suppress(ValueError):
        decoded = base64.b64decode(standard)
        expected = decoded if base64url_encode(decoded) == changed else None
    if expected is None:
        with pytest.raises(ValueError, match=r"^not base64url without padding$"):
            base64url_decode(changed)
    else:
        assert base64url_decode(changed) == expected


@pytest.mark.parametrize("text", ["é", "A", "AA==", "AB", "AA A", "+/+/", "AAé"])
def test_other_text_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not base64url without padding$"):
        base64url_decode(text)
