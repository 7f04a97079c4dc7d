"""trustkeys inspect: what a file holds, and nothing secret."""

from __future__ import annotations

import base64
import json
import math
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256, sha512
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
)

import trustkeys
from tests import support
from tests.cli.exchange import (
    END,
    FORMS,
    PEM,
    START,
    SUBJECT,
    Foreign,
    Keys,
    Runner,
    command,
    leaked,
    write,
)
from tests.formats.test_chain import long_exponent
from tests.support import failed, openssl, parse
from trustkeys import TrustFrameworkKeySet, testing
from trustkeys.core.work import Work
from trustkeys.formats import certificates, pem, pkcs12
from trustkeys.formats.jwe import encrypt_key


def looked_at(
    args: Sequence[str], runner: Runner, keys: Keys, *, code: int = 0
) -> tuple[str, dict[str, Any]]:
    """Run inspect for text and for JSON, and check that neither shows a secret."""
    text, parsed = runner("inspect", *args), runner("inspect", *args, "--json")
    assert (text.returncode, parsed.returncode) == (code, code), text.stderr
    assert text.stderr == parsed.stderr == ""
    assert all(line.isprintable() for line in text.stdout.splitlines())
    for shown in (text.stdout, parsed.stdout):
        assert leaked(shown, keys) == []
        for key in (keys.oct, keys.second_oct):
            # Not in any encoding either.
            data = base64.urlsafe_b64decode(f"{key.kid}=")
            assert key.kid == trustkeys.jwk_thumbprint(key.to_jwk(private=True))
            assert not any(form in shown for form in support.spellings(key.kid))
            assert data.hex(":") not in shown.lower()
    return text.stdout, parse(parsed.stdout)


