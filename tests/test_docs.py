"""The documentation must work as shown, and name everything that there is."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import get_args

import jwcrypto.jwa
import pytest
from click import Context, Group

import trustkeys
from tests.examples import document
from tests.standins.tenant import Tenant
from tests.support import ROOT, environment, needs_shell, source_of_the_check
from trustkeys.cli.main import group
from trustkeys.keyset.calendar import EventKind

DOCS = ROOT / "docs"

PAGES = [page for page in sorted(DOCS.rglob("*.md")) if list(document(page).examples())]

# As the pages name it.
TENANT = "8a5ac7b6-0d55-4c33-8f1e-0b6a5b1f2c3d"


def title(page: Path) -> str:
    return page.relative_to(DOCS).with_suffix("").as_posix()


def marks(page: Path) -> list[pytest.MarkDecorator]:
    if "```console" in page.read_text("utf-8"):
        return [pytest.mark.deep, needs_shell]
    return [pytest.mark.deep] if page.parent.name == "tutorials" else []


@pytest.fixture
def tenant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tenant:
    """A simulated tenant, with `az` signed in to it, and an empty folder to work in."""
    tenant = Tenant(tmp_path)
    tenant.at(int(time.time()))
    tenant.change(tenant=TENANT)
    for name in ("PATH", "STANDIN"):
        monkeypatch.setenv(name, tenant.environment[name])
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return tenant


def stop_server() -> None:
    """End the server of a page whose examples failed before they did."""
    pid = Path("pid")
    if pid.exists():
        with suppress(ProcessLookupError):
            os.kill(int(pid.read_text()), signal.SIGKILL)


@pytest.mark.usefixtures("clean_registry", "documented_rounds", "tenant")
@pytest.mark.parametrize("page", [pytest.param(p, marks=marks(p), id=title(p)) for p in PAGES])
def test_the_examples_of_a_page_work_in_an_empty_folder(
    page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One page raises it.
    limit = jwcrypto.jwa.default_max_pbkdf2_iterations
    monkeypatch.setattr(jwcrypto.jwa, "default_max_pbkdf2_iterations", limit)
    try:
        for example in document(page).examples():
            example.evaluate()
    finally:
        stop_server()


def test_the_tutorials_and_how_to_pages_have_examples() -> None:
    folders = {page.parent.name for page in PAGES}
    assert folders >= {"tutorials", "how-to"}
    for folder in ("tutorials", "how-to"):
        assert {*(DOCS / folder).glob("*.md")} <= {*PAGES}


@pytest.mark.deep
def test_the_tests_of_the_tutorial_pass_when_they_are_copied(tmp_path: Path) -> None:
    text = (DOCS / "tutorials" / "testing.md").read_text("utf-8")
    files = re.findall(r"```python\n# (test_\w+\.py)\n(.*?)```", text, re.DOTALL)
    assert [name for name, _ in files] == [
        "test_tokens.py",
        "test_client.py",
        "test_retry.py",
        "test_engine.py",
    ]
    for name, content in files:
        (tmp_path / name).write_text(content, "utf-8")
    # With CI, Hypothesis has no deadline, which a busy machine misses.
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error"],
        cwd=tmp_path,
        env=environment(CI="true"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "5 passed" in done.stdout, done.stdout + done.stderr


def test_the_names_of_extras_are_in_quotes_that_cmd_knows_too() -> None:
    """In cmd, single quotes are part of the name."""
    texts = [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "trustkeys").rglob("*.py")]
    for path in [*texts, ROOT / "examples" / "README.md"]:
        text = path.read_text("utf-8")
        assert re.findall(r"pip install (?:-e )?'[^'\n]*", text) == [], path


def test_every_program_of_the_examples_is_there_in_powershell_or_replaced() -> None:
    """A page can be followed in PowerShell."""
    page = (DOCS / "how-to" / "windows.md").read_text("utf-8")
    named = {*re.findall(r"[\w-]+", page)}
    everywhere = {"az", "pip", "pytest", "python", "sphinx-build"}
    used: set[str] = set()
    for path in [ROOT / "README.md", *DOCS.rglob("*.md")]:
        blocks = re.findall(r"```(console|sh)\n([^`]*)```", path.read_text("utf-8"))
        for kind, block in blocks:
            text = re.sub(r"'[^']*'|\"[^\"]*\"|\\\n|#.*", " ", block)
            lines = re.findall(r"(?m)^\s*\$ (.*)", text) if kind == "console" else [text]
            for line in lines:
                used |= {*re.findall(r"(?m)(?:^|[|;&(]|\bdo\b)\s*([a-z-]+)", line)}
    assert used > {"trustkeys", "umask", "echo", "sed", "curl"}
    completion = {"eval", "source"}  # which has lines of its own for PowerShell
    assert used - named - everywhere - completion == set()


def test_every_command_is_in_the_table_of_commands() -> None:
    keyset = group.get_command(Context(group), "keyset")
    assert isinstance(keyset, Group)
    rows = re.findall(
        r"^\| (`.*?) \|", (DOCS / "reference" / "commands.md").read_text("utf-8"), re.MULTILINE
    )
    named = {name for row in rows for name in re.findall(r"`([a-z]+) ", row)}
    assert named - {"trustkeys"} == {*keyset.list_commands(Context(keyset))}


def test_every_error_code_is_in_the_table_of_codes() -> None:
    files = [*(ROOT / "trustkeys").rglob("*.py"), *(ROOT / "trustkeys" / "graph").glob("*.sh")]
    source = "".join(file.read_text("utf-8") for file in files)
    page = (DOCS / "reference" / "errors.md").read_text("utf-8")
    used = {*re.findall(r"AADB2C\d+", source)}
    assert used == {*re.findall(r"^\| (AADB2C\d+)", page, re.MULTILINE)}


def test_every_finding_of_the_check_is_on_the_page_of_findings() -> None:
    source = source_of_the_check()
    page = (DOCS / "reference" / "findings.md").read_text("utf-8")
    others = {"BadRequest", "NotFound", *trustkeys.__all__}
    found = {*re.findall(r'"((?:[A-Z][a-z]+){2,})"', source)} - others
    assert len(found) > 15
    assert found == {*re.findall(r"^### (\w+)$", page, re.MULTILINE)}
    # Each section says how severe the finding is, and shows it.
    errors = set()
    for section in page.split("\n### ")[1:]:
        code, _, text = section.partition("\n\n")
        assert text.startswith(("Error: ", "Warning: "))
        assert f"['{code}" in text
        if text.startswith("Error: "):
            errors.add(code)
    assert errors == {*re.findall(r'(?:"error",|key\.error\()\s*"((?:[A-Z][a-z]+){2,})"', source)}
    listed = trustkeys.check_key_set.__doc__ or ""
    assert found == {*re.findall(r"\* ``((?:[A-Z][a-z]+){2,})``", listed)}


def test_every_kind_of_event_is_in_the_table_of_the_calendar() -> None:
    page = (DOCS / "how-to" / "calendar.md").read_text("utf-8")
    assert re.findall(r"^\| `([A-Z]\w+)` \|", page, re.MULTILINE) == [*get_args(EventKind)]


def test_every_public_name_is_in_the_reference() -> None:
    pages = "".join(page.read_text("utf-8") for page in (DOCS / "reference" / "api").glob("*.md"))
    documented = {*re.findall(r"^\.\. auto\w+:: (?:trustkeys\.)?(\w+)", pages, re.MULTILINE)}
    assert {*trustkeys.__all__} <= documented
    modules = {*re.findall(r"^\.\. automodule:: (\S+)", pages, re.MULTILINE)}
    assert modules >= {"trustkeys.graph", "trustkeys.store", "trustkeys.testing"}
    for path in (ROOT / "trustkeys" / "formats").glob("*.py"):
        # The form of a recipient is that of a key.
        if "__all__" in path.read_text("utf-8") and path.stem != "recipient":
            assert f"trustkeys.formats.{path.stem}" in modules
