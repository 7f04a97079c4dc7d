"""Options mean the same in every command: the passphrase of a file, and - for standard input."""

from __future__ import annotations

import shutil
from pathlib import Path

import click
import pytest

from tests.cli.exchange import PASSWORD, Keys, Runner, contents
from tests.cli.tree import COMMANDS, LINES
from tests.support import failed
from trustkeys import store
from trustkeys.cli.params import CHANGED

SETS = ("pair", "one", "secrets")

READ = [(name, word) for name, line in LINES.items() for word in line.split()]
READ = [
    (name, word)
    for name, word in READ
    if word in (*SETS, "rsa.jwk", "answer") and COMMANDS[name].params[0].type is not CHANGED
]


def words_of(name: str, keys: Keys) -> list[str]:
    return [*name.split(), *LINES[name].format(other=keys.other.kid).split()]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_passphrase_of_the_file_has_one_name(
    every: Runner, files: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for each in SETS:
        store.change_password(files / each, new_password=PASSWORD)
    words = words_of(name, keys)
    reads_a_set = bool({*SETS} & {*words})
    if reads_a_set:
        refused = failed(every(*words, stdin="a secret of a provider"), 2)
        assert "there is no terminal to ask for a passphrase: use --password-file" in refused
    done = every(*words, "--password-file", "pw", stdin="a secret of a provider")
    if reads_a_set:
        assert done.returncode == 0, done.stderr
    # Where a file is new, the option that opens it later protects it now.
    elif name in ("generate", "keyset create"):
        assert (name == "generate") == (done.returncode == 0)  # LINES has --plain


def test_no_other_option_is_for_a_passphrase() -> None:
    found: dict[str, set[str]] = {}
    for name, command in COMMANDS.items():
        for param in command.params:
            if "password" in param.name and isinstance(param, click.Option) and not param.hidden:
                found.setdefault(param.opts[0], set()).add(name)
    assert found.pop("--password-file") == {*COMMANDS} - {"batch", "audit"}
    assert found == {
        "--output-password-file": {"export", "import"},
        "--new-password-file": {"keyset password"},
        "--key-password-file": {"keyset add"},
    }


def test_a_script_for_the_old_names_of_export_stops(
    every: Runner, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It must not write a key that is protected in another way than it asked for."""
    store.change_password(files / "one", new_password=PASSWORD)
    (files / "out-pw").write_text("another passphrase")
    before = contents(files)
    for args, message in [
        ("one --format pem --password-file out-pw --input-password-file pw", "is now"),
        ("one --format csr --subject CN=a --input-password-file pw", "is now --password-file"),
        ("one --format pem --password-file out-pw", "the passphrase is wrong"),
        ("one --format jwe --password-file pw", "choose --output-password-file or --to"),
        ("secrets --format jwe --password-file pw", "choose --output-password-file or --to"),
        ("rsa.jwk --format pem --password-file pw", "use --output-password-file for OUT"),
    ]:
        assert message in failed(every("export", *args.split(), "-o", "new"), 2)
        assert contents(files) == before


def test_every_file_has_a_type() -> None:
    for name, command in COMMANDS.items():
        files = [param for param in command.params if "file" in param.name]
        shown = [each for each in files if not getattr(each, "hidden", False)]
        assert click.STRING not in {each.type for each in shown}, name


@pytest.mark.deep
@pytest.mark.parametrize(("name", "file"), READ)
def test_a_hyphen_reads_standard_input(
    every: Runner, files: Path, keys: Keys, name: str, file: str
) -> None:
    words = words_of(name, keys)
    expected = every(*words)
    assert expected.returncode == 0
    for new in (files / "new", files / "new.password"):
        shutil.rmtree(new, ignore_errors=True) if new.is_dir() else new.unlink(missing_ok=True)
    content = (files / file).read_text()
    given = every(*["-" if word == file else word for word in words], stdin=content)
    assert (given.returncode, given.stderr) == (0, expected.stderr)
    assert given.stdout == expected.stdout


def test_an_encrypted_key_set_comes_from_standard_input(
    every: Runner, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = every("keyset", "check", "pair").stdout
    store.change_password(files / "pair", new_password=PASSWORD)
    text = (files / "pair").read_text()
    assert every("keyset", "check", "-", "--password-file", "pw", stdin=text).stdout == plain
    for command in ("check", "show"):
        refused = every("keyset", command, "-", stdin=text)
        assert "no terminal to ask" in failed(refused, 2)
    refused = every("keyset", "show", "-", "--password-file", "pw", stdin="{}")
    assert "-: it is not encrypted, but a passphrase was given" in failed(refused, 2)


def test_a_file_that_is_changed_is_not_standard_input(every: Runner, keys: Keys) -> None:
    changing = [name for name in COMMANDS if COMMANDS[name].params[0].type is CHANGED]
    assert len(changing) >= 9
    for name in changing:
        first, *rest = LINES[name].format(other=keys.other.kid).split()
        assert first in SETS
        message = failed(every(*name.split(), "-", *rest), 2)
        assert message.startswith("FILE is changed in place: name a file")


def test_standard_input_is_one_file_only(every: Runner) -> None:
    assert "FILE and ANSWER are both -" in failed(every("compare", "-", "-"), 2)
    assert "FILE... is - twice" in failed(every("provision", "-", "-", "--to", "new"), 2)
