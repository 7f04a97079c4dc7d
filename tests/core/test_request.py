"""A tool sends what Graph takes; what Graph would not take must not turn into a key."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import trustkeys
from tests import support
from trustkeys import GenerateKeyRequest, InvalidInputError, TrustKeysError, generate_key, testing
from trustkeys.errors import MissingUseError

PAGE_BODY = {"use": "sig", "kty": "RSA", "nbf": 1508969811, "exp": 1508969811}
INT64_MAX = 2**63 - 1


def refused(body: Any) -> TrustKeysError:
    with pytest.raises(InvalidInputError) as caught:
        GenerateKeyRequest.from_graph(body)
    error = caught.value
    assert error.to_graph() == {
        "error": {
            "code": error.code,
            "message": error.message,
            "target": error.target,
            "innerError": {},
        }
    }
    # A message ends with the code if the service documents it.
    code = f" ({error.code})" if error.code.startswith("AADB2C") else ""
    assert str(error) == error.message + code
    return error


def test_the_request_of_the_operations_own_page() -> None:
    request = GenerateKeyRequest.from_graph(PAGE_BODY)
    assert request == GenerateKeyRequest("sig", "RSA", nbf=1508969811, exp=1508969811)
    assert request.to_graph() == PAGE_BODY


@pytest.mark.parametrize("use", ["sig", "SIG", "Enc"])
@pytest.mark.parametrize("kty", ["RSA", "rsa", "oct", "OCT", "Oct"])
def test_any_ascii_case_comes_out_as_the_rfcs_write_it(use: str, kty: str) -> None:
    request = GenerateKeyRequest.from_graph({"use": use, "kty": kty})
    assert request.use == use.lower()
    assert request.kty == {"rsa": "RSA", "oct": "oct"}[kty.lower()]


@pytest.mark.parametrize(
    ("body", "code", "target"),
    [
        ({"kty": "RSA"}, "AADB2C90253", "use"),
        ({"use": None, "kty": "RSA"}, "AADB2C95033", "use"),
        ({"use": 1, "kty": "RSA"}, "AADB2C95033", "use"),
        ({"use": "", "kty": "RSA"}, "AADB2C95033", "use"),
        ({"use": "sign", "kty": "RSA"}, "AADB2C95033", "use"),
        ({"use": " sig", "kty": "RSA"}, "AADB2C95033", "use"),
        ({"use": "ſig", "kty": "RSA"}, "AADB2C95033", "use"),
        ({"use": ["sig"], "kty": "RSA"}, "AADB2C95033", "use"),
        ({"use": "sig"}, "AADB2C95030", "kty"),
        ({"use": "sig", "kty": None}, "AADB2C95031", "kty"),
        ({"use": "sig", "kty": 2048}, "AADB2C95031", "kty"),
        ({"use": "sig", "kty": {}}, "AADB2C95031", "kty"),
        ({"use": "sig", "kty": ""}, "AADB2C95031", "kty"),
        ({"use": "sig", "kty": "EC"}, "AADB2C95031", "kty"),
        ({"use": "sig", "kty": "RSA "}, "AADB2C95031", "kty"),
        ({"use": "sig", "kty": "RſA"}, "AADB2C95031", "kty"),
        # Several faults: the order of the checks.
        ({"use": "bad", "kty": "bad", "nbf": -1, "exp": -1}, "AADB2C95033", "use"),
        ({"use": "bad"}, "AADB2C95033", "use"),
        ({}, "AADB2C90253", "use"),
        ({"use": "sig", "kty": "bad", "nbf": -1, "exp": -1}, "AADB2C95031", "kty"),
        ({"use": "sig", "nbf": -1}, "AADB2C95030", "kty"),
        ({"use": "sig", "kty": "oct", "nbf": -1, "exp": -2}, "BadRequest", "nbf"),
        ({"use": "sig", "kty": "oct", "nbf": 5, "exp": -2}, "BadRequest", "exp"),
        ({"use": "sig", "kty": "oct", "nbf": 5, "exp": 4}, "BadRequest", "exp"),
        ({"alg": "RS256", "use": "bad", "kty": "bad"}, "BadRequest", "alg"),
    ],
)
def test_the_codes_of_the_service(body: dict[str, Any], code: str, target: str) -> None:
    error = refused(body)
    assert (error.code, error.target) == (code, target)
    assert refused(json.dumps(body)).to_graph() == error.to_graph()


@pytest.mark.parametrize("name", ["nbf", "exp"])
@pytest.mark.parametrize(
    "value", [-1, INT64_MAX + 1, -(2**80), 1.5, -1.0, "1", True, False, [], {}]
)
def test_a_date_that_is_no_int64_of_seconds_is_refused_by_name(name: str, value: Any) -> None:
    error = refused({"use": "sig", "kty": "oct", name: value})
    assert (error.code, error.target) == ("BadRequest", name)
    assert name in error.message


@pytest.mark.parametrize("text", ["1893456000", "1893456000.0", "1.893456e9", "18934560000E-1"])
def test_a_whole_number_is_taken_however_json_writes_it(text: str) -> None:
    """PowerShell 7 writes a double with a fraction of zero, and JSON does not tell them apart."""
    body = f'{{"use": "sig", "kty": "oct", "nbf": {text}, "exp": {text}}}'
    for given_body in (body, json.loads(body)):
        request = GenerateKeyRequest.from_graph(given_body)
        assert (request.nbf, request.exp) == (1893456000, 1893456000)
        assert type(request.nbf) is type(request.exp) is int
        assert request.to_graph()["nbf"] == 1893456000
    largest = GenerateKeyRequest.from_graph(
        '{"use": "sig", "kty": "oct", "exp": 9223372036854775807.0}'
    )
    assert largest.exp == INT64_MAX
    # 2^63 is the nearest double of Int64's largest value.
    assert refused({"use": "sig", "kty": "oct", "exp": float(INT64_MAX)}).target == "exp"
    assert refused('{"use": "sig", "kty": "oct", "exp": 1893456000.5}').target == "exp"


@pytest.mark.parametrize("name", ["nbf", "exp"])
def test_an_argument_of_python_must_be_an_int(name: str) -> None:
    arguments: dict[str, Any] = {name: 1893456000.0}
    for call in (generate_key, GenerateKeyRequest):
        with pytest.raises(InvalidInputError) as caught:
            call("sig", "oct", **arguments)
        assert caught.value.target == name


# The members of Graph's trustFrameworkKey.
RESOURCE = [
    *("kid", "kty", "use", "nbf", "exp", "x5c", "x5t", "status"),
    *("e", "n", "k", "d", "p", "q", "dp", "dq", "qi"),
]


def test_members_of_a_key_can_be_null() -> None:
    """A client that fills in a whole trustFrameworkKey sends null for what it does not set."""
    body = {**dict.fromkeys(RESOURCE), "use": "sig", "kty": "RSA"}
    assert GenerateKeyRequest.from_graph(body) == GenerateKeyRequest("sig", "RSA")
    assert GenerateKeyRequest.from_graph(json.dumps(body)) == GenerateKeyRequest("sig", "RSA")


OTHERS = [name for name in RESOURCE if name not in PAGE_BODY]


@pytest.mark.parametrize(
    ("name", "value"), support.combinations(OTHERS, ["", "x", [], {}, 0, False])
)
def test_other_members_of_a_key_must_be_null(name: str, value: Any) -> None:
    error = refused({**PAGE_BODY, name: value})
    assert (error.code, error.target) == ("BadRequest", name)
    assert "takes no member" in error.message


@pytest.mark.parametrize("name", ["usage", "Kid", "alg", "keyId", "K", "key_ops"])
def test_null_does_not_excuse_an_unknown_member(name: str) -> None:
    assert refused({**PAGE_BODY, name: None}).target == name


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nan_and_infinity_are_refused_in_a_mapping_and_in_json(value: float) -> None:
    body = {"use": "sig", "kty": "oct", "exp": value}
    assert refused(body).target == "exp"
    assert "NaN" in refused(json.dumps(body)).message


@pytest.mark.parametrize(
    ("nbf", "exp"), [(None, None), (0, 0), (1, None), (None, 1), (0, INT64_MAX), (INT64_MAX,) * 2]
)
def test_dates_survive_as_they_are(nbf: int | None, exp: int | None) -> None:
    body = json.dumps({"use": "sig", "kty": "oct", "nbf": nbf, "exp": exp})
    request = GenerateKeyRequest.from_graph(body)
    assert (request.nbf, request.exp) == (nbf, exp)
    assert request.to_graph() == {
        "use": "sig",
        "kty": "oct",
        **({} if nbf is None else {"nbf": nbf}),
        **({} if exp is None else {"exp": exp}),
    }


@pytest.mark.parametrize(
    ("member", "hint"),
    [
        ("kyt", "did you mean kty"),
        ("Use", "did you mean use"),
        ("not_before", "it takes use, kty, nbf, exp"),
        ("alg", "it takes use, kty, nbf, exp"),
        ("size", "pass size as an argument, or --size to the command"),
        ("é", "'\\xe9'"),
        ("\x1b[31m", "no member whose name is a string of 5 characters"),
        ("x" * 25, "no member whose name is a string of 25 characters"),
        ("x" * 50_000, "no member whose name is a string of 50000 characters"),
        ("\u202e", "no member whose name is a string of 1 character"),
    ],
)
def test_an_unknown_member_is_named_with_the_nearest_right_one(member: str, hint: str) -> None:
    error = refused({"use": "sig", "kty": "RSA", member: 1})
    assert error.code == "BadRequest"
    assert hint in error.message
    assert error.target == (None if "no member whose" in hint else member)
    assert error.message.isprintable()
    assert len(error.message) < 200


def test_a_member_name_that_is_no_string_is_refused() -> None:
    assert "name is 5" in refused({"use": "sig", "kty": "RSA", 5: 1}).message


def test_a_missing_parameter_is_told_what_there_is() -> None:
    assert "sig or enc" in refused({}).message
    assert isinstance(refused({}), MissingUseError)
    assert "RSA or oct" in refused({"use": "sig"}).message


def test_members_that_microsofts_sdks_add_are_ignored() -> None:
    body = {"@odata.type": "#x", "@odata.context": None, **PAGE_BODY}
    assert GenerateKeyRequest.from_graph(body) == GenerateKeyRequest.from_graph(PAGE_BODY)
    for name in ("@odata", "@microsoft.graph.x", "odata.type"):
        assert refused({**PAGE_BODY, name: None}).code == "BadRequest"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON: it is cut off, save it again (column 2)"),
        (b"null", "must be a JSON object, not null"),
        (b"[]", "must be a JSON object, not a list"),
        (b'"use"', "must be a JSON object, not a string"),
        (b"7", "must be a JSON object, not 7"),
        (b"0.5", "must be a JSON object, not a floating-point number"),
        (b"\xff{}", "not UTF-8"),
        ('{"use": "sig"}'.encode("utf-16"), "not UTF-8"),
        ("{} \ud800", "not UTF-8"),
        ('{"use": "\\ud800", "kty": "RSA"}', "not UTF-8"),
        ('{"@odata.type": ["\\udfff"], "use": "sig", "kty": "RSA"}', "not UTF-8"),
        ('{"use": "sig", "use": "enc", "kty": "RSA"}', "the member 'use' twice"),
        ('{"@odata.x": {"a": 1, "a": 1}, "use": "sig", "kty": "RSA"}', "the member 'a' twice"),
        ("[" * 60_000, "nested too deep"),
        # How deep is too deep for the parser depends on the version of Python.
        ('{"use":' * 9_000, "the body is n"),
        ('{"use":' * 9_000 + "1" + "}" * 300, "the body is n"),
        ('{"nbf": ' + "1" * 5_000 + "}", "an integer of 5000 digits"),
        ('{"nbf": -Infinity}', "NaN"),
        (" " * 65_537, "larger than 65536 bytes"),
        (b" " * 65_537, "larger than 65536 bytes"),
        ("é" * 40_000, "larger than 65536 bytes"),
        (b" " * 50_000_000, "larger than 65536 bytes"),
        (5, "must be JSON text or a mapping, not 5"),
        (None, "must be JSON text or a mapping, not null"),
        ([("use", "sig")], "must be JSON text or a mapping, not a list"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_body_of_the_wrong_form_is_refused_as_a_whole(body: Any, message: str) -> None:
    error = refused(body)
    assert error.code == "BadRequest"
    assert error.target is None
    assert message in error.message
    assert error.__cause__ is error.__context__ is None


def test_a_body_of_just_64_kib_is_read() -> None:
    body = json.dumps(PAGE_BODY)
    assert GenerateKeyRequest.from_graph(body + " " * (65_536 - len(body))).use == "sig"


def test_a_byte_order_mark_is_no_fault() -> None:
    # Windows PowerShell writes one.
    body = b"\xef\xbb\xbf" + json.dumps(PAGE_BODY).encode()
    assert GenerateKeyRequest.from_graph(body) == GenerateKeyRequest.from_graph(PAGE_BODY)


class Odd(tzinfo):
    """A time zone object that does not know its offset makes a naive datetime."""

    def utcoffset(self, when: datetime | None) -> None:
        return None

    dst = tzname = utcoffset


@pytest.mark.parametrize("when", [datetime(2030, 1, 1), datetime(2030, 1, 1, tzinfo=Odd())])  # noqa: DTZ001
def test_a_naive_datetime_is_refused_and_told_what_it_lacks(when: datetime) -> None:
    with pytest.raises(InvalidInputError, match=r"nbf .* time zone") as caught:
        generate_key("sig", "oct", nbf=when)
    assert caught.value.target == "nbf"


@pytest.mark.parametrize(
    ("when", "seconds"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        (datetime(2030, 1, 1, 0, 0, 0, 999_999, tzinfo=UTC), 1893456000),
        (datetime(2030, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))), 1893456000),
        # Their UTC lies beyond the year 9999.
        (datetime.max.replace(tzinfo=timezone(-timedelta(hours=23))), 253402300799 + 23 * 3600),
    ],
)
def test_an_aware_datetime_becomes_whole_seconds(when: datetime, seconds: int) -> None:
    assert GenerateKeyRequest("sig", "oct", exp=when).exp == seconds


def test_a_datetime_before_1970_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="from 0 to"):
        GenerateKeyRequest("sig", "oct", exp=datetime(1969, 12, 31, tzinfo=UTC))


def test_the_size_is_passed_beside_the_body() -> None:
    assert GenerateKeyRequest.from_graph(PAGE_BODY, size=3072).size == 3072
    assert GenerateKeyRequest.from_graph(PAGE_BODY).size == 2048
    with pytest.raises(InvalidInputError) as caught:
        GenerateKeyRequest.from_graph(PAGE_BODY, size=1024)
    assert caught.value.target == "size"


@pytest.mark.parametrize(
    ("kty", "size", "allowed"),
    [
        ("RSA", 2049, "2048, 3072 or 4096 bits, not 2049"),
        ("RSA", -1, "2048, 3072 or 4096 bits, not -1"),
        ("RSA", 2**31, "2048, 3072 or 4096 bits, not an integer of 32 bits"),
        ("RSA", 2048.0, "2048, 3072 or 4096 bits"),
        ("RSA", "2048", "2048, 3072 or 4096 bits"),
        ("RSA", True, "2048, 3072 or 4096 bits"),
        ("RSA", 1 << 12_000, "2048, 3072 or 4096 bits"),
        ("oct", 128, "256 to 4096 in steps of 8 bits"),
        ("oct", 257, "256 to 4096 in steps of 8 bits"),
        ("oct", 4104, "256 to 4096 in steps of 8 bits"),
        ("oct", -256, "256 to 4096 in steps of 8 bits"),
    ],
)
def test_a_size_that_is_weak_or_odd_is_refused(kty: str, size: Any, allowed: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        generate_key("sig", kty, size=size)
    assert allowed in caught.value.message
    assert (caught.value.code, caught.value.target) == ("BadRequest", "size")


def test_a_request_cannot_be_changed_after_its_check() -> None:
    request = GenerateKeyRequest("sig", "oct")
    with pytest.raises(AttributeError):
        request.use = "enc"  # type: ignore[misc]


uses = st.sampled_from(["sig", "enc", "SIG", "Enc"])
ktys = st.sampled_from(["RSA", "rsa", "oct", "OCT"])
dates = st.none() | st.integers(0, INT64_MAX)


@st.composite
def bodies(draw: st.DrawFn) -> dict[str, Any]:
    """Requests as real clients send them."""
    nbf, exp = draw(dates), draw(dates)
    if nbf is not None and exp is not None and exp < nbf:
        nbf, exp = exp, nbf
    body: dict[str, Any] = {"use": draw(uses), "kty": draw(ktys)}
    given = {"nbf": nbf, "exp": exp}
    body |= {name: at for name, at in given.items() if at is not None or draw(st.booleans())}
    body.update(draw(st.dictionaries(st.just("@odata.type") | st.just("@odata.x"), st.text())))
    names = draw(st.permutations(list(body)))
    return {name: body[name] for name in names}


@given(body=bodies(), as_json=st.booleans())
def test_every_valid_request_gives_a_key_with_just_the_right_members(
    body: dict[str, Any], as_json: bool
) -> None:
    request = GenerateKeyRequest.from_graph(json.dumps(body) if as_json else body)
    with testing.instant_keys():
        answer = trustkeys.generate(request).to_graph()
    expected = ["@odata.context", "k", "x5c", "kty", "use", "exp", "nbf", "kid"]
    if body["kty"].upper() == "RSA":
        expected += ["e", "n"]
        assert isinstance(answer["e"], str)
        assert isinstance(answer["n"], str)
    assert list(answer) == expected
    assert answer["k"] is None
    assert answer["x5c"] == []
    assert answer["use"] == body["use"].lower()
    assert answer["kty"].upper() == body["kty"].upper()
    assert (answer["nbf"], answer["exp"]) == (body.get("nbf"), body.get("exp"))
    assert len(answer["kid"]) == 43
    assert json.loads(json.dumps(answer)) == answer


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
spoiled_bodies = st.builds(
    lambda body, changes, dropped: {
        name: value for name, value in {**body, **changes}.items() if name not in dropped
    },
    bodies(),
    st.dictionaries(
        st.sampled_from([*RESOURCE, "size", "alg"]) | st.text(max_size=5),
        json_values,
        max_size=2,
    ),
    st.sets(st.sampled_from(["use", "kty"]), max_size=1),
)
CODES = {"AADB2C90253", "AADB2C95030", "AADB2C95031", "AADB2C95033", "BadRequest"}


def is_valid(body: Any, *, floats: int = 2**53) -> bool:
    """The rules once more, as the issue's table writes them, for JSON values.

    From `floats` on, a float is no date: in a mapping it may be rounded, but not in JSON.
    """
    if not isinstance(body, dict):
        return False
    known = {
        name: value
        for name, value in body.items()
        if not name.startswith("@odata.")
        and not (value is None and name in RESOURCE and name not in PAGE_BODY)
    }

    def is_date(value: Any) -> bool:
        if type(value) is float:
            return value == value // 1 and 0 <= value < floats
        return value is None or (type(value) is int and 0 <= value < 2**63)

    nbf, exp = known.get("nbf"), known.get("exp")
    return (
        known.keys() <= {"use", "kty", "nbf", "exp"}
        and str(known.get("use")) == known.get("use")
        and str(known.get("kty")) == known.get("kty")
        and known["use"].lower() in ("sig", "enc")
        and known["kty"].lower() in ("rsa", "oct")
        and is_date(nbf)
        and is_date(exp)
        and (nbf is None or exp is None or nbf <= exp)
    )


@given(body=spoiled_bodies)
@example(body={"use": "sig", "kty": "RſA"})
@example(body={"use": "sig", "kty": "oct", "nbf": 2.0**53 - 1})
@example(body={"use": "sig", "kty": "oct", "nbf": 2.0**53})
def test_a_body_is_taken_if_and_only_if_the_rules_say_so(body: dict[str, Any]) -> None:
    try:
        GenerateKeyRequest.from_graph(body)
    except TrustKeysError as error:
        assert not is_valid(body)
        assert error.code in CODES
    else:
        assert is_valid(body)


@given(
    body=st.binary(max_size=200)
    | st.text(max_size=200)
    | st.text(alphabet='{}[]":,\\eE+-.0123456789 usektynbfxpigRSA\ud800', max_size=60)
    | json_values.map(json.dumps)
    | spoiled_bodies.map(json.dumps)
)
def test_no_text_makes_anything_but_a_request_or_our_error(body: str | bytes) -> None:
    try:
        request = GenerateKeyRequest.from_graph(body)
    except TrustKeysError as error:
        assert error.code in CODES
        assert error.__cause__ is error.__context__ is None
    else:
        assert is_valid(json.loads(body), floats=2**63)
        assert GenerateKeyRequest.from_graph(request.to_graph()) == request
