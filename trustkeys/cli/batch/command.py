"""trustkeys generate --count and --requests: many keys into one file, or into a directory."""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from itertools import islice, repeat
from typing import IO, Any, Protocol

import click
from attrs import evolve, frozen

from trustkeys import files
from trustkeys.batch import checked_workers, generate_keys, generate_sealed_with_kids
from trustkeys.cli import inputs, signals, values
from trustkeys.cli.batch.journal import Journal, journal
from trustkeys.cli.progress import Progress
from trustkeys.core.request import GenerateKeyRequest
from trustkeys.core.strict_json import MAX_JSON_BYTES, parse_object
from trustkeys.errors import InvalidInputError, TrustKeysError, prefix_errors
from trustkeys.formats.sealed import public_text
from trustkeys.testkeys.guard import refuse_test_keys
from trustkeys.wording import quantity, quoted, shape

Numbered = tuple[Any, GenerateKeyRequest]
"""A request, and the id that came with it, or None."""

MAX_COUNT = 100_000_000

SYNC_SECONDS = 0.5
"""How long a key waits, in seconds, before it is on disk and counts as made."""

SYNC_LINES = 1000
"""And how many wait at most."""

CONNECT_SECONDS = 10
"""How long a scheduler of Dask has time to answer."""


@frozen
class Many:
    """What is asked for, apart from the options of a single request."""

    count: int | None
    requests: str | None
    jsonl: str | None
    directory: str | None
    seal_to: str | None
    jobs: int | None
    dask: str | None
    resume: bool

    def __attrs_post_init__(self) -> None:
        """Refuse options that do not go together, before anything is opened."""
        if (self.jsonl is None) == (self.directory is None):
            raise click.UsageError("say one place for the keys: --jsonl FILE or --dir DIR")
        if not {"", "-"}.isdisjoint((self.jsonl, self.directory)):
            raise click.UsageError("many keys are kept in files: --jsonl FILE or --dir DIR")
        if (self.count is None) == (self.requests is None):
            raise click.UsageError("say how many keys: --count N, or --requests FILE")
        if self.resume and self.jsonl is None:
            raise click.UsageError("--resume goes with --jsonl")
        if self.dask is not None and self.seal_to is None:
            raise click.UsageError(
                "--dask needs --seal-to: private keys would lie in the open on the cluster"
            )
        if self.dask is not None and self.jobs is not None:
            raise click.UsageError("--jobs is for this machine, and --dask is for others")
        if self.count is not None and not 1 <= self.count <= MAX_COUNT:
            raise InvalidInputError(
                f"--count must be 1 to {MAX_COUNT} keys, not {quantity(self.count)}", target="count"
            )
        with prefix_errors("--jobs"):
            checked_workers(self.jobs)


@frozen
class _Asked:
    """How many keys, of what kind.

    Attributes:
        count: How many.
        words: What says whether another run asks for the same: JSON.
        requests: Gives them, when it is told what counts as now.
    """

    count: int
    words: dict[str, Any]
    requests: Callable[[int], Iterator[Numbered]]


def make(wanted: Many, options: dict[str, Any], *, as_json: bool) -> None:
    """Make the keys, and say how many there are.

    Args:
        wanted: What is asked for.
        options: What `values.request` takes, as it was typed.
        as_json: Whether to say it as JSON.
    """
    if wanted.requests is not None and any(
        options[name] is not None for name in ("use", "kty", "nbf", "exp")
    ):
        raise click.UsageError("--requests takes the place of --use, --kty, --nbf and --exp")
    if wanted.requests == wanted.seal_to == "-":
        raise click.UsageError("standard input can be one of the files")
    to = None if wanted.seal_to is None else public_text(inputs.recipient(wanted.seal_to))
    with signals.unbroken(), ExitStack() as opened:
        if wanted.requests is None:
            asked = _same(wanted.count or 0, options)
        else:
            # What is made is what was checked, whatever becomes of the file meanwhile.
            copy = opened.enter_context(tempfile.TemporaryFile())
            has_ids = to is None or wanted.directory is None
            asked = _listed(wanted.requests, copy, options["size"], has_ids=has_ids)
        where = opened.enter_context(_executor(wanted))
        is_stopped = opened.enter_context(signals.deferred())
        if wanted.jsonl is None:
            sink: _Sink = _Folder(str(wanted.directory))
            _fill(sink, asked, values.now(None), to, where, is_stopped)
        else:
            with journal(wanted.jsonl, is_new=_is_new(wanted)) as lines:
                now = _continued(wanted.jsonl, lines, asked, to)
                sink = _Lines(wanted.jsonl, lines)
                _fill(sink, asked, now, to, where, is_stopped)
    if as_json:
        values.write_json({"output": sink.name, "count": sink.count})
    else:
        values.write_out(values.escaped(f"{sink.name}: {sink.count} keys") + "\n")


