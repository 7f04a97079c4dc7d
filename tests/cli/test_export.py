"""trustkeys export: the recipient gets the key, and nobody else does."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import attrs
import joserfc.jwe
import joserfc.jwk
import jwcrypto.jwe
import jwcrypto.jwk
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    load_der_public_key,
    load_pem_public_key,
)

from tests import support
from tests.cli.exchange import (
    PASSWORD,
    START,
    SUBJECT,
    Foreign,
    Keys,
    Runner,
    at_a_terminal,
    command,
    contents,
    done,
    leaked,
    numbers,
    opened_by_joserfc,
    quick_done,
    write,
)
from tests.support import failed, mode_of, needs_links, openssl, parse
from trustkeys import TrustFrameworkKeySet, store
from trustkeys.cli import passphrases
from trustkeys.formats import certificates, jwe, pem, pkcs12, reading
from trustkeys.formats.jwe import decrypt, decrypt_key, encrypt_key

RSA_FORMS = ("pem", "der", "pkcs12", "pkcs12-b2c", "certificate", "csr")


WEAKLY = (
    "trustkeys: warning: this form protects a passphrase only weakly: leave the passphrase out to "
    "get a random one, or use jwe\n"
)


ENCRYPTED_FORMS = [
    ("pem", False),
    ("pem", True),
    ("der", False),
    ("pkcs12", False),
    ("pkcs12-b2c", False),
    ("pkcs12-b2c", True),
]


@pytest.mark.deep
@pytest.mark.parametrize(("form", "own"), ENCRYPTED_FORMS)
def test_an_encrypted_key_opens_with_its_passphrase(
    files: Path, keys: Keys, form: str, own: bool
) -> None:
    before = contents(files)
    options = ["--output-password-file", "pw"] if own else []
    process = command("export", "rsa.jwk", "--format", form, "-o", "out", *options, cwd=files)
    assert process.returncode == 0
    assert process.stderr == (WEAKLY if own else "")
    where = "" if own else "; its passphrase is in out.password"
    assert process.stdout == f"out: key {keys.rsa.kid}, as {form}{where}\n"
    added = {"out"} if own else {"out", "out.password"}
    assert contents(files).keys() - before.keys() == added
    assert {mode_of(files / name) for name in added} == {0o600}
    if not own:
        assert re.fullmatch(r"[a-z2-7]{26}\n", (files / "out.password").read_text())
    # The other files are unchanged.
    assert contents(files).items() >= before.items()
    assert leaked(process.stdout + process.stderr, keys) == []
    data = (files / "out").read_bytes()
    assert leaked(data, keys) == []
    password = (files / ("pw" if own else "out.password")).read_text().strip()
    key = reading.read_key(data, use="sig", password=password)
    assert numbers(key) == numbers(keys.rsa)
    assert key.x5c == (keys.rsa.x5c if form.startswith("pkcs12") else ())


@pytest.mark.deep
@pytest.mark.parametrize(("form", "own"), ENCRYPTED_FORMS)
def test_openssl_opens_an_encrypted_key_with_its_passphrase(
    files: Path, keys: Keys, quickly: Runner, form: str, own: bool
) -> None:
    options = ["--output-password-file", "pw"] if own else []
    quickly("export", "rsa.jwk", "--format", form, "-o", "out", *options)
    password = "file:pw" if own else "file:out.password"
    if form in ("pem", "der"):
        args = ("-inform", form.upper(), "-in", "out", "-passin", password)
        text = openssl("pkey", *args, cwd=files)
    else:
        args = ("-info", "-nodes", "-in", "out", "-passin", password)
        text = openssl("pkcs12", *args, cwd=files)
        cipher = "AES-256-CBC" if form == "pkcs12" else "pbeWithSHA1And3-KeyTripleDES-CBC"
        assert cipher in text
        (certificate,) = x509.load_pem_x509_certificates(text.encode())
        assert (certificate,) == certificates.certificates_of(keys.rsa)
    assert numbers(pem.from_pem(block(text), use="sig")) == numbers(keys.rsa)


@pytest.mark.deep
@pytest.mark.parametrize("form", ["PEM", "DER"])
def test_openssl_reads_an_unencrypted_key(
    files: Path, keys: Keys, quickly: Runner, form: str
) -> None:
    for option, extra in (("--public", ["-pubin"]), ("--plain", [])):
        quick_done(
            *(quickly, "export", "rsa.jwk", "--format", form.lower(), option, "-o", option[2:])
        )
        text = openssl("pkey", *extra, "-inform", form, "-in", option[2:], cwd=files).encode()
        if option == "--public":
            assert load_pem_public_key(text) == keys.rsa.public_key()
        else:
            assert numbers(pem.from_pem(text, use="sig")) == numbers(keys.rsa)


@pytest.mark.deep
def test_openssl_reads_certificates_and_requests(files: Path, quickly: Runner) -> None:
    quick_done(quickly, "export", "rsa.jwk", "--format", "certificate", "-o", "crt")
    shown = openssl("x509", "-in", "crt", "-noout", "-subject", "-dates", cwd=files)
    assert "O = Example, CN = test" in shown or "CN = test, O = Example" in shown
    assert "notAfter=May 18 03:33:20 2033 GMT" in shown
    args = ("--format", "csr", "--subject", SUBJECT, "-o", "csr")
    quick_done(quickly, "export", "enc.jwk", *args)
    shown = openssl("req", "-in", "csr", "-verify", "-noout", "-text", cwd=files)
    assert "verify OK" in shown
    assert "Key Encipherment, Data Encipherment" in shown


def block(text: str) -> bytes:
    found = re.search(r"-----BEGIN PRIVATE KEY-----.*?-----END PRIVATE KEY-----", text, re.DOTALL)
    assert found is not None
    return found[0].encode()


@pytest.mark.deep
@pytest.mark.parametrize(
    ("name", "own"), [("rsa.jwk", False), ("oct.jwk", True), ("pair", True), ("secrets", False)]
)
def test_joserfc_opens_a_backup_of_a_key_and_of_a_set(
    files: Path, keys: Keys, name: str, own: bool
) -> None:
    before = contents(files)
    options = ["--output-password-file", "pw"] if own else []
    text = done("export", name, "--format", "jwe", "-o", "out", *options, cwd=files)
    assert leaked(text, keys) == []
    password = (files / ("pw" if own else "out.password")).read_text().removesuffix("\n")
    assert opened_by_joserfc(files / "out", password) == parse(before[name].decode())
    assert contents(files).items() >= before.items()
    assert mode_of(files / "out") == 0o600
    assert (files / "out.password").exists() != own
    assert support.header_of((files / "out").read_text())["cty"] == (
        "jwk+json" if name.endswith(".jwk") else "jwk-set+json"
    )


@pytest.mark.parametrize("form", ["pem", "der", "jwk", "jwks"])
def test_a_public_key_is_written_without_its_private_part(
    files: Path, keys: Keys, quickly: Runner, form: str
) -> None:
    args = ("--format", form, "--public", "-o", "out", "--json")
    report = parse(quick_done(quickly, "export", "rsa.jwk", *args))
    kids = [keys.rsa.kid]
    assert report == {"output": "out", "format": form, "kids": kids, "passwordFile": None}
    assert mode_of(files / "out") == 0o644
    assert not (files / "out.password").exists()
    data = (files / "out").read_bytes()
    assert leaked(data, keys) == []
    if form == "pem":
        assert load_pem_public_key(data) == keys.rsa.public_key()
    elif form == "der":
        assert load_der_public_key(data) == keys.rsa.public_key()
    elif form == "jwk":
        assert parse(data.decode()) == keys.rsa.to_jwk()
        assert not jwcrypto.jwk.JWK.from_json(data.decode()).has_private
    else:
        found = joserfc.jwk.KeySet.import_key_set(json.loads(data))
        assert [key.kid for key in found.keys] == kids
        assert not any(key.is_private for key in found.keys)


@pytest.mark.parametrize("form", ["pem", "der", "jwk", "jwks"])
def test_an_unencrypted_private_key_needs_plain_and_gets_mode_0600(
    files: Path, keys: Keys, quickly: Runner, form: str
) -> None:
    args = ("--kid", keys.other.kid, "--format", form, "--plain", "-o", "out")
    text = quick_done(quickly, "export", "pair", *args)
    assert text == f"out: key {keys.other.kid}, as {form}\n"
    assert mode_of(files / "out") == 0o600
    assert not (files / "out.password").exists()
    data = (files / "out").read_bytes()
    if form in ("pem", "der"):
        assert numbers(pem.from_pem(data, use="sig")) == numbers(keys.other)
    else:
        jwk = parse(data.decode()) if form == "jwk" else parse(data.decode())["keys"][0]
        assert jwk == keys.other.to_jwk(private=True)
        assert jwcrypto.jwk.JWK(**jwk).has_private


def test_an_oct_key_is_exported_only_as_json(files: Path, keys: Keys, quickly: Runner) -> None:
    done("export", "oct.jwk", "--format", "jwk", "--plain", "-o", "jwk", cwd=files)
    assert parse((files / "jwk").read_text()) == keys.oct.to_jwk(private=True)
    assert joserfc.jwk.OctKey.import_key(json.loads((files / "jwk").read_text())).raw_value
    text = done("export", "secrets", "--format", "jwks", "--plain", "-o", "jwks", cwd=files)
    assert text == "jwks: 2 keys, as jwks\n"
    assert (files / "jwks").read_text().strip() == (files / "secrets").read_text().strip()
    assert {mode_of(files / name) for name in ("jwk", "jwks")} == {0o600}
    for form in RSA_FORMS:
        options = ["--subject", SUBJECT] if form == "csr" else []
        process = quickly("export", "oct.jwk", "--format", form, "-o", "new", *options)
        assert f"an oct key has no form {form}: use jwk, jwks or jwe" in failed(process, 2)
    for name, form in (("oct.jwk", "jwk"), ("secrets", "jwks")):
        process = quickly("export", name, "--format", form, "--public", "-o", "new")
        assert "an oct key has no public form" in failed(process, 2)
    assert not (files / "new").exists()
    assert not (files / "new.password").exists()


def test_certificates_and_requests_hold_nothing_private(files: Path, keys: Keys) -> None:
    done("export", "rsa.jwk", "--format", "certificate", "-o", "crt", cwd=files)
    assert certificates.from_certificate((files / "crt").read_bytes()) == keys.rsa.public()
    args = ("--format", "csr", "--subject", SUBJECT, "-o", "csr")
    assert done("export", "enc.jwk", *args, cwd=files) == f"csr: key {keys.enc.kid}, as csr\n"
    request = x509.load_pem_x509_csr((files / "csr").read_bytes())
    assert request.is_signature_valid
    assert request.public_key() == keys.enc.public_key()
    for name in ("crt", "csr"):
        assert mode_of(files / name) == 0o644
        assert leaked((files / name).read_bytes(), keys) == []
        assert not (files / f"{name}.password").exists()


@pytest.mark.deep
@pytest.mark.parametrize("form", ["pkcs12", "pkcs12-b2c", "certificate"])
def test_a_certificate_made_by_export_is_not_kept_with_the_key(
    files: Path, keys: Keys, quickly: Runner, form: str
) -> None:
    before = contents(files)
    dates = ("--nbf", str(START), "--exp", "+10d")
    args = ("--format", form, "--subject", SUBJECT, *dates, "-o", "out")
    process = quickly("export", "pair", "--kid", keys.other.kid, *args)
    assert process.returncode == 0
    assert process.stderr == (
        "trustkeys: warning: the certificate has already expired, at 2025-01-11T00:00:00Z\n"
        'trustkeys: warning: this certificate is only in OUT; "trustkeys keyset certify" makes one '
        "and keeps it with the key\n"
    )
    if form == "certificate":
        key = certificates.from_certificate((files / "out").read_bytes())
        assert mode_of(files / "out") == 0o644
    else:
        password = (files / "out.password").read_text().strip()
        key = pkcs12.from_pkcs12((files / "out").read_bytes(), password)
        assert numbers(key) == numbers(keys.other)
    assert (key.kid, key.nbf, key.exp) == (keys.other.kid, START, START + 864_000)
    assert certificates.certificates_of(key)[0].subject.rfc4514_string() == SUBJECT
    assert contents(files).items() >= before.items()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["pair", "--format", "pem"], "B2C_1A_pair has 2 keys: choose one with --kid"),
        (["pair", "--format", "jwk", "--plain"], "B2C_1A_pair has 2 keys"),
        (["pair", "--format", "pem", "--kid", "unknown"], "no key with that kid"),
        (["rsa.jwk", "--format", "pem", "--kid", "unknown"], "the key has another kid"),
        (["pair", "--format", "pem", "--kid", "--public"], "no such option, and no such kid"),
        (["pair", "--format", "pem", "--kid", ""], "2 keys have a kid that starts with this"),
        (["lone", "--format", "pem", "--kid", "short"], "at least 6 characters long"),
        (["public.jwk", "--format", "pem"], "the key has no private part"),
        (["public.jwk", "--format", "jwe"], "the key has no private part"),
        (["enc.jwk", "--format", "certificate"], "no certificate: make one with --subject"),
        (["enc.jwk", "--format", "pkcs12"], "no certificate: make one with --subject"),
        (["enc.jwk", "--format", "pkcs12", "--subject", "CN=a"], "nbf must be given"),
        (["rsa.jwk", "--format", "pkcs12", "--subject", "CN=a"], "already has a certificate"),
        (
            ["enc.jwk", "--format", "csr", "--subject", "no name"],
            "subject must be names in the",
        ),
        (
            ["rsa.jwk", "--format", "pem", "--output-password-file", "empty"],
            "printable ASCII characters",
        ),
        (
            ["rsa.jwk", "--format", "jwe", "--output-password-file", "empty"],
            "text of at least one character, but is empty",
        ),
        (["rsa.jwk", "--format", "jwe", "--to", "oct.jwk"], "must be of kty RSA or EC, not oct"),
        (["rsa.jwk", "--format", "jwe", "--to", "rsa.jwk"], "must be for enc, not for sig"),
        (
            ["rsa.jwk", "--format", "jwe", "--to", "pair"],
            "pair: this is a key set",
        ),
        (["rsa.jwk", "--format", "jwe", "--to", "pw"], "pw: this is not a JWK"),
        (["pw", "--format", "pem"], "pw: the key set is not JSON"),
        (["broken.jwk", "--format", "pem"], "broken.jwk: d is missing"),
        (["pair", "--format", "pem", "--password-file", "pw"], "pair is not encrypted"),
    ],
)
def test_a_failed_export_prints_one_line_and_writes_nothing(
    files: Path, keys: Keys, quickly: Runner, args: list[str], message: str
) -> None:
    write(files / "public.jwk", json.dumps(keys.other.to_jwk()))
    write(files / "empty", "\n")
    jwk = keys.other.to_jwk(private=True)
    write(files / "lone", json.dumps({"id": "lone", "keys": [{**jwk, "kid": "shortened"}]}))
    write(files / "broken.jwk", json.dumps({name: jwk[name] for name in jwk if name != "d"}))
    before = contents(files)
    line = failed(quickly("export", *args, "-o", "new"), 2)
    assert message in line
    assert leaked(line, keys) == []
    assert contents(files) == before


@pytest.mark.deep
def test_every_form_can_go_to_standard_output(files: Path, keys: Keys) -> None:
    der = ("--format", "der", "--plain", "-o", "-")
    process = command("export", "rsa.jwk", *der, cwd=files, text=False)
    data: Any = process.stdout
    assert numbers(pem.from_pem(data, use="sig")) == numbers(keys.rsa)
    jwe = ("--format", "jwe", "--output-password-file", "pw", "-o", "-")
    text = done("export", "rsa.jwk", *jwe, cwd=files)
    assert parse(decrypt(text, password=PASSWORD).decode()) == keys.rsa.to_jwk(private=True)
    jwks = ("--format", "jwks", "--public", "-o", "-")
    text = done("export", "pair", *jwks, cwd=files)
    assert parse(text)["keys"] == [keys.rsa.to_jwk(), keys.other.to_jwk()]
    assert leaked(text, keys) == []
    with open("/dev/full", "w") as full:
        process = command(
            *("export", "pair", *jwks),
            cwd=files,
            capture_output=False,
            stdout=full,
            stderr=subprocess.PIPE,
        )
    assert (process.returncode, process.stderr) == (
        1,
        "trustkeys: standard output: No space left on device\n",
    )
    assert not (files / "-").exists()


@pytest.mark.deep
def test_a_shortened_kid_selects_a_key(files: Path, keys: Keys) -> None:
    for name, kid in (("pair", keys.other.kid[:6]), ("rsa.jwk", keys.rsa.kid[:6])):
        jwe = ("--kid", kid, "--format", "jwe", "-o", f"{name}.out", "--json")
        report = parse(done("export", name, *jwe, cwd=files))
        (whole,) = report["kids"]
        assert whole.startswith(kid)
        assert report["passwordFile"] == f"{name}.out.password"
        password = (files / f"{name}.out.password").read_text().strip()
        assert opened_by_joserfc(files / f"{name}.out", password)["kid"] == whole
    hyphen = {**keys.other.to_jwk(private=True), "kid": "-abcdefgh"}
    lone = {"id": "lone", "keys": [hyphen]}
    write(files / "lone", json.dumps(lone))
    args = ("--format", "jwk", "--public", "-o")
    done("export", "lone", "--kid", "-abcdef", *args, "one", cwd=files)
    # A set of one key needs no kid.
    done("export", "lone", *args, "two", cwd=files)
    assert parse((files / "one").read_text())["kid"] == "-abcdefgh"
    assert (files / "one").read_bytes() == (files / "two").read_bytes()


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
        "curve-pem": (keys.curve.export_to_pem(), curve),
        "curve-certificate": (
            keys.issue("CN=alice", keys.curve.get_op_key("wrapKey")).public_bytes(Encoding.DER),
            curve,
        ),
    }


@pytest.mark.parametrize(
    "form",
    [
        *("pem", "der", "certificate", "jwk", "private-jwk"),
        *("curve", "curve-pem", "curve-certificate"),
    ],
)
def test_only_the_recipient_opens_a_sealed_backup(
    files: Path, keys: Keys, quickly: Runner, form: str
) -> None:
    public, private = recipients(keys)[form]
    write(files / "alice", public)
    before = contents(files)
    name = "pair" if form == "pem" else "rsa.jwk"
    text = quick_done(quickly, "export", name, "--format", "jwe", "--to", "alice", "-o", "out")
    assert "passphrase" not in text
    assert contents(files) == {**before, "out": (files / "out").read_bytes()}
    assert mode_of(files / "out") == 0o600
    token = jwcrypto.jwe.JWE(
        algs=["ECDH-ES+A256KW" if "curve" in form else "RSA-OAEP-256", "A256GCM"]
    )
    token.deserialize((files / "out").read_text().strip(), jwcrypto.jwk.JWK.from_json(private))
    assert json.loads(token.payload) == json.loads(before[name])
    # Apart from the kid, the file shows nothing of the recipient's key.
    assert leaked((files / "out").read_bytes(), keys) == []


@pytest.mark.deep
def test_an_encrypted_key_of_a_recipient_is_opened_at_the_terminal(files: Path, keys: Keys) -> None:
    exported = pem.to_encrypted_pem(keys.enc)
    write(files / "alice.pem", exported.data)
    args = ("export", "rsa.jwk", "--format", "jwe", "--to", "alice.pem", "-o", "out")
    message = failed(command(*args, cwd=files), 2)
    assert "no terminal to ask for a passphrase: use a key that is not encrypted" in message
    code, screen = at_a_terminal(*args, cwd=files, answers=[exported.password])
    assert code == 0
    assert screen.count("Passphrase of alice.pem: ") == 1
    assert decrypt_key((files / "out").read_bytes(), with_key=keys.enc) == keys.rsa


def test_an_expired_recipient_gives_a_warning(
    files: Path, keys: Keys, quickly: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passphrases, "ask", lambda *_, **__: PASSWORD)
    rsa = attrs.evolve(keys.enc, nbf=0, exp=1)
    jwk = {**keys.curve.export(private_key=True, as_dict=True), "exp": 1}
    curve = json.dumps(jwk).encode()
    for data in (
        certificates.to_certificate_pem(certificates.self_signed(rsa, "CN=over")),
        keys.issue(
            "CN=over", load_pem_public_key(keys.curve.export_to_pem()), nbf=0, exp=1
        ).public_bytes(Encoding.DER),
        json.dumps(rsa.to_jwk()).encode(),
        curve,
        jwe.encrypt(curve, password=PASSWORD, cty="jwk+json").encode(),
    ):
        write(files / "over", data)
        process = quickly("export", "oct.jwk", "--format", "jwe", "--to", "over", "-o", "out")
        assert process.returncode == 0
        assert process.stderr == (
            "trustkeys: warning: over: the recipient's key has expired at 1970-01-01T00:00:01Z\n"
        )
        (files / "out").unlink()


@pytest.mark.deep
def test_an_encrypted_set_is_opened_with_its_passphrase(files: Path, keys: Keys) -> None:
    store.save(TrustFrameworkKeySet("a", [keys.other]), files / "set", password=PASSWORD)
    before = (files / "set").read_bytes()
    options = ("--format", "pem", "--plain", "-o")
    args = ("export", "set", *options)
    message = failed(command(*args, "out", cwd=files, input=PASSWORD), 2)
    assert "no terminal to ask for a passphrase: use --password-file" in message
    done(*args, "file", "--password-file", "pw", cwd=files)
    done(*args, "pipe", "--password-file", "-", cwd=files, input=f"{PASSWORD}\n")
    code, screen = at_a_terminal(*args, "typed", cwd=files, answers=[PASSWORD])
    assert (code, screen.count("Passphrase of set: ")) == (0, 1)
    assert PASSWORD not in screen
    found = [(files / name).read_bytes() for name in ("file", "pipe", "typed")]
    assert found == [pem.to_pem(keys.other, private=True)] * 3
    code, screen = at_a_terminal(*args, "wrong", cwd=files, answers=["wrong"])
    assert (code, (files / "wrong").exists()) == (2, False)
    assert "set: the passphrase is wrong, or the encrypted content was changed" in screen
    # An existing file is refused before the prompt.
    code, screen = at_a_terminal(*args, "file", cwd=files, answers=[])
    assert (code, "Passphrase" in screen) == (1, False)
    assert (files / "set").read_bytes() == before


@needs_links
def test_the_set_is_not_read_through_a_link(files: Path) -> None:
    (files / "link").symlink_to("pair")
    process = command("export", "link", "--format", "jwks", "--plain", "-o", "out", cwd=files)
    assert "link: it is a symbolic link" in failed(process, 1)


@pytest.mark.deep
def test_the_passphrase_of_the_set_cannot_protect_an_exported_key(
    files: Path, quickly: Runner, keys: Keys
) -> None:
    """The recipient of a PFX could open the whole set with it."""
    password = "in a caf\u00e9, a long one"
    store.save(TrustFrameworkKeySet("a", [keys.rsa]), files / "locked", password=password)
    write(files / "pw", password)
    write(files / "typed on a mac", password.replace("\u00e9", "e\u0301"))
    args = ("export", "locked", "-o", "new", "--password-file", "pw")
    for name in ("pw", "typed on a mac"):
        refused = quickly(*args, "--format", "pkcs12", "--output-password-file", name)
        assert "has the passphrase of FILE" in failed(refused, 2)
    assert not (files / "new").exists()
    write(files / "other", "another passphrase")
    assert quickly(*args, "--format", "pkcs12", "--output-password-file", "other").returncode == 0
    (files / "new").unlink()
    # It was the option for OUT, and must not open FILE and leave OUT with another passphrase.
    assert "choose --output-password-file or --to" in failed(quickly(*args, "--format", "jwe"), 2)
    # A backup may have the same passphrase: it protects it as well as the set does.
    quick_done(quickly, *args, "--format", "jwe", "--output-password-file", "pw")


def test_a_complete_kid_is_not_taken_for_a_shortened_one(
    files: Path, keys: Keys, quickly: Runner
) -> None:
    jwks = store.load(files / "pair").to_jwks(private=True)
    for jwk, kid in zip(jwks["keys"], ("abcdef", "abcdefgh"), strict=True):
        jwk["kid"] = kid
    write(files / "alike", json.dumps(jwks))
    args = ("--format", "jwk", "--public", "-o", "-")
    text = quick_done(quickly, "export", "alike", "--kid", "abcdef", *args)
    assert parse(text)["kid"] == "abcdef"


def test_a_foreign_file_is_named_and_import_suggested(
    files: Path, quickly: Runner, forms: dict[str, Foreign], keys: Keys
) -> None:
    write(files / "their.pfx", forms["pkcs12"].data)
    write(files / "sealed", encrypt_key(keys.rsa, to=keys.enc))
    for file, description in (
        ("their.pfx", "a PKCS#12 file (PFX), encrypted to a passphrase"),
        ("sealed", "a JWE (RFC 7516), sealed to the public key of a recipient"),
    ):
        for args in (
            ["export", file, "--format", "pem", "-o", "new"],
            ["provision", file, "--to", "new"],
            ["compare", file, "rsa.jwk"],
            ["keyset", "show", file],
        ):
            line = failed(quickly(*args), 2)
            assert line.startswith(f'{file}: this is {description}; convert it with "trustkeys')
    assert not (files / "new").exists()
