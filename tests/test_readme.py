"""The README shows what a newcomer types first. It has to work as shown."""

from __future__ import annotations

import doctest
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.examples import FLAGS, document, run
from tests.support import ROOT, needs_shell, parse
from trustkeys.testing import GraphTransport

README = ROOT / "README.md"


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.deep
@needs_shell
def test_the_examples_do_what_they_show() -> None:
    examples = list(document(README).examples())
    assert len(examples) == 8
    for example in examples:
        example.evaluate()
    # The last block has two tests, which are only defined until now.
    shown = examples[-1].namespace
    shown["test_the_public_key_has_no_private_part"]()
    shown["test_graph_returns_the_key_id"](GraphTransport())


def test_the_first_command_prints_the_answer_that_is_shown() -> None:
    text = README.read_text("utf-8")
    install, command = between(text, "```sh\n", "\n```").split(" && ")
    assert install == 'pip install ".[cli]"'
    got = run(command)
    assert doctest.OutputChecker().check_output(between(text, "```json\n", "```"), got, FLAGS), got
    assert parse(Path("signing.jwk").read_text("utf-8"))["kid"] == parse(got)["kid"]


def test_the_first_screen_has_the_two_commands_of_a_fresh_machine() -> None:
    first_screen = README.read_text("utf-8").splitlines()[:40]
    assert sum("pip install" in line for line in first_screen) == 2
    # CI runs this line as it stands.
    assert 'pip install -e ".[dev]" && pytest' in first_screen


def test_the_two_commands_run_in_the_shells_of_windows() -> None:
    """The one knows no single quotes, and both lack what only sh has."""
    commands = [line for line in README.read_text("utf-8").splitlines()[:40] if "&&" in line][:2]
    workflow = (ROOT / ".github" / "workflows" / "tests.yml").read_text("utf-8")
    assert "shell: [cmd, pwsh]" in workflow
    for each in commands:
        assert each.startswith("pip install")
        assert f"- run: {each}\n" in workflow


def test_the_readme_fits_a_few_screens() -> None:
    assert len(README.read_text("utf-8").splitlines()) <= 150


def test_every_link_and_picture_leads_to_a_file() -> None:
    links = re.findall(r"\]\(([^)]*)\)", README.read_text("utf-8"))
    assert len(links) > 20
    for link in links:
        assert (ROOT / link).exists(), link


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        ("docs/speed.svg", ["joserfc", "jwcrypto", "workers", "Dask", "cryptography"]),
        (
            "docs/growth.svg",
            ["load", "save", "edit", "rotate", "check", "show", "batch", "exponent"],
        ),
        ("docs/timeline.svg", ["active now", "no key", "disabled", "2027-05-01"]),
    ],
)
def test_the_pictures_show_what_the_text_says(picture: str, words: list[str]) -> None:
    text = "".join(ET.fromstring((ROOT / picture).read_text("utf-8")).itertext())
    for word in words:
        assert word in text


def between(text: str, start: str, end: str) -> str:
    return text.partition(start)[2].partition(end)[0]
