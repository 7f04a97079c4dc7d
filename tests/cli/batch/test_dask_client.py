"""The process of the Dask client, with a stand-in for Dask."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
from jwcrypto.jwk import JWK

from tests import support
from trustkeys import GenerateKeyRequest, tasks
from trustkeys.cli.batch import dask_client
from trustkeys.cli.batch.dask_client import _Command, serve
from trustkeys.formats.jwe import decrypt_key

REQUESTS = [GenerateKeyRequest("sig", "oct", nbf=number) for number in range(3)]

LINES = [json.dumps(attrs.asdict(request)).encode() + b"\n" for request in REQUESTS]

ADDRESS = "tcp://127.0.0.1:8786"


class Client:
    """A client of a cluster of two workers that works, as Dask's asynchronous one."""

    workers = 2

    def __init__(self, address: str, *, timeout: float, asynchronous: bool) -> None:
        assert asynchronous
        assert timeout == dask_client.CONNECT_SECONDS
        self.address = address

    def __await__(self) -> Iterator[Any]:
        return self.connected().__await__()

    async def connected(self) -> Client:
        return self

    async def wait_for_workers(self, count: int) -> None:
        assert count == 1

    async def ncores(self) -> dict[str, int]:
        return {f"tcp://10.0.0.{number}:1": 1 for number in range(self.workers)}

    async def run(self, function: Callable[[], Any], on_error: str) -> dict[str, Any]:
        assert on_error == "ignore"
        return {worker: function() for worker in await self.ncores()}

    async def submit(self, fn: Callable[..., Any], *args: Any, pure: bool) -> Any:
        assert not pure  # or equal requests would give equal keys
        return fn(*args)


class FatalCommClosedError(OSError):
    """The class of this name in Dask."""


async def forever(*_: Any, **__: Any) -> Any:
    await asyncio.sleep(60)


def raising(error: BaseException) -> Callable[..., Any]:
    async def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


class Clock:
    """A clock that goes on by `step` seconds each time that it is read."""

    def __init__(self) -> None:
        self.now = 0.0
        self.step = 1.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Let waiting take no time, and not depend on the load of the machine."""
    clock = Clock()
    monkeypatch.setattr(dask_client, "monotonic", clock)
    monkeypatch.setattr(dask_client, "CONNECT_SECONDS", 0.1)
    monkeypatch.setattr(dask_client, "BEAT_SECONDS", 0.001)
    return clock


@pytest.fixture(scope="module")
def recipient() -> dict[str, Any]:
    members = JWK.generate(kty="EC", crv="P-256").export(as_dict=True)
    assert isinstance(members, dict)
    return members


@pytest.fixture
def answers(
    monkeypatch: pytest.MonkeyPatch, recipient: dict[str, Any]
) -> Callable[..., list[dict[str, Any]]]:
    """Return a function that serves requests, and returns the answers that say something."""

    def serve_with(
        lines: Sequence[bytes] = LINES,
        *,
        on_key: Callable[[], None] = lambda: None,
        **methods: Callable[..., Any] | int,
    ) -> list[dict[str, Any]]:
        class Command(_Command):
            def say(self, **answer: Any) -> None:
                super().say(**answer)
                if "kid" in answer:
                    on_key()

        client = type("Changed", (Client,), {n: _method(m) for n, m in methods.items()})
        monkeypatch.setitem(sys.modules, "distributed", SimpleNamespace(Client=client))
        output = io.BytesIO()
        to = JWK(**recipient).export_public()
        asyncio.run(serve(Command(output), lines, ADDRESS, to))
        said = [support.parse(line) for line in output.getvalue().decode().splitlines()]
        return [answer for answer in said if answer]

    return serve_with


def _method(value: Callable[..., Any] | int) -> Any:
    return value if isinstance(value, int) else staticmethod(value)


Answers = Callable[..., list[dict[str, Any]]]


@pytest.mark.parametrize("workers", [0, 1, 20_000])
def test_each_request_is_answered_with_a_sealed_key_in_order(
    answers: Answers, recipient: dict[str, Any], workers: int
) -> None:
    connected, *said = answers(workers=workers)
    assert connected == {"connected": True}
    keys = [decrypt_key(answer["jwe"], with_key=recipient) for answer in said]
    assert [key.kid for key in keys] == [answer["kid"] for answer in said]
    assert [(key.kty, key.nbf) for key in keys] == [("oct", 0), ("oct", 1), ("oct", 2)]


@pytest.mark.parametrize(
    ("connected", "said"),
    [
        (forever, {"error": "no Dask scheduler answers at this address"}),
        (
            raising(OSError("Timed out trying to connect")),
            {"error": "no Dask scheduler answers at this address"},
        ),
        (
            raising(ValueError("not a Dask scheduler, which sends what it wants")),
            {"error": "no Dask scheduler answers at this address"},
        ),
        (
            raising(FatalCommClosedError("TLS certificate does not match")),
            {
                "error": "TLS failed: the scheduler does not use TLS, or it or this client has a "
                "certificate of another authority"
            },
        ),
        (
            raising(TypeError("TLS expects a certificate")),
            {
                "refused": "--dask with tls:// needs certificates: ca-file, client.cert and "
                "client.key under distributed.comm.tls in Dask's configuration"
            },
        ),
    ],
)
def test_without_a_scheduler_the_answer_says_so(
    answers: Answers, connected: Any, said: dict[str, Any]
) -> None:
    assert answers(connected=connected) == [said]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("no number: x"), ": no number: x"),
        # OpenSSL's error does not name the file.
        (
            FileNotFoundError(2, "No such file or directory"),
            ", under distributed.comm.tls: [Errno 2] No such file or directory",
        ),
    ],
)
def test_a_wrong_configuration_is_refused(answers: Answers, error: Exception, said: str) -> None:
    def construct(*_: Any, **__: Any) -> None:
        raise error

    assert answers(__init__=construct) == [
        {"refused": f"--dask: Dask's configuration is wrong{said}"}
    ]


@pytest.mark.parametrize("method", [forever, raising(OSError("closed"))])
def test_a_cluster_without_workers_is_an_error(answers: Answers, method: Any) -> None:
    assert answers(wait_for_workers=method) == [{"error": "the Dask cluster has no workers"}]


def test_without_dask_the_answer_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    output = io.BytesIO()
    asyncio.run(serve(_Command(output), [], ADDRESS, "{}"))
    refused = {"refused": '--dask needs Dask: pip install "trustkeys[dask]"'}
    assert refused in [json.loads(line) for line in output.getvalue().splitlines()]


class FutureCancelledError(Exception):
    """Named as Dask's."""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("with a secret"), "after 0 keys: ValueError"),
        (asyncio.CancelledError(), "the connection to the Dask scheduler broke"),
        # Dask's own, which is none of asyncio's.
        (FutureCancelledError(), "the connection to the Dask scheduler broke"),
    ],
)
def test_an_error_of_the_cluster_is_an_answer(
    answers: Answers, error: BaseException, said: str
) -> None:
    assert answers(submit=raising(error))[1:] == [{"error": said}]


