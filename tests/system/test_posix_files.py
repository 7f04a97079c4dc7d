"""Files of POSIX: who may use them, when they have a name, and what a signal leaves."""

from __future__ import annotations

import errno
import os
import signal
import stat
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest

if sys.platform == "win32":
    pytest.skip("the other systems", allow_module_level=True)

import grp
import pwd
import resource

from tests import support
from tests.store_files import failing
from trustkeys import files, system
from trustkeys.system import posix_files


@pytest.mark.parametrize("umask", [0, 0o777])
def test_the_file_is_for_its_owner_alone(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        files.write_new(tmp_path / "key", b"content")
        os.close(posix_files.create(str(tmp_path / "lines"), 0o600))
        posix_files.make_directory(str(tmp_path / "folder"))
    finally:
        os.umask(before)
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()}
    assert modes == {"key": 0o600, "lines": 0o600, "folder": 0o700}


def test_the_file_is_never_for_others_to_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who opens it while it is empty can read the keys later."""
    modes: list[int] = []
    real = os.chmod

    def chmod(file: int | str, mode: int) -> None:
        modes.append(stat.S_IMODE(os.stat(file).st_mode))
        real(file, mode)

    monkeypatch.setattr(os, "chmod", chmod)
    before = os.umask(0)
    try:
        os.close(posix_files.create(str(tmp_path / "named"), 0o600))
        if created := posix_files.create_unnamed(str(tmp_path), 0o600):
            os.close(created[0])
        posix_files.make_directory(str(tmp_path / "folder"))
        os.close(posix_files.open_itself(str(tmp_path / "lock"), os.O_RDWR | os.O_CREAT))
    finally:
        os.umask(before)
    assert {*modes} == {0o600, 0o700}
    assert stat.S_IMODE((tmp_path / "lock").stat().st_mode) == 0o600


def test_a_file_can_be_for_all_to_read_where_that_is_said(tmp_path: Path) -> None:
    files.write_new(tmp_path / "picture", b"content", mode=0o644)
    assert stat.S_IMODE((tmp_path / "picture").stat().st_mode) == 0o644


@pytest.mark.parametrize("make", ["create", "create_unnamed"])
def test_a_file_that_cannot_get_its_mode_is_not_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: str
) -> None:
    before = os.listdir("/proc/self/fd") if sys.platform == "linux" else []
    monkeypatch.setattr(os, "chmod", failing(errno.EPERM))
    path = tmp_path / "key" if make == "create" else tmp_path
    with pytest.raises(PermissionError):
        getattr(posix_files, make)(str(path), 0o600)
    assert os.listdir(tmp_path) == []
    assert (os.listdir("/proc/self/fd") if sys.platform == "linux" else []) == before


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK])
def test_a_file_system_without_links_serves_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setattr(os, "link", failing(code))
    files.write_new(tmp_path / "key", b"content")
    assert (tmp_path / "key").read_bytes() == b"content"
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["key"]


def test_a_claimed_name_is_given_back_when_the_file_cannot_follow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", failing(errno.EPERM))
    monkeypatch.setattr(os, "replace", failing(errno.EIO))
    with pytest.raises(OSError, match="Input/output"):
        files.write_new(tmp_path / "key", b"content")
    assert os.listdir(tmp_path) == []


def test_a_directory_without_permission_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    child = os.fork()
    if child == 0:
        try:
            if os.getuid() == 0:  # root may write anywhere
                os.setuid(65534)
            files.write_new(tmp_path / "key", b"content")
        except PermissionError as error:
            os._exit(0 if error.filename == str(tmp_path / "key") else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert os.listdir(tmp_path) == []


def test_a_directory_that_cannot_be_flushed_is_found_out_before_a_file_is_made(
    tmp_path: Path,
) -> None:
    directory = tmp_path / "blind"
    directory.mkdir()
    directory.chmod(0o300)
    child = os.fork()
    if child == 0:
        try:
            if os.getuid() == 0:  # root may read anywhere
                os.chown(directory, 65534, 65534)
                os.chdir(directory)
                os.setuid(65534)
            else:
                os.chdir(directory)
            files.write_new("key", b"content")
        except PermissionError:
            os._exit(0)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    directory.chmod(0o700)
    assert os.listdir(directory) == []


def directory_sync(monkeypatch: pytest.MonkeyPatch, code: int | None) -> list[bool]:
    """Watch, and where told fail, what is flushed: False a file, True a directory."""
    flushed: list[bool] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        status = os.fstat(descriptor)
        flushed.append(stat.S_ISDIR(status.st_mode))
        assert flushed[-1] or status.st_size == len(b"content")
        if flushed[-1] and code is not None:
            failing(code)()
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return flushed


@pytest.mark.parametrize("code", [None, errno.EINVAL, errno.EOPNOTSUPP])
def test_file_and_directory_are_flushed_where_that_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int | None
) -> None:
    flushed = directory_sync(monkeypatch, code)
    files.write_new(tmp_path / "key", b"content")
    assert flushed == [False, True]


def test_a_directory_that_fails_to_reach_the_disk_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory_sync(monkeypatch, errno.EIO)
    with pytest.raises(OSError, match="Input/output"):
        files.write_new(tmp_path / "key", b"content")
    assert (tmp_path / "key").read_bytes() == b"content"


OTHERS = [signal.SIGQUIT, signal.SIGALRM, signal.SIGUSR1, signal.SIGXCPU, signal.SIGKILL]
"""Signals that neither Python nor the command handles."""

STEPS = ["open", "chmod", "fsync", "link", "replace", "unlink"]

AT = [*product(STEPS, ["before", "after"])]


def killed_at(write: Callable[..., None], path: Path, signum: int, step: str, when: str) -> bool:
    """Write in a process of its own, which kills itself before or after a system call."""
    child = os.fork()
    if child == 0:
        try:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            real = getattr(os, step)

            def call(*args: Any, **options: Any) -> Any:
                if when == "before":
                    os.kill(os.getpid(), signum)
                try:
                    return real(*args, **options)
                finally:
                    os.kill(os.getpid(), signum)

            setattr(os, step, call)
            write(path, b"content" * 1000)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signum


needs_unnamed = pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="for Linux")


@needs_unnamed
@pytest.mark.parametrize(("signum", "at"), support.combinations([*system.STOPPING, *OTHERS], AT))
def test_a_signal_leaves_no_other_file(tmp_path: Path, signum: int, at: tuple[str, str]) -> None:
    """It would hold keys, and nobody would know of it."""
    path = tmp_path / "key"
    is_killed = killed_at(files.write_new, path, signum, *at)
    assert is_killed == (at[0] not in ("replace", "unlink"))
    assert os.listdir(tmp_path) in ([], ["key"])
    if path.exists():
        assert path.read_bytes() == b"content" * 1000
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@needs_unnamed
@pytest.mark.parametrize(
    ("signum", "at"), support.combinations([*system.STOPPING, signal.SIGKILL], AT)
)
def test_a_signal_while_a_file_is_replaced_leaves_no_other_file(
    tmp_path: Path, signum: int, at: tuple[str, str]
) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"old")
    assert killed_at(files.replace, path, signum, *at)
    assert path.read_bytes() in (b"old", b"content" * 1000)
    others = {*os.listdir(tmp_path)} - {"key"}
    # No process can do anything about this signal, and a file without a name replaces nothing.
    is_left = signum == signal.SIGKILL and at in [("link", "after"), ("replace", "before")]
    assert len(others) == is_left
    assert all(name.startswith(".trustkeys-") for name in others)


UNSUPPORTED = {
    "the file system": ("open", errno.EOPNOTSUPP),
    "an old kernel": ("open", errno.EISDIR),
    "no /proc": ("link", errno.ENOENT),
    "a sandbox": ("link", errno.EACCES),
}


@pytest.mark.parametrize("write", [files.write_new, files.replace])
@pytest.mark.parametrize("reason", UNSUPPORTED)
def test_a_system_without_files_that_have_no_name_serves_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str, write: Callable[..., None]
) -> None:
    call, code = UNSUPPORTED[reason]
    real = getattr(os, call)
    failed: list[str] = []

    def fail(path: str, *args: Any, **options: Any) -> Any:
        unnamed = getattr(os, "O_TMPFILE", 0)
        if path.startswith("/proc/") or (call == "open" and args[0] & unnamed == unnamed):
            failed.append(path)
            failing(code)()
        return real(path, *args, **options)

    monkeypatch.setattr(os, call, fail)
    write(tmp_path / "key", b"content")
    assert len(failed) == hasattr(os, "O_TMPFILE")
    assert (tmp_path / "key").read_bytes() == b"content"
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["key"]


@needs_unnamed
def test_a_file_has_no_name_before_it_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named: list[list[str]] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        named.append(os.listdir(tmp_path))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    files.write_new(tmp_path / "key", b"content")
    files.replace(tmp_path / "key", b"content")
    assert named == [[], ["key"], ["key"], ["key"]]


@pytest.mark.parametrize("ending", ["", "/", "//", "/.", "/./"])
def test_a_link_to_a_directory_is_refused_in_every_spelling(tmp_path: Path, ending: str) -> None:
    directory = tmp_path / "own"
    directory.mkdir(mode=0o700)
    files.check_own_directory(f"{directory}{ending}")
    link = tmp_path / "link"
    link.symlink_to(directory)
    with pytest.raises(NotADirectoryError):
        files.check_own_directory(f"{link}{ending}")


def test_a_directory_of_another_user_is_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever owns it can put keys of his own in the place of ours. So can who may write there."""
    monkeypatch.setattr(posix_files, "_is_private_group", lambda _: False)
    for mode in (0o720, 0o702):
        tmp_path.chmod(mode)
        with pytest.raises(PermissionError, match="other users can write to it"):
            files.check_own_directory(str(tmp_path))
    tmp_path.chmod(0o755)
    files.check_own_directory(str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: os.stat(tmp_path).st_uid + 1)
    with pytest.raises(PermissionError, match="it belongs to another user"):
        files.check_own_directory(str(tmp_path))


