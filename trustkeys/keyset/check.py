"""What would break sign-in, in keys that could be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal, Protocol, TypeVar

from attrs import frozen

from trustkeys.core.base64url import uint_decode
from trustkeys.core.jwk import optional_text, read_jwk, status_of
from trustkeys.core.numericdate import NumericDateInput, date_text, numeric_date, numeric_dates
from trustkeys.core.registry import KeyType
from trustkeys.core.request import checked_use
from trustkeys.core.rsa import MIN_SIZE
from trustkeys.errors import InvalidInputError
from trustkeys.keyset.document import checked_id, key_type_of_service, keys_of, members_of
from trustkeys.keyset.schedule import FOREVER, Dated, Stretch, end_of, moment, stretches
from trustkeys.testkeys.guard import is_test_jwk
from trustkeys.wording import shape

__all__ = ["Finding", "check_key_set"]

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


T = TypeVar("T")


def check_key_set(
    document: str | bytes | Mapping[str, Any],
    *,
    at: NumericDateInput = None,
    until: NumericDateInput = None,
    private: bool | None = None,
) -> list[Finding]:
    """Look for what would break sign-in, in a JWK Set or an answer of Graph, valid or not.

    Errors: what the service would refuse (keys of the wrong form, `kty` or `use` mixed, with
    its codes), a `kid` twice (``DuplicateKid``), a stretch of time without an active key
    (``NoActiveKey``), keys without a private part where one is needed (``AADB2C90085``), test
    keys, whose private part everybody has (``TestKey``; `trustkeys.testing`).
    Warnings: an active key that will expire within 30 days (``ExpiresSoon``), no enabled key
    without dates as a safety net (``NoSafetyNet``), a key that starts within the 3 hours that
    the service may need to notice it (``StartsSoon``), an RSA key below 2048 bits
    (``WeakKey``), an `enc` key that ends sooner than the refresh tokens that are encrypted with
    it may (``EndsBeforeTokens``).

    Args:
        document: A JWK Set; or what GET keySets/{id} or keys_v2 answers. A mapping, or JSON
            text of at most 16 MiB.
        at: What counts as now: whole seconds since 1970, or an aware datetime. Default: now.
        until: How far there must be no gap. Default: to the end of the last key.
        private: Whether the keys need their private parts, as they do when the set is to be
            uploaded. Default: unless it is an answer of Graph, which never has them.

    Returns:
        Errors first; each part in the order of the times.

    Raises:
        InvalidInputError: ``AADB2C95026`` no JSON, or no list of keys; ``BadRequest`` `until`
            does not lie after `at`, or one is no time.
    """
    members = members_of(document)
    jwks = keys_of(members)
    if private is None:
        private = not _is_answer(members, jwks)
    found: list[Finding] = []
    if members.get("id") is not None:
        _attempt(found, None, "the key set", lambda: checked_id(members["id"]))
    keys = [_read(found, jwk, number, private=private) for number, jwk in enumerate(jwks, 1)]
    return in_order([*found, *check_keys(keys, at=at, until=until, private=private)])


@frozen
class _Entry:
    """What could be read of a key."""

    kid: str | None = None
    kty: str | None = None
    use: str | None = None
    nbf: int | None = None
    exp: int | None = None
    status: str = "disabled"
    # What is no key does not lack its private part.
    has_private: bool = True


def _is_answer(members: Mapping[str, Any], jwks: Sequence[Any]) -> bool:
    """Whether this comes from Graph, whose answers say ``"k": null`` of every key."""
    return "@odata.context" in members or (
        bool(jwks)
        and all(isinstance(jwk, Mapping) and jwk.get("k", "") is None for jwk in jwks)
        and not any(jwk.get("d") for jwk in jwks)
    )


def _attempt(found: list[Finding], kid: str | None, name: str, read: Callable[[], T]) -> T | None:
    """Read something, or note what is wrong with it."""
    try:
        return read()
    except InvalidInputError as error:
        found.append(Finding("error", error.code, f"{name} is refused: {error.message}", kid))
    return None


def _read(found: list[Finding], jwk: Any, number: int, *, private: bool) -> _Entry:
    """Read a key as far as that goes, and note what is wrong with it."""
    kid = jwk["kid"] if isinstance(jwk, Mapping) and isinstance(jwk.get("kid"), str) else None
    name = name_of(kid, number)
    attempt = partial(_attempt, found, kid, name)
    if attempt(lambda: _checked_mapping(jwk)) is None:
        return _Entry()
    attempt(lambda: optional_text(jwk, "kid"))
    dates = attempt(lambda: numeric_dates(jwk.get("nbf"), jwk.get("exp")))
    status = attempt(lambda: status_of(jwk))
    use = attempt(lambda: _use(jwk))
    key_type = attempt(lambda: _key_type(jwk))
    if is_test_jwk(jwk):
        found.append(known_to_all(kid, number))
    # A key whose dates cannot be read is none that could be active.
    nbf, exp = dates or (None, None)
    status = "disabled" if dates is None or status is None else status
    if key_type is None:
        return _Entry(kid, None, use, nbf, exp, status)
    has_private = any(jwk.get(member) is not None for member in key_type.private)
    if private or has_private or not key_type.is_secret:
        # All the rest, in place of what was read already.
        known = {"kid": None, "use": use or "sig", "nbf": None, "exp": None, "status": None}
        attempt(lambda: _read_unless_weak(found, {**jwk, **known}, kid, name))
    # An oct key without its secret was found to be none, just now.
    has_private = has_private or key_type.is_secret
    return _Entry(kid, key_type.kty, use, nbf, exp, status, has_private)


def _checked_mapping(jwk: Any) -> Mapping[str, Any]:
    if isinstance(jwk, Mapping):
        return jwk
    raise InvalidInputError(f"it must be a JSON object, not {shape(jwk)}", code="AADB2C95034")


def _use(jwk: Mapping[str, Any]) -> str:
    if jwk.get("use") is None:
        raise InvalidInputError("use is missing", code="AADB2C90253", target="use")
    return checked_use(jwk["use"])


def _key_type(jwk: Mapping[str, Any]) -> KeyType:
    if jwk.get("kty") is None:
        raise InvalidInputError("kty is missing", code="AADB2C95037", target="kty")
    return key_type_of_service(jwk["kty"])


def _read_unless_weak(
    found: list[Finding], jwk: Mapping[str, Any], kid: str | None, name: str
) -> None:
    """Read a key. That it is too small, and so may be broken, is a warning."""
    try:
        read_jwk(jwk, prove=False)
    except InvalidInputError as error:
        if (error.code, error.target) != ("BadRequest", "n") or (
            uint_decode(jwk["n"]).bit_length() >= MIN_SIZE
        ):
            raise
        found.append(Finding("warning", "WeakKey", f"{name} is refused: {error.message}", kid))
