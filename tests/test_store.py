"""A saved key set is loaded again, by trustkeys and by others, with the right passphrase only."""

from __future__ import annotations

import json
import os
import pickle
import stat
from pathlib import Path
from typing import Any

import attrs
import jwcrypto.jwa
import jwcrypto.jwe
import pytest
from joserfc import jwe as joserfc_jwe
from joserfc.jwk import OctKey
from jwcrypto.jwk import JWK, JWKSet

from tests import support
from tests.store_files import (
    PASSWORD,
    add_a_key,
    encrypted_file,
    key_set,
    put,
    refused,
)
from tests.support import with_header
from trustkeys import (
    InvalidInputError,
    TrustFrameworkKey,
    TrustFrameworkKeySet,
    files,
    store,
    testing,
)
from trustkeys.core.jwk import read_jwk
from trustkeys.core.rsa import RSAStrategy
from trustkeys.errors import MissingPassphraseError, NotEncryptedError
from trustkeys.formats import jwe, pbes2

ALGORITHMS = ["PBES2-HS512+A256KW", "A256GCM"]


@pytest.fixture(scope="module")
def encrypted() -> tuple[TrustFrameworkKeySet, bytes]:
    return encrypted_file()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "set.keys"


# --- save and load


@pytest.mark.usefixtures("test_keys_allowed")
@pytest.mark.parametrize("protection", [{"password": PASSWORD}, {"plain": True}])
def test_a_saved_set_is_loaded_unchanged(
    path: Path, rsa_key: TrustFrameworkKey, protection: dict[str, Any]
) -> None:
    password = protection.get("password")
    for keyset in (
        key_set(),
        TrustFrameworkKeySet("empty"),
        key_set(rsa_key, testing.rsa_key(1, nbf=0)),
        key_set(rsa_key.public()),
    ):
        store.save(keyset, path, **protection)
        assert support.WINDOWS or stat.S_IMODE(path.stat().st_mode) == 0o600
        assert store.is_encrypted(path) is (password is not None)
        assert store.load(path, password=password) == keyset
        assert store.load(str(path), password=password) == keyset
        path.unlink()
    assert os.listdir(path.parent) == []


@pytest.mark.usefixtures("test_keys_allowed")
def test_an_encrypted_file_shows_no_secret(path: Path, rsa_key: TrustFrameworkKey) -> None:
    store.save(key_set(rsa_key), path, password=PASSWORD)
    text = path.read_text()
    assert support.leaks(text, rsa_key.to_jwk(private=True)) == []
    assert rsa_key.kid not in text


def test_saving_needs_a_passphrase_or_plain(path: Path) -> None:
    wrong: list[dict[str, Any]] = [{}, {"password": PASSWORD, "plain": True}]
    for protection in wrong:
        with pytest.raises(InvalidInputError, match="pass either a passphrase"):
            store.save(key_set(), path, **protection)
    with pytest.raises(InvalidInputError, match="passphrase must be text"):
        store.save(key_set(), path, password="")
    with pytest.raises(InvalidInputError, match="must be a TrustFrameworkKeySet"):
        store.save([support.oct_key()], path, plain=True)  # type: ignore[arg-type]
    assert os.listdir(path.parent) == []


def test_an_existing_file_is_replaced_only_with_overwrite(path: Path) -> None:
    first, second = key_set(), key_set()
    store.save(first, path, plain=True)
    with pytest.raises(FileExistsError) as caught:
        store.save(second, path, plain=True)
    assert caught.value.filename == str(path)
    assert store.load(path) == first
    store.save(second, path, password=PASSWORD, overwrite=True)
    assert store.load(path, password=PASSWORD) == second
    # overwrite also works without an existing file.
    store.save(second, path.with_name("new"), plain=True, overwrite=True)
    assert store.load(path.with_name("new")) == second


def test_a_set_that_could_not_be_read_again_is_not_written(path: Path) -> None:
    store.save(key_set(), path, plain=True)
    before = path.read_bytes()

    def edit() -> None:
        with store.edit(path) as keyset:
            # The constructor checks nothing, and reading refuses this key.
            keyset.add(attrs.evolve(support.oct_key(), exp=-1))

    with pytest.raises(InvalidInputError, match="B2C_1A_test could not be read again: key 2: exp"):
        edit()
    assert path.read_bytes() == before


