"""A group whose commands are imported when they are used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

__tracebackhide__ = True


class LazyGroup(click.Group):
    """A group of commands, each in a module of its own.

    Args:
        package: The package of the modules.
        modules: The modules by the command's name. A module's attribute has the command's name,
            with ``_`` after a Python keyword.
    """

    def __init__(self, *args: Any, package: str, modules: dict[str, str], **options: Any) -> None:
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
        module = import_module(f"{self._package}.{self._modules[cmd_name]}")
        command: click.Command = getattr(module, cmd_name, None) or getattr(module, f"{cmd_name}_")
        return command
