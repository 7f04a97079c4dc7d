"""Every command, found by walking the tree, with a line that succeeds in the folder `files`."""

from __future__ import annotations

from collections.abc import Iterator

import click

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


COMMANDS = dict(walk(group))

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
