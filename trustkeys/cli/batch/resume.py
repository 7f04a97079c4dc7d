"""What trustkeys batch --resume needs to know about the run before.

It is in a file beside the keys, named ``….run``: the time that relative times count from, and the
options that must be the same.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from typing import Any

from trustkeys import files, system
from trustkeys.batch import is_sealed
from trustkeys.cli.batch.journal import Journal
from trustkeys.cli.batch.requests import Id, Requests
from trustkeys.cli.params import refuse_existing
from trustkeys.cli.terminal import json_bytes
from trustkeys.cli.times import now_or
from trustkeys.core.jwk import read_jwk
from trustkeys.core.key import TrustFrameworkKey, sent_jwk
from trustkeys.core.request import GenerateKeyRequest
from trustkeys.core.strict_json import MAX_JSON_BYTES, parse_object
from trustkeys.core.thumbprint import jwk_thumbprint
from trustkeys.errors import InvalidInputError, prefix_errors

__tracebackhide__ = True

_OPTIONS = ("--use", "--kty", "--nbf", "--exp", "--size", "--requests", "--seal-to")


def is_new(path: str, *, resume: bool) -> bool:
    """Return whether a file of keys has to be created.

    Raises:
        FileExistsError: It has to be, and it exists, or a run left its state under that name.
        PermissionError: Other users can write to its directory.
    """
    files.check_directory_of(path)
    if system.is_too_long(_state_of(path)):
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), _state_of(path))
    if resume and os.path.lexists(path):
        return False
    if not resume and os.path.lexists(path) and os.path.lexists(_state_of(path)):
        message = f"{os.strerror(errno.EEXIST)}; --resume continues it"
        raise FileExistsError(errno.EEXIST, message, path)
    refuse_existing(path)
    if os.path.lexists(_state_of(path)):
        message = f"it belongs to {path}, which is missing: put that back, or remove this file"
        raise FileExistsError(errno.EEXIST, message, _state_of(path))
    return True


def begin(path: str, lines: Journal, requests: Requests, to: str | None) -> int:
    """Start a file, or continue after its last line if its run was started in the same way.

    Args:
        path: The name of the file.
        lines: The file.
        requests: The keys to generate.
        to: The recipient that they are sealed to, as a JWK.

    Returns:
        The time that relative times count from, in seconds since 1970.

    Raises:
        InvalidInputError: The file was started with other options, or has lines that no run
            writes. Code ``BadRequest``.
        OSError: The state is missing, or other users can change it.
    """
    recipient = None if to is None else hashlib.sha256(to.encode()).hexdigest()
    options = {**requests.options, "--seal-to": recipient}
    state = _state_of(path)
    if not os.path.lexists(state):
        if not lines.is_empty:  # then no run has written it, and it can be anything
            message = f"no such file, so {path} cannot be continued: choose another file"
            raise FileNotFoundError(errno.ENOENT, message, state)
        return _started(files.write_new, state, options)
    if lines.is_empty and not os.lstat(state).st_size:
        # Without hard links, a run that is killed can leave an empty one: it had not begun.
        return _started(files.replace, state, options)
    now, before = _read_state(state)
    if others := [name for name in _OPTIONS if before.get(name) != options.get(name)]:
        raise InvalidInputError(
            f"{path} was started with another {', '.join(others)}: repeat the options of that "
            "run, or choose another file"
        )
    with prefix_errors(path):
        _check_lines(lines, requests.at(now), sealed=to is not None)
    return now


def _started(write: Callable[[str, bytes], None], state: str, options: dict[str, Any]) -> int:
    now = now_or(None)
    write(state, json_bytes({"now": now, "options": options}))
    return now


def _state_of(path: str) -> str:
    return f"{path}.run"


def _read_state(state: str) -> tuple[int, dict[str, Any]]:
    text, mode = files.read(state, limit=MAX_JSON_BYTES)
    if mode & 0o022:
        raise PermissionError(errno.EACCES, "other users can change it: run chmod 600", state)
    run = parse_object(text, what=state)
    now, options = run.get("now"), run.get("options")
    if not isinstance(options, dict) or type(now) is not int or now < 0:
        raise InvalidInputError(f"{state} is damaged: choose another file for the keys")
    return now, options


def _check_lines(
    lines: Journal, wanted: Iterator[tuple[Id, GenerateKeyRequest]], *, sealed: bool
) -> None:
    """Check that each line holds the whole key of its request. Primes are not tested."""
    request: tuple[Id, GenerateKeyRequest] | None = None

    def check(line: bytes) -> None:
        nonlocal request
        # The run before can have made more keys than this one is to make.
        request = next(wanted, request)
        with prefix_errors(f"line {lines.count + 1}"):
            record = parse_object(line, what="the record", max_bytes=len(line))
            if request is None or not _is_of(record, *request, sealed=sealed):
                raise InvalidInputError(
                    "the record is not the key that this run writes there: choose another file"
                )

    lines.read(check)


def _is_of(record: dict[str, Any], name: Id, request: GenerateKeyRequest, *, sealed: bool) -> bool:
    """Whether a record is what a run writes for a request with this id."""
    if record.pop("id", None) != name:
        return False
    if sealed:
        kid, jwe = record.pop("kid", None), record.pop("jwe", None)
        are_texts = isinstance(kid, str) and isinstance(jwe, str)
        return bool(are_texts and not record and is_sealed(kid, jwe))
    try:
        key = TrustFrameworkKey(**read_jwk(record, prove=False))
    except InvalidInputError:
        return False
    return (
        key.has_private
        and sent_jwk(key) == record
        and key.kid == jwk_thumbprint(record)
        and (key.use, key.kty, key.nbf, key.exp, key.size)
        == (request.use, request.kty, request.nbf, request.exp, request.size)
    )
