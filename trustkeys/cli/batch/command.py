"""trustkeys batch."""

from __future__ import annotations

import click

from trustkeys.cli import options
from trustkeys.cli.command import command
from trustkeys.cli.params import INPUT
from trustkeys.cli.terminal import escaped, json_bytes, write_result
from trustkeys.cli.times import Time
from trustkeys.wording import counted

__tracebackhide__ = True

MAX_COUNT = 100_000_000

MAX_JOBS = 10_000
"""That of `trustkeys.batch`, which the help does without."""

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
    type=click.IntRange(1, MAX_JOBS),
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
    from trustkeys.cli.batch.many import Wanted, write_keys

    wanted = Wanted(jsonl, directory, seal_to, jobs, dask, dask_insecure, resume)
    sink = write_keys(wanted, requests_file, count, use, kty, nbf, exp, size)
    if as_json:
        write_result(json_bytes({"output": sink.name, "count": sink.count}), sink.name)
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
