"""``trustkeys keyset check``."""

from __future__ import annotations

import click

from trustkeys.cli import options
from trustkeys.cli.command import command
from trustkeys.cli.params import INPUT
from trustkeys.cli.signals import immediate
from trustkeys.cli.terminal import escaped, write_json, write_out
from trustkeys.cli.times import Time, now_or
from trustkeys.errors import prefix_errors

__tracebackhide__ = True


@command(epilog=options.TIMES_HELP)
@click.argument("file", type=INPUT)
@options.password_file()
@options.at
@options.until
@click.option(
    "--public",
    is_flag=True,
    help='Accept keys without a private part, as "keyset jwks" prints them.',
)
@options.fail_on("error")
@options.json_results
def check(
    file: str,
    password_file: str | None,
    at: Time | None,
    until: Time | None,
    public: bool,
    fail_on: str,
    as_json: bool,
) -> int:
    """Look for what would break sign-in. Exit status 3 if there is an error.

    FILE can also be a JWK Set or a saved answer of Graph, valid or not; - is standard input. Of an
    answer with several key sets all are checked.
    """
    from attrs import asdict

    from trustkeys.cli import findings, inputs, passphrases
    from trustkeys.formats.answers import read_key_sets
    from trustkeys.keyset.check import audit

    now = now_or(at)
    stored = inputs.read(file)
    password = passphrases.existing(file, password_file, is_encrypted=stored.is_encrypted)
    end = None if until is None else until.resolve(now_or(None), now)
    with immediate():
        document = stored.document(password=password)
        with prefix_errors(file):
            found = read_key_sets(document)
        result = audit(found, at=now, until=end, private=False if public else None)
    if as_json:
        listed = [asdict(finding) for finding in result.findings]
        write_json({"kind": result.kind, "value": listed})
    else:
        lines = [*filter(None, [findings.kind_of(result)]), *findings.lines(result.findings)]
        write_out("".join(f"{escaped(line)}\n" for line in lines))
    return findings.status(result.findings, fail_on)
