"""trustkeys import."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from trustkeys.cli import options
from trustkeys.cli.command import command
from trustkeys.cli.params import INPUT, NEW_FILE
from trustkeys.cli.signals import immediate
from trustkeys.cli.terminal import json_bytes, warn, write_result
from trustkeys.cli.times import Time, validity, warn_of_dates
from trustkeys.errors import prefix_errors
from trustkeys.signals import held

# Imported lazily, to keep the help fast.
if TYPE_CHECKING:
    from trustkeys.core.key import TrustFrameworkKey

__tracebackhide__ = True

_EPILOG = """\b
Examples:
  trustkeys import partner.pfx --use sig -o partner.jwk
  trustkeys import backup.jwe -o set.keys --output-password-file passphrase
  trustkeys import saml.pem -o saml.jwk
  trustkeys import for-alice.jwe --key alice.jwk -o set.keys \\
    --output-password-file passphrase

FILE is a JWK, a JWK Set, an answer of Graph, a JWE, PEM, DER or PKCS#12, recognised by its
content. One key becomes a JWK as "trustkeys generate" writes it, a set becomes a key set's file.
"""


@command("import", epilog=f"{_EPILOG}\n{options.TIMES_HELP}")
@click.argument("file", type=INPUT)
@click.option(
    "-o", "--output", type=NEW_FILE, metavar="OUT", required=True, help="A new file, mode 0600."
)
@options.use("sig or enc. Default: as FILE says.")
@options.nbf("Not valid before this time. Default: as FILE says.")
@options.exp("Expires at this time. Default: as FILE says.")
@click.option(
    "--id",
    "name",
    metavar="NAME",
    help="The id of a set, also of one in an answer with several. Default: as FILE says.",
)
@options.password_file("Read the passphrase of FILE from this file or pipe. Default: ask.")
@click.option(
    "--key", "key_file", type=INPUT, metavar="KEY", help="The private key that FILE is sealed to."
)
@options.alias
@options.password_file(
    "Encrypt OUT to the passphrase in this file or pipe.", "--output-password-file"
)
@click.option("--plain", is_flag=True, help="Write the private keys of a set unencrypted.")
@options.cloud
@options.json_errors
def import_(
    file: str,
    output: str,
    use: str | None,
    nbf: Time | None,
    exp: Time | None,
    name: str | None,
    password_file: str | None,
    key_file: str | None,
    alias: str | None,
    output_password_file: str | None,
    plain: bool,
    base_url: str,
) -> None:
    """Read keys in any form, check them, and write them to a file.

    Prints the answer that Graph would give, which holds no secret. A set is encrypted to a
    passphrase, which is asked for unless an option gives it. A single key is encrypted only with
    --output-password-file.
    """
    from trustkeys import store
    from trustkeys.cli import changes, foreign, passphrases
    from trustkeys.formats.answers import read_key_sets
    from trustkeys.formats.reading import OpenedSet
    from trustkeys.keyset.document import set_of
    from trustkeys.keyset.keyset import TrustFrameworkKeySet

    start, end = validity(nbf, exp)
    with_key = None if key_file is None else foreign.recipient(key_file)
    found = foreign.read(file)
    opened = foreign.opened(found, file, password_file, with_key=with_key, alias=alias)
    if isinstance(opened, OpenedSet):
        if (start, end) != (None, None):
            raise click.UsageError("--nbf and --exp are for one key, and FILE is a key set")
        with prefix_errors(file):
            if name is None and set_of(read_key_sets(opened.document), name).id is None:
                raise click.UsageError("the key set in FILE has no id: give it one with --id")
            with immediate():
                keys = TrustFrameworkKeySet.from_jwks(opened.document, id=name, use=use)
        password = passphrases.new(
            output, output_password_file, plain=plain, option="--output-password-file"
        )
        with held():
            store.save(keys, output, password=password, plain=plain)
        changes.report([], [*keys], None)
        write_result(json_bytes(keys.to_graph(base_url=base_url)), output)
        return
    for is_given, option in ((name is not None, "--id"), (plain, "--plain")):
        if is_given:
            raise click.UsageError(f"{option} is for a key set, and FILE is one key")
    with prefix_errors(file):
        key = opened.key(use=use, nbf=start, exp=end)
    _write_key(key, output, output_password_file)
    warn_of_dates(key.nbf, key.exp, file)
    if not key.has_private:
        changes.warn_unpublished([key], output)
    if key.has_private and output_password_file is None and found.protection != "none":
        warn(f"{output} holds the private key unencrypted, and {file} was encrypted")
    write_result(json_bytes(key.to_graph(base_url=base_url)), output)


def _write_key(key: TrustFrameworkKey, output: str, password_file: str | None) -> None:
    from trustkeys.cli import passphrases
    from trustkeys.core.key import stored_jwk
    from trustkeys.files import write_new
    from trustkeys.formats.jwe import encrypt
    from trustkeys.testkeys.guard import refuse_test_keys

    content = json_bytes(stored_jwk(key))
    if password_file is not None:
        password = passphrases.read_password(password_file)
        content = encrypt(content, password=password, cty="jwk+json").encode() + b"\n"
    elif key.has_private:
        refuse_test_keys([key])
    with held():
        write_new(output, content)
