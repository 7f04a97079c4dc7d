"""The rules of a good key set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trustkeys.formats.answers import Kind
from trustkeys.keyset import key_rules, time_rules
from trustkeys.keyset.finding import CheckedKey, Finding
from trustkeys.keyset.schedule import stretches
from trustkeys.keyset.weak import Moduli

__tracebackhide__ = True


def findings_in(
    keys: Sequence[CheckedKey],
    kind: Kind,
    now: int,
    horizon: int | None,
    *,
    name: object,
    private: bool,
    moduli: Moduli,
) -> Iterator[Finding]:
    """Find what is wrong with a set, as far as the document shows it.

    Args:
        keys: All keys of the set, or the only one that the document shows.
        kind: What the document is, as in `trustkeys.formats.answers.KeySets`.
        now: In seconds since 1970.
        horizon: There must be no gap before this time, in seconds since 1970.
        name: What the document says about the id of the set.
        private: Whether each key needs its private part, since the set is to be uploaded.
        moduli: The tests of the RSA moduli of the document.
    """
    line = stretches(keys)
    for key in keys:
        yield from key_rules.broken(key)
        yield from key_rules.weak(key, moduli, now)
        yield from key_rules.operations(key)
        yield from key_rules.certificate_use(key)
    if kind != "published":
        yield from key_rules.mixed("kty", "AADB2C95032", {key.kty for key in keys})
        yield from key_rules.mixed("use", "AADB2C95042", {key.use for key in keys})
    yield from key_rules.unexpected_use(keys, name)
    yield from key_rules.duplicates(keys)
    for key in keys:
        if private and not key.has_private:
            yield key.error(
                "AADB2C90085",
                "has no private part, which breaks sign-in: add it, or check keys that are only "
                "published with --public (private=False)",
            )
    yield from time_rules.unlikely(keys, now)
    yield from time_rules.certificates(keys, now)
    if private or kind == "jwks":
        yield from time_rules.starting(keys, now)
    if kind != "key":
        yield from time_rules.gaps(line, now, horizon)
        yield from time_rules.expiring(keys, line, now)
    if kind not in ("key", "published"):
        yield from time_rules.outlived(keys, line, now)
        yield from time_rules.safety_net(keys, line)