@pytest.mark.parametrize(
    ("method", "said"),
    [
        (forever, "the Dask cluster does not answer: its scheduler or a worker has stopped"),
        (
            raising(OSError("closed")),
            "the Dask cluster does not answer: its scheduler or a worker has stopped",
        ),
        (lambda *_, **__: asyncio.sleep(0, {}), "the Dask cluster has no workers left"),
    ],
)
def test_a_cluster_that_stops_is_an_error(answers: Answers, method: Any, said: str) -> None:
    _, first, *_ = answers(run=method, submit=forever)
    assert first == {"error": said}


def test_keys_may_take_long_while_the_workers_answer(answers: Answers, clock: Clock) -> None:
    """An RSA key of 4096 bits can take longer than the deadline on a busy worker."""
    asked = count(1)
    enough = asyncio.Event()

    async def slowly(fn: Callable[..., Any], *args: Any, pure: bool) -> Any:
        await enough.wait()
        return fn(*args)

    async def run(_: Any, on_error: str) -> dict[str, Any]:
        if next(asked) == 20:
            enough.set()
        return {"worker": 0}

    assert [list(answer) for answer in answers(submit=slowly, run=run)[1:]] == [["kid", "jwe"]] * 3
    assert clock.now > 2 * dask_client.SILENCE_SECONDS


def test_keys_may_come_while_a_worker_does_not_answer(
    answers: Answers, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other workers of a cluster can be busy, or far away."""
    monkeypatch.setattr(tasks, "OCT_KEYS", 1)
    clock.step = 0

    async def slowly(fn: Callable[..., Any], *args: Any, pure: bool) -> Any:
        async with one_at_a_time:
            await asyncio.sleep(0.01)
            return fn(*args)

    def pass_time() -> None:
        clock.now += dask_client.SILENCE_SECONDS * 0.4

    one_at_a_time = asyncio.Lock()
    _, *said = answers(LINES * 2, on_key=pass_time, submit=slowly, run=forever)
    assert [list(answer) for answer in said] == [["kid", "jwe"]] * 6
    assert clock.now > 2 * dask_client.SILENCE_SECONDS


class Exited(BaseException):
    """Takes the place of the end of the process."""


@pytest.fixture
def exits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    codes: list[int] = []

    def leave(code: int) -> None:
        codes.append(code)
        raise Exited

    monkeypatch.setattr(os, "_exit", leave)
    return codes


def test_the_process_ends_with_the_command(exits: list[int]) -> None:
    class Broken(io.BytesIO):
        def write(self, _: Any) -> int:
            raise BrokenPipeError

    with pytest.raises(Exited):
        _Command(Broken()).say()
    assert exits == [1]


def test_the_process_reads_from_standard_input_and_ends_without_waiting(
    exits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    start = json.dumps({"address": ADDRESS, "to": "{}"}).encode() + b"\n"
    output = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(start)))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(output))
    before = logging.root.manager.disable
    try:
        with pytest.raises(Exited):
            dask_client.main()
    finally:
        logging.disable(before)
    assert exits == [0]
    assert b"needs Dask" in output.getvalue()
