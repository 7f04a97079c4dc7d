"""``trustkeys keyset create``."""

from __future__ import annotations

import click

from trustkeys.cli import options
from trustkeys.cli.command import command
from trustkeys.cli.params import NEW_FILE
from trustkeys.cli.terminal import json_bytes, write_result
from trustkeys.signals import held

__tracebackhide__ = True


@command()
@click.argument("name")
@click.option(
    "-o", "--output", type=NEW_FILE, metavar="FILE", required=True, help="A new file, mode 0600."
)
@click.option("--plain", is_flag=True, help="Do not encrypt the private keys.")
@options.password_file()
@options.cloud
@options.json_errors
def create(name: str, output: str, plain: bool, password_file: str | None, base_url: str) -> None:
    """Create an empty key set in a new file.

    The file is encrypted with a passphrase. NAME gets the prefix B2C_1A_, as in the service.
    """
    from trustkeys import store
    from trustkeys.cli import passphrases
    from trustkeys.keyset.keyset import TrustFrameworkKeySet

    keys = TrustFrameworkKeySet(name)
    password = passphrases.new(output, password_file, plain=plain)
    with held():
        store.save(keys, output, password=password, plain=plain)
    write_result(json_bytes(keys.to_graph(base_url=base_url)), output)
