"""trustkeys keyset add: a key of any form is added, or the set stays as it is."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from tests.cli.exchange import (
    Foreign,
    Keys,
    Runner,
    command,
    contents,
    done,
    leaked,
    write,
)
from tests.support import failed, parse
from trustkeys import TrustFrameworkKeySet, store


@pytest.mark.parametrize("name", ["pkcs12", "encrypted-pem", "certificate", "pem", "jwe", "der"])
def test_a_key_of_any_form_is_added(
    files: Path, keys: Keys, quickly: Runner, forms: dict[str, Foreign], name: str
) -> None:
    foreign = forms[name]
    # A key without a use gets that of the set.
    resident = attrs.evolve(keys.enc, use="sig")
    store.save(TrustFrameworkKeySet("a", [resident]), files / "set", plain=True)
    write(files / "file", foreign.data)
    write(files / "theirs", foreign.password or "")
    password = ("--key-password-file", "theirs") if foreign.is_encrypted else ()
    dates = foreign.options[2:]
    process = quickly("keyset", "add", "set", "file", *password, *dates)
    assert process.returncode == 0, process.stderr
    assert parse(process.stdout) == foreign.key.to_graph()
    assert leaked(process.stdout, keys) == []
    assert [*store.load(files / "set")] == [resident, foreign.key]


def test_the_use_of_a_key_is_changed_only_on_request(files: Path, keys: Keys) -> None:
    store.save(TrustFrameworkKeySet("a", [keys.other]), files / "set", plain=True)
    before = contents(files)
    line = failed(command("keyset", "add", "set", "enc.jwk", cwd=files), 2)
    assert "has sig keys: put enc keys into a key set of their own (AADB2C95042)" in line
    assert contents(files) == before
    done("keyset", "add", "set", "enc.jwk", "--use", "sig", cwd=files)
    assert [key.use for key in store.load(files / "set")] == ["sig", "sig"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["pair", "rsa.jwk"], "already has a key with that kid"),
        (["pair", "oct.jwk"], "put oct keys into a key set of their own (AADB2C95032)"),
        (["pair", "secrets"], "secrets: this is a key set, and must be one key"),
        (["pair", "pw"], "pw: this is not a JWK"),
        (["empty", "plain.pem"], "plain.pem: use is missing: the file does not say"),
        (["pair", "locked.pem"], "use --key-password-file"),
        (["pair", "locked.pem", "--key-password-file", "pw"], "the passphrase is wrong"),
        (["pair", "-", "--password-file", "-"], "standard input can be read only once"),
        (["pair", "-", "--key-password-file", "-"], "standard input can be read only once"),
        (["pair", "rsa.jwk", "--nbf", "x"], "--nbf must be seconds since 1970"),
    ],
)
def test_a_refused_key_changes_nothing(
    files: Path, quickly: Runner, forms: dict[str, Foreign], args: list[str], message: str
) -> None:
    store.save(TrustFrameworkKeySet("empty"), files / "empty", plain=True)
    write(files / "plain.pem", forms["pem"].data)
    write(files / "locked.pem", forms["encrypted-pem"].data)
    before = contents(files)
    assert message in failed(quickly("keyset", "add", *args), 2)
    assert contents(files) == before
