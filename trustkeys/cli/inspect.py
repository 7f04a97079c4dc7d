"""trustkeys inspect."""

from __future__ import annotations

import click

from trustkeys.cli import options
from trustkeys.cli.command import command
from trustkeys.cli.params import INPUT
from trustkeys.cli.signals import immediate
from trustkeys.cli.terminal import escaped, write_json, write_out
from trustkeys.errors import prefix_errors

__tracebackhide__ = True


@command()
@click.argument("file", type=INPUT)
@options.password_file("Read the passphrase of FILE from this file or pipe, to look inside.")
@options.alias
@options.json_results
def inspect(file: str, password_file: str | None, alias: str | None, as_json: bool) -> int:
    """Print what FILE holds, and what is wrong with it. Exit status 3 if there is an error.

    FILE is a JWK, a JWK Set, an answer of Graph, a JWE, PEM, DER or PKCS#12; - is standard input.
    No secret is printed, and no thumbprint of an oct key, because it is a hash of the secret.
    """
    from trustkeys.cli import foreign, passphrases
    from trustkeys.cli.inspection import inspected

    found = foreign.read(file)
    password = None if password_file is None else passphrases.read_password(password_file)
    with prefix_errors(file), immediate():
        report = inspected(found, password, alias)
    if as_json:
        problems = [{"severity": severity, "message": text} for severity, text in report.problems]
        write_json(
            {
                "form": found.form,
                "description": found.description,
                "protection": found.protection,
                "opened": report.is_opened,
                **report.facts,
                "keys": report.keys,
                "certificates": report.certificates,
                "problems": problems,
            }
        )
    else:
        lines = report.lines(found.description)
        write_out("".join(f"{escaped(line)}\n" for line in lines))
    return 3 if any(severity == "error" for severity, _ in report.problems) else 0
