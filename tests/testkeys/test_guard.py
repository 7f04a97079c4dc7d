"""Test keys are recognised in every form, and kept from files and tenants."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import settings

import trustkeys
from tests import support
from tests.cli.in_process import outcome
from trustkeys import (
    InvalidInputError,
    TrustFrameworkKey,
    TrustFrameworkKeySet,
    is_test_key,
    store,
)
from trustkeys.cli.main import group
from trustkeys.core.base64url import uint_decode, uint_encode
from trustkeys.core.rsa import rsa_public_members
from trustkeys.formats import certificates, jwe, pem, pkcs12, reading
from trustkeys.graph import provision
from trustkeys.testing import allow_test_keys, instant_keys, oct_key, rsa_key
from trustkeys.testkeys.guard import is_test_jwk

PASSWORD = "a long passphrase"
RECIPIENT = trustkeys.generate_key("enc", "RSA")
REFUSED = "this is a test key"

MAKERS: dict[str, Callable[..., TrustFrameworkKey]] = {"RSA": rsa_key, "oct": oct_key}


# --- recognised in every form, and nothing else taken for one


@pytest.mark.deep
def test_no_generated_rsa_key_is_taken_for_a_test_key() -> None:
    count = 1000 if settings.get_current_profile_name() == "deep" else 100
    for _ in range(count):
        assert not is_test_key(trustkeys.generate_key("sig", "RSA"))


def test_no_generated_key_is_taken_for_a_test_key(real_key: TrustFrameworkKey) -> None:
    """Otherwise a real key could not be saved."""
    assert not is_test_key(real_key)
    for size in (256, 512):
        for _ in range(1000):
            assert not is_test_key(trustkeys.generate_key("sig", "oct", size=size))


@pytest.mark.parametrize("kty", ["rsa", "RSA", "Rsa"])
def test_an_rsa_key_is_recognised_by_its_modulus_alone(kty: str) -> None:
    n = rsa_key(3).to_jwk()["n"]
    assert is_test_jwk({"kty": kty, "n": n})
    assert is_test_key(rsa_key(3).public())
    assert is_test_key(attrs.evolve(rsa_key(3), kid="other", use="enc", nbf=5))
    jwk = rsa_key(3).to_jwk(private=True)
    swapped = {**jwk, "p": jwk["q"], "q": jwk["p"], "dp": jwk["dq"], "dq": jwk["dp"]}
    swapped["qi"] = uint_encode(pow(uint_decode(jwk["p"]), -1, uint_decode(jwk["q"])))
    assert is_test_key(TrustFrameworkKey.from_jwk({**swapped, "kid": "mine"}))


@pytest.mark.parametrize(
    "jwk",
    [
        {},
        {"kty": 5},
        {"kty": "RSA"},
        {"kty": "RSA", "n": 5},
        {"kty": "RSA", "n": "="},
        {"kty": "RSA", "n": ""},
        {"kty": "oct", "k": None},
        {"kty": "oct", "k": "AAAA"},
        {"kty": "RSA", "N": rsa_key(0).to_jwk()["n"]},
    ],
)
def test_other_json_is_not_a_test_key(jwk: dict[str, Any]) -> None:
    assert not is_test_jwk(jwk)


def test_an_oct_key_without_its_secret_is_no_test_key() -> None:
    assert not is_test_key(attrs.evolve(oct_key(0), private=None))


def built_by_hand() -> list[TrustFrameworkKey]:
    real = trustkeys.generate_key("sig", "RSA")
    return [
        attrs.evolve(rsa_key(0), kty="rsa"),
        attrs.evolve(oct_key(0), kty="OCT"),
        attrs.evolve(rsa_key(0), kty="EC"),
        attrs.evolve(real, private=rsa_key(0)._private),
        attrs.evolve(rsa_key(0), private=real._private),
    ]


@pytest.mark.parametrize("key", built_by_hand())
def test_a_key_built_by_hand_does_not_hide_a_test_key(
    tmp_path: Path, key: TrustFrameworkKey
) -> None:
    assert is_test_key(key)
    keys = TrustFrameworkKeySet("a")
    keys._keys[key.kid] = key
    with pytest.raises(InvalidInputError, match=REFUSED):
        store.save(keys, tmp_path / "keys", plain=True)
    with pytest.raises(InvalidInputError, match=REFUSED):
        provision(keys)


JWK_TEXT = json.dumps(rsa_key(0).to_jwk(private=True))
N = rsa_key(0).to_jwk()["n"]


@pytest.mark.parametrize(
    "text",
    [
        f"[{JWK_TEXT}]",
        f'{{"value": [{JWK_TEXT}]}}',
        f'{{"keys": [{{"keys": [{JWK_TEXT}]}}]}}',
        f'{{"x": {"9" * 5000}, "jwk": {JWK_TEXT}}}',
        JWK_TEXT.replace('"n":', '"n": "AAAA", "n":'),
        JWK_TEXT.replace(f'"n": "{N}"', f'"n": "{N}", "n": "AAAA"'),
        JWK_TEXT.replace(N, f"{N}=="),
        JWK_TEXT.replace('"RSA"', '"RSA "'),
        f"\ufeff{JWK_TEXT}",
    ],
    ids=range(9),
)
def test_a_test_key_is_found_anywhere_in_a_document(text: str) -> None:
    with pytest.raises(InvalidInputError, match=REFUSED):
        jwe.encrypt(text.encode(), to=RECIPIENT, cty="jwk+json")
    with pytest.raises(InvalidInputError, match=REFUSED):
        jwe.encrypt(text.encode(), password=PASSWORD, cty="jwk+json")


@pytest.mark.parametrize("layers", [1, 2])
def test_a_test_key_is_found_in_base64_of_text(layers: int) -> None:
    # `import` reads such a file.
    data = JWK_TEXT.encode()
    for _ in range(layers):
        data = base64.b64encode(data)
    with pytest.raises(InvalidInputError, match=REFUSED):
        jwe.encrypt(data, password=PASSWORD, cty="jwk+json")


Writer = Callable[[TrustFrameworkKey], tuple[bytes, dict[str, Any]]]


def private_jwk(key: TrustFrameworkKey) -> bytes:
    return json.dumps(key.to_jwk(private=True)).encode()


def with_password(exported: Any) -> tuple[bytes, dict[str, Any]]:
    return exported.data, {"password": exported.password}


PRIVATE_FORMS: dict[str, Writer] = {
    "pem": lambda key: (pem.to_pem(key, private=True), {}),
    "der": lambda key: (pem.to_der(key, private=True), {}),
    "encrypted pem": lambda key: with_password(pem.to_encrypted_pem(key)),
    "encrypted der": lambda key: with_password(pem.to_encrypted_der(key)),
    "pkcs12": lambda key: with_password(pkcs12.to_pkcs12(key)),
    "pkcs12-b2c": lambda key: with_password(pkcs12.to_pkcs12_b2c(key)),
    "jwe": lambda key: (
        jwe.encrypt(private_jwk(key), password=PASSWORD, cty="jwk+json").encode(),
        {"password": PASSWORD},
    ),
    "sealed": lambda key: (jwe.encrypt_key(key, to=RECIPIENT).encode(), {"with_key": RECIPIENT}),
}
"""All private forms in `formats`, and how to read them again."""

OF_ANY_KTY = ("jwe", "sealed")

PUBLIC_FORMS: dict[str, Callable[[TrustFrameworkKey], bytes]] = {
    "jwk": lambda key: json.dumps(key.to_jwk()).encode(),
    "answer": lambda key: json.dumps(key.to_graph()).encode(),
    "pem": pem.to_pem,
    "der": pem.to_der,
    "certificate": certificates.to_certificate_pem,
}

SUBJECT = "CN=test"


@pytest.fixture(scope="module")
def certified() -> TrustFrameworkKey:
    return certificates.self_signed(rsa_key(11, nbf=0, exp=2**33), SUBJECT)


@pytest.mark.parametrize("form", PRIVATE_FORMS)
def test_no_private_form_of_an_rsa_test_key_is_written_unless_allowed(
    certified: TrustFrameworkKey, form: str
) -> None:
    """Its private part is public, so it protects nothing."""
    with pytest.raises(InvalidInputError, match=REFUSED) as caught:
        PRIVATE_FORMS[form](certified)
    assert (caught.value.code, caught.value.target) == ("BadRequest", "key")
    assert support.leaks(support.all_text_of(caught.value), certified.to_jwk(private=True)) == []
    with allow_test_keys():
        data, how = PRIVATE_FORMS[form](certified)
    assert is_test_key(reading.read_key(data, use="sig", **how))


@pytest.mark.parametrize("form", OF_ANY_KTY)
def test_no_form_of_an_oct_test_key_is_written_unless_allowed(form: str) -> None:
    with pytest.raises(InvalidInputError, match=REFUSED):
        PRIVATE_FORMS[form](oct_key(11))
    with allow_test_keys():
        data, how = PRIVATE_FORMS[form](oct_key(11))
    assert is_test_key(reading.read_key(data, **how))


@pytest.mark.parametrize("form", PUBLIC_FORMS)
def test_public_forms_are_written_and_recognised(certified: TrustFrameworkKey, form: str) -> None:
    assert is_test_key(reading.read_key(PUBLIC_FORMS[form](certified), use="sig"))


@pytest.mark.parametrize("kty", MAKERS)
def test_a_set_with_a_test_key_is_not_encrypted_nor_sealed(kty: str) -> None:
    keys = TrustFrameworkKeySet("a", [trustkeys.generate_key("sig", kty), MAKERS[kty](0)])
    text = json.dumps(keys.to_jwks(private=True)).encode()
    ways: list[Callable[[], str]] = [
        lambda: jwe.encrypt(text, password=PASSWORD, cty="jwk-set+json"),
        lambda: jwe.encrypt(text, to=RECIPIENT, cty="jwk-set+json"),
    ]
    for protect in ways:
        with pytest.raises(InvalidInputError, match=REFUSED):
            protect()
        with allow_test_keys():
            assert protect()


@pytest.mark.parametrize(
    "text", [b"\xff", b"[[[", b'"text"', b"5", b"[]", b'{"keys": 5}', b'{"keys": [5, null]}']
)
def test_text_without_keys_is_encrypted_and_sealed(text: bytes) -> None:
    assert jwe.decrypt(jwe.encrypt(text, password=PASSWORD, cty="x"), password=PASSWORD) == text
    token = jwe.encrypt(text, to=RECIPIENT, cty="x")
    assert jwe.decrypt(token, with_key=RECIPIENT) == text


@pytest.mark.parametrize("half", ["private", "public", "jwk"])
def test_nothing_is_sealed_to_a_test_key(half: str) -> None:
    """Everyone could unseal it."""
    test_key = rsa_key(1, use="enc")
    to: Any = {"private": test_key, "public": test_key.public(), "jwk": test_key.to_jwk()}[half]
    real = trustkeys.generate_key("sig", "oct")
    with pytest.raises(InvalidInputError, match=REFUSED):
        jwe.encrypt_key(real, to=to)
    with allow_test_keys():
        token = jwe.encrypt_key(real, to=to)
    # Text that was sealed elsewhere can still be read.
    assert jwe.decrypt_key(token, with_key=test_key) == real


@pytest.mark.parametrize("by", ["create", "action"])
def test_no_test_key_is_provisioned(certified: TrustFrameworkKey, by: Any) -> None:
    """A tenant with such a key accepts tokens that anyone can sign."""
    keys = TrustFrameworkKeySet("a", [certified])
    with pytest.raises(InvalidInputError, match=REFUSED):
        provision(keys, by=by, at=5)
    with allow_test_keys():
        assert provision(keys, by=by, at=5).requests


@pytest.mark.deep
@pytest.mark.parametrize("kty", MAKERS)
@pytest.mark.parametrize("how", [{"plain": True}, {"password": PASSWORD}])
def test_no_key_set_file_gets_a_test_key(tmp_path: Path, kty: str, how: dict[str, Any]) -> None:
    path = tmp_path / "keys"
    real = TrustFrameworkKeySet("a", [trustkeys.generate_key("sig", kty)])
    with pytest.raises(InvalidInputError, match=REFUSED):
        store.save(TrustFrameworkKeySet("a", [MAKERS[kty](0)]), path, **how)
    assert os.listdir(tmp_path) == []
    store.save(real, path, **how)
    before = path.read_bytes()
    password = how.get("password")
    with (
        pytest.raises(InvalidInputError, match=REFUSED),
        store.edit(path, password=password) as edited,
    ):
        edited.add(MAKERS[kty](0))
    assert path.read_bytes() == before
    with allow_test_keys(), store.edit(path, password=password) as edited:
        edited.add(MAKERS[kty](0))
    loaded = store.load(path, password=password)
    assert [is_test_key(key) for key in loaded] == [False, True]
    with pytest.raises(InvalidInputError, match=REFUSED):
        store.change_password(path, password=password, new_password="another")


@pytest.mark.usefixtures("clean_registry")
@pytest.mark.parametrize("kty", MAKERS)
@pytest.mark.parametrize("to", ["-", "FILE"])
def test_the_command_writes_no_test_key(
    tmp_path: Path, kty: str, to: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output = "-" if to == "-" else str(tmp_path / "key")
    args = ["generate", "--use", "sig", "--kty", kty, "-o", output]
    with instant_keys():
        with pytest.raises(InvalidInputError, match=REFUSED):
            group.main(args, standalone_mode=False)
        assert capsys.readouterr().out == ""
        assert os.listdir(tmp_path) == []
        # Graph's answer has no private part.
        group.main([*args[:5], "--discard"], standalone_mode=False)
        with allow_test_keys():
            group.main(args, standalone_mode=False)
    text = capsys.readouterr().out if to == "-" else (tmp_path / "key").read_text()
    assert '"kid"' in text


@pytest.mark.parametrize("kty", MAKERS)
def test_the_commands_neither_import_nor_export_a_test_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kty: str
) -> None:
    monkeypatch.chdir(tmp_path)
    key = MAKERS[kty](0)
    for name, document in {
        "key.jwk": key.to_jwk(private=True),
        "set.jwks": TrustFrameworkKeySet("a", [key]).to_jwks(private=True),
    }.items():
        path = tmp_path / name
        path.write_text(json.dumps(document))
        path.chmod(0o600)
    for args in (
        ["import", "key.jwk", "-o", "out"],
        ["import", "set.jwks", "-o", "out", "--plain"],
        ["export", "key.jwk", "--format", "jwk", "--plain", "-o", "out"],
        ["export", "set.jwks", "--format", "jwks", "--plain", "-o", "out"],
        ["export", "set.jwks", "--format", "jwe", "-o", "out"],
        ["provision", "set.jwks", "--to", "out"],
    ):
        before = sorted(os.listdir(tmp_path))
        line = support.failed(outcome(*args), 2)
        assert REFUSED in line, args
        assert support.leaks(line, key.to_jwk(private=True)) == []
        assert sorted(os.listdir(tmp_path)) == before


# --- reported by the check and by inspect


def test_the_check_of_a_key_set_names_its_test_keys() -> None:
    keys = TrustFrameworkKeySet("a", [trustkeys.generate_key("sig", "RSA"), rsa_key(5)])
    jwks = keys.to_jwks(private=True)
    for found in (
        keys.check(at=5),
        trustkeys.check_key_set(jwks, at=5),
        trustkeys.check_key_set(keys.to_jwks(), at=5),
        trustkeys.check_key_set(keys.to_graph(), at=5),
        trustkeys.check_key_set({"value": keys.to_graph()["keys"]}, at=5),
    ):
        (finding,) = [each for each in found if each.code == "TestKey"]
        assert (finding.severity, finding.kid) == ("error", rsa_key(5).kid)
        assert finding.message == (
            f"key 2 ({rsa_key(5).kid}) is a test key, whose private part is public: "
            "replace it with a new key"
        )
    secrets = TrustFrameworkKeySet("a", [oct_key(5)])
    found = trustkeys.check_key_set(secrets.to_jwks(private=True), at=5)
    assert found == secrets.check(at=5)
    assert [each.code for each in found] == ["TestKey"]


@pytest.mark.parametrize("form", [*PRIVATE_FORMS, *(f"public {form}" for form in PUBLIC_FORMS)])
def test_inspect_names_a_test_key_in_every_form(
    tmp_path: Path, certified: TrustFrameworkKey, form: str
) -> None:
    password: str | None = None
    if form.startswith("public "):
        data = PUBLIC_FORMS[form.removeprefix("public ")](certified)
    else:
        with allow_test_keys():
            data, how = PRIVATE_FORMS[form](certified)
        password = how.get("password")
    assert_named(tmp_path, data, password, is_open=form != "sealed")


def test_inspect_names_a_test_key_in_a_signing_request_and_in_a_set(
    tmp_path: Path, certified: TrustFrameworkKey
) -> None:
    request = certificates.signing_request(rsa_key(2), SUBJECT)
    keys = TrustFrameworkKeySet("a", [certified])
    private, public = (keys.to_jwks(private=is_private) for is_private in (True, False))
    for data in (request, *(json.dumps(each).encode() for each in (private, public))):
        assert_named(tmp_path, data, None)
    other = certificates.signing_request(RECIPIENT, SUBJECT)
    (tmp_path / "file").write_bytes(other)
    assert outcome("inspect", str(tmp_path / "file")).returncode == 0
    assert not is_test_jwk({"kty": "RSA", **rsa_public_members(RECIPIENT.public_key())})


def assert_named(folder: Path, data: bytes, password: str | None, *, is_open: bool = True) -> None:
    (folder / "file").write_bytes(data)
    args = ["inspect", str(folder / "file")]
    if password is not None:
        (folder / "password").write_text(password)
        args += ["--password-file", str(folder / "password")]
    done = outcome(*args)
    assert ("test key, whose private part" in done.stdout) == is_open
    assert done.returncode == (3 if is_open else 0)


# --- allowed in a block


def test_test_keys_are_allowed_only_in_the_block() -> None:
    def write() -> bytes:
        return pem.to_pem(rsa_key(0), private=True)

    for _ in range(2):
        with suppress(ZeroDivisionError), allow_test_keys():
            with allow_test_keys():
                assert write()
            assert write()
            raise ZeroDivisionError
        with pytest.raises(InvalidInputError, match=REFUSED):
            write()


def test_the_permission_does_not_reach_other_threads() -> None:
    refused: list[bool] = []

    def write() -> None:
        try:
            pem.to_pem(rsa_key(0), private=True)
        except InvalidInputError:
            refused.append(True)
        else:
            refused.append(False)

    async def write_in_a_task() -> None:
        await asyncio.create_task(asyncio.to_thread(write))

    with allow_test_keys():
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
        asyncio.run(write_in_a_task())
    assert refused == [True, False]


def test_the_permission_ends_with_the_block_in_every_task() -> None:
    def is_allowed() -> bool:
        with suppress(InvalidInputError):
            return bool(pem.to_pem(rsa_key(0), private=True))
        return False

    async def later(seen: list[bool]) -> None:
        seen.append(is_allowed())
        await asyncio.sleep(0.02)
        seen.append(is_allowed())

    async def work() -> list[bool]:
        seen: list[bool] = []
        with allow_test_keys():
            task = asyncio.create_task(later(seen))
            await asyncio.sleep(0)
        await task
        return seen

    assert asyncio.run(work()) == [True, False]

    async def fixture() -> AsyncIterator[None]:
        with allow_test_keys():
            yield

    async def other_task() -> bool:
        begun = fixture()
        await anext(begun)
        # As pytest plugins do at the end of a test.
        await asyncio.create_task(drained(begun))
        return is_allowed()

    async def drained(begun: AsyncIterator[None]) -> None:
        async for _ in begun:
            pass

    assert asyncio.run(other_task()) is False


@pytest.mark.deep
@pytest.mark.parametrize(
    "name", ["TRUSTKEYS_ALLOW_TEST_KEYS", "TRUSTKEYS_TEST_KEYS", "TRUSTKEYS_TESTING"]
)
def test_no_environment_variable_and_no_missing_extra_lets_test_keys_through(
    tmp_path: Path, name: str
) -> None:
    program = (
        "import sys\n"
        "sys.modules['hypothesis'] = sys.modules['httpx'] = None\n"
        "from trustkeys import TrustFrameworkKeySet, store\n"
        "from trustkeys.testing import rsa_key\n"
        "store.save(TrustFrameworkKeySet('a', [rsa_key(0)]), 'keys', plain=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=support.environment(**{name: "1"}),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr.splitlines()[-1].startswith(f"trustkeys.errors.InvalidInputError: {REFUSED}")
    assert os.listdir(tmp_path) == []
