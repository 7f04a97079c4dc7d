"""What differs between POSIX and Windows. All other modules read the same everywhere.

The modules for both systems define the same names.
"""

import sys

if sys.platform == "win32":
    from trustkeys.system.windows import *  # noqa: F403
    from trustkeys.system.windows_files import *  # noqa: F403
else:
    from trustkeys.system.posix import *  # noqa: F403
    from trustkeys.system.posix_files import *  # noqa: F403
