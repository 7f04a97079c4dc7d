"""Keys inside of text, as secret stores and shells hand them out, are read all the same."""

from __future__ import annotations

import base64
import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import NoEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from hypothesis import given
from hypothesis import strategies as st

from tests.formats.helpers import refused
from trustkeys import TrustFrameworkKey, testing
from trustkeys.formats import certificates, pem, reading
from trustkeys.formats.unwrapping import der_size, unwrapped

pytestmark = pytest.mark.usefixtures("test_keys_allowed", "unproved")


def quoted(data: bytes) -> bytes:
    return json.dumps(data.decode()).encode() + b"\n"


def armoured(data: bytes) -> bytes:
    return b"-----BEGIN PKCS12-----\n" + base64.encodebytes(data) + b"-----END PKCS12-----\n"


def of_key_vault(data: bytes) -> bytes:
    value = base64.b64encode(data).decode()
    return json.dumps({"contentType": "application/x-pkcs12", "value": value}).encode()


WRAPPINGS: dict[str, Callable[[bytes], bytes]] = {
    "base64": base64.b64encode,
    "base64 in lines": base64.encodebytes,
    "base64url without padding": lambda data: base64.urlsafe_b64encode(data).rstrip(b"="),
    "base64 in quotes": lambda data: quoted(base64.b64encode(data)),
    "base64 of base64": lambda data: base64.b64encode(base64.b64encode(data)),
    "a secret of Key Vault": of_key_vault,
    "UTF-16": lambda data: base64.b64encode(data).decode().encode("utf-16"),
    "UTF-16 without a mark": lambda data: base64.b64encode(data).decode().encode("utf-16-be"),
    "UTF-8 with a mark": lambda data: b"\xef\xbb\xbf" + base64.b64encode(data),
}


@pytest.fixture(scope="module")
def contents(certified: TrustFrameworkKey) -> dict[str, bytes]:
    (leaf,) = certificates.certificates_of(certified)
    key = certified.private_key()
    return {
        "pkcs12": serialize_key_and_certificates(None, key, leaf, None, NoEncryption()),
        "der": pem.to_der(certified, private=True),
        "pem": pem.to_pem(certified, private=True),
        "jwk": json.dumps(certified.to_jwk(private=True)).encode(),
    }


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_wrapped_content_is_recognised_as_it_is_without(
    contents: dict[str, bytes], certified: TrustFrameworkKey, wrapping: str
) -> None:
    for form, data in contents.items():
        found = reading.recognise(WRAPPINGS[wrapping](data))
        assert found.form == form
        assert reading.one_key(found.open()).key(use="sig").kid == certified.kid


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_text_in_another_encoding_is_read(
    contents: dict[str, bytes], certified: TrustFrameworkKey, encoding: str
) -> None:
    for form in ("pem", "jwk"):
        data = contents[form].decode().encode(encoding)
        assert reading.read_key(data, use="sig").kid == certified.kid


def test_a_pem_in_a_json_string_or_with_its_line_ends_written_out_is_read(
    contents: dict[str, bytes], certified: TrustFrameworkKey
) -> None:
    for data in (
        quoted(contents["pem"]),
        contents["pem"].replace(b"\n", rb"\n"),
        b'PRIVATE_KEY="' + contents["pem"].replace(b"\n", rb"\r\n") + b'"\n',
        armoured(contents["pkcs12"]),
        contents["der"] + b"\n",
        contents["pkcs12"] + b"\r\n",
        json.dumps(
            {"contentType": "application/x-pem-file", "value": contents["pem"].decode()}
        ).encode(),
    ):
        assert reading.read_key(data, use="sig").kid == certified.kid


@pytest.mark.parametrize(
    ("data", "size"),
    [
        *((b"", None), (b"\x30", None), (b"\x31\0", None), (b"\x30\0", 2), (b"\x30\x7f", 129)),
        (b"\x30\x80" + bytes(128), None),  # BER without a length
        *((b"\x30\x81", None), (b"\x30\x81\x80", 131), (b"\x30\x84\1\0\0\0", 2**24 + 6)),
        (b"\x30\x85" + bytes(5), None),
    ],
)
def test_the_size_of_der_is_what_its_header_says(data: bytes, size: int | None) -> None:
    assert der_size(data) == size


def test_a_short_secret_in_base64_is_read() -> None:
    key = testing.oct_key(1)
    text = json.dumps(key.to_jwk(private=True)).encode()
    assert reading.read_key(base64.b64encode(text)) == key


def test_more_than_two_layers_are_not_unwrapped(contents: dict[str, bytes]) -> None:
    data = contents["der"]
    for _ in range(3):
        data = base64.b64encode(data)
    assert unwrapped(data) == data
    assert "this is not a JWK" in refused(reading.recognise, data).message


@given(st.binary(max_size=99) | st.text(max_size=99).map(str.encode))
def test_unwrapping_answers_for_any_bytes_and_never_makes_them_longer(data: bytes) -> None:
    for wrapped in (data, base64.b64encode(data), b'"' + data + b'"', b'{"contentType":' + data):
        # A character of UTF-16 has at most 3 bytes in UTF-8.
        assert len(unwrapped(wrapped)) <= 2 * len(wrapped)


def test_a_string_that_holds_no_key_is_not_shown() -> None:
    secret: Any = "swordfish" * 9
    error = refused(reading.recognise, json.dumps(secret).encode())
    assert "swordfish" not in str(error)


def test_white_space_takes_no_memory() -> None:
    data = b"AA " * 10**6
    tracemalloc.start()
    try:
        assert unwrapped(data) == data
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5 * len(data)


def test_a_secret_with_two_values_is_refused(rsa_key: TrustFrameworkKey) -> None:
    # Another program would take the other one.
    values = [json.dumps(pem.to_pem(rsa_key).decode()), '"AA=="']
    for first, second in (values, values[::-1]):
        text = f'{{"value": {first}, "contentType": "application/x-pem-file", "value": {second}}}'
        assert "'value' twice" in refused(reading.recognise, text.encode()).message


def test_what_is_cut_off_or_large_stays_as_it_is() -> None:
    for data in (b"0", b"0\x82", b"0\x82\x01", b'"' + b"A" * 300_000 + b'"'):
        assert unwrapped(data) == data
