"""What would break sign-in, in keys that could be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, Protocol

from attrs import frozen

from trustkeys.errors import InvalidInputError
from trustkeys.keyset.schedule import FOREVER, Dated, Stretch, end_of, moment, stretches
from trustkeys.numericdate import NumericDateInput, date_text, numeric_date

__all__ = ["Finding"]

# pytest shows the arguments of the frame that raised, and here they can be secrets.
__tracebackhide__ = True

SERVICE_NOTICE = 10_800
"""How long before its `nbf`, in seconds, the service may need a key (IEFPolicies issue 63)."""

EXPIRY_NOTICE = 30 * 86_400
"""How long before it expires, in seconds, a key is said to do so soon."""

TOKEN_LIFETIME = 90 * 86_400
"""How long, in seconds, a refresh token can live, and has to be decrypted."""


@frozen
class Finding:
    """One thing that a check found.

    Attributes:
        severity: ``"error"``: the service would refuse the set, or sign-in would fail.
            ``"warning"``: it may come to that.
        code: The service's error code where it documents one, else a name such as
            ``NoActiveKey``.
        message: One sentence for a person. It holds no secret.
        kid: The key that it is about, if it is about one and that has a `kid`.
        time: When it starts to matter, in seconds since 1970, if that has a time.
        end: When it ceases to, likewise.
    """

    severity: Literal["error", "warning"]
    code: str
    message: str
    kid: str | None = None
    time: int | None = None
    end: int | None = None


class Key(Dated, Protocol):
    """What the check has to know of a key."""

    @property
    def kid(self) -> str | None:
        """Its id, if it has one."""

    @property
    def kty(self) -> str | None:
        """Its type, if that is known."""

    @property
    def use(self) -> str | None:
        """Its use, if that is known."""

    @property
    def has_private(self) -> bool:
        """Whether its private part is there."""


def known_to_all(kid: str | None, number: int) -> Finding:
    """Say that a key is a test key."""
    return Finding(
        "error",
        "TestKey",
        f"{name_of(kid, number)} is a test key, whose private part everybody has",
        kid,
    )


def check_keys(
    keys: Sequence[Key], *, at: NumericDateInput, until: NumericDateInput, private: bool
) -> list[Finding]:
    """Look for what would break sign-in in keys that could be read.

    `trustkeys.check_key_set` says what is found.
    """
    return in_order(_findings(keys, at, until, private=private))


def in_order(found: Iterable[Finding]) -> list[Finding]:
    """Put errors first, and each part in the order of the times."""
    return sorted(found, key=lambda finding: (finding.severity != "error", finding.time or 0))


def name_of(kid: str | None, number: int) -> str:
    """Name a key for people: by its kid where it has one that can be shown, else by its place."""
    return f"key {kid}" if kid and len(kid) <= 64 and kid.isprintable() else f"key {number}"


def _findings(
    keys: Sequence[Key], at: NumericDateInput, until: NumericDateInput, *, private: bool
) -> Iterator[Finding]:
    now = moment(at)
    horizon = None if until is None else numeric_date(until, "until")
    if horizon is not None and horizon <= now:
        raise InvalidInputError("until must lie after at", target="until")
    line = stretches(keys)
    yield from _mixed(keys)
    if private:
        yield from _public_only(keys)
    yield from _gaps(line, now, horizon)
    yield from _expiring(keys, line, now)
    yield from _starting(keys, now)
    yield from _outlived(keys, line, now)
    if keys and not any(key.nbf is key.exp is None and key.status == "enabled" for key in keys):
        yield Finding(
            "warning",
            "NoSafetyNet",
            "no enabled key is without dates: one would take over should all others expire",
        )


def _mixed(keys: Sequence[Key]) -> Iterator[Finding]:
    for code, name, values in (
        ("AADB2C95032", "kty", {key.kty for key in keys}),
        ("AADB2C95042", "use", {key.use for key in keys}),
    ):
        mixed = sorted(value for value in values if value is not None)
        if len(mixed) > 1:
            yield Finding(
                "error",
                code,
                f"the keys differ in {name} ({', '.join(mixed)}): the service takes one",
            )
    for kid, count in Counter(key.kid for key in keys if key.kid).items():
        if count > 1:
            yield Finding("error", "DuplicateKid", f"{count} keys have the same kid", kid)


def _public_only(keys: Sequence[Key]) -> Iterator[Finding]:
    for number, key in enumerate(keys, 1):
        if not key.has_private:
            yield Finding(
                "error",
                "AADB2C90085",
                f"{name_of(key.kid, number)} has no private part, and breaks sign-in",
                key.kid,
            )


def _gaps(line: Sequence[Stretch], now: int, horizon: int | None) -> Iterator[Finding]:
    if horizon is None:
        ends = [stretch.end for stretch in line if stretch.key is not None]
        horizon = max([now + 1, *ends])
    for stretch in line:
        if stretch.key is None and stretch.start < horizon and now < stretch.end:
            start = max(stretch.start, now)
            end = None if stretch.end == FOREVER else stretch.end
            to = "on" if end is None else f"to {date_text(end)}"
            yield Finding(
                "error",
                "NoActiveKey",
                f"no key is active from {date_text(start)} {to}: sign-in fails",
                time=start,
                end=end,
            )


def _expiring(keys: Sequence[Key], line: Sequence[Stretch], now: int) -> Iterator[Finding]:
    """Find keys that are active until they expire, soon: no later key has taken over by then."""
    for stretch, heir in _with_heirs(line):
        if stretch.key is None or not now < stretch.end <= now + EXPIRY_NOTICE:
            continue
        key = keys[stretch.key]
        if key.exp == stretch.end:
            then = "nothing" if heir is None else name_of(keys[heir].kid, heir + 1)
            yield Finding(
                "warning",
                "ExpiresSoon",
                f"{name_of(key.kid, stretch.key + 1)} is active until it expires at "
                f"{date_text(stretch.end)}, and then {then} takes over",
                key.kid,
                time=stretch.end,
            )


def _with_heirs(line: Sequence[Stretch]) -> Iterator[tuple[Stretch, int | None]]:
    """Go through all stretches, each with the index of the key that takes over after it."""
    return zip(line, [*(stretch.key for stretch in line[1:]), None], strict=True)


def _starting(keys: Sequence[Key], now: int) -> Iterator[Finding]:
    for number, key in enumerate(keys, 1):
        if (
            key.status == "enabled"
            and key.nbf is not None
            and now < key.nbf < min(now + SERVICE_NOTICE, end_of(key))
        ):
            yield Finding(
                "warning",
                "StartsSoon",
                f"{name_of(key.kid, number)} starts at {date_text(key.nbf)}: "
                "the service may need 3 hours to notice it",
                key.kid,
                time=key.nbf,
            )


def _outlived(keys: Sequence[Key], line: Sequence[Stretch], now: int) -> Iterator[Finding]:
    """Find enc keys that expire before the tokens that were encrypted with them may."""
    # When each of them encrypts for the last time: until its successor starts. Where none is
    # planned yet, that may still be done in time, and only the tokens of today are sure.
    last: dict[int, int] = {}
    for stretch, heir in _with_heirs(line):
        if stretch.key is not None and keys[stretch.key].use == "enc":
            is_relieved = heir is not None and keys[heir].nbf == stretch.end
            last[stretch.key] = stretch.end if is_relieved else max(stretch.start, now)
    for index, time in last.items():
        key = keys[index]
        if key.exp is not None and key.exp < time + TOKEN_LIFETIME and key.exp > now:
            yield Finding(
                "warning",
                "EndsBeforeTokens",
                f"{name_of(key.kid, index + 1)} expires at {date_text(key.exp)}: refresh tokens "
                f"that it encrypts until {date_text(time)} can live 90 days longer",
                key.kid,
                time=key.exp,
            )
