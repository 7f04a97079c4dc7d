"""The rules of a good key set, and what a check finds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Literal

from attrs import frozen

from trustkeys.core.numericdate import date_text
from trustkeys.errors import InvalidInputError, KeyTooSmallError
from trustkeys.formats.answers import Kind
from trustkeys.keyset.document import name_of
from trustkeys.keyset.schedule import FOREVER, Stretch, end_of, stretches

__tracebackhide__ = True

SERVICE_NOTICE = 10_800
"""How long the service can take to notice a new key, in seconds (IEFPolicies issue 63)."""

EXPIRY_NOTICE = 30 * 86_400
"""How long before its end a key counts as expiring soon, in seconds."""

TOKEN_LIFETIME = 90 * 86_400
"""The longest life of a refresh token, in seconds. Its key must be able to decrypt it."""


@frozen
class Finding:
    """One finding of a check.

    Attributes:
        severity: ``"error"``: the service would refuse the set, or sign-in would fail.
            ``"warning"``: this can become an error.
        code: The service's error code if it documents one, else a name such as
            ``NoActiveKey``.
        message: One sentence for a person. It holds no secret.
        kid: The `kid` of the key that it is about, if there is one.
        time: When it starts to matter, in seconds since 1970, or None.
        end: When it stops to matter, in seconds since 1970, or None.
        key_set: The id of the key set that it is about, in an answer with several.
    """

    severity: Literal["error", "warning"]
    code: str
    message: str
    kid: str | None = None
    time: int | None = None
    end: int | None = None
    key_set: str | None = None


@frozen
class CheckedKey:
    """A key, as far as it could be read.

    Attributes:
        number: Its place in the set, from 1.
        kid: Its kid, or None.
        status: ``"enabled"`` or ``"disabled"``, which stands for whatever cannot be active.
        certificate_end: The first second after its certificate, in seconds since 1970, or None.
        problems: Why it is refused.
    """

    number: int
    kid: str | None = None
    kty: str | None = None
    use: str | None = None
    nbf: int | None = None
    exp: int | None = None
    status: str = "disabled"
    has_unknown_status: bool = False
    has_private: bool = True
    is_test_key: bool = False
    certificate_end: int | None = None
    problems: Sequence[InvalidInputError] = ()

    @property
    def name(self) -> str:
        """Its name in messages."""
        return name_of(self.kid, self.number)

    def error(self, code: str, message: str) -> Finding:
        """Return a finding about this key."""
        return Finding("error", code, f"{self.name} {message}", self.kid)

    def warning(self, code: str, message: str, time: int | None = None) -> Finding:
        """Return a finding about this key."""
        return Finding("warning", code, f"{self.name} {message}", self.kid, time)


def findings_in(
    keys: Sequence[CheckedKey], kind: Kind, now: int, horizon: int | None, *, private: bool
) -> Iterator[Finding]:
    """Find what is wrong with a set, as far as the document shows it.

    Args:
        keys: All keys of the set, or the only one that the document shows.
        kind: What the document is, as in `trustkeys.formats.answers.KeySets`.
        now: In seconds since 1970.
        horizon: There must be no gap before this time, in seconds since 1970.
        private: Whether each key needs its private part, since the set is to be uploaded.
    """
    line = stretches(keys)
    for key in keys:
        yield from _broken(key)
    if kind != "published":
        yield from _mixed("kty", "AADB2C95032", {key.kty for key in keys})
        yield from _mixed("use", "AADB2C95042", {key.use for key in keys})
    yield from _duplicates(keys)
    for key in keys:
        if private and not key.has_private:
            yield key.error("AADB2C90085", "has no private part, which breaks sign-in: add it")
    if private or kind == "jwks":
        yield from _starting(keys, now)
    if kind != "key":
        yield from _gaps(line, now, horizon)
        yield from _expiring(keys, line, now)
    if kind not in ("key", "published"):
        yield from _outlived(keys, line, now)
        yield from _safety_net(keys)


def has_safety_net(keys: Sequence[CheckedKey]) -> bool:
    """Whether an enabled key has no dates."""
    return any(key.nbf is key.exp is None and key.status == "enabled" for key in keys)


def _broken(key: CheckedKey) -> Iterator[Finding]:
    for problem in key.problems:
        message = f"is refused: {problem.message}"
        if isinstance(problem, KeyTooSmallError):
            yield key.warning("WeakKey", message)
        else:
            yield key.error(problem.code, message)
    if key.has_unknown_status:
        yield key.warning(
            "UnknownStatus",
            "has a status that this version of trustkeys does not know, and does not count as "
            "enabled: look it up in Graph's documentation",
        )
    if key.is_test_key:
        yield key.error(
            "TestKey", "is a test key, whose private part is public: replace it with a new key"
        )


def _mixed(name: str, code: str, values: Collection[str | None]) -> Iterator[Finding]:
    different = sorted(value for value in values if value is not None)
    if len(different) > 1:
        yield Finding(
            "error",
            code,
            f"the keys differ in {name} ({', '.join(different)}): use a key set for each",
        )


def _duplicates(keys: Sequence[CheckedKey]) -> Iterator[Finding]:
    for kid, count in Counter(key.kid for key in keys if key.kid).items():
        if count > 1:
            message = f"{count} keys have the same kid: give each its own"
            yield Finding("error", "DuplicateKid", message, kid)


def _gaps(line: Sequence[Stretch], now: int, horizon: int | None) -> Iterator[Finding]:
    if horizon is None:
        ends = [stretch.end for stretch in line if stretch.key is not None]
        horizon = max([now + 1, *ends])
    for stretch in line:
        if stretch.key is None and stretch.start < horizon and now < stretch.end:
            start = max(stretch.start, now)
            end = None if stretch.end == FOREVER else stretch.end
            to = "on" if end is None else f"to {date_text(end)}"
            message = (
                f"no key is active from {date_text(start)} {to}, and sign-in fails: "
                "add a key for that time"
            )
            yield Finding("error", "NoActiveKey", message, time=start, end=end)


def _expiring(keys: Sequence[CheckedKey], line: Sequence[Stretch], now: int) -> Iterator[Finding]:
    """Find keys that stay active until they expire soon, since no newer key takes over."""
    for stretch, heir in _with_heirs(line):
        if stretch.key is None or not now < stretch.end <= now + EXPIRY_NOTICE:
            continue
        key = keys[stretch.key]
        if key.exp == stretch.end:
            successor = "nothing" if heir is None else keys[heir].name
            yield key.warning(
                "ExpiresSoon",
                f"is active until it expires at {date_text(stretch.end)}, and then {successor} "
                "takes over: add a key that takes over before",
                stretch.end,
            )


def _with_heirs(line: Sequence[Stretch]) -> Iterator[tuple[Stretch, int | None]]:
    """Return each stretch with the index of the key that is active after it."""
    return zip(line, [*(stretch.key for stretch in line[1:]), None], strict=True)


def _starting(keys: Sequence[CheckedKey], now: int) -> Iterator[Finding]:
    for key in keys:
        if (
            key.status == "enabled"
            and key.nbf is not None
            and now < key.nbf < min(now + SERVICE_NOTICE, end_of(key))
        ):
            yield key.warning(
                "StartsSoon",
                f"starts at {date_text(key.nbf)}, and the service can take 3 hours to notice it: "
                "upload it now",
                key.nbf,
            )


def _outlived(keys: Sequence[CheckedKey], line: Sequence[Stretch], now: int) -> Iterator[Finding]:
    """Find enc keys that expire before the tokens that they encrypt."""
    # When each key encrypts its last token: when its successor starts. Without a successor, one
    # can still be added in time, so that only the tokens of today count.
    last: dict[int, int] = {}
    for stretch, heir in _with_heirs(line):
        if stretch.key is not None and keys[stretch.key].use == "enc":
            is_relieved = heir is not None and keys[heir].nbf == stretch.end
            last[stretch.key] = stretch.end if is_relieved else max(stretch.start, now)
    for index, time in last.items():
        key = keys[index]
        if key.exp is not None and key.exp < time + TOKEN_LIFETIME and key.exp > now:
            yield key.warning(
                "EndsBeforeTokens",
                f"expires at {date_text(key.exp)}, but refresh tokens that it encrypts until "
                f"{date_text(time)} can live 90 days longer: plan a longer overlap",
                key.exp,
            )


def _safety_net(keys: Sequence[CheckedKey]) -> Iterator[Finding]:
    if keys and not has_safety_net(keys):
        yield Finding(
            "warning",
            "NoSafetyNet",
            "no enabled key is without dates: add one, which takes over if all others expire",
        )
