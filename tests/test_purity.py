"""A program that embeds the engine relies on it to touch no file, socket or clock."""

from __future__ import annotations

import pickle
import subprocess
import sys
import textwrap
import typing
from pathlib import Path

import attrs
import pytest

import trustkeys
from trustkeys import TrustFrameworkKeySet, store

PROGRAM = """
    import sys
    from datetime import datetime, timezone
    import trustkeys

    def work():
        for kty in ("RSA", "oct"):
            request = trustkeys.GenerateKeyRequest.from_graph(
                '{"use": "sig", "kty": "%s", "nbf": 1, "exp": 2}' % kty
            )
            key = trustkeys.generate(request)
            key.to_graph()
            jwk = key.to_jwk(private=True)
            assert trustkeys.TrustFrameworkKey.from_jwk(jwk) == key
            trustkeys.jwk_thumbprint(jwk)
            exp = datetime(2030, 1, 1, tzinfo=timezone.utc)
            trustkeys.generate_key("enc", kty, exp=exp).to_jwk(private=True)
            try:
                trustkeys.generate_key("bad", kty)
            except trustkeys.TrustKeysError:
                pass
            keys = trustkeys.TrustFrameworkKeySet("test")
            keys.rotate(86400, count=2, use="sig", kty=kty, at=0)
            keys.rollover(5)
            keys.get_active_key(5)
            keys.to_graph()
            jwks = keys.to_jwks(private=True)
            assert trustkeys.TrustFrameworkKeySet.from_jwks(jwks) == keys
            assert trustkeys.check_key_set(jwks, at=5) == keys.check(5)

    work()
    events = []
    watching = True
    sys.addaudithook(lambda event, args: watching and events.append(event))
    work()
    watching = False
    print(sorted(set(events)))
    watching = True
    {last}
"""


def run(last: str) -> subprocess.CompletedProcess[str]:
    program = textwrap.dedent(PROGRAM.replace("{last}", last))
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )


pytestmark = pytest.mark.deep

FORBIDDEN = ("socket.", "open", "os.", "subprocess.", "import", "exec", "shutil.", "tempfile.")


def test_the_engine_opens_no_file_no_socket_and_no_process() -> None:
    done = run("")
    assert done.stderr == ""
    events = eval(done.stdout)
    assert not [event for event in events if event.startswith(FORBIDDEN)]


@pytest.mark.parametrize(
    ("last", "event"),
    [("open('/dev/null')", "open"), ("__import__('socket').socket()", "socket.__new__")],
)
def test_the_audit_hook_sees_files_and_sockets(last: str, event: str) -> None:
    done = run(f"{last}; assert {event!r} in events")
    assert done.returncode == 0, done.stderr


def loaded_by(statements: str) -> set[str]:
    """Return the modules that statements load in a new process."""
    program = (
        f"import sys; before = {{*sys.modules}}; {statements}; print(*{{*sys.modules}} - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    return set(done.stdout.split())


def test_importing_trustkeys_loads_nothing_else() -> None:
    """Programs that import it but need no key should not start more slowly."""
    # Under coverage, __future__ is there before.
    assert loaded_by("import trustkeys") | {"__future__"} == {"trustkeys", "__future__"}


def test_generating_a_key_loads_nothing_that_it_does_not_use() -> None:
    loaded = loaded_by("import trustkeys; trustkeys.generate_key('sig', 'oct').to_graph()")
    packages = {name.partition(".")[0] for name in loaded}
    # attrs loads the parts of the standard library that take long, but for datetime.
    assert packages - {*sys.stdlib_module_names} == {"attr", "attrs", "trustkeys"}
    assert not packages & {"ctypes", "email", "hashlib", "hmac", "json", "random", "tempfile"}
    assert not {"importlib.metadata", "trustkeys.formats", "trustkeys.keyset"} & loaded
    assert not {"trustkeys.core.jwk", "trustkeys.store", "trustkeys.testkeys"} & loaded


def test_cryptography_is_loaded_when_an_rsa_key_is_made() -> None:
    loaded = loaded_by("import trustkeys; trustkeys.generate_key('sig', 'RSA').to_graph()")
    assert "cryptography.hazmat.primitives.asymmetric.rsa" in loaded
    assert not {"cryptography.x509", "email", "jwcrypto", "trustkeys.core.jwk"} & loaded


def test_looking_at_a_key_set_loads_no_certificates(tmp_path: Path) -> None:
    """These commands should start as fast as they can."""
    keys = TrustFrameworkKeySet("a")
    keys.generate_key("sig", "RSA")
    store.save(keys, tmp_path / "keys", plain=True)
    runs = [f"run(['keyset', {name!r}, 'keys'])" for name in ("active", "jwks", "show")]
    loaded = loaded_by(
        f"import os; os.chdir({str(tmp_path)!r}); from trustkeys.cli.main import run; "
        f"print([{', '.join(runs)}])"
    )
    assert {"trustkeys.cli.keyset.show", "[0,", "0]"} <= loaded
    assert not {"cryptography.x509", "trustkeys.formats.reading"} & loaded


def test_every_public_name_is_importable() -> None:
    program = (
        "import trustkeys; from trustkeys import *\n"
        "assert set(trustkeys.__all__) <= set(dir(trustkeys)) & set(globals())\n"
        "assert all(getattr(trustkeys, name) for name in trustkeys.__all__)\n"
        "trustkeys.unknown\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr.endswith("AttributeError: module 'trustkeys' has no attribute 'unknown'\n")


def test_public_classes_keep_their_types_and_pickle() -> None:
    """Tools that build on annotations, such as Hypothesis and cattrs, resolve them at run time."""
    for name in trustkeys.__all__:
        value = getattr(trustkeys, name)
        if isinstance(value, type):
            typing.get_type_hints(value)
            attrs.resolve_types(value) if attrs.has(value) else None
    key = trustkeys.generate_key("sig", "RSA").public()
    request = trustkeys.GenerateKeyRequest("sig", "oct", exp=5)
    for each in (key, request):
        assert pickle.loads(pickle.dumps(each)) == each


def test_no_call_with_a_time_reads_the_clock() -> None:
    program = (
        "import time, trustkeys\n"
        "keys = trustkeys.TrustFrameworkKeySet('test')\n"
        "time.time = None\n"
        "keys.rotate(86400, use='sig', kty='oct', at=0)\n"
        "keys.rollover(5)\n"
        "keys.get_active_key(5)\n"
        "keys.check(5, until=9)\n"
        "trustkeys.check_key_set(keys.to_jwks(private=True), at=5)\n"
        "keys.to_jwks(private=True, include='published', at=5)\n"
        "keys.get_active_key()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    # Only the last line reads it.
    assert "line 10, in <module>" in done.stderr
    assert done.stderr.endswith("TypeError: 'NoneType' object is not callable\n")