@pytest.mark.deep
@pytest.mark.parametrize("name", FORMS)
def test_inspect_describes_every_form(
    files: Path, keys: Keys, quickly: Runner, forms: dict[str, Foreign], name: str
) -> None:
    foreign = forms[name]
    key = foreign.key
    write(files / "file", foreign.data)
    write(files / "theirs", foreign.password or "")
    if foreign.is_encrypted:
        text, found = looked_at(["file"], quickly, keys)
        assert (found["form"], found["opened"], found["keys"]) == (foreign.form, False, [])
        assert "\ncontents not inspected (encrypted)\n" in text
        write(files / "wrong", f"{foreign.password}0")
        line = failed(quickly("inspect", "file", "--password-file", "wrong"), 2)
        assert "the passphrase is wrong" in line
    password = ["--password-file", "theirs"] if foreign.is_encrypted else []
    text, found = looked_at(["file", *password], quickly, keys)
    assert (found["form"], found["opened"], found["problems"]) == (foreign.form, True, [])
    assert found["protection"] == ("passphrase" if foreign.is_encrypted else "none")
    assert text.partition("\n")[0] == found["description"]
    assert found["description"].endswith(", encrypted to a passphrase") == foreign.is_encrypted
    if foreign.form in ("pem", "der", "jwk"):
        assert ("private key" in found["description"]) == key.has_private
    assert "not inspected" not in text
    (facts,) = found["keys"]
    is_secret = key.kty == "oct"
    assert facts == {
        "kid": None if is_secret else key.kid,
        "kty": key.kty,
        # A use that the file does not have is not invented.
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


@pytest.mark.deep
def test_openssl_prints_the_same_fingerprint(
    files: Path, keys: Keys, quickly: Runner, forms: dict[str, Foreign]
) -> None:
    write(files / "crt.pem", forms["certificate"].data)
    text, _ = looked_at(["crt.pem"], quickly, keys)
    shown = openssl("x509", "-in", "crt.pem", "-noout", "-fingerprint", "-sha256", cwd=files)
    assert f"\n  sha256      {shown.strip().partition('=')[2]}\n" in text


def test_inspect_from_the_shell(files: Path, keys: Keys, forms: dict[str, Foreign]) -> None:
    def runner(*args: str) -> subprocess.CompletedProcess[str]:
        return command(*args, cwd=files)

    write(files / "crt.pem", forms["certificate"].data)
    looked_at(["crt.pem"], runner, keys)
    looked_at(["oct.jwk"], runner, keys)
    process = command("inspect", "-", cwd=files, input=forms["der"].data, text=False)
    assert process.returncode == 0
    data: Any = process.stdout
    assert data.splitlines()[:2] == [b"a private key (DER)", b"key 1"]
    assert leaked(data, keys) == []
    process = command("inspect", "-", "--password-file", "-", cwd=files)
    assert "standard input can be read only once" in failed(process, 2)
    assert failed(command("inspect", "none", cwd=files), 1) == "none: No such file or directory"


@pytest.mark.deep
def test_inspect_of_a_set_reports_what_would_break_sign_in(
    files: Path, keys: Keys, quickly: Runner
) -> None:
    text, found = looked_at(["pair"], quickly, keys)
    assert (found["form"], found["id"]) == ("jwks", "B2C_1A_pair")
    assert [key["kid"] for key in found["keys"]] == [keys.rsa.kid, keys.other.kid]
    assert found["problems"] == []
    long = TrustFrameworkKeySet("TokenSigningKeyContainer", [keys.other])
    write(files / "long", json.dumps(long.to_jwks(private=True)))
    assert looked_at(["long"], quickly, keys)[1]["id"] == "B2C_1A_TokenSigningKeyContainer"
    # Another id could be a secret in the wrong place.
    secret = keys.oct.to_jwk(private=True)["k"]
    write(files / "wrong", json.dumps({"id": secret, "keys": []}))
    assert looked_at(["wrong"], quickly, keys, code=3)[1]["id"] is None
    mixed = {"keys": [keys.other.to_jwk(private=True), {**keys.enc.to_jwk(), "kid": "a\x1b[2Jb"}]}
    write(files / "mixed", json.dumps(mixed))
    text, found = looked_at(["mixed"], quickly, keys, code=3)
    assert "error: the keys differ in use (enc, sig): " in text
    assert "\n  kid         a\\x1b[2Jb\n" in text
    assert found["keys"][1]["kid"] == "a\x1b[2Jb"


def test_findings_never_show_the_thumbprint_of_a_secret(
    files: Path, keys: Keys, quickly: Runner
) -> None:
    first, second = (key.to_jwk(private=True) for key in (keys.oct, keys.second_oct))
    # Keys that start soon, expire soon, take over, are broken, or occur twice.
    soon = {"nbf": 5, "exp": 4_000_000_000}
    for documents, code in (
        ([first, second], 0),
        ([{**first, **soon}, {**second, "nbf": int(datetime.now(UTC).timestamp()) + 99}], 0),
        ([{**first, "exp": int(datetime.now(UTC).timestamp()) + 9999}, second], 0),
        ([{**first, "use": "bad"}, {**second, "status": "bad"}], 3),
        ([{**first, "nbf": "x"}, second, second], 3),
        ([{**first, "use": "enc", "nbf": 5, "exp": 9}, {**second, "k": "!"}], 3),
    ):
        write(files / "set", json.dumps({"id": "a", "keys": documents}))
        text, found = looked_at(["set"], quickly, keys, code=code)
        assert [key["kid"] for key in found["keys"]] == [None] * len(documents)
        assert bool([line for line in text.splitlines() if line.startswith("error: ")]) == (
            code == 3
        )
    # A kid that is no thumbprint is shown, also if another one contains it.
    odd: list[Any] = [{**first, "kid": "e", "use": "bad"}, {**second, "kid": "mine"}, "text"]
    odd.append({**first, "kid": ""})
    write(files / "set", json.dumps({"keys": odd}))
    text, found = looked_at(["set"], quickly, keys, code=3)
    assert [key["kid"] for key in found["keys"]] == [None, "mine", None, None]
    assert [key.get("unreadable", False) for key in found["keys"]] == [True, False, True, True]
    assert "error: key 1 is refused: use must be sig or enc" in text
    assert "error: key 3 is refused: it must be a JSON object" in text
    assert "error: key 4 is refused: kid must be a string" in text


def test_inspect_reads_an_answer_of_graph(files: Path, keys: Keys, quickly: Runner) -> None:
    for content, place in (
        (keys.oct.to_graph(), 0),
        (TrustFrameworkKeySet("a", [keys.oct]).to_graph(), 0),
        ({"value": [keys.oct.to_graph(base_url=None)]}, 0),
    ):
        write(files / "answer", json.dumps(content))
        text, found = looked_at(["answer"], quickly, keys)
        facts = found["keys"][place]
        assert (facts["kty"], facts["use"], facts["size"]) == ("oct", "sig", None)
        assert (facts["kid"], facts["private"]) == (None, False)
        assert "size" not in text
    # A key without a kid is shown without one.
    for key, thumbprint in ((keys.oct, None), (keys.other, keys.other.kid)):
        jwk = key.to_jwk(private=True)
        write(files / "jwk", json.dumps({name: jwk[name] for name in jwk if name != "kid"}))
        (facts,) = looked_at(["jwk"], quickly, keys)[1]["keys"]
        assert (facts["kid"], facts["thumbprint"]) == (None, thumbprint)


def test_inspect_reads_every_key_set_of_an_answer(files: Path, keys: Keys, quickly: Runner) -> None:
    one = TrustFrameworkKeySet("one", [keys.oct]).to_graph(base_url=None)
    two = TrustFrameworkKeySet("two", [keys.rsa, keys.other]).to_graph(base_url=None)
    two["keys"][1] |= {"status": "unknownFutureValue", "nbf": "5"}
    for content in ({"value": [one, two]}, [one, two]):
        write(files / "answer", json.dumps(content).encode("utf-16"))
        text, found = looked_at(["answer"], quickly, keys)
        assert found["description"] == "an answer of Graph: 2 key sets"
        assert [key["key_set"] for key in found["keys"]] == ["B2C_1A_one"] + ["B2C_1A_two"] * 2
        assert [key["kid"] for key in found["keys"]] == [None, keys.rsa.kid, keys.other.kid]
        assert (found["keys"][2]["status"], found["keys"][2]["nbf"]) == ("unknownFutureValue", 5)
        assert any("B2C_1A_two: key" in problem["message"] for problem in found["problems"])
        assert "\n  key_set     B2C_1A_two\n" in text
    # A status, or an id, can be a secret in the wrong place.
    secret = keys.oct.to_jwk(private=True)["k"]
    two["keys"][1]["status"] = two["id"] = secret
    write(files / "answer", json.dumps({"value": [two]}))
    text, found = looked_at(["answer"], quickly, keys)
    assert (found["keys"][1]["status"], found["keys"][1]["key_set"]) == ("unknown", None)
    # One key, and a set as a policy publishes it.
    for content, words in (
        ({"value": two["keys"][0]}, "an answer of Graph: one key of a key set"),
        ({"keys": [keys.rsa.to_jwk()]}, "a JWK Set (RFC 7517) of public keys"),
    ):
        write(files / "answer", json.dumps(content))
        text, found = looked_at(["answer"], quickly, keys)
        assert (found["description"], found["problems"]) == (words, [])
        assert found["keys"][0]["kid"] == keys.rsa.kid


def test_inspect_of_a_sealed_file_shows_its_recipient(
    files: Path, keys: Keys, quickly: Runner
) -> None:
    write(files / "sealed", encrypt_key(keys.rsa, to=keys.enc))
    text, found = looked_at(["sealed", "--password-file", "pw"], quickly, keys)
    assert found == {
        "form": "jwe",
        "description": "a JWE (RFC 7516), sealed to the public key of a recipient",
        "protection": "recipient",
        "opened": False,
        "alg": "RSA-OAEP-256",
        "enc": "A256GCM",
        "cty": "jwk+json",
        "kid": keys.enc.kid,
        "keys": [],
        "certificates": [],
        "problems": [],
    }
    assert text.endswith("contents not inspected (encrypted)\n")
    header = {"alg": "x" * 99, "enc": 5, "cty": "\x1b[2J", "kid": "\u202eab\n"}
    write(files / "sealed", support.with_header(encrypt_key(keys.rsa, to=keys.enc), **header))
    text, found = looked_at(["sealed"], quickly, keys, code=3)
    assert "alg" not in found
    assert "cty" not in found
    assert "\n  kid         \\u202eab\\n\n" in text


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"zip": "DEF"}, "it is compressed (zip)"),
        ({"crit": ["b64"]}, "extensions (crit)"),
        ({"enc": "XC20P"}, "encrypted with enc XC20P, which is not read"),
        ({"alg": "dir"}, "encrypted to a symmetric key (dir), which trustkeys does not read"),
        ({"alg": "RSA1_5"}, "RSA1_5, which is unsafe"),
        ({"p2c": 5_000_000}, "from 1000 to 1000000 rounds, not 5000000"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_inspect_says_that_no_passphrase_or_key_opens_a_file(
    files: Path, keys: Keys, quickly: Runner, header: dict[str, Any], message: str
) -> None:
    """Else one would look for the passphrase first."""
    sealed = encrypt_key(keys.rsa, password="x")
    write(files / "file", support.with_header(sealed, **header))
    process = quickly("inspect", "file")
    assert process.returncode == 3
    assert message in process.stdout.partition("error: ")[2]


def broken(keys: Keys, forms: dict[str, Foreign]) -> list[tuple[bytes, str]]:
    """Files whose form is known, and what is wrong with them."""
    jwk = keys.other.to_jwk(private=True)
    old = certificates.self_signed(keys.other, "CN=old", nbf=5, exp=9)
    expired = "certificate 1 expired at 1970-01-01T00:00:09Z"
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
        (certificates.to_certificate_pem(old) + forms["certificate"].data, "are for 2 keys"),
        (keys.issue("CN=a", curve.public_key()).public_bytes(Encoding.PEM), "must be for an RSA"),
        (spoilt, names),
        (json.dumps(spoilt_jwk).encode(), names),
        (
            json.dumps({**jwk, "d": jwk["dp"]}).encode(),
            "the numbers of the RSA key do not fit together",
        ),
        (json.dumps({**jwk, "use": "x"}).encode(), "use must be sig or enc"),
        (b'{"use":"sig"}', "kty is missing"),
        (b'{"kty":"oct","use":"sig"}', "k is missing or empty"),
        (PEM.format("PUBLIC KEY", "AAAA").encode(), "is no key in DER"),
        (PEM.format("CERTIFICATE REQUEST", "AAAA").encode(), "it is broken, or cut off"),
        (csr[:-1] + bytes([csr[-1] ^ 1]), "its signature was not made with its own key"),
    ]


