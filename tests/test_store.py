"""The keys of a sign-in must survive a crash, a crowd, a full disk, and who reads the disk."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import pickle
import random
import resource
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import jwcrypto.jwa
import jwcrypto.jwe
import pytest
from joserfc import jwe as joserfc_jwe
from joserfc.jwk import OctKey
from jwcrypto.jwk import JWK, JWKSet

from tests import support
from tests.support import with_header
from trustkeys import (
    InvalidInputError,
    TrustFrameworkKey,
    TrustFrameworkKeySet,
    files,
    store,
    testing,
)
from trustkeys.core.rsa import RSAStrategy
from trustkeys.formats import jwe
from trustkeys.formats.jwe import ROUNDS, encrypt

PASSWORD = "correct horse battery staple"
ALGORITHMS = ["PBES2-HS512+A256KW", "A256GCM"]


def key_set(*keys: TrustFrameworkKey) -> TrustFrameworkKeySet:
    return TrustFrameworkKeySet("test", keys or [support.oct_key(5, 9)])


@pytest.fixture(scope="module")
def encrypted() -> tuple[TrustFrameworkKeySet, bytes]:
    """A set, and the bytes of its encrypted file."""
    keyset = key_set(support.oct_key(5, 9, "disabled"), support.oct_key())
    text = json.dumps(keyset.to_jwks(private=True))
    return keyset, encrypt(text.encode(), PASSWORD, cty="jwk-set+json").encode()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "set.keys"


def put(path: Path, data: bytes, mode: int = 0o600) -> None:
    path.write_bytes(data)
    path.chmod(mode)


def refused(call: Any, path: Path, **kwargs: Any) -> InvalidInputError:
    """A call that is refused with an error that names the file, and leaves it as it was."""
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


# --- there and back


@pytest.mark.usefixtures("test_keys_allowed", "few_rounds")
@pytest.mark.parametrize("protection", [{"password": PASSWORD}, {"plain": True}])
def test_a_set_comes_back_as_it_was(
    path: Path, rsa_key: TrustFrameworkKey, protection: dict[str, Any]
) -> None:
    password = protection.get("password")
    for keyset in (
        key_set(),
        TrustFrameworkKeySet("empty"),
        key_set(rsa_key, testing.rsa_key(1, nbf=0)),
        key_set(rsa_key.public()),
    ):
        store.save(keyset, path, **protection)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert store.is_encrypted(path) is (password is not None)
        assert store.load(path, password=password) == keyset
        assert store.load(str(path), password=password) == keyset
        path.unlink()
    assert os.listdir(path.parent) == []


@pytest.mark.usefixtures("test_keys_allowed")
def test_what_is_encrypted_shows_nothing(path: Path, rsa_key: TrustFrameworkKey) -> None:
    store.save(key_set(rsa_key), path, password=PASSWORD)
    text = path.read_text()
    assert support.leaks(text, rsa_key.to_jwk(private=True)) == []
    assert rsa_key.kid not in text


def test_saving_asks_for_one_protection_and_has_no_default(path: Path) -> None:
    wrong: list[dict[str, Any]] = [{}, {"password": PASSWORD, "plain": True}]
    for protection in wrong:
        with pytest.raises(InvalidInputError, match="say one"):
            store.save(key_set(), path, **protection)
    with pytest.raises(InvalidInputError, match="passphrase must be text"):
        store.save(key_set(), path, password="")
    with pytest.raises(InvalidInputError, match="must be a TrustFrameworkKeySet"):
        store.save([support.oct_key()], path, plain=True)  # type: ignore[arg-type]
    assert os.listdir(path.parent) == []


def test_a_file_that_is_there_is_replaced_only_when_told(path: Path) -> None:
    first, second = key_set(), key_set()
    store.save(first, path, plain=True)
    with pytest.raises(FileExistsError) as caught:
        store.save(second, path, plain=True)
    assert caught.value.filename == str(path)
    assert store.load(path) == first
    store.save(second, path, password=PASSWORD, overwrite=True)
    assert store.load(path, password=PASSWORD) == second
    # Also where there is none yet.
    store.save(second, path.with_name("new"), plain=True, overwrite=True)
    assert store.load(path.with_name("new")) == second


def test_a_set_that_could_not_be_read_again_is_not_written(path: Path) -> None:
    store.save(key_set(), path, plain=True)
    before = path.read_bytes()

    def edit() -> None:
        with store.edit(path) as keyset:
            # The constructor checks nothing, and this is none that reading accepts.
            keyset.add(attrs.evolve(support.oct_key(), exp=-1))

    with pytest.raises(InvalidInputError, match="B2C_1A_test could not be read again: key 2: exp"):
        edit()
    assert path.read_bytes() == before


def test_a_set_too_large_to_be_read_again_is_not_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyset = key_set()
    size = len(json.dumps(keyset.to_jwks(private=True), indent=2)) + 1
    for module in ("trustkeys.store", "trustkeys.keyset.document"):
        monkeypatch.setattr(f"{module}.MAX_SET_BYTES", size)
    store.save(keyset, path, plain=True)
    assert store.load(path) == keyset
    with pytest.raises(InvalidInputError, match="B2C_1A_test is too large"):
        add_a_key(path)
    assert store.load(path) == keyset


# --- changing


@pytest.mark.parametrize("password", [None, PASSWORD])
def test_an_edit_is_written_and_keeps_the_protection(path: Path, password: str | None) -> None:
    keyset = key_set()
    store.save(keyset, path, password=password, plain=password is None)
    kid = add_a_key(path, password)
    assert store.is_encrypted(path) is (password is not None)
    assert [key.kid for key in store.load(path, password=password)] == [
        *(key.kid for key in keyset),
        kid,
    ]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(os.listdir(path.parent)) == ["set.keys", "set.keys.lock"]
    assert stat.S_IMODE((path.parent / "set.keys.lock").stat().st_mode) == 0o600


def test_an_edit_that_fails_writes_nothing(path: Path) -> None:
    store.save(key_set(), path, plain=True)
    before = path.read_bytes()

    def edit() -> None:
        with store.edit(path) as keyset:
            keyset.generate_key("sig", "oct")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        edit()
    assert path.read_bytes() == before
    # And the lock is free again.
    add_a_key(path)


@pytest.mark.usefixtures("few_rounds")
def test_a_password_changes_in_one_step(path: Path) -> None:
    keyset = key_set()
    store.save(keyset, path, plain=True)
    store.change_password(path, new_password="first")
    assert store.load(path, password="first") == keyset
    store.change_password(path, password="first", new_password="second")
    assert store.load(path, password="second") == keyset
    refused(store.change_password, path, password="first", new_password="third")
    before = path.read_bytes()
    for options in ({}, {"new_password": "third", "plain": True}, {"new_password": ""}):
        with pytest.raises(InvalidInputError):
            store.change_password(path, password="second", **options)
    assert path.read_bytes() == before
    store.change_password(path, password="second", plain=True)
    assert store.load(path) == keyset


# --- passphrases


def test_a_missing_a_wrong_and_a_needless_passphrase_are_told_apart(
    path: Path, encrypted: tuple[TrustFrameworkKeySet, bytes]
) -> None:
    put(path, encrypted[1])
    for call in (store.load, add_a_key, store.read_document):
        missing = refused(call, path)
        assert (missing.target, "is missing" in missing.message) == ("password", True)
        wrong = refused(call, path, password=PASSWORD + "x")
        assert "passphrase is wrong, or the text was changed" in wrong.message
        assert refused(call, path, password="").target == "password"
        assert PASSWORD not in support.all_text_of(wrong)
    # Somebody may have put a plain file in the place of the encrypted one.
    store.save(key_set(), path, plain=True, overwrite=True)
    for call in (store.load, add_a_key, store.read_document):
        assert "it is not encrypted" in refused(call, path, password=PASSWORD).message


def test_a_file_that_was_read_once_is_opened_without_reading_it_again(
    path: Path, encrypted: tuple[TrustFrameworkKeySet, bytes]
) -> None:
    put(path, encrypted[1])
    stored = store.read_file(path)
    path.unlink()
    assert stored.is_encrypted
    with pytest.raises(InvalidInputError, match="passphrase is missing"):
        stored.document()
    assert stored.document(password=PASSWORD) == encrypted[0].to_jwks(private=True)
    assert stored.key_set(password=PASSWORD) == encrypted[0]


def test_a_file_that_was_read_shows_no_secret(path: Path) -> None:
    keyset = key_set()
    store.save(keyset, path, plain=True)
    stored = store.read_file(path)
    assert not stored.is_encrypted
    secret = next(iter(keyset)).to_jwk(private=True)
    assert support.leaks(f"{stored!r} {attrs.asdict(stored)}", secret) == []
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(stored)


def test_an_edit_reads_the_file_once_and_once_more_before_it_replaces_it(
    path: Path,
    encrypted: tuple[TrustFrameworkKeySet, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put(path, encrypted[1])
    read, derive = files.read, jwe._derive
    whole: list[int] = []
    derived: list[bytes] = []

    def reading(path: Any, *, limit: int) -> tuple[bytes, int]:
        whole.extend([limit] if limit > len(encrypted[1]) else [])
        return read(path, limit=limit)

    def deriving(password: bytes, salt: bytes, rounds: int) -> bytes:
        derived.append(salt)
        return derive(password, salt, rounds)

    monkeypatch.setattr(files, "read", reading)
    monkeypatch.setattr(jwe, "_derive", deriving)
    assert store.is_encrypted(path)
    assert (len(whole), len(derived)) == (0, 0)
    assert store.load(path, password=PASSWORD) == encrypted[0]
    assert (len(whole), len(derived)) == (1, 1)
    add_a_key(path, PASSWORD)
    assert (len(whole), len(derived)) == (3, 3)


def test_a_passphrase_is_the_same_on_every_keyboard(path: Path) -> None:
    store.save(key_set(), path, password="caf\u00e9")
    assert len(store.load(path, password="cafe\u0301")) == 1


# --- files that are none


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "AADB2C95026"),
        (b"\0" * 99, "AADB2C95026"),
        (b"-----BEGIN PRIVATE KEY-----", "AADB2C95026"),
        (b"{}", "AADB2C95026"),
        (b"[]", "AADB2C95026"),
        (b'{"keys": []}', "BadRequest"),
        (b'{"id": "a b", "keys": []}', "BadRequest"),
        (b'{"id": "a", "keys": [{}]}', "AADB2C95037"),
        (b'{"id": "a", "keys": {"kty": "oct"}}', "AADB2C95026"),
        (b'{"id": "a", "id": "b", "keys": []}', "AADB2C95026"),
        (b'{"id": "a", "keys": ' + b"[" * 99_999, "AADB2C95026"),
        (b'{"kty": "oct", "k": "AAAA", "use": "sig"}', "AADB2C95026"),
        (b"\xff\xfe{\0}\0", "AADB2C95026"),
        (b"eyJ", "BadRequest"),
        (b"eyJ....", "BadRequest"),
    ],
    ids=lambda value: repr(value[:30]),
)
def test_anything_but_a_key_set_is_refused_with_its_code(
    path: Path, data: bytes, code: str
) -> None:
    put(path, data)
    password = PASSWORD if data.startswith(b"eyJ") else None
    for call in (store.load, add_a_key):
        assert refused(call, path, password=password).code == code


def test_every_truncation_of_a_plain_file_is_refused(path: Path) -> None:
    store.save(key_set(), path, plain=True)
    whole = path.read_bytes()
    for length in range(len(whole) - 1):  # all but its line end
        put(path, whole[:length])
        if whole[:length].strip() != whole.strip():
            refused(store.load, path)


def test_every_truncation_and_any_flipped_byte_of_an_encrypted_file_is_refused(
    path: Path, encrypted: tuple[TrustFrameworkKeySet, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    keyset, whole = encrypted
    # Real rounds for a few, and the rest without the wait: what they derive does not matter.
    for length in random.Random(0).sample(range(len(whole)), 5):
        put(path, whole[:length])
        refused(store.load, path, password=PASSWORD)
    monkeypatch.setattr("trustkeys.formats.jwe.ROUNDS", 1000)
    store.save(keyset, path, password=PASSWORD, overwrite=True)
    whole = path.read_bytes().strip()
    assert store.load(path, password=PASSWORD) == keyset
    for length in range(len(whole)):
        put(path, whole[:length])
        refused(store.load, path, password=PASSWORD)
    for position in range(0, len(whole), 3):
        changed = bytes([whole[position] ^ 1])
        put(path, whole[:position] + changed + whole[position + 1 :])
        refused(store.load, path, password=PASSWORD)


@pytest.mark.parametrize(
    "changes",
    [
        {"p2c": 2**31},
        {"p2c": 10**4000},
        {"p2c": True},
        {"p2c": 0},
        {"alg": "dir"},
        {"alg": "A256KW"},
        {"alg": "none"},
        {"enc": "A128CBC-HS256"},
        {"zip": "DEF"},
        {"crit": ["x"]},
    ],
    ids=lambda changes: str(changes)[:30],
)
def test_a_hostile_header_is_refused_before_any_work(
    path: Path,
    encrypted: tuple[TrustFrameworkKeySet, bytes],
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
) -> None:
    monkeypatch.setattr("trustkeys.formats.jwe._derive", None)
    put(path, with_header(encrypted[1].decode(), **changes).encode())
    refused(store.load, path, password=PASSWORD)


def test_a_passphrase_of_32_bytes_is_no_key(path: Path) -> None:
    """A set that is encrypted directly with a key is not opened by that key as a passphrase."""
    secret = b"0123456789abcdef0123456789abcdef"
    token = jwcrypto.jwe.JWE(
        json.dumps(key_set().to_jwks(private=True)), json.dumps({"alg": "dir", "enc": "A256GCM"})
    )
    token.add_recipient(JWK(kty="oct", k=support.b64(secret)))
    put(path, token.serialize(compact=True).encode())
    refused(store.load, path, password=secret.decode())


# --- who can read it


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o601, 0o666])
def test_a_plain_file_that_others_can_read_is_refused_as_ssh_does(path: Path, mode: int) -> None:
    store.save(key_set(), path, plain=True)
    path.chmod(mode)
    for call in (store.load, add_a_key, store.read_document):
        with pytest.raises(PermissionError, match="chmod 600") as caught:
            call(path)
        assert caught.value.filename == str(path)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    path.chmod(0o600)
    store.load(path)


def test_an_encrypted_file_that_others_can_read_is_warned_about(
    path: Path, encrypted: tuple[TrustFrameworkKeySet, bytes]
) -> None:
    put(path, encrypted[1], 0o644)
    with pytest.warns(UserWarning, match="chmod 600") as caught:
        assert store.load(path, password=PASSWORD) == encrypted[0]
    assert str(path) in str(caught[0].message)
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match="chmod 600"):
        add_a_key(path, PASSWORD)
    # What is written is for its owner alone again.
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_public_keys_are_for_everybody(path: Path, rsa_key: TrustFrameworkKey) -> None:
    put(path, json.dumps(key_set(rsa_key).to_jwks()).encode(), 0o644)
    assert not next(iter(store.load(path))).has_private


def test_secrets_are_found_wherever_keys_are(path: Path) -> None:
    jwks = key_set().to_jwks(private=True)
    for document in ({"id": "a", "value": jwks["keys"]}, jwks["keys"][0]):
        put(path, json.dumps(document).encode(), 0o644)
        with pytest.raises(PermissionError):
            store.load(path)


@pytest.mark.usefixtures("test_keys_allowed")
def test_a_file_is_read_without_testing_its_primes_again(
    path: Path, rsa_key: TrustFrameworkKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A set of a thousand keys is there in the time that one wants to wait."""
    monkeypatch.setattr(RSAStrategy, "prove", None)
    store.save(key_set(rsa_key), path, plain=True)
    assert store.load(path) == key_set(rsa_key)


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_no_key_is_added_to_a_plain_file_that_others_can_change(path: Path, mode: int) -> None:
    # Somebody may have put it there, to have the next key lie in the open.
    put(path, b'{"id": "a", "keys": []}', mode)
    assert len(store.load(path)) == 0
    with pytest.raises(PermissionError, match="chmod 600"):
        add_a_key(path)
    assert path.read_bytes() == b'{"id": "a", "keys": []}'


