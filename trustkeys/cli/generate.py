"""trustkeys generate."""

from __future__ import annotations

import click
from attrs import evolve

from trustkeys.cli import values
from trustkeys.cli.signals import uninterrupted
from trustkeys.core.engine import generate as generate_one
from trustkeys.core.registry import known_types
from trustkeys.core.request import GenerateKeyRequest

_EPILOG = """\b
Examples:
  trustkeys generate --use sig --kty RSA -o signing.jwk
  trustkeys generate --use enc --kty RSA --nbf now --exp +2y -o encryption.jwk
  trustkeys generate --use sig --kty oct --size 512 -o secret.jwe --password-file pw
  trustkeys generate --request body.json -o - | jq -r .kid
  trustkeys generate --use sig --kty RSA --discard
  trustkeys generate --use sig --kty RSA --count 20 --jsonl keys.jsonl
  trustkeys generate --requests requests.jsonl --dir keys --seal-to encryption.jwk

\b
T is one of
  1798761600             whole seconds since 1970 (NumericDate)
  2027-01-01             a date or time of ISO 8601, UTC where no zone is given
  2027-01-01T09:00+01:00
  now
  +90d                   from now, --exp from --nbf where that is given;
                         s, min, h, d, w, y (365 days)

Exit status: 0 done, 1 trouble with a file, 2 bad input.
"""


def _complete_kty(*_: object) -> list[str]:
    return known_types()


def _complete_use(*_: object) -> list[str]:
    return ["sig", "enc"]


@click.command(epilog=_EPILOG)
@click.option("--use", metavar="USE", help="sig or enc.", shell_complete=_complete_use)
@click.option("--kty", metavar="KTY", help="RSA or oct.", shell_complete=_complete_kty)
@click.option("--nbf", metavar="T", help="Not before this time. Default: no date.")
@click.option("--exp", metavar="T", help="Expires at this time. Default: no date.")
@click.option(
    "--size", type=int, metavar="BITS", help="RSA 2048 (default), 3072, 4096; oct 256 to 4096."
)
@click.option(
    "--request",
    metavar="FILE",
    help="Take use, kty, nbf and exp from a Graph request body; -: standard input.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Write the private key (JWK) to a new file, mode 0600, never over an existing one; "
    "-: to standard output, in place of the answer.",
)
@click.option(
    "--password-file",
    metavar="FILE",
    help="Encrypt the private key with the passphrase in this file, or pipe (JWE).",
)
@click.option("--discard", is_flag=True, help="Throw the private key away, as Graph does.")
@click.option("--count", type=int, metavar="N", help="Make so many keys.")
@click.option(
    "--requests", metavar="FILE", help="Make a key for each line, a Graph body and maybe an id."
)
@click.option(
    "--jsonl", metavar="FILE", help="Write many keys to a new file, a JWK a line, mode 0600."
)
@click.option(
    "--dir",
    "directory",
    metavar="DIR",
    help="Write many keys to files of their own, named KID.jwk.",
)
@click.option("--seal-to", metavar="PUB", help="Seal each of many keys to this public key.")
@click.option("--jobs", type=int, metavar="J", help="So many at a time. Default: all cores.")
@click.option("--dask", metavar="ADDRESS", help="Make them on this Dask cluster, sealed.")
@click.option("--resume", is_flag=True, help="Go on with a file of --jsonl that was begun.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print errors as JSON, as Graph does; of many keys the result, too.",
)
def generate(
    use: str | None,
    kty: str | None,
    nbf: str | None,
    exp: str | None,
    size: int | None,
    request: str | None,
    output: str | None,
    password_file: str | None,
    discard: bool,
    count: int | None,
    requests: str | None,
    jsonl: str | None,
    directory: str | None,
    seal_to: str | None,
    jobs: int | None,
    dask: str | None,
    resume: bool,
    as_json: bool,
) -> None:
    """Generate a key, as Microsoft Graph's generateKey does, but keep the private part.

    Prints the answer that Graph would give, and no secret. Say where the private key goes:
    -o FILE, -o -, or --discard. Many keys go to --jsonl FILE or --dir DIR.
    """
    many = (count, requests, jsonl, directory, seal_to, jobs, dask)
    if resume or any(option is not None for option in many):
        if discard or any(option is not None for option in (output, password_file, request)):
            raise click.UsageError(
                "-o, --discard, --password-file and --request are for a single key"
            )
        from trustkeys.cli.batch.command import Many, make

        options = {"use": use, "kty": kty, "nbf": nbf, "exp": exp, "size": size}
        make(Many(*many, resume), options, as_json=as_json)
    else:
        _one((use, kty, nbf, exp), size, request, output, password_file, discard=discard)


def _one(
    options: tuple[str | None, str | None, str | None, str | None],
    size: int | None,
    request: str | None,
    output: str | None,
    password_file: str | None,
    *,
    discard: bool,
) -> None:
    if discard == (output is not None):
        raise click.UsageError("say one place for the private key: -o FILE, -o -, or --discard")
    if discard and password_file is not None:
        raise click.UsageError("--discard leaves nothing for --password-file to encrypt")
    if request == password_file == "-":
        raise click.UsageError("--request and --password-file cannot both be standard input")
    if request is None:
        wanted = values.request(*options, size)
    elif any(option is not None for option in options):
        raise click.UsageError("--request takes the place of --use, --kty, --nbf and --exp")
    else:
        body = GenerateKeyRequest.from_graph(values.read_input(request))
        wanted = body if size is None else evolve(body, size=size)
    password = None if password_file is None else values.read_password(password_file)
    key = generate_one(wanted)
    answer = values.json_text(key.to_graph())
    if output == "-":
        values.write_out(values.private_text(key, password))
    elif output is None:
        values.write_out(answer)
    else:
        from trustkeys.files import write_new

        private = values.private_text(key, password).encode()
        with uninterrupted():
            write_new(output, private)
        values.write_out(answer)
