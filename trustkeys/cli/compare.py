"""trustkeys compare: compare a key set with the keys in a tenant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from trustkeys.cli import options
from trustkeys.cli.command import command
from trustkeys.cli.params import INPUT
from trustkeys.cli.signals import immediate
from trustkeys.cli.terminal import escaped, read_input, warn, write_json, write_out
from trustkeys.errors import prefix_errors
from trustkeys.wording import counted

# Imported lazily, to keep the help fast.
if TYPE_CHECKING:
    from trustkeys import graph

__tracebackhide__ = True

_EPILOG = """\b
Examples:
  az rest --method get --url \\
    https://graph.microsoft.com/beta/trustFramework/keySets/B2C_1A_Signing \\
    > answer.json
  trustkeys compare signing.keys answer.json

RSA keys match by their modulus. The answer has no secret of an oct key, so oct
keys match by kid, or else by nbf and exp, which does not prove that they are
the same. A different kid alone is not drift.
"""


@command(epilog=_EPILOG)
@options.key_set_input
@click.argument("answer", type=INPUT)
@options.json_results
def compare(file: str, answer: str, password_file: str | None, as_json: bool) -> int:
    """Compare the key set FILE with a saved answer of Graph. Exit status 3 on drift.

    ANSWER is the answer to GET keySets/{id}, keySets/{id}/keys_v2, or keySets, of which the set
    with the id of FILE counts; - is standard input.
    """
    from attrs import asdict

    from trustkeys import graph
    from trustkeys.cli import inputs
    from trustkeys.core.strict_json import MAX_SET_BYTES

    keys = inputs.key_set(file, password_file)
    content = read_input(answer, MAX_SET_BYTES)
    inputs.refuse_other_forms(answer, content)
    with prefix_errors(answer), immediate():
        rows = graph.compare(keys, content)
    left_out = len(keys) - sum(row.here is not None for row in rows)
    if left_out:
        warn(f"the answer has one key: {counted(left_out)} of {file} not compared")
    if as_json:
        write_json({"value": [{**asdict(row), "drift": row.is_drift} for row in rows]})
    else:
        lines = [_line(row) for row in rows] or ["no keys on either side"]
        write_out("".join(f"{escaped(line)}\n" for line in lines))
    return 3 if any(row.is_drift for row in rows) else 0


def _line(row: graph.Comparison) -> str:
    if row.here is None:
        return f"there only: {row.there or 'a key without a kid'}"
    if not row.is_there:
        return f"here only: {row.here}"
    named = "" if row.there == row.here else f", there {row.there or 'without a kid'}"
    if row.differences:
        return f"differs in {', '.join(row.differences)}: {row.here}{named}"
    return f"same: {row.here}{named}"
