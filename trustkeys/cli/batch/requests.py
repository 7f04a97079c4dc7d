"""The requests of trustkeys batch: one that is repeated, or a file with one in each line."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import repeat
from typing import Any

from attrs import frozen

from trustkeys.cli.generate import request_from_options
from trustkeys.cli.terminal import open_input, warn
from trustkeys.cli.times import Time, doubt, warn_of_dates
from trustkeys.core.request import GenerateKeyRequest
from trustkeys.core.strict_json import MAX_JSON_BYTES, parse_object
from trustkeys.errors import InvalidInputError, prefix_errors
from trustkeys.wording import counted, shape

__tracebackhide__ = True

Id = str | int | None
"""What a line of a file calls its key."""


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

    def read(line: bytes) -> tuple[Id, GenerateKeyRequest]:
        return _read(line, size, has_ids=has_ids)

    def at(_now: int) -> Iterator[tuple[Id, GenerateKeyRequest]]:
        copy.seek(0)
        return map(read, copy)

    # A copy, so that a change of the file during the run has no effect.
    with tempfile.TemporaryFile() as copy:
        count, digest = 0, hashlib.sha256()
        doubtful, first = 0, ""
        for number, line in enumerate(_lines(path), 1):
            if text := line.strip():
                with prefix_errors(f"{path}: line {number}"):
                    _, request = read(line)
                if problem := doubt(request.nbf, request.exp):
                    doubtful += 1
                    first = first or f"line {number}: {problem}"
                copy.write(text + b"\n")
                digest.update(text + b"\n")
                count += 1
        if first:
            warn(
                f"{path}: the dates of {counted(doubtful)} look like mistakes; the first is {first}"
            )
        yield Requests(count, {"--requests": digest.hexdigest(), "--size": size}, at)


def _lines(path: str) -> Iterator[bytes]:
    with open_input(path) as file:
        # One byte more than allowed is enough to refuse a line.
        while line := file.readline(MAX_JSON_BYTES + 1):
            yield line


def _read(line: bytes, size: int | None, *, has_ids: bool) -> tuple[Id, GenerateKeyRequest]:
    body = parse_object(line, what="the body")
    name = body.pop("id", None)
    if isinstance(name, bool) or not isinstance(name, str | int | None):
        raise InvalidInputError(f"id must be text or an integer, not {shape(name)}", target="id")
    if name is not None and not has_ids:
        raise InvalidInputError(
            "a sealed file in a directory has no place for an id: use --jsonl", target="id"
        )
    return name, GenerateKeyRequest.from_graph(body, size=size)
