"""The person who hands a key on, or is handed one: gets all of it, and shows none of it."""

from __future__ import annotations

import base64
import errno
import io
import json
import os
import re
import resource
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import click
import joserfc.jwe
import joserfc.jwk
import jwcrypto.jwe
import jwcrypto.jwk
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_public_key,
    load_pem_public_key,
)

import trustkeys
from tests import support
from tests.support import failed, parse
from trustkeys import TrustFrameworkKey, TrustFrameworkKeySet, store, testing
from trustkeys.cli import export as cli_export
from trustkeys.cli import import_ as cli_intake
from trustkeys.cli import main, passphrases
from trustkeys.cli.keyset import keyset as keyset_group
from trustkeys.files import write_new
from trustkeys.formats import certificates, pem, pkcs12, reading, sealed
from trustkeys.formats.exported import Exported
from trustkeys.formats.jwe import decrypt, encrypt

PASSWORD = "a long passphrase"
SUBJECT = "CN=login.example,O=Example"
START, END = 1735689600, 2000000000  # of the certificate of conftest.py: 2025 to 2033
BADLY = "trustkeys: warning: this form protects a passphrase badly: let one be made, or use jwe\n"
RSA_FORMS = ("pem", "der", "pkcs12", "pkcs12-b2c", "certificate", "csr")

own_passphrase = pytest.mark.filterwarnings("ignore:this form protects a passphrase badly")


class Keys:
    """The keys of this module, made once: real ones, since the command writes no others."""

    def __init__(self, certified: TrustFrameworkKey) -> None:
        self.rsa = certified
        self.other = trustkeys.generate_key("sig", "RSA")
        self.enc = trustkeys.generate_key("enc", "RSA")
        self.oct, self.second_oct = (trustkeys.generate_key("sig", "oct") for _ in range(2))
        self.curve = jwcrypto.jwk.JWK.generate(kty="EC", crv="P-256")
        self.authority = testing.rsa_key(0).private_key()
        self.root = self.issue("CN=root", self.authority.public_key())

    def issue(self, subject: str, public_key: Any, **dates: int) -> x509.Certificate:
        """A certificate of an authority of our own."""
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name.from_rfc4514_string(subject))
            .issuer_name(x509.Name.from_rfc4514_string("CN=root"))
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.fromtimestamp(dates.get("nbf", START), UTC))
            .not_valid_after(datetime.fromtimestamp(dates.get("exp", END), UTC))
            .add_extension(x509.BasicConstraints(subject == "CN=root", None), critical=True)
            .sign(self.authority, SHA256())
        )

    @property
    def private(self) -> list[dict[str, Any]]:
        """All that must not leak, as JWKs."""
        keys = (self.rsa, self.other, self.enc, self.oct, self.second_oct)
        return [key.to_jwk(private=True) for key in keys]


@pytest.fixture(scope="module")
def keys(certified: TrustFrameworkKey) -> Keys:
    return Keys(certified)


@pytest.fixture
def folder(tmp_path: Path, keys: Keys) -> Path:
    """A folder with key sets, single keys, and a passphrase."""
    store.save(TrustFrameworkKeySet("pair", [keys.rsa, keys.other]), tmp_path / "pair", plain=True)
    secrets = TrustFrameworkKeySet("secrets", [keys.oct, keys.second_oct])
    store.save(secrets, tmp_path / "secrets", plain=True)
    for name, key in (("rsa.jwk", keys.rsa), ("enc.jwk", keys.enc), ("oct.jwk", keys.oct)):
        write(tmp_path / name, json.dumps(key.to_jwk(private=True)))
    write(tmp_path / "pw", f"{PASSWORD}\n")
    return tmp_path


def write(path: Path, content: str | bytes) -> None:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(0o600)


