"""What differs between POSIX and Windows. All other modules read the same everywhere."""

import sys

if sys.platform == "win32":
    from trustkeys.system.windows import (
        SHELL,
        STOPPING,
        end_with_reader,
        processors,
        protect_memory,
        reader_is_noticed,
    )
else:
    from trustkeys.system.posix import (
        SHELL,
        STOPPING,
        end_with_reader,
        processors,
        protect_memory,
        reader_is_noticed,
    )

__all__ = [
    "SHELL",
    "STOPPING",
    "end_with_reader",
    "processors",
    "protect_memory",
    "reader_is_noticed",
]
