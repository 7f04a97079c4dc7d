"""The command, its exit codes and its errors."""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module

import click

from trustkeys.cli import signals, values
from trustkeys.cli.generate import generate
from trustkeys.errors import TrustKeysError

# Where the commands stand that need more, and are loaded when they are asked for.
_WHEN_ASKED_FOR = {
    "compare": ("provision", "compare"),
    "export": ("export", "export"),
    "import": ("import_", "import_"),
    "inspect": ("inspect", "inspect"),
    "keyset": ("keyset.commands", "keyset"),
    "provision": ("provision", "provision"),
}


class _Commands(click.Group):
    """The commands. Those that need more are loaded when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *_WHEN_ASKED_FOR]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _WHEN_ASKED_FOR:
            return super().get_command(ctx, cmd_name)
        module, name = _WHEN_ASKED_FOR[cmd_name]
        command: click.Command = getattr(import_module(f"trustkeys.cli.{module}"), name)
        return command


@click.group(
    cls=_Commands,
    name="trustkeys",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="trustkeys", message="%(prog)s %(version)s")
def group() -> None:
    """Make keys in the shape of Microsoft Graph's trustFrameworkKey, without a network.

    \b
    Examples:
      trustkeys generate --use sig --kty RSA -o signing.jwk
      trustkeys generate --help
      trustkeys keyset --help
    """  # noqa: D301 - click's mark for a paragraph that is not wrapped


group.add_command(generate)


def run(args: Sequence[str]) -> int:
    """Run the command in a process of its own, and give its exit code.

    0 done, 1 trouble with a file, 2 bad input, 3 a check found errors. A signal ends the
    process as that signal does.
    """
    _disable_core_dumps()
    try:
        signals.handle(signals.stop)
        if hasattr(signal, "SIGPIPE"):
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        code = _run(args)
        # There is nothing left to clean up.
        signals.handle(signal.SIG_DFL)
    except signals.Stopped as stopped:
        signal.signal(stopped.signum, signal.SIG_DFL)
        signal.raise_signal(stopped.signum)
        return 128 + stopped.signum
    return code


def _run(args: Sequence[str]) -> int:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = lambda message, *_, **__: values.warn(str(message))
            code = group.main(list(args), prog_name="trustkeys", standalone_mode=False)
        return int(code or 0)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.ClickException as error:
        message = error.format_message()
        if isinstance(error, click.UsageError) and error.ctx is not None:
            message = f"{message.rstrip('.')} (see {error.ctx.command_path} --help)"
        _report(TrustKeysError(message), message, args)
        return 2
    except TrustKeysError as error:
        _report(error, str(error), args)
        return 2
    except OSError as error:
        # What could not be written is not tried again when the interpreter ends.
        _discard_output()
        message = f"{error.filename or repr('')}: {error.strerror}"
        code_name = errno.errorcode.get(error.errno or 0, "OSError")
        _report(TrustKeysError(message, code=code_name, target=str(error.filename)), message, args)
        return 1


def _report(error: TrustKeysError, line: str, args: Sequence[str]) -> None:
    # Looked up in the arguments themselves, since the error may be about them.
    text = (
        json.dumps(error.to_graph()) if "--json" in args else f"trustkeys: {values.escaped(line)}"
    )
    # Where nobody can be told, the exit code still tells.
    with suppress(OSError):
        click.echo(text, err=True)


def _discard_output() -> None:
    if sys.stdout is not None:
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, sys.stdout.fileno())
        os.close(devnull)


def _disable_core_dumps() -> None:
    """Keep a crash from writing keys to disk, as far as a limit can."""
    try:
        import resource
    except ImportError:  # Windows has none
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
