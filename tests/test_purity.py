"""A program that embeds the engine must know that it touches nothing outside itself."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

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


FORBIDDEN = ("socket.", "open", "os.", "subprocess.", "import", "exec", "shutil.", "tempfile.")


def test_no_file_no_socket_no_process_is_touched() -> None:
    done = run("")
    assert done.stderr == ""
    events = eval(done.stdout)
    assert not [event for event in events if event.startswith(FORBIDDEN)]


@pytest.mark.parametrize(
    ("last", "event"),
    [("open('/dev/null')", "open"), ("__import__('socket').socket()", "socket.__new__")],
)
def test_the_hook_would_have_seen_it(last: str, event: str) -> None:
    done = run(f"{last}; assert {event!r} in events")
    assert done.returncode == 0, done.stderr


def test_importing_loads_nothing_that_is_not_used() -> None:
    program = "import sys, trustkeys; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    loaded = set(done.stdout.split())
    heavy = {"jwcrypto", "click", "rich", "hypothesis", "httpx", "filelock", "tempfile"}
    assert not loaded & {*heavy, "cryptography.x509", "logging", "subprocess", "heapq"}
    assert not {"importlib.metadata", "trustkeys.keyset", "trustkeys.store"} & loaded
    assert "cryptography.hazmat.primitives.serialization.pkcs12" not in loaded


def test_what_is_loaded_when_used_is_handed_on_like_the_rest() -> None:
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


def test_a_time_that_is_given_keeps_the_clock_out_of_it() -> None:
    program = (
        "import time, trustkeys\n"
        "keys = trustkeys.TrustFrameworkKeySet('test')\n"
        "time.time = None\n"
        "keys.rotate(86400, use='sig', kty='oct', at=0)\n"
        "keys.rollover(5)\n"
        "keys.get_active_key(5)\n"
        "keys.check(5, until=9)\n"
        "trustkeys.check_key_set(keys.to_jwks(private=True), at=5)\n"
        "keys.get_active_key()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    # The last line is the only one that asks for it.
    assert "line 9, in <module>" in done.stderr
    assert done.stderr.endswith("TypeError: 'NoneType' object is not callable\n")