@pytest.mark.parametrize("number", range(13))
def test_inspect_reports_what_is_wrong(
    files: Path, keys: Keys, quickly: Runner, forms: dict[str, Foreign], number: int
) -> None:
    data, message = broken(keys, forms)[number]
    write(files / "file", data)
    text, found = looked_at(["file"], quickly, keys, code=3)
    assert any(message in line for line in text.splitlines() if line.startswith("error: "))
    assert any(message in problem["message"] for problem in found["problems"])
    assert found["opened"]


def test_a_certificate_that_starts_later_is_only_a_warning(
    files: Path, keys: Keys, quickly: Runner
) -> None:
    """A rotation generates keys that start later, and so do their certificates."""
    ahead = keys.issue("CN=a", keys.other.public_key(), nbf=4_000_000_000, exp=4_000_000_009)
    write(files / "file", ahead.public_bytes(Encoding.DER))
    text, _ = looked_at(["file"], quickly, keys)
    assert "warning: certificate 1 is not valid before 2096-10-02T07:06:40Z" in text


@pytest.mark.deep
def test_inspect_finds_an_expired_certificate_in_a_pfx(
    files: Path, keys: Keys, quickly: Runner
) -> None:
    old = certificates.self_signed(keys.other, "CN=a\\0ab,O=\u202eb", nbf=5, exp=9)
    exported = pkcs12.to_pkcs12(old)
    write(files / "pfx", exported.data)
    write(files / "theirs", exported.password)
    text, found = looked_at(["pfx", "--password-file", "theirs"], quickly, keys, code=3)
    assert "error: certificate 1 expired at 1970-01-01T00:00:09Z" in text
    assert "warning: the key expired at 1970-01-01T00:00:09Z" in text
    # Control characters in a certificate are escaped.
    assert "\n  subject     CN=a\\nb,O=\\u202eb\n" in text
    assert found["certificates"][0]["subject"] == "CN=a\nb,O=\u202eb"