# --- what is asked for


def _same(count: int, options: dict[str, Any]) -> _Asked:
    """Have the same request many times."""
    request = values.request(**options)  # before anything is opened
    kind = {"use": request.use, "kty": request.kty, "size": request.size}
    words = {**kind, "nbf": options["nbf"], "exp": options["exp"]}
    return _Asked(
        count, words, lambda now: repeat((None, values.request(**options, at=now)), count)
    )


def _listed(path: str, copy: IO[bytes], size: int | None, *, has_ids: bool) -> _Asked:
    """Read all requests of a file, or of standard input, before any key is made."""
    read = partial(_numbered, size=size, has_ids=has_ids)
    digest = hashlib.sha256()
    count = 0
    for number, line in enumerate(_lines_of(path), 1):
        if line.strip():
            with prefix_errors(f"{path}: line {number}"):
                read(line)
            line = line.rstrip(b"\r\n") + b"\n"  # noqa: PLW2901
            digest.update(line)
            copy.write(line)
            count += 1

    def again(_now: int) -> Iterator[Numbered]:
        copy.seek(0)
        return map(read, copy)

    return _Asked(count, {"requests": digest.hexdigest(), "size": size}, again)


def _lines_of(path: str) -> Iterator[bytes]:
    if path == "-" and sys.stdin is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), "standard input")
    with files.named(path), click.open_file(path, "rb") as file:
        while line := file.readline(MAX_JSON_BYTES + 1):
            yield line


def _numbered(line: bytes, *, size: int | None, has_ids: bool) -> Numbered:
    body = parse_object(line, what="the body")
    name = body.pop("id", None)
    if isinstance(name, bool) or not isinstance(name, str | int | None):
        raise InvalidInputError(
            f"id must be text or a whole number, not {shape(name)}", target="id"
        )
    if name is not None and not has_ids:
        raise InvalidInputError(
            "an id has no place in a file that is sealed: use --jsonl", target="id"
        )
    request = GenerateKeyRequest.from_graph(body)
    return name, request if size is None else evolve(request, size=size)


# --- where they go


class _Sink(Protocol):
    """Where keys go; `count` says how many are there, on disk."""

    name: str

    @property
    def count(self) -> int: ...

    def add(self, record: dict[str, Any]) -> None: ...

    def sync(self) -> None: ...

    def so_far(self) -> str: ...


class _Lines:
    """A file with a key a line."""

    def __init__(self, name: str, lines: Journal) -> None:
        self.name = name
        self._lines = lines
        self.sync = lines.sync

    @property
    def count(self) -> int:
        return self._lines.count

    def add(self, record: dict[str, Any]) -> None:
        self._lines.add(json.dumps(record).encode())

    def so_far(self) -> str:
        return f"{self.name} has {self.count} keys: --resume goes on"


