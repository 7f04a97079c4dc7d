"""Bodies are read as published clients send them, and no larger than they may be."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.testing.tenant import (
    CERTIFICATE_TO,
    EMPTY,
    GENERATE,
    OCT,
    PFX_TO,
    SECRET_TO,
    SETS,
    SIGNING,
    STATUS_OF,
    batch,
    certificate_body,
    direct,
    key_of,
    refused,
    state,
    tenant,
)
from trustkeys import InvalidInputError, TrustFrameworkKey
from trustkeys.core.strict_json import MAX_SET_BYTES
from trustkeys.testing.bodies import decoded, read_body

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet=',]}[{":\\ \n"ab', max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
documents = st.dictionaries(st.text(max_size=5), json_values, max_size=4)


def with_commas(value: Any, space: str) -> str:
    """Write JSON with a comma after the last member of everything that has one."""
    if isinstance(value, dict):
        inner = [f"{json.dumps(name)}: {with_commas(each, space)}" for name, each in value.items()]
        return "{" + "".join(f"{each}{space},{space}" for each in inner) + "}"
    if isinstance(value, list):
        return "[" + "".join(f"{with_commas(each, space)},{space}" for each in value) + "]"
    return json.dumps(value)


@given(documents, st.sampled_from(["", " ", "\r\n\t "]))
def test_a_comma_after_the_last_member_changes_no_value(document: Any, space: str) -> None:
    """Commas and brackets in strings stay."""
    assert read_body(with_commas(document, space).encode()) == document
    assert read_body(json.dumps(document, ensure_ascii=False).encode()) == document


@given(st.text(alphabet='{}[],:"\\ a1', max_size=12))
def test_no_other_mistake_becomes_json(text: str) -> None:
    """Only such commas may be missing from what was read."""
    try:
        value = read_body(text.encode())
    except InvalidInputError:
        return
    commas = re.sub(r"[ ]", "", text)
    assert commas.replace(",}", "}").replace(",]", "]") == re.sub(
        r"[ ]", "", json.dumps(value, separators=(",", ":"))
    )


@pytest.mark.parametrize(
    "text",
    ["{,}", "[,]", '{"a":,}', '{"a":1,,}', '{"a":[,]}', '{"a":[1,,]}', '{"a"', '{"a":1},', ",{}"],
)
def test_another_comma_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        read_body(text.encode())


@pytest.mark.parametrize("count", [2000, pytest.param(500_000, marks=pytest.mark.deep)])
@pytest.mark.parametrize(
    "piece", ['"', '\\"', '"\\"', ",", ", ", "[,", "[", ' "a",', "\\", ":,", "{ "]
)
def test_a_hostile_body_takes_linear_time(piece: str, count: int) -> None:
    """A quadratic reader would need hours for this."""
    content = f'{{"a": {piece * count}'.encode()
    with pytest.raises(InvalidInputError):
        read_body(content)


REQUESTS: list[tuple[str, str, Any]] = [
    ("POST", SETS, {"id": "new", "keys": [OCT], "@odata.type": "#microsoft.graph.any"}),
    ("POST", SETS, {"id": "new", "usage": "sig", "keys_v2": None, "odataType": None}),
    ("POST", SETS, {"id": "new", "usage": None, "keysV2": None}),
    ("PUT", SIGNING, {"keys": [{**OCT, "n": None, "kid": None}], "keys_v2": None}),
    ("PATCH", SIGNING, {"keys": [OCT], "keysV2": None}),
    ("POST", GENERATE, {"use": "sig", "kty": "rsa", "nbf": None, "exp": None, "k": None}),
    ("POST", GENERATE, {"use": "sig", "kty": "RSA", "kid": None, "x5c": None, "status": None}),
    ("POST", SECRET_TO, {"use": "enc", "k": "a secret, ]", "kty": "oct"}),
    ("POST", SECRET_TO, {"use": "enc", "k": 'a ",}', "kty": "OCT", "nbf": None, "n": None}),
    ("POST", SECRET_TO, {"use": "enc", "k": "a", "kty": None}),
    ("PATCH", STATUS_OF, {"status": "disabled", "kid": None}),
]


def same(first: Any, second: Any) -> bool:
    """Whether two tenants are equal, but for random ids and keys."""
    count = {name: [key.nbf for key in keys] for name, keys in first.key_sets.items()}
    return count == {name: [key.nbf for key in keys] for name, keys in second.key_sets.items()}


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
def test_what_published_clients_send_is_taken(method: str, path: str, body: Any) -> None:
    text = json.dumps(body).encode()
    expected = tenant()
    assert direct(expected, method, path, json=body).status_code < 300
    comma = with_commas(body, "\r\n").encode()
    for content, headers in (
        (comma, {}),
        (b"\xef\xbb\xbf" + comma, {}),
        (gzip.compress(text), {"Content-Encoding": "gzip"}),
        (gzip.compress(comma), {"Content-Encoding": "X-GZIP"}),
        (text, {"Content-Encoding": "identity"}),
    ):
        transport = tenant()
        answer = direct(transport, method, path, content=content, headers=headers)
        assert answer.status_code < 300, answer.text
        assert same(transport, expected)
        assert not same(transport, tenant()) or path == STATUS_OF


@pytest.mark.parametrize(
    ("path", "name", "members"),
    [
        (GENERATE, "signing", '"use": "sig", "kty": "RSA"'),
        (SECRET_TO, "secrets", '"use": "enc", "k": "a"'),
    ],
)
def test_a_date_can_be_a_whole_double(path: str, name: str, members: str) -> None:
    """PowerShell's ConvertTo-Json writes TotalSeconds so."""
    transport = tenant()
    content = f'{{{members}, "nbf": 1893456000.0, "exp": 1.9e9,}}'
    assert direct(transport, "POST", path, content=content).status_code == 200
    key = key_of(transport, name)
    assert (key.nbf, key.exp) == (1893456000, 1900000000)
    for date in ("1893456000.5", '"1893456000"', "1e400"):
        answer = direct(transport, "POST", path, content=f'{{{members}, "nbf": {date}}}')
        assert answer.status_code == 400


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{}", "gzip"),
        (b"", "gzip"),
        (gzip.compress(b"{}" + bytes(9))[:-1], "gzip"),
        (gzip.compress(b"{}") + b"{}", "gzip"),
        (gzip.compress(b"{}") + gzip.compress(b"{}"), "gzip"),
        (zlib.compress(b"{}"), "gzip"),
        (gzip.compress(b" " * 2**24 + b"{}"), "larger than 16777216"),
    ],
    ids=["plain", "empty", "cut", "followed", "twice", "zlib", "large"],
)
def test_what_is_not_gzip_or_too_large_is_refused(content: bytes, message: str) -> None:
    headers = {"Content-Encoding": "gzip"}
    answer = direct(tenant(), "POST", SETS, content=content, headers=headers)
    assert message in refused(answer, 400, "BadRequest", None)


