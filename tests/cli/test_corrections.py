"""What import corrects or leaves out is said, and what it writes is right."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.cli.exchange import Keys, Runner, leaked, write
from tests.formats import bags
from tests.formats.test_pem_blocks import block
from tests.support import der, failed, parse
from trustkeys import TrustFrameworkKey, store
from trustkeys.formats.certificates import certificates_of

WARNING = "trustkeys: warning: "


def padded(text: str) -> str:
    octets = base64.urlsafe_b64decode(text + "==")
    return base64.urlsafe_b64encode(b"\0" + octets).rstrip(b"=").decode()


def test_leading_zero_octets_are_not_written(files: Path, keys: Keys, quickly: Runner) -> None:
    right = keys.other.to_jwk(private=True)
    wrong = {**right, **{name: padded(right[name]) for name in ("n", "d", "qi")}}
    write(files / "java.jwk", json.dumps(wrong))
    with pytest.raises(ValueError, match=r"RFC 7518|leading|zero"):
        TrustFrameworkKey.from_jwk(wrong)
    process = quickly("import", "java.jwk", "-o", "new")
    assert (process.returncode, process.stderr) == (
        0,
        f"{WARNING}n, d and qi had leading zero octets, which were removed (RFC 7518 section 2)\n",
    )
    assert parse((files / "new").read_text()) == right


def test_a_set_with_keys_of_other_types_is_imported_without_them(
    files: Path, keys: Keys, quickly: Runner
) -> None:
    jwk: dict[str, Any] = keys.curve.export(private_key=True, as_dict=True)
    others = [{**jwk, "kid": "curve"}, {"kty": "OKP", "crv": "Ed25519", "x": "AA"}]
    document = {"id": "a", "keys": [others[0], keys.other.to_jwk(private=True), others[1]]}
    write(files / "mixed", json.dumps(document))
    process = quickly("import", "mixed", "-o", "new", "--plain")
    assert process.returncode == 0
    expected = "2 keys left out, since the service knows only RSA and oct: key 1 (curve) of type EC"
    assert process.stderr.startswith(f"{WARNING}{expected} and key 3 of type OKP\n")
    assert [*store.load(files / "new")] == [keys.other]
    assert leaked(process.stdout + process.stderr, keys) == []
    assert jwk["d"] not in process.stdout + process.stderr
    write(files / "mixed", json.dumps({"id": "a", "keys": others}))
    message = failed(quickly("import", "mixed", "-o", "none", "--plain"), 2)
    assert "the key set has no RSA or oct key, only EC and OKP" in message


@pytest.mark.deep
def test_an_empty_passphrase_file_opens_a_pfx_with_an_empty_passphrase(
    files: Path, keys: Keys, quickly: Runner
) -> None:
    (leaf,) = certificates_of(keys.rsa)
    algorithm, data = bags.encrypted(bags.pkcs8(keys.rsa), "")
    key = bags.bag(f"{bags.BAG}.2", bags.sequence(algorithm, bags.octets(data)))
    beside = bags.encrypted_part(bags.certificate_bag(leaf), password="")
    write(files / "pfx", bags.pfx(bags.plain_part(key), beside, password=""))
    for number, empty in enumerate(("", "\n")):
        write(files / "empty", empty)
        process = quickly("import", "pfx", "--password-file", "empty", "-o", f"new{number}")
        assert process.returncode == 0, process.stderr
        new = (files / f"new{number}").read_bytes()
        assert TrustFrameworkKey.from_jwk(new) == keys.rsa
        found = parse(quickly("inspect", "pfx", "--password-file", "empty", "--json").stdout)
        assert [each["kid"] for each in found["keys"]] == [keys.rsa.kid]


@pytest.mark.deep
@pytest.mark.parametrize("form", ["PEM", "PFX"])
def test_a_key_for_rsassa_pss_is_imported_for_sig_alone(
    files: Path, keys: Keys, quickly: Runner, form: str
) -> None:
    pkcs1 = keys.other.private_key().private_bytes(
        Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    )
    algorithm = bags.sequence(bags.oid("1.2.840.113549.1.1.10"))
    pkcs8 = bags.sequence(der(2, b"\0"), algorithm, bags.octets(pkcs1))
    data = block("PRIVATE KEY", pkcs8).encode()
    if form == "PFX":
        data = bags.pfx(bags.plain_part(bags.shrouded_bag(pkcs8)))
    write(files / "pss", data)
    write(files / "theirs", bags.PASSWORD)
    password = ("--password-file", "theirs") if form == "PFX" else ()
    message = failed(quickly("import", "pss", "-o", "none", "--use", "enc", *password), 2)
    assert "the key is for RSASSA-PSS alone: its use must be sig, not enc" in message
    process = quickly("import", "pss", "-o", "new", *password)
    assert process.returncode == 0
    assert "it becomes one for any algorithm" in process.stderr
    assert TrustFrameworkKey.from_jwk((files / "new").read_bytes()).use == "sig"
    shown = quickly("inspect", "pss", *password).stdout
    assert "warning: the file says that the key is an RSA key for RSASSA-PSS alone" in shown


def test_the_error_without_a_use_says_how_to_give_it(
    files: Path, keys: Keys, quickly: Runner
) -> None:
    write(files / "key", json.dumps({**keys.other.to_jwk(private=True), "use": None}))
    message = failed(quickly("import", "key", "-o", "new"), 2)
    assert "use is missing" in message
    assert "so give it (--use, in Python use=)" in message
