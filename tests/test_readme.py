"""What the README shows is what a newcomer types first: it has to work as shown."""

from __future__ import annotations

import doctest
import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import click
import jwcrypto.jwa
import pytest

from tests.examples import FLAGS, document, run
from tests.support import ROOT, parse
from trustkeys.cli.keyset import keyset

README = ROOT / "README.md"


@pytest.fixture(scope="module", autouse=True)
def in_an_empty_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("readme"))
    limit = jwcrypto.jwa.default_max_pbkdf2_iterations
    yield
    jwcrypto.jwa.default_max_pbkdf2_iterations = limit
    os.chdir(before)


@pytest.mark.usefixtures("clean_registry")
def test_the_examples_do_what_they_show() -> None:
    examples = list(document(README).examples())
    assert len(examples) > 40
    for example in examples:
        example.evaluate()


def test_the_first_command_prints_what_the_first_screen_shows() -> None:
    text = README.read_text()
    install, command = between(text, "```sh\n", "\n```").split(" && ")
    assert install == "pip install '.[cli]'"
    checker = doctest.OutputChecker()
    shown = between(text, "```json\n", "```")
    got = run(command)
    assert checker.check_output(shown, got, FLAGS), got
    assert parse(Path("signing.jwk").read_text())["kid"] == parse(got)["kid"]


def test_the_pictures_are_there_and_show_what_the_text_says() -> None:
    shown = {
        "docs/speed.svg": ["joserfc", "jwcrypto", "workers", "Dask", "cryptography"],
        "docs/timeline.svg": ["no\xa0active\xa0key", "━", "┄", "░"],
    }
    assert sorted(re.findall(r"!\[[^]]*\]\(([^)]*)\)", README.read_text())) == sorted(shown)
    for name, parts in shown.items():
        words = "".join(ET.fromstring((ROOT / name).read_text()).itertext())
        for part in parts:
            assert part in words


def test_the_tests_that_it_shows_pass_when_they_are_copied(tmp_path: Path) -> None:
    """Who starts by copying them must not start with an error."""
    section = between(README.read_text(), "\n## In tests\n", "\n## ")
    files = re.findall(r"```python\n# (test_\w+\.py)\n(.*?)```", section, re.DOTALL)
    assert [name for name, _ in files] == ["test_tokens.py", "test_client.py"]
    for name, text in files:
        (tmp_path / name).write_text(text)
    shown = run(f"cd {tmp_path} && python -m pytest -p no:cacheprovider -W error")
    assert "4 passed" in shown, shown


def test_every_command_stands_in_the_table() -> None:
    rows = re.findall(r"^\| (`.*?) \|", README.read_text(), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([a-z]+) ", row)}
    assert named - {"trustkeys"} == {*keyset.list_commands(click.Context(keyset))}


def between(text: str, start: str, end: str) -> str:
    return text.partition(start)[2].partition(end)[0]


def test_the_first_screen_holds_both_commands() -> None:
    first_screen = README.read_text().splitlines()[:40]
    assert sum("pip install" in line for line in first_screen) == 2
