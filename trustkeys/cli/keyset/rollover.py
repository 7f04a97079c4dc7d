"""``trustkeys keyset rollover``."""

from __future__ import annotations

import click

from trustkeys.cli import options
from trustkeys.cli.command import command
from trustkeys.cli.params import TIME
from trustkeys.cli.terminal import json_bytes, warn, write_result
from trustkeys.cli.times import Time, now_or, refuse_mistakes, warn_of_dates

__tracebackhide__ = True


@command(epilog=options.TIMES_HELP)
@options.key_set_file
@options.key_kind
@click.option("--at", type=TIME, metavar="T", help="When the key becomes active. Default: now.")
@options.exp("When the key expires. Default: never.")
@click.option("--disable", is_flag=True, help="Disable all other keys.")
@options.random_keys
@options.cloud
@options.json_errors
def rollover(
    file: str,
    password_file: str | None,
    use: str | None,
    kty: str | None,
    size: int | None,
    at: Time | None,
    exp: Time | None,
    disable: bool,
    generate: bool,
    base_url: str,
) -> None:
    """Add a key that is active at once.

    This is for emergencies. The other keys stay valid: use --disable if one of them was stolen. A
    secret that somebody else issued cannot be generated: add its successor with "trustkeys keyset
    secret FILE --nbf now".
    """
    from trustkeys.cli.inputs import edit

    now = now_or(None)
    start = now_or(at)
    end = None if exp is None else exp.resolve(now, start)
    refuse_mistakes(start, end, now, start="at")
    with edit(file, password_file) as keys:
        key = keys.rollover(
            start, exp=end, disable=disable, use=use, kty=kty, size=size, generate=generate
        )
        active = keys.get_active_key(max(start, now_or(None)))
    if active.nbf is not None and active.nbf > start:
        warn(f"another key is active: {active.kid} starts later. --disable disables it")
    warn_of_dates(key.nbf, key.exp)
    write_result(json_bytes(key.to_graph(base_url=base_url)), file)
