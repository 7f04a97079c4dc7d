"""Files of Windows. On other systems, fakes stand in for its calls."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FunctionType, SimpleNamespace
from typing import Any

import pytest

from trustkeys import TrustFrameworkKeySet, files, locks, store, system
from trustkeys.system import windows_access, windows_files

WINDOWS = sys.platform == "win32"

on_windows = pytest.mark.skipif(not WINDOWS, reason="asks Windows itself")

SHARED = [
    name
    for name, each in vars(windows_files).items()
    if isinstance(each, FunctionType) and name[0] != "_" and hasattr(system, name)
]
"""What the modules for both systems define."""


def refused(code: int, **more: Any) -> OSError:
    """Return an error of Windows."""
    kinds = {2: FileNotFoundError, 5: PermissionError, 32: PermissionError}
    error = kinds.get(code, OSError)(errno.EACCES, "refused", "somewhere", None, "and there")
    error.winerror = code  # type: ignore[attr-defined, unused-ignore]
    return error


def fails_at_first(real: Callable[..., Any], *codes: int) -> Callable[..., Any]:
    """Return a function that fails with these errors of Windows before it works."""
    left = list(codes)

    def call(*args: Any, **options: Any) -> Any:
        if left:
            raise refused(left.pop(0))
        return real(*args, **options)

    return call


@pytest.fixture(autouse=True)
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the rest of trustkeys use the files of Windows, with fakes of what only it can do."""
    for name in SHARED:
        monkeypatch.setattr(system, name, getattr(windows_files, name))
    if not WINDOWS:
        create = os.O_CREAT | os.O_EXCL | os.O_RDWR

        def opened(path: str, *, writes: bool, follows: bool) -> int:
            if os.path.isdir(path):
                raise refused(5)
            return os.open(path, os.O_RDWR if writes else os.O_RDONLY)

        monkeypatch.setattr(windows_access, "created", lambda path, **_: os.open(path, create))
        monkeypatch.setattr(windows_access, "opened", opened)
        monkeypatch.setattr(windows_access, "make_directory", os.mkdir)
        real = os.rename

        def rename(name: str, path: str) -> None:
            if os.path.lexists(path):
                raise FileExistsError(errno.EEXIST, "exists", name, None, path)
            real(name, path)

        monkeypatch.setattr(os, "rename", rename)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses that take no time."""
    found: list[float] = []
    monkeypatch.setattr(time, "sleep", found.append)
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "keys").write_bytes(b"old")
    return tmp_path / "keys"


@pytest.mark.skipif(WINDOWS, reason="the other module cannot be imported")
def test_both_systems_offer_the_same() -> None:
    from trustkeys.system import posix_files

    assert [hasattr(posix_files, name) for name in SHARED] == [True] * 19


def test_a_file_is_written_and_replaced_and_read(path: Path) -> None:
    new = path.with_name("new")
    files.write_new(new, b"first\n")
    with pytest.raises(FileExistsError) as caught:
        files.write_new(new, b"second")
    assert str(caught.value).endswith(f": {str(new)!r}")
    files.check_replaceable(new)
    files.replace(new, b"third\n")
    assert files.read(new, limit=3) == (b"thir", 0o600)
    files.check_directory_of(str(new))
    assert sorted(os.listdir(path.parent)) == ["keys", "new"]


@pytest.mark.parametrize("codes", [(5,), (32,), (5, 32) * 40])
def test_a_file_that_another_program_has_open_is_replaced_later(
    path: Path, monkeypatch: pytest.MonkeyPatch, pauses: list[float], codes: tuple[int, ...]
) -> None:
    monkeypatch.setattr(os, "replace", fails_at_first(os.replace, *codes))
    monkeypatch.setattr(os, "rename", fails_at_first(os.rename, *codes))
    monkeypatch.setattr(os, "unlink", fails_at_first(os.unlink, *codes))
    files.replace(path, b"new")
    files.write_new(path.with_name("other"), b"new")
    assert path.read_bytes() == b"new"
    assert sorted(os.listdir(path.parent)) == ["keys", "other"]
    assert pauses[: len(codes)] == sorted(pauses[: len(codes)])


@pytest.mark.parametrize("code", [5, 32])
def test_a_file_that_stays_open_is_left_as_it_is_after_ten_seconds(
    path: Path, monkeypatch: pytest.MonkeyPatch, pauses: list[float], code: int
) -> None:
    def fail(*_: str) -> None:
        raise refused(code)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(PermissionError, match="another program has it open") as caught:
        files.replace(path, b"new")
    assert getattr(caught.value, "winerror", code) == code
    assert str(caught.value).endswith(f"close that program and try again: {str(path)!r}")
    assert path.read_bytes() == b"old"
    assert os.listdir(path.parent) == ["keys"]
    assert 9 < sum(pauses) < 11


def test_other_errors_are_not_waited_for(
    path: Path, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    monkeypatch.setattr(os, "replace", fails_at_first(os.replace, 112))  # the disk is full
    with pytest.raises(OSError, match="refused"):
        files.replace(path, b"new")
    path.chmod(stat.S_IREAD)
    with pytest.raises(PermissionError, match=r"run attrib -R on it"):
        files.replace(path, b"new")
    path.chmod(0o600)
    assert pauses == []


def test_ctrl_c_ends_the_wait_and_leaves_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupt)
    monkeypatch.setattr(os, "replace", fails_at_first(os.replace, 5))
    with pytest.raises(KeyboardInterrupt):
        files.replace(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(path.parent) == ["keys"]


@pytest.mark.parametrize(("code", "longest"), [(2, 0.2), (5, 0.2), (32, 11)])
def test_a_file_that_is_being_replaced_is_read_later(
    path: Path, monkeypatch: pytest.MonkeyPatch, pauses: list[float], code: int, longest: float
) -> None:
    opened = windows_access.opened
    monkeypatch.setattr(windows_access, "opened", fails_at_first(opened, code, code))
    assert files.read(path, limit=9) == (b"old", 0o600)
    assert len(pauses) == 2
    pauses.clear()
    monkeypatch.setattr(windows_access, "opened", fails_at_first(opened, *[code] * 999))
    with pytest.raises(OSError, match=r".") as caught:
        files.read(path, limit=9)
    assert ("another program has it open" in str(caught.value)) == (code == 32)
    assert 0.05 < sum(pauses) < longest


def test_a_directory_is_refused_at_once(tmp_path: Path, pauses: list[float]) -> None:
    with pytest.raises(IsADirectoryError):
        files.read(tmp_path, limit=9)
    assert pauses == []


TAGS = {
    "a symbolic link": (0xA000000C, True),
    "a junction": (0xA0000003, True),
    "a link of WSL": (0xA000001D, True),
    "OneDrive": (0x9000001A, False),
    "without duplicates": (0x80000013, False),
    "a file": (0, False),
}


@pytest.fixture(params=TAGS)
def tag(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Make every file a reparse point with this tag."""
    if WINDOWS:
        pytest.skip("fakes what the file system says")
    number: int = TAGS[request.param][0]

    def as_windows(real: Callable[[Any], os.stat_result]) -> Callable[[Any], Any]:
        def call(path: Any) -> Any:
            status = real(path)
            members = {name: getattr(status, name) for name in dir(status) if name[:3] == "st_"}
            flag = stat.FILE_ATTRIBUTE_REPARSE_POINT if number else 0
            more = {"st_reparse_tag": number, "st_file_attributes": flag}
            return SimpleNamespace(**members, **more)

        return call

    monkeypatch.setattr(os, "lstat", as_windows(os.lstat))
    monkeypatch.setattr(os, "fstat", as_windows(os.fstat))
    return number


