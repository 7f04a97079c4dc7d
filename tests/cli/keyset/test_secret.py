"""trustkeys keyset secret: a secret text is added, and never shown."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import jwcrypto.jwe
import jwcrypto.jwk
import pytest

import trustkeys
from tests import support
from tests.cli.exchange import (
    PASSWORD,
    Runner,
    at_a_terminal,
    command,
    contents,
    done,
)
from tests.support import failed, parse
from trustkeys import TrustFrameworkKeySet, store


def test_a_secret_is_read_from_a_pipe(files: Path) -> None:
    before = [*store.load(files / "secrets")]
    dates = ("--nbf", "4000000000", "--exp", "+9s")
    data = "p@ss w\u00f6rd\r\n".encode()
    process: Any = command("keyset", "secret", "secrets", *dates, cwd=files, input=data, text=False)
    assert process.returncode == 0, process.stderr
    text = process.stdout.decode()
    *first, new = store.load(files / "secrets")
    assert first == before
    assert parse(text) == new.to_graph()
    secret = jwcrypto.jwk.JWK(**new.to_jwk(private=True)).export(as_dict=True)["k"]
    assert base64.urlsafe_b64decode(f"{secret}==").decode() == "p@ss w\u00f6rd"
    assert (new.use, new.nbf, new.exp) == ("sig", 4000000000, 4000000009)
    assert new.kid != trustkeys.jwk_thumbprint(new.to_jwk(private=True))
    assert "p@ss" not in text
    assert support.leaks(text, new.to_jwk(private=True)) == []
    store.save(TrustFrameworkKeySet("a"), files / "empty", password=PASSWORD)
    args = ("keyset", "secret", "empty", "--password-file", "pw", "--use", "enc")
    done(*args, cwd=files, input="text")
    assert store.load(files / "empty", password=PASSWORD).use == "enc"


@pytest.mark.parametrize(
    ("args", "secret", "message"),
    [
        (["pair"], "text", "set of their own (AADB2C95032)"),
        (
            ["secrets", "--use", "enc"],
            "text",
            "put enc keys into a key set of their own",
        ),
        (["secrets"], "", "the secret must be text of at least one character, but is empty"),
        (["secrets"], "x" * 65_537, "the secret must be at most 65536 bytes long"),
        (["secrets", "--password-file", "-"], "text", "standard input is the secret"),
        (["empty"], "text", "use is missing: it must be sig or enc (AADB2C90253)"),
        (["secrets", "--exp", "x"], "text", "exp must be seconds since 1970"),
    ],
)
def test_a_refused_secret_changes_nothing(
    files: Path, quickly: Runner, args: list[str], secret: str, message: str
) -> None:
    store.save(TrustFrameworkKeySet("empty"), files / "empty", plain=True)
    before = contents(files)
    assert message in failed(quickly("keyset", "secret", *args, stdin=secret), 2)
    assert contents(files) == before


def test_a_secret_is_typed_twice_and_never_shown(files: Path) -> None:
    args = ("keyset", "secret", "secrets")
    answers = ["s3cret text", "s3cret test", "s3cret text", "s3cret text"]
    code, screen = at_a_terminal(*args, cwd=files, answers=answers)
    assert code == 0
    # Two different answers are not accepted: the prompt is repeated.
    assert "do not match" in screen
    assert (
        screen.count("Secret to add to secrets: ") == screen.count("Repeat for confirmation: ") == 2
    )
    assert "s3cret" not in screen
    *_, new = store.load(files / "secrets")
    assert new.to_jwk(private=True)["k"] == "czNjcmV0IHRleHQ"


BODIES = """
{"k": "the first", "nbf": 1893456000}
{"k": "the second", "use": "sig", "nbf": "2031-01-01", "exp": "+30d"}

