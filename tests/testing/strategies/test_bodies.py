"""Requests and bodies are valid, of every kind, and shrink to the simplest."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.testing.strategies.examples import EC, MAX, assert_drawn, few, printed, smallest
from trustkeys import GenerateKeyRequest, InvalidInputError, register_strategy
from trustkeys.testing.strategies import request_bodies, requests


@few
@given(request=requests())
def test_a_request_is_valid(request: GenerateKeyRequest) -> None:
    again = GenerateKeyRequest(
        request.use, request.kty, nbf=request.nbf, exp=request.exp, size=request.size
    )
    assert again == request
    assert request.kty in ("RSA", "oct")


@few
@given(body=request_bodies())
def test_a_body_is_read_as_a_mapping_and_as_json(body: dict[str, Any]) -> None:
    request = GenerateKeyRequest.from_graph(body)
    assert GenerateKeyRequest.from_graph(json.dumps(body)) == request
    assert request.use == body["use"].lower()
    assert request.kty == {"rsa": "RSA", "oct": "oct"}[body["kty"].lower()]
    assert (request.nbf, request.exp) == (body.get("nbf"), body.get("exp"))


@pytest.mark.deep
@pytest.mark.parametrize(
    "wanted",
    [
        lambda request: request.use == "enc" and request.kty == "oct",
        lambda request: request.kty == "RSA" and request.size == 4096,
        lambda request: request.kty == "oct" and request.size > 3000,
        lambda request: request.kty == "oct" and request.size % 64 and request.exp is not None,
        lambda request: request.nbf is None and request.exp is not None,
        lambda request: request.nbf is not None and request.exp is None,
        lambda request: request.nbf == request.exp == 0,
        lambda request: request.nbf is not None and 0 < request.nbf == request.exp,
        lambda request: request.nbf is not None and request.exp == MAX,
        lambda request: request.nbf == MAX,
        lambda request: request.nbf is not None and request.exp == request.nbf + 1,
    ],
)
def test_every_kind_of_request_is_drawn(wanted: Callable[[GenerateKeyRequest], bool]) -> None:
    assert_drawn(requests(), wanted)


@pytest.mark.deep
@pytest.mark.parametrize(
    "wanted",
    [
        lambda body: body["use"] == "ENC",
        lambda body: body["use"] == "Sig" and body["kty"] == "rsa",
        lambda body: body["kty"] == "OCT",
        lambda body: "nbf" not in body and "exp" not in body,
        lambda body: body.get("nbf", 0) is None and body.get("exp") is not None,
        lambda body: body.get("exp", 0) is None,
        lambda body: "nbf" in body and body["nbf"] == body.get("exp"),
        lambda body: next(iter(body)) == "kty",
        lambda body: next(iter(body)) == "exp" and "nbf" in body,
        lambda body: body.get("@odata.type") == "#microsoft.graph.trustFrameworkKey",
        lambda body: next(iter(body)).startswith("@odata."),
        lambda body: any(isinstance(value, dict) for value in body.values()),
        lambda body: not any(name.startswith("@odata.") for name in body) and len(body) == 4,
    ],
)
def test_every_kind_of_body_is_drawn(wanted: Callable[[dict[str, Any]], bool]) -> None:
    assert_drawn(request_bodies(), wanted)


@pytest.mark.deep
def test_the_longest_secrets_are_drawn() -> None:
    assert_drawn(requests(kty="oct"), lambda request: request.size == 4096)


@few
@given(st.data())
def test_use_and_kty_can_be_fixed_in_any_case(data: st.DataObject) -> None:
    use = data.draw(st.sampled_from(["SIG", "Enc"]))
    kty = data.draw(st.sampled_from(["rsa", "OCT"]))
    fixed = (use.lower(), {"rsa": "RSA", "OCT": "oct"}[kty])
    request = data.draw(requests(use=use, kty=kty))
    assert (request.use, request.kty) == fixed
    body = GenerateKeyRequest.from_graph(data.draw(request_bodies(use=use, kty=kty)))
    assert (body.use, body.kty) == fixed


@pytest.mark.usefixtures("clean_registry")
@few
@given(st.data())
def test_requests_can_be_for_a_registered_key_type(data: st.DataObject) -> None:
    register_strategy(EC(), replace=True)
    request = data.draw(requests(kty="ec"))
    assert request.kty == "EC"
    assert request.size in (384, 520)
    assert GenerateKeyRequest.from_graph(data.draw(request_bodies(kty="ec"))).kty == "EC"


@pytest.mark.parametrize(
    ("ask", "code", "target"),
    [
        (lambda: requests(use="sign"), "AADB2C95033", "use"),
        (lambda: requests(kty="OKP"), "AADB2C95031", "kty"),
        (lambda: request_bodies(use=""), "AADB2C95033", "use"),
        (lambda: request_bodies(kty="RSA "), "AADB2C95031", "kty"),
    ],
)
def test_a_wrong_argument_raises_before_drawing(
    ask: Callable[[], object], code: str, target: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        ask()
    assert (caught.value.code, caught.value.target) == (code, target)


def test_the_same_arguments_return_the_same_strategy() -> None:
    """Tests call these functions in every example."""
    assert requests() is requests()
    assert request_bodies() is request_bodies()


@pytest.mark.deep
def test_a_request_shrinks_to_the_shortest() -> None:
    assert smallest(requests(), lambda _: True) == GenerateKeyRequest("sig", "RSA")
    later = smallest(requests(), lambda request: (request.exp or 0) >= 1000)
    assert later == GenerateKeyRequest("sig", "RSA", exp=1000)
    longer = smallest(requests(), lambda request: request.kty == "oct" and request.size >= 500)
    assert longer == GenerateKeyRequest("sig", "oct", size=504)


@pytest.mark.deep
def test_a_body_shrinks_to_the_two_required_members() -> None:
    body = smallest(request_bodies(), lambda _: True)
    assert json.dumps(body) == '{"use": "sig", "kty": "RSA"}'


@pytest.mark.parametrize(
    ("strategy", "fails"),
    [
        (requests(), lambda request: request.exp),
        (request_bodies(), lambda body: len(body) > 3),
    ],
)
def test_the_printed_example_is_the_example(
    strategy: st.SearchStrategy[Any], fails: Callable[[Any], object]
) -> None:
    text, example = printed(strategy, fails)
    known = {"GenerateKeyRequest": GenerateKeyRequest}
    again = eval(text, {"check": lambda example: example, **known})
    assert again == example
    assert fails(again)
