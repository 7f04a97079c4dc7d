"""What trustkeys asks of Linux and macOS."""

from __future__ import annotations

import os
import sys
from unittest import mock

import pytest

if sys.platform == "win32":
    pytest.skip("the other systems", allow_module_level=True)

from trustkeys.system import posix


@pytest.mark.parametrize("platform", ["linux", "darwin"])
@pytest.mark.parametrize("has_ctypes", [True, False])
def test_memory_is_protected_as_far_as_a_system_can(
    monkeypatch: pytest.MonkeyPatch, platform: str, has_ctypes: bool
) -> None:
    limits: list[object] = []
    resource = mock.Mock(setrlimit=lambda *_: limits.append("core"))
    ctypes = mock.Mock(CDLL=lambda _: mock.Mock(prctl=lambda *_: limits.append("dumpable")))
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setitem(sys.modules, "resource", resource)
    monkeypatch.setitem(sys.modules, "ctypes", ctypes if has_ctypes else None)
    posix.protect_memory()
    assert limits == ["core", "dumpable"][: 1 + (has_ctypes and platform == "linux")]


@pytest.mark.parametrize(
    ("platform", "cores", "expected"), [("linux", 64, 3), ("darwin", 4, 4), ("darwin", None, 1)]
)
def test_only_processors_that_may_be_used_count(
    monkeypatch: pytest.MonkeyPatch, platform: str, cores: int | None, expected: int
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 7}, raising=False)
    assert posix.processors() == expected
