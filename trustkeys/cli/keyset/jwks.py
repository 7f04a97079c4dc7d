"""``trustkeys keyset jwks``."""

from __future__ import annotations

import click

from trustkeys.cli import options
from trustkeys.cli.command import command
from trustkeys.cli.terminal import write_json

__tracebackhide__ = True


@command()
@options.key_set_input
@click.option("--all", "is_all", is_flag=True, help="Also print disabled and expired keys.")
@options.json_errors
def jwks(file: str, password_file: str | None, is_all: bool) -> None:
    """Print the public keys as a JWK Set.

    Publish it for the programs that verify tokens. Disabled and expired keys are left out, since
    those programs would accept them. Keys that start later are included.
    """
    from trustkeys.cli.changes import published, warn_unpublished
    from trustkeys.cli.inputs import key_set

    keys = key_set(file, password_file)
    if is_all:
        warn_unpublished(keys, "this JWK Set")
    else:
        keys = published(keys)
    write_json(keys.to_jwks(include="all"))
