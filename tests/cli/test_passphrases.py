"""Passphrases are typed at a terminal, on every system."""

from __future__ import annotations

import os
import sys

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
