"""Key-set files: complete, readable by their owner only, and never lost.

A file holds a JWK Set with the set's `id`, either plain or encrypted with a passphrase as a JWE
(`trustkeys.formats.jwe`). Changes are made under a lock, a second file with the suffix ``.lock``
that is not removed, except on Windows, where locks need the extra ``store``. Windows has no mode
bits: there, a file is made with access rules for its owner, SYSTEM and Administrators.
"""

from __future__ import annotations

import errno
import json
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

from attrs import frozen

from trustkeys import files, locks
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.private import Private
from trustkeys.core.registry import key_type_for
from trustkeys.core.strict_json import MAX_SET_BYTES
from trustkeys.errors import (
    InvalidInputError,
    MissingPassphraseError,
    NotEncryptedError,
    prefix_errors,
)
from trustkeys.files import Path
from trustkeys.formats.answers import parse_document
from trustkeys.formats.envelope import MAX_TEXT
from trustkeys.formats.jwe import decrypt, encrypt_unguarded, is_jwe_text
from trustkeys.keyset.keyset import TrustFrameworkKeySet
from trustkeys.keyset.stored import check_stored, read_key_set
from trustkeys.testkeys.guard import refuse_test_keys
from trustkeys.wording import shape

__all__ = [
    "StoredFile",
    "change_password",
    "edit",
    "is_encrypted",
    "load",
    "read_file",
    "save",
]

__tracebackhide__ = True

_SHARED = "others can {} it: run chmod 600"

# PowerShell begins names in upper case.
_LISTS = ("keys", "value", "Keys", "Value")

_PRIVATE = {name for kty in ("RSA", "oct") for name in key_type_for(kty).private}


def load(path: Path, *, password: str | None = None) -> TrustFrameworkKeySet:
    """Read a key set's file.

    The keys are checked, except that their primes are not tested again. To read a file that
    trustkeys did not write, use `TrustFrameworkKeySet.from_jwks`.

    Warns if others can read or change an encrypted file.

    Args:
        path: The file, not a symbolic link to it.
        password: The passphrase of an encrypted file. A plain file is then refused, since
            somebody may have put it in place of the encrypted one.

    Raises:
        OSError: As the system calls raise it; or the file is a symbolic link, a directory or a
            device, belongs to another user, or is plain, holds private keys and can be read or
            changed by others (run ``chmod 600``).
        PassphraseError: The passphrase is missing or wrong, or the file is plain. Code
            ``BadRequest``.
        InvalidInputError: It is not a key set, or is cut off or changed. Code ``AADB2C95026``
            if it is not JSON or has no list of keys; for the keys as
            `TrustFrameworkKeySet.from_jwks`. The message starts with the file's name.
    """
    return read_file(path).key_set(password=password)


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
        """Whether the file is a JWE."""
        return is_jwe_text(self.data.reveal())

    def document(self, *, password: str | None = None) -> Mapping[str, Any]:
        """Return the JSON object in the file, decrypted if need be.

        It can be any JSON object: an answer of Graph, or a key set with errors for
        `trustkeys.check_key_set` to find. A list becomes the `value` of an object.

        Args:
            password: The passphrase of an encrypted file. A plain file is then refused.

        Raises:
            PermissionError: As `load`.
            InvalidInputError: As `load`.
        """
        data = self.data.reveal()
        with prefix_errors(self.path):
            if self.is_encrypted:
                if password is None:
                    raise MissingPassphraseError("it is encrypted, and the passphrase is missing")
                data = decrypt(data, password=password)
            elif password is not None:
                raise NotEncryptedError(
                    "it is not encrypted, but a passphrase was given: check that it was not "
                    "replaced"
                )
            document = parse_document(data, what="the key set", code="AADB2C95026")
        # The same rule as OpenSSH's for private keys.
        if self.mode & 0o077:
            message = _SHARED.format("read or change")
            if self.is_encrypted:
                warnings.warn(f"{self.path}: {message}", stacklevel=4)
            elif _has_secrets(document):
                message += ", and replace the keys if others may have read them"
                raise PermissionError(errno.EACCES, message, self.path)
        return document

    def key_set(self, *, password: str | None = None) -> TrustFrameworkKeySet:
        """Return the key set in the file, under the rules of `load`."""
        document = self.document(password=password)
        with prefix_errors(self.path):
            return read_key_set(document)


def read_file(path: Path) -> StoredFile:
    """Read a key set's file once, before its passphrase is known.

    Raises:
        OSError: As `load`.
    """
    locks.give_way(path)
    return _read(path)


def _read(path: Path) -> StoredFile:
    data, mode = files.read(path, limit=MAX_TEXT)
    return StoredFile(os.fspath(path), Private(data), mode)


