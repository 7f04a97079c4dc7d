"""trustkeys provision and trustkeys compare: what is here, and what is in a tenant."""

from __future__ import annotations

import os
import shlex
from contextlib import suppress

import click
from attrs import asdict

from trustkeys import store
from trustkeys.cli import inputs, passphrases, values
from trustkeys.core.strict_json import MAX_SET_BYTES
from trustkeys.errors import prefix_errors
from trustkeys.files import write_new
from trustkeys.graph.az import az_script
from trustkeys.graph.compare import Comparison
from trustkeys.graph.compare import compare as compare_with
from trustkeys.graph.pwsh import pwsh_script
from trustkeys.graph.requests import CLOUDS, Provisioning
from trustkeys.graph.requests import provision as plan
from trustkeys.graph.scripts import private_bodies, private_json

_PROVISION = """\b
Examples:
  trustkeys provision signing.keys --to signing
  trustkeys provision signing.keys --to signing --as pwsh
  trustkeys provision signing.keys --to signing --cloud usgov --replace

\b
DIR is a new directory of mode 0700. In it are a script, which holds no secret, and the bodies of
the requests, which do: each is removed as soon as the service has taken it. The script stops at
the first error and can be run again. With --as json, all of it is in DIR/provision.json.
"""

_COMPARE = """\b
Examples:
  az rest --method get --url \\
    https://graph.microsoft.com/beta/trustFramework/keySets/B2C_1A_Signing > answer.json
  trustkeys compare signing.keys answer.json

\b
RSA keys are the same when they have the same modulus. Of oct keys the service shows nothing that
proves it: they count as the same by kid, else by nbf and exp.
"""


@click.command(epilog=_PROVISION)
@click.argument("file")
@click.option("--to", "directory", metavar="DIR", required=True, help="A new directory.")
@click.option(
    "--by",
    type=click.Choice(["create", "action"]),
    default="create",
    help="All keys at once (default), or one by one: uploadSecret, uploadPkcs12.",
)
@click.option(
    "--as",
    "form",
    type=click.Choice(["az", "pwsh", "json"]),
    default="az",
    help="A bash script around az rest (default), a PowerShell script, or JSON.",
)
@click.option("--replace", is_flag=True, help="Lose all keys that are in the set there (PUT).")
@click.option("--skip-disabled", is_flag=True, help="Leave disabled keys out.")
@click.option(
    "--cloud", type=click.Choice([*CLOUDS]), default="global", help="Which. Default: global."
)
@click.option("--password-file", metavar="PW", help="The file, or pipe, that the passphrase is in.")
@click.option(
    "--json", is_flag=True, expose_value=False, help="Print errors as JSON, as Graph does."
)
def provision(
    file: str,
    directory: str,
    by: str,
    form: str,
    replace: bool,
    skip_disabled: bool,
    cloud: str,
    password_file: str | None,
) -> None:
    """Write the requests that bring the key set FILE into a tenant. Sends nothing itself."""
    inputs.check_ours(file)
    keys = store.load(file, password=passphrases.known(file, password_file))
    with prefix_errors(file):
        planned = plan(
            keys,
            base_url=CLOUDS[cloud],
            by="action" if by == "action" else "create",
            replace=replace,
            skip_disabled=skip_disabled,
        )
    for note in planned.notes:
        values.warn(note)
    _write(directory, _contents(planned, form))
    values.write_out(values.escaped(_next_step(directory, form, planned)) + "\n")


@click.command(epilog=_COMPARE)
@click.argument("file")
@click.argument("answer")
@click.option("--password-file", metavar="PW", help="The file, or pipe, that the passphrase is in.")
@click.option("--json", "as_json", is_flag=True, help="Print results and errors as JSON.")
def compare(file: str, answer: str, password_file: str | None, as_json: bool) -> int:
    """Compare the key set FILE with a saved answer of Graph. Exit status 3 on drift.

    ANSWER is what GET keySets/{id} or keys_v2 answered; -: standard input.
    """
    if answer == password_file == "-":
        raise click.UsageError("standard input can be one of the files")
    inputs.check_ours(file)
    keys = store.load(file, password=passphrases.known(file, password_file))
    content = values.read_input(answer, MAX_SET_BYTES)
    with prefix_errors(answer):
        rows = compare_with(keys, content)
    if as_json:
        values.write_json({"value": [{**asdict(row), "drift": row.is_drift} for row in rows]})
    else:
        lines = [_line(row) for row in rows] or ["no keys on either side"]
        values.write_out("".join(f"{values.escaped(line)}\n" for line in lines))
    return 3 if any(row.is_drift for row in rows) else 0


def _line(row: Comparison) -> str:
    if row.here is None:
        return f"there only: {row.there or 'a key without a kid'}"
    if not row.is_there:
        return f"here only: {row.here}"
    named = "" if row.there == row.here else f", there {row.there or 'without a kid'}"
    if row.differences:
        return f"differs in {', '.join(row.differences)}: {row.here}{named}"
    return f"same: {row.here}{named}"


def _contents(planned: Provisioning, form: str) -> dict[str, str]:
    """Give the files by name: the bodies first, so that a script never lacks one."""
    if form == "json":
        return {"provision.json": private_json(planned)}
    script = {"provision.sh": az_script} if form == "az" else {"provision.ps1": pwsh_script}
    return {
        **private_bodies(planned),
        **{name: write(planned) for name, write in script.items()},
    }


def _write(directory: str, contents: dict[str, str]) -> None:
    """Make the directory with all of its files, or leave nothing behind."""
    os.mkdir(directory, 0o700)
    try:
        os.chmod(directory, 0o700)  # whatever the umask takes away
        for name, text in contents.items():
            write_new(os.path.join(directory, name), text.encode())
    except BaseException:
        for name in contents:
            with suppress(OSError):
                os.unlink(os.path.join(directory, name))
        os.rmdir(directory)
        raise


def _next_step(directory: str, form: str, planned: Provisioning) -> str:
    if form == "json":
        return f"next: send the requests of {os.path.join(directory, 'provision.json')}, in order"
    if form == "az":
        replacing = " --replace" if planned.replaces else ""
        path = os.path.join(directory, "provision.sh")
        script = shlex.quote(f"./{path}" if path.startswith("-") else path)
        return f"next: bash {script}{replacing} TENANT-ID"
    replacing = " -Replace" if planned.replaces else ""
    script = os.path.join(directory, "provision.ps1").replace("'", "''")
    # In another process nobody would be connected.
    return f"next, where Connect-MgGraph was run: & '{script}'{replacing} TENANT-ID"
