"""Changes of a file, drawn from a random generator: of bytes, DER, JSON and base64."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random
from typing import Any

from asn1crypto import pkcs12
from attrs import define, evolve

from tests.fuzz.seeds import Seed, with_mac

MAX_BYTES = 60_000
"""The longest input. Larger files are in `tests.formats.test_hostile_files`."""


def mutated(draw: Random, seeds: Sequence[Seed]) -> Seed:
    """Draw a seed, and change it once or a few times."""
    seed = draw.choice(seeds)
    data = seed.data
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        other = draw.choice(seeds).data
        change = draw.choice(_CHANGES[seed.kind])
        data = (change(draw, data, other) or _bytes(draw, data, other))[:MAX_BYTES]
    if draw.random() < 0.03:
        data = draw.choice(_PACKINGS)(data)
    return evolve(seed, data=data)


# --- bytes

_NUMBERS = (b"\x00", b"\xff", b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00", b"\xff" * 8)


def _bytes(draw: Random, data: bytes, other: bytes) -> bytes:
    start = draw.randrange(len(data) + 1)
    end = min(len(data), start + draw.choice((1, 2, 4, 16, 64, 1024)))
    before, chosen, after = data[:start], data[start:end], data[end:]
    cut = draw.randrange(len(other) + 1)
    flipped = bytes([chosen[0] ^ 1 << draw.randrange(8)]) + chosen[1:] if chosen else b""
    return draw.choice(
        (
            before + flipped + after,
            before + flipped + after,
            before,
            before + after,
            before + chosen * draw.choice((2, 3, 30)) + after,
            before + other[cut : cut + draw.choice((4, 64, 4096))] + after,
            before + draw.choice(_NUMBERS) + after,
            before + draw.randbytes(len(chosen)) + after,
            data + draw.choice((b"\n", b"\0", b" ", data, other)),
        )
    )


# --- DER


@define
class _Node:
    """A value of DER, with its children if its tag is constructed or it holds DER."""

    tag: int
    content: bytes
    children: list[_Node] | None

    def dump(self) -> bytes:
        content = self.content
        if self.children is not None:
            prefix = b"\0" if self.tag == 3 else b""
            content = prefix + b"".join(child.dump() for child in self.children)
        return bytes([self.tag]) + _length(len(content)) + content

    def all(self) -> list[_Node]:
        return [self, *(node for child in self.children or () for node in child.all())]


def _length(size: int) -> bytes:
    if size < 128:
        return bytes([size])
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([128 + len(octets)]) + octets


def _parsed(data: bytes, depth: int = 0) -> list[_Node] | None:
    """Parse one value of DER after the other; None if it is something else."""
    nodes, at = [], 0
    while at < len(data):
        if len(data) < at + 2 or depth > 30:
            return None
        tag, size = data[at], data[at + 1]
        at += 2
        if size >= 128:
            count = size - 128
            size = int.from_bytes(data[at : at + count], "big")
            at += count
            if not 0 < count < 4:
                return None
        content = data[at : at + size]
        at += size
        if at > len(data):
            return None
        inner = content[1:] if tag == 3 else content
        children = _parsed(inner, depth + 1) if tag & 0x20 or tag in (3, 4) else None
        if not tag & 0x20 and not children:
            children = None
        nodes.append(_Node(tag, content, children))
    return nodes


# Tags, with integers that say too much about rounds, lengths and versions.
_TAGS = (0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0C, 0x13, 0x17, 0x1E, 0x24, 0x30, 0x31, 0x80, 0xA0)
_INTEGERS = ("", "00", "01", "02", "03", "ff", "7fffffff", "0080000000", "0100000000", "00" * 9)
_RAW = ("308000000000", "3080", "30847fffffff", "30ffff", "1f8101", "0500", "2480040100", "a000")


def _der(draw: Random, data: bytes, other: bytes) -> bytes | None:
    roots = _parsed(data)
    if not roots:
        return None
    nodes = [node for root in roots for node in root.all()]
    node = draw.choice(nodes)
    kind = draw.randrange(10)
    if kind == 0:
        node.tag = draw.choice(_TAGS)
    elif kind == 1:
        node.tag ^= 1 << draw.randrange(8)
    elif kind in (2, 3) and node.children:
        child = draw.randrange(len(node.children))
        copies = draw.choice((0, 2, 2, 40))
        node.children[child : child + 1] = [node.children[child]] * copies
    elif kind == 4 and node.children:
        draw.shuffle(node.children)
    elif kind == 5:
        found = draw.choice(nodes)
        node.tag, node.content, node.children = found.tag, found.dump()[2:], None
    elif kind == 6:
        integers = [each for each in nodes if each.tag == 2] or nodes
        node = draw.choice(integers)
        node.content, node.children = bytes.fromhex(draw.choice(_INTEGERS)), None
    elif kind == 7 and (others := _parsed(other)):
        donors = [each for root in others for each in root.all()]
        node.content, node.children = draw.choice(donors).dump(), None
    elif kind == 8:
        node.content, node.children = bytes.fromhex(draw.choice(_RAW)), None
    else:
        node.content, node.children = _bytes(draw, node.content, other), None
    return b"".join(root.dump() for root in roots)


def _pfx(draw: Random, data: bytes, other: bytes) -> bytes | None:
    """Change what is inside a PFX, and make its checksum right again."""
    inside = None
    with suppress(Exception):  # a PFX that earlier changes broke
        inside = pkcs12.Pfx.load(data)["auth_safe"]["content"].native
    if not isinstance(inside, bytes):
        return None
    return with_mac(_der(draw, inside, other) or _bytes(draw, inside, other))


# --- base64 and PEM

_BASE64 = re.compile(rb"[A-Za-z0-9+/=\r\n]{40,}|[A-Za-z0-9_-]{40,}")


def _base64(draw: Random, data: bytes, other: bytes) -> bytes | None:
    """Change what a run of base64 stands for, or its spelling."""
    runs = list(_BASE64.finditer(data))
    if not runs:
        return None
    run = draw.choice(runs)
    text = run[0]
    kind = draw.randrange(6)
    if kind == 0:
        text = text.replace(b"\n", draw.choice((b"", b"\r\n", b"\\n", b" ", b"\n\n")))
    elif kind == 1:
        text = text.translate(bytes.maketrans(b"+/-_", b"-_+/"))
    elif kind == 2:
        text = draw.choice((b"=", b"A", b"\xff", b" ")) + text + draw.choice((b"=", b"==", b"A"))
    else:
        decoded = _decoded(text)
        if decoded is None:
            return None
        changed = _der(draw, decoded, other) if kind > 3 else None
        changed = changed or _bytes(draw, decoded, other)
        is_url = b"\n" not in text and not {*b"+/="} & {*text}
        encode = base64.urlsafe_b64encode if is_url else base64.b64encode
        text = encode(changed)
        text = text.rstrip(b"=") if is_url else re.sub(rb"(.{64})", rb"\1\n", text) + b"\n"
    return data[: run.start()] + text + data[run.end() :]


def _decoded(text: bytes) -> bytes | None:
    with suppress(binascii.Error):
        plain = text.translate(bytes.maketrans(b"-_", b"+/"), b"\r\n=")
        return base64.b64decode(plain + b"=" * (-len(plain) % 4))
    return None


_LABELS = (
    b"CERTIFICATE",
    b"PRIVATE KEY",
    b"ENCRYPTED PRIVATE KEY",
    b"RSA PRIVATE KEY",
    b"EC PRIVATE KEY",
    b"PUBLIC KEY",
    b"TRUSTED CERTIFICATE",
    b"PKCS7",
    b"PKCS12",
    b"CERTIFICATE REQUEST",
    b"OPENSSH PRIVATE KEY",
    b"RSA PARAMETERS",
    b"",
    b"X" * 70,
)
_HEADERS = (
    b"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,\n\n",
    b"Proc-Type: 4,ENCRYPTED\nDEK-Info: DES-CBC,0011223344556677\n\n",
    b"Proc-Type: 4,ENCRYPTED\n\n",
    b"DEK-Info: AES-128-CBC," + b"00" * 16 + b"\n\n",
    b"X: y\n z\n\n",
    b"\n",
)


def _pem(draw: Random, data: bytes, other: bytes) -> bytes | None:
    """Change the lines of PEM: labels, headers, order of blocks."""
    kind = draw.randrange(5)
    labels = list(re.finditer(rb"-----(?:BEGIN|END) ([^-]*)-----\n?", data))
    if kind == 0 and labels:
        found = draw.choice(labels)
        return data[: found.start(1)] + draw.choice(_LABELS) + data[found.end(1) :]
    if kind == 1 and labels:
        return data.replace(draw.choice(labels)[1], draw.choice(_LABELS))
    if kind == 2 and labels:
        at = draw.choice(labels).end()
        return data[:at] + draw.choice(_HEADERS) + data[at:]
    if kind == 3:
        return data + other if draw.random() < 0.5 else other + data
    lines = data.split(b"\n")
    draw.shuffle(lines)
    return b"\n".join(lines)


# --- JSON

_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, 10**30, 1e300, 1.5, 100_000),
    *("", "a", "A", "AA", "AQAB", "\ud800", "\0", "é", "A" * 5000, "oct", "RSA", "EC", "sig"),
    *("enc", "PBES2-HS256+A128KW", "dir", "A128CBC-HS256", "DEF", "2030-01-01T00:00:00Z"),
    *([], {}, [[]], [None], [{}], [0], {"a": "b"}, ["sign", "sign"], "@{kty=RSA}", "enabled"),
)
_NAMES = (
    *("kty", "use", "n", "e", "d", "p", "q", "dp", "dq", "qi", "oth", "k", "kid", "x5c", "x5t"),
    *("nbf", "exp", "alg", "key_ops", "status", "keys", "value", "Keys", "id", "x5u", "x5t#S256"),
    *("enc", "p2c", "p2s", "zip", "crit", "epk", "protected", "recipients", "header", "error"),
    *(
        "@odata.context",
        "@odata.nextLink",
        "jwks_uri",
        "key",
        "attributes",
        "contentType",
        "\ud800",
    ),
)
_TOKENS = (
    *(b"NaN", b"Infinity", b"-0", b"1e999", b"1" * 5000, b"[" * 5000, b'{"a":' * 2000, b'"kty":'),
    *(b'"\\ud800"', b'"\\u0000"', b"\\", b'"', b",", b":", b"}", b"]", b"//", b"\xef\xbb\xbf"),
    *(b'"use":"enc",', b'"kty":"oct",', b'"n":"AA",', b"\xff", b"\xc3\x28", b"\xe2\x80\xa8"),
)
_PLACE = re.compile(rb"[\[\]{}:,]")


def _json(draw: Random, data: bytes, other: bytes) -> bytes | None:
    """Change a member or an item."""
    if draw.random() < 0.15:
        places = [match.end() for match in _PLACE.finditer(data)] or [0]
        at = draw.choice(places)
        return data[:at] + draw.choice(_TOKENS) + data[at:]
    root = _loaded(data)
    if root is None:
        return None
    _edit(draw, root, _loaded(other))
    return json.dumps(root).encode()


def _loaded(data: bytes) -> Any:
    with suppress(ValueError, RecursionError):
        root = json.loads(data)
        return root if isinstance(root, (dict, list)) and root else None
    return None


def _edit(draw: Random, root: Any, other: Any) -> None:
    holder, name = draw.choice(_places(root))
    value = holder[name]
    kind = draw.randrange(7)
    if kind == 0:
        del holder[name]
    elif kind == 1 and isinstance(holder, dict):
        holder[draw.choice(_NAMES)] = value
    elif kind == 2 and isinstance(holder, dict):
        holder[draw.choice(_NAMES)] = draw.choice(_VALUES)
    elif kind == 3:
        holder[name] = draw.choice(([value], {"a": value}, [value] * 3, str(value)))
    elif kind == 4 and other:
        holder[name] = other
    elif isinstance(value, str) and value:
        text = value.encode("utf-8", "surrogatepass")
        changed = (_base64(draw, text, text) if kind == 5 else None) or _bytes(draw, text, text)
        holder[name] = changed.decode("latin-1")
    else:
        holder[name] = draw.choice(_VALUES)


def _places(root: Any) -> list[tuple[Any, Any]]:
    """Return each member of an object, and each item of a list, as its holder and its name."""
    places: list[tuple[Any, Any]] = []
    todo = [root]
    while todo:
        found = todo.pop()
        items = found.items() if isinstance(found, dict) else enumerate(found)
        for name, value in items:
            places.append((found, name))
            if isinstance(value, (dict, list)):
                todo.append(value)
    return places


def _jwe(draw: Random, data: bytes, other: bytes) -> bytes | None:
    """Change the header of a compact JWE, or the number of its parts."""
    if not data.startswith(b"eyJ"):
        return _json(draw, data, other)
    parts = data.split(b".")
    if draw.random() < 0.2:
        draw.shuffle(parts)
        return b".".join(parts[: draw.randrange(7)])
    header = _loaded(_decoded(parts[0]) or b"")
    if header is None:
        return None
    _edit(draw, header, None)
    parts[0] = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=")
    return b".".join(parts)


# --- all together

_Change = Callable[[Random, bytes, bytes], bytes | None]

_CHANGES: dict[str, Sequence[_Change]] = {
    "json": (_json, _json, _json, _bytes, _base64),
    "line": (_json, _json, _json, _bytes, _base64),
    "jwe": (_jwe, _jwe, _bytes, _base64),
    "pem": (_base64, _base64, _pem, _bytes),
    "der": (_der, _der, _der, _bytes),
    "pfx": (_der, _pfx, _pfx, _bytes),
}

_PACKINGS: tuple[Callable[[bytes], bytes], ...] = (
    base64.b64encode,
    base64.encodebytes,
    lambda data: json.dumps(data.decode("latin-1")).encode(),
    lambda data: data.decode("latin-1").encode("utf-16"),
    lambda data: data.decode("latin-1").encode("utf-16-be"),
    lambda data: b"\xef\xbb\xbf" + data,
    lambda data: data.replace(b"\n", b"\r\n"),
    lambda data: data.replace(b"\n", b"\r"),
    lambda data: b" \n\t" + data,
    lambda data: b"-----BEGIN PKCS12-----\n" + base64.encodebytes(data) + b"-----END PKCS12-----\n",
)