def save(
    keyset: TrustFrameworkKeySet,
    path: Path,
    *,
    password: str | None = None,
    plain: bool = False,
    overwrite: bool = False,
    timeout: float = -1,
) -> None:
    """Write a key set to a file of mode 0600. It is complete and on disk when this returns.

    On Windows, the file has access rules for its owner, SYSTEM and Administrators.

    Args:
        keyset: The set.
        path: The file.
        password: The passphrase to encrypt it with.
        plain: Write the private keys in plain text. Pass either this or `password`.
        overwrite: Replace an existing file, under its lock.
        timeout: With `overwrite`, the longest wait for other editors, in seconds; -1 waits without
            limit.

    Raises:
        OSError: As the system calls raise it; FileExistsError if the file exists. With
            `overwrite`, as `edit`. An existing file is then unchanged.
        InvalidInputError: Both or neither of `password` and `plain`; a set that could not be
            read again, since it is too large or a key was constructed by hand; a test key
            (`trustkeys.testing`). Code ``BadRequest``, or for the keys as
            `TrustFrameworkKeySet.from_jwks`.
    """
    data = _sealed(keyset, password, plain=plain)
    if not overwrite:
        files.write_new(path, data)
        return
    # Before the lock, so that no lock file is made for a link or the file of another user.
    with suppress(FileNotFoundError):
        files.check_replaceable(path)
    with locks.locked(path, timeout):
        files.replace(path, data)


def edit(
    path: Path, *, password: str | None = None, timeout: float = -1
) -> AbstractContextManager[TrustFrameworkKeySet]:
    """Change a key set's file: lock it, read it, run the block, and write it.

    The file stays encrypted with the same passphrase, or plain. If the block raises, nothing is
    written. The wait for the lock blocks the thread: in asyncio, call a function that edits with
    ``await asyncio.to_thread(function)``.

    Args:
        path: The file.
        password: As for `load`.
        timeout: The longest wait for other editors, in seconds; -1 waits without limit.

    Raises:
        OSError: As `load` and `save`; TimeoutError if others edit the file for too long;
            PermissionError if its ``.lock`` file belongs to another user or cannot be opened, or
            if the file is plain and others can change it; if it has another name (a hard link),
            which would keep the old keys; or if it was changed without the lock.
        InvalidInputError: As `load` and `save`.
        RuntimeError: The same thread is already editing it.
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
    """Encrypt a key set's file with another passphrase, or decrypt it.

    Args:
        path: The file.
        password: The current passphrase, if the file is encrypted.
        new_password: The new passphrase.
        plain: Write the private keys in plain text. Pass either this or `new_password`.
        timeout: As for `edit`.

    Raises:
        OSError: As `edit`.
        InvalidInputError: As `load` and `save`.
    """
    with _editing(path, password, timeout, new_password, plain=plain):
        pass


def is_encrypted(path: Path) -> bool:
    """Whether a key set's file is encrypted: a JWE, compact or JSON.

    Raises:
        OSError: As `load`.
    """
    return read_file(path).is_encrypted


@contextmanager
def _editing(
    path: Path, password: str | None, timeout: float, new_password: str | None, *, plain: bool
) -> Iterator[TrustFrameworkKeySet]:
    files.check_replaceable(path)  # make no lock for a link, a directory or a missing file
    with locks.locked(path, timeout):
        stored = _read(path)
        if password is None and stored.mode & 0o022:
            raise PermissionError(errno.EACCES, _SHARED.format("change"), stored.path)
        keyset = stored.key_set(password=password)
        read = [*keyset]
        yield keyset
        changed = _sealed(keyset, new_password, plain=plain, read=read)
        if files.read(path, limit=MAX_TEXT) != (stored.data.reveal(), stored.mode):
            message = "another program changed it without its lock: nothing was written, try again"
            raise OSError(errno.EBUSY, message, os.fspath(path))
        files.check_replaceable(path)  # again: the wait for the lock and the block can be long
        files.replace(path, changed)


def _sealed(
    keyset: TrustFrameworkKeySet,
    password: str | None,
    *,
    plain: bool,
    read: Sequence[TrustFrameworkKey] = (),
) -> bytes:
    """Return the content of a key set's file; `read` are the keys that were there before."""
    if not isinstance(keyset, TrustFrameworkKeySet):
        raise InvalidInputError(
            f"a key set must be a TrustFrameworkKeySet, not {shape(keyset)}", target="keyset"
        )
    if (password is None) != plain:
        raise InvalidInputError(
            "pass either a passphrase to encrypt the file with, or plain=True", target="password"
        )
    refuse_test_keys(keyset)
    document = keyset.to_jwks(private=True)
    with prefix_errors(f"{keyset.id} could not be read again"):
        check_stored(keyset, document["keys"], read)
    data = json.dumps(document, indent=2).encode() + b"\n"
    if len(data) > MAX_SET_BYTES:
        raise InvalidInputError(
            f"{keyset.id} is too large: its JSON has {len(data)} bytes, and the limit is "
            f"{MAX_SET_BYTES}; use another key set"
        )
    with prefix_errors(f"{keyset.id} could not be read again"):
        parse_document(data, what="the key set", code="AADB2C95026")
    if password is None:
        return data
    return encrypt_unguarded(data, cty="jwk-set+json", password=password).encode() + b"\n"


def _has_secrets(document: Mapping[str, Any]) -> bool:
    # A single key, a key set, or an answer of Graph with keys or with key sets.
    found: list[Any] = [document]
    for _ in range(2):
        inner = [each.get(name) for each in found if isinstance(each, dict) for name in _LISTS]
        found += [item for each in inner for item in (each if isinstance(each, list) else [each])]
    return any(
        value is not None and name.lower() in _PRIVATE
        for jwk in found
        if isinstance(jwk, dict)
        for name, value in jwk.items()
    )
