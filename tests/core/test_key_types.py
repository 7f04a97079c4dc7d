"""Another kty must work everywhere at once, and none must be able to break the others."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from jwcrypto.jwk import JWK

import trustkeys
from tests import support
from trustkeys import InvalidInputError, KeyStrategy, TrustFrameworkKey, register_strategy
from trustkeys.core import registry


def p256() -> KeyStrategy:
    namespace: dict[str, Any] = {}
    exec(support.documented_p256(), namespace)
    strategy: KeyStrategy = namespace["p256"]
    return strategy


class Symmetric:
    """A kty with a public member and a secret one in its thumbprint."""

    kty = "SYM"
    sizes = (8, 16)
    default_size = 8
    required = ("alg", "k")
    private = ("k",)

    def generate(self, size: int) -> dict[str, str]:
        return {"alg": "100%s", "k": "A" * size}

    def size(self, members: Mapping[str, str]) -> int:
        return len(members["k"])

    def check(self, members: Mapping[str, str]) -> None:
        if "k" not in members:
            raise ValueError("nothing that may be shown")

    def prove(self, members: Mapping[str, str]) -> None:
        if members["k"] == "unproven":
            raise ValueError(members["k"])


@pytest.mark.usefixtures("clean_registry")
def test_p256_works_everywhere_after_one_call() -> None:
    register_strategy(p256())
    key = trustkeys.generate_key("sig", "ec", nbf=1)
    assert (key.kty, key.size) == ("EC", 256)
    answer = key.to_graph()
    assert list(answer)[7:] == ["kid", "crv", "x", "y"]
    judge = JWK(**key.to_jwk(private=True))
    assert key.kid == judge.thumbprint()
    assert judge.has_private
    assert TrustFrameworkKey.from_jwk(key.to_jwk(private=True)) == key
    assert TrustFrameworkKey.from_jwk(key.to_jwk()) == key.public()
    with pytest.raises(InvalidInputError, match="EC"):
        key.private_key()


@pytest.mark.usefixtures("clean_registry")
def test_what_its_check_refuses_is_refused_without_its_words() -> None:
    register_strategy(p256())
    jwk = trustkeys.generate_key("sig", "EC").to_jwk(private=True)
    for changes in (
        {"x": jwk["y"]},
        {"crv": "P-384"},
        {"y": None},
        {"d": jwk["d"] + "="},
        {"d": jwk["d"] + "é"},
    ):
        with pytest.raises(InvalidInputError, match="the members do not make a key") as caught:
            TrustFrameworkKey.from_jwk({**jwk, **changes})
        assert caught.value.code == "AADB2C95034"
        assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.usefixtures("clean_registry")
@pytest.mark.parametrize("kind", [ValueError, KeyError, RecursionError, InvalidInputError])
def test_nothing_that_a_check_raises_carries_a_secret_out(kind: type[Exception]) -> None:
    class Careless(Symmetric):
        def check(self, members: Mapping[str, str]) -> None:
            try:
                raise KeyError(members["k"])  # noqa: TRY301
            except KeyError:
                raise kind("the words" if kind is InvalidInputError else members["k"])  # noqa: B904

    register_strategy(Careless())
    jwk = {"kty": "SYM", "use": "sig", "alg": "x", "k": "very secret"}
    with pytest.raises(InvalidInputError) as caught:
        TrustFrameworkKey.from_jwk(jwk)
    assert "very secret" not in support.all_text_of(caught.value)
    assert ("the words" in str(caught.value)) is (kind is InvalidInputError)


@pytest.mark.usefixtures("clean_registry")
def test_a_secret_among_the_hashed_members_means_no_public_form() -> None:
    register_strategy(Symmetric())
    key = trustkeys.generate_key("sig", "SYM", size=16)
    assert key.size == 16
    assert "k" not in {name: value for name, value in key.to_graph().items() if value}
    assert key.to_graph()["alg"] == "100%s"
    jwk = key.to_jwk(private=True)
    assert key.kid == trustkeys.jwk_thumbprint(jwk)
    assert TrustFrameworkKey.from_jwk(jwk) == key
    nameless = {name: value for name, value in jwk.items() if name != "kid"}
    assert TrustFrameworkKey.from_jwk(nameless).kid != key.kid
    with pytest.raises(InvalidInputError):
        key.to_jwk()
    # No kid can be the thumbprint of text that JSON would escape.
    with pytest.raises(InvalidInputError, match="do not make a key"):
        TrustFrameworkKey.from_jwk({**jwk, "alg": 'a"b'})


@pytest.mark.usefixtures("clean_registry")
def test_a_kty_is_registered_once_unless_replaced_on_purpose() -> None:
    register_strategy(p256())
    for again, replace in (("EC", False), ("rsa", False), ("OCT", False), ("OCT", True)):
        other = Symmetric()
        other.kty = again
        with pytest.raises(InvalidInputError, match="registered already"):
            register_strategy(other, replace=replace)
    assert trustkeys.generate_key("sig", "EC").size == 256
    replacement = Symmetric()
    replacement.kty = "EC"
    register_strategy(replacement, replace=True)
    assert trustkeys.generate_key("sig", "EC").size == 8


@pytest.mark.usefixtures("clean_registry")
@pytest.mark.parametrize(
    "changes",
    [
        {"kty": ""},
        {"kty": None},
        {"sizes": None},
        {"required": None},
        {"private": (1,)},
        {"kty": "ÉC"},
        {"kty": "a b"},
        {"default_size": 7},
        {"required": "k"},
        {"private": "k"},
        {"required": ("a)b",)},
    ],
)
def test_a_strategy_that_cannot_work_is_refused_at_once(changes: dict[str, Any]) -> None:
    strategy = Symmetric()
    vars(strategy).update(changes)
    with pytest.raises(InvalidInputError) as caught:
        register_strategy(strategy)
    assert caught.value.target == "strategy"


@pytest.mark.usefixtures("clean_registry")
def test_a_kty_is_found_in_any_ascii_case_and_in_no_other() -> None:
    strategy = Symmetric()
    strategy.kty = "SYK"
    strategy.sizes = (1,)  # type: ignore[assignment]
    strategy.default_size = 1
    register_strategy(strategy)
    assert trustkeys.generate_key("sig", "syk").kty == trustkeys.generate_key("sig", "SyK").kty
    with pytest.raises(InvalidInputError, match="kty must be"):
        trustkeys.generate_key("sig", "SY\N{KELVIN SIGN}")
    with pytest.raises(InvalidInputError, match="must be 1 bits"):
        trustkeys.generate_key("sig", "SYK", size=True)


@pytest.mark.parametrize("strategy", [None, Symmetric, object()])
def test_what_is_no_strategy_object_is_refused(strategy: Any) -> None:
    with pytest.raises(InvalidInputError, match="all that KeyStrategy names"):
        register_strategy(strategy)


@pytest.mark.usefixtures("clean_registry")
def test_of_many_threads_that_register_the_same_kty_one_wins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outcomes: list[bool] = []
    start = threading.Barrier(8)
    add = registry._add

    def add_slowly(key_type: registry.KeyType) -> registry.KeyType:
        time.sleep(0.05)
        return add(key_type)

    monkeypatch.setattr(registry, "_add", add_slowly)

    def register() -> None:
        strategy = Symmetric()
        start.wait()
        try:
            register_strategy(strategy)
        except InvalidInputError:
            outcomes.append(False)
        else:
            outcomes.append(True)
        assert trustkeys.generate_key("sig", "sym").kty == "SYM"

    threads = [threading.Thread(target=register) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False] * 7 + [True]


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder in which another package has been installed, entry points and all."""
    (tmp_path / "p256_keys.py").write_text(support.documented_p256())
    info = tmp_path / "p256_keys-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: p256-keys\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        textwrap.dedent("""\
            [trustkeys.strategies]
            EC = p256_keys:p256
            OKP = p256_keys:p256
            AKP = p256_keys:nothing
            """)
    )
    return tmp_path


def test_an_installed_kty_works_in_the_command_with_no_other_change(installed: Path) -> None:
    environment = support.environment(PYTHONPATH=str(installed))
    done = support.command(
        "generate", "--use", "sig", "--kty", "ec", "-o", "-", env=environment, cwd=installed
    )
    assert done.stderr == ""
    jwk = support.parse(done.stdout)
    assert (jwk["kty"], jwk["crv"]) == ("EC", "P-256")
    assert jwk["kid"] == JWK(**jwk).thumbprint()


def test_an_installed_kty_works_in_worker_processes(installed: Path) -> None:
    program = """
        import concurrent.futures, multiprocessing, trustkeys

        def kid(kty):
            return trustkeys.generate_key("sig", kty).kid

        if __name__ == "__main__":
            spawn = multiprocessing.get_context("spawn")
            with concurrent.futures.ProcessPoolExecutor(2, mp_context=spawn) as pool:
                print(len(set(pool.map(kid, ["EC", "EC", "ec"]))))
    """
    script = installed / "workers.py"
    script.write_text(textwrap.dedent(program))
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("3\n", "")


@pytest.mark.usefixtures("clean_registry")
def test_entry_points_are_looked_up_only_for_an_unknown_kty(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(installed)
    trustkeys.generate_key("sig", "OCT")
    assert registry._entry_points.cache_info().currsize == 0
    assert trustkeys.generate_key("sig", "eC").kty == "EC"
    assert registry._entry_points.cache_info().currsize == 1
    assert registry.known_types() == ["RSA", "oct", "EC", "OKP", "AKP"]
    with pytest.raises(InvalidInputError, match="RSA, oct, EC, OKP or AKP, not"):
        trustkeys.generate_key("sig", "none of them")


@pytest.mark.usefixtures("clean_registry")
def test_a_broken_package_elsewhere_does_not_hide_that_the_kty_is_wrong(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = installed / "broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[other]\nthis is no entry point\n")
    monkeypatch.syspath_prepend(installed)
    with pytest.raises(InvalidInputError, match="kty must be RSA or oct") as caught:
        trustkeys.generate_key("sig", "unknown")
    assert caught.value.code == "AADB2C95031"


@pytest.mark.usefixtures("clean_registry")
@pytest.mark.parametrize(
    ("kty", "message"),
    [
        ("OKP", "the entry point OKP = p256_keys:p256 of trustkeys.strategies gives"),
        ("akp", "the entry point AKP = p256_keys:nothing of trustkeys.strategies gives"),
    ],
)
def test_a_broken_entry_point_is_named(
    installed: Path, monkeypatch: pytest.MonkeyPatch, kty: str, message: str
) -> None:
    monkeypatch.syspath_prepend(installed)
    with pytest.raises(InvalidInputError) as caught:
        trustkeys.generate_key("sig", kty)
    assert message in str(caught.value)
    assert (caught.value.code, caught.value.target) == ("AADB2C95031", "kty")