def test_inspect_of_a_certificate_signing_request(files: Path, keys: Keys, quickly: Runner) -> None:
    write(files / "csr", certificates.signing_request(keys.other, SUBJECT))
    text, found = looked_at(["csr"], quickly, keys)
    assert text == (
        f"a certificate signing request (PKCS#10, PEM)\n  subject     {SUBJECT}\n"
        f"  size        2048 bits\n  thumbprint  {keys.other.kid}\n"
    )
    assert (found["form"], found["subject"]) == ("csr", SUBJECT)
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    request = builder.sign(ec.generate_private_key(ec.SECP256R1()), SHA256())
    write(files / "csr", request.public_bytes(Encoding.DER))
    _, found = looked_at(["csr"], quickly, keys)
    assert "size" not in found


def test_a_signature_that_would_take_minutes_is_not_checked(
    files: Path, keys: Keys, quickly: Runner
) -> None:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    request = builder.sign(long_exponent(257), SHA256())
    write(files / "csr", request.public_bytes(Encoding.DER))
    text = quickly("inspect", "csr").stdout
    assert "error: its key is broken, or of a kind that is not supported\n" in text


@pytest.mark.usefixtures("clean_registry")
def test_a_key_of_a_registered_type_is_described(files: Path, keys: Keys, quickly: Runner) -> None:
    namespace: dict[str, Any] = {}
    exec(support.documented_p256(), namespace)
    trustkeys.register_strategy(namespace["p256"])
    key = trustkeys.generate_key("sig", "EC")
    write(files / "curve", json.dumps(key.to_jwk(private=True)))
    _, found = looked_at(["curve"], quickly, keys)
    assert (found["keys"][0]["kty"], found["keys"][0]["size"]) == ("EC", 256)
    assert found["problems"] == []