def command(*args: str, cwd: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command away from any terminal that could be asked."""
    return support.command(*args, cwd=cwd, **{"start_new_session": True, **options})


def done(*args: str, cwd: Path, **options: Any) -> str:
    """What a command prints that goes well and says nothing else."""
    process = command(*args, cwd=cwd, **options)
    assert (process.returncode, process.stderr) == (0, "")
    return process.stdout


Runner = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def quickly(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Runner:
    """Run the command in the folder and in this process: for long tables."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(passphrases, "_has_terminal", lambda: False)

    def run(*args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        code = main._run(args)
        return subprocess.CompletedProcess(args, code, *capsys.readouterr())

    return run


def quick_done(quickly: Runner, *args: str) -> str:
    process = quickly(*args)
    assert (process.returncode, process.stderr) == (0, "")
    return process.stdout


def contents(folder: Path) -> dict[str, bytes]:
    return {
        entry.name: entry.read_bytes()
        for entry in folder.iterdir()
        if entry.is_file() and entry.suffix != ".lock"
    }


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def at_a_terminal(*args: str, cwd: Path, answers: Sequence[str]) -> tuple[int, str]:
    """Type answers at a terminal that is wide enough for every line."""
    typed = [f"{answer}\n" for answer in answers]
    return support.command_at_a_terminal(*args, cwd=cwd, answers=typed, COLUMNS="200")


def openssl(*args: str, cwd: Path) -> str:
    """What the openssl command, as an independent judge, makes of a file."""
    if shutil.which("openssl") is None and not os.environ.get("CI"):
        pytest.skip("no openssl command")
    process = subprocess.run(
        ["openssl", *args], cwd=cwd, capture_output=True, text=True, timeout=60
    )
    assert process.returncode == 0, process.stderr
    return process.stdout + process.stderr


def leaked(text: str | bytes, keys: Keys) -> list[str]:
    """What of any key of this module is in a text."""
    text = text if isinstance(text, str) else text.decode("latin-1")
    return [name for jwk in keys.private for name in support.leaks(text, jwk)]


def numbers(key: TrustFrameworkKey) -> rsa.RSAPrivateNumbers:
    return key.private_key().private_numbers()


def opened_by_joserfc(path: Path, password: str) -> dict[str, Any]:
    algorithms = ["PBES2-HS512+A256KW", "A256GCM"]
    secret = joserfc.jwk.OctKey.import_key(password)
    found = joserfc.jwe.decrypt_compact(path.read_text().strip(), secret, algorithms=algorithms)
    return parse((found.plaintext or b"").decode())


# --- export: what is written is the key, for whom it is meant


@pytest.mark.parametrize(
    ("form", "own"),
    [
        ("pem", False),
        ("pem", True),
        ("der", False),
        ("pkcs12", False),
        ("pkcs12-b2c", False),
        ("pkcs12-b2c", True),
    ],
)
def test_openssl_opens_an_encrypted_key_with_its_passphrase(
    folder: Path, keys: Keys, form: str, own: bool
) -> None:
    before = contents(folder)
    options = ["--password-file", "pw"] if own else []
    process = command("export", "rsa.jwk", "--format", form, "-o", "out", *options, cwd=folder)
    assert process.returncode == 0
    assert process.stderr == (BADLY if own else "")
    where = "" if own else "; its passphrase is in out.password"
    assert process.stdout == f"out: key {keys.rsa.kid}, as {form}{where}\n"
    added = {"out"} if own else {"out", "out.password"}
    assert contents(folder).keys() - before.keys() == added
    assert {mode(folder / name) for name in added} == {0o600}
    if not own:
        assert re.fullmatch(r"[0-9a-f]{32}\n", (folder / "out.password").read_text())
    # All that was there is as it was.
    assert contents(folder).items() >= before.items()
    assert leaked(process.stdout + process.stderr, keys) == []
    assert leaked((folder / "out").read_bytes(), keys) == []
    password = "file:pw" if own else "file:out.password"
    if form in ("pem", "der"):
        args = ("-inform", form.upper(), "-in", "out", "-passin", password)
        text = openssl("pkey", *args, cwd=folder)
    else:
        args = ("-info", "-nodes", "-in", "out", "-passin", password)
        text = openssl("pkcs12", *args, cwd=folder)
        cipher = "AES-256-CBC" if form == "pkcs12" else "pbeWithSHA1And3-KeyTripleDES-CBC"
        assert cipher in text
        (certificate,) = x509.load_pem_x509_certificates(text.encode())
        assert (certificate,) == certificates.certificates_of(keys.rsa)
    assert numbers(pem.from_pem(block(text), use="sig")) == numbers(keys.rsa)


def block(text: str) -> bytes:
    found = re.search(r"-----BEGIN PRIVATE KEY-----.*?-----END PRIVATE KEY-----", text, re.DOTALL)
    assert found is not None
    return found[0].encode()


@pytest.mark.parametrize(
    ("name", "own"), [("rsa.jwk", False), ("oct.jwk", True), ("pair", True), ("secrets", False)]
)
def test_joserfc_opens_a_backup_of_a_key_and_of_a_set(
    folder: Path, keys: Keys, name: str, own: bool
) -> None:
    before = contents(folder)
    options = ["--password-file", "pw"] if own else []
    text = done("export", name, "--format", "jwe", "-o", "out", *options, cwd=folder)
    assert leaked(text, keys) == []
    password = (folder / ("pw" if own else "out.password")).read_text().removesuffix("\n")
    assert opened_by_joserfc(folder / "out", password) == parse(before[name].decode())
    assert contents(folder).items() >= before.items()
    assert mode(folder / "out") == 0o600
    assert (folder / "out.password").exists() != own
    assert support.header_of((folder / "out").read_text())["cty"] == (
        "jwk+json" if name.endswith(".jwk") else "jwk-set+json"
    )


@pytest.mark.parametrize("form", ["pem", "der", "jwk", "jwks"])
def test_a_public_key_is_for_all_to_see(
    folder: Path, keys: Keys, quickly: Runner, form: str
) -> None:
    args = ("--format", form, "--public", "-o", "out", "--json")
    report = parse(quick_done(quickly, "export", "rsa.jwk", *args))
    kids = [keys.rsa.kid]
    assert report == {"output": "out", "format": form, "kids": kids, "passwordFile": None}
    assert mode(folder / "out") == 0o644
    assert not (folder / "out.password").exists()
    data = (folder / "out").read_bytes()
    assert leaked(data, keys) == []
    if form == "pem":
        assert load_pem_public_key(data) == keys.rsa.public_key()
    elif form == "der":
        assert load_der_public_key(data) == keys.rsa.public_key()
        text = openssl("pkey", "-pubin", "-inform", "DER", "-in", "out", cwd=folder)
        assert load_pem_public_key(text.encode()) == keys.rsa.public_key()
    elif form == "jwk":
        assert parse(data.decode()) == keys.rsa.to_jwk()
        assert not jwcrypto.jwk.JWK.from_json(data.decode()).has_private
    else:
        found = joserfc.jwk.KeySet.import_key_set(json.loads(data))
        assert [key.kid for key in found.keys] == kids
        assert not any(key.is_private for key in found.keys)


@pytest.mark.parametrize("form", ["pem", "der", "jwk", "jwks"])
def test_a_private_key_in_the_open_is_asked_for_by_name_and_for_its_owner_alone(
    folder: Path, keys: Keys, quickly: Runner, form: str
) -> None:
    args = ("--kid", keys.other.kid, "--format", form, "--plain", "-o", "out")
    text = quick_done(quickly, "export", "pair", *args)
    assert text == f"out: key {keys.other.kid}, as {form}\n"
    assert mode(folder / "out") == 0o600
    assert not (folder / "out.password").exists()
    data = (folder / "out").read_bytes()
    if form in ("pem", "der"):
        pkcs8 = openssl("pkey", "-inform", form.upper(), "-in", "out", cwd=folder)
        assert numbers(pem.from_pem(pkcs8.encode(), use="sig")) == numbers(keys.other)
    else:
        jwk = parse(data.decode()) if form == "jwk" else parse(data.decode())["keys"][0]
        assert jwk == keys.other.to_jwk(private=True)
        assert jwcrypto.jwk.JWK(**jwk).has_private


def test_a_secret_has_the_forms_that_json_has(folder: Path, keys: Keys, quickly: Runner) -> None:
    done("export", "oct.jwk", "--format", "jwk", "--plain", "-o", "jwk", cwd=folder)
    assert parse((folder / "jwk").read_text()) == keys.oct.to_jwk(private=True)
    assert joserfc.jwk.OctKey.import_key(json.loads((folder / "jwk").read_text())).raw_value
    text = done("export", "secrets", "--format", "jwks", "--plain", "-o", "jwks", cwd=folder)
    assert text == "jwks: 2 keys, as jwks\n"
    assert (folder / "jwks").read_text().strip() == (folder / "secrets").read_text().strip()
    assert {mode(folder / name) for name in ("jwk", "jwks")} == {0o600}
    for form in RSA_FORMS:
        options = ["--subject", SUBJECT] if form == "csr" else []
        process = quickly("export", "oct.jwk", "--format", form, "-o", "new", *options)
        assert f"an oct key cannot be {form}: jwk, jwks and jwe take it" in failed(process, 2)
    for name, form in (("oct.jwk", "jwk"), ("secrets", "jwks")):
        process = quickly("export", name, "--format", form, "--public", "-o", "new")
        assert "an oct key has no public form" in failed(process, 2)
    assert not (folder / "new").exists()
    assert not (folder / "new.password").exists()


def test_certificates_and_requests_are_for_all_to_see(folder: Path, keys: Keys) -> None:
    done("export", "rsa.jwk", "--format", "certificate", "-o", "crt", cwd=folder)
    shown = openssl("x509", "-in", "crt", "-noout", "-subject", "-dates", cwd=folder)
    assert "O = Example, CN = test" in shown or "CN = test, O = Example" in shown
    assert "notAfter=May 18 03:33:20 2033 GMT" in shown
    args = ("--format", "csr", "--subject", SUBJECT, "-o", "csr")
    assert done("export", "enc.jwk", *args, cwd=folder) == f"csr: key {keys.enc.kid}, as csr\n"
    shown = openssl("req", "-in", "csr", "-verify", "-noout", "-text", cwd=folder)
    assert "verify OK" in shown
    assert "Key Encipherment, Data Encipherment" in shown
    for name in ("crt", "csr"):
        assert mode(folder / name) == 0o644
        assert leaked((folder / name).read_bytes(), keys) == []
        assert not (folder / f"{name}.password").exists()


@pytest.mark.parametrize("form", ["pkcs12", "pkcs12-b2c", "certificate"])
def test_a_certificate_is_made_on_the_way_and_not_kept(
    folder: Path, keys: Keys, quickly: Runner, form: str
) -> None:
    before = contents(folder)
    dates = ("--nbf", str(START), "--exp", "+10d")
    args = ("--format", form, "--subject", SUBJECT, *dates, "-o", "out")
    process = quickly("export", "pair", "--kid", keys.other.kid, *args)
    assert process.returncode == 0
    assert process.stderr == (
        "trustkeys: warning: the certificate is over already: it ended at 2025-01-11T00:00:00Z\n"
        "trustkeys: warning: this certificate is made for this file alone; "
        '"trustkeys keyset certify" keeps one with the key\n'
    )
    if form == "certificate":
        key = certificates.from_certificate((folder / "out").read_bytes())
        assert mode(folder / "out") == 0o644
    else:
        password = (folder / "out.password").read_text().strip()
        key = pkcs12.from_pkcs12((folder / "out").read_bytes(), password)
        assert numbers(key) == numbers(keys.other)
    assert (key.kid, key.nbf, key.exp) == (keys.other.kid, START, START + 864_000)
    assert certificates.certificates_of(key)[0].subject.rfc4514_string() == SUBJECT
    assert contents(folder).items() >= before.items()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["pair", "--format", "pem"], "B2C_1A_pair has 2 keys: say which with --kid"),
        (["pair", "--format", "jwk", "--plain"], "B2C_1A_pair has 2 keys"),
        (["pair", "--format", "pem", "--kid", "unknown"], "no key with that kid"),
        (["rsa.jwk", "--format", "pem", "--kid", "unknown"], "the key has another kid"),
        (["pair", "--format", "pem", "--kid", "--public"], "No such option, nor kid"),
        (["pair", "--format", "pem", "--kid", ""], "2 keys have a kid that begins so"),
        (["lone", "--format", "pem", "--kid", "short"], "at least 6 characters of it"),
        (["public.jwk", "--format", "pem"], "the key has no private part"),
        (["public.jwk", "--format", "jwe"], "the key has no private part"),
        (["enc.jwk", "--format", "certificate"], "the key has no certificate"),
        (["enc.jwk", "--format", "pkcs12", "--subject", "CN=a"], "nbf must be given"),
        (["rsa.jwk", "--format", "pkcs12", "--subject", "CN=a"], "has a certificate already"),
        (["enc.jwk", "--format", "csr", "--subject", "no name"], "subject must be names as"),
        (["rsa.jwk", "--format", "pem", "--password-file", "empty"], "must be printable ASCII"),
        (["rsa.jwk", "--format", "jwe", "--password-file", "empty"], "and not empty"),
        (["rsa.jwk", "--format", "jwe", "--to", "oct.jwk"], "must be of kty RSA or EC, not oct"),
        (["rsa.jwk", "--format", "jwe", "--to", "rsa.jwk"], "must be for enc, and is for sig"),
        (["rsa.jwk", "--format", "jwe", "--to", "pair"], "pair: this holds several keys"),
        (["rsa.jwk", "--format", "jwe", "--to", "pw"], "pw: this must be a JWK"),
        (["pw", "--format", "pem"], "pw: the key set is not JSON"),
        (["broken.jwk", "--format", "pem"], "broken.jwk: d is missing"),
        (["pair", "--format", "pem", "--input-password-file", "pw"], "it is not encrypted"),
    ],
)
def test_what_cannot_be_exported_is_one_line_and_no_file(
    folder: Path, keys: Keys, quickly: Runner, args: list[str], message: str
) -> None:
    write(folder / "public.jwk", json.dumps(keys.other.to_jwk()))
    write(folder / "empty", "\n")
    jwk = keys.other.to_jwk(private=True)
    write(folder / "lone", json.dumps({"id": "lone", "keys": [{**jwk, "kid": "shortened"}]}))
    write(folder / "broken.jwk", json.dumps({name: jwk[name] for name in jwk if name != "d"}))
    before = contents(folder)
    line = failed(quickly("export", *args, "-o", "new"), 2)
    assert message in line
    assert leaked(line, keys) == []
    assert contents(folder) == before


NOT_TOGETHER = "does not go with what else is asked for"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("--format pem --plain --public", NOT_TOGETHER),
        ("--format pem --plain --password-file pw", NOT_TOGETHER),
        ("--format pem --public --password-file pw", NOT_TOGETHER),
        ("--format pem --to enc.jwk", NOT_TOGETHER),
        ("--format pem --subject CN=a", NOT_TOGETHER),
        ("--format jwe --public", NOT_TOGETHER),
        ("--format jwe --plain", NOT_TOGETHER),
        ("--format jwe --to enc.jwk --password-file pw", NOT_TOGETHER),
        ("--format pkcs12 --plain", NOT_TOGETHER),
        ("--format pkcs12 --nbf 1", NOT_TOGETHER),
        ("--format csr --subject CN=a --exp 1", NOT_TOGETHER),
        ("--format csr --subject CN=a --password-file pw", NOT_TOGETHER),
        ("--format csr", "a signing request needs --subject"),
        ("--format jwk", "jwk encrypted is --format jwe"),
        ("--format jwks --password-file pw", NOT_TOGETHER),
        ("--format pkcs12 --subject CN=a --nbf x --exp 1", "nbf must be seconds since 1970"),
        ("--format txt", "'txt' is not one of"),
        ("", "Missing option '--format'"),
        ("--format jwe -o -", "-o - has no place for a passphrase: give --password-file"),
        ("--format pem --password-file - --input-password-file -", "standard input can be one"),
        ("--format jwe --to - --input-password-file -", "standard input can be one"),
    ],
)
def test_options_that_do_not_go_together_are_one_line_and_no_file(
    folder: Path, quickly: Runner, args: str, message: str
) -> None:
    before = contents(folder)
    line = failed(quickly("export", "enc.jwk", "-o", "new", *args.split()), 2)
    assert message in line
    assert contents(folder) == before


