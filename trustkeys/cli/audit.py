"""trustkeys audit: check all key sets of a tenant."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import click

from trustkeys.cli import options
from trustkeys.cli.command import command
from trustkeys.cli.params import INPUT
from trustkeys.cli.signals import immediate
from trustkeys.cli.table import table_text
from trustkeys.cli.terminal import escaped, read_input, write_json, write_out
from trustkeys.cli.times import Time, now_or
from trustkeys.core.numericdate import date_text
from trustkeys.errors import prefix_errors

# Imported lazily, to keep the help fast.
if TYPE_CHECKING:
    from trustkeys.keyset.check import Audit, AuditedSet

__tracebackhide__ = True

_EPILOG = f"""\b
Examples:
  az rest --method get --url \\
    https://graph.microsoft.com/beta/trustFramework/keySets > keysets.json
  trustkeys audit keysets.json --until +1y
  trustkeys audit keysets.json --fail-on error --json

The table has a row for each key set: its active key, when that key expires,
from when on no key will be active, whether the set has a safety net (an enabled
key without dates), and its worst finding. Deleted sets, which the service keeps
with the suffix .bak, are shown and not checked.

{options.TIMES_HELP}"""

_COLUMNS = ("key set", "kty", "use", "keys", "active", "expires", "end", "net", "worst")

_STYLES: dict[str, Callable[[str], str]] = {
    "error": partial(click.style, fg="red", bold=True),
    "warning": partial(click.style, fg="yellow"),
}


@command(epilog=_EPILOG)
@click.argument("answer", type=INPUT)
@options.at
@options.until
@options.fail_on("warning")
@options.json_results
def audit(answer: str, at: Time | None, until: Time | None, fail_on: str, as_json: bool) -> int:
    """Check all key sets in ANSWER. Exit status 3 if there is a finding.

    ANSWER is a saved answer of Graph to GET keySets, or any other that "trustkeys keyset check"
    takes; - is standard input.
    """
    from trustkeys.cli import findings, inputs
    from trustkeys.core.strict_json import MAX_SET_BYTES
    from trustkeys.formats.answers import read_key_sets
    from trustkeys.keyset import check

    now = now_or(at)
    content = read_input(answer, MAX_SET_BYTES)
    inputs.refuse_other_forms(answer, content)
    end = None if until is None else until.resolve(now_or(None), now)
    with immediate():
        with prefix_errors(answer):
            found = read_key_sets(content)
        result = check.audit(found, at=now, until=end)
    if as_json:
        write_json(_as_json(result))
    else:
        lines = [escaped(line) + "\n" for line in findings.lines(result.findings)]
        write_out(f"{escaped(result.description)}\n{_table(result)}\n{''.join(lines)}")
    return findings.status(result.findings, fail_on)


def _as_json(result: Audit) -> dict[str, object]:
    from attrs import asdict

    return {
        "kind": result.kind,
        "value": [{**asdict(each), "severity": each.severity} for each in result.sets],
        "findings": [asdict(finding) for finding in result.findings],
    }


def _table(result: Audit) -> str:
    rows = [_row(each, number) for number, each in enumerate(result.sets, 1)]
    styles = [_STYLES.get(row[-1], str) for row in rows]
    return table_text(_COLUMNS, rows, styles, folded="key set")


def _row(each: AuditedSet, number: int) -> tuple[str, ...]:
    return (
        each.id or f"key set {number}",
        each.kty or "-",
        each.use or "-",
        str(each.size),
        (each.active_kid or "yes")[:8] if each.has_active_key else "none",
        _day(each.active_exp) if each.has_active_key else "-",
        _day(each.end),
        "yes" if each.has_safety_net else "no",
        "deleted" if each.is_deleted else each.severity or "ok",
    )


def _day(time: int | None) -> str:
    if not time:
        return "never" if time is None else "-"
    text = date_text(time)
    return text.partition("T")[0] if text.endswith("Z") else "after 9999"