UNKNOWN = ("empty", "junk", "cut-der", "cut-jwe", "cut-json", "deep-json", "jws", "no-crt")


@pytest.mark.parametrize("name", UNKNOWN)
def test_inspect_of_an_unknown_file_prints_one_line(
    files: Path, quickly: Runner, strange: dict[str, tuple[bytes, str]], name: str
) -> None:
    data, message = strange[name]
    write(files / "file", data)
    assert message in failed(quickly("inspect", "file"), 2)


def test_an_unneeded_passphrase_is_not_called_wrong(
    files: Path, forms: dict[str, Foreign], quickly: Runner
) -> None:
    write(files / "plain.pem", forms["pem"].data)
    line = failed(quickly("inspect", "plain.pem", "--password-file", "pw"), 2)
    assert "it is not encrypted, though a passphrase was given" in line


def test_a_certificate_of_an_authority_is_nothing_wrong(
    files: Path, keys: Keys, quickly: Runner
) -> None:
    """The certificates of issuers are what people look at first."""
    usage = dict.fromkeys(
        (
            *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
            *("key_agreement", "crl_sign", "encipher_only", "decipher_only"),
        ),
        False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name.from_rfc4514_string("CN=root"))
        .issuer_name(x509.Name.from_rfc4514_string("CN=root"))
        .public_key(keys.other.public_key())
        .serial_number(5)
        .not_valid_before(datetime.fromtimestamp(START, UTC))
        .not_valid_after(datetime.fromtimestamp(END, UTC))
        .add_extension(x509.KeyUsage(key_cert_sign=True, **usage), critical=True)
    )
    data = builder.sign(keys.other.private_key(), SHA256()).public_bytes(Encoding.PEM)
    write(files / "ca.pem", data)
    _, found = looked_at(["ca.pem"], quickly, keys)
    assert (found["problems"], found["keys"][0]["use"]) == ([], None)
    write(files / "ca.pem", data + pem.to_pem(keys.other, private=True))
    text, _ = looked_at(["ca.pem"], quickly, keys)
    assert "warning: the key usage of its certificate allows neither sig nor enc" in text


