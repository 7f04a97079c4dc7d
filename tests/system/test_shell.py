"""The shell in which people type the commands that trustkeys prints."""

from __future__ import annotations

import sys

from trustkeys import system
from trustkeys.system import windows


def test_the_usual_shell_of_windows_is_powershell() -> None:
    assert windows.SHELL == "powershell"
    assert (system.SHELL == "powershell") == (sys.platform == "win32")
