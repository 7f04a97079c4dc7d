"""The check of key sets: what would break sign-in, now or later."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from attrs import evolve, frozen

from trustkeys.core.numericdate import NumericDateInput, numeric_date
from trustkeys.errors import InvalidInputError
from trustkeys.formats.answers import Document, KeySets, Kind, SavedSet, read_key_sets
from trustkeys.keyset.document import checked_id, is_deleted_copy, shown_id
from trustkeys.keyset.reading import read_checked_key
from trustkeys.keyset.rules import Finding, findings_in, has_safety_net
from trustkeys.keyset.schedule import FOREVER, active_key, moment, stretches

__all__ = ["Audit", "AuditedSet", "Finding", "audit_key_sets", "check_key_set"]

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


def check_key_set(
    document: Document,
    *,
    at: NumericDateInput = None,
    until: NumericDateInput = None,
    private: bool | None = None,
) -> list[Finding]:
    """Look for what would break sign-in, in a JWK Set or an answer of Graph, valid or not.

    The document can be

    * a JWK Set (RFC 7517 section 5) to upload
    * a JWK Set of public keys without an `id`, as a policy publishes it; its keys may differ in
      `kty` and `use`, and may have no `use`
    * an answer of Graph, as it is, or as ``az rest`` or PowerShell's ConvertTo-Json write it: to
      GET keySets/{id}, to GET keySets/{id}/keys_v2, to GET keySets (all of its sets are checked,
      except deleted ones with the suffix ``.bak``), or to GET keys_v2/{kid} (only the key is
      checked)

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
    * ``UnknownStatus``: a key in an answer has a status of a later version of Graph
    * ``IncompleteAnswer``: the answer goes on, in ``@odata.nextLink``

    Args:
        document: A mapping or a list, or JSON text of at most 16 MiB.
        at: The time to use as now: whole seconds since 1970, or an aware datetime. Default: now.
        until: There must be no gap before this time. Default: the end of the last key.
        private: Whether keys without their private part are errors. They are when the set is to
            be uploaded. Default: yes, except in a published JWK Set, and in an answer of Graph,
            which never has them.

    Returns:
        Errors first; errors and warnings each in the order of their times.

    Raises:
        InvalidInputError: ``AADB2C95026`` not JSON, no list of keys, or over 5,000 keys;
            ``BadRequest`` `until` is not after `at`, or one of them is not a time.
    """
    return [*audit_key_sets(document, at=at, until=until, private=private).findings]


def audit_key_sets(
    document: Document,
    *,
    at: NumericDateInput = None,
    until: NumericDateInput = None,
    private: bool | None = None,
) -> Audit:
    """Check all key sets of a tenant, and sum up each.

    Args:
        document: As `check_key_set`: above all, the answer to GET keySets.
        at: As `check_key_set`.
        until: As `check_key_set`.
        private: As `check_key_set`.

    Raises:
        InvalidInputError: As `check_key_set`.
    """
    return audit(read_key_sets(document), at=at, until=until, private=private)


def audit(
    found: KeySets,
    *,
    at: NumericDateInput = None,
    until: NumericDateInput = None,
    private: bool | None = None,
) -> Audit:
    """Check key sets as `audit_key_sets` does, after they have been read."""
    now = moment(at)
    horizon = None if until is None else numeric_date(until, "until")
    if horizon is not None and horizon <= now:
        raise InvalidInputError("until must be later than at", target="until")
    kind: Kind = "jwks" if private and found.kind == "published" else found.kind
    needs_private = kind == "jwks" if private is None else private
    # Of a part of the keys, the whole set cannot be judged, as of one key.
    judged: Kind = "key" if kind == "keys" and not found.is_complete else kind
    sets = tuple(
        _audited(each, number, judged, now, horizon, private=needs_private)
        for number, each in enumerate(found.sets, 1)
    )
    findings = [*_incomplete(found), *(finding for each in sets for finding in each.findings)]
    return Audit(kind, found.description, sets, _sorted(findings))


def _audited(
    found: SavedSet, number: int, kind: Kind, now: int, horizon: int | None, *, private: bool
) -> AuditedSet:
    keys = [
        read_checked_key(jwk, place, kind, private=private)
        for place, jwk in enumerate(found.keys, 1)
    ]
    name = shown_id(found.id)
    is_deleted = is_deleted_copy(found, kind)
    findings: list[Finding] = []
    if kind == "jwks":  # the ids in an answer are those of the service
        findings += _bad_id(found.id)
    if not is_deleted:
        findings += findings_in(keys, kind, now, horizon, private=private)
    if kind == "sets":
        known = name or f"key set {number}"
        findings = [
            evolve(each, message=f"{known}: {each.message}", key_set=name) for each in findings
        ]
    active = active_key(keys, now)
    ends = [stretch.end for stretch in stretches(keys) if stretch.key is not None]
    end = max(ends, default=0)
    return AuditedSet(
        id=name,
        kty=_common([key.kty for key in keys]),
        use=_common([key.use for key in keys]),
        size=len(keys),
        has_active_key=active is not None,
        active_kid=None if active is None else keys[active].kid,
        active_exp=None if active is None else keys[active].exp,
        end=None if end == FOREVER else end,
        has_safety_net=has_safety_net(keys),
        is_deleted=is_deleted,
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


def _bad_id(name: object) -> Iterator[Finding]:
    try:
        if name is not None:
            checked_id(name)
    except InvalidInputError as error:
        yield Finding("error", error.code, f"the key set is refused: {error.message}")
