"""A key set must stay private, and survive a file system that fails."""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests import support
from tests.store_files import (
    PASSWORD,
    add_a_key,
    as_nobody,
    dangling_link,
    directory,
    encrypted_file,
    key_set,
    link,
    pipe,
    put,
)
from trustkeys import (
    TrustFrameworkKey,
    TrustFrameworkKeySet,
    store,
)


@pytest.fixture(scope="module")
def encrypted() -> tuple[TrustFrameworkKeySet, bytes]:
    return encrypted_file()


def overwrite(path: Path) -> None:
    store.save(key_set(), path, plain=True, overwrite=True)


def decrypt(path: Path) -> None:
    store.change_password(path, plain=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "set.keys"


# --- owners and modes


@support.needs_modes
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o601, 0o666])
def test_a_plain_file_that_others_can_read_is_refused_as_ssh_does(path: Path, mode: int) -> None:
    store.save(key_set(), path, plain=True)
    path.chmod(mode)
    for call in (store.load, add_a_key):
        with pytest.raises(PermissionError, match="chmod 600") as caught:
            call(path)
        assert caught.value.filename == str(path)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    path.chmod(0o600)
    store.load(path)


@support.needs_modes
def test_names_in_the_case_of_powershell_hide_no_private_key(path: Path) -> None:
    (jwk,) = key_set().to_jwks(private=True)["keys"][:1]
    spelled = {name.capitalize(): value for name, value in jwk.items()}
    put(path, json.dumps({"Id": "B2C_1A_Set", "Keys": [spelled]}).encode(), 0o644)
    with pytest.raises(PermissionError, match="chmod 600"):
        store.load(path)


@support.needs_modes
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
    # The new file is readable by its owner only.
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_others_can_read_a_file_of_public_keys(path: Path, rsa_key: TrustFrameworkKey) -> None:
    put(path, json.dumps(key_set(rsa_key).to_jwks()).encode(), 0o644)
    assert not next(iter(store.load(path))).has_private


@support.needs_modes
def test_a_shared_file_with_secrets_of_any_kind_is_refused(
    path: Path, rsa_jwk: dict[str, Any]
) -> None:
    jwks = key_set().to_jwks(private=True)
    bare = {name: rsa_jwk[name] for name in ("kty", "n", "e")}
    for document in (
        {"id": "a", "value": jwks["keys"]},
        {"value": [{"id": "a", "keys": []}, jwks]},
        jwks["keys"][0],
        rsa_jwk,
        {"id": "a", "keys": [bare, {**bare, "p": rsa_jwk["p"]}]},
    ):
        put(path, json.dumps(document).encode(), 0o644)
        with pytest.raises(PermissionError):
            store.load(path)


@support.needs_modes
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_no_key_is_added_to_a_plain_file_that_others_can_change(path: Path, mode: int) -> None:
    # Somebody may have put it there to read the next key.
    put(path, b'{"id": "a", "keys": []}', mode)
    assert len(store.load(path)) == 0
    with pytest.raises(PermissionError, match="chmod 600"):
        add_a_key(path)
    assert path.read_bytes() == b'{"id": "a", "keys": []}'