@pytest.mark.parametrize(
    ("octets", "members", "needed"),
    [
        (16, {}, "128 bits, and HS256 needs at least 256"),
        (32, {"alg": "HS512"}, "256 bits, and HS512 needs at least 512"),
        (32, {}, None),
        (16, {"alg": "HS999"}, "128 bits, and HS256 needs at least 256"),
    ],
)
def test_a_secret_that_is_too_short_for_its_algorithm_is_a_warning(
    files: Path,
    keys: Keys,
    quickly: Runner,
    octets: int,
    members: dict[str, Any],
    needed: str | None,
) -> None:
    secret = base64.urlsafe_b64encode(bytes(range(octets))).rstrip(b"=").decode()
    write(files / "file", json.dumps({"kty": "oct", "use": "sig", "k": secret, **members}))
    text, found = looked_at(["file"], quickly, keys)
    if needed is None:
        assert found["problems"] == []
    else:
        assert f"warning: the secret has {needed} (RFC 7518 section 3.2)" in text


def test_what_was_corrected_is_a_warning_for_a_key_and_in_a_set(
    files: Path, keys: Keys, quickly: Runner
) -> None:
    jwk = keys.other.to_jwk(private=True)
    d = base64.urlsafe_b64decode(jwk["d"] + "==")
    jwk["d"] = base64.urlsafe_b64encode(b"\0" + d).rstrip(b"=").decode()
    write(files / "file", json.dumps(jwk))
    assert looked_at(["file"], quickly, keys)[1]["problems"][0]["severity"] == "warning"
    write(files / "file", json.dumps({"keys": [keys.rsa.to_jwk(private=True), jwk]}))
    done = quickly("inspect", "file")
    assert "\nwarning: key 2: " in done.stdout
    # `import` takes it, too.
    assert "is refused" not in done.stdout


def test_a_number_that_was_corrected_counts_in_the_check_of_a_set(
    files: Path, keys: Keys, quickly: Runner
) -> None:
    """The same key in two spellings is one key."""
    jwk = keys.other.to_jwk()
    n = base64.urlsafe_b64decode(jwk["n"] + "==")
    padded = {**jwk, "kid": "b", "n": base64.urlsafe_b64encode(b"\0" + n).decode()}
    write(files / "file", json.dumps({"keys": [jwk, padded]}))
    done = quickly("inspect", "file")
    assert done.returncode == 0, done.stdout
    assert "are the same key" in done.stdout


