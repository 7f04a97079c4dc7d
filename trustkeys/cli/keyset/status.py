"""``trustkeys keyset enable`` and ``trustkeys keyset disable``."""

from __future__ import annotations

import click

from trustkeys.cli import options
from trustkeys.cli.inputs import edit, whole_kid

__tracebackhide__ = True


@click.command(context_settings=options.KID_SETTINGS)
@options.key_set_file
@click.argument("kid")
@options.json_errors
def enable(file: str, kid: str, password_file: str | None) -> None:
    """Enable the key KID."""
    with edit(file, password_file) as keys:
        keys.set_status(whole_kid(keys, kid), "enabled")


@click.command(context_settings=options.KID_SETTINGS)
@options.key_set_file
@click.argument("kid")
@options.json_errors
def disable(file: str, kid: str, password_file: str | None) -> None:
    """Disable the key KID. It stays in the set, but cannot be active."""
    with edit(file, password_file) as keys:
        keys.set_status(whole_kid(keys, kid), "disabled")
