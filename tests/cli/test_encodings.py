"""Every text file is read as editors and shells of Windows save it."""

from __future__ import annotations

import codecs
import json
from pathlib import Path

import pytest

from tests import support
from tests.cli.exchange import PASSWORD, Keys, Runner, write
from trustkeys import TrustFrameworkKeySet, store
from trustkeys.cli.batch import requests
from trustkeys.core.base64url import base64url_encode
from trustkeys.formats import certificates, pem
from trustkeys.formats.jwe import encrypt_key

ENCODINGS = {
    "Set-Content -Encoding utf8": lambda text: codecs.BOM_UTF8 + text.encode(),
    "Windows PowerShell's >": lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
    "-Encoding BigEndianUnicode": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
}

SECRET = "the sécret of a provider, thirty-two"

# Each command, and the files that it reads as text.
COMMANDS = [
    ("generate --request body --discard", ["body"]),
    ("batch --requests requests --jsonl out", ["requests"]),
    ("keyset secret secrets.keys --requests more --json", ["more"]),
    ("batch --use sig --kty oct --count 1 --jsonl out --seal-to enc.pem", ["enc.pem"]),
    ("export enc.jwk --format jwe -o out --to enc.pem", ["enc.jwk", "enc.pem"]),
    ("export pair.keys --format jwks --public -o out", ["pair.keys"]),
    ("import enc.jwk -o out", ["enc.jwk"]),
    ("import enc.pem --use enc -o out", ["enc.pem"]),
    ("import sealed -o out --password-file pw", ["sealed", "pw"]),
    ("inspect saml.pem", ["saml.pem"]),
    ("keyset add pair.keys enc.pem --use sig --json", ["pair.keys", "enc.pem"]),
    ("keyset certify pair.keys KID --certificate saml.pem", ["pair.keys", "saml.pem"]),
    ("keyset show pair.keys --json", ["pair.keys"]),
    ("keyset jwks locked.keys --password-file pw", ["locked.keys", "pw"]),
    ("keyset check answer", ["answer"]),
    ("audit answer", ["answer"]),
    ("compare pair.keys answer", ["pair.keys", "answer"]),
]


@pytest.fixture
def texts(files: Path, keys: Keys) -> Path:
    body = {"use": "sig", "kty": "oct", "@odata.type": "é\u2028"}
    secret = {"use": "sig", "k": SECRET}
    pair = TrustFrameworkKeySet("pair", [keys.rsa, keys.other])
    store.save(pair, files / "pair.keys", plain=True)
    store.save(TrustFrameworkKeySet("s", [keys.oct]), files / "secrets.keys", plain=True)
    store.save(pair, files / "locked.keys", password=PASSWORD)
    for name, text in {
        "body": json.dumps(body, ensure_ascii=False),
        "requests": "".join(json.dumps({**body, "id": n}, ensure_ascii=False) + "\n" for n in "äb"),
        "more": json.dumps(secret, ensure_ascii=False) + "\n\n",
        "answer": json.dumps({"value": [pair.to_graph()]}, indent=2) + "\n",
        "enc.pem": pem.to_pem(keys.enc).decode(),
        "saml.pem": certificates.to_certificate_pem(keys.rsa).decode(),
        "sealed": encrypt_key(keys.enc, password=PASSWORD) + "\n",
    }.items():
        write(files / name, text)
    return files


@pytest.mark.parametrize(("command", "encoding"), support.combinations(COMMANDS, ENCODINGS))
def test_a_text_is_read_in_each_encoding_of_windows(
    texts: Path, quickly: Runner, keys: Keys, command: tuple[str, list[str]], encoding: str
) -> None:
    """With the line ends of Windows, too."""
    line, names = command
    for name in names:
        text = (texts / name).read_bytes().decode()
        (texts / name).write_bytes(ENCODINGS[encoding](text.replace("\n", "\r\n")))
    done = quickly(*[keys.rsa.kid if word == "KID" else word for word in line.split()])
    # The answer lacks a safety net, and comparing and checking say so.
    assert done.returncode in ((0, 3) if "answer" in line else (0,)), done.stderr + done.stdout
    assert "codec" not in done.stderr


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_is_read_is_what_was_written(texts: Path, quickly: Runner, encoding: str) -> None:
    """A secret that is read differently opens nothing."""
    for name in ("requests", "more"):
        data = (texts / name).read_bytes()
        (texts / name).write_bytes(ENCODINGS[encoding](data.decode()))
    assert quickly("batch", "--requests", "requests", "--jsonl", "out").returncode == 0
    made = (texts / "out").read_text("utf-8").splitlines()
    assert [support.parse(each)["id"] for each in made] == ["ä", "b"]
    assert quickly("keyset", "secret", "secrets.keys", "--requests", "more").returncode == 0
    *_, added = store.load(texts / "secrets.keys")
    assert added.to_jwk(private=True)["k"] == base64url_encode(SECRET.encode())


@pytest.mark.parametrize("mark", [codecs.BOM_UTF16_LE, b""])
def test_requests_in_utf16_are_bounded_as_they_are_held_in_memory(
    texts: Path, quickly: Runner, monkeypatch: pytest.MonkeyPatch, mark: bytes
) -> None:
    monkeypatch.setattr(requests, "MAX_SET_BYTES", 400)
    line = (texts / "requests").read_text("utf-8").split("\n")[0]
    (texts / "many").write_bytes(mark + f"{line}\r\n{line}\r\n".encode("utf-16-le"))
    assert quickly("batch", "--requests", "many", "--jsonl", "out").returncode == 0
    (texts / "many").write_bytes(mark + f"{line}\r\n".encode("utf-16-le") * 9)
    done = quickly("batch", "--requests", "many", "--jsonl", "no")
    assert (done.returncode, (texts / "no").exists()) == (2, False)
    assert "many: it is larger than 400 bytes, and not UTF-8 text: save it as UTF-8" in done.stderr
    # Cut off in the middle of a character.
    (texts / "many").write_bytes((mark + line.encode("utf-16-le"))[:-1])
    done = quickly("batch", "--requests", "many", "--jsonl", "no")
    assert done.returncode == 2
    assert "many: line 1: the body is not UTF-8 text: save it as UTF-8" in done.stderr
