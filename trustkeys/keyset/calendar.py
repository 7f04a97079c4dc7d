"""The calendar of key sets: what happens to their keys, and by when somebody must act."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Literal

from attrs import frozen

from trustkeys.core.numericdate import NumericDateInput, date_text, numeric_date, whole_seconds
from trustkeys.core.work import Work
from trustkeys.errors import InvalidInputError
from trustkeys.formats.answers import Document, KeySets, SavedSet, read_key_sets
from trustkeys.keyset.document import is_deleted_copy, shown_id
from trustkeys.keyset.finding import CheckedKey
from trustkeys.keyset.reading import read_checked_key
from trustkeys.keyset.schedule import FOREVER, Stretch, moment, stretches
from trustkeys.keyset.time_rules import TOKEN_LIFETIME

__all__ = ["KeyEvent", "key_calendar"]

__tracebackhide__ = True

NOTICE = 30 * 86_400
"""How long before a deadline to act, in seconds: people need weeks."""

LEAST_NOTICE = 86_400
"""How long before its start a key must be in the tenant and published, in seconds.

The service can take 3 hours to notice a key (IEFPolicies issue 63). Programs that verify tokens
cache its keys for up to a day.
"""

EventKind = Literal[
    "NoActiveKey", "Fallback", "EndsBeforeTokens", "CertificateEnds", "Expires", "Takeover"
]


@frozen
class KeyEvent:
    """Something that happens to a key set, once.

    Attributes:
        time: When it happens, in seconds since 1970. What has begun already happens now.
        act_by: When to act at the latest, in seconds since 1970. None: there is nothing to do.
        key_set: The id of the key set, or None if the document has none that is safe to show.
        number: The key's place in the set, from 1, or None if no key is concerned.
        kid: The `kid` of that key, if it has one.
        kind: One of

            * ``"NoActiveKey"``: from then on no key is active, and sign-in fails. The key is the
              one that was active before.
            * ``"Fallback"``: the key expires, and an older key or the safety net takes over.
            * ``"EndsBeforeTokens"``: from then on the refresh tokens that the `enc` key encrypts
              live longer than the key.
            * ``"CertificateEnds"``: from then on the active key has a certificate that has ended.
            * ``"Expires"``: the key expires, and the document does not show the whole set.
            * ``"Takeover"``: the key takes over, since its `nbf` is reached.
        message: What happens, for a person. It holds no secret.
        action: What to do, for a person.
    """

    time: int
    act_by: int | None
    key_set: str | None
    number: int | None
    kid: str | None
    kind: EventKind
    message: str
    action: str

    def is_due(self, now: int) -> bool:
        """Whether the time to act has come, at a time in seconds since 1970."""
        return self.act_by is not None and self.act_by <= now


def key_calendar(
    document: Document,
    *,
    at: NumericDateInput = None,
    until: NumericDateInput = None,
    notice: int | timedelta = NOTICE,
) -> list[KeyEvent]:
    """Say when to act next: what happens to the keys of key sets from now on.

    Disabled keys do not count, and neither do the copies of deleted sets that the service keeps
    with the suffix ``.bak``. Of an answer that goes on (``@odata.nextLink``), only this part
    counts.

    Args:
        document: As `check_key_set`: a JWK Set, or an answer of Graph, which can have many key
            sets.
        at: The time to use as now: whole seconds since 1970, or an aware datetime. Default: now.
        until: Leave out what needs no action, or does not happen, until this time. Default: list
            everything.
        notice: How long before the event to act: whole seconds, or a timedelta. A day is the
            least, since a new key must be in the tenant, and published, a day before it is used.

    Returns:
        First what is due, the nearest event first; then the rest in the order of `act_by`, or of
        `time` if there is nothing to do.

    Raises:
        InvalidInputError: ``AADB2C95026`` not JSON, no list of keys, or over 5,000 keys;
            ``BadRequest`` `until` is not after `at`, or an argument is not a time or a duration.
    """
    return calendar(read_key_sets(document), at=at, until=until, notice=notice)


def calendar(
    found: KeySets,
    *,
    at: NumericDateInput = None,
    until: NumericDateInput = None,
    notice: int | timedelta = NOTICE,
) -> list[KeyEvent]:
    """List events as `key_calendar` does, after the key sets have been read."""
    now = moment(at)
    horizon = FOREVER if until is None else numeric_date(until, "until")
    if horizon <= now:
        raise InvalidInputError("until must be later than at", target="until")
    ahead = max(whole_seconds(notice, "notice"), LEAST_NOTICE)
    work = Work()
    events = [
        event
        for each in found.sets
        if not is_deleted_copy(each, found.kind)
        for event in _events(each, found, now, ahead, work)
        if _turn(event) <= horizon
    ]
    return sorted(events, key=lambda event: urgency(event, now))


def urgency(event: KeyEvent, now: int) -> tuple[bool, int]:
    """Return the key to sort events by, as `key_calendar` does."""
    return (False, event.time) if event.is_due(now) else (True, _turn(event))


def _turn(event: KeyEvent) -> int:
    return event.time if event.act_by is None else event.act_by


def _events(
    each: SavedSet, found: KeySets, now: int, notice: int, work: Work
) -> Iterator[KeyEvent]:
    keys = [
        read_checked_key(jwk, number, found.kind, private=False, work=work)
        for number, jwk in enumerate(each.keys, 1)
    ]
    name = shown_id(each.id)
    if found.kind == "key" or (found.kind != "sets" and not found.is_complete):
        for key in keys:
            part = _KeySet(name, [key], stretches([key]), now, notice)
            yield from part.end_alone()
            yield from part.certificates()
        return
    whole = _KeySet(name, keys, stretches(keys), now, notice)
    yield from whole.changes(is_in_place=found.kind != "jwks")
    yield from whole.certificates()
    if found.kind != "published":
        yield from whole.tokens()


@frozen
class _KeySet:
    """A key set, or a part of it.

    Attributes:
        line: All of time, divided by the active key.
        now: In seconds since 1970.
        notice: How long before a deadline to act, in seconds.
    """

    id: str | None
    keys: Sequence[CheckedKey]
    line: Sequence[Stretch]
    now: int
    notice: int

    def changes(self, *, is_in_place: bool) -> Iterator[KeyEvent]:
        """Yield an event for each change of the active key, and for a gap at this time.

        Args:
            is_in_place: Whether the document shows what is in the tenant, or published.
        """
        first = self.line[0]
        if first.key is None and self.now < first.end:
            yield self._gap(None, first)
        for before, after in pairwise(self.line):
            key = None if before.key is None else self.keys[before.key]
            if after.key is None:
                if self.now < after.end:
                    yield self._gap(key, after)
            elif self.now < after.start:
                heir = self.keys[after.key]
                if key is None or heir.nbf == after.start:
                    yield self._takeover(heir, after.start, is_in_place=is_in_place)
                else:
                    yield self._fallback(key, heir, after.start)

    def end_alone(self) -> Iterator[KeyEvent]:
        """Yield the end of the only key, of whose set the document does not show the others."""
        for stretch in self.line:
            if stretch.key is not None and self.now < stretch.end < FOREVER:
                key = self.keys[stretch.key]
                yield self._deadline(
                    "Expires",
                    key,
                    stretch.end,
                    f"{key.name} expires at {date_text(stretch.end)}, and the document does not "
                    "show what takes over",
                    "look at the whole key set: save the answer to GET keySets/{id}",
                )

    def certificates(self) -> Iterator[KeyEvent]:
        """Yield when the active key begins to have a certificate that has ended."""
        for key, end, time in self._first(_certificate_end):
            when = f"when its certificate ends at {date_text(end)}"
            if end < time:
                when = f"at {date_text(time)}, but its certificate ended at {date_text(end)}"
            yield self._deadline(
                "CertificateEnds",
                key,
                time,
                f"{key.name} is active {when}",
                f"add a key with a new certificate that takes over {self._before(time)}",
            )

    def tokens(self) -> Iterator[KeyEvent]:
        """Yield when refresh tokens begin to outlive the `enc` key that encrypts them."""
        for key, last, time in self._first(_last_token):
            yield self._deadline(
                "EndsBeforeTokens",
                key,
                time,
                f"{key.name} expires at {date_text(last + TOKEN_LIFETIME)}, and ends the refresh "
                f"tokens that it encrypts from {date_text(time)} on, which can live 90 days",
                self._addition(time),
            )

    def _first(
        self, since: Callable[[CheckedKey], int | None]
    ) -> Iterator[tuple[CheckedKey, int, int]]:
        """Find the first second from now on at which a key is active, `since` a time of its own.

        Yields:
            The key, its own time, and that second.
        """
        seen: set[int] = set()
        for stretch in self.line:
            if stretch.key is None or stretch.key in seen or stretch.end <= self.now:
                continue
            key = self.keys[stretch.key]
            own = since(key)
            if own is not None and own < stretch.end:
                seen.add(stretch.key)
                yield key, own, max(own, stretch.start, self.now)

    def _gap(self, key: CheckedKey | None, gap: Stretch) -> KeyEvent:
        to = "" if gap.end == FOREVER else f" until {date_text(gap.end)}"
        message = f"no key is active{to}, and sign-in fails"
        time = max(gap.start, self.now)
        if key is not None:
            verb = "expires" if self.now < gap.start else "expired"
            message = f"{key.name} {verb} at {date_text(gap.start)}, then {message}"
        return self._deadline("NoActiveKey", key, time, message, self._addition(time))

    def _fallback(self, key: CheckedKey, heir: CheckedKey, time: int) -> KeyEvent:
        what = "the safety net" if heir.nbf is heir.exp is None else "an older key"
        message = f"{key.name} expires at {date_text(time)}, then {what}, {heir.name}, takes over"
        return self._deadline("Fallback", key, time, message, self._addition(time))

    def _takeover(self, key: CheckedKey, time: int, *, is_in_place: bool) -> KeyEvent:
        ready = time - LEAST_NOTICE
        if is_in_place:
            action = "nothing to do"
        elif self.now < ready:
            action = f"nothing to do, if it is in the tenant and published by {date_text(ready)}"
        else:
            action = "nothing to do, if it is in the tenant and published: else do that now"
        message = f"{key.name} takes over at {date_text(time)}"
        return KeyEvent(time, None, self.id, key.number, key.shown_kid, "Takeover", message, action)

    def _addition(self, time: int) -> str:
        return f"add a key that takes over {self._before(time)}"

    def _before(self, time: int) -> str:
        return f"before {date_text(time)}" if self.now < time else "now"

    def _deadline(
        self, kind: EventKind, key: CheckedKey | None, time: int, message: str, action: str
    ) -> KeyEvent:
        number, kid = (None, None) if key is None else (key.number, key.shown_kid)
        act_by = max(time - self.notice, 0) if self.now < time else time
        return KeyEvent(time, act_by, self.id, number, kid, kind, message, action)


def _certificate_end(key: CheckedKey) -> int | None:
    return None if key.certificate is None else key.certificate.end


def _last_token(key: CheckedKey) -> int | None:
    """Return from when on refresh tokens outlive an `enc` key, or None."""
    return None if key.use != "enc" or key.exp is None else key.exp - TOKEN_LIFETIME
