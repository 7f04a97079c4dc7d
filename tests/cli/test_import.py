"""trustkeys import: a foreign key is read whole, checked, and kept safe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    load_pem_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from jwcrypto.jwe import JWE
from jwcrypto.jwk import JWK

from tests import support
from tests.cli.exchange import (
    FORMS,
    PASSWORD,
    STRANGERS,
    Foreign,
    Keys,
    Runner,
    at_a_terminal,
    command,
    contents,
    done,
    leaked,
    opened_by_joserfc,
    quick_done,
    write,
)
from tests.support import failed, mode_of, parse
from trustkeys import TrustFrameworkKey, TrustFrameworkKeySet, store
from trustkeys.cli import passphrases
from trustkeys.formats import pem
from trustkeys.formats.jwe import encrypt, encrypt_key

UNENCRYPTED = "trustkeys: warning: new holds the private key unencrypted, and {} was encrypted\n"


def test_a_key_set_of_an_answer_is_imported_by_its_id(
    files: Path, keys: Keys, quickly: Runner
) -> None:
    """What began as a saved answer can be added to."""
    first, second = (
        TrustFrameworkKeySet(name, [key.public()]).to_graph(base_url=None)
        for name, key in (("one", keys.rsa), ("two", keys.other))
    )
    second["keys"][0]["nbf"] = "5"
    write(files / "answer", json.dumps({"value": [first, second]}).encode("utf-16"))
    process = quickly("import", "answer", "--id", "two", "-o", "out", "--plain")
    assert process.returncode == 0, process.stderr
    (key,) = store.load(files / "out")
    assert (key.kid, key.nbf) == (keys.other.kid, 5)
    several = quickly("import", "answer", "-o", "more", "--plain")
    assert failed(several, 2) == (
        "answer: this is an answer of Graph: 2 key sets: choose one by its id"
    )
    write(files / "answer", json.dumps({"value": [second]}))
    assert quickly("import", "answer", "-o", "more", "--plain").returncode == 0
    assert store.load(files / "more").id == "B2C_1A_two"
    write(files / "answer", json.dumps({"value": second["keys"]}))
    nameless = quickly("import", "answer", "-o", "third", "--plain")
    assert "the key set in FILE has no id: give it one with --id" in failed(nameless, 2)


@pytest.mark.parametrize("name", FORMS)
def test_every_form_is_imported_whatever_the_name_of_the_file(
    files: Path, keys: Keys, quickly: Runner, forms: dict[str, Foreign], name: str
) -> None:
    foreign = forms[name]
    write(files / "letter.txt", foreign.data)
    write(files / "theirs", f"{foreign.password}\r\n")
    before = contents(files)
    password = ("--password-file", "theirs") if foreign.is_encrypted else ()
    process = quickly("import", "letter.txt", "-o", "new", *foreign.options, *password)
    assert process.returncode == 0
    assert process.stderr == (UNENCRYPTED.format("letter.txt") if foreign.is_encrypted else "")
    assert parse(process.stdout) == foreign.key.to_graph()
    assert leaked(process.stdout, keys) == []
    assert mode_of(files / "new") == 0o600
    found = TrustFrameworkKey.from_jwk((files / "new").read_bytes())
    assert found == foreign.key
    assert contents(files) == {**before, "new": (files / "new").read_bytes()}


@pytest.mark.parametrize("private", [True, False])
def test_a_disabled_key_stays_disabled(
    files: Path, keys: Keys, quickly: Runner, *, private: bool
) -> None:
    jwk = {**keys.rsa.to_jwk(private=private), "status": "disabled"}
    write(files / "theirs", json.dumps(jwk))
    assert quickly("import", "theirs", "-o", "new").returncode == 0
    assert TrustFrameworkKey.from_jwk((files / "new").read_bytes()).status == "disabled"


@pytest.mark.deep
@pytest.mark.parametrize("name", ["encrypted-der", "pkcs12", "oct"])
def test_a_form_is_imported_through_a_pipe_and_kept_encrypted(
    files: Path, keys: Keys, forms: dict[str, Foreign], name: str
) -> None:
    foreign = forms[name]
    write(files / "theirs", foreign.password or "")
    password = ("--password-file", "theirs") if foreign.is_encrypted else ()
    args = ("import", "-", "-o", "new", *foreign.options, *password, "--output-password-file", "pw")
    process = command(*args, cwd=files, input=foreign.data, text=False)
    assert process.returncode == 0
    assert not process.stderr
    assert mode_of(files / "new") == 0o600
    assert leaked((files / "new").read_bytes(), keys) == []
    assert TrustFrameworkKey.from_jwk(opened_by_joserfc(files / "new", PASSWORD)) == foreign.key


@pytest.mark.deep
def test_a_set_is_imported_as_a_set(files: Path, keys: Keys, quickly: Runner) -> None:
    pair = store.load(files / "pair")
    text = json.dumps(pair.to_jwks(private=True))
    write(files / "backup.jwe", encrypt(text.encode(), password=PASSWORD, cty="jwk-set+json"))
    args = ("import", "backup.jwe", "--password-file", "pw", "-o")
    asked = quickly(*args, "plain")
    assert "use --output-password-file or --plain" in failed(asked, 2)
    assert parse(done(*args, "plain", "--plain", cwd=files)) == pair.to_graph()
    assert store.load(files / "plain") == pair
    encrypted = quickly(*args, "encrypted", "--output-password-file", "pw")
    assert f"active from now on: {pair.get_active_key().kid[:8]};" in encrypted.stderr
    assert store.load(files / "encrypted", password=PASSWORD) == pair
    assert {mode_of(files / name) for name in ("plain", "encrypted")} == {0o600}
    # An answer of Graph to keys_v2 has no id, and these keys have no use.
    answer = {"value": [{**key.to_graph(base_url=None), "use": None} for key in pair]}
    write(files / "answer.json", json.dumps(answer))
    options = ("--id", "theirs", "--use", "enc", "-o", "new", "--plain")
    quick_done(quickly, "import", "answer.json", *options)
    new = store.load(files / "new")
    assert (new.id, new.use, [key.kid for key in new]) == (
        "B2C_1A_theirs",
        "enc",
        [keys.rsa.kid, keys.other.kid],
    )


@pytest.mark.deep
def test_a_backup_of_the_largest_size_is_imported(files: Path, quickly: Runner) -> None:
    document = {**store.load(files / "pair").to_jwks(private=True), "pad": "x" * 13_000_000}
    text = encrypt(json.dumps(document).encode(), password=PASSWORD, cty="jwk-set+json")
    assert len(text) > 2**24
    write(files / "backup", text)
    args = ("--password-file", "pw", "-o", "new", "--plain")
    quick_done(quickly, "import", "backup", *args)
    assert store.load(files / "new") == store.load(files / "pair")
    assert "pad" not in quick_done(quickly, "inspect", "backup", "--password-file", "pw")


@pytest.mark.deep
def test_a_sealed_file_is_imported_with_the_private_key(
    files: Path, keys: Keys, quickly: Runner
) -> None:
    write(files / "curve.jwk", keys.curve.export(private_key=True))
    for recipient, to in (
        ("enc.jwk", keys.enc),
        ("curve.jwk", (files / "curve.jwk").read_text()),
    ):
        write(files / "sealed", encrypt_key(keys.oct, to=to))
        process = quickly("import", "sealed", "--key", recipient, "-o", "new")
        assert (process.returncode, process.stderr) == (0, UNENCRYPTED.format("sealed"))
        assert TrustFrameworkKey.from_jwk((files / "new").read_bytes()) == keys.oct
        (files / "new").unlink()
    process = quickly("import", "oct.jwk", "--key", "enc.jwk", "-o", "new")
    assert "it is not sealed to a recipient, though a key for it was given" in failed(process, 2)
    process = quickly(
        *("import", "sealed", "--key", "enc.jwk", "--password-file", "pw", "-o", "new")
    )
    assert "it is not encrypted to a passphrase" in failed(process, 2)
    process = quickly("import", "oct.jwk", "--plain", "-o", "new")
    assert "--plain is for a key set" in failed(process, 2)
    locked = pem.to_encrypted_pem(keys.enc)
    write(files / "enc.pem", locked.data)
    write(files / "sealed", encrypt_key(keys.rsa, to=keys.enc))
    args = ("import", "sealed", "-o", "new", "--key", "enc.pem")
    code, screen = at_a_terminal(*args, cwd=files, answers=[locked.password])
    assert (code, screen.count("Passphrase of enc.pem: ")) == (0, 1)
    assert leaked(screen, keys) == []
    assert TrustFrameworkKey.from_jwk((files / "new").read_bytes()) == keys.rsa


@pytest.mark.deep
@pytest.mark.parametrize("name", ["encrypted-pem", "pkcs12", "jwe"])
def test_a_passphrase_is_asked_for_only_if_the_file_needs_one(
    files: Path, keys: Keys, forms: dict[str, Foreign], name: str
) -> None:
    foreign = forms[name]
    assert foreign.password is not None
    write(files / "file", foreign.data)
    args = ("import", "file", *foreign.options, "-o", "new")
    code, screen = at_a_terminal(*args, cwd=files, answers=[foreign.password])
    assert (code, screen.count("Passphrase of file: ")) == (0, 1)
    assert foreign.password not in screen
    assert leaked(screen, keys) == []
    assert TrustFrameworkKey.from_jwk((files / "new").read_bytes()) == foreign.key
    if name == "jwe":
        (files / "new").unlink()
        code, screen = at_a_terminal(*args, cwd=files, answers=["wrong"])
        assert (code, (files / "new").exists()) == (2, False)
        assert "file: the passphrase is wrong" in screen
        code, screen = at_a_terminal("import", "oct.jwk", "-o", "other", cwd=files, answers=[])
        assert (code, "Passphrase" in screen) == (0, False)


@pytest.mark.parametrize("name", STRANGERS)
def test_a_file_without_a_usable_key_is_refused_and_nothing_written(
    files: Path,
    keys: Keys,
    quickly: Runner,
    strange: dict[str, tuple[bytes, str]],
    name: str,
) -> None:
    data, message = strange[name]
    write(files / "file", data)
    before = contents(files)
    use = () if name in ("mixed", "no-id") else ("--use", "sig")
    line = failed(quickly("import", "file", "-o", "new", *use), 2)
    assert message in line
    assert leaked(line, keys) == []
    assert contents(files) == before


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("rsa.jwk -o -", "--output must be a file, not -"),
        ("rsa.jwk", "Missing option '-o'"),
        ("- --password-file - -o new", "standard input can be read only once"),
        ("rsa.jwk --key - --output-password-file - -o new", "standard input can be read only once"),
        ("rsa.jwk --id a -o new", "--id is for a key set, and FILE is one key"),
        ("pair --nbf 5 -o new", "--nbf and --exp are for one key, and FILE is a key set"),
        ("plain.pem -o new", "plain.pem: use is missing: the file does not say"),
        ("plain.pem --use both -o new", "--use must be sig or enc, not 'both' (AADB2C95033)"),
        ("rsa.jwk --nbf x -o new", "--nbf must be seconds since 1970"),
        ("rsa.jwk --nbf 9 --exp 5 -o new", "exp"),
        ("plain.pem --use sig --password-file pw -o new", "it is not encrypted, though"),
        ("locked.pem --use sig -o new", "use --password-file"),
        ("locked.pem --use sig --password-file pw -o new", "the passphrase is wrong"),
        (
            "rsa.jwk --output-password-file empty -o new",
            "text of at least one character, but is empty",
        ),
        ("sealed --key rsa.jwk -o new", "the recipient's key must be for enc"),
        ("sealed --key other.jwk -o new", "it is sealed to another key"),
        ("sealed --key public.jwk -o new", "decrypting needs the recipient's private key"),
    ],
)
def test_a_failed_import_prints_one_line_and_writes_nothing(
    files: Path,
    keys: Keys,
    forms: dict[str, Foreign],
    quickly: Runner,
    args: str,
    message: str,
) -> None:
    write(files / "plain.pem", forms["pem"].data)
    write(files / "locked.pem", forms["encrypted-pem"].data)
    write(files / "empty", "")
    write(files / "sealed", encrypt_key(keys.rsa, to=keys.enc))
    write(files / "other.jwk", json.dumps({**keys.other.to_jwk(private=True), "use": "enc"}))
    write(files / "public.jwk", json.dumps(keys.enc.to_jwk()))
    before = contents(files)
    line = failed(quickly("import", *args.split()), 2)
    assert message in line
    assert leaked(line, keys) == []
    assert contents(files) == before


@pytest.mark.deep
def test_import_never_overwrites_a_file_nor_leaves_half_of_one(
    files: Path, forms: dict[str, Foreign]
) -> None:
    before = contents(files)
    process = command("import", "rsa.jwk", "-o", "pair", cwd=files)
    assert failed(process, 1) == "pair: File exists"
    process = command("import", "none", "-o", "new", "--json", cwd=files)
    assert process.returncode == 1
    assert parse(process.stderr)["error"]["target"] == "none"
    process = command(
        *("import", "rsa.jwk", "-o", "new"),
        cwd=files,
        preexec_fn=support.limited_to(100),
        env=support.environment(COVERAGE_PROCESS_CONFIG="", COVERAGE_PROCESS_START=""),
    )
    assert failed(process, 1) == "new: File too large"
    assert contents(files) == before
    # Only the start of an endless file is read.
    process = command("import", "/dev/zero", "-o", "new", cwd=files)
    assert failed(process, 2).startswith("/dev/zero: the file holds nothing but zero bytes")


def test_an_existing_output_is_refused_before_the_prompt(files: Path, keys: Keys) -> None:
    write(files / "locked.jwe", encrypt(b"{}", password=PASSWORD, cty="jwk+json"))
    code, screen = at_a_terminal("import", "locked.jwe", "-o", "pair", cwd=files, answers=[])
    assert (code, "pair: File exists" in screen) == (1, True)


def test_a_jwe_in_json_is_inspected_and_imported(files: Path, keys: Keys, quickly: Runner) -> None:
    text = json.dumps(keys.rsa.to_jwk(private=True)).encode()
    header = json.dumps({"alg": "PBES2-HS256+A128KW", "enc": "A256GCM"})
    token = JWE(text, header)
    token.add_recipient(JWK.from_password(PASSWORD))
    write(files / "flattened", token.serialize())
    shown = json.loads(quickly("inspect", "flattened", "--json").stdout)
    assert (shown["form"], shown["protection"]) == ("jwe", "passphrase")
    assert shown["alg"] == "PBES2-HS256+A128KW"
    process = quickly("import", "flattened", "--password-file", "pw", "-o", "new")
    assert process.returncode == 0
    assert TrustFrameworkKey.from_jwk((files / "new").read_bytes()) == keys.rsa
    token = JWE(text, json.dumps({"alg": "RSA-OAEP", "enc": "A256GCM"}))
    token.add_recipient(JWK(**keys.enc.to_jwk(private=True)))
    write(files / "sealed", token.serialize())
    message = failed(quickly("keyset", "show", "sealed"), 2)
    assert 'sealed to the public key of a recipient; convert it with "trustkeys import"' in message


@pytest.mark.parametrize("alg", ["dir", "A256KW"])
def test_a_symmetric_jwe_is_named_before_a_passphrase_is_asked_for(
    files: Path, quickly: Runner, alg: str
) -> None:
    token = JWE(b"{}", json.dumps({"alg": alg, "enc": "A256GCM"}))
    token.add_recipient(JWK.generate(kty="oct", size=256))
    write(files / "symmetric", token.serialize(compact=True))
    # Without a terminal, a question for the passphrase would be another error.
    for verb, *more in (("show",), ("disable", "kid"), ("password",)):
        message = failed(quickly("keyset", verb, "symmetric", *more), 2)
        assert f"symmetric: it is encrypted to a symmetric key ({alg})" in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("eyJhbGciOiJkaXIifQ.x.y", "this is not a JWE (RFC 7516 section 7), or it is cut off"),
        ("eyJh.x.y.z.w", "the header of the JWE is not JSON"),
        ('{"protected":"x","ciphertext":"y"}', "this is not a JWE"),
    ],
)
def test_a_broken_jwe_is_refused_before_a_passphrase_is_asked_for(
    files: Path, quickly: Runner, text: str, words: str
) -> None:
    write(files / "broken", text)
    for verb, *more in (("show",), ("disable", "kid"), ("password",)):
        message = failed(quickly("keyset", verb, "broken", *more), 2)
        assert message.startswith(f"broken: {words}")


def test_an_ec_key_in_a_file_with_a_passphrase_is_asked_for(
    files: Path, keys: Keys, quickly: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    curve = keys.curve.export(private_key=True)
    locked = keys.curve.export_to_pem(private_key=True, password=PASSWORD.encode())
    backup = encrypt(curve.encode(), password=PASSWORD, cty="jwk+json")
    key = load_pem_private_key(locked, PASSWORD.encode())
    assert isinstance(key, EllipticCurvePrivateKey)
    locking = BestAvailableEncryption(PASSWORD.encode())
    pfx = serialize_key_and_certificates(None, key, None, None, locking)
    for form in (locked, backup, pfx):
        write(files / "alice", form)
        write(files / "sealed", encrypt_key(keys.oct, to=curve))
        args = ("import", "sealed", "--key", "alice", "-o", "new")
        message = failed(quickly(*args), 2)
        assert "no terminal to ask for a passphrase: use a key that is not encrypted" in message
        monkeypatch.setattr(passphrases, "ask", lambda *_, **__: PASSWORD)
        assert quickly(*args).returncode == 0
        monkeypatch.undo()
        monkeypatch.chdir(files)
        monkeypatch.setattr(passphrases, "has_terminal", lambda: False)
        (files / "new").unlink()
