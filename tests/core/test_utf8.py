"""Text that Windows wrote is read as if it were UTF-8."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trustkeys.core.utf8 import as_utf8, encoding_of, without_mark

MARKS = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}

texts = st.text().filter(lambda text: not text.startswith(("\0", "\ufeff")))


@given(texts, st.sampled_from([*MARKS]))
@example("é {\u20ac} \U0001f511\r\n", "utf-16-le")
def test_a_mark_tells_the_encoding(text: str, encoding: str) -> None:
    data = MARKS[encoding] + text.encode(encoding)
    assert as_utf8(data).decode() == without_mark(data).decode() == text
    assert (encoding_of(data) is None) == (encoding == "utf-8")


@given(st.text(st.characters(max_codepoint=126, min_codepoint=9), min_size=2))
@example("\n{}")
def test_utf16_of_ascii_needs_no_mark(text: str) -> None:
    for encoding in ("utf-16-le", "utf-16-be"):
        data = text.encode(encoding)
        assert as_utf8(data).decode() == text
        assert without_mark(data) == data  # for what must not be guessed


@pytest.mark.parametrize("mark", [codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE])
def test_text_that_is_cut_off_is_left_as_it_is(mark: bytes) -> None:
    """It is refused later, as what it is."""
    data = mark + b"a"
    assert as_utf8(data) == without_mark(data) == data


# The last two are binary: a name in a PKCS #12 file, for example, is UTF-16.
@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"\xff", b"{}", b"\0\xff\xfe", "é".encode(), b"\0" * 9),
        *(b"\x30\x82\0a\0b", b"{\0\x01\x02"),
    ],
)
def test_other_bytes_are_left_as_they_are(data: bytes) -> None:
    assert as_utf8(data) == without_mark(data) == data
    assert encoding_of(data) is None
