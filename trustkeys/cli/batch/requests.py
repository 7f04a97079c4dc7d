"""The requests of trustkeys batch: one that is repeated, or a file with one in each line."""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import repeat
from typing import IO, Any

from attrs import frozen

from trustkeys.cli.generate import request_from_options
from trustkeys.cli.terminal import open_input, warn
from trustkeys.cli.times import Time, doubt, warn_of_dates
from trustkeys.core.request import GenerateKeyRequest
from trustkeys.core.strict_json import MAX_JSON_BYTES, MAX_SET_BYTES, parse_object
from trustkeys.core.utf8 import SAVE_AS_UTF8, as_utf8, encoding_of
from trustkeys.errors import InvalidInputError
from trustkeys.wording import counted, shape

__tracebackhide__ = True

Id = str | int | None
"""What a line of a file calls its key."""


_IN_MEMORY = 100
"""How many requests are in memory, and how many different ones. Most lists repeat a few."""


@frozen
class Requests:
    """The requests for many keys.

    Attributes:
        count: The number of keys.
        options: The options that a resumed run must repeat, by name, with JSON values.
        at: Return the requests, each with its id; relative times count from the argument, in
            seconds since 1970.
    """

    count: int
    options: dict[str, Any]
    at: Callable[[int], Iterator[tuple[Id, GenerateKeyRequest]]]


def repeated(
    count: int,
    use: str | None,
    kty: str | None,
    nbf: Time | None,
    exp: Time | None,
    size: int | None,
) -> Requests:
    """Return `count` times the request that the options describe, which is checked now."""

    def at(now: int) -> Iterator[tuple[Id, GenerateKeyRequest]]:
        return repeat((None, request_from_options(use, kty, nbf, exp, size, now=now)), count)

    request = request_from_options(use, kty, nbf, exp, size)
    warn_of_dates(request.nbf, request.exp)
    times = {"--nbf": nbf, "--exp": exp}
    options = {
        "--use": request.use,
        "--kty": request.kty,
        "--size": request.size,
        **{name: None if time is None else time._asdict() for name, time in times.items()},
    }
    return Requests(count, options, at)


@contextmanager
def listed(path: str, size: int | None, *, has_ids: bool) -> Iterator[Requests]:
    """Read the requests in a file, or in standard input for ``-``; all are checked now.

    Args:
        path: The file, with a Graph request body in each line, and perhaps an `id`.
        size: The size of the keys, in bits.
        has_ids: Whether the output has room for an `id`.
    """
    # A copy, so that a change of the file during the run has no effect.
    with tempfile.TemporaryFile() as file:
        kept, digest = _Kept(file, size), hashlib.sha256()
        count, doubtful, first = 0, 0, ""
        for number, line in enumerate(_lines(path), 1):
            if text := line.strip():
                try:
                    request = kept.add(*_read(line.rstrip(b"\r\n"), has_ids=has_ids))
                except InvalidInputError as error:  # a block of prefix_errors takes longer
                    error.args = (f"{path}: line {number}: {error.message}",)
                    raise
                if problem := doubt(request.nbf, request.exp):
                    doubtful += 1
                    first = first or f"line {number}: {problem}"
                digest.update(text + b"\n")
                count += 1
        if first:
            warn(
                f"{path}: the dates of {counted(doubtful)} look like mistakes; the first is {first}"
            )
        options = {"--requests": digest.hexdigest(), "--size": size}
        yield Requests(count, options, lambda _now: kept.all())


class _Kept:
    """Requests in a file, since a list of them can be larger than the memory."""

    def __init__(self, file: IO[bytes], size: int | None) -> None:
        self._file = file
        self._size = size
        self._waiting: list[tuple[Id, dict[str, Any]]] = []
        # By type too, since 1 and true are equal.
        self._of_members = lru_cache(_IN_MEMORY, typed=True)(self._checked)

    def add(self, name: Id, body: dict[str, Any]) -> GenerateKeyRequest:
        """Check a body, keep it, and return the request."""
        request = self._request(body)
        self._waiting.append((name, body))
        if len(self._waiting) == _IN_MEMORY:
            self._flush()
        return request

    def all(self) -> Iterator[tuple[Id, GenerateKeyRequest]]:
        """Return the requests in their order, each with its id."""
        if self._waiting:
            self._flush()
        self._file.seek(0)
        for line in self._file:
            for name, body in json.loads(line):
                yield name, self._request(body)

    def _flush(self) -> None:
        self._file.write(json.dumps(self._waiting).encode() + b"\n")
        self._waiting.clear()

    def _request(self, body: dict[str, Any]) -> GenerateKeyRequest:
        with suppress(TypeError):  # a list or an object has no hash
            return self._of_members(**body)
        return self._checked(**body)

    def _checked(self, /, **body: Any) -> GenerateKeyRequest:
        return GenerateKeyRequest.from_graph(body, size=self._size)


def _lines(path: str) -> Iterator[bytes]:
    # One byte more than allowed is enough to refuse a line.
    most = MAX_JSON_BYTES + 1
    with open_input(path) as file:
        start = file.readline(most)
        if encoding_of(start) is not None:
            yield from _in_utf8(path, start + file.read(MAX_SET_BYTES))
        elif start:
            yield as_utf8(start)  # without a byte order mark
            while line := file.readline(most):
                yield line


def _in_utf8(path: str, data: bytes) -> Iterator[bytes]:
    if len(data) > MAX_SET_BYTES:
        raise InvalidInputError(
            f"{path}: it is larger than {MAX_SET_BYTES} bytes, and not UTF-8 text: {SAVE_AS_UTF8}"
        )
    return io.BytesIO(as_utf8(data))


def _read(line: bytes, *, has_ids: bool) -> tuple[Id, dict[str, Any]]:
    body = parse_object(line, what="the body")
    name = body.pop("id", None)
    if isinstance(name, bool) or not isinstance(name, str | int | None):
        raise InvalidInputError(f"id must be text or an integer, not {shape(name)}", target="id")
    if name is not None and not has_ids:
        raise InvalidInputError(
            "a sealed file in a directory has no place for an id: use --jsonl", target="id"
        )
    return name, body
