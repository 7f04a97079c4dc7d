"""``python -m trustkeys.testing`` as a process, as a test in another language starts it."""

from __future__ import annotations

import errno
import io
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

import httpx
import pytest

import trustkeys
from tests import support
from trustkeys import TrustFrameworkKey, testing
from trustkeys.testing.__main__ import main

SETS = "/trustFramework/keySets"

# It keeps no connection, which would be open until the end of the test run.
CLIENT = httpx.Client(
    verify=False, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
)


class Process:
    """A server in a process of its own.

    Attributes:
        process: The process.
        url: What it printed as its first line.
    """

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url
        self.control = url.removesuffix("/beta") + "/trustkeys"

    def end(self, signum: int) -> tuple[int, str, str]:
        """Send a signal, and return the exit code and the rest of the output."""
        self.process.send_signal(signum)
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err


@contextmanager
def started(*args: str) -> Iterator[Process]:
    with subprocess.Popen(
        [sys.executable, "-m", "trustkeys.testing", *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=support.environment(PYTHONUNBUFFERED=""),  # it would hide that the URL is late
    ) as process:
        late = Timer(30, process.kill)
        late.start()
        try:
            assert process.stdout is not None
            url = process.stdout.readline().rstrip("\n")
            late.cancel()
            yield Process(process, url)
        finally:
            late.cancel()
            process.terminate()


def failed(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    """Return what the server prints if it cannot start."""
    with pytest.raises(SystemExit) as caught:
        main(args)
    assert caught.value.code not in (0, None)
    code = caught.value.code
    return code if isinstance(code, str) else capsys.readouterr().err


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Restore the handler that `main` sets."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.deep
@pytest.mark.parametrize(
    "signum", [pytest.param(signal.SIGINT, marks=support.needs_signals), signal.SIGTERM]
)
def test_a_test_starts_the_server_reads_its_url_and_ends_it(signum: int) -> None:
    with started() as server, socket.create_connection(("127.0.0.1", port_of(server.url))):
        assert CLIENT.get(f"{server.url}{SETS}").json()["value"] == []
        code, out, err = server.end(signum)
    assert (code, out) == (support.KILLED if support.WINDOWS else 0, "")
    assert err == (
        "For tests only. New keys are test keys, which are public. Ctrl-C ends the server.\n"
    )


@pytest.mark.deep
def test_new_keys_are_test_keys_or_real_ones() -> None:
    body = {"use": "sig", "kty": "RSA"}
    for args, is_test_key in (([], True), (["--real-keys"], False)):
        with started(*args) as server:
            url = f"{server.url}{SETS}"
            CLIENT.post(url, json={"id": "test"})
            answer = CLIENT.post(f"{url}/B2C_1A_test/generateKey", json=body)
            key = TrustFrameworkKey.from_jwk(answer.json())
            assert testing.is_test_key(key) == is_test_key
            ((shown,),) = [each["keys"] for each in tenant_of(server)["keySets"]]
            assert ("d" in shown) == is_test_key
            _, _, err = server.end(signal.SIGTERM)
        assert ("real keys" in err) != is_test_key


@pytest.mark.deep
def test_the_tenant_of_one_run_starts_the_next(tmp_path: Path) -> None:
    file = tmp_path / "tenant.json"
    jwk = testing.oct_key(1).to_jwk(private=True)
    sets = [{"id": "B2C_1A_test", "keys": [jwk]}]
    file.write_text(json.dumps({"keySets": sets, "now": 5, "tokens": ["replaced"]}))
    args = ["--tenant", str(file), "--token", "a", "--token", "b"]
    with started(*args) as server:
        url = f"{server.url}{SETS}"
        statuses = [
            CLIENT.get(url, headers={"Authorization": f"Bearer {token}"}).status_code
            for token in ("a", "b", "replaced")
        ]
        assert statuses == [200, 200, 401]
        CLIENT.post(f"{server.control}/tenant", json={"keySets": []}).raise_for_status()
        CLIENT.post(f"{server.control}/reset", json={}).raise_for_status()
        assert CLIENT.get(url).status_code == 401
        file.write_text(json.dumps(tenant_of(server)), "utf-16")  # as by PowerShell
    with started("--tenant", str(file)) as server:
        shown = tenant_of(server)
        assert shown["now"] == 5
        assert shown["keySets"][0]["keys"][0]["k"] == jwk["k"]
        assert CLIENT.get(f"{server.url}{SETS}").status_code == 200


@pytest.mark.deep
def test_the_port_can_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        shown = support.in_words_of_posix(failed(capsys, "--port", str(port)))
    assert shown == f"trustkeys.testing: port {port}: Address already in use: choose another one"
    with started("--port", str(port)) as server:
        assert server.url == f"http://127.0.0.1:{port}/beta"


def test_a_full_disk_ends_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that waits for the URL would wait in vain."""

    class Full(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sys, "stdout", Full())
    with pytest.raises(SystemExit) as caught:
        main([])
    shown = "trustkeys.testing: standard output: No space left on device"
    assert caught.value.code == shown


@pytest.mark.deep
@pytest.mark.parametrize("missing", ["httpx", "http"])
def test_without_httpx_the_server_says_what_to_install(missing: str) -> None:
    """Another module that is missing is a fault of the installation, shown as it is."""
    code = f"import sys, runpy; sys.modules[{missing!r}] = None; runpy.run_module(NAME)"
    done = subprocess.run(
        [sys.executable, "-c", code.replace("NAME", "'trustkeys.testing', run_name='__main__'")],
        capture_output=True,
        text=True,
        env=support.environment(),
        timeout=60,
    )
    assert done.returncode == 1
    if missing == "httpx":
        assert done.stderr == (
            'trustkeys.testing: the server needs httpx: pip install "trustkeys[testing]"\n'
        )
    else:
        assert "ModuleNotFoundError" in done.stderr


@pytest.mark.parametrize("port", ["x", "-1", "65536", "٣", ""])
def test_a_bad_port_is_refused(capsys: pytest.CaptureFixture[str], port: str) -> None:
    assert "a port is a number from 0 to 65535" in failed(capsys, f"--port={port}")


def test_a_bad_tenant_is_refused_by_the_name_of_its_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "tenant.json"
    missing = failed(capsys, "--tenant", str(file))
    assert missing == f"trustkeys.testing: {file}: No such file or directory"
    jwk = trustkeys.generate_key("sig", "oct").to_jwk(private=True)
    for content, problem in (
        ("[]", "must be a JSON object"),
        (json.dumps({"keySets": [{"id": "a", "keys": [{**jwk, "use": jwk["k"]}]}]}), "AADB2C95033"),
    ):
        file.write_text(content)
        shown = failed(capsys, "--tenant", str(file))
        assert shown.startswith(f"trustkeys.testing: {file}: ")
        assert problem in shown
        assert support.leaks(shown, jwk) == []


def test_the_help_says_that_it_is_for_tests(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "usage: python -m trustkeys.testing" in shown
    assert "for tests" in shown
    assert "test keys, whose private parts are public" in shown


def port_of(url: str) -> int:
    port = httpx.URL(url).port
    assert port is not None
    return port


def tenant_of(server: Process) -> Any:
    return CLIENT.get(f"{server.control}/tenant").raise_for_status().json()
