"""Keys on a Dask cluster: only the recipient can read them, and a lost cluster loses no key."""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest

from tests import support
from tests.cli.batch.runs import SEALED, started
from tests.support import command, failed
from trustkeys import (
    BatchError,
    GenerateKeyRequest,
    InvalidInputError,
    TrustFrameworkKey,
    generate_keys,
    generate_sealed,
)
from trustkeys.cli import main
from trustkeys.formats.jwe import decrypt, decrypt_key, encrypt_key

pytestmark = [
    pytest.mark.deep,
    pytest.mark.skipif(
        importlib.util.find_spec("distributed") is None,
        reason="needs Dask: pip install 'trustkeys[dask]'",
    ),
]

RSA = GenerateKeyRequest("sig", "RSA")
OCT = GenerateKeyRequest("sig", "oct")
COUNT = 100


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A cluster of two processes and a scheduler, and a client of it."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address="127.0.0.1:0",  # a port that is free
            local_directory=str(tmp_path_factory.mktemp("dask")),
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


BATCH = ("batch", "--use", "sig", "--kty", "oct", "--jsonl", "keys")


def address_of(client: Any) -> str:
    address = client.scheduler.address
    assert isinstance(address, str)
    return address


def opened(path: Path, recipient: dict[str, Any]) -> list[TrustFrameworkKey]:
    lines = [support.parse(line) for line in path.read_text().splitlines()]
    keys = [decrypt_key(line["jwe"], with_key=recipient) for line in lines]
    assert [key.kid for key in keys] == [line["kid"] for line in lines]
    assert len({key.kid for key in keys}) == len(keys)
    return keys


def what_the_cluster_has(client: Any) -> str:
    """Return all that the scheduler and the workers hold of finished tasks."""
    while any(state.status == "pending" for state in client.futures.values()):
        time.sleep(0.01)

    def of_a_worker(dask_worker: Any) -> str:
        tasks = dask_worker.state.tasks.values()
        return repr(
            [
                [(key, repr(value)) for key, value in dask_worker.data.items()],
                [(task.key, repr(task.run_spec), task.annotations) for task in tasks],
                list(dask_worker.state.log),
                list(dask_worker.state.stimulus_log),
            ]
        )

    def of_the_scheduler(dask_scheduler: Any) -> str:
        tasks = dask_scheduler.tasks.values()
        return repr(
            [
                [(task.key, repr(task.run_spec), task.annotations) for task in tasks],
                list(dask_scheduler.transition_log),
                [list(topic.events) for topic in dask_scheduler._broker._topics.values()],
            ]
        )

    return repr(
        [
            client.run_on_scheduler(of_the_scheduler),
            client.run(of_a_worker),
            client.get_scheduler_logs(),
            client.get_worker_logs(),
            client.story(*client.futures),
        ]
    )


def test_equal_requests_give_different_keys_even_if_a_worker_dies(
    client: Any, recipient: dict[str, Any]
) -> None:
    sealed = generate_sealed(
        repeat(RSA, COUNT), to=recipient, executor=client.get_executor(), workers=2
    )
    texts = [next(sealed) for _ in range(10)]
    os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)
    texts += sealed
    jwks = [support.parse(decrypt(text, with_key=recipient).decode()) for text in texts]
    assert len({jwk["n"] for jwk in jwks}) == len({jwk["kid"] for jwk in jwks}) == COUNT
    # Checking the primes takes long, so only some keys are checked.
    for text, jwk in zip(texts[::40], jwks[::40], strict=True):
        key = decrypt_key(text, with_key=recipient)
        assert (key.kid, key.kty, key.use, key.size) == (jwk["kid"], "RSA", "sig", 2048)
    # Dask returns the result of an equal call again, but the keys differ.
    executor = client.get_executor()
    assert executor.submit(os.urandom, 9).result() == executor.submit(os.urandom, 9).result()
    again = generate_sealed(repeat(RSA, 2), to=recipient, executor=executor, workers=2)
    assert {jwk["kid"] for jwk in jwks}.isdisjoint(
        decrypt_key(text, with_key=recipient).kid for text in again
    )


def test_the_cluster_sees_no_private_key(client: Any, recipient: dict[str, Any]) -> None:
    sealed = generate_sealed(repeat(RSA), to=recipient, executor=client.get_executor(), workers=1)
    next(sealed)
    seen = what_the_cluster_has(client)
    texts = [next(sealed) for _ in range(15)]
    sealed.close()
    assert all(text in seen for text in texts)
    for text in texts[:3]:
        assert support.leaks(seen, decrypt_key(text, with_key=recipient).to_jwk(private=True)) == []
    assert support.leaks(seen, recipient) == []


def test_unencrypted_keys_would_be_visible_and_are_refused(client: Any) -> None:
    executor = client.get_executor()
    with pytest.raises(InvalidInputError, match="executor must be a ThreadPoolExecutor"):
        generate_keys([RSA], executor=executor)
    keys = generate_keys(repeat(RSA), executor=executor, workers=1, allow_plain=True)
    next(keys)
    seen = what_the_cluster_has(client)
    key = next(keys)
    keys.close()
    jwk = key.to_jwk(private=True)
    assert support.leaks(seen, jwk) == ["d", "p", "q", "dp", "dq", "qi"]
    assert TrustFrameworkKey.from_jwk(jwk) == key


def test_closing_early_cancels_the_work_on_the_cluster(
    client: Any, recipient: dict[str, Any]
) -> None:
    executor = client.get_executor()
    sealed = generate_sealed(repeat(OCT), to=recipient, executor=executor, workers=20)
    next(sealed)
    sealed.close()
    while client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)):
        time.sleep(0.01)
    # The cluster can still be used.
    assert executor.submit(int).result() == 0


