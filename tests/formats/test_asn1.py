"""ASN.1 is read with a library that one extra brings, and BER becomes what it can write again."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import example, given
from hypothesis import strategies as st

from tests.formats import bags
from tests.formats.helpers import Authority
from tests.support import der
from trustkeys import TrustFrameworkKey, TrustFrameworkKeySet
from trustkeys.formats import asn1, pem, reading
from trustkeys.formats.jwe import encrypt_key

LEAVES = st.builds(der, st.sampled_from([2, 4, 5, 6, 12]), st.binary(max_size=200))
TREES = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        lambda tag, parts: der(tag, *parts),
        st.sampled_from([0x30, 0x31]),
        st.lists(inner, max_size=4),
    ),
)


@given(TREES)
def test_ber_becomes_der(data: bytes) -> None:
    assert asn1.definite(data) == data
    assert asn1.definite(bags.indefinite(data)) == data
    long = bytes([data[0], 0x84]) + (len(data) - _header(data)).to_bytes(4) + data[_header(data) :]
    assert asn1.definite(long) == data


def _header(data: bytes) -> int:
    return 2 if data[1] < 0x80 else 2 + (data[1] & 0x7F)


@given(st.binary(max_size=80) | st.binary(max_size=20).map(lambda rest: b"\x30\x80" * 40 + rest))
def test_what_is_broken_is_an_error(data: bytes) -> None:
    with suppress(ValueError):
        assert isinstance(asn1.definite(data), bytes)


@given(st.binary(max_size=40), st.integers(0, 255))
@example(bytes.fromhex("000000424547"), 0x2D)  # a relative identifier in parts
@example(bytes.fromhex("308006092a864886f70d0000"), 0x32)  # a numeric string in parts
def test_the_first_structure_is_found_or_nothing(data: bytes, tag: int) -> None:
    for hostile in (data, bytes([tag, 0x80]) + data, bytes([tag]) + data):
        assert hostile.startswith(asn1.first(hostile)) or hostile[1:2] == b"\x80"


def test_large_data_is_not_written_again() -> None:
    # The lengths that are not there are found anew at each level.
    data = b"\5\0" * 150_000
    for _ in range(9):
        data = b"\x30\x80" + data + b"\0\0"
    assert asn1.definite(data) == data


@pytest.fixture
def without_asn1crypto(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asn1crypto", None)
    monkeypatch.delitem(sys.modules, "trustkeys.formats.asn1")
    monkeypatch.delattr("trustkeys.formats.asn1")


@pytest.mark.usefixtures("without_asn1crypto", "test_keys_allowed", "unproved")
def test_without_the_extra_the_error_says_what_to_install(
    certified: TrustFrameworkKey, authority: Authority
) -> None:
    """Not that the file is broken, or holds no key."""
    private, curve = pem.to_pem(certified, private=True), authority.key.public_key()
    leaf = authority.issue("CN=a", curve, "CN=middle", authority.key).public_bytes(Encoding.PEM)
    pfx = bags.pfx(bags.plain_part(bags.key_bag(certified)))
    calls: list[Any] = [
        lambda: pem.from_pem(private, use="sig"),
        lambda: pem.from_pem(pem.to_encrypted_pem(certified).data, use="sig", password="x"),
        lambda: reading.read_key(private, use="sig"),
        lambda: reading.recognise(pem.to_der(certified)),
        lambda: reading.recognise(pfx),
        lambda: TrustFrameworkKeySet("a").upload_pkcs12(pfx, "x", use="sig"),
        lambda: encrypt_key(certified, to=leaf),
    ]
    for call in calls:
        with pytest.raises(ModuleNotFoundError) as caught:
            call()
        assert caught.value.name == "asn1crypto"
        assert str(caught.value).endswith('asn1crypto: pip install "trustkeys[formats]"')
