"""Make many keys, and write them to a file or a directory."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from itertools import islice
from typing import TYPE_CHECKING, Any

from attrs import frozen

from trustkeys import system
from trustkeys.batch import generate_keys, generate_sealed_with_kids
from trustkeys.cli import foreign
from trustkeys.cli.batch import resume as resume_state
from trustkeys.cli.batch.journal import journal
from trustkeys.cli.batch.requests import Id, Requests, listed, repeated
from trustkeys.cli.batch.sinks import Directory, JsonLines, Sink
from trustkeys.cli.progress import progress
from trustkeys.cli.signals import deferred
from trustkeys.cli.terminal import note
from trustkeys.cli.times import Time, now_or
from trustkeys.core.registry import is_built_in
from trustkeys.core.request import GenerateKeyRequest
from trustkeys.formats.recipient import public_text
from trustkeys.system import reader_is_noticed
from trustkeys.testkeys.guard import refuse_test_keys

if TYPE_CHECKING:
    from trustkeys.cli.batch.dask import Cluster

__tracebackhide__ = True

SYNC_SECONDS = 0.5
"""How long a key waits until it is on disk, in seconds."""

SYNC_KEYS = 1000
"""How many keys wait until they are on disk."""


@frozen
class Wanted:
    """The options that say where keys are made and written: see `trustkeys batch --help`."""

    jsonl: str | None
    directory: str | None
    seal_to: str | None
    jobs: int | None
    dask: str | None
    dask_insecure: bool
    resume: bool


def write_keys(
    wanted: Wanted,
    requests_file: str | None,
    count: int | None,
    use: str | None,
    kty: str | None,
    nbf: Time | None,
    exp: Time | None,
    size: int | None,
) -> Sink:
    """Make the keys, write them, and return what they were written to."""
    to = None if wanted.seal_to is None else public_text(foreign.recipient(wanted.seal_to))
    asked: AbstractContextManager[Requests]
    if requests_file is None:
        asked = nullcontext(repeated(count or 0, use, kty, nbf, exp, size))
    else:
        asked = listed(requests_file, size, has_ids=to is None or wanted.directory is None)
    with (
        reader_is_noticed(),
        asked as requests,
        _cluster(wanted, to) as cluster,
        deferred() as is_stopped,
        _output(wanted, requests, to) as (sink, now),
    ):
        rest = islice(requests.at(now), sink.count, None)

        def records_of(asked: Iterator[GenerateKeyRequest]) -> Generator[dict[str, Any]]:
            if to is None:
                return _plain(asked, wanted.jobs)
            if cluster is None:
                return _sealed(generate_sealed_with_kids(asked, to=to, workers=wanted.jobs))
            return _sealed(cluster.sealed(asked, requests.count - sink.count, is_stopped))

        with closing(_with_ids(rest, records_of)) as records:
            _write(records, sink, requests.count, is_stopped)
    return sink


@contextmanager
def _cluster(wanted: Wanted, to: str | None) -> Iterator[Cluster | None]:
    if wanted.dask is None or to is None:
        yield None
    else:
        from trustkeys.cli.batch.dask import cluster

        with cluster(wanted.dask, to, insecure=wanted.dask_insecure) as found:
            yield found


@contextmanager
def _output(wanted: Wanted, requests: Requests, to: str | None) -> Iterator[tuple[Sink, int]]:
    """Open the output; return it and the time that relative times count from."""
    jsonl = wanted.jsonl
    if jsonl is None:
        sink = Directory(str(wanted.directory))
        # While it is open, no new directory gets its inode number.
        with system.synced(sink.name):
            yield sink, now_or(None)
    else:
        with journal(jsonl, is_new=resume_state.is_new(jsonl, resume=wanted.resume)) as lines:
            now = resume_state.begin(jsonl, lines, requests, to)
            yield JsonLines(jsonl, lines), now


def _with_ids(
    requests: Iterable[tuple[Id, GenerateKeyRequest]],
    records_of: Callable[[Iterator[GenerateKeyRequest]], Generator[dict[str, Any]]],
) -> Generator[dict[str, Any]]:
    """Generate the keys, and yield what is written of each."""
    ids: deque[Id] = deque()

    def without_ids() -> Iterator[GenerateKeyRequest]:
        for name, request in requests:
            ids.append(name)
            yield request

    with closing(records_of(without_ids())) as records:
        for record in records:
            name = ids.popleft()
            yield record if name is None else {"id": name, **record}


def _plain(requests: Iterator[GenerateKeyRequest], jobs: int | None) -> Generator[dict[str, Any]]:
    with closing(generate_keys(requests, workers=jobs)) as keys:
        for key in keys:
            if not is_built_in(key.kty):  # the check takes as long as making the key
                refuse_test_keys([key])
            yield key.to_jwk(private=True)


def _sealed(pairs: Generator[tuple[str, str]]) -> Generator[dict[str, Any]]:
    with closing(pairs):
        for kid, jwe in pairs:
            yield {"kid": kid, "jwe": jwe}


def _write(
    records: Iterable[dict[str, Any]], sink: Sink, total: int, is_stopped: Callable[[], bool]
) -> None:
    """Write the records until there are no more, or a signal came."""
    waiting, since = 0, time.monotonic()
    try:
        with progress(total, sink.count) as show:
            try:
                for record in records:
                    sink.add(record)
                    waiting += 1
                    if waiting == SYNC_KEYS or time.monotonic() > since + SYNC_SECONDS:
                        sink.sync()
                        show(sink.count)
                        waiting, since = 0, time.monotonic()
                    if is_stopped():
                        break
            finally:
                sink.sync()
                show(sink.count)
    finally:
        if sink.count < total and _is_in_place(sink):
            note(f"stopped: {sink.summary()}", output=sink.name, count=sink.count)


def _is_in_place(sink: Sink) -> bool:
    """Whether the keys are where they were written; if not, the error says so."""
    with suppress(FileNotFoundError):
        sink.check_in_place()
        return True
    return False
