"""Passphrases: read from a file as they are, or typed at a terminal on every system."""

from __future__ import annotations

from pathlib import Path

import pytest

from trustkeys.cli import passphrases, terminal
from trustkeys.errors import InvalidInputError


@pytest.mark.parametrize(
    ("content", "password"),
    [(b" a b \n", " a b "), (b"a\r\n", "a"), (b"a\n\n", "a\n"), (b"\xef\xbb\xbfa\n", "a")],
)
def test_only_one_line_end_and_a_byte_order_mark_are_removed(
    tmp_path: Path, content: bytes, password: str
) -> None:
    """Another passphrase than the one in the file would open nothing."""
    (tmp_path / "pw").write_bytes(content)
    assert passphrases.read_password(str(tmp_path / "pw")) == password


@pytest.mark.parametrize(("json", "said"), [(False, "\n"), (True, "")])
def test_an_answer_that_ends_ends_its_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], json: bool, said: str
) -> None:
    """With --json even an empty line would be no JSON."""

    def at_the_end(_question: str) -> str:
        raise EOFError

    monkeypatch.setattr(passphrases, "has_terminal", lambda: True)
    monkeypatch.setattr("getpass.getpass", at_the_end)
    with (
        terminal.json_messages(wanted=json),
        pytest.raises(InvalidInputError, match="no passphrase was typed"),
    ):
        passphrases.ask("Passphrase of a")
    assert capsys.readouterr().err == said