@pytest.fixture
def private_group(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set what the system says about the group of the user `me`, and of new directories."""

    def describe(
        gid: int,
        *,
        primary: int | None = None,
        name: str = "me",
        members: tuple[str, ...] = (),
        others: tuple[int, ...] = (),
    ) -> None:
        me = os.geteuid()
        own = pwd.struct_passwd(("me", "x", me, gid if primary is None else primary, "", "/", ""))
        rest = [pwd.struct_passwd(("them", "x", me + 1, each, "", "/", "")) for each in others]
        monkeypatch.setattr(pwd, "getpwuid", {me: own}.__getitem__)
        monkeypatch.setattr(pwd, "getpwall", lambda: [own, *rest])
        group = grp.struct_group((name, "x", gid, [*members]))
        monkeypatch.setattr(grp, "getgrgid", {gid: group}.__getitem__)

    return describe


@pytest.mark.parametrize("is_private", [True, False])
def test_no_other_user_can_replace_a_new_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_private: bool
) -> None:
    monkeypatch.setattr(posix_files, "_is_private_group", lambda _: is_private)
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "link").symlink_to("folder")
    for mode in range(0o700, 0o2000):
        if mode & 0o700 != 0o700:
            continue
        folder.chmod(mode)
        is_open = mode & 0o002 or (mode & 0o020 and not is_private)
        is_open = is_open and not mode & 0o1000
        for path in ("folder/new", "link/new", "folder/new/"):
            try:
                files.check_directory_of(str(tmp_path / path))
            except PermissionError as error:
                assert is_open, oct(mode)
                assert error.filename == str(tmp_path / path.split("/")[0])
                assert "run chmod go-w on it" in str(error)
            else:
                assert not is_open, oct(mode)


@pytest.mark.parametrize(
    ("facts", "is_private"),
    [
        ({}, True),
        ({"members": ("me",)}, True),
        ({"members": ("me", "them")}, False),
        ({"members": ("them",)}, False),
        ({"name": "staff"}, False),
        ({"primary": 12345}, False),
        ({"others": (12345,)}, True),
        ({"others": (54321,)}, False),
    ],
)
def test_only_the_private_group_of_the_user_may_write(
    private_group: Callable[..., None], facts: dict[str, Any], is_private: bool
) -> None:
    private_group(54321, **facts)
    assert posix_files._is_private_group(54321) is is_private
    assert not posix_files._is_private_group(12345)  # a group without an entry


@pytest.mark.parametrize("umask", [0, 0o002, 0o007, 0o022, 0o077])
def test_a_directory_is_refused_only_under_the_umask_0(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    private_group: Callable[..., None],
    umask: int,
) -> None:
    before = os.umask(umask)
    try:
        (tmp_path / "new").mkdir()
    finally:
        os.umask(before)
    private_group((tmp_path / "new").stat().st_gid)
    monkeypatch.chdir(tmp_path / "new")
    if umask:
        files.check_directory_of("key")
        return
    with pytest.raises(PermissionError) as caught:
        files.check_directory_of("key")
    assert caught.value.filename == str(tmp_path / "new")


def test_the_root_directory_keeps_its_name() -> None:
    """Else it could not be named as one that is ours."""
    assert [posix_files.itself(name) for name in ("/", "a/", "/a/./")] == ["/", "a", "/a"]


def test_a_system_that_knows_no_files_without_names_serves_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As macOS, for example."""
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    files.write_new(tmp_path / "key", b"content")
    assert os.listdir(tmp_path) == ["key"]
