"""trustkeys keyset certify: a certificate is kept with its key, or the set stays as it is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
)

from tests.cli.exchange import (
    START,
    SUBJECT,
    Foreign,
    Keys,
    Runner,
    command,
    contents,
    done,
    leaked,
    numbers,
    write,
)
from tests.support import failed
from trustkeys import store
from trustkeys.formats import certificates


def test_a_self_signed_certificate_is_kept_with_the_key(files: Path, keys: Keys) -> None:
    dates = ("--nbf", str(START), "--exp", "+10d")
    args = ("keyset", "certify", "pair", keys.other.kid[:8], "--subject", SUBJECT, *dates)
    text = done(*args, cwd=files)
    first, key = store.load(files / "pair")
    assert (first, key.kid) == (keys.rsa, keys.other.kid)
    assert (key.nbf, key.exp) == (None, None)
    assert numbers(key) == numbers(keys.other)
    (certificate,) = certificates.certificates_of(key)
    assert x509.load_pem_x509_certificates(text.encode()) == [certificate]
    assert certificate.subject.rfc4514_string() == SUBJECT
    assert certificate.not_valid_after_utc == datetime.fromtimestamp(START + 864_000, UTC)
    assert leaked(text, keys) == []
    # Export writes the same certificate.
    done("export", "pair", "--kid", key.kid, "--format", "certificate", "-o", "crt", cwd=files)
    assert (files / "crt").read_text() == text
    again = command(*args, cwd=files)
    assert (again.returncode, again.stderr) == (
        0,
        "trustkeys: warning: this certificate replaces the one that the key had\n",
    )


@pytest.mark.parametrize("source", ["chain", "-"])
def test_a_chain_of_an_authority_is_sorted_and_kept(files: Path, keys: Keys, source: str) -> None:
    leaf = keys.issue("CN=leaf", keys.other.public_key())
    chain = b"".join(each.public_bytes(Encoding.PEM) for each in (keys.root, leaf))
    write(files / "chain", chain)
    args = ("keyset", "certify", "pair", keys.other.kid, "--certificate", source)
    text = done(*args, cwd=files, input=chain.decode())
    assert x509.load_pem_x509_certificates(text.encode()) == [leaf, keys.root]
    *_, key = store.load(files / "pair")
    assert certificates.certificates_of(key) == (leaf, keys.root)
    # A self-signed certificate does not replace it by mistake.
    again = command("keyset", "certify", "pair", keys.other.kid, "--subject", SUBJECT, cwd=files)
    assert "an authority issued the certificate of this key" in failed(again, 2)
    again = command(*args, cwd=files, input=chain.decode())
    assert (again.returncode, "replaces the one that the key had" in again.stderr) == (0, True)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("pair KID", "give either --subject NAMES or --certificate FILE"),
        ("pair KID --subject CN=a --certificate crt", "give either --subject NAMES"),
        ("pair KID --certificate crt --nbf 5", "--nbf and --exp go with --subject"),
        ("pair KID --certificate crt", "none of the certificates is for this key (AADB2C95034)"),
        ("pair KID --certificate alien", "none of the certificates is for this key"),
        ("pair KID --certificate pw", "pw: these must be certificates in PEM, DER or PKCS#7"),
        (
            "pair KID --subject CN=a",
            "nbf must be given: the key has none, and a certificate needs both",
        ),
        ("pair KID --subject x --nbf 5 --exp 9", "subject must be names in the form of RFC 4514"),
        ("pair unknown --subject CN=a", "no key with that kid"),
        ("pair KID --certificate - --password-file -", "standard input can be read only once"),
        ("secrets SECRET --subject CN=a --nbf 5 --exp 9", "only an RSA key can have a certificate"),
        ("secrets SECRET --certificate crt", "only an RSA key can have a certificate"),
    ],
)
def test_a_refused_certificate_changes_nothing(
    files: Path,
    keys: Keys,
    quickly: Runner,
    forms: dict[str, Foreign],
    args: str,
    message: str,
) -> None:
    write(files / "crt", forms["certificate"].data)
    write(files / "alien", forms["certificate"].data)
    before = contents(files)
    named = args.replace("KID", keys.other.kid).replace("SECRET", keys.oct.kid)
    line = failed(quickly("keyset", "certify", *named.split()), 2)
    assert message in line
    assert leaked(line, keys) == []
    assert contents(files) == before
