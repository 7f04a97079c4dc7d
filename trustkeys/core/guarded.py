"""Calls into cryptography with data from untrusted sources."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from threading import RLock
from typing import ParamSpec, TypeVar

__tracebackhide__ = True

_filters = RLock()

P = ParamSpec("P")
T = TypeVar("T")


def attempt(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
    """Return the result of a call into cryptography, or None if it fails in any way.

    The exception is dropped: it may refer to a secret. The caller raises its own error. A warning
    is dropped too: it is about the data, and of no use to the user of trustkeys.

    Raises:
        MemoryError: The memory does not suffice, which says nothing about the data.
    """
    try:
        # The filters belong to the process. Two threads that restored them out of order would leave
        # all warnings ignored.
        with _filters, warnings.catch_warnings(action="ignore"):
            return call(*args, **kwargs)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001, S110 - some are no ValueError, such as InternalError
        pass
    except BaseException as error:
        # A panic in Rust. Its class cannot be imported.
        if type(error).__name__ != "PanicException":
            raise
    return None
