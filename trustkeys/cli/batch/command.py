"""trustkeys batch."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from trustkeys.batch import MAX_WORKERS, generate_keys, generate_sealed_with_kids
from trustkeys.cli import foreign, options
from trustkeys.cli.batch import resume as resume_state
from trustkeys.cli.batch.journal import journal
from trustkeys.cli.batch.requests import Id, Requests, listed, repeated
from trustkeys.cli.batch.sinks import Directory, JsonLines, Sink
from trustkeys.cli.command import command
from trustkeys.cli.params import INPUT
from trustkeys.cli.progress import progress
from trustkeys.cli.signals import deferred, unbroken
from trustkeys.cli.terminal import escaped, json_text, note, write_result
from trustkeys.cli.times import Time, now_or
from trustkeys.core.registry import is_built_in
from trustkeys.core.request import GenerateKeyRequest
from trustkeys.formats.recipient import public_text
from trustkeys.testkeys.guard import refuse_test_keys
from trustkeys.wording import counted

if TYPE_CHECKING:
    from trustkeys.cli.batch.dask import Cluster

__tracebackhide__ = True

MAX_COUNT = 100_000_000

SYNC_SECONDS = 0.5
"""How long a key waits until it is on disk, in seconds."""

SYNC_KEYS = 1000
"""How many keys wait until they are on disk."""

_EPILOG = f"""\b
Examples:
  trustkeys batch --use sig --kty RSA --count 20 --jsonl keys.jsonl
  trustkeys batch --use sig --kty RSA --count 30 --jsonl keys.jsonl --resume
  trustkeys batch --requests list.jsonl --dir keys --seal-to encryption.pem

On a Dask cluster: the Dask client runs code that the cluster sends, in a
process without keys, but as you. Use --dask where you keep no private keys.

{options.TIMES_HELP}
Exit status: 0 success, 1 a file or the cluster failed, 2 invalid input.
"""


@command(epilog=_EPILOG)
@options.use()
@options.kty()
@options.nbf()
@options.exp()
@options.size()
@click.option(
    "--count", type=click.IntRange(1, MAX_COUNT), metavar="N", help="Generate this many keys."
)
@click.option(
    "--requests",
    "requests_file",
    type=INPUT,
    metavar="FILE",
    help="Generate a key for each line of this file: a Graph request body, which may have an id; "
    "-: standard input.",
)
@click.option(
    "--jsonl", metavar="FILE", help="Write the keys to a new file, a JWK in each line, mode 0600."
)
@click.option(
    "--dir", "directory", metavar="DIR", help="Write each key to a file of its own, DIR/KID.jwk."
)
@click.option(
    "--seal-to",
    type=INPUT,
    metavar="PUB",
    help="Encrypt each key to the public key in this file (JWE).",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, MAX_WORKERS),
    metavar="J",
    help="Generate this many keys at the same time. Default: one for each CPU core.",
)
@click.option(
    "--dask",
    metavar="ADDRESS",
    help="Generate the keys on the Dask cluster with this scheduler, tls://HOST:PORT; needs "
    "--seal-to, with a key whose private part is not on this machine.",
)
@click.option(
    "--dask-insecure",
    is_flag=True,
    help="Allow a --dask address of another machine without TLS. Others on the network can then "
    "run code as you.",
)
@click.option("--resume", is_flag=True, help="Continue a --jsonl file after its last key.")
@options.json_results
def batch(
    use: str | None,
    kty: str | None,
    nbf: Time | None,
    exp: Time | None,
    size: int | None,
    count: int | None,
    requests_file: str | None,
    jsonl: str | None,
    directory: str | None,
    seal_to: str | None,
    jobs: int | None,
    dask: str | None,
    dask_insecure: bool,
    resume: bool,
    as_json: bool,
) -> None:
    """Generate many keys, in a file or a directory.

    A key counts as written when it is on disk. Ctrl-C stops after the current key, and prints
    how many keys were written.
    """
    if (jsonl is None) == (directory is None):
        raise click.UsageError("choose where the keys go: --jsonl FILE or --dir DIR")
    if (count is None) == (requests_file is None):
        raise click.UsageError("choose how many keys: --count N or --requests FILE")
    _check_output(jsonl, directory, resume=resume)
    _check_place(seal_to, jobs, dask, insecure=dask_insecure)
    if requests_file is not None and any(value is not None for value in (use, kty, nbf, exp)):
        raise click.UsageError("--requests replaces --use, --kty, --nbf and --exp: leave them out")
    to = None if seal_to is None else public_text(foreign.recipient(seal_to))
    wanted: AbstractContextManager[Requests]
    if requests_file is None:
        wanted = nullcontext(repeated(count or 0, use, kty, nbf, exp, size))
    else:
        wanted = listed(requests_file, size, has_ids=to is None or directory is None)
    with (
        unbroken(),
        wanted as requests,
        _cluster(dask, to, insecure=dask_insecure) as cluster,
        deferred() as is_stopped,
        _output(jsonl, directory, requests, to, resume=resume) as (sink, now),
    ):
        rest = islice(requests.at(now), sink.count, None)

        def records_of(asked: Iterator[GenerateKeyRequest]) -> Generator[dict[str, Any]]:
            if to is None:
                return _plain(asked, jobs)
            if cluster is None:
                return _sealed(generate_sealed_with_kids(asked, to=to, workers=jobs))
            return _sealed(cluster.sealed(asked, requests.count - sink.count, is_stopped))

        with closing(_with_ids(rest, records_of)) as records:
            _write(records, sink, requests.count, is_stopped)
    if as_json:
        write_result(json_text({"output": sink.name, "count": sink.count}), sink.name)
    else:
        write_result(escaped(f"{sink.name}: {counted(sink.count)}") + "\n", sink.name)


def _check_output(jsonl: str | None, directory: str | None, *, resume: bool) -> None:
    for name, path in (("--jsonl", jsonl), ("--dir", directory)):
        if path in ("", "-"):
            raise click.UsageError(f"{name} must be the name of a file or directory, not {path!r}")
    if resume and jsonl is None:
        raise click.UsageError("--resume needs --jsonl: a directory cannot be continued")


def _check_place(
    seal_to: str | None, jobs: int | None, dask: str | None, *, insecure: bool
) -> None:
    if dask is not None and seal_to is None:
        raise click.UsageError(
            "--dask needs --seal-to: the cluster would see private keys unencrypted"
        )
    if dask is not None and jobs is not None:
        raise click.UsageError("--dask and --jobs exclude each other: --jobs is for this machine")
    if dask is None and insecure:
        raise click.UsageError("--dask-insecure needs --dask")


@contextmanager
def _cluster(dask: str | None, to: str | None, *, insecure: bool) -> Iterator[Cluster | None]:
    if dask is None or to is None:
        yield None
    else:
        from trustkeys.cli.batch.dask import cluster

        with cluster(dask, to, insecure=insecure) as found:
            yield found


@contextmanager
def _output(
    jsonl: str | None, directory: str | None, requests: Requests, to: str | None, *, resume: bool
) -> Iterator[tuple[Sink, int]]:
    """Open the output; return it and the time that relative times count from."""
    if jsonl is None:
        yield Directory(str(directory)), now_or(None)
    else:
        with journal(jsonl, is_new=resume_state.is_new(jsonl, resume=resume)) as lines:
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
