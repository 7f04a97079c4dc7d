"""What differs between POSIX and Windows. All other modules read the same everywhere."""

import sys

if sys.platform == "win32":
    from trustkeys.system.windows import (
        APART,
        REUSES_ADDRESS,
        STOPPING,
        UNUSED_COLUMNS,
        end_by,
        end_with_reader,
        has_lost_reader,
        has_terminal,
        obeys_escape_codes,
        processors,
        prompting,
        protect_memory,
        reader_is_noticed,
    )
else:
    from trustkeys.system.posix import (
        APART,
        REUSES_ADDRESS,
        STOPPING,
        UNUSED_COLUMNS,
        end_by,
        end_with_reader,
        has_lost_reader,
        has_terminal,
        obeys_escape_codes,
        processors,
        prompting,
        protect_memory,
        reader_is_noticed,
    )

__all__ = [
    "APART",
    "REUSES_ADDRESS",
    "STOPPING",
    "UNUSED_COLUMNS",
    "end_by",
    "end_with_reader",
    "has_lost_reader",
    "has_terminal",
    "obeys_escape_codes",
    "processors",
    "prompting",
    "protect_memory",
    "reader_is_noticed",
]
