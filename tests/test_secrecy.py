"""A private value that shows up in a log or a report is a key that must be replaced."""

from __future__ import annotations

import ast
import json
import logging
import subprocess
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any

import attrs
import pytest

import trustkeys
from tests import support
from trustkeys import GenerateKeyRequest, TrustFrameworkKey, TrustKeysError, testing

KTYS = ["RSA", "oct"]
KEYS = {"RSA": testing.rsa_key(0), "oct": testing.oct_key(0)}


@pytest.mark.parametrize("kty", KTYS)
def test_the_detector_finds_each_way_of_writing_a_secret(kty: str) -> None:
    jwk = KEYS[kty].to_jwk(private=True)
    for name in {"k", "d", "p", "q", "dp", "dq", "qi"} & jwk.keys():
        for spelling in support.spellings(jwk[name]):
            assert name in support.leaks(f"x{spelling[3:]}y", jwk)


@pytest.mark.parametrize("kty", KTYS)
def test_no_way_of_printing_a_key_shows_its_private_part(kty: str) -> None:
    key = trustkeys.generate_key("sig", kty)
    jwk = key.to_jwk(private=True)
    shown = [
        repr(key),
        str(key),
        f"{key}",
        f"{key!r:>9}",
        "%s" % key,  # noqa: UP031 - as logging does
        repr([key]),
        repr(attrs.asdict(key)),
        repr(attrs.astuple(key)),
        repr(attrs.asdict(key, recurse=False)),
        json.dumps(key.to_graph()),
        json.dumps(attrs.asdict(key), default=repr),
        repr(key.__getstate__()),
        repr(hash(key)),
    ]
    if kty == "RSA":
        shown += [repr(key.public()), json.dumps(key.to_jwk()), json.dumps(dict(key.to_jwcrypto()))]
    for text in shown:
        assert support.leaks(text, jwk) == []


def spoiled_jwks(jwk: dict[str, Any]) -> list[Any]:
    """JWKs that are refused, each with as much of the secret in it as can be."""
    secret = jwk["k"] if jwk["kty"] == "oct" else jwk["d"]
    texts = json.dumps(jwk)
    return [
        {**jwk, "use": secret},
        {**jwk, "kty": secret},
        {**jwk, "kid": [secret]},
        {**jwk, "status": secret},
        {**jwk, "nbf": secret},
        {**jwk, "exp": secret},
        {**jwk, "x5c": secret},
        {**jwk, "x5c": [[secret]]},
        {**jwk, "x5t": {secret: secret}},
        {**jwk, "k": secret + "=", "d": secret + "="},
        {**jwk, "k": [secret], "d": [secret]},
        {**jwk, "k": secret + "\ud800", "d": secret + "\ud800"},
        {**jwk, "k": secret + " ", "n": secret},
        {**jwk, "k": secret + "é", "d": jwk.get("p")},
        {**jwk, "k": "", "d": jwk.get("p"), "p": secret},
        texts[:-1],
        texts[:-40],
        texts + "x",
        texts.replace('"use"', "use"),
        texts.replace('"use"', f'"{secret}": NaN, "use"'),
        texts.replace('"use"', f'"{secret}": 1, "{secret}": 1, "use"'),
        texts.replace('"use"', '"use": "sig", "use"'),
        texts.encode() + b"\xff",
        f"[{texts}]",
        texts + " " * 70_000,
    ]


@pytest.mark.parametrize("kty", KTYS)
def test_a_refused_jwk_leaves_nothing_in_its_error(
    kty: str, caplog: pytest.LogCaptureFixture
) -> None:
    jwk = KEYS[kty].to_jwk(private=True)
    with caplog.at_level(logging.DEBUG), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for spoiled in spoiled_jwks(jwk):
            with pytest.raises(TrustKeysError) as caught:
                TrustFrameworkKey.from_jwk(spoiled)
            error = caught.value
            assert error.__cause__ is error.__context__ is None
            text = support.all_text_of(error) + json.dumps(error.to_graph())
            text += "".join(traceback.format_exception(error))
            assert support.leaks(text, jwk) == []
    assert caplog.records == []
    assert warned == []


