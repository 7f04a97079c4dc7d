"""What a change of a key set means: which key is active, and what is left to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from trustkeys.cli import shell
from trustkeys.cli.terminal import note, warn
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.numericdate import date_text
from trustkeys.keyset.keyset import TrustFrameworkKeySet
from trustkeys.keyset.schedule import is_published, moment, takeovers
from trustkeys.wording import counted

__tracebackhide__ = True

_SHOWN = 3

Keys = Sequence[TrustFrameworkKey]


def report(before: Keys, after: Keys, at: int | None) -> None:
    """Print which key is active now and later, if a change of the set has changed that.

    Args:
        before: The keys before the change.
        after: The keys after it.
        at: The time to use as now, in seconds since 1970; None: now.
    """
    now = moment(at)
    old, new = _plan(before, now), _plan(after, now)
    if old != new:
        first, *later = new.items()
        changed = [each for each in later if each not in old.items()]
        is_same = old[now] == first[1]
        # The next takeover is worth knowing even if it stays as it was.
        listed = [*later[:1], *(each for each in changed if each not in later[:1])]
        parts = [_now(first[1], after, at, is_same=is_same)]
        parts += [_later(time, kid, after) for time, kid in listed[:_SHOWN]]
        if len(listed) > _SHOWN:
            parts.append(f"and {len(listed) - _SHOWN} more (trustkeys keyset show)")
        note(
            "; ".join(parts),
            active=first[1],
            takeovers=[{"time": time, "kid": kid} for time, kid in later],
        )


def report_disabled(file: str, before: Keys, after: Keys) -> None:
    """Print what is left to do if a change of the set has disabled a key."""
    were_enabled = {key.kid for key in before if key.status == "enabled"}
    disabled = [key for key in after if key.status == "disabled" and key.kid in were_enabled]
    if disabled:
        material = {*map(_material, disabled)}
        for key in after:
            if key.status == "enabled" and _material(key) in material:
                warn(
                    f"{_name(key.kid, after)} is the same key under another kid, and stays in "
                    "use: disable it too"
                )
        note(_left_to_do(file, after[0].kty))


def published(keys: TrustFrameworkKeySet) -> TrustFrameworkKeySet:
    """Return the public keys to publish as a set, and print how many are left out."""
    now = moment(None)
    found = [key for key in map(TrustFrameworkKey.public, keys) if is_published(key, now)]
    if left_out := len(keys) - len(found):
        note(
            f'{counted(left_out)} left out, disabled or expired: "trustkeys keyset jwks --all" '
            "prints all keys",
            left_out=left_out,
        )
    return TrustFrameworkKeySet(keys.id, found)


def warn_private(file: str, keys: Keys) -> None:
    """Warn if a set of public keys has got a private key."""
    if any(key.has_private for key in keys):
        warn(f"{file} had only public keys, and now has a private one: do not publish it any more")


def warn_unpublished(keys: Iterable[TrustFrameworkKey], output: str) -> None:
    """Warn if an output of public keys has one that is disabled or expired."""
    now = moment(None)
    unusable = sum(not is_published(key, now) for key in keys)
    if unusable:
        warn(
            f"{counted(unusable)} disabled or expired, and programs that verify tokens do not see "
            f"that: do not publish {output}"
        )


def _material(key: TrustFrameworkKey) -> str:
    """Return what two kids of the same key have in common, for comparison alone."""
    return str(key.to_jwk()["n"] if key.kty == "RSA" else key.to_jwk(private=True)["k"])


def _plan(keys: Keys, now: int) -> dict[int, str | None]:
    found = takeovers(keys, now)
    return {time: None if index is None else keys[index].kid for time, index in found.items()}


def _now(kid: str | None, keys: Keys, at: int | None, *, is_same: bool) -> str:
    when = "now" if at is None else date_text(at)
    if kid is None:
        return f"no key is active {'now' if at is None else f'at {when}'}"
    name = _name(kid, keys)
    if is_same:
        return f"{name} stays active" if at is None else f"{name} is active at {when} as before"
    return f"active from {when} on: {name}"


def _later(time: int, kid: str | None, keys: Keys) -> str:
    if kid is None:
        return f"no key is active from {date_text(time)} on"
    return f"{_name(kid, keys)} takes over at {date_text(time)}"


def _name(kid: str, keys: Keys) -> str:
    """Shorten a kid as KID can be shortened, unless another key has the same first characters."""
    start = kid[:8]
    if len(kid) <= 24 or sum(key.kid.startswith(start) for key in keys) > 1:
        return kid
    return start


def _left_to_do(file: str, kty: str) -> str:
    name = shell.word(file)
    publish = (
        "replace or revoke the secret wherever else it is used"
        if kty == "oct"
        else f'publish the keys again ("trustkeys keyset jwks {name}"; programs that verify '
        "tokens can cache the old ones for a day)"
    )
    return (
        "copies of a disabled key still work: "
        f'{publish}, and replace them in the tenant ("trustkeys provision {name} --replace '
        '--skip-disabled --to DIR")'
    )
