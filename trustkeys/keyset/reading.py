"""Reading the keys of a set as far as possible, for the check."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

from trustkeys.core.base64url import base64url_decode, uint_decode
from trustkeys.core.jwk import optional_text, read_jwk, status_of
from trustkeys.core.numericdate import numeric_dates
from trustkeys.core.registry import KeyType
from trustkeys.core.request import checked_use
from trustkeys.core.strict_json import whole
from trustkeys.core.thumbprint import reveals_secret
from trustkeys.core.work import Work
from trustkeys.errors import InvalidInputError, KeyTooSmallError, MissingUseError
from trustkeys.formats.answers import Kind
from trustkeys.keyset.document import key_type_of_service
from trustkeys.keyset.finding import CheckedCertificate, CheckedKey
from trustkeys.keyset.origin import is_generated
from trustkeys.keyset.schedule import FOREVER
from trustkeys.testkeys.guard import is_test_jwk
from trustkeys.wording import shape

__tracebackhide__ = True

T = TypeVar("T")

_OTHER_TYPES = ("EC", "OKP")
"""Types of public keys (RFC 7518, RFC 8037) that others publish, and the service does not."""


def read_checked_key(
    jwk: Any,
    number: int,
    kind: Kind,
    *,
    private: bool,
    work: Work | None,
    hidden: Collection[str] = (),
) -> CheckedKey:
    """Read a key as far as possible, and collect what is wrong with it.

    Args:
        jwk: The key.
        number: Its place in the set, from 1.
        kind: What the document is, as in `trustkeys.formats.answers.KeySets`.
        private: Whether an oct key needs its secret.
        work: What the keys of the document share, or None if the key is known to be sound.
        hidden: The kids that findings must not show.
    """
    if not isinstance(jwk, Mapping):
        problem = InvalidInputError(
            f"it must be a JSON object, not {shape(jwk)}", code="AADB2C95034"
        )
        return CheckedKey(number, problems=(problem,))
    problems: list[InvalidInputError] = []

    def attempt(read: Callable[[], T]) -> T | None:
        try:
            return read()
        except InvalidInputError as error:
            problems.append(error)
        return None

    kid = jwk["kid"] if isinstance(jwk.get("kid"), str) else None
    attempt(lambda: optional_text(jwk, "kid"))
    dates = attempt(lambda: numeric_dates(whole(jwk.get("nbf")), whole(jwk.get("exp"))))
    is_later = kind not in ("jwks", "published") and has_later_status(jwk)
    status = "disabled" if is_later else attempt(lambda: status_of(jwk))
    use = attempt(lambda: _use_of(jwk, is_optional=kind == "published"))
    key_type = attempt(lambda: _key_type_of(jwk, is_any=kind == "published"))
    has_private = True
    facts: dict[str, Any] = {}
    if key_type is not None:
        has_private = any(jwk.get(name) is not None for name in key_type.private)
        # An answer of Graph shows no secrets, so that of an oct key there is nothing to read.
        if private or has_private or not key_type.is_secret:
            read_before = {"kid": None, "use": use or "sig", "nbf": None, "exp": None}
            # A rule of its own reports key_ops.
            rest = {**jwk, **read_before, "status": None, "key_ops": None}
            count = len(problems)
            if work is not None:
                attempt(lambda: read_jwk(rest, prove=False, work=work))
            facts = _facts(jwk, key_type, use, problems[count:])
        # If k is missing, that is a problem already.
        has_private = has_private or key_type.is_secret
    nbf, exp = dates or (None, None)
    return CheckedKey(
        number,
        kid=kid,
        kty=None if key_type is None else key_type.kty,
        use=use,
        nbf=nbf,
        exp=exp,
        # A key with bad dates cannot be active.
        status="disabled" if dates is None or status is None else status,
        has_unknown_status=is_later,
        has_private=has_private,
        is_test_key=is_test_jwk(jwk),
        problems=problems,
        key_ops=jwk.get("key_ops"),
        is_hidden=kid in hidden or _reveals_secret(kid, jwk, facts),
        **facts,
    )


def _facts(
    jwk: Mapping[str, Any],
    key_type: KeyType,
    use: str | None,
    problems: Sequence[InvalidInputError],
) -> dict[str, Any]:
    """Return what a `CheckedKey` tells of the numbers, the secret and the certificate."""
    from hashlib import sha256  # imported lazily: it loads another copy of OpenSSL

    # The numbers of a key that is too small are sound, as far as they are looked at here.
    if not all(isinstance(problem, KeyTooSmallError) for problem in problems):
        return {}
    if key_type.is_secret:
        secret = base64url_decode(jwk["k"])
        return {
            "digest": sha256(b"oct" + secret).digest(),
            "secret_size": 8 * len(secret),
            "is_generated": is_generated(jwk),
        }
    return {
        "digest": sha256(jwk["n"].encode()).digest(),
        "numbers": (uint_decode(jwk["n"]), uint_decode(jwk["e"])),
        "certificate": None if problems else _certificate(jwk.get("x5c"), use),
    }


def _reveals_secret(kid: str | None, jwk: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    """Whether a kid is a hash of a secret from outside, which may lack entropy."""
    is_foreign = facts.get("is_generated") is False
    return is_foreign and kid is not None and reveals_secret(kid, jwk["k"])


def _certificate(x5c: Sequence[str] | None, use: str | None) -> CheckedCertificate | None:
    """Read the first certificate of a chain that has been checked."""
    if not x5c:
        return None
    # Imported lazily: few keys have certificates.
    from trustkeys.core.x5c import read_x5c
    from trustkeys.formats.certificates import MAX_TIME, dates_of
    from trustkeys.formats.key_usage import check_usage

    (certificate,) = read_x5c(x5c[:1])
    problem = None
    try:
        if use is not None:
            check_usage(certificate, use)
    except InvalidInputError as error:
        problem = error.message
    start, end = dates_of(certificate)
    # RFC 5280 section 4.1.2.5: the last second of all says that there is no end.
    return CheckedCertificate(start, FOREVER if end == MAX_TIME else end + 1, problem)


def has_later_status(key: Any) -> bool:
    """Whether a key of an answer has a status that a later version of Graph has added."""
    status = key.get("status") if isinstance(key, Mapping) else None
    return isinstance(status, str) and status not in ("", "enabled", "disabled")


def _use_of(jwk: Mapping[str, Any], *, is_optional: bool) -> str | None:
    if jwk.get("use") is not None:
        return checked_use(jwk["use"])
    if is_optional:
        return None
    raise MissingUseError


def _key_type_of(jwk: Mapping[str, Any], *, is_any: bool) -> KeyType | None:
    kty = jwk.get("kty")
    if kty is None:
        raise InvalidInputError("kty is missing: RSA or oct", code="AADB2C95037", target="kty")
    # Verifiers skip keys of a type that they do not know (RFC 7517 section 5).
    return None if is_any and kty in _OTHER_TYPES else key_type_of_service(kty)
