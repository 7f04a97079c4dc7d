"""Journals in a file, and what is in them."""

from __future__ import annotations

from pathlib import Path

from trustkeys.cli.batch.journal import journal

LINES = [b'{"a": 1}', b"", b"x" * 100]

WHOLE = b"".join(line + b"\n" for line in LINES)


def no_check(_line: object) -> None:
    """Accept every line."""


def lines_of(path: Path) -> list[bytes]:
    """Return the lines of a file that is continued."""
    found: list[bytes] = []
    with journal(path, is_new=False) as lines:
        lines.read(found.append)
        assert lines.count == len(found)
    return found


def continued(path: Path, *more: bytes) -> int:
    """Continue a file, and return how many lines it has then."""
    with journal(path, is_new=False) as lines:
        lines.read(no_check)
        for line in more:
            lines.add(line)
        lines.sync()
        return lines.count