def test_an_error_on_a_worker_is_reported(client: Any, recipient: dict[str, Any]) -> None:
    def break_sealing() -> None:
        vars(importlib.import_module("trustkeys.batch"))["encrypt_key"] = None

    def mend_sealing() -> None:
        vars(importlib.import_module("trustkeys.batch"))["encrypt_key"] = encrypt_key

    client.run(break_sealing)
    try:
        sealed = generate_sealed([OCT], to=recipient, executor=client.get_executor(), workers=1)
        with pytest.raises(BatchError, match="after 0 keys: TypeError") as caught:
            next(sealed)
    finally:
        client.run(mend_sealing)
    assert (caught.value.code, caught.value.done) == ("TypeError", 0)


# --- the command


def test_the_command_uses_the_cluster_and_resumes(
    client: Any, folder: Path, recipient: dict[str, Any]
) -> None:
    args: tuple[str, ...] = (*BATCH, *SEALED, "--dask", address_of(client))
    done = command(*args, "--count", "20", cwd=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "keys: 20 keys\n", "")
    before = (folder / "keys").read_bytes()
    assert main._run([*args, "--count", "25", "--resume"]) == 0
    assert (folder / "keys").read_bytes().startswith(before)
    assert len(opened(folder / "keys", recipient)) == 25
    # A run on this machine continues the file, and a directory works, too.
    assert main._run([*BATCH, *SEALED, "--count", "26", "--resume"]) == 0
    assert len(opened(folder / "keys", recipient)) == 26
    args = (*BATCH[:-2], *SEALED, "--dask", address_of(client), "--dir", "dir")
    assert main._run([*args, "--count", "2"]) == 0
    assert len(os.listdir(folder / "dir")) == 2
    assert logging.root.manager.disable == logging.NOTSET


CLUSTER = """
import sys
from distributed import LocalCluster

with LocalCluster(
    n_workers=1,
    threads_per_worker=1,
    processes=False,
    protocol="tcp://",
    dashboard_address="127.0.0.1:0",
    local_directory=sys.argv[1],
) as cluster:
    print(cluster.scheduler_address, flush=True)
    sys.stdin.read()
"""

DRIVER = """
import sys
from trustkeys.__main__ import main
from trustkeys.cli import progress
from trustkeys.cli.batch import command as many, dask

progress.PAUSE = many.SYNC_SECONDS = 0
dask.CONNECT_SECONDS = 2
"""


def drive(*args: str, cwd: Path, extra: str = "") -> AbstractContextManager[subprocess.Popen[str]]:
    """Run a command that reports each key, until the end of the block at the latest."""
    return started(f"{DRIVER}\n{extra}\nmain()", *BATCH, *SEALED, *args, cwd=cwd)


def test_losing_the_cluster_loses_no_key(folder: Path, recipient: dict[str, Any]) -> None:
    options: dict[str, Any] = {"stdin": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with started(CLUSTER, str(folder.parent), cwd=folder, **options) as cluster:
        assert cluster.stdout is not None
        address = cluster.stdout.readline().strip()
        with drive("--count", "100000", "--dask", address, cwd=folder) as process:
            assert process.stderr is not None
            first = process.stderr.readline()
            cluster.kill()
            stdout, stderr = process.communicate(timeout=60)
    said = [first, *stderr.splitlines(keepends=True)]
    done = len(opened(folder / "keys", recipient))
    assert (process.returncode, stdout) == (2, "")
    stopped = rf"trustkeys: stopped: keys has {done} keys?; repeat the command with --resume"
    assert re.match(stopped, said[-2])
    assert re.fullmatch(rf"trustkeys: after {done} keys?: \w+\n", said[-1])
    reports = [re.fullmatch(r"trustkeys: (\d+) of 100000 keys, .*\n", line) for line in said[:-2]]
    assert all(reports)
    assert {int(report[1]) for report in reports if report} == set(range(1, done + 1))


@pytest.mark.parametrize(
    ("address", "code", "message"),
    [
        (
            "tcp://127.0.0.1:{port}",
            1,
            "tcp://127.0.0.1:{port}: no Dask scheduler answers at this",
        ),
        ("127.0.0.1:{port}", 1, "127.0.0.1:{port}: no Dask scheduler answers at this address"),
        ("", 2, "--dask must be the address of a scheduler such as tcp://HOST:8786, not ''"),
        ("tls://127.0.0.1:{port}", 2, "--dask must be the address of a scheduler"),
    ],
)
def test_without_a_scheduler_the_error_is_one_line_and_nothing_is_written(
    folder: Path, address: str, code: int, message: str
) -> None:
    with socket.socket() as unused:  # bound, but not listening
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        args = ("--count", "3", "--dask", address.format(port=port))
        with drive(*args, cwd=folder) as process:
            stdout, stderr = process.communicate(timeout=60)
    done = subprocess.CompletedProcess([], process.returncode, stdout, stderr)
    assert failed(done, code).startswith(message.format(port=port))
    assert os.listdir(folder) == []


def test_ctrl_c_stops_waiting_for_the_scheduler(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"tcp://127.0.0.1:{mute.getsockname()[1]}"
        with drive("--count", "3", "--dask", address, cwd=folder) as process:
            connection, _ = mute.accept()
            with connection:
                process.send_signal(signal.SIGINT)
                output = process.communicate(timeout=60)
    assert (process.returncode, output) == (-signal.SIGINT, ("", ""))
    assert os.listdir(folder) == []
