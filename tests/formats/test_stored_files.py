"""Files that programs of others wrote. tests/interop lets the programs write new ones."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from tests.formats.helpers import refused
from trustkeys.formats.jwe import decrypt
from trustkeys.formats.reading import read_key, recognise

FILES = Path(__file__).parent / "files"
PASSWORD = "correct horse battery staple"
# The thumbprint of the key in all of them.
KID = "Hy4w50lyPjaepxK3elNLOMKNVT65u8IwUTF1_3KPGB4"

READ: dict[str, tuple[str, str | None]] = {
    # go.step.sm/crypto 0.92, go-jose 4.1, jwx 3.4
    "step.json": ("jwe", None),
    "go-jose.json": ("jwe", None),
    "jwx.json": ("jwe", None),
    # jose 6.2 for Node, Nimbus 10.10, jose4j 0.9
    "panva.json": ("jwe", None),
    "nimbus.jwe": ("jwe", None),
    "jose4j.jwe": ("jwe", None),
    # Bouncy Castle 1.84, go-pkcs12 0.7 with PBMAC1, OpenJDK 17
    "bouncy-castle.pem": ("pem", None),
    "bouncy-castle.pfx": ("pkcs12", None),
    "go-pkcs12.pfx": ("pkcs12", None),
    "java-secret-key.pfx": ("pkcs12", "left out 1 secret key: 'aes'"),
}

REFUSED = {
    "java-two-keys.pfx": ("pkcs12", "holds 2 private keys ('mine' and 'theirs')"),
    "go-trust-store.pfx": ("pkcs12", "a private RSA key, and it holds 1 certificate"),
    "step-openssh.pem": ("pem", "OpenSSH"),
}


@pytest.mark.parametrize(
    "name",
    # It asks for 600,000 rounds of SHA-384.
    [pytest.param(name, marks=[pytest.mark.deep] * (name == "go-jose.json")) for name in READ],
)
def test_a_file_of_another_program_is_read(name: str) -> None:
    data = (FILES / name).read_bytes()
    form, remark = READ[name]
    found = recognise(data)
    assert (found.form, found.protection) == (form, "passphrase")
    warned: Any = pytest.warns(UserWarning, match=remark) if remark else nullcontext()
    with warned:
        assert read_key(data, use="sig", password=PASSWORD).kid == KID


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_holds_not_one_key_is_refused_with_the_reason(name: str) -> None:
    data = (FILES / name).read_bytes()
    form, words = REFUSED[name]
    assert recognise(data).form == form
    assert words in refused(read_key, data, use="sig", password=PASSWORD).message


def test_one_of_two_keys_of_java_is_taken_by_its_name() -> None:
    data = (FILES / "java-two-keys.pfx").read_bytes()
    with pytest.warns(UserWarning, match="left out"):
        key = read_key(data, use="sig", password=PASSWORD, alias="mine")
    assert (key.kid, len(key.x5c)) == (KID, 2)


@pytest.mark.parametrize("name", ["go-jose.json", "panva.json"])
def test_a_jwe_for_several_recipients_is_read_with_the_key_of_one(name: str) -> None:
    key = decrypt((FILES / "go-jose.key.jwe").read_bytes(), password=PASSWORD)
    assert read_key((FILES / name).read_bytes(), use="sig", with_key=key).kid == KID
