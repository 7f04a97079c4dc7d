"""Key-set files to test with."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import support
from trustkeys import InvalidInputError, TrustFrameworkKey, TrustFrameworkKeySet, store
from trustkeys.formats.jwe import encrypt

PASSWORD = "correct horse battery staple"


def failing(code: int) -> Callable[..., None]:
    """Return a function that fails as a system call with two names does."""

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(code, os.strerror(code), "somewhere else", None, "and there")

    return fail


def key_set(*keys: TrustFrameworkKey) -> TrustFrameworkKeySet:
    return TrustFrameworkKeySet("test", keys or [support.oct_key(5, 9)])


def encrypted_file() -> tuple[TrustFrameworkKeySet, bytes]:
    """Return a set, and the content of its encrypted file."""
    keyset = key_set(support.oct_key(5, 9, "disabled"), support.oct_key())
    text = json.dumps(keyset.to_jwks(private=True))
    return keyset, encrypt(text.encode(), password=PASSWORD, cty="jwk-set+json").encode()


def put(path: Path, data: bytes, mode: int = 0o600) -> None:
    path.write_bytes(data)
    path.chmod(mode)


def refused(call: Any, path: Path, **kwargs: Any) -> InvalidInputError:
    """Return the error of a call. It names the file, and the file is unchanged."""
    before = path.read_bytes()
    with pytest.raises(InvalidInputError) as caught:
        call(path, **kwargs)
    assert caught.value.message.startswith(f"{path}: ")
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert path.read_bytes() == before
    return caught.value


def add_a_key(path: Path, password: str | None = None) -> str:
    with store.edit(path, password=password) as keyset:
        return keyset.generate_key("sig", "oct").kid


def link(path: Path) -> None:
    store.save(key_set(), path.with_name("real"), plain=True)
    path.symlink_to("real")


def dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


def directory(path: Path) -> None:
    path.mkdir()


def pipe(path: Path) -> None:
    os.mkfifo(path)


def as_nobody(work: Callable[[], object]) -> int:
    """Run a function as a user without rights, and return the exit code."""
    child = os.fork()
    if child == 0:
        code = 99
        try:
            if os.getuid() == 0:
                os.setuid(65534)
            work()
            code = 0
        except OSError as error:
            code = error.errno or 98
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
