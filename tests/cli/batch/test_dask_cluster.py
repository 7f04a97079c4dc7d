"""The whole command on a Dask cluster: what stops, hangs or attacks loses no key, and is said."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests import support
from tests.cli.batch.runs import SEALED, done, keys_of, started
from tests.cli.in_process import outcome
from tests.support import failed, needs_signals

pytestmark = [
    pytest.mark.deep,
    pytest.mark.skipif(
        importlib.util.find_spec("distributed") is None,
        reason='needs Dask: pip install "trustkeys[dask]"',
    ),
]

BATCH = ("batch", "--use", "sig", "--kty", "RSA", "--jsonl", "keys", *SEALED)

CLUSTER = """
import json, os, sys
from distributed import LocalCluster
from distributed.security import Security

if __name__ == "__main__":
    protocol, security = sys.argv[3], None
    if protocol == "tls://":
        security = Security.temporary()
        for name in ("tls_ca_file", "tls_client_key", "tls_client_cert"):
            with open(name, "w") as file:
                file.write(getattr(security, name))
    with LocalCluster(
        n_workers=int(sys.argv[2]),
        threads_per_worker=1,
        processes=True,
        protocol=protocol,
        security=security,
        dashboard_address=None,
        local_directory=sys.argv[1],
    ) as cluster:
        workers = [nanny.pid for nanny in cluster.workers.values()]
        print(json.dumps([cluster.scheduler_address, os.getpid(), workers]), flush=True)
        sys.stdin.read()
"""

# A command that reports each key, and a client that waits less.
DRIVER = """
import sys
from trustkeys.__main__ import main
from trustkeys.cli import progress
from trustkeys.cli.batch import many, dask

progress.PAUSE = many.SYNC_SECONDS = 0
dask._PROGRAM = "from trustkeys.cli.batch import dask_client as client; " + sys.argv.pop(1)
dask._CLIENT[-1] = dask._PROGRAM + "; client.main()"
main()
"""


@pytest.fixture
def workers() -> int:
    return 2


@pytest.fixture
def cluster(workers: int, tmp_path: Path) -> Iterator[tuple[str, int, list[int]]]:
    """A cluster: the scheduler's address and process, and the processes of the workers."""
    with cluster_of(workers, tmp_path) as found:
        yield found


