"""Bodies of generateKey with one fault."""

from __future__ import annotations

import json
from math import nan
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from trustkeys.core.numericdate import MAX_NUMERIC_DATE
from trustkeys.testing.strategies.bodies import FLOATS, JSON, LISTS, OBJECTS, bodies
from trustkeys.testing.strategies.times import later

__tracebackhide__ = True


def bad_request_bodies() -> SearchStrategy[tuple[dict[str, Any] | str, str]]:
    """Draw bodies of generateKey with one fault, each with the code of the error that it causes.

    They stay wrong when other key types are registered.

    Returns:
        Pairs of a body and a code. The body is a mapping that can be written as JSON, or a text
        that is not a JSON object or has a member twice. The code is the service's if it documents
        one for the fault, and ``"BadRequest"`` otherwise.
    """
    return _BAD_BODIES


def _is_use(value: object) -> bool:
    return isinstance(value, str) and value.lower() in ("sig", "enc")


def _can_be_kty(value: object) -> bool:
    # A key type with another name cannot be registered.
    return isinstance(value, str) and value.isascii() and value.isidentifier()


def _is_date(value: float) -> bool:
    # JSON does not tell a whole number from an integer.
    return value.is_integer() and 0 <= value <= MAX_NUMERIC_DATE


def _is_member(name: str) -> bool:
    return name in ("use", "kty", "nbf", "exp") or name.startswith("@odata.")


_NO_USES = JSON.filter(lambda value: not _is_use(value))
_NEARLY_USES = st.sampled_from([None, "", "sign", "encryption", " sig", "ſig"])
_NO_KTYS = JSON.filter(lambda value: not _can_be_kty(value))
_NEARLY_KTYS = st.sampled_from([None, "", "RSA-2048", "RSA ", "RſA", "oct\n"])
_NO_DATES = (
    st.integers(max_value=-1)
    | st.integers(MAX_NUMERIC_DATE + 1)
    | st.booleans()
    | FLOATS.filter(lambda value: not _is_date(value))
    | st.sampled_from(["1893456000", "2030-01-01T00:00:00Z"])
    | st.text()
    | LISTS
    | OBJECTS
)
_NO_MEMBERS = st.sampled_from(
    ["kyt", "Use", "not_before", "alg", "size", "odata.type", "@odata"]
) | st.text().filter(lambda name: not _is_member(name))


def _fault(code: str, **members: SearchStrategy[Any]) -> SearchStrategy[tuple[str, dict[str, Any]]]:
    return st.tuples(st.just(code), st.fixed_dictionaries(members))


_BODIES = bodies(("sig", "enc"), ("RSA", "oct"))

# The changes to a good body; ... removes a member.
_FAULTS_WITH_A_CODE = st.one_of(
    _fault("AADB2C90253", use=st.just(...)),
    _fault("AADB2C95030", kty=st.just(...)),
    _fault("AADB2C95033", use=_NO_USES),
    _fault("AADB2C95033", use=_NEARLY_USES),
    _fault("AADB2C95031", kty=_NO_KTYS),
    _fault("AADB2C95031", kty=_NEARLY_KTYS),
)
_OTHER_FAULTS = st.one_of(
    _fault("BadRequest", nbf=_NO_DATES),
    _fault("BadRequest", exp=_NO_DATES),
    st.builds(
        lambda exp, seconds: ("BadRequest", {"nbf": later(exp, seconds), "exp": exp}),
        st.integers(0, MAX_NUMERIC_DATE - 1),
        st.integers(1, MAX_NUMERIC_DATE) | st.integers(1, 9),
    ),
    st.builds(lambda name, value: ("BadRequest", {name: value}), _NO_MEMBERS, JSON),
)


@st.composite
def _bad_body(
    draw: st.DrawFn, faults: SearchStrategy[tuple[str, dict[str, Any]]]
) -> tuple[dict[str, Any], str]:
    code, changes = draw(faults)
    members = draw(_BODIES) | changes
    return {name: value for name, value in members.items() if value is not ...}, code


@st.composite
def _bad_text(draw: st.DrawFn) -> tuple[str, str]:
    body = draw(_BODIES)
    text = json.dumps(body)
    broken = draw(
        st.sampled_from(
            [
                None,
                "null",
                json.dumps([body]),
                repr(body),
                text + "}",
                '{"use": "sig", ' + text[1:],
                json.dumps(body | {"exp": nan}),
            ]
        )
    )
    if broken is None:
        broken = text[: draw(st.integers(0, len(text) - 1))]
    return broken, "BadRequest"


_BAD_BODIES = st.one_of(_bad_body(_FAULTS_WITH_A_CODE), _bad_body(_OTHER_FAULTS), _bad_text())