def test_where_there_are_no_owners_and_modes_there_is_nothing_to_check(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(key_set(), path, plain=True)
    path.chmod(0o666)
    monkeypatch.delattr(os, "geteuid")  # as on Windows
    monkeypatch.setattr(store, "_HAS_MODES", False)
    assert len(store.load(path)) == 1
    add_a_key(path)


def test_a_file_of_another_user_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.save(key_set(), path, plain=True)
    own = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: own + 1)
    for call in (store.load, add_a_key, store.is_encrypted):
        with pytest.raises(PermissionError, match="belongs to another user") as caught:
            call(path)
        assert caught.value.filename == str(path)


def link(path: Path) -> None:
    store.save(key_set(), path.with_name("real"), plain=True)
    path.symlink_to("real")


def dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


def directory(path: Path) -> None:
    path.mkdir()


def pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (link, errno.ELOOP),
        (dangling_link, errno.ELOOP),
        (directory, errno.EISDIR),
        (pipe, errno.EINVAL),
        (lambda _: None, errno.ENOENT),
    ],
)
def test_what_is_no_file_is_refused_and_left_alone(
    path: Path, make: Callable[[Path], None], code: int
) -> None:
    make(path)
    before = sorted(os.listdir(path.parent))
    for call in (store.load, add_a_key, store.is_encrypted, store.read_file):
        with pytest.raises(OSError, match=r".") as caught:
            call(path)
        assert (caught.value.errno, caught.value.filename) == (code, str(path))
    assert sorted(os.listdir(path.parent)) == before
    if code != errno.ENOENT:
        with pytest.raises(OSError, match=r"."):
            store.save(key_set(), path, plain=True, overwrite=True)
        assert (path.is_symlink(), path.is_dir(), path.is_fifo()) == (
            code == errno.ELOOP,
            code == errno.EISDIR,
            code == errno.EINVAL,
        )


