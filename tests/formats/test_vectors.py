"""The test files of pyca/cryptography: each is read, or refused with the name of what it is."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.cli.in_process import outcome
from trustkeys.core.rsa import RSAStrategy

FOUND = find_spec("cryptography_vectors")

pytestmark = [
    pytest.mark.deep,
    pytest.mark.skipif(FOUND is None, reason="needs the extra vectors"),
]

ROOT = Path(str(FOUND and FOUND.origin)).parent

FOLDERS = [
    *(f"asymmetric/{each.name}" for each in sorted(ROOT.glob("asymmetric/*")) if each.is_dir()),
    *(
        "pkcs12",
        "pkcs7",
        "x509/PKITS_data",
        "x509/custom",
        "x509/ocsp",
        "x509/verification",
        "x509",
    ),
]

# The passphrases in pyca's documentation of the files.
PASSPHRASES = (
    *("password", "test", "123456", "foobar", "baz", "a123456", "cryptography", "1234", "asdf"),
    *("qwerty", "foo", "PolarSSLTest", "hunter2", "passwordpassword", "swordfish"),
)

KEY_FILES = {".der", ".pem", ".key", ".pub", ".p12", ".p7b", ".crt", ".crl"}

UNKNOWN = "this is not a JWK, a JWK Set, a JWE, PEM, DER or PKCS#12"

NAMES = {
    "asymmetric/EC": "EC key|cut off|no key in DER|certificate|no key, ",
    "asymmetric/Ed25519": "Ed25519",
    "asymmetric/Ed448": "Ed448",
    "asymmetric/X25519": "X25519",
    "asymmetric/X448": "X448",
    "asymmetric/MLDSA": "ML-DSA",
    "asymmetric/MLKEM": "ML-KEM",
    "asymmetric/DSA": "DSA",
    # Two numbers in DER, as the public key of RSA has.
    "asymmetric/DH": "Diffie-Hellman|DH PARAMETERS|2048 to 16384 bits|no key, certificate",
    "asymmetric/OpenSSH": "OpenSSH",
}
"""What the refusal of a key says, by the folder."""


def files_in(folder: str) -> Iterator[Path]:
    for path in sorted((ROOT / folder).rglob("*")):
        inner = path.relative_to(ROOT).as_posix()
        is_of_other = folder == "x509" and inner.startswith(
            tuple(f"{each}/" for each in FOLDERS[-5:-1])
        )
        if path.is_file() and not is_of_other:
            yield path


def judged(path: Path, folder: str, tmp_path: Path) -> str | None:
    """Return what is wrong with the answers of the command to a file, or None."""
    start = time.process_time()
    text = ""
    # Each attempt at a PFX takes the time of a proof.
    attempts = (*PASSPHRASES, None) if path.suffix == ".p12" else (None, *PASSPHRASES)
    for password in attempts:
        options: tuple[str, ...] = ()
        if password is not None:
            (tmp_path / "pw").write_text(password)
            options = ("--password-file", str(tmp_path / "pw"))
        done = outcome("inspect", str(path), "--json", *options)
        if done.returncode not in (0, 2, 3) or "Traceback" in done.stderr:
            return f"inspect: {done.returncode}, {done.stderr}"
        text = done.stdout + done.stderr
        is_open = done.returncode in (0, 3) and json.loads(done.stdout)["opened"]
        if is_open or (done.returncode == 2 and "passphrase is wrong" not in text):
            break
    new = tmp_path / "new"
    done = outcome("import", str(path), "-o", str(new), "--use", "sig", *options)
    new.unlink(missing_ok=True)
    if done.returncode not in (0, 1, 2) or "Traceback" in done.stderr:
        return f"import: {done.returncode}, {done.stderr}"
    if time.process_time() - start > 5:
        return "it takes over 5 seconds"
    if done.returncode == 0 or path.suffix not in KEY_FILES:
        return None
    if UNKNOWN in text + done.stderr:
        return "not named"
    words = NAMES.get(folder, "")
    return None if re.search(words, text + done.stderr) else f"not named: {done.stderr}"


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_is_read_or_named(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if folder == "x509/PKITS_data":  # it has 405 keys of one kind
        monkeypatch.setattr(RSAStrategy, "prove", lambda *_: None)
    wrong = {
        path.relative_to(ROOT).as_posix(): problem
        for path in files_in(folder)
        if (problem := judged(path, folder, tmp_path)) is not None
    }
    assert wrong == {}
