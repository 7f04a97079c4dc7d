"""JSON from outside: numbers that other programs write, and messages that find the mistake."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trustkeys import InvalidInputError, TrustFrameworkKey
from trustkeys.core.strict_json import MAX_VALUES, parse_json, parse_object, whole

INT64_MAX = 2**63 - 1


def number(text: str) -> Any:
    return parse_object(f'{{"a": {text}}}', what="it")["a"]


def refused(text: str | bytes) -> str:
    with pytest.raises(InvalidInputError) as caught:
        parse_json(text, what="it")
    assert caught.value.__cause__ is caught.value.__context__ is None
    return caught.value.message


def spellings_of(value: int) -> st.SearchStrategy[str]:
    """All the ways in which JSON can write an integer."""

    def spelled(zeros: int, shift: int, mark: str) -> str:
        digits, sign = str(abs(value)), "-" if value < 0 else ""
        if shift < 0:
            return f"{sign}{int(digits + '0' * -shift)}.{'0' * zeros}0{mark}{shift}"
        digits = digits.rjust(shift + 1, "0")
        cut = len(digits) - shift
        return f"{sign}{digits[:cut]}.{digits[cut:]}{'0' * zeros}0{mark}{shift}"

    marks = st.sampled_from(["e", "E"])
    return st.builds(spelled, st.integers(0, 3), st.integers(-4, 20), marks) | st.sampled_from(
        [str(value), f"{value}.0", f"{value}.000", f"{value}e0", f"{value}E-0", f"{value}.0e+0"]
    )


@given(data=st.data(), value=st.integers(-(2**63), 2**63) | st.integers(-(10**30), 10**30))
def test_a_whole_number_is_exact_however_it_is_written(data: st.DataObject, value: int) -> None:
    found = number(data.draw(spellings_of(value)))
    assert (type(found), found) == (int, value)
    assert number(f"{INT64_MAX}.0") == INT64_MAX


NUMBER = r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,2})?"


@settings(max_examples=settings().max_examples // 2)
@given(st.from_regex(NUMBER, fullmatch=True))
@example("1893456000.0000000000001")
@example("1e-400")
@example("-0.0")
@example("9007199254740992.5")
def test_only_a_whole_number_becomes_an_integer(text: str) -> None:
    exact = Decimal(text)
    is_whole = exact == exact.to_integral_value()
    try:
        found = number(text)
    except InvalidInputError as error:
        if is_whole:
            assert "a number that is too large" in error.message
            assert abs(exact) > Decimal(10) ** 308
        else:
            assert "whose fraction is too small to keep" in error.message
        return
    if type(found) is int:
        assert found == exact
    else:
        assert found == float(text)
        assert not is_whole or abs(exact) >= 10**20


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1e999999999", "a number that is too large"),
        (f"1e{'9' * 900}", "a number that is too large"),
        (f"{'1' * 400}.5", "a number that is too large"),
        (f"1e{'9' * 1000}", "a number of 1002 characters"),
        (f"0.{'0' * 2000}1", "a number of 2003 characters"),
        (f"1e-{'9' * 900}", "whose fraction is too small to keep"),
        ("1e20x", "is not JSON"),
    ],
)
def test_a_number_that_takes_long_to_compute_is_refused(text: str, message: str) -> None:
    assert message in refused(f'{{"a": {text}}}')


def test_the_largest_numbers_are_read() -> None:
    assert number("1e23") == 10**23
    assert number("0e999999999") == 0
    assert number("1.5e25") == 15 * 10**24
    assert number(f"{'9' * 990}.0e2") == int("9" * 990 + "00")


def test_a_float_of_python_counts_as_the_json_that_it_was() -> None:
    assert [whole(value) for value in (1.0, -0.0, 1.5, 1, True, "1.0", None)] == [
        *(1, 0, 1.5, 1, True, "1.0", None)
    ]
    assert type(whole(1.0)) is int
    assert whole(float("inf")) == float("inf")


def test_a_float_of_python_that_may_be_rounded_is_no_integer() -> None:
    assert type(whole(2.0**53 - 1)) is type(whole(1 - 2.0**53)) is int
    assert type(whole(2.0**53)) is type(whole(-(2.0**53))) is float


@pytest.mark.parametrize("unit", ["1e9", "1e23", "-1e23", "0e0", "0.1", "1.0"])
def test_short_numbers_do_not_fill_the_memory(unit: str) -> None:
    """Each number written out has at most some 20 characters more than in the text."""
    found = parse_json(f"[{','.join([unit] * 50)}]", what="it")
    assert len(json.dumps(found)) <= 50 * (len(unit) + 24)


@pytest.mark.parametrize("unit", ["0", "{}", "[]", '{"a":0}'])
def test_many_values_do_not_fill_the_memory(unit: str) -> None:
    """5.5 million empty objects in 16 MiB took 480 MB."""
    cost = 1 + unit.count("{") + unit.count("[")
    many = f"[{','.join([unit] * (MAX_VALUES // cost))}]"
    assert len(parse_json(many, what="it", max_bytes=2**24)) == MAX_VALUES // cost
    for text in (many[:-1] + f",{unit},{unit}]", many.encode()[:-1] + f",{unit},{unit}]".encode()):
        with pytest.raises(InvalidInputError, match="it has more than 250000 values"):
            parse_json(text, what="it", max_bytes=2**24)


def test_a_jwk_has_the_same_dates_in_text_and_in_a_mapping(rsa_jwk: dict[str, Any]) -> None:
    text = json.dumps({**rsa_jwk, "use": "sig", "nbf": 5, "exp": 9})
    text = text.replace('"exp": 9', '"exp": 9e0')
    for jwk in (text, json.loads(text)):
        key = TrustFrameworkKey.from_jwk(jwk)
        assert (key.nbf, key.exp, type(key.exp)) == (5, 9, int)
    with pytest.raises(InvalidInputError):
        TrustFrameworkKey.from_jwk(text, nbf=5.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "comma"),
    [
        ('{"a": 1,}', "member (column 8)"),
        ('{"a": 1 , \r\n\t}', "member (line 1, column 9)"),
        ('{"a": 1\n,\n}', "member (line 2, column 1)"),
        ('{"a": {"b": [1],},\n "c": 2}', "member (line 1, column 16)"),
        ('\ufeff{"a": 1,}', "member (column 8)"),
        ("[1,]", "item (column 3)"),
        ('{"a": ["x",\n], "b": 1}', "item (line 1, column 11)"),
        ('[{"a": 1,}, 2,]', "member (column 9)"),
    ],
)
def test_a_comma_after_the_last_member_is_named(text: str, comma: str) -> None:
    """Two published scripts and a sample of Graph's pages have one."""
    kind, _, place = comma.partition(" ")
    assert refused(text) == (
        f"it is not JSON: it has a comma after the last {kind}, remove it {place}"
    )