# --- disks and directories that fail


def as_nobody(work: Callable[[], object]) -> int:
    """Do something in a process of a user who has no rights here; give its exit code."""
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


@pytest.fixture
def in_the_open(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory that another user can get at, and the path of a file in it."""
    folder = tmp_path_factory.mktemp("open")
    parents = [folder, *folder.parents]
    before = {parent: parent.stat().st_mode for parent in parents}
    for parent in parents:
        if parent.stat().st_uid == os.getuid():
            parent.chmod(before[parent] | 0o111)
    if os.getuid() == 0:
        os.chown(folder, 65534, 65534)
    yield folder / "set.keys"
    for parent in parents:
        if parent.stat().st_uid == os.getuid():
            parent.chmod(before[parent])


def test_without_permission_the_old_file_stays_and_the_error_names_it(in_the_open: Path) -> None:
    path = in_the_open
    assert as_nobody(lambda: store.save(key_set(), path, plain=True)) == 0
    before = path.read_bytes()

    def edit() -> None:
        try:
            add_a_key(path)
        except OSError as error:
            assert error.filename == str(path)
            raise

    path.parent.chmod(0o500)
    assert as_nobody(edit) == errno.EACCES
    path.parent.chmod(0o700)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["set.keys"]
    # With a lock file from before, it is the writing that fails.
    assert as_nobody(edit) == 0
    before = path.read_bytes()
    path.parent.chmod(0o500)
    assert as_nobody(edit) == errno.EACCES
    path.parent.chmod(0o700)
    assert path.read_bytes() == before
    assert sorted(os.listdir(path.parent)) == ["set.keys", "set.keys.lock"]
    path.chmod(0o000)
    assert as_nobody(lambda: add_a_key(path)) == errno.EACCES


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_fails_leaves_the_old_file_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    store.save(key_set(), path, plain=True)
    before = path.read_bytes()

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match=os.strerror(code)) as caught:
        add_a_key(path)
    assert (caught.value.errno, caught.value.filename) == (code, str(path))
    assert path.read_bytes() == before
    assert sorted(os.listdir(path.parent)) == ["set.keys", "set.keys.lock"]


def test_a_full_disk_leaves_the_old_file_as_it_was(path: Path) -> None:
    store.save(key_set(), path, plain=True)
    before = path.read_bytes()

    def edit() -> None:
        limit = len(before)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            add_a_key(path)
        except OSError as error:
            assert error.filename == str(path)
            raise

    child = os.fork()
    if child == 0:
        code = 99
        try:
            edit()
        except OSError as error:
            code = error.errno or 98
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == errno.EFBIG
    assert path.read_bytes() == before
    assert sorted(os.listdir(path.parent)) == ["set.keys", "set.keys.lock"]


def test_no_directory_is_made_for_a_lock(path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        store.save(key_set(), path / "none" / "x", plain=True, overwrite=True)
    assert caught.value.filename == str(path / "none" / "x")
    assert os.listdir(path.parent) == []


# --- others that change it too


def test_what_changed_without_the_lock_is_not_written_over(path: Path) -> None:
    store.save(key_set(), path, plain=True)
    other = key_set()

    def edit() -> None:
        with store.edit(path):
            path.unlink()
            store.save(other, path, plain=True)

    with pytest.raises(OSError, match="changed it meanwhile") as caught:
        edit()
    assert caught.value.filename == str(path)
    assert store.load(path) == other


def lock_with_content(lock: Path) -> None:
    store.save(key_set(), lock, plain=True)


@pytest.mark.parametrize("make", [lock_with_content, directory, pipe, dangling_link])
def test_what_is_no_lock_is_not_taken_for_one(path: Path, make: Callable[[Path], None]) -> None:
    store.save(key_set(), path, plain=True)
    lock = path.with_name("set.keys.lock")
    make(lock)
    before = lock.read_bytes() if lock.is_file() else b""
    for call in (add_a_key, lambda path: store.save(key_set(), path, plain=True, overwrite=True)):
        with pytest.raises(OSError, match=r"set\.keys\.lock is in the way") as caught:
            call(path)
        assert caught.value.filename == str(path)
    assert (lock.read_bytes() if lock.is_file() else b"") == before


def test_a_file_system_without_locks_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.save(key_set(), path, plain=True)

    def acquire(*_: Any, **__: Any) -> None:
        raise NotImplementedError

    monkeypatch.setattr("filelock.FileLock.acquire", acquire)
    with pytest.raises(OSError, match="its file system has no locks") as caught:
        add_a_key(path)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOLCK, str(path))


def test_an_edit_within_an_edit_does_not_wait_for_itself(path: Path) -> None:
    store.save(key_set(), path, plain=True)
    with store.edit(path), pytest.raises(RuntimeError):
        add_a_key(path)


def test_who_waits_too_long_is_told(path: Path) -> None:
    store.save(key_set(), path, plain=True)
    problems: list[OSError] = []

    def other() -> None:
        try:
            with store.edit(path, timeout=0.1):
                pass
        except TimeoutError as error:
            problems.append(error)

    with store.edit(path):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert str(path) in str(problems[0])
    assert "for 0.1 seconds" in str(problems[0])


def test_without_filelock_one_line_says_how_to_get_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(key_set(), path, plain=True)
    monkeypatch.setitem(sys.modules, "filelock", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'trustkeys\[store\]'"):
        add_a_key(path)


def add_many(path: Path, count: int) -> None:
    for _ in range(count):
        add_a_key(path)


def test_a_crowd_loses_no_key(path: Path) -> None:
    store.save(TrustFrameworkKeySet("crowd"), path, plain=True)
    context = multiprocessing.get_context("spawn")
    crowd = [context.Process(target=add_many, args=(path, 25)) for _ in range(8)]
    for process in crowd:
        process.start()
    for process in crowd:
        process.join()
    assert [process.exitcode for process in crowd] == [0] * 8
    assert len({key.kid for key in store.load(path)}) == 200
    assert sorted(os.listdir(path.parent)) == ["set.keys", "set.keys.lock"]


def add_for_ever(path: Path, password: str | None, report: int) -> None:
    while True:
        os.write(report, f"{add_a_key(path, password)}\n".encode())


@pytest.mark.parametrize(("password", "rounds"), [(None, 180), (PASSWORD, 20)])
def test_a_kill_at_any_moment_loses_no_key_that_was_reported(
    path: Path, password: str | None, rounds: int
) -> None:
    draw = random.Random(rounds)
    reported: set[str] = set()
    store.save(TrustFrameworkKeySet("crash"), path, password=password, plain=password is None)
    for _ in range(rounds):
        wanted = draw.randrange(3)
        read_end, write_end = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read_end)
            add_for_ever(path, password, write_end)
        os.close(write_end)
        with open(read_end) as pipe_end:
            lines = [pipe_end.readline() for _ in range(wanted)]
            # Early and late: while it reads, while it writes, and in between.
            time.sleep(draw.uniform(0, 0.03 if password is None else 0.5))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            # The last line may be cut off: then nobody was told.
            reported |= {line[:-1] for line in (*lines, *pipe_end) if line.endswith("\n")}
        there = {key.kid for key in store.load(path, password=password)}
        assert reported <= there
    assert len(reported) > rounds / 2
    left = {name.split("-")[0] for name in os.listdir(path.parent)}
    assert left <= {"set.keys", "set.keys.lock", ".trustkeys"}


# --- what others make of it


@pytest.mark.usefixtures("test_keys_allowed")
def test_joserfc_opens_the_file_as_it_is(path: Path, rsa_key: TrustFrameworkKey) -> None:
    store.save(key_set(rsa_key), path, password=PASSWORD)
    opened = joserfc_jwe.decrypt_compact(
        path.read_bytes().strip(), OctKey.import_key(PASSWORD), algorithms=ALGORITHMS
    )
    assert opened.headers()["cty"] == "jwk-set+json"
    assert opened.plaintext is not None
    assert json.loads(opened.plaintext) == key_set(rsa_key).to_jwks(private=True)


@pytest.mark.usefixtures("test_keys_allowed")
def test_jwcrypto_opens_it_with_its_limit_raised_and_reads_the_keys(
    path: Path, rsa_key: TrustFrameworkKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(key_set(rsa_key), path, password=PASSWORD)
    monkeypatch.setattr(jwcrypto.jwa, "default_max_pbkdf2_iterations", ROUNDS)
    token = jwcrypto.jwe.JWE(algs=ALGORITHMS)
    token.deserialize(path.read_text().strip(), JWK.from_password(PASSWORD))
    theirs = JWKSet.from_json(token.payload.decode()).get_key(rsa_key.kid)
    assert theirs is not None
    assert theirs.has_private


def test_a_file_that_others_encrypted_is_opened(path: Path, rsa_key: TrustFrameworkKey) -> None:
    text = json.dumps(key_set(rsa_key).to_jwks(private=True)).encode()
    header = {"alg": ALGORITHMS[0], "enc": ALGORITHMS[1], "p2c": 300_000}
    token = joserfc_jwe.encrypt_compact(
        header, text, OctKey.import_key(PASSWORD), algorithms=ALGORITHMS
    )
    put(path, token.encode())
    assert store.load(path, password=PASSWORD) == key_set(rsa_key)


def test_files_are_read_no_further_than_they_may_be_long(path: Path) -> None:
    put(path, b"x" * 100)
    assert files.read(path, limit=10) == (b"x" * 11, 0o600)
