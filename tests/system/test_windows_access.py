"""The rules that private files of Windows are made with, and the calls that make them."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from trustkeys.system import windows_access

if sys.platform == "win32":
    pytest.skip("fakes the calls of Windows: test_windows_files asks it", allow_module_level=True)

USER = "S-1-5-21-1-2-3-1001"

Fake = dict[str, list[tuple[Any, ...]]]


class Function:
    """A function of a library, which notes how it is called."""

    def __init__(self, name: str, calls: Fake, result: Any) -> None:
        self._name, self._calls, self._result = name, calls, result
        self.restype: Any = None

    def __call__(self, *args: Any) -> Any:
        self._calls.setdefault(self._name, []).append(args)
        result = self._result(*args) if callable(self._result) else self._result
        return self.restype(result).value


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Fake:
    """What Windows is asked for."""
    found: Fake = {}
    handle = os.open(tmp_path, os.O_RDONLY)

    def rules(text: str, revision: int, address: Any, _size: None) -> int:
        address._obj.value = 4096
        return revision

    def find_user(token: Any, kind: int, found: Any, length: int, _needed: Any) -> bool:
        # Of winnt.h: the token of this process, TokenUser, and SECURITY_MAX_SID_SIZE.
        is_right = (token.value, kind) == (-4 % 2**64, 1) and 16 + 68 <= length <= len(found)
        ctypes.c_void_p.from_buffer(found).value = 8192
        return is_right

    def name_user(sid: Any, text: Any) -> bool:
        text._obj.value = USER
        return bool(sid.value == 8192)

    def load(_name: str, *, use_last_error: bool) -> Any:
        assert use_last_error, "else the reason of a failure is lost"
        return library

    def described(handle: int, flags: int) -> int:
        assert flags == 0x80, "else programs that are started get the keys, too"
        return handle

    results = {
        "CreateFileW": lambda path, *_: -1 % 2**64 if path == "missing" else handle,
        "CreateDirectoryW": lambda path, _: int(path != "missing"),
        "CloseHandle": 1,
        "ConvertStringSecurityDescriptorToSecurityDescriptorW": rules,
        "GetTokenInformation": find_user,
        "ConvertSidToStringSidW": name_user,
    }
    library = SimpleNamespace(**{n: Function(n, found, r) for n, r in results.items()})
    monkeypatch.setattr(ctypes, "WinDLL", load, raising=False)
    monkeypatch.setattr(ctypes, "get_last_error", lambda: 5, raising=False)
    monkeypatch.setattr(ctypes, "FormatError", lambda _: "Access is denied.\r\n", raising=False)
    monkeypatch.setattr(
        ctypes,
        "WinError",
        lambda code, text: PermissionError(13, text, None, code),
        raising=False,
    )
    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(open_osfhandle=described))
    monkeypatch.setattr(windows_access, "_library", windows_access._library.__wrapped__)
    monkeypatch.setattr(windows_access, "_private_rules", windows_access._private_rules.__wrapped__)
    return found


def rules(calls: Fake) -> str:
    ((text, *_),) = calls["ConvertStringSecurityDescriptorToSecurityDescriptorW"]
    return str(text)


def test_a_private_file_is_made_with_rules_that_leave_others_out(calls: Fake) -> None:
    os.fstat(windows_access.created("key", is_private=True))
    ((path, access, share, attributes, disposition, flags, template),) = calls["CreateFileW"]
    assert (path, access, share, disposition, flags, template) == (
        "key",
        0xC0000000,
        3,
        1,
        128,
        None,
    )
    assert attributes._obj.rules == 4096
    assert attributes._obj.length == ctypes.sizeof(attributes._obj)
    assert not attributes._obj.is_inherited
    # Protected: nothing is inherited. Full access for the owner, SYSTEM, administrators, the user.
    assert rules(calls) == f"D:P(A;;FA;;;OW)(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;{USER})"


def test_a_private_directory_hands_its_rules_on(calls: Fake) -> None:
    windows_access.make_directory("folder")
    ((path, attributes),) = calls["CreateDirectoryW"]
    assert (path, attributes._obj.rules) == ("folder", 4096)
    entries = [f"(A;OICI;FA;;;{who})" for who in ("OW", "SY", "BA", USER)]
    assert rules(calls) == "D:P" + "".join(entries)


def test_a_file_for_all_gets_the_rules_of_its_directory(calls: Fake) -> None:
    windows_access.created("picture", is_private=False)
    assert calls["CreateFileW"][0][3] is None
    assert set(calls) == {"CreateFileW"}


@pytest.mark.parametrize("writes", [True, False])
@pytest.mark.parametrize("follows", [True, False])
def test_a_file_is_opened_for_what_is_asked(calls: Fake, writes: bool, follows: bool) -> None:
    windows_access.opened("key", writes=writes, follows=follows)
    (args,) = calls["CreateFileW"]
    access, flags = 0xC0000000 if writes else 0x80000000, 0x80 if follows else 0x200080
    assert args == ("key", access, 3, None, 3, flags, None)


def test_errors_of_windows_are_raised_and_name_the_file(calls: Fake) -> None:
    """The command takes one without a name for an error of standard output."""
    with pytest.raises(PermissionError) as caught:
        windows_access.created("missing", is_private=True)
    assert caught.value.filename == "missing"
    with pytest.raises(PermissionError) as caught:
        windows_access.make_directory("missing")
    assert caught.value.filename == "missing"


def test_other_errors_of_windows_name_no_file(calls: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows_access._library("advapi32"), "GetTokenInformation", lambda *_: 0)
    with pytest.raises(PermissionError) as caught:
        windows_access.created("key", is_private=True)
    assert str(caught.value) == "[Errno 13] Access is denied"


def test_a_handle_without_a_descriptor_is_closed(
    calls: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: int) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(open_osfhandle=fail))
    with pytest.raises(OSError, match="Too many"):
        windows_access.opened("key", writes=False, follows=False)
    assert len(calls["CloseHandle"]) == 1
