"""The command's side of a Dask cluster, with programs that take the place of the Dask client."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from itertools import repeat
from pathlib import Path

import pytest

from tests.cli.batch.runs import OCT, SEALED, put_requests, records
from tests.cli.in_process import outcome
from tests.support import KILLED, WINDOWS, failed, needs_fork, posix_only
from trustkeys import GenerateKeyRequest
from trustkeys.batch import MAX_SEALED
from trustkeys.cli.batch import dask

ADDRESS = "tcp://127.0.0.1:8786"

ON_DASK = (*SEALED, "--dask", ADDRESS)

OCTETS = GenerateKeyRequest("sig", "oct")

MOMENT = 5 if WINDOWS else 0.3
"""How long a client may be silent that is silent, in seconds. On Windows it starts slowly."""

CLIENT = """
import json, os, sys, time

def say(**answer):
    print(json.dumps(answer), flush=True)

def kid(number):
    return str(number).rjust(43, "k")

JWE = f"eyJh.k.{'i' * 16}.c.{'t' * 22}"
start = json.loads(sys.stdin.readline())
say()
"""

Client = Callable[[str], None]


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    """Return a function that lets a program take the place of the Dask client."""

    def take(program: str) -> None:
        program = CLIENT + textwrap.dedent(program)
        monkeypatch.setattr(dask, "_CLIENT", [sys.executable, "-I", "-S", "-c", program])

    return take


def cluster(to: str = "{}") -> AbstractContextManager[dask.Cluster]:
    return dask.cluster(ADDRESS, to, insecure=False)


def never() -> bool:
    return False


def wait_for(path: Path) -> None:
    for _ in range(2000):
        if path.exists() and path.read_text():
            return
        time.sleep(0.005)
    raise AssertionError


# --- what goes to the client, and what comes back


def test_the_client_takes_no_code_from_the_folder_and_says_nothing_itself(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module there could replace one of Python, and a cluster could write to the terminal."""
    (folder / "json.py").write_text("raise SystemExit('from the folder')")
    program = "says = os.path.samestat(os.fstat(2), os.stat(os.devnull))\nsay(error=str(says))"
    monkeypatch.setattr(dask, "_CLIENT", [*dask._CLIENT[:-1], CLIENT + program])
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each])
    line = (*OCT, "--count", "3", "--jsonl", "keys", *ON_DASK)
    assert failed(outcome(*line), 1) == f"{ADDRESS}: True"


def test_the_keys_are_written_in_order_with_their_ids(folder: Path, client: Client) -> None:
    client("""
        say(connected=True)
        for number, line in enumerate(sys.stdin):
            say()
            say(kid=kid(number), jwe=JWE)
    """)
    put_requests(folder, {"id": "a", "use": "sig", "kty": "oct"}, {"use": "enc", "kty": "RSA"})
    args = ("batch", "--requests", "../requests", *ON_DASK)
    process = outcome(*args, "--jsonl", "keys")
    assert (process.returncode, process.stdout, process.stderr) == (0, "keys: 2 keys\n", "")
    jwe = f"eyJh.k.{'i' * 16}.c.{'t' * 22}"
    first, second = (str(number).rjust(43, "k") for number in range(2))
    assert records(folder / "keys") == [
        {"id": "a", "kid": first, "jwe": jwe},
        {"kid": second, "jwe": jwe},
    ]
    # A run that has all its keys asks for none.
    client("say(connected=True)")
    assert outcome(*args, "--jsonl", "keys", "--resume").returncode == 0


