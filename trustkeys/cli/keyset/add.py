"""``trustkeys keyset add``."""

from __future__ import annotations

import click

from trustkeys.cli import options
from trustkeys.cli.command import command
from trustkeys.cli.params import INPUT
from trustkeys.cli.terminal import json_bytes, write_result
from trustkeys.cli.times import Time, validity, warn_of_dates
from trustkeys.errors import prefix_errors

__tracebackhide__ = True


@command(epilog=options.TIMES_HELP)
@options.key_set_file
@click.argument("key_file", metavar="KEY", type=INPUT)
@options.use("sig or enc. Default: as KEY says, else as the set's other keys.")
@options.nbf("Not valid before this time. Default: as KEY says.")
@options.exp("Expires at this time. Default: as KEY says.")
@options.password_file(
    "Read the passphrase of KEY from this file or pipe. Default: ask.", "--key-password-file"
)
@options.alias
@options.cloud
@options.json_errors
def add(
    file: str,
    key_file: str,
    password_file: str | None,
    use: str | None,
    nbf: Time | None,
    exp: Time | None,
    key_password_file: str | None,
    alias: str | None,
    base_url: str,
) -> None:
    """Add the key in the file KEY.

    KEY is a JWK, a JWE, PEM, DER, PKCS#12 or a certificate; - is standard input.
    Prints the answer that Graph would give, which holds no secret.
    """
    from trustkeys.cli import foreign
    from trustkeys.cli.inputs import edit
    from trustkeys.formats.reading import one_key

    start, end = validity(nbf, exp)
    # Before the lock, so that others need not wait for a passphrase that is typed.
    found = foreign.read(key_file)
    opened = foreign.opened(
        found, key_file, key_password_file, option="--key-password-file", alias=alias
    )
    with prefix_errors(key_file):
        source = one_key(opened)
    with edit(file, password_file) as keys:
        with prefix_errors(key_file):
            if use is None and source.use is None:
                use = keys.use
            key = source.key(use=use, nbf=start, exp=end)
        keys.add(key)
    warn_of_dates(key.nbf, key.exp, key_file)
    write_result(json_bytes(key.to_graph(base_url=base_url)), file)
