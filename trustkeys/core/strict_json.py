"""Strict parsing of JSON objects from untrusted sources (RFC 8259)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from math import isinf
from typing import TYPE_CHECKING, Any, NoReturn

from trustkeys.core.utf8 import SAVE_AS_UTF8
from trustkeys.errors import InvalidInputError
from trustkeys.wording import quoted, shape

if TYPE_CHECKING:
    from json import JSONDecodeError, JSONDecoder

__tracebackhide__ = True

MAX_JSON_BYTES = 65_536
"""The largest key or request that is read, in bytes. A private RSA-4096 JWK has about 3,300."""

MAX_SET_BYTES = 16_777_216
"""The largest key set that is read or written, in bytes of JSON: about 8,000 RSA-2048 keys."""

MAX_VALUES = 250_000
"""The most values in a document: 50 for each of 5,000 keys. More would fill the memory."""

_MAX_DIGITS = 1000

# So few brackets are never nested too deep.
_SHALLOW = 50

# An exponent makes a long integer of a few bytes. Many of them would fill the memory.
_MAX_GROWTH = 20

_MAX_EXACT = 2**53


def is_plain(value: str) -> bool:
    """Whether a string is printable ASCII that JSON does not escape.

    All members of RFC 7518 are. RFC 7638 section 3.3 defines thumbprints only for such text.
    """
    return value.isascii() and value.isprintable() and '"' not in value and "\\" not in value


def is_text(value: str) -> bool:
    """Whether a string can be encoded as UTF-8, that is, has no lone surrogate."""
    return value.isascii() or value.encode(errors="replace").decode() == value


def read_object(
    value: object, *, what: str, code: str = "BadRequest", max_bytes: int = MAX_JSON_BYTES
) -> Mapping[str, Any]:
    """Return a mapping as it is, or parse JSON text with `parse_object`.

    Raises:
        InvalidInputError: Neither a mapping nor a JSON object. Has the given code.
    """
    if isinstance(value, Mapping):
        return value
    if isinstance(value, (str, bytes)):
        return parse_object(value, what=what, code=code, max_bytes=max_bytes)
    raise InvalidInputError(f"{what} must be JSON text or a mapping, not {shape(value)}", code=code)


def parse_object(
    text: str | bytes, *, what: str, code: str = "BadRequest", max_bytes: int = MAX_JSON_BYTES
) -> dict[str, Any]:
    """Parse a JSON object as `parse_json` does.

    Raises:
        InvalidInputError: As `parse_json`; or it is not an object.
    """
    value = parse_json(text, what=what, code=code, max_bytes=max_bytes)
    if isinstance(value, dict):
        return value
    raise InvalidInputError(f"{what} must be a JSON object, not {shape(value)}", code=code)


def parse_json(
    text: str | bytes, *, what: str, code: str = "BadRequest", max_bytes: int = MAX_JSON_BYTES
) -> Any:
    """Parse JSON from an untrusted source.

    A number whose value is whole becomes an int however it is written, such as ``1893456000.0``,
    unless its exponent is above about 20.

    Args:
        text: JSON. Bytes are UTF-8, with or without a byte order mark.
        what: The name of the text in an error, such as ``"the body"``.
        code: The code of the error.
        max_bytes: The largest accepted text.

    Raises:
        InvalidInputError: The text is too large, not UTF-8, not JSON or nested too deep; has over
            250,000 values, a member twice, a lone surrogate, NaN, an integer of over 1,000 digits,
            or a number that a double would round to an integer or to infinity. Has the given code.
    """
    import json  # imported lazily: a new key does not need it

    value: Any = None
    problem: str | None = None
    try:
        # A string has at least as many bytes as characters, so encode only small ones.
        if len(text) > max_bytes or len(data := _to_bytes(text)) > max_bytes:
            problem = f"is larger than {max_bytes} bytes"
        elif _is_crowded(data):
            problem = f"has more than {MAX_VALUES} values"
        else:
            # Windows PowerShell writes a byte order mark.
            decoded = data.decode().removeprefix("\ufeff")
            value = _decoder().decode(decoded)
            if "\\u" in decoded or decoded.count("[") + decoded.count("{") > _SHALLOW:
                # Fails on a lone surrogate, and on nesting that could not be written again.
                json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        problem = "is nested too deep"
    except UnicodeError:
        problem = f"is not UTF-8 text: {SAVE_AS_UTF8}"
    except json.JSONDecodeError as error:
        problem = f"is not JSON{_where(error)}"
    except ValueError as error:  # from the hooks below, whose messages contain no values
        problem = f"is refused: {error}"
    if problem is None:
        return value
    raise InvalidInputError(f"{what} {problem}", code=code)


def whole(value: object) -> object:
    """Return a float with a whole value as an int, since JSON does not tell them apart.

    A float from 2^53 on stays one: it may be another integer, rounded.
    """
    if isinstance(value, float) and value.is_integer() and abs(value) < _MAX_EXACT:
        return int(value)
    return value


def _where(error: JSONDecodeError) -> str:
    """Say what is wrong with text that is not JSON, without showing any of it."""
    text, place = error.doc, error.pos
    if not text.strip():
        return ": it is empty"
    # Python reports the comma itself since version 3.13, and the bracket after it before.
    comma = place if text[place : place + 1] == "," else len(text[:place].rstrip()) - 1
    end = text[comma + 1 :].lstrip()[:1] if text[comma : comma + 1] == "," else ""
    if end not in ("}", "]"):
        at = _at(text, place)
        if error.msg == "Extra data":
            return f": it goes on after the first value {at}; save each value in a file of its own"
        is_cut_off = error.msg.startswith("Unterminated") or not text[place:].strip()
        return f": it is cut off, save it again {at}" if is_cut_off else f" {at}"
    last = "member" if end == "}" else "item"
    return f": it has a comma after the last {last}, remove it {_at(text, comma)}"


def _at(text: str, place: int) -> str:
    lines = text[:place].split("\n")
    column = f"column {len(lines[-1]) + 1}"
    # Text without lines can itself be a line of a file.
    return f"(line {len(lines)}, {column})" if "\n" in text else f"({column})"


def _is_crowded(data: bytes) -> bool:
    """Whether JSON has more values than are read. Text with so many commas is refused, too."""
    return len(data) > MAX_VALUES and sum(map(data.count, (b",", b"[", b"{"))) > MAX_VALUES


def _to_bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise ValueError(f"it has the member {quoted(name)} twice")
        members[name] = value
    return members


def _integer(digits: str) -> int:
    # A program can lift int()'s own limit, and then large integers take long.
    if len(digits) > _MAX_DIGITS:
        raise ValueError(f"it has an integer of {len(digits)} digits")
    return int(digits)


def _number(text: str) -> int | float:
    """Read a number with a fraction or an exponent, exactly if its value is whole."""
    if len(text) > _MAX_DIGITS:
        raise ValueError(f"it has a number of {len(text)} characters")
    rounded = float(text)
    # Fast path: a double holds 15 digits exactly.
    if len(text) <= 16 and 0 < abs(rounded) < _MAX_EXACT:
        return int(rounded) if rounded.is_integer() else rounded
    mantissa, _, exponent = text.lower().partition("e")
    before, _, after = mantissa.partition(".")
    digits = (before + after).rstrip("0")
    zeros = int(exponent or 0) + len(before) - len(digits)
    if not digits.strip("-0"):
        return 0
    if zeros < 0 and rounded.is_integer():
        raise ValueError("it has a number whose fraction is too small to keep")
    if zeros < 0 or len(digits) + zeros > len(text) + _MAX_GROWTH:
        if isinf(rounded):
            raise ValueError("it has a number that is too large")
        return rounded
    return int(digits + "0" * zeros)


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError("JSON has neither NaN nor Infinity")


@cache
def _decoder() -> JSONDecoder:
    # Made once, which saves a third of the time of a small text.
    from json import JSONDecoder

    return JSONDecoder(
        object_pairs_hook=_members,
        parse_int=_integer,
        parse_float=_number,
        parse_constant=_refuse_constant,
    )
