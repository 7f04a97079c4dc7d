"""The findings of a check, as lines and as an exit status."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trustkeys.keyset.check import Audit, Finding

__tracebackhide__ = True

_NOTES = {
    "published": "checked as a policy publishes it",
    "key": "the other keys of its set were not checked",
}


def kind_of(audit: Audit) -> str | None:
    """Say what was checked, unless it is a key set as trustkeys itself writes it."""
    if audit.kind == "jwks":
        return None
    note = _NOTES.get(audit.kind)
    return audit.description if note is None else f"{audit.description}; {note}"


def lines(findings: Sequence[Finding]) -> Iterator[str]:
    """Return a line for each finding, or say that there is none."""
    for found in findings:
        yield f"{found.severity}: {found.message} ({found.code})"
    if not findings:
        yield "no findings"


def status(findings: Sequence[Finding], fail_on: str) -> int:
    """Return the exit status: 3 if a finding is as severe as `fail_on`."""
    severe = {"error", fail_on}
    return 3 if any(finding.severity in severe for finding in findings) else 0
