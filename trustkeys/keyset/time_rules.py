"""The rules about the times of a key set: its gaps, dates and certificates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trustkeys.core.numericdate import date_text, likely_mistake
from trustkeys.keyset.finding import CheckedCertificate, CheckedKey, Finding
from trustkeys.keyset.schedule import FOREVER, Stretch, end_of, start_of

__tracebackhide__ = True

SERVICE_NOTICE = 10_800
"""How long the service can take to notice a new key, in seconds (IEFPolicies issue 63)."""

EXPIRY_NOTICE = 30 * 86_400
"""How long before its end a key counts as expiring soon, in seconds."""

TOKEN_LIFETIME = 90 * 86_400
"""The longest life of a refresh token, in seconds. Its key must be able to decrypt it."""


def has_safety_net(keys: Sequence[CheckedKey]) -> bool:
    """Whether an enabled key has no dates."""
    return any(key.nbf is key.exp is None and key.status == "enabled" for key in keys)


def gaps(line: Sequence[Stretch], now: int, horizon: int | None) -> Iterator[Finding]:
    """Find stretches without an active key, before a time or the end of the last key."""
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


def expiring(keys: Sequence[CheckedKey], line: Sequence[Stretch], now: int) -> Iterator[Finding]:
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


def starting(keys: Sequence[CheckedKey], now: int) -> Iterator[Finding]:
    """Find keys that start too soon for the service to notice them in time."""
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


def outlived(keys: Sequence[CheckedKey], line: Sequence[Stretch], now: int) -> Iterator[Finding]:
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


def safety_net(keys: Sequence[CheckedKey], line: Sequence[Stretch]) -> Iterator[Finding]:
    """Find sets without a safety net, in which no key is active for ever either.

    A random key is no net for secrets that others issued.
    """
    if keys and not has_safety_net(keys) and line[-1].key is None:
        advice = (
            "add a key without dates, which takes over when all others expire"
            if all(key.kty != "oct" or key.is_generated for key in keys)
            else "leave exp out of the last secret, or add its issuer's secret without dates"
        )
        message = f"the set has no safety net: {advice}"
        yield Finding("warning", "NoSafetyNet", message)


def unlikely(keys: Sequence[CheckedKey], now: int) -> Iterator[Finding]:
    """Find dates that were surely meant as something else."""
    for key in keys:
        mistake = likely_mistake(key.nbf, key.exp, now)
        if mistake is not None:
            yield key.warning("UnlikelyDate", f"has a date that is likely a mistake: {mistake}")


def certificates(keys: Sequence[CheckedKey], now: int) -> Iterator[Finding]:
    """Find certificates that are not valid at a time, still to come, at which their key is."""
    for key in keys:
        certificate = key.certificate
        if certificate is not None and key.status == "enabled" and now < end_of(key):
            yield from _certificate(key, certificate, now)


def _certificate(key: CheckedKey, certificate: CheckedCertificate, now: int) -> Iterator[Finding]:
    advice = "attach one that covers the key's dates"
    last = date_text(certificate.end - 1)  # as the certificate has it
    if certificate.end <= now:
        yield key.warning(
            "CertificateExpired",
            f"has a certificate that expired at {last}: {advice}",
            certificate.end,
        )
    elif certificate.end < end_of(key):
        ends = "has no exp" if key.exp is None else f"expires at {date_text(key.exp)}"
        yield key.warning(
            "CertificateEndsEarly",
            f"has a certificate that expires at {last}, but the key {ends}: {advice}",
            certificate.end,
        )
    if max(start_of(key), now) < certificate.start:
        starts = "has no nbf" if key.nbf is None else f"starts at {date_text(key.nbf)}"
        yield key.warning(
            "CertificateStartsLate",
            f"has a certificate that starts at {date_text(certificate.start)}, but the key "
            f"{starts}: {advice}",
            certificate.start,
        )