def test_links_of_every_kind_are_refused_and_no_other_file_is(path: Path, tag: int) -> None:
    is_link = dict(TAGS.values())[tag]
    before = len(os.listdir("/dev/fd"))
    for call in (files.read, files.check_replaceable):
        more = {"limit": 9} if call is files.read else {}
        try:
            call(str(path), **more)
        except OSError as error:
            assert is_link
            assert error.errno == errno.ELOOP
            assert "it is a symbolic link: name the file itself" in str(error)
        else:
            assert not is_link
    try:
        files.check_own_directory(str(path.parent))
    except NotADirectoryError:
        assert is_link
    else:
        assert not is_link
    assert len(os.listdir("/dev/fd")) == before


def test_no_target_is_opened_before_it_is_known_to_be_none_of_a_link(
    path: Path, monkeypatch: pytest.MonkeyPatch, tag: int
) -> None:
    """A link could lead to a pipe or a share of somebody who notes who opens it."""
    opened = windows_access.opened
    found: list[bool] = []

    def note(path: str, *, writes: bool, follows: bool) -> int:
        found.append(follows)
        return opened(path, writes=writes, follows=follows)

    monkeypatch.setattr(windows_access, "opened", note)
    with suppress(OSError):
        files.read(path, limit=9)
    assert found == ([False, True] if tag and not dict(TAGS.values())[tag] else [False])


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY, os.O_RDWR])
def test_a_file_is_open_for_writing_only_if_that_is_asked(
    path: Path, monkeypatch: pytest.MonkeyPatch, flags: int
) -> None:
    """A journal is read and written, and a file that may only be read can be opened for that."""
    opened = windows_access.opened
    found: list[bool] = []

    def note(path: str, *, writes: bool, follows: bool) -> int:
        found.append(writes)
        return opened(path, writes=writes, follows=follows)

    monkeypatch.setattr(windows_access, "opened", note)
    os.close(windows_files.open_itself(str(path), flags))
    assert found == [flags != os.O_RDONLY]


