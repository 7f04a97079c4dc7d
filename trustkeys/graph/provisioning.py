"""How a key set gets into a tenant: which requests to send, and which key is active afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Literal

from attrs import frozen

from trustkeys.core.key import BETA, CLOUDS, TrustFrameworkKey
from trustkeys.core.numericdate import NumericDateInput
from trustkeys.errors import InvalidInputError, KeyNotFoundError
from trustkeys.graph.requests import GraphRequest, creation, identity, replacement, uploads
from trustkeys.keyset.keyset import TrustFrameworkKeySet
from trustkeys.keyset.schedule import FOREVER, moment, stretches
from trustkeys.testkeys.guard import refuse_test_keys
from trustkeys.wording import shape

__tracebackhide__ = True


@frozen
class ActiveStretch:
    """A stretch of time, and what getActiveKey answers in it.

    Attributes:
        start: Its first second, since 1970.
        end: The first second after it, since 1970, or None if it has no end.
        kid: The `kid` of the active key in this key set (in the tenant it may have another one),
            or None if no key is active.
        shows: What identifies the active key: the `n` of an RSA key; the `use`, `nbf` and `exp`
            of an oct key as a JSON array, which another key can share. None if no key is active.
    """

    start: int
    end: int | None
    kid: str | None
    shows: str | None


@frozen
class Provisioning:
    """The requests that bring a key set into a tenant, and what to expect afterwards.

    Attributes:
        keyset_id: The id of the key set, with its prefix ``B2C_1A_``.
        kty: The key type of its keys, ``"RSA"`` or ``"oct"``.
        base_url: The base URL of Microsoft Graph, without a slash at the end.
        requests: The requests in their order. Send each one after the previous one succeeded.
        schedule: What getActiveKey answers once all keys are in the tenant. The stretches cover
            all of time without a gap.
        notes: Warnings to read before sending, one sentence each.
    """

    keyset_id: str
    kty: str
    base_url: str
    requests: tuple[GraphRequest, ...]
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
    by: Literal["create", "action"] = "create",
    replace: bool = False,
    skip_disabled: bool = False,
    at: NumericDateInput = None,
) -> Provisioning:
    """Return the requests that bring a key set into a tenant.

    With ``by="create"``, a single request carries all keys as private JWKs. With ``by="action"``,
    one request creates an empty set, and each key is uploaded by the action for its kind:
    uploadSecret for an oct key that is text, uploadPkcs12 for an RSA key with a certificate. The
    keys are uploaded in an order in which the active key is right from the first upload on.

    No request carries a `kid` (the service refuses it with ``AADB2C95059``), a `status` or an
    ``@odata.type``.

    Args:
        keyset: The key set.
        base_url: One of the base URLs in `CLOUDS`.
        by: ``"create"`` or ``"action"``.
        replace: Replace all keys of an existing key set (PUT). They are lost. Only with
            ``by="create"``.
        skip_disabled: Leave disabled keys out. Without it they are an error, since an uploaded
            key cannot be marked as disabled.
        at: The time that counts as now: whole seconds since 1970, or an aware datetime.

    Raises:
        InvalidInputError: ``AADB2C90085``: a key has no private part. ``AADB2C95034``: a
            certificate does not belong to its key or its use. ``BadRequest``: the key set is
            empty, has disabled keys, a test key or no active key; `base_url` or `by` is unknown;
            `replace` is given with ``by="action"``; or the action cannot carry a key unchanged.
    """
    if not isinstance(keyset, TrustFrameworkKeySet):
        raise InvalidInputError(
            f"keyset must be a TrustFrameworkKeySet, not {shape(keyset)}", target="keyset"
        )
    base_url = _checked_base_url(base_url)
    if by not in ("create", "action"):
        raise InvalidInputError(f'by must be "create" or "action", not {shape(by)}', target="by")
    if replace and by == "action":
        raise InvalidInputError(
            "an action adds a key and replaces none: replace by create", target="replace"
        )
    refuse_test_keys(keyset)
    now = moment(at)
    usable = _usable(keyset, skip_disabled=skip_disabled)
    active = _active_key(usable, now)
    if by == "action":
        requests = [*uploads(usable, active)]
    else:
        requests = [replacement(usable) if replace else creation(usable)]
    return Provisioning(
        keyset_id=keyset.id,
        kty=active.kty,
        base_url=base_url,
        requests=tuple(requests),
        schedule=tuple(_schedule([*usable])),
        notes=tuple(_notes(keyset, usable, now, replace=replace, by=by)),
    )


def _checked_base_url(base_url: object) -> str:
    if isinstance(base_url, str) and base_url.removesuffix("/") in CLOUDS.values():
        return base_url.removesuffix("/")
    raise InvalidInputError(
        f"base_url must be one of {', '.join(CLOUDS.values())}, since private keys are sent "
        f"there, not {shape(base_url)}",
        target="base_url",
    )


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
    public = sum(not key.has_private for key in usable)
    if public:
        raise InvalidInputError(
            f"{keyset.id} has keys without a private part ({public}), which breaks sign-in: "
            "use a key set with the private parts of all its keys",
            code="AADB2C90085",
            target="keyset",
        )
    return usable


def _active_key(keyset: TrustFrameworkKeySet, now: int) -> TrustFrameworkKey:
    try:
        return keyset.get_active_key(now)
    except KeyNotFoundError as error:
        problem = error.message
    raise InvalidInputError(
        f"{problem}: sign-in would fail, so add a key that is valid now", target="keyset"
    )


def _schedule(keys: Sequence[TrustFrameworkKey]) -> Iterator[ActiveStretch]:
    for stretch in stretches(keys):
        key = None if stretch.key is None else keys[stretch.key]
        yield ActiveStretch(
            stretch.start,
            None if stretch.end == FOREVER else stretch.end,
            None if key is None else key.kid,
            None if key is None else _shown(key),
        )


def _shown(key: TrustFrameworkKey) -> str:
    if key.kty == "RSA":
        return identity(key)
    return json.dumps([key.use, key.nbf, key.exp], separators=(",", ":"))


def _notes(
    keyset: TrustFrameworkKeySet,
    usable: TrustFrameworkKeySet,
    now: int,
    *,
    replace: bool,
    by: str,
) -> Iterator[str]:
    if replace:
        yield (
            f"PUT replaces all keys of {keyset.id} in the tenant: their private parts cannot be "
            "read back, and what they signed or encrypted fails unless the same keys are in this "
            "key set"
        )
    if len(usable) < len(keyset):
        skipped = len(keyset) - len(usable)
        yield f"{skipped} of {len(keyset)} keys are left out because they are disabled"
    if by == "action" and usable.kty == "RSA" and _leaves_use_open(usable):
        yield (
            "a certificate does not say whether its key is for sig or enc, and neither does a "
            "PFX: check the use that the service gives it"
        )
    for finding in usable.check(now):
        yield finding.message


def _leaves_use_open(keyset: TrustFrameworkKeySet) -> bool:
    from trustkeys.formats.certificates import certificates_of
    from trustkeys.formats.key_usage import use_of

    return any(use_of(certificates_of(key)[0]) != key.use for key in keyset)
