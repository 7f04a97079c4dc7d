"""Every command, found by walking the tree, with a line that succeeds in the folder `files`."""

from __future__ import annotations

from collections.abc import Iterator

import click

from trustkeys.cli.keyset import keyset
from trustkeys.cli.main import group


def walk(parent: click.Group, *path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(parent)
    for name in parent.list_commands(context):
        command = parent.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from walk(command, *path, name)
        else:
            yield " ".join([*path, name]), command


def options_of(command: click.Command) -> list[click.Option]:
    """The options that the help shows, with ``--help``."""
    # click keeps the first option for help that it makes.
    context = click.Context(command, **group.context_settings)
    options = [each for each in command.get_params(context) if isinstance(each, click.Option)]
    return [each for each in options if not each.hidden]


COMMANDS = dict(walk(group))

GROUPS: dict[str, click.Group] = {"": group, "keyset": keyset}

LINES = {
    "generate": "--use sig --kty oct -o new",
    "batch": "--use sig --kty oct --count 2 --jsonl new",
    "export": "pair --format jwks --plain -o new",
    "import": "rsa.jwk -o new",
    "inspect": "rsa.jwk",
    "provision": "secrets --to new",
    "compare": "pair answer",
    "audit": "answer --fail-on error",
    "keyset active": "pair",
    "keyset add": "one rsa.jwk",
    "keyset calendar": "secrets --ics new",
    "keyset certify": "one {other} --subject CN=a --nbf now --exp +1y",
    "keyset check": "pair",
    "keyset create": "Name -o new --plain",
    "keyset disable": "pair {other}",
    "keyset enable": "pair {other}",
    "keyset generate": "secrets",
    "keyset jwks": "pair",
    "keyset password": "secrets --new-password-file pw",
    "keyset rollover": "secrets",
    "keyset rotate": "secrets --every 90d",
    "keyset secret": "secrets",
    "keyset show": "pair",
}
"""What follows the name of each command."""
