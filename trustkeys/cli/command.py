"""The class of all commands."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from trustkeys.system import protect_memory
from trustkeys.wording import counted

__tracebackhide__ = True


class Command(click.Command):
    """A command that protects the keys in its memory.

    It does not show an argument too many, which can be a secret or passphrase.
    """

    allow_extra_args = True

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse arguments that the command does not take."""
        rest = super().parse_args(ctx, args)
        if rest and not ctx.resilient_parsing:
            raise click.UsageError(
                f"{counted(len(rest), 'argument')} too many, not shown since it could be a secret",
                ctx,
            )
        return rest

    def invoke(self, ctx: click.Context) -> Any:
        """Protect the memory, and run the command."""
        protect_memory()
        return super().invoke(ctx)


command = partial(click.command, cls=Command)
"""Like `click.command`."""