def test_the_client_gets_the_public_key_and_the_requests_and_nothing_else(
    folder: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a worker sends can run code in the client."""
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "hunter2")
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TLS__CA_FILE", "ca.pem")
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    client("""
        say(connected=True)
        seen = [start, *map(json.loads, sys.stdin)]
        descriptors, session = ["0", "1", "2"], True
        if sys.platform != "win32":
            # The last descriptor is that of the listing itself.
            descriptors = sorted(os.listdir("/dev/fd"))[:-1]
            session = os.getsid(0) == os.getpid()
        with open("seen", "w") as file:
            json.dump([seen, dict(os.environ), descriptors, session, sys.argv], file)
        say(error="the end")
    """)
    request = GenerateKeyRequest("enc", "RSA", nbf=1, exp=2, size=3072)
    with open(os.devnull) as other, cluster('{"kty": "EC"}') as found:
        os.set_inheritable(other.fileno(), True)  # noqa: FBT003
        with pytest.raises(OSError, match="the end"):
            list(found.sealed(iter([request]), 1, never))
    text = (folder / "seen").read_text()
    seen, environment, descriptors, leads_a_session, argv = json.loads(text)
    assert seen == [
        {"address": ADDRESS, "to": '{"kty": "EC"}'},
        {"use": "enc", "kty": "RSA", "nbf": 1, "exp": 2, "size": 3072},
    ]
    assert "hunter2" not in environment.values()
    assert environment["DASK_DISTRIBUTED__COMM__TLS__CA_FILE"] == "ca.pem"
    # The client imports what the command imports, and nothing from the working directory instead.
    assert environment["PYTHONPATH"].split(os.pathsep)[0] == str(folder)
    assert descriptors == ["0", "1", "2"]
    assert leads_a_session  # so that Ctrl-C goes to the command alone
    assert argv == ["-c"]


def test_the_client_ends_with_the_block(client: Client) -> None:
    client("""
        say(connected=True)
        time.sleep(60)
    """)
    with cluster() as found:
        process = found._client
        assert process.poll() is None
    assert process.poll() is not None
    with suppress(ZeroDivisionError), cluster() as found:
        process = found._client
        raise ZeroDivisionError
    assert process.poll() is not None


@pytest.mark.parametrize("is_read", [True, False])
def test_closing_early_ends_the_client_and_the_thread_that_writes_to_it(
    client: Client, is_read: bool
) -> None:
    client(f"""
        say(connected=True)
        say(kid=kid(1), jwe=JWE)
        for line in sys.stdin if {is_read} else ():
            pass
        time.sleep(60)
    """)
    with cluster() as found:
        keys = found.sealed(repeat(OCTETS), 10**9, never)
        next(keys)
        keys.close()
        assert found._client.wait(60) == KILLED


@needs_fork
@pytest.mark.parametrize("is_asked", [True, False])
def test_a_process_that_the_cluster_leaves_behind_does_not_hold_the_command(
    tmp_path: Path, client: Client, monkeypatch: pytest.MonkeyPatch, is_asked: bool
) -> None:
    """It has the pipes open, and not even a second Ctrl-C ended the command."""
    monkeypatch.setattr(dask, "GRACE_SECONDS", 0.1)
    client(f"""
        say(connected=True)
        for _ in range(2):
            say(kid=kid(1), jwe=JWE)
        if os.fork() == 0:
            os.setsid()
            with open({str(tmp_path / "pid")!r}, "w") as file:
                file.write(str(os.getpid()))
            time.sleep(30)
            os.remove({str(tmp_path / "pid")!r})
            os._exit(0)
        time.sleep(60)
    """)
    with cluster() as found:
        if is_asked:
            looks = itertools.count()
            keys = found.sealed(
                repeat(OCTETS), 10**9, lambda: bool(list(tmp_path.iterdir())) and next(looks) > 2
            )
            assert len(list(keys)) == 2
        wait_for(tmp_path / "pid")
    assert found._client.poll() is not None
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_an_error_of_the_requests_is_raised(client: Client) -> None:
    client("""
        say(connected=True)
        sys.stdin.read()
    """)

    def broken() -> Iterator[GenerateKeyRequest]:
        yield OCTETS
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), cluster() as found:
        list(found.sealed(broken(), 5, never))


# --- trouble


@pytest.mark.parametrize(
    ("program", "code", "message"),
    [
        ("say(refused='--dask needs Dask')", 2, "--dask needs Dask"),
        ("say(error='no workers')", 1, f"{ADDRESS}: no workers"),
        ("sys.exit(3)", 1, f"{ADDRESS}: the Dask client ended with exit status 3"),
        pytest.param(
            "os.close(1); time.sleep(60)",
            1,
            f"{ADDRESS}: the Dask client ended with exit status -9",
            marks=posix_only("on Windows, the process has more handles of its output"),
        ),
        ("say(error='\\x1b[2J' + 'x' * 10**5)", 1, f"{ADDRESS}: \\x1b[2J{'x' * 996}"),
        ("print('Traceback')", 1, f"{ADDRESS}: the Dask client did not answer with a sealed key"),
        ("print('[' * 10**5)", 1, f"{ADDRESS}: the Dask client did not answer with a sealed key"),
        ("time.sleep(60)", 1, f"{ADDRESS}: the Dask client does not answer"),
    ],
)
def test_without_a_cluster_nothing_is_written(
    folder: Path,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    program: str,
    code: int,
    message: str,
) -> None:
    is_silent = "sleep" in program and "close" not in program
    monkeypatch.setattr(dask, "SILENCE_SECONDS", MOMENT if is_silent else 60)
    client(program)
    process = outcome(*OCT, "--count", "3", "--jsonl", "keys", *ON_DASK)
    assert failed(process, code) == message
    assert os.listdir(folder) == []


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("say(error='after 2 keys: ValueError')", "after 2 keys: ValueError"),
        ("sys.exit()", "the Dask client ended with exit status 0"),
        ("time.sleep(60)", "the Dask client does not answer"),
        *(
            (program, "the Dask client did not answer with a sealed key")
            for program in (
                "print('kid, jwe')",
                "say(kid=kid(1))",
                "say(kid=kid(1), jwe=5)",
                "say(kid='../../' + kid(1)[6:], jwe=JWE + '=')",
                "say(kid=kid(1), jwe=JWE.replace('c', 'c' * 10**6))",
                "print('{\"kid\":' * 10)",
                "sys.stdout.buffer.write(b'\\x80\\x04\\x95\\n')",
                "print('x' * 10**7)",
                # More and more of it would fill the memory.
                "sys.stdout.write('x' * 10**7), sys.stdout.flush(), time.sleep(60)",
            )
        ),
    ],
)
def test_a_cluster_that_fails_loses_no_key_before(
    folder: Path, client: Client, monkeypatch: pytest.MonkeyPatch, program: str, message: str
) -> None:
    is_silent = "sleep" in program and "write" not in program
    monkeypatch.setattr(dask, "SILENCE_SECONDS", MOMENT if is_silent else 60)
    client(f"""
        say(connected=True)
        for number in range(2):
            sys.stdin.readline()
            say(kid=kid(number), jwe=JWE)
        {program}
    """)
    args = (*OCT, "--count", "5", "--jsonl", "keys", *ON_DASK)
    process = outcome(*args)
    assert (process.returncode, process.stdout) == (1, "")
    assert process.stderr.splitlines() == [
        "trustkeys: stopped: keys has 2 keys; repeat the command with --resume to continue",
        f"trustkeys: {ADDRESS}: {message}",
    ]
    assert len(records(folder / "keys")) == 2


def test_a_key_that_nobody_asked_for_is_refused(client: Client) -> None:
    client("""
        say(connected=True)
        for number in range(9):
            say(kid=kid(number), jwe=JWE)
        time.sleep(60)
    """)

    def slowly() -> Iterator[GenerateKeyRequest]:
        yield OCTETS
        time.sleep(0.3)
        yield OCTETS

    with cluster() as found:
        keys = found.sealed(slowly(), 2, never)
        with pytest.raises(OSError, match="did not answer with a sealed key"):
            list(keys)


def test_a_client_that_ends_at_once_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask, "_CLIENT", [sys.executable, "-I", "-S", "-c", ""])
    with pytest.raises(OSError, match="ended with exit status 0"), cluster("x" * 10**6):
        pass


def test_a_signal_counts_while_no_key_arrives(client: Client) -> None:
    client("""
        say(connected=True)
        say(kid=kid(1), jwe=JWE)
        while True:
            say()
            time.sleep(0.01)
    """)
    looks = itertools.count()
    came: list[str] = []

    with cluster() as found:
        for kid, _ in found.sealed(repeat(OCTETS), 5, lambda: bool(came) and next(looks) > 9):
            came.append(kid)
        assert found._client.wait(60) == KILLED
    assert len(came) == 1


# --- addresses


@pytest.mark.parametrize(
    "address",
    [
        *("tls://scheduler:8786", "tls://10.0.0.1:8786", "tls://[2001:db8::1]:8786"),
        *("tcp://127.0.0.1:1", "127.1.2.3:65535", "localhost:8786", "tcp://[::1]:8786"),
    ],
)
def test_an_address_with_tls_or_of_this_machine_is_taken(client: Client, address: str) -> None:
    client("say(error=start['address'])")
    wanted = re.escape(f"{address}: '{address}'")
    with pytest.raises(OSError, match=wanted), dask.cluster(address, "{}", insecure=False):
        pass


@pytest.mark.parametrize(
    "address",
    [
        *("tcp://scheduler:8786", "scheduler:8786", "10.0.0.1:8786", "tcp://[2001:db8::1]:8786"),
        *("tcp://0.0.0.0:8786", "localhost.example:8786", "127.0.0.1.example:8786", "127.1:8786"),
        *("evil.localhost:8786", "evil-localhost:8786"),
    ],
)
def test_another_address_needs_a_flag(folder: Path, client: Client, address: str) -> None:
    client("say(error='connected')")
    args = (*OCT, "--count", "3", "--jsonl", "keys", *SEALED, "--dask", address)
    assert failed(outcome(*args), 2) == (
        f"--dask {address} is not encrypted, so others on the network could run code as you: use "
        "tls://, or --dask-insecure in a network that you trust (see trustkeys batch --help)"
    )
    assert failed(outcome(*args, "--dask-insecure"), 1) == f"{address}: connected"
    assert os.listdir(folder) == []


@pytest.mark.parametrize(
    "address",
    [
        *("", "scheduler", "tls://scheduler", "tls://:8786", "inproc://10.0.0.1/5/1", "x://y:1"),
        *(
            "tls://user@host:8786",
            "tcp://127.0.0.1:8786/path",
            "tcp://[::1:8786",
            "localhost:8786\n",
        ),
        *("127.0.0.1@host:8786", "tcp://127.0.0.1:8786#", "http://localhost:8786"),
    ],
)
def test_what_is_no_address_is_refused(folder: Path, address: str) -> None:
    args = (*OCT, "--count", "3", "--jsonl", "keys", *SEALED, "--dask", address, "--dask-insecure")
    assert failed(outcome(*args), 2).startswith(
        "--dask must be the address of a scheduler such as tls://HOST:8786, not "
    )


def test_the_command_does_not_load_dask(tmp_path: Path) -> None:
    """Only the client's process has Dask, and unpickles."""
    program = """
        import sys
        from trustkeys.cli.batch import dask, many

        dask._CLIENT = [sys.executable, "-I", "-S", "-c", "print('{}', flush=True); print('x')"]
        try:
            with dask.cluster("localhost:1", "{}", insecure=False):
                pass
        except OSError:
            print(sorted({"dask", "distributed", "cloudpickle", "tornado"} & {*sys.modules}))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_the_longest_sealed_key_fits_into_a_line() -> None:
    line = dask._line({"kid": "k" * 43, "jwe": "x" * MAX_SEALED})
    assert len(line) < dask.MAX_LINE
