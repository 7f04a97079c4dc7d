"""Text that is not exactly base64url would be another key in another program."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustkeys.core.base64url import base64url_decode, base64url_encode


@given(st.binary(max_size=80))
def test_bytes_survive_a_round_trip(data: bytes) -> None:
    assert base64url_decode(base64url_encode(data)) == data


@pytest.mark.parametrize("text", ["é", "A", "AA==", "AB", "AA A", "+/+/", "AAé"])
def test_other_text_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not base64url without padding$"):
        base64url_decode(text)
