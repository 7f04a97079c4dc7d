"""The parameter KID: its completion in shells, and commands whose KID can start with a hyphen."""

from __future__ import annotations

import os
import re
import warnings
from contextlib import suppress
from itertools import takewhile
from typing import TYPE_CHECKING

import click

from trustkeys.cli.command import Command
from trustkeys.system import protect_memory

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__tracebackhide__ = True

_HARMLESS = r"[A-Za-z0-9._+/=-]{1,256}"
"""Kids in which no shell finds anything to interpret."""


class KidCommand(Command):
    """A command with the argument KID. What looks like an unknown option can be the KID."""

    ignore_unknown_options = True

    def get_help_option_names(self, ctx: click.Context) -> list[str]:
        """Return ``--help`` only: an option ``-h`` would be found in the middle of a KID."""
        return ["--help"]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take ``-h`` alone for ``--help``, and refuse an option with a typing error."""
        known = [opt for param in self.get_params(ctx) for opt in param.opts]
        for arg in takewhile(lambda arg: arg != "--", args):
            name = arg.partition("=")[0]
            is_unknown = name.startswith("-") and name not in [*known, "-h"]
            if is_unknown and not ctx.resilient_parsing:
                from difflib import get_close_matches  # imported lazily: it takes 4 ms

                if get_close_matches(name, known):
                    raise click.NoSuchOption(name, ctx=ctx)
        is_help = "-h" in takewhile(lambda arg: arg != "--", args)
        return super().parse_args(ctx, ["--help"] if is_help else args)


class _Kid(click.ParamType[str]):
    """A `kid`, complete or its first characters, which completes in shells."""

    name = "kid"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the kids in FILE if it can be read without a question.

        A kid can be any text, and bash puts it on the line as it is: ``$(…)`` would be run. So kids
        with characters that a shell can interpret are left out.
        """
        from click.shell_completion import CompletionItem

        kids: list[str] = []
        # An error or a warning would stand in the middle of the line that is typed.
        with suppress(Exception), warnings.catch_warnings(action="ignore"):
            # After an option without its value click has parsed no argument.
            file = ctx.params.get("file") or ctx.args[0]
            kids = _kids_in(file, ctx.params.get("password_file"))
        return [
            CompletionItem(kid)
            for kid in kids
            if kid.startswith(incomplete) and re.fullmatch(_HARMLESS, kid)
        ]


def _kids_in(file: str, password_file: str | None) -> list[str]:
    from trustkeys import store
    from trustkeys.cli.passphrases import read_password

    protect_memory()
    # The shell has not replaced a ~ yet.
    path = os.path.expanduser(file)
    password = None
    if password_file is not None:
        password_file = os.path.expanduser(password_file)
        if not os.path.isfile(password_file):  # a pipe can be read only once
            return []
        password = read_password(password_file)
    return [key.kid for key in store.load(path, password=password)]


KID = _Kid()
