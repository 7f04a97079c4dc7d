"""A registered key type must work everywhere, and must not break the others."""

from __future__ import annotations

import os
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
from trustkeys import InvalidInputError, KeyStrategy, register_strategy
from trustkeys.core import registry
from trustkeys.testing import instant_keys


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
def test_a_kty_is_registered_once_unless_replaced_on_purpose() -> None:
    register_strategy(p256())
    for again, replace in (("EC", False), ("rsa", False), ("OCT", False), ("OCT", True)):
        other = Symmetric()
        other.kty = again
        with pytest.raises(InvalidInputError, match="already registered") as caught:
            register_strategy(other, replace=replace)
        assert (caught.value.code, caught.value.target) == ("BadRequest", "kty")
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
def test_a_key_type_that_was_replaced_once_is_not_trusted_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A test key that was made while it was replaced can be on its way to a file."""
    types = {kty: registry._key_types[kty] for kty in ("RSA", "oct")}
    monkeypatch.setattr(registry, "_built_in", types)
    assert all(map(registry.is_built_in, types))
    with instant_keys():
        assert not any(map(registry.is_built_in, types))
    assert not any(map(registry.is_built_in, types))
    assert not any(map(registry.is_built_in, ("EC", "OCT", "")))


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
    with pytest.raises(InvalidInputError, match="must be 1 bits") as caught:
        trustkeys.generate_key("sig", "SYK", size=True)
    assert caught.value.target == "size"


@pytest.mark.parametrize("strategy", [None, Symmetric, object()])
def test_what_is_no_strategy_object_is_refused(strategy: Any) -> None:
    with pytest.raises(InvalidInputError, match="attributes and methods of KeyStrategy") as caught:
        register_strategy(strategy)
    assert (caught.value.code, caught.value.target) == ("BadRequest", "strategy")


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
    (tmp_path / "p256_keys.py").write_text(support.documented_p256(), "utf-8")
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


@pytest.mark.deep
def test_an_installed_kty_works_in_the_command_with_no_other_change(installed: Path) -> None:
    environment = support.environment(PYTHONPATH=f"{installed}{os.pathsep}{support.ROOT}")
    done = support.command(
        "generate", "--use", "sig", "--kty", "ec", "-o", "-", env=environment, cwd=installed
    )
    assert done.stderr == ""
    jwk = support.parse(done.stdout)
    assert (jwk["kty"], jwk["crv"]) == ("EC", "P-256")
    assert jwk["kid"] == JWK(**jwk).thumbprint()


@pytest.mark.deep
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
    assert [*registry.known_types()] == ["RSA", "oct", "EC", "OKP", "AKP"]
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
        ("OKP", "the entry point OKP = p256_keys:p256 of trustkeys.strategies refers to"),
        ("akp", "the entry point AKP = p256_keys:nothing of trustkeys.strategies cannot be"),
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
