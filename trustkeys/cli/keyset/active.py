"""``trustkeys keyset active``."""

from __future__ import annotations

import click

from trustkeys.cli import options
from trustkeys.cli.inputs import key_set
from trustkeys.cli.terminal import write_json
from trustkeys.cli.times import Time, now_or

__tracebackhide__ = True


@click.command(epilog=options.TIMES_HELP)
@options.key_set_input
@options.at
@options.cloud
@options.json_errors
def active(file: str, password_file: str | None, at: Time | None, base_url: str) -> None:
    """Print the active key, as getActiveKey does."""
    key = key_set(file, password_file).get_active_key(now_or(at))
    write_json(key.to_graph(base_url=base_url))