@contextmanager
def cluster_of(
    workers: int, folder: Path, protocol: str = "tcp://"
) -> Iterator[tuple[str, int, list[int]]]:
    options: dict[str, Any] = {"stdin": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    args = (str(folder / "dask"), str(workers), protocol)
    with started(CLUSTER, *args, cwd=folder, **options) as process:
        assert process.stdout is not None
        address, scheduler, pids = json.loads(process.stdout.readline())
        try:
            yield address, scheduler, pids
        finally:
            for pid in [scheduler, *pids]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def drive(
    *args: str, cwd: Path, client: str = "pass"
) -> AbstractContextManager[subprocess.Popen[str]]:
    return started(DRIVER, client, *BATCH, *args, cwd=cwd)


def client_of(process: subprocess.Popen[str]) -> int:
    """Return the process of the Dask client."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    (pid,) = children.read_text().split()
    return int(pid)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for_keys(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    line = process.stderr.readline()
    assert re.match(r"trustkeys: \d+ of 100000 keys", line)
    return line


def ended(process: subprocess.Popen[str], folder: Path, recipient: dict[str, Any]) -> str:
    """Wait for the end of a run that failed after some keys, and return its last line."""
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (1, "")
    *_, stopped, error = stderr.splitlines()
    count = len(keys_of(folder / "keys", recipient))
    assert count > 0
    assert stopped.startswith(f"trustkeys: stopped: keys has {count} key")
    assert stopped.endswith("repeat the command with --resume to continue")
    return str(error).removeprefix("trustkeys: ")


def test_the_command_uses_the_cluster_and_resumes(
    folder: Path, recipient: dict[str, Any], cluster: tuple[str, int, list[int]]
) -> None:
    address, _, _ = cluster
    # What lies in the working directory must not run.
    (folder / "distributed.py").write_text("raise SystemExit(9)")
    (folder / "json.py").write_text("raise SystemExit(9)")
    args: tuple[str, ...] = (*BATCH, "--dask", address)
    before = subprocess.run(
        [sys.executable, "-P", "-m", "trustkeys", *args, "--count", "5"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (before.returncode, before.stdout, before.stderr) == (0, "keys: 5 keys\n", "")
    for name in ("distributed.py", "json.py"):
        (folder / name).unlink()
    lines = (folder / "keys").read_bytes()
    assert done(*args, "--count", "8", "--resume") == "keys: 8 keys\n"
    assert (folder / "keys").read_bytes().startswith(lines)
    # A run on this machine continues the file, and a directory and oct keys work, too.
    assert done(*BATCH, "--count", "9", "--resume") == "keys: 9 keys\n"
    assert len(keys_of(folder / "keys", recipient)) == 9
    args = ("batch", "--use", "enc", "--kty", "oct", *SEALED, "--dask", address)
    assert done(*args, "--dir", "dir", "--count", "250") == "dir: 250 keys\n"
    assert len(os.listdir(folder / "dir")) == 250


@pytest.mark.parametrize("victim", ["scheduler", "worker"])
def test_a_cluster_that_stops_is_noticed(
    folder: Path, recipient: dict[str, Any], cluster: tuple[str, int, list[int]], victim: str
) -> None:
    address, scheduler, (worker, _) = cluster
    with drive("--count", "100000", "--dask", address, cwd=folder) as process:
        wait_for_keys(process)
        os.kill(scheduler if victim == "scheduler" else worker, signal.SIGSTOP)
        error = ended(process, folder, recipient)
    assert error == (
        f"{address}: the Dask cluster does not answer: its scheduler or a worker has stopped"
    )


def test_a_scheduler_that_is_killed_is_noticed(
    folder: Path, recipient: dict[str, Any], cluster: tuple[str, int, list[int]]
) -> None:
    address, scheduler, _ = cluster
    client = "client.SILENCE_SECONDS = 60"
    with drive("--count", "100000", "--dask", address, cwd=folder, client=client) as process:
        wait_for_keys(process)
        os.kill(scheduler, signal.SIGKILL)
        error = ended(process, folder, recipient)
    assert error.startswith(f"{address}: the connection to the Dask scheduler broke")


def test_a_worker_that_dies_is_replaced(
    folder: Path, recipient: dict[str, Any], cluster: tuple[str, int, list[int]]
) -> None:
    address, _, (worker, _) = cluster
    client = "client.SILENCE_SECONDS = 60"
    with drive("--count", "60", "--dask", address, cwd=folder, client=client) as process:
        assert process.stderr is not None
        process.stderr.readline()
        os.kill(worker, signal.SIGKILL)
        stdout, _ = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (0, "keys: 60 keys\n")
    assert len(keys_of(folder / "keys", recipient)) == 60


@pytest.mark.parametrize("workers", [0])
def test_a_cluster_without_workers_is_said(
    folder: Path, cluster: tuple[str, int, list[int]]
) -> None:
    address, _, _ = cluster
    client = "client.CONNECT_SECONDS = 5"
    with drive("--count", "3", "--dask", address, cwd=folder, client=client) as process:
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (1, "")
    assert stderr == f"trustkeys: {address}: the Dask cluster has no workers\n"
    assert not (folder / "keys").exists()


@pytest.mark.parametrize("answer", ["silence", "refused", "nonsense"])
def test_a_host_without_a_scheduler_is_said(folder: Path, answer: str) -> None:
    """Some hosts accept a connection and say nothing, for ever."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        if answer == "refused":
            server.close()
        client = "client.CONNECT_SECONDS = 3"
        with drive("--count", "3", "--dask", address, cwd=folder, client=client) as process:
            if answer == "nonsense":
                connection, _ = server.accept()
                with closing(connection):
                    connection.sendall(b"SSH-2.0-OpenSSH_9.9\r\n" * 9)
                    stdout, stderr = process.communicate(timeout=60)
            else:
                stdout, stderr = process.communicate(timeout=60)
    run = subprocess.CompletedProcess([], process.returncode, stdout, stderr)
    assert failed(run, 1) == f"{address}: no Dask scheduler answers at this address"
    assert os.listdir(folder) == []


def test_certificates_come_from_the_configuration_of_dask(
    folder: Path, recipient: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with cluster_of(1, folder, "tls://") as (address, _, _):
        assert address.startswith("tls://")
        args = ("--count", "3", "--dask", address)
        with drive(*args, cwd=folder) as process:
            stdout, stderr = process.communicate(timeout=60)
        assert (process.returncode, stdout) == (2, "")
        assert "certificate" in stderr
        # The names are relative, as in many configurations.
        monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TLS__CA_FILE", "tls_ca_file")
        for name in ("key", "cert"):
            variable = f"DASK_DISTRIBUTED__COMM__TLS__CLIENT__{name.upper()}"
            monkeypatch.setenv(variable, f"tls_client_{name}")
        assert done(*BATCH, *args) == "keys: 3 keys\n"
        assert len(keys_of(folder / "keys", recipient)) == 3
        # A server of another authority is no scheduler of this cluster.
        (folder / "other").mkdir()
        with cluster_of(0, folder / "other", "tls://") as (other, _, _):
            more = (*BATCH[:-4], "--jsonl", "more", *SEALED, "--count", "3", "--dask", other)
            assert failed(outcome(*more), 1).startswith(f"{other}: TLS failed")


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_counts_while_no_key_arrives(
    folder: Path,
    recipient: dict[str, Any],
    cluster: tuple[str, int, list[int]],
    signum: signal.Signals,
) -> None:
    address, _, pids = cluster
    client = "client.SILENCE_SECONDS = 60"
    with drive("--count", "100000", "--dask", address, cwd=folder, client=client) as process:
        wait_for_keys(process)
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(2)
        dask_client = client_of(process)
        process.send_signal(signum)
        stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stdout) == (-signum, "")
    count = len(keys_of(folder / "keys", recipient))
    assert stderr.splitlines()[-1].startswith(f"trustkeys: stopped: keys has {count} key")
    assert not is_running(dask_client)


def test_ctrl_c_ends_a_command_that_connects(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"tcp://127.0.0.1:{mute.getsockname()[1]}"
        client = "client.CONNECT_SECONDS = 60"
        with drive("--count", "3", "--dask", address, cwd=folder, client=client) as process:
            connection, _ = mute.accept()
            with connection:
                process.send_signal(signal.SIGINT)
                output = process.communicate(timeout=60)
    assert (process.returncode, output) == (-signal.SIGINT, ("", ""))
    assert os.listdir(folder) == []


def test_the_client_dies_with_the_command(
    folder: Path, cluster: tuple[str, int, list[int]]
) -> None:
    address, _, pids = cluster
    client = "client.SILENCE_SECONDS = 60"
    with drive("--count", "100000", "--dask", address, cwd=folder, client=client) as process:
        wait_for_keys(process)
        for pid in pids:  # so that it dies although no key arrives
            os.kill(pid, signal.SIGSTOP)
        dask_client = client_of(process)
        process.kill()
        process.wait()
        for _ in range(600):
            if not is_running(dask_client):
                break
            time.sleep(0.1)
        assert not is_running(dask_client)


@needs_signals
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("SIGKILL", "the Dask client ended with exit status -9"),
        ("SIGSTOP", "the Dask client does not answer"),
    ],
)
def test_a_client_that_dies_or_stops_is_noticed(
    folder: Path,
    recipient: dict[str, Any],
    cluster: tuple[str, int, list[int]],
    name: str,
    message: str,
) -> None:
    address, _, _ = cluster
    client = "client.SILENCE_SECONDS = 60"
    with drive("--count", "100000", "--dask", address, cwd=folder, client=client) as process:
        wait_for_keys(process)
        os.kill(client_of(process), signal.Signals[name])
        assert ended(process, folder, recipient) == f"{address}: {message}"


