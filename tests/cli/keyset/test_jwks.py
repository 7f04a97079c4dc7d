"""What ``trustkeys keyset jwks`` prints is what programs trust: a stolen key must not be in it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import joserfc.jwk
import joserfc.jwt
import jwcrypto.jwk
import jwcrypto.jwt
import jwt
import pytest

from tests import support
from tests.cli.exchange import Keys, Runner
from tests.support import done, parse
from trustkeys import TrustFrameworkKey, TrustFrameworkKeySet, store

DAY = 86_400


def pyjwt(token: str, jwks: dict[str, Any]) -> None:
    kid = jwt.get_unverified_header(token)["kid"]
    key = jwt.PyJWKSet.from_dict(jwks)[kid]
    jwt.decode(token, key, algorithms=["RS256"])


def by_jwcrypto(token: str, jwks: dict[str, Any]) -> None:
    keys = jwcrypto.jwk.JWKSet.from_json(json.dumps(jwks))
    jwcrypto.jwt.JWT(jwt=token, key=keys)


def by_joserfc(token: str, jwks: dict[str, Any]) -> None:
    joserfc.jwt.decode(token, joserfc.jwk.KeySet.import_key_set(jwks))  # type: ignore[arg-type]


VERIFIERS = [pyjwt, by_jwcrypto, by_joserfc]


def token(key: TrustFrameworkKey) -> str:
    return jwt.encode({"sub": "alice"}, key.private_key(), "RS256", headers={"kid": key.kid})


@pytest.fixture
def now() -> int:
    return int(time.time())


@pytest.fixture
def folder(tmp_path: Path, keys: Keys, now: int) -> Path:
    stolen = attrs.evolve(keys.rsa, nbf=None, exp=None)
    store.save(TrustFrameworkKeySet("set", [stolen]), tmp_path / "set", plain=True)
    old = attrs.evolve(keys.other, nbf=now - 9 * DAY, exp=now - 1)
    store.save(TrustFrameworkKeySet("old", [stolen, old]), tmp_path / "old", plain=True)
    return tmp_path


@pytest.mark.parametrize(
    ("verify", "command"), support.combinations(VERIFIERS, ["rollover", "disable", "expire"])
)
def test_a_token_of_a_disabled_or_expired_key_is_refused(
    folder: Path, keys: Keys, verify: Callable[..., None], command: str
) -> None:
    if command == "rollover":
        support.keyset_command("rollover", "set", "--disable", cwd=folder)
    elif command == "disable":
        done("rollover", "set", cwd=folder)
        done("disable", "set", keys.rsa.kid, cwd=folder)
    name, stolen = ("old", keys.other) if command == "expire" else ("set", keys.rsa)
    jwks = parse(done("jwks", name, cwd=folder))
    with pytest.raises(Exception, match=r"(?i)key"):
        verify(token(stolen), jwks)
    active = store.load(folder / name).get_active_key()
    verify(token(active), jwks)
    # The same token is accepted with all keys, so that the refusal was not for another reason.
    verify(token(stolen), parse(support.keyset_command("jwks", name, "--all", cwd=folder).stdout))


def test_an_announced_key_is_published_and_no_member_is_unknown_to_verifiers(
    folder: Path, keys: Keys, now: int
) -> None:
    announced = attrs.evolve(keys.other, nbf=now + DAY, exp=now + 9 * DAY)
    off = attrs.evolve(keys.rsa, status="disabled")
    store.save(TrustFrameworkKeySet("new", [announced, off]), folder / "new", plain=True)
    process = support.keyset_command("jwks", "new", cwd=folder)
    assert process.stderr.startswith("trustkeys: 1 key left out, disabled or expired: ")
    assert [key["kid"] for key in parse(process.stdout)["keys"]] == [announced.kid]
    everything = support.keyset_command("jwks", "new", "--all", cwd=folder)
    assert "1 key disabled or expired" in everything.stderr
    assert "do not publish this JWK Set" in everything.stderr
    jwks = parse(everything.stdout)["keys"]
    assert [key["kid"] for key in jwks] == [announced.kid, off.kid]
    known = {"kty", "kid", "use", "nbf", "exp", "x5c", "x5t", "e", "n"}
    assert all(key.keys() <= known for key in jwks)


def test_exports_of_public_keys_follow_the_same_rule(folder: Path, quickly: Runner) -> None:
    export = ("export", str(folder / "old"), "--public", "-o", "-")
    process = quickly(*export, "--format", "jwks")
    assert process.stderr.startswith("trustkeys: 1 key left out, disabled or expired: ")
    (stolen,) = parse(process.stdout)["keys"]
    old = [*store.load(folder / "old")][1]
    one = quickly(*export, "--format", "pem", "--kid", old.kid)
    assert "warning: 1 key disabled or expired" in one.stderr
    request = ("--format", "csr", "--subject", "CN=a", "--kid", old.kid, "-o", "-")
    assert "1 key disabled or expired" in quickly("export", str(folder / "old"), *request).stderr
    fine = quickly(*export, "--format", "pem", "--kid", stolen["kid"])
    assert (fine.returncode, fine.stderr) == (0, "")


def test_a_form_that_cannot_say_that_the_key_is_disabled_is_warned_about(
    files: Path, quickly: Runner, keys: Keys
) -> None:
    off = attrs.evolve(keys.rsa, status="disabled")
    store.save(TrustFrameworkKeySet("off", [off]), files / "off", plain=True)
    args = ("export", "off", "--plain", "-o", "-")
    warned = quickly(*args, "--format", "pem")
    assert "warning: the key is disabled, and standard output does not say so" in warned.stderr
    jwk = quickly(*args, "--format", "jwk")
    assert (parse(jwk.stdout)["status"], jwk.stderr) == ("disabled", "")


def test_the_import_of_a_disabled_public_key_says_that_the_copy_is_not(
    files: Path, quickly: Runner, keys: Keys
) -> None:
    off = {**keys.rsa.to_jwk(), "status": "disabled"}
    (files / "off.jwk").write_text(json.dumps(off))
    process = quickly("import", "off.jwk", "-o", "copy.jwk")
    assert process.returncode == 0
    assert "1 key disabled or expired" in process.stderr
    assert "do not publish copy.jwk" in process.stderr


def test_secrets_are_not_published_even_if_all_are_disabled(folder: Path) -> None:
    secrets = TrustFrameworkKeySet("secrets", [support.oct_key(status="disabled")])
    store.save(secrets, folder / "secrets", plain=True)
    for options in ((), ("--all",)):
        process = support.keyset_command("jwks", "secrets", *options, cwd=folder)
        assert "an oct key has no public form" in process.stderr
        assert (process.returncode, process.stdout) == (2, "")
