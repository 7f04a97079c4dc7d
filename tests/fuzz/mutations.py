"""Changes to files, which a seed repeats."""

from __future__ import annotations

import base64
import json
import random
import re
from collections.abc import Callable
from typing import Any

_ODD = (0, 1, 2, 3, 0x1F, 0x30, 0x7F, 0x80, 0x81, 0x82, 0x84, 0xA0, 0xFF)

_VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 2**64, 1.5, "", "A", "AAAA", "=", "\0", "\ud800", [], {}, [[]]),
    *("RSA", "oct", "EC", "sig", "enc", "A" * 9999, 10**400, ["x"], {"kty": "oct"}),
)


def mutated(draw: random.Random, seeds: list[bytes]) -> bytes:
    """Return a seed with one to four changes."""
    data = draw.choice(seeds)
    for _ in range(draw.randint(1, 4)):
        data = draw.choice(_CHANGES)(draw, data, seeds)
    return data


def _flip(draw: random.Random, data: bytes, _: list[bytes]) -> bytes:
    changed = bytearray(data)
    for _number in range(draw.randint(1, 4)):
        if changed:
            changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _cut(draw: random.Random, data: bytes, _: list[bytes]) -> bytes:
    return data[: draw.randint(0, len(data))]


def _remove(draw: random.Random, data: bytes, _: list[bytes]) -> bytes:
    start = draw.randint(0, len(data))
    return data[:start] + data[start + draw.randint(1, 40) :]


def _splice(draw: random.Random, data: bytes, seeds: list[bytes]) -> bytes:
    other = draw.choice(seeds)
    return data[: draw.randint(0, len(data))] + other[draw.randint(0, len(other)) :]


def _repeat(draw: random.Random, data: bytes, _: list[bytes]) -> bytes:
    start = draw.randint(0, len(data))
    return data[:start] + data[start : start + draw.randint(1, 99)] * draw.randint(2, 9)


def _odd_byte(draw: random.Random, data: bytes, _: list[bytes]) -> bytes:
    start = draw.randint(0, len(data))
    return data[:start] + bytes([draw.choice(_ODD)]) + data[start + draw.randint(0, 1) :]


def _der(draw: random.Random, data: bytes, _: list[bytes]) -> bytes:
    """Change a tag or a length of DER, or of the DER in PEM and base64."""
    text = re.search(rb"(?:[A-Za-z0-9+/]{20,}={0,2}\s*)+", data)
    if text is not None and not data.startswith(b"\x30"):
        try:
            inner = _der_byte(draw, base64.b64decode(text[0]))
        except ValueError:
            return data
        return data[: text.start()] + base64.encodebytes(inner) + data[text.end() :]
    return _der_byte(draw, data)


def _der_byte(draw: random.Random, data: bytes) -> bytes:
    places = [each.start() for each in re.finditer(rb"[\x02-\x06\x30\x31\xa0-\xa3]", data[:4096])]
    if not places:
        return data
    start = draw.choice(places) + draw.randint(0, 3)
    return data[:start] + bytes([draw.choice(_ODD)]) + data[start + 1 :]


def _json(draw: random.Random, data: bytes, _: list[bytes]) -> bytes:
    """Replace, remove or add a member at any depth."""
    try:
        root = json.loads(data)
    except (ValueError, RecursionError):
        return data
    if not isinstance(root, (dict, list)):
        return data
    holder, names = root, []
    for _depth in range(draw.randint(0, 3)):
        below = list(holder.values()) if isinstance(holder, dict) else holder
        inner = [each for each in below if isinstance(each, (dict, list)) and each]
        if not inner:
            break
        holder = draw.choice(inner)
    if isinstance(holder, dict):
        names = [*holder, *("alg", "key_ops", "x5c", "kid", "oth", "protected", "recipients")]
        if draw.random() < 0.2:
            holder.pop(draw.choice(names), None)
        else:
            holder[draw.choice(names)] = draw.choice(_VALUES)
    elif isinstance(holder, list) and holder:
        holder[draw.randrange(len(holder))] = draw.choice(_VALUES)
    return json.dumps(root).encode()


_CHANGES: tuple[Callable[[random.Random, bytes, list[bytes]], bytes], ...] = (
    *(_flip, _flip, _cut, _remove, _splice, _repeat, _odd_byte, _der, _der, _der, _json, _json),
)