def test_a_refused_body_leaves_nothing_in_its_error() -> None:
    jwk = KEYS["RSA"].to_jwk(private=True)
    bodies = [
        *spoiled_jwks(jwk),
        {"use": "sig", "kty": "RSA", "k": jwk["d"]},
        {"use": "sig", "kty": "RSA", jwk["d"]: 1},
    ]
    for body in bodies:
        with pytest.raises(TrustKeysError) as caught:
            GenerateKeyRequest.from_graph(body)
        assert support.leaks(support.all_text_of(caught.value), jwk) == []


def test_a_refused_thumbprint_leaves_nothing_in_its_error() -> None:
    jwk = KEYS["oct"].to_jwk(private=True)
    with pytest.raises(TrustKeysError) as caught:
        trustkeys.jwk_thumbprint({**jwk, "k": jwk["k"] + "\ud800"})
    assert support.leaks(support.all_text_of(caught.value), jwk) == []


@pytest.mark.deep
@pytest.mark.parametrize("kty", KTYS)
@pytest.mark.parametrize("flags", [[], ["-vv"], ["-vv", "--showlocals"]])
def test_pytests_report_of_a_failed_comparison_shows_nothing(
    tmp_path: Path, kty: str, flags: list[str]
) -> None:
    (tmp_path / "test_it.py").write_text(
        "import os, trustkeys\n"
        f"first, second = (trustkeys.generate_key('sig', '{kty}') for _ in range(2))\n"
        "with open('secrets', 'w') as file:\n"
        "    file.write(repr([key.to_jwk(private=True) for key in (first, second)]))\n"
        "def test_keys():\n"
        "    a, b = first, second\n"
        "    assert a == b\n"
        "def test_lists():\n"
        "    assert [first, 1] == [second, 1]\n"
        "def test_private_parts():\n"
        "    assert first._private == second._private\n"
        "def test_sets():\n"
        "    one, other = (trustkeys.TrustFrameworkKeySet('a', [key]) for key in (first, second))\n"
        "    assert one == other\n"
        "def test_one_differs():\n"
        "    import attrs\n"
        "    assert first == attrs.evolve(first, private=second._private)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *flags, "test_it.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "5 failed" in done.stdout
    for jwk in eval((tmp_path / "secrets").read_text()):
        assert support.leaks(done.stdout + done.stderr, jwk) == []


@pytest.mark.deep
@pytest.mark.parametrize("kty", KTYS)
def test_pytests_report_of_a_call_that_raises_shows_nothing(tmp_path: Path, kty: str) -> None:
    jwk = trustkeys.generate_key("sig", kty).to_jwk(private=True)
    (tmp_path / "key").write_text(json.dumps(jwk))
    (tmp_path / "test_it.py").write_text(
        "import json, os, pytest, trustkeys\n"
        "from trustkeys import store\n"
        "from trustkeys.formats import jwe\n"
        "JWK = json.load(open('key'))\n"
        "@pytest.mark.parametrize('name', sorted(JWK))\n"
        "@pytest.mark.parametrize('end', ['=', ' ', 'A', '\\udfff'])\n"
        "def test_key(name, end):\n"
        "    trustkeys.TrustFrameworkKey.from_jwk({**JWK, name: JWK[name] + end, 'kid': 5})\n"
        "@pytest.mark.parametrize('name', sorted(JWK))\n"
        "def test_number(name):\n"
        "    trustkeys.TrustFrameworkKey.from_jwk({**JWK, name: JWK[name][:-4] + 'AAAA=='})\n"
        "def test_thumbprint():\n"
        "    trustkeys.jwk_thumbprint({**JWK, 'k': '', 'e': '\\udfff'})\n"
        "    trustkeys.jwk_thumbprint({**JWK, 'kty': 'none'})\n"
        "def test_text():\n"
        "    trustkeys.TrustFrameworkKey.from_jwk(json.dumps(JWK)[:-1])\n"
        "def test_body():\n"
        "    trustkeys.GenerateKeyRequest.from_graph(JWK)\n"
        "def test_set():\n"
        "    trustkeys.TrustFrameworkKeySet.from_jwks({'id': 'a', 'keys': [{**JWK, 'use': 'x'}]})\n"
        "def test_set_text():\n"
        "    trustkeys.TrustFrameworkKeySet.from_jwks(json.dumps({'keys': [JWK]})[:-1])\n"
        "def test_unknown_kid():\n"
        "    trustkeys.TrustFrameworkKeySet.from_jwks({'id': 'a', 'keys': [JWK]}).get('x')\n"
        "def test_file(tmp_path):\n"
        "    keys = trustkeys.TrustFrameworkKeySet.from_jwks({'id': 'a', 'keys': [JWK]})\n"
        "    store.save(keys, tmp_path / 'a', password=JWK.get('k') or JWK['d'])\n"
        "    store.load(tmp_path / 'a', password=JWK.get('k') or JWK['p'])\n"
        "    store.load(tmp_path / 'a', password='x' + (JWK.get('k') or JWK['p']))\n"
        "def test_plain_file(tmp_path):\n"
        "    with open(tmp_path / 'a', 'w') as file:\n"
        "        json.dump({'id': 'a', 'keys': [{**JWK, 'kid': 5}]}, file)\n"
        "    (tmp_path / 'a').chmod(0o600)\n"
        "    store.load(tmp_path / 'a')\n"
        "@pytest.mark.parametrize('call', ['fsync', 'link', 'replace', 'chmod'])\n"
        "@pytest.mark.parametrize('overwrite', [True, False])\n"
        "def test_writing(tmp_path, monkeypatch, call, overwrite):\n"
        "    def fail(*_):\n"
        "        raise OSError(5, 'no')\n"
        "    monkeypatch.setattr(os, call, fail)\n"
        "    keys = trustkeys.TrustFrameworkKeySet.from_jwks({'id': 'a', 'keys': [JWK]})\n"
        "    store.save(keys, tmp_path / 'a', plain=True, overwrite=overwrite)\n"
        "    store.save(keys, tmp_path / 'none' / 'a', plain=True)\n"
        "def test_loose_file(tmp_path):\n"
        "    with open(tmp_path / 'a', 'w') as file:\n"
        "        json.dump({'id': 'a', 'keys': [JWK]}, file)\n"
        "    (tmp_path / 'a').chmod(0o644)\n"
        "    store.load(tmp_path / 'a')\n"
        "def test_passphrase():\n"
        "    text = jwe.encrypt(b'x', password=JWK.get('k', 'pass'), cty='x')\n"
        "    jwe.decrypt(text, password=JWK.get('d') or 'no')\n"
    )
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--assert=plain"),
            *("--tb=long", "test_it.py"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert " 0 passed" not in done.stdout
    assert "InvalidInputError" in done.stdout
    assert support.leaks(done.stdout + done.stderr, jwk) == []


@pytest.mark.parametrize("kty", [pytest.param("RSA", marks=pytest.mark.deep), "oct"])
def test_no_command_on_a_key_set_prints_a_secret(tmp_path: Path, kty: str) -> None:
    def run(*args: str) -> str:
        done = support.command("keyset", *args, cwd=tmp_path)
        return done.stdout + done.stderr

    printed = run("create", "a", "-o", "set", "--plain")
    printed += run("rotate", "set", "--use", "sig", "--kty", kty, "--every", "90d", "--count", "2")
    printed += run("generate", "set") + run("rollover", "set")
    for name in ("show", "active", "check", "jwks"):
        printed += run(name, "set") + run(name, "set", "--json")
    printed += run("show", "set", "--svg", "-") + run("rotate", "set", "--every", "1d", "--json")
    keyset = support.parse((tmp_path / "set").read_text())
    assert len(keyset["keys"]) == 5
    for jwk in keyset["keys"]:
        assert jwk["kid"] in printed
        assert support.leaks(printed, jwk) == []


@pytest.mark.parametrize("kty", KTYS)
def test_the_command_prints_no_secret_unless_told(tmp_path: Path, kty: str) -> None:
    done = support.command("generate", "--use", "sig", "--kty", kty, "-o", "key", cwd=tmp_path)
    jwk = support.parse((tmp_path / "key").read_text())
    assert support.leaks(done.stdout + done.stderr, jwk) == []
    assert support.parse(done.stdout)["kid"] == jwk["kid"]


MODULES = [*sorted(support.ROOT.glob("trustkeys/**/*.py")), support.ROOT / "pytest_trustkeys.py"]


def test_pytest_hides_the_frames_of_every_module_with_functions() -> None:
    """Otherwise pytest prints the arguments of trustkeys' functions, which can be secrets."""
    assert len(MODULES) > 100
    for path in MODULES:
        text = path.read_text("utf-8")
        if "\n__tracebackhide__ = True\n" not in text:
            kinds = {type(node) for node in ast.walk(ast.parse(text))}
            assert not kinds & {ast.FunctionDef, ast.AsyncFunctionDef}, path