def test_a_set_too_large_to_be_read_again_is_not_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyset = key_set()
    size = len(json.dumps(keyset.to_jwks(private=True), indent=2)) + 1
    for module in ("trustkeys.store", "trustkeys.formats.answers"):
        monkeypatch.setattr(f"{module}.MAX_SET_BYTES", size)
    store.save(keyset, path, plain=True)
    assert store.load(path) == keyset
    with pytest.raises(InvalidInputError, match="B2C_1A_test is too large"):
        add_a_key(path)
    assert store.load(path) == keyset


def test_a_set_with_too_many_values_to_be_read_again_is_not_written(path: Path) -> None:
    store.save(key_set(), path, plain=True)
    before = path.read_bytes()

    def edit() -> None:
        with store.edit(path) as keyset:
            for _ in range(13):
                jwk = support.oct_key().to_jwk(private=True)
                keyset.add(TrustFrameworkKey.from_jwk({**jwk, "vendor": [1] * 20_000}))

    with pytest.raises(InvalidInputError, match="again: the key set has more than 250000 values"):
        edit()
    assert path.read_bytes() == before


def test_an_edit_checks_only_the_keys_that_it_changes_again(
    path: Path, certified: TrustFrameworkKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a small change of a large set takes twice as long as reading it."""
    checked: list[Any] = []

    def counted(jwk: Any, **options: Any) -> Any:
        checked.append(jwk["kid"])
        return read_jwk(jwk, **options)

    monkeypatch.setattr("trustkeys.keyset.stored.read_jwk", counted)
    store.save(key_set(*(support.oct_key() for _ in range(3))), path, plain=True)
    with store.edit(path) as keys:
        checked.clear()
        kids = [key.kid for key in keys]
        keys.disable(kids[1])
        new = keys.generate_key()
    assert checked == [kids[1], new.kid]
    # What certificates may cost counts for all of a set together.
    other = attrs.evolve(certified, kid="other", x5c=())
    store.save(key_set(other, certified), path, plain=True, overwrite=True)
    with store.edit(path) as keys:
        checked.clear()
    assert checked == ["other", certified.kid]


@pytest.mark.usefixtures("test_keys_allowed")
def test_the_primes_in_a_file_are_not_tested_again(
    path: Path, rsa_key: TrustFrameworkKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a thousand keys take 40 seconds to load."""
    monkeypatch.setattr(RSAStrategy, "prove", None)
    store.save(key_set(rsa_key), path, plain=True)
    assert store.load(path) == key_set(rsa_key)


# --- edit


@pytest.mark.parametrize("password", [None, PASSWORD])
def test_an_edited_file_stays_encrypted_or_plain(path: Path, password: str | None) -> None:
    keyset = key_set()
    store.save(keyset, path, password=password, plain=password is None)
    kid = add_a_key(path, password)
    assert store.is_encrypted(path) is (password is not None)
    assert [key.kid for key in store.load(path, password=password)] == [
        *(key.kid for key in keyset),
        kid,
    ]
    assert support.WINDOWS or stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {*os.listdir(path.parent)} - {"set.keys.lock"} == {"set.keys"}
    lock = path.parent / "set.keys.lock"
    assert support.WINDOWS or stat.S_IMODE(lock.stat().st_mode) == 0o600


def test_an_edit_that_fails_writes_nothing(path: Path) -> None:
    store.save(key_set(), path, plain=True)
    before = path.read_bytes()

    def edit() -> None:
        with store.edit(path) as keyset:
            keyset.generate_key("sig", "oct")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        edit()
    assert path.read_bytes() == before
    # The lock is free again.
    add_a_key(path)


def test_a_passphrase_is_changed_in_one_step(path: Path) -> None:
    keyset = key_set()
    store.save(keyset, path, plain=True)
    store.change_password(path, new_password="first")
    assert store.load(path, password="first") == keyset
    store.change_password(path, password="first", new_password="second")
    assert store.load(path, password="second") == keyset
    refused(store.change_password, path, password="first", new_password="third")
    before = path.read_bytes()
    for options in ({}, {"new_password": "third", "plain": True}, {"new_password": ""}):
        with pytest.raises(InvalidInputError):
            store.change_password(path, password="second", **options)
    assert path.read_bytes() == before
    store.change_password(path, password="second", plain=True)
    assert store.load(path) == keyset


# --- passphrases


def test_a_missing_a_wrong_and_a_needless_passphrase_are_told_apart(
    path: Path, encrypted: tuple[TrustFrameworkKeySet, bytes]
) -> None:
    put(path, encrypted[1])
    for call in (store.load, add_a_key):
        missing = refused(call, path)
        assert type(missing) is MissingPassphraseError
        assert (missing.target, "is missing" in missing.message) == ("password", True)
        wrong = refused(call, path, password=PASSWORD + "x")
        assert "passphrase is wrong, or the encrypted content was changed" in wrong.message
        assert refused(call, path, password="").target == "password"
        assert PASSWORD not in support.all_text_of(wrong)
    # Somebody may have put a plain file in place of the encrypted one.
    store.save(key_set(), path, plain=True, overwrite=True)
    for call in (store.load, add_a_key):
        needless = refused(call, path, password=PASSWORD)
        assert type(needless) is NotEncryptedError
        assert "it is not encrypted" in needless.message


def test_a_file_that_was_read_is_opened_without_reading_it_again(
    path: Path, encrypted: tuple[TrustFrameworkKeySet, bytes]
) -> None:
    put(path, encrypted[1])
    stored = store.read_file(path)
    path.unlink()
    assert stored.is_encrypted
    with pytest.raises(InvalidInputError, match="passphrase is missing"):
        stored.document()
    assert stored.document(password=PASSWORD) == encrypted[0].to_jwks(private=True)
    assert stored.key_set(password=PASSWORD) == encrypted[0]


def test_a_file_that_was_read_shows_no_secret(path: Path) -> None:
    keyset = key_set()
    store.save(keyset, path, plain=True)
    stored = store.read_file(path)
    assert not stored.is_encrypted
    secret = next(iter(keyset)).to_jwk(private=True)
    assert support.leaks(f"{stored!r} {attrs.asdict(stored)}", secret) == []
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(stored)


def test_an_edit_reads_the_file_once_and_once_more_before_it_replaces_it(
    path: Path,
    encrypted: tuple[TrustFrameworkKeySet, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put(path, encrypted[1])
    read, derive = files.read, pbes2.derive
    whole: list[int] = []
    derived: list[bytes] = []

    def reading(path: Any, *, limit: int) -> tuple[bytes, int]:
        whole.extend([limit] if limit > len(encrypted[1]) else [])
        return read(path, limit=limit)

    def deriving(alg: str, secret: bytes, salt: bytes, rounds: int) -> bytes:
        derived.append(salt)
        return derive(alg, secret, salt, rounds)

    monkeypatch.setattr(files, "read", reading)
    for module in (jwe, pbes2):  # writing and reading
        monkeypatch.setattr(module, "derive", deriving)
    assert store.is_encrypted(path)
    assert (len(whole), len(derived)) == (1, 0)
    assert store.load(path, password=PASSWORD) == encrypted[0]
    assert (len(whole), len(derived)) == (2, 1)
    add_a_key(path, PASSWORD)
    assert (len(whole), len(derived)) == (4, 3)


def test_a_passphrase_is_the_same_on_every_keyboard(path: Path) -> None:
    store.save(key_set(), path, password="caf\u00e9")
    assert len(store.load(path, password="cafe\u0301")) == 1


# --- bad files


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "AADB2C95026"),
        (b"\0" * 99, "AADB2C95026"),
        (b"-----BEGIN PRIVATE KEY-----", "AADB2C95026"),
        (b"{}", "AADB2C95026"),
        (b"[]", "AADB2C95026"),
        (b'{"keys": []}', "BadRequest"),
        (b'{"id": "a b", "keys": []}', "BadRequest"),
        (b'{"id": "a", "keys": [{}]}', "AADB2C95037"),
        (b'{"id": "a", "keys": {"kty": "oct"}}', "AADB2C95026"),
        (b'{"id": "a", "id": "b", "keys": []}', "AADB2C95026"),
        (b'{"id": "a", "keys": ' + b"[" * 99_999, "AADB2C95026"),
        (b'{"kty": "oct", "k": "AAAA", "use": "sig"}', "AADB2C95026"),
        (b"\xff\xfe{\0}\0", "AADB2C95026"),
        (b"eyJ", "BadRequest"),
        (b"eyJ....", "BadRequest"),
    ],
    ids=lambda value: repr(value[:30]),
)
def test_anything_but_a_key_set_is_refused_with_its_code(
    path: Path, data: bytes, code: str
) -> None:
    put(path, data)
    password = PASSWORD if data.startswith(b"eyJ") else None
    for call in (store.load, add_a_key):
        assert refused(call, path, password=password).code == code


