"""How a key set gets into a tenant: which requests to send, and which key is active afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from attrs import frozen

from trustkeys.core.clouds import BETA, CLOUDS
from trustkeys.core.key import TrustFrameworkKey
from trustkeys.core.numericdate import NumericDateInput
from trustkeys.core.rsa import length_problem
from trustkeys.errors import InvalidInputError, KeyNotFoundError, prefix_errors
from trustkeys.graph.requests import GraphRequest, creation, replacement, shown, upload
from trustkeys.keyset.check import check_key_set
from trustkeys.keyset.document import name_of
from trustkeys.keyset.keyset import TrustFrameworkKeySet
from trustkeys.keyset.schedule import FOREVER, moment, stretches
from trustkeys.testkeys.guard import refuse_test_keys
from trustkeys.wording import shape

__tracebackhide__ = True


_CERTIFIED = ("/uploadPkcs12", "/uploadCertificate")


@frozen
class ActiveStretch:
    """A stretch of time, and what getActiveKey answers in it.

    Attributes:
        start: Its first second, since 1970.
        end: The first second after it, since 1970, or None if it has no end.
        kid: The `kid` of the active key in this key set (in the tenant it may have another one),
            or None if no key is active.
        shows: What Graph shows of the active key, as `ProvisionedKey.shows`. None if no key is
            active.
    """

    start: int
    end: int | None
    kid: str | None
    shows: str | None


@frozen
class ProvisionedKey:
    """A key that is in the tenant afterwards.

    Attributes:
        kid: Its `kid` in this key set. In the tenant it may have another one.
        name: What to call it in messages.
        shows: What Graph shows of it: a JSON array of `use`, `nbf`, `exp` and `n`, without
            spaces. `n` is null for an oct key, since Graph does not show its secret.
        request: The number of the request that brings it, from 1. None if no request can bring
            it. Then the tenant must have it already.
        problem: Why no request can bring it, or None.
    """

    kid: str
    name: str
    shows: str
    request: int | None
    problem: str | None


@frozen
class Provisioning:
    """The requests that bring a key set into a tenant, and what to expect afterwards.

    Attributes:
        keyset_id: The id of the key set, with its prefix ``B2C_1A_``.
        kty: The key type of its keys, ``"RSA"`` or ``"oct"``.
        use: The use of its keys, ``"sig"`` or ``"enc"``.
        base_url: The base URL of Microsoft Graph, without a slash at the end.
        appends: Whether the requests add to an existing key set. Then send only those whose keys
            the tenant lacks.
        requests: The requests in their order. Send each one after the previous one succeeded.
        keys: The keys that the tenant has afterwards, in the order of the key set. With
            `appends`, it keeps all others as well.
        schedule: What getActiveKey answers once all keys are in the tenant, if it has no others.
            The stretches cover all of time without a gap.
        notes: Warnings to read before sending, one sentence each.
    """

    keyset_id: str
    kty: str
    use: str
    base_url: str
    appends: bool
    requests: tuple[GraphRequest, ...]
    keys: tuple[ProvisionedKey, ...]
    schedule: tuple[ActiveStretch, ...]
    notes: tuple[str, ...]

    @property
    def replaces(self) -> bool:
        """Whether the requests replace the keys of an existing key set, which are then lost."""
        return any(request.method == "PUT" for request in self.requests)


def provision(
    keyset: TrustFrameworkKeySet,
    *,
    base_url: str = BETA,
    by: Literal["create", "action"] | None = None,
    replace: bool = False,
    append: bool = False,
    skip_disabled: bool = False,
    at: NumericDateInput = None,
) -> Provisioning:
    """Return the requests that bring a key set into a tenant.

    With ``by="create"``, one request carries all private keys as JWKs. With ``by="action"``, one
    request creates an empty set, and each key is uploaded by the action for its kind:
    uploadSecret for an oct key that is text, uploadPkcs12 for an RSA key with a certificate.
    Either way, uploadCertificate brings an RSA key without a private part, such as a partner's.
    The keys are uploaded in an order in which the active key is right from the first upload on.

    With `append`, the key set must be in the tenant already, and its other keys stay. Each key is
    uploaded by its action. Keys that no action can carry must be in the tenant.

    No request carries a `kid` (the service refuses it with ``AADB2C95059``), a `status` or an
    ``@odata.type``.

    Args:
        keyset: The key set.
        base_url: One of the base URLs in `CLOUDS`.
        by: ``"create"`` or ``"action"``. Default: ``"action"`` with `append`, else ``"create"``.
        replace: Replace all keys of an existing key set (PUT). They are lost. Only with
            ``by="create"``.
        append: Add to an existing key set. Only with ``by="action"``.
        skip_disabled: Leave disabled keys out. Without it they are an error, since an uploaded
            key cannot be marked as disabled. With `append`, they are always left out.
        at: The time that counts as now: whole seconds since 1970, or an aware datetime.

    Raises:
        InvalidInputError: ``AADB2C90085``: a key has neither a private part nor a certificate.
            ``AADB2C95034``: a certificate does not belong to its key or its use. ``BadRequest``:
            the key set is empty, has disabled keys, a test key or no active key; `base_url` or
            `by` is unknown; `replace`, `append` and `by` do not fit; or the action cannot carry a
            key unchanged.
    """
    if not isinstance(keyset, TrustFrameworkKeySet):
        raise InvalidInputError(
            f"keyset must be a TrustFrameworkKeySet, not {shape(keyset)}", target="keyset"
        )
    base_url = _checked_base_url(base_url)
    by = _checked_by(by, replace=replace, append=append)
    refuse_test_keys(keyset)
    now = moment(at)
    usable = _usable(keyset, skip_disabled=skip_disabled or append)
    active = _active_key(usable, now, append=append)
    if append:
        requests, problems = _additions(usable, active)
    else:
        requests, problems = [*_creation(usable, active, by=by, replace=replace)], {}
    return Provisioning(
        keyset_id=keyset.id,
        kty=next(iter(usable)).kty,
        use=next(iter(usable)).use,
        base_url=base_url,
        appends=append,
        requests=tuple(requests),
        keys=tuple(_keys(usable, requests, problems)),
        schedule=tuple(_schedule([*usable])),
        notes=tuple(_notes(keyset, usable, now, requests, append=append)),
    )


def _checked_base_url(base_url: object) -> str:
    if isinstance(base_url, str) and base_url.removesuffix("/") in CLOUDS.values():
        return base_url.removesuffix("/")
    raise InvalidInputError(
        f"base_url must be one of {', '.join(CLOUDS.values())}, since private keys are sent "
        f"there, not {shape(base_url)}",
        target="base_url",
    )


def _checked_by(
    by: Literal["create", "action"] | None, *, replace: bool, append: bool
) -> Literal["create", "action"]:
    if by is None:
        by = "action" if append else "create"
    if by not in ("create", "action"):
        raise InvalidInputError(f'by must be "create" or "action", not {shape(by)}', target="by")
    if replace and append:
        raise InvalidInputError(
            "replace and append exclude each other: replace loses the keys in the tenant, which "
            "append keeps",
            target="append",
        )
    if replace and by == "action":
        raise InvalidInputError(
            'replace needs by="create" (--by create), since an action only adds a key',
            target="replace",
        )
    if append and by == "create":
        raise InvalidInputError(
            'append needs by="action" (--by action), since only an action adds to a key set',
            target="append",
        )
    return by


def _usable(keyset: TrustFrameworkKeySet, *, skip_disabled: bool) -> TrustFrameworkKeySet:
    """Return the enabled keys. An uploaded key cannot be marked as disabled."""
    usable = TrustFrameworkKeySet(keyset.id, (key for key in keyset if key.status == "enabled"))
    disabled = len(keyset) - len(usable)
    if disabled and not skip_disabled:
        raise InvalidInputError(
            f"{keyset.id} has disabled keys ({disabled}), and an upload would enable them: enable "
            "them, or leave them out (skip_disabled, --skip-disabled)",
            target="keyset",
        )
    if not len(usable):
        raise InvalidInputError(
            f"{keyset.id} has no key to upload: add one first, or enable one", target="keyset"
        )
    return usable


def _active_key(
    keyset: TrustFrameworkKeySet, now: int, *, append: bool
) -> TrustFrameworkKey | None:
    try:
        return keyset.get_active_key(now)
    except KeyNotFoundError as error:
        problem = error.message
    if append:  # the tenant has other keys
        return None
    raise InvalidInputError(
        f"{problem}: sign-in would fail, so add a key that is valid now", target="keyset"
    )


def _creation(
    keyset: TrustFrameworkKeySet,
    active: TrustFrameworkKey | None,
    *,
    by: Literal["create", "action"],
    replace: bool,
) -> Iterator[GraphRequest]:
    """Yield the requests that create or replace a key set."""
    for number, key in enumerate(keyset, 1):
        if not (key.has_private or key.x5c):
            raise InvalidInputError(
                f"{name_of(key.kid, number)} has neither a private part nor a certificate, which "
                "breaks sign-in: add one of them, or add to a key set that has the key (append, "
                "--append)",
                code="AADB2C90085",
                target="keyset",
            )
    whole = [key for key in keyset if by == "create" and key.has_private]
    first = TrustFrameworkKeySet(keyset.id, whole)
    if replace and not whole:
        raise InvalidInputError(
            f"{keyset.id} has certificates alone, which only an action can bring: append them",
            target="replace",
        )
    yield replacement(first) if replace else creation(first)
    for number, key in _in_order(keyset, active):
        if key not in whole:
            with prefix_errors(name_of(key.kid, number)):
                yield upload(keyset.id, key)


def _additions(
    keyset: TrustFrameworkKeySet, active: TrustFrameworkKey | None
) -> tuple[list[GraphRequest], dict[str, str]]:
    """Return the requests that add keys, and by kid why no request can bring a key."""
    requests: list[GraphRequest] = []
    problems: dict[str, str] = {}
    for _, key in _in_order(keyset, active):
        try:
            requests.append(upload(keyset.id, key))
        except InvalidInputError as error:
            problems[key.kid] = error.message
    if not requests:
        kid, problem = next(iter(problems.items()))
        raise InvalidInputError(
            f"no key of {keyset.id} can be added to an existing key set: key {kid}: {problem}",
            target="append",
        )
    return requests, problems


def _in_order(
    keyset: TrustFrameworkKeySet, active: TrustFrameworkKey | None
) -> list[tuple[int, TrustFrameworkKey]]:
    """Return the keys with their numbers, in the order of their upload.

    Keys with the `nbf` of the active key come first, so that it is active from the start. Apart
    from that the keys keep their order, since it decides between keys with the same `nbf`.
    """
    keys = list(enumerate(keyset, 1))
    return sorted(keys, key=lambda each: active is None or each[1].nbf != active.nbf)


def _keys(
    keyset: TrustFrameworkKeySet, requests: Sequence[GraphRequest], problems: dict[str, str]
) -> Iterator[ProvisionedKey]:
    # Keys that look the same are brought in the order of the key set.
    waiting: dict[str, list[int]] = {}
    for number, request in enumerate(requests, 1):
        for shows in request.brings:
            waiting.setdefault(shows, []).append(number)
    for number, key in enumerate(keyset, 1):
        problem = problems.get(key.kid)
        shows = shown(key)
        place = None if problem else waiting[shows].pop(0)
        yield ProvisionedKey(key.kid, name_of(key.kid, number), shows, place, problem)


def _schedule(keys: Sequence[TrustFrameworkKey]) -> Iterator[ActiveStretch]:
    for stretch in stretches(keys):
        key = None if stretch.key is None else keys[stretch.key]
        yield ActiveStretch(
            stretch.start,
            None if stretch.end == FOREVER else stretch.end,
            None if key is None else key.kid,
            None if key is None else shown(key),
        )


def _notes(
    keyset: TrustFrameworkKeySet,
    usable: TrustFrameworkKeySet,
    now: int,
    requests: Sequence[GraphRequest],
    *,
    append: bool,
) -> Iterator[str]:
    if any(request.method == "PUT" for request in requests):
        yield (
            f"PUT replaces all keys of {keyset.id} in the tenant: their private parts cannot be "
            "read back, and what they signed or encrypted fails unless the same keys are in this "
            "key set"
        )
    if len(usable) < len(keyset):
        skipped = len(keyset) - len(usable)
        copies = ", but if the tenant has them, they stay enabled there" if append else ""
        yield f"{skipped} of {len(keyset)} keys are left out because they are disabled{copies}"
    public = sum(not key.has_private for key in usable)
    if public and not append:
        yield (
            f"keys without a private part ({public}) are uploaded as certificates: the service can "
            "verify signatures or encrypt with them, but not sign or decrypt"
        )
    yield from _length_notes(keyset)
    certificates = [request for request in requests if request.path.endswith(_CERTIFIED)]
    if certificates and _leaves_use_open(usable):
        yield (
            "a certificate does not say whether its key is for sig or enc, and neither does the "
            "upload: check the use that the service gives it"
        )
    if not append:  # the tenant has other keys, which can fill gaps
        left_out = {key.kid for key in keyset} - {key.kid for key in usable}
        # The whole set, so that findings have the numbers of its keys.
        for finding in check_key_set(keyset.to_jwks(private=True), at=now, private=False):
            if finding.kid not in left_out:
                yield finding.message


def _length_notes(keyset: TrustFrameworkKeySet) -> Iterator[str]:
    for number, key in enumerate(keyset, 1):
        if key.kty == "RSA" and key.has_private and key.status == "enabled":
            problem = length_problem(key.to_jwk(private=True))
            if problem is not None:
                yield f"{name_of(key.kid, number)}: {problem}"


def _leaves_use_open(keyset: TrustFrameworkKeySet) -> bool:
    from trustkeys.formats.certificates import certificates_of
    from trustkeys.formats.key_usage import use_of

    return any(use_of(certificates_of(key)[0]) != key.use for key in keyset if key.x5c)