# A worker that answers with an object that runs code where it is unpickled.
HOSTILE = '''
import importlib, sys
from distributed import Client

CODE = """
import json, os
files = [os.path.realpath("/proc/self/fd/" + name) for name in os.listdir("/proc/self/fd")]
with open(MARKER, "a") as marker:
    print(json.dumps([os.getpid(), dict(os.environ), files]), file=marker)
""".replace("MARKER", repr(sys.argv[2]))

class Attack:
    def __reduce__(self):
        return exec, (CODE, {})

def attack():
    vars(importlib.import_module("trustkeys.batch"))["_generate_sealed"] = lambda *_, **__: Attack()

if __name__ == "__main__":
    with Client(sys.argv[1]) as client:
        client.run(attack)
'''


def test_what_a_worker_sends_runs_in_the_client_alone(
    folder: Path, tmp_path: Path, cluster: tuple[str, int, list[int]]
) -> None:
    address, _, _ = cluster
    marker = tmp_path / "marker"
    with started(HOSTILE, address, str(marker), cwd=folder) as attacker:
        assert attacker.wait(60) == 0
    options: dict[str, Any] = {"env": support.environment(AZURE_CLIENT_SECRET="hunter2")}
    args = (*BATCH, "--count", "3", "--dask", address)
    with subprocess.Popen(
        [*support.COMMAND, *args],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    ) as process:
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (1, "")
    assert stderr.splitlines()[-1].startswith(f"trustkeys: {address}: after 0 keys: ")
    runs = [json.loads(line) for line in marker.read_text().splitlines()]
    assert runs
    assert {pid for pid, _, _ in runs}.isdisjoint([process.pid])
    for _, environment, files in runs:
        assert "hunter2" not in environment.values()
        # The file of the keys is not open, nor is any other file.
        assert {name for name in files if not name.startswith("/proc/")} == {os.devnull}
    assert (folder / "keys").read_text() == ""
