"""trustkeys generate."""

from __future__ import annotations

import click
from attrs import evolve

from trustkeys.cli import values
from trustkeys.cli.signals import uninterrupted
from trustkeys.engine import generate as generate_one
from trustkeys.keytypes.registry import known_types
from trustkeys.request import GenerateKeyRequest

_EPILOG = """\b
Examples:
  trustkeys generate --use sig --kty RSA -o signing.jwk
  trustkeys generate --use enc --kty RSA --nbf now --exp +2y -o encryption.jwk
  trustkeys generate --use sig --kty oct --size 512 -o secret.jwe --password-file pw
  trustkeys generate --request body.json -o - | jq -r .kid
  trustkeys generate --use sig --kty RSA --discard

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
@click.option(
    "--json", is_flag=True, expose_value=False, help="Print errors as JSON, as Graph does."
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
) -> None:
    """Generate a key, as Microsoft Graph's generateKey does, but keep the private part.

    Prints the answer that Graph would give, and no secret. Say where the private key goes:
    -o FILE, -o -, or --discard.
    """
    if discard == (output is not None):
        raise click.UsageError("say one place for the private key: -o FILE, -o -, or --discard")
    if discard and password_file is not None:
        raise click.UsageError("--discard leaves nothing for --password-file to encrypt")
    if request == password_file == "-":
        raise click.UsageError("--request and --password-file cannot both be standard input")
    if request is None:
        wanted = values.request(use, kty, nbf, exp, size)
    elif any(option is not None for option in (use, kty, nbf, exp)):
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
