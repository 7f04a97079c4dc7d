"""--alias: of several keys in a PFX, the one that is meant, and never another."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from tests.cli.exchange import Keys, Runner, at_a_terminal, contents, leaked, write
from tests.formats import bags
from tests.support import failed, parse
from trustkeys import TrustFrameworkKey, TrustFrameworkKeySet, store
from trustkeys.formats import pem
from trustkeys.formats.certificates import certificates_of

HELD = "the PKCS#12 file holds 2 private keys ('one' and 'two')"


@pytest.fixture
def pfx(files: Path, keys: Keys) -> str:
    """A keystore with two keys, of which the first has a certificate."""
    (leaf,) = certificates_of(keys.rsa)
    data = bags.pfx(
        bags.plain_part(bags.shrouded_bag(keys.rsa, "one"), bags.shrouded_bag(keys.other, "two")),
        bags.encrypted_part(bags.certificate_bag(leaf, "one")),
    )
    write(files / "two.pfx", data)
    write(files / "theirs", bags.PASSWORD)
    return "two.pfx"


@pytest.mark.deep
def test_without_it_the_names_are_shown(pfx: str, keys: Keys, quickly: Runner) -> None:
    (leaf,) = certificates_of(keys.rsa)
    options = (pfx, "--password-file", "theirs")
    message = failed(quickly("import", *options, "-o", "new", "--use", "sig"), 2)
    shown = quickly("inspect", *options)
    assert shown.returncode == 3
    for text in (message, shown.stdout):
        assert f"{HELD}: choose one by its name, or by the SHA-1 of its certificate (" in text
        assert leaf.fingerprint(SHA1()).hex() in text
        assert "with --alias" in text
        assert leaked(text, keys) == []


@pytest.mark.deep
@pytest.mark.parametrize("name", ["one", "two", "SHA-1", "SHA-256"])
def test_the_key_of_that_name_is_inspected_and_imported(
    pfx: str, files: Path, keys: Keys, quickly: Runner, name: str
) -> None:
    (leaf,) = certificates_of(keys.rsa)
    # As inspect prints it, and as openssl does.
    prints = {"SHA-1": leaf.fingerprint(SHA1()).hex(), "SHA-256": leaf.fingerprint(SHA256())}
    alias = str(prints.get(name, name))
    if name == "SHA-256":
        alias = leaf.fingerprint(SHA256()).hex(":").upper()
    expected = keys.other if name == "two" else keys.rsa
    options = (pfx, "--alias", alias, "--password-file", "theirs")
    if expected == keys.other:
        # Its certificate is missing: that of the other key does not belong to it.
        message = "none of the certificates is for this key"
        assert message in failed(quickly("import", *options, "-o", "new", "--use", "sig"), 2)
        assert message in quickly("inspect", *options).stdout
        return
    found = parse(quickly("inspect", *options, "--json").stdout)
    assert [key["kid"] for key in found["keys"]] == [expected.kid]
    assert found["certificates"][0]["sha256"] == leaf.fingerprint(SHA256()).hex(":").upper()
    process = quickly("import", *options, "-o", "new")
    assert process.returncode == 0, process.stderr
    assert TrustFrameworkKey.from_jwk((files / "new").read_bytes()) == expected


@pytest.mark.parametrize(
    "alias", ["three", *(pytest.param(a, marks=pytest.mark.deep) for a in ("", "ONE", "0" * 40))]
)
def test_a_wrong_name_is_refused_and_nothing_written(
    pfx: str, files: Path, keys: Keys, quickly: Runner, alias: str
) -> None:
    options = (pfx, "--alias", alias, "--password-file", "theirs")
    before = contents(files)
    message = failed(quickly("import", *options, "-o", "new", "--use", "sig"), 2)
    shown = quickly("inspect", *options)
    assert shown.returncode == 3
    for text in (message, shown.stdout):
        assert f"{HELD}, and none of that name: choose one by its name" in text
        assert leaked(text, keys) == []
    assert contents(files) == before


def test_it_chooses_the_key_to_add_to_a_set(
    pfx: str, files: Path, keys: Keys, quickly: Runner
) -> None:
    store.save(TrustFrameworkKeySet("a"), files / "empty", plain=True)
    options = ("empty", pfx, "--key-password-file", "theirs")
    assert f"{HELD}: choose one" in failed(quickly("keyset", "add", *options), 2)
    process = quickly("keyset", "add", *options, "--alias", "one")
    assert process.returncode == 0, process.stderr
    assert [*store.load(files / "empty")] == [keys.rsa]


def test_it_is_for_pkcs12_alone(files: Path, keys: Keys, quickly: Runner) -> None:
    message = "an alias chooses a key in a PKCS#12 file, and this is none"
    write(files / "one.pem", pem.to_pem(keys.rsa, private=True))
    for name in ("rsa.jwk", "pair", "one.pem"):
        assert message in failed(quickly("import", name, "--alias", "one", "-o", "new"), 2)
        assert message in failed(quickly("inspect", name, "--alias", "one"), 2)


@pytest.mark.deep
def test_it_counts_after_the_question_for_the_passphrase_too(
    pfx: str, files: Path, keys: Keys
) -> None:
    answers = [bags.PASSWORD]
    for alias, code in (("one", 0), ("three", 2)):
        args = ("import", pfx, "--alias", alias, "-o", f"new-{alias}")
        found, screen = at_a_terminal(*args, cwd=files, answers=answers)
        assert (found, screen.count("Passphrase of two.pfx: ")) == (code, 1)
        assert leaked(screen, keys) == []
    assert f"{HELD}, and none of that name" in screen
    assert TrustFrameworkKey.from_jwk((files / "new-one").read_bytes()) == keys.rsa
    assert not (files / "new-three").exists()
