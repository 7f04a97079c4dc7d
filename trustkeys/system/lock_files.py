"""What locks of files have in common on all systems."""

from __future__ import annotations

import errno
import os
import stat

from trustkeys import system

__tracebackhide__ = True

QUIET = 1.0
"""How long a program waits until that is logged, in seconds."""


def check(status: os.stat_result, name: str, path: str) -> None:
    """Check that a lock's file is one, and not somebody's keys.

    Raises:
        OSError: It is another file, or PermissionError, it belongs to another user.
    """
    if system.is_link(status) or not stat.S_ISREG(status.st_mode) or status.st_size > 0:
        raise OSError(errno.EEXIST, f"{name} exists and is not a lock file")
    if system.is_of_another_user(status):
        message = f"{name} belongs to another user: delete it if nobody is changing {path}"
        raise PermissionError(errno.EPERM, message)


def explain(error: PermissionError, name: str, advice: str) -> None:
    """Say in an error from opening or making a lock's file what to do.

    Args:
        error: The error.
        name: The lock's file.
        advice: What makes the file one that can be opened.
    """
    action, advice = (
        ("opened", advice) if os.path.lexists(name) else ("made", "make the directory writable")
    )
    error.strerror = f"its lock file {name} cannot be {action} ({error.strerror}): {advice}"


def timed_out(timeout: float) -> TimeoutError:
    """Return the error for a lock that did not become free in time."""
    still, waited = (" still", f" after {timeout:g} seconds") if timeout > 0 else ("", "")
    message = f"another process is{still} changing it{waited}: try again later"
    return TimeoutError(errno.ETIMEDOUT, message)


def log_wait(path: str) -> None:
    """Log that a program waits for another one."""
    import logging  # imported late: it takes 5 ms

    logging.getLogger("trustkeys").info("waiting for another program that changes %s", path)