@support.needs_modes
def test_a_file_of_another_user_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.save(key_set(), path, plain=True)
    own = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: own + 1)
    for call in (store.load, add_a_key, store.is_encrypted):
        with pytest.raises(PermissionError, match="belongs to another user") as caught:
            call(path)
        assert caught.value.filename == str(path)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        pytest.param(link, errno.ELOOP, marks=support.needs_links),
        pytest.param(dangling_link, errno.ELOOP, marks=support.needs_links),
        (directory, errno.EISDIR),
        pytest.param(pipe, errno.EINVAL, marks=support.needs_named_pipes),
        (lambda _: None, errno.ENOENT),
    ],
)
def test_anything_but_a_file_is_refused_and_unchanged(
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


# --- failing disks and directories


@pytest.fixture
def in_the_open(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The path of a file in a directory that another user can reach."""
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


@support.needs_fork
@pytest.mark.deep
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
    # With an existing lock file, writing fails instead.
    assert as_nobody(edit) == 0
    before = path.read_bytes()
    path.parent.chmod(0o500)
    assert as_nobody(edit) == errno.EACCES
    path.parent.chmod(0o700)
    assert path.read_bytes() == before
    assert sorted(os.listdir(path.parent)) == ["set.keys", "set.keys.lock"]
    path.chmod(0o000)
    assert as_nobody(lambda: add_a_key(path)) == errno.EACCES


@support.needs_fork
@pytest.mark.deep
@pytest.mark.parametrize("lock_mode", [0o600, 0o666])
def test_a_lock_that_another_user_made_is_an_error_and_no_wait(
    in_the_open: Path, lock_mode: int
) -> None:
    fcntl = pytest.importorskip("fcntl")
    if os.getuid() != 0:
        pytest.skip("only root can act for two users")
    path, lock = in_the_open, in_the_open.with_name("set.keys.lock")
    assert as_nobody(lambda: store.save(key_set(), path, plain=True)) == 0
    before = path.read_bytes()
    put(lock, b"", lock_mode)

    def change(call: Callable[[Path], object]) -> None:
        signal.alarm(30)  # in a process of its own
        try:
            call(path)
        except OSError as error:
            assert error.filename == str(path)
            assert error.strerror == (
                f"{lock} belongs to another user: delete it if nobody is changing {path}"
            )
            raise

    # Held for ever, as far as the user can tell, who gives no timeout.
    descriptor = os.open(lock, os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    calls: tuple[Callable[[Path], object], ...] = (add_a_key, overwrite, decrypt)
    for call in calls:
        assert as_nobody(partial(change, call)) == errno.EPERM
    os.close(descriptor)
    assert path.read_bytes() == before
    lock.unlink()
    assert as_nobody(lambda: add_a_key(path)) == 0


@support.needs_fork
@pytest.mark.deep
def test_a_lock_that_cannot_be_opened_or_made_says_what_to_do(in_the_open: Path) -> None:
    path, lock = in_the_open, in_the_open.with_name("set.keys.lock")
    assert as_nobody(lambda: store.save(key_set(), path, plain=True)) == 0

    def change(message: str) -> None:
        for call in (add_a_key, overwrite):
            with pytest.raises(PermissionError) as caught:
                call(path)
            assert (caught.value.filename, caught.value.strerror) == (str(path), message)

    path.parent.chmod(0o500)
    cannot = f"its lock file {lock} cannot be"
    message = f"{cannot} made (Permission denied): make the directory writable"
    assert as_nobody(lambda: change(message)) == 0
    path.parent.chmod(0o700)
    put(lock, b"", 0o400)
    os.chown(lock, path.stat().st_uid, -1)
    message = f"{cannot} opened (Permission denied): run chmod 600 on it"
    assert as_nobody(lambda: change(message)) == 0
    lock.chmod(0o600)
    assert as_nobody(lambda: add_a_key(path)) == 0


# --- other names of a file (hard links)


@pytest.mark.parametrize("where", ["other", "elsewhere/other", ".trustkeys-backup"])
def test_a_file_with_a_second_name_is_read_and_not_changed(path: Path, where: str) -> None:
    """A change would leave the old keys and secrets under the other name."""
    store.save(key_set(), path, plain=True)
    other = path.parent / where
    other.parent.mkdir(exist_ok=True)
    other.hardlink_to(path)
    before = path.read_bytes()
    calls: tuple[Callable[[Path], object], ...] = (add_a_key, overwrite, decrypt)
    for call in calls:
        for name in (path, other):
            with pytest.raises(OSError, match="another name") as caught:
                call(name)
            assert (caught.value.errno, caught.value.filename) == (errno.EMLINK, str(name))
    assert path.read_bytes() == other.read_bytes() == before
    assert store.load(path) == store.load(other)
    assert not [*path.parent.rglob("*.lock")]
    other.unlink()
    add_a_key(path)
    assert len(store.load(path)) == 2


def test_a_save_that_was_killed_at_its_end_does_not_keep_a_file_from_being_changed(
    path: Path,
) -> None:
    """The temporary name is then left beside the file, and would keep its secrets."""
    store.save(key_set(), path, plain=True)
    path.with_name(".trustkeys-abcdef_0").hardlink_to(path)
    path.with_name(".trustkeys-ghijklmn").write_bytes(b"of another save")
    add_a_key(path)
    left = {*os.listdir(path.parent)} - {"set.keys.lock"}  # which Windows removes
    assert left == {".trustkeys-ghijklmn", "set.keys"}


@support.posix_only("on Windows, a new file never has two names")
@pytest.mark.parametrize("call", ["load", "edit", "overwrite"])
def test_a_file_can_be_used_at_the_moment_in_which_it_appears(
    path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """It has two names then, for a moment."""
    calls: dict[str, Callable[[Path], object]] = {
        "load": store.load,
        "edit": add_a_key,
        "overwrite": overwrite,
    }
    unlink = os.unlink

    def between(name: str) -> None:
        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(os, "unlink", unlink)
            assert path.stat().st_nlink == 2
            calls[call](path)
        unlink(name)

    monkeypatch.setattr(os, "unlink", between)
    store.save(key_set(), path, plain=True)
    monkeypatch.undo()
    store.load(path)
    assert not [*path.parent.glob(".trustkeys-*")]


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
    assert {*os.listdir(path.parent)} - {"set.keys.lock"} == {"set.keys"}


@pytest.mark.deep
def test_a_full_disk_leaves_the_old_file_as_it_was(path: Path) -> None:
    resource = pytest.importorskip("resource", reason="Windows has no such limits")
    store.save(key_set(), path, plain=True)
    before = path.read_bytes()
    _, whole = resource.getrlimit(resource.RLIMIT_FSIZE)

    def edit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before), whole))
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
            # What coverage measured would be cut off too.
            resource.setrlimit(resource.RLIMIT_FSIZE, (whole, whole))
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == errno.EFBIG
    assert path.read_bytes() == before
    assert sorted(os.listdir(path.parent)) == ["set.keys", "set.keys.lock"]


def test_no_directory_is_made_for_a_lock(path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        store.save(key_set(), path / "none" / "x", plain=True, overwrite=True)
    assert caught.value.filename == str(path / "none" / "x")
    assert os.listdir(path.parent) == []


def test_a_link_that_is_made_during_a_change_is_noticed(path: Path) -> None:
    store.save(key_set(), path, plain=True)
    before = path.read_bytes()
    editing = store.edit(path)
    editing.__enter__().generate_key("sig", "oct")
    path.with_name("copy").hardlink_to(path)
    with pytest.raises(OSError, match="another name"):
        editing.__exit__(None, None, None)
    assert path.read_bytes() == before