def test_every_truncation_of_a_plain_file_is_refused(path: Path) -> None:
    store.save(key_set(), path, plain=True)
    whole = path.read_bytes()
    for length in range(len(whole) - 1):  # all but its line end
        put(path, whole[:length])
        if whole[:length].strip() != whole.strip():
            refused(store.load, path)


@pytest.mark.deep
def test_every_truncation_and_any_flipped_byte_of_an_encrypted_file_is_refused(
    path: Path, encrypted: tuple[TrustFrameworkKeySet, bytes]
) -> None:
    keyset, whole = encrypted
    put(path, whole)
    assert store.load(path, password=PASSWORD) == keyset
    for length in range(len(whole)):
        put(path, whole[:length])
        refused(store.load, path, password=PASSWORD)
    for position in range(0, len(whole), 3):
        changed = bytes([whole[position] ^ 1])
        put(path, whole[:position] + changed + whole[position + 1 :])
        refused(store.load, path, password=PASSWORD)


@pytest.mark.parametrize(
    "changes",
    [
        {"p2c": 2**31},
        {"p2c": 10**4000},
        {"p2c": True},
        {"p2c": 0},
        {"alg": "dir"},
        {"alg": "A256KW"},
        {"alg": "none"},
        {"enc": "A128CBC-HS256"},
        {"zip": "DEF"},
        {"crit": ["x"]},
    ],
    ids=lambda changes: str(changes)[:30],
)
def test_a_hostile_header_is_refused_before_any_work(
    path: Path,
    encrypted: tuple[TrustFrameworkKeySet, bytes],
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
) -> None:
    monkeypatch.setattr("trustkeys.formats.pbes2.derive", None)
    put(path, with_header(encrypted[1].decode(), **changes).encode())
    refused(store.load, path, password=PASSWORD)