{"k": "the last", "nbf": null}
"""


def test_several_secrets_with_their_dates_are_read_from_a_file(
    files: Path, quickly: Runner
) -> None:
    before = [*store.load(files / "secrets")]
    (files / "bodies").write_text(f"{BODIES} \t\n")
    process = quickly("keyset", "secret", "secrets", "--requests", "bodies")
    added = parse(support.without_warning(process))["value"]
    keys = [*store.load(files / "secrets")]
    assert keys[: len(before)] == before
    new = keys[len(before) :]
    assert [key.to_graph() for key in new] == added
    secrets = [base64.urlsafe_b64decode(key.to_jwk(private=True)["k"] + "==") for key in new]
    assert secrets == [b"the first", b"the second", b"the last"]
    start = 1924992000
    assert [(key.nbf, key.exp) for key in new] == [
        (1893456000, None),
        (start, start + 30 * 86_400),
        (None, None),
    ]
    piped = quickly("keyset", "secret", "secrets", "--requests", "-", stdin=BODIES)
    assert len(parse(support.without_warning(piped))["value"]) == 3


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"k": "s3cret", "nbf": "soon"}', "bodies: line 3: nbf must be a time T"),
        ('{"k": "2031-01-01", "nbf": "s3cret"}', "not a string of 6 characters"),
        ('{"k": "s3cret", "nbf": -5}', "bodies: line 3: nbf must be from 0"),
        ('{"k": "s3cret", "nbf": [5]}', "bodies: line 3: nbf must be whole seconds"),
        ('{"k": "s3cret", "kty": "oct"}', "bodies: line 3: a secret has use, k, nbf and exp"),
        ('{"k": "s3cret", "kid": "mine"}', "bodies: line 3: a secret has use, k, nbf and exp"),
        ('{"k": "s3cret", "s3cret text of some length": 1}', "not a string of 26 characters"),
        ('{"k": "s3cret", "use": "enc"}', "bodies: line 3: B2C_1A_secrets has sig keys"),
        ('{"k": ""}', "bodies: line 3: the secret must be text"),
        ("{}", "bodies: line 3: the secret must be text"),
        ("s3cret", "bodies: line 3: the body is not JSON"),
        ('["s3cret"]', "bodies: line 3: the body must be a JSON object"),
    ],
)
def test_one_bad_line_adds_no_secret_and_shows_none(
    files: Path, quickly: Runner, line: str, message: str
) -> None:
    (files / "bodies").write_text(f'{{"k": "fine"}}\n\n{line}\n')
    before = contents(files)
    shown = failed(quickly("keyset", "secret", "secrets", "--requests", "bodies"), 2)
    assert message in shown
    assert "s3cret" not in shown
    assert contents(files) == before


def test_more_secrets_than_a_set_can_have_are_not_read(files: Path, quickly: Runner) -> None:
    (files / "bodies").write_text('{"k": "a"}\n' * 5000 + "not read as JSON")
    process = quickly("keyset", "secret", "secrets", "--requests", "bodies")
    assert "bodies: line 5001: a key set has at most 5000 keys" in failed(process, 2)


def test_the_options_of_one_secret_do_not_go_with_a_file(files: Path, quickly: Runner) -> None:
    """Ignored, they would seem to count for each secret."""
    (files / "bodies").write_text('{"k": "fine"}')
    before = contents(files)
    for option in (["--use", "sig"], ["--nbf", "5"], ["--exp", "+1y"]):
        process = quickly("keyset", "secret", "secrets", "--requests", "bodies", *option)
        assert "--requests replaces --use, --nbf and --exp" in failed(process, 2)
    assert contents(files) == before


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "there is no secret"), ("\n \n", "there is no secret"), ("\n" * 2**24 + "x", "at most")],
)
def test_a_list_without_a_secret_or_too_large_is_refused(
    files: Path, quickly: Runner, content: str, message: str
) -> None:
    (files / "bodies").write_text(content)
    before = contents(files)
    shown = failed(quickly("keyset", "secret", "secrets", "--requests", "bodies"), 2)
    assert shown.startswith("bodies: ")
    assert message in shown
    assert contents(files) == before


@pytest.mark.parametrize(
    "args",
    [
        ("keyset", "secret", "secrets", "hunter2"),
        ("keyset", "secret", "secrets", "--secret", "hunter2"),
        ("keyset", "secret", "secrets", "--json", "hunter2", "hunter2"),
        ("keyset", "password", "secrets", "hunter2"),
        ("keyset", "disable", "secrets", "kid", "hunter2"),
        ("export", "secrets", "hunter2", "--format", "jwe", "-o", "new"),
    ],
)
def test_a_secret_that_was_typed_as_an_argument_is_not_shown(
    quickly: Runner, args: tuple[str, ...]
) -> None:
    process = quickly(*args)
    assert process.returncode == 2
    assert "hunter2" not in process.stdout + process.stderr


def test_what_is_wrong_with_the_file_is_said_before_a_secret_is_typed(files: Path) -> None:
    store.save(TrustFrameworkKeySet("a"), files / "empty", password=PASSWORD)
    for args, message in (
        (("empty", "--password-file", "pw"), "use is missing"),
        (("empty", "--password-file", "secrets", "--use", "sig"), "passphrase is wrong"),
    ):
        code, screen = at_a_terminal("keyset", "secret", *args, cwd=files, answers=[])
        assert code == 2
        assert message in screen
        assert "Secret" not in screen
