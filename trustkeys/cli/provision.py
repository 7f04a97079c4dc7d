"""trustkeys provision: write the requests that bring a key set into a tenant."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

import click

from trustkeys.cli import options, shell
from trustkeys.cli.command import command
from trustkeys.cli.params import INPUT, NEW_FILE
from trustkeys.cli.signals import immediate
from trustkeys.cli.terminal import escaped, json_bytes, warn, write_result
from trustkeys.errors import prefix_errors
from trustkeys.signals import held
from trustkeys.system import SHELL

# Imported lazily, to keep the help fast.
if TYPE_CHECKING:
    from trustkeys import graph
    from trustkeys.keyset.keyset import TrustFrameworkKeySet

__tracebackhide__ = True

_EPILOG = """\b
Examples:
  trustkeys provision signing.keys --to signing
  trustkeys provision signing.keys encryption.keys facebook.keys --to all
  trustkeys provision signing.keys --to signing --as pwsh --cloud usgov
  trustkeys provision facebook.keys --to facebook --append
  trustkeys provision signing.keys --to signing --replace

DIR is created with mode 0700. It gets a script, which holds no secret, and the
bodies of the requests, which hold the private keys. The script removes each
body once the service has accepted it. It stops at the first error, and you can
run it again. With --as json, everything is in DIR/provision.json.
"""

_SCRIPTS = {"sh": "az", "powershell": "pwsh"}

_FILES = {"az": "provision.sh", "pwsh": "provision.ps1", "json": "provision.json"}


@command(epilog=_EPILOG)
@click.argument("files", type=INPUT, metavar="FILE...", nargs=-1, required=True)
@options.password_file("Read the passphrase of each FILE from this file. Default: ask.")
@click.option(
    "--to", "directory", type=NEW_FILE, metavar="DIR", required=True, help="A new directory."
)
@click.option(
    "--by",
    type=click.Choice(["create", "action"]),
    help="All keys in one request (default), or one by one (default with --append): uploadSecret, "
    "uploadPkcs12.",
)
@click.option(
    "--as",
    "form",
    type=click.Choice([*_FILES]),
    default=lambda: _SCRIPTS[SHELL],
    help="A bash script that uses az rest (default), a PowerShell script (default on Windows), or "
    "JSON.",
)
@click.option(
    "--append",
    is_flag=True,
    help="Add the keys that the set in the tenant lacks, one by one. Its other keys stay.",
)
@click.option(
    "--replace", is_flag=True, help="Replace all keys of the set in the tenant: they are lost."
)
@click.option("--skip-disabled", is_flag=True, help="Leave disabled keys out.")
@options.cloud
@options.json_results
def provision(
    files: Sequence[str],
    directory: str,
    by: Literal["create", "action"] | None,
    form: str,
    append: bool,
    replace: bool,
    skip_disabled: bool,
    base_url: str,
    password_file: str | None,
    as_json: bool,
) -> None:
    """Write the requests that bring key sets into a tenant. Sends nothing itself."""
    from trustkeys import graph

    provisionings = []
    for file, keys in _key_sets(files, password_file):
        with prefix_errors(file):
            provisioning = graph.provision(
                keys,
                base_url=base_url,
                by=by,
                append=append,
                replace=replace,
                skip_disabled=skip_disabled,
            )
        provisionings.append(provisioning)
        for note in provisioning.notes:
            warn(f"{file}: {note}" if len(files) > 1 else note)
    _write(directory, _contents(provisionings, form))
    path = os.path.join(directory, _FILES[form])
    if as_json:
        write_result(json_bytes({"output": directory, "as": form, "file": path}), directory)
    else:
        step = escaped(_next_step(path, form, replace=replace))
        write_result(f"{step}\n", directory)


def _key_sets(
    files: Sequence[str], password_file: str | None
) -> Iterator[tuple[str, TrustFrameworkKeySet]]:
    from trustkeys.cli import inputs

    found = [inputs.stored(file) for file in files]
    for each, password in zip(found, inputs.passwords(found, password_file), strict=True):
        with immediate():
            keys = each.key_set(password=password)
        yield each.path, keys


def _contents(provisionings: Sequence[graph.Provisioning], form: str) -> dict[str, str]:
    """Return the text of each new file. Bodies come first, so that a script never lacks one."""
    from trustkeys import graph

    if form == "json":
        return {_FILES[form]: graph.private_json(*provisionings)}
    script = graph.az_script if form == "az" else graph.pwsh_script
    return {**graph.private_bodies(*provisionings), _FILES[form]: script(*provisionings)}


def _write(directory: str, contents: dict[str, str]) -> None:
    """Write all files into a new directory, or leave no trace. It is on disk afterwards."""
    from trustkeys import system
    from trustkeys.files import parent, write_new

    with held(), system.synced(parent(directory)):
        system.make_directory(directory)
        try:
            for name, text in contents.items():
                write_new(os.path.join(directory, name), text.encode())
        except BaseException:
            for name in contents:
                with suppress(OSError):
                    system.remove(os.path.join(directory, name))
            os.rmdir(directory)
            raise


def _next_step(path: str, form: str, *, replace: bool) -> str:
    from trustkeys.graph.scripts import pwsh_literal

    if form == "json":
        return f"next: send the requests of {path}, in order"
    if form == "az":
        return f"next: bash {_for_bash(path)}{' --replace' if replace else ''} TENANT-ID"
    # Connect-MgGraph connects only the process that it runs in.
    return (
        "next, in the session that ran Connect-MgGraph: "
        f"& {pwsh_literal(path)}{' -Replace' if replace else ''} TENANT-ID"
    )


def _for_bash(path: str) -> str:
    """Return the name of a script for bash, as it is typed in the usual shell."""
    # Not every bash of Windows knows backslashes.
    path = path.replace(os.sep, "/")
    return shell.word(f"./{path}" if path.startswith("-") else path)
