"""``trustkeys keyset rotate``."""

from __future__ import annotations

import click

from trustkeys.cli import options
from trustkeys.cli.command import command
from trustkeys.cli.params import DURATION, TIME
from trustkeys.cli.terminal import json_bytes, write_result
from trustkeys.cli.times import Time, now_or, refuse_mistake, refuse_mistakes
from trustkeys.core.numericdate import CENTURY, date_text

__tracebackhide__ = True


@command(epilog=options.TIMES_HELP)
@options.key_set_file
@options.key_kind
@options.at
@click.option(
    "--every",
    type=DURATION,
    metavar="DURATION",
    required=True,
    help="Time from one takeover to the next.",
)
@click.option(
    "--overlap",
    type=DURATION,
    metavar="DURATION",
    help="How long a key stays valid after the next one takes over. Default: 7d for sig, 90d for "
    "enc.",
)
@click.option("--count", type=int, metavar="N", default=1, help="Number of keys. Default: 1.")
@click.option(
    "--start",
    type=TIME,
    metavar="T",
    help="When the first new key takes over. Default: when the last key is due, at least a day "
    "from now, but before there is a gap; now, if no key is active. Keys with a later start stay.",
)
@options.any_date
@options.random_keys
@options.json_results
def rotate(
    file: str,
    password_file: str | None,
    use: str | None,
    kty: str | None,
    size: int | None,
    at: Time | None,
    every: int,
    overlap: int | None,
    count: int,
    start: Time | None,
    generate: bool,
    as_json: bool,
) -> None:
    """Add the next keys. Each takes over from the one before, without a gap.

    A secret that somebody else issued cannot be generated: add its successor with "trustkeys
    keyset secret FILE --nbf T".
    """
    from trustkeys.cli.inputs import edit
    from trustkeys.keyset.schedule import end_of, start_of

    now = now_or(at)
    first = None if start is None else start.resolve(now)
    refuse_mistakes(first, None, now, start="start")
    if every * count + (overlap or 0) > CENTURY:
        refuse_mistake("--every, --overlap and --count lead to dates over 100 years away", "every")
    with edit(file, password_file, at=None if at is None else now) as keys:
        added = keys.rotate(
            every,
            overlap=overlap,
            count=count,
            start=first,
            use=use,
            kty=kty,
            size=size,
            at=now,
            generate=generate,
        )
    if as_json:
        write_result(json_bytes({"value": [key.to_graph(base_url=None) for key in added]}), file)
        return
    lines = [
        f"{key.kid}  from {date_text(start_of(key))} to {date_text(end_of(key))}\n" for key in added
    ]
    write_result("".join(lines), file)
