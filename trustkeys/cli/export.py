"""trustkeys export."""

from __future__ import annotations

import click

from trustkeys.cli import options
from trustkeys.cli.command import command
from trustkeys.cli.kids import KID
from trustkeys.cli.params import INPUT, NEW_FILE_OR_STDOUT
from trustkeys.cli.times import Time, validity

__tracebackhide__ = True

_EPILOG = """\b
Examples:
  trustkeys export set.keys --format jwe -o backup.jwe \\
    --output-password-file passphrase
  trustkeys export set.keys --format jwe -o for-alice.jwe --to alice.pem
  trustkeys export set.keys --kid v3sA5PXC --format pkcs12 -o key.pfx \\
    --subject CN=login --nbf now --exp +2y
  trustkeys export set.keys --kid v3sA5PXC --format certificate -o saml.pem
  trustkeys export set.keys --format jwks -o public.json --public

\b
  pem, der      an RSA key: encrypted PKCS#8; or --plain, or --public
  pkcs12        an RSA key with its certificates: AES-256, SHA-256
  pkcs12-b2c    the same with PBE-SHA1-3DES, which uploadPkcs12 is known to
                have accepted
  jwk           one key as JSON: --plain, or --public
  jwks          the whole set as JSON: --plain, or --public
  jwe           one key (with --kid) or the whole set, encrypted to a
                passphrase or, with --to, sealed to a public key; for backups
  certificate   the key's certificates as PEM, or a new one with --subject
  csr           a certificate signing request, with --subject

Without --output-password-file a passphrase of 128 random bits is written to OUT.password. The
forms pem, der and pkcs12 protect a passphrase of your own only weakly.
"""

_FORMS = ("pem", "der", "pkcs12", "pkcs12-b2c", "certificate", "csr", "jwk", "jwks", "jwe")


def _point_to_new_name(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> None:
    if value is not None:
        raise click.UsageError(
            "--input-password-file is now --password-file, and what was --password-file is now "
            "--output-password-file"
        )


@command(epilog=f"{_EPILOG}\n{options.TIMES_HELP}")
@click.argument("file", type=INPUT)
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMS),
    required=True,
    metavar="FORM",
    help="One of the forms below.",
)
@click.option(
    "-o",
    "--output",
    type=NEW_FILE_OR_STDOUT,
    metavar="OUT",
    required=True,
    help="A new file, or - for standard output.",
)
@click.option(
    "--kid", type=KID, metavar="KID", help="The key's kid, or its first 6 characters or more."
)
@click.option("--public", is_flag=True, help="Write the public key only.")
@click.option("--plain", is_flag=True, help="Write the private key unencrypted.")
@options.password_file("Read the passphrase of FILE from this file or pipe. Default: ask.")
@options.password_file(
    "Encrypt OUT to the passphrase in this file or pipe.", "--output-password-file"
)
@click.option("--to", type=INPUT, metavar="PUB", help="Seal OUT to this public key or certificate.")
@click.option("--subject", metavar="NAMES", help="Make a certificate for CN=login,O=Example.")
@options.nbf("The first second of the certificate, for a key without nbf.")
@options.exp("The last second of the certificate, for a key without exp.")
@click.option("--input-password-file", hidden=True, expose_value=False, callback=_point_to_new_name)
@options.json_results
def export(
    file: str,
    form: str,
    output: str,
    kid: str | None,
    public: bool,
    plain: bool,
    password_file: str | None,
    output_password_file: str | None,
    to: str | None,
    subject: str | None,
    nbf: Time | None,
    exp: Time | None,
    as_json: bool,
) -> None:
    """Write keys of FILE in another form.

    FILE is a key set, or a key that "trustkeys generate" wrote. It is not changed. - is standard
    input.
    """
    from trustkeys.cli.exporting import Wanted, export_keys

    start, end = validity(nbf, exp)
    wanted = Wanted(form, output, public, plain, output_password_file, to, subject, start, end)
    export_keys(file, wanted, kid=kid, password_file=password_file, as_json=as_json)
