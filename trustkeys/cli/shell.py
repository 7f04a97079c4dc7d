"""Commands that the command prints, for a person to type."""

from __future__ import annotations

import re
import shlex

from trustkeys.system import SHELL

__tracebackhide__ = True


def word(text: str) -> str:
    """Return text, such as a file's name, as one word for the usual shell of the system."""
    if SHELL == "sh":
        return shlex.quote(text)
    from trustkeys.graph.scripts import pwsh_literal  # imported lazily, since only Windows needs it

    return text if re.fullmatch(r"[A-Za-z0-9._/\\:-]+", text) else pwsh_literal(text)
