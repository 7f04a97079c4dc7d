"""The HTTP requests that bring a key set into a tenant, as values: nothing is sent here."""

from __future__ import annotations

import copy
import json
from binascii import b2a_base64
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Literal

from attrs import field, frozen

from trustkeys.core.base64url import base64url_decode
from trustkeys.core.key import BETA, TrustFrameworkKey
from trustkeys.core.numericdate import NumericDateInput, date_text
from trustkeys.core.private import Private
from trustkeys.errors import InvalidInputError, KeyNotFoundError, prefix_errors
from trustkeys.keyset.document import PREFIX
from trustkeys.keyset.keyset import TrustFrameworkKeySet
from trustkeys.keyset.schedule import FOREVER, moment, stretches
from trustkeys.keyset.wording import name_of
from trustkeys.testkeys.guard import refuse_test_keys
from trustkeys.wording import shape

__all__ = ["CLOUDS", "ActiveStretch", "GraphRequest", "Provisioning", "provision"]

__tracebackhide__ = True

CLOUDS = {
    "global": BETA,
    "usgov": "https://graph.microsoft.us/beta",
    "dod": "https://dod-graph.microsoft.us/beta",
    "china": "https://microsoftgraph.chinacloudapi.cn/beta",
}
"""The API's root in each of the four clouds. Private keys are sent to no others."""

_KEY_SETS = "/trustFramework/keySets"

_JSON = (("Content-Type", "application/json"),)


@frozen
class GraphRequest:
    """One request, whose body holds private keys and does not show itself.

    Attributes:
        method: ``"POST"``, or ``"PUT"`` where replacing was asked for.
        path: What follows the API's root: ``/trustFramework/keySets``.
        headers: Names and values.
        brings: How each key in it is recognised among those that are there: the `n` of an RSA
            key, the `use` of an oct key, of which Graph shows nothing that others have not.
    """

    method: Literal["POST", "PUT"]
    path: str
    headers: tuple[tuple[str, str], ...]
    brings: tuple[str, ...]
    _body: Private[dict[str, Any]] = field(hash=False)

    def private_body(self) -> dict[str, Any]:
        """Give the body in the open, private keys and passphrases included."""
        return copy.deepcopy(self._body.reveal())


@frozen
class ActiveStretch:
    """What getActiveKey has to answer for a stretch of time.

    Attributes:
        start: Its first second, since 1970.
        end: The first second after it, or None where it does not end.
        kid: The active key's `kid` here (there it may have another), or None in a gap.
        shows: The `n` of an RSA key; of an oct key its `use`, `nbf` and `exp` as JSON, which do
            not prove that it is that key. None in a gap.
    """

    start: int
    end: int | None
    kid: str | None
    shows: str | None


