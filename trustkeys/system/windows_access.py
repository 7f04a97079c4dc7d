"""Files and directories that Windows makes with access rules, before their first byte."""

from __future__ import annotations

import ctypes
from ctypes import wintypes
from functools import cache
from importlib import import_module
from typing import Any

__tracebackhide__ = True

# Of "CreateFileW" (fileapi.h) and "File Access Rights Constants" (winnt.h).
_READ, _WRITE = 0x80000000, 0x40000000
_SHARED = 0x1 | 0x2
_CREATE_NEW, _OPEN_EXISTING = 1, 3
_NORMAL, _OPEN_REPARSE_POINT = 0x80, 0x00200000
_NO_HANDLE = wintypes.HANDLE(-1).value

_NOT_INHERITED = 0x80
"""O_NOINHERIT of the C library."""

# Of "GetCurrentProcessToken" and "TOKEN_INFORMATION_CLASS".
_OWN_TOKEN = wintypes.HANDLE(-4)
_TOKEN_USER = 1

_ALLOWED = ("OW", "SY", "BA")
"""The owner, the system and administrators ("SID Strings").

The user is named as well: what an elevated program makes belongs to the administrators, and other
programs of the user could not read it. On a share, a server may know only the owner.
"""


class _Attributes(ctypes.Structure):
    """SECURITY_ATTRIBUTES."""

    _fields_ = (
        ("length", wintypes.DWORD),
        ("rules", ctypes.c_void_p),
        ("is_inherited", wintypes.BOOL),
    )


def created(path: str, *, is_private: bool) -> int:
    """Create a file, and return its descriptor, which can read and write.

    A file system without access rules, such as exFAT, ignores them.

    Args:
        path: The file.
        is_private: Whether others may not use it. Else it gets the rules of its directory.
    """
    attributes = _attributes("") if is_private else None
    return _opened(path, _READ | _WRITE, attributes, _CREATE_NEW, _NORMAL)


def opened(path: str, *, writes: bool, follows: bool) -> int:
    """Open an existing file, and return its descriptor.

    Args:
        path: The file.
        writes: Whether the descriptor can also write.
        follows: Whether to open the target of a reparse point, and not the reparse point itself.
    """
    access = _READ | _WRITE if writes else _READ
    flags = _NORMAL if follows else _NORMAL | _OPEN_REPARSE_POINT
    return _opened(path, access, None, _OPEN_EXISTING, flags)


def make_directory(path: str) -> None:
    """Make a private directory. What is made in it is private, too."""
    _call("kernel32", "CreateDirectoryW", path, _attributes("OICI"), about=path)


def _opened(path: str, access: int, attributes: Any, disposition: int, flags: int) -> int:
    args = (path, access, _SHARED, attributes, disposition, flags, None)
    handle = _call("kernel32", "CreateFileW", *args, about=path, result=wintypes.HANDLE)
    runtime: Any = import_module("msvcrt")
    try:
        return int(runtime.open_osfhandle(handle, _NOT_INHERITED))
    except BaseException:
        _call("kernel32", "CloseHandle", wintypes.HANDLE(handle))
        raise


def _attributes(inheritance: str) -> Any:
    size = ctypes.sizeof(_Attributes)
    return ctypes.byref(_Attributes(size, _private_rules(inheritance)))


@cache
def _private_rules(inheritance: str) -> int | None:
    """Return the address of a security descriptor, which is never freed."""
    rules = "".join(f"(A;{inheritance};FA;;;{sid})" for sid in (*_ALLOWED, _user()))
    address = ctypes.c_void_p()
    args = (f"D:P{rules}", 1, ctypes.byref(address), None)
    _call("advapi32", "ConvertStringSecurityDescriptorToSecurityDescriptorW", *args)
    return address.value


def _user() -> str | None:
    """Return the SID of the user that runs this process."""
    found = ctypes.create_string_buffer(256)  # a pointer to the SID, flags, and the SID
    args = (_OWN_TOKEN, _TOKEN_USER, found, len(found), ctypes.byref(wintypes.DWORD()))
    _call("advapi32", "GetTokenInformation", *args)
    text = ctypes.c_wchar_p()
    sid = ctypes.c_void_p.from_buffer(found)
    _call("advapi32", "ConvertSidToStringSidW", sid, ctypes.byref(text))
    return text.value


@cache
def _library(name: str) -> Any:
    windows: Any = ctypes
    return windows.WinDLL(name, use_last_error=True)


def _call(
    library: str,
    function: str,
    *args: Any,
    about: str | None = None,
    result: Any = wintypes.BOOL,
) -> Any:
    """Call a function of Windows, or raise its error, with `about` as the file name."""
    found = getattr(_library(library), function)
    found.restype = result
    value = found(*args)
    if value in {None, 0, _NO_HANDLE}:
        windows: Any = ctypes
        error = windows.WinError(windows.get_last_error())
        if about is not None:
            error.filename = about
        raise error
    return value
