"""Programs of others open the files of trustkeys, and trustkeys opens theirs."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from jwcrypto.jwk import JWK

import trustkeys
from tests import support
from tests.formats.helpers import PASSWORD, Authority, refused
from tests.interop.programs import Program, started
from tests.interop.sdk import give_up
from trustkeys import TrustFrameworkKey
from trustkeys.formats import jwe, pem, pkcs12
from trustkeys.formats.reading import read_key

pytestmark = [pytest.mark.deep, pytest.mark.interop]

JOSE = {
    "go-jose": "go",
    "jwx": "go",
    "step": "go",
    "Nimbus": "java",
    "jose4j": "java",
    "panva": "javascript",
}
LANGUAGES = {
    **JOSE,
    "go-pkcs12": "go",
    "x/crypto": "go",
    "Bouncy Castle": "java",
    "Java": "java",
    "Node": "javascript",
}
# step takes a set only together with a kid, and is not told to which key a JWE is sealed.
SETS = [library for library in JOSE if library != "step"]

MEMBERS = ("kty", "n", "e", "d", "p", "q", "dp", "dq", "qi", "k")


class Judges:
    """The libraries. The program of each language starts when it is first asked."""

    def __init__(self, cache: pytest.Cache, stack: ExitStack) -> None:
        self._cache = cache
        self._stack = stack
        self._running: dict[str, Program] = {}

    def read(self, library: str, form: str, data: bytes, **arguments: Any) -> list[dict[str, Any]]:
        """Return the private members of the keys that a library finds in a file."""
        text = base64.b64encode(data).decode()
        call = {"library": library, "form": form, "data": text, **arguments}
        return [members(each) for each in self.program(library).value("read", **call)]

    def write(self, library: str, form: str, **arguments: Any) -> bytes:
        """Return a file that a library writes."""
        call = {"library": library, "form": form, **arguments}
        return base64.b64decode(self.program(library).value("write", **call))

    def program(self, library: str) -> Program:
        language = LANGUAGES[library]
        if language not in self._running:
            cache = self._cache.mkdir(f"trustkeys-judge-{language}")
            running = started(language, cache, judges=True)
            self._running[language] = self._stack.enter_context(running)
        return self._running[language]


def members(jwk: Mapping[str, Any]) -> dict[str, Any]:
    return {name: jwk[name] for name in MEMBERS if name in jwk}


@pytest.fixture(scope="session")
def judges(pytestconfig: pytest.Config) -> Iterator[Judges]:
    assert pytestconfig.cache is not None
    with ExitStack() as stack:
        yield Judges(pytestconfig.cache, stack)


@pytest.fixture(scope="session")
def jwk(certified: TrustFrameworkKey) -> dict[str, Any]:
    return certified.to_jwk(private=True)


@pytest.fixture(scope="session")
def recipients() -> dict[str, JWK]:
    return {
        "RSA": JWK.generate(kty="RSA", size=2048),
        "EC": JWK.generate(kty="EC", crv="P-256"),
    }


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.mark.parametrize("library", JOSE)
def test_a_private_jwk_is_read(judges: Judges, library: str, jwk: dict[str, Any]) -> None:
    for key in (jwk, trustkeys.generate_key("enc", "oct").to_jwk(private=True)):
        assert judges.read(library, "jwk", json.dumps(key).encode()) == [members(key)]


@pytest.mark.parametrize("library", SETS)
def test_a_private_set_is_read(judges: Judges, library: str, jwk: dict[str, Any]) -> None:
    keys = [jwk, trustkeys.generate_key("sig", "oct").to_jwk(private=True)]
    data = json.dumps({"keys": keys}).encode()
    assert judges.read(library, "jwks", data) == [members(each) for each in keys]


@pytest.mark.parametrize("library", JOSE)
def test_a_jwe_is_opened_with_its_passphrase(
    judges: Judges, library: str, certified: TrustFrameworkKey, jwk: dict[str, Any]
) -> None:
    data = jwe.encrypt_key(certified, password=PASSWORD).encode()
    assert judges.read(library, "jwe", data, password=PASSWORD) == [members(jwk)]


@pytest.mark.parametrize("kty", ["RSA", "EC"])
@pytest.mark.parametrize("library", SETS)
def test_a_sealed_jwe_is_opened_with_the_private_key(
    judges: Judges,
    library: str,
    kty: str,
    recipients: dict[str, JWK],
    certified: TrustFrameworkKey,
    jwk: dict[str, Any],
) -> None:
    to = recipients[kty]
    text = jwe.encrypt_key(certified, to=to.export_public(as_dict=True))
    arguments = {"key": to.export(as_dict=True), "alg": support.header_of(text)["alg"]}
    assert judges.read(library, "sealed", text.encode(), **arguments) == [members(jwk)]


@pytest.mark.parametrize("library", ["jwx", "step", "Bouncy Castle", "panva"])
def test_pkcs8_is_read(
    judges: Judges, library: str, certified: TrustFrameworkKey, jwk: dict[str, Any]
) -> None:
    assert judges.read(library, "pem", pem.to_pem(certified, private=True)) == [members(jwk)]


@pytest.mark.parametrize("library", ["step", "Bouncy Castle", "Node"])
def test_encrypted_pkcs8_is_opened(
    judges: Judges, library: str, certified: TrustFrameworkKey, jwk: dict[str, Any]
) -> None:
    file = pem.to_encrypted_pem(certified)
    found = judges.read(library, "encrypted pem", file.data, password=file.password)
    assert found == [members(jwk)]


PFX = {"pkcs12": pkcs12.to_pkcs12, "pkcs12-b2c": pkcs12.to_pkcs12_b2c}


@pytest.mark.parametrize("form", PFX)
@pytest.mark.parametrize("library", ["go-pkcs12", "x/crypto", "Bouncy Castle", "Java"])
def test_a_pfx_is_opened(
    judges: Judges, library: str, form: str, certified: TrustFrameworkKey, jwk: dict[str, Any]
) -> None:
    file = PFX[form](certified)
    if (library, form) == ("x/crypto", "pkcs12"):
        call = {"library": library, "form": form, "password": file.password}
        data = base64.b64encode(file.data).decode()
        error = judges.program(library).error("read", data=data, **call)
        # As docs/how-to/pfx.md says.
        assert "2.16.840.1.101.3.4.2.1" in error["message"] or "unknown" in error["message"]
        return
    assert judges.read(library, "pkcs12", file.data, password=file.password) == [members(jwk)]


# The library, its form, and the key of a recipient with the algorithm for it.
TOKENS = [
    ("go-jose", "compact", None, None),
    ("go-jose", "flattened", None, None),
    ("go-jose", "compact", "RSA", "RSA-OAEP-256"),
    ("go-jose", "compact", "RSA", "RSA-OAEP"),
    ("go-jose", "compact", "EC", "ECDH-ES"),
    ("go-jose", "flattened", "EC", "ECDH-ES+A128KW"),
    ("jwx", "compact", None, None),
    ("jwx", "flattened", None, None),
    ("jwx", "compact", "RSA", "RSA-OAEP-256"),
    ("jwx", "compact", "EC", "ECDH-ES"),
    ("jwx", "flattened", "EC", "ECDH-ES+A192KW"),
    ("step", "compact", None, None),
    ("step", "flattened", None, None),
    ("Nimbus", "compact", None, None),
    ("Nimbus", "compact", "RSA", "RSA-OAEP-256"),
    ("Nimbus", "compact", "EC", "ECDH-ES"),
    ("Nimbus", "compact", "EC", "ECDH-ES+A256KW"),
    ("jose4j", "compact", None, None),
    ("jose4j", "compact", "RSA", "RSA-OAEP-256"),
    ("jose4j", "compact", "EC", "ECDH-ES"),
    ("jose4j", "compact", "EC", "ECDH-ES+A128KW"),
    ("panva", "compact", None, None),
    ("panva", "flattened", None, None),
    ("panva", "compact", "RSA", "RSA-OAEP-256"),
    ("panva", "flattened", "EC", "ECDH-ES"),
    ("panva", "compact", "EC", "ECDH-ES+A256KW"),
]


@pytest.mark.parametrize("enc", ["A256GCM", "A128CBC-HS256"])
@pytest.mark.parametrize(("library", "form", "kty", "alg"), TOKENS)
def test_a_jwe_of_a_library_is_read(
    judges: Judges,
    library: str,
    form: str,
    kty: str | None,
    alg: str | None,
    enc: str,
    recipients: dict[str, JWK],
    jwk: dict[str, Any],
) -> None:
    if kty is None:
        data = judges.write(library, form, jwk=jwk, password=PASSWORD, enc=enc)
        key = read_key(data, use="sig", password=PASSWORD)
    else:
        to = recipients[kty]
        public = to.export_public(as_dict=True)
        data = judges.write(library, form, jwk=jwk, to=public, alg=alg, enc=enc)
        key = read_key(data, use="sig", with_key=to.export(as_dict=True))
    assert members(key.to_jwk(private=True)) == members(jwk)


@pytest.mark.parametrize("library", ["go-jose", "jwx", "panva"])
def test_a_jwe_for_several_recipients_is_read_by_each(
    judges: Judges, library: str, recipients: dict[str, JWK], jwk: dict[str, Any]
) -> None:
    to = recipients["EC"]
    arguments = {"to": to.export_public(as_dict=True), "alg": "ECDH-ES+A256KW", "enc": "A256GCM"}
    data = judges.write(library, "general", jwk=jwk, password=PASSWORD, **arguments)
    for opened in ({"password": PASSWORD}, {"with_key": to.export(as_dict=True)}):
        key = read_key(data, use="sig", **opened)
        assert members(key.to_jwk(private=True)) == members(jwk)


PLAIN = [
    ("go-jose", "jwk"),
    ("jwx", "jwk"),
    ("jwx", "pem"),
    ("step", "pem"),
    ("Nimbus", "jwk"),
    ("jose4j", "jwk"),
    ("panva", "jwk"),
    ("panva", "pem"),
    ("Bouncy Castle", "pem"),
    ("Bouncy Castle", "old pem"),
]


@pytest.mark.parametrize(("library", "form"), PLAIN)
def test_a_plain_key_of_a_library_is_read(
    judges: Judges, library: str, form: str, jwk: dict[str, Any]
) -> None:
    key = read_key(judges.write(library, form, jwk=jwk), use="sig")
    assert members(key.to_jwk(private=True)) == members(jwk)


@pytest.mark.parametrize("library", ["jwx", "Nimbus", "jose4j"])
def test_a_set_of_a_library_is_read(judges: Judges, library: str, jwk: dict[str, Any]) -> None:
    data = judges.write(library, "jwks", jwk=jwk)
    key_set = trustkeys.TrustFrameworkKeySet.from_jwks(support.parse(data.decode()), id="Theirs")
    assert [members(each.to_jwk(private=True)) for each in key_set] == [members(jwk)]


@pytest.mark.parametrize("library", ["step", "Bouncy Castle", "Node"])
def test_encrypted_pkcs8_of_a_library_is_read(
    judges: Judges, library: str, jwk: dict[str, Any]
) -> None:
    data = judges.write(library, "encrypted pem", jwk=jwk, password=PASSWORD)
    key = read_key(data, use="sig", password=PASSWORD)
    assert members(key.to_jwk(private=True)) == members(jwk)


def test_an_openssh_key_of_step_is_named(judges: Judges, jwk: dict[str, Any]) -> None:
    data = judges.write("step", "openssh", jwk=jwk)
    assert "OpenSSH" in refused(read_key, data, use="sig").message


@pytest.fixture(scope="session")
def chain(certified: TrustFrameworkKey, authority: Authority) -> list[str]:
    certificates = (authority.issue_for(certified), authority.middle, authority.root)
    data = [each.public_bytes(Encoding.DER) for each in certificates]
    return [base64.b64encode(each).decode() for each in data]


@pytest.mark.parametrize("form", ["modern 2023", "modern 2026", "legacy DES", "legacy RC2"])
def test_a_pfx_of_go_is_read(
    judges: Judges, form: str, chain: list[str], jwk: dict[str, Any]
) -> None:
    data = judges.write("go-pkcs12", form, jwk=jwk, chain=chain, password=PASSWORD)
    key = read_key(data, use="sig", password=PASSWORD)
    assert (key.to_jwk(private=True)["d"], key.x5c) == (jwk["d"], tuple(chain))


def test_a_pfx_of_go_without_a_password_is_read(
    judges: Judges, chain: list[str], jwk: dict[str, Any]
) -> None:
    data = judges.write("go-pkcs12", "no password", jwk=jwk, chain=chain)
    with pytest.warns(UserWarning, match="no checksum"):
        key = read_key(data, use="sig")
    assert (key.to_jwk(private=True)["d"], key.x5c) == (jwk["d"], tuple(chain))


def test_a_trust_store_of_go_is_refused(judges: Judges, chain: list[str]) -> None:
    data = judges.write("go-pkcs12", "trust store", chain=chain, password=PASSWORD)
    error = refused(read_key, data, use="sig", password=PASSWORD)
    assert "a private RSA key, and it holds 3 certificates" in error.message


@pytest.mark.parametrize("library", ["Java", "Bouncy Castle"])
def test_keystores_of_java_are_read(
    judges: Judges, library: str, chain: list[str], jwk: dict[str, Any], authority: Authority
) -> None:
    def written(*entries: Any) -> bytes:
        return judges.write(library, "pkcs12", entries=entries, password=PASSWORD)

    other = trustkeys.generate_key("sig", "RSA")
    leaf = authority.issue_for(other).public_bytes(Encoding.DER)
    mine = ("key", "mine", jwk, chain)
    theirs = ("key", "theirs", other.to_jwk(private=True), [base64.b64encode(leaf).decode()])

    key = read_key(written(mine), use="sig", password=PASSWORD)
    assert (key.to_jwk(private=True)["d"], key.x5c) == (jwk["d"], tuple(chain))

    several = written(mine, theirs)
    message = refused(read_key, several, use="sig", password=PASSWORD).message
    assert "2 private keys" in message
    assert "'mine'" in message
    assert "'theirs'" in message
    with pytest.warns(UserWarning, match="left out"):
        key = read_key(several, use="sig", password=PASSWORD, alias="mine")
    assert (key.to_jwk(private=True)["d"], key.x5c) == (jwk["d"], tuple(chain))

    trusted = ("certificate", "trusted", [theirs[3][0]])
    with pytest.warns(UserWarning, match="left out") as caught:
        key = read_key(written(mine, trusted), use="sig", password=PASSWORD)
    assert len(caught) == 1
    assert (key.to_jwk(private=True)["d"], key.x5c) == (jwk["d"], tuple(chain))
    error = refused(read_key, written(trusted), use="sig", password=PASSWORD)
    assert "it holds 1 certificate" in error.message


def test_a_keystore_of_java_with_a_secret_key_is_read(
    judges: Judges, chain: list[str], jwk: dict[str, Any]
) -> None:
    entries = [("secret", "aes"), ("key", "mine", jwk, chain)]
    data = judges.write("Java", "pkcs12", entries=entries, password=PASSWORD)
    with pytest.warns(UserWarning, match="left out 1 secret key"):
        key = read_key(data, use="sig", password=PASSWORD)
    assert key.to_jwk(private=True)["d"] == jwk["d"]
    data = judges.write("Java", "pkcs12", entries=entries[:1], password=PASSWORD)
    error = refused(read_key, data, use="sig", password=PASSWORD)
    assert "it holds 1 secret key" in error.message


@pytest.mark.parametrize("form", PFX)
def test_gpgsm_imports_a_pfx(tmp_path: Path, form: str, certified: TrustFrameworkKey) -> None:
    if which("gpgsm") is None:
        give_up("gpgsm missing")
    file = PFX[form](certified)
    # gpgsm 2.2 takes at most 31 characters.
    assert len(file.password) <= 31
    tmp_path.joinpath("key.pfx").write_bytes(file.data)
    env = support.environment(GNUPGHOME=str(tmp_path), LC_ALL="C")
    options = ("--batch", "--pinentry-mode=loopback", "--passphrase-fd=0")
    version = subprocess.run(["gpgsm", "--version"], capture_output=True, text=True, check=True)
    try:
        done = subprocess.run(
            ["gpgsm", *options, "--import", "key.pfx"],
            input=file.password,
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        subprocess.run(["gpgconf", "--kill", "all"], env=env, timeout=60, check=True)
    # As docs/how-to/pfx.md says.
    is_old = "(GnuPG) 2.2." in version.stdout and form == "pkcs12"
    assert ("secret keys imported: 1" in done.stderr) is not is_old, done.stderr
