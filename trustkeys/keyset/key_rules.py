"""The rules about the keys of a set, whatever the time is."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence

from trustkeys.core.extras import problem_of_operations
from trustkeys.errors import KeyTooSmallError
from trustkeys.keyset.finding import CheckedKey, Finding
from trustkeys.keyset.schedule import is_published
from trustkeys.keyset.weak import Moduli
from trustkeys.wording import all_of, counted

__tracebackhide__ = True

MIN_SECRET_SIZE = 256
"""The least size of a secret in bits (RFC 7518 section 3.2, for HS256)."""

MIN_EXPONENT = 65_537
"""The least public exponent of an RSA key (FIPS 186-5 section 5.4)."""

_WORDS = {"sig": "signing", "enc": "encrypt"}
"""What the id of a key set says about the `use` of its keys."""

Places = Mapping[bytes, Mapping[int, tuple[str, CheckedKey]]]
"""By digest, the sets that have a key: the index of each, its name, and the first such key."""


def broken(key: CheckedKey) -> Iterator[Finding]:
    """Find what the service refuses, and keys that are not secret."""
    for problem in key.problems:
        message = f"is refused: {problem.message}"
        if isinstance(problem, KeyTooSmallError):
            yield key.warning("WeakKey", f"{message}; replace it with a longer key")
        else:
            yield key.error(problem.code, message)
    if key.has_unknown_status:
        yield key.warning(
            "UnknownStatus",
            "has a status that this version of trustkeys does not know, and does not count as "
            "enabled: look it up in Graph's documentation",
        )
    if key.is_test_key:
        yield key.error(
            "TestKey", "is a test key, whose private part is public: replace it with a new key"
        )


def weak(key: CheckedKey, moduli: Moduli, now: int) -> Iterator[Finding]:
    """Find short secrets, and RSA numbers that are known to be weak."""
    if key.secret_size is not None and (problem := short_secret(key.secret_size)):
        yield key.warning("WeakKey", problem)
    if key.numbers is None:
        return
    n, e = key.numbers
    weakness = moduli.weakness(n, slow=not key.has_private and is_published(key, now))
    if weakness is not None:
        yield key.error(
            "BrokenKey",
            f"is not secure: its modulus {weakness}, so that others can compute its private part; "
            "replace it with a new key, and disable it",
        )
    if e < MIN_EXPONENT:
        yield key.warning(
            "WeakKey",
            f"has the public exponent {e}, which is below {MIN_EXPONENT} (FIPS 186-5 section "
            "5.4): replace it with a new key",
        )


def short_secret(size: int) -> str | None:
    """Say that a secret of `size` bits is too short, or return None.

    Returns:
        The end of a sentence that begins "the key".
    """
    if size >= MIN_SECRET_SIZE:
        return None
    return (
        f"has a secret of {size} bits, and HS256 needs at least {MIN_SECRET_SIZE} (RFC 7518 "
        "section 3.2): generate a longer one, or ask its issuer for one"
    )


def operations(key: CheckedKey) -> Iterator[Finding]:
    """Find `key_ops` that RFC 7517 section 4.3 does not allow."""
    problem = problem_of_operations(key.key_ops, key.use)
    if problem is not None:
        message = f"{problem}: leave key_ops out (RFC 7517 section 4.3)"
        yield key.warning("InvalidKeyOps", message)


def certificate_use(key: CheckedKey) -> Iterator[Finding]:
    """Find certificates whose key usage does not fit the `use`."""
    if key.certificate is not None and key.certificate.problem is not None:
        yield key.warning(
            "CertificateUse",
            f"has a certificate for something else: {key.certificate.problem}; attach another one",
        )


def mixed(name: str, code: str, values: Collection[str | None]) -> Iterator[Finding]:
    """Find keys that differ in a member that all keys of a set have in common."""
    different = sorted(value for value in values if value is not None)
    if len(different) > 1:
        yield Finding(
            "error",
            code,
            f"the keys differ in {name} ({', '.join(different)}): use a key set for each",
        )


def unexpected_use(keys: Sequence[CheckedKey], name: object) -> Iterator[Finding]:
    """Find a set for one `use` whose id speaks of the other."""
    uses = {key.use for key in keys if key.use is not None}
    text = name.lower() if isinstance(name, str) else ""
    said = [use for use, word in _WORDS.items() if word in text]
    if len(uses) == len(said) == 1 and uses != {*said}:
        yield Finding(
            "warning",
            "UnexpectedUse",
            f"the id of the key set speaks of {'signing' if said == ['sig'] else 'encryption'}, "
            f"but its keys have use {uses.pop()}: add them to another key set",
        )


def duplicates(keys: Sequence[CheckedKey]) -> Iterator[Finding]:
    """Find keys with the same `kid`, and kids for the same key."""
    for same in _grouped((key.kid, key) for key in keys if key.kid):
        *others, last = same
        numbers = [*(str(key.number) for key in others), last.place]
        message = f"keys {all_of(numbers)} have the same kid: give each its own"
        yield Finding("error", "DuplicateKid", message, same[0].shown_kid, same[0].number)
    for same in _grouped((key.digest, key) for key in keys if key.digest):
        if len({key.kid or key.number for key in same}) > 1:
            message = (
                f"keys {all_of([key.place for key in same])} are the same key, so that one stays "
                "in use if another is disabled: replace all but one"
            )
            yield Finding("warning", "SharedKey", message, same[0].shown_kid, same[0].number)


def shared(keys: Sequence[CheckedKey], index: int, places: Places) -> Iterator[Finding]:
    """Find keys that other sets of the document have, too.

    Args:
        keys: The keys of one set.
        index: The index of that set.
        places: Where the keys of all sets are.
    """
    for key in keys:
        found = places.get(key.digest or b"", {})
        if len(found) > 1 and found[index][1] is key:
            # One of the first two is another set.
            other = next(each for each in found if each != index)
            name, there = found[other]
            more = f" and in {counted(len(found) - 2, 'other key set')}" if len(found) > 2 else ""
            yield key.warning(
                "SharedKey",
                f"is also {there.name} of {name}{more}, and stays in use there if it is disabled "
                "here: give each key set keys of its own",
            )


def _grouped(keys: Iterable[tuple[Hashable, CheckedKey]]) -> Iterator[list[CheckedKey]]:
    """Return the keys that have something in common, in order, without those alone."""
    groups: dict[Hashable, list[CheckedKey]] = {}
    for common, key in keys:
        groups.setdefault(common, []).append(key)
    return (group for group in groups.values() if len(group) > 1)