@frozen
class Provisioning:
    """All that brings a key set into a tenant.

    Attributes:
        keyset_id: The set's id, with its prefix.
        kty: Of which `kty` its keys are.
        base_url: The API's root, without a slash at its end.
        requests: What to send, in this order, each when the one before was answered well.
        schedule: What getActiveKey has to answer from then on: all of time, without a hole.
        notes: What a person should know first, a sentence each.
    """

    keyset_id: str
    kty: str
    base_url: str
    requests: tuple[GraphRequest, ...]
    schedule: tuple[ActiveStretch, ...]
    notes: tuple[str, ...]

    @property
    def replaces(self) -> bool:
        """Whether keys that are there are lost."""
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
    """Give the requests that bring a key set into a tenant.

    By ``"create"`` it is a single one, with all keys as private JWKs. By ``"action"`` the set is
    made empty, and each key is uploaded by the action for its kind: uploadSecret for an oct key
    that is text, uploadPkcs12 for an RSA key with a certificate. There the keys with the `nbf`
    of the active key come first and all others after them, each in their order, so that the
    right key is active all along. No request carries a `kid` (``AADB2C95059``), a `status` or an
    ``@odata.type``.

    Args:
        keyset: The set.
        base_url: The API's root in one of the four `CLOUDS`.
        by: ``"create"`` or ``"action"``.
        replace: Put these keys in the place of all that are in the set there (PUT). Only by
            ``"create"``.
        skip_disabled: Leave disabled keys out: an upload cannot say that a key is disabled.
        at: What counts as now: whole seconds since 1970, or an aware datetime.

    Raises:
        InvalidInputError: ``AADB2C90085`` a key has no private part; ``AADB2C95034`` a
            certificate does not fit its key; ``BadRequest`` the set is empty, has disabled keys
            or no active one now, `base_url` or `by` is another, `replace` is not by
            ``"create"``, or a key is none that an action takes as it is, or is a test key.
    """
    if not isinstance(keyset, TrustFrameworkKeySet):
        raise InvalidInputError(
            f"a key set must be a TrustFrameworkKeySet, not {shape(keyset)}", target="keyset"
        )
    root = _checked_base_url(base_url)
    if by not in ("create", "action"):
        raise InvalidInputError(f'by must be "create" or "action", not {shape(by)}', target="by")
    if replace and by != "create":
        raise InvalidInputError(
            "an action adds a key and replaces none: replace by create", target="replace"
        )
    refuse_test_keys(keyset)
    now = moment(at)
    usable, skipped = _usable(keyset, skip_disabled=skip_disabled)
    active = _checked_active(usable, now)
    if by == "action":
        keys = [*enumerate(usable, 1)]
        keys.sort(key=lambda numbered: numbered[1].nbf != active.nbf)  # the others stay in order
        requests = tuple(_actions(keyset.id, keys))
    else:
        requests = (_creation(usable, replace=replace),)
    return Provisioning(
        keyset.id,
        active.kty,
        root,
        requests,
        tuple(_schedule(list(usable))),
        tuple(_notes(usable, skipped, now, replace=replace, by=by)),
    )


def _checked_base_url(base_url: object) -> str:
    if isinstance(base_url, str) and base_url.removesuffix("/") in CLOUDS.values():
        return base_url.removesuffix("/")
    raise InvalidInputError(
        f"base_url must be one of {', '.join(CLOUDS.values())}, since private keys are sent "
        f"there, not {shape(base_url)}",
        target="base_url",
    )


def _usable(
    keyset: TrustFrameworkKeySet, *, skip_disabled: bool
) -> tuple[TrustFrameworkKeySet, list[str]]:
    """Give the keys that an upload can carry as they are, and the kid of each that is left out."""
    disabled = [key.kid for key in keyset if key.status != "enabled"]
    if disabled and not skip_disabled:
        raise InvalidInputError(
            f"{keyset.id} has disabled keys ({len(disabled)}), and an upload would bring them "
            "enabled: enable them, or leave them out (skip_disabled, --skip-disabled)",
            target="keyset",
        )
    usable = TrustFrameworkKeySet(keyset.id, (key for key in keyset if key.status == "enabled"))
    if not len(usable):
        raise InvalidInputError(
            f"{keyset.id} has no key to bring: add one first, or enable one", target="keyset"
        )
    public = [key.kid for key in usable if not key.has_private]
    if public:
        raise InvalidInputError(
            f"{keyset.id} has keys without a private part ({len(public)}), which breaks sign-in: "
            "bring a set that has the private parts of all its keys",
            code="AADB2C90085",
            target="keyset",
        )
    return usable, disabled


def _checked_active(keyset: TrustFrameworkKeySet, now: int) -> TrustFrameworkKey:
    problem = ""
    try:
        return keyset.get_active_key(now)
    except KeyNotFoundError as error:
        problem = error.message
    raise InvalidInputError(
        f"{problem}: sign-in would fail, so add a key that is valid now", target="keyset"
    )


def _creation(keyset: TrustFrameworkKeySet, *, replace: bool) -> GraphRequest:
    """Give the request that carries all keys."""
    for number, key in enumerate(keyset, 1):
        with prefix_errors(name_of(key.kid, number)):
            _check_certificate(key)
    brings = [_recognised_by(key) for key in keyset]
    jwks = [_upload_jwk(key) for key in keyset]
    if replace:
        return _request("PUT", f"{_KEY_SETS}/{keyset.id}", {"keys": jwks}, brings)
    return _request("POST", _KEY_SETS, {"id": _name(keyset.id), "keys": jwks}, brings)


