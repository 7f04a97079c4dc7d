"""trustkeys keyset secret: a secret text is added, and never shown."""

from __future__ import annotations

import base64
from pathlib import Path

import jwcrypto.jwe
import jwcrypto.jwk
import pytest

import trustkeys
from tests import support
from tests.cli.exchange import (
    PASSWORD,
    Runner,
    at_a_terminal,
    contents,
    done,
)
from tests.support import failed, parse
from trustkeys import TrustFrameworkKeySet, store


def test_a_secret_is_read_from_a_pipe(files: Path) -> None:
    before = [*store.load(files / "secrets")]
    dates = ("--nbf", "4000000000", "--exp", "+9s")
    text = done("keyset", "secret", "secrets", *dates, cwd=files, input="p@ss w\u00f6rd\r\n")
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
        (["secrets"], "x" * 65_537, "the secret must be UTF-8 text of at most 65536 bytes"),
        (["secrets", "--password-file", "-"], "text", "standard input is the secret"),
        (["empty"], "text", "use is missing: sig or enc (AADB2C90253)"),
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
    assert screen.count("Secret for secrets: ") == screen.count("Repeat for confirmation: ") == 2
    assert "s3cret" not in screen
    *_, new = store.load(files / "secrets")
    assert new.to_jwk(private=True)["k"] == "czNjcmV0IHRleHQ"
