"""Files of key sets: whole, for their owner alone, and never lost.

The content is a JWK Set with the set's `id`: as it is (plain), or encrypted to a passphrase as a
JWE (`trustkeys.formats.jwe`). Changes are made under a lock, a file named as the key set's with
``.lock`` after it, which stays there; that needs the extra ``store``. On Windows, which has no
such mode bits and owners, the access rules of the directory decide who can read a file.
"""

from __future__ import annotations

import errno
import json
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

from trustkeys import files
from trustkeys.encoding import MAX_SET_BYTES, parse_object
from trustkeys.errors import InvalidInputError, about, shape
from trustkeys.files import Path
from trustkeys.formats.jwe import MAX_TEXT, decrypt, encrypt
from trustkeys.keyset.keyset import TrustFrameworkKeySet, read_key_set

__all__ = [
    "change_password",
    "edit",
    "is_encrypted",
    "load",
    "read_document",
    "save",
]

# pytest shows the arguments of the frame that raised, and here they can be secrets.
__tracebackhide__ = True

_PRIVATE = ("k", "d", "p", "q", "dp", "dq", "qi")


def load(path: Path, *, password: str | None = None) -> TrustFrameworkKeySet:
    """Read a key set's file.

    The keys' form and the relations between their numbers are checked, and not once more
    whether the numbers are prime: that was done when they came in.

    Args:
        path: The file: not a link to it.
        password: The passphrase of an encrypted file. A plain file is refused then, since
            somebody may have put it in the place of the encrypted one.

    Raises:
        OSError: As the system calls raise it; and where the file is a symbolic link, a
            directory or a device, belongs to another user, or is plain, holds private parts and
            can be read or changed by others (``chmod 600`` mends that; of an encrypted one it
            is a warning).
        InvalidInputError: It is no key set, or was cut off or changed; the passphrase is
            missing or wrong, or the file is plain. The message starts with the file's name.
    """
    document = read_document(path, password=password)
    problem = None
    try:
        return read_key_set(document, prove=False)
    except InvalidInputError as error:
        problem = about(error, os.fspath(path))
    raise problem


def read_document(path: Path, *, password: str | None = None) -> dict[str, Any]:
    """Read the JSON object in a file, encrypted or not, under the rules of `load`.

    It may be one that `trustkeys.check_key_set` finds errors in, or an answer of Graph.

    Raises:
        OSError: As `load`.
        InvalidInputError: As `load`.
    """
    data, mode = files.read(path, limit=MAX_TEXT)
    problem = None
    try:
        document = _opened(data, password)
    except InvalidInputError as error:
        problem = about(error, os.fspath(path))
    if problem is not None:
        raise problem
    # As ssh does for its keys.
    if mode & 0o077 and hasattr(os, "geteuid"):
        _tell_of_mode(os.fspath(path), encrypted=_is_jwe(data), secret=_has_secrets(document))
    return document


def save(
    keyset: TrustFrameworkKeySet,
    path: Path,
    *,
    password: str | None = None,
    plain: bool = False,
    overwrite: bool = False,
) -> None:
    """Write a key set to a file of mode 0600, whole and on disk when this returns.

    Args:
        keyset: The set.
        path: The file.
        password: The passphrase to encrypt it to.
        plain: Say that the private keys shall lie in the open. Exactly one of the two.
        overwrite: Whether a file that is there may be replaced; else it is an error.

    Raises:
        OSError: As the system calls raise it; FileExistsError where something of that name is
            there. Then what was there is as it was.
        InvalidInputError: Not exactly one of `password` and `plain`, or a set larger than what
            can be read again. Code ``BadRequest``.
    """
    data = _sealed(keyset, password, plain=plain)
    if not overwrite:
        files.write_new(path, data)
        return
    with _locked(path, -1):
        with suppress(FileNotFoundError):
            files.read(path, limit=0)  # a link or another's file is not written over
        files.replace(path, data)


def edit(
    path: Path, *, password: str | None = None, timeout: float = -1
) -> AbstractContextManager[TrustFrameworkKeySet]:
    """Change a key set's file: lock, read, hand out, and write when the block ends well.

    The file stays as protected as it was: encrypted to the same passphrase, or plain. When the
    block raises, nothing is written.

    Args:
        path: The file.
        password: As `load`.
        timeout: How long to wait for others that edit it, in seconds; -1: for ever.

    Raises:
        OSError: As `load` and `save`; TimeoutError where others edit it for too long.
        InvalidInputError: As `load` and `save`.
    """
    return _editing(path, password, timeout, password, plain=password is None)