def test_a_passphrase_of_32_bytes_is_no_key(path: Path) -> None:
    """A set encrypted directly with a key is not opened by that key as a passphrase."""
    secret = b"0123456789abcdef0123456789abcdef"
    token = jwcrypto.jwe.JWE(
        json.dumps(key_set().to_jwks(private=True)), json.dumps({"alg": "dir", "enc": "A256GCM"})
    )
    token.add_recipient(JWK(kty="oct", k=support.b64(secret)))
    put(path, token.serialize(compact=True).encode())
    refused(store.load, path, password=secret.decode())


# --- other programs


@pytest.mark.usefixtures("test_keys_allowed")
def test_joserfc_opens_the_file(path: Path, rsa_key: TrustFrameworkKey) -> None:
    store.save(key_set(rsa_key), path, password=PASSWORD)
    opened = joserfc_jwe.decrypt_compact(
        path.read_bytes().strip(), OctKey.import_key(PASSWORD), algorithms=ALGORITHMS
    )
    assert opened.headers()["cty"] == "jwk-set+json"
    assert opened.plaintext is not None
    assert json.loads(opened.plaintext) == key_set(rsa_key).to_jwks(private=True)


@pytest.mark.deep
@pytest.mark.usefixtures("documented_rounds", "test_keys_allowed")
def test_jwcrypto_opens_the_file_with_a_higher_limit(
    path: Path, rsa_key: TrustFrameworkKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(key_set(rsa_key), path, password=PASSWORD)
    monkeypatch.setattr(jwcrypto.jwa, "default_max_pbkdf2_iterations", 220_000)
    token = jwcrypto.jwe.JWE(algs=ALGORITHMS)
    token.deserialize(path.read_text().strip(), JWK.from_password(PASSWORD))
    theirs = JWKSet.from_json(token.payload.decode()).get_key(rsa_key.kid)
    assert theirs is not None
    assert theirs.has_private


@pytest.mark.deep
def test_a_file_that_joserfc_encrypted_is_opened(path: Path, rsa_key: TrustFrameworkKey) -> None:
    text = json.dumps(key_set(rsa_key).to_jwks(private=True)).encode()
    header = {"alg": ALGORITHMS[0], "enc": ALGORITHMS[1], "p2c": 300_000}
    token = joserfc_jwe.encrypt_compact(
        header, text, OctKey.import_key(PASSWORD), algorithms=ALGORITHMS
    )
    put(path, token.encode())
    assert store.load(path, password=PASSWORD) == key_set(rsa_key)


def test_a_file_is_read_up_to_its_limit_only(path: Path) -> None:
    put(path, b"x" * 100)
    assert files.read(path, limit=10) == (b"x" * 11, 0o600)