def test_what_is_there_is_never_written_over(folder: Path) -> None:
    for name in ("out", "new.password"):
        write(folder / name, "precious")
    (folder / "link").symlink_to("nowhere")
    before = contents(folder)
    for output, there in (("out", "out"), ("new", "new.password"), ("link", "link")):
        process = command("export", "rsa.jwk", "--format", "pem", "-o", output, cwd=folder)
        assert failed(process, 1) == f"{there}: File exists"
    args = ("--format", "pem", "--public", "-o", "out", "--json")
    process = command("export", "rsa.jwk", *args, cwd=folder)
    assert process.returncode == 1
    assert parse(process.stderr)["error"]["code"] == "EEXIST"
    assert contents(folder) == before
    assert not (folder / "nowhere").exists()


def test_what_cannot_be_written_leaves_no_passphrase_behind(folder: Path) -> None:
    before = contents(folder)
    process = command("export", "rsa.jwk", "--format", "pem", "-o", "no/out", cwd=folder)
    assert "No such file or directory" in failed(process, 1)
    for options in ([], ["--plain"]):
        process = command(
            *("export", "rsa.jwk", "--format", "pem", "-o", "out", *options),
            cwd=folder,
            # Enough for the passphrase.
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)),
            # Or the coverage that is measured would find no room either.
            env=support.environment(COVERAGE_PROCESS_CONFIG="", COVERAGE_PROCESS_START=""),
        )
        assert failed(process, 1) == "out: File too large"
    assert contents(folder) == before


def test_a_passphrase_is_not_left_when_something_comes_in_between(folder: Path, keys: Keys) -> None:
    # The file appears after it was looked for.
    wanted = cli_export._Wanted(
        form="pem",
        output=str(folder / "out"),
        public=False,
        plain=False,
        password_file=None,
        to=None,
        subject=None,
        nbf=None,
        exp=None,
    )
    write(folder / "out", "precious")
    with pytest.raises(FileExistsError):
        cli_export._write(wanted, pem.to_encrypted_pem(keys.other))
    with pytest.raises(FileExistsError):
        cli_export._write(attrs.evolve(wanted, plain=True), pem.to_pem(keys.other, private=True))
    assert (folder / "out").read_text() == "precious"
    assert not (folder / "out.password").exists()


def test_standard_output_takes_any_form(folder: Path, keys: Keys) -> None:
    der = ("--format", "der", "--plain", "-o", "-")
    process = command("export", "rsa.jwk", *der, cwd=folder, text=False)
    data: Any = process.stdout
    assert numbers(pem.from_pem(data, use="sig")) == numbers(keys.rsa)
    jwe = ("--format", "jwe", "--password-file", "pw", "-o", "-")
    text = done("export", "rsa.jwk", *jwe, cwd=folder)
    assert parse(decrypt(text, PASSWORD).decode()) == keys.rsa.to_jwk(private=True)
    jwks = ("--format", "jwks", "--public", "-o", "-")
    text = done("export", "pair", *jwks, cwd=folder)
    assert parse(text)["keys"] == [keys.rsa.to_jwk(), keys.other.to_jwk()]
    assert leaked(text, keys) == []
    with open("/dev/full", "w") as full:
        process = command(
            *("export", "pair", *jwks),
            cwd=folder,
            capture_output=False,
            stdout=full,
            stderr=subprocess.PIPE,
        )
    assert (process.returncode, process.stderr) == (
        1,
        "trustkeys: standard output: No space left on device\n",
    )
    assert not (folder / "-").exists()


def test_one_key_of_a_set_is_named_by_a_kid_cut_short(folder: Path, keys: Keys) -> None:
    for name, kid in (("pair", keys.other.kid[:6]), ("rsa.jwk", keys.rsa.kid[:6])):
        jwe = ("--kid", kid, "--format", "jwe", "-o", f"{name}.out", "--json")
        report = parse(done("export", name, *jwe, cwd=folder))
        (whole,) = report["kids"]
        assert whole.startswith(kid)
        assert report["passwordFile"] == f"{name}.out.password"
        password = (folder / f"{name}.out.password").read_text().strip()
        assert opened_by_joserfc(folder / f"{name}.out", password)["kid"] == whole
    hyphen = {**keys.other.to_jwk(private=True), "kid": "-abcdefgh"}
    lone = {"id": "lone", "keys": [hyphen]}
    write(folder / "lone", json.dumps(lone))
    args = ("--format", "jwk", "--public", "-o")
    done("export", "lone", "--kid", "-abcdef", *args, "one", cwd=folder)
    # A set of one key needs no kid.
    done("export", "lone", *args, "two", cwd=folder)
    assert parse((folder / "one").read_text())["kid"] == "-abcdefgh"
    assert (folder / "one").read_bytes() == (folder / "two").read_bytes()


def recipients(keys: Keys) -> dict[str, tuple[str | bytes, str | dict[str, Any]]]:
    """Public keys in all forms, each with the private key that belongs to it."""
    private = json.dumps(keys.enc.to_jwk(private=True))
    curve = keys.curve.export(private_key=True)
    jwk = keys.enc.to_jwk()
    return {
        "pem": (pem.to_pem(keys.enc), private),
        "der": (pem.to_der(keys.enc), private),
        "certificate": (
            keys.issue("CN=alice", keys.enc.public_key()).public_bytes(Encoding.PEM),
            private,
        ),
        "jwk": (json.dumps({name: jwk[name] for name in ("kty", "n", "e")}), private),
        "private-jwk": (private, private),
        "curve": (keys.curve.export_public(), curve),
    }


@pytest.mark.parametrize("form", ["pem", "der", "certificate", "jwk", "private-jwk", "curve"])
def test_a_backup_is_for_the_holder_of_a_key_alone(
    folder: Path, keys: Keys, quickly: Runner, form: str
) -> None:
    public, private = recipients(keys)[form]
    write(folder / "alice", public)
    before = contents(folder)
    name = "pair" if form == "pem" else "rsa.jwk"
    text = quick_done(quickly, "export", name, "--format", "jwe", "--to", "alice", "-o", "out")
    assert "passphrase" not in text
    assert contents(folder) == {**before, "out": (folder / "out").read_bytes()}
    assert mode(folder / "out") == 0o600
    token = jwcrypto.jwe.JWE(
        algs=["ECDH-ES+A256KW" if form == "curve" else "RSA-OAEP-256", "A256GCM"]
    )
    token.deserialize((folder / "out").read_text().strip(), jwcrypto.jwk.JWK.from_json(private))
    assert json.loads(token.payload) == json.loads(before[name])
    # What is sealed says nothing of who opens it but the kid.
    assert leaked((folder / "out").read_bytes(), keys) == []


def test_a_recipients_key_is_opened_at_a_terminal(folder: Path, keys: Keys) -> None:
    exported = pem.to_encrypted_pem(keys.enc)
    write(folder / "alice.pem", exported.data)
    args = ("export", "rsa.jwk", "--format", "jwe", "--to", "alice.pem", "-o", "out")
    message = failed(command(*args, cwd=folder), 2)
    assert "no terminal to ask for a passphrase: give a key that is not encrypted" in message
    code, screen = at_a_terminal(*args, cwd=folder, answers=[exported.password])
    assert code == 0
    assert screen.count("Passphrase of alice.pem: ") == 1
    assert sealed.unseal((folder / "out").read_bytes(), keys.enc) == keys.rsa


def test_an_encrypted_set_is_opened_with_its_passphrase(folder: Path, keys: Keys) -> None:
    store.save(TrustFrameworkKeySet("a", [keys.other]), folder / "set", password=PASSWORD)
    before = (folder / "set").read_bytes()
    options = ("--format", "pem", "--plain", "-o")
    args = ("export", "set", *options)
    message = failed(command(*args, "out", cwd=folder, input=PASSWORD), 2)
    assert "no terminal to ask for a passphrase: give --input-password-file" in message
    done(*args, "file", "--input-password-file", "pw", cwd=folder)
    done(*args, "pipe", "--input-password-file", "-", cwd=folder, input=f"{PASSWORD}\n")
    code, screen = at_a_terminal(*args, "typed", cwd=folder, answers=[PASSWORD])
    assert (code, screen.count("Passphrase of set: ")) == (0, 1)
    assert PASSWORD not in screen
    found = [(folder / name).read_bytes() for name in ("file", "pipe", "typed")]
    assert found == [pem.to_pem(keys.other, private=True)] * 3
    code, screen = at_a_terminal(*args, "wrong", cwd=folder, answers=["wrong"])
    assert (code, (folder / "wrong").exists()) == (2, False)
    assert "set: the passphrase is wrong, or the text was changed" in screen
    # What is there is found out before anybody types.
    code, screen = at_a_terminal(*args, "file", cwd=folder, answers=[])
    assert (code, "Passphrase" in screen) == (1, False)
    assert (folder / "set").read_bytes() == before
    link = folder / "link"
    link.symlink_to("set")
    process = command("export", "link", *options, "out", cwd=folder)
    assert "link: it is a symbolic link" in failed(process, 1)


# --- import: what comes in is what it says, and is kept


class Foreign:
    """A key in one form: the content, the key, the passphrase, and the options that it needs."""

    def __init__(
        self, content: bytes | Exported, key: TrustFrameworkKey, *options: str, form: str
    ) -> None:
        self.data = content.data if isinstance(content, Exported) else content
        self.password = content.password if isinstance(content, Exported) else None
        self.key, self.options, self.form = key, options, form
        self.is_encrypted = isinstance(content, Exported)