# Brackets and commas in strings are none of JSON's.
TEXT = st.text("a,[]{} ", max_size=3)
NESTED = st.recursive(
    st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=min(30, settings().max_examples))
@given(st.lists(NESTED, max_size=3), st.sampled_from(["", " ", "\n", " \t\r\n"]), st.data())
def test_every_comma_before_a_closing_bracket_is_found(
    value: Any, space: str, data: st.DataObject
) -> None:
    text = json.dumps(value)
    ends = [i for i, char in enumerate(text) if char in "]}" and text[:i].count('"') % 2 == 0]
    end = data.draw(st.sampled_from(ends))
    message = refused(text[:end] + "," + space + text[end:])
    last = "item" if text[end] == "]" else "member"
    line = "line 1, " if "\n" in space else ""
    assert f"a comma after the last {last}, remove it ({line}column {end + 1})" in message


@pytest.mark.parametrize("text", ["{", "[1", ",", '{"a": 1,', '{"a": 1,x}', "}", "[1,,2]"])
def test_other_mistakes_are_not_called_a_comma(text: str) -> None:
    message = refused(text)
    assert "comma" not in message
    assert "(column " in message


@pytest.mark.parametrize("end", range(1, len('{"a": ["b", 1]}')))
def test_text_that_is_cut_off_is_called_so(end: int) -> None:
    """A download that stopped, or a copy of a part of the lines."""
    assert refused('{"a": ["b", 1]}'[:end]).startswith("it is not JSON: it is cut off, save it")


def test_text_with_several_values_is_called_so() -> None:
    """What batch writes has one on each line."""
    for text in ('{"a": 1}\n{"a": 2}\n', "{} []", "[]]"):
        assert "it goes on after the first value (" in refused(text)


@pytest.mark.parametrize("text", ["", " \n", b"", b"\xef\xbb\xbf", b"\r\n"])
def test_an_empty_file_is_called_empty(text: str | bytes) -> None:
    """A command that failed leaves one behind its >."""
    assert refused(text) == "it is not JSON: it is empty"
