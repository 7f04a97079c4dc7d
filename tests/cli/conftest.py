"""Real keys, and files in all forms, for the tests of several commands."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import attrs
import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
)

from tests.cli.exchange import (
    PASSWORD,
    STRANGERS,
    Foreign,
    Keys,
    Runner,
    strangers,
    write,
)
from trustkeys import TrustFrameworkKey, TrustFrameworkKeySet, store
from trustkeys.cli import command, kids, main, passphrases, progress, terminal
from trustkeys.formats import certificates, pem, pkcs12
from trustkeys.formats.exported import Exported
from trustkeys.formats.jwe import encrypt


@pytest.fixture(scope="session", autouse=True)
def unprotected() -> Iterator[None]:
    """Leave the process of the tests as it is, when a command runs in it."""
    with mock.patch.object(command, "protect_memory"), mock.patch.object(kids, "protect_memory"):
        yield


@pytest.fixture(scope="session", autouse=True)
def terminals() -> Iterator[None]:
    """Let what passes for a terminal in a test be none that Windows has to know."""
    with (
        mock.patch.object(terminal, "UNUSED_COLUMNS", 0),
        mock.patch.object(terminal, "obeys_escape_codes", return_value=True),
        mock.patch.object(progress, "obeys_escape_codes", return_value=True),
    ):
        yield


@pytest.fixture(scope="session")
def keys(certified: TrustFrameworkKey) -> Keys:
    return Keys(certified)


@pytest.fixture
def files(tmp_path: Path, keys: Keys) -> Path:
    """A folder with key sets, single keys, and a passphrase."""
    store.save(TrustFrameworkKeySet("pair", [keys.rsa, keys.other]), tmp_path / "pair", plain=True)
    secrets = TrustFrameworkKeySet("secrets", [keys.oct, keys.second_oct])
    store.save(secrets, tmp_path / "secrets", plain=True)
    for name, key in (("rsa.jwk", keys.rsa), ("enc.jwk", keys.enc), ("oct.jwk", keys.oct)):
        write(tmp_path / name, json.dumps(key.to_jwk(private=True)))
    write(tmp_path / "pw", f"{PASSWORD}\n")
    return tmp_path


@pytest.fixture
def quickly(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Runner:
    """Run the command in the folder `files` and in this process, to save time in long tables."""
    monkeypatch.chdir(files)
    monkeypatch.setattr(passphrases, "has_terminal", lambda: False)

    def run(*args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        code = main._run(args)
        return subprocess.CompletedProcess(args, code, *capsys.readouterr())

    return run


@pytest.fixture
def every(quickly: Runner, files: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Runner:
    """Run the lines of tree.py in this process, whose streams stay open."""
    store.save(TrustFrameworkKeySet("one", [keys.other]), files / "one", plain=True)
    answer = TrustFrameworkKeySet("pair", [keys.rsa, keys.other]).to_graph()
    write(files / "answer", json.dumps(answer))
    return quickly


@pytest.fixture(scope="session")
def forms(keys: Keys) -> dict[str, Foreign]:
    key, other = keys.rsa, keys.other
    use = ("--use", "sig")
    crt = certificates.to_certificate_pem(key)
    (der,) = (each.public_bytes(Encoding.DER) for each in certificates.certificates_of(key))
    jwk = json.dumps(key.to_jwk(private=True), indent=1).encode()
    jwe = Exported(encrypt(jwk, password=PASSWORD, cty="jwk+json").encode(), PASSWORD)
    locked = pem.to_encrypted_pem(key)
    both = Exported(crt + locked.data, locked.password)
    dated = attrs.evolve(other, nbf=4000000000, exp=4000000004)
    return {
        "encrypted-pem": Foreign(pem.to_encrypted_pem(other), other, *use, form="pem"),
        "encrypted-der": Foreign(pem.to_encrypted_der(other), other, *use, form="der"),
        "pkcs12": Foreign(pkcs12.to_pkcs12(key), key, form="pkcs12"),
        "pkcs12-b2c": Foreign(pkcs12.to_pkcs12_b2c(key), key, form="pkcs12"),
        "jwe": Foreign(jwe, key, form="jwe"),
        "pem": Foreign(
            pem.to_pem(other, private=True),
            dated,
            *use,
            "--nbf",
            "4000000000",
            "--exp",
            "+4s",
            form="pem",
        ),
        "der": Foreign(pem.to_der(other, private=True), other, *use, form="der"),
        "public-pem": Foreign(pem.to_pem(other), other.public(), *use, form="pem"),
        "public-der": Foreign(pem.to_der(other), other.public(), *use, form="der"),
        "certificate": Foreign(crt, key.public(), form="certificate"),
        "certificate-der": Foreign(der, key.public(), form="certificate"),
        "pem-with-certificate": Foreign(pem.to_pem(key, private=True) + crt, key, form="pem"),
        "encrypted-pem-with-certificate": Foreign(both, key, form="pem"),
        "jwk": Foreign(b"\xef\xbb\xbf" + jwk, key, form="jwk"),
        "oct": Foreign(json.dumps(keys.oct.to_jwk(private=True)).encode(), keys.oct, form="jwk"),
        "answer": Foreign(json.dumps(other.to_graph()).encode(), other.public(), form="jwk"),
    }


@pytest.fixture(scope="session")
def strange(keys: Keys, forms: dict[str, Foreign]) -> dict[str, tuple[bytes, str]]:
    found = strangers(keys, forms)
    assert {*found} == {*STRANGERS}
    return found