def _actions(
    keyset_id: str, keys: Iterable[tuple[int, TrustFrameworkKey]]
) -> Iterator[GraphRequest]:
    """Give the requests that carry one key each, after the one that makes the set."""
    yield _request("POST", _KEY_SETS, {"id": _name(keyset_id)}, ())
    for number, key in keys:
        with prefix_errors(name_of(key.kid, number)):
            action, body = _pkcs12_upload(key) if key.kty == "RSA" else _secret_upload(key)
        yield _request("POST", f"{_KEY_SETS}/{keyset_id}/{action}", body, [_recognised_by(key)])


def _request(
    method: Literal["POST", "PUT"], path: str, body: dict[str, Any], brings: Iterable[str]
) -> GraphRequest:
    return GraphRequest(method, path, _JSON, tuple(brings), Private(body))


def _name(keyset_id: str) -> str:
    return keyset_id[len(PREFIX) :]


def _recognised_by(key: TrustFrameworkKey) -> str:
    return str(key.to_jwk()["n"]) if key.kty == "RSA" else key.use


def _upload_jwk(key: TrustFrameworkKey) -> dict[str, Any]:
    jwk = key.to_jwk(private=True)
    del jwk["kid"]
    return jwk


def _dates(key: TrustFrameworkKey) -> dict[str, int]:
    dates = {"nbf": key.nbf, "exp": key.exp}
    return {name: date for name, date in dates.items() if date is not None}


def _secret_upload(key: TrustFrameworkKey) -> tuple[str, dict[str, Any]]:
    data = base64url_decode(key.to_jwk(private=True)["k"])
    text = ""
    with suppress(UnicodeDecodeError):  # it holds the secret
        text = data.decode()
    if not text.isprintable() or not text:
        raise InvalidInputError(
            "it is no printable text, and uploadSecret takes nothing else: provision by create",
            target="by",
        )
    return "uploadSecret", {"use": key.use, "k": text, **_dates(key)}


def _pkcs12_upload(key: TrustFrameworkKey) -> tuple[str, dict[str, Any]]:
    if not key.x5c:
        raise InvalidInputError(
            "it has no certificate, and uploadPkcs12 needs one: provision by create, or give the "
            "key a certificate",
            target="by",
        )
    _check_certificate(key)
    # Only where they are used, since these take as long to import as all the rest.
    from trustkeys.formats.certificates import certificates_of, dates_of
    from trustkeys.formats.pkcs12 import to_pkcs12_b2c

    start, end = dates_of(certificates_of(key)[0])
    if (key.nbf, key.exp) != (start, end):
        raise InvalidInputError(
            f"it has other dates than its certificate ({date_text(start)} to {date_text(end)}), "
            "and a PFX carries those alone: provision by create",
            target="by",
        )
    exported = to_pkcs12_b2c(key)
    data = b2a_base64(exported.data, newline=False).decode()
    return "uploadPkcs12", {"key": data, "password": exported.password}


def _check_certificate(key: TrustFrameworkKey) -> None:
    if key.x5c:
        from trustkeys.formats.certificates import certificates_of, with_certificates

        with_certificates(key, certificates_of(key))


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
        return _recognised_by(key)
    return json.dumps([key.use, key.nbf, key.exp], separators=(",", ":"))


def _notes(
    keyset: TrustFrameworkKeySet, skipped: Sequence[str], now: int, *, replace: bool, by: str
) -> Iterator[str]:
    if replace:
        yield (
            f"PUT replaces all keys that are in {keyset.id} there: their private parts cannot be "
            "read back, and what they signed or encrypted fails unless the same keys are in this "
            "set"
        )
    if skipped:
        total = len(skipped) + len(keyset)
        yield f"{len(skipped)} of {total} keys are left out, since disabled"
    if by == "action" and keyset.kty == "RSA" and _no_use(keyset):
        yield (
            "a certificate does not say whether its key is for sig or enc, and neither does a "
            "PFX: look at the use that the service gives it"
        )
    for finding in keyset.check(now):
        yield finding.message


def _no_use(keyset: TrustFrameworkKeySet) -> bool:
    from trustkeys.formats.certificates import certificates_of, use_of

    return any(use_of(certificates_of(key)[0]) != key.use for key in keyset)
