"""``trustkeys keyset password``."""

from __future__ import annotations

import click

from trustkeys.cli import options
from trustkeys.cli.command import command
from trustkeys.cli.terminal import json_bytes, waits_noted, write_result

__tracebackhide__ = True


@command()
@options.key_set_file
@options.password_file(
    "Read the new passphrase from this file or pipe. Default: ask.", "--new-password-file"
)
@click.option("--plain", is_flag=True, help="Decrypt the file: it holds plain private keys then.")
@options.json_results
def password(
    file: str,
    password_file: str | None,
    new_password_file: str | None,
    plain: bool,
    as_json: bool,
) -> None:
    """Change the passphrase of the file. A plain file becomes encrypted."""
    from trustkeys import store
    from trustkeys.cli import passphrases
    from trustkeys.cli.inputs import PATIENCE, stored

    found = stored(file)
    old = passphrases.existing(file, password_file, is_encrypted=found.is_encrypted)
    found.document(password=old)  # fail before the prompt for a new passphrase
    new = passphrases.new(file, new_password_file, plain=plain, option="--new-password-file")
    with waits_noted():
        store.change_password(file, password=old, new_password=new, plain=plain, timeout=PATIENCE)
    if as_json:
        write_result(json_bytes({"output": file, "encrypted": not plain}), file)
