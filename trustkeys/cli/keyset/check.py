"""``trustkeys keyset check``."""

from __future__ import annotations

from typing import Any

import click
from attrs import asdict

from trustkeys import store
from trustkeys.cli import options, passphrases
from trustkeys.cli.params import INPUT, TIME
from trustkeys.cli.terminal import escaped, read_input, write_json, write_out
from trustkeys.cli.times import Time, now_or
from trustkeys.core.strict_json import MAX_SET_BYTES
from trustkeys.keyset.check import check_key_set

__tracebackhide__ = True


@click.command(epilog=options.TIMES_HELP)
@click.argument("file", type=INPUT)
@options.password_file()
@options.at
@click.option(
    "--until",
    type=TIME,
    metavar="T",
    help="There must be no gap before this time; +1y counts from --at. Default: the end of the "
    "last key.",
)
@click.option("--public", is_flag=True, help="Accept keys without a private part.")
@options.json_results
def check(
    file: str,
    password_file: str | None,
    at: Time | None,
    until: Time | None,
    public: bool,
    as_json: bool,
) -> int:
    """Look for what would break sign-in. Exit status 3 if there is an error.

    FILE can also be a JWK Set or a saved answer of Graph, valid or not; - is standard input.
    """
    if file == "-" and password_file is not None:
        raise click.UsageError("--password-file is for a file, not for standard input")
    now = now_or(at)
    findings = check_key_set(
        _document(file, password_file),
        at=now,
        until=None if until is None else until.resolve(now_or(None), now),
        private=False if public else None,
    )
    if as_json:
        write_json({"value": [asdict(finding) for finding in findings]})
    else:
        lines = [f"{found.severity}: {found.message} ({found.code})" for found in findings]
        write_out("".join(f"{escaped(line)}\n" for line in lines or ["no findings"]))
    return 3 if any(finding.severity == "error" for finding in findings) else 0


def _document(file: str, password_file: str | None) -> bytes | dict[str, Any]:
    if file == "-":
        return read_input(file, MAX_SET_BYTES)
    stored = store.read_file(file)
    password = passphrases.existing(file, password_file, is_encrypted=stored.is_encrypted)
    return stored.document(password=password)
