"""The chain of a key, sorted out of certificates in any order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from attrs import frozen
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import BasicConstraints, Certificate, Name

from trustkeys.core.guarded import attempt
from trustkeys.core.numericdate import date_text
from trustkeys.core.work import SignatureChecks
from trustkeys.core.x5c import MAX_CHAIN, belongs_to, is_issued_by
from trustkeys.errors import InvalidInputError
from trustkeys.wording import all_of, counted

__tracebackhide__ = True

MAX_CERTIFICATES = 1000
"""The most certificates in a file. A list of all public authorities has 150."""

_LISTED = 3


@frozen
class Chain:
    """A key's own certificate and its issuers', in order.

    Attributes:
        remarks: What was left out, in sentences for a person.
    """

    certificates: tuple[Certificate, ...]
    remarks: tuple[str, ...] = ()


def in_order(
    certificates: Iterable[Certificate], key: RSAPublicKey, *, own: Certificate | None = None
) -> Chain:
    """Sort the certificates of a key and its issuers, and leave out those that it does not need.

    Of several certificates for the key it takes one that an authority issued, and of these the one
    that is valid for longest. Of several for an issuer it takes a self-signed one, which ends the
    chain, else likewise.

    Args:
        certificates: In any order, with others among them.
        key: The public half of the key.
        own: The key's own certificate, if it is known which one of several it is.

    Raises:
        InvalidInputError: There is none for the key, there are too many, or their signatures cost
            too much. Code ``AADB2C95034``.
    """
    found = [*dict.fromkeys(certificates)]
    if len(found) > MAX_CERTIFICATES:
        raise bad_chain(
            f"there are {len(found)} certificates, and at most {MAX_CERTIFICATES} are read"
        )
    of_key = [certificate for certificate in found if belongs_to(certificate, key)]
    if not of_key:
        raise bad_chain("none of the certificates is for this key")
    if own is None:
        own = max(of_key, key=lambda each: (not _names_itself(each), valid_until(each)))
    chain = _with_issuers(own, [each for each in found if each not in of_key])
    if len(chain) > MAX_CHAIN:
        raise bad_chain(f"a chain must have at most {MAX_CHAIN} certificates, not {len(chain)}")
    remarks = []
    if len(of_key) > 1:
        others = counted(len(of_key) - 1, "other certificate")
        date = date_text(valid_until(own))
        remarks.append(f"left out {others} for the same key, and took the one valid until {date}")
    if unneeded := [each for each in found if each not in (*of_key, *chain)]:
        remarks.append(
            f"left out {counted(len(unneeded), 'certificate')} outside the chain of the key: "
            f"{_listed(unneeded)}"
        )
    return Chain(tuple(chain), tuple(remarks))


def leaf_of(certificates: Sequence[Certificate]) -> Certificate:
    """Return the certificate that the others belong to: no authority's, unless there is only that.

    Raises:
        InvalidInputError: There is none, or there are some for different keys. Code
            ``AADB2C95034``.
    """
    issuers = {_issuer(each) for each in certificates if not _names_itself(each)}
    leaves = [each for each in certificates if _subject(each) not in issuers] or certificates
    ends = [each for each in leaves if not _is_authority(each)] or leaves
    keys = {_key_octets(each): each for each in ends}
    if len(keys) > 1:
        raise bad_chain(
            f"the certificates are for {len(keys)} keys: keep one of {_listed([*keys.values()])}, "
            "and its issuers"
        )
    if not ends:
        raise bad_chain("there is no certificate")
    return ends[0]


def bad_chain(message: str) -> InvalidInputError:
    """Return the error for certificates that do not make a chain."""
    return InvalidInputError(message, code="AADB2C95034", target="x5c")


def valid_until(certificate: Certificate) -> int:
    """Return the last second of a certificate since 1970, or 0 if its dates cannot be read."""
    end = attempt(lambda: certificate.not_valid_after_utc)
    return 0 if end is None else max(int(end.timestamp()), 0)


def _with_issuers(own: Certificate, others: Sequence[Certificate]) -> list[Certificate]:
    checks = SignatureChecks()
    named: dict[Name | None, list[Certificate]] = defaultdict(list)
    for each in others:
        subject = _subject(each)
        if subject is not None:
            named[subject].append(each)
    chain = [own]
    while len(chain) <= MAX_CHAIN and not is_issued_by(chain[-1], chain[-1], checks):
        issuers = named.get(_issuer(chain[-1]), [])
        issuers.sort(key=lambda each: (_names_itself(each), valid_until(each)), reverse=True)
        issuer = next((each for each in issuers if is_issued_by(chain[-1], each, checks)), None)
        if issuer is None:
            break
        issuers.remove(issuer)
        chain.append(issuer)
    return chain


def _subject(certificate: Certificate) -> Name | None:
    return attempt(lambda: certificate.subject)


def _issuer(certificate: Certificate) -> Name | None:
    return attempt(lambda: certificate.issuer)


def _names_itself(certificate: Certificate) -> bool:
    return _subject(certificate) == _issuer(certificate)


def _is_authority(certificate: Certificate) -> bool:
    constraints = attempt(lambda: certificate.extensions.get_extension_for_class(BasicConstraints))
    return constraints is not None and constraints.value.ca


def _key_octets(certificate: Certificate) -> bytes | None:
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    return attempt(lambda: certificate.public_key().public_bytes(*form))


def _listed(certificates: Sequence[Certificate]) -> str:
    names = [_shown(each) for each in certificates[:_LISTED]]
    more = len(certificates) - len(names)
    return all_of([*names, f"{more} more"] if more else names)


def _shown(certificate: Certificate) -> str:
    """Return the subject, if a person can read it."""
    subject = _subject(certificate)
    name = None if subject is None else attempt(subject.rfc4514_string)
    if name and len(name) <= 100 and name.isprintable():
        return name
    return "one without a readable name"
