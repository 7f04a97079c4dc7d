"""How messages name the keys of a set."""

from __future__ import annotations

from collections.abc import Sequence

from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.numericdate import date_text

__tracebackhide__ = True


def name_of(kid: str | None, number: int) -> str:
    """Return ``key KID``, or ``key NUMBER`` if the kid is missing, too long or not printable."""
    return f"key {kid}" if kid and len(kid) <= 64 and kid.isprintable() else f"key {number}"


def nearest(keys: Sequence[TrustFrameworkKey], when: int) -> str:
    """Say which key starts next and which ended last, for a time at which none is active."""
    enabled = [key for key in keys if key.status == "enabled"]
    if not enabled:
        return "all its keys are disabled" if keys else "it is empty"
    starting = [(key.nbf, key.kid) for key in enabled if key.nbf is not None and key.nbf > when]
    ended = [(key.exp, key.kid) for key in enabled if key.exp is not None and key.exp <= when]
    sentences = []
    if starting:
        start, kid = min(starting)
        sentences.append(f"{kid} starts at {date_text(start)}")
    if ended:
        end, kid = max(ended)
        sentences.append(f"{kid} ended at {date_text(end)}")
    return ", ".join(sentences)
