"""The command, its exit codes and its errors."""

from __future__ import annotations

import errno
import sys
import warnings
from collections.abc import Sequence
from io import TextIOWrapper
from itertools import takewhile

import click

from trustkeys import __version__, system
from trustkeys.cli import signals, terminal
from trustkeys.cli.lazy import LazyGroup
from trustkeys.errors import TrustKeysError
from trustkeys.signals import handled
from trustkeys.wording import did_you_mean

__tracebackhide__ = True

_COMMANDS = {
    "generate": ("generate", "Generate a key as Graph does, and keep its private part."),
    "batch": ("batch.command", "Generate many keys, in a file or a directory."),
    "export": ("export", "Write keys of FILE in another form."),
    "import": ("import_", "Read keys in any form, check them, and write them to a file."),
    "inspect": ("inspect", "Print what FILE holds, and what is wrong with it."),
    "keyset": ("keyset", "Create and maintain key sets, under the rules of Azure AD B2C."),
    "provision": ("provision", "Write the requests that bring key sets into a tenant."),
    "compare": ("compare", "Compare the key set FILE with a saved answer of Graph."),
    "audit": ("audit", "Check all key sets in ANSWER."),
}


@click.group(
    cls=LazyGroup,
    package="trustkeys.cli",
    modules=_COMMANDS,
    name="trustkeys",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def group() -> None:
    """Make keys in the shape of Microsoft Graph's trustFrameworkKey, without a network.

    \b
    Examples:
      trustkeys generate --use sig --kty RSA -o signing.jwk
      trustkeys generate --help
      trustkeys keyset --help
    """  # noqa: D301 - click's mark for a paragraph that is not wrapped


def run(args: Sequence[str]) -> int:
    """Run the command in a process of its own, and return its exit code.

    0: done. 1: a file or the network failed. 2: bad input. 3: a check found errors. 4: no key is
    active. A signal ends the process as that signal does by default.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A name can have letters that the encoding lacks.
            stream.reconfigure(errors="backslashreplace")
    try:
        with handled(signals.stop):
            system.end_with_reader()
            return _run(args)
    except signals.Stopped as stopped:
        system.end_by(stopped.signum)
        return 128 + stopped.signum
    finally:
        terminal.drop_unwritten()


def _run(args: Sequence[str]) -> int:
    # Looked up in the arguments, since an error may be about their parsing.
    wanted = "--json" in takewhile(lambda arg: arg != "--", args)
    with terminal.json_messages(wanted=wanted):
        return _outcome(args)


def _outcome(args: Sequence[str]) -> int:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = lambda message, *_, **__: terminal.warn(str(message))
            code = group.main(list(args), prog_name="trustkeys", standalone_mode=False)
        return int(code or 0)
    except click.exceptions.NoArgsIsHelpError as error:
        terminal.write_error(error.format_message())
        return 2
    except click.ClickException as error:
        # click puts each choice of a missing option on a line of its own.
        message = error.format_message().replace("\n\t", " ")
        if isinstance(error, click.NoSuchOption) and error.ctx is not None:
            message = f"{error.message}{did_you_mean(_similar(error, error.ctx, args))}"
        if isinstance(error, click.UsageError) and error.ctx is not None:
            message = f"{message.rstrip('.')} (see {error.ctx.command_path} --help)"
        terminal.report(TrustKeysError(message))
        return 2
    except TrustKeysError as error:
        terminal.report(error)
        return 2
    except OSError as error:
        # Without a file name, it is about what click wrote: the help, for example.
        if error.filename is None and sys.stdout and system.has_lost_reader(sys.stdout, error):
            return 1
        message = f"{error.filename or repr('')}: {error.strerror}"
        code_name = errno.errorcode.get(error.errno or 0, "OSError")
        terminal.report(TrustKeysError(message, code=code_name, target=str(error.filename)))
        return 1


def _similar(error: click.NoSuchOption, ctx: click.Context, args: Sequence[str]) -> list[str]:
    """Return options like the unknown one, which click cuts: it reads -json as -j, -s, -o, -n."""
    from difflib import get_close_matches  # imported lazily: it takes 4 ms

    start = error.option_name
    whole = next((arg for arg in args if arg.startswith(start)), start).partition("=")[0]
    shown = [each for each in ctx.command.get_params(ctx) if not getattr(each, "hidden", False)]
    options = [name for each in shown if isinstance(each, click.Option) for name in each.opts]
    return get_close_matches(whole, options)
