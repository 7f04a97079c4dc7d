"""What differs between POSIX and Windows. All other modules read the same everywhere."""

import sys

if sys.platform == "win32":
    from trustkeys.system.windows import (
        STOPPING,
        end_with_reader,
        processors,
        protect_memory,
        reader_is_noticed,
    )
    from trustkeys.system.windows_files import (
        NAME_TOO_LONG,
        create,
        create_unnamed,
        is_link,
        is_of_another_user,
        is_open_to_others,
        itself,
        lock,
        make_directory,
        mode_bits,
        open_itself,
        put,
        remove,
        replace,
        status_of,
        synced,
    )
else:
    from trustkeys.system.posix import (
        STOPPING,
        end_with_reader,
        processors,
        protect_memory,
        reader_is_noticed,
    )
    from trustkeys.system.posix_files import (
        NAME_TOO_LONG,
        create,
        create_unnamed,
        is_link,
        is_of_another_user,
        is_open_to_others,
        itself,
        lock,
        make_directory,
        mode_bits,
        open_itself,
        put,
        remove,
        replace,
        status_of,
        synced,
    )

__all__ = [
    "NAME_TOO_LONG",
    "STOPPING",
    "create",
    "create_unnamed",
    "end_with_reader",
    "is_link",
    "is_of_another_user",
    "is_open_to_others",
    "itself",
    "lock",
    "make_directory",
    "mode_bits",
    "open_itself",
    "processors",
    "protect_memory",
    "put",
    "reader_is_noticed",
    "remove",
    "replace",
    "status_of",
    "synced",
]
