"""``trustkeys keyset active``."""

from __future__ import annotations

from trustkeys.cli import options
from trustkeys.cli.command import command
from trustkeys.cli.terminal import report, write_json
from trustkeys.cli.times import Time, now_or
from trustkeys.errors import KeyNotFoundError

__tracebackhide__ = True


@command(epilog=options.TIMES_HELP)
@options.key_set_input
@options.at
@options.cloud
@options.json_errors
def active(file: str, password_file: str | None, at: Time | None, base_url: str) -> int:
    """Print the active key, as getActiveKey does. Exit status 4 if there is none."""
    from trustkeys.cli.inputs import key_set

    keys = key_set(file, password_file)
    try:
        key = keys.get_active_key(now_or(at))
    except KeyNotFoundError as error:
        report(error)
        return 4
    write_json(key.to_graph(base_url=base_url))
    return 0