@pytest.mark.parametrize("member", ["x5c", "d"])
def test_work_that_nothing_is_left_for_is_an_error(
    member: str, files: Path, keys: Keys, quickly: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading a set and checking it share one budget."""
    monkeypatch.setattr("trustkeys.core.work.MAX_WORK", 1)
    monkeypatch.setattr("trustkeys.cli.inspection.Work", lambda: Work(completed=1))
    key = certificates.self_signed(keys.other, "CN=a", nbf=0, exp=2**32)
    jwk = key.to_jwk(private=member == "d")
    kept = {"kty", "use", "n", "e", member}
    one = {name: value for name, value in jwk.items() if name in kept}
    write(files / "file", json.dumps({"keys": [{**one, "kid": kid} for kid in "abc"]}))
    done = quickly("inspect", "file")
    assert done.returncode == 3
    words = {"x5c": "too many, or have too slow signatures", "d": "p, q, dp, dq and qi are missing"}
    assert done.stdout.count(words[member]) == 2
    assert "error: key 1" not in done.stdout


def test_an_rsa_key_that_net_refuses_on_windows_is_a_warning(
    files: Path, keys: Keys, quickly: Runner
) -> None:
    numbers = testing.rsa_key(0).private_key().private_numbers()
    p, q, e = numbers.p, numbers.q, 66_311  # with this one, dp has an octet less
    d = pow(e, -1, math.lcm(p - 1, q - 1))
    members = {"n": p * q, "e": e, "d": d, "p": p, "q": q, "qi": numbers.iqmp}
    members |= {"dp": d % (p - 1), "dq": d % (q - 1)}
    jwk = {"kty": "RSA", "use": "sig", **{each: support.b64(members[each]) for each in members}}
    write(files / "file", json.dumps(jwk))
    short = "its dp is not of full length, and .NET on Windows and .NET Framework refuse such a key"
    assert f"\nwarning: {short}" in quickly("inspect", "file").stdout
    write(files / "file", json.dumps({"keys": [keys.rsa.to_jwk(private=True), jwk]}))
    assert f"\nwarning: key 2: {short}" in quickly("inspect", "file").stdout
    write(files / "file", json.dumps(keys.rsa.to_jwk(private=True)))
    assert "full length" not in quickly("inspect", "file").stdout


def test_a_hash_of_a_weak_secret_is_not_shown_in_any_spelling(
    files: Path, keys: Keys, quickly: Runner
) -> None:
    k = base64.urlsafe_b64encode(b"swordfish").rstrip(b"=").decode()
    digest = sha256(f'{{"k":"{k}","kty":"oct"}}'.encode()).digest()
    text = base64.urlsafe_b64encode(digest).decode()
    for kid in (
        text,
        text.rstrip("="),
        base64.b64encode(digest).decode(),
        digest.hex(),
        digest.hex(":").upper(),
        f"urn:ietf:params:oauth:jwk-thumbprint:sha-256:{text.rstrip('=')}",
        text.lower(),
        text[:12],
        sha256(b"swordfish").hexdigest(),
        sha512(b"swordfish").hexdigest(),
    ):
        jwk = {"kty": "oct", "use": "sig", "k": k, "kid": kid}
        for document in (jwk, {"keys": [jwk, jwk, {**jwk, "use": "bad"}]}):
            write(files / "file", json.dumps(document))
            done = quickly("inspect", "file")
            assert kid not in done.stdout + done.stderr
        write(files / "file", json.dumps({"id": "a", "keys": [jwk, jwk]}))
        assert kid not in quickly("audit", "file").stdout
    jwk = {"kty": "oct", "use": "sig", "k": k, "kid": "key-of-2026"}
    write(files / "file", json.dumps(jwk))
    assert "key-of-2026" in quickly("inspect", "file").stdout


def test_unreadable_extensions_of_a_certificate_are_one_of_its_problems(
    files: Path, keys: Keys, quickly: Runner
) -> None:
    der = keys.issue("CN=a", keys.other.public_key()).public_bytes(Encoding.DER)
    # The content of BasicConstraints: an integer in place of a sequence.
    spoilt = der.replace(b"\x04\x02\x30\x00", b"\x04\x02\x02\x00")
    assert spoilt != der
    write(files / "file", spoilt)
    text, _ = looked_at(["file"], quickly, keys, code=3)
    assert "error: the extensions of certificate 1 cannot be read" in text