class _Folder:
    """A directory with a file a key."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.count = 0
        with files.named(name):
            if not os.path.lexists(name):
                with files.synced(os.path.dirname(os.path.abspath(name))):
                    os.mkdir(name, 0o700)
            files.check_own_directory(name)

    def add(self, record: dict[str, Any]) -> None:
        ending, text = "jwk", values.json_text(record)
        if "jwe" in record:
            ending, text = "jwe", f"{record['jwe']}\n"
        path = os.path.join(self.name, f"{record['kid']}.{ending}")
        files.write_new(path, text.encode())
        self.count += 1

    def sync(self) -> None:
        """Do nothing: each file is on disk when it is written."""

    def so_far(self) -> str:
        return f"{self.name} has {self.count} new keys"


def _is_new(wanted: Many) -> bool:
    path = str(wanted.jsonl)
    if wanted.resume and os.path.lexists(path):
        return False
    for name in (path, f"{path}.run"):
        if os.path.lexists(name):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)
    return True


def _continued(path: str, lines: Journal, asked: _Asked, to: str | None) -> int:
    """Go to the end of a file that is there; give what counted as now when it was begun.

    Beside it lies a file that says what it was begun for, so that no other run goes on with it.
    """
    state = f"{path}.run"
    member = "kty" if to is None else "jwe"

    def check(line: bytes) -> None:
        with prefix_errors(f"line {lines.count + 1}"):
            record = parse_object(line, what="the record", max_bytes=len(line))
            if not all(isinstance(record.get(name), str) for name in ("kid", member)):
                raise InvalidInputError(f"it must have the members kid and {member}")

    words = {
        **asked.words,
        "sealTo": None if to is None else hashlib.sha256(to.encode()).hexdigest(),
    }
    run: dict[str, Any] = {"now": values.now(None), "asked": words}
    is_begun = os.path.lexists(state)
    if is_begun:
        text, mode = files.read(state, limit=MAX_JSON_BYTES)
        if mode & 0o022 and hasattr(os, "geteuid"):
            raise PermissionError(errno.EACCES, "others can change it", state)
        run = parse_object(text, what=state)
    elif not lines.is_empty:
        # Then it is none that was begun here, and may be anything.
        message = f"it says what {path} was begun for, and is not there: begin another file"
        raise FileNotFoundError(errno.ENOENT, message, state)
    before = run.get("asked")
    if not isinstance(before, dict) or type(run.get("now")) is not int or run["now"] < 0:
        raise InvalidInputError(f"{state} was changed: begin another file")
    if others := sorted(name for name in {*before, *words} if before.get(name) != words.get(name)):
        raise InvalidInputError(
            f"{path} was begun with another {', '.join(map(quoted, others))}: go on with the same, "
            "or begin another file"
        )
    with prefix_errors(path):
        lines.read(check)
    if not is_begun:
        files.write_new(state, values.json_text(run).encode())
    return int(run["now"])


# --- making them


def _fill(
    sink: _Sink,
    asked: _Asked,
    now: int,
    to: str | None,
    where: tuple[Executor | None, int | None],
    is_stopped: Callable[[], bool],
) -> None:
    rest = islice(asked.requests(now), sink.count, None)
    try:
        with (
            closing(_records(rest, to, *where)) as records,
            Progress(asked.count, sink.count) as progress,
        ):
            _keep(sink, records, progress, is_stopped)
    except TrustKeysError as error:
        error.args = (f"{error.message}; {sink.so_far()}",)
        raise
    except OSError as error:
        error.strerror = f"{error.strerror}; {sink.so_far()}"
        raise
    if is_stopped():
        values.say(f"stopped: {sink.so_far()}")


def _keep(
    sink: _Sink,
    records: Iterable[dict[str, Any]],
    progress: Progress,
    is_stopped: Callable[[], bool],
) -> None:
    waiting, since = 0, time.monotonic()
    try:
        for record in records:
            sink.add(record)
            waiting += 1
            if waiting == SYNC_LINES or time.monotonic() > since + SYNC_SECONDS:
                sink.sync()
                progress.update(sink.count)
                waiting, since = 0, time.monotonic()
            if is_stopped():
                break
    finally:
        sink.sync()
        progress.update(sink.count)


def _records(
    requests: Iterable[Numbered], to: str | None, executor: Executor | None, workers: int | None
) -> Generator[dict[str, Any]]:
    """Make the keys, and give what is to be kept of each."""
    names: deque[Any] = deque()

    def unnamed() -> Iterator[GenerateKeyRequest]:
        for name, request in requests:
            names.append(name)
            yield request

    if to is None:
        with closing(generate_keys(unnamed(), workers=workers)) as keys:
            for key in keys:
                refuse_test_keys([key])
                yield _named(names.popleft(), key.to_jwk(private=True))
    else:
        with closing(generate_sealed_with_kids(unnamed(), to, executor, workers)) as pairs:
            for kid, jwe in pairs:
                yield _named(names.popleft(), {"kid": kid, "jwe": jwe})


def _named(name: Any, record: dict[str, Any]) -> dict[str, Any]:
    return record if name is None else {"id": name, **record}


class _Cluster(Executor):
    """A cluster of Dask. Its own executor can wait for ever when the scheduler goes away."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        from asyncio import run_coroutine_threadsafe

        made = self._client.submit(fn, *args, **kwargs, pure=False)

        async def result() -> Any:
            return await made

        return run_coroutine_threadsafe(result(), self._client.loop.asyncio_loop)


@contextmanager
def _executor(wanted: Many) -> Iterator[tuple[Executor | None, int | None]]:
    """Give where the keys are made, and how many at a time."""
    if wanted.dask is None:
        yield None, wanted.jobs
        return
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        raise click.UsageError("--dask needs Dask: pip install 'trustkeys[dask]'") from error
    with ExitStack() as opened:
        opened.callback(logging.disable, logging.root.manager.disable)
        logging.disable()  # an error is one line, and Dask would write pages
        try:
            client = opened.enter_context(Client(wanted.dask, timeout=CONNECT_SECONDS))
            cores = sum(client.ncores().values())
        except OSError as error:
            message = "no scheduler of Dask answers there"
            raise TimeoutError(errno.ETIMEDOUT, message, wanted.dask) from error
        except (ImportError, TypeError, ValueError) as error:
            raise InvalidInputError(
                "--dask must be the address of a scheduler, such as tcp://HOST:8786", target="dask"
            ) from error
        yield _Cluster(client), max(1, cores)
