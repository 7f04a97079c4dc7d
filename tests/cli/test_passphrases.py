"""Passphrases are typed at a terminal, on every system."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from trustkeys.cli import passphrases


def test_without_dev_tty_standard_input_is_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has no /dev/tty."""

    def no_tty(*_: object) -> int:
        raise FileNotFoundError

    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(os, "open", no_tty)
    monkeypatch.setattr(sys, "stdin", Terminal())
    assert passphrases._has_terminal()
    monkeypatch.setattr(sys, "stdin", None)
    assert not passphrases._has_terminal()


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_the_byte_order_mark_and_the_last_line_end_are_not_in_a_passphrase(
    tmp_path: Path, start: bytes, end: bytes
) -> None:
    """Editors and PowerShell add them, and the file would not open elsewhere."""
    (tmp_path / "pw").write_bytes(start + b" pass\nphrase \xc3\xa9" + end)
    assert passphrases.read_password(str(tmp_path / "pw")) == " pass\nphrase é"