def change_password(
    path: Path,
    *,
    password: str | None = None,
    new_password: str | None = None,
    plain: bool = False,
    timeout: float = -1,
) -> None:
    """Encrypt a key set's file to another passphrase, or lay it open.

    Args:
        path: The file.
        password: Its passphrase up to now, if it is encrypted.
        new_password: Its passphrase from now on.
        plain: Say that the private keys shall lie in the open. Exactly one of the two.
        timeout: As `edit`.

    Raises:
        OSError: As `edit`.
        InvalidInputError: As `load` and `save`.
    """
    with _editing(path, password, timeout, new_password, plain=plain):
        pass


def is_encrypted(path: Path) -> bool:
    """Whether the file of a key set is encrypted, going by how it begins.

    Raises:
        OSError: As `load`.
    """
    data, _ = files.read(path, limit=64)
    return _is_jwe(data)


@contextmanager
def _editing(
    path: Path, password: str | None, timeout: float, new_password: str | None, *, plain: bool
) -> Iterator[TrustFrameworkKeySet]:
    files.read(path, limit=0)  # before there is a lock beside a file that is none
    with _locked(path, timeout):
        keyset = load(path, password=password)
        yield keyset
        files.replace(path, _sealed(keyset, new_password, plain=plain))


@contextmanager
def _locked(path: Path, timeout: float) -> Iterator[None]:
    """Keep other processes and threads from changing a file."""
    try:
        from filelock import FileLock, Timeout
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "changing a file needs filelock: pip install 'trustkeys[store]'", name="filelock"
        ) from error
    path = os.fspath(path)
    lock = FileLock(f"{path}.lock", mode=0o600)
    is_late = False
    with files.named(path):
        os.stat(os.path.dirname(path) or ".")  # a directory that is missing filelock would make
        try:
            lock.acquire(timeout=timeout)
        except Timeout:
            is_late = True
    if is_late:
        message = f"another process has been changing it for {timeout:g} seconds"
        raise TimeoutError(errno.ETIMEDOUT, message, path)
    try:
        yield
    finally:
        lock.release()


def _is_jwe(data: bytes) -> bool:
    # Its header is JSON, and so begins with {".
    return data.lstrip().startswith(b"eyJ")


def _opened(data: bytes, password: str | None) -> dict[str, Any]:
    if _is_jwe(data):
        if password is None:
            raise InvalidInputError(
                "it is encrypted, and the passphrase is missing", target="password"
            )
        data = decrypt(data, password)
    elif password is not None:
        raise InvalidInputError(
            "it is not encrypted, though a passphrase was given: did somebody put it in the "
            "place of one that was?",
            target="password",
        )
    return parse_object(data, what="the key set", code="AADB2C95026", max_bytes=MAX_SET_BYTES)


def _sealed(keyset: TrustFrameworkKeySet, password: str | None, *, plain: bool) -> bytes:
    if not isinstance(keyset, TrustFrameworkKeySet):
        raise InvalidInputError(
            f"a key set must be a TrustFrameworkKeySet, not {shape(keyset)}", target="keyset"
        )
    if (password is None) != plain:
        raise InvalidInputError(
            "say one: a passphrase to encrypt the file to, or plain=True", target="password"
        )
    data = json.dumps(keyset.to_jwks(private=True), indent=2).encode() + b"\n"
    if len(data) > MAX_SET_BYTES:
        raise InvalidInputError(
            f"{keyset.id} is too large: its JSON has {len(data)} bytes, and no more than "
            f"{MAX_SET_BYTES} could be read again"
        )
    if password is None:
        return data
    return encrypt(data, password, cty="jwk-set+json").encode() + b"\n"


def _has_secrets(document: Mapping[str, Any]) -> bool:
    keys = document.get("keys")
    return isinstance(keys, list) and any(
        isinstance(jwk, dict) and any(jwk.get(name) is not None for name in _PRIVATE)
        for jwk in keys
    )


def _tell_of_mode(path: str, *, encrypted: bool, secret: bool) -> None:
    if encrypted:
        warnings.warn(f"{path}: others can read or change it; chmod 600 mends that", stacklevel=4)
    elif secret:
        raise PermissionError(
            errno.EACCES,
            "others can read or change it, and its private keys lie in the open: chmod 600 "
            "mends that, but keys that others have read want replacing",
            path,
        )
