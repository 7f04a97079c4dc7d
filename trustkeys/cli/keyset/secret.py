"""``trustkeys keyset secret``."""

from __future__ import annotations

import click

from trustkeys import store
from trustkeys.cli import options, passphrases
from trustkeys.cli.inputs import edit
from trustkeys.cli.terminal import json_text, write_result
from trustkeys.cli.times import Time, validity, warn_of_dates

__tracebackhide__ = True


@click.command(epilog=options.TIMES_HELP)
@options.key_set_file
@options.use("sig or enc. Default: as the set's other keys.")
@options.nbf()
@options.exp()
@options.cloud
@options.json_errors
def secret(
    file: str,
    password_file: str | None,
    use: str | None,
    nbf: Time | None,
    exp: Time | None,
    base_url: str,
) -> None:
    """Add a secret text, as uploadSecret does.

    Type it at the prompt, which does not show it, or pass it on standard input. One line end at
    its end is removed.
    """
    if password_file == "-":  # noqa: S105 - a name
        raise click.UsageError("standard input is the secret: --password-file must be a file")
    start, end = validity(nbf, exp)
    store.is_encrypted(file)  # fail before the prompt if there is no such file
    text = passphrases.secret(f"Secret for {file}")
    with edit(file, password_file) as keys:
        key = keys.upload_secret(text, use, nbf=start, exp=end)
    warn_of_dates(start, end)
    write_result(json_text(key.to_graph(base_url=base_url)))
