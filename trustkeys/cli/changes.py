"""What a change of a key set means: which key is active, and what is left to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
        parts = [_now(first[1], at, is_same=is_same), *map(_later, listed[:_SHOWN])]
        if len(listed) > _SHOWN:
            parts.append(f"and {len(listed) - _SHOWN} more (trustkeys keyset show)")
        note(
            "; ".join(parts),
            active=first[1],
            takeovers=[{"time": time, "kid": kid} for time, kid in later],
        )


def report_disabled(file: str, before: Keys, after: Keys) -> None:
    """Print what is left to do if a change of the set has disabled a key."""
    disabled = {key.kid for key in before if key.status == "enabled"} & {
        key.kid for key in after if key.status == "disabled"
    }
    if disabled:
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


def warn_unpublished(keys: Iterable[TrustFrameworkKey], output: str) -> None:
    """Warn if an output of public keys has one that is disabled or expired."""
    now = moment(None)
    unusable = sum(not is_published(key, now) for key in keys)
    if unusable:
        warn(
            f"{counted(unusable)} disabled or expired, and programs that verify tokens do not see "
            f"that: do not publish {output}"
        )


def _plan(keys: Keys, now: int) -> dict[int, str | None]:
    found = takeovers(keys, now)
    return {time: None if index is None else keys[index].kid for time, index in found.items()}


def _now(kid: str | None, at: int | None, *, is_same: bool) -> str:
    when = "now" if at is None else date_text(at)
    if kid is None:
        return f"no key is active {'now' if at is None else f'at {when}'}"
    return f"{_short(kid)} stays active" if is_same else f"active from {when} on: {_short(kid)}"


def _later(takeover: tuple[int, str | None]) -> str:
    time, kid = takeover
    if kid is None:
        return f"no key is active from {date_text(time)} on"
    return f"{_short(kid)} takes over at {date_text(time)}"


def _short(kid: str) -> str:
    return kid if len(kid) <= 64 else f"{kid[:64]}…"


def _left_to_do(file: str, kty: str) -> str:
    publish = (
        "revoke the secret where it was issued"
        if kty == "oct"
        else f'publish the keys again ("trustkeys keyset jwks {file}"; programs that verify '
        "tokens can cache the old ones for a day)"
    )
    return (
        "copies of a disabled key still work: "
        f'{publish}, and replace them in the tenant ("trustkeys provision {file} --replace '
        '--skip-disabled --to DIR")'
    )