@pytest.mark.parametrize(
    ("name", "is_long"),
    [
        ("k" * 255, False),
        ("k" * 256, True),
        ("\u00e9" * 255, False),
        ("\U0001f511" * 128, True),
        (os.path.join("folder" * 50, "k"), False),
    ],
)
def test_a_name_is_as_long_as_windows_counts(name: str, is_long: bool) -> None:
    """Else a set with a long name cannot be changed, or versions lock it in different files."""
    assert windows_files.is_too_long(name) == is_long


def test_a_link_to_a_directory_is_refused_as_a_link(tmp_path: Path, tag: int) -> None:
    with pytest.raises(OSError, match=r".") as caught:
        files.read(tmp_path, limit=9)
    assert caught.value.errno == (errno.ELOOP if dict(TAGS.values())[tag] else errno.EISDIR)


def test_a_file_is_for_all_only_if_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    created = windows_access.created
    found: dict[str, bool] = {}

    def note(path: str, *, is_private: bool) -> int:
        found[os.path.basename(path)[:3]] = is_private
        return created(path, is_private=is_private)

    monkeypatch.setattr(windows_access, "created", note)
    for mode, is_private in ((0o600, True), (0o640, False), (0o644, False)):
        files.write_new(tmp_path / f"{mode}", b"", mode=mode)
        assert found == {".tr": is_private}


@pytest.mark.parametrize(
    ("path", "expected"), [("C:\\", "C:\\"), ("a\\b\\", "a\\b"), ("a/b/.", "a\\b"), ("a", "a")]
)
@on_windows
def test_the_end_of_a_name_is_taken_off(path: str, expected: str) -> None:
    assert windows_files.itself(path) == expected


def test_an_open_file_is_compared_with_its_name(path: Path) -> None:
    status = windows_files.status_of(str(path), -1)
    files.check_in_place(str(path), status)
    path.unlink()
    with pytest.raises(FileNotFoundError, match="removed or renamed"):
        files.check_in_place(str(path), status)


@on_windows
def test_the_system_keeps_others_out(tmp_path: Path) -> None:
    """The rules are read as icacls shows them."""
    folder = tmp_path / "folder"
    system.make_directory(str(folder))
    files.write_new(folder / "key", b"secret")
    files.write_new(tmp_path / "key", b"secret")
    if (
        "NTFS"
        not in subprocess.run(
            ["fsutil", "fsinfo", "volumeinfo", tmp_path.drive], capture_output=True, text=True
        ).stdout
    ):
        pytest.skip("the file system keeps no rules, or Wine does not")
    for path in (folder, folder / "key", tmp_path / "key"):
        rules = subprocess.run(["icacls", path], capture_output=True, text=True, check=True).stdout
        rules = rules.replace(str(path), "")
        assert rules.count("(F)") == 4, rules
        assert "(I)" not in rules, "it inherits nothing"


@on_windows
def test_a_file_that_this_program_has_open_is_replaced_once_it_is_closed(path: Path) -> None:
    import threading

    with open(path, "rb") as file:
        threading.Timer(0.3, file.close).start()
        files.replace(path, b"new")
    assert path.read_bytes() == b"new"


def test_reading_waits_a_moment_while_another_program_changes_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Programs that read a file in a loop would let no change happen."""
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    path = tmp_path / "set.keys"
    store.save(TrustFrameworkKeySet("crowd"), path, plain=True)
    store.load(path)
    with store.edit(path):
        assert pauses == []
    with locks.locked(path, 0):
        (tmp_path / "set.keys.lock").touch()
        store.load(path)
    assert pauses == [0.05]


def test_a_public_file_stays_public(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A web server reads the calendar."""
    public = tmp_path / "keys.ics"
    asked: list[bool] = []
    created = windows_access.created

    def record(path: str, *, is_private: bool) -> int:
        asked.append(is_private)
        return created(path, is_private=is_private)

    monkeypatch.setattr(windows_access, "created", record)
    files.write_new(public, b"old", mode=0o644)
    _, mode = files.read(public, limit=3)
    files.replace(public, b"new", mode=system.mode_to_keep(mode))
    assert asked == [False, False]


def test_a_name_is_too_long_for_its_letters_and_not_for_its_bytes() -> None:
    """Windows counts in UTF-16."""
    for name, is_too_long in (("k" * 255, False), ("k" * 256, True), ("ü" * 255, False)):
        assert windows_files.is_too_long(os.path.join("folder", name)) is is_too_long


def test_a_directory_is_made_and_found_by_any_spelling_of_its_name(tmp_path: Path) -> None:
    system.make_directory(str(tmp_path / "new"))
    for ending in ("", "/", "/."):
        files.check_own_directory(f"{tmp_path / 'new'}{ending}")
