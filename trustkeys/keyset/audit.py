"""The audit of key sets that have been read from a document."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Literal

from attrs import evolve, field, frozen

from trustkeys.core.numericdate import NumericDateInput, numeric_date
from trustkeys.core.work import Work
from trustkeys.errors import InvalidInputError
from trustkeys.formats.answers import KeySets, Kind, SavedSet
from trustkeys.keyset.document import checked_id, is_deleted_copy, shown_id
from trustkeys.keyset.finding import CheckedKey, Finding
from trustkeys.keyset.key_rules import Places, shared
from trustkeys.keyset.reading import read_checked_key
from trustkeys.keyset.rules import findings_in
from trustkeys.keyset.schedule import FOREVER, active_key, moment, stretches
from trustkeys.keyset.time_rules import has_safety_net
from trustkeys.keyset.weak import Moduli
from trustkeys.wording import counted

__tracebackhide__ = True


@frozen
class AuditedSet:
    """One key set of an audit.

    Attributes:
        id: Its id, or None if the document has none that is safe to show.
        kty: ``"RSA"`` or ``"oct"``, or None if its keys are of neither or of both.
        use: ``"sig"`` or ``"enc"``, or None if its keys are for neither or for both.
        size: The number of its keys.
        has_active_key: Whether a key is active now.
        active_kid: Its `kid`, if it has one.
        active_exp: When it expires, in seconds since 1970, or None if it does not.
        end: From when on no key is active, in seconds since 1970; 0 if none ever is, and None if
            there is always one.
        has_safety_net: Whether an enabled key has no dates.
        is_deleted: Whether it is the copy that the service keeps of a deleted set, with the
            suffix ``.bak``. It is not checked.
        findings: What the check found, as `check_key_set` returns it.
    """

    id: str | None
    kty: str | None
    use: str | None
    size: int
    has_active_key: bool
    active_kid: str | None
    active_exp: int | None
    end: int | None
    has_safety_net: bool
    is_deleted: bool
    findings: tuple[Finding, ...]

    @property
    def severity(self) -> Literal["error", "warning"] | None:
        """The severity of the worst finding, or None if there is none."""
        return self.findings[0].severity if self.findings else None


@frozen
class Audit:
    """The result of `audit_key_sets`.

    Attributes:
        kind: What the document is: ``"jwks"``, ``"published"`` (a JWK Set of public keys), or an
            answer of Graph: ``"set"``, ``"sets"``, ``"keys"``, or ``"key"`` (one key of a set).
        description: The same in words for a person.
        sets: The key sets, in the order of the document.
        findings: Errors first; errors and warnings each in the order of their times.
    """

    kind: Kind
    description: str
    sets: tuple[AuditedSet, ...]
    findings: tuple[Finding, ...]


def audit(
    found: KeySets,
    *,
    at: NumericDateInput = None,
    until: NumericDateInput = None,
    private: bool | None = None,
    hidden: Collection[str] = (),
    read: Collection[tuple[int, int]] = (),
    work: Work | None = None,
) -> Audit:
    """Check key sets as `audit_key_sets` does, after they have been read.

    Args:
        found: The key sets.
        at: As `check_key_set`.
        until: As `check_key_set`.
        private: As `check_key_set`.
        hidden: The kids that findings must not show.
        read: The keys that are known to be sound: the numbers of the set and of the key, from 1.
        work: What is left of the slow work after these were read. Default: all of it.
    """
    now = moment(at)
    horizon = None if until is None else numeric_date(until, "until")
    if horizon is not None and horizon <= now:
        raise InvalidInputError("until must be later than at", target="until")
    kind: Kind = "jwks" if private and found.kind == "published" else found.kind
    needs_private = kind == "jwks" if private is None else private
    # Of a part of the keys, the whole set cannot be judged, as of one key.
    judged: Kind = "key" if kind == "keys" and not found.is_complete else kind
    moduli, work = Moduli(), Work() if work is None else work
    sets_read = [
        _ReadSet.of(
            each, number, judged, private=needs_private, work=work, hidden=hidden, read=read
        )
        for number, each in enumerate(found.sets, 1)
    ]
    places = _places(sets_read)
    sets = tuple(
        _audited(each, judged, now, horizon, private=needs_private, moduli=moduli, places=places)
        for each in sets_read
    )
    of_document = [*_incomplete(found), *_untested(moduli)]
    findings = [*of_document, *(finding for each in sets for finding in each.findings)]
    return Audit(kind, found.description, sets, _sorted(findings))


@frozen
class _ReadSet:
    """A key set whose keys have been read.

    Attributes:
        given: What the document says about its id.
        number: Its place in the document, from 1.
        name: The id, if it is safe to show.
        is_deleted: As in `AuditedSet`.
    """

    given: object = field(repr=False)
    number: int
    name: str | None
    keys: Sequence[CheckedKey]
    is_deleted: bool

    @property
    def label(self) -> str:
        """Its name in messages."""
        return self.name or f"key set {self.number}"

    @classmethod
    def of(
        cls,
        found: SavedSet,
        number: int,
        kind: Kind,
        *,
        private: bool,
        work: Work,
        hidden: Collection[str],
        read: Collection[tuple[int, int]],
    ) -> _ReadSet:
        """Read the keys of a set as far as possible."""
        keys = [
            read_checked_key(
                jwk,
                place,
                kind,
                private=private,
                work=None if (number, place) in read else work,
                hidden=hidden,
            )
            for place, jwk in enumerate(found.keys, 1)
        ]
        return cls(found.id, number, shown_id(found.id), keys, is_deleted_copy(found, kind))


def _places(sets: Iterable[_ReadSet]) -> Places:
    """Return where each key is, leaving out deleted sets."""
    places: dict[bytes, dict[int, tuple[str, CheckedKey]]] = {}
    for each in sets:
        for key in () if each.is_deleted else each.keys:
            if key.digest is not None:
                places.setdefault(key.digest, {}).setdefault(each.number, (each.label, key))
    return places


def _audited(
    each: _ReadSet,
    kind: Kind,
    now: int,
    horizon: int | None,
    *,
    private: bool,
    moduli: Moduli,
    places: Places,
) -> AuditedSet:
    keys = each.keys
    findings: list[Finding] = []
    if kind == "jwks":  # the ids in an answer are those of the service
        findings += _bad_id(each.given)
    if not each.is_deleted:
        findings += findings_in(
            keys, kind, now, horizon, name=each.given, private=private, moduli=moduli
        )
        findings += shared(keys, each.number, places)
    if kind == "sets":
        findings = [
            evolve(finding, message=f"{each.label}: {finding.message}", key_set=each.name)
            for finding in findings
        ]
    active = active_key(keys, now)
    ends = [stretch.end for stretch in stretches(keys) if stretch.key is not None]
    end = max(ends, default=0)
    return AuditedSet(
        id=each.name,
        kty=_common([key.kty for key in keys]),
        use=_common([key.use for key in keys]),
        size=len(keys),
        has_active_key=active is not None,
        active_kid=None if active is None else keys[active].kid,
        active_exp=None if active is None else keys[active].exp,
        end=None if end == FOREVER else end,
        has_safety_net=has_safety_net(keys),
        is_deleted=each.is_deleted,
        findings=_sorted(findings),
    )


def _sorted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(
        sorted(findings, key=lambda finding: (finding.severity != "error", finding.time or 0))
    )


def _common(values: Sequence[str | None]) -> str | None:
    return values[0] if len({*values}) == 1 else None


def _incomplete(found: KeySets) -> Iterator[Finding]:
    if not found.is_complete:
        message = "the answer goes on: save the pages at its @odata.nextLink, and check each"
        yield Finding("warning", "IncompleteAnswer", message)


def _untested(moduli: Moduli) -> Iterator[Finding]:
    if moduli.untested:
        message = (
            f"{counted(moduli.untested, 'RSA key')} went without the slow tests for weak keys, "
            "since the document has too many: check them in documents of their own"
        )
        yield Finding("warning", "UntestedKeys", message)


def _bad_id(name: object) -> Iterator[Finding]:
    try:
        if name is not None:
            checked_id(name)
    except InvalidInputError as error:
        yield Finding("error", error.code, f"the key set is refused: {error.message}")
