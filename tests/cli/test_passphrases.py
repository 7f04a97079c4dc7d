"""Passphrases: read from a file as they are, or typed at a terminal on every system."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from trustkeys.cli import passphrases, terminal
from trustkeys.errors import InvalidInputError, PassphraseError


@pytest.mark.parametrize(
    ("content", "password"),
    [
        *((b" a b \n", " a b "), (b"a\r\n", "a"), (b"a\n\n", "a\n")),
        *((b"\xef\xbb\xbfa\n", "a"), (b"\xef\xbb\xbf\xef\xbb\xbfa", "\ufeffa")),
        # As Windows PowerShell's > writes it.
        *(("\ufeffé\r\n".encode("utf-16-le"), "é"), ("\ufeffé\r\n".encode("utf-16-be"), "é")),
        *((b"\xff\xfe\r\0\n\0", ""), (b"\xff\xfe", ""), (b"", "")),
    ],
)
def test_only_one_line_end_and_a_byte_order_mark_are_removed(
    tmp_path: Path, content: bytes, password: str
) -> None:
    """Another passphrase than the one in the file would open nothing."""
    (tmp_path / "pw").write_bytes(content)
    assert passphrases.read_password(str(tmp_path / "pw")) == password


@pytest.mark.parametrize(
    "content",
    [
        *("hunter2\r\n".encode(encoding) for encoding in ("utf-16-le", "utf-16-be", "utf-32-le")),
        *("pässword".encode(encoding) for encoding in ("cp1252", "cp850", "utf-16-be")),
        "暗号\r\n".encode("utf-16-le"),
        "パスワード".encode("cp932"),
        codecs.BOM_UTF16_LE + b"hunter2",  # cut off
    ],
)
def test_text_in_another_encoding_is_not_guessed(tmp_path: Path, content: bytes) -> None:
    """The error says how to save it, and shows no byte of the passphrase."""
    path = str(tmp_path / "pw")
    (tmp_path / "pw").write_bytes(content)
    with pytest.raises(PassphraseError) as caught:
        passphrases.read_password(path)
    assert str(caught.value) == (
        f"{path}: the passphrase must be UTF-8 text: save it as UTF-8 (in PowerShell with "
        "Set-Content -Encoding utf8)"
    )
    assert caught.value.__context__ is None


def test_a_passphrase_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "pw").write_bytes(b"a" * 65_536)
    assert len(passphrases.read_password(str(tmp_path / "pw"))) == 65_536
    (tmp_path / "pw").write_bytes(b"a" * 65_537)
    with pytest.raises(PassphraseError, match="the secret must be at most 65536 bytes long"):
        passphrases.read_password(str(tmp_path / "pw"), "secret")


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


@pytest.mark.parametrize("answers", [["secret"], ["", "secret"]])
def test_ctrl_c_acts_at_each_prompt(monkeypatch: pytest.MonkeyPatch, answers: list[str]) -> None:
    """Windows would wait for another key. What `prompting` does holds at the prompt alone."""
    steps: list[str] = []

    @contextmanager
    def prompting() -> Iterator[None]:
        steps.append("begin")
        yield
        steps.append("end")

    def typed(_prompt: str) -> str:
        steps.append("ask")
        return answers[steps.count("ask") - 1]

    monkeypatch.setattr(passphrases, "has_terminal", lambda: True)
    monkeypatch.setattr(passphrases, "prompting", prompting)
    monkeypatch.setattr("getpass.getpass", typed)
    assert passphrases.ask("Passphrase of a") == "secret"
    assert steps == ["begin", *["ask"] * len(answers), "end"]
