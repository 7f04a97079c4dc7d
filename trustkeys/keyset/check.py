"""The check of a key set: what would break sign-in, now or later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeVar

from attrs import frozen

from trustkeys.core.jwk import optional_text, read_jwk, status_of
from trustkeys.core.numericdate import NumericDateInput, date_text, numeric_date, numeric_dates
from trustkeys.core.registry import KeyType
from trustkeys.core.request import checked_use
from trustkeys.errors import InvalidInputError, KeyTooSmallError, MissingUseError
from trustkeys.keyset.document import (
    checked_id,
    key_type_of_service,
    keys_of,
    members_of,
    name_of,
)
from trustkeys.keyset.schedule import FOREVER, Stretch, end_of, moment, stretches
from trustkeys.testkeys.guard import is_test_jwk
from trustkeys.wording import shape

__all__ = ["Finding", "check_key_set"]

__tracebackhide__ = True

SERVICE_NOTICE = 10_800
"""How long the service can take to notice a new key, in seconds (IEFPolicies issue 63)."""

EXPIRY_NOTICE = 30 * 86_400
"""How long before its end a key counts as expiring soon, in seconds."""

TOKEN_LIFETIME = 90 * 86_400
"""The longest life of a refresh token, in seconds. Its key must be able to decrypt it."""

T = TypeVar("T")


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
    """

    severity: Literal["error", "warning"]
    code: str
    message: str
    kid: str | None = None
    time: int | None = None
    end: int | None = None


def check_key_set(
    document: str | bytes | Mapping[str, Any],
    *,
    at: NumericDateInput = None,
    until: NumericDateInput = None,
    private: bool | None = None,
) -> list[Finding]:
    """Look for what would break sign-in, in a JWK Set or an answer of Graph, valid or not.

    These are errors:

    * keys that the service would refuse, with its error codes: malformed ones, and different
      `kty` (``AADB2C95032``) or `use` (``AADB2C95042``) in one set
    * ``DuplicateKid``: two keys with the same `kid`
    * ``NoActiveKey``: a time without an active key
    * ``AADB2C90085``: a key without the private part that it needs
    * ``TestKey``: a test key (`trustkeys.testing`), whose private part is public

    These are warnings:

    * ``ExpiresSoon``: an active key expires within 30 days, and no newer key takes over before
    * ``NoSafetyNet``: no enabled key is without dates
    * ``StartsSoon``: a key starts within the 3 hours that the service can take to notice it
    * ``WeakKey``: an RSA key of fewer than 2048 bits
    * ``EndsBeforeTokens``: an `enc` key expires before the refresh tokens that it encrypts

    Args:
        document: A JWK Set (RFC 7517 section 5), or the answer to GET keySets/{id} or
            keySets/{id}/keys_v2. A mapping, or JSON text of at most 16 MiB.
        at: The time to use as now: whole seconds since 1970, or an aware datetime. Default: now.
        until: There must be no gap before this time. Default: the end of the last key.
        private: Whether keys without their private part are errors. They are when the set is to
            be uploaded. Default: yes, except in an answer of Graph, which never has them.

    Returns:
        Errors first; errors and warnings each in the order of their times.

    Raises:
        InvalidInputError: ``AADB2C95026`` not JSON, or no list of keys; ``BadRequest`` `until`
            is not after `at`, or one of them is not a time.
    """
    members = members_of(document)
    jwks = keys_of(members)
    if private is None:
        private = not _is_answer(members, jwks)
    keys = [_read_jwk(jwk, number, private=private) for number, jwk in enumerate(jwks, 1)]
    found = [*_bad_id(members.get("id")), *_findings(keys, at, until, private=private)]
    return sorted(found, key=lambda finding: (finding.severity != "error", finding.time or 0))


# --- Reading


@frozen
class _Key:
    """A key, as far as it could be read.

    Attributes:
        number: Its place in the set, from 1.
        kid: Its kid, or None.
        problems: Why it is refused.
    """

    number: int
    kid: str | None = None
    kty: str | None = None
    use: str | None = None
    nbf: int | None = None
    exp: int | None = None
    status: str = "disabled"
    has_private: bool = True
    is_test_key: bool = False
    problems: Sequence[InvalidInputError] = ()

    @property
    def name(self) -> str:
        """Its name in messages."""
        return name_of(self.kid, self.number)

    def error(self, code: str, message: str) -> Finding:
        return Finding("error", code, f"{self.name} {message}", self.kid)

    def warning(self, code: str, message: str, time: int | None = None) -> Finding:
        return Finding("warning", code, f"{self.name} {message}", self.kid, time)


