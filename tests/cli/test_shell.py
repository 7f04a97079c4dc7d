"""The commands that are printed can be pasted."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.graph.test_powershell_text import read_literal
from trustkeys.cli import shell

names = st.text(
    st.sampled_from("ab .,;@#$&|<>(){}[]'\"`~%!\\/:-\u2019é") | st.characters(), min_size=1
)


@given(names)
def test_a_name_is_one_word_in_every_shell(name: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shell, "SHELL", "sh")
        assert shlex.split(shell.word(name)) == [name]
        patch.setattr(shell, "SHELL", "powershell")
        word = shell.word(name)
        if word == name:
            assert name.isascii()
            # About_Parsing: what PowerShell interprets, at the start of a word or in it.
            assert not {*name} & {*" '\"`,;(){}|&<>@#$"}
        else:
            assert read_literal(word) == name


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("signing.keys", "signing.keys"),
        (r"C:\keys\a-b.keys", r"C:\keys\a-b.keys"),
        (r"C:\my keys\a", r"'C:\my keys\a'"),
        ("it's", "'it''s'"),
        ("@a", "'@a'"),
        ("a,b", "'a,b'"),
    ],
)
def test_powershell_gets_its_own_quotes(
    monkeypatch: pytest.MonkeyPatch, name: str, word: str
) -> None:
    monkeypatch.setattr(shell, "SHELL", "powershell")
    assert shell.word(name) == word
