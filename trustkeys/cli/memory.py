"""The protection of the keys in the memory of the process."""

from __future__ import annotations

import sys
from contextlib import suppress

__tracebackhide__ = True

# Of prctl(2).
_PR_SET_DUMPABLE = 4


def protect() -> None:
    """Keep a crash from writing keys to disk, and other programs of the user out of the memory."""
    with suppress(ImportError):  # Windows
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        with suppress(ImportError):  # a Python that was built without libffi
            import ctypes

            # A kernel that pipes core dumps to a program ignores the limit.
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
