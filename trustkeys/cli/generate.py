"""trustkeys generate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from trustkeys.cli import options
from trustkeys.cli.command import command
from trustkeys.cli.params import INPUT, NEW_FILE_OR_STDOUT
from trustkeys.cli.terminal import json_bytes, read_input, write_out, write_result
from trustkeys.cli.times import Time, validity, warn_of_dates
from trustkeys.signals import held

# Imported lazily, to keep the help fast.
if TYPE_CHECKING:
    from trustkeys.core.key import TrustFrameworkKey
    from trustkeys.core.request import GenerateKeyRequest

__tracebackhide__ = True

_EPILOG = f"""\b
Examples:
  trustkeys generate --use sig --kty RSA -o signing.jwk
  trustkeys generate --use enc --kty RSA --nbf now --exp +2y -o encryption.jwk
  trustkeys generate --use sig --kty oct -o secret.jwe --password-file pw
  trustkeys generate --request body.json -o - | jq -r .kid
  trustkeys generate --use sig --kty RSA --discard

{options.TIMES_HELP}
Exit status: 0 success, 1 a file cannot be read or written, 2 invalid input.
"""


def request_from_options(
    use: str | None,
    kty: str | None,
    nbf: Time | None,
    exp: Time | None,
    size: int | None,
    *,
    now: int | None = None,
) -> GenerateKeyRequest:
    """Return the request that the options describe; relative times count from `now`."""
    from trustkeys.core.request import GenerateKeyRequest

    start, end = validity(nbf, exp, now)
    body = {"use": use, "kty": kty, "nbf": start, "exp": end}
    given = {name: value for name, value in body.items() if value is not None}
    return GenerateKeyRequest.from_graph(given, size=size)


def _private(key: TrustFrameworkKey, password: str | None) -> bytes:
    from trustkeys.core.registry import is_built_in

    if password is None:
        if not is_built_in(key.kty):
            from trustkeys.testkeys.guard import refuse_test_keys

            refuse_test_keys([key])
        return json_bytes(key.to_jwk(private=True))
    from trustkeys.formats.jwe import encrypt_key

    return encrypt_key(key, password=password).encode() + b"\n"


def _point_to_batch(_context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        raise click.UsageError(
            f"generate makes one key: for {', '.join(parameter.opts)} use trustkeys batch"
        )


@command(epilog=_EPILOG)
@options.use()
@options.kty()
@options.nbf()
@options.exp()
@options.size()
@click.option(
    "--request",
    "request_file",
    type=INPUT,
    metavar="FILE",
    help="Read use, kty, nbf and exp from a Graph request body; -: from standard input.",
)
@click.option(
    "-o",
    "--output",
    type=NEW_FILE_OR_STDOUT,
    metavar="FILE",
    help="Write the private key (JWK) to a new file, mode 0600. An existing file is never "
    "overwritten. -: write it to standard output, instead of the answer.",
)
@options.password_file("Encrypt the private key with the passphrase in this file or pipe (JWE).")
@click.option("--discard", is_flag=True, help="Discard the private key, as Graph does.")
@click.option(
    *("--count", "--requests", "--jsonl", "--dir", "--seal-to", "--jobs", "--dask"),
    "_batch",
    hidden=True,
    expose_value=False,
    callback=_point_to_batch,
)
@options.cloud
@options.json_errors
def generate(
    use: str | None,
    kty: str | None,
    nbf: Time | None,
    exp: Time | None,
    size: int | None,
    request_file: str | None,
    output: str | None,
    password_file: str | None,
    discard: bool,
    base_url: str,
) -> None:
    """Generate a key as Graph does, and keep its private part.

    Prints the answer that Graph would give, which holds no secret. Choose where the private key
    goes: -o FILE, -o -, or --discard. For many keys see trustkeys batch.
    """
    from trustkeys.core import engine
    from trustkeys.core.request import GenerateKeyRequest
    from trustkeys.core.utf8 import as_utf8

    if discard == (output is not None):
        raise click.UsageError("choose where the private key goes: -o FILE, -o -, or --discard")
    if discard and password_file is not None:
        raise click.UsageError("--discard and --password-file exclude each other")
    if request_file is None:
        request = request_from_options(use, kty, nbf, exp, size)
    elif any(option is not None for option in (use, kty, nbf, exp)):
        raise click.UsageError("--request replaces --use, --kty, --nbf and --exp: leave them out")
    else:
        request = GenerateKeyRequest.from_graph(as_utf8(read_input(request_file)), size=size)
    password = None
    if password_file is not None:
        from trustkeys.cli.passphrases import read_password

        password = read_password(password_file)
    key = engine.generate(request)
    warn_of_dates(key.nbf, key.exp, request_file)
    answer = json_bytes(key.to_graph(base_url=base_url))
    if output == "-":
        write_out(_private(key, password))
    elif output is None:
        write_out(answer)
    else:
        from trustkeys.files import write_new

        private = _private(key, password)
        with held():
            write_new(output, private)
        write_result(answer, output)
