"""``python -m trustkeys.testing``: Microsoft Graph's trustFramework API on 127.0.0.1, for tests."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import NoReturn

import trustkeys
from trustkeys.core.strict_json import MAX_SET_BYTES
from trustkeys.core.utf8 import as_utf8
from trustkeys.errors import TrustKeysError
from trustkeys.signals import handled

try:
    from trustkeys.testing.control import Control
    from trustkeys.testing.server import serve
    from trustkeys.testing.transport import GraphTransport
except ModuleNotFoundError as error:
    if error.name != "httpx":
        raise
    sys.exit('trustkeys.testing: the server needs httpx: pip install "trustkeys[testing]"')

__tracebackhide__ = True

_ABOUT = """\
Answer on 127.0.0.1 as Microsoft Graph does for the key sets of an Azure AD B2C tenant, for tests of
programs in any language. The first line of the output is the base URL. Ctrl-C or SIGTERM ends the
server, and the tenant is gone.

The tenant starts without key sets. Its new keys are test keys, whose private parts are public.
Requests to addresses below /trustkeys/ change the tenant and cause faults: see "Graph on loopback"
in the documentation.
"""


def main(args: Sequence[str] | None = None) -> None:
    """Run the server until SIGINT or SIGTERM.

    Args:
        args: The arguments. Default: those of the process.

    Raises:
        SystemExit: Bad arguments, or the server cannot start.
    """
    options = _parser().parse_args(args)
    stopping = handled(signal.default_int_handler)
    with suppress(KeyboardInterrupt), stopping, ExitStack() as stack:
        transport = GraphTransport(generate=trustkeys.generate if options.real_keys else None)
        if options.tenant is not None:
            _load(transport, options.tenant)
        if options.token:
            transport.tokens = options.token
        try:
            server = stack.enter_context(serve(transport, port=options.port))
        except OSError as error:
            _fail(f"port {options.port}", f"{error.strerror}: choose another one")
        keys = "real keys, kept in memory" if options.real_keys else "test keys, which are public"
        print(  # noqa: T201
            f"For tests only. New keys are {keys}. Ctrl-C ends the server.",
            file=sys.stderr,
            flush=True,
        )
        # Last, since a program that started the server goes on when it reads this.
        try:
            print(server.url, flush=True)  # noqa: T201
        except OSError as error:
            _fail("standard output", str(error.strerror))
        while True:
            time.sleep(1)  # on Windows, Ctrl-Break does not end it early


def _load(transport: GraphTransport, path: str) -> None:
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_SET_BYTES + 1)
        Control.of(transport).change(as_utf8(content))
    except OSError as error:
        _fail(path, str(error.strerror))
    except TrustKeysError as error:
        _fail(path, str(error))


def _fail(what: str, problem: str) -> NoReturn:
    sys.exit(f"trustkeys.testing: {what}: {problem}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m trustkeys.testing",
        description=_ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--port", type=_port, default=0, help="TCP port (default: a free one)")
    parser.add_argument(
        "--tenant",
        metavar="FILE",
        help="start with the tenant in FILE: JSON, as GET /trustkeys/tenant answers it",
    )
    parser.add_argument(
        "--token",
        action="append",
        help="accept only requests with this bearer token, which can be any text; do not use a "
        "real one; repeat the option to accept several",
    )
    parser.add_argument(
        "--real-keys",
        action="store_true",
        help="generate real keys instead of test keys; their private parts never leave the server",
    )
    return parser


def _port(text: str) -> int:
    if text.isascii() and text.isdecimal() and len(text) <= 5 and int(text) < 65536:
        return int(text)
    raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")


if __name__ == "__main__":
    main()
