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

from attrs import frozen

from trustkeys import files
from trustkeys.core.private import Private
from trustkeys.core.strict_json import MAX_SET_BYTES, parse_object
from trustkeys.errors import InvalidInputError, prefix_errors
from trustkeys.files import Path
from trustkeys.formats.jwe import MAX_TEXT, decrypt, encrypt
from trustkeys.keyset.keyset import TrustFrameworkKeySet, read_key_set
from trustkeys.testkeys.guard import refuse_test_keys
from trustkeys.wording import shape

__all__ = [
    "StoredFile",
    "change_password",
    "edit",
    "is_encrypted",
    "load",
    "read_document",
    "read_file",
    "save",
]

__tracebackhide__ = True

# Windows has rules of the directory in place of mode bits.
_HAS_MODES = hasattr(os, "geteuid")

_SHARED = "others can {} it: chmod 600 mends that"

# How many bytes tell a JWE from JSON.
_START = 64

_PRIVATE = ("k", "d", "p", "q", "dp", "dq", "qi")


def load(path: Path, *, password: str | None = None) -> TrustFrameworkKeySet:
    """Read a key set's file.

    The keys' form and the relations between their numbers are checked, and not once more
    whether the numbers are prime: that was done when they came in. So this is no way in for
    keys of others: that is `TrustFrameworkKeySet.from_jwks`.

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
    return read_file(path).key_set(password=password)


def read_document(path: Path, *, password: str | None = None) -> dict[str, Any]:
    """Read the JSON object in a file, encrypted or not, under the rules of `load`.

    It may be one that `trustkeys.check_key_set` finds errors in, or an answer of Graph.

    Raises:
        OSError: As `load`.
        InvalidInputError: As `load`.
    """
    return read_file(path).document(password=password)


@frozen(eq=False)
class StoredFile:
    """The content of a key set's file, read once with `read_file`.

    Attributes:
        path: The file's name.
        data: Its content, which holds the private keys unless it is encrypted.
        mode: Its mode bits.
    """

    path: str
    data: Private[bytes]
    mode: int

    @property
    def is_encrypted(self) -> bool:
        """Whether the file is encrypted, judged by its first characters."""
        return _is_jwe(self.data.reveal())

    def document(self, *, password: str | None = None) -> dict[str, Any]:
        """Return the JSON object in the file, decrypted if need be.

        Args:
            password: The passphrase of an encrypted file. A plain file is then refused.

        Raises:
            PermissionError: As `load`.
            InvalidInputError: As `load`.
        """
        with prefix_errors(self.path):
            document = _opened(self.data.reveal(), password)
        # The same rule as OpenSSH's for private keys.
        if self.mode & 0o077 and _HAS_MODES:
            message = _SHARED.format("read or change")
            if self.is_encrypted:
                warnings.warn(f"{self.path}: {message}", stacklevel=4)
            elif _has_secrets(document):
                message += ", but keys that others have read want replacing"
                raise PermissionError(errno.EACCES, message, self.path)
        return document

    def key_set(self, *, password: str | None = None) -> TrustFrameworkKeySet:
        """Return the key set in the file, under the rules of `load`."""
        return _key_set(self.path, self.document(password=password))


def read_file(path: Path) -> StoredFile:
    """Read a key set's file once, before its passphrase is known.

    Raises:
        OSError: As `load`.
    """
    data, mode = files.read(path, limit=MAX_TEXT)
    return StoredFile(os.fspath(path), Private(data), mode)


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
        InvalidInputError: Not exactly one of `password` and `plain`; a set that could not be
            read again: it is too large, or a key was put together by hand; a test key
            (`trustkeys.testing`).
    """
    data = _sealed(keyset, password, plain=plain)
    if not overwrite:
        files.write_new(path, data)
        return
    with files.locked(path, -1):
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
        OSError: As `load` and `save`; TimeoutError where others edit it for too long; where it
            is plain and others can change it, or something has changed it without the lock.
        InvalidInputError: As `load` and `save`.
        RuntimeError: The same thread edits it already.
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
    """Whether a key set's file is encrypted, judged by its first characters.

    Raises:
        OSError: As `load`.
    """
    data, _ = files.read(path, limit=_START)
    return _is_jwe(data)


@contextmanager
def _editing(
    path: Path, password: str | None, timeout: float, new_password: str | None, *, plain: bool
) -> Iterator[TrustFrameworkKeySet]:
    files.read(path, limit=0)  # before there is a lock beside a file that is none
    with files.locked(path, timeout):
        stored = read_file(path)
        if password is None and stored.mode & 0o022 and _HAS_MODES:
            raise PermissionError(errno.EACCES, _SHARED.format("change"), stored.path)
        keyset = _key_set(stored.path, stored.document(password=password))
        yield keyset
        changed = _sealed(keyset, new_password, plain=plain)
        if files.read(path, limit=MAX_TEXT) != (stored.data.reveal(), stored.mode):
            message = "something else changed it meanwhile, without its lock: nothing was written"
            raise OSError(errno.EBUSY, message, os.fspath(path))
        files.replace(path, changed)


def _key_set(path: str, document: Mapping[str, Any]) -> TrustFrameworkKeySet:
    with prefix_errors(path):
        return read_key_set(document, prove=False)


def _is_jwe(data: bytes) -> bool:
    # The base64url of {", with which the header starts.
    return data[:_START].lstrip().startswith(b"eyJ")


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
    refuse_test_keys(keyset)
    document = keyset.to_jwks(private=True)
    with prefix_errors(f"{keyset.id} could not be read again"):
        read_key_set(document, prove=False)
    data = json.dumps(document, indent=2).encode() + b"\n"
    if len(data) > MAX_SET_BYTES:
        raise InvalidInputError(
            f"{keyset.id} is too large: its JSON has {len(data)} bytes, and no more than "
            f"{MAX_SET_BYTES} could be read again"
        )
    if password is None:
        return data
    return encrypt(data, password, cty="jwk-set+json").encode() + b"\n"


def _has_secrets(document: Mapping[str, Any]) -> bool:
    # As in a key set, in answers of Graph, and in a single key.
    jwks: list[Any] = [document]
    for keys in (document.get("keys"), document.get("value")):
        jwks += keys if isinstance(keys, list) else []
    return any(
        isinstance(jwk, dict) and any(jwk.get(name) is not None for name in _PRIVATE)
        for jwk in jwks
    )