def test_single_quotes_with_an_escape_are_not_guessed_at() -> None:
    with pytest.raises(InvalidInputError, match="is not JSON"):
        read_body(rb"{'k': 'it\'s'}")


def test_a_small_body_cannot_grow_beyond_the_bound() -> None:
    """A few kilobytes of gzip can hold more than the memory."""
    bomb = gzip.compress(bytes(MAX_SET_BYTES * 2), compresslevel=1)
    assert len(decoded(bomb, "gzip")) == MAX_SET_BYTES + 1


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "zstd"])
def test_another_encoding_is_refused(encoding: str) -> None:
    headers = {"Content-Encoding": encoding}
    answer = direct(tenant(), "POST", SETS, content=b"{}", headers=headers)
    refused(answer, 415, "UnsupportedMediaType", None)


@pytest.mark.deep
def test_a_small_body_that_becomes_gigabytes_is_refused_at_once() -> None:
    squeeze = zlib.compressobj(9, wbits=zlib.MAX_WBITS | 16)
    bomb = b"".join(squeeze.compress(bytes(2**20)) for _ in range(256)) + squeeze.flush()
    headers = {"Content-Encoding": "gzip"}
    answer = direct(tenant(), "POST", SETS, content=bomb, headers=headers)
    assert "larger" in refused(answer, 400, "BadRequest", None)


@pytest.mark.parametrize(
    ("action", "width", "ending"),
    [
        ("uploadCertificate", 64, "\n"),
        ("uploadCertificate", 3, " \t\r\n"),
        pytest.param("uploadPkcs12", 76, "\r\n", marks=pytest.mark.deep),
    ],
)
def test_base64_can_have_line_breaks(
    certified: TrustFrameworkKey, action: str, ending: str, width: int
) -> None:
    """Java's MIME encoder and the command base64 write them."""
    body = certificate_body(certified, action)
    pieces = [body["key"][at : at + width] for at in range(0, len(body["key"]), width)]
    transport = tenant()
    broken = {**body, "key": ending.join([*pieces, ""])}
    answer = direct(transport, "POST", f"{EMPTY}/{action}", json=broken)
    assert answer.status_code == 200, answer.text
    assert key_of(transport, "empty").kid == certified.kid


@pytest.mark.parametrize(
    ("method", "path", "body", "name"),
    [
        ("POST", SETS, {"id": "new", "xpe": None}, "xpe"),
        ("POST", GENERATE, {"use": "sig", "kty": "RSA", "size": None}, "size"),
        ("POST", GENERATE, {"use": "sig", "kty": "RSA", "k": "a"}, "k"),
        ("POST", SECRET_TO, {"use": "enc", "k": "a", "kid": "b"}, "kid"),
        ("POST", SECRET_TO, {"use": "enc", "k": "a", "usage": "sig"}, "usage"),
        ("POST", CERTIFICATE_TO, {"key": "AAAA", "use": "sig"}, "use"),
        ("POST", PFX_TO, {"key": "AAAA", "password": "a", "x5c": []}, "x5c"),
        ("POST", "/$batch", {"requests": [], "other": None}, "other"),
    ],
)
def test_a_member_that_no_client_sends_is_refused_by_name(
    method: str, path: str, body: Any, name: str
) -> None:
    transport = tenant()
    before = state(transport)
    refused(direct(transport, method, path, json=body), 400, "BadRequest", name)
    assert state(transport) == before


def test_a_comma_in_a_batch_is_taken_too() -> None:
    transport = tenant()
    body = {"requests": [{"id": "1", **batch("POST", SETS, {"id": "new"})}]}
    answer = direct(transport, "POST", "/$batch", content=with_commas(body, " ").encode())
    assert [each["status"] for each in answer.json()["responses"]] == [201]