IN_THE_OPEN = "trustkeys: warning: the private key lies in the open in new\n"

FORMS = (
    *("encrypted-pem", "encrypted-der", "pkcs12", "pkcs12-b2c", "jwe", "pem", "der"),
    *("public-pem", "public-der", "certificate", "certificate-der", "pem-with-certificate"),
    *("encrypted-pem-with-certificate", "jwk", "oct", "answer"),
)


@pytest.fixture(scope="module")
def forms(keys: Keys) -> dict[str, Foreign]:
    key, other = keys.rsa, keys.other
    use = ("--use", "sig")
    crt = certificates.to_certificate_pem(key)
    (der,) = (each.public_bytes(Encoding.DER) for each in certificates.certificates_of(key))
    jwk = json.dumps(key.to_jwk(private=True), indent=1).encode()
    jwe = Exported(encrypt(jwk, PASSWORD, cty="jwk+json").encode(), PASSWORD)
    locked = pem.to_encrypted_pem(key)
    both = Exported(crt + locked.data, locked.password)
    dated = attrs.evolve(other, nbf=5, exp=9)
    private, public = {"form": "private-key"}, {"form": "public-key"}
    return {
        "encrypted-pem": Foreign(pem.to_encrypted_pem(other), other, *use, **private),
        "encrypted-der": Foreign(pem.to_encrypted_der(other), other, *use, **private),
        "pkcs12": Foreign(pkcs12.to_pkcs12(key), key, form="pkcs12"),
        "pkcs12-b2c": Foreign(pkcs12.to_pkcs12_b2c(key), key, form="pkcs12"),
        "jwe": Foreign(jwe, key, form="jwe"),
        "pem": Foreign(
            pem.to_pem(other, private=True), dated, *use, "--nbf", "5", "--exp", "+4s", **private
        ),
        "der": Foreign(pem.to_der(other, private=True), other, *use, **private),
        "public-pem": Foreign(pem.to_pem(other), other.public(), *use, **public),
        "public-der": Foreign(pem.to_der(other), other.public(), *use, **public),
        "certificate": Foreign(crt, key.public(), form="certificate"),
        "certificate-der": Foreign(der, key.public(), form="certificate"),
        "pem-with-certificate": Foreign(pem.to_pem(key, private=True) + crt, key, **private),
        "encrypted-pem-with-certificate": Foreign(both, key, **private),
        "jwk": Foreign(b"\xef\xbb\xbf" + jwk, key, form="jwk"),
        "oct": Foreign(json.dumps(keys.oct.to_jwk(private=True)).encode(), keys.oct, form="jwk"),
        "answer": Foreign(json.dumps(other.to_graph()).encode(), other.public(), form="jwk"),
    }


@pytest.mark.parametrize("name", FORMS)
def test_every_form_comes_back_whatever_the_file_is_called(
    folder: Path, keys: Keys, quickly: Runner, forms: dict[str, Foreign], name: str
) -> None:
    foreign = forms[name]
    write(folder / "letter.txt", foreign.data)
    write(folder / "theirs", f"{foreign.password}\r\n")
    before = contents(folder)
    password = ("--password-file", "theirs") if foreign.is_encrypted else ()
    process = quickly("import", "letter.txt", "-o", "new", *foreign.options, *password)
    assert process.returncode == 0
    assert process.stderr == (IN_THE_OPEN if foreign.is_encrypted else "")
    assert parse(process.stdout) == foreign.key.to_graph()
    assert leaked(process.stdout, keys) == []
    assert mode(folder / "new") == 0o600
    found = TrustFrameworkKey.from_jwk((folder / "new").read_bytes())
    assert found == foreign.key
    assert contents(folder) == {**before, "new": (folder / "new").read_bytes()}


@pytest.mark.parametrize("name", ["encrypted-der", "pkcs12", "oct"])
def test_every_form_comes_through_a_pipe_and_can_be_kept_encrypted(
    folder: Path, keys: Keys, forms: dict[str, Foreign], name: str
) -> None:
    foreign = forms[name]
    write(folder / "theirs", foreign.password or "")
    password = ("--password-file", "theirs") if foreign.is_encrypted else ()
    args = ("import", "-", "-o", "new", *foreign.options, *password, "--output-password-file", "pw")
    process = command(*args, cwd=folder, input=foreign.data, text=False)
    assert process.returncode == 0
    assert not process.stderr
    assert mode(folder / "new") == 0o600
    assert leaked((folder / "new").read_bytes(), keys) == []
    assert TrustFrameworkKey.from_jwk(opened_by_joserfc(folder / "new", PASSWORD)) == foreign.key


def test_a_set_comes_back_as_a_set(folder: Path, keys: Keys, quickly: Runner) -> None:
    pair = store.load(folder / "pair")
    text = json.dumps(pair.to_jwks(private=True))
    write(folder / "backup.jwe", encrypt(text.encode(), PASSWORD, cty="jwk-set+json"))
    args = ("import", "backup.jwe", "--password-file", "pw", "-o")
    asked = quickly(*args, "plain")
    assert "give --output-password-file or --plain" in failed(asked, 2)
    assert parse(done(*args, "plain", "--plain", cwd=folder)) == pair.to_graph()
    assert store.load(folder / "plain") == pair
    quick_done(quickly, *args, "encrypted", "--output-password-file", "pw")
    assert store.load(folder / "encrypted", password=PASSWORD) == pair
    assert {mode(folder / name) for name in ("plain", "encrypted")} == {0o600}
    # An answer of Graph to keys_v2 has no id, and nothing says of these keys what they are for.
    answer = {"value": [{**key.to_graph(base_url=None), "use": None} for key in pair]}
    write(folder / "answer.json", json.dumps(answer))
    options = ("--id", "theirs", "--use", "enc", "-o", "new", "--plain")
    quick_done(quickly, "import", "answer.json", *options)
    new = store.load(folder / "new")
    assert (new.id, new.use, [key.kid for key in new]) == (
        "B2C_1A_theirs",
        "enc",
        [keys.rsa.kid, keys.other.kid],
    )


def test_a_backup_as_large_as_a_set_can_be_comes_back(folder: Path, quickly: Runner) -> None:
    document = {**store.load(folder / "pair").to_jwks(private=True), "pad": "x" * 13_000_000}
    text = encrypt(json.dumps(document).encode(), PASSWORD, cty="jwk-set+json")
    assert len(text) > 2**24
    write(folder / "backup", text)
    args = ("--password-file", "pw", "-o", "new", "--plain")
    quick_done(quickly, "import", "backup", *args)
    assert store.load(folder / "new") == store.load(folder / "pair")
    assert "pad" not in quick_done(quickly, "inspect", "backup", "--password-file", "pw")


def test_a_recipient_whose_time_is_over_is_warned_about(
    folder: Path, keys: Keys, quickly: Runner
) -> None:
    write(
        folder / "over.pem",
        certificates.to_certificate_pem(
            certificates.self_signed(attrs.evolve(keys.enc, nbf=0, exp=1), "CN=over")
        ),
    )
    args = ("--format", "jwe", "--to", "over.pem", "-o", "out")
    process = quickly("export", "oct.jwk", *args)
    assert process.returncode == 0
    assert process.stderr == (
        "trustkeys: warning: over.pem: it is over since 1970-01-01T00:00:01Z\n"
    )


