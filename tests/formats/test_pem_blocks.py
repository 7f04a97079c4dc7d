"""The blocks of PEM, as programs, shells and JSON pass them on."""

from __future__ import annotations

import base64
import json
import textwrap
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.formats.helpers import refused
from trustkeys.formats import pem_blocks

LABELS = st.sampled_from(["PRIVATE KEY", "RSA PRIVATE KEY", "CERTIFICATE", "X509 CRL"])


def block(label: str, der: bytes, headers: str = "", width: int = 64, end: str = "\n") -> str:
    lines = textwrap.wrap(base64.b64encode(der).decode(), width)
    marked = [f"-----BEGIN {label}-----", *headers.splitlines(), *lines, f"-----END {label}-----"]
    return end.join([*marked, ""])


WAYS: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "byte order mark": lambda text: f"\ufeff{text}",
    "text around it": lambda text: f"Bag Attributes\n    friendlyName: a\n{text}trailing\n",
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "spaces at the ends": lambda text: text.replace("\n", " \t\n"),
    "indented": lambda text: textwrap.indent(text, "    "),
    "JSON": json.dumps,
    "JSON of PHP": lambda text: json.dumps(text).replace("/", r"\/"),
    "CRLF in JSON": lambda text: json.dumps(text.replace("\n", "\r\n")),
    "one line": lambda text: text.replace("\n", " "),
    "no last line end": str.rstrip,
}


@example([("CERTIFICATE", b"\xff" * 3)], 64, "JSON of PHP")
@given(
    st.lists(st.tuples(LABELS, st.binary(min_size=1, max_size=200)), max_size=4),
    st.integers(4, 100).map(lambda width: width // 4 * 4),
    st.sampled_from(list(WAYS)),
)
def test_blocks_are_found_however_the_text_was_passed_on(
    blocks: list[tuple[str, bytes]], width: int, way: str
) -> None:
    text = "".join(block(label, der, width=width) for label, der in blocks)
    data = WAYS[way](text).encode()
    assert [(each.label, each.der) for each in pem_blocks.split(data)] == blocks
    assert list(pem_blocks.labels(data)) == [label for label, _ in blocks]
    assert pem_blocks.is_pem(data) == bool(blocks)


def test_headers_are_no_content() -> None:
    headers = "Proc-Type: 4,ENCRYPTED\nDEK-Info:AES-128-CBC,00ff\n\n"
    for end in ("\n", "\r\n"):
        (found,) = pem_blocks.split(block("RSA PRIVATE KEY", b"x", headers, end=end).encode())
        assert found.headers == {"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-128-CBC,00ff"}
        assert found.der == b"x"
        assert pem_blocks.split(found.pem)[0].headers == found.headers


@given(st.binary(min_size=100, max_size=200), st.integers(1, 300))
def test_a_block_that_is_cut_off_is_refused(der: bytes, removed: int) -> None:
    """A bundle that a full disk or a copied selection cut off must not lose its last block."""
    whole = block("CERTIFICATE", b"first")
    cut = block("PRIVATE KEY", der).rstrip()[:-removed]
    for data in (cut, whole + cut, f"{cut}\n{whole}"):
        if "-----BEGIN PRIVATE KEY-----" in data:
            error = refused(pem_blocks.split, data.encode())
            assert error.code == "AADB2C95034"
            assert "cut off" in error.message


def test_the_block_that_is_cut_off_is_named() -> None:
    lines = block("PRIVATE KEY", bytes(200)).splitlines()
    data = "\n".join([*lines[:-1], *lines]).encode()
    assert (
        "the line -----END PRIVATE KEY----- is missing" in refused(pem_blocks.split, data).message
    )


@pytest.mark.parametrize("content", ["", "%%%%", "QUJ", "QU=J", "é", "QUJD----"])
def test_content_that_is_no_base64_is_refused(content: str) -> None:
    data = f"-----BEGIN PRIVATE KEY-----\n{content}\n-----END PRIVATE KEY-----\n".encode()
    assert "no base64" in refused(pem_blocks.split, data).message


def test_hostile_text_takes_no_time() -> None:
    size = 2**16
    for data in (
        b"-----BEGIN A-----\n" + b"a:\n" * size + b"-----END A-----",
        b"-----BEGIN A-----\na:" + b" " * size + b"-----END A-----",
        b"-----BEGIN A-----\n" * (size // 2),
        b"-----BEGIN A-----" + b"a" * size,
    ):
        assert "at most" not in refused(pem_blocks.split, data).message
    assert pem_blocks.split(b"-----BEGIN " * size) == ()


def test_more_than_a_mebibyte_is_refused_before_it_is_parsed() -> None:
    one = block("A", b"x").encode()
    many = pem_blocks.MAX_BYTES // len(one)
    assert len(pem_blocks.split(one * many)) == many
    assert "at most" in refused(pem_blocks.split, one * (many + 1)).message


def test_a_block_does_not_show_its_content() -> None:
    (found,) = pem_blocks.split(block("PRIVATE KEY", b"secret secret").encode())
    assert base64.b64encode(b"secret").decode()[:6] not in repr(found)
    assert "secret" not in repr(found)