def _read_jwk(jwk: Any, number: int, *, private: bool) -> _Key:
    """Read a key as far as possible, and collect what is wrong with it."""
    if not isinstance(jwk, Mapping):
        problem = InvalidInputError(
            f"it must be a JSON object, not {shape(jwk)}", code="AADB2C95034"
        )
        return _Key(number, problems=(problem,))
    problems: list[InvalidInputError] = []

    def attempt(read: Callable[[], T]) -> T | None:
        try:
            return read()
        except InvalidInputError as error:
            problems.append(error)
        return None

    kid = jwk["kid"] if isinstance(jwk.get("kid"), str) else None
    attempt(lambda: optional_text(jwk, "kid"))
    dates = attempt(lambda: numeric_dates(jwk.get("nbf"), jwk.get("exp")))
    status = attempt(lambda: status_of(jwk))
    use = attempt(lambda: _use_of(jwk))
    key_type = attempt(lambda: _key_type_of(jwk))
    has_private = True
    if key_type is not None:
        has_private = any(jwk.get(name) is not None for name in key_type.private)
        # An answer of Graph shows no secrets, so that of an oct key there is nothing to read.
        if private or has_private or not key_type.is_secret:
            read_before = {"kid": None, "use": use or "sig", "nbf": None, "exp": None}
            rest = {**jwk, **read_before, "status": None}
            attempt(lambda: read_jwk(rest, prove=False))
        # If k is missing, that is a problem already.
        has_private = has_private or key_type.is_secret
    nbf, exp = dates or (None, None)
    return _Key(
        number,
        kid=kid,
        kty=None if key_type is None else key_type.kty,
        use=use,
        nbf=nbf,
        exp=exp,
        # A key with bad dates cannot be active.
        status="disabled" if dates is None or status is None else status,
        has_private=has_private,
        is_test_key=is_test_jwk(jwk),
        problems=problems,
    )


def _use_of(jwk: Mapping[str, Any]) -> str:
    if jwk.get("use") is None:
        raise MissingUseError
    return checked_use(jwk["use"])


def _key_type_of(jwk: Mapping[str, Any]) -> KeyType:
    if jwk.get("kty") is None:
        raise InvalidInputError("kty is missing: RSA or oct", code="AADB2C95037", target="kty")
    return key_type_of_service(jwk["kty"])


def _is_answer(members: Mapping[str, Any], jwks: Sequence[Any]) -> bool:
    """Whether this comes from Graph, whose answers have ``"k": null`` in every key."""
    return "@odata.context" in members or (
        bool(jwks)
        and all(isinstance(jwk, Mapping) and jwk.get("k", "") is None for jwk in jwks)
        and not any(jwk.get("d") for jwk in jwks)
    )


# --- Checking


def _findings(
    keys: Sequence[_Key], at: NumericDateInput, until: NumericDateInput, *, private: bool
) -> Iterator[Finding]:
    now = moment(at)
    horizon = None if until is None else numeric_date(until, "until")
    if horizon is not None and horizon <= now:
        raise InvalidInputError("until must be later than at", target="until")
    line = stretches(keys)
    for key in keys:
        yield from _broken(key, private=private)
    yield from _mixed("kty", "AADB2C95032", {key.kty for key in keys})
    yield from _mixed("use", "AADB2C95042", {key.use for key in keys})
    yield from _duplicates(keys)
    yield from _gaps(line, now, horizon)
    yield from _expiring(keys, line, now)
    yield from _starting(keys, now)
    yield from _outlived(keys, line, now)
    yield from _safety_net(keys)


def _bad_id(name: object) -> Iterator[Finding]:
    try:
        if name is not None:
            checked_id(name)
    except InvalidInputError as error:
        yield Finding("error", error.code, f"the key set is refused: {error.message}")


def _broken(key: _Key, *, private: bool) -> Iterator[Finding]:
    for problem in key.problems:
        message = f"is refused: {problem.message}"
        if isinstance(problem, KeyTooSmallError):
            yield key.warning("WeakKey", message)
        else:
            yield key.error(problem.code, message)
    if key.is_test_key:
        yield key.error(
            "TestKey", "is a test key, whose private part is public: replace it with a new key"
        )
    if private and not key.has_private:
        yield key.error("AADB2C90085", "has no private part, which breaks sign-in: add it")


def _mixed(name: str, code: str, values: Collection[str | None]) -> Iterator[Finding]:
    different = sorted(value for value in values if value is not None)
    if len(different) > 1:
        yield Finding(
            "error",
            code,
            f"the keys differ in {name} ({', '.join(different)}): use a key set for each",
        )


def _duplicates(keys: Sequence[_Key]) -> Iterator[Finding]:
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


def _expiring(keys: Sequence[_Key], line: Sequence[Stretch], now: int) -> Iterator[Finding]:
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


def _starting(keys: Sequence[_Key], now: int) -> Iterator[Finding]:
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


def _outlived(keys: Sequence[_Key], line: Sequence[Stretch], now: int) -> Iterator[Finding]:
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


def _safety_net(keys: Sequence[_Key]) -> Iterator[Finding]:
    if keys and not any(key.nbf is key.exp is None and key.status == "enabled" for key in keys):
        yield Finding(
            "warning",
            "NoSafetyNet",
            "no enabled key is without dates: add one, which takes over if all others expire",
        )
