"""``trustkeys keyset enable`` and ``trustkeys keyset disable``."""

from __future__ import annotations

import click

from trustkeys.cli import options
from trustkeys.cli.kids import KidCommand
from trustkeys.cli.terminal import json_bytes, note, write_result

__tracebackhide__ = True


@click.command(cls=KidCommand)
@options.key_set_file
@options.kid
@options.json_results
def enable(file: str, kid: str, password_file: str | None, as_json: bool) -> None:
    """Enable the key KID."""
    _set_status(file, kid, password_file, "enabled", as_json=as_json)


@click.command(cls=KidCommand)
@options.key_set_file
@options.kid
@options.json_results
def disable(file: str, kid: str, password_file: str | None, as_json: bool) -> None:
    """Disable the key KID. It stays in the set, but cannot be active."""
    _set_status(file, kid, password_file, "disabled", as_json=as_json)


def _set_status(
    file: str, kid: str, password_file: str | None, status: str, *, as_json: bool
) -> None:
    from trustkeys.cli.inputs import edit, whole_kid

    with edit(file, password_file) as keys:
        before = keys[whole_kid(keys, kid)]
        key = keys.set_status(before.kid, status)
    if key == before:
        note(f"the key was {status} before")
    if as_json:
        write_result(json_bytes({"kid": key.kid, "status": key.status}), file)
