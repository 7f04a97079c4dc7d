"""``trustkeys keyset jwks``."""

from __future__ import annotations

import click

from trustkeys.cli import options
from trustkeys.cli.inputs import key_set
from trustkeys.cli.terminal import write_json

__tracebackhide__ = True


@click.command()
@options.key_set_input
@options.json_errors
def jwks(file: str, password_file: str | None) -> None:
    """Print the public keys as a JWK Set."""
    write_json(key_set(file, password_file).to_jwks())
