"""A group whose commands are imported when they are used."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

import click

from trustkeys.wording import did_you_mean

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__tracebackhide__ = True


class LazyGroup(click.Group):
    """A group of commands, each in a module of its own.

    Args:
        package: The package of the modules.
        modules: By the command's name, its module, and the first sentence of its help. The
            module's attribute has the command's name, with ``_`` after a Python keyword.
    """

    def __init__(
        self, *args: Any, package: str, modules: dict[str, tuple[str, str]], **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self._package = package
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of `modules`."""
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in self._modules:
            return None
        module = import_module(f"{self._package}.{self._modules[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name, None) or getattr(module, f"{cmd_name}_")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the commands do, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in self._modules.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return commands and options, without importing the commands."""
        from click.shell_completion import CompletionItem

        commands = [
            CompletionItem(name, help=summary)
            for name, (_, summary) in self._modules.items()
            if name.startswith(incomplete)
        ]
        # Not that of a group, which imports them.
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command, or raise an error that names similar ones, also of other groups."""
        if args[0] in self._modules or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        from difflib import get_close_matches  # imported lazily: it takes 4 ms

        from trustkeys.cli.params import typed

        places = dict(_commands(ctx.find_root()))
        places.update((own, own) for own in self.list_commands(ctx))
        name = args[0].lower()
        near = [name] if name in places else get_close_matches(name, places)
        hint = did_you_mean([places[each] for each in near])
        raise click.UsageError(f"No such command {typed(args[0])}.{hint}", ctx)


def _commands(ctx: click.Context) -> Iterator[tuple[str, str]]:
    """Yield each command below a group, with what to type for it."""
    group = cast("click.Group", ctx.command)
    for name in group.list_commands(ctx):
        yield name, f"{ctx.command_path} {name}"
        command = group.get_command(ctx, name)
        if isinstance(command, click.Group):
            yield from _commands(click.Context(command, ctx, name))
