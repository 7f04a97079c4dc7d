"""Bad bodies have one fault each, of every kind, and the code of its error."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.testing.strategies.examples import EC, MAX, assert_drawn, drawn, few, printed, smallest
from trustkeys import GenerateKeyRequest, InvalidInputError, register_strategy
from trustkeys.testing.strategies import bad_request_bodies
from trustkeys.testing.strategies.bodies import FLOATS
from trustkeys.testing.strategies.faults import _NO_KTYS, _is_date


def refusal_of(body: Any) -> str:
    with pytest.raises(InvalidInputError) as caught:
        GenerateKeyRequest.from_graph(body)
    return caught.value.code


@few
@given(pair=bad_request_bodies())
def test_a_bad_body_is_refused_with_its_code(
    pair: tuple[dict[str, Any] | str, str],
) -> None:
    body, code = pair
    assert refusal_of(body) == code
    text = body if isinstance(body, str) else json.dumps(body)
    assert refusal_of(text) == refusal_of(text.encode()) == code


@given(date=FLOATS | st.sampled_from([0.0, -0.0, 2.0**53, 1e18, -1.0, 1e19, 0.5]))
def test_a_whole_number_is_no_bad_date_however_it_is_written(date: float) -> None:
    body = json.dumps({"use": "sig", "kty": "RSA", "nbf": date})
    with nullcontext() if _is_date(date) else pytest.raises(InvalidInputError):
        GenerateKeyRequest.from_graph(body)


@pytest.mark.deep
@pytest.mark.usefixtures("clean_registry")
def test_a_bad_kty_cannot_be_registered() -> None:
    # Only this part of the strategy, because few bodies have a string as kty.
    ktys = [kty for kty in drawn(_NO_KTYS, 0) if isinstance(kty, str)]
    assert len(ktys) > 10
    for kty in ktys:
        with pytest.raises(InvalidInputError):
            register_strategy(type("Registered", (EC,), {"kty": kty})())


def dates_of(body: dict[str, Any] | str) -> list[Any]:
    return [body.get(name) for name in ("nbf", "exp")] if isinstance(body, dict) else []


@pytest.mark.deep
@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("AADB2C90253", lambda body: "use" not in body and len(body) > 2),
        ("AADB2C95030", lambda body: "kty" not in body and len(body) > 2),
        ("AADB2C95033", lambda body: body["use"] is None),
        ("AADB2C95033", lambda body: body["use"] == "sign"),
        ("AADB2C95033", lambda body: body["use"] == "ſig"),
        ("AADB2C95033", lambda body: isinstance(body["use"], list)),
        ("AADB2C95031", lambda body: body["kty"] is None),
        ("AADB2C95031", lambda body: body["kty"] == "RSA "),
        ("AADB2C95031", lambda body: body["kty"] == ""),
        ("AADB2C95031", lambda body: isinstance(body["kty"], dict)),
        ("BadRequest", lambda body: "kyt" in body),
        ("BadRequest", lambda body: "size" in body),
        ("BadRequest", lambda body: dates_of(body)[:1] == [-1]),
        ("BadRequest", lambda body: dates_of(body)[1:] == [MAX + 1]),
        ("BadRequest", lambda body: any(date is True for date in dates_of(body))),
        ("BadRequest", lambda body: any(isinstance(date, float) for date in dates_of(body))),
        ("BadRequest", lambda body: any(isinstance(date, list) for date in dates_of(body))),
        ("BadRequest", lambda body: "1893456000" in dates_of(body)),
        ("BadRequest", lambda body: is_backward(body, by=1)),
        ("BadRequest", lambda body: body == ""),
        ("BadRequest", lambda body: body == "null"),
        ("BadRequest", lambda body: isinstance(body, str) and body.startswith('[{"')),
        ("BadRequest", lambda body: isinstance(body, str) and body.startswith("{'")),
        ("BadRequest", lambda body: isinstance(body, str) and body.count('"use"') == 2),
        ("BadRequest", lambda body: isinstance(body, str) and body.endswith('": NaN}')),
        ("BadRequest", lambda body: isinstance(body, str) and body.endswith("}}")),
        ("BadRequest", lambda body: isinstance(body, str) and body.endswith('": ')),
    ],
)
def test_every_kind_of_fault_is_drawn(code: str, wanted: Callable[[Any], bool]) -> None:
    assert_drawn(bad_request_bodies(), lambda pair: pair[1] == code and wanted(pair[0]))


def is_backward(body: Any, by: int) -> bool:
    nbf, exp = dates_of(body) or (None, None)
    return isinstance(nbf, int) and isinstance(exp, int) and 0 <= exp == nbf - by <= nbf <= MAX


@pytest.mark.deep
def test_a_bad_body_shrinks_to_a_missing_use_and_a_bad_text_to_nothing() -> None:
    assert smallest(bad_request_bodies(), lambda _: True) == ({"kty": "RSA"}, "AADB2C90253")
    text, code = smallest(bad_request_bodies(), lambda pair: isinstance(pair[0], str))
    assert (text, code) == ("", "BadRequest")


@pytest.mark.parametrize(
    ("strategy", "fails"),
    [
        (bad_request_bodies(), lambda pair: pair[1] == "BadRequest"),
    ],
)
def test_the_printed_example_is_the_example(
    strategy: st.SearchStrategy[Any], fails: Callable[[Any], object]
) -> None:
    text, example = printed(strategy, fails)
    again = eval(text, {"check": lambda example: example})
    assert again == example
    assert fails(again)