def test_the_passphrase_stays_where_what_it_opens_may_be_there(
    folder: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flushing the directory can fail when the file has its name already."""
    wanted = cli_export._Wanted(
        form="pem",
        output=str(folder / "out"),
        public=False,
        plain=False,
        password_file=None,
        to=None,
        subject=None,
        nbf=None,
        exp=None,
    )

    def write_and_fail(path: str, data: bytes, **options: Any) -> None:
        write_new(path, data, **options)
        if path.endswith("out"):
            raise OSError(errno.EIO, os.strerror(errno.EIO), path)

    monkeypatch.setattr(cli_export, "write_new", write_and_fail)
    exported = pem.to_encrypted_pem(keys.other)
    with pytest.raises(OSError, match="Input/output error"):
        cli_export._write(wanted, exported)
    assert (folder / "out.password").read_text() == f"{exported.password}\n"


def test_what_is_sealed_comes_back_with_its_key(folder: Path, keys: Keys, quickly: Runner) -> None:
    write(folder / "curve.jwk", keys.curve.export(private_key=True))
    for recipient, to in (("enc.jwk", keys.enc), ("curve.jwk", (folder / "curve.jwk").read_text())):
        write(folder / "sealed", sealed.seal(keys.oct, to))
        process = quickly("import", "sealed", "--key", recipient, "-o", "new")
        assert (process.returncode, process.stderr) == (0, IN_THE_OPEN)
        assert TrustFrameworkKey.from_jwk((folder / "new").read_bytes()) == keys.oct
        (folder / "new").unlink()
    process = quickly("import", "oct.jwk", "--key", "enc.jwk", "-o", "new")
    assert "it is not sealed to a key, though the key for it was given" in failed(process, 2)
    process = quickly(
        *("import", "sealed", "--key", "enc.jwk", "--password-file", "pw", "-o", "new")
    )
    assert "it is not encrypted to a passphrase" in failed(process, 2)
    process = quickly("import", "oct.jwk", "--plain", "-o", "new")
    assert "--plain is for a set" in failed(process, 2)
    locked = pem.to_encrypted_pem(keys.enc)
    write(folder / "enc.pem", locked.data)
    write(folder / "sealed", sealed.seal(keys.rsa, keys.enc))
    args = ("import", "sealed", "-o", "new", "--key", "enc.pem")
    code, screen = at_a_terminal(*args, cwd=folder, answers=[locked.password])
    assert (code, screen.count("Passphrase of enc.pem: ")) == (0, 1)
    assert leaked(screen, keys) == []
    assert TrustFrameworkKey.from_jwk((folder / "new").read_bytes()) == keys.rsa


@pytest.mark.parametrize("name", ["encrypted-pem", "pkcs12", "jwe"])
def test_a_passphrase_is_asked_for_only_where_one_is_needed(
    folder: Path, keys: Keys, forms: dict[str, Foreign], name: str
) -> None:
    foreign = forms[name]
    assert foreign.password is not None
    write(folder / "file", foreign.data)
    args = ("import", "file", *foreign.options, "-o", "new")
    code, screen = at_a_terminal(*args, cwd=folder, answers=[foreign.password])
    assert (code, screen.count("Passphrase of file: ")) == (0, 1)
    assert foreign.password not in screen
    assert leaked(screen, keys) == []
    assert TrustFrameworkKey.from_jwk((folder / "new").read_bytes()) == foreign.key
    if name == "jwe":
        (folder / "new").unlink()
        code, screen = at_a_terminal(*args, cwd=folder, answers=["wrong"])
        assert (code, (folder / "new").exists()) == (2, False)
        assert "file: the passphrase is wrong" in screen
        code, screen = at_a_terminal("import", "oct.jwk", "-o", "other", cwd=folder, answers=[])
        assert (code, "Passphrase" in screen) == (0, False)


PEM = "-----BEGIN {0}-----\n{1}\n-----END {0}-----\n"
CUT_OFF = "this must be a JWK, a JWK Set, a JWE, PEM or DER, and is none of them, or cut off"


def strangers(keys: Keys, forms: dict[str, Foreign]) -> dict[str, tuple[bytes, str]]:
    """Files that hold no key for us, and what to say of each."""
    weak = rsa.generate_private_key(65537, 1024)
    curve = ec.generate_private_key(ec.SECP256R1())
    pkcs8 = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    jwk = keys.other.to_jwk(private=True)
    both = {"id": "a", "keys": [jwk, keys.oct.to_jwk(private=True)]}
    return {
        "empty": (b"", CUT_OFF),
        "junk": (b"\x00\xff" * 99, CUT_OFF),
        "cut-pem": (forms["pem"].data[:-200], "must be an RSA key as PKCS#8"),
        "cut-der": (forms["der"].data[:-9], CUT_OFF),
        "cut-pfx": (forms["pkcs12"].data[:-9], "no terminal to ask"),
        "cut-jwe": (forms["jwe"].data[:-1], "this is something else, or cut off"),
        "cut-json": (json.dumps(jwk).encode()[:-9], "the file is not JSON"),
        "deep-json": (b'{"keys":' + b"[" * 9999 + b"]" * 9999 + b"}", "is nested too deep"),
        "jws": (b"eyJhbGciOiJIUzI1NiJ9.e30.AAAA", "must be a compact JWE"),
        "other-jwe": (
            sealed.seal(keys.other, keys.enc).encode(),
            "it is sealed to a key, and the key for it is missing",
        ),
        "weak": (weak.private_bytes(*pkcs8), "must have 2048 to 16384 bits"),
        "curve": (curve.private_bytes(*pkcs8), "must be an RSA key as PKCS#8"),
        "curve-crt": (
            keys.issue("CN=a", curve.public_key()).public_bytes(Encoding.DER),
            "must be of an RSA key",
        ),
        "csr": (certificates.signing_request(keys.other, "CN=a"), "holds no key, but asks for"),
        "no-pem": (PEM.format("PRIVATE KEY", "AAAA").encode(), "must be an RSA key as PKCS#8"),
        "no-crt": (PEM.format("CERTIFICATE", "AAAA").encode(), "these must be certificates"),
        "other-crt": (
            pem.to_pem(keys.other, private=True) + forms["certificate"].data,
            "none of the certificates is of this key",
        ),
        "swapped": (
            json.dumps({**jwk, "d": jwk["dp"]}).encode(),
            "the numbers of the RSA key do not fit together",
        ),
        "no-kty": (b'{"use":"sig"}', "kty is missing"),
        "mixed": (
            json.dumps(both).encode(),
            "put oct keys into a key set of their own (AADB2C95032)",
        ),
        "no-id": (b'{"keys":[]}', "this is a set without an id: give it one with --id"),
    }


STRANGERS = (
    *("empty", "junk", "cut-pem", "cut-der", "cut-pfx", "cut-jwe", "cut-json", "deep-json", "jws"),
    *("other-jwe", "weak", "curve", "curve-crt", "csr", "no-pem", "no-crt", "other-crt"),
    *("swapped", "no-kty", "mixed", "no-id"),
)


@pytest.fixture(scope="module")
def strange(keys: Keys, forms: dict[str, Foreign]) -> dict[str, tuple[bytes, str]]:
    found = strangers(keys, forms)
    assert {*found} == {*STRANGERS}
    return found


@pytest.mark.parametrize("name", STRANGERS)
def test_what_is_no_key_for_us_is_one_line_and_no_file(
    folder: Path,
    keys: Keys,
    quickly: Runner,
    strange: dict[str, tuple[bytes, str]],
    name: str,
) -> None:
    data, message = strange[name]
    write(folder / "file", data)
    before = contents(folder)
    use = () if name in ("mixed", "no-id") else ("--use", "sig")
    line = failed(quickly("import", "file", "-o", "new", *use), 2)
    assert message in line
    assert leaked(line, keys) == []
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("rsa.jwk -o -", "keys are kept in a file: -o OUT"),
        ("rsa.jwk", "Missing option '-o'"),
        ("- --password-file - -o new", "standard input can be one of the files"),
        ("rsa.jwk --key - --output-password-file - -o new", "standard input can be one"),
        ("rsa.jwk --id a -o new", "--id is for a set, and this is one key"),
        ("pair --nbf 5 -o new", "--nbf and --exp are for one key, and this is a set"),
        ("plain.pem -o new", "plain.pem: use is missing: this form says nothing of it"),
        ("plain.pem --use both -o new", "use must be sig or enc"),
        ("rsa.jwk --nbf x -o new", "nbf must be seconds since 1970"),
        ("rsa.jwk --nbf 9 --exp 5 -o new", "exp"),
        ("plain.pem --use sig --password-file pw -o new", "it is not encrypted, though"),
        ("locked.pem --use sig -o new", "give --password-file"),
        ("locked.pem --use sig --password-file pw -o new", "the passphrase is wrong"),
        ("rsa.jwk --output-password-file empty -o new", "and not empty"),
        ("sealed --key rsa.jwk -o new", "the recipient's key must be for enc"),
        ("sealed --key other.jwk -o new", "it is sealed to another key"),
        ("sealed --key public.jwk -o new", "unsealing needs the private part of the key"),
    ],
)
def test_what_cannot_be_imported_is_one_line_and_no_file(
    folder: Path,
    keys: Keys,
    forms: dict[str, Foreign],
    quickly: Runner,
    args: str,
    message: str,
) -> None:
    write(folder / "plain.pem", forms["pem"].data)
    write(folder / "locked.pem", forms["encrypted-pem"].data)
    write(folder / "empty", "")
    write(folder / "sealed", sealed.seal(keys.rsa, keys.enc))
    write(folder / "other.jwk", json.dumps({**keys.other.to_jwk(private=True), "use": "enc"}))
    write(folder / "public.jwk", json.dumps(keys.enc.to_jwk()))
    before = contents(folder)
    line = failed(quickly("import", *args.split()), 2)
    assert message in line
    assert leaked(line, keys) == []
    assert contents(folder) == before


def test_import_never_writes_over_a_file_nor_leaves_half_of_one(
    folder: Path, forms: dict[str, Foreign]
) -> None:
    before = contents(folder)
    process = command("import", "rsa.jwk", "-o", "pair", cwd=folder)
    assert failed(process, 1) == "pair: File exists"
    process = command("import", "none", "-o", "new", "--json", cwd=folder)
    assert process.returncode == 1
    assert parse(process.stderr)["error"]["target"] == "none"
    process = command(
        *("import", "rsa.jwk", "-o", "new"),
        cwd=folder,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)),
        env=support.environment(COVERAGE_PROCESS_CONFIG="", COVERAGE_PROCESS_START=""),
    )
    assert failed(process, 1) == "new: File too large"
    assert contents(folder) == before
    # An endless file comes to an end.
    process = command("import", "/dev/zero", "-o", "new", cwd=folder)
    assert failed(process, 2).startswith("/dev/zero: this must be a JWK")


# --- inspect: what it is, and nothing secret


def looked_at(
    args: Sequence[str], runner: Runner, keys: Keys, *, code: int = 0
) -> tuple[str, dict[str, Any]]:
    """What inspect says, as text and as JSON; none of it is secret, or could do harm."""
    text, parsed = runner("inspect", *args), runner("inspect", *args, "--json")
    assert (text.returncode, parsed.returncode) == (code, code), text.stderr
    assert text.stderr == parsed.stderr == ""
    assert all(line.isprintable() for line in text.stdout.splitlines())
    for shown in (text.stdout, parsed.stdout):
        assert leaked(shown, keys) == []
        for key in (keys.oct, keys.second_oct):
            # Neither as it is nor in another spelling.
            data = base64.urlsafe_b64decode(f"{key.kid}=")
            assert key.kid == trustkeys.jwk_thumbprint(key.to_jwk(private=True))
            assert not any(form in shown for form in support.spellings(key.kid))
            assert data.hex(":") not in shown.lower()
    return text.stdout, parse(parsed.stdout)


@pytest.mark.parametrize("name", FORMS)
def test_inspect_says_what_a_file_is(
    folder: Path, keys: Keys, quickly: Runner, forms: dict[str, Foreign], name: str
) -> None:
    foreign = forms[name]
    key = foreign.key
    write(folder / "file", foreign.data)
    write(folder / "theirs", foreign.password or "")
    if foreign.is_encrypted:
        text, found = looked_at(["file"], quickly, keys)
        assert (found["form"], found["opened"], found["keys"]) == (foreign.form, False, [])
        assert "\nits inside was not looked at\n" in text
        write(folder / "wrong", f"{foreign.password}0")
        line = failed(quickly("inspect", "file", "--password-file", "wrong"), 2)
        assert "the passphrase is wrong" in line
    password = ["--password-file", "theirs"] if foreign.is_encrypted else []
    text, found = looked_at(["file", *password], quickly, keys)
    assert (found["form"], found["opened"], found["problems"]) == (foreign.form, True, [])
    assert text.partition("\n")[0] == dict(reading.FORMS.items())[foreign.form]  # type: ignore[index]
    assert "not looked at" not in text
    (facts,) = found["keys"]
    is_secret = key.kty == "oct"
    assert facts == {
        "kid": None if is_secret else key.kid,
        "kty": key.kty,
        # What the form does not say nobody made up.
        "use": None if "--use" in foreign.options else key.use,
        "size": key.size,
        "nbf": None if "--nbf" in foreign.options else key.nbf,
        "exp": None if "--nbf" in foreign.options else key.exp,
        "status": "enabled",
        "private": key.has_private,
        "thumbprint": None if is_secret else trustkeys.jwk_thumbprint(key.to_jwk()),
        "x5t": key.x5t,
    }
    assert f"\n  private     {'yes' if key.has_private else 'no'}\n" in text
    assert f"\n  size        {key.size} bits\n" in text
    if not key.x5c:
        assert found["certificates"] == []
        return
    (certificate,) = certificates.certificates_of(key)
    assert f"\n  exp         {END} (2033-05-18T03:33:20Z)\n" in text
    assert found["certificates"] == [
        {
            "subject": "CN=test,O=Example",
            "issuer": "CN=test,O=Example",
            "nbf": START,
            "exp": END,
            "use": "sig",
            "x5t": key.x5t,
            "sha256": certificate.fingerprint(SHA256()).hex(":").upper(),
        }
    ]


def test_inspect_as_a_person_runs_it(folder: Path, keys: Keys, forms: dict[str, Foreign]) -> None:
    def runner(*args: str) -> subprocess.CompletedProcess[str]:
        return command(*args, cwd=folder)

    write(folder / "crt.pem", forms["certificate"].data)
    text, _ = looked_at(["crt.pem"], runner, keys)
    shown = openssl("x509", "-in", "crt.pem", "-noout", "-fingerprint", "-sha256", cwd=folder)
    assert f"\n  sha256      {shown.strip().partition('=')[2]}\n" in text
    looked_at(["oct.jwk"], runner, keys)
    process = command("inspect", "-", cwd=folder, input=forms["der"].data, text=False)
    assert process.returncode == 0
    data: Any = process.stdout
    assert data.startswith(b"a private key (PKCS#8 or PKCS#1)\nkey 1\n")
    assert leaked(data, keys) == []
    process = command("inspect", "-", "--password-file", "-", cwd=folder)
    assert "standard input can be one of the files" in failed(process, 2)
    assert failed(command("inspect", "none", cwd=folder), 1) == "none: No such file or directory"


def test_inspect_of_a_set_says_what_would_break_sign_in(
    folder: Path, keys: Keys, quickly: Runner
) -> None:
    text, found = looked_at(["pair"], quickly, keys)
    assert (found["form"], found["id"]) == ("jwk-set", "B2C_1A_pair")
    assert [key["kid"] for key in found["keys"]] == [keys.rsa.kid, keys.other.kid]
    assert found["problems"] == []
    long = TrustFrameworkKeySet("TokenSigningKeyContainer", [keys.other])
    write(folder / "long", json.dumps(long.to_jwks(private=True)))
    assert looked_at(["long"], quickly, keys)[1]["id"] == "B2C_1A_TokenSigningKeyContainer"
    # An id of another shape could be a secret in the wrong place.
    secret = keys.oct.to_jwk(private=True)["k"]
    write(folder / "wrong", json.dumps({"id": secret, "keys": []}))
    assert looked_at(["wrong"], quickly, keys, code=3)[1]["id"] is None
    mixed = {"keys": [keys.other.to_jwk(private=True), {**keys.enc.to_jwk(), "kid": "a\x1b[2Jb"}]}
    write(folder / "mixed", json.dumps(mixed))
    text, found = looked_at(["mixed"], quickly, keys, code=3)
    assert "error: the keys differ in use (enc, sig): the service takes one (AADB2C95042)" in text
    assert "\n  kid         a\\x1b[2Jb\n" in text
    assert found["keys"][1]["kid"] == "a\x1b[2Jb"


def test_the_thumbprint_of_a_secret_is_not_in_the_findings_either(
    folder: Path, keys: Keys, quickly: Runner
) -> None:
    first, second = (key.to_jwk(private=True) for key in (keys.oct, keys.second_oct))
    # Keys that start soon, expire soon, take over, cannot be read, are there twice.
    soon = {"nbf": 5, "exp": 4_000_000_000}
    for documents, code in (
        ([first, second], 0),
        ([{**first, **soon}, {**second, "nbf": int(datetime.now(UTC).timestamp()) + 99}], 0),
        ([{**first, "exp": int(datetime.now(UTC).timestamp()) + 9999}, second], 0),
        ([{**first, "use": "bad"}, {**second, "status": "bad"}], 3),
        ([{**first, "nbf": "x"}, second, second], 3),
        ([{**first, "use": "enc", "nbf": 5, "exp": 9}, {**second, "k": "!"}], 3),
    ):
        write(folder / "set", json.dumps({"id": "a", "keys": documents}))
        text, found = looked_at(["set"], quickly, keys, code=code)
        assert [key["kid"] for key in found["keys"]] == [None] * len(documents)
        assert bool([line for line in text.splitlines() if line.startswith("error: ")]) == (
            code == 3
        )
    # A kid of another kind is shown, and those that it is a part of stay as they are.
    odd: list[Any] = [{**first, "kid": "e", "use": "bad"}, {**second, "kid": "mine"}, "text"]
    odd.append({**first, "kid": ""})
    write(folder / "set", json.dumps({"keys": odd}))
    text, found = looked_at(["set"], quickly, keys, code=3)
    assert [key["kid"] for key in found["keys"]] == [None, "mine", None, None]
    assert [key.get("unreadable", False) for key in found["keys"]] == [True, False, True, True]
    assert "error: key 1 is refused: use must be sig or enc" in text
    assert "error: key 3 is refused: it must be a JSON object" in text
    assert "error: key 4 is refused: kid must be text" in text


def test_an_answer_of_graph_shows_what_it_holds(folder: Path, keys: Keys, quickly: Runner) -> None:
    for content, place in (
        (keys.oct.to_graph(), 0),
        (TrustFrameworkKeySet("a", [keys.oct]).to_graph(), 0),
        ({"value": [keys.oct.to_graph(base_url=None)]}, 0),
    ):
        write(folder / "answer", json.dumps(content))
        text, found = looked_at(["answer"], quickly, keys)
        facts = found["keys"][place]
        assert (facts["kty"], facts["use"], facts["size"]) == ("oct", "sig", None)
        assert (facts["kid"], facts["private"]) == (None, False)
        assert "size" not in text
    # What has no kid is given none.
    for key, thumbprint in ((keys.oct, None), (keys.other, keys.other.kid)):
        jwk = key.to_jwk(private=True)
        write(folder / "jwk", json.dumps({name: jwk[name] for name in jwk if name != "kid"}))
        (facts,) = looked_at(["jwk"], quickly, keys)[1]["keys"]
        assert (facts["kid"], facts["thumbprint"]) == (None, thumbprint)


def test_a_sealed_file_says_for_whom_it_is(folder: Path, keys: Keys, quickly: Runner) -> None:
    write(folder / "sealed", sealed.seal(keys.rsa, keys.enc))
    text, found = looked_at(["sealed", "--password-file", "pw"], quickly, keys)
    assert found == {
        "form": "sealed",
        "opened": False,
        "alg": "RSA-OAEP-256",
        "enc": "A256GCM",
        "cty": "jwk+json",
        "kid": keys.enc.kid,
        "keys": [],
        "certificates": [],
        "problems": [],
    }
    assert text.endswith("its inside was not looked at\n")
    header = {"alg": "x" * 99, "enc": 5, "cty": "\x1b[2J", "kid": "\u202eab\n"}
    write(folder / "sealed", support.with_header(sealed.seal(keys.rsa, keys.enc), **header))
    text, found = looked_at(["sealed"], quickly, keys)
    assert "alg" not in found
    assert "cty" not in found
    assert "\n  kid         \\u202eab\\n\n" in text


def broken(keys: Keys, forms: dict[str, Foreign]) -> list[tuple[bytes, str]]:
    """Files whose form is known, and what is wrong with them."""
    jwk = keys.other.to_jwk(private=True)
    old = certificates.self_signed(keys.other, "CN=old", nbf=5, exp=9)
    expired = "certificate 1 ended at 1970-01-01T00:00:09Z"
    request = certificates.signing_request(keys.other, "CN=a")
    csr = x509.load_pem_x509_csr(request).public_bytes(Encoding.DER)
    curve = ec.generate_private_key(ec.SECP256R1())
    (der,) = (each.public_bytes(Encoding.DER) for each in certificates.certificates_of(old))
    names = "the names in certificate 1 are broken"
    spoilt = der.replace(b"\x0c\x03old", b"\x0c\x03o\xff\xff")
    spoilt_jwk = {**jwk, "x5c": [base64.b64encode(spoilt).decode()]}
    return [
        (certificates.to_certificate_pem(old), expired),
        (json.dumps(old.to_jwk(private=True)).encode(), expired),
        (certificates.to_certificate_pem(old) + forms["certificate"].data, "do not belong to the"),
        (keys.issue("CN=a", curve.public_key()).public_bytes(Encoding.PEM), "must be of an RSA"),
        (spoilt, names),
        (json.dumps(spoilt_jwk).encode(), names),
        (
            json.dumps({**jwk, "d": jwk["dp"]}).encode(),
            "the numbers of the RSA key do not fit together",
        ),
        (json.dumps({**jwk, "use": "x"}).encode(), "use must be sig or enc"),
        (b'{"use":"sig"}', "kty is missing"),
        (b'{"kty":"oct","use":"sig"}', "without it an oct key is no key"),
        (PEM.format("PUBLIC KEY", "AAAA").encode(), "must be an RSA key"),
        (PEM.format("CERTIFICATE REQUEST", "AAAA").encode(), "it is broken, or cut off"),
        (csr[:-1] + bytes([csr[-1] ^ 1]), "its signature is not that of the key it is for"),
    ]


@pytest.mark.parametrize("number", range(13))
def test_inspect_says_what_is_wrong(
    folder: Path, keys: Keys, quickly: Runner, forms: dict[str, Foreign], number: int
) -> None:
    data, message = broken(keys, forms)[number]
    write(folder / "file", data)
    text, found = looked_at(["file"], quickly, keys, code=3)
    assert any(message in line for line in text.splitlines() if line.startswith("error: "))
    assert any(message in problem["message"] for problem in found["problems"])
    assert found["opened"]


def test_a_certificate_whose_time_comes_is_no_error(
    folder: Path, keys: Keys, quickly: Runner
) -> None:
    """The keys that a rotation makes start later, and so do their certificates."""
    ahead = keys.issue("CN=a", keys.other.public_key(), nbf=4_000_000_000, exp=4_000_000_009)
    write(folder / "file", ahead.public_bytes(Encoding.DER))
    text, _ = looked_at(["file"], quickly, keys)
    assert "warning: certificate 1 is not valid before 2096-10-02T07:06:40Z" in text


def test_a_file_of_others_is_called_what_it_is(
    folder: Path, quickly: Runner, forms: dict[str, Foreign]
) -> None:
    write(folder / "their.pfx", forms["pkcs12"].data)
    for args in (
        ["export", "their.pfx", "--format", "pem", "-o", "new"],
        ["provision", "their.pfx", "--to", "new"],
        ["compare", "their.pfx", "rsa.jwk"],
    ):
        line = failed(quickly(*args), 2)
        assert line.startswith('their.pfx: this is a PKCS#12 file (PFX); "trustkeys import" makes')
    assert not (folder / "new").exists()


def test_the_passphrase_of_the_set_does_not_go_out_with_a_key(
    folder: Path, quickly: Runner, keys: Keys
) -> None:
    """Who gets a PFX could open the whole set with it."""
    store.save(TrustFrameworkKeySet("a", [keys.rsa]), folder / "locked", password=PASSWORD)
    args = ("export", "locked", "-o", "new", "--input-password-file", "pw")
    refused = quickly(*args, "--format", "pkcs12", "--password-file", "pw")
    assert "that is the passphrase of FILE itself" in failed(refused, 2)
    assert not (folder / "new").exists()
    write(folder / "other", "another passphrase")
    assert quickly(*args, "--format", "pkcs12", "--password-file", "other").returncode == 0
    (folder / "new").unlink()
    # A backup may have the same: its form is that of the set.
    quick_done(quickly, *args, "--format", "jwe", "--password-file", "pw")


def test_a_file_that_is_there_is_found_before_anybody_is_asked(folder: Path, keys: Keys) -> None:
    write(folder / "locked.jwe", encrypt(b"{}", PASSWORD, cty="jwk+json"))
    code, screen = at_a_terminal("import", "locked.jwe", "-o", "pair", cwd=folder, answers=[])
    assert (code, "pair: File exists" in screen) == (1, True)


def test_a_kid_that_begins_another_is_meant_when_given_whole(
    folder: Path, keys: Keys, quickly: Runner
) -> None:
    jwks = store.load(folder / "pair").to_jwks(private=True)
    for jwk, kid in zip(jwks["keys"], ("abcdef", "abcdefgh"), strict=True):
        jwk["kid"] = kid
    write(folder / "alike", json.dumps(jwks))
    args = ("--format", "jwk", "--public", "-o", "-")
    text = quick_done(quickly, "export", "alike", "--kid", "abcdef", *args)
    assert parse(text)["kid"] == "abcdef"


def test_an_expired_certificate_is_found_in_a_pfx(
    folder: Path, keys: Keys, quickly: Runner
) -> None:
    old = certificates.self_signed(keys.other, "CN=a\\0ab,O=\u202eb", nbf=5, exp=9)
    exported = pkcs12.to_pkcs12(old)
    write(folder / "pfx", exported.data)
    write(folder / "theirs", exported.password)
    text, found = looked_at(["pfx", "--password-file", "theirs"], quickly, keys, code=3)
    assert "error: certificate 1 ended at 1970-01-01T00:00:09Z" in text
    assert "warning: the key ended at 1970-01-01T00:00:09Z" in text
    # What a certificate says is shown, and not obeyed.
    assert "\n  subject     CN=a\\nb,O=\\u202eb\n" in text
    assert found["certificates"][0]["subject"] == "CN=a\nb,O=\u202eb"


def test_a_request_for_a_certificate_is_shown(folder: Path, keys: Keys, quickly: Runner) -> None:
    write(folder / "csr", certificates.signing_request(keys.other, SUBJECT))
    text, found = looked_at(["csr"], quickly, keys)
    assert text == (
        f"a certificate signing request (PKCS#10)\n  subject     {SUBJECT}\n"
        f"  size        2048 bits\n  thumbprint  {keys.other.kid}\n"
    )
    assert (found["form"], found["subject"]) == ("signing-request", SUBJECT)
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    request = builder.sign(ec.generate_private_key(ec.SECP256R1()), SHA256())
    write(folder / "csr", request.public_bytes(Encoding.DER))
    _, found = looked_at(["csr"], quickly, keys)
    assert "size" not in found


UNKNOWN = ("empty", "junk", "cut-der", "cut-jwe", "cut-json", "deep-json", "jws", "no-crt")


@pytest.mark.parametrize("name", UNKNOWN)
def test_inspect_of_what_nobody_knows_is_one_line(
    folder: Path, quickly: Runner, strange: dict[str, tuple[bytes, str]], name: str
) -> None:
    data, message = strange[name]
    write(folder / "file", data)
    assert message in failed(quickly("inspect", "file"), 2)


def test_a_passphrase_for_what_has_none_is_not_called_wrong(
    folder: Path, forms: dict[str, Foreign], quickly: Runner
) -> None:
    write(folder / "plain.pem", forms["pem"].data)
    line = failed(quickly("inspect", "plain.pem", "--password-file", "pw"), 2)
    assert "it is not encrypted, though a passphrase was given" in line


# --- keyset secret, add, certify: a set takes keys from elsewhere


def test_a_secret_comes_from_a_pipe(folder: Path) -> None:
    before = [*store.load(folder / "secrets")]
    dates = ("--nbf", "5", "--exp", "+9s")
    text = done("keyset", "secret", "secrets", *dates, cwd=folder, input="p@ss w\u00f6rd\r\n")
    *first, new = store.load(folder / "secrets")
    assert first == before
    assert parse(text) == new.to_graph()
    secret = jwcrypto.jwk.JWK(**new.to_jwk(private=True)).export(as_dict=True)["k"]
    assert base64.urlsafe_b64decode(f"{secret}==").decode() == "p@ss w\u00f6rd"
    assert (new.use, new.nbf, new.exp) == ("sig", 5, 14)
    assert new.kid != trustkeys.jwk_thumbprint(new.to_jwk(private=True))
    assert "p@ss" not in text
    assert support.leaks(text, new.to_jwk(private=True)) == []
    store.save(TrustFrameworkKeySet("a"), folder / "empty", password=PASSWORD)
    args = ("keyset", "secret", "empty", "--password-file", "pw", "--use", "enc")
    done(*args, cwd=folder, input="text")
    assert store.load(folder / "empty", password=PASSWORD).use == "enc"


@pytest.mark.parametrize(
    ("args", "secret", "message"),
    [
        (["pair"], "text", "put oct keys into a key set of their own (AADB2C95032)"),
        (
            ["secrets", "--use", "enc"],
            "text",
            "put enc keys into a key set of their own (AADB2C95042)",
        ),
        (["secrets"], "", "the secret must be text, and not empty"),
        (["secrets"], "x" * 65_537, "the secret must be UTF-8 text of at most 65536 bytes"),
        (["secrets", "--password-file", "-"], "text", "standard input is for the secret"),
        (["empty"], "text", "use is missing: sig or enc (AADB2C90253)"),
        (["secrets", "--exp", "x"], "text", "exp must be seconds since 1970"),
    ],
)
def test_a_secret_that_does_not_fit_changes_nothing(
    folder: Path, quickly: Runner, args: list[str], secret: str, message: str
) -> None:
    store.save(TrustFrameworkKeySet("empty"), folder / "empty", plain=True)
    before = contents(folder)
    assert message in failed(quickly("keyset", "secret", *args, stdin=secret), 2)
    assert contents(folder) == before


def test_a_secret_is_typed_twice_and_never_shown(folder: Path) -> None:
    args = ("keyset", "secret", "secrets")
    before = contents(folder)
    code, screen = at_a_terminal(*args, cwd=folder, answers=["s3cret text", "s3cret test"])
    assert (code, contents(folder)) == (2, before)
    assert "trustkeys: the two secrets differ" in screen
    assert "s3cret" not in screen
    code, screen = at_a_terminal(*args, cwd=folder, answers=["s3cret text", "s3cret text"])
    assert code == 0
    assert screen.count("Secret for secrets: ") == screen.count("Once more: ") == 1
    assert "s3cret" not in screen
    *_, new = store.load(folder / "secrets")
    assert new.to_jwk(private=True)["k"] == "czNjcmV0IHRleHQ"


@pytest.mark.parametrize("name", ["pkcs12", "encrypted-pem", "certificate", "pem", "jwe", "der"])
def test_a_key_of_any_form_joins_a_set(
    folder: Path, keys: Keys, quickly: Runner, forms: dict[str, Foreign], name: str
) -> None:
    foreign = forms[name]
    # What the set is for, the key is for, where its form does not say.
    resident = attrs.evolve(keys.enc, use="sig")
    store.save(TrustFrameworkKeySet("a", [resident]), folder / "set", plain=True)
    write(folder / "file", foreign.data)
    write(folder / "theirs", foreign.password or "")
    password = ("--key-password-file", "theirs") if foreign.is_encrypted else ()
    dates = foreign.options[2:]
    process = quickly("keyset", "add", "set", "file", *password, *dates)
    assert process.returncode == 0, process.stderr
    assert parse(process.stdout) == foreign.key.to_graph()
    assert leaked(process.stdout, keys) == []
    assert [*store.load(folder / "set")] == [resident, foreign.key]


def test_a_key_that_says_what_it_is_for_is_not_made_another(folder: Path, keys: Keys) -> None:
    store.save(TrustFrameworkKeySet("a", [keys.other]), folder / "set", plain=True)
    before = contents(folder)
    line = failed(command("keyset", "add", "set", "enc.jwk", cwd=folder), 2)
    assert "has sig keys: put enc keys into a key set of their own (AADB2C95042)" in line
    assert contents(folder) == before
    done("keyset", "add", "set", "enc.jwk", "--use", "sig", cwd=folder)
    assert [key.use for key in store.load(folder / "set")] == ["sig", "sig"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["pair", "rsa.jwk"], "already has a key with that kid"),
        (["pair", "oct.jwk"], "put oct keys into a key set of their own (AADB2C95032)"),
        (["pair", "secrets"], "secrets: this holds several keys: one key is wanted"),
        (["pair", "pw"], "pw: this must be a JWK"),
        (["empty", "plain.pem"], "plain.pem: use is missing: this form says nothing of it"),
        (["pair", "locked.pem"], "give --key-password-file"),
        (["pair", "locked.pem", "--key-password-file", "pw"], "the passphrase is wrong"),
        (["pair", "-", "--password-file", "-"], "standard input can be one of the files"),
        (["pair", "-", "--key-password-file", "-"], "standard input can be one of the files"),
        (["pair", "rsa.jwk", "--nbf", "x"], "nbf must be seconds since 1970"),
    ],
)
def test_a_key_that_does_not_fit_changes_nothing(
    folder: Path, quickly: Runner, forms: dict[str, Foreign], args: list[str], message: str
) -> None:
    store.save(TrustFrameworkKeySet("empty"), folder / "empty", plain=True)
    write(folder / "plain.pem", forms["pem"].data)
    write(folder / "locked.pem", forms["encrypted-pem"].data)
    before = contents(folder)
    assert message in failed(quickly("keyset", "add", *args), 2)
    assert contents(folder) == before


def test_a_certificate_is_given_to_a_key_and_kept(folder: Path, keys: Keys) -> None:
    dates = ("--nbf", str(START), "--exp", "+10d")
    args = ("keyset", "certify", "pair", keys.other.kid[:8], "--subject", SUBJECT, *dates)
    text = done(*args, cwd=folder)
    first, key = store.load(folder / "pair")
    assert (first, key.kid) == (keys.rsa, keys.other.kid)
    assert (key.nbf, key.exp) == (None, None)
    assert numbers(key) == numbers(keys.other)
    (certificate,) = certificates.certificates_of(key)
    assert x509.load_pem_x509_certificates(text.encode()) == [certificate]
    assert certificate.subject.rfc4514_string() == SUBJECT
    assert certificate.not_valid_after_utc == datetime.fromtimestamp(START + 864_000, UTC)
    assert leaked(text, keys) == []
    # And it goes along when the key is handed on.
    done("export", "pair", "--kid", key.kid, "--format", "certificate", "-o", "crt", cwd=folder)
    assert (folder / "crt").read_text() == text
    again = command(*args, cwd=folder)
    assert (again.returncode, again.stderr) == (
        0,
        "trustkeys: warning: the key had a certificate, which this one replaces\n",
    )


@pytest.mark.parametrize("source", ["chain", "-"])
def test_what_an_authority_issued_is_put_in_order_and_kept(
    folder: Path, keys: Keys, source: str
) -> None:
    leaf = keys.issue("CN=leaf", keys.other.public_key())
    chain = b"".join(each.public_bytes(Encoding.PEM) for each in (keys.root, leaf))
    write(folder / "chain", chain)
    args = ("keyset", "certify", "pair", keys.other.kid, "--certificate", source)
    text = done(*args, cwd=folder, input=chain.decode())
    assert x509.load_pem_x509_certificates(text.encode()) == [leaf, keys.root]
    *_, key = store.load(folder / "pair")
    assert certificates.certificates_of(key) == (leaf, keys.root)
    write(folder / "leaf.pem", leaf.public_bytes(Encoding.PEM))
    write(folder / "root.pem", keys.root.public_bytes(Encoding.PEM))
    # Not lost to a slip, and replaced where that is meant.
    again = command("keyset", "certify", "pair", keys.other.kid, "--subject", SUBJECT, cwd=folder)
    assert "an authority issued the certificate of this key" in failed(again, 2)
    again = command(*args, cwd=folder, input=chain.decode())
    assert (again.returncode, "which this one replaces" in again.stderr) == (0, True)
    checked = ("-attime", str(START), "-partial_chain", "-CAfile", "root.pem", "leaf.pem")
    assert "leaf.pem: OK" in openssl("verify", *checked, cwd=folder)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("pair KID", "say one: --subject NAMES, or --certificate FILE"),
        ("pair KID --subject CN=a --certificate crt", "say one: --subject NAMES"),
        ("pair KID --certificate crt --nbf 5", "--nbf and --exp go with --subject"),
        ("pair KID --certificate crt", "none of the certificates is of this key (AADB2C95034)"),
        ("pair KID --certificate alien", "1 of the certificates do not belong to the chain"),
        ("pair KID --certificate pw", "these must be certificates, as PEM or DER"),
        (
            "pair KID --subject CN=a",
            "nbf must be given: the key has none, and a certificate needs both",
        ),
        ("pair KID --subject x --nbf 5 --exp 9", "subject must be names as RFC 4514"),
        ("pair unknown --subject CN=a", "no key with that kid"),
        ("pair KID --certificate - --password-file -", "standard input can be one"),
        ("secrets SECRET --subject CN=a --nbf 5 --exp 9", "an oct key has no"),
        ("secrets SECRET --certificate crt", "an oct key has no"),
    ],
)
def test_a_certificate_that_does_not_fit_changes_nothing(
    folder: Path, keys: Keys, quickly: Runner, forms: dict[str, Foreign], args: str, message: str
) -> None:
    leaf = keys.issue("CN=leaf", keys.other.public_key()).public_bytes(Encoding.PEM)
    write(folder / "crt", forms["certificate"].data)
    write(folder / "alien", leaf + forms["certificate"].data)
    before = contents(folder)
    named = args.replace("KID", keys.other.kid).replace("SECRET", keys.oct.kid)
    line = failed(quickly("keyset", "certify", *named.split()), 2)
    assert message in line
    assert leaked(line, keys) == []
    assert contents(folder) == before


# --- help


def test_help_lists_the_commands_and_their_examples_work(folder: Path, keys: Keys) -> None:
    text = support.command("--help").stdout
    listed = re.findall(r"^  ([a-z]+)  ", text.partition("Commands:")[2], re.MULTILINE)
    assert {"export", "generate", "import", "inspect", "keyset"} <= {*listed}
    assert sorted(main.group.list_commands(main.group.make_context("trustkeys", ["generate"]))) == (
        sorted(listed)
    )
    for name in ("secret", "add", "certify"):
        assert name in keyset_group.list_commands(click.Context(keyset_group))
    # The files that the examples speak of.
    bare = attrs.evolve(keys.rsa, x5c=(), x5t=None)
    jwk = {**bare.to_jwk(private=True), "kid": "v3sA5PXCabc"}
    write(folder / "bare.keys", json.dumps({"id": "a", "keys": [jwk]}))
    jwk = {**keys.rsa.to_jwk(private=True), "kid": "v3sA5PXCabc"}
    write(folder / "certified.keys", json.dumps({"id": "a", "keys": [jwk]}))
    write(folder / "passphrase", PASSWORD)
    write(folder / "alice.pem", pem.to_pem(keys.enc))
    write(folder / "alice.jwk", json.dumps(keys.enc.to_jwk(private=True)))
    pfx = pkcs12.to_pkcs12(keys.rsa)
    write(folder / "partner.pfx", pfx.data)
    write(folder / "partner.password", pfx.password)
    # Which of them: a certificate is made for a key that has none.
    needs = {"--subject": "bare.keys"}
    extra = {
        "partner.pfx": ["--password-file", "partner.password"],
        "backup.jwe": ["--password-file", "passphrase"],
    }
    count = 0
    for module in (cli_export, cli_intake):
        for example in re.findall(r"^  trustkeys (.*)$", module._EPILOG, re.MULTILINE):
            words = shlex.split(example)
            wanted = next((needs[word] for word in words if word in needs), "certified.keys")
            shutil.copy(folder / wanted, folder / "signing.keys")
            if words[0] == "import":
                (folder / "signing.keys").unlink()
                words += next((extra[word] for word in words if word in extra), [])
                assert words[1] in contents(folder), "an example of export made it"
            process = command(*words, cwd=folder)
            assert process.returncode == 0, (words, process.stderr)
            output = words[words.index("-o") + 1]
            assert output in contents(folder)
            assert support.leaks(process.stdout, keys.rsa.to_jwk(private=True)) == []
            count += 1
    assert count == 9
