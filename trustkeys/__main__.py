"""``python -m trustkeys``, and the entry point of the installed command."""

from __future__ import annotations

import gc
import signal
import sys

__tracebackhide__ = True


def main() -> None:
    """Run the command line, or say how to install it."""
    # Until there is something to clean up, Ctrl-C ends the process without a traceback.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Of what a module holds when it is imported, a collection would free nothing.
    gc.disable()
    try:
        from trustkeys.cli.main import run
    except OSError as error:  # a module could not be read, for want of descriptors for example
        sys.exit(f"trustkeys: {error.filename}: {error.strerror}")
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.exit('trustkeys: the command line needs click: pip install "trustkeys[cli]"')
    gc.freeze()
    gc.enable()
    code = run(sys.argv[1:])
    # At exit, the interpreter would look through all modules, for a tenth of the time.
    gc.freeze()
    sys.exit(code)


if __name__ == "__main__":
    main()
